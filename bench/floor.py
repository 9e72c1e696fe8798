"""The floor: pyarrow reads the input's columns and writes the columns of a rated month, no more.

    python bench/floor.py CDRS RATED_CALLS OUT default|same

The rated rows stand in memory before the clock starts, as plain texts. `default` writes as pyarrow does by
itself, `same` with the compression, row groups, dictionaries and version that are read off RATED_CALLS.
Prints seconds: all, reading, writing.
"""

from __future__ import annotations

import sys
import time
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
    table = pq.read_table(rated)
    for i, field in enumerate(table.schema):
        if pa.types.is_dictionary(field.type):
            table = table.set_column(i, field.name, table[field.name].cast(field.type.value_type))
    settings = settings_of(rated) if how == "same" else {}
    start = time.perf_counter()
    read = pa_csv.read_csv(cdrs) if cdrs.suffix == ".csv" else pq.read_table(cdrs)
    middle = time.perf_counter()
    pq.write_table(table, out, **settings)
    end = time.perf_counter()
    assert len(read) >= len(table)
    print(f"{end - start:.4f} {middle - start:.4f} {end - middle:.4f}")


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]), Path(sys.argv[3]), sys.argv[4])
