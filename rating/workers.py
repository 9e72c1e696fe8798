"""Work on several cores with results that do not show it: always in the order of the items."""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Callable, Generator, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from typing import TypeVar

import pyarrow as pa

from rating.errors import UsageError, quoted

Item = TypeVar("Item")
Result = TypeVar("Result")


MOST = 1024
"""Cores that can be asked for: each holds a portion of calls in memory."""


def cores() -> int:
    """Cores that this process may use."""
    return len(os.sched_getaffinity(0))


def jobs_of(text: str) -> int:
    """A number of cores as it is asked for.

    Raises
    ------
    UsageError
    """
    jobs = int(text) if text.isascii() and text.isdigit() and len(text) <= 9 else 0
    if not 1 <= jobs <= MOST:
        raise UsageError(f"--jobs {quoted(text)} is no number of cores; expected 1 to {MOST}, as 4.", "JOBS")
    return jobs


@contextmanager
def arrow_threads(jobs: int) -> Iterator[None]:
    """Let Arrow's own threads be no more than `jobs` while the block runs."""
    before = pa.cpu_count(), pa.io_thread_count()
    pa.set_cpu_count(jobs)
    pa.set_io_thread_count(jobs)
    try:
        yield
    finally:
        pa.set_cpu_count(before[0])
        pa.set_io_thread_count(before[1])


def ordered(
    work: Callable[[Item], Result], items: Iterable[Item], jobs: int
) -> Generator[Result, None, None]:
    """Results in the order of the items, `jobs` of them worked on at a time.

    Threads serve, since numpy and Arrow leave the interpreter's lock while they compute. Items are drawn, and
    results handed on, in the caller's thread; at most one more than `jobs` waits, so that memory is bounded.
    Whoever may stop early closes it, which ends the threads.

    Examples
    --------
    >>> list(ordered(abs, [-3, 2, -1], 2))
    [3, 2, 1]
    """
    if jobs <= 1:
        yield from map(work, items)
        return
    pending: deque[Future[Result]] = deque()
    pool = ThreadPoolExecutor(jobs)
    try:
        for item in items:
            pending.append(pool.submit(work, item))
            if len(pending) > jobs:
                yield pending.popleft().result()
        while pending:
            yield pending.popleft().result()
    finally:
        pool.shutdown(wait=True, cancel_futures=True)
