"""Local time on whole arrays: offsets, months, and the two DST nights.

Instants are int64 nanoseconds since 1970-01-01T00:00Z; a local instant is the same count for the wall clock.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import NamedTuple
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import numpy as np

from rating.arrays import NONE, SECOND, Bools, Ints
from rating.errors import UsageError

DAY = 86_400 * SECOND
FIRST_YEAR, LAST_YEAR = 1970, 2199


class _Transitions(NamedTuple):
    """What is known of a zone from `first_s` to `last_s`: instants of change and the offsets from them on."""

    first_s: int
    last_s: int
    at: Ints
    offsets: Ints


class Zone:
    """A time zone as arrays of transitions, found once per span of years."""

    def __init__(self, name: str) -> None:
        self.name = name
        self._info = ZoneInfo(name)
        self._known = _Transitions(1, 0, np.zeros(0, np.int64), np.zeros(0, np.int64))

    def _offset_s(self, utc_s: int) -> int:
        local = datetime.fromtimestamp(utc_s, UTC).astimezone(self._info)
        offset = local.utcoffset()
        assert offset is not None
        return int(offset.total_seconds())

    def _cover(self, utc: Ints) -> _Transitions:
        """The transitions of the years that the instants touch, and of those seen before."""
        low = int(utc.min()) // SECOND - 5 * 86_400
        high = int(utc.max()) // SECOND + 5 * 86_400
        known = self._known
        if known.first_s <= low and high <= known.last_s:
            return known
        if known.first_s <= known.last_s:
            low, high = min(low, known.first_s), max(high, known.last_s)
        at, offsets = [low], [self._offset_s(low)]
        day = low
        while day < high:
            after = min(day + 86_400, high)
            now = self._offset_s(after)
            if now != offsets[-1]:
                before, until = day, after
                while until - before > 1:
                    middle = (before + until) // 2
                    if self._offset_s(middle) == offsets[-1]:
                        before = middle
                    else:
                        until = middle
                at.append(until)
                offsets.append(now)
            day = after
        self._known = _Transitions(
            low, high, np.array(at, np.int64) * SECOND, np.array(offsets, np.int64) * SECOND
        )
        return self._known

    def offsets(self, utc: Ints) -> Ints:
        """Offset from UTC at each instant, shape (n,). [ns]"""
        if not len(utc):
            return np.zeros(0, np.int64)
        known = self._cover(utc)
        where = np.searchsorted(known.at, utc, "right") - 1
        return known.offsets[np.maximum(where, 0)]

    def transitions(self) -> Ints:
        """Instants at which the offset changes, of the years seen so far. [ns]"""
        return self._known.at[1:]

    def to_local(self, utc: Ints) -> Ints:
        """Wall clock of each instant, shape (n,). [ns]"""
        return utc + self.offsets(utc)

    def from_local(self, local: Ints) -> tuple[Ints, Ints, Bools]:
        """Instants of wall-clock times.

        Returns
        -------
        (first, second, exists)
            The earlier and the later instant that show this wall clock (equal but on the autumn night), and
            whether there is one at all (False inside the spring gap). Shape (n,). [ns]

        Examples
        --------
        >>> paris = Zone("Europe/Paris")
        >>> half_past_two = np.array(["2026-10-25T02:30", "2026-03-29T02:30"], "M8[ns]").astype("int64")
        >>> first, second, exists = paris.from_local(half_past_two)
        >>> int(second[0] - first[0]) // SECOND, exists.tolist()
        (3600, [True, False])
        """
        early, late = self.offsets(local - DAY), self.offsets(local + DAY)
        one, two = local - early, local - late
        one_good, two_good = self.offsets(one) == early, self.offsets(two) == late
        first = np.where(one_good & two_good, np.minimum(one, two), np.where(one_good, one, two))
        second = np.where(one_good & two_good, np.maximum(one, two), first)
        return first, second, one_good | two_good

    def midnight(self, day: int) -> int:
        """First instant of a local day, counted from 1970-01-01. [ns]"""
        local = np.array([day * DAY], np.int64)
        first, _, exists = self.from_local(local)
        if exists[0]:
            return int(first[0])
        return int((local + 0 - self.offsets(local - DAY))[0])

    def days(self, utc: Ints) -> Ints:
        """Local day of each instant, counted from 1970-01-01; shape (n,)."""
        return self.to_local(utc) // DAY

    def months(self, utc: Ints) -> Ints:
        """Local month of each instant as year × 12 + month - 1; shape (n,)."""
        days = self.days(utc).astype("M8[D]")
        return days.astype("M8[M]").astype(np.int64) + 1970 * 12

    def month_span(self, month: int) -> tuple[int, int]:
        """First instant of a local month and of the next. [ns]"""
        start = np.datetime64(month - 1970 * 12, "M").astype("M8[D]").astype(int)
        end = np.datetime64(month + 1 - 1970 * 12, "M").astype("M8[D]").astype(int)
        return self.midnight(int(start)), self.midnight(int(end))


def month_text(month: int) -> str:
    """A month number as YYYY-MM.

    Examples
    --------
    >>> month_text(2026 * 12 + 9)
    '2026-10'
    """
    return f"{month // 12:04d}-{month % 12 + 1:02d}"


def parse_month(text: str) -> int | None:
    """YYYY-MM as a month number; None where it is none."""
    try:
        parsed = datetime.strptime(text, "%Y-%m")
    except ValueError:
        return None
    return parsed.year * 12 + parsed.month - 1 if len(text) == 7 else None


def instant_text(utc: int) -> str:
    """An instant in ISO 8601 with Z; fraction of 3, 6 or 9 digits where there is one; empty for none.

    Examples
    --------
    >>> instant_text(1_500_000_000), instant_text(NONE)
    ('1970-01-01T00:00:01.500Z', '')
    """
    if utc == NONE:
        return ""
    seconds, rest = divmod(utc, SECOND)
    text = (datetime(1970, 1, 1) + timedelta(seconds=seconds)).isoformat()
    digits = f"{rest:09d}"
    while digits.endswith("000"):
        digits = digits[:-3]
    return f"{text}.{digits}Z" if digits else f"{text}Z"


def is_zone(name: str) -> bool:
    """Whether the tz database has a zone of this name (`available_timezones` opens every file to tell).

    Examples
    --------
    >>> is_zone("Europe/Paris"), is_zone("Europe"), is_zone("Paris"), is_zone("posix/Europe/Paris")
    (True, False, False, False)
    """
    if name.startswith(("posix/", "right/")) or name == "posixrules":
        return False
    try:
        ZoneInfo(name)
    except (OSError, ValueError, ZoneInfoNotFoundError):
        return False
    return True


def named_zone(name: str, setting: str = "--timezone") -> Zone:
    """The zone that a setting names.

    Raises
    ------
    UsageError
    """
    if not is_zone(name):
        raise UsageError(
            f"{setting} '{name}' is unknown; expected a name of the tz database, as Europe/Paris.",
            "TIMEZONE",
        )
    return Zone(name)
