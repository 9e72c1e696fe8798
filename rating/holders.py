"""Who holds a channel, from when, and how many are held then (SPEC 8)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from rating.accounts import Accounts
from rating.arrays import NONE, Bools, Ints, codes, runs
from rating.classify import Classified, TrunkSlices, plans_at
from rating.occupancy import Held, held_before
from rating.placing import Placed, gather
from rating.sites import NO_SITE, Sites, sites_of
from rating.subjects import People, own_keys
from rating.tariffs.book import TariffBook

NO_CHANNEL = "no_channel"
WITHOUT_CHANNEL = (NO_CHANNEL, "refused")
"""End reasons of calls that held no channel (SPEC 2)."""


@dataclass(frozen=True)
class Holders:
    """The calls that are rated, then those of other months; `rated` counts the first. Shape (calls,) each.

    begin : from when a call holds a channel [ns]; holds : whether it does
    site : place in `sites`, NO_SITE where the trunk has none for the call
    at_trunk, at_site : channels held when the call begins, by calls of one instant before it, too; -1 for
        calls that hold none, or have no site
    """

    placed: Placed
    begin: Ints
    holds: Bools
    rated: int
    site: Ints
    sites: Sites
    at_trunk: Ints
    at_site: Ints


def holders(
    calls: Classified, nearby: Placed, book: TariffBook, accounts: Accounts, people: People
) -> Holders:
    """All calls that may hold a channel.

    Parameters
    ----------
    calls : in (trunk, time) order
    nearby : calls of other months, by trunk
    """
    parts = [calls.placed, nearby] if len(nearby) else [calls.placed]
    placed = gather(parts) if len(nearby) else calls.placed
    begin = placed.calls.setup
    if any(plan.occupancy_from == "answer" for plan in calls.plans):
        from_answer = np.array([plan.occupancy_from == "answer" for plan in calls.plans], bool)
        slices = [TrunkSlices(part.trunk, part.time()) for part in parts]
        plan = np.concatenate([plans_at(part, book, accounts) for part in slices])
        begin = np.where(from_answer[plan], placed.calls.answer, begin)
    without = is_one_of(placed.calls.end_reason, WITHOUT_CHANNEL)
    holds = ~without & (begin != NONE) & (begin < placed.calls.release)
    site, sites = sites_of(calls.placed.trunk, calls.own, accounts)
    if len(nearby):
        site = np.append(site, _sites_nearby(nearby, own_keys(nearby, people), sites, accounts))
    at_trunk = _held_at_begin(placed, placed.trunk, begin, holds)
    at_site = _held_at_begin(placed, site, begin, holds)
    return Holders(placed, begin, holds, len(calls.placed), site, sites, at_trunk, at_site)


def is_one_of(column: pa.DictionaryArray, words: tuple[str, ...]) -> Bools:
    """Whether each text of a column is one of some words; shape (n,)."""
    wanted = pc.is_in(column.dictionary, pa.array(words)).to_numpy(zero_copy_only=False)
    return wanted[codes(column)]


def _held_at_begin(placed: Placed, group: Ints, begin: Ints, holds: Bools) -> Ints:
    """Channels of its group that are held when each call begins; group -1 is none."""
    found = np.full(len(group), -1)
    rows = np.flatnonzero(holds & (group >= 0))
    if not len(rows):
        return found
    of = group[rows]
    before, together, instant = held_before(Held(of - of.min(), begin[rows], placed.calls.release[rows]))
    tied = np.flatnonzero(together > 1)
    if len(tied):
        before[tied] += _rank(placed, rows[tied], instant[tied])
    found[rows] = before
    return found


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


def _sites_nearby(nearby: Placed, own: Ints, sites: Sites, accounts: Accounts) -> Ints:
    """Sites of the calls of other months, as places in the sites of the rated ones' trunks."""
    site, here = sites_of(nearby.trunk, own, accounts)
    place = {key: i for i, key in enumerate(zip(sites.trunk.tolist(), sites.names, strict=True))}
    known = [place.get(key, NO_SITE) for key in zip(here.trunk.tolist(), here.names, strict=True)]
    return np.array([*known, NO_SITE], np.int64)[site]
