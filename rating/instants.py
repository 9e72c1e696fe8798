"""Instants as text, read as whole arrays (choices, "Instants")."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from rating.arrays import NONE, SECOND, AnyArray, Bools, Ints, distinct
from rating.zone import FIRST_YEAR, LAST_YEAR, Zone

RULE = "an instant as 2026-10-05T02:14:00Z or 2026-10-05T04:14:00.250+02:00"

_MONTH_DAYS = np.array([31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31])
_LONGEST = 35
_UTC = pa.timestamp("ns", "UTC")
_FIRST, _LAST = (int(np.datetime64(str(year), "ns").astype(np.int64)) for year in (FIRST_YEAR, LAST_YEAR + 1))


def parse(column: pa.Array) -> tuple[Ints, Bools, Bools]:
    """Read instants from text.

    Parameters
    ----------
    column : Arrow text or binary array, shape (n,)

    Returns
    -------
    (wall, offset_given, good)
        Nanoseconds since 1970-01-01 in UTC where the text has an offset, else of its wall clock (NONE where
        empty or unreadable); whether it has an offset; whether it is empty or readable. Shape (n,).

    Examples
    --------
    >>> wall, offset_given, good = parse(pa.array(["1970-01-01T01:00:01.5+01:00", "1970-02-30T00:00Z", ""]))
    >>> int(wall[0]), offset_given.tolist(), good.tolist()
    (1500000000, [True, False, False], [True, False, True])
    """
    n = len(column)
    data, offsets = _buffers(column)
    lengths = np.diff(offsets)
    good = lengths == 0
    common = _parse_common(column, lengths) if n else None
    if common is not None:
        return common, ~good, np.ones(n, bool)
    wall = np.full(n, NONE)
    offset_given = np.zeros(n, bool)
    for length in distinct(lengths):
        if 16 <= length <= _LONGEST:
            rows = np.flatnonzero(lengths == length)
            grid = _grid(data, offsets[rows], int(length))
            wall[rows], offset_given[rows], good[rows] = _parse_grid(grid)
    return wall, offset_given, good


def _parse_common(column: pa.Array, lengths: Ints) -> Ints | None:
    """Instants of a column in which every text is empty or UTC with 0 to 9 digits of fraction, by Arrow's
    own parser, ten times as fast; None where that parser does not take every text as the rules here do."""
    longest = int(lengths.max())
    plain = (lengths == 0) | (lengths == 20) | ((lengths >= 22) & (lengths <= 30))
    if longest < 20 or not plain.all():
        return None
    texts = column if pa.types.is_string(column.type) else column.view(pa.string())
    if not pc.all(pc.or_(pc.ends_with(texts, "Z"), pa.array(lengths == 0))).as_py():
        return None
    try:
        found = pc.cast(texts if lengths.all() else pc.if_else(pa.array(lengths == 0), None, texts), _UTC)
    except pa.ArrowInvalid:
        return None
    wall: Ints = pc.fill_null(found.view(pa.int64()), NONE).to_numpy(zero_copy_only=False)
    inside = (wall >= _FIRST) & (wall < _LAST)
    return wall if (inside | (lengths == 0)).all() else None


def _buffers(column: pa.Array) -> tuple[AnyArray, Ints]:
    """The bytes of a text array and the offsets into them, shape (n + 1,)."""
    if column.null_count:
        column = column.fill_null("" if pa.types.is_string(column.type) else b"")
    _, offsets, data = column.buffers()
    if not len(column):
        return np.zeros(0, np.uint8), np.zeros(1, np.int64)
    found = np.frombuffer(offsets, np.int32)[column.offset : column.offset + len(column) + 1]
    return np.frombuffer(data or b"", np.uint8), found.astype(np.int64)


def _grid(data: AnyArray, starts: Ints, length: int) -> AnyArray:
    """Texts of one length as a byte matrix, a row for each character: shape (length, n)."""
    if len(starts) and len(starts) * length == starts[-1] + length - starts[0]:
        texts = data[starts[0] : starts[0] + len(starts) * length].reshape(-1, length)
        return np.ascontiguousarray(texts.T)
    return data[starts[None, :] + np.arange(length)[:, None]]


def _digits(grid: AnyArray, start: int, end: int) -> tuple[Ints, Bools]:
    """The number in characters start..end, and whether all are digits."""
    good: Bools = np.ones(grid.shape[1], bool)
    value = np.zeros(grid.shape[1], np.int64)
    for row in range(start, end):
        digit = grid[row] - np.uint8(48)
        good &= digit <= 9
        value *= 10
        value += digit
    return value, good


def _is(grid: AnyArray, row: int, characters: bytes) -> Bools:
    found: Bools = grid[row] == characters[0]
    for character in characters[1:]:
        found |= grid[row] == character
    return found


def _parse_grid(grid: AnyArray) -> tuple[Ints, Bools, Bools]:
    """Texts of one length: try each form of offset that fits the tail."""
    length, n = grid.shape
    wall, offset_given, good = np.full(n, NONE), np.zeros(n, bool), np.zeros(n, bool)
    zulu = _is(grid, length - 1, b"Zz")
    colon = _is(grid, length - 6, b"+-") & _is(grid, length - 3, b":")
    plain = _is(grid, length - 5, b"+-") & ~colon & (length - 5 >= 16)
    hours = _is(grid, length - 3, b"+-") & (length - 3 >= 16)
    for mask, tail in (
        (zulu, 1),
        (colon & ~zulu, 6),
        (plain & ~zulu, 5),
        (hours & ~zulu & ~plain, 3),
        (~(zulu | colon | plain | hours), 0),
    ):
        rows = np.flatnonzero(mask)
        if not len(rows):
            continue
        part = grid if len(rows) == n else grid[:, rows]
        value, fine = _parse_clock(part[: length - tail])
        if tail > 1:
            shift, shift_fine = _parse_offset(part[length - tail :])
            value = value - shift
            fine &= shift_fine
        wall[rows] = np.where(fine, value, NONE)
        good[rows] = fine
        offset_given[rows] = fine & (tail > 0)
    return wall, offset_given, good


def _parse_offset(grid: AnyArray) -> tuple[Ints, Bools]:
    length, n = grid.shape
    hours, good = _digits(grid, 1, 3)
    minutes = np.zeros(n, np.int64)
    if length > 3:
        minutes, fine = _digits(grid, length - 2, length)
        good &= fine
    good &= (hours <= 23) & (minutes <= 59)
    sign = np.where(grid[0] == ord("-"), -1, 1)
    return sign * (hours * 3600 + minutes * 60) * SECOND, good


def _parse_clock(grid: AnyArray) -> tuple[Ints, Bools]:
    """YYYY-MM-DDTHH:MM[:SS[.f]] without offset."""
    length, n = grid.shape
    if length not in (16, 19) and not 21 <= length <= 29:
        return np.full(n, NONE), np.zeros(n, bool)
    (year, g1), (month, g2), (day, g3) = _digits(grid, 0, 4), _digits(grid, 5, 7), _digits(grid, 8, 10)
    (hour, g4), (minute, g5) = _digits(grid, 11, 13), _digits(grid, 14, 16)
    good = g1 & g2 & g3 & g4 & g5 & _is(grid, 4, b"-") & _is(grid, 7, b"-")
    good &= _is(grid, 10, b"T ") & _is(grid, 13, b":")
    second, fraction = np.zeros(n, np.int64), np.zeros(n, np.int64)
    if length >= 19:
        second, fine = _digits(grid, 17, 19)
        good &= fine & _is(grid, 16, b":")
    if length > 19:
        fraction, fine = _digits(grid, 20, length)
        good &= fine & _is(grid, 19, b".,")
        fraction = fraction * 10 ** (29 - length)
    leap = (year % 4 == 0) & ((year % 100 != 0) | (year % 400 == 0))
    days = _MONTH_DAYS[np.clip(month, 1, 12) - 1] + (leap & (month == 2))
    good &= (year >= FIRST_YEAR) & (year <= LAST_YEAR) & (month >= 1) & (month <= 12)
    good &= (day >= 1) & (day <= days) & (hour <= 23) & (minute <= 59) & (second <= 59)
    seconds = (_days_from_civil(year, month, day) * 24 + hour) * 3600 + minute * 60 + second
    return np.where(good, seconds, 0) * SECOND + fraction, good


def _days_from_civil(year: Ints, month: Ints, day: Ints) -> Ints:
    """Days since 1970-01-01 of the Gregorian calendar."""
    shifted = year - (month <= 2)
    era = shifted // 400
    of_era = shifted - era * 400
    of_year = (153 * ((month + 9) % 12) + 2) // 5 + day - 1
    return era * 146_097 + of_era * 365 + of_era // 4 - of_era // 100 + of_year - 719_468


def resolve(wall: Ints, offset_given: Bools, zone: Zone, ambiguous: str) -> tuple[Ints, Bools, Bools]:
    """Turn wall clocks without offset into instants of a zone.

    Parameters
    ----------
    ambiguous : "first", "second" or "reject"
        Which instant a wall clock that occurs twice means.

    Returns
    -------
    (utc, twice, missing)
        Instants [ns]; wall clocks left unresolved because they occur twice; those that do not exist.
    """
    local = ~offset_given & (wall != NONE)
    twice, missing = np.zeros(len(wall), bool), np.zeros(len(wall), bool)
    if not local.any():
        return wall, twice, missing
    rows = np.flatnonzero(local)
    first, second, exists = zone.from_local(wall[rows])
    utc = wall.copy()
    utc[rows] = second if ambiguous == "second" else first
    missing[rows] = ~exists
    if ambiguous == "reject":
        twice[rows] = exists & (first != second)
    return utc, twice, missing


def parse_one(text: str, zone: Zone) -> int | None:
    """One instant or local date of a settings file; None where it is neither or not one instant. [ns]"""
    wall, offset_given, good = parse(pa.array([text + "T00:00" if len(text) == 10 else text]))
    if not good[0] or wall[0] == NONE:
        return None
    if len(text) == 10:
        return zone.midnight(int(wall[0] // (86_400 * SECOND)))
    utc, twice, missing = resolve(wall, offset_given, zone, "reject")
    return None if twice[0] or missing[0] else int(utc[0])
