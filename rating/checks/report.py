"""A check as lines for people and as JSON for programs."""

from __future__ import annotations

import json
from collections.abc import Sequence

from rating.checks.check import Check
from rating.checks.warning import counted
from rating.errors import Fault

SHOWN = 5
"""Warnings of one code that are printed unless all are asked for."""


def lines(check: Check, show_all: bool = False) -> list[str]:
    """Errors, then warnings code by code, then the counts."""
    found = [error.told(check.ending) for error in check.errors]
    by_code: dict[str, list[Fault]] = {}
    for warning in check.warnings:
        by_code.setdefault(warning.code, []).append(warning)
    for code, warnings in by_code.items():
        shown = len(warnings) if show_all else SHOWN
        found += [str(warning) for warning in warnings[:shown]]
        if len(warnings) > shown:
            found.append(f"and {len(warnings) - shown} more of {code} (--all shows them)")
    return [*found, _closing(check)]


def _closing(check: Check) -> str:
    errors = counted(len(check.errors), "error")
    if check.errors:
        return f"{check.subject}: {errors}; warnings come when there is none"
    return f"{check.subject}: {errors}, {counted(len(check.warnings), 'warning')}"


def as_json(check: Check) -> str:
    """Everything, as {"errors": [...], "warnings": [...]}."""
    record = {"errors": _records(check.errors), "warnings": _records(check.warnings)}
    return json.dumps(record, ensure_ascii=False, indent=2) + "\n"


def _records(faults: Sequence[Fault]) -> list[dict[str, str | int | None]]:
    return [
        {
            "file": fault.file,
            "line": fault.line or None,
            "field": fault.field,
            "value": fault.value,
            "problem": fault.problem,
            "expected": fault.expected,
            "code": fault.code,
        }
        for fault in faults
    ]
