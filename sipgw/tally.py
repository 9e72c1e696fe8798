"""Lines for the operator's log, of which a storm repeats one a thousand times."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Callable

from rating.arrays import SECOND

EVERY = 60 * SECOND


class Tally:
    """Logs a line of each kind at once and counts the others until the next beat that is a minute later.

    Examples
    --------
    >>> tally = Tally(print)
    >>> for address in ("192.0.2.1", "192.0.2.2", "192.0.2.3"):
    ...     tally.note("unknown_peer", f"call from {address} dropped.")
    call from 192.0.2.1 dropped.
    >>> tally.beat(60 * SECOND)
    2 more like: call from 192.0.2.3 dropped.
    """

    def __init__(self, log: Callable[[str], None]) -> None:
        self._log = log
        self._lock = threading.Lock()
        self._more: Counter[str] = Counter()
        self._last: dict[str, str] = {}
        self._next = 0

    def note(self, kind: str, line: str) -> None:
        """Log a line, or count it where one of its kind came before."""
        with self._lock:
            is_first = kind not in self._last
            self._last[kind] = line
            if not is_first:
                self._more[kind] += 1
                return
        self._log(line)

    def beat(self, now: int) -> None:
        """Log what was counted, once a minute."""
        with self._lock:
            if self._next - EVERY <= now < self._next:  # else the clock was set back
                return
            self._next = now + EVERY
            found = [(count, self._last[kind]) for kind, count in self._more.items()]
            self._more.clear()
            self._last.clear()
        for count, line in found:
            self._log(f"{count} more like: {line}")
