"""The floor: pyarrow reads the input's columns and writes the columns of a rated month, no more.

    python bench/floor.py CDRS RATED_CALLS OUT default|same|coded

The rated rows stand in memory before the clock starts, as plain texts. `default` writes as pyarrow does by
itself, `same` with the compression, row groups, dictionaries and version that are read off RATED_CALLS.
`coded` is as `same`, but texts that repeat are dictionary-coded already, and it reads while it writes: what a
program takes at least that reads and writes with pyarrow on two cores and does nothing between.
Prints seconds: all, reading, writing.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.csv as pa_csv
import pyarrow.parquet as pq


def settings_of(path: Path) -> dict[str, Any]:
    """How a Parquet file was written, as pyarrow.parquet.write_table takes it."""
    found = pq.read_metadata(path)
    group = found.row_group(0)
    columns = [group.column(i) for i in range(group.num_columns)]
    return {
        "compression": {c.path_in_schema: c.compression for c in columns},
        "use_dictionary": [c.path_in_schema for c in columns if c.has_dictionary_page],
        "row_group_size": max(found.row_group(i).num_rows for i in range(found.num_row_groups)),
        "version": found.format_version,
        "store_schema": b"ARROW:schema" in (found.metadata or {}),
    }


def main(cdrs: Path, rated: Path, out: Path, how: str) -> None:
    settings = settings_of(rated) if how != "default" else {}
    if how == "coded":
        both(cdrs, _coded(rated, settings["use_dictionary"]), out, settings)
        return
    table = pq.read_table(rated)
    for i, field in enumerate(table.schema):
        if pa.types.is_dictionary(field.type):
            table = table.set_column(i, field.name, table[field.name].cast(field.type.value_type))
    start = time.perf_counter()
    read = _read(cdrs)
    middle = time.perf_counter()
    pq.write_table(table, out, **settings)
    end = time.perf_counter()
    assert len(read) >= len(table)
    print(f"{end - start:.4f} {middle - start:.4f} {end - middle:.4f}")


def both(cdrs: Path, groups: list[pa.Table], out: Path, settings: dict[str, Any]) -> None:
    """Read on one core while the other writes."""
    del settings["row_group_size"]
    with ThreadPoolExecutor(1) as pool:
        start = time.perf_counter()
        read = pool.submit(_timed, partial(_read, cdrs))
        with pq.ParquetWriter(out, groups[0].schema, **settings) as writer:
            for group in groups:
                writer.write_table(group)
        written = time.perf_counter() - start
        reading = read.result()
        print(f"{time.perf_counter() - start:.4f} {reading:.4f} {written:.4f}")


def _timed(call: Callable[[], pa.Table]) -> float:
    start = time.perf_counter()
    call()
    return time.perf_counter() - start


def _read(cdrs: Path) -> pa.Table:
    return pa_csv.read_csv(cdrs) if cdrs.suffix == ".csv" else pq.read_table(cdrs)


def _coded(rated: Path, names: list[str]) -> list[pa.Table]:
    """The row groups of a file, texts of some columns dictionary-coded, each group with its dictionaries."""
    schema = pq.read_schema(rated)
    texts = [name for name in names if pa.types.is_string(schema.field(name).type)]
    with pq.ParquetFile(rated, read_dictionary=texts) as file:
        return [file.read_row_group(i).combine_chunks() for i in range(file.num_row_groups)]


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]), Path(sys.argv[3]), sys.argv[4])
