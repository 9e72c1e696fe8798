"""The destination of one number, by literally lengthening its start (SPEC 4)."""

from __future__ import annotations

from dataclasses import dataclass

from rating.explain.amount import DeckRow, local_day, rows_of_prefix
from rating.tariffs.book import TariffBook


@dataclass(frozen=True)
class Match:
    """A deck prefix in force that the number begins with."""

    prefix: str
    destination: str
    line: int


def matches_of(number: str, key: int, instant: int, book: TariffBook) -> tuple[list[Match], list[DeckRow]]:
    """Every prefix in force that a number begins with, shortest first, and the rows of the longest.

    Parameters
    ----------
    number : as results write it: +33…, a short number, or an unreadable text
    key : 0 where it is masked or unreadable
    instant : of the answer [ns]
    """
    day = local_day(book, instant)
    if number.startswith("+") and (key or number.endswith("*")):
        digits = number[1:].rstrip("*")
        names = [digits[:end] for end in range(1, len(digits) + 1)]
    elif key:
        names = [f"FR:{number[:end]}*" for end in range(1, len(number) + 1)] + [f"FR:{number}"]
    else:
        names = []
    matches: list[Match] = []
    rows: list[DeckRow] = []
    for name in names:
        of_prefix = rows_of_prefix(book, name, day)
        if of_prefix:
            rows = of_prefix
            matches.append(Match(name, rows[0].destination, rows[0].line))
    if number.endswith("*") and _may_differ(book, number[1:].rstrip("*"), day):
        return matches, []
    return matches, rows


def _may_differ(book: TariffBook, visible: str, day: int) -> bool:
    """Whether longer prefixes in force begin with the visible digits of a masked number."""
    longer = [text for text in book.deck.prefixes.to_pylist() if text.startswith(visible) and text != visible]
    return any(rows_of_prefix(book, text, day) for text in longer)
