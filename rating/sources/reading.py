"""Stage 1: files to calls and rejects, block by block, every row accounted for (SPEC 2)."""

from __future__ import annotations

import threading
import zlib
from collections.abc import Callable, Generator, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass, field

import numpy as np
import pyarrow as pa

from rating.clock import Progress
from rating.errors import Reject, UsageError, row_text
from rating.schema import Calls, concat, no_calls
from rating.sources.block import Block, Damaged, FileNotes, Format, Options, together
from rating.sources.canonical_parquet import ROWS, block_of, missing_columns, odd_columns, raw_of
from rating.sources.fields import typed
from rating.sources.files import CdrFile
from rating.sources.readers import recognise


@dataclass
class InputFile:
    """One input and how its rows were counted."""

    name: str
    format: str
    sha256: str
    rows: int = 0
    not_a_call: int = 0
    columns: list[str] = field(default_factory=list)
    ignored_columns: list[str] = field(default_factory=list)
    hints: list[str] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)


ALONE = 1 << 18
"""Bytes of a file up to which a thread of its own costs more than its digest."""
SMALL = 1 << 12
"""Rows of a block that may be typed together with those of other files."""
TOGETHER = 1 << 15
"""Rows that are typed together at most, of small files."""

Blocks = Generator["Untyped | Typed", None, None]

Raw = Callable[[int, Iterable[int]], Iterator[tuple[int, str]]]
"""(index of the file, lines, ascending) -> those that it has, each with its row as it stands there"""


@dataclass
class Part:
    """A block as its reader gave it; index, name : of its input."""

    block: Block
    index: int
    name: str

    def rejects(self) -> list[Reject]:
        """Lines that hold no row."""
        return [
            Reject(
                self.index,
                bad.line,
                bad.code,
                row_text(self.name, bad.line, bad.field, bad.value, bad.problem, bad.expected),
            )
            for bad in self.block.bad
        ]


@dataclass
class Untyped:
    """A block, or those of some small files, and how they become calls.

    source : of rows that name none
    """

    parts: list[Part]
    source: str
    options: Options

    @property
    def rows(self) -> int:
        return sum(len(part.block.lines) for part in self.parts)

    def takes(self, other: Untyped) -> bool:
        """Whether a block can be typed together with these: a small one of another file, alike."""
        one, another = self.parts[-1], other.parts[0]
        return (
            one.index != another.index
            and self.source == other.source
            and other.rows <= SMALL
            and self.rows + other.rows <= TOGETHER
            and one.block.looks_like(another.block)
        )

    def typed(self) -> tuple[Calls, list[Reject]]:
        """The calls of the blocks, and the rows that are none."""
        rejects = [reject for part in self.parts for reject in part.rejects()]
        block = together([part.block for part in self.parts])
        if not len(block.lines):
            return no_calls(), rejects
        file = np.repeat([part.index for part in self.parts], [len(part.block.lines) for part in self.parts])
        names = {part.index: part.name for part in self.parts}
        calls, wrong = typed(block, file, names, self.source, self.options.zone, self.options.ambiguous)
        return calls, rejects + wrong


@dataclass
class Typed:
    """Calls that are typed already, and the rows that are none."""

    calls: Calls
    rejects: list[Reject]

    def typed(self) -> tuple[Calls, list[Reject]]:
        return self.calls, list(self.rejects)


@dataclass
class Stream:
    """Files that are read block by block; `files` is whole when `blocks` has come to its end.

    bytes : of the files, as they are stored
    """

    files: list[InputFile]
    blocks: Blocks
    raw: Raw
    bytes: int = 0


@dataclass
class Reading:
    """What was read, whole in memory."""

    files: list[InputFile]
    calls: Calls
    rejects: list[Reject]
    raw: Raw

    def stream(self) -> Stream:
        """The same as a stream of one block."""
        only = Typed(self.calls, self.rejects)
        return Stream(self.files, (block for block in (only,)), self.raw)


def stream_files(
    files: list[CdrFile],
    options: Options,
    format_name: str = "auto",
    jobs: int = 2,
    progress: Progress | None = None,
) -> Stream:
    """Read files in the order given, each by the format that it is recognised as, or the one named.

    Parameters
    ----------
    jobs : cores to use; from 2 on, a large file's digest is taken beside the reading
    progress : told of each block, stage `read`

    Raises
    ------
    UsageError
        A file that cannot be read at all, or to its end (while `blocks` is drawn from).
    """
    inputs: list[InputFile] = []
    formats: list[Format] = []
    sizes = [file.size for file in files]
    total = sum(sizes)

    def blocks() -> Blocks:
        before = told = 0
        for index, file in enumerate(files):
            with _readable(file.name), ExitStack() as stack:
                found = recognise(file, format_name)
                digest: Callable[[], str] = file.sha256
                if jobs > 1 and sizes[index] > ALONE:
                    beside = stack.enter_context(ThreadPoolExecutor(1))
                    stop = stack.enter_context(_set_at_the_end())
                    digest = beside.submit(file.sha256, stop).result
                entry = InputFile(file.name, f"{found.name}-{found.form}", "")
                formats.append(found)
                inputs.append(entry)
                notes = FileNotes()
                if file.whole is not None and file.whole.unfinished:
                    size = file.whole.unfinished
                    notes.hints.append(f"{file.name}: a last row of {size} bytes is still being written.")
                for block in found.read(file, options, notes):
                    _count(block, entry)
                    yield Untyped([Part(block, index, entry.name)], found.name, options)
                    if progress is not None:
                        told = max(told, before + min(file.position, sizes[index]))
                        progress("read", told, total)
                entry.sha256 = digest()
            entry.columns, entry.ignored_columns = notes.columns, notes.ignored_columns
            entry.hints, entry.warnings = notes.hints, notes.warnings
            told = before = before + sizes[index]
            if progress is not None:
                progress("read", before, total)

    def raw(index: int, lines: Iterable[int]) -> Iterator[tuple[int, str]]:
        with _readable(files[index].name):
            yield from formats[index].raw(files[index], lines)

    return Stream(inputs, _small_together(blocks()), raw, total)


def read_files(files: list[CdrFile], options: Options, format_name: str = "auto") -> Reading:
    """Read files whole into memory.

    Raises
    ------
    UsageError
        A file that cannot be read at all, or to its end.
    """
    return _whole(stream_files(files, options, format_name))


def stream_table(table: pa.Table, options: Options, name: str = "cdrs") -> Stream:
    """CDRs that are in memory already, as a stream; line is the row, from 1.

    Raises
    ------
    UsageError
        A canonical column is missing.
    """
    problem = missing_columns(table.column_names) or odd_columns(table.schema)
    if problem:
        raise UsageError(f"{name}: {problem}; expected the canonical columns of SPEC 2. [CDR-HEADER]")
    entry = InputFile(name, "canonical-table", "")

    def blocks() -> Blocks:
        for start in range(0, table.num_rows, ROWS):
            block = block_of(table.slice(start, ROWS), start + 1)
            _count(block, entry)
            yield Untyped([Part(block, 0, name)], "canonical", options)

    return Stream([entry], blocks(), lambda _, lines: raw_of(table, lines), table.nbytes)


def _small_together(blocks: Blocks) -> Blocks:
    """Blocks of small files, put together: typing and placing one row takes as long as a thousand."""
    with closing(blocks):
        waiting: Untyped | None = None
        for block in blocks:
            assert isinstance(block, Untyped)
            if waiting is not None and waiting.takes(block):
                waiting.parts += block.parts
                continue
            if waiting is not None:
                yield waiting
            waiting = block if block.rows <= SMALL else None
            if waiting is None:
                yield block
        if waiting is not None:
            yield waiting


def _whole(stream: Stream) -> Reading:
    parts, rejects = [], []
    with closing(stream.blocks) as blocks:
        for block in blocks:
            calls, wrong = block.typed()
            parts.append(calls)
            rejects += wrong
    return Reading(stream.files, concat(parts), rejects, stream.raw)


def _count(block: Block, entry: InputFile) -> None:
    entry.rows += len(block.lines) + len(block.bad) + block.not_a_call
    entry.not_a_call += block.not_a_call


@contextmanager
def _set_at_the_end() -> Iterator[threading.Event]:
    """Tells a thread that nobody waits for it any more."""
    event = threading.Event()
    try:
        yield event
    finally:
        event.set()


@contextmanager
def _readable(name: str) -> Iterator[None]:
    """A file that breaks off or is damaged stops the run: what it held cannot be accounted for."""
    try:
        yield
    except (OSError, EOFError, zlib.error, pa.ArrowException, Damaged) as error:
        reason = " ".join(str(error).split()).rstrip(".")
        raise UsageError(
            f"{name}: cannot be read to its end ({reason}); expected a whole file.",
            "CDR-FILE",
        ) from None
