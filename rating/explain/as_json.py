"""An explanation as JSON, for programs."""

from __future__ import annotations

import dataclasses
import json
from fractions import Fraction
from typing import Any

from rating.explain.derive import Explanation
from rating.zone import instant_text

KEPT = ("reason", "seconds", "duration_s", "matches", "steps", "included_s", "billed_s", "amount")
INSTANTS = ("start", "end", "at", "when", "setup_time", "answer_time", "release_time", "alert_time")
BEYOND = 1 << 62
"""Instants beyond this are open ends."""


def as_text(explanation: Explanation) -> str:
    """The derivation as JSON text; amounts are exact, as decimals or fractions in text."""
    record: dict[str, Any] = {
        "call": {
            name: value for name, value in explanation.call.items() if not name.endswith(("_key", "_digits"))
        },
        "trunk": explanation.trunk.id,
        "customer": explanation.customer.id,
        "plan": explanation.plan.name if explanation.plan else None,
        **{name: getattr(explanation, name) for name in KEPT},
        "limits": explanation.limits,
        "agrees": not explanation.differences,
        "differences": [
            {"figure": name, "run": recorded, "recomputed": own}
            for name, recorded, own in explanation.differences
        ],
    }
    return json.dumps(_plain(record), indent=2, ensure_ascii=False) + "\n"


def _plain(value: Any, name: str = "") -> Any:
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {
            field.name: _plain(getattr(value, field.name), field.name) for field in dataclasses.fields(value)
        }
    if isinstance(value, dict):
        return {key: _plain(inner, key) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(inner) for inner in value]
    if isinstance(value, Fraction):
        return str(value)
    if name in INSTANTS and isinstance(value, int):
        return instant_text(value) if 0 < value < BEYOND else None
    return value if isinstance(value, int | float | str | bool) or value is None else str(value)
