"""The bytes of every file, against tests/golden/expected (`make golden` makes them anew)."""

import importlib.util
import os
from pathlib import Path

import pytest

GOLDEN = Path(__file__).parent / "golden"


def golden_run(out: Path) -> None:
    spec = importlib.util.spec_from_file_location("golden_make", GOLDEN / "make.py")
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    before = Path.cwd()
    try:
        module.run(out)
    finally:
        os.chdir(before)


@pytest.fixture(scope="module")
def out(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("golden") / "out"
    golden_run(folder)
    return folder


@pytest.mark.parametrize("path", sorted((GOLDEN / "expected").iterdir()), ids=lambda path: path.name)
def test_file_has_the_golden_bytes(path: Path, out: Path) -> None:
    assert (out / path.name).read_text(encoding="utf-8") == path.read_text(encoding="utf-8")


def test_run_writes_these_files_and_no_others(out: Path) -> None:
    found = sorted(str(path.relative_to(out)) for path in out.rglob("*") if path.is_file())
    inputs = sorted((GOLDEN / "input").rglob("*.*"))
    kept = [f"inputs/{path.relative_to(GOLDEN / 'input')}" for path in inputs if path.name != "cdrs.csv"]
    golden = [path.name for path in (GOLDEN / "expected").iterdir()]
    assert found == sorted([*golden, *kept, "rated_calls.parquet"])


def test_inputs_are_kept_as_they_were(out: Path) -> None:
    for name in ("accounts.yaml", "book/book.yaml", "book/rate_deck.csv", "book/plans/small.yaml"):
        assert (out / "inputs" / name).read_bytes() == (GOLDEN / "input" / name).read_bytes()


def test_second_run_gives_the_same_parquet(out: Path, tmp_path: Path) -> None:
    golden_run(tmp_path / "again")
    again = (tmp_path / "again" / "rated_calls.parquet").read_bytes()
    assert again == (out / "rated_calls.parquet").read_bytes()
