"""Two sources of the same calls held against each other, leg by leg, on what they both show: never on ids."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from rating.arrays import NONE, SECOND, AnyArray, Bools, Ints, runs

BATCH = 1 << 21
"""Pairs looked at in one go: bounds the memory on busy trunks."""

ALIKE_S = 1
"""Durations of one call that differ by no more are equal: sources round and cut. [s]"""


@dataclass(frozen=True)
class Tolerance:
    """How far two records of one leg may lie apart. [s]

    seconds : time of an outbound leg; duration_s : its duration
    inbound_s : time and duration of an inbound leg: Teams' records start it before the answer
    """

    seconds: int = 5
    inbound_s: int = 30
    duration_s: int = 2


@dataclass(frozen=True)
class Legs:
    """Call legs of one side, in any order, shape (n,) each.

    trunk : index, the same on both sides; inbound : direction
    setup, answer, release : instants, `answer` NONE where not answered [ns]
    duration_s : 0 where not answered [s]
    a_low, a_high, b_low, b_high : spans of keys that the numbers may be, 0 where unreadable
    id : text that orders legs which are else alike
    """

    trunk: Ints
    inbound: Bools
    setup: Ints
    answer: Ints
    release: Ints
    duration_s: Ints
    a_low: Ints
    a_high: Ints
    b_low: Ints
    b_high: Ints
    id: pa.Array

    def __len__(self) -> int:
        return len(self.trunk)

    @property
    def answered(self) -> Bools:
        return self.answer != NONE


@dataclass(frozen=True)
class Reconciled:
    """Which legs are one call.

    a, b : rows of the pairs, shape (pairs,) each; only_a, only_b : rows without a partner; in order of time
    duration_differs, answer_differs : of each pair, shape (pairs,)
    """

    a: Ints
    b: Ints
    only_a: Ints
    only_b: Ints
    duration_differs: Bools
    answer_differs: Bools

    @property
    def differs(self) -> Bools:
        return self.duration_differs | self.answer_differs


def reconcile(a: Legs, b: Legs, tolerance: Tolerance | None = None) -> Reconciled:
    """Match legs one to one, the nearest in time first; the order of rows does not matter.

    Answered legs are compared at both ends, answer and release; unanswered ones at setup. What is left is
    compared at setup, answered on one side only. Numbers must agree where both are readable, a masked one
    with every number that it may be.

    Examples
    --------
    >>> def legs(seconds, number):
    ...     n, key = len(seconds), np.array(number)
    ...     at = np.array(seconds) * SECOND
    ...     end, no = at + 60 * SECOND, np.zeros(n, np.int64)
    ...     ids = pa.array([str(i) for i in range(n)])
    ...     return Legs(no, no > 0, at, at, end, no + 60, no, no, key, key, ids)
    >>> found = reconcile(legs([10, 500], [7, 8]), legs([501, 12, 12], [8, 9, 7]))
    >>> found.a, found.b, found.only_a, found.only_b
    (array([0, 1]), array([2, 0]), array([], dtype=int64), array([1]))
    """
    tolerance = tolerance or Tolerance()
    free_a, free_b = np.ones(len(a), bool), np.ones(len(b), bool)
    rank_a, rank_b = _rank(a), _rank(b)
    found: list[Ints] = []
    passes = (
        (a.answered, b.answered, True),
        (~a.answered, ~b.answered, False),
        (a.answered, ~b.answered, False),
        (~a.answered, b.answered, False),
    )
    for of_a, of_b, both_answered in passes:
        rows_a, rows_b = np.flatnonzero(of_a & free_a), np.flatnonzero(of_b & free_b)
        pairs = _candidates(a, b, rows_a, rows_b, tolerance, both_answered)
        taken = _nearest_first(pairs, rank_a, rank_b)
        free_a[taken[0]], free_b[taken[1]] = False, False
        found.append(taken)
    one, other = np.concatenate(found, axis=1)
    order = np.lexsort((rank_a[one], _time(a)[one]))
    one, other = one[order], other[order]
    both = a.answered[one] & b.answered[other]
    apart = np.abs(a.duration_s[one] - b.duration_s[other])
    return Reconciled(
        a=one,
        b=other,
        only_a=_in_order(a, free_a, rank_a),
        only_b=_in_order(b, free_b, rank_b),
        duration_differs=both & (apart > ALIKE_S),
        answer_differs=a.answered[one] != b.answered[other],
    )


def _time(legs: Legs) -> Ints:
    return np.where(legs.answered, legs.answer, legs.setup)


def _rank(legs: Legs) -> Ints:
    """Place of each leg by its id: decides where times do not."""
    rank = np.empty(len(legs), np.int64)
    rank[pc.sort_indices(legs.id).to_numpy(zero_copy_only=False)] = np.arange(len(legs))
    return rank


def _in_order(legs: Legs, free: Bools, rank: Ints) -> Ints:
    rows = np.flatnonzero(free)
    return rows[np.lexsort((rank[rows], _time(legs)[rows]))]


def _candidates(
    a: Legs, b: Legs, rows_a: Ints, rows_b: Ints, tolerance: Tolerance, both_answered: bool
) -> Ints:
    """Pairs that may be one call.

    Returns
    -------
    int64 array, shape (4, pairs)
        Row of a, row of b, distance in time [ns], what orders equally distant pairs.
    """
    at_a, at_b = (a.answer, b.answer) if both_answered else (a.setup, b.setup)
    parts = []
    for i, j in _in_window(a, b, at_a, at_b, rows_a, rows_b, tolerance):
        good = _meet(a.a_low[i], a.a_high[i], b.a_low[j], b.a_high[j])
        good &= _meet(a.b_low[i], a.b_high[i], b.b_low[j], b.b_high[j])
        if both_answered:
            most = np.where(
                a.inbound[i], max(tolerance.inbound_s, tolerance.duration_s), tolerance.duration_s
            )
            good &= np.abs(a.duration_s[i] - b.duration_s[j]) <= most
        i, j = i[good], j[good]
        distance = np.abs(at_a[i] - at_b[j])
        if both_answered:
            distance += np.abs(a.release[i] - b.release[j])
        parts.append(np.stack((i, j, distance, at_a[i] // 2 + at_b[j] // 2)))
    return np.concatenate(parts, axis=1) if parts else np.zeros((4, 0), np.int64)


def _meet(low: Ints, high: Ints, other_low: Ints, other_high: Ints) -> Bools:
    """Whether two numbers may be the same: spans overlap, or one cannot be read."""
    return (low == 0) | (other_low == 0) | ((low <= other_high) & (other_low <= high))


def _in_window(
    a: Legs, b: Legs, at_a: Ints, at_b: Ints, rows_a: Ints, rows_b: Ints, tolerance: Tolerance
) -> Iterator[tuple[Ints, Ints]]:
    """Pairs of one trunk and direction within the window, in batches."""
    rows_a = rows_a[np.lexsort((at_a[rows_a], a.inbound[rows_a], a.trunk[rows_a]))]
    rows_b = rows_b[np.lexsort((at_b[rows_b], b.inbound[rows_b], b.trunk[rows_b]))]
    slices = _slices(b, rows_b)
    first, count = np.zeros(len(rows_a), np.int64), np.zeros(len(rows_a), np.int64)
    for group, (start, end) in _slices(a, rows_a).items():
        if group in slices:
            low, high = slices[group]
            window = (tolerance.inbound_s if group[1] else tolerance.seconds) * SECOND
            times, here = at_b[rows_b[low:high]], at_a[rows_a[start:end]]
            first[start:end] = low + np.searchsorted(times, here - window, "left")
            count[start:end] = low + np.searchsorted(times, here + window, "right") - first[start:end]
    total, start = np.cumsum(count), 0
    while start < len(rows_a):
        done = int(total[start - 1]) if start else 0
        end = max(int(np.searchsorted(total, done + BATCH, "right")), start + 1)
        many = count[start:end]
        within = np.arange(int(many.sum())) - np.repeat(np.cumsum(many) - many, many)
        yield np.repeat(rows_a[start:end], many), rows_b[np.repeat(first[start:end], many) + within]
        start = end


def _slices(legs: Legs, rows: Ints) -> dict[tuple[int, bool], tuple[int, int]]:
    """Where each (trunk, inbound) stands among rows in that order."""
    trunk, inbound = legs.trunk[rows], legs.inbound[rows]
    ends = runs(trunk, inbound).tolist() if len(rows) else [0]
    return {(int(trunk[start]), bool(inbound[start])): (start, end) for start, end in pairwise(ends)}


def _nearest_first(pairs: Ints, rank_a: Ints, rank_b: Ints) -> Ints:
    """Pairs taken one after another, nearest first, each row once; shape (2, taken)."""
    i, j, distance, at = pairs
    keys: list[AnyArray] = [rank_b[j], rank_a[i], at, distance]
    order = np.lexsort(keys)
    used_a, used_b, taken = set[int](), set[int](), []
    for pair, one, other in zip(order.tolist(), i[order].tolist(), j[order].tolist(), strict=True):
        if one not in used_a and other not in used_b:
            used_a.add(one)
            used_b.add(other)
            taken.append(pair)
    return pairs[:2, taken] if taken else np.zeros((2, 0), np.int64)
