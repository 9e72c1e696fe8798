"""Channels that size a month's limits (SPEC 6.5)."""

import numpy as np
import pytest

from rating.accounts import EVER_FROM, EVER_TO, Span, Trunk
from rating.fair_use import channels_of_month
from rating.zone import Zone

PARIS = Zone("Europe/Paris")
OCTOBER = 2026 * 12 + 9


def ns(text: str) -> int:
    return int(np.datetime64(text, "ns").astype(np.int64))


def channels(rule: str, *spans: Span) -> int:
    trunk = Trunk("t", 0, "", spans, (), (), False, None, (), (), (), ())
    return channels_of_month(trunk, OCTOBER, rule, PARIS)


@pytest.mark.parametrize(("rule", "expected"), [("max", 10), ("min", 10), ("average", 10)])
def test_constant(rule: str, expected: int) -> None:
    assert channels(rule, Span(EVER_FROM, EVER_TO, "10")) == expected


# 14 days of 4 channels (336 h), then 17 days and the extra hour (409 h) of 6: 3,798 / 745 = 5.09…
@pytest.mark.parametrize(("rule", "expected"), [("max", 6), ("min", 4), ("average", 6)])
def test_change_inside_the_month(rule: str, expected: int) -> None:
    middle = ns("2026-10-14T22:00")
    assert channels(rule, Span(EVER_FROM, middle, "4"), Span(middle, EVER_TO, "6")) == expected


@pytest.mark.parametrize(("rule", "expected"), [("max", 4), ("min", 0), ("average", 1)])
def test_gap_counts_as_none(rule: str, expected: int) -> None:
    assert channels(rule, Span(ns("2026-10-31T22:00"), EVER_TO, "4")) == expected


def test_no_entry_in_the_month_is_none() -> None:
    assert channels("max", Span(ns("2026-10-31T23:00"), EVER_TO, "4")) == 0


def test_entry_that_ends_as_the_month_begins_does_not_count() -> None:
    before = Span(EVER_FROM, ns("2026-09-30T22:00"), "9")
    assert channels("max", before, Span(ns("2026-09-30T22:00"), EVER_TO, "2")) == 2
