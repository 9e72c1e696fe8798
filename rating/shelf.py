"""Placed calls, kept until all are read: in memory, or on disk when they are many.

A month is rated trunk by trunk, but files hold the trunks mixed. Each part that arrives is sorted by trunk,
so that the calls of a portion (a few trunks that stand together) are one slice of every part.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from dataclasses import dataclass, fields
from itertools import pairwise
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa

from rating.arrays import AnyArray, Bools, Ints, codes, recode, texts
from rating.fingerprints import fingerprints
from rating.numbering import NumberingPlan, read_numbers
from rating.placing import Placed, gather
from rating.schema import ACCOUNTCODE, Calls

PORTION = 1 << 18
"""Calls that a portion holds at most, but for a trunk that has more. The Parquet output follows it."""

IN_MEMORY = 800 << 20
"""Bytes of calls that are kept in memory; beyond, all are written to disk."""

STRETCHES = 256
"""Into how many stretches of trunks a part on disk is divided."""


class Portion(NamedTuple):
    """Trunks [first, end) and how many calls they have."""

    first: int
    end: int
    calls: int


@dataclass
class Part:
    """Calls in memory, sorted by trunk; bounds : where each trunk begins, shape (trunks + 1,)."""

    placed: Placed
    prints: AnyArray
    bounds: Ints

    def of(self, first: int, end: int) -> Placed:
        """Calls of trunks [first, end)."""
        return self.placed.slice(int(self.bounds[first]), int(self.bounds[end]))


@dataclass
class _DiskPart:
    """Calls on disk, a batch for each stretch, and a file of their fingerprints; bounds : as above."""

    reader: pa.ipc.RecordBatchFileReader
    prints: Path
    bounds: Ints


class Shelf:
    """Keeps placed calls and hands them out by portion.

    Parameters
    ----------
    trunks : how many there are
    folder : where calls go that are too many for the memory; None keeps all in memory
    in_memory : bytes of calls that are kept in memory
    """

    def __init__(
        self,
        trunks: int,
        plan: NumberingPlan,
        bare_international: bool,
        folder: Path | None = None,
        in_memory: int = IN_MEMORY,
    ) -> None:
        self._trunks = trunks
        self._plan, self._bare_international = plan, bare_international
        self._folder = folder
        self._limit = in_memory
        self._kept: list[Part] = []
        self._on_disk: list[_DiskPart] = []
        self._counts = np.zeros(trunks, np.int64)
        self._of_source: dict[str, Bools] = {}
        self._lock = threading.Lock()
        self.spilled_bytes = 0

    def add(self, part: Part) -> None:
        """Keep a part made by `sorted_part`."""
        self._kept.append(part)
        self._counts += np.diff(part.bounds)
        source = part.placed.calls.source
        for code, name in enumerate(source.dictionary.to_pylist()):
            seen = self._of_source.setdefault(name, np.zeros(self._trunks, bool))
            seen[part.placed.trunk[codes(source) == code]] = True
        if self._folder is not None and sum(kept.placed.calls.nbytes for kept in self._kept) > self._limit:
            self._spill(self._folder)

    def close(self) -> None:
        """All calls are there: if some are on disk, put the rest there, too."""
        if self._on_disk and self._kept and self._folder is not None:
            self._spill(self._folder)

    def sorted_part(self, placed: Placed) -> Part:
        """Calls sorted by trunk, ready to be kept."""
        order = np.argsort(placed.trunk.astype(np.int32), kind="stable")
        placed = placed.take(order)
        bounds = np.searchsorted(placed.trunk, np.arange(self._trunks + 1))
        return Part(placed, fingerprints(placed.calls.source, placed.calls.call_id), bounds)

    def portions(self, size: int = PORTION) -> list[Portion]:
        """Neighbouring trunks, as many as fit; trunks without calls only between others."""
        found: list[Portion] = []
        first, calls = 0, 0
        for trunk, count in enumerate(self._counts.tolist()):
            if calls and calls + count > size:
                found.append(Portion(first, trunk, calls))
                first, calls = trunk, 0
            calls += count
        return [*found, Portion(first, self._trunks, calls)]

    @property
    def rows(self) -> int:
        """Calls that are kept."""
        return int(self._counts.sum())

    def of_several_sources(self) -> list[int]:
        """Trunks of which calls come from more than one source."""
        several = sum(found.astype(np.int64) for found in self._of_source.values()) if self._of_source else 0
        return np.flatnonzero(np.asarray(several) > 1).tolist()

    def take(self, portion: Portion) -> Placed:
        """The calls of a portion."""
        parts = [self._from_disk(disk, portion.first, portion.end) for disk in self._on_disk]
        parts += [kept.of(portion.first, portion.end) for kept in self._kept]
        filled = [part for part in parts if len(part)]
        return gather(filled) if filled else self._placed(_SPILLED.empty_table())

    def prints(self) -> AnyArray:
        """Fingerprints of all calls, in no order; shape (calls,)."""
        found = np.empty(int(self._counts.sum()), np.uint64)
        at = 0
        for prints in self._each_prints():
            found[at : at + len(prints)] = prints
            at += len(prints)
        return found

    def having(self, wanted: AnyArray) -> Iterator[Placed]:
        """Calls whose fingerprint is among some, ascending ones, part by part."""
        for kept in self._kept:
            rows = np.flatnonzero(is_among(kept.prints, wanted))
            if len(rows):
                yield kept.placed.take(rows)
        for disk in self._on_disk:
            for i in range(disk.reader.num_record_batches):
                batch = disk.reader.get_batch(i)
                rows = np.flatnonzero(is_among(batch.column("print").to_numpy(), wanted))
                if len(rows):
                    yield self._placed(pa.Table.from_batches([batch]).take(pa.array(rows)))

    def _spill(self, folder: Path) -> None:
        """Write all calls in memory to a file, stretch by stretch."""
        path = folder / f"calls-{len(self._on_disk)}.arrow"
        prints = path.with_suffix(".prints")
        parts, self._kept = self._kept, []
        bounds = sum(part.bounds for part in parts)
        options = pa.ipc.IpcWriteOptions(compression="lz4")
        with pa.OSFile(str(path), "wb") as sink, pa.ipc.new_file(sink, _SPILLED, options=options) as writer:
            for first, end in self._stretches():
                writer.write_batch(_batch_of(parts, first, end))
        with prints.open("wb") as file:
            for part in parts:
                part.prints.tofile(file)
        self.spilled_bytes += path.stat().st_size + prints.stat().st_size
        reader = pa.ipc.open_file(pa.OSFile(str(path), "rb"))
        self._on_disk.append(_DiskPart(reader, prints, np.asarray(bounds)))

    def _stretches(self) -> list[tuple[int, int]]:
        edges = np.linspace(0, self._trunks, min(STRETCHES, self._trunks) + 1).astype(np.int64).tolist()
        return list(pairwise(edges))

    def _from_disk(self, disk: _DiskPart, first: int, end: int) -> Placed:
        stretches = self._stretches()
        numbers = [i for i, (one, other) in enumerate(stretches) if one < end and other > first]
        with self._lock:
            table = pa.Table.from_batches([disk.reader.get_batch(i) for i in numbers], _SPILLED)
        start, stop = int(disk.bounds[first]), int(disk.bounds[end])
        begin = int(disk.bounds[stretches[numbers[0]][0]]) if numbers else start
        return self._placed(table.slice(start - begin, stop - start))

    def _each_prints(self) -> Iterator[AnyArray]:
        yield from (kept.prints for kept in self._kept)
        yield from (np.fromfile(disk.prints, np.uint64) for disk in self._on_disk)

    def _placed(self, table: pa.Table) -> Placed:
        """Calls as they were before they went to disk, but for the trunk's text, which has served."""
        columns: dict[str, Any] = {}
        for f in fields(Calls):
            if f.name == "trunk":
                columns[f.name] = recode(np.zeros(len(table), np.int32), texts([""]))
                continue
            if f.name == ACCOUNTCODE:
                columns[f.name] = None
                continue
            column = table[f.name].combine_chunks()
            if pa.types.is_string(column.type):
                columns[f.name] = column if f.name == "call_id" else column.dictionary_encode()
            else:
                columns[f.name] = column.to_numpy()
        calls = Calls(**columns)
        a_values, b_values = (
            read_numbers(text.dictionary, self._plan, self._bare_international)
            for text in (calls.a_text, calls.b_text)
        )
        return Placed(calls, table["placed"].to_numpy(), a_values, b_values)


def is_among(values: AnyArray, wanted: AnyArray) -> AnyArray:
    """Whether each value is among some, ascending ones; shape (n,)."""
    if not len(wanted):
        return np.zeros(len(values), bool)
    at = np.searchsorted(wanted, values)
    return wanted[np.minimum(at, len(wanted) - 1)] == values


_SPILLED = pa.schema(
    [
        ("file", pa.int64()),
        ("line", pa.int64()),
        ("source", pa.string()),
        ("call_id", pa.string()),
        ("direction", pa.int16()),
        ("a_text", pa.string()),
        ("b_text", pa.string()),
        ("setup", pa.int64()),
        ("answer", pa.int64()),
        ("release", pa.int64()),
        ("sip_code", pa.int16()),
        ("alert", pa.int64()),
        ("user_id", pa.string()),
        ("forwarded_by", pa.string()),
        ("forward_type", pa.int16()),
        ("end_reason", pa.string()),
        ("placed", pa.int64()),
        ("print", pa.uint64()),
    ]
)


def _batch_of(parts: list[Part], first: int, end: int) -> pa.RecordBatch:
    """Calls of trunks [first, end) as they go to disk, trunk by trunk."""
    filled = [part for part in parts if part.bounds[end] > part.bounds[first]]
    if not filled:
        return pa.RecordBatch.from_pylist([], schema=_SPILLED)
    placed = gather([part.of(first, end) for part in filled])
    prints = np.concatenate([part.prints[part.bounds[first] : part.bounds[end]] for part in filled])
    order = np.argsort(placed.trunk, kind="stable")
    placed, prints = placed.take(order), prints[order]
    columns = []
    for name, kind in zip(_SPILLED.names, _SPILLED.types, strict=True):
        known: dict[str, Any] = {"placed": placed.trunk, "print": prints}
        value = known[name] if name in known else getattr(placed.calls, name)
        is_coded = isinstance(value, pa.DictionaryArray)
        columns.append(value.dictionary_decode() if is_coded else pa.array(value, kind))
    return pa.RecordBatch.from_arrays(columns, schema=_SPILLED)
