"""Local stamps and a duration: three facts that tell even the hour that occurs twice (SPEC 2).

A duration is never a difference of local stamps: a call of 600 s runs from 02:55 to 02:05 in October. The
stamps say when, the duration says how long: `release = answer + duration`.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import product

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
    apart : stamps and durations do not fit each other, whatever the stamps mean
    """

    setup: Ints
    answer: Ints
    release: Ints
    unread: Bools
    twice: Bools
    missing: Bools
    apart: Bools


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
    anchors = _Candidates.where(answered, answers, starts)
    length, whole = np.where(answered, talk, total), np.where(answered, total, UNKNOWN)
    early, late, fits = _readings(starts, anchors, ends, length, whole)
    open_choice = (early.anchor != late.anchor) | (early.release != late.release)
    second = open_choice & (options.ambiguous == "second")
    chosen = np.where(second, late.anchor, early.anchor)
    release = np.where(second, late.release, early.release)
    before = np.where(whole != UNKNOWN, release - whole, chosen)
    began = np.where(answered & ~starts.empty, starts.nearest(before, chosen), chosen)
    began = np.where(began - chosen <= TOLERANCE, np.minimum(began, chosen), began)
    unread = starts.unread | answers.unread | ends.unread | anchors.empty
    missing = starts.missing | answers.missing | ends.missing
    return Spans(
        setup=np.where(unread, NONE, began),
        answer=np.where(answered & ~unread, chosen, NONE),
        release=np.where(unread, NONE, release),
        unread=unread,
        twice=open_choice & ~unread & ~missing & (options.ambiguous == "reject"),
        missing=missing & ~unread,
        apart=~fits & ~unread & ~missing,
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

    def meanings(self) -> list[Ints]:
        """The instants that the stamps may mean: one array, or two where any occurs twice."""
        return [self.first, self.second] if (self.first != self.second).any() else [self.first]

    def nearest(self, to: Ints, latest: Ints) -> Ints:
        """The candidate nearest to an instant, not after another."""
        second_fits = (self.second <= latest) & (np.abs(self.second - to) < np.abs(self.first - to))
        return np.where(second_fits, self.second, self.first)


@dataclass(frozen=True)
class _Reading:
    """What the stamps of each row may mean: answer (setup where unanswered) and release, shape (n,). [ns]"""

    anchor: Ints
    release: Ints

    def replaced(self, where: Bools, other: _Reading) -> _Reading:
        """Another reading in some rows."""
        return _Reading(
            np.where(where, other.anchor, self.anchor), np.where(where, other.release, self.release)
        )

    def precedes(self, other: _Reading) -> Bools:
        """Earlier answer, then earlier release."""
        same = self.anchor == other.anchor
        return (self.anchor < other.anchor) | (same & (self.release < other.release))


def _readings(
    starts: _Candidates, anchors: _Candidates, ends: _Candidates, length: Ints, whole: Ints
) -> tuple[_Reading, _Reading, Bools]:
    """Earliest and latest reading among those that fit the durations, and whether any does.

    Where none does, all are possible. `length` : anchor to end, `whole` : start to end [ns]
    """
    early = _reading(anchors.first, ends.first, ends.second, length)
    late = _reading(anchors.second, ends.second, ends.second, length)
    found: Bools = np.zeros(len(length), bool)
    for start, anchor, end in product(starts.meanings(), anchors.meanings(), ends.meanings()):
        reading = _reading(anchor, end, end, length)
        fits = ends.empty | (length == UNKNOWN) | (np.abs(end - reading.release) <= TOLERANCE)
        fits &= starts.empty | (whole == UNKNOWN) | (np.abs(reading.release - start - whole) <= TOLERANCE)
        fits &= (starts.empty | (start - anchor <= TOLERANCE)) & (reading.release >= anchor)
        early = early.replaced(fits & (~found | reading.precedes(early)), reading)
        late = late.replaced(fits & (~found | late.precedes(reading)), reading)
        found |= fits
    return early, late, found


def _reading(anchor: Ints, end: Ints, later_end: Ints, length: Ints) -> _Reading:
    """Release by the length where it is known, else by the end, the later one where the end precedes."""
    known_end = np.where(end < anchor, later_end, end)
    return _Reading(anchor, np.where(length != UNKNOWN, anchor + length, known_end))
