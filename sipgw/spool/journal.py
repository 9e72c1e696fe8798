"""The journal: which calls are up, in a file that outlives the gateway, and when it was last alive.

Its first line has a fixed length and is overwritten at each beat. A line is added for each call that begins,
rings or is answered, for calls whose CDRs are safe, and for a new file of CDRs:

    {"alive":1791187200000000000}
    {"file":"gw1-2026-10-05-001.jsonl"}
    {"up":{"source":"gw1","call_id":"a84b4c76#1f-1", ...}}
    {"alert":"a84b4c76#1f-1","at":1791187201000000000}
    {"answer":"a84b4c76#1f-1","at":1791187205000000000}
    {"closed":["a84b4c76#1f-1"]}
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterable
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from rating.errors import Fault, GatewayError
from rating.sources.growing import JOURNAL
from sipgw.spool.reserved_file import ReservedFile, sync, sync_folder
from sipgw.spool.row import Row, row_of

ALIVE_LENGTH = 48
MARK = 64
"""Bytes of a line about a call, besides its id."""

COMPACT_FROM = 1 << 20
"""Bytes from which on a journal is written anew when most of it is about calls that are over."""


@dataclass
class Left:
    """What a journal says: the file that CDRs went to, the calls up, the last instant known [ns]."""

    alive: int = 0
    file: str = ""
    up: dict[str, Row] = field(default_factory=dict)


def read_journal(path: Path) -> Left:
    """Read a journal as a gateway left it; a last line without its end was never promised to anybody.

    Raises
    ------
    GatewayError
        A line is none of a journal's.
    """
    left = Left()
    lines = path.read_bytes().split(b"\n")[:-1]
    for number, text in enumerate(lines, 1):
        try:
            _take(left, json.loads(text))
        except (ValueError, KeyError, TypeError, RecursionError):
            shown = text[:200].decode("utf-8", "replace")
            expected = "a line that a gateway wrote"
            outcome = "The gateway does not start: mend the file."
            fault = Fault(str(path), number, "line", shown, "is damaged", expected, "SPOOL-JOURNAL", outcome)
            raise GatewayError([fault]) from None
    return left


def _take(left: Left, entry: dict[str, Any]) -> None:
    """Apply one line."""
    if "alive" in entry:
        left.alive = int(entry["alive"])
    elif "file" in entry:
        left.file = Path(entry["file"]).name
    elif "up" in entry:
        row = row_of(entry["up"])
        if row is None:
            raise ValueError("no row")
        left.up[row.call_id] = row
    elif "alert" in entry:
        left.up[entry["alert"]] = left.up[entry["alert"]].alerting(int(entry["at"]))
    elif "answer" in entry:
        left.up[entry["answer"]] = left.up[entry["answer"]].answered(int(entry["at"]))
    else:
        for call_id in entry["closed"]:
            del left.up[call_id]


class Journal:
    """The journal that is being written; not for several threads at once.

    Each call that is up has room promised for what is still to be said of it.

    Attributes
    ----------
    up : calls whose CDRs are not known to be safe, by id, as told so far

    Raises
    ------
    OSError
    """

    def __init__(self, folder: Path, left: Left) -> None:
        self._folder = folder
        self.file = left.file
        self.up = dict(left.up)
        self._alive = left.alive
        self._promised: dict[str, int] = {}
        self._lines, self._beats = self._written_anew()

    @property
    def size(self) -> int:
        """Bytes."""
        return self._lines.size

    def begin(self, row: Row) -> None:
        """Note a call that begins, and take room for the rest of its story."""
        room = _room(row)
        self._lines.promise(room)
        try:
            self._add({"up": asdict(row)})
        except OSError:
            self._lines.give_back(room)
            raise
        self._promised[row.call_id] = room
        self.up[row.call_id] = row

    def alert(self, row: Row) -> None:
        """Note that a call of the journal rings."""
        self._mark(row, {"alert": row.call_id, "at": row.alert})

    def answer(self, row: Row) -> None:
        """Note that a call of the journal is answered."""
        self._mark(row, {"answer": row.call_id, "at": row.answer})

    def closed(self, call_ids: Iterable[str]) -> None:
        """Note calls whose CDRs are on the disk."""
        ids = [call_id for call_id in call_ids if call_id in self.up]
        if ids:
            self._add({"closed": ids}, sum(self._promised[call_id] for call_id in ids))
        for call_id in ids:
            del self.up[call_id], self._promised[call_id]

    def turn_to(self, file: str) -> None:
        """Note that CDRs go to another file from now on."""
        self._add({"file": file})
        self.file = file

    def alive(self, now: int) -> None:
        """Note the instant, in place: a full disk does not matter."""
        self._alive = now
        os.pwrite(self._beats, _alive_line(now), 0)

    def compact(self) -> None:
        """Write it anew where most of it is about calls that are over; a full disk leaves it as it is."""
        if self.size > COMPACT_FROM and self.size > 4 * sum(_room(row) for row in self.up.values()):
            before, beats, promised = self._lines, self._beats, self._promised
            try:
                self._lines, self._beats = self._written_anew()
            except OSError:
                self._promised = promised
                return
            before.close()
            os.close(beats)

    def duplicate(self) -> int:
        """A descriptor to sync and close."""
        return self._lines.duplicate()

    def close(self) -> None:
        self._lines.close()
        os.close(self._beats)
        self._beats = -1

    def _written_anew(self) -> tuple[ReservedFile, int]:
        """Aside, then renamed: there is always a whole journal."""
        aside = self._folder / f"{JOURNAL}.new"
        aside.unlink(missing_ok=True)
        lines = ReservedFile(aside)
        try:
            lines.append(_alive_line(self._alive))
            lines.append(_line({"file": self.file}))
            self._promised = {}
            for call_id, row in self.up.items():
                lines.append(_line({"up": asdict(row)}))
                lines.promise(_room(row))
                self._promised[call_id] = _room(row)
            sync(lines.duplicate())
            beats = os.open(aside, os.O_WRONLY)
            aside.rename(self._folder / JOURNAL)
            sync_folder(self._folder)
        except OSError:
            lines.close()
            aside.unlink(missing_ok=True)
            raise
        return lines, beats

    def _mark(self, row: Row, entry: dict[str, Any]) -> None:
        self.up[row.call_id] = row
        promised = min(len(_line(entry)), self._promised[row.call_id])
        self._add(entry, promised)
        self._promised[row.call_id] -= promised

    def _add(self, entry: dict[str, Any], promised: int = 0) -> None:
        self._lines.append(_line(entry), promised)


def _line(entry: dict[str, Any]) -> bytes:
    return (json.dumps(entry, ensure_ascii=False, separators=(",", ":")) + "\n").encode()


def _alive_line(now: int) -> bytes:
    return _line({"alive": now})[:-1].ljust(ALIVE_LENGTH - 1) + b"\n"


def _room(row: Row) -> int:
    """Bytes that are enough to say that a call rings, is answered and is closed."""
    return 3 * (len(json.dumps(row.call_id, ensure_ascii=False).encode()) + MARK)
