"""The canonical schema as Parquet, and as an Arrow table in memory."""

from __future__ import annotations

import json
from collections.abc import Iterator

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from rating.schema import CDR_COLUMNS, OPTIONAL_CDR_COLUMNS, TIME_COLUMNS
from rating.sources.block import BadLine, Block, FileNotes, bad_block
from rating.sources.canonical_csv import HEADER
from rating.sources.files import CdrFile

ROWS = 1 << 20


def read(file: CdrFile, encoding: str, notes: FileNotes) -> Iterator[Block]:
    """Read a Parquet file row group by row group; `line` is the row, from 1."""
    try:
        source = pq.ParquetFile(file.path)
    except (pa.ArrowInvalid, OSError) as error:
        reason = str(error).split("\n")[0].rstrip(".")
        notes.warnings.append(f"{file.name}: is no readable Parquet file ({reason}). [CDR-HEADER]")
        return
    with source:
        names = source.schema_arrow.names
        problem = missing_columns(names)
        notes.ignored_columns = sorted(set(names) - set(CDR_COLUMNS))
        if problem:
            notes.warnings.append(f"{file.name}: {problem}; expected {HEADER}. [CDR-HEADER]")
            bad = [
                BadLine(row + 1, "CDR-HEADER", "", None, problem, HEADER)
                for row in range(source.metadata.num_rows)
            ]
            yield bad_block(bad)
            return
        wanted = [name for name in CDR_COLUMNS if name in names]
        row = 1
        for batch in source.iter_batches(ROWS, columns=wanted):
            yield block_of(pa.Table.from_batches([batch]), row)
            row += batch.num_rows


def missing_columns(names: list[str]) -> str:
    """What is wrong with the columns of a table; empty where nothing is."""
    missing = [name for name in CDR_COLUMNS if name not in names and name not in OPTIONAL_CDR_COLUMNS]
    return f"table has no column {', '.join(missing)}" if missing else ""


def block_of(table: pa.Table, row: int) -> Block:
    """Columns of an Arrow table as texts, the times as timestamps where they are typed."""
    columns = {}
    for name in CDR_COLUMNS:
        if name in table.column_names:
            column = table[name].combine_chunks()
            if isinstance(column, pa.ChunkedArray):
                column = pa.concat_arrays(column.chunks)
            columns[name] = _plain(column, name in TIME_COLUMNS)
    return Block(columns, row + np.arange(table.num_rows))


def _plain(column: pa.Array, is_time: bool) -> pa.Array:
    kind = column.type
    if pa.types.is_dictionary(kind):
        column = column.dictionary_decode()
        kind = column.type
    if is_time and pa.types.is_timestamp(kind):
        return column
    if pa.types.is_binary(kind) or pa.types.is_large_binary(kind):
        return pc.cast(column, pa.binary())
    if pa.types.is_floating(kind):
        whole = pc.equal(pc.floor(column), column)
        as_int = pc.cast(pc.if_else(whole, column, None), pa.int64(), safe=False)
        return pc.if_else(whole, pc.cast(as_int, pa.string()), pc.cast(column, pa.string()))
    return pc.cast(column, pa.string())


def raw(file: CdrFile, rows: list[int]) -> dict[int, str]:
    """Rows of a Parquet file as JSON."""
    return raw_of(pq.read_table(file.path), rows)


def raw_of(table: pa.Table, rows: list[int]) -> dict[int, str]:
    """Rows of a table as JSON."""
    found = table.take(pa.array([row - 1 for row in rows], pa.int64())).to_pylist()
    return {
        row: json.dumps(value, default=str, ensure_ascii=False)
        for row, value in zip(rows, found, strict=True)
    }
