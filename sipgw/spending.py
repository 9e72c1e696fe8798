"""What a trunk's calls of a local day cost so far, in the exact money of rating.

A call costs what it would by the minute if its plan does not include the destination, and nothing if it does:
what goes beyond fair use is only known at the month's end. The whole call is of the day of its answer.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from typing import NamedTuple

import numpy as np

from rating.accounts import Span, Trunk
from rating.arrays import SECOND
from rating.price import price_calls
from rating.reasons import CLASS_EMERGENCY, CLASS_FREE
from rating.tariffs.plans import METERED, Plan
from sipgw.call import OUTBOUND
from sipgw.calls_up import UpCall
from sipgw.directory import Directory
from sipgw.spool_calls import EndedCall

NO_CHARGE = -1


class Charged(NamedTuple):
    """A call that costs money: its deck row and the index of its plan."""

    trunk_id: str
    row: int
    plan: int
    answer: int


Day = tuple[str, int]
"""A trunk, and a local day counted from 1970-01-01."""


class Spending:
    """Adds up ended calls by trunk and day; those that are up are priced at each look.

    Amounts are whole units of the book's last decimal (`amount_decimals`).
    """

    def __init__(self, directory: Directory) -> None:
        self._book = directory.book
        self._plans = [self._book.plan(name) for name in sorted({*self._book.plans, METERED.name})]
        self._index = {plan.name: place for place, plan in enumerate(self._plans)}
        self._settled: dict[Day, int] = defaultdict(int)
        self._forgiven: dict[Day, int] = {}
        self._known: dict[str, Charged | None] = {}

    def ended(self, directory: Directory, call: UpCall, release: int) -> Day | None:
        """Count a call that ended; the trunk and day that grew."""
        charged = self._charged(directory, call)
        self._known.pop(call.leg, None)
        if charged is None:
            return None
        day = (charged.trunk_id, directory.day(charged.answer))
        self._settled[day] += self._amounts([charged], release)[0]
        return day

    def now(self, directory: Directory, calls: Iterable[UpCall], now: int) -> dict[Day, int]:
        """What was spent and not forgiven, by trunk and day; calls up as if they ended now."""
        up = [charged for call in calls if (charged := self._charged(directory, call)) is not None]
        total = dict(self._settled)
        for charged, amount in zip(up, self._amounts(up, now), strict=True):
            day = (charged.trunk_id, directory.day(charged.answer))
            total[day] = total.get(day, 0) + amount
        return {day: units - self._forgiven.get(day, 0) for day, units in total.items()}

    def forgive(self, directory: Directory, trunk: str, calls: Iterable[UpCall], then: int) -> None:
        """Count a trunk's spending anew from an instant: a person lifted its guard."""
        found = self.now(directory, [call for call in calls if call.trunk_id == trunk], then)
        for day, units in found.items():
            if day[0] == trunk:
                self._forgiven[day] = self._forgiven.get(day, 0) + units

    def restore(
        self, directory: Directory, calls: Sequence[EndedCall], lifts: Iterable[tuple[str, int]]
    ) -> None:
        """Count the calls of the spool, and forgive; lifts : trunk and instant, in order."""
        charged = [found for call in calls if (found := self._charged(directory, call)) is not None]
        released = {call.leg: call.release_time for call in calls}
        ends = [released[call.leg] for call in calls if self._known.get(call.leg) is not None]
        self._known.clear()
        self._sum(directory, charged, ends, self._settled)
        for trunk, then in lifts:
            before = [
                (one, min(end, then))
                for one, end in zip(charged, ends, strict=True)
                if one.trunk_id == trunk and one.answer < then
            ]
            forgiven: dict[Day, int] = defaultdict(int)
            self._sum(directory, [one for one, _ in before], [end for _, end in before], forgiven)
            self._forgiven.update(forgiven)

    def forget(self, before: int, legs: Iterable[str]) -> None:
        """Drop what is older than a local day, and calls that are neither up nor ended."""
        for table in (self._settled, self._forgiven):
            for day in [day for day in table if day[1] < before]:
                del table[day]
        gone = self._known.keys() - set(legs)
        for leg in gone:
            del self._known[leg]

    def _sum(
        self, directory: Directory, charged: list[Charged], ends: list[int], into: dict[Day, int]
    ) -> None:
        for one, amount in zip(charged, self._amounts(charged, ends), strict=True):
            into[(one.trunk_id, directory.day(one.answer))] += amount

    def _charged(self, directory: Directory, call: UpCall) -> Charged | None:
        """The call's row and plan; None while it is not answered, and where it costs nothing."""
        if call.leg in self._known:
            return self._known[call.leg]
        if call.direction != OUTBOUND or call.answer_time is None:
            return None
        trunk = directory.trunk(call.trunk_id)
        row = directory.row(directory.read(call.b_number).key, call.answer_time)
        found = None
        if trunk is not None and row >= 0:
            plan = plan_in_force(directory, trunk, call.answer_time)
            if is_charged(directory, trunk, plan, row, call.answer_time):
                found = Charged(trunk.id, row, self._index[plan.name], call.answer_time)
        self._known[call.leg] = found
        return found

    def _amounts(self, charged: list[Charged], ends: int | list[int]) -> list[int]:
        """Amount of each call until an instant: a second at least, begun seconds whole (SPEC 2)."""
        if not charged:
            return []
        answer = np.array([one.answer for one in charged], np.int64)
        length = np.maximum(-(-(np.asarray(ends, np.int64) - answer) // SECOND), 1)
        row = np.array([one.row for one in charged], np.int64)
        plan = np.array([one.plan for one in charged], np.int64)
        none = np.zeros(len(charged), np.int64)
        priced = price_calls(row, answer, none, length, plan, self._plans, self._book)
        return priced.amount.tolist()


def plan_in_force(directory: Directory, trunk: Trunk, answer: int) -> Plan:
    """The trunk's plan at an instant, `metered` where there is none (SPEC 5)."""
    names = [span.value for span in trunk.plans if span.holds(answer)]
    return directory.book.plan(names[0]) if names else METERED


def is_charged(directory: Directory, trunk: Trunk, plan: Plan, row: int, answer: int) -> bool:
    """Whether a call is billed from its first second: reasons 6 to 10 of SPEC 6, but for waivers."""
    name, klass = directory.named(row)
    if klass in (CLASS_EMERGENCY, CLASS_FREE):
        return False
    ordered = any(span.value == name and span.holds(answer) for span in trunk.international)
    is_included = klass in plan.classes or name in plan.destinations or (plan.order_form and ordered)
    if plan.name == METERED.name or not is_included or trunk.shared:
        return True
    customer = directory.accounts.customers[trunk.customer]
    outside: tuple[Span, ...] = (
        *customer.professional_use,
        *customer.plan_suspensions,
        *trunk.plan_suspensions,
        *trunk.fraud,
    )
    return any(span.holds(answer) for span in outside)
