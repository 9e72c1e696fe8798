"""What people order of a gateway that runs: suspend, resume, lift, status."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from rating.accounts import SCOPES
from rating.errors import quoted
from rating.tariffs.book import close_names
from sipgw.call import OUTBOUND
from sipgw.calls_up import Calls, UpCall
from sipgw.channels import Channels
from sipgw.control import Answer, Request
from sipgw.directory import Directory
from sipgw.guards import Guards
from sipgw.status import Counts, status
from sipgw.suspensions import LIFT, LONGEST, RESUME, SUSPEND, Record, Suspensions

TICK_S = 2.0
"""How long an order waits for the gateway's tick."""


class Refused(Exception):
    """An order that is none, in words for who gave it."""


class Orders:
    """Takes orders from the control socket, and from the file where they came another way.

    The gateway calls `tick` at least twice a second, so that a suspension acts within one, whoever wrote it.
    Calls are ended by `tick` alone: a SIP engine may bear no other thread than its own.
    """

    def __init__(
        self,
        directory: Callable[[], Directory],
        suspensions: Suspensions,
        guards: Guards,
        calls: Calls,
        channels: Channels,
        counts: Counts,
        clock: Callable[[], int] = time.time_ns,
    ) -> None:
        self._directory = directory
        self._suspensions = suspensions
        self._guards = guards
        self._calls = calls
        self._channels = channels
        self._counts = counts
        self._clock = clock
        self._ticked = threading.Condition()
        self._ticks = 0
        held = [record for scopes in suspensions.suspended.values() for record in scopes.values()]
        self._drop(held)

    def tick(self) -> None:
        """Look at the guards and at what was recorded; end the calls that a suspension is to end."""
        with self._ticked:
            self._drop(self._guards.look(self._calls.up(), self._clock()))
            self._ticks += 1
            self._ticked.notify_all()

    def answer(self, request: Request) -> Answer:
        """The answer to one request of the socket; `error` says why it was refused."""
        orders: Mapping[str, Callable[[Request], Answer]] = {
            "status": lambda _: self.status(),
            SUSPEND: self._suspend,
            RESUME: self._resume,
            LIFT: self._lift,
        }
        order = request.get("order")
        try:
            if not isinstance(order, str) or order not in orders:
                raise Refused("order is unknown; expected one of " + ", ".join(orders))
            return orders[order](request)
        except Refused as error:
            return {"error": str(error)}

    def status(self) -> dict[str, Any]:
        """What `trunkrate gateway status` shows."""
        return status(
            self._directory(),
            self._suspensions,
            self._guards,
            self._calls.up(),
            self._channels.in_use(),
            self._counts,
            self._clock(),
        )

    def _suspend(self, request: Request) -> Answer:
        record = record_of(self._directory(), request, self._clock())
        up = self._in_scope(record)
        return {"done": SUSPEND, "calls": len(up), "late": not self._take(record)}

    def _resume(self, request: Request) -> Answer:
        record = record_of(self._directory(), request, self._clock())
        was = sorted(self._suspensions.suspended.get(record.trunk_id, {}))
        is_late = not self._take(record)
        trunk = self._directory().trunk(record.trunk_id)
        in_accounts = self._directory().suspensions(trunk, record.time) if trunk else []
        return {
            "done": RESUME,
            "was": was,
            "late": is_late,
            "in_accounts": [one.scope for one in in_accounts],
        }

    def _lift(self, request: Request) -> Answer:
        record = record_of(self._directory(), request, self._clock())
        was = sorted(self._suspensions.tripped.get(record.trunk_id, {}))
        return {"done": LIFT, "was": was, "late": not self._take(record)}

    def _take(self, record: Record) -> bool:
        """Record an order, and wait for the tick that acts on it; False where none comes."""
        self._suspensions.add(record)
        with self._ticked:
            before = self._ticks
            return self._ticked.wait_for(lambda: self._ticks > before, TICK_S)

    def _drop(self, records: Iterable[Record]) -> None:
        """End the calls of suspensions that hold still: a person may have resumed the trunk meanwhile."""
        for record in records:
            held = self._suspensions.suspended.get(record.trunk_id, {})
            if record.act == SUSPEND and record.drop_calls and record.scope in held:
                self._calls.hang_up(self._in_scope(record))

    def _in_scope(self, record: Record) -> list[str]:
        """Legs of the trunk that a suspension is about; emergency calls never are."""
        directory = self._directory()
        return [
            call.leg
            for call in self._calls.up()
            if call.trunk_id == record.trunk_id and is_in_scope(directory, call, record.scope)
        ]


def is_in_scope(directory: Directory, call: UpCall, scope: str) -> bool:
    """Whether a suspension of a scope is about a call, as it is at admission (SPEC 11, checks 2 and 3)."""
    if call.direction != OUTBOUND:
        return scope == "all"
    number = directory.read(call.b_number)
    if directory.is_emergency(number.key, call.setup_time):
        return False
    destination = directory.destination(number.key, call.setup_time)
    return scope != "international" or directory.is_international(number.key, destination)


def record_of(directory: Directory, request: Request, now: int) -> Record:
    """The line that an order becomes.

    Raises
    ------
    Refused
        A text is missing or too long, the trunk or the scope is unknown.
    """
    fields = {name: request.get(name) for name in ("order", "trunk_id", "who", "why")}
    for name, value in fields.items():
        if not isinstance(value, str) or not value.strip() or len(value) > LONGEST:
            raise Refused(f"{name} is no text of 1 to {LONGEST} characters")
    order, trunk, who, why = (str(value) for value in fields.values())
    if directory.trunk(trunk) is None:
        known = {one.id for one in directory.accounts.trunks}
        expected = "the id of a trunk of accounts" + close_names(known, trunk)
        raise Refused(f"trunk {quoted(trunk)} is unknown; expected {expected}")
    if order != SUSPEND:
        return Record(now, order, trunk, who, why)
    scope, drop = request.get("scope", SCOPES[0]), request.get("drop_calls", False)
    if scope not in SCOPES or not isinstance(drop, bool):
        expected = "one of " + ", ".join(SCOPES) + ", and true or false"
        raise Refused(f"scope or drop_calls is wrong; expected {expected}")
    return Record(now, order, trunk, who, why, scope=scope, drop_calls=drop)
