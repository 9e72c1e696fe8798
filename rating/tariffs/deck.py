"""The rate deck: priced prefixes, laid out for a binary search (SPEC 4, 7)."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from rating.arrays import Ints, distinct, runs

NO_WINDOW = -1
NO_MAXIMUM = -1
ALWAYS_FROM, ALWAYS_TO = -(1 << 40), 1 << 40


@dataclass(frozen=True)
class Deck:
    """Rows of rate_deck.csv in file order, shape (rows,) each.

    low, high : span of number keys [low, high) of the prefix
    prefix, destination, klass : codes into `prefixes`, `destinations`, `classes`
    price, fee, per_call, minimum, maximum : micros; NO_MAXIMUM where there is none
    first_s, following_s, from_second : seconds
    valid_from, valid_to : local days since 1970-01-01, [from, to)
    window : index of the time window, or NO_WINDOW
    """

    prefixes: pa.Array
    destinations: pa.Array
    classes: pa.Array
    low: Ints
    high: Ints
    prefix: Ints
    destination: Ints
    klass: Ints
    price: Ints
    fee: Ints
    per_call: Ints
    first_s: Ints
    following_s: Ints
    minimum: Ints
    maximum: Ints
    valid_from: Ints
    valid_to: Ints
    window: Ints
    from_second: Ints
    line: Ints
    _in_force: dict[int, InForce] = field(default_factory=dict, compare=False)

    def __len__(self) -> int:
        return len(self.low)

    def edges(self) -> Ints:
        """Days on which the rows in force change, ascending."""
        return distinct(np.concatenate((self.valid_from, self.valid_to)))

    def by_day(self, days: Ints) -> Iterator[tuple[Ints, InForce]]:
        """Split days into groups for which the same rows are in force: (positions, rows in force)."""
        edges = self.edges()
        epoch = np.searchsorted(edges, days, "right")
        for found in distinct(epoch):
            positions = np.flatnonzero(epoch == found)
            day = int(days[positions[0]])
            if int(found) not in self._in_force:
                self._in_force[int(found)] = rows_in_force(self, day)
            yield positions, self._in_force[int(found)]

    def codes_of(self, values: pa.Array, names: list[str]) -> Ints:
        """Codes of names in `destinations` or `classes`; names that are not there have none."""
        found = pc.index_in(pa.array(names, pa.string()), values)
        return found.drop_null().to_numpy(zero_copy_only=False).astype(np.int64)


@dataclass(frozen=True)
class InForce:
    """The rows of one stretch of days, as disjoint intervals of number keys.

    starts, row : first key of each interval, and the base row of its longest prefix (-1: none)
    more_from, more : the rows beside base row r (windows, steps) are more[more_from[r]:more_from[r + 1]]
    """

    starts: Ints
    row: Ints
    more_from: Ints
    more: Ints

    def find(self, low: Ints, high: Ints) -> Ints:
        """Base row of numbers; -1 where none matches, or several do for a masked one. Shape (n,)."""
        if not len(self.starts):
            return np.full(len(low), -1)
        place = np.searchsorted(self.starts, low, "right") - 1
        found = np.where(place >= 0, self.row[np.maximum(place, 0)], -1)
        masked = np.flatnonzero(low != high)
        if len(masked):
            end = np.searchsorted(self.starts, high[masked], "right") - 1
            found[masked[end != place[masked]]] = -1
        return found


def rows_in_force(deck: Deck, day: int) -> InForce:
    """Flatten the prefixes in force on a day, longest prefix winning."""
    valid = (deck.valid_from <= day) & (day < deck.valid_to)
    base = np.flatnonzero(valid & (deck.window == NO_WINDOW) & (deck.from_second == 0))
    starts, row = flatten(deck.low[base], deck.high[base], base)
    others = np.flatnonzero(valid & ~((deck.window == NO_WINDOW) & (deck.from_second == 0)))
    base_of_prefix = np.full(len(deck.prefixes), -1)
    base_of_prefix[deck.prefix[base]] = base
    owner = base_of_prefix[deck.prefix[others]]
    order = np.argsort(owner, kind="stable")
    more_from = np.searchsorted(owner[order], np.arange(len(deck) + 1))
    return InForce(starts, row, more_from.astype(np.int64), others[order])


def flatten(low: Ints, high: Ints, rows: Ints) -> tuple[Ints, Ints]:
    """Nested spans to disjoint intervals, the innermost span winning.

    Examples
    --------
    >>> starts, row = flatten(np.array([10, 12]), np.array([20, 14]), np.array([0, 1]))
    >>> starts.tolist(), row.tolist()
    ([10, 12, 14, 20], [0, 1, 0, -1])
    """
    order = np.lexsort((-high, low))
    low, high, rows = low[order], high[order], rows[order]
    around = _enclosing(low, high)
    starts = distinct(np.concatenate((low, high)))
    inner = np.searchsorted(low, starts, "right") - 1
    while (past := (inner >= 0) & (high[inner] <= starts)).any():
        inner[past] = around[inner[past]]
    owner = np.append(rows, -1)[inner]
    changes = runs(owner)[:-1]
    return starts[changes], owner[changes]


def _enclosing(low: Ints, high: Ints) -> Ints:
    """The smallest span around each of nested spans, in order of their low ends; -1 where there is none."""
    depth = np.arange(len(low)) - np.searchsorted(np.sort(high), low, "right")
    around = np.full(len(low), -1)
    for level in range(1, depth.max(initial=0) + 1):
        outer, inner = np.flatnonzero(depth == level - 1), np.flatnonzero(depth == level)
        around[inner] = outer[np.searchsorted(outer, inner) - 1]
    return around
