"""CSV text to Arrow columns, one physical line a row, nothing lost.

pyarrow parses; this module makes sure that every line is either a row with its line number or a bad line
with a reason, whatever the quotes, carriage returns and column counts in it.
"""

from __future__ import annotations

import csv
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.csv as pa_csv

from rating.arrays import AnyArray, Ints

BINARY = pa.binary()
CODED = pa.dictionary(pa.int32(), pa.binary())


@dataclass
class CsvLines:
    """Parsed lines of one block.

    columns : Arrow array of each column, shape (rows,)
    lines : line of each row from 0 within the block, shape (rows,)
    bad : line and problem of each line that is no row
    """

    columns: dict[str, pa.Array]
    lines: Ints
    bad: list[tuple[int, str]]

    @property
    def total(self) -> int:
        """Lines that hold something."""
        return len(self.lines) + len(self.bad)


def split_header(line: bytes) -> tuple[list[str], str]:
    """Column names of a header line and its delimiter: comma, or semicolon or tab where there is no comma."""
    text = line.decode("utf-8", "replace").strip("\r\n").removeprefix("\ufeff")
    delimiter = next((mark for mark in ",;\t" if mark in text), ",")
    names = next(csv.reader([text], delimiter=delimiter), [])
    return [name.strip() for name in names], delimiter


def parse_lines(
    data: bytes, names: list[str], wanted: dict[str, pa.DataType], delimiter: str = ","
) -> CsvLines:
    """Parse the lines of a block (no header) into the wanted columns.

    Parameters
    ----------
    data : bytes of whole lines, the last line end may be missing
    names : name of each column of the file
    wanted : the columns to return, and as what
    """
    octets = np.frombuffer(data, np.uint8)
    ends = np.flatnonzero(octets == 10)
    if len(data) and (not len(ends) or ends[-1] != len(data) - 1):
        ends = np.concatenate((ends, [len(data)]))
    starts = np.concatenate((np.zeros(min(1, len(ends)), np.int64), ends[:-1] + 1))
    lengths = ends - starts
    first = octets[np.minimum(starts, max(len(octets) - 1, 0))] if len(octets) else octets
    empty = (lengths == 0) | ((lengths == 1) & (first == 13))
    bad: dict[int, str] = {}
    for line in _lines_with_odd_quotes(octets, starts, len(ends)):
        bad[int(line)] = "has a quote that does not close"
    for line in _lines_with_lone_returns(octets, starts, lengths):
        bad.setdefault(int(line), "has a carriage return inside the line")
    keep = ~empty
    keep[list(bad)] = False
    if bad:
        data = b"".join(data[starts[i] : ends[i]] + b"\n" for i in np.flatnonzero(keep))
    found = _parse_fast(data, names, wanted, delimiter, np.flatnonzero(keep), bad)
    if found is None:
        found = _parse_each(data, names, wanted, delimiter, np.flatnonzero(keep), bad)
    return found


def _lines_with_odd_quotes(octets: AnyArray, starts: Ints, count: int) -> Ints:
    quotes = np.flatnonzero(octets == 34)
    if not len(quotes):
        return np.zeros(0, np.int64)
    per_line = np.bincount(np.searchsorted(starts, quotes, "right") - 1, minlength=count)
    return np.flatnonzero(per_line % 2)


def _lines_with_lone_returns(octets: AnyArray, starts: Ints, lengths: Ints) -> Ints:
    returns = np.flatnonzero(octets == 13)
    if not len(returns):
        return np.zeros(0, np.int64)
    line = np.searchsorted(starts, returns, "right") - 1
    return np.unique(line[returns != starts[line] + lengths[line] - 1])


def _parse_fast(
    data: bytes,
    names: list[str],
    wanted: dict[str, pa.DataType],
    delimiter: str,
    lines: Ints,
    bad: dict[int, str],
) -> CsvLines | None:
    """The whole block at once; None where rows and lines cannot be matched."""
    short: list[tuple[int, int]] = []

    def skip(row: pa_csv.InvalidRow) -> str:
        short.append((row.number - 1, row.actual_columns))
        return "skip"

    if not len(lines):
        return CsvLines(
            {name: pa.array([], kind) for name, kind in wanted.items()}, lines, sorted(bad.items())
        )
    unique = [f"{i}:{name}" for i, name in enumerate(names)]
    kinds = {unique[names.index(name)]: kind for name, kind in wanted.items()}
    try:
        table = pa_csv.read_csv(
            pa.BufferReader(data),
            read_options=pa_csv.ReadOptions(use_threads=False, column_names=unique, block_size=len(data) + 1),
            parse_options=pa_csv.ParseOptions(delimiter=delimiter, invalid_row_handler=skip),
            convert_options=pa_csv.ConvertOptions(
                column_types=kinds, include_columns=list(kinds), strings_can_be_null=False, check_utf8=False
            ),
        )
    except pa.ArrowInvalid:
        return None
    if table.num_rows + len(short) != len(lines) or any(row >= len(lines) for row, _ in short):
        return None
    found = dict(bad)
    for row, fields in short:
        found[int(lines[row])] = _field_count(fields, len(names))
    good = np.ones(len(lines), bool)
    good[[row for row, _ in short]] = False
    columns = {
        name: pa.concat_arrays(table[f"{names.index(name)}:{name}"].chunks)
        if table.num_rows
        else pa.array([], kind)
        for name, kind in wanted.items()
    }
    return CsvLines(columns, lines[good], sorted(found.items()))


def _parse_each(
    data: bytes,
    names: list[str],
    wanted: dict[str, pa.DataType],
    delimiter: str,
    lines: Ints,
    bad: dict[int, str],
) -> CsvLines:
    """Line by line: slow, for blocks whose quotes confuse the fast parser."""
    found, rows, good = dict(bad), [], []
    texts = [text for text in data.split(b"\n") if text not in (b"", b"\r")]
    for line, text in zip(lines, texts, strict=True):
        try:
            record = next(csv.reader([text.decode("latin-1").rstrip("\r")], delimiter=delimiter, strict=True))
        except csv.Error:
            found[int(line)] = "has quotes that do not enclose a whole field"
            continue
        if len(record) != len(names):
            found[int(line)] = _field_count(len(record), len(names))
            continue
        rows.append(record)
        good.append(line)
    columns = {}
    for name, kind in wanted.items():
        at = names.index(name)
        column = pa.array([record[at].encode("latin-1") for record in rows], pa.binary())
        columns[name] = column if kind == pa.binary() else column.cast(kind)
    return CsvLines(columns, np.array(good, np.int64), sorted(found.items()))


def _field_count(fields: int, expected: int) -> str:
    return f"has {fields} field{'s' * (fields != 1)} where the header has {expected}"
