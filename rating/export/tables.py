"""Tables to bytes, the same bytes for the same rows (SPEC 12)."""

from __future__ import annotations

import json
from collections.abc import Iterator
from itertools import chain, islice, pairwise
from pathlib import Path
from typing import TextIO

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from rating.arrays import NONE, SECOND, Ints, distinct, runs
from rating.money import decimal_text
from rating.rejects import Rejects
from rating.schema import REJECTS_SCHEMA
from rating.sources.reading import Raw

ROWS = 65_536
"""Rows that are turned into text at a time."""

JSON_ROWS = 8_192
"""Rows that are turned into JSON at a time."""

GROUP = 1 << 18
"""Rows of a row group of a Parquet file that is cut by rows."""

STATISTICS = ("trunk_id", "month", "setup_time", "answer_time", "reason")
"""Columns whose least and greatest values readers can skip rows by."""

NEVER = 1 << 62
"""No line of a file."""

PRICE_COLUMNS = ("price_per_minute",)


def reject_tables(rejects: Rejects, names: list[str], raw: Raw) -> Iterator[pa.Table]:
    """rejects.csv, piece by piece: each rejected row with its message and the row as it stands in its file.

    Parameters
    ----------
    names : of the inputs
    """
    bounds = runs(rejects.file).tolist()
    for first, end in pairwise(bounds):
        file = int(rejects.file[first])
        rows = _rows_at(raw, file, rejects.line[first:end])
        for start in range(first, end, ROWS):
            some = rejects[start : min(start + ROWS, end)]
            yield pa.table(
                [
                    pa.array([names[file]] * len(some), pa.string()),
                    pa.array([reject.line for reject in some], pa.int64()),
                    pa.array([reject.code for reject in some], pa.string()),
                    pa.array([reject.message for reject in some], pa.string()),
                    pa.array(islice(rows, len(some)), pa.string(), size=len(some)),
                ],
                schema=REJECTS_SCHEMA,
            )


def _rows_at(raw: Raw, file: int, lines: Ints) -> Iterator[str]:
    """The row of each line, ascending; empty where the file has none. The file is read once."""
    wanted = distinct(lines)
    pieces = (wanted[start : start + ROWS].tolist() for start in range(0, len(wanted), ROWS))
    rows = raw(file, chain.from_iterable(pieces))
    found, text = 0, ""
    for start in range(0, len(lines), ROWS):
        for line in lines[start : start + ROWS].tolist():
            while found < line:
                found, text = next(rows, (NEVER, ""))
            yield text if found == line else ""


def rejects_table(rejects: Rejects, names: list[str], raw: Raw) -> pa.Table:
    """All of rejects.csv."""
    return pa.concat_tables([REJECTS_SCHEMA.empty_table(), *reject_tables(rejects, names, raw)])


class ParquetFile:
    """A Parquet file that grows; its bytes depend on the tables that it is given only.

    group : rows of each row group, however the rows come; None makes one of each table
    """

    def __init__(self, path: Path, schema: pa.Schema, group: int | None = None) -> None:
        self._schema = schema
        self._path = path
        self._group = group
        self._pending: list[pa.Table] = []
        self._writer: pq.ParquetWriter | None = None

    def __enter__(self) -> ParquetFile:
        return self

    def __exit__(self, *error: object) -> None:
        if error[0] is None:
            if self._pending:
                self._write(pa.concat_tables(self._pending).combine_chunks())
            if self._writer is None:
                self._write(self._schema.empty_table())
        if self._writer is not None:
            self._writer.close()

    def add(self, table: pa.Table) -> None:
        """Add rows; texts may be dictionary-encoded, which is quicker."""
        if self._group is None:
            self._write(table)
            return
        pending = self._pending
        pending.append(table)
        while len(pending) > 1 and (
            sum(len(part) for part in pending) >= self._group or len(pending[-2]) <= 2 * len(pending[-1])
        ):  # tables double in size, so that each row is copied a few times only
            last = pending.pop()
            pending[-1] = pa.concat_tables([pending[-1], last]).combine_chunks()
        while len(pending[0]) >= self._group:
            self._write(pending[0].slice(0, self._group))
            pending[0] = pending[0].slice(self._group)

    def _write(self, table: pa.Table) -> None:
        if self._writer is None:
            statistics = [name for name in STATISTICS if name in table.column_names]
            distinct = [name for name in table.column_names if name == "call_id" or name.endswith("_time")]
            self._writer = pq.ParquetWriter(
                self._path,
                table.schema,
                compression="zstd",
                version="2.6",
                store_schema=False,
                write_statistics=statistics,
                use_dictionary=[name for name in table.column_names if name not in distinct],
                dictionary_pagesize_limit=16 << 20,
            )
        self._writer.write_table(table, row_group_size=1 << 20)


class CsvFile:
    """A CSV file that grows: decimals as text, instants in ISO 8601 with Z, quotes where needed, nothing for
    null."""

    def __init__(self, path: Path, names: list[str], amount_decimals: int = 4) -> None:
        self._path = path
        self._names, self._decimals = names, amount_decimals

    def __enter__(self) -> CsvFile:
        self._file = self._path.open("wb")
        self._file.write((",".join(self._names) + "\n").encode())
        return self

    def __exit__(self, *error: object) -> None:
        self._file.close()

    def add(self, table: pa.Table) -> None:
        """Add rows."""
        for start in range(0, len(table), ROWS):
            part = table.slice(start, ROWS)
            columns = [_quoted(_csv_text(part[name], name, self._decimals)) for name in self._names]
            lines = pc.binary_join_element_wise(*columns, ",")
            self._file.write(("\n".join(lines.to_pylist()) + "\n").encode())


def write_csv(table: pa.Table, path: Path, amount_decimals: int = 4) -> None:
    """Write a CSV file."""
    with CsvFile(path, table.column_names, amount_decimals) as file:
        file.add(table)


class JsonlFile:
    """A file of JSON Lines that grows: an object a row without its empty texts, instants in ISO 8601."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def __enter__(self) -> JsonlFile:
        self._file: TextIO = self._path.open("w", encoding="utf-8")
        return self

    def __exit__(self, *error: object) -> None:
        self._file.close()

    def add(self, table: pa.Table) -> None:
        """Add rows."""
        names = table.column_names
        for start in range(0, len(table), JSON_ROWS):
            part = table.slice(start, JSON_ROWS)
            for row in zip(*(_json_values(part[name]) for name in names), strict=True):
                record = {name: value for name, value in zip(names, row, strict=True) if value != ""}
                self._file.write(json.dumps(record, ensure_ascii=False) + "\n")


def _json_values(column: pa.ChunkedArray) -> list[object]:
    if pa.types.is_timestamp(column.type):
        return instant_texts(pa.concat_arrays(column.chunks)).to_pylist()
    return column.to_pylist()


def _quoted(column: pa.Array) -> pa.Array:
    """Texts as CSV fields (RFC 4180)."""
    special = pc.match_substring_regex(column, '[",\r\n]')
    if not pc.any(special).as_py():
        return column
    doubled = pc.replace_substring(column, '"', '""')
    return pc.if_else(special, pc.binary_join_element_wise('"', doubled, '"', ""), column)


def _csv_text(column: pa.ChunkedArray, name: str, amount_decimals: int) -> pa.Array:
    kind = column.type
    array = pa.concat_arrays(column.chunks) if column.num_chunks else pa.array([], kind)
    if pa.types.is_timestamp(kind):
        return instant_texts(array)
    if name in PRICE_COLUMNS:
        return _price_texts(array, amount_decimals)
    return pc.fill_null(pc.cast(array, pa.string()), "")


def _price_texts(column: pa.Array, amount_decimals: int) -> pa.Array:
    """Prices with `amount_decimals` digits, more where the price has more."""
    encoded = column.dictionary_encode()
    scale = column.type.scale
    texts = [
        None if value is None else decimal_text(int(value.scaleb(scale)), scale, amount_decimals)
        for value in encoded.dictionary.to_pylist()
    ]
    return pc.fill_null(pa.array(texts, pa.string()).take(encoded.indices), "")


def instant_texts(column: pa.Array) -> pa.Array:
    """Instants as 2026-10-05T02:14:00Z, with 3, 6 or 9 digits of fraction where there is one.

    Examples
    --------
    >>> instant_texts(pa.array([1_500_000_000, 0, None], pa.timestamp("ns", "UTC"))).to_pylist()
    ['1970-01-01T00:00:01.500Z', '1970-01-01T00:00:00Z', '']
    """
    value = pc.fill_null(column.cast(pa.int64()), NONE).to_numpy(zero_copy_only=False)
    empty = value == NONE
    value = np.where(empty, 0, value)
    fraction = value % SECOND
    unit = np.select(
        [fraction == 0, fraction % 1_000_000 == 0, fraction % 1_000 == 0], ["s", "ms", "us"], "ns"
    )
    texts = np.empty(len(value), dtype="U30")
    for name in np.unique(unit):
        rows = unit == name
        texts[rows] = value[rows].astype("M8[ns]").astype(f"M8[{name}]").astype("U30")
    result = pc.binary_join_element_wise(pa.array(texts.tolist(), pa.string()), "Z", "")
    return pc.if_else(pa.array(empty), pa.scalar(""), result)
