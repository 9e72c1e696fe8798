"""The canonical schema as Parquet, and as an Arrow table in memory."""

from __future__ import annotations

import json
import shutil
import tempfile
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from rating.schema import CDR_COLUMNS, OPTIONAL_CDR_COLUMNS, TIME_COLUMNS
from rating.sources.block import BadLine, Block, FileNotes, Format, Options, bad_block, shown
from rating.sources.files import CdrFile

ROWS = 1 << 18
SHOWN = 1 << 14
"""Rows that are looked at at a time, to show some of them."""
UNPACKED = 1 << 20
"""Bytes of a gzip file that are unpacked at a time."""

PLAIN = 8
"""Bytes of a row in a column beyond which its pages hold texts, not codes."""

DISTINCT = ("call_id", *TIME_COLUMNS)
"""Columns whose texts hardly repeat."""

COLUMNS = (
    "columns " + ", ".join(name for name in CDR_COLUMNS if name not in OPTIONAL_CDR_COLUMNS) + " of text"
)


def read(file: CdrFile, options: Options, notes: FileNotes) -> Iterator[Block]:
    """Read a Parquet file row group by row group; `line` is the row, from 1."""
    with _opened(file) as source:
        names = source.schema_arrow.names
        plain = _mostly_plain(source.metadata)
        problem = missing_columns(names) or odd_columns(source.schema_arrow)
        notes.ignored_columns = sorted(set(names) - set(CDR_COLUMNS))
        if problem:
            notes.warnings.append(f"{file.name}: {problem}; expected {COLUMNS}. [CDR-HEADER]")
            lines = range(1, source.metadata.num_rows + 1)
            for start in range(0, len(lines), ROWS):
                some = lines[start : start + ROWS]
                yield bad_block([BadLine(line, "CDR-HEADER", "", None, problem, COLUMNS) for line in some])
            return
        schema = source.schema_arrow
    wanted = [name for name in CDR_COLUMNS if name in names]
    repeating = [
        name
        for name in wanted
        if name not in DISTINCT and name not in plain and pa.types.is_string(schema.field(name).type)
    ]
    with _opened(file, repeating) as source:
        row = 1
        for batch in source.iter_batches(ROWS, columns=wanted):
            batch.validate()
            file.tell(row - 1 + batch.num_rows, source.metadata.num_rows)
            yield block_of(pa.Table.from_batches([batch]), row)
            row += batch.num_rows
        if row - 1 != source.metadata.num_rows:
            raise pa.ArrowInvalid(f"{row - 1} rows where the footer says {source.metadata.num_rows}")


@contextmanager
def _opened(file: CdrFile, repeating: Sequence[str] = ()) -> Iterator[pq.ParquetFile]:
    """The file, columns of repeating texts as dictionaries; one inside gzip is unpacked beside, for Parquet
    is read from its end."""
    if not file.is_gzip:
        with pq.ParquetFile(file.path, read_dictionary=list(repeating)) as source:
            yield source
        return
    with tempfile.NamedTemporaryFile(prefix="trunkrate-gzip-") as unpacked:
        with file.open() as stream:
            shutil.copyfileobj(stream, unpacked, UNPACKED)
        unpacked.flush()
        with pq.ParquetFile(unpacked.name, read_dictionary=list(repeating)) as source:
            yield source


def _mostly_plain(metadata: pq.FileMetaData) -> set[str]:
    """Columns whose pages hold more texts than codes: their writer gave its dictionary up. To read them as
    dictionaries hashes each text, in the one thread that reads."""
    octets: dict[str, int] = {}
    for i in range(metadata.num_row_groups):
        group = metadata.row_group(i)
        for k in range(group.num_columns):
            column = group.column(k)
            name = column.path_in_schema
            octets[name] = octets.get(name, 0) + column.total_uncompressed_size
    return {name for name, count in octets.items() if count > PLAIN * metadata.num_rows}


def missing_columns(names: list[str]) -> str:
    """What is wrong with the columns of a table; empty where nothing is."""
    missing = [name for name in CDR_COLUMNS if name not in names and name not in OPTIONAL_CDR_COLUMNS]
    return f"table has no column {', '.join(missing)}" if missing else ""


def odd_columns(schema: pa.Schema) -> str:
    """What is wrong with the types of canonical columns; empty where nothing is."""
    twice = sorted({name for name in schema.names if schema.names.count(name) > 1 and name in CDR_COLUMNS})
    if twice:
        return f"table has column {', '.join(twice)} twice"
    odd = [field for field in schema if field.name in CDR_COLUMNS and not _is_plain(field)]
    return f"column {odd[0].name} is of type {odd[0].type}" if odd else ""


def _is_plain(field: pa.Field) -> bool:
    kind = field.type.value_type if pa.types.is_dictionary(field.type) else field.type
    if pa.types.is_timestamp(kind):
        return field.name in TIME_COLUMNS
    is_text = pa.types.is_string(kind) or pa.types.is_large_string(kind) or pa.types.is_string_view(kind)
    is_bytes = pa.types.is_binary(kind) or pa.types.is_large_binary(kind)
    is_number = pa.types.is_integer(kind) or pa.types.is_floating(kind)
    return is_text or is_bytes or is_number or pa.types.is_null(kind)


def block_of(table: pa.Table, row: int) -> Block:
    """Columns of an Arrow table as texts or bytes, the times as timestamps where they are typed."""
    columns = {}
    for name in CDR_COLUMNS:
        if name in table.column_names:
            column = table[name].combine_chunks()
            if isinstance(column, pa.ChunkedArray):
                column = pa.concat_arrays(column.chunks) if column.num_chunks else pa.array([], column.type)
            columns[name] = _plain(column, name not in DISTINCT)
    return Block(columns, row + np.arange(table.num_rows))


def _plain(column: pa.Array, is_repeating: bool) -> pa.Array:
    """Texts as bytes, so that they are checked like those of any file; numbers as texts."""
    if pa.types.is_dictionary(column.type) and not is_repeating:
        column = column.dictionary_decode()
    if pa.types.is_dictionary(column.type):
        values = column.dictionary
        is_text = pa.types.is_string(values.type) or pa.types.is_binary(values.type)
        if is_text and not column.null_count and not values.null_count:
            return pa.DictionaryArray.from_arrays(column.indices.cast(pa.int32()), values.cast(pa.binary()))
        column = column.dictionary_decode()
    kind = column.type
    if pa.types.is_timestamp(kind) or pa.types.is_binary(kind):
        return column
    if pa.types.is_null(kind):
        return pa.repeat("", len(column))
    if pa.types.is_floating(kind):
        whole = pc.equal(pc.floor(column), column)
        as_int = pc.cast(pc.if_else(whole, column, None), pa.int64(), safe=False)
        return pc.if_else(whole, pc.cast(as_int, pa.string()), pc.cast(column, pa.string()))
    if pa.types.is_integer(kind):
        return pc.cast(column, pa.string())
    return pc.cast(column, pa.binary())


def raw(file: CdrFile, lines: Iterable[int]) -> Iterator[tuple[int, str]]:
    """Rows of a Parquet file as JSON."""
    with _opened(file) as source:
        yield from _raw(source.iter_batches(SHOWN), lines)


def raw_of(table: pa.Table, lines: Iterable[int]) -> Iterator[tuple[int, str]]:
    """Rows of a table as JSON."""
    return _raw(table.to_batches(SHOWN), lines)


def _raw(batches: Iterable[pa.RecordBatch], lines: Iterable[int]) -> Iterator[tuple[int, str]]:
    wanted = iter(lines)
    line, begin = next(wanted, None), 1
    for batch in batches:
        inside = []
        while line is not None and line < begin + len(batch):
            inside.append(line)
            line = next(wanted, None)
        taken = batch.take(pa.array([one - begin for one in inside], pa.int64()))
        columns = [[_shown(value) for value in column] for column in taken.columns]
        for one, values in zip(inside, zip(*columns, strict=True), strict=True):
            yield one, json.dumps(dict(zip(batch.schema.names, values, strict=True)), ensure_ascii=False)
        if line is None:
            return
        begin += len(batch)


def _shown(value: pa.Scalar) -> object:
    """A value as JSON can say it, whatever it is."""
    if not value.is_valid:
        return None
    kind = value.type
    if pa.types.is_integer(kind) or pa.types.is_floating(kind) or pa.types.is_boolean(kind):
        return value.as_py()
    return shown(value)


FORMATS = (
    Format(
        "canonical",
        "parquet",
        read,
        raw,
        lambda head, name: head.startswith(b"PAR1") or name.endswith(".parquet"),
        "the canonical columns as Parquet",
    ),
)
