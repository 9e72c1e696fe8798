"""What people and guards decided about trunks: suspended, resumed, tripped, lifted (art. 10).

`state/suspensions.jsonl` in the spool is the truth: lines are only ever added, by the gateway or by the
command where none runs. The gateway follows the file, so that neither a restart nor a race between the two
loses a line. The order of lines decides, never their times: a clock may go back.
"""

from __future__ import annotations

import fcntl
import json
import os
import threading
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import pyarrow as pa

from rating.accounts import SCOPES
from rating.arrays import NONE
from rating.errors import Fault
from rating.instants import parse
from rating.zone import instant_text

SUSPEND, RESUME, TRIP, LIFT = ACTS = ("suspend", "resume", "trip", "lift")
LONGEST = 500
"""Characters of a reason or a name."""

MOST_FAULTS = 20


@dataclass(frozen=True)
class Record:
    """One line of the file.

    time : [ns]; who : a person, or the gateway's name for what its guards did
    scope : of a suspension, one of SCOPES; drop_calls : whether calls in its scope were to end
    guard, evidence : of a trip
    """

    time: int
    act: str
    trunk_id: str
    who: str
    why: str
    scope: str = ""
    drop_calls: bool = False
    guard: str = ""
    evidence: Mapping[str, Any] = field(default_factory=dict)

    def line(self) -> bytes:
        """As JSON, without what is empty.

        Examples
        --------
        >>> print(Record(0, "resume", "t1", "alice", "new key").line().decode(), end="")
        {"time": "1970-01-01T00:00:00Z", "act": "resume", "trunk_id": "t1", "who": "alice", "why": "new key"}
        """
        fields = {
            name: value for name, value in asdict(self).items() if value or name in ("time", "who", "why")
        }
        return (json.dumps({**fields, "time": instant_text(self.time)}) + "\n").encode("ascii")


def append(path: Path, record: Record) -> None:
    """Add a line, whole or not at all, and have it on the disk.

    Raises
    ------
    OSError
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    descriptor = os.open(path, os.O_RDWR | os.O_APPEND | os.O_CREAT, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        _belong_to_folder(descriptor, path.parent)
        size = os.fstat(descriptor).st_size
        # a line that a full disk or a crash cut must not swallow this one
        is_cut = size > 0 and os.pread(descriptor, 1, size - 1) != b"\n"
        line = b"\n" * is_cut + record.line()
        if os.write(descriptor, line) != len(line):
            os.ftruncate(descriptor, size)
            raise OSError(28, "No space left on device")
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _belong_to_folder(descriptor: int, folder: Path) -> None:
    """What root writes must be readable by the gateway, which is another user."""
    owner = folder.stat()
    if os.geteuid() == 0 and os.fstat(descriptor).st_uid != owner.st_uid:
        os.fchown(descriptor, owner.st_uid, owner.st_gid)


class Suspensions:
    """The state that the file's lines add up to, followed while it grows.

    suspended : trunk id -> scope -> the line that says so (sipgw.policy takes it as it is)
    tripped : trunk id -> guard -> the line
    faults : what cannot be read, as told to a person
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.suspended: dict[str, dict[str, Record]] = {}
        self.tripped: dict[str, dict[str, Record]] = {}
        self.faults: list[str] = []
        self._lock = threading.Lock()
        self._inode, self._offset, self._lines = 0, 0, 0
        self._seen: set[bytes] = set()
        self._news: list[Record] = []
        self._unwritten: list[Record] = []

    def look(self) -> list[Record]:
        """Take in what was added, and tell what no look has told yet.

        A file that was edited is taken in anew; one that is gone changes nothing. A cut line at the end is
        left until it is whole.
        """
        with self._lock:
            self._write_again()
            self._follow()
            news, self._news = self._news, []
            return news

    def add(self, record: Record) -> None:
        """Write a line, which holds at once; where it cannot be written too, and it is tried again."""
        with self._lock:
            try:
                append(self.path, record)
            except OSError as error:
                self._unwritten.append(record)
                self._news.append(record)
                self._take(record)
                self._fault(0, "", None, f"cannot be written ({error.strerror})", "a disk with room")
            else:
                self._follow()

    def _write_again(self) -> None:
        while self._unwritten:
            try:
                append(self.path, self._unwritten[0])
            except OSError:
                return
            self._seen.add(self._unwritten.pop(0).line().strip())

    def _follow(self) -> None:
        try:
            self._read()
        except OSError as error:
            if self._inode or not isinstance(error, FileNotFoundError):
                self._fault(0, "", None, f"cannot be read ({error.strerror})", "the file as it was")

    def _read(self) -> None:
        with self.path.open("rb") as file:
            at = os.fstat(file.fileno())
            is_other = at.st_ino != self._inode or at.st_size < self._offset
            if not is_other and at.st_size == self._offset:
                return
            if is_other:
                self._inode, self._offset, self._lines = at.st_ino, 0, 0
                self.suspended, self.tripped = {}, {}
                for record in self._unwritten:
                    self._take(record)
            file.seek(self._offset)
            data = file.read()
        whole = data[: data.rfind(b"\n") + 1]
        self._offset += len(whole)
        for line in whole.splitlines():
            self._lines += 1
            found = self._record(line) if line.strip() else None
            if found is None:
                continue
            self._take(found)
            if line not in self._seen:
                self._seen.add(line)
                self._news.append(found)

    def _take(self, record: Record) -> None:
        """New dictionaries, so that a decision in another thread sees one state or the other."""
        trunk = record.trunk_id
        if record.act in (SUSPEND, RESUME):
            held = self.suspended.get(trunk, {})
            held = {**held, record.scope: record} if record.act == SUSPEND else {}
            self.suspended = _with(self.suspended, trunk, held)
        else:
            held = self.tripped.get(trunk, {})
            held = {**held, record.guard: record} if record.act == TRIP else {}
            self.tripped = _with(self.tripped, trunk, held)

    def _record(self, line: bytes) -> Record | None:
        """A line as a record; None where it is none, which is noted."""
        try:
            found = json.loads(line)
        except (ValueError, RecursionError):
            found = None
        if not isinstance(found, dict):
            self._fault(self._lines, "line", None, "is no JSON object", "one object a line")
            return None
        for name, problem, expected in _problems(found):
            value = found.get(name)
            shown = value if isinstance(value, str) else None
            self._fault(self._lines, name, shown, problem, expected)
            return None
        is_suspension = found["act"] == SUSPEND
        return Record(
            time=_instant(found["time"]),
            act=found["act"],
            trunk_id=found["trunk_id"],
            who=found["who"],
            why=found["why"],
            scope=found.get("scope", SCOPES[0]) if is_suspension else "",
            drop_calls=is_suspension and found.get("drop_calls") is True,
            guard=found.get("guard", ""),
            evidence=found.get("evidence", {}),
        )

    def _fault(self, line: int, name: str, value: str | None, problem: str, expected: str) -> None:
        ending = "The line is left out." if line else "What holds stays."
        told = Fault(str(self.path), line, name, value, problem, expected, "GATEWAY-STATE").told(ending)
        self.faults = [*(one for one in self.faults if one != told), told][-MOST_FAULTS:]


def _with(
    state: dict[str, dict[str, Record]], trunk: str, held: dict[str, Record]
) -> dict[str, dict[str, Record]]:
    changed = {**state, trunk: held}
    if not held:
        del changed[trunk]
    return changed


def _problems(found: dict[str, Any]) -> list[tuple[str, str, str]]:
    """Key, problem and rule of what is wrong with a line's fields, the first of which is told."""
    wrong = []
    for name in ("time", "act", "trunk_id", "who", "why"):
        if not isinstance(found.get(name), str):
            wrong.append((name, "is missing or no text", "a text"))
    if wrong:
        return wrong
    if _instant(found["time"]) == NONE:
        wrong.append(("time", "is no instant", "an instant with offset as 2026-10-05T10:00:00Z"))
    if found["act"] not in ACTS:
        wrong.append(("act", "is unknown", "one of " + ", ".join(ACTS)))
    if not found["trunk_id"]:
        wrong.append(("trunk_id", "is empty", "a trunk's id"))
    if found["act"] == SUSPEND and found.get("scope", SCOPES[0]) not in SCOPES:
        wrong.append(("scope", "is unknown", "one of " + ", ".join(SCOPES)))
    if not isinstance(found.get("guard", ""), str) or not isinstance(found.get("evidence", {}), dict):
        wrong.append(("guard", "has no name or no evidence", "a text, and an object of evidence"))
    return wrong


def _instant(text: str) -> int:
    """An instant with offset; NONE where it is none. [ns]"""
    whole = text.encode("utf-8", "replace").decode()
    wall, offset_given, good = parse(pa.array([whole], pa.string()))
    return int(wall[0]) if good[0] and offset_given[0] else NONE
