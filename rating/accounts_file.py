"""Reads accounts.yaml, with everything that is wrong in it (SPEC 12)."""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise
from pathlib import Path

import numpy as np
import pyarrow as pa

from rating.accounts import (
    EVER_FROM,
    EVER_TO,
    NO_CAP,
    SCOPES,
    Accounts,
    Customer,
    Decision,
    Site,
    Span,
    Suspension,
    Trunk,
)
from rating.errors import AccountsError
from rating.instants import parse_one
from rating.numbering import load_plan, read_numbers
from rating.reasons import LIMIT_REASONS, WAIVABLE
from rating.tariffs.book import TariffBook, close_names
from rating.tariffs.plans import MODES
from rating.yamlfile import Value, load, optional
from rating.zone import Zone, parse_month

INSTANT = "an instant with offset as 2026-10-01T00:00:00+02:00, or a date"


def load_accounts(path: str | Path, book: TariffBook | None) -> Accounts:
    """Read an accounts file against the tariff book that it names plans and destinations of.

    Without a book these names are not checked, and times without offset are Europe/Paris.

    Raises
    ------
    AccountsError
        With every fault found in one pass.
    """
    path = Path(path)
    document, root = load(path, str(path), "ACCOUNTS")
    if root is None:
        raise AccountsError(document.faults)
    reader = _Reader(book)
    accounts = reader.read(root, path.read_bytes())
    if document.faults:
        raise AccountsError(document.faults)
    return accounts


class _Reader:
    """Reads the values of one accounts file."""

    def __init__(self, book: TariffBook | None) -> None:
        self.zone = book.zone if book else Zone("Europe/Paris")
        self.numbering = book.numbering if book else load_plan("FR")
        self.plans = {*book.plans, "metered"} if book else None
        self.destinations = set(book.deck.destinations.to_pylist()) if book else None
        self.runs: list[tuple[int, int, int, int, int, Value]] = []
        self.numbers: dict[str, int] = {}

    def read(self, root: Value, content: bytes) -> Accounts:
        self._read_numbers(root)
        found = root.mapping(("customers", "trunks"), required=("customers", "trunks"))
        customers: dict[str, Customer] = {}
        for value in found["customers"].items() if "customers" in found else []:
            customer = self._customer(value, len(customers))
            if customer.id in customers:
                value.doc.fault(value.line, "id", customer.id, "occurs twice", "one entry a customer", "ID")
            customers[customer.id] = customer
        trunks: dict[str, Trunk] = {}
        names: dict[str, str] = {}
        order = {name: i for i, name in enumerate(customers)}
        for value in found["trunks"].items() if "trunks" in found else []:
            trunk = self._trunk(value, order)
            for name in {trunk.id.lower(), trunk.fqdn.lower()} - {""}:
                if names.setdefault(name, trunk.id) != trunk.id or trunk.id in trunks:
                    value.doc.fault(
                        value.line, "id", name, "names two trunks", "ids and FQDNs of their own", "ID"
                    )
                    break
            trunks[trunk.id] = trunk
        self._check_owners()
        runs = np.array([run[:5] for run in self.runs], np.int64).reshape(-1, 5)
        return Accounts(
            tuple(customers.values()),
            tuple(trunks[name] for name in sorted(trunks)),
            owner_low=runs[:, 0].copy(),
            owner_high=runs[:, 1].copy(),
            owner_start=runs[:, 2].copy(),
            owner_end=runs[:, 3].copy(),
            owner_customer=runs[:, 4].copy(),
            content=content,
        )

    def _read_numbers(self, root: Value) -> None:
        """Read all texts of the file that may be numbers, at once."""
        texts = {part.strip() for text in root.scalars() for part in text.split("..")}
        texts |= set(root.scalars())
        listed = sorted(texts)
        keys = read_numbers(pa.array(listed, pa.string()), self.numbering).key
        self.numbers = dict(zip(listed, keys.tolist(), strict=True))

    # --- customers

    def _customer(self, value: Value, index: int) -> Customer:
        keys = ("id", "name", "numbers", "users", "professional_use", "plan_suspensions")
        found = value.mapping(keys, required=("id",))
        for item in found["numbers"].items() if "numbers" in found else []:
            self._numbers(item, index)
        users = {}
        for name, number in (found["users"].pairs() if "users" in found else {}).items():
            key = self._number(number)
            if key:
                users[name.lower() if "@" in name else name] = key
        return Customer(
            id=optional(found, "id", _id, ""),
            name=optional(found, "name", Value.text, ""),
            users=users,
            professional_use=self._spans(found, "professional_use"),
            plan_suspensions=self._spans(found, "plan_suspensions"),
        )

    def _number(self, value: Value, text: str | None = None) -> int:
        number = self.numbers.get(value.text() if text is None else text, 0)
        if not number:
            value.fault("is no number", "a number as +33199000110", "NUMBER")
        return number

    def _numbers(self, item: Value, customer: int) -> None:
        start, end = EVER_FROM, EVER_TO
        values = [item]
        if item.is_mapping:
            found = item.mapping(("numbers", "from", "to"), required=("numbers",))
            start, end = self._interval(found, item)
            values = [found["numbers"]] if "numbers" in found else []
            values = values[0].items() if values and values[0].is_list else values
        for value in values:
            low, high = self._range(value)
            if low:
                self.runs.append((low, high, start, end, customer, value))

    def _range(self, value: Value) -> tuple[int, int]:
        first, dots, last = value.text().partition("..")
        if not first:
            return 0, 0
        low = self._number(value, first.strip())
        high = self._number(value, last.strip()) if dots else low
        if low and high and (high < low or high % 16 != low % 16):
            value.fault("is no range", "a first number up to a last of the same length", "NUMBER")
            return 0, 0
        return (low, high) if low and high else (0, 0)

    def _check_owners(self) -> None:
        """No number may belong to two customers at one time."""
        open_runs: list[tuple[int, int, int, int, int, Value]] = []
        for run in sorted(self.runs, key=lambda run: run[:5]):
            open_runs = [other for other in open_runs if other[1] >= run[0]]
            for other in open_runs:
                if other[4] != run[4] and max(other[2], run[2]) < min(other[3], run[3]):
                    one, two = sorted((run[5], other[5]), key=lambda value: value.line)
                    problem = f"belongs to another customer too, at line {one.line}"
                    two.fault(problem, "one owner at a time", "OWNER")
                    break
            open_runs.append(run)

    # --- trunks

    def _trunk(self, value: Value, customers: dict[str, int]) -> Trunk:
        keys = ("id", "customer", "fqdn", "channels", "plan", "international", "shared", "rating_source")
        more = ("numbers", "sites", "plan_suspensions", "fraud", "suspensions", "decisions")
        found = value.mapping((*keys, *more), required=("id", "customer", "channels"))
        customer = 0
        if "customer" in found:
            name = found["customer"].text()
            customer = customers.get(name, 0)
            if name and customers and name not in customers:
                expected = "a customer's id" + close_names(set(customers), name)
                found["customer"].fault("is unknown", expected, "CUSTOMER")
        listed: list[int] = []
        for item in found["numbers"].items() if "numbers" in found else []:
            listed += self._range(item)
        return Trunk(
            id=optional(found, "id", _id, ""),
            customer=customer,
            fqdn=optional(found, "fqdn", Value.text, ""),
            channels=optional(found, "channels", lambda v: self._history(v, "channels", self._channels), ()),
            plans=optional(found, "plan", lambda v: self._history(v, "plan", self._plan), ()),
            international=tuple(
                optional(
                    found, "international", lambda v: [self._destination(item) for item in v.items()], []
                )
            ),
            shared=optional(found, "shared", Value.boolean, False),
            rating_source=optional(found, "rating_source", Value.text, None),
            sites=tuple(optional(found, "sites", lambda v: [self._site(item) for item in v.items()], [])),
            plan_suspensions=self._spans(found, "plan_suspensions"),
            fraud=self._spans(found, "fraud"),
            decisions=optional(found, "decisions", self._decisions, ()),
            numbers=tuple(listed),
            suspensions=self._suspensions(found),
        )

    def _interval(self, found: dict[str, Value], value: Value) -> tuple[int, int]:
        before = len(value.doc.faults)
        start = optional(found, "from", self._instant, EVER_FROM)
        end = optional(found, "to", self._instant, EVER_TO)
        if start >= end and len(value.doc.faults) == before:
            found.get("to", value).fault("is not after from", "from < to", "VALIDITY")
        return start, end

    def _instant(self, value: Value) -> int:
        text = value.text()
        instant = parse_one(text, self.zone)
        if instant is None and text:
            is_clock_change = parse_one(text + "Z", self.zone) is not None
            problem = "has no offset, on a clock-change night" if is_clock_change else "is no instant"
            value.fault(problem, INSTANT, "TIME")
        return instant or 0

    def _spans(self, found: dict[str, Value], key: str) -> tuple[Span, ...]:
        spans = []
        for item in found[key].items() if key in found else []:
            inner = item.mapping(("from", "to", "why"))
            spans.append(Span(*self._interval(inner, item), optional(inner, "why", Value.text, "")))
        return tuple(spans)

    def _suspensions(self, found: dict[str, Value]) -> tuple[Suspension, ...]:
        suspensions = []
        for item in found["suspensions"].items() if "suspensions" in found else []:
            inner = item.mapping(("from", "to", "scope", "why"))
            start, end = self._interval(inner, item)
            scope = optional(inner, "scope", lambda value: value.choice(SCOPES), "all")
            suspensions.append(Suspension(start, end, scope, optional(inner, "why", Value.text, "")))
        return tuple(suspensions)

    def _history(self, value: Value, key: str, read: Callable[[Value], str]) -> tuple[Span, ...]:
        """One value for ever, or a list of {from, to, value} that do not overlap."""
        if not value.is_list:
            return (Span(EVER_FROM, EVER_TO, read(value)),)
        spans: list[tuple[Span, Value]] = []
        for item in value.items():
            found = item.mapping(("from", "to", key), required=(key,))
            held = read(found[key]) if key in found else ""
            spans.append((Span(*self._interval(found, item), held), item))
        spans.sort(key=lambda pair: pair[0].start)
        for (before, first), (after, second) in pairwise(spans):
            if after.start < before.end:
                problem = f"overlaps the entry of line {first.line}"
                second.doc.fault(second.line, key, after.value, problem, "one value at a time", "OVERLAP")
        return tuple(span for span, _ in spans)

    def _channels(self, value: Value) -> str:
        return str(value.integer(0, 100_000, "CHANNELS"))

    def _plan(self, value: Value) -> str:
        name = value.text()
        if name and self.plans is not None and name not in self.plans:
            value.fault(
                "is unknown",
                "a plan of the book: " + ", ".join(sorted(self.plans)),
                "PLAN",
            )
        return name

    def _destination(self, value: Value) -> Span:
        start, end = EVER_FROM, EVER_TO
        if value.is_mapping:
            found = value.mapping(("destination", "from", "to"), required=("destination",))
            start, end = self._interval(found, value)
            value = found.get("destination", value)
        name = value.text() if not value.is_mapping else ""
        if name and self.destinations is not None and name not in self.destinations:
            expected = "a destination of the deck" + close_names(self.destinations, name)
            value.fault("is unknown", expected, "DESTINATION")
        return Span(start, end, name)

    def _site(self, value: Value) -> Site:
        found = value.mapping(("id", "channels", "numbers"), required=("id",))
        numbers: list[int] = []
        for item in found["numbers"].items() if "numbers" in found else []:
            numbers += self._range(item)
        return Site(
            optional(found, "id", Value.text, ""),
            optional(found, "channels", lambda v: v.integer(0, 100_000, "CHANNELS"), NO_CAP),
            tuple(numbers),
        )

    def _decisions(self, value: Value) -> tuple[Decision, ...]:
        decisions: dict[tuple[int, str, int], Decision] = {}
        reasons = (*WAIVABLE, *LIMIT_REASONS)
        keys = ("month", "reason", "mode", "who", "when", "why")
        for item in value.items():
            before = len(item.doc.faults)
            found = item.mapping(keys, required=("month", "reason", "mode", "who", "when"))
            month = parse_month(found["month"].text()) if "month" in found else None
            if month is None and "month" in found:
                found["month"].fault("is no month", "a month as 2026-10", "DECISION")
            reason = optional(found, "reason", lambda v: v.choice(reasons, "DECISION"), "")
            mode = optional(found, "mode", lambda v: v.choice(MODES, "DECISION"), "")
            if len(item.doc.faults) == before and reason in WAIVABLE and mode != "waive":
                found["mode"].fault(f"cannot be chosen for {reason}", "waive", "DECISION")
            when = optional(found, "when", self._instant, 0)
            if len(item.doc.faults) > before or month is None:
                continue
            if (month, reason, when) in decisions:
                found["when"].fault("is the time of another decision too", "a later when to win", "DECISION")
            why = optional(found, "why", Value.text, "")
            decisions[month, reason, when] = Decision(month, reason, mode, found["who"].text(), when, why)
        return tuple(decisions.values())


def _id(value: Value) -> str:
    """A name by which others refer to an entry; a fault where it is empty."""
    text = value.text()
    if not text.strip():
        value.fault("is empty", "a name", "ID")
    return text
