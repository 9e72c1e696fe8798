"""Via: the way that a request came."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from sipgw.messages.bad import Unreadable
from sipgw.messages.text import LWS, close, is_token, parameters
from sipgw.messages.uri import parse_place

MAGIC = "z9hg4bk"
"""What branches of RFC 3261 begin with, in lower case."""


@dataclass(frozen=True)
class Via:
    """One hop; port 0 for none."""

    transport: str
    host: str
    port: int
    parameters: Mapping[str, str]


def parse_via(text: str) -> Via:
    """Read one value of a Via header.

    Raises
    ------
    Unreadable
        It is none.

    Examples
    --------
    >>> parse_via("SIP / 2.0 / TLS  sbc1.trunk.example : 5061;alias;branch=z9hG4bK1")
    Via(transport='TLS', host='sbc1.trunk.example', port=5061, parameters={'alias': '', 'branch': 'z9hG4bK1'})
    """
    hop, semicolon, told = text.replace("\t", " ").partition(";")
    protocol, version, rest = (part.strip(LWS) for part in [*hop.split("/", 2), "", ""][:3])
    transport, _, place = rest.partition(" ")
    if protocol.upper() != "SIP" or version != "2.0" or not is_token(transport):
        raise Unreadable("names no transport", "SIP/2.0/TLS host")
    host, port = parse_place(close(place, ":"))
    return Via(transport, host, port, parameters(semicolon + told))
