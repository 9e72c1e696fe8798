"""The table for a terminal: one line a trunk or site, the fullest trunk first."""

from __future__ import annotations

from rating.channels.busy import BusyHour
from rating.channels.fullest import by_fullness
from rating.channels.gos import Grade
from rating.channels.hours import Hours
from rating.channels.lines import Line
from rating.channels.run import Month, Report
from rating.channels.words import (
    channels,
    erlangs,
    minutes,
    percent,
    seconds_of,
    seen_text,
    start_text,
)
from rating.errors import quoted
from rating.summary import many, month_name, table

OTHERS = {
    "other_month": "of other months",
    "other_source": "of other sources",
    "other_trunk": "of other trunks",
    "not_a_call": "no call legs",
}


def text(report: Report) -> str:
    """Everything that is printed."""
    parts = [_month(report, month) for month in report.months]
    grades = ", ".join(grade.text for grade in report.grades)
    legend = (
        f"{grades}: channels with which so many calls find none; for the busiest hour of the month, then\n"
        "for the busy hour of working days. Offered: Erlangs carried, and blocked calls times the mean time\n"
        "for which a call holds its channel."
    )
    return "\n\n".join([*parts, legend, rows_text(report)]) + "\n"


def rows_text(report: Report) -> str:
    """How every row was counted."""
    counts = report.counts
    listed = [f"{counts['counted']:,} counted", f"{counts['rejected']:,} rejected"]
    listed += [many(counts["duplicates"], "duplicate")] if counts["duplicates"] else []
    listed += [f"{counts[name]:,} {words}" for name, words in OTHERS.items() if counts[name]]
    return f"{many(report.rows, 'row')} from {many(len(report.files), 'file')} = {' + '.join(listed)}"


def _month(report: Report, month: Month) -> str:
    calls = sum(line.quality["both"].attempts for line in month.lines if line.site is None)
    trunks = many(sum(line.site is None for line in month.lines), "trunk")
    title = f"{month_name(month.text)} in {report.zone.name}: {trunks}, {many(calls, 'call')}"
    heads = ["trunk", "channels", "peak", "busiest hour", "offered", "Erlang B", "blocked"]
    grades = [grade.text for grade in report.grades]
    heads += [*grades, "busy hour", "offered", *grades, "ASR", "ACD", "PDD"]
    rows = [_row(month.hours, line, report) for line in by_fullness(month.lines)]
    sides = "lrrlrrr" + "r" * len(grades) + "lr" + "r" * len(grades) + "rrr"
    return "\n".join([f"{title}, CDRs of {seen_text(month)}", "", *table([tuple(heads), *rows], sides)])


def _row(hours: Hours, line: Line, report: Report) -> tuple[str, ...]:
    trunk = report.accounts.trunks[line.trunk].id
    name = quoted(trunk, 32)[1:-1] if line.site is None else f"  {quoted(line.site, 30)[1:-1]}"
    quality = line.quality["both"]
    busiest, daily = line.busiest, line.daily
    none = [""] * (2 + len(report.grades))
    return (
        name,
        channels(line.channels),
        f"{line.peak:,}",
        *(
            [start_text(hours, busiest.at), *_load(busiest, report.grades, blocks=True)]
            if busiest
            else ["no call" if line.is_silent else "not known", *none, ""]
        ),
        *([f"{daily.clock:02d}:00", *_load(daily, report.grades, blocks=False)] if daily else none),
        percent(quality.asr),
        minutes(quality.acd_s),
        seconds_of(quality.delay_median_ms),
    )


def _load(hour: BusyHour, grades: tuple[Grade, ...], blocks: bool) -> list[str]:
    blocking = [percent(hour.blocking), percent(hour.measured)] if blocks else []
    return [erlangs(hour.offered), *blocking, *(channels(needed) for needed in hour.needed[: len(grades)])]
