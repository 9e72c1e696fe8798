"""What a simulation found, as records: for JSON, CSV files, tables and plots alike."""

from __future__ import annotations

from typing import Any

from rating.errors import Endings
from rating.money import decimal_text
from rating.pipeline import Settings
from rating.simulate.alternatives import Alternative
from rating.simulate.engine import Finding, Outcome
from rating.simulate.recurring import recurring_cents
from rating.simulate.run import Simulation
from rating.tariffs.book import TariffBook
from rating.tariffs.plans import MODES
from rating.zone import instant_text, month_text

Record = dict[str, Any]

SIMULATED = Endings(
    "Nothing was simulated.", "Row rejected, the others are simulated.", "No row of this file is simulated."
)


def trunk_records(
    simulation: Simulation, alternatives: list[Alternative], settings: Settings
) -> list[Record]:
    """One record for each trunk and month, with its alternatives and what each finding's modes mean.

    `cheapest` marks the least total, `cheapest_without_refusals` the least of those that refuse no call; of
    equal ones, the first. Where the book has no recurring price for a plan the total is null: if that is so
    for all, the usage amounts are compared, if for some, none is marked.
    """
    found, accounts, book = simulation.simulated, settings.accounts, settings.book
    records = []
    for row, (trunk, month) in enumerate(zip(found.trunk.tolist(), found.month.tolist(), strict=True)):
        entry = accounts.trunks[trunk]
        lines = [
            _alternative(one, outcome, row, recurring_cents(one.applied_to(entry), month, book), book)
            for one, outcome in zip(alternatives, found.outcomes, strict=True)
        ]
        _mark_cheapest(lines)
        records.append(
            {
                "trunk_id": entry.id,
                "customer_id": accounts.customers[entry.customer].id,
                "month": month_text(month),
                "channels": int(found.channels[row]),
                "calls": int(found.calls[row]),
                "blocked_calls": int(found.blocked[row]),
                "alternatives": lines,
                "findings": _findings(simulation, row, book),
            }
        )
    return records


def _alternative(
    alternative: Alternative, outcome: Outcome, row: int, recurring: int | None, book: TariffBook
) -> Record:
    usage = int(outcome.amount[row])
    decimals = max(2, book.amount_decimals)
    total = None
    if recurring is not None:
        units = recurring * 10 ** (decimals - 2) + usage * 10 ** (decimals - book.amount_decimals)
        total = decimal_text(units, decimals)
    return {
        "plan": alternative.plan,
        "mode": alternative.mode,
        "channels": alternative.channels,
        "recurring": None if recurring is None else decimal_text(recurring, 2),
        "usage": decimal_text(usage, book.amount_decimals),
        "total": total,
        "billed_s": int(outcome.billed_s[row]),
        "over_cap_calls": int(outcome.over_cap[row]),
        "refused_calls": int(outcome.refused[row]),
        "findings": [_finding(one, book) for one in outcome.findings.get(row, [])],
        "cheapest": False,
        "cheapest_without_refusals": False,
    }


def _finding(finding: Finding, book: TariffBook) -> Record:
    return {
        "plan": finding.plan,
        "reason": finding.reason,
        "subject": finding.subject,
        "limit": finding.limit,
        "measured": finding.measured,
        "call_id": finding.call_id,
        "at": instant_text(finding.at),
        "mode": finding.mode,
        "amount": decimal_text(finding.amount, book.amount_decimals),
    }


def _findings(simulation: Simulation, row: int, book: TariffBook) -> list[Record]:
    """Findings as it is, each with what every mode of its limit would come to."""
    found = simulation.simulated
    records = []
    for finding in found.outcomes[0].findings.get(row, []):
        record = _finding(finding, book)
        record["decisions"] = {}
        for mode in MODES:
            usage, some = found.decisions[row, finding.reason, mode]
            amount = next((one.amount for one in some if one.key == finding.key), 0)
            record["decisions"][mode] = {
                "amount": decimal_text(amount, book.amount_decimals),
                "usage": decimal_text(usage, book.amount_decimals),
            }
        records.append(record)
    return records


def _mark_cheapest(lines: list[Record]) -> None:
    without = [line["total"] is None for line in lines]
    if any(without) and not all(without):
        return
    key = "usage" if all(without) else "total"
    for name, some in (
        ("cheapest", lines),
        ("cheapest_without_refusals", [line for line in lines if not line["refused_calls"]]),
    ):
        if some:
            min(some, key=lambda line: _units(line[key]))[name] = True


def _units(text: str) -> int:
    """Decimal texts of one number of digits, as they compare."""
    return int(text.replace(".", ""))
