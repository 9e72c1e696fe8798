"""Are two rated_calls.parquet equal, row by row, in every column?"""

from __future__ import annotations

import sys
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

NULL_AS_EMPTY = ("site_id", "forwarded_by", "forward_type", "end_reason")


def differences(one: Path, other: Path) -> list[str]:
    """What differs, a line a column; values compare, not how they are stored."""
    names, others = pq.read_schema(one).names, pq.read_schema(other).names
    if names != others:
        return [f"columns {names} and {others}"]
    found = []
    for name in names:
        left, right = _plain(one, name), _plain(other, name)
        if len(left) != len(right):
            return [f"{len(left):,} rows and {len(right):,}"]
        if left.equals(right):
            continue
        same = pc.fill_null(pc.equal(left, right), False)
        both_null = pc.and_(pc.is_null(left), pc.is_null(right))
        wrong = pc.invert(pc.or_(same, both_null))
        count = pc.sum(wrong).as_py() or 0
        if count:
            row = pc.index(wrong, True).as_py()
            found.append(
                f"{name}: {count:,} rows, first {row}: {left[row].as_py()!r} and {right[row].as_py()!r}"
            )
    return found


def _plain(path: Path, name: str) -> pa.ChunkedArray:
    column = pq.read_table(path, columns=[name])[name]
    kind = column.type
    if pa.types.is_dictionary(kind) or pa.types.is_large_string(kind) or pa.types.is_string_view(kind):
        return column.cast(pa.string())
    if pa.types.is_timestamp(kind):
        return column.cast(pa.timestamp("ns", "UTC"))
    if pa.types.is_integer(kind):
        return column.cast(pa.int64())
    if pa.types.is_decimal(kind):
        return column.cast(pa.decimal128(38, kind.scale))
    return column.cast(pa.bool_()) if pa.types.is_null(kind) else column


if __name__ == "__main__":
    lines = differences(Path(sys.argv[1]), Path(sys.argv[2]))
    print("\n".join(lines) or "equal")
    sys.exit(bool(lines))
