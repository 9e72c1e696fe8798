"""The report for programs: JSON, and a table of one row a trunk or site."""

from __future__ import annotations

import csv
import io
import json
from datetime import date, timedelta
from typing import Any

import numpy as np

import rating
from rating.accounts import Accounts
from rating.arrays import NONE
from rating.channels.busy import BusyHour
from rating.channels.gos import Grade
from rating.channels.lines import DIRECTIONS, Line
from rating.channels.quality import Quality
from rating.channels.run import Month, Report
from rating.erlang import MOST
from rating.zone import instant_text

DIGITS = 6
"""Decimals of loads and shares."""

HOUR_COLUMNS = ("hour", "offered_erlangs", "erlang_b", "measured_blocking")


def as_json(report: Report) -> str:
    """The whole report as JSON text; each trunk or site is on a line of its own."""
    head = {
        "trunkrate": rating.__version__,
        "zone": report.zone.name,
        "grades": [grade.text for grade in report.grades],
        "reconciliation": {"rows": report.rows, **dict(sorted(report.counts.items()))},
        "warnings": report.warnings,
        "rejects": report.rejects.by_code(),
    }
    months = []
    for month in report.months:
        about = {"month": month.text, "seen": _days(month), "hours": _hours(month)}
        lines = ",\n".join(_dumps(_line(line, report)) for line in month.lines)
        months.append(f'{_dumps(about)[:-1]}, "lines": [\n{lines}\n]}}')
    return f'{_dumps(head)[:-1]}, "months": [\n' + ",\n".join(months) + "\n]}\n"


def as_csv(report: Report) -> str:
    """One row a month and trunk or site, in order of month, trunk and site."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(_columns(report.grades))
    for month in report.months:
        for line in month.lines:
            writer.writerow(_cells(month, line, report))
    return text.getvalue()


def _dumps(record: dict[str, Any]) -> str:
    return json.dumps(record, ensure_ascii=False)


def _days(month: Month) -> list[str]:
    return [(date(1970, 1, 1) + timedelta(day)).isoformat() for day in month.seen]


def _hours(month: Month) -> list[str]:
    return [instant_text(at) for at in month.hours.edges[:-1].tolist()]


def _names(line: Line, accounts: Accounts) -> dict[str, Any]:
    trunk = accounts.trunks[line.trunk]
    customer = accounts.customers[trunk.customer].id
    return {"trunk_id": trunk.id, "site_id": line.site, "customer_id": customer}


def _line(line: Line, report: Report) -> dict[str, Any]:
    return {
        **_names(line, report.accounts),
        "channels": line.channels,
        "caps": [] if line.channels is None else _caps(line),
        "peak_channels": line.peak,
        "peak_at": _peak_at(line) or None,
        "at_cap_s": line.at_cap_s,
        "above_cap_s": line.above_cap_s,
        "erlang_hours": round(line.erlang_hours, DIGITS),
        "blocked_calls_are_told": line.is_told,
        "calls": {name: _quality(line.quality[name]) for name in DIRECTIONS},
        "busiest_hour": _busy_hour(line.busiest, report.grades),
        "busy_hour": _busy_hour(line.daily, report.grades),
        "occupancy": {
            "erlangs": np.round(line.held, DIGITS).tolist(),
            "peak": line.peaks.tolist(),
            "attempts": line.attempts.tolist(),
            "blocked": line.blocked.tolist(),
        },
        "week": {
            "erlangs": np.round(line.week, DIGITS).tolist(),
            "peak": line.week_peaks.tolist(),
        },
    }


def _caps(line: Line) -> list[dict[str, Any]]:
    return [{"from": instant_text(at), "channels": count} for at, count in line.caps]


def _peak_at(line: Line) -> str:
    return instant_text(line.peak_at if line.peak_at >= 0 else NONE)


def _quality(found: Quality) -> dict[str, Any]:
    return {
        "attempts": found.attempts,
        "answered": found.answered,
        "blocked": found.blocked,
        "refused": found.refused,
        "asr": _rounded(found.asr),
        "asr_of_seizures": _rounded(found.asr_of_seizures),
        "ner": _rounded(found.ner),
        "blocking": _rounded(found.blocking),
        "acd_s": _rounded(found.acd_s),
        "holding_s": _rounded(found.holding_s),
        "pdd_calls": found.delays,
        "pdd_median_ms": found.delay_median_ms,
        "pdd_p95_ms": found.delay_p95_ms,
    }


def _busy_hour(hour: BusyHour | None, grades: tuple[Grade, ...]) -> dict[str, Any] | None:
    """An hour as a record; `channels_for` is null where more are needed than are tried."""
    if hour is None:
        return None
    return {
        "from": instant_text(hour.at),
        "local_hour": hour.clock,
        "days": hour.days,
        "carried_erlangs": _rounded(hour.carried),
        "offered_erlangs": _rounded(hour.offered),
        "attempts": hour.attempts,
        "blocked": hour.blocked,
        "measured_blocking": _rounded(hour.measured),
        "erlang_b": hour.blocking,
        "channels_for": {
            grade.text: _needed(count) for grade, count in zip(grades, hour.needed, strict=True)
        },
    }


def _needed(count: int) -> int | None:
    return count if count <= MOST else None


def _rounded(value: float | None) -> float | None:
    return None if value is None else round(value, DIGITS)


def _columns(grades: tuple[Grade, ...]) -> list[str]:
    of_hours = [
        f"{prefix}_{name}"
        for prefix in ("busiest", "busy")
        for name in (*HOUR_COLUMNS, *(f"channels_for_{grade.text.replace(' ', '')}" for grade in grades))
    ]
    return [
        *("month", "trunk_id", "site_id", "customer_id", "channels", "peak_channels", "peak_at"),
        *("at_cap_s", "above_cap_s", "erlang_hours", *of_hours),
        *(
            "attempts",
            "answered",
            "blocked",
            "refused",
            "asr",
            "asr_of_seizures",
            "ner",
            "acd_s",
            "holding_s",
        ),
        *("pdd_calls", "pdd_median_ms", "pdd_p95_ms", "outbound_attempts", "inbound_attempts"),
    ]


def _cells(month: Month, line: Line, report: Report) -> list[Any]:
    quality = _quality(line.quality["both"])
    outbound, inbound = (line.quality[name].attempts for name in DIRECTIONS[1:])
    counted = ("attempts", "answered", "blocked", "refused", "asr", "asr_of_seizures", "ner", "acd_s")
    return [
        month.text,
        *_names(line, report.accounts).values(),
        line.channels,
        line.peak,
        _peak_at(line),
        line.at_cap_s,
        line.above_cap_s,
        _rounded(line.erlang_hours),
        *_hour_cells(line.busiest, len(report.grades), is_daily=False),
        *_hour_cells(line.daily, len(report.grades), is_daily=True),
        *(quality[name] for name in (*counted, "holding_s", "pdd_calls", "pdd_median_ms", "pdd_p95_ms")),
        outbound,
        inbound,
    ]


def _hour_cells(hour: BusyHour | None, grades: int, is_daily: bool) -> list[Any]:
    if hour is None:
        return [None] * (len(HOUR_COLUMNS) + grades)
    at = f"{hour.clock:02d}:00" if is_daily else instant_text(hour.at)
    figures = [_rounded(hour.offered), _rounded(hour.blocking), _rounded(hour.measured)]
    return [at, *figures, *(_needed(count) for count in hour.needed)]
