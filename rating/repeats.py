"""Rows that repeat another's (source, call_id), in all files of a run together (SPEC 2)."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from rating.arrays import AnyArray, Bools, Ints, is_among, runs
from rating.placing import find_repeats, gather
from rating.rejects import Packed, packed
from rating.schema import Calls
from rating.shelf import Shelf
from rating.sources.reading import InputFile

AT_ONCE = 1 << 20
"""Rows that are compared at a time."""

_LINES = 40
"""Bits of a line number."""


@dataclass(frozen=True)
class Repeats:
    """Rows that are not rated since they repeat others, as places in files, ascending.

    duplicate : of equal rows, all but the first; conflict : rows of one id with different content
    """

    duplicate: Ints
    conflict: Ints
    rejects: list[Packed]

    def masks(self, calls: Calls) -> tuple[Bools, Bools]:
        """(duplicate, conflict) of calls, shape (n,) each."""
        if not len(self.duplicate) and not len(self.conflict):
            return np.zeros(len(calls), bool), np.zeros(len(calls), bool)
        places = _places(calls)
        return is_among(places, self.duplicate), is_among(places, self.conflict)


def find_all(shelf: Shelf, files: list[InputFile]) -> Repeats:
    """Find them: ids of one fingerprint are brought together, and then compared in full."""
    duplicates, conflicts = [np.zeros(0, np.int64)], [np.zeros(0, np.int64)]
    rejects: list[Packed] = []
    for wanted in _batches(shelf.prints()):
        parts = list(shelf.having(wanted))
        suspects = gather(parts)
        duplicate, conflict, wrong = find_repeats(suspects, files)
        places = _places(suspects.calls)
        duplicates.append(places[duplicate])
        conflicts.append(places[conflict])
        rejects.append(packed(wrong, [entry.name for entry in files]))
    return Repeats(np.sort(np.concatenate(duplicates)), np.sort(np.concatenate(conflicts)), rejects)


def _batches(prints: AnyArray) -> Iterator[AnyArray]:
    """Fingerprints that occur more than once, ascending, of about AT_ONCE rows at a time."""
    prints.sort()
    again = prints[1:][prints[1:] == prints[:-1]]
    if not len(again):
        return
    repeated = again[np.append(True, again[1:] != again[:-1])]
    rows = np.searchsorted(again, repeated, "right") + np.arange(len(repeated))
    bounds = runs(rows // AT_ONCE).tolist()
    for start, end in pairwise(bounds):
        yield repeated[start:end]


def _places(calls: Calls) -> Ints:
    return (calls.file.astype(np.int64) << _LINES) | calls.line
