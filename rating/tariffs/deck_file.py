"""rate_deck.csv to a `Deck`, with every fault of the file (SPEC 7, 12)."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import combinations, pairwise
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from rating.arrays import NONE, SECOND, Bools, Ints, codes, runs
from rating.csvtext import CODED, parse_lines, split_header
from rating.instants import parse
from rating.money import parse_micros_array
from rating.numbering import spans_of_prefixes
from rating.tariffs.deck import ALWAYS_FROM, ALWAYS_TO, NO_MAXIMUM, NO_WINDOW, Deck
from rating.yamlfile import Document

REQUIRED = ("prefix", "destination", "class", "country", "price_per_minute")
OPTIONAL = {
    "connect_fee": "0",
    "price_per_call": "0",
    "first_s": "60",
    "following_s": "60",
    "min_charge": "0",
    "max_charge": "",
    "valid_from": "",
    "valid_to": "",
    "window": "",
    "from_second": "0",
}
MONEY = "a decimal >= 0 and < 10000 with at most 6 decimals, as 0.0200"
PREFIX = "digits without +, or FR: and a short number, as 331, FR:15 or FR:118*"


def read_deck(path: Path, file: str, windows: tuple[str, ...]) -> tuple[Document, Deck | None]:
    """Read a rate deck; None where its faults leave nothing to lay out."""
    doc = Document(file, "TARIFF")
    try:
        data = path.read_bytes()
    except OSError as error:
        doc.fault(0, "", None, f"cannot be read ({error.strerror})", "a readable rate_deck.csv", "FILE")
        return doc, None
    head, _, body = data.partition(b"\n")
    names, delimiter = split_header(head)
    if b"\r" in head.rstrip(b"\r"):
        doc.fault(
            1, "header", None, "has a carriage return inside the line", "line ends of LF or CR LF", "HEADER"
        )
        return doc, None
    if not _header_is_good(doc, names):
        return doc, None
    parsed = parse_lines(body, names, dict.fromkeys(names, CODED), delimiter)
    for at, problem in parsed.bad:
        doc.fault(at + 2, "line", None, problem, "one value a column", "DECK")
    line = parsed.lines + 2
    try:
        columns = {name: _Column.of(column) for name, column in parsed.columns.items()}
    except pa.ArrowInvalid:
        at = _first_bad_byte(data)
        byte = f"\\x{data[at]:02x}"
        doc.fault(data[:at].count(b"\n") + 1, "byte", byte, "is not UTF-8", "UTF-8 text", "FILE")
        return doc, None
    for name, default in OPTIONAL.items():
        columns[name] = columns[name].filled(default) if name in columns else _Column.same(default, len(line))
    deck = _typed(doc, columns, line, windows)
    if not doc.faults:
        _check_rows_together(doc, deck)
    return doc, deck


def _first_bad_byte(data: bytes) -> int:
    try:
        data.decode()
    except UnicodeDecodeError as error:
        return error.start
    return 0


def _header_is_good(doc: Document, names: list[str]) -> bool:
    before = len(doc.faults)
    for name in sorted({name for name in names if names.count(name) > 1}):
        doc.fault(1, "column", name, "occurs twice", "each column once", "HEADER")
    for name in [name for name in names if name not in REQUIRED and name not in OPTIONAL]:
        doc.fault(1, "column", name, "is unknown", "one of " + ", ".join([*REQUIRED, *OPTIONAL]), "HEADER")
    for name in [name for name in REQUIRED if name not in names]:
        doc.fault(1, "column", name, "is missing", "columns " + ", ".join(REQUIRED), "HEADER")
    return len(doc.faults) == before


@dataclass(frozen=True)
class _Column:
    """A column of text in which few texts occur often: each is read once.

    code : index into `values` of each row, shape (rows,)
    """

    code: Ints
    values: pa.Array

    @classmethod
    def of(cls, column: pa.DictionaryArray) -> _Column:
        return cls(codes(column).astype(np.int64), column.dictionary.cast(pa.string()))

    @classmethod
    def same(cls, text: str, rows: int) -> _Column:
        return cls(np.zeros(rows, np.int64), pa.array([text], pa.string()))

    def filled(self, default: str) -> _Column:
        """The column with a default where it is empty."""
        return _Column(self.code, pc.if_else(pc.equal(self.values, ""), default, self.values))

    def is_empty(self) -> Bools:
        return pc.equal(self.values, "").to_numpy(zero_copy_only=False)


class _Reader:
    """Columns of the deck to arrays, faults noted by line."""

    def __init__(self, doc: Document, columns: dict[str, _Column], line: Ints) -> None:
        self.doc, self.columns, self.line = doc, columns, line

    def fault(self, rows: Bools, name: str, problem: str, expected: str, code: str) -> None:
        column = self.columns[name]
        for row in np.flatnonzero(rows).tolist():
            value = column.values[int(column.code[row])].as_py()
            self.doc.fault(int(self.line[row]), name, value, problem, expected, code)

    def fault_of_values(self, wrong: Bools, name: str, problem: str, expected: str, code: str) -> None:
        """Note a fault in each row whose text is wrong."""
        if wrong.any():
            self.fault(wrong[self.columns[name].code], name, problem, expected, code)

    def money(self, name: str, empty: int = 0) -> Ints:
        column = self.columns[name]
        blank = column.is_empty()
        micros, good = parse_micros_array(column.values)
        wrong = ~good & ~blank if name == "max_charge" else ~good
        self.fault_of_values(wrong, name, "is no price", MONEY, "DECIMAL")
        return np.where(blank, empty, micros)[column.code]

    def seconds(self, name: str, least: int) -> Ints:
        column = self.columns[name]
        good = pc.match_substring_regex(column.values, "^[0-9]{1,6}$")
        value = pc.cast(pc.if_else(good, column.values, "1"), pa.int64()).to_numpy(zero_copy_only=False)
        wrong = ~good.to_numpy(zero_copy_only=False) | (value < least)
        code = "INCREMENTS" if least else "DECK"
        expected = f"whole seconds >= {least}, below 1000000"
        self.fault_of_values(wrong, name, "is no length of time", expected, code)
        return np.where(wrong, 1, value)[column.code]

    def days(self, name: str, empty: int) -> Ints:
        column = self.columns[name]
        blank = column.is_empty()
        wall, _, good = parse(pc.binary_join_element_wise(column.values, "00:00", "T"))
        wrong = ~blank & (~good | (wall == NONE))
        self.fault_of_values(wrong, name, "is no date", "a date as 2026-10-01", "DATE")
        return np.where(blank | (wall == NONE), empty, wall // (86_400 * SECOND))[column.code]

    def windows(self, known: tuple[str, ...]) -> Ints:
        column = self.columns["window"]
        found = pc.fill_null(pc.index_in(column.values, pa.array(known, pa.string())), NO_WINDOW)
        window = found.to_numpy(zero_copy_only=False).astype(np.int64)
        expected = "a window of windows.yaml: " + (", ".join(known) or "it has none")
        unknown = ~column.is_empty() & (window == NO_WINDOW)
        self.fault_of_values(unknown, "window", "is unknown", expected, "WINDOW")
        return window[column.code]

    def coded(self, name: str) -> tuple[Ints, pa.Array]:
        column = self.columns[name]
        self.fault_of_values(column.is_empty(), name, "is empty", "a value", "DECK")
        return column.code, column.values


def _typed(doc: Document, columns: dict[str, _Column], line: Ints, windows: tuple[str, ...]) -> Deck:
    read = _Reader(doc, columns, line)
    prefix, prefixes = read.coded("prefix")
    low, high = spans_of_prefixes(prefixes)
    unreadable = (high == 0) & ~columns["prefix"].is_empty()
    read.fault_of_values(unreadable, "prefix", "is no prefix", PREFIX, "PREFIX")
    destination, destinations = read.coded("destination")
    klass, classes = read.coded("class")
    deck = Deck(
        prefixes=prefixes,
        destinations=destinations,
        classes=classes,
        low=low[prefix],
        high=high[prefix],
        prefix=prefix,
        destination=destination,
        klass=klass,
        price=read.money("price_per_minute"),
        fee=read.money("connect_fee"),
        per_call=read.money("price_per_call"),
        first_s=read.seconds("first_s", 1),
        following_s=read.seconds("following_s", 1),
        minimum=read.money("min_charge"),
        maximum=read.money("max_charge", NO_MAXIMUM),
        valid_from=read.days("valid_from", ALWAYS_FROM),
        valid_to=read.days("valid_to", ALWAYS_TO),
        window=read.windows(windows),
        from_second=read.seconds("from_second", 0),
        line=line,
    )
    wrong = (deck.maximum != NO_MAXIMUM) & (deck.minimum > deck.maximum)
    read.fault(wrong, "min_charge", "is above max_charge", "min_charge <= max_charge", "CHARGE")
    read.fault(
        deck.valid_from >= deck.valid_to, "valid_to", "is not after valid_from", "from < to", "VALIDITY"
    )
    return deck


def _check_rows_together(doc: Document, deck: Deck) -> None:
    """Rows of one prefix: no overlap, a base row whenever any is in force, one destination and class."""
    many = np.flatnonzero((np.bincount(deck.prefix) > 1)[deck.prefix])
    order = many[
        np.lexsort((deck.valid_from[many], deck.from_second[many], deck.window[many], deck.prefix[many]))
    ]
    one, next_one = order[:-1], order[1:]
    overlap = deck.valid_from[next_one] < deck.valid_to[one]
    for key in (deck.prefix, deck.window, deck.from_second):
        overlap &= key[next_one] == key[one]
    for before, after in zip(one[overlap].tolist(), next_one[overlap].tolist(), strict=True):
        prefix = deck.prefixes[int(deck.prefix[before])].as_py()
        problem = f"has validity that overlaps line {deck.line[before]}"
        doc.fault(int(deck.line[after]), "prefix", prefix, problem, "one row in force at a time", "OVERLAP")
    if overlap.any():
        return
    odd = np.zeros(len(deck.prefixes), bool)
    odd[deck.prefix[_without_base(deck)]] = True
    rows = np.flatnonzero(odd[deck.prefix])
    rows = rows[np.argsort(deck.prefix[rows], kind="stable")]
    bounds = runs(deck.prefix[rows]).tolist()
    for start, end in pairwise(bounds):
        _check_prefix(doc, deck, rows[start:end])


def _without_base(deck: Deck) -> Ints:
    """Rows for a window or a step that no one base row of their prefix, destination and class outlasts.

    Only their prefixes can be wrong: most decks have none, and a few need to be looked at day by day.
    """
    special = (deck.window != NO_WINDOW) | (deck.from_second != 0)
    of_special = np.zeros(len(deck.prefixes), bool)
    of_special[deck.prefix[special]] = True
    rows = np.flatnonzero(of_special[deck.prefix])
    rows = rows[np.lexsort((special[rows], deck.valid_from[rows], deck.prefix[rows]))]
    latest_base = rows[np.maximum.accumulate(np.where(special[rows], 0, np.arange(len(rows))))]
    good = ~special[latest_base] & (deck.valid_to[latest_base] >= deck.valid_to[rows])
    for key in (deck.prefix, deck.destination, deck.klass):
        good &= key[latest_base] == key[rows]
    return rows[~good]


def _check_prefix(doc: Document, deck: Deck, rows: Ints) -> None:
    base = (deck.window[rows] == NO_WINDOW) & (deck.from_second[rows] == 0)
    prefix = deck.prefixes[int(deck.prefix[rows[0]])].as_py()
    for day in np.unique(np.concatenate((deck.valid_from[rows], deck.valid_to[rows]))):
        now = (deck.valid_from[rows] <= day) & (day < deck.valid_to[rows])
        if not now.any():
            continue
        line = int(deck.line[rows[now][-1]])
        if not (now & base).any():
            problem = "has rows with a window or from_second but none without"
            doc.fault(line, "prefix", prefix, problem, "a row without window and from_second 0", "WINDOW")
            return
        if len(np.unique(deck.destination[rows[now]])) > 1 or len(np.unique(deck.klass[rows[now]])) > 1:
            problem = "has rows of several destinations or classes"
            doc.fault(line, "prefix", prefix, problem, "one destination and class a prefix", "DECK")
            return


def window_pairs(deck: Deck) -> set[tuple[int, int, int, int]]:
    """Pairs of different windows that rows of one prefix use while both are in force: (one, other, lines)."""
    windowed = np.flatnonzero(deck.window != NO_WINDOW)
    columns = (deck.prefix, deck.window, deck.valid_from, deck.valid_to, deck.line)
    by_prefix: dict[int, list[tuple[int, int, int, int]]] = {}
    for prefix, window, start, end, line in zip(*(c[windowed].tolist() for c in columns), strict=True):
        by_prefix.setdefault(prefix, []).append((window, start, end, line))
    found: dict[tuple[int, int], tuple[int, int, int, int]] = {}
    for rows in by_prefix.values():
        for (window, start, end, line), (other, other_start, other_end, other_line) in combinations(rows, 2):
            together = max(start, other_start) < min(end, other_end)
            if window != other and together:
                found.setdefault((window, other), (window, other, line, other_line))
    return set(found.values())
