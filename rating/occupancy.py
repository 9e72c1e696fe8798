"""How many channels are held when: a sweep over the begins and ends of calls, group by group (SPEC 8).

A group is whatever has a cap of its own: a trunk, or a site. Intervals are half-open: a call that ends at an
instant frees its channel before one that begins there takes it.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from rating.arrays import NONE, Ints

_END, _STEP, _BEGIN = range(3)
_KINDS = 4
_FITS = 1 << 61


@dataclass(frozen=True)
class Held:
    """Intervals in which calls hold a channel, shape (n,) each.

    group : whose channel, 0 and up; begin, end : begin < end [ns]
    """

    group: Ints
    begin: Ints
    end: Ints


@dataclass(frozen=True)
class Period:
    """A stretch of time of one group, and the caps in it.

    steps : (instant, cap) in order, the first at the period's start [ns]
    """

    group: int
    steps: list[tuple[int, int]]
    end: int


@dataclass(frozen=True)
class Occupancy:
    """Figures of each period, shape (periods,) each.

    peak : most channels held at an instant; peak_at : the first such instant, NONE where peak is 0 [ns]
    at_cap, above_cap : time with as many channels held as the cap, but not none, and with more [ns]
    """

    peak: Ints
    peak_at: Ints
    at_cap: Ints
    above_cap: Ints


def occupancy(held: Held, periods: list[Period]) -> Occupancy:
    """Sweep over calls.

    Parameters
    ----------
    periods : in order of group and time, not overlapping in a group

    References
    ----------
    .. [1] SPEC 8, "Batch"; choices, "Channels".

    Examples
    --------
    >>> held = Held(np.array([0, 0, 0]), np.array([2, 4, 10]), np.array([10, 6, 12]))
    >>> found = occupancy(held, [Period(0, [(0, 1), (5, 2)], 11)])
    >>> [int(value[0]) for value in (found.peak, found.peak_at, found.at_cap, found.above_cap)]
    [2, 4, 3, 1]
    """
    if not periods:
        return Occupancy(*(np.zeros(0, np.int64) for _ in range(4)))
    group, at, cap, place = _steps(periods)
    groups = 1 + max(int(held.group.max(initial=0)), periods[-1].group)
    (begin, end, at), span, instant = _coded([held.begin, held.end, at], groups)
    kinds = ((held.group, end, _END), (group, at, _STEP), (held.group, begin, _BEGIN))
    events = np.concatenate([(of * span + time) * _KINDS + kind for of, time, kind in kinds])
    events.sort()
    kind = events % _KINDS
    change = (kind == _BEGIN).astype(np.int32)
    change -= kind == _END
    steps = np.flatnonzero(kind == _STEP)
    first = steps[0]
    now, time = np.cumsum(change)[first:], instant(events[first:] // _KINDS % span)
    steps = steps - first
    bounds = steps[place]
    length = np.diff(time, append=time[-1:])
    over = now - np.repeat(cap, np.diff(steps, append=len(now)))
    # Between two groups nothing is held, so what is no length of time there does not count.
    at_cap = np.add.reduceat(np.where((over == 0) & (now > 0), length, 0), bounds)[::2]
    above_cap = np.add.reduceat(np.where((over > 0) & (now > 0), length, 0), bounds)[::2]
    peaks = np.maximum.reduceat(now, bounds)
    highest = np.flatnonzero(now == np.repeat(peaks, np.diff(bounds, append=len(now))))
    peak_at = time[highest[np.searchsorted(highest, bounds[::2])]]
    peak = peaks[::2].astype(np.int64)
    return Occupancy(peak, np.where(peak > 0, peak_at, NONE), at_cap, above_cap)


def held_before(held: Held) -> tuple[Ints, Ints, Ints]:
    """What each call finds when it begins.

    Returns
    -------
    (before, together, instant)
        Channels of its group held by calls that began earlier; calls of its group that begin at that instant,
        itself included; a number for group and instant. Shape (n,) each.

    Examples
    --------
    >>> held = Held(np.array([0, 0, 0, 1]), np.array([2, 4, 4, 4]), np.array([4, 6, 5, 9]))
    >>> before, together, _ = held_before(held)
    >>> before.tolist(), together.tolist()
    ([0, 0, 0, 0], [1, 2, 2, 1])
    """
    (begin, end), span, _ = _coded([held.begin, held.end], int(held.group.max(initial=0)) + 1)
    begins, ends = held.group * span + begin, held.group * span + end
    sorted_begins, sorted_ends = np.sort(begins), np.sort(ends)
    earlier = np.searchsorted(sorted_begins, begins, "left")
    before = earlier - np.searchsorted(sorted_ends, begins, "right")
    return before, np.searchsorted(sorted_begins, begins, "right") - earlier, begins


def _steps(periods: list[Period]) -> tuple[Ints, Ints, Ints, Ints]:
    """Steps of all periods as group, instant and cap; place of the first of each period and of its end."""
    group: list[int] = []
    at: list[int] = []
    cap: list[int] = []
    place: list[int] = []
    for period in periods:
        place += [len(at), len(at) + len(period.steps)]
        at += [instant for instant, _ in period.steps] + [period.end]
        cap += [channels for _, channels in period.steps] + [0]
        group += [period.group] * (len(period.steps) + 1)
    return np.array(group), np.array(at), np.array(cap), np.array(place)


def _coded(parts: list[Ints], groups: int) -> tuple[list[Ints], int, Callable[[Ints], Ints]]:
    """Instants as numbers below a span that leaves room for the groups, the span, and the way back."""
    every = np.concatenate(parts)
    if not len(every):
        return parts, 1, lambda code: code
    first = int(every.min())
    span = int(every.max()) - first + 1
    if groups * span < _FITS:
        return [part - first for part in parts], span, lambda code: code + first
    values, code = np.unique(every, return_inverse=True)
    cuts = np.cumsum([len(part) for part in parts])[:-1]
    return np.split(code, cuts), len(values), lambda code: values[code]
