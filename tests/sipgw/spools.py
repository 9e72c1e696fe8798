"""Spools for the tests: rows, what a folder holds, processes that write and are killed."""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import sys
from pathlib import Path

from lab import NOON

from rating.sources.block import Options
from rating.sources.files import expand
from rating.sources.reading import Reading, read_files
from rating.zone import Zone
from sipgw.spool.row import Row
from sipgw.spool.spool import Spool

SECOND = 10**9
ZONE = Zone("Europe/Paris")


def begun(call_id: str, setup: int = NOON, trunk: str = "t1") -> Row:
    """A call that begins."""
    return Row(
        "gw1", call_id, trunk, "outbound", "+33199000110", "+33353019999", setup, rule="admitted"
    )  # fmt: skip


def opened(folder: Path, now: int = NOON, **options: object) -> Spool:
    return Spool(folder, "gw1", ZONE, now, **options)  # type: ignore[arg-type]


def rows(folder: Path) -> list[dict[str, str]]:
    """All CDRs, in the order of files and lines; a line that is no whole row fails."""
    found = []
    for path in sorted(folder.glob("*.jsonl")):
        data = path.read_bytes()
        assert data[-1:] in (b"\n", b""), path
        found += [json.loads(line) for line in data.splitlines()]
    return found


def ends(folder: Path) -> dict[str, str]:
    """End reason of each CDR, by id; an id that comes twice fails."""
    found = rows(folder)
    by_id = {row["call_id"]: row["end_reason"] for row in found}
    assert len(by_id) == len(found)
    return by_id


def read_by_rating(folder: Path) -> Reading:
    """The folder as `trunkrate rate` reads it."""
    files, _ = expand([str(folder)])
    return read_files(files, Options(ZONE))


def fill(disk: Path) -> Path:
    """Somebody else's file that takes all that is left, to the last byte."""
    path = disk / "somebody-elses"
    with path.open("ab", buffering=0) as file, contextlib.suppress(OSError):
        while True:
            file.write(b"x" * 512)
    assert room(disk) == 0
    return path


def room(disk: Path) -> int:
    found = os.statvfs(disk)
    return found.f_bavail * found.f_bsize


class Writers:
    """A process that forks writers (tests/sipgw/spool_writer.py), ready at once, to be killed."""

    def __init__(self) -> None:
        script = Path(__file__).with_name("spool_writer.py")
        root = script.parents[2]
        self._process = subprocess.Popen(
            [sys.executable, str(script)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            cwd=root,
            env={**os.environ, "PYTHONPATH": str(root)},
        )

    def start(self, how: str, folder: Path, acks: Path, seed: int) -> int:
        """Process id of a writer: `how` is a function of the script."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(json.dumps([how, str(folder), str(acks), seed]) + "\n")
        self._process.stdin.flush()
        return int(self._process.stdout.readline())

    def wait(self) -> str:
        """How the writer ended: its status as the system tells it."""
        assert self._process.stdout is not None
        return self._process.stdout.readline().strip()

    def close(self) -> None:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.close()
        self._process.wait(timeout=30)
        self._process.stdout.close()


def let_go(folder: Path) -> None:
    """Close what a spool in a folder holds open, as the end of its process would."""
    for name in os.listdir("/proc/self/fd"):
        with contextlib.suppress(OSError):
            if os.readlink(f"/proc/self/fd/{name}").removesuffix(" (deleted)").startswith(str(folder)):
                os.close(int(name))
