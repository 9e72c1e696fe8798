"""Plans: which destinations are unlimited, under which fair-use limits (art. 7.2; SPEC 5, 6.4, 12)."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, field

import pyarrow as pa

from rating.money import parse_micros_array
from rating.reasons import LIMIT_REASONS
from rating.yamlfile import Value, optional

MEASURES = ("time", "distinct_numbers", "forwarded_time", "call_time")
PERS = ("channel", "trunk", "user", "number", "call")
SCOPES = ("outbound", "eligible", "both_directions")
MODES = ("excess", "retroactive", "waive")
FORWARD_TYPES = ("unconditional", "busy", "no_answer", "unknown")

_UNITS = {"s": 1, "min": 60, "h": 3600}


@dataclass(frozen=True)
class Limit:
    """One fair-use limit of a plan.

    limit : seconds, or numbers for `distinct_numbers`; per channel it is multiplied by the channels
    """

    reason: str
    measure: str
    per: str
    limit: int
    scope: str = "outbound"
    types: tuple[str, ...] = ("unconditional",)
    on_breach: str = "excess"
    suspend_plan: bool = False


@dataclass(frozen=True)
class Recurring:
    """What a plan costs a month, for each trunk and for each of its channels. [micros]"""

    per_trunk: int = 0
    per_channel: int = 0


@dataclass(frozen=True)
class Plan:
    """A plan as its file says.

    increments : (first, following) seconds, or None for the deck row's own
    occupancy_from : "setup" or "answer": from when a call holds a channel (SPEC 8)
    recurring : None where the book does not say
    on_over_cap : "flag" or "bill": what becomes of a call above the channels
    """

    name: str
    description: str = ""
    source: str = ""
    classes: tuple[str, ...] = ()
    destinations: tuple[str, ...] = ()
    order_form: bool = False
    increments: tuple[int, int] | None = (60, 60)
    limit_channels: str = "max"
    occupancy_from: str = "setup"
    on_over_cap: str = "flag"
    recurring: Recurring | None = None
    fair_use: tuple[Limit, ...] = field(default=())


METERED = Plan("metered", "No plan in force: everything by the minute", "SPEC 5")


def parse_duration(text: str) -> int | None:
    """A number and a unit, as seconds; None where it is no whole number of them.

    Examples
    --------
    >>> parse_duration("2 h"), parse_duration("90 s"), parse_duration("1.5 h"), parse_duration("2")
    (7200, 90, 5400, None)
    """
    match = re.fullmatch(r"([0-9]{1,7})(?:\.([0-9]{1,6}))? ?(s|min|h)", text)
    if not match:
        return None
    fraction = match[2] or ""
    scaled = int(match[1] + fraction) * _UNITS[match[3]]
    seconds, rest = divmod(scaled, 10 ** len(fraction))
    return None if rest else seconds


def read_plan(root: Value) -> Plan:
    """Read one plan file."""
    keys = ("plan", "description", "source", "includes", "increments", "limit_channels")
    found = root.mapping(
        (*keys, "occupancy_from", "on_over_cap", "recurring", "fair_use"), required=("plan",)
    )
    includes = (
        found["includes"].mapping(("classes", "destinations", "order_form")) if "includes" in found else {}
    )
    return Plan(
        name=optional(found, "plan", Value.text, ""),
        description=optional(found, "description", Value.text, ""),
        source=optional(found, "source", Value.text, ""),
        classes=tuple(optional(includes, "classes", _texts, [])),
        destinations=tuple(optional(includes, "destinations", _texts, [])),
        order_form=optional(includes, "order_form", Value.boolean, False),
        increments=_read_increments(found["increments"]) if "increments" in found else (60, 60),
        limit_channels=optional(found, "limit_channels", _one_of("max", "min", "average"), "max"),
        occupancy_from=optional(found, "occupancy_from", _one_of("setup", "answer"), "setup"),
        on_over_cap=optional(found, "on_over_cap", _one_of("flag", "bill"), "flag"),
        recurring=optional(found, "recurring", _read_recurring, None),
        fair_use=tuple(
            optional(found, "fair_use", lambda value: [_read_limit(item) for item in value.items()], [])
        ),
    )


def _one_of(*words: str) -> Callable[[Value], str]:
    return lambda value: value.choice(words, "PLAN")


def _texts(value: Value) -> list[str]:
    return [item.text() for item in value.items()]


def _read_increments(value: Value) -> tuple[int, int] | None:
    text = value.text()
    if text == "deck":
        return None
    match = re.fullmatch(r"([0-9]{1,6})/([0-9]{1,6})", text)
    if match and int(match[1]) > 0 and int(match[2]) > 0:
        return int(match[1]), int(match[2])
    problem = "has a zero" if match else "is not two lengths of time"
    value.fault(problem, "two whole seconds > 0, as 60/60, or deck", "INCREMENTS")
    return 60, 60


def _read_recurring(value: Value) -> Recurring:
    found = value.mapping(("per_trunk", "per_channel"))
    return Recurring(**{name: _read_price(price) for name, price in found.items()})


def _read_price(value: Value) -> int:
    text = value.text()
    micros, good = parse_micros_array(pa.array([text], pa.string()))
    if not good[0]:
        expected = "a price a month below 10,000 with at most 6 decimals, as 12.50"
        value.fault("is no price", expected, "DECIMAL")
    return int(micros[0])


def _read_limit(value: Value) -> Limit:
    keys = ("reason", "measure", "per", "limit", "scope", "types", "on_breach", "suspend_plan")
    found = value.mapping(keys, required=("reason", "measure", "per", "limit"))
    measure = optional(found, "measure", lambda v: v.choice(MEASURES, "LIMIT"), "time")
    per = optional(found, "per", lambda v: v.choice(PERS, "LIMIT"), "trunk")
    if (measure == "call_time") != (per == "call"):
        found.get("per", value).fault(
            "does not fit the measure", "call for call_time, and only then", "LIMIT"
        )
    if "scope" in found and measure != "distinct_numbers":
        found["scope"].fault("does not apply", "scope with distinct_numbers only", "LIMIT")
    if "types" in found and measure != "forwarded_time":
        found["types"].fault("do not apply", "types with forwarded_time only", "LIMIT")
    return Limit(
        reason=optional(found, "reason", lambda v: v.choice(LIMIT_REASONS, "LIMIT"), LIMIT_REASONS[0]),
        measure=measure,
        per=per,
        limit=_read_amount(found["limit"], measure) if "limit" in found else 0,
        scope=optional(found, "scope", lambda v: v.choice(SCOPES, "LIMIT"), "outbound"),
        types=tuple(optional(found, "types", _read_types, ["unconditional"])),
        on_breach=optional(found, "on_breach", lambda v: v.choice(MODES, "LIMIT"), "excess"),
        suspend_plan=optional(found, "suspend_plan", Value.boolean, False),
    )


def _read_types(value: Value) -> list[str]:
    return [item.choice(FORWARD_TYPES, "LIMIT") for item in value.items()]


def _read_amount(value: Value, measure: str) -> int:
    if measure == "distinct_numbers":
        return value.integer(0, 10**9, "LIMIT")
    seconds = parse_duration(value.text())
    if seconds is None:
        value.fault("is no length of time", "a number and a unit, as 40 h, 60 min or 90 s", "LIMIT")
    return seconds or 0
