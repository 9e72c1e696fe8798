"""Stage 6: the plan's limits, in order: the only stage with memory (SPEC 6.1–6.6, art. 7.2).

Each limit is measured and applied over the whole month before the next, to the seconds that the earlier ones
left included. Calls are in (trunk, time) order, so a limit is a few cumulative sums over its groups.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from itertools import pairwise

import numpy as np

from rating.accounts import Accounts, Trunk
from rating.arrays import NONE, SECOND, Bools, Ints, group_ids
from rating.classify import OPEN, Classified, find_rows, of_class
from rating.reasons import CLASS_EMERGENCY, CLASS_FREE, EMERGENCY, FREE, INCLUDED, REASONS
from rating.schema import FORWARD_TYPES
from rating.subjects import People, number_subjects, user_subjects
from rating.tariffs.book import TariffBook
from rating.tariffs.plans import MODES, Limit
from rating.zone import Zone

NO_CALL = -1


@dataclass
class LimitUse:
    """How far subjects used one limit of one plan, shape (subjects,) each.

    limit, measured : seconds, or numbers
    crossing : call that crossed, NO_CALL where none did; at : instant of the crossing [ns]
    mode : index into MODES
    hidden : calls whose masked or unreadable number was not counted: `measured` is then a least
    """

    plan: int
    place: int
    reason: int
    suspend_plan: bool
    trunk: Ints
    month: Ints
    subject: list[str]
    limit: Ints
    measured: Ints
    crossing: Ints
    at: Ints
    mode: Ints
    hidden: Ints

    @property
    def breached(self) -> Bools:
        return self.crossing != NO_CALL


@dataclass
class Limited:
    """Reasons of all calls, the seconds billed, and which use of which limit billed a call first.

    use, subject : index into `uses`, and into its subjects; -1 for calls that no limit billed. Shape (n,)
    """

    reason: Ints
    billed_s: Ints
    use: Ints
    subject: Ints
    uses: list[LimitUse] = field(default_factory=list)


@dataclass
class _Group:
    """Calls that one limit looks at, grouped by (trunk, month, subject).

    rows : indexes of calls, ascending; ids : group of each; first : position of one call of each group
    """

    rows: Ints
    ids: Ints
    first: Ints
    subject_codes: Ints
    subject_names: list[str]

    @property
    def count(self) -> int:
        return len(self.first)

    def subject_texts(self) -> list[str]:
        return [self.subject_names[code] for code in self.subject_codes[self.first].tolist()]


def apply_limits(
    calls: Classified, duration_s: Ints, book: TariffBook, accounts: Accounts, people: People
) -> Limited:
    """Measure and apply the limits of every plan.

    Parameters
    ----------
    calls : in (trunk, time) order
    duration_s : shape (n,) [s]
    """
    n = len(duration_s)
    reason = calls.reason.copy()
    whole = (reason > FREE) & (reason != OPEN) & (calls.base >= 0)
    billed = np.where(whole, duration_s, 0)
    result = Limited(reason, billed, np.full(n, -1), np.full(n, -1))
    left = np.where(reason == OPEN, duration_s, 0)
    for index, plan in enumerate(calls.plans):
        for place, limit in enumerate(plan.fair_use):
            use, taken, rows, ids = _apply(calls, left, index, limit, place, book, accounts, people)
            left[rows] -= taken
            billed[rows] += taken
            first = (taken > 0) & (result.use[rows] < 0)
            result.use[rows[first]] = len(result.uses)
            result.subject[rows[first]] = ids[first]
            reason[rows[first]] = use.reason
            result.uses.append(use)
    reason[reason == OPEN] = INCLUDED
    return result


def included_seconds(calls: Classified, billed_s: Ints, duration_s: Ints) -> Ints:
    """Seconds within the plan: what is not billed of calls that a plan could include (SPEC 6); shape (n,)."""
    charged = (calls.base >= 0) & (calls.reason != EMERGENCY) & (calls.reason != FREE)
    return np.where(charged, duration_s, 0) - billed_s


def _apply(
    calls: Classified,
    left: Ints,
    plan: int,
    limit: Limit,
    place: int,
    book: TariffBook,
    accounts: Accounts,
    people: People,
) -> tuple[LimitUse, Ints, Ints, Ints]:
    """One limit of one plan: its use, and the seconds that it takes from some calls."""
    candidate = (calls.reason == OPEN) & (calls.plan == plan) & (left > 0)
    if limit.measure == "forwarded_time":
        wanted = [FORWARD_TYPES.index(kind) for kind in limit.types]
        candidate &= np.isin(calls.placed.calls.forward_type, wanted)
    counted, hidden = candidate, np.zeros(len(left), bool)
    if limit.measure == "distinct_numbers":
        counted, hidden = _counted(calls, plan, limit, book)
    group = _group(calls, np.flatnonzero(candidate | counted | hidden), limit, people)
    at_first = group.rows[group.first]
    trunk, month = calls.placed.trunk[at_first], calls.month[at_first]
    mode = _modes(calls, trunk, month, limit)
    size = _sizes(trunk, month, limit, calls.plans[plan].limit_channels, book.zone, accounts)
    answer = calls.placed.calls.answer
    if limit.measure == "distinct_numbers":
        measured, crossing = _measure_numbers(calls, group, counted, size)
        at = np.where(crossing != NO_CALL, answer[np.maximum(crossing, 0)], NONE)
        position = np.where(crossing == NO_CALL, len(left), crossing)
        beyond = np.where(group.rows >= position[group.ids], left[group.rows], 0)
    elif limit.measure == "call_time":
        seconds = left[group.rows]
        measured = _largest(seconds, group)
        beyond = np.maximum(seconds - size[group.ids], 0)
        crossing = _first_row(group, beyond > 0)
        at = np.where(crossing != NO_CALL, answer[np.maximum(crossing, 0)] + size * SECOND, NONE)
    else:
        measured, beyond, crossing, offset = _measure_time(group, left[group.rows], size)
        at = np.where(crossing != NO_CALL, answer[np.maximum(crossing, 0)] + offset * SECOND, NONE)
    breached = crossing != NO_CALL
    whole = beyond > 0 if limit.measure == "call_time" else breached[group.ids]
    taken = np.where(
        mode[group.ids] == MODES.index("retroactive"), np.where(whole, left[group.rows], 0), beyond
    )
    taken = np.where(candidate[group.rows] & (mode[group.ids] != MODES.index("waive")), taken, 0)
    use = LimitUse(
        plan=plan,
        place=place,
        reason=REASONS.index(limit.reason),
        suspend_plan=limit.suspend_plan,
        trunk=trunk,
        month=month,
        subject=group.subject_texts(),
        limit=size,
        measured=measured,
        crossing=crossing,
        at=at,
        mode=mode,
        hidden=np.bincount(group.ids[hidden[group.rows]], minlength=group.count),
    )
    return use, taken, group.rows, group.ids


def _counted(calls: Classified, plan: int, limit: Limit, book: TariffBook) -> tuple[Bools, Bools]:
    """Calls whose number counts for a limit of distinct numbers (SPEC 6.2): never emergency, never free.

    Returns
    -------
    (counted, hidden)
        Calls that count, and those that would if their number were not masked or unreadable; shape (n,)
    """
    placed = calls.placed
    outbound = calls.answered & placed.calls.outbound & (calls.plan == plan)
    counted = outbound & (calls.reason != EMERGENCY) & (calls.reason != FREE)
    known = np.where(placed.calls.outbound, placed.b_key, placed.a_key) > 0
    if limit.scope == "eligible":
        base = calls.base
        counted &= calls.in_plan & ~of_class(book, base, CLASS_EMERGENCY) & ~of_class(book, base, CLASS_FREE)
    if limit.scope == "both_directions":
        inbound = calls.answered & ~placed.calls.outbound & (calls.plan == plan)
        base = find_rows(book, np.flatnonzero(inbound), placed, placed.calls.answer, a_side=True)
        counted |= inbound & ~of_class(book, base, CLASS_EMERGENCY)
    return counted & known, counted & ~known


def _group(calls: Classified, rows: Ints, limit: Limit, people: People) -> _Group:
    """Group calls by trunk, month and, where the limit is per user or number, subject."""
    subjects, names = np.zeros(len(rows), np.int64), [""]
    if limit.per == "user" and len(rows):
        subjects, names = user_subjects(calls.placed, people, rows)
    elif limit.per == "number" and len(rows):
        subjects, names = number_subjects(calls.placed, calls.own, rows)
    ids, first = group_ids(calls.placed.trunk[rows], calls.month[rows], subjects)
    return _Group(rows, ids, first, subjects, names)


def _modes(calls: Classified, trunk: Ints, month: Ints, limit: Limit) -> Ints:
    """What a breach does, by group: the plan's word, or a recorded decision's (SPEC 6.6)."""
    mode = np.full(len(trunk), MODES.index(limit.on_breach))
    for (of_trunk, of_month, reason), decision in calls.decisions.items():
        if reason == limit.reason:
            mode[(trunk == of_trunk) & (month == of_month)] = MODES.index(decision.mode)
    return mode


def _sizes(trunk: Ints, month: Ints, limit: Limit, rule: str, zone: Zone, accounts: Accounts) -> Ints:
    """The limit of each group: as the plan says, times the channels where it is per channel."""
    size = np.full(len(trunk), limit.limit)
    if limit.per == "channel":
        pairs, inverse = np.unique(np.stack((trunk, month)), axis=1, return_inverse=True)
        channels = [
            channels_of_month(accounts.trunks[of_trunk], of_month, rule, zone)
            for of_trunk, of_month in pairs.T.tolist()
        ]
        size = size * np.array(channels, np.int64)[inverse.reshape(-1)] if len(channels) else size
    return size


def channels_of_month(trunk: Trunk, month: int, rule: str, zone: Zone) -> int:
    """Channels that size the limits of a month (SPEC 6.5): "max", "min" or "average" in force."""
    start, end = zone.month_span(month)
    steps = trunk.channels_between(start, end)
    values = [channels for _, channels in steps]
    if rule == "average":
        edges = [at for at, _ in steps] + [end]
        weighted = sum(number * (to - at) for number, (at, to) in zip(values, pairwise(edges), strict=True))
        return -(-weighted // (end - start))
    return min(values) if rule == "min" else max(values)


def _measure_time(group: _Group, seconds: Ints, size: Ints) -> tuple[Ints, Ints, Ints, Ints]:
    """Cumulative seconds of each group in order: total, part of each call beyond, crossing, second of it."""
    order, starts, total = _cumulative(group, seconds)
    ordered = seconds[order]
    after = np.cumsum(ordered) - np.repeat(starts, np.bincount(group.ids, minlength=group.count))
    limit = size[group.ids[order]]
    over_after = np.maximum(after - limit, 0)
    over_before = np.maximum(after - ordered - limit, 0)
    beyond = np.zeros(len(seconds), np.int64)
    beyond[order] = over_after - over_before
    crossing = _first_row(group, beyond > 0)
    offset = np.zeros(group.count, np.int64)
    first_over = np.flatnonzero((over_after > 0) & (over_before == 0) & (ordered > 0))
    offset[group.ids[order][first_over][::-1]] = (limit - (after - ordered))[first_over][::-1]
    return total, beyond, crossing, offset


def _cumulative(group: _Group, values: Ints) -> tuple[Ints, Ints, Ints]:
    """Order by group, what precedes each group in it, and each group's total."""
    order = np.argsort(group.ids, kind="stable")
    total = np.zeros(group.count, np.int64)
    np.add.at(total, group.ids, values)
    return order, np.cumsum(total) - total, total


def _measure_numbers(calls: Classified, group: _Group, counted: Bools, size: Ints) -> tuple[Ints, Ints]:
    """Distinct numbers of each group, and the call that brought one too many."""
    placed = calls.placed
    among = np.flatnonzero(counted[group.rows])
    rows, ids = group.rows[among], group.ids[among]
    number = np.where(placed.calls.outbound[rows], placed.b_key[rows], placed.a_key[rows])
    order = np.lexsort((rows, number, ids))
    new = np.ones(len(rows), bool)
    new[order[1:]] = (ids[order][1:] != ids[order][:-1]) | (number[order][1:] != number[order][:-1])
    inner = _Group(rows, ids, group.first, group.subject_codes, group.subject_names)
    measured, _, crossing, _ = _measure_time(inner, new.astype(np.int64), size)
    return measured, crossing


def _first_row(group: _Group, mask: Bools) -> Ints:
    """First call of each group for which the mask holds, NO_CALL where it never does."""
    first = np.full(group.count, NO_CALL)
    found = np.flatnonzero(mask)[::-1]
    first[group.ids[found]] = group.rows[found]
    return first


def _largest(values: Ints, group: _Group) -> Ints:
    largest = np.zeros(group.count, np.int64)
    np.maximum.at(largest, group.ids, values)
    return largest
