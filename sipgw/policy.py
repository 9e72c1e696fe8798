"""Admission of a call, in the order of SPEC 11; the same for every SIP engine.

`screen` does checks 1 to 6 and says which channel check 7 is about; `decide` compares it with the channels in
use; `admit` takes it from a counter. An engine calls `admit`, and `release` of its counter once per call.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import Protocol

from rating.accounts import Trunk
from sipgw import answers
from sipgw.answers import Refusal, refusal
from sipgw.attempt import Attempt
from sipgw.call import INBOUND, OUTBOUND, Call, place
from sipgw.channels import HELD, Acquired, Channels, Claim, InUse
from sipgw.directory import Directory
from sipgw.peers import comes_from_peer, is_certified
from sipgw.settings import TEAMS

MAX_HOPS = 5
"""Forwards that a call may have behind it: what telephone networks commonly allow. More go in circles."""

REFUSED, NO_CHANNEL = "refused", "no_channel"


Suspended = Mapping[str, Collection[str]]
"""Scopes of the suspensions that hold beside those of accounts, by trunk id."""

NO_SUSPENSION: Suspended = MappingProxyType({})


class Guard(Protocol):
    """Watches a trunk's calls for fraud or spending."""

    def tripped(self, trunk: Trunk, attempt: Attempt, now: int) -> str | None:
        """Why the call is refused, in words for the Reason header; None where it is not."""


@dataclass(frozen=True)
class Decision:
    """What becomes of a call, and what its CDR needs.

    rule : the check that decided (sipgw.answers)
    code, reason : final SIP status and Reason header of a refusal; 0 and "" when admitted
    silent : nothing is answered at all: to unknown addresses, so that scans find nothing
    direction, trunk_id, site, customer : "" where they are not known
    b_number : as the CDR has it: E.164, short digits, or as dialled where it cannot be read
    destination, destination_class : of an outbound call
    end_reason : "" when admitted, else refused or no_channel (SPEC 2)
    claim : the channel of an admitted call
    """

    rule: str
    code: int = 0
    reason: str = ""
    silent: bool = False
    direction: str = ""
    trunk_id: str = ""
    site: str = ""
    customer: str = ""
    b_number: str = ""
    destination: str = ""
    destination_class: str = ""
    end_reason: str = ""
    claim: Claim | None = None

    @property
    def is_admitted(self) -> bool:
        return not self.code


def decide(
    directory: Directory,
    attempt: Attempt,
    in_use: InUse,
    now: int,
    guards: Sequence[Guard] = (),
    suspended: Suspended = NO_SUSPENSION,
) -> Decision:
    """Say what becomes of a call; nothing is held by it.

    Parameters
    ----------
    in_use : channels held
    now : instant of the INVITE [ns]

    References
    ----------
    .. [1] SPEC 11, checks 1 to 7.
    """
    decision = screen(directory, attempt, now, guards, suspended)
    full = decision.claim.what_is_full(in_use) if decision.claim else ""
    return _without_channel(directory, decision, full) if full else decision


def admit(
    directory: Directory,
    attempt: Attempt,
    channels: Channels,
    now: int,
    guards: Sequence[Guard] = (),
    leg: str = "",
    suspended: Suspended = NO_SUSPENSION,
) -> Decision:
    """Decide, and hold the channel of a call that is admitted, in one step.

    Parameters
    ----------
    leg : what the engine calls this leg, and no other that is up; `leg_of(attempt)` where it has no better
    """
    decision = screen(directory, attempt, now, guards, suspended)
    if decision.claim is None:
        return decision
    outcome = channels.acquire(leg or leg_of(attempt), decision.claim, now)
    if outcome == HELD or decision.claim.emergency:
        return decision
    return _without_channel(directory, decision, outcome)


def leg_of(attempt: Attempt) -> str:
    """A name of the leg; the legs of a call that Teams forwards back differ by side, if by nothing else."""
    return f"{attempt.side} {attempt.call_id}"


def screen(
    directory: Directory,
    attempt: Attempt,
    now: int,
    guards: Sequence[Guard] = (),
    suspended: Suspended = NO_SUSPENSION,
) -> Decision:
    """Checks 1 to 6; an admitted call has the claim that check 7 is about."""
    direction = OUTBOUND if attempt.side == TEAMS else INBOUND
    unknown = Decision(answers.ADMITTED, direction=direction, b_number=attempt.b_number)
    if not comes_from_peer(directory.settings, attempt):
        return replace(_refused(unknown, answers.UNKNOWN_PEER), silent=True)
    if not is_certified(directory.settings, attempt):
        return _refused(unknown, answers.UNKNOWN_PEER)
    call = place(directory, attempt, now)
    told = _told(directory, call)
    if call.trunk is None:
        return _refused(told, answers.UNKNOWN_TRUNK if direction == OUTBOUND else answers.CALLED_NUMBER)
    if call.is_emergency:
        return told
    rule = _refusing_rule(directory, call, call.trunk, suspended)
    if rule:
        return _refused(told, rule)
    for guard in guards:
        words = guard.tripped(call.trunk, attempt, now)
        if words is not None:
            return _refused(told, answers.GUARD, refusal(answers.GUARD, words))
    return told


def _told(directory: Directory, call: Call) -> Decision:
    """The decision as it is where nothing refuses the call."""
    trunk = call.trunk
    claim = call.claim(directory, trunk) if trunk else None
    return Decision(
        rule=answers.EMERGENCY if call.is_emergency else answers.ADMITTED,
        direction=call.direction,
        trunk_id=trunk.id if trunk else "",
        site=claim.site if claim else "",
        customer=directory.accounts.customers[trunk.customer].id if trunk else "",
        b_number=call.called.text,
        destination=call.destination.name,
        destination_class=call.destination.klass,
        claim=claim,
    )


def _refusing_rule(directory: Directory, call: Call, trunk: Trunk, suspended: Suspended) -> str:
    """Checks 3 to 5, and the loop guard as the first of check 6; "" where none refuses."""
    outbound = call.direction == OUTBOUND
    scopes = {one.scope for one in directory.suspensions(trunk, call.now)}
    scopes.update(suspended.get(trunk.id, ()))
    if scopes:
        goes_abroad = outbound and directory.is_international(call.called.key, call.destination)
        if (
            "all" in scopes
            or (outbound and "outbound" in scopes)
            or (goes_abroad and "international" in scopes)
        ):
            return answers.SUSPENDED
    if outbound and not directory.may_use(trunk, call.own_number, call.now):
        return answers.BILLED_NUMBER
    if not call.called.key:
        return answers.UNREADABLE
    if call.destination.klass in directory.book.barred_classes:
        return answers.BARRED
    if call.attempt.hops > MAX_HOPS or call.attempt.max_forwards < 1:
        return answers.LOOP
    return ""


def _without_channel(directory: Directory, told: Decision, outcome: Acquired) -> Decision:
    """Check 7."""
    if outcome == answers.REPEATED:
        return _refused(told, outcome)
    at_cap = directory.settings.refusal_at_cap(told.trunk_id)
    return replace(_refused(told, outcome, at_cap), end_reason=NO_CHANNEL)


def _refused(told: Decision, rule: str, answer: Refusal | None = None) -> Decision:
    """The call refused, in the rule's own words unless another answer is given."""
    answer = answer or refusal(rule)
    return replace(told, rule=rule, code=answer.code, reason=answer.reason, end_reason=REFUSED, claim=None)
