"""Customers, their numbers and users, trunks and their histories, in memory (SPEC 12)."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property

import numpy as np

from rating.arrays import Ints

EVER_FROM, EVER_TO = -(1 << 63) + 1, (1 << 63) - 1

NO_CAP = 1 << 62
"""Channels of a site that has no cap of its own."""


@dataclass(frozen=True)
class Span:
    """An interval [start, end) of instants and what holds in it. [ns]"""

    start: int
    end: int
    value: str = ""

    def holds(self, instant: int) -> bool:
        return self.start <= instant < self.end


@dataclass(frozen=True)
class Suspension:
    """An interval [start, end) in which calls of a trunk do not pass (art. 10). [ns]

    scope : one of SCOPES
    """

    start: int
    end: int
    scope: str
    why: str = ""


SCOPES = ("all", "outbound", "international")


@dataclass(frozen=True)
class Decision:
    """A recorded choice for one trunk and month (SPEC 6.6)."""

    month: int
    reason: str
    mode: str
    who: str
    when: int
    why: str


@dataclass(frozen=True)
class Site:
    id: str
    channels: int
    numbers: tuple[int, ...]


@dataclass(frozen=True)
class Customer:
    id: str
    name: str
    users: dict[str, int] = field(default_factory=dict)
    professional_use: tuple[Span, ...] = ()
    plan_suspensions: tuple[Span, ...] = ()


@dataclass(frozen=True)
class Trunk:
    """A trunk and its histories.

    channels, plans : spans with the number or the name; numbers : keys, (first, last) of each run listed
    """

    id: str
    customer: int
    fqdn: str
    channels: tuple[Span, ...]
    plans: tuple[Span, ...]
    international: tuple[Span, ...]
    shared: bool
    rating_source: str | None
    sites: tuple[Site, ...]
    plan_suspensions: tuple[Span, ...]
    fraud: tuple[Span, ...]
    decisions: tuple[Decision, ...]
    numbers: tuple[int, ...] = ()
    suspensions: tuple[Suspension, ...] = ()

    def channels_between(self, start: int, end: int) -> list[tuple[int, int]]:
        """Each instant of [start, end) from which another number of channels is in force, and the number.

        Examples
        --------
        >>> channels = (Span(0, 10, "4"), Span(20, 30, "6"))
        >>> trunk = Trunk("t", 0, "", channels, (), (), False, None, (), (), (), ())
        >>> trunk.channels_between(5, 40)
        [(5, 4), (10, 0), (20, 6), (30, 0)]
        """
        steps, at = [], start
        for span in sorted(self.channels, key=lambda span: span.start):
            first, last = max(span.start, start), min(span.end, end)
            if first < last:
                steps += [(at, 0)] if first > at else []
                steps.append((first, int(span.value)))
                at = last
        return [*steps, (at, 0)] if at < end else steps

    def lists(self, number: int) -> bool:
        """Whether a number is among those that come in here (first, last, first, last, …)."""
        return any(
            low <= number <= high for low, high in zip(self.numbers[::2], self.numbers[1::2], strict=True)
        )


@dataclass(frozen=True)
class Accounts:
    """Customers, and trunks in code-point order of their ids.

    owner_low, owner_high : first and last key of each run of numbers
    owner_start, owner_end : when the customer has it [ns]; owner_customer : index into `customers`
    """

    customers: tuple[Customer, ...]
    trunks: tuple[Trunk, ...]
    owner_low: Ints
    owner_high: Ints
    owner_start: Ints
    owner_end: Ints
    owner_customer: Ints
    content: bytes

    def owners(self, keys: Ints, instants: Ints) -> Ints:
        """Customer that has each number at each instant, -1 for nobody; shape (n,)."""
        owner = np.full(len(keys), -1)
        for layer, low in self._layers:
            at = np.searchsorted(low, keys, "right") - 1
            run = layer[np.maximum(at, 0)]
            hit = (at >= 0) & (keys <= self.owner_high[run]) & (keys > 0)
            hit &= (self.owner_start[run] <= instants) & (instants < self.owner_end[run])
            owner = np.where(hit, self.owner_customer[run], owner)
        return owner

    @cached_property
    def _layers(self) -> list[tuple[Ints, Ints]]:
        """Runs split so that those of one layer do not overlap and ascend, and their first keys."""
        layers: list[list[int]] = []
        for run in np.argsort(self.owner_low, kind="stable").tolist():
            for layer in layers:
                if self.owner_high[layer[-1]] < self.owner_low[run]:
                    layer.append(run)
                    break
            else:
                layers.append([run])
        rows = [np.array(layer, np.int64) for layer in layers]
        return [(layer, self.owner_low[layer]) for layer in rows]
