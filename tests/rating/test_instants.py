"""Instants as text, edges by hand."""

import numpy as np
import pyarrow as pa
import pytest

from rating.arrays import NONE
from rating.instants import parse, parse_one, resolve
from rating.zone import Zone, instant_text, month_text, parse_month

PARIS = Zone("Europe/Paris")


def ns(text: str) -> int:
    return int(np.datetime64(text, "ns").astype(np.int64))


@pytest.mark.parametrize(
    ("text", "utc"),
    [
        ("2026-10-05T02:14:00Z", "2026-10-05T02:14:00"),
        ("2026-10-05 02:14:00z", "2026-10-05T02:14:00"),
        ("2026-10-05T04:14:00.250+02:00", "2026-10-05T02:14:00.250"),
        ("2026-10-05T04:14:00,25+0200", "2026-10-05T02:14:00.250"),
        ("2026-10-05T04:14+02", "2026-10-05T02:14:00"),
        ("2026-10-05T00:44:00-01:30", "2026-10-05T02:14:00"),
        ("2026-10-05T02:14:00.123456789Z", "2026-10-05T02:14:00.123456789"),
        ("2024-02-29T00:00:00Z", "2024-02-29T00:00:00"),
        ("1970-01-01T00:00:00Z", "1970-01-01T00:00:00"),
        ("2199-12-31T23:59:59.999999999Z", "2199-12-31T23:59:59.999999999"),
    ],
)
def test_parse_reads(text: str, utc: str) -> None:
    wall, offset_given, good = parse(pa.array([text]))
    assert (int(wall[0]), bool(offset_given[0]), bool(good[0])) == (ns(utc), True, True)


@pytest.mark.parametrize(
    "text",
    [
        "2026-10-05",
        "2026-13-05T00:00:00Z",
        "2026-02-29T00:00:00Z",
        "2100-02-29T00:00:00Z",
        "2026-10-00T00:00:00Z",
        "2026-10-05T24:00:00Z",
        "2026-10-05T23:60:00Z",
        "2026-12-31T23:59:60Z",
        "1969-12-31T23:59:59Z",
        "2200-01-01T00:00:00Z",
        "0001-01-01T00:00:00Z",
        "2026-10-05T02:14:00.Z",
        "2026-10-05T02:14:00.1234567890Z",
        "2026-10-05T02:14:00+24:00",
        "2026-10-05T02:14:00+2:00",
        "2026-10-05T02:14:00 +02:00",
        "2026-10-05t02:14:00Z",
        "05/10/2026 02:14:00",
        " 2026-10-05T02:14:00Z",
        "2026-10-05T02:14:0٣Z",
        "x",
    ],
)
def test_parse_refuses(text: str) -> None:
    wall, _, good = parse(pa.array([text]))
    assert int(wall[0]) == NONE
    assert not good[0]


def test_parse_of_mixed_lengths_keeps_the_rows_apart() -> None:
    texts = ["", "2026-10-05T02:14Z", "bad", "2026-10-05T02:14:00.5Z", "2026-10-05T02:14:00"]
    wall, offset_given, good = parse(pa.array(texts))
    expected = [NONE, ns("2026-10-05T02:14"), NONE, ns("2026-10-05T02:14:00.5"), ns("2026-10-05T02:14")]
    assert wall.tolist() == expected
    assert offset_given.tolist() == [False, True, False, True, False]
    assert good.tolist() == [True, True, False, True, True]


def test_parse_of_a_slice_reads_the_slice() -> None:
    texts = pa.array(["2026-10-05T02:14:00Z", "2026-10-06T02:14:00Z", "2026-10-07T02:14:00Z"])
    wall, _, _ = parse(texts.slice(1, 1))
    assert wall.tolist() == [ns("2026-10-06T02:14:00")]


@pytest.mark.parametrize(
    ("ambiguous", "utc"),
    [("first", "2026-10-25T00:30:00"), ("second", "2026-10-25T01:30:00"), ("reject", None)],
)
def test_resolve_the_hour_that_occurs_twice(ambiguous: str, utc: str | None) -> None:
    wall, offset_given, _ = parse(pa.array(["2026-10-25T02:30:00"]))
    found, twice, missing = resolve(wall, offset_given, PARIS, ambiguous)
    assert not missing[0]
    assert bool(twice[0]) == (utc is None)
    if utc:
        assert int(found[0]) == ns(utc)


@pytest.mark.parametrize("ambiguous", ["first", "second", "reject"])
def test_resolve_the_hour_that_does_not_exist(ambiguous: str) -> None:
    wall, offset_given, _ = parse(pa.array(["2026-03-29T02:30:00"]))
    _, twice, missing = resolve(wall, offset_given, PARIS, ambiguous)
    assert (bool(twice[0]), bool(missing[0])) == (False, True)


@pytest.mark.parametrize(
    ("wall", "utc"),
    [
        ("2026-10-25T01:59:59", "2026-10-24T23:59:59"),
        ("2026-10-25T03:00:00", "2026-10-25T02:00:00"),
        ("2026-03-29T01:59:59", "2026-03-29T00:59:59"),
        ("2026-03-29T03:00:00", "2026-03-29T01:00:00"),
    ],
)
def test_resolve_beside_the_clock_changes(wall: str, utc: str) -> None:
    value, offset_given, _ = parse(pa.array([wall]))
    found, twice, missing = resolve(value, offset_given, PARIS, "reject")
    assert (int(found[0]), bool(twice[0]), bool(missing[0])) == (ns(utc), False, False)


def test_parse_one_reads_a_date_as_local_midnight() -> None:
    assert parse_one("2026-10-01", PARIS) == ns("2026-09-30T22:00:00")
    assert parse_one("2026-10-25T02:30:00", PARIS) is None
    assert parse_one("yesterday", PARIS) is None


def test_months_change_at_local_midnight() -> None:
    instants = np.array([ns("2026-10-31T22:59:59.999999999"), ns("2026-10-31T23:00:00")])
    assert [month_text(month) for month in PARIS.months(instants).tolist()] == ["2026-10", "2026-11"]


def test_october_has_44700_minutes() -> None:
    start, end = PARIS.month_span(2026 * 12 + 9)
    assert (end - start) // 60_000_000_000 == 44_700


@pytest.mark.parametrize("text", ["2026-13", "2026-1", "26-10", "2026/10", "x", "2026-10-01"])
def test_parse_month_refuses(text: str) -> None:
    assert parse_month(text) is None


def test_instant_text_shows_no_more_digits_than_needed() -> None:
    assert instant_text(ns("2026-10-05T02:14:00.120")) == "2026-10-05T02:14:00.120Z"
    assert instant_text(ns("2026-10-05T02:14:00.000120")) == "2026-10-05T02:14:00.000120Z"
