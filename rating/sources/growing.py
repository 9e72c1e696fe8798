"""Files that a gateway is writing: what of them is whole, and reading no further."""

from __future__ import annotations

import io
import os
from pathlib import Path
from typing import BinaryIO, NamedTuple

JOURNAL = "spool.journal"
"""Stands in every folder that a gateway writes CDRs to."""

SUSPENSIONS, LOCK = "suspensions.jsonl", "gateway.lock"
OF_A_GATEWAY = (JOURNAL, SUSPENSIONS, LOCK)
"""What a gateway keeps beside its CDRs."""

ENDING = ".jsonl"
STEP = 1 << 16


class Whole(NamedTuple):
    """Bytes up to the last line end, and bytes of the line behind it that is still being written."""

    size: int
    unfinished: int


def whole_lines(path: Path) -> Whole | None:
    """What of a file is whole at this moment; None of files that no gateway writes."""
    if path.suffix != ENDING or not (path.parent / JOURNAL).exists():
        return None
    try:
        with path.open("rb") as file:
            size = os.fstat(file.fileno()).st_size
            end = end_of_lines(file.fileno(), size)
    except FileNotFoundError:  # an empty file goes when the next one comes
        return Whole(0, 0)
    return Whole(end, size - end)


def end_of_lines(fd: int, size: int) -> int:
    """Position behind the last line end in the first `size` bytes."""
    while size > 0:
        start = max(size - STEP, 0)
        found = os.pread(fd, size - start, start).rfind(b"\n")
        if found >= 0:
            return start + found + 1
        size = start
    return 0


class Head(io.RawIOBase):
    """The first bytes of a file, as if there were no more."""

    def __init__(self, file: BinaryIO, size: int) -> None:
        self._file, self._size = file, size

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]
        data = self._file.read(min(len(buffer), max(self._size - self._file.tell(), 0)))
        buffer[: len(data)] = data
        return len(data)

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        base = {os.SEEK_SET: 0, os.SEEK_CUR: self._file.tell(), os.SEEK_END: self._size}[whence]
        return self._file.seek(base + offset)

    def tell(self) -> int:
        return self._file.tell()
