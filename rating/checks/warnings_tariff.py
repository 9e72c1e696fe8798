"""What is legal but suspicious in a book's settings: plans, windows, how long ago it was verified."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

import yaml

from rating.arrays import distinct
from rating.checks.warning import warning
from rating.errors import Fault
from rating.tariffs.book import TariffBook
from rating.tariffs.deck import NO_WINDOW
from rating.yamlfile import Value


@dataclass(frozen=True)
class BookFiles:
    """The settings of a book as nodes, for the lines of their values; `deck` is the rate deck's name."""

    book: Value
    plans: tuple[Value, ...]
    windows: Value | None
    deck: str


def book_warnings(book: TariffBook, files: BookFiles, now: date) -> list[Fault]:
    """Warnings of everything but the rate deck."""
    return [*_verified(book, files.book, now), *_empty_classes(book, files), *_unused_windows(book, files)]


def _verified(book: TariffBook, root: Value, now: date) -> list[Fault]:
    found = root.pairs().get("verified_on")
    line = root.line if found is None else found.line
    expected = "the day on which prefixes and prices were last verified, within a year"
    try:
        day = date.fromisoformat(book.verified_on)
        problem = "is more than a year ago" if _a_year_after(day) < now else ""
    except ValueError:
        problem = "is no date" if book.verified_on else "is missing"
    if not problem:
        return []
    value = book.verified_on or None
    return [warning(root.doc.file, line, "verified_on", value, problem, expected, "TARIFF-WARN-VERIFIED")]


def _a_year_after(day: date) -> date:
    """The same day of the next year, 28 February for the 29th.

    Examples
    --------
    >>> _a_year_after(date(2028, 2, 29)).isoformat()
    '2029-02-28'
    """
    if (day.month, day.day) == (2, 29):
        day = day.replace(day=28)
    return day.replace(year=day.year + 1) if day.year < date.max.year else date.max


def _empty_classes(book: TariffBook, files: BookFiles) -> list[Fault]:
    """Classes that a plan includes and no row of the deck has."""
    known = set(book.deck.classes.to_pylist())
    found = []
    for root in files.plans:
        includes = root.pairs().get("includes")
        classes = includes.pairs().get("classes") if includes is not None else None
        for item in classes.items() if classes is not None else []:
            if item.text() not in known:
                problem = "has no prefix in the rate deck"
                found.append(
                    warning(
                        root.doc.file,
                        item.line,
                        "classes",
                        item.text(),
                        problem,
                        "a class that some row has",
                        "TARIFF-WARN-CLASS",
                    )
                )
    return found


def _unused_windows(book: TariffBook, files: BookFiles) -> list[Fault]:
    if files.windows is None:
        return []
    used = set(distinct(book.deck.window[book.deck.window != NO_WINDOW]).tolist())
    lines = _key_lines(files.windows.pairs()["windows"])
    return [
        warning(
            files.windows.doc.file,
            lines[name],
            "window",
            name,
            "is used by no row",
            "a row of rate_deck.csv that names it",
            "TARIFF-WARN-UNUSED",
        )
        for i, name in enumerate(book.windows.names)
        if i not in used
    ]


def _key_lines(value: Value) -> dict[str, int]:
    """Line of each key of a mapping."""
    pairs = value.node.value if isinstance(value.node, yaml.MappingNode) else []
    return {str(key.value): int(key.start_mark.line) + 1 for key, _ in pairs}
