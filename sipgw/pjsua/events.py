"""The events of the library that belong to no call, passed on to the agent."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Protocol

import pjsua2 as pj


class Agent(Protocol):
    """Who is told."""

    def guarded(self, call: Callable[[Any], None], told: Any) -> None:
        """Do what an event asks for."""

    def select(self, prm: Any) -> None:
        """Choose the account that answers an INVITE."""

    def rejected(self, prm: Any) -> None:
        """The library refused an INVITE by itself."""

    def connected(self, prm: Any) -> None:
        """A connection begins or ends."""

    def incoming(self, account: Any, call: int, rdata: Any) -> None:
        """An INVITE has come."""

    def requested(self, event: Any) -> None:
        """A request of the gateway's own was answered, or given up."""


class Events(pj.Endpoint):
    """The endpoint."""

    def __init__(self, agent: Agent) -> None:
        super().__init__()
        self._agent = agent
        self.libCreate()

    def onSelectAccount(self, prm: Any) -> None:
        self._agent.guarded(self._agent.select, prm)

    def onRejectedIncomingCall(self, prm: Any) -> None:
        self._agent.guarded(self._agent.rejected, prm)

    def onTransportState(self, prm: Any) -> None:
        self._agent.guarded(self._agent.connected, prm)


class Heard(pj.Account):
    """An account that tells the agent of calls."""

    def __init__(self, agent: Agent) -> None:
        super().__init__()
        self._agent = agent

    def onIncomingCall(self, prm: Any) -> None:
        self._agent.incoming(self, prm.callId, prm.rdata)

    def onSendRequest(self, prm: Any) -> None:
        self._agent.guarded(self._agent.requested, prm.e)


def names_of(tls: Any) -> tuple[str, ...]:
    """The names of a peer's certificate: its common name and alternative ones; () without TLS."""
    if not tls.established:
        return ()
    told = tls.remoteCertInfo
    listed = told.subjectAltName
    names = [told.subjectCn, *(listed[place].name for place in range(len(listed)))]
    return tuple(dict.fromkeys(name.lower() for name in names if name))
