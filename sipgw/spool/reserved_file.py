"""A file that grows by whole lines, with room on the disk for the lines that are still to come."""

from __future__ import annotations

import contextlib
import ctypes
import os
from pathlib import Path

from rating.sources.growing import end_of_lines

CHUNK = 1 << 16
KEEP_SIZE = 1

_fallocate = ctypes.CDLL(None, use_errno=True).fallocate
_fallocate.argtypes = (ctypes.c_int, ctypes.c_int, ctypes.c_long, ctypes.c_long)


class ReservedFile:
    """Lines at the end of a file, each by one write.

    Room for promised lines is taken behind the end of the file (Linux's fallocate, which leaves the size as
    it is), so that a disk that others fill has it when it is needed. Not for several threads at once.

    Attributes
    ----------
    size : bytes of whole lines
    cut : bytes of an unfinished last line, as a kill leaves it, that were cut off when the file was opened

    Raises
    ------
    OSError
        Also where the file system cannot promise room.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_APPEND, 0o640)
        try:
            found = os.fstat(self._fd).st_size
            self.size = end_of_lines(self._fd, found)
            self.cut = found - self.size
            if self.cut:
                os.ftruncate(self._fd, self.size)
            self._room = self.size
            self._promised = 0
            self._make_room(1)
        except OSError:
            os.close(self._fd)
            if not path.stat().st_size:
                path.unlink()
            raise

    def promise(self, octets: int) -> None:
        """Take room for lines to come.

        Raises
        ------
        OSError
            The disk has none; nothing is promised.
        """
        self._make_room(octets)
        self._promised += octets

    def give_back(self, octets: int) -> None:
        """Take back a promise that is not needed."""
        self._promised -= octets

    def append(self, line: bytes, promised: int = 0) -> None:
        """Write a line, into room that was promised for it or else into other room.

        Raises
        ------
        OSError
            Nothing of it is in the file; the promise stands.
        """
        self._make_room(len(line) - promised)
        self._write(line)
        self.size += len(line)
        self._promised -= promised

    @property
    def is_gone(self) -> bool:
        """Whether somebody deleted it: nobody will read what is written."""
        return os.fstat(self._fd).st_nlink == 0

    def take_over(self, other: ReservedFile) -> None:
        """Write all lines of another file, which may be deleted.

        Raises
        ------
        OSError
            None of them is in the file.
        """
        self.append(os.pread(other._fd, other.size, 0))

    def duplicate(self) -> int:
        """A descriptor of the same file to sync and close, while others write or the file changes."""
        return os.dup(self._fd)

    def close(self) -> None:
        """Give back the room, and remove a file without a line."""
        with contextlib.suppress(OSError):
            os.ftruncate(self._fd, self.size)
        os.close(self._fd)
        self._fd = -1
        if not self.size:
            self.path.unlink(missing_ok=True)

    def _make_room(self, octets: int) -> None:
        """Hold room for all promises and so many bytes more; a chunk at a time while the disk has it."""
        end = self.size + self._promised + octets
        if end <= self._room:
            return
        for wanted in (-(-end // CHUNK) * CHUNK, end):
            if _fallocate(self._fd, KEEP_SIZE, self.size, wanted - self.size) == 0:
                self._room = wanted
                return
        error = ctypes.get_errno()
        raise OSError(error, os.strerror(error), str(self.path))

    def _write(self, line: bytes) -> None:
        done = 0
        try:
            while done < len(line):
                done += os.write(self._fd, line[done:])
        except OSError:
            if done:
                os.ftruncate(self._fd, self.size)
                self._room = self.size
                with contextlib.suppress(OSError):
                    self._make_room(0)
            raise


def sync(fd: int) -> None:
    """Bring a duplicated descriptor's file to the disk, and close it.

    Raises
    ------
    OSError
    """
    try:
        os.fdatasync(fd)
    finally:
        os.close(fd)


def sync_folder(folder: Path) -> None:
    """Bring the names of a folder's files to the disk."""
    fd = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)
