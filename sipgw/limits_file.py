"""Reads `limits` of gateway.yaml: lengths of time, sums of money, what a burst of calls is."""

from __future__ import annotations

import re

from rating.money import DECIMALS
from rating.tariffs.plans import parse_duration
from rating.yamlfile import Value, optional
from sipgw.settings import Bursts, Limits

DAY_S = 86_400

_HOURS = re.compile(r"([01][0-9]|2[0-4]):([0-5][0-9])-([01][0-9]|2[0-4]):([0-5][0-9])")
_MONEY = re.compile(r"[0-9]{1,9}(?:\.([0-9]{1,6}))?")


def read_limits(value: Value) -> Limits:
    """The limits of gateway.yaml."""
    found = value.mapping(("max_call", "no_answer", "spend_per_day", "reserve_legs", "bursts"))
    usual = Limits()
    return Limits(
        max_call_s=optional(found, "max_call", lambda text: _duration(text, DAY_S, "4 h"), usual.max_call_s),
        no_answer_s=optional(
            found, "no_answer", lambda text: _duration(text, 3600, "120 s"), usual.no_answer_s
        ),
        spend_per_day_micros=optional(found, "spend_per_day", read_spend, None),
        reserve_legs=optional(
            found, "reserve_legs", lambda number: number.integer(0, 1000, "LIMIT"), usual.reserve_legs
        ),
        bursts=optional(found, "bursts", _bursts, usual.bursts),
    )


def read_spend(value: Value) -> int | None:
    """An amount, or none for no limit."""
    return None if value.raw == "none" else _micros(value)


def _bursts(value: Value) -> Bursts | None:
    if not value.is_mapping and value.raw == "none":
        return None
    found = value.mapping(("price", "calls", "within", "calls_outside_hours", "hours"))
    usual = Bursts()

    def calls(number: Value) -> int:
        return number.integer(1, 100_000, "LIMIT")

    opens, closes = optional(found, "hours", _hours, (usual.opens, usual.closes))
    return Bursts(
        price_micros=optional(found, "price", _micros, usual.price_micros),
        calls=optional(found, "calls", calls, usual.calls),
        within_s=optional(found, "within", lambda text: _duration(text, DAY_S, "10 min"), usual.within_s),
        calls_outside_hours=optional(found, "calls_outside_hours", calls, usual.calls_outside_hours),
        opens=opens,
        closes=closes,
    )


def _hours(value: Value) -> tuple[int, int]:
    """Office hours as minutes of the day, [from, to)."""
    match = _HOURS.fullmatch(value.text())
    if match:
        opens, closes = int(match[1]) * 60 + int(match[2]), int(match[3]) * 60 + int(match[4])
        if opens < closes <= 24 * 60:
            return opens, closes
    if value.text():
        value.fault("are no office hours", "two times of one day, as 08:00-19:00", "LIMIT")
    return 0, 24 * 60


def _duration(value: Value, most: int, example: str) -> int:
    text = value.text()
    seconds = parse_duration(text)
    if text and (seconds is None or not 0 < seconds <= most):
        problem = "is no length of time" if seconds is None else "is out of range"
        value.fault(problem, f"more than 0 s and at most {most // 3600} h, as {example}", "LIMIT")
    return seconds or 0


def _micros(value: Value) -> int:
    """An amount of money as millionths."""
    text = value.text()
    match = _MONEY.fullmatch(text)
    if not match:
        if text:
            value.fault(
                "is no amount", "a decimal >= 0 and < 1000000000 with at most 6 decimals, as 50.00", "LIMIT"
            )
        return 0
    fraction = match[1] or ""
    return int(text.replace(".", "") + "0" * (DECIMALS - len(fraction)))
