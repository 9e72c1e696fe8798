"""FreeSWITCH: mod_cdr_csv's "example" template; mod_json_cdr is in `freeswitch_json`.

The CSV has no header, quotes every field and escapes nothing: it is split from the right, and what is left
over belongs to the caller's name. Where both legs of a call are logged (legs=ab), the second is no call.
"""

from __future__ import annotations

import csv
from array import array
from collections.abc import Iterator

import numpy as np

from rating.sources.block import BadLine, Block, FileNotes, Format, Options, note_empty
from rating.sources.canonical_csv import raw
from rating.sources.files import CdrFile
from rating.sources.freeswitch_json import (
    STAMPS,
    UUID,
    end_reason,
    raw_json,
    read_json,
    recognises_json,
)
from rating.sources.local_rows import LocalRow, blocks_of, duration_of, text_lines
from rating.sources.stamps import UNKNOWN

COLUMNS = (
    "caller_id_name",
    "caller_id_number",
    "destination_number",
    "context",
    *STAMPS,
    "duration",
    "billsec",
    "hangup_cause",
    "uuid",
    "bleg_uuid",
    "accountcode",
    "read_codec",
    "write_codec",
)
ROW = f"the {len(COLUMNS)} columns of mod_cdr_csv's template example"


def read(file: CdrFile, options: Options, notes: FileNotes) -> Iterator[Block]:
    """Read a Master.csv of template "example", or the file of one account."""
    second_legs = _second_legs(file, options)
    with file.open() as stream:
        note_empty(file, stream, ROW, notes)
        rows = (
            text if isinstance(text, BadLine) else _csv_call(line, text, second_legs)
            for line, text in text_lines(stream, options)
        )
        yield from blocks_of(rows, STAMPS, file, options, notes)


def recognises(head: bytes, name: str) -> bool:
    """Whether any of the first lines has the template's columns, whatever became of its stamps."""
    lines = head.removeprefix(b"\xef\xbb\xbf").decode("latin-1").split("\n")[:20]
    for line in lines:
        fields = _fields(line.rstrip("\r"))
        if (
            isinstance(fields, list)
            and UUID.fullmatch(fields[10])
            and fields[7].isdigit()
            and fields[8].isdigit()
        ):
            return True
    return False


def _fields(text: str) -> list[str] | str:
    """The 15 fields of a line, or what is wrong with it."""
    if text.startswith('"') and text.endswith('"') and len(text) > 1:
        fields = text[1:-1].rsplit('","', len(COLUMNS) - 1)
    else:  # not as the module writes it: a spreadsheet saved the file again, or the line breaks off
        try:
            fields = next(csv.reader([text], strict=True), [])
        except csv.Error as error:
            return f"is no CSV ({error})"
    if len(fields) != len(COLUMNS):
        return f"has {len(fields)} field{'s' * (len(fields) != 1)}"
    return fields


def _csv_call(line: int, text: str, second_legs: set[str]) -> LocalRow | BadLine | None:
    """A line as a call; None where it is a second leg."""
    fields = _fields(text)
    if isinstance(fields, str):
        return BadLine(line, "CDR-FIELD", "line", None, fields, ROW)
    row = dict(zip(COLUMNS, fields, strict=True))
    if not UUID.fullmatch(row["uuid"]):
        return BadLine(line, "CDR-FIELD", "uuid", row["uuid"], "is no UUID", ROW)
    talk, total = duration_of(row["billsec"]), duration_of(row["duration"])
    for name, length in (("billsec", talk), ("duration", total)):
        if length is None:
            return BadLine(line, "CDR-FIELD", name, row[name], "is no duration", "whole seconds")
    assert talk is not None
    assert total is not None
    answered = bool(row["answer_stamp"])
    if talk and not answered:
        rule = "0, as answer_stamp is empty"
        return BadLine(line, "CDR-FIELD", "billsec", row["billsec"], "is talk time of no answer", rule)
    if row["uuid"] in second_legs:
        return None
    cdr = {
        "call_id": row["uuid"],
        "a_number": row["caller_id_number"],
        "b_number": row["destination_number"],
        "sip_code": "200" if answered else "0",
        "end_reason": end_reason(answered, row["hangup_cause"]),
        "accountcode": row["accountcode"],
    }
    stamps = (row["start_stamp"], row["answer_stamp"], row["end_stamp"])
    return LocalRow(line, cdr, stamps, talk if answered else UNKNOWN, total)


def _second_legs(file: CdrFile, options: Options) -> set[str]:
    """Ids of the second legs of calls both legs of which are in the file (legs=ab).

    Of two that name each other the one that lasted longer was there first; of two as long, the lower id.
    """
    own, other = array("Q"), array("Q")
    for row in _legs(file, options):
        own.append(_short(row[0]))
        other.append(_short(row[1]))
    both = np.intersect1d(np.array(own, np.uint64), np.array(other, np.uint64))
    if not len(both):
        return set()
    wanted = set(both.tolist())
    legs = {
        uuid: (other_uuid, -length)
        for uuid, other_uuid, length in _legs(file, options)
        if _short(uuid) in wanted or _short(other_uuid) in wanted
    }
    second: set[str] = set()
    for uuid, (other_uuid, age) in legs.items():
        if other_uuid in legs:
            mutual = legs[other_uuid][0] == uuid
            first_is_this = not mutual or (age, uuid) < (legs[other_uuid][1], other_uuid)
            second.add(other_uuid if first_is_this else uuid)
    return second


def _legs(file: CdrFile, options: Options) -> Iterator[tuple[str, str, int]]:
    """(id, id of the other leg, duration) of each row that names another leg than itself."""
    with file.open() as stream:
        for _, text in text_lines(stream, options):
            fields = text if isinstance(text, BadLine) else _fields(text)
            if isinstance(fields, list) and UUID.fullmatch(fields[10]) and fields[10] != fields[11]:
                yield fields[10], fields[11], duration_of(fields[7]) or 0


def _short(uuid: str) -> int:
    """64 bits of a UUID; 0 of what is none."""
    return int(uuid.replace("-", "")[16:], 16) if UUID.fullmatch(uuid) else 0


FORMATS = (
    Format(
        "freeswitch",
        "json",
        read_json,
        raw_json,
        recognises_json,
        "FreeSWITCH mod_json_cdr: one record a file, or one a line",
    ),
    Format(
        "freeswitch",
        "csv",
        read,
        raw,
        recognises,
        "FreeSWITCH mod_cdr_csv, template example; no header, local stamps",
    ),
)
