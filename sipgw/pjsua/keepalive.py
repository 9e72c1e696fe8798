"""OPTIONS to the Teams proxies: Teams calls only who asks, and a proxy that is silent is tried last."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from typing import Any

import pjsua2 as pj

import rating
from sipgw.messages import BadMessage, parse
from sipgw.pjsua.leg import header_vector
from sipgw.pjsua.library import METHODS
from sipgw.pjsua.targets import Router
from sipgw.settings import TEAMS, Settings

EVERY_S = 60.0
"""Microsoft: every minute, to each of the names; without one for some minutes a trunk is tried last. [s]"""
SILENT = (408, 502, 503, 504)
"""Statuses that the library gives itself where nothing answers, and of proxies that are out of work."""


class Keepalive:
    """Asks each proxy once a minute. A single next hop in place of Teams (a softphone) is left alone.

    Parameters
    ----------
    told : takes the proxy and the status of its answer
    """

    def __init__(self, settings: Settings, router: Router, told: Callable[[str, int], None]) -> None:
        self._fqdn, self._router, self._told = settings.teams.fqdn, router, told
        self._is_asked = not settings.teams.next_hops or len(settings.teams.next_hops) > 1
        self._next = 0.0

    def beat(self) -> None:
        """Ask, if it is time to."""
        now = time.monotonic()
        if not self._is_asked or now < self._next:
            return
        self._next = now + EVERY_S
        for hop in self._router.proxies:
            try:
                self._ask(hop)
            except pj.Error:
                self._router.was_heard(hop, False)

    def _ask(self, hop: str) -> None:
        way = self._router.way_to(TEAMS, hop)
        told = pj.SendRequestParam()
        told.method = "OPTIONS"
        told.txOption.targetUri = hop
        told.txOption.headers = header_vector(
            [
                ("Contact", way.contact_of(self._fqdn)),
                ("Allow", ", ".join(METHODS)),
                ("X-MS-SBC", f"trunkrate/gateway/{rating.__version__}"),
            ]
        )
        way.account.sendRequest(told)

    def answered(self, event: Any) -> None:
        """An answer came, or none in time."""
        transaction = event.body.tsxState.tsx
        hop = _target(transaction.lastTx.wholeMsg, self._router.proxies)
        if hop:
            code = int(transaction.statusCode)
            self._router.was_heard(hop, code not in SILENT)
            self._told(hop.removeprefix("sip:").partition(";")[0], code)


def _target(request: str, hops: Sequence[str]) -> str:
    """The next hop that a request was for; "" where it is none of them."""
    try:
        message = parse(request.encode())
    except BadMessage:
        return ""
    asked = message.uri.text if message.uri is not None else ""
    return next((hop for hop in hops if hop == asked), "")
