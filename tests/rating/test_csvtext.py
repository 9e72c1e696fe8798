"""CSV lines: every line is a row or a bad line, by RFC 4180, whatever stands in it."""

import csv
import re

from hypothesis import given
from hypothesis import strategies as st

from rating.csvtext import BINARY, CODED, parse_lines, split_header

FIELD = r'(?:[^",\r]*|"(?:[^"\r]|"")*")'
LINE = re.compile(rf"{FIELD}(?:,{FIELD})*")
PIECES = st.sampled_from(["a", "é", ",", '"', "\r", "\n", "b", '""', ',"', '",', " "])


def by_hand(text: str, columns: int) -> tuple[list[tuple[int, list[str]]], list[int]]:
    """Rows and bad lines, one line at a time."""
    rows, bad = [], []
    for number, raw in enumerate(text.split("\n")):
        line = raw.removesuffix("\r")
        if not line:
            continue
        row = next(csv.reader([line])) if LINE.fullmatch(line) else []
        if len(row) == columns:
            rows.append((number, row))
        else:
            bad.append(number)
    return rows, bad


@given(st.lists(PIECES, max_size=40), st.integers(1, 3))
def test_rows_and_bad_lines_are_those_found_by_hand(pieces: list[str], columns: int) -> None:
    text = "".join(pieces)
    names = ["x", "y", "z"][:columns]
    kinds = {name: CODED if name == "y" else BINARY for name in names}
    parsed = parse_lines(text.encode(), names, kinds)
    texts = [[cell.decode() for cell in parsed.columns[name].to_pylist()] for name in names]
    found = [(int(line), list(row)) for line, row in zip(parsed.lines, zip(*texts, strict=True), strict=True)]
    assert (found, [line for line, _ in parsed.bad]) == by_hand(text, columns)


def test_each_problem_is_named() -> None:
    parsed = parse_lines(b'1,2\n1\n1,2,3\n"1,2\n1,"2"x\na\rb,2\n', ["x", "y"], {"x": BINARY})
    assert parsed.bad == [
        (1, "has 1 field where the header has 2"),
        (2, "has 3 fields where the header has 2"),
        (3, "has a quote that does not enclose a whole field"),
        (4, "has a quote that does not enclose a whole field"),
        (5, "has a carriage return inside the line"),
    ]


def test_a_column_may_stand_twice_where_it_is_not_wanted() -> None:
    parsed = parse_lines(b"1,2,3\n", ["x", "n", "n"], {"x": BINARY})
    assert parsed.columns["x"].to_pylist() == [b"1"]


def test_delimiter_is_the_headers() -> None:
    assert split_header(b"a;b c; d\r\n") == (["a", "b c", "d"], ";")
    assert split_header(b"a\tb\n") == (["a", "b"], "\t")
    assert split_header('\ufeff"a",b'.encode()) == (["a", "b"], ",")
