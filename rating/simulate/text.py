"""A simulation for a person: a table a trunk, or a line each where there are many."""

from __future__ import annotations

from typing import Any

from rating.simulate.report import Record
from rating.summary import grouped, hours, many, month_name, table

TABLES = 8
"""Trunks and months up to which each has its table."""


def text_of(record: dict[str, Any]) -> str:
    """The record as text."""
    currency, trunks = record["tariffs"]["currency"], record["trunks"]
    if len(trunks) > TABLES:
        return _overview(trunks, currency)
    return "\n\n".join(_trunk(trunk, currency) for trunk in trunks) + "\n"


def _overview(trunks: list[Record], currency: str) -> str:
    rows = [("trunk", "month", "channels", "now", "cheapest", "is", "refused", f"saves {currency}")]
    for trunk in trunks:
        now = trunk["alternatives"][0]
        best = next((line for line in trunk["alternatives"] if line["cheapest"]), None)
        cells = [trunk["trunk_id"], trunk["month"], str(trunk["channels"]), _money(_cost(now))]
        if best is None:
            rows.append((*cells, "", "", "", ""))
            continue
        saved = _minus(_cost(now), _cost(best))
        rows.append((*cells, _money(_cost(best)), _words(best), f"{best['refused_calls']:,}", _money(saved)))
    note = "  --trunk ID shows all alternatives of a trunk, --out and --json those of all"
    return "\n".join([*table(rows, "llrrrlrr"), note]) + "\n"


def _trunk(trunk: Record, currency: str) -> str:
    head = (
        f"{trunk['trunk_id']}, {month_name(trunk['month'])}: {many(trunk['channels'], 'channel')}, "
        f"{many(trunk['calls'], 'call')}"
    )
    if trunk["blocked_calls"]:
        head += f", {trunk['blocked_calls']:,} refused for lack of a channel"
    rows = [("alternative", "recurring", "usage", currency, "findings", "over cap", "would be refused", "")]
    for line in trunk["alternatives"]:
        marks = [
            word
            for name, word in (
                ("cheapest", "cheapest"),
                ("cheapest_without_refusals", "cheapest that refuses none"),
            )
            if line[name]
        ]
        rows.append(
            (
                _words(line),
                _money(line["recurring"]) if line["recurring"] else "no price",
                _money(line["usage"]),
                _money(line["total"]) if line["total"] else "",
                str(len(line["findings"])),
                f"{line['over_cap_calls']:,}",
                f"{line['refused_calls']:,}",
                ", ".join(marks),
            )
        )
    return "\n".join([head, *table(rows, "lrrrrrrl"), *_decisions(trunk, currency)])


def _decisions(trunk: Record, currency: str) -> list[str]:
    """What each mode would come to, for every limit that was crossed."""
    if not trunk["findings"]:
        return []
    rows = [("limit crossed", "", "used", "allowed", "now", "excess", "retroactive", "waive")]
    for finding in trunk["findings"]:
        is_numbers = finding["reason"] == "fair_use_numbers"
        used, allowed = (
            many(finding[name], "number") if is_numbers else hours(finding[name])
            for name in ("measured", "limit")
        )
        amounts = [
            _money(finding["decisions"][mode]["amount"]) for mode in ("excess", "retroactive", "waive")
        ]
        rows.append((finding["reason"], finding["subject"], used, allowed, finding["mode"], *amounts))
    return [f"  what the limits that were crossed cost, {currency}:", *table(rows, "llrrlrrr")]


def _words(line: Record) -> str:
    """An alternative in words; what is as it is goes without saying."""
    parts = [many(line["channels"], "channel")] if line["channels"] is not None else []
    parts += [line[name] for name in ("plan", "mode") if line[name]]
    return ", ".join(parts) or "as it is"


def _cost(line: Record) -> str:
    found: str = line["total"] or line["usage"]
    return found


def _money(text: str) -> str:
    return f"-{grouped(text[1:])}" if text.startswith("-") else grouped(text)


def _minus(one: str, other: str) -> str:
    """Difference of two decimal texts of one number of digits."""
    digits = len(one.partition(".")[2])
    units = int(one.replace(".", "")) - int(other.replace(".", ""))
    whole, fraction = divmod(abs(units), 10**digits)
    return f"{'-' if units < 0 else ''}{whole}.{fraction:0{digits}d}" if digits else str(units)
