"""The CDR of a call leg that begins, from what admission knows of it."""

from __future__ import annotations

from rating.schema import FORWARD_TYPES
from sipgw.attempt import Attempt
from sipgw.policy import Decision
from sipgw.spool.row import Row, plain

LONGEST_CALL_ID = 160


def begun(source: str, unique: str, attempt: Attempt, decision: Decision, now: int) -> Row:
    """The row of a leg, still without an end.

    A SIP Call-ID is the peer's: it may come twice, by chance or on purpose, and two CDRs of one id are
    rejects. What is appended makes it unique.

    Parameters
    ----------
    source : the gateway's name
    unique : a text that no other leg of the source has
    now : instant of the INVITE [ns]
    """
    known = attempt.forward_type in FORWARD_TYPES
    return Row(
        source=plain(source),
        call_id=f"{plain(attempt.call_id)[:LONGEST_CALL_ID]}#{unique}",
        trunk_id=decision.trunk_id,
        direction=decision.direction,
        a_number=plain(attempt.a_number),
        b_number=plain(decision.b_number),
        setup=now,
        user_id=plain(attempt.user_id),
        forwarded_by=plain(attempt.forwarded_by),
        forward_type=attempt.forward_type if known else "unknown",
        rule=decision.rule,
    )
