"""How many channels are held when: a sweep over begins and ends of calls, cut at every hour.

A group is whatever has channels of its own: a trunk, or a site of it.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from rating.arrays import Ints
from rating.occupancy import Held


@dataclass(frozen=True)
class Caps:
    """Channels of groups over time: `channels` from `at` on; in order of group and time, shape (steps,) each.

    Every group has a step at the first edge, or before it. [ns]
    """

    group: Ints
    at: Ints
    channels: Ints


@dataclass(frozen=True)
class Occupancy:
    """What a sweep found.

    time : held in each hour, summed over channels, shape (groups, hours) [ns]
    peak : most held at an instant of each hour; channels : in force when it began, shape (groups, hours)
    peak_at : first instant at which the group's most were held, -1 where none ever was, shape (groups,) [ns]
    at_cap, above_cap : time with as many held as there are channels, but not none, and with more,
        shape (groups,) [ns]
    """

    time: Ints
    peak: Ints
    channels: Ints
    peak_at: Ints
    at_cap: Ints
    above_cap: Ints


def sweep(held: Held, caps: Caps, edges: Ints, groups: int) -> Occupancy:
    """Count the channels held between the first and the last edge.

    Sums are exact: they fit while fewer than 2 million calls are up at once.

    Parameters
    ----------
    edges : ascending, shape (hours + 1,) [ns]
    groups : how many there are; those without a call have zeros

    Examples
    --------
    One channel, two from instant 5 on; hours of ten: calls [2, 10), [4, 6) and [8, 14).

    >>> held = Held(np.zeros(3, int), np.array([2, 4, 8]), np.array([10, 6, 14]))
    >>> caps = Caps(np.zeros(2, int), np.array([0, 5]), np.array([1, 2]))
    >>> found = sweep(held, caps, np.array([0, 10, 20]), 1)
    >>> found.time.tolist(), found.peak.tolist(), found.channels.tolist()
    ([[12, 4]], [[2, 1]], [[1, 2]])
    >>> int(found.peak_at[0]), int(found.at_cap[0]), int(found.above_cap[0])
    (4, 5, 1)
    """
    hours, first, last = len(edges) - 1, edges[0], edges[-1]
    inside = (held.begin < last) & (held.end > first)
    of, begin, end = held.group[inside], held.begin[inside], held.end[inside]
    each = np.arange(groups)
    group = np.concatenate((of, of, np.repeat(each, hours + 1), caps.group))
    at = np.concatenate(
        (np.maximum(begin, first), np.minimum(end, last), np.tile(edges, groups), np.maximum(caps.at, first))
    )
    change = np.zeros(len(group), np.int64)
    change[: len(of)], change[len(of) : 2 * len(of)] = 1, -1
    order = _by_group_and_time(group, at)
    group, at, now = group[order], at[order], np.cumsum(change[order])
    # What is held is told by the last event of an instant: between others there is no time.
    real = np.flatnonzero((group[1:] == group[:-1]) & (at[1:] > at[:-1]) & (at[:-1] < last))
    length, group, at, now = at[real + 1] - at[real], group[real], at[real], now[real]

    cell = group * hours + np.searchsorted(edges, at, "right") - 1
    starts = np.searchsorted(cell, np.arange(groups * hours))
    cap = _in_force(caps, group, at, groups)
    of_group = starts[::hours]
    peak = np.maximum.reduceat(now, starts).reshape(groups, hours)
    most = peak.max(axis=1)
    highest = np.flatnonzero(now == most[group])
    peak_at = at[highest[np.searchsorted(highest, of_group)]]
    return Occupancy(
        time=np.add.reduceat(now * length, starts).reshape(groups, hours),
        peak=peak,
        channels=cap[starts].reshape(groups, hours),
        peak_at=np.where(most > 0, peak_at, -1),
        at_cap=np.add.reduceat(np.where((now == cap) & (now > 0), length, 0), of_group),
        above_cap=np.add.reduceat(np.where(now > cap, length, 0), of_group),
    )


def _by_group_and_time(group: Ints, at: Ints) -> Ints:
    """Order by group, then time: one sort of both in one number, where they fit in 63 bits."""
    first = int(at.min())
    span = int(at.max()) - first + 1
    if (int(group.max()) + 1) * span < 1 << 63:
        return np.argsort(group * span + (at - first))
    return np.lexsort((at, group))


def _in_force(caps: Caps, group: Ints, at: Ints, groups: int) -> Ints:
    """Channels in force at instants that are in order of group and time."""
    found = np.zeros(len(group), np.int64)
    bounds = np.searchsorted(group, np.arange(groups + 1)).tolist()
    for which, start, channels in zip(
        caps.group.tolist(), caps.at.tolist(), caps.channels.tolist(), strict=True
    ):
        low, high = bounds[which], bounds[which + 1]
        found[low + int(np.searchsorted(at[low:high], start)) : high] = channels
    return found
