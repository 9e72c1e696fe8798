"""What a run took: seconds, rows and bytes by stage, in run.json and as a table."""

import json
from functools import partial
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

import rating.batch
from rating.cli import main
from rating.pipeline import Settings

DEMO = Path(__file__).parent.parent / "cdr_samples" / "demo"
STAGES = [
    "settings",
    "read",
    "place",
    "repeats",
    "select",
    "classify",
    "channels",
    "fair use",
    "price",
    "results",
]
STAGES += ["write", "total"]
ROWS = 10_414


def rate(out: Path, *more: str) -> Result:
    arguments = ["rate", str(DEMO / "cdrs"), "--accounts", str(DEMO / "accounts.yaml")]
    return CliRunner().invoke(main, [*arguments, "--tariffs", "contract", "--out", str(out), *more])


def test_bytes_stand_where_files_are_read_or_written(tmp_path: Path) -> None:
    assert rate(tmp_path / "out", "--csv").exit_code == 1
    timing = json.loads((tmp_path / "out" / "run.json").read_text())["timing"]
    assert list(timing) == STAGES
    read = sum(path.stat().st_size for path in (DEMO / "cdrs").iterdir())
    files = [path for path in (tmp_path / "out").rglob("*") if path.is_file() and path.name != "run.json"]
    written = sum(path.stat().st_size for path in files)
    found = {name: stage["bytes"] for name, stage in timing.items() if "bytes" in stage}
    assert found == {"read": read, "write": written, "total": read}
    assert timing["read"]["rows"] == timing["total"]["rows"] == ROWS
    assert timing["total"]["peak_memory_bytes"] > 20_000_000
    assert all("peak_memory_bytes" not in stage for name, stage in timing.items() if name != "total")


def test_calls_that_go_to_disk_are_a_stage(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rating.batch, "Settings", partial(Settings, in_memory=1))
    assert rate(tmp_path / "out").exit_code == 1
    timing = json.loads((tmp_path / "out" / "run.json").read_text())["timing"]
    assert set(timing) == {*STAGES, "spill"}
    assert timing["spill"]["bytes"] > 100_000
    assert timing["spill"]["seconds"] > 0
    assert timing["spill"]["rows"] == timing["repeats"]["rows"]
    assert "bytes" not in timing["place"]


@pytest.mark.parametrize("as_json", [False, True])
def test_profile_is_a_table_on_standard_error(tmp_path: Path, as_json: bool) -> None:
    result = rate(tmp_path / "out", "--profile", *(["--json"] if as_json else []))
    assert result.exit_code == 1
    table = result.stderr.splitlines()
    assert table[0].split() == ["stage", "seconds", "share", "rows", "rows/s", "MB", "MB/s"]
    assert [line.strip().split("  ")[0] for line in table[1:-2]] == STAGES
    assert table[-2].startswith("Stages that run side by side count each for itself: ")
    assert table[-1].startswith("Peak memory of the process: ")
    run = (tmp_path / "out" / "run.json").read_text()
    assert (result.stdout == run) is as_json
    assert "MB/s" not in result.stdout
    assert "MB/s" not in rate(tmp_path / "other").stderr
