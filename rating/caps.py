"""Stage 5: channels: who began when all were held, and how full trunks and sites were (SPEC 8)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from rating.accounts import Accounts
from rating.arrays import Bools, Ints
from rating.channel_usage import Usages, channel_usages
from rating.classify import OPEN, Classified, TrunkSlices, find_rows, of_class, waived
from rating.holders import Holders, holders
from rating.placing import Placed
from rating.reasons import CLASS_EMERGENCY, OVER_CAP
from rating.sites import Sites
from rating.subjects import People
from rating.tariffs.book import TariffBook


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


def hold_channels(
    calls: Classified, nearby: Placed, book: TariffBook, accounts: Accounts, people: People
) -> Channels:
    """Find over-cap calls, and give those their reason whose plan bills them.

    Parameters
    ----------
    calls : in (trunk, time) order; `reason` is changed
    nearby : calls of other months that may hold channels, by trunk
    """
    held = holders(calls, nearby, book, accounts, people)
    n = held.rated
    trunk_full = held.at_trunk[:n] >= caps_at(calls.placed.trunk, calls.placed.calls.setup, accounts)
    trunk_full &= held.holds[:n]
    site_full = at_full_site(held)[:n]
    spared = emergencies_among(np.flatnonzero(trunk_full | site_full), calls.placed, book)
    site_full &= ~spared
    over_cap = (trunk_full & ~spared) | site_full
    bill_over_cap(calls, over_cap)
    trunks, at_sites, of_trunks = channel_usages(calls, held, over_cap, site_full, book.zone, accounts)
    return Channels(over_cap, held.site[:n], held.sites, trunks, at_sites, of_trunks)


def caps_at(trunk: Ints, setup: Ints, accounts: Accounts) -> Ints:
    """Channels of each call's trunk in force at its setup, 0 where no entry covers it."""
    slices = TrunkSlices(trunk, setup)
    cap = np.zeros(len(trunk), np.int64)
    for i, found in slices.trunks(accounts):
        part = slices.of(i)
        for span in found.channels:
            cap[part][(span.start <= setup[part]) & (setup[part] < span.end)] = int(span.value)
    return cap


def at_full_site(held: Holders) -> Bools:
    """Calls that begin when their site's channels are all held; shape (calls,)."""
    if not len(held.sites):
        return np.zeros(len(held.site), bool)
    return (held.at_site >= 0) & (held.at_site >= held.sites.channels[held.site])


def emergencies_among(rows: Ints, placed: Placed, book: TariffBook) -> Bools:
    """Which of some calls go to emergency services, by the deck at the answer, else the setup.

    Returns
    -------
    Bools
        Shape (calls,)
    """
    if not len(rows):
        return np.zeros(len(placed), bool)
    outbound = rows[placed.calls.outbound[rows]]
    return of_class(book, find_rows(book, outbound, placed, placed.time()), CLASS_EMERGENCY)


def bill_over_cap(calls: Classified, over_cap: Bools) -> None:
    """Reason `over_cap` for calls that no earlier rule decided and whose plan bills them (SPEC 8)."""
    bills = np.array([plan.on_over_cap == "bill" for plan in calls.plans], bool)
    if not bills.any():
        return
    billed = over_cap & (calls.reason == OPEN) & bills[calls.plan]
    billed &= ~waived(calls.placed.trunk, calls.month, calls.decisions, OVER_CAP)
    calls.reason[billed] = OVER_CAP
