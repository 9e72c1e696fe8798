"""Work on several cores with results that do not show it: always in the order of the items."""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TypeVar

Item = TypeVar("Item")
Result = TypeVar("Result")


def cores() -> int:
    """Cores that this process may use."""
    return len(os.sched_getaffinity(0))


def ordered(work: Callable[[Item], Result], items: Iterable[Item], jobs: int) -> Iterator[Result]:
    """Results in the order of the items, `jobs` of them worked on at a time.

    Threads serve, since numpy and Arrow leave the interpreter's lock while they compute. Items are drawn, and
    results handed on, in the caller's thread; at most one more than `jobs` waits, so that memory is bounded.

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
