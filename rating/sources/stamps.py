"""Local stamps and a duration: three facts that tell even the hour that occurs twice (SPEC 2).

A duration is never a difference of local stamps: a call of 600 s runs from 02:55 to 02:05 in October. The
stamps say when,
the duration says how long: `release = answer + duration`.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from rating.arrays import NONE, SECOND, Bools, Ints
from rating.instants import parse
from rating.schema import INSTANT
from rating.sources.block import Options

UNKNOWN = -1
"""A duration that the source does not give. [ns]"""

TOLERANCE = 2 * SECOND
"""Stamps are whole seconds, cut or rounded: by so much may they differ from the duration."""


@dataclass(frozen=True)
class Spans:
    """Instants of calls, NONE where empty [ns]; shape (n,) each.

    unread : a stamp is no time; twice : it occurs twice and nothing tells which; missing : it does not exist
    """

    setup: Ints
    answer: Ints
    release: Ints
    unread: Bools
    twice: Bools
    missing: Bools


def spans_of(
    setup: pa.Array, answer: pa.Array, end: pa.Array, talk: Ints, total: Ints, options: Options
) -> Spans:
    """Resolve stamps by the durations that come with them.

    Parameters
    ----------
    setup, answer, end : text of the stamps, local where they have no offset; answer empty where unanswered
    talk, total : answer to end, setup to end, UNKNOWN where not given [ns]

    Examples
    --------
    >>> from rating.zone import Zone
    >>> stamps = [pa.array([f"2026-10-25 {time}"]) for time in ("02:54:50", "02:55:00", "02:05:00")]
    >>> talk, total = np.array([600 * SECOND]), np.array([UNKNOWN])
    >>> spans = spans_of(*stamps, talk, total, Options(Zone("Europe/Paris")))
    >>> int(spans.release[0] - spans.answer[0]) // SECOND, bool(spans.twice[0])
    (600, False)
    """
    starts, answers, ends = (_Candidates(column, options) for column in (setup, answer, end))
    answered = ~answers.empty
    anchor = _Candidates.where(answered, answers, starts)
    length = np.where(answered, talk, total)
    chosen, chosen_end, open_choice = _pair(anchor, ends, length, options)
    release = np.where(length != UNKNOWN, chosen + length, chosen_end)
    whole = np.where(answered, total, UNKNOWN)
    before = np.where(whole != UNKNOWN, release - whole, chosen)
    began = np.where(answered, starts.nearest(before, chosen), chosen)
    began = np.where(starts.empty, chosen, began)
    unread = starts.unread | answers.unread | ends.unread | anchor.empty
    missing = starts.missing | answers.missing | ends.missing
    return Spans(
        setup=np.where(unread, NONE, np.minimum(began, chosen)),
        answer=np.where(answered & ~unread, chosen, NONE),
        release=np.where(unread, NONE, release),
        unread=unread,
        twice=open_choice & ~unread & ~missing,
        missing=missing & ~unread,
    )


def column(instants: Ints) -> pa.Array:
    """Instants as a typed column of a `Block`."""
    return pa.array(instants, pa.int64(), mask=instants == NONE).cast(INSTANT)


@dataclass
class _Candidates:
    """The one or two instants that each stamp may mean."""

    first: Ints
    second: Ints
    empty: Bools
    unread: Bools
    missing: Bools

    def __init__(self, texts: pa.Array, options: Options) -> None:
        wall, offset_given, good = parse(texts)
        self.empty, self.unread = (wall == NONE) & good, ~good
        self.first, self.second = wall.copy(), wall.copy()
        self.missing = np.zeros(len(wall), bool)
        local = np.flatnonzero(~offset_given & (wall != NONE))
        if len(local):
            first, second, exists = options.zone.from_local(wall[local])
            self.first[local], self.second[local], self.missing[local] = first, second, ~exists

    @staticmethod
    def where(mask: Bools, one: _Candidates, other: _Candidates) -> _Candidates:
        """One of two, row by row."""
        found = object.__new__(_Candidates)
        for name in ("first", "second", "empty", "unread", "missing"):
            setattr(found, name, np.where(mask, getattr(one, name), getattr(other, name)))
        return found

    def nearest(self, to: Ints, latest: Ints) -> Ints:
        """The candidate nearest to an instant, not after another."""
        second_fits = (self.second <= latest) & (np.abs(self.second - to) < np.abs(self.first - to))
        return np.where(second_fits, self.second, self.first)


def _pair(start: _Candidates, end: _Candidates, length: Ints, options: Options) -> tuple[Ints, Ints, Bools]:
    """Start and end that fit the length, and where several do and the choice is open."""
    n = len(length)
    best, best_end = start.first.copy(), end.first.copy()
    fits_first, fits_second = np.zeros(n, bool), np.zeros(n, bool)
    for fits, one in ((fits_first, start.first), (fits_second, start.second)):
        for other in (end.first, end.second):
            fits |= ~end.empty & (length != UNKNOWN) & (np.abs(other - one - length) <= TOLERANCE)
    is_double = start.first != start.second
    told = is_double & (fits_first != fits_second)
    open_choice = is_double & ~told
    second = (told & fits_second) | (open_choice & (options.ambiguous == "second"))
    best = np.where(second, start.second, best)
    later = (end.first < best) | (np.abs(end.second - best - length) < np.abs(end.first - best - length))
    best_end = np.where(later & ((length != UNKNOWN) | (end.first < best)), end.second, best_end)
    return best, best_end, open_choice & (options.ambiguous == "reject")
