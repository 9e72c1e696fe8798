"""Where the time of a run goes: seconds, rows and bytes by stage."""

from __future__ import annotations

import resource
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import TypeVar

Item = TypeVar("Item")

Progress = Callable[[str, int, int], None]
"""Takes a stage, what is done of it, and the whole: bytes of files read, or calls rated."""


class Clock:
    """Adds up seconds by stage; threads that work at once count each for itself.

    timing : stage -> seconds and rows; `bytes` where the stage reads or writes files
    """

    def __init__(self) -> None:
        self.timing: dict[str, dict[str, float]] = {}
        self._lock = threading.Lock()

    def add(self, stage: str, seconds: float = 0.0, rows: int = 0, octets: int | None = None) -> None:
        """Count work of a stage."""
        with self._lock:
            entry = self.timing.setdefault(stage, {"seconds": 0.0, "rows": 0})
            entry["seconds"] = round(entry["seconds"] + seconds, 6)
            entry["rows"] += rows
            if octets is not None:
                entry["bytes"] = entry.get("bytes", 0) + octets

    @contextmanager
    def stage(self, stage: str, rows: int = 0) -> Iterator[None]:
        """Time a block of code."""
        start = time.perf_counter()
        yield
        self.add(stage, time.perf_counter() - start, rows)

    def drawing(self, stage: str, items: Iterator[Item]) -> Iterator[Item]:
        """Items, and the time that drawing them takes."""
        while True:
            start = time.perf_counter()
            try:
                item = next(items)
            except StopIteration:
                return
            finally:
                self.add(stage, time.perf_counter() - start)
            yield item


def peak_memory() -> int:
    """Most memory that this process has had until now. [bytes]

    Linux's own figure where it can be read: getrusage's begins with that of the program that started this.
    """
    with suppress(OSError, StopIteration, ValueError), open("/proc/self/status", encoding="ascii") as status:
        line = next(line for line in status if line.startswith("VmHWM:"))
        return int(line.split()[1]) * 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
