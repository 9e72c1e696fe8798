"""What comes in: by which listener, from which peer, and what an INVITE asks for."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from typing import Any

import pjsua2 as pj

from sipgw.attempt import Attempt
from sipgw.directory import Directory
from sipgw.messages import Message, attempt_of, check_understood, parse
from sipgw.pjsua.accounts import Way
from sipgw.pjsua.events import names_of
from sipgw.pjsua.leg import raw_of
from sipgw.pjsua.library import EXTENSIONS, METHODS, listener_of, transport_of


class Reader:
    """Reads what comes by the gateway's listeners.

    Parameters
    ----------
    ways : the listeners; more may be added
    directory : the one in force
    """

    def __init__(self, ways: Sequence[Way], directory: Callable[[], Directory]) -> None:
        self._ways, self._directory = ways, directory
        self._peers: dict[int, tuple[str, ...]] = {}

    def connected(self, prm: Any) -> None:
        """A connection begins or ends: keep the names of the peer's certificate while it is there."""
        connection = int(prm.hnd)
        if prm.state == pj.PJSIP_TP_STATE_CONNECTED:
            self._peers[connection] = names_of(prm.tlsInfo)
        else:
            self._peers.pop(connection, None)

    def way_of(self, rdata: Any) -> Way | None:
        """The listener that a message came in by."""
        return self.way_of_transport(transport_of(rdata))

    def way_of_transport(self, transport: int) -> Way | None:
        listener = listener_of(transport, [way.listener for way in self._ways])
        return next((way for way in self._ways if way.listener is listener), None)

    def invite(self, way: Way, rdata: Any) -> tuple[Message, Attempt]:
        """An INVITE that came in by a listener.

        Raises
        ------
        BadMessage
            It cannot be read, or not be served.
        """
        message = parse(raw_of(rdata))
        check_understood(message, METHODS, EXTENSIONS)
        directory = self._directory()
        now = time.time_ns()

        def is_own(host: str, number: str) -> bool:
            trunk = directory.trunk_of_host(host)
            return trunk is not None and directory.may_use(trunk, directory.read(number).key, now)

        address = rdata.srcAddress.rpartition(":")[0].strip("[]")
        names = self._peers.get(transport_of(rdata), ())
        return message, attempt_of(message, way.side, address, names, is_own, directory.book.numbering)
