"""What the engineer's figures need of each call: when it held a channel, how it ended, whose it was."""

from __future__ import annotations

from dataclasses import dataclass, fields, replace

import numpy as np

from rating.accounts import Accounts
from rating.arrays import NONE, Bools, Ints
from rating.classify import TrunkSlices, plans_at, plans_of
from rating.holders import NO_CHANNEL, WITHOUT_CHANNEL, is_one_of
from rating.placing import Placed, answered_seconds
from rating.sites import NO_SITE, sites_of
from rating.subjects import People, own_keys
from rating.tariffs.book import TariffBook

REACHED = ("busy", "no_answer", "cancelled", "declined")
"""End reasons of calls that reached the called user, though he did not answer."""

REACHED_CODES = (408, 480, 486, 487, 600, 603)
"""The same by SIP status (RFC 3398, causes 17 to 21), where a CDR gives no end reason."""


@dataclass(frozen=True)
class Attempts:
    """Calls, each an attempt to hold a channel, shape (n,) each.

    trunk : index into `accounts.trunks`; site : place among those of the trunk, NO_SITE where it has none
    time : answer, else setup; it tells the month [ns]
    begin, end : a channel is held in [begin, end); begin = end where none is [ns]
    delay : setup to first 18x, -1 where it is not known [ns]
    duration_s : 0 where not answered [s]
    blocked : found no channel; refused : by a rule of the gateway; reached : the called user, answered or not
    is_told : whether the CDR gives an end reason
    """

    trunk: Ints
    site: Ints
    is_outbound: Bools
    time: Ints
    setup: Ints
    begin: Ints
    end: Ints
    delay: Ints
    duration_s: Ints
    answered: Bools
    blocked: Bools
    refused: Bools
    reached: Bools
    is_told: Bools

    def __len__(self) -> int:
        return len(self.trunk)

    @property
    def seized(self) -> Bools:
        """Got a channel, if for no length of time."""
        return ~(self.blocked | self.refused)

    def take(self, rows: Ints) -> Attempts:
        """Some of the calls, in the given order."""
        return replace(self, **{f.name: getattr(self, f.name)[rows] for f in fields(self)})


def attempts_of(placed: Placed, accounts: Accounts, people: People, book: TariffBook | None) -> Attempts:
    """Lay out calls that are in order of trunk.

    A call holds its channel from its setup; where the plan in force says `occupancy_from: answer`, from its
    answer, and none if it is not answered.

    References
    ----------
    .. [1] SPEC 8; choices, "Channels".
    """
    calls = placed.calls
    answered = calls.answer != NONE
    reason, code = calls.end_reason, calls.sip_code
    blocked = is_one_of(reason, (NO_CHANNEL,))
    refused = is_one_of(reason, WITHOUT_CHANNEL) & ~blocked
    is_told = ~is_one_of(reason, ("",))
    reached = np.where(is_told, is_one_of(reason, REACHED), np.isin(code, REACHED_CODES))
    begin = np.where(_is_from_answer(placed, accounts, book), calls.answer, calls.setup)
    holds = ~(blocked | refused) & (begin != NONE)
    known = (calls.alert != NONE) & (calls.alert >= calls.setup)
    return Attempts(
        trunk=placed.trunk,
        site=_sites(placed, people, accounts),
        is_outbound=calls.outbound,
        time=placed.time(),
        setup=calls.setup,
        begin=np.where(holds, begin, calls.release),
        end=calls.release,
        delay=np.where(known, calls.alert - np.where(known, calls.setup, 0), -1),
        duration_s=answered_seconds(calls),
        answered=answered,
        blocked=blocked,
        refused=refused,
        reached=(reached | answered) & ~(blocked | refused),
        is_told=is_told,
    )


def _is_from_answer(placed: Placed, accounts: Accounts, book: TariffBook | None) -> Bools:
    """Calls whose plan in force lets them hold a channel from the answer only."""
    from_answer = np.array([plan.occupancy_from == "answer" for plan in plans_of(book)] if book else [], bool)
    if book is None or not from_answer.any():
        return np.zeros(len(placed), bool)
    return from_answer[plans_at(TrunkSlices(placed.trunk, placed.time()), book, accounts)]


def _sites(placed: Placed, people: People, accounts: Accounts) -> Ints:
    """Place of each call's site among those of its trunk, NO_SITE where it has none."""
    site, sites = sites_of(placed.trunk, own_keys(placed, people), accounts)
    first = np.searchsorted(sites.trunk, placed.trunk)
    return np.where(site == NO_SITE, NO_SITE, site - first)
