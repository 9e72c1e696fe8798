"""One line a month for each trunk and each of its sites: all that the engineer is shown of it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from rating.accounts import NO_CAP, Accounts, Trunk
from rating.arrays import SECOND, Bools, Ints
from rating.channels.attempts import Attempts
from rating.channels.busy import BusyHour, Traffic, busiest_hours, daily_busy_hours
from rating.channels.hours import Hours
from rating.channels.quality import Quality, qualities
from rating.channels.sweep import Caps, Occupancy, sweep
from rating.erlang import Floats
from rating.occupancy import Held
from rating.sites import NO_SITE

CELLS = 1 << 20
"""Hours of trunks and sites that are looked at at a time."""

DIRECTIONS = ("both", "outbound", "inbound")


@dataclass(frozen=True)
class Line:
    """A trunk's month, or a site's.

    trunk : index into `accounts.trunks`; site : its id, None for the whole trunk
    caps : (instant, channels) as they changed in the month, the first at its start; NO_CAP where a site has
        no channels of its own [ns]
    peak, peak_at, at_cap_s, above_cap_s : as in occupancy.csv; peak_at -1 where no channel was held [ns]
    quality : of each of DIRECTIONS
    is_told : whether some CDR says why its call ended: else blocked calls cannot be seen
    held, peaks, attempts, blocked : of each hour: channels held [Erlang], most at once, calls set up that
        sought a channel, and that got none; shape (hours,)
    week, week_peaks : mean held [Erlang] and most at once by weekday and local hour, shape (7, 24)
    """

    trunk: int
    site: str | None
    caps: tuple[tuple[int, int], ...]
    peak: int
    peak_at: int
    at_cap_s: int
    above_cap_s: int
    quality: dict[str, Quality]
    is_told: bool
    busiest: BusyHour | None
    daily: BusyHour | None
    held: Floats
    peaks: Ints
    attempts: Ints
    blocked: Ints
    week: Floats
    week_peaks: Ints

    @property
    def channels(self) -> int | None:
        """In force at the end of the month; None where a site has none of its own."""
        last = self.caps[-1][1]
        return None if last == NO_CAP else last

    @property
    def is_silent(self) -> bool:
        """No call, and no channel held."""
        return not (self.quality["both"].attempts or self.peak)

    @property
    def erlang_hours(self) -> float:
        """All traffic carried."""
        return float(self.held.sum())


def lines_of(
    attempts: Attempts,
    of_month: Bools,
    hours: Hours,
    trunks: Ints,
    accounts: Accounts,
    shares: Sequence[float],
) -> list[Line]:
    """Lines of some trunks, each followed by those of its sites.

    Parameters
    ----------
    attempts : of these trunks and perhaps others, in order of trunk
    of_month : which of them are calls of the month, shape (n,); the others may hold channels in it
    trunks : ascending, shape (trunks,)
    shares : grades of service, as 0.01
    """
    found: list[Line] = []
    for some in _portions(trunks, len(hours), accounts):
        low, high = np.searchsorted(attempts.trunk, [some[0], some[-1] + 1])
        rows = np.arange(low, high)
        found += _lines(attempts.take(rows), of_month[rows], hours, some, accounts, shares)
    return found


def _portions(trunks: Ints, hours: int, accounts: Accounts) -> Iterator[Ints]:
    """Some trunks at a time, so that the hours of their lines are not many more than CELLS."""
    lines = np.array([1 + len(accounts.trunks[i].sites) for i in trunks.tolist()], np.int64)
    portion = np.cumsum(lines) * hours // CELLS
    for number in np.unique(portion).tolist():
        yield trunks[portion == number]


@dataclass(frozen=True)
class _Members:
    """The lines to be, and the calls of each: a call with a site is in two.

    trunk : index; site : its place among the trunk's, None for the whole trunk
    row, line : call and its line, shape (members,)
    """

    trunk: list[int]
    site: list[int | None]
    row: Ints
    line: Ints


def _members(attempts: Attempts, trunks: Ints, accounts: Accounts) -> _Members:
    trunk_of, site_of = list[int](), list[int | None]()
    line_of = np.full(len(accounts.trunks), -1)
    sites = np.array([len(trunk.sites) for trunk in accounts.trunks], np.int64)
    for trunk in trunks.tolist():
        line_of[trunk] = len(trunk_of)
        trunk_of += [trunk] * (1 + int(sites[trunk]))
        site_of += [None, *range(int(sites[trunk]))]
    ours = np.flatnonzero(line_of[attempts.trunk] >= 0)
    placed = ours[attempts.site[ours] != NO_SITE]
    of_trunk, of_site = line_of[attempts.trunk[ours]], line_of[attempts.trunk[placed]]
    line = np.concatenate((of_trunk, of_site + 1 + attempts.site[placed]))
    return _Members(trunk_of, site_of, np.concatenate((ours, placed)), line)


def _lines(
    attempts: Attempts,
    of_month: Bools,
    hours: Hours,
    trunks: Ints,
    accounts: Accounts,
    shares: Sequence[float],
) -> list[Line]:
    members = _members(attempts, trunks, accounts)
    n, start, end = len(members.trunk), int(hours.edges[0]), int(hours.edges[-1])
    caps = [
        _caps(accounts.trunks[trunk], site, start, end)
        for trunk, site in zip(members.trunk, members.site, strict=True)
    ]
    calls = attempts.take(members.row)
    occupancy = _occupancy(calls, members.line, caps, hours)
    counted = of_month[members.row]
    mine, line = calls.take(np.flatnonzero(counted)), members.line[counted]
    quality = _qualities(mine, line, n)
    attempted = _by_hour(calls.setup, ~calls.refused, members.line, hours, n)
    blocked = _by_hour(calls.setup, calls.blocked, members.line, hours, n)
    holding = [found["both"].holding_s for found in quality]
    traffic = Traffic(
        time=occupancy.time,
        attempts=attempted,
        blocked=blocked,
        holding=np.array([np.nan if mean is None else mean for mean in holding], np.float64),
        channels=np.array([steps[-1][1] for steps in caps], np.int64),
    )
    busiest, daily = busiest_hours(traffic, hours, shares), daily_busy_hours(traffic, hours, shares)
    week, week_peaks = _weeks(occupancy, hours)
    told = np.bincount(line[mine.is_told], minlength=n) > 0
    held = occupancy.time / hours.length
    return [
        Line(
            trunk=members.trunk[i],
            site=_site_id(accounts.trunks[members.trunk[i]], members.site[i]),
            caps=tuple(caps[i]),
            peak=int(occupancy.peak[i].max()),
            peak_at=int(occupancy.peak_at[i]),
            at_cap_s=-(-int(occupancy.at_cap[i]) // SECOND),
            above_cap_s=-(-int(occupancy.above_cap[i]) // SECOND),
            quality=quality[i],
            is_told=bool(told[i]),
            busiest=busiest[i],
            daily=daily[i],
            held=held[i],
            peaks=occupancy.peak[i],
            attempts=attempted[i],
            blocked=blocked[i],
            week=week[i],
            week_peaks=week_peaks[i],
        )
        for i in range(n)
    ]


def _site_id(trunk: Trunk, place: int | None) -> str | None:
    return None if place is None else trunk.sites[place].id


def _caps(trunk: Trunk, site: int | None, start: int, end: int) -> list[tuple[int, int]]:
    """Channels of a trunk or site between two instants, as (instant, channels) of each change."""
    if site is None:
        return trunk.channels_between(start, end)
    return [(start, trunk.sites[site].channels)]


def _occupancy(calls: Attempts, line: Ints, caps: list[list[tuple[int, int]]], hours: Hours) -> Occupancy:
    holds = calls.begin < calls.end
    held = Held(line[holds], calls.begin[holds], calls.end[holds])
    flat = np.array([(i, at, channels) for i, steps in enumerate(caps) for at, channels in steps], np.int64)
    return sweep(held, Caps(flat[:, 0], flat[:, 1], flat[:, 2]), hours.edges, len(caps))


def _qualities(calls: Attempts, line: Ints, lines: int) -> list[dict[str, Quality]]:
    """Figures of each line by direction."""
    outbound = calls.is_outbound
    masks = (np.ones(len(calls), bool), outbound, ~outbound)
    columns = [qualities(calls.take(np.flatnonzero(mask)), line[mask], lines) for mask in masks]
    return [dict(zip(DIRECTIONS, found, strict=True)) for found in zip(*columns, strict=True)]


def _by_hour(setup: Ints, which: Bools, line: Ints, hours: Hours, lines: int) -> Ints:
    """How many of some calls were set up in each hour, shape (lines, hours)."""
    some = which & (hours.edges[0] <= setup) & (setup < hours.edges[-1])
    hour = np.searchsorted(hours.edges, setup[some], "right") - 1
    cells = np.bincount(line[some] * len(hours) + hour, minlength=lines * len(hours))
    return cells.reshape(lines, len(hours)).astype(np.int64)


def _weeks(occupancy: Occupancy, hours: Hours) -> tuple[Floats, Ints]:
    """Mean held and most at once, by weekday and clock hour of the days seen; shape (lines, 7, 24) each."""
    lines = len(occupancy.peak)
    seen = np.flatnonzero(hours.is_seen)
    slot = hours.weekday[seen] * 24 + hours.clock[seen]
    order = seen[np.argsort(slot, kind="stable")]
    slots, starts = np.unique(np.sort(slot), return_index=True)
    time, peaks = np.zeros((lines, 7 * 24)), np.zeros((lines, 7 * 24), np.int64)
    if len(slots):
        length = np.add.reduceat(hours.length[order], starts)
        time[:, slots] = np.add.reduceat(occupancy.time[:, order], starts, axis=1) / length
        peaks[:, slots] = np.maximum.reduceat(occupancy.peak[:, order], starts, axis=1)
    return time.reshape(lines, 7, 24), peaks.reshape(lines, 7, 24)
