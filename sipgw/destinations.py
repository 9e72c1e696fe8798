"""One number to its row of the rate deck: what rating.tariffs finds by columns, for a call that waits."""

from __future__ import annotations

from bisect import bisect_right
from typing import NamedTuple

import numpy as np

from rating.arrays import Ints, distinct
from rating.reasons import CLASS_EMERGENCY
from rating.tariffs.book import TariffBook
from rating.tariffs.deck import InForce
from rating.zone import Zone


class Destination(NamedTuple):
    """What the rate deck calls a number; both empty where no row in force matches."""

    name: str
    klass: str


NOWHERE = Destination("", "")


class Days:
    """Local days of instants that mostly are of one day.

    Examples
    --------
    >>> days = Days(Zone("Europe/Paris"))
    >>> from datetime import datetime
    >>> night = ("2026-03-29T00:00+01:00", "2026-03-29T23:59+02:00", "2026-03-30T00:00+02:00")
    >>> [days.of(int(datetime.fromisoformat(text).timestamp()) * 10**9) for text in night]
    [20541, 20541, 20542]
    """

    def __init__(self, zone: Zone) -> None:
        self._zone = zone
        self._day = (0, 0, 0)

    def of(self, instant: int) -> int:
        """Local day, counted from 1970-01-01."""
        start, end, day = self._day
        if not start <= instant < end:
            day = int(self._zone.days(np.array([instant]))[0])
            self._day = (self._zone.midnight(day), self._zone.midnight(day + 1), day)
        return day


class Destinations:
    """The deck as sorted lists, one pair for each stretch of days on which the same rows are in force."""

    def __init__(self, book: TariffBook) -> None:
        self._deck = book.deck
        self.days = Days(book.zone)
        deck = book.deck
        names, classes = deck.destinations.to_pylist(), deck.classes.to_pylist()
        pairs = zip(deck.destination.tolist(), deck.klass.tolist(), strict=True)
        self._named = [Destination(names[name], classes[klass]) for name, klass in pairs]
        dearest = np.zeros(len(deck.prefixes), np.int64)
        np.maximum.at(dearest, deck.prefix, deck.price + deck.fee + deck.per_call)
        self._dearest = dearest[deck.prefix].tolist()
        self._edges = deck.edges().tolist()
        self._stretches: dict[int, tuple[list[int], list[int]]] = {}

    def row(self, number: int, now: int) -> int:
        """Deck row (its base row) of the longest prefix in force on the local day, -1 for none.

        An emergency row of another day wins over a shorter prefix in force, and over none: a deck that has
        run out must not hide 112.
        """
        if not number:
            return -1
        day = self.days.of(now)
        epoch = bisect_right(self._edges, day)
        stretch = self._stretches.get(epoch)
        if stretch is None:
            stretch = self._stretches[epoch] = self._stretch(day)
        starts, rows = stretch
        at = bisect_right(starts, number) - 1
        return rows[at] if at >= 0 else -1

    def find(self, number: int, now: int) -> Destination:
        """Name and class of a number."""
        return self.named(self.row(number, now))

    def named(self, row: int) -> Destination:
        """Name and class of a row, -1 for none."""
        return self._named[row] if row >= 0 else NOWHERE

    def dearest_minute(self, row: int) -> int:
        """The most that the first minute of a row's prefix costs in any window, step or year. [micros]"""
        return self._dearest[row]

    def _stretch(self, day: int) -> tuple[list[int], list[int]]:
        """First key of each interval, and its row."""
        deck = self._deck
        if not len(deck):
            return [], []
        ((_, in_force),) = deck.by_day(np.array([day]))
        emergency = np.flatnonzero(np.isin(deck.klass, deck.codes_of(deck.classes, [CLASS_EMERGENCY])))
        starts = distinct(np.concatenate((in_force.starts, deck.low[emergency], deck.high[emergency])))
        rows = _rows_at(in_force, starts)
        width = deck.high - deck.low
        for hit in emergency.tolist():
            inside = (deck.low[hit] <= starts) & (starts < deck.high[hit])
            wins = inside & ((rows < 0) | (width[hit] < width[np.maximum(rows, 0)]))
            rows[wins] = hit
        return starts.tolist(), rows.tolist()


def _rows_at(in_force: InForce, keys: Ints) -> Ints:
    return in_force.find(keys, keys).copy()
