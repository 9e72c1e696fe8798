"""Dialled texts to numbers, as whole arrays (choices, "Numbers"; SPEC 4)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from rating.arrays import AnyArray, Bools, Ints
from rating.numbering.keys import E164_DIGITS, POW10, SHORT, key_of, key_texts, short_key_of
from rating.numbering.plan import NATIONAL_DIGITS, NumberingPlan

ANY = np.iinfo(np.int64).max
"""High end of a masked number that may be on either side of a border of the numbering plan."""

_SCHEME = r"^(?i:tel|sips?):"
_TAIL = r"(?s)[@;].*$"
_FILLERS = "[ \u00a0\u202f./()-]"
_DIGITS = r"^\+?[0-9]{1,18}$"
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
    plain = pc.match_substring_regex(dialled, _DIGITS)
    if pc.all(plain).as_py():
        key, _, as_dialled = _keys(dialled, plan, bare_international)
        return Numbers(dialled, key, key, key, as_dialled | (key == 0))
    odd = pc.invert(plain)
    cleaned = _cleaned(dialled.filter(odd))
    clean = pc.replace_with_mask(dialled, odd, cleaned)
    unread = pc.replace_with_mask(odd, odd, pc.invert(pc.match_substring_regex(cleaned, _DIGITS)))
    key, _, as_dialled = _keys(pc.if_else(unread, pa.scalar(""), clean), plan, bare_international)
    as_dialled = (as_dialled & plain.to_numpy(zero_copy_only=False)) | (key == 0)
    low, high = key.copy(), key.copy()
    masked = pc.match_substring_regex(cleaned, _MASKED).to_numpy(zero_copy_only=False)
    if masked.any():
        rows = np.flatnonzero(odd.to_numpy(zero_copy_only=False))[masked]
        stars = clean.take(pa.array(rows))
        one, cell, _ = _keys(pc.replace_substring(stars, "*", "0"), plan, bare_international)
        other, other_cell, _ = _keys(pc.replace_substring(stars, "*", "9"), plan, bare_international)
        good = (one > 0) & (other > 0) & (one < SHORT) & (other < SHORT)
        low[rows] = np.where(good, one, 0)
        high[rows] = np.where(good, np.where(cell == other_cell, other, ANY), 0)
    return Numbers(dialled, key, low, high, as_dialled)


def _cleaned(dialled: pa.Array) -> pa.Array:
    """Texts without scheme, parameters and fillers."""
    clean = pc.utf8_trim_whitespace(dialled)
    clean = pc.replace_substring_regex(clean, _SCHEME, "")
    clean = pc.replace_substring_regex(clean, _TAIL, "")
    return pc.replace_substring_regex(clean, _FILLERS, "")


def _keys(texts: pa.Array, plan: NumberingPlan, bare_international: bool) -> tuple[Ints, Ints, Bools]:
    """Keys of cleaned texts (optional + and digits, or empty), 0 where unreadable; their part of the plan;
    whether the text is E.164 with + already."""
    plus = pc.starts_with(texts, "+").to_numpy(zero_copy_only=False)
    digits = pc.ascii_ltrim(texts, "+")
    count = pc.binary_length(digits).to_numpy(zero_copy_only=False).astype(np.int64)
    fits = (count > 0) & (count <= 18)
    if not fits.all():
        digits = pc.if_else(pa.array(fits), digits, pa.scalar("0"))
    value = pc.cast(digits, pa.int64()).to_numpy(zero_copy_only=False)
    count = np.where(fits, count, 0)
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
    home = valid & (count >= 2) & (value // POW10[np.maximum(count - 2, 0)] == plan.country_code)
    abroad = np.flatnonzero(valid & ~home & (count >= 7) & (count <= 15))
    key[abroad] = key_of(value[abroad], count[abroad])
    rest_count = np.maximum(count - 2, 0)
    rest = value % POW10[rest_count]
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
    whole = plan.prefix[found] * POW10[left] + value[rows] % POW10[left]
    key[rows] = key_of(whole, plan.prefix_digits[found] + left)
    return key, plan.alike[cell]
