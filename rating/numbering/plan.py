"""The numbering plan of a country: national prefixes to E.164 (tariffs/numbering/)."""

from __future__ import annotations

import csv
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np

from rating.arrays import Bools, Ints
from rating.shipped_data import shipped

NATIONAL_DIGITS = 14
FICTION = "fictif"
"""Word in the category of ranges that reach nobody but stand in samples."""

Cell = tuple[int, int, str, bool]
"""What the plan says of a national prefix: length, digits replaced, E.164 prefix, blocked."""


@dataclass(frozen=True)
class NumberingPlan:
    """National prefixes flattened to intervals of left-aligned national digits (without the leading 0).

    starts : first aligned number of each interval
    length, drop, dropped, prefix, prefix_digits : per interval, the digits that a number must have after the
    0 (0: the plan does not know the prefix), how many of them the E.164 prefix replaces, which, that prefix
    alike : equal for neighbours that turn into E.164 the same way
    blocked : whether no subscriber is given such a number (charge `block`, but for ranges of fiction)
    """

    country: str
    country_code: int
    starts: Ints
    length: Ints
    drop: Ints
    dropped: Ints
    prefix: Ints
    prefix_digits: Ints
    alike: Ints
    blocked: Bools


@cache
def load_plan(country: str) -> NumberingPlan:
    """The shipped plan of a country; KeyError where none ships."""
    path = shipped(Path("numbering") / f"{country}.csv")
    if not path.is_file():
        raise KeyError(country)
    with path.open(encoding="utf-8", newline="") as file:
        rows = [row for row in csv.DictReader(file) if row["national_prefix"][:1] == "0"]
    cells: dict[str, Cell] = {}
    for row in rows:
        digits = row["national_prefix"][1:]
        if digits and digits[0] != "0":
            length = int(row["length"] or 10) - 1
            blocked = row["charge"] == "block" and FICTION not in row["category"]
            cells[digits] = (length, len(digits), row["e164_prefix"] or "33" + digits, blocked)
    edges = {0, 10**NATIONAL_DIGITS}
    for digits in cells:
        step = 10 ** (NATIONAL_DIGITS - len(digits))
        edges |= {int(digits) * step, (int(digits) + 1) * step}
    starts = sorted(edges)
    found = [_longest(cells, f"{start:0{NATIONAL_DIGITS}d}") for start in starts]
    columns = np.array([(cell[0], cell[1], int(cell[2]), len(cell[2])) for cell in found], np.int64)
    domestic = [
        prefix == "33" + f"{start:0{NATIONAL_DIGITS}d}"[:drop]
        for start, (_, drop, prefix, _) in zip(starts, found, strict=True)
    ]
    same = np.array(domestic[1:]) & np.array(domestic[:-1]) & (columns[1:, 0] == columns[:-1, 0])
    alike = np.cumsum(np.append(True, ~same))
    length, drop, prefix, prefix_digits = columns.T
    blocked = np.array([cell[3] for cell in found], bool)
    aligned = np.array(starts, np.int64)
    dropped = aligned // 10 ** (NATIONAL_DIGITS - drop)
    return NumberingPlan(
        country, 33, aligned, length, drop, dropped, prefix, prefix_digits, alike.astype(np.int64), blocked
    )


def _longest(cells: dict[str, Cell], digits: str) -> Cell:
    for end in range(len(digits), 0, -1):
        if digits[:end] in cells and len(digits) == NATIONAL_DIGITS:
            return cells[digits[:end]]
    return 0, 0, "0", False
