"""How far long work is, for a person who watches: a line on the terminal, gone when the work ends.

In a pipe or a file there is none, nor is anything counted for it. The words and figures are click's; the line
is written here, since click's own stays on the screen and leaves the cursor hidden where a program is killed.
"""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from rating.clock import Progress

AFTER = 1.0
"""Work that ends sooner shows none. [s]"""

APART = 0.1
"""Time between two lines. [s]"""

CLEAR = "\r\033[K"


@contextmanager
def watched(**words: str) -> Iterator[Progress | None]:
    """What to call with the progress of work; None where nobody watches.

    Parameters
    ----------
    words : of each stage
    """
    line = _Line(words) if sys.stderr.isatty() and os.environ.get("TERM") != "dumb" else None
    try:
        yield line
    finally:
        if line is not None:
            line.clear()


class _Line:
    """The line on the terminal."""

    def __init__(self, words: dict[str, str]) -> None:
        self._words = words
        self._next = time.monotonic() + AFTER
        self._is_shown = False
        self._stage = ""
        self._bar: Any = None

    def __call__(self, stage: str, done: int, total: int) -> None:
        if not total:
            return
        if stage != self._stage:
            self._stage = stage
            self._bar = click.progressbar(length=total, label=self._words[stage], file=sys.stderr)
        self._bar.make_step(max(done - self._bar.pos, 0))
        if time.monotonic() >= self._next:
            self._next = time.monotonic() + APART
            self._is_shown = True
            self._write(CLEAR + self._bar.format_progress_line()[: _columns() - 1])

    def clear(self) -> None:
        if self._is_shown:
            self._write(CLEAR)

    def _write(self, text: str) -> None:
        with suppress(OSError):  # a terminal that went away stops no work
            sys.stderr.write(text)
            sys.stderr.flush()


def _columns() -> int:
    try:
        return os.get_terminal_size(sys.stderr.fileno()).columns or 80
    except OSError:
        return 80
