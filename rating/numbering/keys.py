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


def key_of(value: Ints, digits: Ints) -> Ints:
    """Keys of E.164 numbers given as integers and digit counts, shape (n,)."""
    return value * POW10[E164_DIGITS - digits] * COUNT + digits


def short_key_of(value: Ints, digits: Ints) -> Ints:
    """Keys of short numbers given as integers and digit counts, shape (n,)."""
    return SHORT + value * POW10[SHORT_DIGITS - digits] * COUNT + digits


def span_of_prefix(prefix: str) -> tuple[int, int] | None:
    """Keys [low, high) of the numbers that a deck prefix covers; None where it is no prefix (SPEC 12).

    Examples
    --------
    >>> low, high = span_of_prefix("33")
    >>> low <= int(key_of(np.array(33199000110), np.array(11))) < high
    True
    >>> low, high = span_of_prefix("FR:15")
    >>> high - low  # a whole number
    1
    """
    if prefix.startswith("FR:"):
        digits = prefix[3:].removesuffix("*")
        if not (digits.isascii() and digits.isdigit()) or len(digits) > SHORT_DIGITS or digits[0] == "0":
            return None
        step = 10 ** (SHORT_DIGITS - len(digits)) * COUNT
        low = SHORT + int(digits) * step
        end = low + step if prefix.endswith("*") else low + len(digits) + 1
        return low + len(digits), end
    if not (prefix.isascii() and prefix.isdigit()) or len(prefix) > E164_DIGITS or prefix[0] == "0":
        return None
    step = 10 ** (E164_DIGITS - len(prefix)) * COUNT
    return int(prefix) * step + len(prefix), (int(prefix) + 1) * step


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
