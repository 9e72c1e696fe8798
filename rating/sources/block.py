"""What a format's reader hands on: blocks of rows as text, and lines that are no rows."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from typing import BinaryIO, TypeVar

import numpy as np
import pyarrow as pa

from rating.arrays import Ints, join
from rating.schema import ACCOUNTCODE, CDR_COLUMNS
from rating.sources.files import CdrFile
from rating.zone import Zone

TOLD_BY_ACCOUNTS = frozenset(("direction", "trunk_id"))
"""Columns that the customers' numbers tell where a switch's rows do not."""


class Damaged(Exception):
    """A file that cannot be read to its end; its text says why."""


@dataclass
class BadLine:
    """A line that holds no row."""

    line: int
    code: str
    field: str
    value: str | None
    problem: str
    expected: str


@dataclass
class Block:
    """Some rows of a file in canonical columns.

    columns : Arrow text, binary or dictionary array of each canonical column that the file has; the times may
        be timestamps; and of `accountcode`, where the switch writes one. Shape (rows,) each.
    lines : line of each row in the file, from 1
    bad : lines that hold no row
    not_a_call : rows of the file that are no call leg
    may_be_empty : of `direction` and `trunk_id`, those that the accounts tell where a row does not
    """

    columns: dict[str, pa.Array]
    lines: Ints
    bad: list[BadLine] = field(default_factory=list)
    not_a_call: int = 0
    may_be_empty: frozenset[str] = frozenset()

    def looks_like(self, other: Block) -> bool:
        """Whether it has the same columns, of the same types, and the same ones may be empty."""
        types, others = ({name: column.type for name, column in one.columns.items()} for one in (self, other))
        return types == others and self.may_be_empty == other.may_be_empty


def together(blocks: list[Block]) -> Block:
    """The rows of blocks that look alike, as one block."""
    if len(blocks) == 1:
        return blocks[0]
    columns = {name: join([block.columns[name] for block in blocks]) for name in blocks[0].columns}
    return Block(
        columns,
        np.concatenate([block.lines for block in blocks]),
        [bad for block in blocks for bad in block.bad],
        sum(block.not_a_call for block in blocks),
        blocks[0].may_be_empty,
    )


@dataclass
class FileNotes:
    """What a reader notices about a file as a whole.

    hints : what a user should know, though nothing is wrong; warnings : what must be looked at
    """

    columns: list[str] = field(default_factory=list)
    ignored_columns: list[str] = field(default_factory=list)
    hints: list[str] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class Options:
    """How CDRs are read.

    zone : of instants without offset; ambiguous : "first", "second" or "reject", for those that occur twice
    encoding : "utf-8" or "latin-1"; bare_international : whether bare digits are E.164
    """

    zone: Zone
    ambiguous: str = "reject"
    encoding: str = "utf-8"
    bare_international: bool = False


Reader = Callable[[CdrFile, Options, FileNotes], Iterator[Block]]
"""(file, how to read it, notes to fill) -> blocks"""

RawReader = Callable[[CdrFile, Iterable[int]], Iterator[tuple[int, str]]]
"""(file, lines, ascending) -> those that the file has, each with its row as it stands there"""

Row = TypeVar("Row")


def picked(rows: Iterable[Row], lines: Iterable[int]) -> Iterator[tuple[int, Row]]:
    """The rows of some lines, ascending, counted from 1; no more rows are drawn than it takes.

    Examples
    --------
    >>> list(picked("abc", [2, 3, 7]))
    [(2, 'b'), (3, 'c')]
    """
    wanted = iter(lines)
    line = next(wanted, None)
    if line is None:
        return
    for number, row in enumerate(rows, 1):
        if number == line:
            yield number, row
            line = next(wanted, None)
            if line is None:
                return


def shown(value: pa.Scalar) -> str:
    """A cell as text for a message, whatever its type and however odd its value."""
    if not value.is_valid:
        return ""
    kind = value.type
    if pa.types.is_timestamp(kind):
        return f"{np.datetime64(value.value, kind.unit)}{'Z' if kind.tz else ''}"
    if pa.types.is_dictionary(kind):
        return shown(value.value)
    if hasattr(value, "as_buffer"):
        return value.as_buffer().to_pybytes().decode("utf-8", "backslashreplace")
    return str(value.as_py())


def bad_block(bad: list[BadLine], not_a_call: int = 0) -> Block:
    """A block without rows."""
    return Block({}, np.zeros(0, np.int64), bad, not_a_call)


@dataclass(frozen=True)
class Format:
    """A format.

    name : on the command line, and the source of CDRs that name none; form : how it is written
    recognises : (first bytes, lower-case name without .gz) -> whether a file is of this format and form
    """

    name: str
    form: str
    read: Reader
    raw: RawReader
    recognises: Callable[[bytes, str], bool]
    about: str


def looks_like_json(head: bytes) -> bool:
    """Whether a file begins with an object or a list."""
    return head.removeprefix(b"\xef\xbb\xbf").lstrip()[:1] in (b"{", b"[")


def rows_block(
    cdrs: list[dict[str, str]],
    lines: list[int],
    bad: list[BadLine],
    not_a_call: int = 0,
    may_be_empty: frozenset[str] = frozenset(),
) -> Block:
    """A block of rows that were read one by one, each with every canonical column as text.

    Rows may have an `accountcode` besides.
    """
    columns = {name: pa.array([cdr[name] for cdr in cdrs], pa.string()) for name in CDR_COLUMNS}
    if any(cdr.get(ACCOUNTCODE) for cdr in cdrs):
        columns[ACCOUNTCODE] = pa.array([cdr.get(ACCOUNTCODE, "") for cdr in cdrs], pa.string())
    return Block(columns, np.array(lines, np.int64), bad, not_a_call, may_be_empty)


def no_text(length: int) -> pa.Array:
    """A column of empty texts."""
    return pa.repeat(pa.scalar("", pa.string()), length)


def not_utf8(line: int) -> BadLine:
    """A line whose bytes are no text."""
    rule = "UTF-8 text; if the file is Latin-1, run again with --encoding latin-1"
    return BadLine(line, "CDR-ENCODING", "line", None, "is not UTF-8", rule)


def byte_not_utf8(line: int, error: UnicodeDecodeError) -> BadLine:
    """A line of which one byte is no text, shown."""
    byte = f"\\x{error.object[error.start]:02x}"
    return BadLine(line, "CDR-ENCODING", "byte", byte, "is not UTF-8", "UTF-8 text, or --encoding latin-1")


def note_empty(file: CdrFile, stream: BinaryIO, expected: str, notes: FileNotes) -> None:
    """Say of a file that it is empty; the stream stays at its begin."""
    if not stream.read(1):
        notes.warnings.append(f"{file.name}:1: file is empty; expected {expected}. [CDR-HEADER]")
    stream.seek(0)
