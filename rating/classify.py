"""Stage 4: destination and plan of each call, and reasons 1 to 10 (SPEC 4, 5, 6)."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import pairwise

import numpy as np
import pyarrow as pa

from rating.accounts import Accounts, Decision, Span, Trunk
from rating.arrays import NONE, Bools, Ints, codes, join, recode, runs, texts
from rating.placing import Placed
from rating.reasons import (
    CLASS_EMERGENCY,
    CLASS_FREE,
    EMERGENCY,
    FRAUDULENT_USE,
    FREE,
    INBOUND,
    NO_RATE,
    NOT_ANSWERED,
    OUT_OF_PLAN,
    PLAN_SUSPENDED,
    PROFESSIONAL_USE,
    REASONS,
    SHARED_TRUNK,
)
from rating.tariffs.book import TariffBook
from rating.tariffs.plans import Plan

OPEN = -1
"""Reason of a call that none of the rules so far has decided."""


@dataclass
class Classified:
    """Sorted calls and what is known of them before the limits, shape (n,) each.

    month : year × 12 + month - 1
    base : deck row with window none and from_second 0 of the destination, -1 where there is none
    plan : index into `plans` (-1 for calls that are not answered outbound)
    in_plan : whether the plan includes the destination
    reason : index into REASONS, OPEN where the limits decide
    """

    placed: Placed
    month: Ints
    own: Ints
    base: Ints
    plan: Ints
    plans: list[Plan]
    in_plan: Bools
    reason: Ints
    decisions: dict[tuple[int, int, str], Decision]

    @property
    def answered(self) -> Bools:
        return self.placed.calls.answer != NONE

    def take(self, rows: Ints) -> Classified:
        """Some of the calls, in the given order."""
        names = ("month", "own", "base", "plan", "in_plan", "reason")
        return replace(
            self, placed=self.placed.take(rows), **{name: getattr(self, name)[rows] for name in names}
        )


class TrunkSlices:
    """Where each trunk's calls stand among sorted calls, and masks by interval."""

    def __init__(self, trunk: Ints, times: Ints) -> None:
        self.times = times
        bounds = runs(trunk).tolist()
        self._slices = {int(trunk[start]): slice(start, end) for start, end in pairwise(bounds)}

    def of(self, trunk: int) -> slice:
        return self._slices.get(trunk, slice(0, 0))

    def trunks(self, accounts: Accounts) -> Iterator[tuple[int, Trunk]]:
        """Trunks that have calls here."""
        return ((i, accounts.trunks[i]) for i in self._slices)

    def mark(self, mask: Bools, trunk: int, spans: tuple[Span, ...]) -> None:
        """Set the mask for the trunk's calls inside any of the spans."""
        part = self.of(trunk)
        for span in spans:
            mask[part] |= (span.start <= self.times[part]) & (self.times[part] < span.end)


def classify(
    placed: Placed,
    month: Ints,
    own: Ints,
    book: TariffBook,
    accounts: Accounts,
    base: Ints | None = None,
) -> Classified:
    """Apply reasons 1 to 10 to calls in (trunk, time) order; `base` : their deck rows, where known."""
    calls = placed.calls
    answered = calls.answer != NONE
    slices = TrunkSlices(placed.trunk, calls.answer)
    if base is None:
        base = find_rows(book, np.flatnonzero(answered & calls.outbound), placed, calls.answer)
    plans = plans_of(book)
    plan = np.where(answered, plans_at(slices, book, accounts), -1)
    in_plan = _in_plan(slices, base, plan, plans, book, accounts)
    decisions = latest_decisions(accounts)

    def in_force(mask: Bools, which: int) -> Bools:
        return mask & ~waived(placed.trunk, month, decisions, which)

    n = len(placed)
    masks = (
        (NOT_ANSWERED, ~answered),
        (INBOUND, ~calls.outbound),
        (EMERGENCY, of_class(book, base, CLASS_EMERGENCY)),
        (FREE, of_class(book, base, CLASS_FREE)),
        (NO_RATE, base < 0),
        (OUT_OF_PLAN, ~in_plan),
        (PROFESSIONAL_USE, in_force(_professional(slices, accounts, n), PROFESSIONAL_USE)),
        (SHARED_TRUNK, in_force(_shared(placed, month, own, accounts), SHARED_TRUNK)),
        (FRAUDULENT_USE, in_force(_fraud(slices, accounts, n), FRAUDULENT_USE)),
        (PLAN_SUSPENDED, in_force(_suspended(slices, accounts, n), PLAN_SUSPENDED)),
    )
    reason = np.full(len(placed), OPEN)
    for which, mask in reversed(masks):
        reason[mask] = which
    return Classified(placed, month, own, base, plan, plans, in_plan, reason, decisions)


def find_rows(book: TariffBook, rows: Ints, placed: Placed, at: Ints, a_side: bool = False) -> Ints:
    """Base deck row of the longest prefix for some calls, -1 elsewhere; shape (n,).

    Parameters
    ----------
    at : instant of each call whose deck counts: the answer, where it has one; shape (n,) [ns]

    References
    ----------
    .. [1] SPEC 4: "the longest matching prefix of the rate deck in force at answer time".
    """
    base = np.full(len(placed), -1)
    values = placed.a_values if a_side else placed.b_values
    code = codes(placed.calls.a_text if a_side else placed.calls.b_text)[rows]
    low, high = values.low[code], values.high[code]
    for positions, in_force in book.deck.by_day(book.zone.days(at[rows])):
        base[rows[positions]] = in_force.find(low[positions], high[positions])
    return base


def latest_decisions(accounts: Accounts) -> dict[tuple[int, int, str], Decision]:
    """The decision in force for each trunk, month and reason: the latest `when` wins (SPEC 6.6)."""
    found: dict[tuple[int, int, str], Decision] = {}
    for i, trunk in enumerate(accounts.trunks):
        for decision in trunk.decisions:
            key = (i, decision.month, decision.reason)
            if key not in found or found[key].when < decision.when:
                found[key] = decision
    return found


def of_class(book: TariffBook, base: Ints, name: str) -> Bools:
    """Whether deck rows are of a class; -1 is of none. Shape (n,)"""
    deck = book.deck
    klass = np.where(base >= 0, deck.klass[np.maximum(base, 0)] if len(deck) else -1, -1)
    return np.isin(klass, deck.codes_of(deck.classes, [name]))


def plans_of(book: TariffBook) -> list[Plan]:
    """The book's plans, and `metered`, by name."""
    return [book.plan(name) for name in sorted({*book.plans, "metered"})]


def plans_at(slices: TrunkSlices, book: TariffBook, accounts: Accounts) -> Ints:
    """Plan in force at each instant of the slices, as index into `plans_of`; else `metered` (SPEC 5)."""
    index = {plan.name: i for i, plan in enumerate(plans_of(book))}
    plan = np.full(len(slices.times), index["metered"])
    for i, trunk in slices.trunks(accounts):
        part = slices.of(i)
        for span in trunk.plans:
            inside = (span.start <= slices.times[part]) & (slices.times[part] < span.end)
            plan[part][inside] = index[span.value]
    return plan


def _in_plan(
    slices: TrunkSlices, base: Ints, plan: Ints, plans: list[Plan], book: TariffBook, accounts: Accounts
) -> Bools:
    """Whether the plan includes the destination: by class, by name, or by the trunk's order form."""
    deck = book.deck
    by_class = np.zeros((len(plans), len(deck.classes)), bool)
    by_name = np.zeros((len(plans), len(deck.destinations)), bool)
    order_form = np.zeros(len(plans), bool)
    for i, found in enumerate(plans):
        if found.name != "metered":
            by_class[i, deck.codes_of(deck.classes, list(found.classes))] = True
            by_name[i, deck.codes_of(deck.destinations, list(found.destinations))] = True
            order_form[i] = found.order_form
    included = np.zeros(len(base), bool)
    rows = np.flatnonzero((base >= 0) & (plan >= 0))
    klass, destination = deck.klass[base[rows]], deck.destination[base[rows]]
    included[rows] = by_class[plan[rows], klass] | by_name[plan[rows], destination]
    with_form = (plan >= 0) & order_form[plan] & (base >= 0)
    for i, trunk in slices.trunks(accounts):
        part = slices.of(i)
        if not trunk.international or not with_form[part].any():
            continue
        dialled = deck.destination[np.maximum(base[part], 0)]
        for span in trunk.international:
            ordered = np.isin(dialled, deck.codes_of(deck.destinations, [span.value]))
            inside = (span.start <= slices.times[part]) & (slices.times[part] < span.end)
            included[part] |= with_form[part] & ordered & inside
    return included


def waived(trunk: Ints, month: Ints, decisions: dict[tuple[int, int, str], Decision], which: int) -> Bools:
    """Calls for which a reason is waived by decision (SPEC 6.6); shape (n,)."""
    found = np.zeros(len(trunk), bool)
    for (of_trunk, of_month, name), decision in decisions.items():
        if name == REASONS[which] and decision.mode == "waive":
            found |= (trunk == of_trunk) & (month == of_month)
    return found


def _professional(slices: TrunkSlices, accounts: Accounts, n: int) -> Bools:
    """Art. 7.2: telecom professionals are outside the plan."""
    mask = np.zeros(n, bool)
    for i, trunk in slices.trunks(accounts):
        slices.mark(mask, i, accounts.customers[trunk.customer].professional_use)
    return mask


def _fraud(slices: TrunkSlices, accounts: Accounts, n: int) -> Bools:
    """Art. 7.2: fraudulent use, in recorded intervals of the trunk."""
    mask = np.zeros(n, bool)
    for i, trunk in slices.trunks(accounts):
        slices.mark(mask, i, trunk.fraud)
    return mask


def _suspended(slices: TrunkSlices, accounts: Accounts, n: int) -> Bools:
    """Art. 7.2: the plan is suspended, for the trunk or its customer; calls pass and are charged."""
    mask = np.zeros(n, bool)
    for i, trunk in slices.trunks(accounts):
        slices.mark(mask, i, trunk.plan_suspensions)
        slices.mark(mask, i, accounts.customers[trunk.customer].plan_suspensions)
    return mask


def _shared(placed: Placed, month: Ints, own: Ints, accounts: Accounts) -> Bools:
    """Art. 7.2: the trunk serves several customers that month, by flag or by its calls' own numbers."""
    customer = np.array([trunk.customer for trunk in accounts.trunks], np.int64)
    flagged = np.array([trunk.shared for trunk in accounts.trunks], bool)
    owner = accounts.owners(own, placed.calls.answer)
    foreign = (placed.calls.answer != NONE) & placed.calls.outbound & (owner >= 0)
    foreign &= owner != customer[placed.trunk]
    bounds = runs(placed.trunk, month)
    if len(bounds) < 2:
        return np.zeros(len(placed), bool)
    any_foreign = np.maximum.reduceat(foreign.astype(np.int8), bounds[:-1]).astype(bool)
    return np.repeat(any_foreign, np.diff(bounds)) | flagged[placed.trunk]


def destination_texts(book: TariffBook, base: Ints) -> dict[str, pa.DictionaryArray]:
    """Prefix, destination and class of deck rows as text, empty for -1; shape (n,) each."""
    deck = book.deck
    rows = np.append(np.unique(base[base >= 0]), -1)
    place = np.full(len(deck) + 1, len(rows) - 1)
    place[rows[:-1]] = np.arange(len(rows) - 1)
    found = {}
    for name, code, values in (
        ("prefix", deck.prefix, deck.prefixes),
        ("destination", deck.destination, deck.destinations),
        ("destination_class", deck.klass, deck.classes),
    ):
        named = join([values.take(pa.array(code[rows[:-1]])), texts([""])]).dictionary_encode()
        found[name] = recode(codes(named)[place[base]], named.dictionary)
    return found
