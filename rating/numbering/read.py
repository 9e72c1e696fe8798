"""Dialled texts to numbers, as whole arrays (choices, "Numbers"; SPEC 4)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from rating.arrays import AnyArray, Bools, Ints
from rating.numbering.digits import Digits, read_digits
from rating.numbering.keys import E164_DIGITS, POW10, SHORT, key_of, key_texts, short_key_of
from rating.numbering.plan import NATIONAL_DIGITS, NumberingPlan

ANY = np.iinfo(np.int64).max
"""High end of a masked number that may be on either side of a border of the numbering plan."""

AT_ONCE = 1 << 15
"""Texts that are read at a time: what is made of them stays in the processor's cache."""

_SCHEME = r"^(?i:tel|sips?):"
_TAIL = r"(?s)[@;].*$"
_FILLERS = "[ \u00a0\u202f./()-]"
_MASKED = r"^\+?[0-9]{1,18}\*{1,18}$"


@dataclass(frozen=True)
class Numbers:
    """Numbers read from texts, shape (n,) each.

    dialled : the texts
    key : the number, 0 where it is masked or unreadable
    low, high : the span of keys that it may be: both `key`, or a masked number's ends, or 0
    as_dialled : whether results write the number as it was dialled
    """

    dialled: pa.Array
    key: Ints
    low: Ints
    high: Ints
    as_dialled: Bools

    @property
    def readable(self) -> Bools:
        """Neither empty nor unreadable (masked numbers are readable)."""
        return self.low > 0

    @property
    def text(self) -> pa.Array:
        """As results write them: E.164 with +, short digits, or the text as it came."""
        rows = np.flatnonzero(~self.as_dialled)
        if not len(rows):
            return self.dialled
        return pc.replace_with_mask(self.dialled, pa.array(~self.as_dialled), key_texts(self.key[rows]))


def join_numbers(dialled: pa.Array, parts: list[Numbers], rows: list[Ints], first: Ints) -> Numbers:
    """Some numbers of some parts, once each.

    Parameters
    ----------
    rows : of each part, those that are taken
    first : where each of `dialled` stands first among all that are taken
    """

    def joined(name: str) -> AnyArray:
        return np.concatenate([getattr(part, name)[at] for part, at in zip(parts, rows, strict=True)])[first]

    return Numbers(dialled, joined("key"), joined("low"), joined("high"), joined("as_dialled"))


def read_numbers(dialled: pa.Array, plan: NumberingPlan, bare_international: bool = False) -> Numbers:
    """Read dialled texts by a country's numbering plan.

    Parameters
    ----------
    dialled : Arrow text array, shape (n,)
    bare_international : bool
        Whether the source writes E.164 without `+`.

    Examples
    --------
    >>> from rating.numbering import load_plan
    >>> dialled = pa.array(["01 99 00 01 10", "+33 3639", "0262000000", "alice", "+3363998****"])
    >>> numbers = read_numbers(dialled, load_plan("FR"))
    >>> numbers.text.to_pylist()
    ['+33199000110', '3639', '+262262000000', 'alice', '+3363998****']
    >>> (numbers.key > 0).tolist()
    [True, True, True, False, False]
    """
    starts = range(0, max(len(dialled), 1), AT_ONCE)
    parts = [_read(dialled.slice(start, AT_ONCE), plan, bare_international) for start in starts]
    if len(parts) == 1:
        return parts[0]
    key, as_dialled = (
        np.concatenate([getattr(part, name) for part in parts]) for name in ("key", "as_dialled")
    )
    if all(part.low is part.key for part in parts):
        return Numbers(dialled, key, key, key, as_dialled)
    low, high = (np.concatenate([getattr(part, name) for part in parts]) for name in ("low", "high"))
    return Numbers(dialled, key, low, high, as_dialled)


def _read(dialled: pa.Array, plan: NumberingPlan, bare_international: bool) -> Numbers:
    digits = read_digits(dialled)
    key, _, as_dialled = _keys(digits, plan, bare_international)
    if digits.is_plain.all():
        return Numbers(dialled, key, key, key, as_dialled | (key == 0))
    odd = np.flatnonzero(~digits.is_plain)
    cleaned = _cleaned(dialled.take(pa.array(odd)))
    key[odd], _, _ = _keys(read_digits(cleaned), plan, bare_international)
    low, high = key.copy(), key.copy()
    masked = np.flatnonzero(pc.match_substring_regex(cleaned, _MASKED).to_numpy(zero_copy_only=False))
    if len(masked):
        rows, stars = odd[masked], cleaned.take(pa.array(masked))
        (one, cell, _), (other, other_cell, _) = (
            _keys(read_digits(pc.replace_substring(stars, "*", end)), plan, bare_international)
            for end in "09"
        )
        good = (one > 0) & (other > 0) & (one < SHORT) & (other < SHORT)
        low[rows] = np.where(good, one, 0)
        high[rows] = np.where(good, np.where(cell == other_cell, other, ANY), 0)
    return Numbers(dialled, key, low, high, as_dialled | (key == 0))


def _cleaned(dialled: pa.Array) -> pa.Array:
    """Texts without scheme, parameters and fillers."""
    clean = pc.utf8_trim_whitespace(dialled)
    clean = pc.replace_substring_regex(clean, _SCHEME, "")
    clean = pc.replace_substring_regex(clean, _TAIL, "")
    return pc.replace_substring_regex(clean, _FILLERS, "")


def _keys(digits: Digits, plan: NumberingPlan, bare_international: bool) -> tuple[Ints, Ints, Bools]:
    """Keys, 0 where unreadable; their part of the plan; whether the text is E.164 with + already."""
    value, count, plus = digits.value, digits.count, digits.plus
    double_zero = ~plus & (count >= 2) & (value < POW10[np.maximum(count - 2, 0)])
    single_zero = ~plus & ~double_zero & (count >= 2) & (value < POW10[np.maximum(count - 1, 0)])
    bare = ~plus & ~double_zero & ~single_zero & (count >= 2)
    key, cell = np.zeros(len(value), np.int64), np.full(len(value), -1)

    rows = np.flatnonzero(plus | double_zero | (bare & (count >= 7) & bare_international))
    after_zeros = count[rows] - np.where(double_zero[rows], 2, 0)
    key[rows], cell[rows] = _international(value[rows], after_zeros, plan)
    rows = np.flatnonzero(single_zero)
    key[rows], cell[rows] = _national(value[rows], count[rows] - 1, plan)
    rows = np.flatnonzero(bare & (count <= 6))
    key[rows] = short_key_of(value[rows], count[rows])
    most = np.minimum(count, E164_DIGITS)
    return key, cell, plus & (key > 0) & (count == most) & (key == key_of(value, most))


def _starts_with_0(value: Ints, count: Ints) -> Bools:
    return value < POW10[np.maximum(count - 1, 0)]


def _international(value: Ints, count: Ints, plan: NumberingPlan) -> tuple[Ints, Ints]:
    """Step 4: digits after `+` or `00`."""
    key, cell = np.zeros(len(value), np.int64), np.full(len(value), -1)
    valid = (count >= 1) & ~_starts_with_0(value, count)
    rest_count = np.maximum(count - 2, 0)
    size = POW10[rest_count]
    rest = value - plan.country_code * size
    home = valid & (count >= 2) & (rest >= 0) & (rest < size)
    abroad = np.flatnonzero(valid & ~home & (count >= 7) & (count <= 15))
    key[abroad] = key_of(value[abroad], count[abroad])
    zero = _starts_with_0(rest, rest_count)
    short = home & (rest_count >= 2) & (rest_count <= 6) & ~zero
    rows = np.flatnonzero(short)
    key[rows] = short_key_of(rest[rows], rest_count[rows])
    rows = np.flatnonzero(home & ~short & (rest_count >= 2))
    key[rows], cell[rows] = _national(rest[rows], rest_count[rows] - zero[rows], plan)
    return key, cell


def _national(value: Ints, count: Ints, plan: NumberingPlan) -> tuple[Ints, Ints]:
    """Step 5: digits after the leading 0."""
    fits = (count >= 1) & (count <= NATIONAL_DIGITS) & ~_starts_with_0(value, count)
    aligned = np.where(fits, value, 0) * POW10[np.where(fits, NATIONAL_DIGITS - count, 0)]
    cell = np.searchsorted(plan.starts, aligned, "right") - 1
    fits &= plan.length[cell] == count
    rows = np.flatnonzero(fits)
    found, left = cell[rows], count[rows] - plan.drop[cell[rows]]
    key = np.zeros(len(value), np.int64)
    whole = (plan.prefix - plan.dropped)[found] * POW10[left] + value[rows]
    key[rows] = key_of(whole, plan.prefix_digits[found] + left)
    return key, plan.alike[cell]
