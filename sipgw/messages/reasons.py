"""Reason: why a call ended or was sent on."""

from __future__ import annotations

from typing import NamedTuple

from sipgw.messages.bad import Unreadable
from sipgw.messages.message import Message
from sipgw.messages.text import LWS, is_digits, split, without_quotes

SIP, Q850 = "SIP", "Q.850"
COMPLETED_ELSEWHERE = 200


class Reason(NamedTuple):
    """One reason: a SIP status or a Q.850 cause, 0 where there is none, and words."""

    protocol: str
    cause: int
    text: str


def parse_reason(text: str) -> Reason:
    """Read one reason; words without quotes are let pass.

    Raises
    ------
    Unreadable
        A quote is not closed.

    References
    ----------
    .. [1] RFC 3326.

    Examples
    --------
    >>> parse_reason('Q.850;cause=34;text="No circuit/channel available"')
    Reason(protocol='Q.850', cause=34, text='No circuit/channel available')
    >>> parse_reason("sip; cause=302; text=Moved temporarily")
    Reason(protocol='SIP', cause=302, text='Moved temporarily')
    """
    protocol, *told = (part.strip(LWS) for part in split(text, ";"))
    found: dict[str, str] = {}
    for part in told:
        name, _, value = part.partition("=")
        found.setdefault(name.strip(LWS).lower(), value.strip(LWS))
    cause = found.get("cause", "")
    number = int(cause) if is_digits(cause) and len(cause) < 4 else 0
    return Reason(protocol.upper(), number, without_quotes(found.get("text", "")))


def reasons_of(message: Message) -> list[Reason]:
    """All reasons of a message; a SIP and a Q.850 one may stand together."""
    return read_reasons(message.items("Reason"))


def read_reasons(parts: list[str]) -> list[Reason]:
    """Those that can be read."""
    found = []
    for part in parts:
        try:
            found.append(parse_reason(part))
        except Unreadable:
            continue
    return found


def is_completed_elsewhere(message: Message) -> bool:
    """Whether a CANCEL says that another fork answered: not a missed call (RFC 3326, 2)."""
    return any(
        reason.protocol == SIP and reason.cause == COMPLETED_ELSEWHERE for reason in reasons_of(message)
    )
