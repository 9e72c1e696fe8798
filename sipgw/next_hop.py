"""Next hops: the SIP URIs of hosts that calls are sent on to."""

from __future__ import annotations

import re
from dataclasses import dataclass
from ipaddress import ip_address

from sipgw.names import is_host
from sipgw.settings import Address, Listener

PORTS = {"udp": 5060, "tcp": 5060, "tls": 5061}
"""Where SIP is heard by each transport, if a URI does not say it (RFC 3261, 19.1.2)."""

_URI = re.compile(r"sip:(\[[^\]]*\]|[^:;\[\]@?]+)(?::([0-9]{1,5}))?(?:;transport=(udp|tcp|tls))?")


@dataclass(frozen=True)
class NextHop:
    """A host and how it is reached.

    host : as a URI has it, an IPv6 address in brackets
    port : None where the URI has none
    """

    host: str
    port: int | None
    transport: str

    @property
    def place(self) -> str:
        """Host and port, as the URI has them."""
        return self.host if self.port is None else f"{self.host}:{self.port}"

    @property
    def address(self) -> Address | None:
        """None of a name."""
        try:
            return ip_address(self.host.strip("[]"))
        except ValueError:
            return None

    def is_reached_by(self, listener: Listener) -> bool:
        """Whether what a listener sends can go there: one transport, and one IP version where it is known.

        Examples
        --------
        >>> listener = Listener("tls", ip_address("127.0.0.1"), 5061)
        >>> hops = "sip:sbc.example;transport=tls", "sip:sbc.example", "sip:[::1];transport=tls"
        >>> [read_next_hop(hop).is_reached_by(listener) for hop in hops]
        [True, False, False]
        """
        version = self.address.version if self.address else listener.address.version
        return (self.transport, version) == (listener.transport, listener.address.version)

    def is_at(self, listener: Listener) -> bool:
        """Whether it is a listener's own address."""
        port = PORTS[self.transport] if self.port is None else self.port
        return self.is_reached_by(listener) and (self.address, port) == (listener.address, listener.port)


def read_next_hop(text: str) -> NextHop | None:
    """Read a SIP URI of host, port and transport; None where it is none.

    Examples
    --------
    >>> read_next_hop("sip:127.0.0.1:5080")
    NextHop(host='127.0.0.1', port=5080, transport='udp')
    >>> read_next_hop("sip:sbc.operator.example;transport=tls").place, read_next_hop("sip:a b")
    ('sbc.operator.example', None)
    """
    match = _URI.fullmatch(text)
    if match is None or not is_host(match[1]):
        return None
    port = int(match[2]) if match[2] else None
    return NextHop(match[1], port, match[3] or "udp") if port is None or 0 < port < 65_536 else None
