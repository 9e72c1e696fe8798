"""INVITEs that are refused without a leg: by the gateway while legs are scarce, or by pjsua itself.

The leg of an INVITE that is refused is held until its ACK. In a storm of them there would be none for an
emergency call; so what will be refused for certain is refused before pjsua takes a leg for it.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import pjsua2 as pj

from sipgw.attempt import Attempt
from sipgw.gateway import Gateway
from sipgw.messages import BadMessage
from sipgw.pjsua.leg import raw_of
from sipgw.pjsua.reader import Reader
from sipgw.pjsua.requests import Answer
from sipgw.policy import Decision, screen
from sipgw.tally import Tally


class Legless:
    """Decides such INVITEs, so that each has its CDR.

    is_full : whether the INVITE that is being decided finds no leg, whatever is free
    taken_up : bytes of the INVITE that pjsua gave a leg in this turn of the loop

    Parameters
    ----------
    gateway : the runtime
    name : makes a name of a call that no other has
    seen : told of each call
    """

    def __init__(
        self,
        reader: Reader,
        gateway: Callable[[], Gateway],
        name: Callable[[Attempt], str],
        seen: Callable[[Attempt], None],
        tally: Tally,
    ) -> None:
        self._reader, self._gateway, self._tally = reader, gateway, tally
        self._name, self._seen = name, seen
        self.is_full, self.taken_up = False, b""

    def refused(self, rdata: Any, are_legs_taken: bool) -> Answer | None:
        """The refusal of an INVITE; None where pjsua is to take a leg for it, to answer it or to carry it.

        Parameters
        ----------
        are_legs_taken : whether an ordinary call finds none
        """
        way = self._reader.way_of(rdata)
        if way is None:
            return None
        try:
            _, attempt = self._reader.invite(way, rdata)
        except BadMessage:
            return None  # it is told and answered as any other
        claim = screen(self._gateway().directory, attempt, time.time_ns()).claim
        if claim is not None and (claim.emergency or not are_legs_taken):
            return None
        decision = self._decide(attempt, True, 486)
        return decision.code, [("Reason", decision.reason)]

    def rejected(self, prm: Any) -> None:
        """An INVITE that pjsua refused by itself, for its SDP or for want of a leg: it has a CDR as others,
        and only one where it was taken up before.
        """
        rdata = prm.rdata
        way = self._reader.way_of(rdata)
        if way is None or raw_of(rdata) == self.taken_up:
            return
        try:
            _, attempt = self._reader.invite(way, rdata)
        except BadMessage as bad:
            self._tally.note("bad", f"{rdata.srcAddress}: {bad}")
            return
        self._decide(attempt, prm.callId == pj.PJSUA_INVALID_ID, int(prm.statusCode))

    def unfit(self, rdata: Any, code: int) -> Answer:
        """The refusal of an INVITE that the library cannot take; code : where it would be admitted."""
        way = self._reader.way_of(rdata)
        if way is None:
            return code, []
        try:
            _, attempt = self._reader.invite(way, rdata)
        except BadMessage as bad:
            return bad.status, [bad.header] if bad.header[0] else []
        decision = self._decide(attempt, False, code)
        return (code, []) if decision.is_admitted else (decision.code, [("Reason", decision.reason)])

    def _decide(self, attempt: Attempt, is_full: bool, code: int) -> Decision:
        """Have a call decided that ends at once; code : its status where it is admitted."""
        gateway = self._gateway()
        now, name = time.time_ns(), self._name(attempt)
        self._seen(attempt)
        self.is_full = is_full
        try:
            decision = gateway.attempt(attempt, name, now)
        finally:
            self.is_full = False
        if decision.is_admitted:
            gateway.ended(name, now, code, "failed")
        return decision
