"""The pages: an index of all trunks, and one page a trunk and month, each whole in itself.

A page can be mailed, printed and kept. All text is escaped.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from html import escape

from rating.accounts import Accounts
from rating.channels.busy import BusyHour
from rating.channels.fullest import by_fullness
from rating.channels.gos import Grade
from rating.channels.html import Column, figure, page, table
from rating.channels.lines import DIRECTIONS, Line
from rating.channels.run import Month, Report
from rating.channels.text import rows_text
from rating.channels.words import (
    DEFINITIONS,
    blocked_text,
    blocking_words,
    caps_text,
    channels,
    erlangs,
    headline,
    hour_text,
    minutes,
    occupancy_words,
    percent,
    seconds_of,
    seen_text,
    span_text,
    start_text,
    week_words,
)
from rating.summary import many, month_name

Draw = Callable[[Line], dict[str, bytes]]
"""The plots of a line as SVG: `occupancy`, `week`, and `blocking` where a busy hour is known."""


def page_names(month: Month, accounts: Accounts) -> dict[int, str]:
    """File name of each trunk's page: its place and what its id has of safe letters.

    Ids may be of any length, hold slashes, or differ by case only; file names must not.
    """
    width = len(str(len(accounts.trunks)))
    names = {}
    for trunk in sorted({line.trunk for line in month.lines}):
        safe = re.sub(r"[^a-z0-9]+", "-", accounts.trunks[trunk].id.lower())[:40].strip("-")
        names[trunk] = (
            "-".join(part for part in (month.text, f"{trunk + 1:0{width}d}", safe) if part) + ".html"
        )
    return names


def index_page(report: Report) -> str:
    """All trunks of all months, the fullest first."""
    first, last = report.months[0], report.months[-1]
    title = f"Channels, {month_name(last.text)}"
    if len(report.months) > 1:
        title = f"Channels, {month_name(first.text)} to {month_name(last.text)}"
    parts = [f"<h1>{escape(title)}</h1>"]
    for month in reversed(report.months):
        if len(report.months) > 1:
            parts.append(f"<h2>{month_name(month.text)}</h2>")
        parts.append(
            f'<p class="about">Clock of {escape(report.zone.name)}, CDRs of {seen_text(month)}. '
            "The fullest trunks come first.</p>"
        )
        parts.append(_index_table(month, report))
    parts.append(
        f'<p class="note">{escape(rows_text(report))}. The same figures for programs: '
        '<a href="channels.csv">channels.csv</a>, <a href="channels.json">channels.json</a>.</p>'
    )
    return page(title, [*parts, _definitions()])


def trunk_page(month: Month, lines: Sequence[Line], report: Report, draw: Draw) -> str:
    """A trunk's month: the trunk, then each of its sites.

    Parameters
    ----------
    lines : the trunk's, then those of its sites
    """
    trunk = report.accounts.trunks[lines[0].trunk]
    customer = report.accounts.customers[trunk.customer]
    title = f"{trunk.id}, {month_name(month.text)}"
    parts = [
        '<p><a href="index.html">All trunks</a></p>',
        f"<h1>{escape(title)}</h1>",
        f'<p class="about">{escape(customer.name or customer.id)}. Clock of {escape(report.zone.name)}, '
        f"CDRs of {seen_text(month)}.</p>",
        *_sections(month, lines[0], report.grades, draw),
    ]
    for line in lines[1:]:
        parts.append(f"<h2>Site {escape(str(line.site))}</h2>")
        parts += _sections(month, line, report.grades, draw)
    return page(title, [*parts, _definitions()])


def _index_table(month: Month, report: Report) -> str:
    names, grades = page_names(month, report.accounts), report.grades
    columns = [
        *(Column("Trunk"), Column("Channels"), Column("Peak"), Column("Hour", is_text=True, begins=True)),
        *(Column("Offered"), Column("Erlang B"), Column("Blocked"), *_grade_columns(grades)),
        *(Column("Hour", is_text=True, begins=True), Column("Offered"), *_grade_columns(grades)),
        *(Column("ASR", begins=True), Column("ACD"), Column("PDD")),
    ]
    groups = (
        ("", 3),
        ("Busiest hour of the month", 4 + len(grades)),
        ("Busy hour of working days", 2 + len(grades)),
        ("Calls", 3),
    )
    rows = []
    for line in by_fullness(month.lines):
        name = escape(report.accounts.trunks[line.trunk].id)
        cell = f'<a href="{names[line.trunk]}">{name}</a>'
        if line.site is not None:
            cell = f"&emsp;{escape(line.site)}"
        rows.append([cell, *_index_cells(month, line, grades)])
    return table("Loads in Erlangs; channels needed for each grade of service.", columns, rows, groups)


def _grade_columns(grades: Sequence[Grade]) -> list[Column]:
    return [Column(grade.text) for grade in grades]


def _index_cells(month: Month, line: Line, grades: Sequence[Grade]) -> list[str]:
    quality, busiest, daily = line.quality["both"], line.busiest, line.daily
    none = [""] * (1 + len(grades))
    cells = [channels(line.channels), f"{line.peak:,}"]
    if busiest:
        cells += [start_text(month.hours, busiest.at), erlangs(busiest.offered), percent(busiest.blocking)]
        cells += [percent(busiest.measured), *map(channels, busiest.needed)]
    else:
        cells += ["no call" if line.is_silent else "not known", "", "", *none]
    if daily:
        cells += [f"{daily.clock:02d}:00", erlangs(daily.offered), *map(channels, daily.needed)]
    else:
        cells += ["", *none]
    cells += [percent(quality.asr), minutes(quality.acd_s), seconds_of(quality.delay_median_ms)]
    return [escape(cell) for cell in cells]


def _sections(month: Month, line: Line, grades: tuple[Grade, ...], draw: Draw) -> list[str]:
    """All that is shown of a trunk or site."""
    parts = [
        f'<p class="headline">{escape(headline(line, grades))}</p>',
        f'<p class="about">Channels: {escape(caps_text(month.hours, line))}.</p>',
    ]
    if line.is_silent:
        return parts
    if not line.is_told:
        parts.append(
            '<p class="note">No CDR says why its call ended: blocked calls cannot be seen, and the traffic '
            "offered is that carried.</p>"
        )
    plots = draw(line)
    parts += [
        "<h3>Occupancy against the channels</h3>",
        figure(plots["occupancy"], occupancy_words(month, line)),
    ]
    parts += ["<h3>The week, hour by hour</h3>", figure(plots["week"], week_words(line))]
    parts.append("<h3>Busy hours and channels needed</h3>")
    if "blocking" in plots:
        parts.append(_busy_table(month, line, grades))
        parts.append(figure(plots["blocking"], blocking_words(line, grades)))
    else:
        parts.append("<p>Every call was blocked: nobody knows how long one would have held its channel.</p>")
    return [*parts, "<h3>Calls</h3>", _calls_table(line)]


def _busy_table(month: Month, line: Line, grades: Sequence[Grade]) -> str:
    columns = [
        Column(""),
        Column("Hour", is_text=True),
        Column("Carried"),
        Column("Offered"),
        Column("Erlang B"),
    ]
    columns += [Column("Blocked"), *_grade_columns(grades)]
    rows = []
    if line.busiest:
        when = hour_text(month.hours, line.busiest.at)
        rows.append(["Busiest hour of the month", *_busy_cells(line.busiest, when)])
    if line.daily:
        when = f"{span_text(line.daily.clock)}, mean of {many(line.daily.days, 'day')}"
        rows.append(["Busy hour of working days", *_busy_cells(line.daily, when)])
    now = "" if line.channels is None else f", with {many(line.channels, 'channel')}"
    caption = f"Loads in Erlangs. Erlang B: by the load offered{now}; Blocked: as measured."
    return table(caption, columns, rows)


def _busy_cells(hour: BusyHour, when: str) -> list[str]:
    loads = [erlangs(hour.carried), erlangs(hour.offered), percent(hour.blocking), blocked_text(hour)]
    return [escape(cell) for cell in (when, *loads, *map(channels, hour.needed))]


def _calls_table(line: Line) -> str:
    heads: tuple[str, ...] = ("", "Attempts", "Answered", "Blocked", "Refused", "ASR", "of seizures", "NER")
    heads += ("ACD", "Mean holding", "PDD median", "PDD 95 %")
    rows = []
    for name in DIRECTIONS:
        found = line.quality[name]
        counts = (found.attempts, found.answered, found.blocked, found.refused)
        shares = (percent(found.asr), percent(found.asr_of_seizures), percent(found.ner))
        lengths = (minutes(found.acd_s), minutes(found.holding_s))
        delays = (seconds_of(found.delay_median_ms), seconds_of(found.delay_p95_ms))
        title = "All calls" if name == DIRECTIONS[0] else name.capitalize()
        rows.append(
            [title, *(escape(cell) for cell in (*(f"{n:,}" for n in counts), *shares, *lengths, *delays))]
        )
    known = line.quality["both"].delays
    caption = f"PDD of {many(known, 'call')} with alert_time." if known else "No CDR has alert_time: no PDD."
    return table(caption, [Column(head) for head in heads], rows)


def _definitions() -> str:
    items = "\n".join(f"<dt>{escape(word)}</dt><dd>{escape(what)}</dd>" for word, what in DEFINITIONS)
    return f"<h2>What the figures mean</h2>\n<dl>\n{items}\n</dl>"
