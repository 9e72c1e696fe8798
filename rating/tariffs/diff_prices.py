"""Which prices differ between two tariff books, when, and for which prefixes."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import NamedTuple

import numpy as np
import pyarrow as pa

from rating.arrays import Bools, Ints, distinct, group_ids, runs
from rating.tariffs.book import TariffBook
from rating.tariffs.deck import Deck

MONEY = ("price_per_minute", "connect_fee", "price_per_call", "min_charge", "max_charge")
NOTHING = -1
"""No row is in force."""


class Terms(NamedTuple):
    """What a row of the deck says of a call; money in micros, maximum -1 for none."""

    destination: str
    destination_class: str
    price_per_minute: int
    connect_fee: int
    price_per_call: int
    first_s: int
    following_s: int
    min_charge: int
    max_charge: int


@dataclass(frozen=True)
class PriceChange:
    """One difference, and all the prefixes for which it is the same.

    kind : added, removed (a prefix), destination_added, destination_removed, moved (to another destination or
    class), changed (the price or other terms)
    window : name of the time window, empty where the price is for any time
    valid_from, valid_to : local days [from, to), counted from 1970-01-01
    old, new : None where no row is in force
    """

    kind: str
    window: str
    from_second: int
    valid_from: int
    valid_to: int
    old: Terms | None
    new: Terms | None
    prefixes: tuple[str, ...]

    @property
    def destination(self) -> str:
        """The destination after the change, before it where the prefix is removed."""
        terms = self.new or self.old
        return terms.destination if terms else ""


@dataclass(frozen=True)
class _Rows:
    """The rows of both decks, the old one's first, with codes that mean the same in both; shape (rows,).

    key : prefix, window and step; terms : all that the row says; start, end : ranks of days
    key_row, terms_row : a row of each key and of each terms
    """

    old: int
    key: Ints
    terms: Ints
    start: Ints
    end: Ints
    days: Ints
    key_row: Ints
    terms_row: Ints


def price_changes(old: TariffBook, new: TariffBook) -> list[PriceChange]:
    """Differences of what is in force, by destination, then by time."""
    decks = (old.deck, new.deck)
    windows = [np.append(np.array(book.windows.names, object), "") for book in (old, new)]
    texts = {
        "prefix": _join(decks[0].prefixes.take(decks[0].prefix), decks[1].prefixes.take(decks[1].prefix)),
        "window": pa.array(
            np.concatenate([n[d.window] for n, d in zip(windows, decks, strict=True)]), pa.string()
        ),
        "destination": _join(*(deck.destinations.take(deck.destination) for deck in decks)),
        "class": _join(*(deck.classes.take(deck.klass) for deck in decks)),
    }
    rows = _rows(decks, {name: _codes(column) for name, column in texts.items()})
    key, start, end, before, after = _differences(rows)
    second = np.concatenate([deck.from_second for deck in decks])
    terms = _Terms(decks, texts, rows.terms_row)
    known = [set(deck.destinations.to_pylist()) for deck in decks]
    window = _codes(texts["window"])[rows.key_row[key]]
    group, _ = group_ids(window, second[rows.key_row[key]], start, end, before, after)
    order = np.lexsort((rows.key_row[key], group))
    bounds = runs(group[order]).tolist()
    prefixes = texts["prefix"].take(pa.array(rows.key_row[key[order]])).to_pylist()
    changes = []
    for low, high in pairwise(bounds):
        at = int(order[low])
        row = int(rows.key_row[key[at]])
        one, other = terms.of(int(before[at])), terms.of(int(after[at]))
        changes.append(
            PriceChange(
                kind_of(one, other, *known),
                texts["window"][row].as_py(),
                int(second[row]),
                int(rows.days[start[at]]),
                int(rows.days[end[at]]),
                one,
                other,
                tuple(sorted(prefixes[low:high])),
            )
        )
    return sorted(changes, key=_order)


def _order(change: PriceChange) -> tuple[object, ...]:
    return (
        change.destination,
        change.valid_from,
        change.valid_to,
        change.prefixes,
        change.window,
        change.from_second,
    )


def kind_of(old: Terms | None, new: Terms | None, old_names: set[str], new_names: set[str]) -> str:
    """What happened: to a price, to a prefix, or to a whole destination."""
    if old is None:
        return "added" if new is not None and new.destination in old_names else "destination_added"
    if new is None:
        return "removed" if old.destination in new_names else "destination_removed"
    return "changed" if old[:2] == new[:2] else "moved"


def _join(*columns: pa.Array) -> pa.Array:
    return pa.concat_arrays([column.cast(pa.string()) for column in columns])


def _codes(column: pa.Array) -> Ints:
    indices = column.dictionary_encode().indices
    return indices.to_numpy(zero_copy_only=False).astype(np.int64)


def _rows(decks: tuple[Deck, Deck], coded: dict[str, Ints]) -> _Rows:
    def both(name: str) -> Ints:
        return np.concatenate([getattr(deck, name) for deck in decks])

    key, key_row = group_ids(coded["prefix"], coded["window"], both("from_second"))
    numbers = [
        both(name) for name in ("price", "fee", "per_call", "first_s", "following_s", "minimum", "maximum")
    ]
    terms, terms_row = group_ids(coded["destination"], coded["class"], *numbers)
    days, ranks = np.unique(np.concatenate((both("valid_from"), both("valid_to"))), return_inverse=True)
    start, end = ranks[: len(key)], ranks[len(key) :]
    return _Rows(len(decks[0]), key, terms, start, end, days, key_row, terms_row)


def _differences(rows: _Rows) -> tuple[Ints, Ints, Ints, Ints, Ints]:
    """Stretches of days in which a key's terms differ; neighbours with one difference are one stretch.

    Returns
    -------
    (key, start, end, before, after)
        Ranks of days [start, end); terms in the old and the new book, NOTHING where no row is in force.
    """
    width = len(rows.days) + 1
    edges = distinct(np.concatenate((rows.key * width + rows.start, rows.key * width + rows.end)))
    before = _in_force(rows, slice(0, rows.old), edges, width)
    after = _in_force(rows, slice(rows.old, None), edges, width)
    key = edges // width
    differs: Bools = before != after
    begins = differs.copy()
    follows = (key[1:] == key[:-1]) & (before[1:] == before[:-1]) & (after[1:] == after[:-1])
    begins[1:] &= ~(differs[:-1] & follows)
    ends = differs.copy()
    ends[:-1] &= ~(differs[1:] & follows)
    first, last = np.flatnonzero(begins), np.flatnonzero(ends)
    # after a key's last edge nothing is in force in either book, so that no stretch ends there
    return key[first], edges[first] % width, edges[last + 1] % width, before[first], after[first]


def _in_force(rows: _Rows, part: slice, edges: Ints, width: int) -> Ints:
    """Terms of one book from each edge (key and day) on."""
    begin = rows.key[part] * width + rows.start[part]
    until = rows.key[part] * width + rows.end[part]
    order = np.argsort(begin, kind="stable")
    if not len(order):
        return np.full(len(edges), NOTHING)
    at = np.searchsorted(begin[order], edges, "right") - 1
    row = order[np.maximum(at, 0)]
    return np.where((at >= 0) & (edges < until[row]), rows.terms[part][row], NOTHING)


class _Terms:
    """Terms by their code, made once each."""

    def __init__(self, decks: tuple[Deck, Deck], texts: dict[str, pa.Array], terms_row: Ints) -> None:
        rows = pa.array(terms_row)
        numbers = [
            np.concatenate([getattr(deck, name) for deck in decks])[terms_row].tolist()
            for name in ("price", "fee", "per_call", "first_s", "following_s", "minimum", "maximum")
        ]
        names = [texts[name].take(rows).to_pylist() for name in ("destination", "class")]
        self.all = [Terms(*values) for values in zip(*names, *numbers, strict=True)]

    def of(self, code: int) -> Terms | None:
        return None if code == NOTHING else self.all[code]
