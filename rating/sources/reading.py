"""Stage 1: files to calls and rejects, every row accounted for (SPEC 2)."""

from __future__ import annotations

import time
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

import pyarrow as pa

from rating.errors import Reject, UsageError, row_message
from rating.schema import Calls, concat
from rating.sources.block import Block, Damaged, FileNotes, Format, Options
from rating.sources.canonical_parquet import block_of, missing_columns, odd_columns, raw_of
from rating.sources.fields import typed
from rating.sources.files import CdrFile
from rating.sources.readers import recognise


@dataclass
class InputFile:
    """One input and how its rows were counted."""

    name: str
    format: str
    sha256: str
    rows: int = 0
    not_a_call: int = 0
    columns: list[str] = field(default_factory=list)
    ignored_columns: list[str] = field(default_factory=list)
    hints: list[str] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)


@dataclass
class Reading:
    """What was read.

    raw : (index of the file, lines) -> rows as they stand in it, for the rejects
    """

    files: list[InputFile]
    calls: Calls
    rejects: list[Reject]
    raw: Callable[[int, list[int]], dict[int, str]]
    seconds: float = 0.0


def read_files(files: list[CdrFile], options: Options, format_name: str = "auto") -> Reading:
    """Read files in the order given, each by the format that it is recognised as, or the one named.

    Raises
    ------
    UsageError
        A file that cannot be read at all.
    """
    start = time.perf_counter()
    inputs: list[InputFile] = []
    formats: list[Format] = []
    parts: list[Calls] = []
    rejects: list[Reject] = []
    for index, file in enumerate(files):
        found = recognise(file, format_name)
        formats.append(found)
        notes = FileNotes()
        entry = InputFile(file.name, f"{found.name}-{found.form}", file.sha256())
        with _readable(file.name):
            for block in found.read(file, options, notes):
                _add(block, index, entry, found.name, options, parts, rejects)
        entry.columns, entry.ignored_columns = notes.columns, notes.ignored_columns
        entry.hints, entry.warnings = notes.hints, notes.warnings
        inputs.append(entry)

    def raw(index: int, lines: list[int]) -> dict[int, str]:
        with _readable(files[index].name):
            return formats[index].raw(files[index], lines)

    return Reading(inputs, concat(parts), rejects, raw, time.perf_counter() - start)


@contextmanager
def _readable(name: str) -> Iterator[None]:
    """A file that breaks off or is damaged stops the run: what it held cannot be accounted for."""
    try:
        yield
    except (OSError, EOFError, zlib.error, pa.ArrowException, Damaged) as error:
        reason = " ".join(str(error).split()).rstrip(".")
        raise UsageError(
            f"{name}: cannot be read to its end ({reason}); expected a whole file. "
            "Nothing was rated. [CDR-FILE]"
        ) from None


def read_table(table: pa.Table, options: Options, name: str = "cdrs") -> Reading:
    """Read CDRs that are in memory already; line is the row, from 1.

    Raises
    ------
    UsageError
        A canonical column is missing.
    """
    problem = missing_columns(table.column_names) or odd_columns(table.schema)
    if problem:
        raise UsageError(f"{name}: {problem}; expected the canonical columns of SPEC 2. [CDR-HEADER]")
    entry = InputFile(name, "canonical-table", "")
    parts: list[Calls] = []
    rejects: list[Reject] = []
    for block in _table_blocks(table):
        _add(block, 0, entry, "canonical", options, parts, rejects)
    return Reading([entry], concat(parts), rejects, lambda _, lines: raw_of(table, lines))


def _table_blocks(table: pa.Table) -> Iterator[Block]:
    if table.num_rows:
        yield block_of(table, 1)


def _add(
    block: Block,
    index: int,
    entry: InputFile,
    source: str,
    options: Options,
    parts: list[Calls],
    rejects: list[Reject],
) -> None:
    for bad in block.bad:
        message = row_message(entry.name, bad.line, bad.field, bad.value, bad.problem, bad.expected, bad.code)
        rejects.append(Reject(index, bad.line, bad.code, message))
    entry.rows += len(block.lines) + len(block.bad) + block.not_a_call
    entry.not_a_call += block.not_a_call
    if len(block.lines):
        calls, wrong = typed(block, index, entry.name, source, options.zone, options.ambiguous)
        rejects += wrong
        parts.append(calls)
