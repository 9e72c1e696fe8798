"""One batch run: files in, a folder out. All reading and writing of `trunkrate rate` is here."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import KW_ONLY, dataclass, field, replace
from pathlib import Path
from typing import Any

import pyarrow as pa

from rating.accounts_file import load_accounts
from rating.clock import Clock, Progress, peak_memory
from rating.errors import UsageError, quoted
from rating.export.folder import check_target, temporary, whole_folder
from rating.export.run_json import dumps, run_record
from rating.export.tables import CsvFile, ParquetFile, reject_tables, write_csv
from rating.pipeline import Run, Settings, rate_stream
from rating.schema import CDR_SCHEMA, REJECTS_SCHEMA, rated_schema
from rating.sources.block import Options
from rating.sources.database import copy_table
from rating.sources.files import expand, forget
from rating.sources.readers import is_foreign
from rating.sources.reading import Raw, Stream, stream_files
from rating.tariffs.book import TariffBook, load_book
from rating.workers import arrow_threads, cores
from rating.zone import named_zone, parse_month


@dataclass(frozen=True)
class Inputs:
    """What a command reads, and how (SPEC 12).

    jobs : cores to use
    progress : told how far it is, stages `read` and `rate`
    """

    cdr_files: list[str]
    accounts: str
    tariffs: str
    _: KW_ONLY
    month: str | None = None
    timezone: str | None = None
    ambiguous: str = "reject"
    encoding: str = "utf-8"
    bare_numbers: str = "national"
    format_name: str = "auto"
    jobs: int = field(default_factory=cores)
    progress: Progress | None = None


@dataclass(frozen=True)
class Request(Inputs):
    """What the operator asked to be rated.

    wants_calls : whether a month of which there is no call is a fault
    """

    out: Path
    _: KW_ONLY
    wants_calls: bool = False
    csv: bool = False
    force: bool = False


@dataclass(frozen=True)
class Batch:
    """A finished run and the record of it."""

    run: Run
    book: TariffBook
    record: dict[str, Any]
    out: Path


def run_batch(request: Request) -> Batch:
    """Rate files and write the output folder, whole or not at all.

    Raises
    ------
    UsageError, TariffError, AccountsError, SourceError
        Nothing was written.
    """
    with arrow_threads(request.jobs):
        return _run(request)


def _run(request: Request) -> Batch:
    start = time.perf_counter()
    check_month(request.month)
    check_target(request.out, request.force)
    clock = Clock()
    with (
        opened(request, clock) as (stream, settings, skipped),
        whole_folder(request.out, request.force) as folder,
    ):
        book, accounts = settings.book, settings.accounts
        with temporary(folder) as spill:
            run = _rate(stream, replace(settings, spill=spill), folder, request, clock)
        if request.wants_calls:
            _check_month_of_calls(run, request.month)
        how = {
            "month": request.month,
            "timezone": book.zone.name if request.timezone is None else request.timezone,
            "ambiguous": request.ambiguous,
            "encoding": request.encoding,
            "bare_numbers": request.bare_numbers,
            "skipped_files": skipped,
        }
        with clock.stage("write"):
            _write(folder, run, stream.raw, book, accounts.content)
        octets = sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())
        clock.add("write", octets=octets)
        clock.add("total", time.perf_counter() - start, run.rows, stream.bytes)
        clock.timing["total"]["peak_memory_bytes"] = peak_memory()
        record = run_record(run, book, request.tariffs, request.accounts, accounts, how)
        (folder / "run.json").write_text(dumps(record), encoding="utf-8")
    return Batch(run, book, record, request.out)


@contextmanager
def opened(inputs: Inputs, clock: Clock) -> Iterator[tuple[Stream, Settings, list[str]]]:
    """The calls of the inputs, ready to be read; what to rate them by; what was passed over in folders.

    Raises
    ------
    UsageError, TariffError, AccountsError
    """
    month = check_month(inputs.month)
    with clock.stage("settings"):
        book = load_book(inputs.tariffs)
        accounts = load_accounts(inputs.accounts, book)
    clock.add("settings", rows=len(book.deck))
    zone = book.zone if inputs.timezone is None else named_zone(inputs.timezone)
    files, skipped = expand(inputs.cdr_files, is_foreign, copy_table)
    try:
        bare_international = inputs.bare_numbers == "international"
        options = Options(zone, inputs.ambiguous, inputs.encoding, bare_international)
        stream = stream_files(files, options, inputs.format_name, inputs.jobs, inputs.progress)
        yield stream, Settings(book, accounts, month, bare_international, inputs.jobs), skipped
    finally:
        forget(files)


def _rate(stream: Stream, settings: Settings, folder: Path, request: Request, clock: Clock) -> Run:
    """Rate, and write the rated and unrated calls as they come."""
    book = settings.book
    schema, decimals = rated_schema(book.amount_decimals), book.amount_decimals
    with ExitStack() as open_files:
        rated = open_files.enter_context(ParquetFile(folder / "rated_calls.parquet", schema))
        unrated = open_files.enter_context(CsvFile(folder / "unrated.csv", CDR_SCHEMA.names, decimals))
        as_csv = CsvFile(folder / "rated_calls.csv", schema.names, decimals) if request.csv else None
        if as_csv is not None:
            open_files.enter_context(as_csv)

        def write(calls: pa.Table, without_rate: pa.Table) -> None:
            rated.add(calls)
            unrated.add(without_rate)
            if as_csv is not None:
                as_csv.add(calls)

        return rate_stream(stream, settings, write, clock, request.progress)


def _write(folder: Path, run: Run, raw: Raw, book: TariffBook, accounts: bytes) -> None:
    results, decimals = run.results, book.amount_decimals
    with CsvFile(folder / "rejects.csv", REJECTS_SCHEMA.names) as rejects:
        for table in reject_tables(run.rejects, [entry.name for entry in run.files], raw):
            rejects.add(table)
    for name, table in (
        ("findings", results.findings),
        ("usage", results.usage),
        ("occupancy", results.occupancy),
        ("limits", results.limits),
    ):
        write_csv(table, folder / f"{name}.csv", decimals)
    for name, data in book.files.items():
        path = folder / "inputs" / "book" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
    (folder / "inputs" / "accounts.yaml").write_bytes(accounts)


def check_month(text: str | None) -> int | None:
    """The month that was asked for, as a number.

    Raises
    ------
    UsageError
    """
    if text is None:
        return None
    month = parse_month(text)
    if month is None:
        raise UsageError(f"--month {quoted(text)} is no month; expected YYYY-MM, as 2026-10.", "MONTH")
    return month


def _check_month_of_calls(run: Run, month: str | None) -> None:
    """Refuse a month that none of the calls is of: it would replace a good one by nothing."""
    total = run.total
    if month and total["other_month"] and not (total["rated"] or total["unrated"] or total["other_source"]):
        found = ", ".join(run.months)
        raise UsageError(
            f"--month: no call is of {month}, the calls are of {found}; expected the month of the CDRs. "
            "Nothing was rated. [MONTH]"
        )
