"""What a trunk costs a month whatever its calls: plan and channels, pro rata by day (SPEC 10)."""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction
from functools import lru_cache
from itertools import pairwise

import numpy as np

from rating.accounts import Trunk
from rating.money import DECIMALS
from rating.tariffs.book import TariffBook
from rating.zone import Zone

CENT = 10 ** (DECIMALS - 2)


def recurring_cents(trunk: Trunk, month: int, book: TariffBook) -> int | None:
    """Recurring price of a trunk and month in cents, rounded half-up once; None where a plan has no price.

    Each local day costs its part of the month: the plan in force when it begins, and the largest number of
    channels in force in it. A day without plan and channels costs nothing.
    """
    total, days = Fraction(0), 0
    for start, end, count in _stretches(trunk, month, book.zone):
        names = [span.value for span in trunk.plans if span.holds(start)]
        channels = max(number for _, number in trunk.channels_between(start, end))
        days += count
        if not names and not channels:
            continue
        price = book.plan(names[0] if names else "metered").recurring
        if price is None:
            return None
        total += count * (price.per_trunk + price.per_channel * channels)
    return int(total / days / CENT + Fraction(1, 2))


def _stretches(trunk: Trunk, month: int, zone: Zone) -> Iterator[tuple[int, int, int]]:
    """Start, end and days of the month where nothing changes inside, else of each of its days."""
    borders = _days(zone, month)
    edges = [edge for span in (*trunk.channels, *trunk.plans) for edge in (span.start, span.end)]
    if not any(borders[0] < edge < borders[-1] for edge in edges):
        yield borders[0], borders[-1], len(borders) - 1
        return
    for start, end in pairwise(borders):
        yield start, end, 1


@lru_cache(maxsize=64)
def _days(zone: Zone, month: int) -> list[int]:
    """First instant of each local day of a month, and of the next month. [ns]"""
    start, end = zone.month_span(month)
    first, last = zone.days(np.array([start, end])).tolist()
    return [zone.midnight(day) for day in range(first, last + 1)]
