"""The spool: a call is on disk when it is admitted, its CDR when it is over, whatever happens between."""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import threading
from collections import deque
from collections.abc import Callable
from pathlib import Path

import numpy as np

from rating.errors import SpoolError
from rating.sources.growing import ENDING, JOURNAL
from rating.zone import Zone
from sipgw.spool.journal import Journal, Left, read_journal
from sipgw.spool.names import file_name, next_number, stem
from sipgw.spool.reserved_file import ReservedFile, sync, sync_folder
from sipgw.spool.row import ROOM_TO_END, Row

MOST_BYTES = 64 << 20
"""Bytes from which on a file of CDRs is followed by another."""

MOST_WAITING = 10_000
"""CDRs of refusals that wait in memory while the disk is full; more are lost, and counted."""


class Spool:
    """Writes the CDRs of one gateway, for any number of threads.

    Opening it closes the calls that a gateway before left up, at the last instant at which it was known to
    run. A CDR is handed to the kernel at once and is on the disk after the next beat; a call is on the disk
    before `begin` returns. Calls that begin at once share one sync.

    Parameters
    ----------
    folder : made where it is missing; its parent must be there
    name : of the gateway, in the names of files
    zone : of the days at whose begin a new file is begun
    now : instant [ns]
    log : takes lines for the operator

    Attributes
    ----------
    recovered : calls that were closed because they had been left up
    waiting : CDRs in memory that the disk did not take
    lost : refusals that found no place, neither on the disk nor in memory

    Raises
    ------
    SpoolError
        Another process writes there, or nothing can be written.
    GatewayError
        The journal is damaged.
    """

    def __init__(
        self,
        folder: Path,
        name: str,
        zone: Zone,
        now: int,
        most_bytes: int = MOST_BYTES,
        log: Callable[[str], None] = lambda line: None,
    ) -> None:
        self._folder, self._name, self._log = folder, name, log
        self._zone, self._most_bytes = zone, most_bytes
        self._lock = threading.Lock()
        self._commit = threading.Lock()
        self._cdrs: ReservedFile
        self._journal: Journal
        self._file_day = 0
        self._begun = self._on_disk = 0
        self._promised: dict[str, int] = {}
        self._unsafe: dict[str, None] = {}
        self._waiting: deque[Row] = deque()
        self._may_turn, self._is_closed, self._is_missed = True, False, False
        self.recovered = self.lost = 0
        try:
            folder.mkdir(exist_ok=True)
            self._lock_fd = _locked(folder)
            try:
                self._open(now)
            except BaseException:
                os.close(self._lock_fd)
                raise
        except OSError as error:
            raise SpoolError(
                f"{folder}: cannot be written ({error.strerror}); expected a folder on a disk with room, "
                "of a file system that reserves it (ext4, xfs, btrfs, tmpfs).",
                "SPOOL",
            ) from None

    @property
    def waiting(self) -> int:
        return len(self._waiting)

    # --- calls

    def begin(self, row: Row) -> None:
        """Bring a call to the disk, with room for its CDR; it may be let through when this returns.

        Raises
        ------
        OSError
            It is not there. An `end` of the row is still taken, as of any row.
        """
        with self._lock:
            self._turn(row.setup)
            room = len(row.line()) + ROOM_TO_END
            self._cdrs.promise(room)
            try:
                self._journal.begin(row)
            except OSError:
                self._cdrs.give_back(room)
                raise
            self._promised[row.call_id] = room
            self._begun += 1
            mine = self._begun
        self._bring_to_disk(mine)

    def alert(self, row: Row) -> None:
        """Note in the journal that a call rings."""
        self._note(row, Journal.alert)

    def answer(self, row: Row) -> None:
        """Note in the journal that a call is answered."""
        self._note(row, Journal.answer)

    def end(self, row: Row) -> None:
        """Write the CDR of a call that is over; it waits in memory while the disk does not take it."""
        with self._lock:
            if not self._written(row):
                self._waiting.append(row)

    def refuse(self, row: Row) -> None:
        """Write the CDR of a refusal; of those that the disk does not take, `MOST_WAITING` wait."""
        with self._lock:
            if self._written(row):
                return
            if len(self._waiting) < MOST_WAITING:
                self._waiting.append(row)
            else:
                self.lost += 1
                self._log(f"{row.call_id}: CDR of a refusal lost, {MOST_WAITING} wait already. [SPOOL-LOST]")

    def beat(self, now: int) -> None:
        """Note that the gateway is alive, and bring to the disk what was written; about once a second."""
        with self._lock:
            if self._is_closed:
                return
            self._may_turn = True
            self._look_for_file()
            self._attempt(lambda: self._journal.alive(now))
            self._turn(now)
            self._write_waiting()
            unsafe, cdrs = list(self._unsafe), self._cdrs.duplicate()
        if not self._attempt(lambda: sync(cdrs)):
            return
        with self._lock:
            if self._is_closed:
                return
            self._attempt(lambda: self._mark_safe(unsafe))
            self._journal.compact()
            journal = self._journal.duplicate()
        self._attempt(lambda: sync(journal))

    def close(self, now: int) -> None:
        """Bring everything to the disk and let others write; calls still up are closed when it is opened."""
        self.beat(now)
        with self._lock:
            if self._is_closed:
                return
            self._is_closed = True
            self._cdrs.close()
            self._journal.close()
            os.close(self._lock_fd)

    # --- under the lock

    def _written(self, row: Row) -> bool:
        self._turn(row.release)
        line = row.line()
        promised = self._promised.get(row.call_id, 0)
        if not self._attempt(lambda: self._cdrs.append(line, promised)):
            return False
        self._promised.pop(row.call_id, None)
        self._unsafe[row.call_id] = None
        return True

    def _note(self, row: Row, note: Callable[[Journal, Row], None]) -> None:
        with self._lock:
            if row.call_id in self._journal.up:
                self._attempt(lambda: note(self._journal, row))

    def _write_waiting(self) -> None:
        for _ in range(len(self._waiting)):
            row = self._waiting.popleft()
            if not self._written(row):
                self._waiting.appendleft(row)
                return

    def _mark_safe(self, call_ids: list[str]) -> None:
        """Tell the journal which CDRs are on the disk."""
        still = [call_id for call_id in call_ids if call_id in self._unsafe]
        self._journal.closed(still)
        for call_id in still:
            del self._unsafe[call_id]

    def _turn(self, now: int) -> None:
        """Begin a new file on a new day or after a full one; without room on the disk the old one goes on."""
        day = max(self._day_of(now), self._file_day)
        is_due = day > self._file_day or self._cdrs.size >= self._most_bytes
        if is_due and self._may_turn:
            self._may_turn = self._attempt(lambda: self._turn_to(day))

    def _look_for_file(self) -> None:
        """Write the file anew where somebody deleted it."""
        if not self._cdrs.is_gone:
            self._is_missed = False
            return
        if not self._is_missed:
            self._is_missed = True
            told = (
                "was deleted while the gateway writes it; its CDRs go to another, once the folder is there."
            )
            self._log(f"{self._cdrs.path}: {told} [SPOOL-GONE]")
        with contextlib.suppress(OSError):  # no folder: that is told
            self._turn_to(self._file_day)

    def _day_of(self, now: int) -> int:
        return int(self._zone.days(np.array([now]))[0])

    def _turn_to(self, day: int) -> None:
        number = next_number(self._folder, self._name, day, self._journal.file)
        following = ReservedFile(self._folder / file_name(self._name, day, number))
        try:
            if self._cdrs.is_gone:
                following.take_over(self._cdrs)
            following.promise(sum(self._promised.values()))
            sync_folder(self._folder)
            sync(self._cdrs.duplicate())
            self._mark_safe(list(self._unsafe))
            self._journal.turn_to(following.path.name)
        except OSError:
            following.close()
            raise
        self._cdrs.close()
        self._cdrs, self._file_day = following, day
        sync(self._journal.duplicate())

    def _attempt(self, action: Callable[[], None]) -> bool:
        """Whether the disk did it; if not, the log says why."""
        try:
            action()
        except OSError as error:
            self._log(f"{self._folder}: {error.strerror}; CDRs wait in memory. [SPOOL-DISK]")
            return False
        return True

    def _bring_to_disk(self, mine: int) -> None:
        """Sync the journal up to a call that begins; who waits for another's sync finds itself done."""
        with self._commit:
            if self._on_disk >= mine:
                return
            with self._lock:
                begun, journal = self._begun, self._journal.duplicate()
            sync(journal)
            self._on_disk = begun

    # --- opening

    def _open(self, now: int) -> None:
        path = self._folder / JOURNAL
        left = read_journal(path) if path.exists() else Left()
        if left.up or (left.file and (self._folder / left.file).exists()):
            self._close_left(left)
        for path in self._folder.glob(f"{stem(self._name)}-*{ENDING}"):
            if not path.stat().st_size:  # a kill came before its first row
                path.unlink()
        self._file_day = self._day_of(now)
        number = next_number(self._folder, self._name, self._file_day, left.file)
        name = file_name(self._name, self._file_day, number)
        self._cdrs = ReservedFile(self._folder / name)
        try:
            self._journal = Journal(self._folder, Left(now, name))
        except OSError:
            self._cdrs.close()
            raise

    def _close_left(self, left: Left) -> None:
        """Write the CDRs of the calls in a journal, but of those that have one already."""
        cdrs = ReservedFile(self._folder / left.file)
        try:
            if cdrs.cut:
                self._log(f"{cdrs.path}: {cdrs.cut} bytes of an unfinished row were cut off. [SPOOL-CUT]")
            written = _ids_in(cdrs.path)
            for call_id, row in left.up.items():
                if call_id not in written:
                    cdrs.append(row.crashed(left.alive).line())
                    self.recovered += 1
            sync(cdrs.duplicate())
        finally:
            cdrs.close()
        sync_folder(self._folder)


def _locked(folder: Path) -> int:
    """A descriptor of the folder that no other process has locked.

    Raises
    ------
    SpoolError
        One has.
    """
    fd = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        os.close(fd)
        if not isinstance(error, BlockingIOError):
            raise
        raise SpoolError(
            f"{folder}: another process writes there; expected a folder for this gateway alone.",
            "SPOOL-LOCK",
        ) from None
    return fd


def _ids_in(path: Path) -> set[str]:
    """Ids of the CDRs of a file that this gateway wrote."""
    found = set()
    with path.open("rb") as lines:
        for line in lines:
            with contextlib.suppress(ValueError, KeyError, TypeError):  # what a power cut left of a page
                found.add(json.loads(line)["call_id"])
    return found
