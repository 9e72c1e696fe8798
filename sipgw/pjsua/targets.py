"""Where an admitted call goes on to: the operator, or the Teams proxies in order."""

from __future__ import annotations

from collections.abc import Sequence

from sipgw.attempt import Attempt
from sipgw.directory import Directory
from sipgw.messages import Message, to_operator, to_teams
from sipgw.next_hop import NextHop, read_next_hop
from sipgw.pjsua.accounts import Way
from sipgw.pjsua.bridge import Target
from sipgw.policy import Decision
from sipgw.settings import OPERATOR, TEAMS, Settings

TEAMS_PORT = 5061

_PASSED = ("Identity",)
"""Headers that go on as they came (RFC 8224: what is signed is changed by nobody)."""


class Router:
    """Next hops of both sides; the Teams proxies that were last not heard come last.

    Parameters
    ----------
    ways : the gateway's listeners
    """

    def __init__(self, settings: Settings, ways: Sequence[Way]) -> None:
        self._settings, self._ways = settings, ways
        self._silent: set[str] = set()

    @property
    def proxies(self) -> list[str]:
        """The Teams proxies, those to try first at the front."""
        teams = self._settings.teams
        named = [f"sip:{peer}:{TEAMS_PORT};transport=tls" for peer in teams.peers]
        return sorted(teams.next_hops or named, key=lambda hop: hop in self._silent)

    def was_heard(self, hop: str, is_heard: bool) -> None:
        """Note whether a next hop answered."""
        if is_heard:
            self._silent.discard(hop)
        else:
            self._silent.add(hop)

    def way_to(self, side: str, hop: str) -> Way:
        """The first listener of a side that reaches the next hop, else its first."""
        mine = [way for way in self._ways if way.side == side]
        there = _next_hop(hop)
        return next((way for way in mine if there.is_reached_by(way.listener)), mine[0])

    def targets(
        self, attempt: Attempt, decision: Decision, message: Message, directory: Directory
    ) -> list[Target]:
        """Where the call may go, in order."""
        passed = [(name, value) for name in _PASSED for value in message.values(name)]
        left = max(attempt.max_forwards - 1, 0)  # RFC 7092: a gateway in a loop must not forward for ever
        if attempt.side == TEAMS:
            hop = self._settings.operator.next_hop
            way = self.way_to(OPERATOR, hop)
            there = _next_hop(hop)
            found = to_operator(attempt, decision.b_number, way.place, there.place)
            if there.transport != "udp":
                found["Request-URI"] += f";transport={there.transport}"
            return [_target(way, hop, found, passed, left)]
        trunk = next(one for one in directory.accounts.trunks if one.id == decision.trunk_id)
        targets = []
        for hop in self.proxies:
            way = self.way_to(TEAMS, hop)
            there = _next_hop(hop)
            own = f"{trunk.fqdn or self._settings.teams.fqdn}:{way.listener.port}"
            found = to_teams(attempt, decision.b_number, own, there.place, there.transport)
            targets.append(_target(way, hop, found, passed, left))
        return targets


def _target(
    way: Way, hop: str, found: dict[str, str], passed: list[tuple[str, str]], max_forwards: int
) -> Target:
    others = [(name, value) for name, value in found.items() if name not in _OWN]
    return Target(
        way,
        hop,
        found["To"],
        found["Request-URI"],
        found["From"],
        (*others, *passed),
        max_forwards,
        found.get("Contact", ""),
    )


_OWN = ("Request-URI", "From", "To", "Contact")


def _next_hop(hop: str) -> NextHop:
    """A next hop that settings have checked."""
    found = read_next_hop(hop)
    if found is None:
        raise ValueError(f"{hop!r} is no next hop")
    return found
