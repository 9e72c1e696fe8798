"""START HERE: the stages of a run, in order.

Block by block, as files are read:
1 sources    files -> calls, rejects                 sources/, numbering/
2 placing    trunks, numbers                         placing.py
  shelf      calls by trunk, until all are read      shelf.py
  repeats    rows of one id                          repeats.py

Portion by portion, a few trunks each, as results are written:
3 select     the month, one source a trunk, order    select.py
4 classify   destination, plan, reasons 1 to 10      classify.py, tariffs/
5 channels   occupancy, calls above the channels     caps.py
6 fair use   the plan's limits, reasons 11 to 13     fair_use.py
7 price      increments, windows, steps, amounts     price.py
8 results    tables as the files show them           results.py
"""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

import numpy as np
import pyarrow as pa

from rating.accounts import Accounts
from rating.arrays import Ints
from rating.caps import hold_channels
from rating.classify import classify
from rating.clock import Clock, Progress
from rating.completeness import Hours, Silence
from rating.errors import SourceError
from rating.fair_use import apply_limits, included_seconds
from rating.placing import answered_seconds, place
from rating.price import price_calls
from rating.rejects import Packed, Rejects, packed
from rating.repeats import Repeats, find_all
from rating.results import Results, joined, results_of
from rating.select import Selected, select
from rating.shelf import IN_MEMORY, PORTION, Part, Portion, Shelf
from rating.sources.reading import InputFile, Reading, Stream, Typed, Untyped
from rating.subjects import People, own_keys
from rating.tariffs.book import TariffBook
from rating.workers import ordered
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

    results : of all portions; without the rated and unrated calls where they were written as they came
    counts : rows of each input by category, shape of `files`
    warnings : what looks wrong though every row is accounted for
    months : months of the calls that were read, rated or not
    silences : hours without a call that stand out
    timing : stage -> seconds, rows and bytes (clock.py)
    """

    results: Results
    rejects: Rejects
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


@dataclass(frozen=True)
class Settings:
    """What the calls are rated by, and how.

    month : year × 12 + month - 1 of the only local month that is rated; None rates all
    jobs : cores to use; the results do not depend on it
    portion, in_memory : calls rated at a time, bytes of calls kept in memory (shelf.py)
    spill : where calls go that the memory does not hold; None keeps them all
    """

    book: TariffBook
    accounts: Accounts
    month: int | None = None
    bare_international: bool = False
    jobs: int = 1
    portion: int = PORTION
    in_memory: int = IN_MEMORY
    spill: Path | None = None


Write = Callable[[pa.Table, pa.Table], None]
"""Takes the rated and the unrated calls of each portion, in the order of the files."""


def rate_reading(
    reading: Reading,
    book: TariffBook,
    accounts: Accounts,
    *,
    month: int | None = None,
    bare_international: bool = False,
) -> Run:
    """Rate what is in memory; errors as of `rate_stream`."""
    return rate_stream(reading.stream(), Settings(book, accounts, month, bare_international))


def rate_stream(
    stream: Stream,
    settings: Settings,
    write: Write | None = None,
    clock: Clock | None = None,
    progress: Progress | None = None,
) -> Run:
    """Rate what is read, block by block, then portion by portion.

    Parameters
    ----------
    write : takes the calls as they come; None keeps them in `Run.results`
    progress : told of each portion, stage `rate`

    Raises
    ------
    SourceError
        A trunk has two sources and no `rating_source`.
    """
    book = settings.book
    clock = clock or Clock()
    gathered = gather_calls(stream, settings, clock)
    files, rejects = stream.files, gathered.rejects

    tally = _Tally(len(files), Hours(book.zone))
    parts: list[Results] = []
    done = 0
    work = partial(_rate, gathered, settings, clock)
    with closing(ordered(work, gathered.portions, settings.jobs)) as found:
        for portion, (selected, results) in zip(gathered.portions, found, strict=True):
            tally.add(selected, results)
            if write is not None:
                with clock.stage("write", len(results.file)):
                    write(results.rated, results.unrated)
                results = results.without_calls()
            parts.append(results)
            done += portion.calls
            if progress is not None:
                progress("rate", done, gathered.shelf.rows)
    if not any(entry.rows for entry in files):
        tally.warnings.append("no row was read; expected CDRs. There is nothing to rate. [CDR-NONE]")
    span = book.zone.month_span(settings.month) if settings.month is not None else None
    return Run(
        joined(parts, book),
        rejects,
        files,
        tally.counts(files, rejects),
        tally.warnings,
        [month_text(month) for month in sorted(tally.months)],
        tally.hours.silences(span),
        clock.timing,
    )


@dataclass(frozen=True)
class Gathered:
    """All calls of a run, ready to be taken portion by portion."""

    shelf: Shelf
    repeats: Repeats
    rejects: Rejects
    portions: list[Portion]


def gather_calls(stream: Stream, settings: Settings, clock: Clock) -> Gathered:
    """Stages 1 and 2: read and place all calls, find repeats, refuse trunks of two sources.

    Raises
    ------
    SourceError
        A trunk has two sources and no `rating_source`.
    """
    shelf = Shelf(
        len(settings.accounts.trunks),
        settings.book.numbering,
        settings.bare_international,
        settings.spill,
        settings.in_memory,
    )
    wrong = _shelve(stream, shelf, settings, clock)
    with clock.stage("repeats", shelf.rows):
        repeats = find_all(shelf, stream.files)
    rejects = Rejects(wrong + repeats.rejects, [entry.name for entry in stream.files])
    portions = shelf.portions(settings.portion)
    _check_sources(shelf, portions, repeats, settings)
    return Gathered(shelf, repeats, rejects, portions)


def _shelve(stream: Stream, shelf: Shelf, settings: Settings, clock: Clock) -> list[Packed]:
    """Read and place all calls."""
    book, accounts = settings.book, settings.accounts

    def work(block: Untyped | Typed) -> tuple[Part, Packed]:
        with clock.stage("read"):
            calls, wrong = block.typed()
        with clock.stage("place", len(calls)):
            placed, unplaced = place(
                calls, stream.files, accounts, book.numbering, settings.bare_international
            )
            rejects = packed(wrong + unplaced, [entry.name for entry in stream.files])
            return shelf.sorted_part(placed), rejects

    found: list[Packed] = []
    with (
        closing(stream.blocks) as blocks,
        closing(ordered(work, clock.drawing("read", blocks), settings.jobs)) as placed,
    ):
        for part, rejects in placed:
            _keep(partial(shelf.add, part), shelf, clock)
            found.append(rejects)
    _keep(shelf.close, shelf, clock)
    clock.add("read", rows=sum(entry.rows for entry in stream.files), octets=stream.bytes or None)
    if shelf.spilled_bytes:
        clock.add("spill", rows=shelf.rows)
    return found


def _keep(step: Callable[[], None], shelf: Shelf, clock: Clock) -> None:
    """Let the shelf take calls; the time is that of stage `spill` where it writes to disk."""
    start, before = time.perf_counter(), shelf.spilled_bytes
    step()
    written = shelf.spilled_bytes - before
    clock.add("spill" if written else "place", time.perf_counter() - start, octets=written or None)


def _check_sources(shelf: Shelf, portions: list[Portion], repeats: Repeats, settings: Settings) -> None:
    """Refuse trunks with two sources before anything is rated (SPEC 2)."""
    trunks = settings.accounts.trunks
    doubtful = [i for i in shelf.of_several_sources() if not trunks[i].rating_source]
    torn: list[str] = []
    for portion in portions:
        if any(portion.first <= i < portion.end for i in doubtful):
            placed = shelf.take(portion)
            torn += select(placed, repeats, settings.month, settings.book.zone, settings.accounts).torn
    if torn:
        raise SourceError("\n".join(torn))


def select_calls(gathered: Gathered, settings: Settings, portion: Portion) -> Selected:
    """Stage 3 for a few trunks."""
    placed = gathered.shelf.take(portion)
    return select(placed, gathered.repeats, settings.month, settings.book.zone, settings.accounts)


def _rate(gathered: Gathered, settings: Settings, clock: Clock, portion: Portion) -> tuple[Selected, Results]:
    """Stages 3 to 8 for a few trunks."""
    book, accounts = settings.book, settings.accounts
    n = portion.calls
    with clock.stage("select", n):
        selected = select_calls(gathered, settings, portion)
    placed = selected.placed
    people = People(accounts, book.numbering, settings.bare_international)
    with clock.stage("classify", n):
        calls = classify(placed, selected.months, own_keys(placed, people), book, accounts)
    with clock.stage("channels", n):
        channels = hold_channels(calls, selected.nearby, book, accounts, people)
    with clock.stage("fair use", n):
        duration_s = answered_seconds(placed.calls)
        limited = apply_limits(calls, duration_s, book, accounts, people)
    with clock.stage("price", n):
        included_s = included_seconds(calls, limited.billed_s, duration_s)
        priced = price_calls(
            calls.base, placed.calls.answer, included_s, limited.billed_s, calls.plan, calls.plans, book
        )
    with clock.stage("results", n):
        found = results_of(calls, channels, limited, priced, duration_s, included_s, book, accounts)
        return selected, found


class _Tally:
    """What the portions add up to."""

    def __init__(self, files: int, hours: Hours) -> None:
        self.hours = hours
        self.months: set[int] = set()
        self.warnings: list[str] = []
        self._files = files
        self._rows = {name: np.zeros(files, np.int64) for name in CATEGORIES}

    def add(self, selected: Selected, results: Results) -> None:
        self.hours.add(selected.placed.trunk, selected.placed.calls.setup)
        self.months |= set(selected.seen.tolist())
        self.warnings += selected.warnings
        self._count("rated", results.file[results.is_rated])
        self._count("unrated", results.file[~results.is_rated])
        for name, file in selected.skipped.items():
            self._count(name, file)

    def _count(self, category: str, file: Ints) -> None:
        self._rows[category] += np.bincount(file, minlength=self._files)

    def counts(self, files: list[InputFile], rejects: Rejects) -> list[dict[str, int]]:
        """Rows by category and file, checked: nothing may be lost."""
        self._count("rejected", rejects.file)
        self._rows["not_a_call"] += np.array([entry.not_a_call for entry in files], np.int64)
        counts = [{name: int(self._rows[name][i]) for name in CATEGORIES} for i in range(len(files))]
        for entry, count in zip(files, counts, strict=True):
            if entry.rows != sum(count.values()):
                raise AssertionError(f"{entry.name}: {entry.rows} rows read but {count} accounted for")
        return counts
