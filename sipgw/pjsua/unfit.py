"""What PJSIP cannot stand: messages at which it aborts, or waits for a name server, where it should say no.

Each was found by sending it to pjsua2 2.15.1. What is told here is known before PJSIP looks at the message.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from ipaddress import ip_address

from sipgw.messages import BadMessage, Message
from sipgw.messages.address import parse_address
from sipgw.messages.bad import Unreadable
from sipgw.messages.text import split
from sipgw.messages.uri import Uri
from sipgw.messages.via import parse_via

ACK, INFO = "ACK", "INFO"
_DTMF = "application/dtmf-relay"
_SIGNAL = re.compile(rb"(?i)signal\s*=\s*[0-9A-D*#]")


def refusal(message: Message, methods: Sequence[str]) -> BadMessage | None:
    """Why a request may not come to PJSIP, its SDP aside; None where it may.

    Parameters
    ----------
    methods : those that are served; PJSIP takes SUBSCRIBE of anybody, and keeps it

    Examples
    --------
    >>> from sipgw.messages import parse
    >>> head = "SUBSCRIBE sip:h SIP/2.0|v:SIP/2.0/UDP h|f:<sip:h>;tag=1|t:<sip:h>|i:1|CSeq:1 SUBSCRIBE||"
    >>> print(refusal(parse(head.replace("|", "\\r\\n").encode()), ["INVITE"]))
    method 'SUBSCRIBE' is not served; expected INVITE. Answered 405. [SIP-405]
    """
    if message.method == ACK:
        return (
            None if message.is_in_dialog else _dropped("To", "has no tag", "ACK of an answer, which has one")
        )
    maddr = _maddr(message)
    if maddr and not is_address(maddr):
        return _dropped("Via", "has a maddr that is a name", "an address: answers wait for no name server")
    if message.method not in methods:
        allowed = ", ".join(methods)
        return BadMessage.of("method", message.method, "is not served", allowed, 405, ("Allow", allowed))
    kind = message.first("Content-Type").partition(";")[0].strip().lower()
    if message.method == INFO and kind == _DTMF and not _SIGNAL.search(message.body):
        return BadMessage.of("body", None, "names no key", "Signal=1")
    return None


def sdp_fault(message: Message) -> BadMessage | None:
    """What is wrong with the addresses of SDP: a name there is looked up while all calls wait, and one of 254
    characters or more ends the process.

    Examples
    --------
    >>> from sipgw.messages import parse
    >>> head = "UPDATE sip:h SIP/2.0|v:SIP/2.0/UDP h|f:<sip:h>;tag=1|t:<sip:h>|i:1|CSeq:1 UPDATE|"
    >>> sdp = "c:application/sdp||v=0|c=IN IP4 phone.example|"
    >>> print(sdp_fault(parse((head + sdp).replace("|", "\\r\\n").encode())))
    SDP 'c=IN IP4 phone.example' names no address; expected c=IN IP4 192.0.2.1. Answered 488. [SIP-488]
    """
    kind = message.first("Content-Type").strip().lower()
    if not kind.startswith(("application/sdp", "multipart/")):
        return None
    for line in re.split(rb"[\r\n]+", message.body):
        name, _, value = line.strip().partition(b"=")
        words = value.decode("ascii", "replace").split()
        told = None
        if name.lower() == b"c":
            told = words[2:3]
        elif name.lower() == b"a" and value.lower().startswith(b"rtcp:") and len(words) > 1:
            told = words[3:4]
        if told is not None and not (told and is_address(told[0].partition("/")[0])):
            shown = line.decode("ascii", "replace")
            return BadMessage.of("SDP", shown, "names no address", "c=IN IP4 192.0.2.1", 488)
    return None


def is_reached(message: Message, transport: str) -> bool:
    """Whether the ACK of an answer can be sent by the transport of its leg: PJSIP aborts where it cannot.

    Parameters
    ----------
    transport : "udp", "tcp" or "tls"

    References
    ----------
    .. [1] RFC 3261, 12.1.2: the way of a caller's requests is Record-Route from below.
    """
    target = _target(message)
    if target is None:
        return not message.values("Record-Route")
    told = target.parameters.get("transport", "udp" if target.scheme == "sip" else "tls").lower()
    return (
        target.scheme in ("sip", "sips") and told == transport and (target.scheme == "sip" or told == "tls")
    )


def is_address(text: str) -> bool:
    """Whether a host is an address, and no name.

    Examples
    --------
    >>> is_address("192.0.2.1"), is_address("::1"), is_address("phone.example")
    (True, True, False)
    """
    try:
        ip_address(text.strip("[]"))
    except ValueError:
        return False
    return True


def _target(message: Message) -> Uri | None:
    """Where the next request of the caller goes first; None where nothing says it, or * does."""
    told = message.items("Record-Route")[-1:] or [one for one in message.items("Contact")[:1] if one != "*"]
    try:
        return parse_address(told[0]).uri if told else None
    except Unreadable:
        return None


def _maddr(message: Message) -> str:
    return parse_via(split(message.values("Via")[0], ",")[0]).parameters.get("maddr", "")


def _dropped(field: str, problem: str, expected: str) -> BadMessage:
    told = BadMessage.of(field, None, problem, expected)
    return BadMessage(told.status, told.reason, is_answered=False)
