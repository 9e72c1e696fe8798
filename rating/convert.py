"""CDRs of any known format to the canonical schema, in one file, whole or not at all."""

from __future__ import annotations

import json
import os
import tempfile
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa

from rating.accounts_file import load_accounts
from rating.arrays import Bools
from rating.errors import Endings, Reject, UsageError, row_text
from rating.export.tables import write_csv, write_parquet
from rating.home import by_numbers, homeless_rejects
from rating.numbering import load_plan, read_numbers
from rating.results import cdr_table
from rating.schema import OPEN
from rating.sources.block import Options
from rating.sources.database import copy_table
from rating.sources.files import expand, forget
from rating.sources.readers import is_foreign
from rating.sources.reading import Reading, read_files

WRITTEN = Endings(
    "Nothing was written.", "Row rejected, the others are written.", "No row of this file is written."
)
ENDINGS = (".csv", ".jsonl", ".parquet")


@dataclass(frozen=True)
class Converted:
    """A conversion: rows read and written, the rejects, what the readers warn of."""

    rows: int
    written: int
    not_a_call: int
    rejects: list[Reject]
    warnings: list[str]


def convert(
    names: list[str], out: Path, options: Options, accounts: str | None = None, format_name: str = "auto"
) -> Converted:
    """Convert files to one canonical file, in the order in which they are read.

    Raises
    ------
    UsageError, AccountsError
        Nothing was written.
    """
    if not out.name.endswith(ENDINGS):
        expected = ", ".join(ENDINGS)
        raise UsageError(
            f"{out}: has no known ending; expected one of {expected}.",
            "OUT-FILE",
        )
    if out.exists():
        raise UsageError(f"{out}: exists; expected a new file.", "OUT-EXISTS")
    files, _ = expand(names, is_foreign, copy_table)
    try:
        reading = read_files(files, options, format_name)
        table, rejects = _table(reading, accounts, options)
        _write(table, out)
    finally:
        forget(files)
    rows = sum(entry.rows for entry in reading.files)
    skipped = sum(entry.not_a_call for entry in reading.files)
    if rows != len(table) + len(rejects) + skipped:
        raise AssertionError(
            f"{rows} rows read, {len(table)} written, {len(rejects)} rejected, {skipped} no calls"
        )
    warnings = [warning for entry in reading.files for warning in entry.warnings]
    return Converted(rows, len(table), skipped, sorted(rejects), warnings)


def _table(reading: Reading, accounts: str | None, options: Options) -> tuple[pa.Table, list[Reject]]:
    """Canonical columns; rows whose trunk or direction cannot be told are rejects."""
    calls, rejects = reading.calls, list(reading.rejects)
    trunk = calls.trunk.dictionary_decode()
    if accounts is not None:
        known = load_accounts(accounts, None)
        plan = load_plan("FR")
        a_values, b_values = (
            read_numbers(column.dictionary, plan, options.bare_international)
            for column in (calls.a_text, calls.b_text)
        )
        nowhere = np.full(len(calls), -1)
        calls, found, homeless = by_numbers(
            calls, nowhere, a_values, b_values, known, plan, options.bare_international
        )
        ids = pa.array([trunk.id for trunk in known.trunks], pa.string())
        named = ids.take(pa.array(np.maximum(found, 0))) if len(ids) else trunk
        trunk = pa.compute.if_else(pa.array(found >= 0), named, trunk)
        rejects += homeless_rejects(calls, [entry.name for entry in reading.files], homeless)
    else:
        empty = pa.compute.equal(trunk, "").to_numpy(zero_copy_only=False)
        homeless = empty | (calls.direction == OPEN)
        rejects += _without_accounts(reading, homeless)
    return cdr_table(calls, trunk).filter(pa.array(~homeless)), rejects


def _without_accounts(reading: Reading, homeless: Bools) -> list[Reject]:
    """Rejects of rows that only accounts could place."""
    calls, rejects = reading.calls, []
    for row in np.flatnonzero(homeless).tolist():
        file, line = int(calls.file[row]), int(calls.line[row])
        problem = "does not tell the trunk and direction"
        rule = "--accounts, to tell them from the customers' numbers"
        name, number = reading.files[file].name, calls.b_text[row].as_py()
        text = row_text(name, line, "b_number", number, problem, rule)
        rejects.append(Reject(file, line, "CDR-TRUNK", text))
    return rejects


def _write(table: pa.Table, out: Path) -> None:
    """Write beside, then rename."""
    try:
        out.parent.mkdir(parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(prefix=f".{out.name}.", dir=out.parent)
        os.close(handle)
        aside = Path(name)
        try:
            if out.suffix == ".parquet":
                write_parquet(table, aside)
            elif out.suffix == ".jsonl":
                _write_jsonl(table, aside)
            else:
                write_csv(table, aside)
            aside.chmod(0o644)
            os.rename(aside, out)
        finally:
            aside.unlink(missing_ok=True)
    except OSError as error:
        raise UsageError(
            f"{out}: cannot be written ({error.strerror or error}); expected a writable place with room. "
            "No output was left. [OUT-WRITE]"
        ) from None


def _write_jsonl(table: pa.Table, path: Path) -> None:
    from rating.export.tables import instant_texts

    texts = {
        name: instant_texts(pa.concat_arrays(table[name].chunks)).to_pylist()
        if pa.types.is_timestamp(table.schema.field(name).type) and len(table)
        else table[name].to_pylist()
        for name in table.column_names
    }
    with path.open("w", encoding="utf-8") as file:
        for row in zip(*texts.values(), strict=True):
            record = {name: value for name, value in zip(texts, row, strict=True) if value != ""}
            file.write(json.dumps(record, ensure_ascii=False) + "\n")
