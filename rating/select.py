"""Stage 3: which calls of a portion are rated, and in which order (SPEC 2, 3)."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from rating.accounts import Accounts
from rating.arrays import Bools, Ints, codes
from rating.placing import Placed
from rating.repeats import Repeats
from rating.zone import Zone


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
    good, torn = _of_rated_source(placed, candidate, accounts)
    other_source = candidate & ~good
    left_out = {"duplicates": duplicate, "other_month": other_month & ~duplicate & ~conflict}
    left_out["other_source"] = other_source
    skipped = {name: placed.calls.file[mask] for name, mask in left_out.items()}
    warnings = _silent_sources(placed, candidate, other_source, accounts)
    seen = np.unique(months)
    rows = in_order(placed, np.flatnonzero(candidate & good))
    others = np.flatnonzero(left_out["other_month"] & good)
    if month is not None:
        others = _nearby(placed, others, rows, *zone.month_span(month))
    nearby = placed.take(others)
    return Selected(placed.take(rows), nearby, months[rows], seen, skipped, warnings, torn)


def _nearby(placed: Placed, others: Ints, rated: Ints, start: int, end: int) -> Ints:
    """Calls of other months that may hold a channel beside rated ones: of their trunk, source and time."""
    if not len(others) or not len(rated):
        return others[:0]
    trunk, setup, release = placed.trunk, placed.calls.setup, placed.calls.release
    trunks = int(trunk.max()) + 1
    source = codes(placed.calls.source)
    of_source = np.full(trunks, -1)
    of_source[trunk[rated]] = source[rated]
    start = min(start, int(setup[rated].min()))
    same = of_source[trunk[others]] == source[others]
    found = others[same & (release[others] > start) & (setup[others] < end)]
    return found[np.argsort(trunk[found], kind="stable")]


def _of_rated_source(placed: Placed, candidate: Bools, accounts: Accounts) -> tuple[Bools, list[str]]:
    """Calls of the source that their trunk is rated from (SPEC 2); trunks that have several and name none."""
    values = placed.calls.source.dictionary.to_pylist()
    source = codes(placed.calls.source).astype(np.int64)
    trunks = accounts.trunks
    first = int(placed.trunk.min(initial=0))
    wanted = np.full(int(placed.trunk.max(initial=0)) + 1, -1)
    for i in range(first, min(len(wanted), len(trunks))):
        name = trunks[i].rating_source
        if name:
            wanted[i] = values.index(name) if name in values else len(values)
    good = (wanted[placed.trunk] < 0) | (wanted[placed.trunk] == source)
    if len(values) <= 1:
        return good, []
    kept = candidate & good
    pairs = np.unique(placed.trunk[kept] * len(values) + source[kept])
    of_trunk = Counter((pairs // len(values)).tolist())
    torn = []
    for i in [i for i, count in sorted(of_trunk.items()) if count > 1]:
        found = sorted(values[p % len(values)] for p in pairs.tolist() if p // len(values) == i)
        torn.append(
            f"trunk '{trunks[i].id}' has CDRs from sources {', '.join(found)}; expected one, "
            "or rating_source in its accounts entry to say which is rated. "
            "Nothing was rated. [CDR-SOURCES]"
        )
    return good, torn


def _silent_sources(placed: Placed, candidate: Bools, other_source: Bools, accounts: Accounts) -> list[str]:
    """Trunks whose `rating_source` sent nothing while another source did."""
    if not other_source.any():
        return []
    kept = np.bincount(placed.trunk[candidate & ~other_source], minlength=len(accounts.trunks))
    left = np.bincount(placed.trunk[other_source], minlength=len(accounts.trunks))
    return [
        f"trunk '{accounts.trunks[i].id}' has no CDR from its rating_source "
        f"'{accounts.trunks[i].rating_source}', but {left[i]} from others; expected CDRs from it. "
        "They are counted as other_source, not rated. [CDR-SOURCES]"
        for i in np.flatnonzero((left > 0) & (kept == 0)).tolist()
    ]


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
