"""What PJSIP cannot stand: messages at which it aborts, or waits for a name server, where it should say no.

Each was found by sending it to pjsua2 2.15.1. Whatever else is wrong with a message is not asked here.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from ipaddress import AddressValueError, IPv6Address
from typing import NamedTuple

from sipgw.messages.uri import Uri
from sipgw.pjsua.loose import Loose

ACK, INFO = "ACK", "INFO"
_DTMF = "application/dtmf-relay"
_SIGNAL = re.compile(rb"(?is)signal[ \t]*=[ \t]*[0-9A-D*#][ \t]*(\r?\n.*)?")
_LONGEST_SIGNAL = 200
_MADDR = re.compile(r"(?i);\s*maddr\s*=\s*([^;,\s]*)")
_CONNECTION = re.compile(rb"(?i)\s*c\s*=(.*)", re.DOTALL)
_RTCP = re.compile(rb"(?i)\s*a\s*=\s*rtcp(?![-a-z0-9])[\s:]*(.*)", re.DOTALL)
_IPV4 = re.compile(r"[0-9]{1,3}(\.[0-9]{1,3}){3}")
_LONGEST_IPV6 = 45


class Unfit(NamedTuple):
    """Why a message may not come to PJSIP; status : what answers it, 0 where it is dropped."""

    status: int
    reason: str


def refusal(message: Loose, methods: Sequence[str]) -> Unfit | None:
    """Why a request may not come to PJSIP, its SDP aside; None where it may.

    Parameters
    ----------
    methods : those that are served; PJSIP takes SUBSCRIBE of anybody, and keeps it

    Examples
    --------
    >>> from sipgw.pjsua.loose import read
    >>> refusal(read(b"SUBSCRIBE sip:h SIP/2.0\\r\\nVia: SIP/2.0/UDP h\\r\\n\\r\\n"), ["INVITE"])
    Unfit(status=405, reason="method 'SUBSCRIBE' is not served; expected INVITE.")
    """
    for via in message.values("via"):
        for found in _MADDR.finditer(via):
            if not is_address(found[1]):
                return Unfit(0, "Via has a maddr that is a name; expected an address.")
    if message.method.upper() == ACK:  # PJSIP reads methods in any case, and aborts when it answers an ACK
        is_one = message.method == ACK and message.is_in_dialog
        return None if is_one else Unfit(0, "ACK has no To tag; expected that of the answer.")
    if message.method.upper() not in methods:
        return Unfit(405, f"method '{message.method[:20]}' is not served; expected {', '.join(methods)}.")
    if message.method.upper() == INFO and _DTMF in message.content_type and not _is_key(message.body):
        return Unfit(400, "INFO names no key; expected Signal=1.")
    return None


def sdp_fault(message: Loose) -> Unfit | None:
    """What is wrong with the addresses of SDP: a name there is looked up while all calls wait, and one of 254
    characters or more ends the process.

    Examples
    --------
    >>> from sipgw.pjsua.loose import read
    >>> head = b"UPDATE sip:h SIP/2.0\\r\\nc: application / sdp\\r\\n\\r\\n"
    >>> sdp_fault(read(head + b"v=0\\r\\nc=IN IP4 phone.example\\r\\n"))
    Unfit(status=488, reason="SDP 'c=IN IP4 phone.example' names no address; expected c=IN IP4 192.0.2.1.")
    >>> sdp_fault(read(head + b"v=0\\r\\nc=IN IP4 192.0.2.1\\r\\na=rtcp:6001\\r\\na=rtcp-mux\\r\\n"))
    """
    if not any(kind in message.content_type for kind in ("sdp", "multipart")):
        return None
    for line in re.split(rb"[\r\n]+", message.body):
        if found := _CONNECTION.fullmatch(line):
            told = found[1].split()[2:3]
        elif (found := _RTCP.fullmatch(line)) and len(found[1].split()) > 1:
            told = found[1].split()[3:4]
        else:
            continue
        if not (told and is_address(told[0].partition(b"/")[0].decode("latin-1"))):
            shown = line.decode("ascii", "replace")[:60]
            return Unfit(488, f"SDP '{shown}' names no address; expected c=IN IP4 192.0.2.1.")
    return None


def is_reached(uri: Uri, transport: str) -> bool:
    """Whether a request can be sent to a URI by the transport of its leg: PJSIP aborts where the ACK cannot.

    Parameters
    ----------
    transport : "udp", "tcp" or "tls"

    Examples
    --------
    >>> from sipgw.messages.uri import parse_uri
    >>> [is_reached(parse_uri(f"sip:h{told}"), "udp") for told in ("", ";transport=UDP", ";transport=tcp")]
    [True, True, False]
    >>> [is_reached(parse_uri(text), "udp") for text in ("sip:h;transport=udp;transport=tcp", "tel:+1")]
    [False, False]
    """
    told = re.findall(r"(?i);\s*transport\s*=?\s*([^;?\s]*)", uri.text)
    if uri.scheme != "sip" or len(told) > 1 or re.search(r"(?i);[^;=]*%", uri.text):
        return False
    return (told[0].lower() if told else "udp") == transport


def by_transport(uri: Uri, transport: str, place: str) -> str:
    """A URI that is reached: itself with the transport where it names none, else the peer's own place.

    Parameters
    ----------
    place : address and port that the message came from

    Examples
    --------
    >>> from sipgw.messages.uri import parse_uri
    >>> by_transport(parse_uri("sip:op@sbc.example:5070"), "tcp", "192.0.2.1:5060")
    'sip:op@sbc.example:5070;transport=tcp'
    >>> by_transport(parse_uri("sips:op@sbc.example"), "udp", "192.0.2.1:5060")
    'sip:op@192.0.2.1:5060;transport=udp'
    """
    if (
        uri.scheme == "sip"
        and "transport" not in uri.text.lower()
        and "%" not in uri.text
        and not uri.headers
    ):
        return f"{uri.text};transport={transport}"
    user = f"{uri.user}@" if uri.scheme in ("sip", "sips") and uri.user and "%" not in uri.user else ""
    return f"sip:{user}{place};transport={transport}"


def is_address(text: str) -> bool:
    """Whether a host is an address, and no name.

    Examples
    --------
    >>> [is_address(text) for text in ("192.0.2.1", "010.0.0.1", "::1", "h.example", "fe80::1%a", "[::1]")]
    [True, True, True, False, False, False]
    """
    if _IPV4.fullmatch(text):
        return True
    try:
        return len(text) <= _LONGEST_IPV6 and "%" not in text and bool(IPv6Address(text))
    except AddressValueError:
        return False


def _is_key(body: bytes) -> bool:
    return len(body) <= _LONGEST_SIGNAL and bool(_SIGNAL.fullmatch(body))
