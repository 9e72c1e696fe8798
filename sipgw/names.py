"""Names of hosts and of certificates."""

from __future__ import annotations

import re
from ipaddress import ip_address

_LABEL = r"(?!-)[a-z0-9_-]{1,63}(?<!-)"
_HOST = re.compile(rf"{_LABEL}(\.{_LABEL})*\.?")
LONGEST = 63
"""Characters that Teams takes for an FQDN."""


def is_fqdn(text: str) -> bool:
    """Whether a text is a host's full name, of two labels or more, and no address.

    Examples
    --------
    >>> [is_fqdn(text) for text in ("sbc1.trunk.example", "trunk", "52.112.0.1", "*.trunk.example", "a..b")]
    [True, False, False, False, False]
    """
    name = text.lower().removesuffix(".")
    return len(name) <= 253 and "." in name and bool(_HOST.fullmatch(name)) and not name[-1].isdigit()


def is_host(text: str) -> bool:
    """Whether a text is a host as a SIP URI has it: a name, an IPv4 address, an IPv6 one in brackets.

    Examples
    --------
    >>> [is_host(text) for text in ("localhost", "127.0.0.1", "[::1]", "::1", "127.0.0.256", "a b")]
    [True, True, True, False, False, False]
    """
    try:
        address = ip_address(text.removeprefix("[").removesuffix("]"))
    except ValueError:
        return bool(_HOST.fullmatch(text.lower())) and not text.rstrip(".")[-1:].isdigit()
    return text == (f"[{text[1:-1]}]" if address.version == 6 else str(address))


def plain(name: str) -> str:
    """A name as it compares: lower case, without the root's dot.

    Examples
    --------
    >>> plain("SBC1.Trunk.Example.")
    'sbc1.trunk.example'
    """
    return name.lower().removesuffix(".")


def covers(certified: str, name: str) -> bool:
    """Whether a name of a certificate holds for a host; a star stands for one label, the first.

    References
    ----------
    .. [1] RFC 2818, 3.1; Microsoft, "Connect your SBC": *.trunk.example is not sbc1.cust.trunk.example.

    Examples
    --------
    >>> covers("*.trunk.example", "SBC1.trunk.example"), covers("*.trunk.example", "sbc1.cust.trunk.example")
    (True, False)
    >>> covers("*.trunk.example", "trunk.example"), covers("s*.trunk.example", "sbc1.trunk.example")
    (False, False)
    """
    certified, name = plain(certified), plain(name)
    parent = name.partition(".")[2]
    return bool(name) and certified in (name, f"*.{parent}")
