"""Asterisk's Master.csv, of cdr_csv (16 to 21 columns) and of the usual cdr_custom; no header.

One row a channel and dialled party. `billsec` counts only where the disposition is ANSWERED: a PBX that
answers before it dials writes BUSY and NO ANSWER rows with talk time. `fwd=<number>` in the userfield is the
number whose forwarding made the leg. The id of a row is its uniqueid and, as one channel may dial several
parties, its sequence or else its destination channel; without uniqueid it is a digest of the row.
"""

from __future__ import annotations

import csv
import hashlib
import re
from array import array
from collections.abc import Iterator
from dataclasses import dataclass

from rating.arrays import NONE
from rating.sources.block import BadLine, Block, FileNotes, Format, Options, note_empty
from rating.sources.canonical_csv import raw
from rating.sources.files import CdrFile
from rating.sources.local_rows import LocalRow, blocks_of, duration_of, epoch_of, missing_numbers, text_lines
from rating.sources.stamps import UNKNOWN

STAMPS = ("start", "answer", "end")
ROW = "a row of cdr_csv with 16 to 21 columns, or of cdr_custom with 17 to 19"
END_REASONS = {
    "ANSWERED": "normal",
    "NO ANSWER": "no_answer",
    "BUSY": "busy",
    "FAILED": "failed",
    "CONGESTION": "no_channel",
    "CANCEL": "cancelled",
    "UNKNOWN": "failed",
}
"""End reason of each disposition."""

_STAMP = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2} [0-9]{2}:[0-9]{2}:[0-9]{2}")
_WHOLE = re.compile(r"[0-9]+")
_UNIQUEID = re.compile(r"(?:.*-)?([0-9]{9,10})\.[0-9]+")
_FORWARD = re.compile(r"(?:^|[;,&| ])fwd=([^;,&| ]+)")


@dataclass(frozen=True)
class _Row:
    """The fields that are read, whatever the order of the columns."""

    accountcode: str
    src: str
    dst: str
    dstchannel: str
    stamps: tuple[str, str, str]
    duration: str
    billsec: str
    disposition: str
    uniqueid: str
    userfield: str
    sequence: str


def read(file: CdrFile, options: Options, notes: FileNotes) -> Iterator[Block]:
    """Read a Master.csv, or the file of one account."""
    with file.open() as stream:
        note_empty(file, stream, ROW, notes)
        sequence = array("q")
        rows = (
            text if isinstance(text, BadLine) else _call(line, text, sequence)
            for line, text in text_lines(stream, options)
        )
        yield from blocks_of(rows, STAMPS, file, options, notes)
        notes.hints += [f"{file.name}: {hint}" for hint in missing_numbers(sequence)]


def recognises(head: bytes, name: str) -> bool:
    """Whether any of the first lines is a whole row of either column order."""
    lines = head.removeprefix(b"\xef\xbb\xbf").decode("latin-1").split("\n")[:20]
    for line in lines:
        fields = _fields(line.rstrip("\r"))
        if (
            isinstance(fields, list)
            and _columns_of(fields) is not None
            and _likeness(fields, _start(fields)) == 6
        ):
            return True
    return False


def _fields(text: str) -> list[str] | str:
    """Fields of a line, or what is wrong with it."""
    try:
        return next(csv.reader([text], strict=True), [])
    except csv.Error as error:
        return f"is no CSV ({error})"


def _likeness(fields: list[str], start: int) -> int:
    """How many of start, answer, end, duration, billsec and disposition look right from a column on."""
    part = fields[start : start + 6]
    if len(part) < 6:
        return 0
    stamps = [bool(_STAMP.fullmatch(text)) for text in part[:3]]
    stamps[1] |= not part[1]
    whole = [bool(_WHOLE.fullmatch(text)) for text in part[3:5]]
    return sum(stamps) + sum(whole) + (part[5] in END_REASONS)


def _start(fields: list[str]) -> int:
    """Column of the start stamp: 9 in cdr_csv, 8 in cdr_custom."""
    return 8 if _likeness(fields, 8) > _likeness(fields, 9) else 9


def _columns_of(fields: list[str]) -> _Row | None:
    """The fields of a row by its column order; None where it has too few or too many.

    cdr_csv ends in uniqueid, in userfield, in peeraccount, linkedid and sequence: each where it is set so.
    """
    start = _start(fields)
    stamps = (
        (fields[start], fields[start + 1], fields[start + 2]) if len(fields) > start + 5 else ("", "", "")
    )
    if start == 8 and 17 <= len(fields) <= 19:
        duration, billsec, disposition = fields[11:14]
        uniqueid, userfield, sequence = [*fields[16:], "", ""][:3]
        parties = (fields[15], fields[1], fields[2], fields[5])
        return _Row(*parties, stamps, duration, billsec, disposition, uniqueid, userfield, sequence)
    if start != 9 or not 16 <= len(fields) <= 21:
        return None
    extra = 3 if len(fields) >= 19 else 0
    tail = fields[16 : len(fields) - extra]
    if len(tail) == 1:
        tail = [tail[0], ""] if _UNIQUEID.fullmatch(tail[0]) else ["", tail[0]]
    uniqueid, userfield = tail or ["", ""]
    sequence = fields[-1] if extra else ""
    duration, billsec, disposition = fields[12:15]
    parties = (fields[0], fields[1], fields[2], fields[6])
    return _Row(*parties, stamps, duration, billsec, disposition, uniqueid, userfield, sequence)


def _call(line: int, text: str, sequence: array[int]) -> LocalRow | BadLine | None:
    """A line as a call; None where it is none. Its sequence number, if it has one, is noted."""
    fields = _fields(text)
    if isinstance(fields, str):
        return BadLine(line, "CDR-FIELD", "line", None, fields, ROW)
    row = _columns_of(fields)
    if row is None:
        problem = f"has {len(fields)} field{'s' * (len(fields) != 1)}"
        return BadLine(line, "CDR-FIELD", "line", None, problem, ROW)
    if row.sequence.isascii() and row.sequence.isdigit() and len(row.sequence) <= 18:
        sequence.append(int(row.sequence))
    if row.disposition not in END_REASONS:
        known = "one of " + ", ".join(END_REASONS)
        return BadLine(line, "CDR-FIELD", "disposition", row.disposition, "is unknown", known)
    answered = row.disposition == "ANSWERED"
    if answered and not row.stamps[1]:
        return BadLine(line, "CDR-FIELD", "answer", "", "is empty", "a stamp, as the call is ANSWERED")
    talk, total = duration_of(row.billsec), duration_of(row.duration)
    for name, value, length in (("billsec", row.billsec, talk), ("duration", row.duration, total)):
        if length is None:
            return BadLine(line, "CDR-FIELD", name, value, "is no duration", "whole seconds")
    if not answered and not row.src and row.dst == "s":
        return None  # nobody called anybody: a channel that the PBX opened for itself
    assert talk is not None
    assert total is not None
    epoch = _UNIQUEID.fullmatch(row.uniqueid)
    return LocalRow(
        line,
        _cdr(row, fields, answered),
        (row.stamps[0], row.stamps[1] if answered else "", row.stamps[2]),
        talk if answered else UNKNOWN,
        total,
        epoch_of(epoch[1]) if epoch else NONE,
    )


def _cdr(row: _Row, fields: list[str], answered: bool) -> dict[str, str]:
    """Canonical columns but the times."""
    part = row.sequence or row.dstchannel
    if row.uniqueid:
        call_id = f"{row.uniqueid}/{part}" if part else row.uniqueid
    else:
        call_id = hashlib.sha256("\x1f".join(fields).encode("utf-8", "surrogatepass")).hexdigest()
    forward = _FORWARD.search(row.userfield)
    return {
        "call_id": call_id,
        "a_number": row.src,
        "b_number": row.dst,
        "sip_code": "200" if answered else "0",
        "forwarded_by": forward[1] if forward else "",
        "forward_type": "unknown" if forward else "",
        "end_reason": END_REASONS[row.disposition],
        "accountcode": row.accountcode,
    }


FORMATS = (
    Format(
        "asterisk",
        "csv",
        read,
        raw,
        recognises,
        "Asterisk's Master.csv and files by account, of cdr_csv or cdr_custom; no header, local stamps",
    ),
)
