"""Stage 5: channels: who holds one, who began when all were held, how full trunks and sites were (SPEC 8)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from rating.accounts import Accounts
from rating.arrays import NONE, SECOND, Bools, Ints, codes, distinct, is_among, runs
from rating.classify import OPEN, Classified, TrunkSlices, find_rows, of_class, plans_at, waived
from rating.occupancy import Held, Period, held_before, occupancy
from rating.placing import Placed, gather
from rating.reasons import CLASS_EMERGENCY, OVER_CAP
from rating.sites import NO_SITE, Sites, sites_of
from rating.subjects import People, own_keys
from rating.tariffs.book import TariffBook
from rating.zone import Zone

NO_CHANNEL = "no_channel"
WITHOUT_CHANNEL = (NO_CHANNEL, "refused")
"""End reasons of calls that held no channel (SPEC 2)."""

_NEVER_FULL = np.iinfo(np.int64).max


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
class Channels:
    """What the stage found.

    over_cap : shape (n,); site : place of each call's site in `sites`, NO_SITE where it has none
    trunks : a row for each trunk and month that has calls
    at_sites : for each of these, one for each site of the trunk; of_trunks : which of these it is
    """

    over_cap: Bools
    site: Ints
    sites: Sites
    trunks: Usages
    at_sites: Usages
    of_trunks: Ints


@dataclass(frozen=True)
class _Everyone:
    """The calls that are rated, then those of other months; `rated` counts the first."""

    placed: Placed
    own: Ints
    begin: Ints
    holds: Bools
    rated: int


def hold_channels(
    calls: Classified, nearby: Placed, book: TariffBook, accounts: Accounts, people: People
) -> Channels:
    """Find over-cap calls, and give those their reason whose plan bills them.

    Parameters
    ----------
    calls : in (trunk, time) order; `reason` is changed
    nearby : calls of other months that may hold channels, by trunk
    """
    every = _everyone(calls, nearby, book, accounts, people)
    n = every.rated
    trunk, setup = calls.placed.trunk, calls.placed.calls.setup
    trunk_full = _full(every, every.placed.trunk, _caps_at(trunk, setup, accounts))
    site, sites = sites_of(trunk, calls.own, accounts)
    everywhere, site_full = np.append(site, _sites_nearby(every, sites, accounts)), np.zeros(n, bool)
    if len(sites):
        caps = np.where(site == NO_SITE, _NEVER_FULL, sites.channels[site])
        site_full = _full(every, everywhere, caps)
    spared = _emergencies_among(np.flatnonzero(trunk_full | site_full), calls, book)
    site_full &= ~spared
    over_cap = (trunk_full & ~spared) | site_full
    _bill(calls, over_cap)
    figures = _usages(calls, every, over_cap, everywhere, site_full, sites, book.zone, accounts)
    return Channels(over_cap, site, sites, *figures)


def _everyone(
    calls: Classified, nearby: Placed, book: TariffBook, accounts: Accounts, people: People
) -> _Everyone:
    """All calls that may hold a channel, and from when they do."""
    parts = [calls.placed, nearby] if len(nearby) else [calls.placed]
    placed = gather(parts) if len(parts) > 1 else calls.placed
    own = np.append(calls.own, own_keys(nearby, people)) if len(nearby) else calls.own
    begin = placed.calls.setup
    if any(plan.occupancy_from == "answer" for plan in calls.plans):
        from_answer = np.array([plan.occupancy_from == "answer" for plan in calls.plans], bool)
        slices = [TrunkSlices(part.trunk, part.time()) for part in parts]
        plan = np.concatenate([plans_at(part, book, accounts) for part in slices])
        begin = np.where(from_answer[plan], placed.calls.answer, begin)
    without = _is_one_of(placed.calls.end_reason, WITHOUT_CHANNEL)
    holds = ~without & (begin != NONE) & (begin < placed.calls.release)
    return _Everyone(placed, own, begin, holds, len(calls.placed))


def _is_one_of(column: pa.DictionaryArray, words: tuple[str, ...]) -> Bools:
    wanted = pc.is_in(column.dictionary, pa.array(words)).to_numpy(zero_copy_only=False)
    return wanted[codes(column)]


def _full(every: _Everyone, group: Ints, cap: Ints) -> Bools:
    """Rated calls that begin while the cap of their group is reached; group -1 has none.

    Parameters
    ----------
    cap : of the group at each rated call's setup
    """
    rows = np.flatnonzero(every.holds & (group >= 0))
    full = np.zeros(len(group), bool)
    if not len(rows):
        return full[: every.rated]
    caps = np.append(cap, np.full(len(group) - every.rated, _NEVER_FULL))[rows]
    before, together, instant = held_before(_held(every, group, rows))
    found = before >= caps
    doubtful = ~found & (before + together > caps)
    if doubtful.any():
        tied = np.flatnonzero(is_among(instant, distinct(instant[doubtful])))
        found[tied] = before[tied] + _rank(every.placed, rows[tied], instant[tied]) >= caps[tied]
    full[rows] = found
    return full[: every.rated]


def _held(every: _Everyone, group: Ints, rows: Ints) -> Held:
    """Intervals of some calls, their groups counted from 0."""
    of = group[rows]
    return Held(of - of.min(initial=0), every.begin[rows], every.placed.calls.release[rows])


def _rank(placed: Placed, rows: Ints, instant: Ints) -> Ints:
    """Place of each call among those that begin at its instant, by (setup_time, call_id)."""
    calls = placed.calls
    table = pa.table(
        {"instant": instant, "setup": calls.setup[rows], "call_id": calls.call_id.take(pa.array(rows))}
    )
    order = pc.sort_indices(table, sort_keys=[(name, "ascending") for name in table.column_names]).to_numpy()
    bounds = runs(instant[order])
    rank = np.empty(len(rows), np.int64)
    rank[order] = np.arange(len(rows)) - np.repeat(bounds[:-1], np.diff(bounds))
    return rank


def _caps_at(trunk: Ints, setup: Ints, accounts: Accounts) -> Ints:
    """Channels of each call's trunk in force at its setup, 0 where no entry covers it."""
    slices = TrunkSlices(trunk, setup)
    cap = np.zeros(len(trunk), np.int64)
    for i, found in slices.trunks(accounts):
        part = slices.of(i)
        for span in found.channels:
            cap[part][(span.start <= setup[part]) & (setup[part] < span.end)] = int(span.value)
    return cap


def _sites_nearby(every: _Everyone, sites: Sites, accounts: Accounts) -> Ints:
    """Sites of the calls of other months, as places in the sites of the rated ones' trunks."""
    trunk, own = every.placed.trunk[every.rated :], every.own[every.rated :]
    site, here = sites_of(trunk, own, accounts)
    place = {key: i for i, key in enumerate(zip(sites.trunk.tolist(), sites.names, strict=True))}
    known = [place.get(key, NO_SITE) for key in zip(here.trunk.tolist(), here.names, strict=True)]
    return np.where(site == NO_SITE, NO_SITE, np.array([*known, NO_SITE], np.int64)[site])


def _emergencies_among(rows: Ints, calls: Classified, book: TariffBook) -> Bools:
    """Which of some calls go to emergency services; one without answer by the deck at its setup."""
    placed = calls.placed
    base = calls.base.copy()
    asked = rows[placed.calls.outbound[rows] & (placed.calls.answer[rows] == NONE)]
    if len(asked):
        base[asked] = find_rows(book, asked, placed, placed.calls.setup)[asked]
    found = np.zeros(len(placed), bool)
    found[rows] = of_class(book, base[rows], CLASS_EMERGENCY)
    return found


def _bill(calls: Classified, over_cap: Bools) -> None:
    """Reason `over_cap` for calls that no earlier rule decided and whose plan bills them (SPEC 8)."""
    bills = np.array([plan.on_over_cap == "bill" for plan in calls.plans], bool)
    if not bills.any():
        return
    billed = over_cap & (calls.reason == OPEN) & bills[calls.plan]
    billed &= ~waived(calls.placed.trunk, calls.month, calls.decisions, OVER_CAP)
    calls.reason[billed] = OVER_CAP


def _usages(
    calls: Classified,
    every: _Everyone,
    over_cap: Bools,
    site: Ints,
    site_full: Bools,
    sites: Sites,
    zone: Zone,
    accounts: Accounts,
) -> tuple[Usages, Usages, Ints]:
    """Rows of trunks, rows of their sites, and the trunk's row of each of these."""
    trunk, month = calls.placed.trunk, calls.month
    bounds = runs(trunk, month)
    row = np.repeat(np.arange(len(bounds) - 1), np.diff(bounds))
    of_trunk, of_month = trunk[bounds[:-1]], month[bounds[:-1]]
    blocked = _is_one_of(calls.placed.calls.end_reason, (NO_CHANNEL,))
    caps = [
        accounts.trunks[i].channels_between(*zone.month_span(of))
        for i, of in zip(of_trunk.tolist(), of_month.tolist(), strict=True)
    ]
    rows = np.arange(len(of_trunk))
    trunks = _usage(every, every.placed.trunk, of_trunk, of_month, caps, zone, row, blocked, over_cap, rows)

    count = np.bincount(sites.trunk, minlength=len(accounts.trunks))
    first = np.cumsum(count) - count
    of_trunks = np.repeat(rows, count[of_trunk])
    offset = np.cumsum(count[of_trunk]) - count[of_trunk]
    group = first[of_trunk[of_trunks]] + np.arange(len(of_trunks)) - offset[of_trunks]
    at_month = of_month[of_trunks]
    steps = [
        [(zone.month_span(of)[0], int(sites.channels[i]))]
        for i, of in zip(group.tolist(), at_month.tolist(), strict=True)
    ]
    here = site[: every.rated]
    site_row = np.where(here == NO_SITE, -1, offset[row] + here - first[trunk])
    order = np.lexsort((at_month, group))
    at_sites = _usage(every, site, group, at_month, steps, zone, site_row, blocked, site_full, order)
    return trunks, at_sites, of_trunks


def _usage(
    every: _Everyone,
    group_of: Ints,
    group: Ints,
    month: Ints,
    caps: list[list[tuple[int, int]]],
    zone: Zone,
    row: Ints,
    blocked: Bools,
    over_cap: Bools,
    order: Ints,
) -> Usages:
    """Figures of some (group, month) rows.

    Parameters
    ----------
    group_of : group of each call, -1 for none; row : row of each rated call, -1 for none
    group, month, caps : of each row, caps as steps over the month; order : the rows by group and month
    """
    rows = np.flatnonzero(every.holds & (group_of >= 0))
    base = min(int(group_of[rows].min(initial=_NEVER_FULL)), int(group.min(initial=_NEVER_FULL)))
    held = Held(group_of[rows] - base, every.begin[rows], every.placed.calls.release[rows])
    periods = [
        Period(int(group[i]) - base, caps[i], zone.month_span(int(month[i]))[1]) for i in order.tolist()
    ]
    found = occupancy(held, periods)
    back = np.argsort(order)

    def count(mask: Bools) -> Ints:
        return np.bincount(row[mask & (row >= 0)], minlength=len(group))

    return Usages(
        group=group,
        month=month,
        channels=np.array([max(channels for _, channels in steps) for steps in caps], np.int64),
        calls=count(np.ones(len(row), bool)),
        blocked=count(blocked),
        over_cap=count(over_cap),
        peak=found.peak[back],
        peak_at=found.peak_at[back],
        at_cap_s=-(-found.at_cap[back] // SECOND),
        above_cap_s=-(-found.above_cap[back] // SECOND),
    )
