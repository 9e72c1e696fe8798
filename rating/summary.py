"""The summary that a run prints: for a person at month end, on one screen."""

from __future__ import annotations

import calendar
from collections.abc import Sequence
from typing import Any

import pyarrow as pa

from rating.batch import Batch
from rating.export.run_json import total_amount
from rating.money import decimal_text
from rating.reasons import INCLUDED, REASONS
from rating.zone import parse_month

SHOWN = 20


def summary(batch: Batch) -> str:
    """The summary as text."""
    sections = (_head, _reasons, _findings, _channels, _rejects, _missing, _foot)
    parts = [section(batch) for section in sections]
    return "\n\n".join(part for part in parts if part) + "\n"


def _head(batch: Batch) -> str:
    run, book = batch.run, batch.book
    months = [str(month) for month in run.results.usage["month"].unique().to_pylist()]
    title = ", ".join(month_name(month) for month in sorted(months)) or "No month"
    usage = run.results.usage
    trunks = len(usage["trunk_id"].unique())
    customers = len(usage["customer_id"].unique())
    files = f"{run.rows:,} rows from {many(len(run.files), 'file')}"
    return (
        f"{title}: {many(trunks, 'trunk')} of {many(customers, 'customer')}, {files}, tariff {book.version}"
    )


def month_name(month: str) -> str:
    """2026-10 as October 2026."""
    number = parse_month(month)
    return f"{calendar.month_name[number % 12 + 1]} {number // 12}" if number is not None else month


def _reasons(batch: Batch) -> str:
    by_reason, decimals = batch.run.results.by_reason, batch.book.amount_decimals
    tax = "excl. tax" if batch.book.prices == "excluding_tax" else "incl. tax"
    rows = [("reason", "calls", "minutes", "billed min", f"{batch.book.currency} {tax}")]
    for name in (REASONS[INCLUDED], *REASONS[:INCLUDED]):
        found = by_reason[name]
        if found["calls"]:
            rows.append((name, *_figures(found, decimals)))
    total = {key: sum(found[key] for found in by_reason.values()) for key in by_reason[REASONS[0]]}
    rows.append(("all calls", *_figures({**total, "amount": total_amount(batch.run)}, decimals)))
    lines = table(rows, "lrrrr")
    return "\n".join([*lines[:1], *lines[1:-1], "  " + "─" * (len(lines[0]) - 2), lines[-1]])


def _figures(found: dict[str, int], decimals: int) -> tuple[str, str, str, str]:
    billed = minutes(found["billed_s"]) if found["billed_s"] else ""
    amount = grouped(decimal_text(found["amount"], decimals)) if found["billed_s"] else ""
    return f"{found['calls']:,}", minutes(found["seconds"]) if found["seconds"] else "", billed, amount


def minutes(seconds: int) -> str:
    """Seconds as minutes with one decimal, cut."""
    return f"{seconds // 60:,}.{seconds % 60 // 6}"


def grouped(text: str) -> str:
    """Decimal text with its thousands apart."""
    whole, dot, fraction = text.partition(".")
    return f"{int(whole):,}{dot}{fraction}"


def _findings(batch: Batch) -> str:
    found = _rows(batch.run.results.findings)
    if not found:
        return "Fair use: no limit crossed."
    rows = [("trunk", "limit crossed", "", "used", "allowed", "", batch.book.currency)]
    least = {
        (row["trunk_id"], row["month"], row["reason"], row["subject"]) for row in batch.run.results.least
    }
    for row in found[:SHOWN]:
        is_numbers = row["reason"] == "fair_use_numbers"
        used, allowed = (
            many(row[key], "number") if is_numbers else hours(row[key]) for key in ("measured", "limit")
        )
        if (row["trunk_id"], row["month"], row["reason"], row["subject"]) in least:
            used = f"at least {used}"
        rows.append(
            (
                row["trunk_id"],
                row["reason"],
                row["subject"],
                used,
                allowed,
                row["mode"],
                grouped(str(row["amount"])),
            )
        )
    more = [f"  and {len(found) - SHOWN} more: see findings.csv"] if len(found) > SHOWN else []
    suspended = [
        f"  plan suspension proposed: {row['trunk_id']} from {row['from']} (record it in accounts to apply)"
        for row in batch.run.results.suspensions
    ]
    return "\n".join([*table(rows, "lllrrlr"), *more, *suspended])


def _channels(batch: Batch) -> str:
    """Trunks and sites that had too few channels; nothing where all had enough."""
    found = [
        row
        for row in _rows(batch.run.results.occupancy)
        if row["blocked_calls"] or row["over_cap_calls"] or row["above_cap_s"]
    ]
    if not found:
        return ""
    rows = [("trunk", "site", "channels", "most held", "all held", "calls refused", "calls over")]
    for row in found[:SHOWN]:
        full = hours(row["at_cap_s"] + row["above_cap_s"])
        channels = "no cap" if row["channels"] is None else f"{row['channels']:,}"
        peak, blocked, over = (
            f"{row[name]:,}" for name in ("peak_channels", "blocked_calls", "over_cap_calls")
        )
        rows.append((row["trunk_id"], row["site_id"], channels, peak, full, blocked, over))
    more = [f"  and {len(found) - SHOWN} more: see occupancy.csv"] if len(found) > SHOWN else []
    return "\n".join([*table(rows, "llrrrrr"), *more])


def _rows(table: pa.Table) -> list[dict[str, Any]]:
    """Rows without their instants: Python's have no nanoseconds."""
    kept = [field.name for field in table.schema if not pa.types.is_timestamp(field.type)]
    return table.select(kept).to_pylist()


def hours(seconds: int) -> str:
    """Seconds as hours, minutes and seconds.

    Examples
    --------
    >>> hours(7200), hours(19989), hours(59), hours(0)
    ('2 h', '5 h 33 min 9 s', '59 s', '0 s')
    """
    parts = ((seconds // 3600, "h"), (seconds // 60 % 60, "min"), (seconds % 60, "s"))
    return " ".join(f"{count:,} {unit}" for count, unit in parts if count) or "0 s"


def _rejects(batch: Batch) -> str:
    run = batch.run
    lines = [f"  {warning}" for entry in run.files for warning in entry.warnings]
    lines += [f"  {warning}" for warning in run.warnings]
    if run.rejects:
        by_code = ", ".join(f"{code} {count}" for code, count in run.rejects.by_code().items())
        lines.append(f"  {many(len(run.rejects), 'row')} rejected: {by_code}")
        lines += [f"    {_short(reject.message)}" for reject in run.rejects[:SHOWN]]
        if len(run.rejects) > SHOWN:
            lines.append(f"    and {len(run.rejects) - SHOWN} more: see rejects.csv")
    if run.total["unrated"]:
        lines.append(f"  {many(run.total['unrated'], 'call')} without a rate: see unrated.csv")
    lines += [f"  to know: {hint}" for entry in run.files for hint in entry.hints]
    passed = batch.record["skipped_files"]
    if passed:
        more = f" and {len(passed) - SHOWN} more" if len(passed) > SHOWN else ""
        lines.append(f"  passed over in folders: {', '.join(passed[:SHOWN])}{more}")
    return "To look at:\n" + "\n".join(lines) if lines else "Nothing rejected, nothing unrated."


def _missing(batch: Batch) -> str:
    """What seems to be missing, for a person to judge."""
    found = batch.record["completeness"]
    lines = [
        f"  {row['trunk_id'] or 'all trunks'}: no call from {row['from']} to {row['to']}, "
        f"about {row['expected_calls']:,} expected by the other weeks"
        for row in found["silent"][:SHOWN]
    ]
    if len(found["silent"]) > SHOWN:
        lines.append(f"  and {len(found['silent']) - SHOWN} more silent stretches: see run.json")
    if found["trunks_without_calls"]:
        names = found["trunks_without_calls"]
        more = f" and {len(names) - SHOWN} more" if len(names) > SHOWN else ""
        lines.append(f"  no call at all: {', '.join(names[:SHOWN])}{more}")
    lines += [f"  looks repeated: {', '.join(names)}" for names in found["repeated_files"]]
    return "Is anything missing?\n" + "\n".join(lines) if lines else ""


def _short(message: str) -> str:
    """A message without what becomes of the row and without its rule."""
    return message.split("; expected")[0]


def _foot(batch: Batch) -> str:
    run = batch.run
    names = {
        "other_month": "of other months",
        "other_source": "of other sources",
        "not_a_call": "no call legs",
    }
    total = {names.get(name, name): count for name, count in run.total.items() if count}
    counted = " + ".join(f"{count:,} {name}" for name, count in total.items()) or "0"
    counted = counted.replace(" 1 duplicates", " 1 duplicate")
    seconds = run.timing["total"]["seconds"]
    speed = f"{run.rows / seconds:,.0f} rows/s" if seconds else ""
    stages = ", ".join(
        f"{name} {found['seconds']:.2f}"
        for name, found in run.timing.items()
        if found["seconds"] >= 0.005 and name != "total"
    )
    return (
        f"Reconciled: {run.rows:,} rows = {counted}\n"
        f"Written whole to {batch.out} in {seconds:.2f} s, {speed} ({stages})"
    )


def profile(timing: dict[str, dict[str, float]]) -> str:
    """What each stage took, as a table.

    Examples
    --------
    >>> read = {"seconds": 1.5, "rows": 3_000, "bytes": 6_000_000}
    >>> total = {"seconds": 1.25, "rows": 3_000, "bytes": 6_000_000, "peak_memory_bytes": 200_000_000}
    >>> print(profile({"read": read, "price": {"seconds": 0.5, "rows": 2_000}, "total": total}))
      stage  seconds  share   rows  rows/s   MB  MB/s
      read     1.500   75 %  3,000   2,000  6.0   4.0
      price    0.500   25 %  2,000   4,000
      total    1.250         3,000   2,400  6.0   4.8
    Stages that run side by side count each for itself: 2.00 s of them in 1.25 s.
    Peak memory of the process: 200 MB
    <BLANKLINE>
    """
    stages = sum(found["seconds"] for name, found in timing.items() if name != "total")
    rows = [("stage", "seconds", "share", "rows", "rows/s", "MB", "MB/s")]
    for name, found in timing.items():
        seconds, octets = found["seconds"], found.get("bytes")
        share = f"{seconds / stages:.0%}".replace("%", " %") if stages and name != "total" else ""
        per_second = f"{found['rows'] / seconds:,.0f}" if seconds else ""
        size = "" if octets is None else f"{octets / 1e6:,.1f}"
        flow = "" if octets is None or not seconds else f"{octets / 1e6 / seconds:,.1f}"
        rows.append((name, f"{seconds:,.3f}", share, f"{found['rows']:,.0f}", per_second, size, flow))
    total = timing["total"]
    return "\n".join(
        [
            *table(rows, "lrrrrrr"),
            "Stages that run side by side count each for itself: "
            f"{stages:,.2f} s of them in {total['seconds']:,.2f} s.",
            f"Peak memory of the process: {total['peak_memory_bytes'] / 1e6:,.0f} MB\n",
        ]
    )


def many(count: int, word: str) -> str:
    """A number of things."""
    return f"{count:,} {word}{'s' * (count != 1)}"


def table(rows: Sequence[tuple[str, ...]], sides: str) -> list[str]:
    """Columns in line; `sides` : l or r for each."""
    widths = [max(len(row[i]) for row in rows) for i in range(len(sides))]
    return [
        "  "
        + "  ".join(
            cell.ljust(width) if side == "l" else cell.rjust(width)
            for cell, width, side in zip(row, widths, sides, strict=True)
        ).rstrip()
        for row in rows
    ]
