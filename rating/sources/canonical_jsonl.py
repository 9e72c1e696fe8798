"""The canonical schema as JSON Lines: one object a line."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.json as pa_json

from rating.schema import CDR_COLUMNS
from rating.sources.block import BadLine, Block, FileNotes, Format, Options, byte_not_utf8, looks_like_json
from rating.sources.canonical_csv import raw as raw_lines
from rating.sources.files import CdrFile, blocks_of_lines

ENDINGS = (".jsonl", ".ndjson")
OBJECT = "one JSON object a line, its values texts (sip_code may be a number)"
_SCHEMA = pa.schema([(name, pa.int64() if name == "sip_code" else pa.string()) for name in CDR_COLUMNS])


def read(file: CdrFile, options: Options, notes: FileNotes) -> Iterator[Block]:
    """Read a JSON Lines file in blocks."""
    line = 1
    with file.open() as stream:
        for data in blocks_of_lines(stream):
            count = data.count(b"\n") + (not data.endswith(b"\n"))
            if line == 1:
                data = data.removeprefix(b"\xef\xbb\xbf")
            if options.encoding != "utf-8":
                data = data.decode(options.encoding).encode()
            data = data.replace(b"\r\n", b"\n")
            yield _fast(data, line) or _each(data, line)
            line += count
        if line == 1:
            notes.warnings.append(f"{file.name}:1: file is empty; expected {OBJECT}. [CDR-HEADER]")


def _fast(data: bytes, line: int) -> Block | None:
    """The whole block at once; None where it has any line that needs a closer look."""
    lines = data.count(b"\n") + (not data.endswith(b"\n"))
    starts = data.count(b"\n{") + data.startswith(b"{")
    ends = data.count(b"}\n") + data.endswith(b"}")
    if not lines == starts == ends:
        return None
    try:
        data.decode()
        table = pa_json.read_json(
            pa.BufferReader(data),
            read_options=pa_json.ReadOptions(use_threads=False, block_size=len(data) + 1),
            parse_options=pa_json.ParseOptions(explicit_schema=_SCHEMA, unexpected_field_behavior="ignore"),
        )
    except (pa.ArrowInvalid, UnicodeDecodeError):
        return None
    if table.num_rows != lines:
        return None
    columns = {name: pa.concat_arrays(table[name].chunks) for name in CDR_COLUMNS}
    columns["sip_code"] = columns["sip_code"].cast(pa.string())
    return Block(columns, line + np.arange(table.num_rows))


def _each(data: bytes, first: int) -> Block:
    """Line by line."""
    rows: list[dict[str, str]] = []
    lines: list[int] = []
    bad: list[BadLine] = []
    for line, text in enumerate(data.split(b"\n"), first):
        if not text.strip():
            continue
        row = _row(line, text)
        if isinstance(row, BadLine):
            bad.append(row)
        else:
            rows.append(row)
            lines.append(line)
    columns = {name: pa.array([row.get(name, "") for row in rows], pa.string()) for name in CDR_COLUMNS}
    return Block(columns, np.array(lines, np.int64), bad)


def _row(line: int, text: bytes) -> dict[str, str] | BadLine:
    try:
        found = json.loads(text.decode(), object_pairs_hook=_Pairs, strict=False)
    except UnicodeDecodeError as error:
        return byte_not_utf8(line, error)
    except (ValueError, RecursionError) as error:
        reason = "too deep" if isinstance(error, RecursionError) else "a number of more than 4300 digits"
        reason = error.msg if isinstance(error, json.JSONDecodeError) else reason
        return BadLine(line, "CDR-FIELD", "line", None, f"is not JSON ({reason})", OBJECT)
    if not isinstance(found, _Pairs):
        return BadLine(line, "CDR-FIELD", "line", None, "is no JSON object", OBJECT)
    row: dict[str, str] = {}
    seen: set[str] = set()
    for name, value in found:
        if name not in CDR_COLUMNS:
            continue
        if name in seen:
            return BadLine(line, "CDR-FIELD", "key", name, "occurs twice", "each key once")
        seen.add(name)
        if name == "sip_code" and isinstance(value, int) and not isinstance(value, bool):
            value = str(value)
        if value is None:
            continue
        if not isinstance(value, str):
            shown = json.dumps(_plain(value), ensure_ascii=False)
            return BadLine(line, "CDR-FIELD", name, shown, "is not a text", OBJECT)
        try:
            value.encode()
        except UnicodeEncodeError:
            return BadLine(line, "CDR-FIELD", name, None, "holds half a surrogate pair", "valid Unicode text")
        row[name] = value
    return row


def _plain(value: Any) -> Any:
    """A JSON value without the pairs of keys that reading it left."""
    if isinstance(value, _Pairs):
        return {key: _plain(inner) for key, inner in value}
    return [_plain(inner) for inner in value] if isinstance(value, list) else value


class _Pairs(list[tuple[str, Any]]):
    """The keys and values of a JSON object, repeated keys kept."""


FORMATS = (
    Format(
        "canonical",
        "jsonl",
        read,
        raw_lines,
        lambda head, name: looks_like_json(head) or (not head.strip() and name.endswith(ENDINGS)),
        "the canonical columns as JSON Lines",
    ),
)
