"""Messages that PJSIP cannot stand are answered, dropped or mended before it sees them (unfit.py)."""

from __future__ import annotations

import ctypes
from collections.abc import Callable
from typing import Any, NamedTuple

from sipgw.messages import BadMessage, Message, parse
from sipgw.pjsua.leg import raw_of
from sipgw.pjsua.library import METHODS, Library, transport_of
from sipgw.pjsua.module import BEFORE_DIALOGS, BEFORE_TRANSACTIONS, Module
from sipgw.pjsua.received import Received
from sipgw.pjsua.requests import Answer, Requests
from sipgw.pjsua.unfit import ACK, is_reached, refusal, sdp_fault
from sipgw.tally import Tally

OFFERS = ("INVITE", "UPDATE", "PRACK")


class _Come(NamedTuple):
    """What has come: as PJSIP has it, as pjsua2 shows it, and its bytes."""

    data: int
    shown: Any
    raw: bytes


class Sieve:
    """Stands before PJSIP's dialogs, and before its transactions where answers are concerned.

    Parameters
    ----------
    requests : answers
    refused : given a received INVITE that begins a call and the status of its fault, decides it, so that it
        has its CDR
    """

    def __init__(
        self, library: Library, requests: Requests, refused: Callable[[Any, int], Answer], tally: Tally
    ) -> None:
        self._library, self._requests = library, requests
        self._refused, self._tally = refused, tally
        self._received = Received(library.c)
        self._modules = [
            Module(library.c, "trunkrate-requests", BEFORE_DIALOGS, requests=self._request),
            Module(library.c, "trunkrate-responses", BEFORE_TRANSACTIONS, responses=self._response),
        ]

    def _request(self, data: int) -> bool:
        """Whether a request is dealt with."""
        come = self._come(data)
        try:
            message = parse(come.raw)
        except BadMessage as bad:
            return self._answered(come, bad)
        bad_request = refusal(message, METHODS)
        if bad_request is not None:
            return self._answered(come, bad_request)
        fault = sdp_fault(message)
        begins = message.method == "INVITE" and not message.is_in_dialog
        if fault is None and not begins and message.method in OFFERS and self._is_broken(message):
            fault = BadMessage.of("SDP", None, "cannot be read", "SDP of RFC 4566")
        if fault is None:
            return False
        if message.method == ACK:
            return self._without_body(come, fault)
        if begins:
            self._note(come, fault)
            self._requests.answer(data, *self._refused(come.shown, fault.status))
            return True
        return self._answered(come, fault)

    def _response(self, data: int) -> bool:
        """Whether a response is kept from PJSIP."""
        come = self._come(data)
        try:
            message = parse(come.raw)
        except BadMessage as bad:
            self._note(come, bad)
            return True
        if message.status >= 300:
            return False
        fault = sdp_fault(message)
        if fault is not None and self._without_body(come, fault):
            return True
        if message.method != "INVITE" or message.status < 200:
            return False
        transport = ctypes.string_at(transport_of(come.shown), 3).decode("ascii", "replace")
        if is_reached(message, transport):
            return False
        problem = f"Contact or Record-Route of its answer cannot be reached by {transport}"
        told = f"{come.shown.srcAddress}: {problem}; what follows goes to where the answer came from."
        self._tally.note("contact", f"{told} [SIP-CONTACT]")
        contact = f"<sip:{come.shown.srcAddress};transport={transport}>"
        return not self._received.answered_from(data, len(come.raw), contact)

    def _come(self, data: int) -> _Come:
        shown = self._library.received(data)
        return _Come(data, shown, raw_of(shown))

    def _answered(self, come: _Come, bad: BadMessage) -> bool:
        self._note(come, bad)
        if bad.is_answered:
            self._requests.answer(come.data, bad.status, [bad.header] if bad.header[0] else [])
        return True

    def _without_body(self, come: _Come, fault: BadMessage) -> bool:
        """Take bad SDP out of what cannot be refused; whether the message is dropped, since it stays in."""
        self._tally.note("bad", f"{come.shown.srcAddress}: {fault.reason} Left out. [SIP-{fault.status}]")
        return not self._received.without_body(come.data, len(come.raw))

    def _is_broken(self, message: Message) -> bool:
        kind = message.first("Content-Type").partition(";")[0].strip().lower()
        return kind == "application/sdp" and not self._library.reads_sdp(message.body)

    def _note(self, come: _Come, bad: BadMessage) -> None:
        self._tally.note("bad", f"{come.shown.srcAddress}: {bad}")
