"""CDRs of any known format to the canonical schema, block by block, in one file, whole or not at all."""

from __future__ import annotations

import heapq
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
import pyarrow as pa

from rating.accounts import Accounts
from rating.accounts_file import load_accounts
from rating.arrays import Bools
from rating.clock import Progress
from rating.errors import Endings, Reject, UsageError, row_text
from rating.export.folder import check_new, whole_file
from rating.export.tables import GROUP, CsvFile, JsonlFile, ParquetFile
from rating.home import by_numbers, homeless_rejects
from rating.numbering import NumberingPlan, load_plan, read_numbers
from rating.results import cdr_table
from rating.schema import CDR_SCHEMA, OPEN, Calls
from rating.sources.block import Options
from rating.sources.database import copy_table
from rating.sources.files import expand, forget
from rating.sources.readers import is_foreign
from rating.sources.reading import Stream, stream_files

WRITTEN = Endings(
    "Nothing was written.", "Row rejected, the others are written.", "No row of this file is written."
)
FILES: dict[str, Callable[[Path], CsvFile | JsonlFile | ParquetFile]] = {
    ".csv": partial(CsvFile, names=CDR_SCHEMA.names),
    ".jsonl": JsonlFile,
    ".parquet": partial(ParquetFile, schema=CDR_SCHEMA, group=GROUP),
}
"""How a file of each ending is written."""

KEPT = 20
"""Rejects that are kept: a file may have as many as lines."""


@dataclass(frozen=True)
class Converted:
    """A conversion: how many rows were read, written, no call and rejected; the first rejects; what the
    readers warn of."""

    rows: int
    written: int
    not_a_call: int
    rejected: int
    rejects: list[Reject]
    warnings: list[str]


@dataclass(frozen=True)
class _Known:
    """What tells a call's trunk and direction."""

    accounts: Accounts
    plan: NumberingPlan
    bare_international: bool


def convert(
    names: list[str],
    out: Path,
    options: Options,
    accounts: str | None = None,
    format_name: str = "auto",
    progress: Progress | None = None,
) -> Converted:
    """Convert files to one canonical file, in the order in which they are read.

    Raises
    ------
    UsageError, AccountsError
        Nothing was written.
    """
    ending = next((ending for ending in FILES if out.name.endswith(ending)), None)
    if ending is None:
        raise UsageError(f"{out}: has no known ending; expected one of {', '.join(FILES)}.", "OUT-FILE")
    check_new(out)
    known = None
    if accounts is not None:
        known = _Known(load_accounts(accounts, None), load_plan("FR"), options.bare_international)
    files, _ = expand(names, is_foreign, copy_table)
    written, rejected = 0, 0
    first: list[Reject] = []
    try:
        stream = stream_files(files, options, format_name, progress=progress)
        with whole_file(out) as aside, FILES[ending](aside) as file:
            for block in stream.blocks:
                calls, rejects = block.typed()
                table, homeless = _table(calls, stream, known)
                file.add(table)
                written += len(table)
                rejected += len(rejects) + len(homeless)
                first = heapq.nsmallest(KEPT, [*first, *rejects, *homeless])
            rows = sum(entry.rows for entry in stream.files)
            skipped = sum(entry.not_a_call for entry in stream.files)
            if rows != written + rejected + skipped:
                counted = f"{written} written, {rejected} rejected, {skipped} no calls"
                raise AssertionError(f"{rows} rows read, {counted}")
    finally:
        forget(files)
    warnings = [warning for entry in stream.files for warning in entry.warnings]
    return Converted(rows, written, skipped, rejected, first, warnings)


def _table(calls: Calls, stream: Stream, known: _Known | None) -> tuple[pa.Table, list[Reject]]:
    """Canonical columns; rows whose trunk or direction cannot be told are rejects."""
    trunk = calls.trunk.dictionary_decode()
    if known is None:
        empty = pa.compute.equal(trunk, "").to_numpy(zero_copy_only=False)
        homeless = empty | (calls.direction == OPEN)
    else:
        accounts, plan, bare = known.accounts, known.plan, known.bare_international
        a_values, b_values = (
            read_numbers(column.dictionary, plan, bare) for column in (calls.a_text, calls.b_text)
        )
        nowhere = np.full(len(calls), -1)
        calls, found, homeless = by_numbers(calls, nowhere, a_values, b_values, accounts, plan, bare)
        ids = pa.array([trunk.id for trunk in accounts.trunks], pa.string())
        named = ids.take(pa.array(np.maximum(found, 0))) if len(ids) else trunk
        trunk = pa.compute.if_else(pa.array(found >= 0), named, trunk)
    table = cdr_table(calls, trunk)
    if not homeless.any():
        return table, []
    names = [entry.name for entry in stream.files]
    told = homeless_rejects if known is not None else _without_accounts
    return table.filter(pa.array(~homeless)), told(calls, names, homeless)


def _without_accounts(calls: Calls, names: list[str], homeless: Bools) -> list[Reject]:
    """Rejects of rows that only accounts could place."""
    rejects = []
    for row in np.flatnonzero(homeless).tolist():
        file, line = int(calls.file[row]), int(calls.line[row])
        problem = "does not tell the trunk and direction"
        rule = "--accounts, to tell them from the customers' numbers"
        number = calls.b_text[row].as_py()
        text = row_text(names[file], line, "b_number", number, problem, rule)
        rejects.append(Reject(file, line, "CDR-TRUNK", text))
    return rejects
