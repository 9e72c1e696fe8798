"""Who may send calls: check 1 of SPEC 11, as far as the peer goes."""

from __future__ import annotations

from collections.abc import Iterable
from functools import lru_cache
from ipaddress import IPv6Address, ip_address

from sipgw.attempt import Attempt
from sipgw.names import covers
from sipgw.settings import OPERATOR, TEAMS, Address, Network, Settings


def comes_from_peer(settings: Settings, attempt: Attempt) -> bool:
    """Whether the address is one of the leg's peers."""
    if attempt.side == TEAMS:
        return is_within(attempt.address, settings.teams.addresses)
    return attempt.side == OPERATOR and is_within(attempt.address, settings.operator.addresses)


def is_certified(settings: Settings, attempt: Attempt) -> bool:
    """Whether the peer showed a certificate that holds for one of `teams.peers`, where one is due.

    It is due where all listeners of the Teams leg are TLS: a call without names has then come around them.
    On any other leg it is not, but one that is shown towards Teams must hold.
    """
    teams = settings.teams
    if attempt.side != TEAMS:
        return True
    if not attempt.tls_names and any(listener.transport != "tls" for listener in teams.listen):
        return True
    return any(covers(name, peer) for name in attempt.tls_names for peer in teams.peers)


def is_within(text: str, networks: Iterable[Network]) -> bool:
    """Whether a text is an address of some networks.

    Examples
    --------
    >>> from ipaddress import ip_network
    >>> networks = [ip_network("52.112.0.0/14")]
    >>> [is_within(text, networks) for text in ("52.115.255.255", "::ffff:52.112.0.1", "52.116.0.0", "x")]
    [True, True, False, False]
    """
    address = _read(text)
    return address is not None and any(address in network for network in networks)


@lru_cache(maxsize=1024)  # peers are few, and reading an address takes longer than all other checks
def _read(text: str) -> Address | None:
    try:
        address = ip_address(text)
    except ValueError:
        return None
    mapped = address.ipv4_mapped if isinstance(address, IPv6Address) else None
    return mapped or address
