"""Cores: how many are used is asked for, and shows nowhere in what is written."""

from functools import partial
from pathlib import Path

import pyarrow as pa
import pytest
from click.testing import CliRunner, Result

import rating.batch
import rating.sources.canonical_csv
from rating.cli import main
from rating.pipeline import Settings
from rating.sources.files import blocks_of_lines
from rating.workers import arrow_threads

DEMO = Path(__file__).parent.parent / "cdr_samples" / "demo"


def rate(out: Path, *more: str) -> Result:
    arguments = ["rate", str(DEMO / "cdrs"), "--accounts", str(DEMO / "accounts.yaml")]
    return CliRunner().invoke(main, [*arguments, "--tariffs", "contract", "--out", str(out), *more])


def written(out: Path) -> dict[str, bytes]:
    """Every file but run.json's timing."""
    found = {str(path.relative_to(out)): path.read_bytes() for path in out.rglob("*") if path.is_file()}
    found["run.json"] = found["run.json"].split(b'"timing"')[0]
    return found


@pytest.mark.parametrize("in_memory", [800 << 20, 1])
def test_results_do_not_depend_on_the_cores(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, in_memory: int
) -> None:
    """Many small blocks and portions, in memory and on disk."""
    monkeypatch.setattr(rating.batch, "Settings", partial(Settings, portion=500, in_memory=in_memory))
    small = partial(blocks_of_lines, size=50_000)
    monkeypatch.setattr(rating.sources.canonical_csv, "blocks_of_lines", small)
    for jobs in ("1", "2", "7"):
        assert rate(tmp_path / jobs, "--csv", "--jobs", jobs).exit_code == 1
    one = written(tmp_path / "1")
    assert "rated_calls.csv" in one
    assert one == written(tmp_path / "2") == written(tmp_path / "7")


@pytest.mark.parametrize("text", ["0", "-1", "1025", "x", "1.5", "", "²", "9" * 5000])
def test_no_number_of_cores(tmp_path: Path, text: str) -> None:
    result = rate(tmp_path / "out", "--jobs", text)
    rule = "is no number of cores; expected 1 to 1024, as 4. Nothing was rated. [JOBS]\n"
    assert (result.exit_code, result.stdout) == (2, "")
    assert result.stderr.startswith(f"--jobs '{text[:59]}")
    assert result.stderr.endswith(rule)
    assert len(result.stderr) < 200
    assert not (tmp_path / "out").exists()


def test_arrow_has_as_many_threads_during_a_run_and_as_before_after_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen = []

    def spied(name: str) -> object:
        seen.append((pa.cpu_count(), pa.io_thread_count()))
        return load_book(name)

    load_book = rating.batch.load_book
    monkeypatch.setattr(rating.batch, "load_book", spied)
    with arrow_threads(5):
        assert rate(tmp_path / "out", "--jobs", "3").exit_code == 1
        assert rate(tmp_path / "out", "--jobs", "3").exit_code == 2
        after = (pa.cpu_count(), pa.io_thread_count())
    assert (seen, after) == ([(3, 3)], (5, 5))
