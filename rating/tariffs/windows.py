"""Time windows: sets of weekdays, holidays and local hours (SPEC 7, art. 7.2 "selon la tarification")."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import date, timedelta

import numpy as np

from rating.arrays import SECOND, Bools, Ints, distinct
from rating.yamlfile import Document, Value
from rating.zone import DAY, Zone

DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun", "holiday")
HOLIDAY = 7
MINUTES = 24 * 60


@dataclass(frozen=True)
class Span:
    """Some kinds of day, from one minute of the local day to another; to <= from runs past midnight."""

    days: frozenset[int]
    start: int
    end: int

    def holds(self, kind: int, kind_before: int, minute: int) -> bool:
        """Whether a minute of a day of some kind, after a day of some kind, is inside."""
        if self.start < self.end:
            return kind in self.days and self.start <= minute < self.end
        return (kind in self.days and minute >= self.start) or (
            kind_before in self.days and minute < self.end
        )


@dataclass(frozen=True)
class Windows:
    """The windows of a book, by name in file order, and its holidays."""

    names: tuple[str, ...] = ()
    spans: tuple[tuple[Span, ...], ...] = ()
    calendar: str | None = None
    dates: frozenset[date] = frozenset()

    def holidays(self, first: date, last: date) -> set[date]:
        """Public holidays from one day to another."""
        days = {day for day in self.dates if first <= day <= last}
        if self.calendar:
            import holidays

            years = range(first.year, last.year + 1)
            days |= {
                day for day in holidays.country_holidays(self.calendar, years=years) if first <= day <= last
            }
        return days

    def overlap(self, one: int, other: int) -> bool:
        """Whether two windows hold some minute of some possible pair of days together."""
        for kind in range(8):
            for before in range(8):
                if HOLIDAY not in (kind, before) and (before + 1) % 7 != kind:
                    continue
                edges = {0} | {edge for w in (one, other) for s in self.spans[w] for edge in (s.start, s.end)}
                for minute in edges - {MINUTES}:
                    if all(any(s.holds(kind, before, minute) for s in self.spans[w]) for w in (one, other)):
                        return True
        return False

    def timeline(self, zone: Zone, first: int, last: int) -> Timeline:
        """When each window is open between two instants. [ns]"""
        return _timeline(self, zone, first, last)


@dataclass(frozen=True)
class Timeline:
    """Segments of time in which no window opens or closes.

    starts : first instant of each segment, shape (segments,) [ns]
    open : whether each window is open in it, shape (segments, windows)
    """

    starts: Ints
    open: Bools

    def at(self, instants: Ints) -> Ints:
        """Segment of each instant, shape (n,)."""
        return np.maximum(np.searchsorted(self.starts, instants, "right") - 1, 0)


def _timeline(windows: Windows, zone: Zone, first: int, last: int) -> Timeline:
    ends = np.array([first, last], np.int64)
    first_day, last_day = (int(day) for day in zone.days(ends))
    days = np.arange(first_day - 1, last_day + 2)
    minutes = sorted({0} | {m for spans in windows.spans for s in spans for m in (s.start, s.end)})
    walls = (days[:, None] * DAY + np.array(minutes)[None, :] * 60 * SECOND).ravel()
    early, late, exists = zone.from_local(walls)
    zone.offsets(ends)
    changes = zone.transitions()
    starts = distinct(np.concatenate(([first], early[exists], late[exists], changes)))
    starts = starts[(starts >= first) & (starts <= last)]
    local = zone.to_local(starts)
    day, minute = local // DAY, local % DAY // (60 * SECOND)
    epoch = date(1970, 1, 1)
    holidays = windows.holidays(epoch + timedelta(int(days[0])), epoch + timedelta(int(days[-1])))
    holiday_days = np.array(sorted((h - epoch).days for h in holidays), np.int64)

    def kinds(which: Ints) -> Ints:
        return np.where(np.isin(which, holiday_days), HOLIDAY, (which + 3) % 7)

    kind, before = kinds(day), kinds(day - 1)
    opened = np.zeros((len(starts), len(windows.names)), bool)
    for w, spans in enumerate(windows.spans):
        for span in spans:
            on, on_before = np.isin(kind, list(span.days)), np.isin(before, list(span.days))
            if span.start < span.end:
                opened[:, w] |= on & (minute >= span.start) & (minute < span.end)
            else:
                opened[:, w] |= (on & (minute >= span.start)) | (on_before & (minute < span.end))
    return Timeline(starts, opened)


def read_windows(root: Value) -> Windows:
    """Read windows.yaml."""
    doc = root.doc
    found = root.mapping(("holidays", "windows"), required=("windows",))
    calendar, dates = None, frozenset[date]()
    if "holidays" in found:
        value = found["holidays"]
        if value.is_list:
            dates = frozenset(day for day in (_read_date(item) for item in value.items()) if day)
        else:
            calendar = _read_calendar(value)
    names: list[str] = []
    spans: list[tuple[Span, ...]] = []
    if "windows" in found:
        for name, value in found["windows"].pairs().items():
            names.append(name)
            spans.append(tuple(_read_span(item, doc) for item in value.items()))
    return Windows(tuple(names), tuple(spans), calendar, dates)


def _read_date(value: Value) -> date | None:
    try:
        return date.fromisoformat(value.text())
    except ValueError:
        value.fault("is no date", "a date as 2026-05-01", "DATE")
        return None


def _read_calendar(value: Value) -> str | None:
    from holidays.registry import EntityLoader  # list_supported_countries imports every country

    name = value.text()
    if name in EntityLoader.get_country_codes(include_aliases=False):
        return name
    value.fault("is no calendar of the holidays library", "a country as FR, or a list of dates", "WINDOW")
    return None


def _read_span(value: Value, doc: Document) -> Span:
    found = value.mapping(("days", "from", "to"), required=("days", "from", "to"))
    days = frozenset(
        DAYS.index(item.choice(DAYS, "WINDOW")) for item in (found["days"].items() if "days" in found else [])
    )
    start = _read_minute(found["from"]) if "from" in found else 0
    end = _read_minute(found["to"]) if "to" in found else MINUTES
    if start == MINUTES:
        found["from"].fault("is the end of the day", "00:00 to 23:59", "WINDOW")
    elif start == end and len(found) == 3:
        found["to"].fault("equals from", "a window that lasts", "WINDOW")
    return Span(days, start, end)


def _read_minute(value: Value) -> int:
    text = value.text()
    match = re.fullmatch(r"([01][0-9]|2[0-3]):([0-5][0-9])|(24):(00)", text)
    if not match:
        value.fault("is no time of day", "a local time as 08:00, up to 24:00", "WINDOW")
        return 0
    return int(text[:2]) * 60 + int(text[3:])
