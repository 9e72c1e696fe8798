"""One call leg: what pjsua2 calls when something happens on it."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from functools import wraps
from typing import Any, Protocol

import pjsua2 as pj

from sipgw.messages import BadMessage, Message, parse
from sipgw.pjsua.hold import Hold

RINGING, SESSION_PROGRESS = 180, 183

Header = tuple[str, str]


class Owner(Protocol):
    """What a leg is a leg of; told in the event loop's thread."""

    def provisional(self, leg: Leg, code: int) -> None:
        """An answer between 100 and 200 came."""

    def confirmed(self, leg: Leg) -> None:
        """The leg is up: 200 and ACK."""

    def media(self, leg: Leg) -> None:
        """Its sound begins, changes or stops."""

    def digit(self, leg: Leg, digit: str) -> None:
        """A key was pressed."""


class Loop(Protocol):
    """The event loop that a leg belongs to."""

    def is_over(self, leg: Leg) -> None:
        """The leg has ended; its owner is told once all that came with the end is read."""

    def failed(self, leg: Leg, error: Exception) -> None:
        """A callback failed: nothing may be raised into the library."""

    def without_body(self, code: int) -> AbstractContextManager[None]:
        """Answers of this status that are made meanwhile have no SDP."""

    def max_forwards(self, count: int) -> AbstractContextManager[None]:
        """Requests that are made meanwhile carry this Max-Forwards."""


def _callback(method: Callable[..., None]) -> Callable[..., None]:
    """A method that the library calls: what it raises is told, and ends the leg."""

    @wraps(method)
    def called(self: Leg, *arguments: Any) -> None:
        try:
            method(self, *arguments)
        except Exception as error:
            self.loop.failed(self, error)

    return called


class Leg(pj.Call):
    """A leg, from its INVITE on.

    owner : None until there is one, and of an INVITE that is refused
    is_over : whether it has ended; the object is dropped by the loop only, once the library is done with it
    code, reasons : how it ended: final status, and Reason headers of the peer
    has_bye : whether the peer said that it ends (BYE or CANCEL)
    has_failed : whether it ends because the gateway could not go on with it
    """

    def __init__(self, loop: Loop, account: Any, call: int = pj.PJSUA_INVALID_ID) -> None:
        super().__init__(account, call)
        self.loop = loop
        self.owner: Owner | None = None
        self.is_incoming = call != pj.PJSUA_INVALID_ID
        self.is_over = self.is_up = self.has_bye = self.has_failed = False
        self.code = 0
        self._hold = Hold(is_owner=not self.is_incoming)
        self._has_told_sound = False
        self.reasons: tuple[str, ...] = ()

    def call(self, uri: str, target: str, caller: str, headers: Sequence[Header], max_forwards: int) -> None:
        """Send an INVITE.

        Parameters
        ----------
        uri, target, caller : To, Request-URI and From

        Raises
        ------
        pj.Error
            The library has no leg left, or cannot send.
        """
        told = _told(headers)
        told.txOption.targetUri, told.txOption.localUri = target, caller
        with self.loop.max_forwards(max_forwards):
            self.makeCall(uri, told)

    def say(self, code: int, headers: Sequence[Header] = ()) -> None:
        """Answer the INVITE, if it still waits."""
        if not self.is_over:
            told = _told(headers)
            told.statusCode = code
            self.answer(told)

    def progress(self, code: int, has_sound: bool) -> None:
        """Tell the caller how far the call is; has_sound : whether it is heard, too."""
        if has_sound and code == RINGING and not self._has_told_sound:
            code = SESSION_PROGRESS  # pjsua2 puts no SDP into a 180
        if has_sound:
            self._has_told_sound = True
        if self._has_told_sound:
            self.say(code)
            return
        with self.loop.without_body(code):
            self.say(code)

    def end(self, code: int = 0, headers: Sequence[Header] = ()) -> None:
        """End the leg: by a final answer, CANCEL or BYE."""
        try:
            if self.is_incoming and not self.is_up and code >= 300:
                self.say(code, headers)  # hangup() of an INVITE that has just come loses the headers
            elif not self.is_over:
                told = _told(headers)
                told.statusCode = code
                self.hangup(told)
        except pj.Error:  # it is over, and nobody said so
            self.is_over = True

    @property
    def call_id(self) -> str:
        return str(self.getInfo().callIdString)

    @property
    def is_held_by_peer(self) -> bool:
        """Whether the peer wants no sound."""
        info = self.getInfo()
        listed = info.media
        return any(listed[place].status == pj.PJSUA_CALL_MEDIA_REMOTE_HOLD for place in range(len(listed)))

    def hold(self, is_held: bool) -> None:
        """Tell the peer by re-INVITE that the other side holds the call, or takes it up again."""
        self._hold.wanted = is_held
        self.beat()

    def beat(self) -> None:
        """Tell the peer what it could not be told before."""
        now = time.monotonic()
        if self.is_over or not self.is_up or not self._hold.is_due(now):
            return
        told = _told(())
        try:
            if self._hold.wanted:
                self.setHold(told)
            else:
                told.opt.flag = pj.PJSUA_CALL_UNHOLD
                self.reinvite(told)
        except pj.Error:  # another re-INVITE is on its way
            self._hold.wait(now)
        else:
            self._hold.sent()

    # --- called by pjsua2

    @_callback
    def onCallState(self, prm: Any) -> None:
        info = self.getInfo()
        if info.state == pj.PJSIP_INV_STATE_CONFIRMED and not self.is_up:
            self.is_up = True
            if self.owner is not None:
                self.owner.confirmed(self)
        elif info.state == pj.PJSIP_INV_STATE_DISCONNECTED and not self.is_over:
            self.is_over, self.code = True, int(info.lastStatusCode)
            self._read(prm.e)
            self.loop.is_over(self)

    @_callback
    def onCallTsxState(self, prm: Any) -> None:
        message = self._read(prm.e)
        if message is None or self.owner is None or message.method != "INVITE":
            return
        if self.is_up:
            if message.status >= 200:
                self._hold.answered(message.status, time.monotonic())
        elif not message.is_request and 100 < message.status < 200:
            self.owner.provisional(self, message.status)

    @_callback
    def onCallMediaState(self, prm: Any) -> None:
        if self.owner is not None and not self.is_over:
            self.owner.media(self)

    @_callback
    def onDtmfDigit(self, prm: Any) -> None:
        if self.owner is not None:
            self.owner.digit(self, prm.digit)

    @_callback
    def onCallTransferRequest(self, prm: Any) -> None:
        prm.statusCode = 405

    @_callback
    def onCallReplaceRequest(self, prm: Any) -> None:
        prm.statusCode = 488

    # --- inside

    def _read(self, event: Any) -> Message | None:
        """The message that an event is about; what it says of the leg's end is kept."""
        if event.type != pj.PJSIP_EVENT_TSX_STATE or event.body.tsxState.type != pj.PJSIP_EVENT_RX_MSG:
            return None
        message = message_of(event.body.tsxState.src.rdata)
        if message is None:
            return None
        ends = message.method in ("BYE", "CANCEL") if message.is_request else message.status >= 300
        if ends:
            self.has_bye = self.has_bye or message.is_request
            self.reasons = message.values("Reason") or self.reasons
            if not (message.is_request or self.is_up):
                self.code = message.status  # of a 3xx pjsua2 tells 487
        return message


def raw_of(rdata: Any) -> bytes:
    """The bytes of a received message."""
    return bytes(rdata.wholeMsg.encode("utf-8", "surrogateescape"))


def message_of(rdata: Any) -> Message | None:
    """A received message; None where it cannot be read."""
    try:
        return parse(raw_of(rdata))
    except BadMessage:
        return None


def audio_of(leg: Leg) -> Any:
    """The leg's sound, None where it has none (yet)."""
    info = leg.getInfo()
    listed = info.media  # a reference: on a temporary the list is lost
    for place in range(len(listed)):
        one = listed[place]
        if one.type == pj.PJMEDIA_TYPE_AUDIO and one.status == pj.PJSUA_CALL_MEDIA_ACTIVE:
            return leg.getAudioMedia(place)
    return None


def _told(headers: Sequence[Header]) -> Any:
    told = pj.CallOpParam(True)
    if hasattr(told.opt, "textCount"):  # PJSIP 2.16 and later offer text beside the sound
        told.opt.textCount = 0
    told.txOption.headers = header_vector(headers)
    return told


def header_vector(headers: Sequence[Header]) -> Any:
    """Headers as pjsua2 takes them."""
    listed = pj.SipHeaderVector()
    for name, value in headers:
        header = pj.SipHeader()
        header.hName, header.hValue = name, value
        listed.append(header)
    return listed
