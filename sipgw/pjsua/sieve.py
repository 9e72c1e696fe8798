"""Messages that PJSIP cannot stand are answered, dropped or mended before it sees them (unfit.py)."""

from __future__ import annotations

import ctypes
from collections.abc import Callable
from typing import Any, NamedTuple

import pjsua2 as pj

from sipgw.messages.address import parse_address
from sipgw.messages.bad import Unreadable
from sipgw.messages.uri import Uri
from sipgw.pjsua.leg import Header, raw_of
from sipgw.pjsua.library import METHODS, Library, transport_of
from sipgw.pjsua.loose import Loose, read
from sipgw.pjsua.module import BEFORE_DIALOGS, BEFORE_TRANSACTIONS, Module
from sipgw.pjsua.received import Received
from sipgw.pjsua.requests import Answer, Requests
from sipgw.pjsua.unfit import ACK, Unfit, by_transport, is_reached, refusal, sdp_fault
from sipgw.tally import Tally

ENDS = ("BYE", "CANCEL")
OFFERS = ("INVITE", "UPDATE", "PRACK")
TARGETS = ("INVITE", "UPDATE")
"""Methods that say where later requests go, in their Contact and that of their answers (RFC 3261, 12.2)."""

NOWHERE = Uri("", "")
"""Of a message that names no place."""


class _Come(NamedTuple):
    """What has come: as PJSIP has it, its bytes, where it came from, by which transport."""

    data: int
    shown: Any
    raw: bytes
    message: Loose
    place: str
    transport: str


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
            Module(library.c, "trunkrate-requests", BEFORE_DIALOGS, requests=self._guarded(self._request)),
            Module(
                library.c, "trunkrate-responses", BEFORE_TRANSACTIONS, responses=self._guarded(self._response)
            ),
        ]

    def _guarded(self, sees: Callable[[_Come], bool]) -> Callable[[int], bool]:
        """Where we fail, PJSIP would see what it cannot stand: it is dropped."""

        def seen(data: int) -> bool:
            try:
                shown = self._library.received(data)
                raw = raw_of(shown)
                kind = ctypes.string_at(transport_of(shown), 3).decode("ascii", "replace")
                return sees(_Come(data, shown, raw, read(raw), str(shown.srcAddress), kind))
            except Exception as error:
                self._tally.note(
                    "sieve", f"a message is dropped: {type(error).__name__} {error} [GATEWAY-CALL]"
                )
                return True

        return seen

    def _request(self, come: _Come) -> bool:
        """Whether a request is dealt with."""
        message = come.message
        method = message.method.upper()
        unfit = refusal(message, METHODS)
        if unfit is not None:
            return self._answered(come, unfit)
        if method in ENDS:
            return False
        unfit = sdp_fault(message)
        begins = method == "INVITE" and not message.is_in_dialog
        if unfit is None and not begins and method in OFFERS and self._is_broken(message):
            unfit = Unfit(400, "SDP cannot be read; expected SDP of RFC 4566.")
        if unfit is None:
            return method in TARGETS and not self._is_mended(come, 0)
        if method == ACK:
            return not self._is_without_body(come, unfit)
        if begins:
            self._requests.answer(come.data, *self._refused(come.shown, unfit.status))
            self._note(come, unfit)
            return True
        return self._answered(come, unfit)

    def _response(self, come: _Come) -> bool:
        """Whether a response is kept from PJSIP."""
        message = come.message
        if not 100 < message.status < 300:
            return False
        unfit = sdp_fault(message)
        if unfit is not None and not self._is_without_body(come, unfit):
            return True
        return message.method.upper() in TARGETS and not self._is_mended(come, -1)

    def _is_mended(self, come: _Come, first: int) -> bool:
        """Have later requests go where the leg's transport reaches; whether they do.

        Parameters
        ----------
        first : place of the first of them in Record-Route (RFC 3261, 12.1)
        """
        mended = _mended(come, first)
        if mended is None:
            return True
        routes, contact = mended
        is_done = self._received.replaced(
            come.data, come.raw, pj.PJSIP_H_RECORD_ROUTE, "Record-Route", routes
        ) and self._received.replaced(come.data, come.raw, pj.PJSIP_H_CONTACT, "Contact", contact)
        problem = f"Contact or Record-Route cannot be reached by {come.transport}"
        done = "what follows goes to where it can" if is_done else "the message is dropped"
        self._tally.note("contact", f"{come.place}: {problem}; {done}. [SIP-CONTACT]")
        return is_done

    def _answered(self, come: _Come, unfit: Unfit) -> bool:
        if unfit.status:
            headers: list[Header] = [("Allow", ", ".join(METHODS))] if unfit.status == 405 else []
            self._requests.answer(come.data, unfit.status, headers)
        self._note(come, unfit)
        return True

    def _is_without_body(self, come: _Come, unfit: Unfit) -> bool:
        """Take bad SDP out of what cannot be refused; whether it is out."""
        self._tally.note("unfit", f"{come.place}: {unfit.reason} Left out. [SIP-{unfit.status}]")
        return self._received.without_body(come.data, come.raw)

    def _is_broken(self, message: Loose) -> bool:
        return message.content_type.startswith("application/sdp") and not self._library.reads_sdp(
            message.body
        )

    def _note(self, come: _Come, unfit: Unfit) -> None:
        done = f"Answered {unfit.status}." if unfit.status else "Dropped."
        self._tally.note("unfit", f"{come.place}: {unfit.reason} {done} [SIP-{unfit.status or 400}]")


def _mended(come: _Come, first: int) -> tuple[list[str], list[str]] | None:
    """Record-Route and Contact for later requests; None where those that came will do."""
    message, transport = come.message, come.transport
    routes, contacts = _items(message, "record-route"), _items(message, "contact")[:1]
    contact = _uri(contacts)
    needs_contact = contact is None and 200 <= message.status < 300
    target = _uri([routes[first]]) if routes else contact
    is_good = target is not None and is_reached(target, transport)
    says_none = not routes and not message.values("contact")
    if (is_good or says_none) and not needs_contact:
        return None
    if not is_good:
        routes = _rerouted(routes, first, target, come) if routes else []
    if contact is None or not routes:
        contacts = [f"<{by_transport(contact or NOWHERE, transport, come.place)}>"]
    return routes, contacts


def _rerouted(routes: list[str], first: int, route: Uri | None, come: _Come) -> list[str]:
    """The routes, the first by the leg's transport; none where that one is no SIP."""
    if route is None or not route.host:
        return []
    found = list(routes)
    uri = by_transport(route, come.transport, come.place)
    found[first] = f"<{uri}>" if ";lr" in uri else f"<{uri};lr>"
    return found


def _items(message: Loose, name: str) -> list[str]:
    try:
        return message.items(name)
    except Unreadable:
        return []


def _uri(told: list[str]) -> Uri | None:
    """The URI of an address; None where there is none, or * stands there."""
    try:
        return parse_address(told[0]).uri if told and told[0] != "*" else None
    except Unreadable:
        return None
