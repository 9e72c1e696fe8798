"""One int64 a number: digits left-aligned, then their count.

`+33199000110` is 331990001100000 (15 digits) × 16 + 11. All numbers that start with a prefix are one
interval of keys, so the longest prefix is a binary search; it begins at the prefix's own count of digits, so
that a shorter number (36 among 3600) stays outside. Short numbers (SPEC 4) live above `SHORT`, in a
space of their own, aligned to 6 digits. 0 is no number.
"""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from rating.arrays import Ints

E164_DIGITS = 15
SHORT_DIGITS = 6
SHORT = 1 << 55
COUNT = 16
POW10 = 10 ** np.arange(19, dtype=np.int64)

_LONG_PREFIX = rf"^[1-9][0-9]{{0,{E164_DIGITS - 1}}}$"
_SHORT_PREFIX = rf"^FR:[1-9][0-9]{{0,{SHORT_DIGITS - 1}}}\*?$"


def key_of(value: Ints, digits: Ints) -> Ints:
    """Keys of E.164 numbers given as integers and digit counts, shape (n,)."""
    return value * POW10[E164_DIGITS - digits] * COUNT + digits


def short_key_of(value: Ints, digits: Ints) -> Ints:
    """Keys of short numbers given as integers and digit counts, shape (n,)."""
    return SHORT + value * POW10[SHORT_DIGITS - digits] * COUNT + digits


def spans_of_prefixes(prefixes: pa.Array) -> tuple[Ints, Ints]:
    """Keys [low, high) of the numbers that deck prefixes cover; 0, 0 for what is none (SPEC 12). Shape (n,).

    Examples
    --------
    >>> low, high = spans_of_prefixes(pa.array(["33", "FR:15", "FR:36*", "+33"]))
    >>> paris = key_of(np.array([33199000110]), np.array([11]))
    >>> bool(low[0] <= paris[0] < high[0])
    True
    >>> (high - low).tolist()[1:]  # a whole number; 36, 360 to 369999; none
    [1, 159998, 0]
    """
    long = pc.match_substring_regex(prefixes, _LONG_PREFIX).to_numpy(zero_copy_only=False)
    short = pc.match_substring_regex(prefixes, _SHORT_PREFIX).to_numpy(zero_copy_only=False)
    good = long | short
    digits = pc.if_else(pa.array(good), pc.utf8_trim(prefixes, "FR:*"), "1")
    count = pc.binary_length(digits).to_numpy().astype(np.int64)
    step = POW10[np.where(short, SHORT_DIGITS, E164_DIGITS) - count] * COUNT
    first = np.where(short, SHORT, 0) + pc.cast(digits, pa.int64()).to_numpy() * step
    is_whole = short & ~pc.ends_with(prefixes, "*").to_numpy(zero_copy_only=False)
    high = np.where(is_whole, first + count + 1, first + step)
    return np.where(good, first + count, 0), np.where(good, high, 0)


def span_of_prefix(prefix: str) -> tuple[int, int] | None:
    """Keys [low, high) of the numbers that a deck prefix covers; None where it is no prefix."""
    low, high = spans_of_prefixes(pa.array([prefix], pa.string()))
    return (int(low[0]), int(high[0])) if high[0] else None


def key_texts(keys: Ints) -> pa.Array:
    """Numbers as text: `+33…` for E.164, bare digits for short ones, empty for 0; shape (n,).

    Examples
    --------
    >>> paris, samu = key_of(np.array([331]), np.array([3])), short_key_of(np.array([15]), np.array([2]))
    >>> key_texts(np.concatenate((paris, samu, [0]))).to_pylist()
    ['+331', '15', '']
    """
    short = keys >= SHORT
    inner = np.where(short, keys - SHORT, keys)
    count = np.minimum(inner % COUNT, E164_DIGITS)
    aligned = np.where(short, SHORT_DIGITS, E164_DIGITS)
    value = inner // COUNT // POW10[np.maximum(aligned - count, 0)]
    digits = pc.cast(pa.array(value), pa.string())
    signed = pc.binary_join_element_wise("+", digits, "")
    text = pc.if_else(pa.array(short), digits, signed)
    return pc.if_else(pa.array(keys == 0), pa.scalar(""), text)
