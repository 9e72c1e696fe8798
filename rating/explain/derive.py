"""START HERE: the derivation of one call, step by step, and its comparison with the run."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import numpy as np

from rating.accounts import Customer, Span, Trunk
from rating.explain.amount import Amount, DeckRow, amount_of, open_windows, row_for
from rating.explain.channels import ChannelState, channels_at
from rating.explain.destination import Match, matches_of
from rating.explain.folder import Found, Row
from rating.explain.limits import LimitState, decision_of, number_of, walk_limits
from rating.money import DECIMALS
from rating.reasons import CLASS_EMERGENCY, CLASS_FREE, OUT_OF_PLAN, REASONS, WAIVABLE
from rating.tariffs.plans import Plan


@dataclass(frozen=True)
class ReasonStep:
    """One reason that was tried: whether it applied, and the words and values that say why."""

    reason: str
    applies: bool
    why: str
    values: dict[str, Any]


@dataclass(frozen=True)
class Explanation:
    """The whole derivation; `differences` is what the run's figures have otherwise."""

    call: Row
    trunk: Trunk
    customer: Customer
    seconds: Fraction
    duration_s: int
    matches: tuple[Match, ...]
    rows: tuple[DeckRow, ...]
    plan: Plan | None
    steps: tuple[ReasonStep, ...]
    limits: tuple[LimitState, ...]
    channels: ChannelState
    reason: str
    included_s: int
    billed_s: int
    amount: Amount | None
    differences: tuple[tuple[str, str, str], ...]


def explain(found: Found) -> Explanation:
    """Derive a call anew from the book, the accounts and its trunk's month."""
    call, book = found.call, found.book
    trunk = next(trunk for trunk in found.accounts.trunks if trunk.id == call["trunk_id"])
    customer = found.accounts.customers[trunk.customer]
    answer, outbound = call["answer_time"], call["direction"] == "outbound"
    seconds = Fraction(call["release_time"] - answer, 10**9) if answer is not None else Fraction(0)
    duration = 0 if answer is None else max(1, -(-seconds.numerator // seconds.denominator))
    rows: list[DeckRow] = []
    matches: list[Match] = []
    if answer is not None and outbound:
        matches, rows = matches_of(call["b_digits"], call["b_key"], answer, book)
    plan = _plan_at(found, trunk, answer) if answer is not None and outbound else None
    channels = channels_at(found, trunk)
    reason, steps = _reasons(found, trunk, customer, plan, rows, channels)
    limits: list[LimitState] = []
    billed = duration if reason and REASONS.index(reason) >= OUT_OF_PLAN else 0
    if not reason and plan is not None:
        of_plan = _calls_of_plan(found, trunk, plan)
        limits, limit_reason, billed = walk_limits(found, trunk, plan, of_plan)
        steps += _limit_steps(plan, limits, limit_reason)
        reason = limit_reason or "included"
        if reason == "included":
            steps.append(ReasonStep("included", True, "all_else", {}))
    included = duration - billed if REASONS.index(reason) >= OUT_OF_PLAN else 0
    amount = None
    if billed and plan is not None:
        amount = amount_of(rows, book, plan.increments, answer, included, billed)
    explanation = Explanation(
        call=call,
        trunk=trunk,
        customer=customer,
        seconds=seconds,
        duration_s=duration,
        matches=tuple(matches),
        rows=tuple(rows),
        plan=plan,
        steps=tuple(steps),
        limits=tuple(limits),
        channels=channels,
        reason=reason,
        included_s=included,
        billed_s=billed,
        amount=amount,
        differences=(),
    )
    return _compared(explanation, found)


def _plan_at(found: Found, trunk: Trunk, instant: int) -> Plan:
    names = [span.value for span in trunk.plans if span.start <= instant < span.end]
    return found.book.plan(names[0] if names else "metered")


def _calls_of_plan(found: Found, trunk: Trunk, plan: Plan) -> list[Row]:
    """Answered calls of the month under the plan, in order; senders of inbound emergency calls marked."""
    of_plan = []
    for row in found.month_calls:
        if row["answer_time"] is None or _plan_at(found, trunk, row["answer_time"]) is not plan:
            continue
        if row["direction"] == "inbound" and any(limit.scope == "both_directions" for limit in plan.fair_use):
            rows = matches_of(row["a_digits"], row["a_key"], row["answer_time"], found.book)[1]
            row["a_is_emergency"] = bool(rows) and rows[0].klass == CLASS_EMERGENCY
        of_plan.append(row)
    return of_plan


def _reasons(
    found: Found,
    trunk: Trunk,
    customer: Customer,
    plan: Plan | None,
    rows: list[DeckRow],
    channels: ChannelState,
) -> tuple[str, list[ReasonStep]]:
    """Reasons 1 to 10 and `over_cap` in order until one applies; empty where none does (SPEC 6, 8)."""
    call = found.call
    klass = rows[0].klass if rows else ""
    answer = call["answer_time"]
    steps: list[ReasonStep] = []

    def tried(reason: str, applies: bool, why: str, **values: Any) -> bool:
        steps.append(ReasonStep(reason, applies, why, values))
        return applies

    if tried("not_answered", answer is None, "answered" if answer is not None else "no_answer", at=answer):
        return "not_answered", steps
    if tried("inbound", call["direction"] == "inbound", call["direction"]):
        return "inbound", steps
    of_class = "class" if rows else "no_prefix"
    if tried("emergency", klass == CLASS_EMERGENCY, of_class, klass=klass):
        return "emergency", steps
    if tried("free", klass == CLASS_FREE, of_class, klass=klass):
        return "free", steps
    if tried("no_rate", not rows, "prefix" if rows else "no_prefix", prefix=rows[-1].prefix if rows else ""):
        return "no_rate", steps
    assert plan is not None
    included = _includes(plan, trunk, rows[0], answer)
    if tried("out_of_plan", not included, included or "not_in_plan", plan=plan.name, klass=klass,
             destination=rows[0].destination):  # fmt: skip
        return "out_of_plan", steps
    for reason, hit in (
        ("professional_use", _span_at(customer.professional_use, answer)),
        ("shared_trunk", _shared(found, trunk)),
        ("fraudulent_use", _span_at(trunk.fraud, answer)),
        ("plan_suspended", _span_at((*trunk.plan_suspensions, *customer.plan_suspensions), answer)),
        ("over_cap", channels.words() if channels.over_cap and plan.on_over_cap == "bill" else None),
    ):
        if reason == "over_cap" and plan.on_over_cap != "bill":
            continue
        waiver = decision_of(trunk, call["month"], reason) if reason in WAIVABLE else None
        if hit and waiver and waiver.mode == "waive":
            tried(reason, False, "waived", who=waiver.who, when=waiver.when, because=waiver.why)
        elif tried(reason, bool(hit), hit.pop("why_key") if hit else f"no_{reason}", **(hit or {})):
            return reason, steps
    return "", steps


def _includes(plan: Plan, trunk: Trunk, row: DeckRow, answer: int) -> str:
    """By what a plan includes a destination; empty where it does not."""
    if plan.name == "metered":
        return ""
    if row.klass in plan.classes:
        return "in_plan_class"
    if row.destination in plan.destinations:
        return "in_plan_destination"
    ordered = [span for span in trunk.international if span.start <= answer < span.end]
    if plan.order_form and row.destination in [span.value for span in ordered]:
        return "in_plan_order"
    return ""


def _span_at(spans: tuple[Span, ...], instant: int) -> dict[str, Any] | None:
    """The interval that holds an instant, as values for words."""
    for span in spans:
        if span.start <= instant < span.end:
            return {"why_key": "interval", "start": span.start, "end": span.end, "because": span.value}
    return None


def _shared(found: Found, trunk: Trunk) -> dict[str, Any] | None:
    """The trunk's flag, or the first call of the month from another customer's number (rule 8)."""
    if trunk.shared:
        return {"why_key": "shared_flag"}
    accounts = found.accounts
    for row in found.month_calls:
        if row["answer_time"] is None or row["direction"] == "inbound":
            continue
        key = number_of(row["forwarded_by"], found) if row["forwarded_by"] else row["a_key"]
        held = (accounts.owner_low <= key) & (key <= accounts.owner_high) & (key > 0)
        held &= (accounts.owner_start <= row["answer_time"]) & (row["answer_time"] < accounts.owner_end)
        owners = set(accounts.owner_customer[np.flatnonzero(held)].tolist()) - {trunk.customer}
        if owners:
            other = accounts.customers[owners.pop()].id
            number = row["forwarded_by"] or row["a_number"]
            return {"why_key": "shared_call", "call_id": row["call_id"], "number": number, "other": other}
    return None


def _limit_steps(plan: Plan, limits: list[LimitState], reason: str) -> list[ReasonStep]:
    """Reasons 11 to 13 as the plan's limits decided them, in the plan's order."""
    return [
        ReasonStep(
            limit.reason,
            state.billed_s > 0,
            "limit_billed" if state.billed_s else "limit_kept",
            {"billed_s": state.billed_s, "place": place + 1},
        )
        for place, (limit, state) in enumerate(zip(plan.fair_use, limits, strict=True))
    ]


def _compared(explanation: Explanation, found: Found) -> Explanation:
    """Hold every figure against the run's."""
    call, amount = explanation.call, explanation.amount
    price: Fraction | None = None
    if explanation.rows:
        answer = call["answer_time"]
        opened = open_windows(found.book, answer)
        price = amount.runs[0].row.price if amount else row_for(list(explanation.rows), opened, 0).price
    own: dict[str, Any] = {
        "reason": explanation.reason,
        "duration_s": explanation.duration_s,
        "prefix": explanation.rows[-1].prefix if explanation.rows else "",
        "included_s": explanation.included_s,
        "billed_s": explanation.billed_s,
        "billable_s": amount.billable_s if amount else 0,
        "price_per_minute": price,
        "amount": amount.rounded if amount else Fraction(0),
    }
    if call["reason"] == "no_rate":
        own["amount"] = None
    else:
        own["over_cap"] = explanation.channels.over_cap
    differences = _changed_inputs(found)
    for name, value in own.items():
        recorded = call[name]
        if isinstance(value, Fraction) and recorded is not None:
            same = value == Fraction(recorded)
        else:
            same = value == recorded
        if not same:
            shown = f"{float(value):.{DECIMALS}f}" if isinstance(value, Fraction) else str(value)
            differences.append((name, str(recorded), shown))
    return Explanation(**{**explanation.__dict__, "differences": tuple(differences)})


def _changed_inputs(found: Found) -> list[tuple[str, str, str]]:
    """The book and accounts that the run kept, where they are not those that it rated with."""
    of_run, changed = found.record, []
    version = of_run["tariffs"]["version"]
    if found.book.version != version:
        changed.append(("inputs/book", version, found.book.version))
    digest = hashlib.sha256(found.accounts.content).hexdigest()
    if digest != of_run["accounts"]["sha256"]:
        changed.append(("inputs/accounts.yaml", of_run["accounts"]["sha256"][:12], digest[:12]))
    return changed
