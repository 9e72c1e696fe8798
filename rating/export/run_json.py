"""run.json: what was read, how every row was counted, what came out, with what (SPEC 12)."""

from __future__ import annotations

import hashlib
import json
import platform
from importlib.metadata import version
from typing import Any

import rating
from rating.accounts import Accounts
from rating.money import decimal_text
from rating.pipeline import Run
from rating.tariffs.book import TariffBook
from rating.zone import instant_text

LIBRARIES = ("numpy", "pyarrow", "holidays", "tzdata")


def run_record(
    run: Run, book: TariffBook, tariffs: str, accounts: str, accounts_of: Accounts, settings: dict[str, Any]
) -> dict[str, Any]:
    """The record of a run; only `timing` differs between two runs of the same inputs.

    Parameters
    ----------
    tariffs, accounts : as named on the command line
    settings : options that the result depends on, and what was passed over
    """
    total = run.total
    decimals = book.amount_decimals
    reasons = {
        name: {**found, "amount": decimal_text(found["amount"], decimals)}
        for name, found in run.results.by_reason.items()
    }
    return {
        "trunkrate": rating.__version__,
        **settings,
        "tariffs": {
            "book": tariffs,
            "name": book.name,
            "version": book.version,
            "currency": book.currency,
            "timezone": book.zone.name,
            "prices": book.prices,
            "source": book.source,
            "verified_on": book.verified_on,
            "files": {name: hashlib.sha256(data).hexdigest() for name, data in sorted(book.files.items())},
        },
        "accounts": {"file": accounts, "sha256": hashlib.sha256(accounts_of.content).hexdigest()},
        "inputs": [
            {
                "file": entry.name,
                "format": entry.format,
                "sha256": entry.sha256,
                "rows": entry.rows,
                **count,
                "columns": entry.columns,
                "ignored_columns": entry.ignored_columns,
                "hints": entry.hints,
                "warnings": entry.warnings,
            }
            for entry, count in zip(run.files, run.counts, strict=True)
        ],
        "reconciliation": {"rows": run.rows, **total, "balanced": run.rows == sum(total.values())},
        "reasons": reasons,
        "totals": {
            "calls": sum(found["calls"] for found in run.results.by_reason.values()),
            "seconds": sum(found["seconds"] for found in run.results.by_reason.values()),
            "billed_s": sum(found["billed_s"] for found in run.results.by_reason.values()),
            "amount": decimal_text(total_amount(run), decimals),
            "findings": len(run.results.findings),
        },
        "warnings": run.warnings,
        "completeness": completeness(run, accounts_of),
        "rejects": run.rejects.by_code(),
        "proposed_plan_suspensions": run.results.suspensions,
        "measured_at_least": run.results.least,
        "versions": {"python": platform.python_version(), **{name: version(name) for name in LIBRARIES}},
        "timing": run.timing,
    }


def completeness(run: Run, accounts: Accounts) -> dict[str, Any]:
    """What seems to be missing or repeated; never an error."""
    trunks = [trunk.id for trunk in accounts.trunks]
    with_calls = set(run.results.usage["trunk_id"].to_pylist())
    by_digest: dict[str, list[str]] = {}
    for entry in run.files:
        if entry.rows:
            by_digest.setdefault(entry.sha256, []).append(entry.name)
    repeated = [names for names in by_digest.values() if len(names) > 1]
    for entry, count in zip(run.files, run.counts, strict=True):
        if (
            entry.rows
            and count["duplicates"] == entry.rows
            and not any(entry.name in names for names in repeated)
        ):
            repeated.append([entry.name])
    return {
        "silent": [
            {
                "trunk_id": trunks[silence.trunk] if silence.trunk >= 0 else None,
                "from": instant_text(silence.start),
                "to": instant_text(silence.end),
                "expected_calls": silence.expected,
            }
            for silence in run.silences
        ],
        "trunks_without_calls": [name for name in trunks if name not in with_calls],
        "repeated_files": repeated,
    }


def total_amount(run: Run) -> int:
    """Amount of all calls, in units of 10**-amount_decimals."""
    return sum(found["amount"] for found in run.results.by_reason.values())


def dumps(record: dict[str, Any]) -> str:
    """The record as JSON text."""
    return json.dumps(record, indent=2, ensure_ascii=False) + "\n"
