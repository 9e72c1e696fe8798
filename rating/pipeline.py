"""START HERE: the stages of a run, in order. All are pure; files are read before and written after.

1 sources    files -> calls, rejects                 sources/, numbering/
2 placing    trunks, numbers, repeats                placing.py
3 selecting  the month, one source a trunk, order    here
4 classify   destination, plan, reasons 1 to 10      classify.py, tariffs/
5 fair use   the plan's limits, reasons 11 to 13     fair_use.py
6 price      increments, windows, steps, amounts     price.py
7 results    tables as the files show them           results.py
"""

from __future__ import annotations

import time
from collections import Counter
from dataclasses import dataclass, field

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from rating.accounts import Accounts
from rating.arrays import Bools, Ints, codes
from rating.classify import classify
from rating.completeness import Silence, silences
from rating.errors import Reject, SourceError
from rating.fair_use import apply_limits
from rating.placing import Placed, answered_seconds, find_repeats, place
from rating.price import price_calls
from rating.reasons import EMERGENCY, FREE
from rating.results import Results, results_of
from rating.sources.reading import InputFile, Reading
from rating.subjects import People, own_keys
from rating.tariffs.book import TariffBook
from rating.zone import month_text

CATEGORIES = (
    "rated",
    "unrated",
    "rejected",
    "duplicates",
    "other_month",
    "other_source",
    "not_a_call",
)


@dataclass
class Run:
    """All that a run found.

    counts : rows of each input by category, shape of `files`
    warnings : what looks wrong though every row is accounted for
    months : months of the calls that were read, rated or not
    silences : hours without a call that stand out
    timing : stage -> seconds and rows
    """

    results: Results
    rejects: list[Reject]
    files: list[InputFile]
    counts: list[dict[str, int]]
    warnings: list[str]
    months: list[str]
    silences: list[Silence]
    timing: dict[str, dict[str, float]] = field(default_factory=dict)

    @property
    def total(self) -> dict[str, int]:
        """Rows of the run by category."""
        return {name: sum(count[name] for count in self.counts) for name in CATEGORIES}

    @property
    def rows(self) -> int:
        """Rows read."""
        return sum(entry.rows for entry in self.files)

    @property
    def is_clean(self) -> bool:
        """Nothing to look at: no rejects, no unrated calls, no warning."""
        total = self.total
        warned = self.warnings or any(entry.warnings for entry in self.files)
        return not (total["rejected"] or total["unrated"] or warned)


def rate_reading(
    reading: Reading,
    book: TariffBook,
    accounts: Accounts,
    *,
    month: int | None = None,
    bare_international: bool = False,
) -> Run:
    """Rate what was read.

    Parameters
    ----------
    month : year × 12 + month - 1
        Rate only this local month; None rates all.

    Raises
    ------
    SourceError
        A trunk has two sources and no `rating_source`.
    """
    clock = _Clock()
    clock.note("read", reading.seconds, sum(entry.rows for entry in reading.files))
    placed, wrong = place(reading.calls, reading.files, accounts, book.numbering, bare_international)
    rejects = reading.rejects + wrong
    duplicate, conflict, wrong = find_repeats(placed, reading.files)
    rejects += wrong
    clock.lap("place", len(placed))
    months = book.zone.months(placed.time())
    other_month = (months != month) if month is not None else np.zeros(len(placed), bool)
    candidate = ~(duplicate | conflict | other_month)
    seen = month_list(months)
    other_source = candidate & ~_of_rated_source(placed, candidate, accounts)
    skipped = {"duplicates": duplicate, "other_month": other_month & ~duplicate & ~conflict}
    skipped["other_source"] = other_source
    warnings = _silent_sources(placed, candidate, other_source, accounts)
    if not any(entry.rows for entry in reading.files):
        warnings.append("no row was read; expected CDRs. There is nothing to rate. [CDR-NONE]")
    file_of = placed.calls.file
    rows = _in_order(placed, np.flatnonzero(candidate & ~other_source))
    placed, months = placed.take(rows), months[rows]
    span = book.zone.month_span(month) if month is not None else None
    quiet = silences(placed.trunk, placed.calls.setup, len(accounts.trunks), book.zone, span)
    clock.lap("select", len(placed))

    people = People(accounts, book.numbering, bare_international)
    own = own_keys(placed, people)
    calls = classify(placed, months, own, book, accounts)
    clock.lap("classify", len(placed))
    duration_s = answered_seconds(placed.calls)
    limited = apply_limits(calls, duration_s, book, accounts, people)
    clock.lap("fair use", len(placed))
    charged = (calls.base >= 0) & (calls.reason != EMERGENCY) & (calls.reason != FREE)
    included_s = np.where(charged, duration_s, 0) - limited.billed_s
    priced = price_calls(
        calls.base, placed.calls.answer, included_s, limited.billed_s, calls.plan, calls.plans, book
    )
    clock.lap("price", len(placed))
    results = results_of(calls, limited, priced, duration_s, included_s, book, accounts)
    clock.lap("results", len(placed))
    counts = _count(reading, rejects, skipped, file_of, results)
    return Run(results, sorted(rejects), reading.files, counts, warnings, seen, quiet, clock.timing)


def _of_rated_source(placed: Placed, candidate: Bools, accounts: Accounts) -> Bools:
    """Calls of the source that their trunk is rated from (SPEC 2).

    Raises
    ------
    SourceError
        Where a trunk has several and accounts name none.
    """
    values = placed.calls.source.dictionary.to_pylist()
    source = codes(placed.calls.source).astype(np.int64)
    named = {i: trunk.rating_source for i, trunk in enumerate(accounts.trunks) if trunk.rating_source}
    wanted = np.full(len(accounts.trunks), -1)
    for i, name in named.items():
        wanted[i] = values.index(name) if name in values else len(values)
    good = (wanted[placed.trunk] < 0) | (wanted[placed.trunk] == source)
    kept = candidate & good
    pairs = np.unique(placed.trunk[kept] * max(len(values), 1) + source[kept])
    of_trunk = Counter((pairs // max(len(values), 1)).tolist())
    several = [i for i, count in sorted(of_trunk.items()) if count > 1]
    if several:
        lines = []
        for i in several:
            found = sorted(values[p % len(values)] for p in pairs.tolist() if p // len(values) == i)
            lines.append(
                f"trunk '{accounts.trunks[i].id}' has CDRs from sources {', '.join(found)}; expected one, "
                "or rating_source in its accounts entry to say which is rated. "
                "Nothing was rated. [CDR-SOURCES]"
            )
        raise SourceError("\n".join(lines))
    return good


def _silent_sources(placed: Placed, candidate: Bools, other_source: Bools, accounts: Accounts) -> list[str]:
    """Trunks whose `rating_source` sent nothing while another source did."""
    kept = np.bincount(placed.trunk[candidate & ~other_source], minlength=len(accounts.trunks))
    left = np.bincount(placed.trunk[other_source], minlength=len(accounts.trunks))
    return [
        f"trunk '{accounts.trunks[i].id}' has no CDR from its rating_source "
        f"'{accounts.trunks[i].rating_source}', but {left[i]} from others; expected CDRs from it. "
        "They are counted as other_source, not rated. [CDR-SOURCES]"
        for i in np.flatnonzero((left > 0) & (kept == 0)).tolist()
    ]


def _in_order(placed: Placed, rows: Ints) -> Ints:
    """Rows by trunk, time, source and call_id, texts by code point (SPEC 3)."""
    time_of = placed.time()[rows]
    rows = rows[np.lexsort((time_of, placed.trunk[rows]))]
    trunk, time_of = placed.trunk[rows], placed.time()[rows]
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


def _count(
    reading: Reading, rejects: list[Reject], skipped: dict[str, Bools], file_of: Ints, results: Results
) -> list[dict[str, int]]:
    """Rows by category and file, checked: nothing may be lost."""
    files = len(reading.files)
    by_category = {
        "rated": np.bincount(results.file[results.is_rated], minlength=files),
        "unrated": np.bincount(results.file[~results.is_rated], minlength=files),
        "rejected": np.bincount([reject.file for reject in rejects] or np.zeros(0, int), minlength=files),
        "not_a_call": np.array([entry.not_a_call for entry in reading.files], int),
    }
    for name, mask in skipped.items():
        by_category[name] = np.bincount(file_of[mask], minlength=files)
    counts = [{name: int(by_category[name][i]) for name in CATEGORIES} for i in range(files)]
    for entry, count in zip(reading.files, counts, strict=True):
        if entry.rows != sum(count.values()):
            raise AssertionError(f"{entry.name}: {entry.rows} rows read but {count} accounted for")
    return counts


class _Clock:
    """Seconds by stage."""

    def __init__(self) -> None:
        self.timing: dict[str, dict[str, float]] = {}
        self._last = time.perf_counter()

    def note(self, stage: str, seconds: float, rows: int) -> None:
        self.timing[stage] = {"seconds": round(seconds, 6), "rows": rows}
        self._last = time.perf_counter()

    def lap(self, stage: str, rows: int) -> None:
        self.note(stage, time.perf_counter() - self._last, rows)


def month_list(months: Ints) -> list[str]:
    """The months among calls, as text, ascending."""
    return [month_text(month) for month in np.unique(months).tolist()]
