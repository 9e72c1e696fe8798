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
        self._grids: list[tuple[Ints, int, AnyArray]] = []

    def add(self, trunk: Ints, setup: Ints) -> None:
        """Count calls of trunks that were not counted before.

        Parameters
        ----------
        trunk, setup : of each call, trunks ascending; setup is the UTC instant [ns]. Shape (n,)
        """
        if not len(setup):
            return
        first, last = int(setup.min()), int(setup.max())
        self._first = min(self._first, first) if self._grids else first
        self._last = max(self._last, last)
        hour = self._zone.to_local(setup) // HOUR
        start, hours = int(hour.min()), int(hour.max()) - int(hour.min()) + 1
        bounds = runs(trunk)
        row = np.repeat(np.arange(len(bounds) - 1), np.diff(bounds))
        grid = np.bincount(row * hours + hour - start, minlength=(len(bounds) - 1) * hours)
        self._grids.append((trunk[bounds[:-1]], start, grid.reshape(-1, hours).astype(np.int32)))

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
        if not self._grids:
            return []
        first, end = span if span is not None else (self._first, self._last + 1)
        local = self._zone.to_local(np.array([first, end - 1])) // HOUR
        start_hour, hours = int(local[0]), int(local[1] - local[0]) + 1
        slot = (np.arange(hours) + start_hour) % WEEK
        grids = [(trunks, _shifted(grid, start - start_hour, hours)) for trunks, start, grid in self._grids]
        whole = np.zeros((1, hours), np.int64)
        for _, grid in grids:
            whole += grid.sum(axis=0)
        everywhere = [(start, end) for _, start, end, _ in _quiet(whole, slot)]
        result = [(-1, start, end, expected) for _, start, end, expected in _quiet(whole, slot)]
        for trunks, grid in grids:
            for part in range(0, len(trunks), 1_000):
                for which, start, end, expected in _quiet(grid[part : part + 1_000], slot):
                    if not any(one <= start and end <= other for one, other in everywhere):
                        result.append((int(trunks[part + which]), start, end, expected))
        return [
            Silence(
                which,
                _instant(self._zone, start_hour + start),
                _instant(self._zone, start_hour + end),
                expected,
            )
            for which, start, end, expected in result
        ]


def _shifted(grid: AnyArray, lead: int, hours: int) -> AnyArray:
    """A grid whose first hour is `lead` after the wanted one, as the wanted `hours`."""
    found = np.zeros((len(grid), hours), grid.dtype)
    start, end = max(lead, 0), min(lead + grid.shape[1], hours)
    if end > start:
        found[:, start:end] = grid[:, start - lead : end - lead]
    return found


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
