"""CSV text to Arrow columns, one physical line a row, nothing lost.

Every line is either a row with its line number or a bad line with a reason, whatever quotes, carriage returns
and fields it has; pyarrow then parses the good ones.
"""

from __future__ import annotations

import csv
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.csv as pa_csv

from rating.arrays import AnyArray, Bools, Ints, distinct

BINARY = pa.binary()
LINE_FEED, RETURN, QUOTE = b'\n\r"'
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
    try:
        names = next(csv.reader([text], delimiter=delimiter), [])
    except csv.Error:
        names = text.split(delimiter)
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
    lines = _Lines(np.frombuffer(data, np.uint8))
    bad: dict[int, str] = {}
    lines.note(bad, lines.with_lone_returns(), "has a carriage return inside the line")
    lines.note(bad, lines.with_loose_quotes(delimiter), "has a quote that does not enclose a whole field")
    fields = lines.fields(delimiter)
    for line in np.flatnonzero(~lines.empty & (fields != len(names))).tolist():
        count = int(fields[line])
        what = f"{count} field{'s' * (count != 1)}"
        bad.setdefault(line, f"has {what} where the header has {len(names)}")
    keep = ~lines.empty
    keep[list(bad)] = False
    kept = np.flatnonzero(keep)
    if bad:
        data = b"".join(data[lines.starts[i] : lines.ends[i]] + b"\n" for i in kept)
    return CsvLines(_columns(data, names, wanted, delimiter, len(kept)), kept, sorted(bad.items()))


class _Lines:
    """The lines of a block of bytes, and what stands in them: [start, end) without the line feed."""

    def __init__(self, octets: AnyArray) -> None:
        self.octets = octets
        self.ends = np.flatnonzero(octets == LINE_FEED)
        if len(octets) and (not len(self.ends) or self.ends[-1] != len(octets) - 1):
            self.ends = np.append(self.ends, len(octets))
        self.starts = np.append(0, self.ends[:-1] + 1) if len(self.ends) else self.ends
        lengths = self.ends - self.starts
        first = octets[np.minimum(self.starts, max(len(octets) - 1, 0))]
        self.empty: Bools = (lengths == 0) | ((lengths == 1) & (first == RETURN))
        self.quotes = np.flatnonzero(octets == QUOTE)

    def of(self, positions: Ints) -> Ints:
        """Line of each position."""
        return np.searchsorted(self.starts, positions, "right") - 1

    @staticmethod
    def note(bad: dict[int, str], lines: Ints, problem: str) -> None:
        for line in distinct(lines).tolist():
            bad.setdefault(line, problem)

    def with_lone_returns(self) -> Ints:
        """Lines with a carriage return that is not part of their line end."""
        returns = np.flatnonzero(self.octets == RETURN)
        line = self.of(returns)
        return line[returns != self.ends[line] - 1]

    def with_loose_quotes(self, delimiter: str) -> Ints:
        """Lines that RFC 4180 does not know: quotes that do not close, or do not stand at a field's ends.

        In a good line quotes open and close in turn: one that opens stands at a field's start, one that
        closes at its end, or the two are neighbours (a doubled quote).
        """
        if not len(self.quotes):
            return self.quotes
        line = self.of(self.quotes)
        opens = self._number_in_line(line) % 2 == 0
        before = self.octets[np.maximum(self.quotes - 1, 0)]
        after = self.octets[np.minimum(self.quotes + 1, len(self.octets) - 1)]
        at_start = (self.quotes == self.starts[line]) | (before == ord(delimiter))
        at_end = (self.quotes + 1 == self.ends[line]) | (after == ord(delimiter)) | (after == RETURN)
        doubled = np.where(opens, before == QUOTE, (after == QUOTE) & (self.quotes + 1 < self.ends[line]))
        odd = np.bincount(line, minlength=len(self.starts))[line] % 2 == 1
        return line[np.where(opens, ~(at_start | doubled), ~(at_end | doubled)) | odd]

    def fields(self, delimiter: str) -> Ints:
        """Fields of each line; delimiters between quotes are text."""
        marks = np.flatnonzero(self.octets == ord(delimiter))
        if len(self.quotes):
            quote_line = self.of(self.quotes)
            first_quote = np.searchsorted(quote_line, self.of(marks))
            inside = (np.searchsorted(self.quotes, marks) - first_quote) % 2 == 1
            marks = marks[~inside]
        return np.searchsorted(marks, self.ends) - np.searchsorted(marks, self.starts) + 1

    def _number_in_line(self, line: Ints) -> Ints:
        """Position of each quote among those of its line."""
        return np.arange(len(line)) - np.searchsorted(line, line)


def _columns(
    data: bytes, names: list[str], wanted: dict[str, pa.DataType], delimiter: str, rows: int
) -> dict[str, pa.Array]:
    """Good lines to columns; pyarrow must see the same rows as we do."""
    if not rows:
        return {name: pa.array([], kind) for name, kind in wanted.items()}
    unique = [f"{i}:{name}" for i, name in enumerate(names)]
    places = {name: unique[names.index(name)] for name in wanted}
    table = pa_csv.read_csv(
        pa.BufferReader(data),
        read_options=pa_csv.ReadOptions(use_threads=False, column_names=unique, block_size=len(data) + 1),
        parse_options=pa_csv.ParseOptions(delimiter=delimiter),
        convert_options=pa_csv.ConvertOptions(
            column_types={places[name]: kind for name, kind in wanted.items()},
            include_columns=list(places.values()),
            strings_can_be_null=False,
            check_utf8=False,
        ),
    )
    if table.num_rows != rows:
        raise AssertionError(f"{rows} lines gave {table.num_rows} rows")
    return {name: pa.concat_arrays(table[place].chunks) for name, place in places.items()}
