"""The gateway between its SIP engine and everything else: admission, channels, CDRs, limits.

An engine tells what happens to each leg and asks what to do; it brings the clock. No SIP library is here.

    decision = gateway.attempt(attempt, leg, now)   INVITE; a refusal is answered with its code and Reason
    gateway.ringing(leg, now)                       first 18x
    gateway.answered(leg, now)                      200; where it says False, the leg is over: hang up
    gateway.ended(leg, now, sip_code)               BYE, CANCEL or final failure
    for end in gateway.tick(now): ...               once a second; legs to hang up, each then `ended`
"""

from __future__ import annotations

import itertools
import secrets
import threading
from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass, field, replace

from rating.arrays import SECOND
from rating.sources.sip_status import end_reason as usual_reason
from sipgw.answers import EMERGENCY, SPOOL, Refusal, refusal
from sipgw.attempt import Attempt
from sipgw.calls_up import Up
from sipgw.cdr import begun
from sipgw.channels import Channels, LocalChannels
from sipgw.directory import Directory, Reload, Reloader
from sipgw.overseer import Nobody, Overseer
from sipgw.policy import NO_CHANNEL, REFUSED, Decision, admit
from sipgw.settings import Settings
from sipgw.spool.row import LONGEST_REASON, Row, plain
from sipgw.spool.spool import Spool
from sipgw.tally import Tally

NOT_HELD = (REFUSED, NO_CHANNEL)
"""End reasons that say that no channel was held: no leg that was up may have them."""


@dataclass(frozen=True)
class End:
    """A leg that the engine is to hang up, and how its `ended` is told."""

    leg: str
    sip_code: int
    end_reason: str


@dataclass
class _Leg:
    """A leg that is up; its lock is held while the call is brought to the disk."""

    row: Row
    lock: threading.Lock = field(default_factory=threading.Lock)
    is_over: bool = False


class Gateway:
    """Calls of one gateway, for any number of threads.

    Each leg that is admitted holds a channel until it ends and gives one CDR, in whatever order its events
    come and however often. Each refusal of a known trunk is a CDR; calls of no trunk (unknown peers, trunks
    and called numbers) are lines of the log, of which storms are counted.

    Parameters
    ----------
    reloader : directory in force
    now : instant [ns]
    channels : of this process, where not given
    log : takes lines for the operator

    Attributes
    ----------
    overseer : who suspends trunks, guards against fraud, and tells the status; set before the first call

    Raises
    ------
    SpoolError, GatewayError
        The spool cannot be used.
    """

    def __init__(
        self,
        settings: Settings,
        reloader: Reloader,
        now: int,
        channels: Channels | None = None,
        log: Callable[[str], None] = lambda line: None,
    ) -> None:
        self._settings, self._reloader, self._log = settings, reloader, log
        self.overseer: Overseer = Nobody()
        self._channels = channels if channels is not None else LocalChannels()
        self._tally = Tally(log)
        self._lock = threading.Lock()
        self._legs: dict[str, _Leg] = {}
        self._is_closed = False
        self._session, self._count = secrets.token_hex(8), itertools.count(1)
        zone = reloader.current.book.zone
        self._spool = Spool(settings.spool, settings.name, zone, now, log=self._told)
        if self._spool.recovered:
            log(f"{settings.spool}: {self._spool.recovered} calls that were up at a crash are closed.")

    @property
    def directory(self) -> Directory:
        """Accounts and book in force."""
        return self._reloader.current

    @property
    def channels(self) -> Channels:
        return self._channels

    @property
    def spool(self) -> Spool:
        return self._spool

    # --- events of a leg

    def attempt(self, attempt: Attempt, leg: str, now: int) -> Decision:
        """Admit a call or refuse it; it is on the disk when it is admitted.

        A call that the disk does not take is refused by rule `spool`, but an emergency call passes: its CDR
        is kept in memory. An emergency call of a leg that is up is admitted, and is that leg.

        Parameters
        ----------
        leg : what the engine calls this leg, and no other that is up (sipgw.policy.leg_of)
        now : instant of the INVITE [ns]
        """
        decision = self._attempted(attempt, leg, now)
        self.overseer.decided(decision)
        return decision

    def _attempted(self, attempt: Attempt, leg: str, now: int) -> Decision:
        overseer = self.overseer
        decision = admit(self.directory, attempt, self._channels, now, (overseer,), leg, overseer.suspended)
        unique = f"{self._session}-{next(self._count)}"
        row = begun(self._settings.name, unique, attempt, decision, now)
        if not decision.is_admitted:
            self._refuse(row, decision, attempt)
            return decision
        up = _Leg(row)
        with up.lock:
            before = self._take_up(leg, up)
            if before is None:
                return self._recorded(leg, up, decision, attempt)
        with before.lock:
            ended_meanwhile = before.is_over
        return self._attempted(attempt, leg, now) if ended_meanwhile else decision

    def ringing(self, leg: str, now: int) -> bool:
        """Note the first 18x; whether the leg is up."""
        return self._change(leg, lambda row: row.alerting(now), self._spool.alert)

    def answered(self, leg: str, now: int) -> bool:
        """Note the answer; whether the leg is up. One that is not has ended meanwhile: hang it up."""
        return self._change(leg, lambda row: row.answered(now), self._spool.answer)

    def ended(self, leg: str, now: int, sip_code: int, end_reason: str = "") -> bool:
        """Give back the channel and write the CDR; whether the leg was up.

        Parameters
        ----------
        sip_code : final status; an answered leg's is 200 whatever ended it
        end_reason : by the status where it is empty (or says that no channel was held)
        """
        with self._lock:
            up = self._legs.get(leg)
        if up is None:
            return False
        with up.lock:
            if up.is_over:
                return False
            up.is_over = True
            code = 200 if up.row.is_answered else min(max(sip_code, 0), 999)
            if not end_reason or end_reason in NOT_HELD:
                end_reason = usual_reason(up.row.is_answered, str(code))
            row = up.row.over(now, code, plain(end_reason)[:LONGEST_REASON])
            self._spool.end(row)
            with self._lock:
                del self._legs[leg]
            if self._channels.release(leg) is None:
                self._told(f"{up.row.call_id}: ended, its channel was not held any more. [CHANNEL-LOST]")
        self.overseer.ended(_up(leg, row), row.release)
        return True

    # --- all legs

    def calls(self) -> dict[str, Row]:
        """The legs that are up, by the engine's names, with the rows that their CDRs will be."""
        with self._lock:
            return {leg: up.row for leg, up in self._legs.items()}

    def up(self) -> list[Up]:
        """The legs that are up, as guards and status see them."""
        return [_up(leg, row) for leg, row in self.calls().items()]

    def tick(self, now: int) -> list[End]:
        """Note that the gateway is alive, look at the accounts, and say which legs are up for too long.

        To be called twice a second: after a crash, calls are closed at the last tick, and a suspension acts
        within a second. Emergency calls have no limit. A leg is named at each tick until it has ended.
        """
        self._spool.beat(now)
        self._tally.beat(now)
        self._tell(self._reloader.look())
        limits = self._settings.limits
        ends = []
        for leg, row in self._ordinary():
            if row.is_answered:
                if now - row.answer >= limits.max_call_s * SECOND:
                    ends.append(End(leg, 200, "timeout"))
            elif now - row.setup >= limits.no_answer_s * SECOND:
                ends.append(End(leg, 480, "no_answer"))
        return ends + self._dropped(self.overseer.look(now))

    def _dropped(self, legs: Collection[str]) -> list[End]:
        """Legs to be hung up because their trunk is suspended (art. 10)."""
        rows = [(leg, row) for leg, row in self._ordinary() if leg in legs]
        return [End(leg, 200 if row.is_answered else 403, "suspended") for leg, row in rows]

    def reload(self) -> Reload:
        """Read the accounts file now."""
        found = self._reloader.reload()
        self._tell(found)
        return found

    def close(self, now: int) -> None:
        """End all legs (`shutdown`), write their CDRs, let go of the spool; no leg is admitted any more."""
        with self._lock:
            if self._is_closed:
                return
            self._is_closed = True
            legs = list(self._legs)
        for leg in legs:
            self.ended(leg, now, 503, "shutdown")
        self._spool.close(now)
        self.overseer.close()

    # --- inside

    def _take_up(self, leg: str, up: _Leg) -> _Leg | None:
        """Note a leg as up, unless the gateway stops; the leg of this name that is up, None for none."""
        with self._lock:
            before = self._legs.get(leg)
            if before is None and not self._is_closed:
                self._legs[leg] = up
            return before

    def _recorded(self, leg: str, up: _Leg, decision: Decision, attempt: Attempt) -> Decision:
        """Bring an admitted call to the disk; what becomes of it."""
        problem = self._problem_of(up.row)
        if not problem or (decision.rule == EMERGENCY and not self._is_closed):
            self.overseer.begun(_up(leg, up.row))
        if not problem:
            return decision
        if decision.rule == EMERGENCY and not self._is_closed:
            self._told(
                f"{up.row.call_id}: emergency call is admitted unrecorded ({problem}). [SPOOL-EMERGENCY]"
            )
            return decision
        self._told(f"{self._settings.spool}: {problem}; calls are refused. [SPOOL-REFUSED]")
        up.is_over = True
        with self._lock:
            self._legs.pop(leg, None)
        self._channels.release(leg)
        decision = _unrecorded(decision, refusal(SPOOL))
        self._refuse(replace(up.row, rule=SPOOL), decision, attempt)
        return decision

    def _problem_of(self, row: Row) -> str:
        """Why the disk does not take a call; "" where it does."""
        if self._is_closed:
            return "the gateway stops"
        try:
            self._spool.begin(row)
        except OSError as error:
            return error.strerror or str(error)
        return ""

    def _refuse(self, row: Row, decision: Decision, attempt: Attempt) -> None:
        if not decision.trunk_id:
            words = f"{decision.rule}: call from {attempt.address} for '{plain(attempt.host)}'"
            self._tally.note(decision.rule, f"{words} has no trunk, and no CDR.")
            return
        if self._is_closed:
            self._told(f"{row.call_id}: refused without a CDR, the gateway stops. [SPOOL-CLOSED]")
            return
        self._spool.refuse(row.over(row.setup, decision.code, decision.end_reason))

    def _change(self, leg: str, change: Callable[[Row], Row], note: Callable[[Row], None]) -> bool:
        with self._lock:
            up = self._legs.get(leg)
        if up is None:
            return False
        with up.lock:
            if up.is_over:
                return False
            before, up.row = up.row, change(up.row)
            if up.row != before:
                note(up.row)
        return True

    def _ordinary(self) -> Iterable[tuple[str, Row]]:
        return [(leg, row) for leg, row in self.calls().items() if row.rule != EMERGENCY]

    def _told(self, line: str) -> None:
        """Log what a full disk would repeat for each call, by its code."""
        self._tally.note(line[line.rfind("[") :], line)

    def _tell(self, reload: Reload | None) -> None:
        if reload is not None:
            self._log(reload.text)


def _up(leg: str, row: Row) -> Up:
    answer = row.answer if row.is_answered else None
    return Up(leg, row.trunk_id, row.direction, row.b_number, row.setup, answer)


def _unrecorded(decision: Decision, answer: Refusal) -> Decision:
    """An admitted call refused after all."""
    return replace(
        decision, rule=SPOOL, code=answer.code, reason=answer.reason, end_reason=REFUSED, claim=None
    )
