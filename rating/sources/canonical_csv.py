"""The canonical schema as CSV."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from rating.csvtext import BINARY, CODED, parse_lines, split_header
from rating.errors import quoted
from rating.schema import CDR_COLUMNS, OPTIONAL_CDR_COLUMNS, TIME_COLUMNS
from rating.sources.block import BadLine, Block, FileNotes, Format, Options, bad_block, picked
from rating.sources.files import CdrFile, blocks_of_lines

PLAIN = ("call_id", *TIME_COLUMNS)
HEADER = "a header line with the columns " + ", ".join(
    name for name in CDR_COLUMNS if name not in OPTIONAL_CDR_COLUMNS
)


def read(file: CdrFile, options: Options, notes: FileNotes) -> Iterator[Block]:
    """Read a CSV file in blocks. A file without the right header gives its lines as bad ones."""
    with file.open() as stream:
        head = stream.readline()
        problem, is_header, names, delimiter = check_header(_recode(head, options.encoding), notes)
        wanted = {name: BINARY if name in PLAIN else CODED for name in CDR_COLUMNS if name in names}
        line = 2
        if problem:
            if not is_header and head.strip():
                yield bad_block([_header_fault(1, head, problem)])
            elif not head:
                notes.warnings.append(f"{file.name}:1: file is empty; expected {HEADER}. [CDR-HEADER]")
            else:
                notes.warnings.append(f"{file.name}:1: {problem}; expected {HEADER}. [CDR-HEADER]")
        for data in blocks_of_lines(stream):
            lines = data.count(b"\n") + (not data.endswith(b"\n"))
            if problem:
                yield bad_block(
                    [
                        _header_fault(line + i, text, problem)
                        for i, text in enumerate(data.split(b"\n"))
                        if text.strip(b" \t\r\0")
                    ]
                )
            else:
                parsed = parse_lines(_recode(data, options.encoding), names, wanted, delimiter)
                bad = [
                    BadLine(line + at, "CDR-FIELD", "line", None, reason, "one value a column")
                    for at, reason in parsed.bad
                ]
                yield Block(parsed.columns, parsed.lines + line, bad)
            line += lines


def raw(file: CdrFile, lines: Iterable[int]) -> Iterator[tuple[int, str]]:
    """Lines of a text file as they stand in it."""
    with file.open() as stream:
        for line, text in picked(stream, lines):
            yield line, text.decode("utf-8", "backslashreplace").rstrip("\r\n")


def check_header(head: bytes, notes: FileNotes) -> tuple[str, bool, list[str], str]:
    """What is wrong with a header line, whether it is one at all, its names and delimiter."""
    if head.startswith((b"\xff\xfe", b"\xfe\xff")):
        return "file is UTF-16, not UTF-8", False, [], ","
    if b"\r" in head.rstrip(b"\r\n"):
        return "header has a carriage return inside the line", False, [], ","
    names, delimiter = split_header(head)
    known = [name for name in names if name in CDR_COLUMNS]
    missing = [name for name in CDR_COLUMNS if name not in names and name not in OPTIONAL_CDR_COLUMNS]
    twice = sorted({name for name in known if known.count(name) > 1})
    if not known:
        shown = head.decode("utf-8", "replace").rstrip("\r\n")
        return f"header {quoted(shown)} names no canonical column", False, names, delimiter
    notes.columns = names
    notes.ignored_columns = sorted({name for name in names if name not in CDR_COLUMNS and name})
    if missing:
        word = "column" if len(missing) == 1 else "columns"
        return f"header has no {word} {', '.join(missing)}", True, names, delimiter
    if twice:
        return f"header has column {', '.join(twice)} twice", True, names, delimiter
    return "", True, names, delimiter


def _header_fault(line: int, text: bytes, problem: str) -> BadLine:
    return BadLine(line, "CDR-HEADER", "", None, problem, HEADER)


def _recode(data: bytes, encoding: str) -> bytes:
    return data if encoding == "utf-8" else data.decode(encoding).encode()


FORMATS = (
    Format(
        "canonical",
        "csv",
        read,
        raw,
        lambda head, name: True,
        "the canonical columns as CSV; the delimiter is the header's",
    ),
)
