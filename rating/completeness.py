"""What seems to be missing: silence where the calls' own week says that there should be none.

Never an error: a holiday is silent too. A stretch of hours without a call is reported when the same hours of
the other weeks had so many that chance does not explain it.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from rating.arrays import SECOND, AnyArray, Ints, runs
from rating.zone import DAY, Zone

HOUR = 3_600 * SECOND
WEEK = 7 * 24
FEWEST = 15
"""Calls that a stretch must have been expected to have: by chance, one in three million has none."""

LONGEST = 104 * WEEK
"""Hours that are looked at, at most: one clock that was never set makes no grid of fifty years."""

CELLS = 1 << 20
"""Hours of trunks that are looked at at a time."""

ABSENT = 1 << 60
"""Hours of the first and last week that are not looked at."""


@dataclass(frozen=True)
class Silence:
    """Hours without a call.

    trunk : index, or -1 where all trunks are silent; start, end : UTC instants [ns]
    expected : calls that the same hours of the other weeks make likely
    """

    trunk: int
    start: int
    end: int
    expected: int


class Hours:
    """How many calls each trunk had in each local hour."""

    def __init__(self, zone: Zone) -> None:
        self._zone = zone
        self._first, self._last = 0, -1
        self._counted: list[_Counted] = []

    def add(self, trunk: Ints, setup: Ints) -> None:
        """Count calls of trunks that were not counted before.

        Parameters
        ----------
        trunk, setup : of each call, trunks ascending; setup is the UTC instant [ns]. Shape (n,)
        """
        if not len(setup):
            return
        first, last = int(setup.min()), int(setup.max())
        self._first = min(self._first, first) if self._counted else first
        self._last = max(self._last, last)
        hour = self._zone.to_local(setup) // HOUR
        trunks = runs(trunk)
        row = np.repeat(np.arange(len(trunks) - 1), np.diff(trunks))
        same = runs(row, hour)
        at = same[:-1]
        self._counted.append(_Counted(trunk[trunks[:-1]], row[at], hour[at], np.diff(same)))

    def silences(self, span: tuple[int, int] | None) -> list[Silence]:
        """Find silent stretches, of all trunks together and of each.

        Parameters
        ----------
        span : first and last instant to look at, None for those of the calls [ns]

        Returns
        -------
        list of Silence
            In order of trunk and time; a trunk's silence within one of all trunks is left out.
        """
        if not self._counted:
            return []
        start_hour, hours = self._window(span)
        slot = (np.arange(hours) + start_hour) % WEEK
        whole = np.zeros((1, hours), np.int64)
        for counted in self._counted:
            whole += counted.whole(start_hour, hours)
        result = [(-1, start, end, expected) for _, start, end, expected in _quiet(whole, slot)]
        everywhere = [(start, end) for _, start, end, _ in result]
        at_once = max(1, CELLS // hours)
        for counted in self._counted:
            for part in range(0, len(counted.trunks), at_once):
                grid = counted.grid(part, part + at_once, start_hour, hours)
                for which, start, end, expected in _quiet(grid, slot):
                    if not any(one <= start and end <= other for one, other in everywhere):
                        result.append((int(counted.trunks[part + which]), start, end, expected))
        return [
            Silence(
                which,
                _instant(self._zone, start_hour + start),
                _instant(self._zone, start_hour + end),
                expected,
            )
            for which, start, end, expected in result
        ]

    def _window(self, span: tuple[int, int] | None) -> tuple[int, int]:
        """First local hour to look at and how many: of calls of many years, those around the middle one."""
        first, end = span if span is not None else (self._first, self._last + 1)
        local = self._zone.to_local(np.array([first, end - 1])) // HOUR
        start, last = int(local[0]), max(int(local[0]), int(local[1]))
        if span is None and last - start >= LONGEST:
            hour = np.concatenate([counted.hour for counted in self._counted])
            order = np.argsort(hour)
            calls = np.cumsum(np.concatenate([counted.calls for counted in self._counted])[order])
            middle = int(hour[order[np.searchsorted(calls, calls[-1] / 2)]])
            near = hour[np.abs(hour - middle) < LONGEST // 2]
            start, last = int(near.min()), int(near.max())
        return start, last - start + 1


@dataclass(frozen=True)
class _Counted:
    """Calls of some trunks; row : place among `trunks`, hour : local, calls : how many. By row."""

    trunks: Ints
    row: Ints
    hour: Ints
    calls: Ints

    def whole(self, start_hour: int, hours: int) -> AnyArray:
        """Calls of all trunks together in each of some hours."""
        seen = (self.hour >= start_hour) & (self.hour < start_hour + hours)
        return np.bincount(self.hour[seen] - start_hour, self.calls[seen], hours).astype(np.int64)

    def grid(self, first: int, end: int, start_hour: int, hours: int) -> AnyArray:
        """Calls of trunks [first, end) in each of some hours, shape (trunks, hours)."""
        start, stop = np.searchsorted(self.row, [first, end])
        row, hour, calls = (
            self.row[start:stop] - first,
            self.hour[start:stop] - start_hour,
            self.calls[start:stop],
        )
        seen = (hour >= 0) & (hour < hours)
        rows = min(end, len(self.trunks)) - first
        cells = np.bincount(row[seen] * hours + hour[seen], calls[seen], rows * hours)
        return cells.astype(np.int64).reshape(rows, hours)


def _quiet(grid: AnyArray, slot: Ints) -> list[tuple[int, int, int, int]]:
    """(row, first hour, hour after, expected calls) of the stretches of empty hours that stand out.

    An empty hour would have had the median of the same hour in the other weeks: one wild night does not make
    the others suspicious.
    """
    rows, hours = grid.shape
    lead = int(slot[0])
    weeks = -(-(lead + hours) // WEEK)
    padded = np.full((rows, weeks * WEEK), ABSENT)
    padded[:, lead : lead + hours] = grid
    ordered = np.sort(padded.reshape(rows, weeks, WEEK), axis=1)
    seen = (ordered[0] != ABSENT).sum(axis=0)
    median_of_others = 1 + np.maximum(seen - 2, 0) // 2
    at = np.minimum(median_of_others, weeks - 1)
    by_slot = np.where(seen >= 3, np.take_along_axis(ordered, at[None, None, :], axis=1)[:, 0, :], 0)
    expected = np.where(grid == 0, by_slot[:, slot], 0)
    found = []
    for row in np.flatnonzero(expected.sum(axis=1) >= FEWEST).tolist():
        empty = np.concatenate(([False], grid[row] == 0, [False]))
        edges = np.flatnonzero(empty[1:] != empty[:-1])
        for start, end in zip(edges[::2].tolist(), edges[1::2].tolist(), strict=True):
            likely = int(expected[row, start:end].sum())
            if likely >= FEWEST:
                found.append((row, start, end, likely))
    return found


def _instant(zone: Zone, local_hour: int) -> int:
    """First instant of a local hour, counted from 1970-01-01T00:00 on the wall clock."""
    first, _, exists = zone.from_local(np.array([local_hour * HOUR], np.int64))
    return int(first[0]) if exists[0] else zone.midnight(local_hour * HOUR // DAY) + local_hour * HOUR % DAY
