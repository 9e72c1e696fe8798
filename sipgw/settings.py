"""What gateway.yaml says, in memory (SPEC 13)."""

from __future__ import annotations

from dataclasses import dataclass, field
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network
from pathlib import Path

from rating.sources.growing import SUSPENSIONS
from sipgw.answers import Refusal

Address = IPv4Address | IPv6Address
Network = IPv4Network | IPv6Network

TEAMS, OPERATOR = SIDES = ("teams", "operator")
"""The two legs of the gateway."""

TRANSPORTS = ("udp", "tcp", "tls")


@dataclass(frozen=True)
class Listener:
    """Where the gateway hears SIP.

    Examples
    --------
    >>> from ipaddress import ip_address
    >>> str(Listener("udp", ip_address("127.0.0.1"), 5060)), str(Listener("tls", ip_address("::1"), 5061))
    ('udp:127.0.0.1:5060', 'tls:[::1]:5061')
    """

    transport: str
    address: Address
    port: int

    def __str__(self) -> str:
        host = f"[{self.address}]" if self.address.version == 6 else str(self.address)
        return f"{self.transport}:{host}:{self.port}"

    def takes_place_of(self, other: Listener) -> bool:
        """Whether both cannot listen at one time: one port, addresses that meet; TLS is on TCP."""
        if (self.transport == "udp") != (other.transport == "udp") or self.port != other.port:
            return False
        same_family = self.address.version == other.address.version
        wild = self.address.is_unspecified or other.address.is_unspecified
        return same_family and (wild or self.address == other.address)


@dataclass(frozen=True)
class Tls:
    """PEM files: the gateway's certificate and key, and the authorities that peers are held against."""

    certificate: Path
    key: Path
    ca: Path


@dataclass(frozen=True)
class TeamsLeg:
    """The leg towards Microsoft Teams.

    fqdn : the carrier's; peers : names of Microsoft's SIP proxies, in the order in which they are tried
    addresses : from where its requests may come
    next_hops : SIP URIs to try in place of `peers`: a softphone or a test program; () for none
    """

    listen: tuple[Listener, ...]
    fqdn: str
    peers: tuple[str, ...]
    addresses: tuple[Network, ...]
    tls: Tls | None = None
    next_hops: tuple[str, ...] = ()


@dataclass(frozen=True)
class OperatorLeg:
    """The leg towards the public network; next_hop : a SIP URI."""

    listen: tuple[Listener, ...]
    next_hop: str
    addresses: tuple[Network, ...]
    tls: Tls | None = None


CAP_REFUSAL = Refusal(486, 'Q.850;cause=34;text="No circuit/channel available"')


@dataclass(frozen=True)
class Bursts:
    """How many costly calls in a row are a fraud (sipgw.bursts).

    price_micros : a destination is costly whose first minute costs as much, in millionths of the currency
    calls, within_s : so many begun within so many seconds trip the guard
    calls_outside_hours : the same on nights, weekends and public holidays
    opens, closes : office hours from Monday to Friday [minute of the local day]
    """

    price_micros: int = 400_000
    calls: int = 10
    within_s: int = 600
    calls_outside_hours: int = 4
    opens: int = 8 * 60
    closes: int = 19 * 60


@dataclass(frozen=True)
class Limits:
    """What no call and no trunk goes beyond.

    max_call_s, no_answer_s : [s]
    spend_per_day_micros : of a trunk, in millionths of the book's currency; None is without limit
    reserve_legs : call legs of an engine kept free for emergency calls
    bursts : None where nobody looks for them
    """

    max_call_s: int = 4 * 3600
    no_answer_s: int = 120
    spend_per_day_micros: int | None = None
    reserve_legs: int = 2
    bursts: Bursts | None = Bursts()


@dataclass(frozen=True)
class State:
    """URLs of what outlives a process, or None."""

    dialogs: str | None = field(default=None, repr=False)
    channels: str | None = field(default=None, repr=False)


@dataclass(frozen=True)
class Settings:
    """gateway.yaml; its paths are relative to it.

    file : as the user named it
    tariffs : folder of a tariff book, or a shipped name
    trunk_refusals : answers of check 7 for single trunks, by trunk id; `cap_refusal` for all others
    trunk_spend : limits of spending of single trunks, by trunk id [micros]; None is without limit
    metrics : loopback address and port where Prometheus reads
    """

    file: str
    name: str
    accounts: Path
    tariffs: str
    spool: Path
    teams: TeamsLeg
    operator: OperatorLeg
    cap_refusal: Refusal = CAP_REFUSAL
    limits: Limits = Limits()
    state: State = State()
    trunk_refusals: dict[str, Refusal] = field(default_factory=dict)
    trunk_spend: dict[str, int | None] = field(default_factory=dict)
    metrics: Listener | None = None

    @property
    def state_folder(self) -> Path:
        """Where the gateway keeps its control socket, and what people and guards decided."""
        return self.spool / "state"

    @property
    def suspensions_file(self) -> Path:
        """What people and guards decided (sipgw.suspensions)."""
        return self.state_folder / SUSPENSIONS

    def spend_per_day(self, trunk: str) -> int | None:
        """What a trunk may spend on a local day; None is without limit. [micros]"""
        return self.trunk_spend.get(trunk, self.limits.spend_per_day_micros)

    def refusal_at_cap(self, trunk: str) -> Refusal:
        """How a call is refused for which the trunk has no free channel."""
        return self.trunk_refusals.get(trunk, self.cap_refusal)
