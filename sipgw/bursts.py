"""Bursts of costly calls: how stolen accounts are used.

Toll fraud rings premium numbers abroad that share their revenue, many calls in minutes, at night and on
weekends when nobody looks. Customers who call far away do so a few times an hour.
"""

from __future__ import annotations

from collections import deque
from datetime import date, timedelta
from functools import lru_cache
from typing import NamedTuple

import numpy as np

from rating.arrays import SECOND
from rating.reasons import CLASS_EMERGENCY
from rating.tariffs.book import TariffBook
from rating.tariffs.windows import Windows
from rating.zone import DAY
from sipgw.call import OUTBOUND
from sipgw.calls_up import UpCall
from sipgw.directory import Directory
from sipgw.settings import Bursts

EPOCH = date(1970, 1, 1)
SATURDAY = 5
MINUTE = 60 * SECOND


class Begun(NamedTuple):
    """A costly call that began."""

    setup: int
    leg: str
    b_number: str
    destination: str


class Burst(NamedTuple):
    """The calls that make a burst, and how many were enough."""

    calls: tuple[Begun, ...]
    limit: int
    in_office_hours: bool


class BurstWatch:
    """Costly calls of the last minutes, by trunk."""

    def __init__(self, settings: Bursts, book: TariffBook) -> None:
        self._settings = settings
        self._hours = OfficeHours(settings, book)
        self._begun: dict[str, deque[Begun]] = {}

    def begun(self, directory: Directory, call: UpCall) -> Burst | None:
        """Count a call that was admitted; the burst that it completes."""
        if call.direction != OUTBOUND:
            return None
        number = directory.read(call.b_number)
        row = directory.row(number.key, call.setup_time)
        if not self._is_costly(directory, number.key, row):
            return None
        now, within = call.setup_time, self._settings.within_s * SECOND
        found = self._begun.setdefault(call.trunk_id, deque())
        found.append(Begun(now, call.leg, number.text, directory.named(row).name))
        # a clock that went back leaves calls of a time to come: no more of it than the window
        kept = [one for one in found if now - within < one.setup <= now + within]
        self._begun[call.trunk_id] = deque(kept)
        is_open = self._hours.hold(now)
        limit = self._settings.calls if is_open else self._settings.calls_outside_hours
        return Burst(tuple(kept), limit, is_open) if len(kept) >= limit else None

    def forget(self, trunk: str) -> None:
        """Count a trunk anew: a person lifted its guard."""
        self._begun.pop(trunk, None)

    def _is_costly(self, directory: Directory, number: int, row: int) -> bool:
        """By its price at any time of day; a number abroad without a price could cost anything."""
        destination = directory.named(row)
        if destination.klass == CLASS_EMERGENCY:
            return False
        if row < 0:
            return directory.is_international(number, destination)
        return directory.dearest_minute(row) >= self._settings.price_micros


class OfficeHours:
    """Monday to Friday but for public holidays, by the local clock.

    The holidays are the book's, or the country's where the book has none.
    """

    def __init__(self, settings: Bursts, book: TariffBook) -> None:
        self._opens, self._closes = settings.opens, settings.closes
        self._zone = book.zone
        has_own = book.windows.calendar or book.windows.dates
        windows = book.windows if has_own else Windows(calendar=book.country)
        self._is_workday = lru_cache(maxsize=8)(lambda day: _is_workday(windows, day))

    def hold(self, instant: int) -> bool:
        """Whether an instant is in them."""
        local = int(self._zone.to_local(np.array([instant]))[0])
        minute = local % DAY // MINUTE
        return self._opens <= minute < self._closes and self._is_workday(local // DAY)


def _is_workday(windows: Windows, day: int) -> bool:
    shown = EPOCH + timedelta(day)
    return shown.weekday() < SATURDAY and shown not in windows.holidays(shown, shown)
