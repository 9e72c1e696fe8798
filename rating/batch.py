"""One batch run: files in, a folder out. All reading and writing of `trunkrate rate` is here."""

from __future__ import annotations

import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rating.accounts_file import load_accounts
from rating.errors import UsageError
from rating.export.folder import check_target, whole_folder
from rating.export.run_json import dumps, run_record
from rating.export.tables import rejects_table, write_csv, write_parquet
from rating.pipeline import Run, rate_reading
from rating.sources.block import Options
from rating.sources.database import copy_table
from rating.sources.files import expand, forget
from rating.sources.readers import is_foreign
from rating.sources.reading import Reading, read_files
from rating.tariffs.book import TariffBook, load_book
from rating.zone import named_zone, parse_month


@dataclass(frozen=True)
class Request:
    """What the operator asked for (SPEC 12).

    wants_calls : whether a month of which there is no call is a fault
    """

    cdr_files: list[str]
    accounts: str
    tariffs: str
    out: Path
    month: str | None = None
    timezone: str | None = None
    ambiguous: str = "reject"
    encoding: str = "utf-8"
    bare_numbers: str = "national"
    format_name: str = "auto"
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
    start = time.perf_counter()
    month = _month(request.month)
    check_target(request.out, request.force)
    book = load_book(request.tariffs)
    accounts = load_accounts(request.accounts, book)
    zone = book.zone if request.timezone is None else named_zone(request.timezone)
    loaded = time.perf_counter()
    files, skipped = expand(request.cdr_files, is_foreign, copy_table)
    try:
        bare_international = request.bare_numbers == "international"
        options = Options(zone, request.ambiguous, request.encoding, bare_international)
        reading = read_files(files, options, request.format_name)
        run = rate_reading(reading, book, accounts, month=month, bare_international=bare_international)
        if request.wants_calls:
            _check_month(run, request.month)
        settings = {
            "month": request.month,
            "timezone": zone.name,
            "ambiguous": request.ambiguous,
            "encoding": request.encoding,
            "bare_numbers": request.bare_numbers,
            "skipped_files": skipped,
        }
        run.timing = {"settings": {"seconds": round(loaded - start, 6), "rows": len(book.deck)}, **run.timing}
        record = run_record(run, book, request.tariffs, request.accounts, accounts, settings)
        with whole_folder(request.out, request.force) as folder:
            written = time.perf_counter()
            _write(folder, run, reading, book, accounts.content, request.csv)
            now = time.perf_counter()
            run.timing["write"] = {"seconds": round(now - written, 6), "rows": run.rows}
            run.timing["total"] = {"seconds": round(now - start, 6), "rows": run.rows}
            (folder / "run.json").write_text(dumps(record), encoding="utf-8")
    finally:
        forget(files)
    return Batch(run, book, record, request.out)


def _write(folder: Path, run: Run, reading: Reading, book: TariffBook, accounts: bytes, csv: bool) -> None:
    results, decimals = run.results, book.amount_decimals
    write_parquet(results.rated, folder / "rated_calls.parquet")
    if csv:
        write_csv(results.rated, folder / "rated_calls.csv", decimals)
    for name, table in (
        ("unrated", results.unrated),
        ("rejects", rejects_table(run.rejects, reading)),
        ("findings", results.findings),
        ("usage", results.usage),
        ("limits", results.limits),
    ):
        write_csv(table, folder / f"{name}.csv", decimals)
    for name, data in book.files.items():
        path = folder / "inputs" / "book" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
    (folder / "inputs" / "accounts.yaml").write_bytes(accounts)


def _month(text: str | None) -> int | None:
    if text is None:
        return None
    month = parse_month(text)
    if month is None:
        raise UsageError(
            f"--month '{text}' is no month; expected YYYY-MM, as 2026-10. Nothing was rated. [MONTH]"
        )
    return month


def _check_month(run: Run, month: str | None) -> None:
    """Refuse a month that none of the calls is of: it would replace a good one by nothing."""
    total = run.total
    if month and total["other_month"] and not (total["rated"] or total["unrated"] or total["other_source"]):
        found = ", ".join(run.months)
        raise UsageError(
            f"--month: no call is of {month}, the calls are of {found}; expected the month of the CDRs. "
            "Nothing was rated. [MONTH]"
        )
