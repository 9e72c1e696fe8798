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

from rating.arrays import AnyArray, Bools, Ints, codes, is_among, recode, texts
from rating.fingerprints import fingerprints
from rating.numbering import NumberingPlan, read_numbers
from rating.placing import Placed, gather
from rating.schema import ACCOUNTCODE, Calls

PORTION = 1 << 18
"""Calls that a portion holds at most, but for a trunk that has more. The Parquet output follows it."""

IN_MEMORY = 700 << 20
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
    """Calls on disk, a batch for each stretch, and a file of their fingerprints."""

    reader: pa.ipc.RecordBatchFileReader
    prints: Path


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
        self._kept_bytes = 0
        self._on_disk: list[_DiskPart] = []
        self._counts = np.zeros(trunks, np.int64)
        self._of_source: dict[str, Bools] = {}
        self._lock = threading.Lock()
        self.spilled_bytes = 0

    def add(self, part: Part) -> None:
        """Keep a part made by `sorted_part`."""
        self._kept.append(part)
        self._kept_bytes += part.placed.calls.nbytes
        self._counts += np.diff(part.bounds)
        source = part.placed.calls.source
        for code, name in enumerate(source.dictionary.to_pylist()):
            seen = self._of_source.setdefault(name, np.zeros(self._trunks, bool))
            seen[part.placed.trunk[codes(source) == code]] = True
        if self._folder is not None and self._kept_bytes > self._limit:
            self._spill(self._folder)

    def close(self) -> None:
        """All calls are there: if some are on disk, put the rest there, too."""
        if self._on_disk and self._kept and self._folder is not None:
            self._spill(self._folder)

    def sorted_part(self, placed: Placed) -> Part:
        """Calls sorted by trunk, ready to be kept."""
        order = np.argsort(placed.trunk.astype(np.min_scalar_type(self._trunks)), kind="stable")
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
        found = np.empty(self.rows, np.uint64)
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
        bounds = np.zeros(self._trunks + 1, np.int64)
        tables: list[tuple[pa.Table, Ints]] = []
        with prints.open("wb") as file:
            while self._kept:
                part = self._kept.pop(0)
                file.write(part.prints.data)
                bounds += part.bounds
                tables.append((_plain(part), part.bounds))
        options = pa.ipc.IpcWriteOptions(compression="lz4")
        with pa.OSFile(str(path), "wb") as sink, pa.ipc.new_file(sink, _SPILLED, options=options) as writer:
            for first, end in self._stretches():
                slices = [table.slice(at[first], at[end] - at[first]) for table, at in tables]
                writer.write(
                    pa.concat_tables(slices).combine_chunks().to_batches()[0]
                    if bounds[end] > bounds[first]
                    else _NO_CALLS
                )
        self._kept_bytes = 0
        self.spilled_bytes += path.stat().st_size + prints.stat().st_size
        self._on_disk.append(_DiskPart(pa.ipc.open_file(pa.OSFile(str(path), "rb")), prints))

    def _stretches(self) -> list[tuple[int, int]]:
        edges = np.linspace(0, self._trunks, min(STRETCHES, self._trunks) + 1).astype(np.int64).tolist()
        return list(pairwise(edges))

    def _from_disk(self, disk: _DiskPart, first: int, end: int) -> Placed:
        numbers = [i for i, (one, other) in enumerate(self._stretches()) if one < end and other > first]
        with self._lock:
            table = pa.Table.from_batches([disk.reader.get_batch(i) for i in numbers], _SPILLED)
        trunk = table["placed"].to_numpy()
        inside = (trunk >= first) & (trunk < end)
        return self._placed(table if inside.all() else table.filter(pa.array(inside)))

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


_NO_CALLS = pa.RecordBatch.from_pylist([], schema=_SPILLED)


def _plain(part: Part) -> pa.Table:
    """Calls as they go to disk."""
    columns = []
    known: dict[str, Any] = {"placed": part.placed.trunk, "print": part.prints}
    for name, kind in zip(_SPILLED.names, _SPILLED.types, strict=True):
        value = known[name] if name in known else getattr(part.placed.calls, name)
        is_coded = isinstance(value, pa.DictionaryArray)
        columns.append(value.dictionary_decode() if is_coded else pa.array(value, kind))
    return pa.Table.from_arrays(columns, schema=_SPILLED)
