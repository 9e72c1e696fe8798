"""The back-to-back user agent: one endpoint, one event loop, calls in and out."""

from __future__ import annotations

import itertools
import time
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from functools import partial
from typing import Any

import pjsua2 as pj

from rating.errors import Fault, GatewayError
from sipgw.answers import reason_header
from sipgw.attempt import Attempt
from sipgw.gateway import Gateway
from sipgw.messages import BadMessage
from sipgw.pjsua.accounts import Way, choose_codecs, listen
from sipgw.pjsua.bodies import Bodies
from sipgw.pjsua.bridge import Bridge
from sipgw.pjsua.events import Events, Heard
from sipgw.pjsua.keepalive import Keepalive
from sipgw.pjsua.ladder import LEVEL, Ladder, LadderLog
from sipgw.pjsua.leg import Header, Leg, message_of, raw_of
from sipgw.pjsua.legless import Legless
from sipgw.pjsua.legs_free import Ended, legs_left
from sipgw.pjsua.library import EXTENSIONS, METHODS, Library
from sipgw.pjsua.module import BEFORE_PJSUA, Module
from sipgw.pjsua.places import Places, most_legs
from sipgw.pjsua.purposes import take_server_certificates
from sipgw.pjsua.reader import Reader
from sipgw.pjsua.requests import Answer, Requests
from sipgw.pjsua.sieve import Sieve
from sipgw.pjsua.targets import Router
from sipgw.policy import leg_of
from sipgw.settings import OPERATOR, TEAMS, Settings
from sipgw.status import RECEIVED, SENT
from sipgw.tally import Tally

EVENTS_MS = 20
TICK_S = 0.5
END_S = 3.0
"""How long calls that are hung up at the end may take to say so. [s]"""
GIVE_UP_S = 6.0
"""How long a next hop may say nothing at all; Teams looks for another gateway after 10 s. [s]"""

STOPS: Header = ("Reason", reason_header(41, "Gateway stops"))


class Agent:
    """Calls between Teams and the operator.

    Parameters
    ----------
    gateway : given the count of free legs, makes the runtime that admits calls
    log : takes lines
    ladder : of a call whose messages are wanted

    Raises
    ------
    GatewayError
        A listener cannot be opened, or the library cannot be used.
    """

    def __init__(
        self,
        settings: Settings,
        gateway: Callable[[Callable[[], int]], Gateway],
        log: Callable[[str], None],
        ladder: Ladder | None = None,
    ) -> None:
        self._ladder = ladder
        self._settings, self._log, self._tally = settings, log, Tally(log)
        self._library = Library()
        self._library.silence()
        self._bodies = Bodies(self._library.c)
        self._legs: set[Leg] = set()
        self._ended: list[Leg] = []
        self._just_ended = Ended()
        self._later: list[Callable[[], None]] = []
        self._bridges: dict[str, Bridge] = {}
        self._count = itertools.count(2)
        self._is_ending = False
        self._next_tick = 0.0
        self._coming = pj.PJSUA_INVALID_ID
        self._ways: list[Way] = []
        self.gateway: Gateway
        self._reader = Reader(self._ways, lambda: self.gateway.directory)
        self._legless = Legless(
            self._reader, lambda: self.gateway, self._new_name, self._refused, self._tally
        )
        self._endpoint = Events(self)
        try:
            self._start()
            self.gateway = gateway(self._free_legs)
        except BaseException:
            self._destroy()
            raise
        self._router = Router(settings, self._ways)
        self._keepalive = Keepalive(settings, self._router, self._asked)

    @property
    def leg_limit(self) -> int:
        """Call legs that the library holds: those of its build, or fewer where it has few sockets."""
        return self._library.leg_limit()

    # --- start and end

    def _start(self) -> None:
        config = pj.EpConfig()
        config.logConfig.level = config.logConfig.consoleLevel = 0
        if self._ladder is not None:
            log = LadderLog(self._ladder)
            config.logConfig.level = config.logConfig.consoleLevel = LEVEL
            config.logConfig.writer = log
            log.__disown__()  # the endpoint deletes it
        places = self._library.places()
        self._places = Places(self._library.c, places)
        agent = config.uaConfig
        agent.threadCnt, agent.mainThreadOnly, agent.maxCalls = 0, True, most_legs(places)
        agent.userAgent = "trunkrate"
        media = config.medConfig
        media.clockRate, media.ecTailLen, media.noVad, media.sndAutoCloseTime = 8000, 0, True, -1
        if not self._places.watch():
            self._log("many connections or calls in a moment may end the process. [GATEWAY-PJSUA]")
        self._endpoint.libInit(config)
        self._library.give_up_after(GIVE_UP_S)
        if not (self._library.tell_only(METHODS, EXTENSIONS) and self._library.finds_max_forwards()):
            problem, expected = "keeps Allow or Max-Forwards elsewhere", "PJSIP 2.15"
            raise GatewayError([Fault("pjsua2", 0, "build", pj.__file__, problem, expected, "GATEWAY-PJSUA")])
        legs = ((TEAMS, self._settings.teams), (OPERATOR, self._settings.operator))
        has_tls = any(leg.tls is not None for _, leg in legs)
        if has_tls and not take_server_certificates(self._library.c):
            self._log("callers' certificates without Client Authentication are refused. [GATEWAY-TLS]")
        opened = [
            (side, listener, listen(self._endpoint, listener, leg.tls, self._settings.file))
            for side, leg in legs
            for listener in leg.listen
        ]
        requests = Requests(self._library.c, self._about_us, self._before_invite)
        self._module = Module(
            self._library.c, "trunkrate", BEFORE_PJSUA, requests.received, answers=self._bodies.answers
        )
        self._sieve = Sieve(self._library, requests, self._legless.unfit, self._tally)
        self._endpoint.libStart()
        self._endpoint.audDevManager().setNullDev()
        choose_codecs(self._endpoint)
        for side, listener, transport in opened:
            self._ways.append(Way(side, listener, transport, Heard(self), self._settings))

    def run_until(self, is_over: Callable[[], bool]) -> None:
        """Handle what happens until somebody says that it is over."""
        while not is_over():
            self._turn()

    def close(self) -> None:
        """Refuse new calls, hang up those that are up, write their CDRs, and let go of the library."""
        self._is_ending = True
        self._cut_all()
        until = time.monotonic() + END_S
        while self._legs and time.monotonic() < until:
            self._turn()
        self.gateway.close(time.time_ns())
        if self._ladder is not None:
            self._ladder.close()
        self._destroy()

    def _cut_all(self) -> None:
        for bridge in list(self._bridges.values()):
            bridge.cut(503, "shutdown", [STOPS])

    def _destroy(self) -> None:
        # a call that outlives the library aborts the process
        self._bridges.clear()
        self._ended.clear()
        self._later.clear()
        while self._legs:
            self._legs.pop().owner = None
        for way in self._ways:
            way.account.shutdown()
        self._endpoint.libDestroy()
        self._places.leave()

    # --- the loop

    def _turn(self) -> None:
        self._endpoint.libHandleEvents(EVENTS_MS)
        self._legless.taken_up, self._coming = b"", pj.PJSUA_INVALID_ID
        self._look_after_ended()
        while self._later:
            self._later.pop(0)()
        now = time.monotonic()
        if now >= self._next_tick:
            self._next_tick = now + TICK_S
            self.guarded(self._tick, time.time_ns())

    def _look_after_ended(self) -> None:
        """Tell the owners of legs that are over, and drop the legs that the library is done with."""
        self._tell_owners()
        # a dead call whose place another has taken would hang that one up when it is dropped
        for leg in [leg for leg in self._legs if leg.is_over and not leg.isActive()]:
            self._legs.discard(leg)

    def _tell_owners(self) -> None:
        while self._ended:
            leg = self._ended.pop(0)
            owner, leg.owner = leg.owner, None
            if isinstance(owner, Bridge):
                self._kept_going(owner, partial(owner.gone, leg))
        for name in [name for name, bridge in self._bridges.items() if bridge.is_over]:
            del self._bridges[name]

    def _tick(self, now: int) -> None:
        for end in self.gateway.tick(now):
            bridge = self._bridges.get(end.leg)
            if bridge is not None:
                bridge.cut(end.sip_code, end.end_reason)
        for bridge in list(self._bridges.values()):
            self._kept_going(bridge, bridge.beat)
        if refused := self._places.refused():
            self._tally.note("full", f"{refused} connections are closed: too many at a time. [GATEWAY-FULL]")
        self._keepalive.beat()
        if self._ladder is not None:
            self._ladder.beat()
        self._tally.beat(now)

    def without_body(self, code: int) -> AbstractContextManager[None]:
        return self._bodies.left_out(code)

    def max_forwards(self, count: int) -> AbstractContextManager[None]:
        return self._library.max_forwards(count)

    def is_over(self, leg: Leg) -> None:
        self._just_ended.add()
        self._ended.append(leg)

    def guarded(self, call: Callable[[Any], None], told: Any) -> None:
        """Do what an event asks for; nothing may be raised into the library."""
        try:
            call(told)
        except Exception as error:
            self._tally.note("event", f"an event is passed over: {_words(error)} [GATEWAY-CALL]")

    def failed(self, leg: Leg, error: Exception) -> None:
        """A callback raised: said, and the leg hung up."""
        self._tally.note("callback", f"a call is hung up: {_words(error)} [GATEWAY-CALL]")
        leg.has_failed = True
        leg.end(500)

    def _kept_going(self, bridge: Bridge, step: Callable[[], None]) -> None:
        """Do what is next for a call; where that fails the call ends, and the gateway goes on."""
        try:
            step()
        except Exception as error:
            self._tally.note("callback", f"a call is hung up: {_words(error)} [GATEWAY-CALL]")
            bridge.cut(500, "failed", ())

    def _free_legs(self) -> int:
        """Legs that the library could still take while an INVITE is looked at, whose leg is counted."""
        if self._legless.is_full:
            return 0
        soon = min(self._just_ended.count(), self._settings.limits.reserve_legs)
        held = self._library.legs_in_use(self._coming)
        return legs_left(self.leg_limit, held, self._legs_up(), self._legs_to_come(), soon)

    def _legs_up(self) -> int:
        return sum(not leg.is_over for leg in self._legs)

    def _legs_to_come(self) -> int:
        """Second legs of calls that are admitted: they are made once the library is done with the INVITE."""
        return sum(bridge.awaits_leg for bridge in self._bridges.values())

    # --- calls in

    def _before_invite(self, data: int) -> Answer | None:
        """Refuse an INVITE where legs are scarce."""
        self._tell_owners()  # a BYE that came with it frees a channel and two legs
        needed = 2 + self._settings.limits.reserve_legs
        held = self._library.legs_in_use(pj.PJSUA_INVALID_ID) + self._legs_to_come()
        if self.leg_limit - held < needed and not self._is_ending:
            refused = self._legless.refused(self._library.received(data), self._free_legs() < needed)
            if refused is not None:
                return refused
        return None

    def _asked(self, peer: str, code: int) -> None:
        """A peer answered OPTIONS, or did not."""
        self.gateway.overseer.options(peer, SENT, time.time_ns(), code)

    def _about_us(self, transport: int) -> Sequence[Header] | None:
        """What OPTIONS are answered with."""
        way = self._reader.way_of_transport(transport)
        if way is None:
            return None
        self.gateway.overseer.options(way.side, RECEIVED, time.time_ns(), 200)
        contact = way.contact_of(self._settings.teams.fqdn) if way.side == TEAMS else f"<sip:{way.place}>"
        told = (("Allow", METHODS), ("Supported", EXTENSIONS), ("Accept", ("application/sdp",)))
        return [("Contact", contact), *((name, ", ".join(values)) for name, values in told)]

    def select(self, prm: Any) -> None:
        """Choose the account that answers an INVITE, and what it is known as to the caller."""
        way = self._reader.way_of(prm.rdata)
        if way is None:
            self._tally.note("transport", "an INVITE came by no known listener. [GATEWAY-LISTEN]")
            return
        prm.accountIndex = way.index
        if way.side == TEAMS:
            message = message_of(prm.rdata)
            host = message.uri.host if message is not None and message.uri is not None else ""
            trunk = self.gateway.directory.trunk_of_host(host)
            way.show(trunk.fqdn if trunk is not None and trunk.fqdn else self._settings.teams.fqdn)

    def incoming(self, account: Any, call: int, rdata: Any) -> None:
        """An INVITE: admit it or refuse it.

        What is answered is answered once the library is done with the INVITE: it aborts where one without
        SDP is refused before, and loses the headers of the answer.
        """
        self._legless.taken_up = raw_of(rdata)
        self._coming = call
        leg = Leg(self, account, call)
        self._legs.add(leg)
        try:
            self._admit(leg, rdata)
        except BadMessage as bad:
            self._tally.note("bad", f"{rdata.srcAddress}: {bad}")
            self._refuse(leg, bad.status, bad.header)
        except Exception as error:
            self._later.append(partial(self.failed, leg, error))

    def _refuse(self, leg: Leg, code: int, header: Header) -> None:
        # before the second legs of those that were admitted: the place of its leg may be theirs
        self._later.insert(0, partial(leg.end, code, [header] if header[1] else []))

    def _admit(self, leg: Leg, rdata: Any) -> None:
        way = self._reader.way_of(rdata)
        if way is None or self._is_ending:
            self._refuse(leg, 503 if self._is_ending else 500, STOPS)
            return
        message, attempt = self._reader.invite(way, rdata)
        name = leg_of(attempt)
        now = time.time_ns()
        decision = self.gateway.attempt(attempt, name, now)
        if decision.is_admitted and name in self._bridges:
            # an emergency call of a call that is up is a call of its own: two INVITEs, two CDRs
            name = self._new_name(attempt)
            decision = self.gateway.attempt(attempt, name, now)
        if not decision.is_admitted:
            self._refused(attempt)
            self._refuse(leg, decision.code, ("Reason", decision.reason))
            return
        try:
            targets = self._router.targets(attempt, decision, message, self.gateway.directory)
        except Exception:
            self.gateway.ended(name, now, 500, "failed")
            raise
        bridge = Bridge(self.gateway, name, leg, targets, self._leg_by, self._router.was_heard)
        self._bridges[name] = bridge
        self._trace(attempt, bridge.call_ids, lambda: bridge.is_over)
        self._later.append(partial(self._kept_going, bridge, bridge.proceed))

    def _new_name(self, attempt: Attempt) -> str:
        """A name for a call whose own may be another call's."""
        return f"{leg_of(attempt)} {next(self._count)}"

    def _refused(self, attempt: Attempt) -> None:
        self._trace(attempt, [], lambda: True)

    def _trace(self, attempt: Attempt, call_ids: list[str], is_over: Callable[[], bool]) -> None:
        if self._ladder is not None:
            self._ladder.begins(attempt, call_ids, is_over)

    def rejected(self, prm: Any) -> None:
        """The library refused an INVITE by itself."""
        self._legless.rejected(prm)

    def _leg_by(self, way: Way) -> Leg:
        leg = Leg(self, way.account)
        self._legs.add(leg)
        return leg

    def requested(self, event: Any) -> None:
        """OPTIONS to a proxy were answered, or given up."""
        self._keepalive.answered(event)

    def connected(self, prm: Any) -> None:
        """A connection begins or ends."""
        self._reader.connected(prm)


def _words(error: Exception) -> str:
    return error.reason if isinstance(error, pj.Error) else f"{type(error).__name__}: {error}"
