"""How calls fared: answered, blocked, reached; how long they took to ring and lasted."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from rating.arrays import Bools, Ints, exact_sums
from rating.channels.attempts import Attempts

MILLISECOND = 1_000_000


@dataclass(frozen=True)
class Quality:
    """Some calls of a trunk or site.

    attempts : all; answered, blocked, refused, reached : of these (attempts.py)
    talk_s : seconds answered; holding : time for which channels were held [ns]
    delays : calls of which the post-dial delay is known; its median and 95th percentile, by nearest rank,
        None where there is none [ms]

    Examples
    --------
    >>> some = Quality(10, 6, 2, 0, 7, 600, 0, 0, None, None)
    >>> some.asr, some.asr_of_seizures, some.ner, some.acd_s
    (0.6, 0.75, 0.7, 100.0)
    """

    attempts: int
    answered: int
    blocked: int
    refused: int
    reached: int
    talk_s: int
    holding: int
    delays: int
    delay_median_ms: int | None
    delay_p95_ms: int | None

    @property
    def seizures(self) -> int:
        """Calls that got a channel."""
        return self.attempts - self.blocked - self.refused

    @property
    def asr(self) -> float | None:
        """Answered of all attempts."""
        return _ratio(self.answered, self.attempts)

    @property
    def asr_of_seizures(self) -> float | None:
        """Answered of those that got a channel (ITU-T E.425: answer seizure ratio)."""
        return _ratio(self.answered, self.seizures)

    @property
    def ner(self) -> float | None:
        """Network effectiveness ratio (ITU-T E.425): attempts that reached the called user."""
        return _ratio(self.reached, self.attempts)

    @property
    def blocking(self) -> float | None:
        """Blocked of those that sought a channel."""
        return _ratio(self.blocked, self.attempts - self.refused)

    @property
    def acd_s(self) -> float | None:
        """Average call duration: seconds a call answered. [s]"""
        return _ratio(self.talk_s, self.answered)

    @property
    def holding_s(self) -> float | None:
        """Mean time for which a call that got a channel held it. [s]"""
        return _ratio(self.holding, self.seizures * 1000 * MILLISECOND)


def qualities(attempts: Attempts, group: Ints, groups: int) -> list[Quality]:
    """The figures of each group's calls.

    Parameters
    ----------
    group : of each call, shape (n,)
    """

    def count(mask: Bools) -> list[int]:
        return np.bincount(group[mask], minlength=groups).tolist()

    everything = np.ones(len(attempts), bool)
    holding = np.where(attempts.seized, attempts.end - attempts.begin, 0)
    columns = [
        count(everything),
        count(attempts.answered),
        count(attempts.blocked),
        count(attempts.refused),
        count(attempts.reached),
        exact_sums(attempts.duration_s, group, groups),
        exact_sums(holding, group, groups),
        *_delays(attempts, group, groups),
    ]
    return [Quality(*figures) for figures in zip(*columns, strict=True)]


def _delays(attempts: Attempts, group: Ints, groups: int) -> list[list[int | None]]:
    """How many are known, their median and their 95th percentile by nearest rank."""
    rows = np.flatnonzero(attempts.delay >= 0)
    of, delay = group[rows], attempts.delay[rows]
    delay = delay[np.lexsort((delay, of))]
    count = np.bincount(of, minlength=groups)
    first = np.cumsum(count) - count
    found: list[list[int | None]] = [count.tolist()]
    for percent in (50, 95):
        rank = -(-count * percent // 100) - 1
        at = (first + rank)[count > 0]
        values = iter(((delay[at] + MILLISECOND // 2) // MILLISECOND).tolist())
        found.append([next(values) if some else None for some in count.tolist()])
    return found


def _ratio(part: int, whole: int) -> float | None:
    return part / whole if whole else None
