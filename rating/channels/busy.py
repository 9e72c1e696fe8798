"""The busy hours of trunks and sites, and the channels that they take.

Two are told, since they answer different questions: the busiest clock hour of the month shows the worst
that happened, the busy hour of working days what to expect of an ordinary day.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from rating.accounts import NO_CAP
from rating.arrays import SECOND, Bools, Ints
from rating.channels.hours import Hours
from rating.erlang import Floats, channels_needed, erlang_b, offered_load


@dataclass(frozen=True)
class BusyHour:
    """The traffic of an hour, or of the same hour of several days together.

    at : its first instant, or that of the first day [ns]; clock : local hour, 0 to 23
    days : over how many it is the mean
    carried, offered : mean over these days [Erlang]
    attempts, blocked : calls set up in it that sought a channel, and that got none
    blocking : by Erlang B, with the channels of the month's end and this offered load; None without a cap
    needed : channels for each grade of service
    """

    at: int
    clock: int
    days: int
    carried: float
    offered: float
    attempts: int
    blocked: int
    blocking: float | None
    needed: tuple[int, ...]

    @property
    def measured(self) -> float | None:
        """Share of the calls that sought a channel and were blocked."""
        return self.blocked / self.attempts if self.attempts else None


@dataclass(frozen=True)
class Traffic:
    """What the hours of each group carried and blocked, shape (groups, hours).

    time : held [ns]; attempts, blocked : calls set up that sought a channel, that got none
    holding : mean time for which a call held its channel, nan where none did, shape (groups,) [s]
    channels : at the end of the month, or NO_CAP, shape (groups,)
    """

    time: Ints
    attempts: Ints
    blocked: Ints
    holding: Floats
    channels: Ints


def busiest_hours(traffic: Traffic, hours: Hours, shares: Sequence[float]) -> list[BusyHour | None]:
    """The clock hour of the month with most traffic offered, the first of several; None without traffic.

    Parameters
    ----------
    shares : grades of service, as 0.01
    """
    asked = hours.is_seen & hours.is_whole
    at = hours.edges[:-1][asked]
    return _busiest(traffic, asked, np.arange(len(at)), hours.clock[asked], at, hours, shares)


def daily_busy_hours(traffic: Traffic, hours: Hours, shares: Sequence[float]) -> list[BusyHour | None]:
    """The hour of the day with most traffic offered on the mean of working days; None without traffic.

    References
    ----------
    .. [1] ITU-T E.600, "time consistent busy hour".
    """
    asked = hours.is_working & hours.is_whole
    clocks, first, bin_of = np.unique(hours.clock[asked], return_index=True, return_inverse=True)
    at = hours.edges[:-1][asked][first]
    return _busiest(traffic, asked, bin_of, clocks, at, hours, shares)


def _busiest(
    traffic: Traffic,
    asked: Bools,
    bin_of: Ints,
    clocks: Ints,
    at: Ints,
    hours: Hours,
    shares: Sequence[float],
) -> list[BusyHour | None]:
    """The bin of hours with most traffic, for each group.

    Parameters
    ----------
    asked : hours that count, shape (hours,); bin_of : bin of each of these
    clocks, at : local hour and first instant of each bin
    """
    groups, bins = len(traffic.channels), len(clocks)
    if not bins:
        return [None] * groups
    length = np.bincount(bin_of, hours.length[asked], bins) / SECOND
    days = np.bincount(bin_of, minlength=bins)
    time, attempts, blocked = (
        _summed(values[:, asked], bin_of, bins)
        for values in (traffic.time, traffic.attempts, traffic.blocked)
    )
    holding = np.nan_to_num(traffic.holding)[:, None]
    carried = time / SECOND / length
    offered = offered_load(carried, blocked, holding, length)
    best = offered.argmax(axis=1)
    each = np.arange(groups)
    load = offered[each, best]
    has_cap = traffic.channels != NO_CAP
    blocking = erlang_b(load, np.where(has_cap, traffic.channels, 0))
    needed = channels_needed(load[:, None], np.array(shares, np.float64)[None, :])
    # Where every call was blocked, nobody knows how long one would have taken.
    known = (load > 0) & ~np.isnan(traffic.holding)
    return [
        BusyHour(
            at=int(at[bin]),
            clock=int(clocks[bin]),
            days=int(days[bin]),
            carried=float(carried[i, bin]),
            offered=float(load[i]),
            attempts=int(attempts[i, bin]),
            blocked=int(blocked[i, bin]),
            blocking=float(blocking[i]) if has_cap[i] else None,
            needed=tuple(needed[i].tolist()),
        )
        if known[i]
        else None
        for i, bin in enumerate(best.tolist())
    ]


def _summed(values: Ints, bin_of: Ints, bins: int) -> Ints:
    """Sums over the hours of each bin, shape (groups, bins)."""
    order = np.argsort(bin_of, kind="stable")
    starts = np.searchsorted(bin_of[order], np.arange(bins))
    return np.add.reduceat(values[:, order], starts, axis=1)
