"""A comparison of two sources as records: counts, trunks, legs, pairs."""

from __future__ import annotations

from typing import Any

import numpy as np
import pyarrow as pa

from rating.arrays import NONE, Ints, exact_sum
from rating.errors import Endings
from rating.export.tables import instant_texts
from rating.reconcile_sides import Comparison, Side
from rating.schema import DIRECTIONS, INSTANT

COMPARED = Endings(
    "Nothing was compared.", "Row rejected, the others are compared.", "No row of this file is compared."
)


def report(done: Comparison) -> dict[str, Any]:
    """All of a comparison, every leg."""
    found, matched = done.found, len(done.found.a)
    return {
        "a": totals(done.a, matched, found.only_a),
        "b": totals(done.b, matched, found.only_b),
        "matched": matched,
        "different": int(found.differs.sum()),
        "by_trunk": by_trunk(done),
        "pairs": pairs(done, np.arange(matched)),
        "only_in_a": legs(done, done.a, found.only_a),
        "only_in_b": legs(done, done.b, found.only_b),
        "rejects": [*_rejects("a", done.a), *_rejects("b", done.b)],
        "warnings": done.warnings,
    }


def totals(side: Side, matched: int, only: Ints) -> dict[str, Any]:
    """Counts of one side; `only` : its legs without a partner."""
    return {
        "files": [{"name": entry.name, "format": entry.format, "rows": entry.rows} for entry in side.files],
        "rows": side.rows,
        "legs": len(side.legs),
        "seconds": exact_sum(side.legs.duration_s),
        "matched": matched,
        "only": len(only),
        "only_seconds": exact_sum(side.legs.duration_s[only]),
        "rejected": len(side.rejects),
        "duplicates": side.duplicates,
        "not_a_call": side.not_a_call,
    }


def by_trunk(done: Comparison) -> list[dict[str, Any]]:
    """Counts of each trunk that has a leg."""
    a, b, found, trunks = done.a.legs, done.b.legs, done.found, done.accounts.trunks

    def total(trunk: Ints, weight: Any = 1) -> list[int]:
        sums = np.zeros(len(trunks), np.int64)
        np.add.at(sums, trunk, weight)
        return sums.tolist()

    columns: dict[str, list[Any]] = {
        "trunk_id": [trunk.id for trunk in trunks],
        "legs_a": total(a.trunk),
        "seconds_a": total(a.trunk, a.duration_s),
        "legs_b": total(b.trunk),
        "seconds_b": total(b.trunk, b.duration_s),
        "matched": total(a.trunk[found.a]),
        "different": total(a.trunk[found.a[found.differs]]),
        "only_in_a": total(a.trunk[found.only_a]),
        "only_in_b": total(b.trunk[found.only_b]),
    }
    return [line for line in _records(columns) if line["legs_a"] or line["legs_b"]]


def legs(done: Comparison, side: Side, rows: Ints) -> list[dict[str, Any]]:
    """Some legs of a side, in the given order."""
    part, trunks = side.calls.take(rows), done.accounts.trunks
    times = [
        instant_texts(pa.array(column, pa.int64(), mask=column == NONE).cast(INSTANT)).to_pylist()
        for column in (part.setup, part.answer, part.release)
    ]
    columns: dict[str, list[Any]] = {
        "file": [side.files[index].name for index in part.file.tolist()],
        "line": part.line.tolist(),
        "source": part.source.to_pylist(),
        "call_id": part.call_id.to_pylist(),
        "trunk_id": [trunks[index].id for index in side.legs.trunk[rows].tolist()],
        "direction": [DIRECTIONS[index] for index in part.direction.tolist()],
        "a_number": part.a_text.to_pylist(),
        "b_number": part.b_text.to_pylist(),
        "setup_time": times[0],
        "answer_time": times[1],
        "release_time": times[2],
        "duration_s": side.legs.duration_s[rows].tolist(),
    }
    return _records(columns)


def pairs(done: Comparison, rows: Ints) -> list[dict[str, Any]]:
    """Some matched pairs, with what differs."""
    found = done.found
    left, right = legs(done, done.a, found.a[rows]), legs(done, done.b, found.b[rows])
    duration, answer = found.duration_differs[rows].tolist(), found.answer_differs[rows].tolist()
    return [
        {"differs": [*(["duration"] if late else []), *(["answered"] if open_ else [])], "a": one, "b": other}
        for one, other, late, open_ in zip(left, right, duration, answer, strict=True)
    ]


def _rejects(name: str, side: Side) -> list[dict[str, Any]]:
    return [
        {
            "side": name,
            "file": side.files[reject.file].name,
            "line": reject.line,
            "code": reject.code,
            "message": reject.told(COMPARED),
        }
        for reject in side.rejects
    ]


def _records(columns: dict[str, list[Any]]) -> list[dict[str, Any]]:
    return [dict(zip(columns, values, strict=True)) for values in zip(*columns.values(), strict=True)]
