"""Guards against fraud and spending: what trips them, what that refuses, and how a person lifts it (art. 10).

A tripped guard refuses the trunk's outbound calls until a person lifts it; emergency calls are never asked
about (SPEC 11, checks 2 and 6). Calls that are up go on: `trunkrate trunk suspend --drop-calls` ends them.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from datetime import timedelta
from typing import Any

from rating.accounts import Trunk
from rating.money import DECIMALS, decimal_text
from rating.zone import instant_text
from sipgw.attempt import Attempt
from sipgw.bursts import EPOCH, Burst, BurstWatch
from sipgw.calls_up import UpCall
from sipgw.directory import Directory
from sipgw.settings import TEAMS
from sipgw.spending import Spending
from sipgw.spool_calls import calls_of_spool
from sipgw.suspensions import LIFT, TRIP, Record, Suspensions

SPEND, BURSTS = "spend_per_day", "bursts"
WORDS = {SPEND: "Spending limit of the day reached", BURSTS: "Burst of costly calls"}
"""What the Reason header says; amounts and numbers stay in the record."""

EVIDENCE = 20
"""Calls that a record names."""


class Guards:
    """Both guards over the calls of one gateway; a policy.Guard.

    The gateway calls `begun` for each call that it admits, `ended` for each that ends, and `look` every
    second. What trips and what is lifted stands in the suspensions file, so that it outlives the process.

    Parameters
    ----------
    directory : gives the one in force
    now : instant of the start [ns]
    """

    def __init__(self, directory: Callable[[], Directory], suspensions: Suspensions, now: int) -> None:
        self._directory = directory
        self._suspensions = suspensions
        self._lock = threading.Lock()
        first = directory()
        settings = first.settings
        self._name = settings.name
        bursts = settings.limits.bursts
        self._bursts = BurstWatch(bursts, first.book) if bursts else None
        self._is_spending_limited = any(
            limit is not None
            for limit in (settings.limits.spend_per_day_micros, *settings.trunk_spend.values())
        )
        self._spending = Spending(first)
        self.spent: dict[str, int] = {}
        self._restore(first, now)

    def _restore(self, directory: Directory, now: int) -> None:
        """What was spent today, from the CDRs of the spool."""
        records = self._suspensions.look()
        if self._is_spending_limited:
            midnight = directory.book.zone.midnight(directory.day(now))
            lifts = [(one.trunk_id, min(one.time, now)) for one in records if one.act == LIFT]
            self._spending.restore(directory, calls_of_spool(directory.settings.spool, midnight), lifts)
            self.look((), now)

    def tripped(self, trunk: Trunk, attempt: Attempt, now: int) -> str | None:
        """Why an outbound call of the trunk is refused; None where it is not."""
        found = self._suspensions.tripped.get(trunk.id)
        if not found or attempt.side != TEAMS:
            return None
        guard = next(iter(found))
        return WORDS.get(guard, "Guard tripped")

    def begun(self, call: UpCall) -> None:
        """Count a call that was admitted."""
        if self._bursts is None:
            return
        with self._lock:
            burst = self._bursts.begun(self._directory(), call)
        if burst is not None and BURSTS not in self._suspensions.tripped.get(call.trunk_id, {}):
            self._trip(call.trunk_id, BURSTS, *self._tell_burst(burst), call.setup_time)

    def ended(self, call: UpCall, release: int) -> None:
        """Count what a call cost; release : [ns]."""
        if self._is_spending_limited:
            with self._lock:
                self._spending.ended(self._directory(), call, release)

    def look(self, calls: Sequence[UpCall], now: int) -> list[Record]:
        """Price the calls that are up, trip what is beyond its limit, take in what people recorded.

        Returns
        -------
        What was recorded since the last look, for who else acts on it.
        """
        directory = self._directory()
        records = self._suspensions.look()
        for record in records:
            if record.act == LIFT:
                self._lift(directory, record, calls, now)
        if self._is_spending_limited:
            with self._lock:
                spent = self._spending.now(directory, calls, now)
                today = directory.day(now)
                self._spending.forget(today - 2, [call.leg for call in calls])
            self.spent = {trunk: units for (trunk, day), units in spent.items() if day == today}
            for (trunk, day), units in spent.items():
                self._check_spending(directory, trunk, day, units, calls, now)
        return records

    def _lift(self, directory: Directory, record: Record, calls: Sequence[UpCall], now: int) -> None:
        with self._lock:
            self._spending.forgive(directory, record.trunk_id, calls, min(record.time, now))
            if self._bursts is not None:
                self._bursts.forget(record.trunk_id)

    def _check_spending(
        self, directory: Directory, trunk: str, day: int, units: int, calls: Sequence[UpCall], now: int
    ) -> None:
        """Trip where a day's spending has reached the limit, and is more than nothing."""
        limit = directory.settings.spend_per_day(trunk)
        decimals = directory.book.amount_decimals
        is_within = limit is None or units * 10 ** (DECIMALS - decimals) < limit or units <= 0
        if limit is None or is_within or SPEND in self._suspensions.tripped.get(trunk, {}):
            return
        shown, most = decimal_text(units, decimals), decimal_text(limit, DECIMALS, 2)
        currency, local = directory.book.currency, (EPOCH + timedelta(day)).isoformat()
        up = [call for call in calls if call.trunk_id == trunk and call.answer_time is not None]
        evidence = {
            "day": local,
            "spent": shown,
            "limit": most,
            "currency": currency,
            "calls_up": len(up),
            "calls": [
                {
                    "leg": call.leg,
                    "b_number": call.b_number,
                    "answer_time": instant_text(call.answer_time or 0),
                }
                for call in sorted(up, key=lambda call: call.answer_time or 0)[:EVIDENCE]
            ],
        }
        why = f"{shown} {currency} spent on {local}, of {most}"
        self._trip(trunk, SPEND, why, evidence, now)

    def _tell_burst(self, burst: Burst) -> tuple[str, dict[str, Any]]:
        first, last = burst.calls[0].setup, burst.calls[-1].setup
        hours = "in office hours" if burst.in_office_hours else "outside office hours"
        why = f"{len(burst.calls)} costly calls in {max(last - first, 0) // 10**9} s, {hours}"
        calls = [
            {
                "leg": call.leg,
                "b_number": call.b_number,
                "destination": call.destination,
                "setup_time": instant_text(call.setup),
            }
            for call in burst.calls[-EVIDENCE:]
        ]
        return why, {"limit": burst.limit, "hours": hours, "calls": calls}

    def _trip(self, trunk: str, guard: str, why: str, evidence: dict[str, Any], now: int) -> None:
        self._suspensions.add(
            Record(now, TRIP, trunk, who=self._name, why=why, guard=guard, evidence=evidence)
        )
