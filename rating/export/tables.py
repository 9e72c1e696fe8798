"""Tables to bytes, the same bytes for the same rows (SPEC 12)."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from rating.arrays import NONE, SECOND
from rating.errors import Reject
from rating.money import decimal_text
from rating.schema import REJECTS_SCHEMA
from rating.sources.reading import Reading

ROWS = 65_536
"""Rows that are turned into text at a time."""

PRICE_COLUMNS = ("price_per_minute",)


def rejects_table(rejects: list[Reject], reading: Reading) -> pa.Table:
    """rejects.csv: each rejected row with its message and the row as it stands in its file."""
    lines: dict[int, list[int]] = {}
    for reject in rejects:
        lines.setdefault(reject.file, []).append(reject.line)
    raw = {file: reading.raw(file, sorted(set(found))) for file, found in lines.items()}
    return pa.table(
        [
            pa.array([reading.files[reject.file].name for reject in rejects], pa.string()),
            pa.array([reject.line for reject in rejects], pa.int64()),
            pa.array([reject.code for reject in rejects], pa.string()),
            pa.array([reject.message for reject in rejects], pa.string()),
            pa.array([raw[reject.file].get(reject.line, "") for reject in rejects], pa.string()),
        ],
        schema=REJECTS_SCHEMA,
    )


def write_parquet(table: pa.Table, path: Path) -> None:
    """Write Parquet whose bytes depend on the rows only."""
    pq.write_table(
        table.combine_chunks(),
        path,
        compression="zstd",
        row_group_size=1 << 20,
        version="2.6",
        store_schema=False,
    )


def write_csv(table: pa.Table, path: Path, amount_decimals: int = 4) -> None:
    """Write CSV: decimals as text, instants in ISO 8601 with Z, quotes where needed, nothing for null."""
    with path.open("wb") as file:
        file.write((",".join(table.column_names) + "\n").encode())
        for start in range(0, len(table), ROWS):
            part = table.slice(start, ROWS)
            columns = [_quoted(_csv_text(part[name], name, amount_decimals)) for name in table.column_names]
            lines = pc.binary_join_element_wise(*columns, ",")
            file.write(("\n".join(lines.to_pylist()) + "\n").encode())


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
