"""Time windows: midnight, holidays and both clock changes, by hand."""

from datetime import date

import numpy as np
import pytest

from rating.tariffs.windows import DAYS, Span, Windows
from rating.zone import Zone

PARIS = Zone("Europe/Paris")
WEEK = frozenset(range(5))
ALL = frozenset(range(8))


def hour(text: str) -> int:
    return int(text[:2]) * 60 + int(text[3:])


def is_open(windows: Windows, utc: str) -> list[bool]:
    instant = np.array([np.datetime64(utc, "ns").astype(np.int64)])
    timeline = windows.timeline(PARIS, int(instant[0]) - 10**15, int(instant[0]) + 10**15)
    return timeline.open[timeline.at(instant)[0]].tolist()


def one(days: frozenset[int], start: str, end: str, calendar: str | None = "FR") -> Windows:
    return Windows(("w",), ((Span(days, hour(start), hour(end)),),), calendar)


@pytest.mark.parametrize(
    ("utc", "expected"),
    [
        ("2026-10-05T05:59:59.999", False),
        ("2026-10-05T06:00:00", True),
        ("2026-10-05T16:59:59.999", True),
        ("2026-10-05T17:00:00", False),
        ("2026-10-04T10:00:00", False),
        ("2026-11-11T10:00:00", False),
    ],
)
def test_peak_is_from_inclusive_to_exclusive_on_weekdays(utc: str, expected: bool) -> None:
    assert is_open(one(WEEK, "08:00", "19:00"), utc) == [expected]


def test_window_past_midnight_belongs_to_the_day_on_which_it_begins() -> None:
    friday_night = one(frozenset([DAYS.index("fri")]), "22:00", "06:00")
    assert is_open(friday_night, "2026-10-02T20:00:00") == [True]
    assert is_open(friday_night, "2026-10-03T03:59:59") == [True]
    assert is_open(friday_night, "2026-10-03T04:00:00") == [False]
    assert is_open(friday_night, "2026-10-02T00:00:00") == [False]


def test_night_of_a_holiday_eve_is_the_eves() -> None:
    tuesday = one(frozenset([DAYS.index("tue")]), "22:00", "06:00")
    assert is_open(tuesday, "2026-11-11T02:00:00") == [True]
    holiday = one(frozenset([DAYS.index("holiday")]), "22:00", "06:00")
    assert is_open(holiday, "2026-11-11T02:00:00") == [False]
    assert is_open(holiday, "2026-11-12T02:00:00") == [True]


def test_window_to_24_ends_with_the_day() -> None:
    evening = one(ALL, "22:00", "24:00")
    assert is_open(evening, "2026-10-05T21:59:59") == [True]
    assert is_open(evening, "2026-10-05T22:00:00") == [False]


def test_wall_clock_window_in_the_repeated_hour_opens_twice() -> None:
    twice = one(ALL, "02:15", "02:45")
    seen = [is_open(twice, f"2026-10-25T{utc}")[0] for utc in ("00:14", "00:15", "00:45", "01:15", "01:45")]
    assert seen == [False, True, False, True, False]


def test_wall_clock_window_in_the_missing_hour_never_opens() -> None:
    never = one(ALL, "02:15", "02:45")
    assert not any(is_open(never, f"2026-03-29T{utc}")[0] for utc in ("00:15", "00:30", "01:15", "01:30"))


def test_window_that_ends_in_the_missing_hour_ends_at_the_change() -> None:
    early = one(ALL, "01:00", "02:30")
    assert is_open(early, "2026-03-29T00:59:59") == [True]
    assert is_open(early, "2026-03-29T01:00:00") == [False]


def test_holidays_may_be_dates() -> None:
    windows = Windows(("w",), ((Span(frozenset([7]), 0, 1440),),), None, frozenset([date(2026, 10, 6)]))
    assert is_open(windows, "2026-10-06T10:00:00") == [True]
    assert is_open(windows, "2026-11-11T10:00:00") == [False]


@pytest.mark.parametrize(
    ("first", "second", "expected"),
    [
        ((WEEK, "08:00", "19:00"), (WEEK, "19:00", "08:00"), False),
        ((WEEK, "08:00", "19:00"), (WEEK, "18:59", "20:00"), True),
        ((WEEK, "08:00", "19:00"), (frozenset([7]), "08:00", "19:00"), False),
        ((frozenset([4]), "22:00", "06:00"), (frozenset([5]), "05:00", "07:00"), True),
        ((frozenset([4]), "22:00", "06:00"), (frozenset([6]), "05:00", "07:00"), False),
        ((frozenset([4]), "22:00", "06:00"), (frozenset([7]), "05:00", "07:00"), True),
        ((frozenset([4]), "22:00", "06:00"), (frozenset([5]), "06:00", "07:00"), False),
    ],
)
def test_overlap(
    first: tuple[frozenset[int], str, str], second: tuple[frozenset[int], str, str], expected: bool
) -> None:
    spans = tuple((Span(days, hour(start), hour(end)),) for days, start, end in (first, second))
    assert Windows(("a", "b"), spans).overlap(0, 1) is expected
