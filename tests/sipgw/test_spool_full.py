"""A full disk: nothing is let through unrecorded, and what is up still gets its CDR."""

from __future__ import annotations

import contextlib
import errno
import resource
import signal
from dataclasses import replace
from pathlib import Path

import pytest
from lab import NOON
from spools import SECOND, begun, ends, fill, opened, read_by_rating, rows
from test_spool_kill import leave

from rating.errors import SpoolError
from sipgw.spool.spool import MOST_WAITING, Spool


def begin_all(spool: Spool, first: int = 0) -> int:
    """Begin calls until the disk takes no more; how many there are."""
    for number in range(first, 10_000):
        try:
            spool.begin(begun(f"c{number}"))
        except OSError as error:
            return number if error.errno == errno.ENOSPC else -1
    raise AssertionError("the disk never was full")


def test_calls_that_are_up_are_answered_and_closed_on_a_full_disk(disk):
    spool = opened(disk / "spool")
    up = begin_all(spool)
    fill(disk)
    assert up > 100
    for number in range(up):
        spool.answer(begun(f"c{number}").alerting(NOON).answered(NOON + SECOND))
    spool.beat(NOON + SECOND)
    for number in range(up):
        row = begun(f"c{number}").alerting(NOON).answered(NOON + SECOND)
        spool.end(row.over(NOON + 61 * SECOND, 200, "normal"))
    assert spool.waiting == 0
    assert rows_of(disk) == {f"c{number}": "normal" for number in range(up)}
    spool.close(NOON)
    assert ends(disk / "spool") == rows_of(disk)


def rows_of(disk: Path) -> dict[str, str]:
    return ends(disk / "spool")


@pytest.mark.parametrize("before", range(0, 240, 24))
def test_calls_that_are_up_are_closed_on_a_disk_that_is_full_at_a_crash(disk, before):
    """Their answers, too, were written into room of their own; a start on a full disk loses nothing."""
    spool = opened(disk / "spool")
    for number in range(before):
        spool.begin(begun(f"c{number}"))
    other = fill(disk)
    up = begin_all(spool, before)
    for number in range(up):
        spool.answer(begun(f"c{number}").answered(NOON + SECOND))
    spool.beat(NOON + 30 * SECOND)
    leave(spool)
    for _ in range(3):
        with contextlib.suppress(SpoolError):
            again = opened(disk / "spool")
            fill(disk)
            leave(again)
    with pytest.raises(SpoolError, match=r"spool: cannot be written .No space left on device.; expected a"):
        opened(disk / "spool")
    other.unlink()
    opened(disk / "spool").close(NOON)
    assert rows_of(disk) == {f"c{number}": "crash" for number in range(up)}
    assert {(row["answer_time"], row["release_time"]) for row in rows(disk / "spool")} == {
        ("2026-10-05T10:00:01Z", "2026-10-05T10:00:30Z")
    }


def test_a_new_file_has_room_for_the_calls_that_are_up(disk):
    """They began before midnight and end after it, when the disk is full."""
    spool = opened(disk / "spool")
    up = [replace(begun(f"c{number}"), a_number="x" * 200) for number in range(150)]
    for row in up:
        spool.begin(row)
    spool.beat(NOON + 86_400 * SECOND)
    fill(disk)
    for row in up:
        spool.end(row.over(NOON + 86_400 * SECOND, 487, "cancelled"))
    assert spool.waiting == 0
    (path,) = (disk / "spool").glob("*.jsonl")
    assert path.name == "gw1-2026-10-06-001.jsonl"
    assert len(rows_of(disk)) == 150


def test_refusals_wait_for_room_and_nothing_is_torn(disk):
    """A new day cannot begin a file, calls go on in the old one; when there is space all is there."""
    lines: list[str] = []
    spool = opened(disk / "spool", log=lines.append)
    for name in ("up", *"abcdefghij"):
        spool.begin(begun(name))
    other = fill(disk)
    for number in range(300):
        spool.refuse(begun(f"r{number}").over(NOON + 86_400 * SECOND, 403, "refused"))
    assert 0 < spool.waiting < 300
    spool.end(begun("up").over(NOON + 86_400 * SECOND, 487, "cancelled"))
    assert rows_of(disk)["up"] == "cancelled"
    assert [path.name for path in (disk / "spool").glob("*.jsonl")] == ["gw1-2026-10-05-001.jsonl"]
    assert any(line.endswith("No space left on device; CDRs wait in memory. [SPOOL-DISK]") for line in lines)
    spool.beat(NOON + 86_400 * SECOND)
    assert spool.waiting > 0
    other.unlink()
    spool.beat(NOON + 86_400 * SECOND)
    assert (spool.waiting, spool.lost) == (0, 0)
    spool.begin(begun("after", NOON + 86_400 * SECOND))
    spool.end(begun("after").over(NOON + 86_401 * SECOND, 487, "cancelled"))
    found = rows_of(disk)
    assert {found[f"r{number}"] for number in range(300)} == {"refused"}
    assert found["after"] == "cancelled"
    assert (disk / "spool" / "gw1-2026-10-06-001.jsonl").exists()
    assert read_by_rating(disk / "spool").rejects == []


def test_a_file_system_that_cannot_reserve_room_is_refused(disk_without_reserve):
    problem = r"spool: cannot be written .Operation not supported.; expected .* that reserves it .ext4, xfs"
    for _ in range(2):
        with pytest.raises(SpoolError, match=problem):
            opened(disk_without_reserve / "spool")
    assert list((disk_without_reserve / "spool").iterdir()) == []


def test_refusals_that_wait_are_bounded_and_calls_are_not(disk):
    lines: list[str] = []
    spool = opened(disk / "spool", log=lines.append)
    fill(disk)
    for number in range(MOST_WAITING + 1000):
        spool.refuse(begun(f"r{number}").over(NOON, 403, "refused"))
    assert spool.waiting == MOST_WAITING
    assert 0 < spool.lost <= 1000
    assert sum("CDR of a refusal lost" in line for line in lines) == spool.lost
    spool.end(begun("sos").over(NOON, 487, "cancelled"))
    assert spool.waiting == MOST_WAITING + 1


def test_room_that_no_call_needs_is_given_back(disk):
    for _ in range(50):
        spool = opened(disk / "spool")
        for number in range(3):
            spool.begin(begun(f"{_}-{number}"))
            spool.end(begun(f"{_}-{number}").over(NOON, 487, "cancelled"))
        spool.close(NOON)
    held = sum(path.stat().st_blocks * 512 for path in (disk / "spool").iterdir())
    assert held <= 51 * 4096


@pytest.fixture
def small_files():
    """No file may become larger than 20 KB: a write breaks off in the middle of a row."""
    usual = resource.getrlimit(resource.RLIMIT_FSIZE)
    handler = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)

    def limit(size: int) -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (size, usual[1]))

    yield limit
    resource.setrlimit(resource.RLIMIT_FSIZE, usual)
    signal.signal(signal.SIGXFSZ, handler)


def test_a_row_that_is_written_in_part_is_taken_back(small_files, memory_folder):
    """As over a quota or on a device with faults: the row waits, and comes whole when it can."""
    folder = memory_folder / "spool"
    spool = opened(folder)
    small_files(20_000)
    for number in range(100):
        spool.refuse(begun(f"r{number}").over(NOON, 403, "refused"))
    assert 0 < spool.waiting < 60
    assert len(ends(folder)) == 100 - spool.waiting
    small_files(resource.RLIM_INFINITY)
    spool.beat(NOON)
    assert spool.waiting == 0
    assert list(ends(folder)) == [f"r{number}" for number in range(100)]
