"""The clock hours of a local month: 24 a day, but on the two nights on which clocks change."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from itertools import pairwise

import numpy as np

from rating.arrays import SECOND, Bools, Ints, distinct
from rating.zone import DAY, Zone

HOUR = 3_600 * SECOND
SATURDAY = 5


@dataclass(frozen=True)
class Hours:
    """The hours of a month in order, shape (hours,) each but `edges`.

    edges : first instant of each hour, and of the next month, shape (hours + 1,) [ns]
    offset : of the clock from UTC [ns]
    day : local day, counted from 1970-01-01; clock : 0 to 23; weekday : 0 is Monday
    is_seen : of the days from which CDRs were read; is_working : of a working day among them
    is_whole : lasts an hour (pieces are left where clocks change by less)
    """

    edges: Ints
    offset: Ints
    day: Ints
    clock: Ints
    weekday: Ints
    is_seen: Bools
    is_working: Bools
    is_whole: Bools

    def __len__(self) -> int:
        return len(self.day)

    @property
    def length(self) -> Ints:
        """How long each hour lasts. [ns]"""
        return np.diff(self.edges)

    def index(self, at: int) -> int:
        """The hour that an instant of the month is in."""
        return int(np.searchsorted(self.edges, at, "right")) - 1

    def is_twice(self, hour: int) -> bool:
        """Whether the clock shows this hour twice on its day."""
        return int(((self.day == self.day[hour]) & (self.clock == self.clock[hour])).sum()) > 1


def month_hours(zone: Zone, month: int, seen: tuple[int, int], holidays: set[date]) -> Hours:
    """The hours of a month.

    The hour that occurs twice in autumn is two hours of one clock hour; the one that spring skips is none.

    Parameters
    ----------
    month : year × 12 + month - 1
    seen : first and last local day from which CDRs were read
    holidays : no working days, as Saturday and Sunday

    Examples
    --------
    >>> october = month_hours(Zone("Europe/Paris"), 2026 * 12 + 9, (0, 1 << 40), set())
    >>> len(october), int((october.day == october.day[24 * 24]).sum())
    (745, 25)
    """
    start, end = zone.month_span(month)
    zone.offsets(np.array([start, end - 1]))
    changes = zone.transitions()
    pieces = [start, *changes[(start < changes) & (changes < end)].tolist(), end]
    edges = [np.array([end], np.int64)]
    for first, last in pairwise(pieces):
        from_utc = int(zone.offsets(np.array([first]))[0])
        whole = -(-(first + from_utc) // HOUR) * HOUR - from_utc
        edges += [np.array([first], np.int64), np.arange(whole, last, HOUR)]
    found = distinct(np.concatenate(edges))
    offset = zone.offsets(found[:-1])
    local = found[:-1] + offset
    day = local // DAY
    weekday = (day + 3) % 7
    is_seen = (seen[0] <= day) & (day <= seen[1])
    closed = np.array([(holiday - date(1970, 1, 1)).days for holiday in holidays], np.int64)
    return Hours(
        edges=found,
        offset=offset,
        day=day,
        clock=local % DAY // HOUR,
        weekday=weekday,
        is_seen=is_seen,
        is_working=is_seen & (weekday < SATURDAY) & ~np.isin(day, closed),
        is_whole=np.diff(found) == HOUR,
    )
