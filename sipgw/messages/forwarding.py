"""Whether a call was forwarded, by whom and why."""

from __future__ import annotations

from itertools import pairwise
from typing import NamedTuple

from sipgw.messages.history import Diversion, Entry, cause_of
from sipgw.messages.numbers import Numbers
from sipgw.messages.uri import Uri

UNCONDITIONAL, BUSY, NO_ANSWER, UNKNOWN = "unconditional", "busy", "no_answer", "unknown"

BY_CAUSE = {302: UNCONDITIONAL, 486: BUSY, 496: BUSY, 408: NO_ANSWER}
"""RFC 4458 and RFC 7544; 496 is what Teams sends for busy. Others (deflection, not reachable) are unknown."""

BY_REASON = {"unconditional": UNCONDITIONAL, "user-busy": BUSY, "no-answer": NO_ANSWER}
"""Reasons of Diversion (RFC 5806)."""


class Forwarding(NamedTuple):
    """What the headers that exist for it tell of forwarding.

    by_history, by_diversion : the latest diverter; None where the header tells of none
    type : a type of SPEC 2; "" where neither header nor the Request-URI tells of forwarding
    hops : how often the call was sent on
    """

    by_history: Uri | None
    by_diversion: Uri | None
    type: str
    hops: int


def forwarding_of(
    uri: Uri, history: list[Entry], diversions: list[Diversion], numbers: Numbers
) -> Forwarding:
    """Read forwarding of a call to `uri`.

    The type is the first that is known of History-Info, the Request-URI and Diversion.

    Parameters
    ----------
    history : oldest entry first
    diversions : latest first

    References
    ----------
    .. [1] RFC 7044: the last entry may be the target itself; it is no diverter then. Teams sends none such.
    """
    path = _without_repeats(history, numbers)
    ends_here = path and not path[-1].cause and _is_same(path[-1].uri, uri, numbers)
    target = path.pop() if ends_here else None
    latest = _diverter(path, target)
    told = []
    if latest:
        target_cause = target.target_cause if target else latest.target_cause
        told.append(BY_CAUSE.get(latest.cause or target_cause, UNKNOWN))
    if cause_of(uri):
        told.append(BY_CAUSE.get(cause_of(uri), UNKNOWN))
    if diversions:
        told.append(BY_REASON.get(diversions[0].reason, UNKNOWN))
    known = [one for one in told if one != UNKNOWN]
    return Forwarding(
        latest.uri if latest else None,
        diversions[0].uri if diversions else None,
        (known or told or [""])[0],
        max(len(path), sum(one.counter for one in diversions)),
    )


def _diverter(path: list[Entry], target: Entry | None) -> Entry | None:
    """The entry that the target says it was chosen by, else the latest."""
    for entry in path:
        if target and entry.index and entry.index == target.mapped_from:
            return entry
    return path[-1] if path else None


def _without_repeats(history: list[Entry], numbers: Numbers) -> list[Entry]:
    """Entries without those that a proxy added on the way to the same number; the last of each stays."""
    kept = [
        entry
        for entry, after in pairwise(history)
        if entry.cause or not _is_same(entry.uri, after.uri, numbers)
    ]
    return kept + history[-1:]


def _is_same(one: Uri, other: Uri, numbers: Numbers) -> bool:
    if numbers.of(one) or numbers.of(other):
        return numbers.of(one) == numbers.of(other)
    return bool(one.user) and (one.subscriber, one.host) == (other.subscriber, other.host)
