"""One call: the leg that came in, the leg that it makes, and what passes between them."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass

import pjsua2 as pj

from sipgw.answers import reason_header
from sipgw.gateway import Gateway
from sipgw.pjsua.accounts import Way
from sipgw.pjsua.leg import SESSION_PROGRESS, Header, Leg, audio_of

PROGRESS_S = 8.0
"""When 183 is sent where nothing came from beyond: Teams looks for another gateway after 10 s. [s]"""
ANSWER_S = 4.0
"""How long a next hop may be silent before the next one is tried. [s]"""

UNFIT = {401: 403, 407: 403}
"""Answers that concern the gateway alone, as the caller is told them. So are all 3xx (RFC 3261, 8.1.3.4)."""
BRANCH_ENDED = 199
"""One of several telephones beyond gave up (RFC 6228): to the caller, who has one dialog, it says nothing."""
FAILOVER = (408, 500, 502, 503, 504)
"""Answers after which the next of several proxies is tried."""

TIMED_OUT: Header = ("Reason", reason_header(102, "Too long"))
PEER_GONE: Header = ("Reason", reason_header(102, "Peer does not answer"))


@dataclass(frozen=True)
class Target:
    """Where a leg goes.

    way : listener that it leaves by
    hop : the next hop, as settings name it
    uri, request_uri, caller : To, Request-URI and From
    headers : others
    max_forwards : one less than what came in
    contact : where it is not the listener's address
    """

    way: Way
    hop: str
    uri: str
    request_uri: str
    caller: str
    headers: tuple[Header, ...]
    max_forwards: int
    contact: str = ""


class Bridge:
    """A call that is admitted, until both legs are over.

    call_ids : of the legs that it made

    Parameters
    ----------
    name : the gateway's name of it
    first : the leg that came in
    targets : where the second may go, in order
    make : makes a leg that leaves by a way
    was_heard : told of each next hop whether it answered
    """

    def __init__(
        self,
        gateway: Gateway,
        name: str,
        first: Leg,
        targets: Sequence[Target],
        make: Callable[[Way], Leg],
        was_heard: Callable[[str, bool], None],
    ) -> None:
        self.name, self.is_over = name, False
        self.call_ids: list[str] = []
        self._gateway, self._make, self._was_heard = gateway, make, was_heard
        self._first: Leg | None = first
        self._left = list(targets)
        self._second: Leg | None = None
        self._hop = ""
        self._begun = self._tried = time.monotonic()
        self._has_progress = self._is_heard = self._is_answered = False
        self._code = 503
        self._reasons: tuple[str, ...] = ("Q.850;cause=41",)
        first.owner = self

    @property
    def awaits_leg(self) -> bool:
        """Whether its second leg is still to be made."""
        return self._second is None and not self.is_over

    def proceed(self) -> None:
        """Make the second leg to the next target; where none is left, the call has failed."""
        while self._left and not self.is_over:
            target = self._left.pop(0)
            self._hop, self._tried, self._is_heard = target.hop, time.monotonic(), False
            leg = self._second = self._make(target.way)
            leg.owner = self
            if target.contact:
                target.way.contact(target.contact)
            try:
                leg.call(target.uri, target.request_uri, target.caller, target.headers, target.max_forwards)
                self.call_ids.append(leg.call_id)
                return
            except pj.Error:
                leg.owner, leg.is_over, self._second = None, True, None
                self._was_heard(target.hop, False)
        if not self.is_over:
            self._finish(self._code, headers=_reasons(self._reasons))

    def beat(self) -> None:
        """See whether something is due that no message brings."""
        if self.is_over:
            return
        if self._is_answered:
            for leg in (self._first, self._second):
                if leg is not None:
                    leg.beat()
            return
        now = time.monotonic()
        if not self._has_progress and now - self._begun >= PROGRESS_S:
            self._has_progress = True
            self._progress(SESSION_PROGRESS)
        if self._left and not self._is_heard and now - self._tried >= ANSWER_S:
            self._was_heard(self._hop, False)
            self._let_go_of_second()
            self.proceed()

    def cut(self, code: int, end_reason: str, headers: Sequence[Header] = (TIMED_OUT,)) -> None:
        """End both legs: a limit is reached, or the gateway stops."""
        self._finish(code, end_reason, headers)

    # --- told by the legs

    def provisional(self, leg: Leg, code: int) -> None:
        if leg is not self._second or self.is_over:
            return
        self._note_heard()
        if code == BRANCH_ENDED:
            return
        self._has_progress = True
        self._gateway.ringing(self.name, time.time_ns())
        self._progress(code)

    def confirmed(self, leg: Leg) -> None:
        if leg is self._first and self._second is not None and not self.is_over:
            self.media(self._second)  # it may be on hold by now
        if leg is not self._second or self.is_over:
            return
        self._note_heard()
        is_there = self._first is not None and not self._first.is_over
        if not is_there or not self._gateway.answered(self.name, time.time_ns()):
            leg.end()
            return
        self._is_answered = True
        self._answer(200)

    def media(self, leg: Leg) -> None:
        if self._first is None or self._second is None or self.is_over:
            return
        if self._first.is_over or self._second.is_over:
            return
        other_leg = self._second if leg is self._first else self._first
        if other_leg.is_up and leg.is_up:
            other_leg.hold(leg.is_held_by_peer)
        one, other = audio_of(self._first), audio_of(self._second)
        if one is not None and other is not None:
            one.startTransmit(other)
            other.startTransmit(one)

    def digit(self, leg: Leg, digit: str) -> None:
        other = self._second if leg is self._first else self._first
        if other is not None and other.is_up and not other.is_over:
            with suppress(pj.Error):  # a key that no telephone has
                other.dialDtmf(digit)

    def gone(self, leg: Leg) -> None:
        """A leg is over, and what came with its end is read."""
        if not self.is_over:
            self._end_with(leg)
        # a dead leg is nobody's but the loop's, which knows when the library is done with it
        if leg is self._first:
            self._first = None
        elif leg is self._second:
            self._second = None

    # --- inside

    def _end_with(self, leg: Leg) -> None:
        headers = _reasons(leg.reasons)
        if leg.has_failed:
            self._finish(500, "failed", headers)
        elif self._is_answered:
            self._finish(200, "" if leg.has_bye else "timeout", headers if leg.has_bye else [PEER_GONE])
        elif leg is self._first:
            self._finish(487 if leg.has_bye else leg.code, headers=headers)
        elif leg is self._second:
            self._was_heard(self._hop, leg.code not in FAILOVER)
            self._code, self._reasons = leg.code, leg.reasons
            if self._left and leg.code in FAILOVER and not self._is_heard:
                self.proceed()
            else:
                self._finish(_passed_on(leg.code), headers=headers)

    def _answer(self, code: int) -> None:
        if self._first is not None:
            self._first.say(code)

    def _progress(self, code: int) -> None:
        if self._first is not None:
            self._first.progress(code, self._second is not None and audio_of(self._second) is not None)

    def _note_heard(self) -> None:
        if not self._is_heard:
            self._is_heard = True
            self._was_heard(self._hop, True)

    def _let_go_of_second(self) -> None:
        leg, self._second = self._second, None
        if leg is not None:
            leg.owner = None
            leg.end()

    def _finish(self, code: int, end_reason: str = "", headers: Sequence[Header] = ()) -> None:
        """The CDR, and the end of whichever leg is still up."""
        self.is_over = True
        self._gateway.ended(self.name, time.time_ns(), code, end_reason)
        for leg in (self._first, self._second):
            if leg is not None:
                leg.end(code if leg is self._first and not self._is_answered else 0, headers)


def _passed_on(code: int) -> int:
    """A failure as the caller is told it."""
    return UNFIT.get(code, 480 if code < 400 else code)


def _reasons(values: Sequence[str]) -> list[Header]:
    return [("Reason", value) for value in values]
