"""What is legal but suspicious in a rate deck, found on whole arrays: a deck may have 200,000 rows."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, timedelta

import numpy as np

from rating.arrays import Ints, distinct, runs
from rating.checks.warning import counted, warning
from rating.errors import Fault
from rating.numbering.reach import NOWHERE, Reach, read_as
from rating.tariffs.book import TariffBook
from rating.tariffs.deck import ALWAYS_FROM, NO_WINDOW, Deck, flatten

EPOCH = date(1970, 1, 1)


def deck_warnings(book: TariffBook, file: str) -> list[Fault]:
    """Warnings of a book's rate deck, shown as `file`."""
    if not len(book.deck):
        return []
    return [
        *_never_matching(book, file),
        *_gaps(book, file),
        *_partial_windows(book, file),
        *_mixed_classes(book, file),
    ]


def base_rows(deck: Deck) -> Ints:
    """Rows without window and with from_second 0: one for each prefix in force."""
    return np.flatnonzero((deck.window == NO_WINDOW) & (deck.from_second == 0))


def day_text(day: int) -> str:
    """A local day, counted from 1970-01-01, as YYYY-MM-DD."""
    return (EPOCH + timedelta(day)).isoformat()


# --- prefixes that match no number


def _never_matching(book: TariffBook, file: str) -> list[Fault]:
    deck, plan, reach = book.deck, book.numbering, Reach.of(book.numbering)
    rows = suspects(deck, reach)
    read = reach.any_number(deck.low[rows], deck.high[rows])
    found = []
    for row in rows[~read].tolist():
        prefix = deck.prefixes[int(deck.prefix[row])].as_py()
        other = read_as(prefix, plan)
        problem = "can never match: no number is read so"
        if other is not None:
            national = prefix.removeprefix(str(plan.country_code))
            problem = f"can never match: 0{national}… is read as +{other}…"
        expected, line = "a prefix that some number has when it is read", int(deck.line[row])
        found.append(warning(file, line, "prefix", prefix, problem, expected, "TARIFF-WARN-NEVER"))
    for row in shadowed(deck, reach, rows[read]):
        prefix = deck.prefixes[int(deck.prefix[row])].as_py()
        problem = "can never match: longer prefixes take all its numbers"
        expected, line = "a prefix with numbers of its own", int(deck.line[row])
        found.append(warning(file, line, "prefix", prefix, problem, expected, "TARIFF-WARN-SHADOWED"))
    return found


def suspects(deck: Deck, reach: Reach) -> Ints:
    """A base row of each prefix that would match no number if all rows were in force at once."""
    base = base_rows(deck)
    first = np.full(len(deck.prefixes), -1)
    first[deck.prefix[base[::-1]]] = base[::-1]
    rows = np.sort(first[first >= 0])
    starts, owner = flatten(deck.low[rows], deck.high[rows], rows)
    matching = (owner >= 0) & reach.any_number(starts, np.append(starts[1:], NOWHERE))
    match = np.zeros(len(deck), bool)
    match[owner[matching]] = True
    return rows[~match[rows]]


def shadowed(deck: Deck, reach: Reach, rows: Ints) -> list[int]:
    """Rows of prefixes that longer ones cover on every day on which they are in force.

    A round looks at the next day of all rows that are still undecided: few, large arrays.
    """
    base = base_rows(deck)
    by_low = base[np.argsort(deck.low[base], kind="stable")]
    first = np.searchsorted(deck.low[by_low], deck.low[rows]).tolist()
    last = np.searchsorted(deck.low[by_low], deck.high[rows]).tolist()
    undecided = {
        row: _free_spans(deck, by_low[start:end], row)
        for row, start, end in zip(rows.tolist(), first, last, strict=True)
    }
    found = []
    while undecided:
        spans = {row: next(days, None) for row, days in undecided.items()}
        found += [row for row, span in spans.items() if span is None]
        some = {row: span for row, span in spans.items() if span is not None}
        matches: set[int] = set()
        if some:
            owner = np.repeat(list(some), [len(low) for low, _ in some.values()])
            low, high = (np.concatenate(ends) for ends in zip(*some.values(), strict=True))
            matches = set(owner[reach.any_number(low, high)].tolist())
        undecided = {row: undecided[row] for row in some if row not in matches}
    return sorted(found)


def _free_spans(deck: Deck, inside: Ints, row: int) -> Iterator[tuple[Ints, Ints]]:
    """Spans of a prefix that no longer one in force covers, for each stretch of days of its validity.

    Parameters
    ----------
    inside : base rows that begin in the prefix's span, ascending
    """
    is_own = deck.prefix[inside] == deck.prefix[row]
    own, longer = inside[is_own], inside[~is_own & (deck.high[inside] <= deck.high[row])]
    start, end = deck.valid_from[longer], deck.valid_to[longer]
    edges = sorted({*start.tolist(), *end.tolist()})
    for one in own.tolist():
        first, last = int(deck.valid_from[one]), int(deck.valid_to[one])
        for day in [first, *(edge for edge in edges if first < edge < last)]:
            now = longer[(start <= day) & (day < end)]
            reached = np.maximum.accumulate(np.append(deck.low[row], deck.high[now]))
            until = np.append(deck.low[now], deck.high[row])
            free = reached < until
            yield reached[free], until[free]


# --- gaps in validity


def _gaps(book: TariffBook, file: str) -> list[Fault]:
    """Days between two rows of one prefix (or of one window or step of it) on which neither is in force."""
    deck = book.deck
    order = np.lexsort((deck.valid_from, deck.from_second, deck.window, deck.prefix))
    one, next_one = order[:-1], order[1:]
    gap = deck.valid_to[one] < deck.valid_from[next_one]
    for key in (deck.prefix, deck.window, deck.from_second):
        gap &= key[one] == key[next_one]
    found = []
    seen: set[tuple[int, int, int]] = set()
    for before, after in zip(one[gap].tolist(), next_one[gap].tolist(), strict=True):
        prefix, day, until = (
            int(deck.prefix[after]),
            int(deck.valid_to[before]),
            int(deck.valid_from[after]),
        )
        of_prefix = deck.window[after] == NO_WINDOW and deck.from_second[after] == 0
        if not of_prefix and (prefix, day, until) in seen:
            continue
        seen.add((prefix, day, until))
        which = "" if of_prefix else f" for {_kind(book, after)}"
        problem = f"has no price{which} from {day_text(day)} to {day_text(until)}"
        text, line = deck.prefixes[prefix].as_py(), int(deck.line[after])
        expected = "valid_to of one row to be valid_from of the next"
        found.append(warning(file, line, "prefix", text, problem, expected, "TARIFF-WARN-GAP"))
    return found


def _kind(book: TariffBook, row: int) -> str:
    """Window and step of a row."""
    window, second = int(book.deck.window[row]), int(book.deck.from_second[row])
    words = [f"window {book.windows.names[window]}"] if window != NO_WINDOW else []
    words += [f"from_second {second}"] if second else []
    return ", ".join(words)


# --- destinations whose prefixes differ


@dataclass(frozen=True)
class ByDestination:
    """Rows in order of their destination."""

    deck: Deck
    rows: Ints
    destination: Ints

    @classmethod
    def of(cls, deck: Deck, rows: Ints) -> ByDestination:
        rows = rows[np.argsort(deck.destination[rows], kind="stable")]
        return cls(deck, rows, deck.destination[rows])

    def spans(self, destinations: Ints) -> tuple[Ints, Ints]:
        """First of the rows of each destination, and how many they are."""
        low = np.searchsorted(self.destination, destinations, "left")
        return low, np.searchsorted(self.destination, destinations, "right") - low

    def on(self, destination: int, day: int) -> Ints:
        """Rows of a destination in force on a day, ascending."""
        low, count = self.spans(np.array([destination]))
        rows = self.rows[low[0] : low[0] + count[0]]
        return np.sort(rows[(self.deck.valid_from[rows] <= day) & (day < self.deck.valid_to[rows])])


def partly(deck: Deck, part: Ints, group: Ints, whole: ByDestination) -> tuple[Ints, Ints]:
    """Groups of rows that are in force on some, but not on all, prefixes of their destination on some day.

    Parameters
    ----------
    part : rows, at most one in force for a prefix and group on any day
    group : group of each of them
    whole : the base rows of their destinations

    Returns
    -------
    (row, day)
        A row of each such group, and the group's first such day.
    """
    _, first, member = np.unique(group, return_index=True, return_inverse=True)
    low, counts = whole.spans(deck.destination[part[first]])
    of_group = np.repeat(np.arange(len(first)), counts)
    within = np.arange(len(of_group)) - np.repeat(np.cumsum(counts) - counts, counts)
    every_row = whole.rows[low[of_group] + within]
    days = [deck.valid_from[part], deck.valid_to[part], deck.valid_from[every_row], deck.valid_to[every_row]]
    day, groups = np.concatenate(days), np.concatenate((member, member, of_group, of_group))
    order = np.lexsort((day, groups))
    some = np.cumsum(np.repeat([1, -1, 0], [len(part), len(part), 2 * len(every_row)])[order])
    every = np.cumsum(np.repeat([0, 1, -1], [2 * len(part), len(every_row), len(every_row)])[order])
    last_of_day = runs(groups[order], day[order])[1:] - 1
    differs = last_of_day[(some[last_of_day] > 0) & (some[last_of_day] < every[last_of_day])]
    hit, at = np.unique(groups[order][differs], return_index=True)
    return part[first[hit]], day[order][differs][at]


def _partial_windows(book: TariffBook, file: str) -> list[Fault]:
    """Destinations with a price for a window on some of their prefixes and none on others."""
    deck = book.deck
    part = np.flatnonzero(deck.window != NO_WINDOW)
    if not len(part):
        return []
    whole, windowed = ByDestination.of(deck, base_rows(deck)), ByDestination.of(deck, part)
    steps = deck.from_second[part]
    group = (deck.destination[part] * len(book.windows.names) + deck.window[part]) * (steps.max() + 1) + steps
    found = []
    for row, day in zip(*(ints.tolist() for ints in partly(deck, part, group, whole)), strict=True):
        now, alike = (rows.on(int(deck.destination[row]), day) for rows in (whole, windowed))
        alike = alike[deck.window[alike] == deck.window[row]]
        alike = alike[deck.from_second[alike] == deck.from_second[row]]
        lacking = now[~np.isin(deck.prefix[now], deck.prefix[alike])]
        named = [deck.prefixes[int(code)].as_py() for code in deck.prefix[lacking[:3]]]
        named += ["…"] if len(lacking) > 3 else []
        since = "" if day == ALWAYS_FROM else f" from {day_text(day)}"
        of = counted(len(now), "prefix", "prefixes")
        problem = (
            f"has no price for {_kind(book, row)} on {len(lacking)} of its {of}{since}: {', '.join(named)}"
        )
        destination = deck.destinations[int(deck.destination[row])].as_py()
        expected = "a price for the window on all prefixes of a destination or on none"
        line = int(deck.line[lacking[0]])
        found.append(warning(file, line, "destination", destination, problem, expected, "TARIFF-WARN-WINDOW"))
    return found


def _mixed_classes(book: TariffBook, file: str) -> list[Fault]:
    """Destinations whose prefixes have different classes on some day."""
    deck = book.deck
    pairs = distinct(deck.destination * len(deck.classes) + deck.klass) // len(deck.classes)
    several = pairs[1:][pairs[1:] == pairs[:-1]]
    base = base_rows(deck)
    base = base[np.isin(deck.destination[base], several)]
    whole = ByDestination.of(deck, base)
    rows, days = partly(deck, base, deck.destination[base] * len(deck.classes) + deck.klass[base], whole)
    _, first = np.unique(deck.destination[rows], return_index=True)
    found = []
    for row, day in zip(rows[first].tolist(), days[first].tolist(), strict=True):
        now = whole.on(int(deck.destination[row]), day)
        one = int(now[0])
        other = int(now[np.argmax(deck.klass[now] != deck.klass[one])])
        here, there = (deck.classes[int(deck.klass[which])].as_py() for which in (other, one))
        problem = f"has class {here} here and {there} in line {int(deck.line[one])}"
        name = deck.destinations[int(deck.destination[row])].as_py()
        line, expected = int(deck.line[other]), "one class for all prefixes of a destination"
        found.append(warning(file, line, "destination", name, problem, expected, "TARIFF-WARN-MIXED"))
    return found
