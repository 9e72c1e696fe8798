"""Rejected rows, however many: a Python object only for those that are looked at."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import overload

import numpy as np
import pyarrow as pa

from rating.arrays import Ints, codes, texts
from rating.errors import Reject

AT_ONCE = 65_536
"""Rejects that are made objects at a time."""


@dataclass(frozen=True)
class Packed:
    """Some rejects as arrays; words : the text without file and line, which often repeats."""

    file: Ints
    line: Ints
    code: pa.DictionaryArray
    words: pa.DictionaryArray


def packed(rejects: list[Reject], names: Sequence[str]) -> Packed:
    """Rejects as arrays; names : of the inputs."""
    words = [reject.text.removeprefix(_place(names[reject.file], reject.line)) for reject in rejects]
    return Packed(
        np.array([reject.file for reject in rejects], np.int64),
        np.array([reject.line for reject in rejects], np.int64),
        texts([reject.code for reject in rejects]).dictionary_encode(),
        texts(words).dictionary_encode(),
    )


class Rejects(Sequence[Reject]):
    """The rejects of a run in order of file and line.

    Parameters
    ----------
    names : of the inputs

    Examples
    --------
    >>> found = [Reject(0, 7, "CDR-TIME", "a.csv:7: is odd."), Reject(0, 2, "CDR-TIME", "a.csv:2: is odd.")]
    >>> rejects = Rejects([packed(found, ["a.csv"])], ["a.csv"])
    >>> rejects[0]
    Reject(file=0, line=2, code='CDR-TIME', text='a.csv:2: is odd.')
    >>> len(rejects), rejects.by_code()
    (2, {'CDR-TIME': 2})
    """

    def __init__(self, parts: Sequence[Packed], names: Sequence[str]) -> None:
        none = np.zeros(0, np.int64)
        self._names = names
        self._texts = [(part.code, part.words) for part in parts]
        self._starts = np.cumsum([0, *(len(part.file) for part in parts)])
        file = np.concatenate([none, *(part.file for part in parts)])
        line = np.concatenate([none, *(part.line for part in parts)])
        self._order = np.lexsort((line, file))
        self.file, self.line = file[self._order], line[self._order]

    def __len__(self) -> int:
        return len(self.file)

    @overload
    def __getitem__(self, item: int) -> Reject: ...

    @overload
    def __getitem__(self, item: slice) -> list[Reject]: ...

    def __getitem__(self, item: int | slice) -> Reject | list[Reject]:
        rows = np.arange(len(self))[item]
        return self._at(rows) if isinstance(item, slice) else self._at(np.array([rows]))[0]

    def __iter__(self) -> Iterator[Reject]:
        for start in range(0, len(self), AT_ONCE):
            yield from self[start : start + AT_ONCE]

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Sequence) and list(self) == list(other)

    __hash__ = None  # type: ignore[assignment]

    def by_code(self) -> dict[str, int]:
        """How many rows each code rejected."""
        found: Counter[str] = Counter()
        for code, _ in self._texts:
            counts = np.bincount(codes(code), minlength=len(code.dictionary)).tolist()
            found.update(dict(zip(code.dictionary.to_pylist(), counts, strict=True)))
        return dict(sorted(found.items()))

    def _at(self, rows: Ints) -> list[Reject]:
        places = self._order[rows]
        part_of = np.searchsorted(self._starts, places, "right") - 1
        found: list[tuple[str, str]] = [("", "")] * len(rows)
        for part in np.unique(part_of).tolist():
            at = np.flatnonzero(part_of == part)
            taken = pa.array(places[at] - self._starts[part])
            code, words = (column.take(taken).dictionary_decode().to_pylist() for column in self._texts[part])
            for i, pair in zip(at.tolist(), zip(code, words, strict=True), strict=True):
                found[i] = pair
        where = zip(self.file[rows].tolist(), self.line[rows].tolist(), strict=True)
        return [
            Reject(file, line, code, _place(self._names[file], line) + words)
            for (file, line), (code, words) in zip(where, found, strict=True)
        ]


def _place(name: str, line: int) -> str:
    return f"{name}:{line}: "
