"""One run of `trunkrate channels`: files in, lines out. All its reading is here."""

from __future__ import annotations

import tempfile
from collections import Counter
from contextlib import closing
from dataclasses import dataclass, field
from datetime import date, timedelta
from pathlib import Path

import numpy as np

from rating.accounts import Accounts
from rating.accounts_file import load_accounts
from rating.arrays import Bools, Ints, distinct
from rating.channels.attempts import Attempts, attempts_of
from rating.channels.gos import DEFAULT, Grade
from rating.channels.hours import Hours, month_hours
from rating.channels.lines import Line, lines_of
from rating.clock import Progress
from rating.errors import Endings, SourceError, UsageError, quoted
from rating.numbering import NumberingPlan, load_plan
from rating.one_source import Wording, of_one_source, silent_sources
from rating.placing import Placed, place
from rating.rejects import Packed, Rejects, packed
from rating.repeats import Repeats, find_all
from rating.shelf import Part, Shelf
from rating.sources.block import Options
from rating.sources.database import copy_table
from rating.sources.files import expand, forget
from rating.sources.readers import is_foreign
from rating.sources.reading import InputFile, Stream, Typed, Untyped, stream_files
from rating.subjects import People
from rating.tariffs.book import TariffBook, load_book
from rating.tariffs.windows import Windows
from rating.workers import arrow_threads, cores, ordered
from rating.zone import Zone, month_text, named_zone, parse_month

ZONE, COUNTRY = "Europe/Paris", "FR"
"""The clock, the working days and the numbering plan where no book says otherwise."""

COUNTED = Endings(
    "Nothing was counted.", "Row rejected, the others are counted.", "No row of this file is counted."
)
WORDING = Wording("counts", COUNTED.stopped, "They are not counted.")


@dataclass(frozen=True)
class Request:
    """What the engineer asked for.

    tariffs : book whose zone, holidays and plans count; None for the country's
    timezone : of times without offset; clock : of months and hours; None for the book's
    trunks : ids or FQDNs, none for all; grades : of service
    """

    cdr_files: list[str]
    accounts: str
    tariffs: str | None = None
    month: str | None = None
    timezone: str | None = None
    clock: str | None = None
    ambiguous: str = "reject"
    encoding: str = "utf-8"
    bare_numbers: str = "national"
    format_name: str = "auto"
    trunks: tuple[str, ...] = ()
    grades: tuple[Grade, ...] = DEFAULT
    progress: Progress | None = None


@dataclass(frozen=True)
class Month:
    """A month and its lines, in order of trunk and site.

    seen : first and last local day from which CDRs were read, counted from 1970-01-01
    """

    number: int
    hours: Hours
    seen: tuple[int, int]
    lines: list[Line]

    @property
    def text(self) -> str:
        return month_text(self.number)


@dataclass
class Report:
    """What a run found.

    counts : rows by what became of them; they add up to `rows`
    silent : trunks whose `rating_source` sent nothing, as messages
    """

    accounts: Accounts
    zone: Zone
    grades: tuple[Grade, ...]
    months: list[Month]
    files: list[InputFile]
    rejects: Rejects
    counts: Counter[str] = field(default_factory=Counter)
    silent: list[str] = field(default_factory=list)

    @property
    def rows(self) -> int:
        return sum(entry.rows for entry in self.files)

    @property
    def warnings(self) -> list[str]:
        """What the readers warn of, and sources that sent nothing."""
        return [*(warning for entry in self.files for warning in entry.warnings), *self.silent]

    @property
    def is_clean(self) -> bool:
        """Nothing to look at: no reject, no warning."""
        return not (self.rejects or self.warnings)


@dataclass(frozen=True)
class _Known:
    """What calls are read and counted by.

    providers : zone of times without offset; zone : of months and hours
    """

    accounts: Accounts
    book: TariffBook | None
    providers: Zone
    zone: Zone
    numbering: NumberingPlan
    bare_international: bool
    month: int | None
    trunks: Bools

    def holidays(self, first: int, last: int) -> set[date]:
        """Public holidays between two local days."""
        windows = self.book.windows if self.book else Windows()
        if not (windows.calendar or windows.dates):
            windows = Windows(calendar=self.book.country if self.book else COUNTRY)
        epoch = date(1970, 1, 1)
        return windows.holidays(epoch + timedelta(first), epoch + timedelta(last))


def count_channels(request: Request) -> Report:
    """Read CDRs and make the lines of every month asked for.

    Raises
    ------
    UsageError, TariffError, AccountsError, SourceError
        Nothing was counted.
    """
    known = _known(request)
    zone = known.providers if request.timezone is None else named_zone(request.timezone)
    options = Options(zone, request.ambiguous, request.encoding, known.bare_international)
    files, _ = expand(request.cdr_files, is_foreign, copy_table)
    jobs = cores()
    try:
        stream = stream_files(files, options, request.format_name, jobs, request.progress)
        with arrow_threads(jobs), tempfile.TemporaryDirectory(prefix="trunkrate-channels-") as spill:
            return _count(stream, known, request.grades, Path(spill), jobs)
    finally:
        forget(files)


def _known(request: Request) -> _Known:
    month = None
    if request.month is not None:
        month = parse_month(request.month)
        if month is None:
            raise UsageError(
                f"--month {quoted(request.month)} is no month; expected YYYY-MM, as 2026-10.", "MONTH"
            )
    book = load_book(request.tariffs) if request.tariffs is not None else None
    accounts = load_accounts(request.accounts, book)
    providers = book.zone if book else Zone(ZONE)
    return _Known(
        accounts,
        book,
        providers,
        providers if request.clock is None else named_zone(request.clock, "--clock"),
        book.numbering if book else load_plan(COUNTRY),
        request.bare_numbers == "international",
        month,
        _chosen(request.trunks, accounts),
    )


def _chosen(names: tuple[str, ...], accounts: Accounts) -> Bools:
    """Which trunks are asked for, by id or FQDN, shape (trunks,)."""
    by_name = {trunk.fqdn.lower(): i for i, trunk in enumerate(accounts.trunks) if trunk.fqdn}
    by_name |= {trunk.id: i for i, trunk in enumerate(accounts.trunks)}
    chosen = np.full(len(accounts.trunks), not names)
    for name in names:
        index = by_name.get(name, by_name.get(name.lower(), -1))
        if index < 0:
            known = ", ".join(trunk.id for trunk in accounts.trunks[:8])
            known += f" and {len(accounts.trunks) - 8} more" if len(accounts.trunks) > 8 else ""
            expected = f"an id or FQDN of accounts: {known or 'it has no trunk'}"
            raise UsageError(f"--trunk {quoted(name)} is unknown; expected {expected}.", "TRUNK")
        chosen[index] = True
    return chosen


def _count(stream: Stream, known: _Known, grades: tuple[Grade, ...], spill: Path, jobs: int) -> Report:
    shelf = Shelf(len(known.accounts.trunks), known.numbering, known.bare_international, spill)
    wrong, days = _shelve(stream, shelf, known, jobs)
    repeats = find_all(shelf, stream.files)
    rejects = Rejects(wrong + repeats.rejects, [entry.name for entry in stream.files])
    report = Report(known.accounts, known.zone, grades, _months(days, known), stream.files, rejects)
    counts, shares = report.counts, [grade.share for grade in grades]
    counts["rejected"] = len(rejects)
    counts["not_a_call"] = sum(entry.not_a_call for entry in stream.files)
    for portion in shelf.portions():
        attempts = _attempts(shelf.take(portion), repeats, known, report)
        of_month = known.zone.months(attempts.time)
        chosen = np.flatnonzero(known.trunks[portion.first : portion.end]) + portion.first
        for month in report.months:
            mine = of_month == month.number
            trunks = chosen if known.month is not None else np.intersect1d(chosen, attempts.trunk[mine])
            month.lines.extend(lines_of(attempts, mine, month.hours, trunks, known.accounts, shares))
    report.months = [month for month in report.months if month.lines]
    if report.rows != sum(counts.values()):
        raise AssertionError(f"{report.rows} rows read but {dict(counts)} accounted for")
    return report


def _shelve(stream: Stream, shelf: Shelf, known: _Known, jobs: int) -> tuple[list[Packed], Ints]:
    """Read and place all calls; the rejects, and the local days of the calls, ascending."""

    def work(block: Untyped | Typed) -> tuple[Part, Packed, Ints]:
        calls, wrong = block.typed()
        placed, unplaced = place(
            calls, stream.files, known.accounts, known.numbering, known.bare_international
        )
        rejects = packed(wrong + unplaced, [entry.name for entry in stream.files])
        return shelf.sorted_part(placed), rejects, distinct(known.zone.days(placed.time()))

    found: list[Packed] = []
    days: set[int] = set()
    with closing(stream.blocks) as blocks, closing(ordered(work, blocks, jobs)) as parts:
        for part, rejects, days_of_part in parts:
            shelf.add(part)
            found.append(rejects)
            days.update(days_of_part.tolist())
    shelf.close()
    return found, np.array(sorted(days), np.int64)


def _months(days: Ints, known: _Known) -> list[Month]:
    """The months to count, still without lines; none where there is no call."""
    of_days = days.astype("M8[D]").astype("M8[M]").astype(np.int64) + 1970 * 12
    there = distinct(of_days).tolist()
    asked = there if known.month is None else [known.month]
    if there and known.month is not None and known.month not in there:
        found = ", ".join(month_text(month) for month in there[:12])
        raise UsageError(
            f"--month: no call is of {month_text(known.month)}, the calls are of {found}; expected the month "
            "of the CDRs.",
            "MONTH",
        )
    months = []
    for month in asked if there else []:
        of_month = days[of_days == month].tolist()
        seen = (of_month[0], of_month[-1])
        hours = month_hours(known.zone, month, seen, known.holidays(*seen))
        months.append(Month(month, hours, seen, []))
    return months


def _attempts(placed: Placed, repeats: Repeats, known: _Known, report: Report) -> Attempts:
    """The calls of some trunks that count, in order of trunk; those of other months may hold channels."""
    duplicate, conflict = repeats.masks(placed.calls)
    ours = known.trunks[placed.trunk] & ~duplicate & ~conflict
    of_month = np.ones(len(placed), bool)
    if known.month is not None:
        of_month = known.zone.months(placed.time()) == known.month
    good, torn = of_one_source(placed, ours & of_month, known.accounts, WORDING)
    if torn:
        raise SourceError("\n".join(torn))
    report.silent += silent_sources(placed, ours & of_month, good, known.accounts, WORDING)
    counts = report.counts
    counts["duplicates"] += int(duplicate.sum())
    counts["other_trunk"] += int((~known.trunks[placed.trunk] & ~duplicate & ~conflict).sum())
    counts["other_month"] += int((ours & ~of_month).sum())
    counts["other_source"] += int((ours & of_month & ~good).sum())
    counts["counted"] += int((ours & of_month & good).sum())
    rows = np.flatnonzero(ours & good)
    rows = rows[np.argsort(placed.trunk[rows], kind="stable")]
    people = People(known.accounts, known.numbering, known.bare_international)
    return attempts_of(placed.take(rows), known.accounts, people, known.book)
