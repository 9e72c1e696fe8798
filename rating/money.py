"""Exact money: decimal text at the edges, int64 micros inside, one rounding.

Prices are micros (millionths of the currency unit) per minute or per call. An amount is computed as
`micros × seconds` over 60, an exact integer numerator, and rounded once to `amount_decimals` digits.
"""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from rating.arrays import Bools, Ints

DECIMALS = 6
_PRICE = r"^[0-9]+(\.[0-9]{1,6})?$"


def parse_micros_array(column: pa.Array) -> tuple[Ints, Bools]:
    """Decimal texts to micros, and which of them are prices; shape (n,).

    A price has at most 6 decimals and is below 10,000: price × seconds of the longest call then fits int64.

    Examples
    --------
    >>> micros, good = parse_micros_array(pa.array(["0.0200", "1e3", "10000", "-1"]))
    >>> int(micros[0]), good.tolist()
    (20000, [True, False, False, False])
    """
    good = pc.match_substring_regex(column, _PRICE)
    good = pc.and_(good, pc.match_substring_regex(column, r"^0*[0-9]{1,4}(\.|$)"))
    decimals = pc.cast(pc.if_else(good, column, pa.scalar("0")), pa.decimal128(18, DECIMALS))
    array = decimals.combine_chunks() if isinstance(decimals, pa.ChunkedArray) else decimals
    halves = np.frombuffer(array.buffers()[1], np.int64)
    low = halves[array.offset * 2 : (array.offset + len(array)) * 2 : 2]
    return low.copy(), good.to_numpy(zero_copy_only=False)


def round_half_up(numerator: Ints, denominator: int) -> Ints:
    """Divide amounts >= 0 and round ties away from zero.

    Examples
    --------
    >>> round_half_up(np.array([14, 15, 16]), 10)
    array([1, 2, 2])
    """
    quotient, rest = np.divmod(numerator, denominator)
    return quotient + (rest >= denominator - rest)


def decimal_text(units: int, decimals: int, least: int | None = None) -> str:
    """Integer units of 10**-decimals as decimal text, trailing zeros cut down to `least` digits.

    Examples
    --------
    >>> decimal_text(20000, 6, 4), decimal_text(-15, 1), decimal_text(123456, 6, 4)
    ('0.0200', '-1.5', '0.123456')
    """
    sign, units = ("-", -units) if units < 0 else ("", units)
    whole, fraction = divmod(units, 10**decimals)
    digits = f"{fraction:0{decimals}d}" if decimals else ""
    if least is not None:
        digits = digits[:least] + digits[least:].rstrip("0")
    return f"{sign}{whole}.{digits}" if digits else f"{sign}{whole}"


def decimal_array(units: Ints, decimals: int, empty: Bools | None = None) -> pa.Array:
    """Integer units as an Arrow decimal128(18, decimals) column, null where `empty`."""
    pairs = np.empty((len(units), 2), np.int64)
    pairs[:, 0] = units
    pairs[:, 1] = units >> 63
    validity = None
    if empty is not None and empty.any():
        validity = pa.py_buffer(np.packbits(~empty, bitorder="little").tobytes())
    return pa.Array.from_buffers(
        pa.decimal128(18, decimals), len(units), [validity, pa.py_buffer(pairs.tobytes())]
    )
