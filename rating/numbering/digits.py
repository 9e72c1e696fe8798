"""Texts of digits to integers, eight bytes at a time."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from rating.arrays import AnyArray, Bools, Ints

MOST_DIGITS = 18
"""As many as an int64 holds whatever they are."""

_WORD = 8
_ZEROS = np.uint64(0x3030303030303030)
_HIGH_HALVES = np.uint64(0xF0F0F0F0F0F0F0F0)
_SIXES = np.uint64(0x0606060606060606)
_LAST = np.array([0] + [(1 << 64) - (1 << (8 * (_WORD - count))) for count in range(1, 9)], np.uint64)
"""Masks of the last `count` bytes of a word, first byte lowest."""
_PAIRS = tuple(
    (np.uint64(mask), np.uint64(factor), np.uint64(shift))
    for mask, factor, shift in (
        (0x0F0F0F0F0F0F0F0F, (10 << 8) + 1, 8),
        (0x00FF00FF00FF00FF, (100 << 16) + 1, 16),
        (0x0000FFFF0000FFFF, (10_000 << 32) + 1, 32),
    )
)
"""How neighbouring digits, pairs and fours of a word become one."""


@dataclass(frozen=True)
class Digits:
    """What texts hold, shape (n,) each.

    value, count : the digits as an integer, and how many they are; 0 where the text is none
    plus : whether a + stands before them
    is_plain : whether the text is an optional + and 1 to 18 digits
    """

    value: Ints
    count: Ints
    plus: Bools
    is_plain: Bools


def read_digits(texts: pa.Array) -> Digits:
    """Read texts that may be an optional + and 1 to 18 digits.

    Parameters
    ----------
    texts : Arrow string array without nulls, shape (n,)

    Examples
    --------
    >>> found = read_digits(pa.array(["+33199000110", "3639", "+", "", "12a", "1234567890123456789"]))
    >>> found.value.tolist(), found.count.tolist()
    ([33199000110, 3639, 0, 0, 0, 0], [11, 4, 0, 0, 0, 0])
    >>> found.plus.tolist(), found.is_plain.tolist()
    ([True, False, False, False, False, False], [True, True, False, False, False, False])
    """
    n = len(texts)
    if not n:
        none = np.zeros(0, np.int64)
        return Digits(none, none, none.astype(bool), none.astype(bool))
    _, offset_buffer, data = texts.buffers()
    offsets = np.frombuffer(offset_buffer, np.int32)[texts.offset : texts.offset + n + 1].astype(np.int64)
    # three words may be read that end where a text ends
    octets = np.zeros(int(offsets[-1] - offsets[0]) + 3 * _WORD, np.uint8)
    octets[3 * _WORD :] = np.frombuffer(data or b"", np.uint8)[offsets[0] : offsets[-1]]
    words = np.ndarray(len(octets) - _WORD + 1, "<u8", octets, strides=(1,))
    ends = offsets[1:] - offsets[0] + 2 * _WORD
    length = np.diff(offsets)
    plus = (octets[np.minimum(ends + _WORD - length, len(octets) - 1)] == ord("+")) & (length > 0)
    count = length - plus
    is_plain = (count > 0) & (count <= MOST_DIGITS)
    value, good = _word(words, ends, np.minimum(count, _WORD))
    is_plain &= good
    for word, factor in ((1, 10**_WORD), (2, 10 ** (2 * _WORD))):
        rows = np.flatnonzero(is_plain & (count > word * _WORD))
        if not len(rows):
            break
        part, good = _word(words, ends[rows] - word * _WORD, np.minimum(count[rows] - word * _WORD, _WORD))
        value[rows] += part * factor
        is_plain[rows] = good
    return Digits(np.where(is_plain, value, 0), np.where(is_plain, count, 0), plus & is_plain, is_plain)


def _word(words: AnyArray, at: Ints, count: Ints) -> tuple[Ints, Bools]:
    """The last `count` digits of the word at each place, and whether they are digits."""
    mask = _LAST[count]
    word = (words[at] & mask) | (_ZEROS & ~mask)
    good: Bools = ((word & _HIGH_HALVES) == _ZEROS) & (((word + _SIXES) & _HIGH_HALVES) == _ZEROS)
    for pairs, factor, shift in _PAIRS:
        word &= pairs
        word *= factor
        word >>= shift
    return word.astype(np.int64), good
