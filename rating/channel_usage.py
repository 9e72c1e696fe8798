"""How full trunks and sites were in a month: the figures of usage.csv and occupancy.csv (SPEC 8, 12)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from rating.accounts import Accounts
from rating.arrays import SECOND, Bools, Ints, runs
from rating.classify import Classified
from rating.holders import NO_CHANNEL, Holders, is_one_of
from rating.occupancy import Held, Period, occupancy
from rating.sites import NO_SITE
from rating.zone import Zone

_MOST = np.iinfo(np.int64).max


@dataclass(frozen=True)
class Usages:
    """How full trunks or sites were in a month, shape (rows,) each.

    group : trunk, or place in `Sites`; channels : the largest number in force in the month
    calls, blocked, over_cap : calls of the month
    peak, peak_at, at_cap_s, above_cap_s : see occupancy.py; the last two rounded up to whole seconds
    """

    group: Ints
    month: Ints
    channels: Ints
    calls: Ints
    blocked: Ints
    over_cap: Ints
    peak: Ints
    peak_at: Ints
    at_cap_s: Ints
    above_cap_s: Ints


@dataclass(frozen=True)
class _Wanted:
    """The rows that are wanted of trunks, or of sites, shape (rows,) each.

    caps : of each row, as steps over the month
    of_call : row of each rated call, -1 for none; group_of : group of each call, -1 for none
    """

    group: Ints
    month: Ints
    caps: list[list[tuple[int, int]]]
    of_call: Ints
    group_of: Ints


def channel_usages(
    calls: Classified, held: Holders, over_cap: Bools, site_full: Bools, zone: Zone, accounts: Accounts
) -> tuple[Usages, Usages, Ints]:
    """Rows of trunks, rows of their sites, and the trunk's row of each of these.

    Parameters
    ----------
    over_cap, site_full : rated calls that are over cap, and those that are so by their site's
    """
    bounds = runs(calls.placed.trunk, calls.month)
    trunk, month = calls.placed.trunk[bounds[:-1]], calls.month[bounds[:-1]]
    caps = [
        accounts.trunks[i].channels_between(*zone.month_span(of))
        for i, of in zip(trunk.tolist(), month.tolist(), strict=True)
    ]
    row = np.repeat(np.arange(len(trunk)), np.diff(bounds))
    of_trunks = _Wanted(trunk, month, caps, row, held.placed.trunk)
    wanted, row_of = _wanted_of_sites(of_trunks, held, zone, len(accounts.trunks))
    blocked = is_one_of(calls.placed.calls.end_reason, (NO_CHANNEL,))
    return (
        _usages(held, of_trunks, blocked, over_cap, zone),
        _usages(held, wanted, blocked, site_full, zone),
        row_of,
    )


def _wanted_of_sites(of_trunks: _Wanted, held: Holders, zone: Zone, trunks: int) -> tuple[_Wanted, Ints]:
    """A row for each site of the trunk of each row, and that row."""
    sites, trunk = held.sites, of_trunks.group
    count = np.bincount(sites.trunk, minlength=trunks)
    first = np.cumsum(count) - count
    row = np.repeat(np.arange(len(trunk)), count[trunk])
    offset = np.cumsum(count[trunk]) - count[trunk]
    site = first[trunk[row]] + np.arange(len(row)) - offset[row]
    month = of_trunks.month[row]
    caps = [
        [(zone.month_span(of)[0], int(sites.channels[i]))]
        for i, of in zip(site.tolist(), month.tolist(), strict=True)
    ]
    here = held.site[: held.rated]
    of_call = offset[of_trunks.of_call] + here - first[trunk[of_trunks.of_call]]
    return _Wanted(site, month, caps, np.where(here == NO_SITE, -1, of_call), held.site), row


def _usages(held: Holders, wanted: _Wanted, blocked: Bools, over_cap: Bools, zone: Zone) -> Usages:
    rows = np.flatnonzero(held.holds & (wanted.group_of >= 0))
    group = wanted.group_of[rows]
    first = min(group.min(initial=_MOST), wanted.group.min(initial=_MOST))
    order = np.lexsort((wanted.month, wanted.group))
    periods = [
        Period(int(wanted.group[i] - first), wanted.caps[i], zone.month_span(int(wanted.month[i]))[1])
        for i in order.tolist()
    ]
    found = occupancy(Held(group - first, held.begin[rows], held.placed.calls.release[rows]), periods)
    back = np.argsort(order)

    def count(mask: Bools) -> Ints:
        return np.bincount(wanted.of_call[mask & (wanted.of_call >= 0)], minlength=len(wanted.group))

    return Usages(
        group=wanted.group,
        month=wanted.month,
        channels=np.array([max(channels for _, channels in steps) for steps in wanted.caps], np.int64),
        calls=count(np.ones(held.rated, bool)),
        blocked=count(blocked),
        over_cap=count(over_cap),
        peak=found.peak[back],
        peak_at=found.peak_at[back],
        at_cap_s=-(-found.at_cap[back] // SECOND),
        above_cap_s=-(-found.above_cap[back] // SECOND),
    )
