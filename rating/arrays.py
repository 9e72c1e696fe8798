"""Array types and the few helpers that every stage needs."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

Ints = npt.NDArray[np.int64]
Bools = npt.NDArray[np.bool_]
AnyArray = npt.NDArray[Any]

NONE = np.iinfo(np.int64).min
"""No instant, in an int64 array of instants (the same bits as NaT)."""

SECOND = 1_000_000_000
"""Nanoseconds in a second."""


_EXACT = 1 << 20


def texts(values: Sequence[str]) -> pa.Array:
    """A plain Arrow text array."""
    return pa.array(values, pa.string())


def encode(values: pa.Array | pa.ChunkedArray) -> pa.DictionaryArray:
    """Dictionary-encode an array, nulls as empty text."""
    array = values.combine_chunks() if isinstance(values, pa.ChunkedArray) else values
    if isinstance(array, pa.ChunkedArray):
        array = pa.concat_arrays(array.chunks) if array.num_chunks else texts([])
    if not pa.types.is_dictionary(array.type):
        array = array.dictionary_encode()
    return array


def codes(column: pa.DictionaryArray) -> AnyArray:
    """The codes of a dictionary column, shape (n,)."""
    return column.indices.to_numpy(zero_copy_only=False)


def recode(indices: AnyArray, values: pa.Array) -> pa.DictionaryArray:
    """A dictionary column from codes and values."""
    return pa.DictionaryArray.from_arrays(pa.array(indices, pa.int32()), values)


def used_codes(code: AnyArray, size: int) -> tuple[Ints, Ints]:
    """Codes that occur, ascending, and the place of each code among them; shape (used,) and (size,)."""
    occurs = np.zeros(size, bool)
    occurs[code] = True
    used = np.flatnonzero(occurs)
    place = np.cumsum(occurs) - 1
    return used, place


def unify(columns: Sequence[pa.DictionaryArray]) -> tuple[AnyArray, pa.Array, list[Ints], Ints]:
    """Put dictionary columns one after the other, with one dictionary of the values that occur.

    Returns
    -------
    (code, values, used, first)
        Codes and values of the whole; of each column, the codes that occur; for each value, where it stands
        first among the values of `used`, one column's after the other.

    Examples
    --------
    >>> one, two = pa.array(["a", "b"]).dictionary_encode(), pa.array(["b", "c", "b"]).dictionary_encode()
    >>> code, values, used, first = unify([one, two])
    >>> code.tolist(), values.to_pylist(), [part.tolist() for part in used], first.tolist()
    ([0, 1, 1, 2, 1], ['a', 'b', 'c'], [[0, 1], [0, 1]], [0, 1, 3])
    """
    used_of, codes_of, base = [], [], 0
    for column in columns:
        code = codes(column)
        used, place = used_codes(code, len(column.dictionary))
        used_of.append(used)
        codes_of.append(place[code] + base)
        base += len(used)
    values = join(
        [column.dictionary.take(pa.array(used)) for column, used in zip(columns, used_of, strict=True)]
    )
    encoded = values.dictionary_encode()
    of_value = codes(encoded)
    first = np.zeros(len(encoded.dictionary), np.int64)
    first[of_value[::-1]] = np.arange(base)[::-1]
    return of_value[np.concatenate(codes_of)], encoded.dictionary, used_of, first


def join(columns: Sequence[pa.Array]) -> pa.Array:
    """Concatenate columns; dictionaries are unified."""
    chunked = pa.chunked_array(columns)
    if pa.types.is_dictionary(chunked.type):
        chunked = chunked.unify_dictionaries()
    joined = chunked.combine_chunks()
    return pa.concat_arrays(joined.chunks) if isinstance(joined, pa.ChunkedArray) else joined


def exact_sum(values: AnyArray) -> int:
    """Sum of int64 values without overflow.

    Examples
    --------
    >>> exact_sum(np.array([2**62, 2**62, 2**62, -1]))
    13835058055282163711
    """
    if not len(values):
        return 0
    high, low = np.divmod(values, 1 << 32)
    return int(high.sum()) * (1 << 32) + int(low.sum())


def exact_sums(values: AnyArray, group: AnyArray, groups: int) -> list[int]:
    """Sum of the int64 values >= 0 of each group, without overflow; list of `groups`.

    Examples
    --------
    >>> exact_sums(np.array([2**62, 2**62, 7]), np.array([0, 0, 1]), 2)
    [9223372036854775808, 7]
    """
    total = [0] * groups
    for start in range(0, len(values), _EXACT):
        part, which = values[start : start + _EXACT], group[start : start + _EXACT]
        for shift in (0, 31) if int(part.max()) >> 31 else (0,):
            # float64 holds sums of 2**20 values below 2**32 exactly
            weights = part >> shift if shift else part & 0x7FFF_FFFF
            for i, found in enumerate(np.bincount(which, weights, groups).tolist()):
                total[i] += int(found) << shift
    return total


def is_among(values: AnyArray, wanted: AnyArray) -> Bools:
    """Whether each value is among some, ascending ones; shape (n,)."""
    if not len(wanted):
        return np.zeros(len(values), bool)
    at = np.searchsorted(wanted, values)
    return wanted[np.minimum(at, len(wanted) - 1)] == values


def group_ids(*keys: AnyArray) -> tuple[Ints, Ints]:
    """Number the groups of equal keys, in key order.

    Returns
    -------
    (ids, first) : int64 arrays
        Group of each element, shape (n,); index of one element of each group, shape (groups,).
    """
    if not len(keys[0]):
        return np.zeros(0, np.int64), np.zeros(0, np.int64)
    order = np.lexsort(keys[::-1])
    changed = np.zeros(len(order), bool)
    for key in keys:
        ordered = key[order]
        changed[1:] |= ordered[1:] != ordered[:-1]
    ids = np.empty(len(order), np.int64)
    ids[order] = np.cumsum(changed)
    first = order[np.concatenate(([True], changed[1:]))]
    return ids, first


def runs(*keys: AnyArray) -> Ints:
    """Start of each run of equal neighbours, and the end: shape (runs + 1,).

    Examples
    --------
    >>> runs(np.array([4, 4, 7]))
    array([0, 2, 3])
    """
    n = len(keys[0])
    changed = np.zeros(n, bool)
    changed[:1] = True
    for key in keys:
        changed[1:] |= key[1:] != key[:-1]
    return np.concatenate((np.flatnonzero(changed), [n])).astype(np.int64)


def distinct(values: AnyArray) -> AnyArray:
    """The values that occur, ascending (np.unique hashes them, and is slow on many far apart).

    Examples
    --------
    >>> distinct(np.array([7, 4, 7]))
    array([4, 7])
    """
    ordered = np.sort(values)
    return ordered[runs(ordered)[:-1]]
