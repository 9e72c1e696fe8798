"""A gateway killed at any moment loses no call and writes none twice."""

from __future__ import annotations

import os
import random
import signal
import time
from collections import Counter
from datetime import datetime
from pathlib import Path

import pytest
from hypothesis import settings
from spools import SECOND, Writers, begun, ends, opened, read_by_rating, rows

from sipgw.spool.spool import Spool

KILLS = 40 * settings.default.max_examples // 100
"""40; `make soak`: 800."""


@pytest.fixture(scope="module")
def writers():
    found = Writers()
    yield found
    found.close()


def killed(writers: Writers, folder: Path, acks: Path, seed: int, after_s: float) -> None:
    pid = writers.start("calls", folder, acks, seed)
    time.sleep(after_s)
    os.kill(pid, signal.SIGKILL)
    assert writers.wait() == str(int(signal.SIGKILL))


def told(acks: Path) -> list[tuple[str, str, int]]:
    found = [line.split(" ") for line in acks.read_text(encoding="utf-8").splitlines()]
    return [(what, call_id, int(now)) for what, call_id, now in found]


def test_kills_at_any_moment(writers, tmp_path):
    """Of the calls that were let through each has one CDR, and nothing else has one."""
    folder, acks, chance = tmp_path / "spool", tmp_path / "acks", random.Random(1)
    for seed in range(KILLS):
        killed(writers, folder, acks, seed, chance.choice([0.001, 0.01, 0.03, 0.08]) * 2 * chance.random())
    last = opened(folder, now=2 * 10**18)
    last.close(2 * 10**18)
    found, story = ends(folder), told(acks)
    ids = {what: {call_id for w, call_id, _ in story if w == what} for what in {w for w, _, _ in story}}
    assert ids["up"] <= found.keys() <= ids["begins"] | ids["refuses"]
    assert ids["refused"] <= found.keys()
    assert {found[call_id] for call_id in ids["over"]} == {"normal"}
    half_told = [call_id for call_id in ids["up"] - ids["over"] if found[call_id] != "crash"]
    assert len(half_told) <= KILLS, "a row may be written and not told, one at each kill"
    kinds = Counter(found.values())
    assert kinds["crash"] > KILLS // 2
    assert kinds["normal"] > KILLS
    check_instants(folder, story)
    assert read_by_rating(folder).rejects == []


def check_instants(folder: Path, story: list[tuple[str, str, int]]) -> None:
    """A crashed call is as long as the beats and its own events tell, and its answer is not forgotten."""
    answered = {call_id: now for what, call_id, now in story if what == "answered"}
    alive: dict[str, tuple[int, int]] = {}
    safe = latest = 0
    for what, _, now in story:
        if what == "opening":
            seed = (now - 1_791_194_400 * SECOND) // (1000 * SECOND)
            safe = latest = now
        elif what == "beats":
            latest = now
        elif what == "alive":
            safe = now
        alive[f"{seed}"] = safe, latest
    crashed = [row for row in rows(folder) if row["end_reason"] == "crash"]
    for row in crashed:
        low, high = alive[row["call_id"].split("-")[0]]
        own = max(instant(row["setup_time"]), instant(row["answer_time"]))
        if row["call_id"] in answered:
            assert instant(row["answer_time"]) == answered[row["call_id"]] // 1000
        release = instant(row["release_time"])
        assert max(low // 1000, own) <= release <= max(high // 1000, own)
    assert any(row["answer_time"] for row in crashed)


def instant(text: str) -> int:
    """Microseconds, as far as Python reads them; 0 for none."""
    if not text:
        return 0
    found = datetime.fromisoformat(text)
    return int(found.timestamp()) * 10**6 + found.microsecond


def test_kills_while_calls_of_a_crash_are_being_closed(writers, memory_folder):
    """The recovery is killed a little later each time, some of 2,000 rows written, and comes to its end."""
    folder, acks = memory_folder / "spool", memory_folder / "acks"
    spool = opened(folder)
    for number in range(2000):
        spool.begin(begun(f"c{number}"))
    leave(spool)
    written = [0]
    while written[-1] < 2000:
        killed(writers, folder, acks, len(written), 0.0005 * len(written))
        written.append(sum(path.read_bytes().count(b'"call_id":"c') for path in folder.glob("*.jsonl")))
    opened(folder).close(10**18)
    assert set(written) - {0, 2000}, "no kill hit the recovery"
    found = ends(folder)
    assert {found[f"c{number}"] for number in range(2000)} == {"crash"}


def leave(spool: Spool) -> None:
    """Let go of a spool as a kill does: nothing more is written."""
    os.close(spool._lock_fd)
