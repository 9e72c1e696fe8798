"""`trunkrate rate SPOOL` while the gateway writes: whole rows only, each read once."""

from __future__ import annotations

import hashlib
import json
import time
from pathlib import Path

import pytest
from click.testing import CliRunner
from lab import FILES, NOON
from spools import Writers, begun, opened

from rating.cli import main

ACCOUNTS, BOOK = str(FILES / "accounts.yaml"), str(FILES / "book")
HINT = "{}: a last row of {} bytes is still being written."


@pytest.fixture(scope="module")
def writers():
    found = Writers()
    yield found
    found.close()


def rate(spool: Path | str, out: Path, exit_code: int = 0) -> dict:
    """The run's record."""
    arguments = ["rate", str(spool), "--accounts", ACCOUNTS, "--tariffs", BOOK, "--out", str(out), "--json"]
    result = CliRunner().invoke(main, arguments)
    assert result.exit_code == exit_code, result.output
    return json.loads((out / "run.json").read_text(encoding="utf-8")) if exit_code < 2 else {}


def test_rating_a_spool_that_is_being_written(writers, memory_folder, tmp_path):
    """40,000 rows at full speed in files of 200 KB, rated again and again until the writer is done."""
    spool, acks = memory_folder / "spool", tmp_path / "acks"
    writers.start("storm", spool, acks, 0)
    counts, before = [0], []
    while counts[-1] < 40_000:
        before.append(safe_rows(acks))
        if not before[-1]:
            time.sleep(0.01)
            continue
        record = rate(spool, tmp_path / f"out{len(counts)}")
        total = record["reconciliation"]
        assert total["balanced"]
        assert total["rejected"] == total["duplicates"] == total["unrated"] == 0
        assert total["rows"] == total["rated"] >= max(before[-1], counts[-1])
        for entry in record["inputs"]:
            held = first_rows(Path(entry["file"]), entry["rows"])
            assert hashlib.sha256(held).hexdigest() == entry["sha256"], (
                "the digest is of the rows that were read"
            )
        counts.append(total["rows"])
    assert writers.wait() == "0"
    assert counts == sorted(counts)
    assert len(set(counts)) > 3, "rated while it was written"


def safe_rows(acks: Path) -> int:
    """Rows that were there at some time before now."""
    lines = acks.read_text().split() if acks.exists() else []
    return int(lines[-1]) if len(lines) > 1 else 0


def first_rows(path: Path, rows: int) -> bytes:
    return b"".join(path.read_bytes().splitlines(keepends=True)[:rows])


@pytest.mark.parametrize("cut", [1, 50, 200])
def test_half_a_row_is_no_row_and_is_told(memory_folder, tmp_path, cut):
    folder = memory_folder / "spool"
    spool = opened(folder)
    for name in ("a", "b"):
        spool.refuse(begun(name).over(NOON, 403, "refused"))
    path = folder / "gw1-2026-10-05-001.jsonl"
    with path.open("ab") as file:
        file.write(begun("half").over(NOON, 403, "refused").line()[:cut])
    for what, out in ((folder, "folder"), (path, "file")):
        record = rate(what, tmp_path / out)
        assert record["reconciliation"]["rows"] == 2
        (entry,) = record["inputs"]
        assert entry["hints"] == [HINT.format(path, cut)]
        assert entry["sha256"] == hashlib.sha256(path.read_bytes()[:-cut]).hexdigest()


def test_half_a_row_of_a_file_that_no_gateway_writes_is_a_reject(memory_folder, tmp_path):
    """A file that was copied in part must not pass for whole; one that only lacks its line end is."""
    line = begun("a").over(NOON, 403, "refused").line()
    path = tmp_path / "copied.jsonl"
    path.write_bytes(line + line.replace(b'"a"', b'"b"')[:90])
    total = rate(path, tmp_path / "half", exit_code=1)["reconciliation"]
    assert (total["rated"], total["rejected"]) == (1, 1)
    path.write_bytes(line + line.replace(b'"a"', b'"b"').rstrip())
    assert rate(path, tmp_path / "whole")["reconciliation"]["rated"] == 2


def test_a_spool_without_a_row_has_no_file_to_rate(memory_folder, tmp_path):
    """The gateway has just begun: its file has room, but no row."""
    folder = memory_folder / "spool"
    spool = opened(folder)
    spool.begin(begun("up"))
    rate(folder, tmp_path / "none", exit_code=2)
    spool.end(begun("up").over(NOON, 487, "cancelled"))
    record = rate(folder, tmp_path / "one")
    assert record["reconciliation"]["rated"] == 1
    skipped = record["skipped_files"]
    assert skipped == []
