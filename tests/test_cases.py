"""The worked examples give exactly what they say, by the rater and by the oracle."""

import csv
from datetime import UTC, datetime
from fractions import Fraction
from pathlib import Path

import oracle
import pytest
from casefile import BLOCKS, cases, read_csv, run_case, write_case


@pytest.mark.parametrize("path", cases(), ids=lambda path: path.stem)
def test_worked_example(path: Path, tmp_path: Path) -> None:
    case, outcome = run_case(path, tmp_path)
    assert outcome.exit_code in (0, 1), outcome.output
    for name, file in BLOCKS.items():
        if name in case:
            expected = read_csv(str(case[name]))
            found = outcome.table(file)
            assert [{key: row[key] for key in expected[0]} for row in found] == expected


@pytest.mark.parametrize("path", cases(), ids=lambda path: path.stem)
def test_worked_example_by_the_oracle(path: Path, tmp_path: Path) -> None:
    case = write_case(path, tmp_path)
    with (tmp_path / "cdrs.csv").open(encoding="utf-8", newline="") as file:
        result = oracle.rate(list(csv.DictReader(file)), tmp_path / "book", tmp_path / "accounts.yaml")
    tables = {"expected": result.rated} | {name: vars(result)[name] for name in list(BLOCKS)[1:]}
    for name, found in tables.items():
        if name in case:
            expected = read_csv(str(case[name]))
            assert [{key: as_text(key, row[key]) for key in expected[0]} for row in found] == expected


def as_text(name: str, value: object) -> str:
    """A value of the oracle as the files write it; amounts with the 4 decimals of the cases' books."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, Fraction):
        scaled = value * 10_000
        assert scaled.denominator == 1
        return f"{scaled.numerator // 10_000}.{scaled.numerator % 10_000:04d}"
    if name in ("at", "peak_at"):
        assert isinstance(value, int)
        assert value % oracle.SECOND == 0
        return datetime.fromtimestamp(value // oracle.SECOND, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    return str(value)
