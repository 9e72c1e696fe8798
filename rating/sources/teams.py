"""What all of Microsoft's exports have in common: call types, absent dates, end reasons."""

from __future__ import annotations

import re
from dataclasses import dataclass

NO_DATE = "0001-01-01"
"""How a Graph date says that there is none."""

KNOWN_TOKENS = frozenset(
    "byot dr oc user in out forwarding transfer ucap bot conf emergency unassigned".split()  # noqa: SIM905
)
TOLERANCE_S = 2
"""Seconds by which Microsoft's own duration may differ from end - start before it is said."""


@dataclass(frozen=True)
class CallType:
    """A call type read by its tokens: Microsoft renames them without notice.

    direction : "outbound", "inbound", or empty where no token tells; known : whether every token is
    """

    direction: str
    is_forward: bool
    known: bool


def read_call_type(text: str) -> CallType:
    """Classify a call type of Graph (`ByotOutUserForwarding`) or the admin center (`dr_out_user_forwarding`).

    Examples
    --------
    >>> read_call_type("ByotOutUserForwarding")
    CallType(direction='outbound', is_forward=True, known=True)
    >>> read_call_type("dr_in")
    CallType(direction='inbound', is_forward=False, known=True)
    >>> read_call_type("ByotOutSomethingNew").known
    False
    """
    tokens = [token.lower() for token in re.findall(r"[A-Z]?[a-z]+|[A-Z]+", text)]
    direction = "outbound" if "out" in tokens else "inbound" if "in" in tokens else ""
    return CallType(direction, "forwarding" in tokens, bool(tokens) and KNOWN_TOKENS.issuperset(tokens))


def date_or_none(text: str) -> str:
    """An instant's text; empty where it stands for none."""
    return "" if text.startswith(NO_DATE) else text


def end_reason(established: bool, sip_code: str) -> str:
    """How a call ended, from its final SIP status."""
    if established:
        return "normal"
    reasons = {"486": "busy", "600": "busy", "480": "no_answer", "408": "no_answer", "487": "cancelled"}
    return reasons.get(sip_code, "failed")
