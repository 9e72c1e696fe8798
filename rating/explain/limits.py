"""The plan's limits over a trunk's month, one call at a time (SPEC 6.1–6.6, art. 7.2)."""

from __future__ import annotations

from dataclasses import dataclass, field
from itertools import pairwise

import numpy as np
import pyarrow as pa

from rating.accounts import Accounts, Decision, Trunk
from rating.explain.folder import Found, Row
from rating.numbering import key_texts, read_numbers
from rating.reasons import FORWARDING, REASONS
from rating.subjects import folded
from rating.tariffs.plans import Limit, Plan
from rating.zone import parse_month

SECOND = 1_000_000_000
DECIDED_BEFORE = frozenset(REASONS[:FORWARDING])
NEVER_COUNTED = frozenset(("emergency", "free"))


@dataclass
class LimitState:
    """One limit as the explained call met it.

    before, after : used by the call's subject, before and after it; total : over the whole month
    hidden : calls of the subject that do not count because their number is masked or unreadable
    left_s : seconds that reached the limit; billed_s : what it billed of them
    crossing : call_id of the crossing, or empty; at : its instant [ns]
    """

    limit: Limit
    size: int
    channels: int | None
    mode: str
    decision: Decision | None
    subject: str
    counts: bool
    before: int = 0
    after: int = 0
    total: int = 0
    hidden: int = 0
    left_s: int = 0
    billed_s: int = 0
    crossing: str = ""
    at: int = 0


@dataclass
class Walk:
    """Where each call of the month stands while the limits are applied, by (source, call_id)."""

    left: dict[tuple[str, str], int]
    reason: dict[tuple[str, str], str] = field(default_factory=dict)


def identity(row: Row) -> tuple[str, str]:
    return row["source"], row["call_id"]


def walk_limits(
    found: Found, trunk: Trunk, plan: Plan, of_plan: list[Row]
) -> tuple[list[LimitState], str, int]:
    """Apply the limits of the call's plan to the calls of that plan, in order.

    Parameters
    ----------
    of_plan : answered calls of the trunk and month under the plan, in order

    Returns
    -------
    (states, reason, billed_s) of the explained call; the reason is empty where no limit billed it.
    """
    eligible = [
        row for row in of_plan if row["direction"] == "outbound" and row["reason"] not in DECIDED_BEFORE
    ]
    walk = Walk({identity(row): row["duration_s"] for row in eligible})
    states = [_walk_one(found, trunk, plan, limit, of_plan, eligible, walk) for limit in plan.fair_use]
    mine = identity(found.call)
    billed = found.call["duration_s"] - walk.left[mine] if mine in walk.left else 0
    return states, walk.reason.get(mine, ""), billed


def _walk_one(
    found: Found, trunk: Trunk, plan: Plan, limit: Limit, of_plan: list[Row], eligible: list[Row], walk: Walk
) -> LimitState:
    mine = identity(found.call)
    decision = decision_of(trunk, found.call["month"], limit.reason)
    channels = channels_in_month(found, trunk, plan) if limit.per == "channel" else None
    state = LimitState(
        limit=limit,
        size=limit.limit * (1 if channels is None else channels),
        channels=channels,
        mode=decision.mode if decision else limit.on_breach,
        decision=decision,
        subject=subject_of(found.call, limit, found),
        counts=False,
    )
    is_numbers = limit.measure == "distinct_numbers"
    candidates = [row for row in eligible if _is_candidate(row, limit)]
    in_scope = [row for row in of_plan if _counts(row, limit)] if is_numbers else candidates
    counted = [row for row in in_scope if not is_numbers or _number(row)]
    subjects = {identity(row): subject_of(row, limit, found) for row in [*candidates, *counted]}
    position = {identity(row): i for i, row in enumerate(of_plan)}
    used: dict[str, int] = {}
    seen: dict[str, set[int]] = {}
    crossed: dict[str, int] = {}
    excess: dict[tuple[str, str], int] = {}
    for row in counted:
        key = identity(row)
        subject = subjects[key]
        before = used.get(subject, 0)
        if is_numbers:
            seen.setdefault(subject, set()).add(_number(row))
            after, at = len(seen[subject]), row["answer_time"]
        else:
            left = walk.left[key]
            after = max(before, left) if limit.per == "call" else before + left
            start = 0 if limit.per == "call" else before
            excess[key] = max(start + left - state.size, 0) - max(start - state.size, 0)
            at = row["answer_time"] + (state.size - start) * SECOND
        used[subject] = after
        is_beyond = after > state.size if limit.per != "call" else excess[key] > 0
        if is_beyond and subject not in crossed:
            crossed[subject] = position[key]
            if subject == state.subject:
                state.crossing, state.at = row["call_id"], at
        if key == mine:
            state.counts, state.before, state.after = True, before, after
    if is_numbers and not state.counts:
        state.before = state.after = _seen_before(found.call, counted, subjects, state.subject)
    state.total = used.get(state.subject, 0)
    hidden = [row for row in in_scope if is_numbers and not _number(row)]
    state.hidden = sum(subject_of(row, limit, found) == state.subject for row in hidden)
    state.left_s = walk.left.get(mine, 0) if mine in {identity(row) for row in candidates} else 0
    for row in candidates:
        key = identity(row)
        subject = subjects[key]
        if subject not in crossed or state.mode == "waive":
            continue
        if state.mode == "retroactive":
            taken = walk.left[key] if limit.per != "call" or excess[key] > 0 else 0
        elif is_numbers:
            taken = walk.left[key] if position[key] >= crossed[subject] else 0
        else:
            taken = excess[key]
        if taken:
            walk.reason.setdefault(key, limit.reason)
            walk.left[key] -= taken
        if key == mine:
            state.billed_s = taken
    return state


def _seen_before(call: Row, counted: list[Row], subjects: dict[tuple[str, str], str], subject: str) -> int:
    """Distinct numbers of the subject before a call that does not count itself."""
    earlier = [
        row
        for row in counted
        if subjects[identity(row)] == subject
        and (row["answer_time"], *identity(row)) < (call["answer_time"], *identity(call))
    ]
    return len({_number(row) for row in earlier})


def _number(row: Row) -> int:
    """The number at the other end, 0 where it is masked or unreadable."""
    return int(row["b_key"] if row["direction"] == "outbound" else row["a_key"])


def _is_candidate(row: Row, limit: Limit) -> bool:
    return limit.measure != "forwarded_time" or row["forward_type"] in limit.types


def _counts(row: Row, limit: Limit) -> bool:
    """Whether a call's number, if it is known, counts for a limit of distinct numbers (SPEC 6.2)."""
    if row["direction"] == "inbound":
        return limit.scope == "both_directions" and not row.get("a_is_emergency")
    if row["reason"] in NEVER_COUNTED:
        return False
    return limit.scope != "eligible" or row["reason"] not in ("no_rate", "out_of_plan")


def subject_of(row: Row, limit: Limit, found: Found) -> str:
    """Whose use of the limit a call is; empty where the limit is the trunk's."""
    if limit.per == "user":
        own = row["a_number"] if row["direction"] == "outbound" else row["b_number"]
        return _person(row["forwarded_by"] or row["user_id"] or own, found)
    if limit.per == "number":
        own = row["a_number"] if row["direction"] == "outbound" else row["b_number"]
        return _person(row["forwarded_by"], found) if row["forwarded_by"] else folded(own)
    return ""


def _person(text: str, found: Found) -> str:
    """A user or number as one subject: the users' number, the number as read, else the name."""
    if text not in found.people:
        key = number_of(text, found)
        found.people[text] = str(key_texts(np.array([key]))[0]) if key else folded(text)
    return found.people[text]


def number_of(text: str, found: Found) -> int:
    """The number that a user has, or that a text reads as; 0 for none."""
    users = customer_users(found.accounts, found.call["trunk_id"])
    bare = found.record.get("bare_numbers") == "international"
    read = read_numbers(pa.array([text], pa.string()), found.book.numbering, bare)
    return users.get(folded(text), int(read.key[0]))


def customer_users(accounts: Accounts, trunk_id: str) -> dict[str, int]:
    trunk = next(trunk for trunk in accounts.trunks if trunk.id == trunk_id)
    return accounts.customers[trunk.customer].users


def channels_in_month(found: Found, trunk: Trunk, plan: Plan) -> int:
    """Channels that size the month's limits (SPEC 6.5), from the stretches of one number of channels."""
    month = parse_month(found.call["month"])
    assert month is not None
    start, end = found.book.zone.month_span(month)
    edges = sorted({start, end, *(edge for span in trunk.channels for edge in (span.start, span.end))})
    edges = [edge for edge in edges if start <= edge <= end]
    stretches = []
    for one, other in pairwise(edges):
        held = [int(span.value) for span in trunk.channels if span.start <= one < span.end]
        stretches.append((other - one, held[0] if held else 0))
    if plan.limit_channels == "average":
        return -(-sum(length * channels for length, channels in stretches) // (end - start))
    choose = min if plan.limit_channels == "min" else max
    return choose(channels for _, channels in stretches)


def decision_of(trunk: Trunk, month: str, reason: str) -> Decision | None:
    """The decision in force: the latest `when` (SPEC 6.6)."""
    of_month = [d for d in trunk.decisions if d.month == parse_month(month) and d.reason == reason]
    return max(of_month, key=lambda decision: decision.when) if of_month else None
