"""Stage 3: which calls of a portion are rated, and in which order (SPEC 2, 3)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from rating.accounts import Accounts
from rating.arrays import Ints
from rating.errors import RATED
from rating.one_source import Wording, of_one_source, silent_sources
from rating.placing import Placed
from rating.repeats import Repeats
from rating.zone import Zone

WORDING = Wording("is rated", RATED.stopped, "They are counted as other_source, not rated.")


@dataclass(frozen=True)
class Selected:
    """The calls of a portion that are rated, by trunk and time, and what became of the others.

    nearby : calls of other months and the rated source, by trunk: they may hold channels (SPEC 8)
    months : year × 12 + month - 1 of each call that is rated, shape (n,)
    seen : months of all calls, ascending
    skipped : category -> input of each call that is left out
    warnings : trunks whose `rating_source` sent nothing
    torn : trunks with several sources of which accounts name none, as messages
    """

    placed: Placed
    nearby: Placed
    months: Ints
    seen: Ints
    skipped: dict[str, Ints]
    warnings: list[str]
    torn: list[str]


def select(placed: Placed, repeats: Repeats, month: int | None, zone: Zone, accounts: Accounts) -> Selected:
    """Leave out repeated rows, other months and other sources; put the rest in order."""
    duplicate, conflict = repeats.masks(placed.calls)
    months = zone.months(placed.time())
    other_month = (months != month) if month is not None else np.zeros(len(placed), bool)
    candidate = ~(duplicate | conflict | other_month)
    good, torn = of_one_source(placed, candidate, accounts, WORDING)
    other_source = candidate & ~good
    left_out = {"duplicates": duplicate, "other_month": other_month & ~duplicate & ~conflict}
    left_out["other_source"] = other_source
    skipped = {name: placed.calls.file[mask] for name, mask in left_out.items()}
    warnings = silent_sources(placed, candidate, good, accounts, WORDING)
    seen = np.unique(months)
    rows = in_order(placed, np.flatnonzero(candidate & good))
    others = np.flatnonzero(left_out["other_month"] & good)
    if month is not None:
        others = _nearby(placed, others, rows, *zone.month_span(month))
    nearby = placed.take(others)
    return Selected(placed.take(rows), nearby, months[rows], seen, skipped, warnings, torn)


def _nearby(placed: Placed, others: Ints, rated: Ints, start: int, end: int) -> Ints:
    """Calls of other months, of the rated source, that may hold a channel beside rated ones, by trunk."""
    if not len(others) or not len(rated):
        return others[:0]
    trunk, setup, release = placed.trunk, placed.calls.setup, placed.calls.release
    start = min(start, int(setup[rated].min()))
    is_rated = np.zeros(int(trunk.max()) + 1, bool)
    is_rated[trunk[rated]] = True
    found = others[is_rated[trunk[others]] & (release[others] > start) & (setup[others] < end)]
    return found[np.argsort(trunk[found], kind="stable")]


def in_order(placed: Placed, rows: Ints) -> Ints:
    """Rows by trunk, time, source and call_id, texts by code point (SPEC 3)."""
    time_of = placed.time()[rows]
    order = _by_trunk_and_time(placed.trunk[rows], time_of)
    rows, time_of = rows[order], time_of[order]
    trunk = placed.trunk[rows]
    tied = np.zeros(len(rows), bool)
    same = (trunk[1:] == trunk[:-1]) & (time_of[1:] == time_of[:-1])
    tied[1:] |= same
    tied[:-1] |= same
    places = np.flatnonzero(tied)
    if not len(places):
        return rows
    group = np.cumsum(np.append(True, ~same))[places]
    calls = placed.calls
    table = pa.table(
        {
            "group": group,
            "source": calls.source.take(pa.array(rows[places])).dictionary_decode(),
            "call_id": calls.call_id.take(pa.array(rows[places])),
        }
    )
    keys = [("group", "ascending"), ("source", "ascending"), ("call_id", "ascending")]
    rows[places] = rows[places][pc.sort_indices(table, sort_keys=keys).to_numpy()]
    return rows


def _by_trunk_and_time(trunk: Ints, time_of: Ints) -> Ints:
    """Order by trunk, then time: one sort of both in one number, where they fit in 63 bits."""
    if not len(trunk):
        return np.zeros(0, np.int64)
    first_trunk, first_time = int(trunk.min()), int(time_of.min())
    span = int(time_of.max()) - first_time + 1
    if (int(trunk.max()) - first_trunk + 1) * span < 1 << 63:
        return np.argsort((trunk - first_trunk) * span + (time_of - first_time))
    return np.lexsort((time_of, trunk))
