"""What seems to be missing: silence where the calls' own week says that there should be none.

Never an error: a holiday is silent too. A stretch of hours without a call is reported when the same hours of
the other weeks had so many that chance does not explain it.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from rating.arrays import SECOND, AnyArray, Ints
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


def silences(
    trunk: Ints, setup: Ints, trunks: int, zone: Zone, span: tuple[int, int] | None
) -> list[Silence]:
    """Find silent stretches, of all trunks together and of each.

    Parameters
    ----------
    trunk, setup : of each call; setup is the UTC instant [ns]. Shape (n,)
    span : first and last instant to look at, None for those of the calls [ns]

    Returns
    -------
    list of Silence
        In order of trunk and time; a trunk's silence within one of all trunks is left out.
    """
    if not len(setup):
        return []
    first, last = span if span is not None else (int(setup.min()), int(setup.max()) + 1)
    local = zone.to_local(np.array([first, last - 1]))
    start_hour, hours = int(local[0] // HOUR), int(local[1] // HOUR) - int(local[0] // HOUR) + 1
    hour = zone.to_local(setup) // HOUR - start_hour
    inside = (hour >= 0) & (hour < hours)
    hour, trunk = hour[inside], trunk[inside]
    slot = (np.arange(hours) + start_hour) % WEEK
    found = _quiet(np.bincount(hour, minlength=hours)[None, :], slot)
    everywhere = [(start, end) for _, start, end, _ in found]
    result = [(-1, start, end, expected) for _, start, end, expected in found]
    for part in range(0, trunks, 1_000):
        rows = np.flatnonzero((trunk >= part) & (trunk < part + 1_000))
        count = min(1_000, trunks - part)
        grid = np.bincount((trunk[rows] - part) * hours + hour[rows], minlength=count * hours)
        for which, start, end, expected in _quiet(grid.reshape(count, hours), slot):
            if not any(one <= start and end <= other for one, other in everywhere):
                result.append((part + which, start, end, expected))
    return [
        Silence(which, _instant(zone, start_hour + start), _instant(zone, start_hour + end), expected)
        for which, start, end, expected in result
    ]


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
