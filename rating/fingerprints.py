"""64 bits that stand for (source, call_id), so that repeated rows are found without keeping every text."""

from __future__ import annotations

import numpy as np
import pyarrow as pa

from rating.arrays import AnyArray, codes

_WORD = 8
_PRIMES = tuple(np.uint64(value) for value in (0x9E3779B97F4A7C15, 0xBF58476D1CE4E5B9, 0x94D049BB133111EB))
_MASKS = np.array([(1 << (8 * count)) - 1 for count in range(_WORD)] + [(1 << 64) - 1], np.uint64)


def fingerprints(source: pa.DictionaryArray, call_id: pa.Array) -> AnyArray:
    """Fingerprints of CDRs: equal for equal (source, call_id), hardly ever for others; uint64, shape (n,).

    Examples
    --------
    >>> source = pa.array(["sbc", "sbc", "teams"]).dictionary_encode()
    >>> one, two, three = fingerprints(source, pa.array(["c1", "c1", "c1"])).tolist()
    >>> one == two, one == three
    (True, False)
    """
    return _mixed(of_texts(call_id) ^ (of_texts(source.dictionary) * _PRIMES[2])[codes(source)])


def of_texts(texts: pa.Array) -> AnyArray:
    """Fingerprint of each text, by 8 bytes at a time; shape (n,)."""
    n = len(texts)
    found = np.zeros(n, np.uint64)
    if not n:
        return found
    _, offset_buffer, data = texts.buffers()
    offsets = np.frombuffer(offset_buffer, np.int32)[texts.offset : texts.offset + n + 1].astype(np.int64)
    octets = np.zeros(int(offsets[-1] - offsets[0]) + _WORD, np.uint8)
    octets[:-_WORD] = np.frombuffer(data or b"", np.uint8)[offsets[0] : offsets[-1]]
    words = np.ndarray(len(octets) - _WORD + 1, "<u8", octets, strides=(1,))
    starts, lengths = offsets[:-1] - offsets[0], np.diff(offsets)
    found += lengths.astype(np.uint64) * _PRIMES[0]
    rows = np.flatnonzero(lengths)
    for word in range(-(-int(lengths.max()) // _WORD)):
        rows = rows[lengths[rows] > word * _WORD]
        left = np.minimum(lengths[rows] - word * _WORD, _WORD)
        value = words[starts[rows] + word * _WORD] & _MASKS[left]
        found[rows] = _mixed(found[rows] ^ value * _PRIMES[0])
    return found


def _mixed(value: AnyArray) -> AnyArray:
    """Spread every bit over all (the finaliser of splitmix64)."""
    value = (value ^ (value >> np.uint64(30))) * _PRIMES[1]
    value = (value ^ (value >> np.uint64(27))) * _PRIMES[2]
    return value ^ (value >> np.uint64(31))
