"""Microsoft Graph call-record logs: getDirectRoutingCalls and getPstnCalls, v1.0 and beta.

One page a file, an array of pages or of rows, or a page or row a line. `line` is the row, from 1.
"""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Iterable, Iterator
from itertools import islice
from typing import Any, BinaryIO

from rating.sources.block import (
    TOLD_BY_ACCOUNTS,
    BadLine,
    Block,
    Damaged,
    FileNotes,
    Format,
    Options,
    looks_like_json,
    picked,
    rows_block,
)
from rating.sources.files import CdrFile
from rating.sources.teams import TOLERANCE_S, date_or_none, far_apart, leg, leg_times, read_call_type

ROWS = 10_000
_PAGE = re.compile(rb'\s*\{(\s*"@odata[^"]*"\s*:\s*("[^"\\]*"|\d+)\s*,)*\s*"value"\s*:\s*\[')
"""How a page begins: what Graph says of it, then its rows."""

ROW = "a row of getDirectRoutingCalls or getPstnCalls: names and plain values"


def read(file: CdrFile, options: Options, notes: FileNotes) -> Iterator[Block]:
    """Read Direct Routing rows."""
    return _read(file, notes, _direct_routing)


def read_pstn(file: CdrFile, options: Options, notes: FileNotes) -> Iterator[Block]:
    """Read rows of Calling Plans and Operator Connect."""
    return _read(file, notes, _pstn)


def raw(file: CdrFile, lines: Iterable[int]) -> Iterator[tuple[int, str]]:
    """Rows as JSON."""
    with file.open() as stream:
        for line, row in picked(_rows(stream), lines):
            yield line, json.dumps(row, ensure_ascii=False, default=str)


def is_direct_routing(head: bytes) -> bool:
    """Whether a file begins like getDirectRoutingCalls."""
    return b"directRoutingLogRow" in head or b'"trunkFullyQualifiedDomainName"' in head


def is_pstn(head: bytes) -> bool:
    """Whether a file begins like getPstnCalls."""
    return b"pstnCallLogRow" in head or b'"callDurationSource"' in head or b'"licenseCapability"' in head


def _rows(stream: BinaryIO) -> Iterator[Any]:
    """Rows of all pages, one page in memory at a time, and one row where the file is a single page."""
    import ijson

    start = _start(stream)
    drawn = 0
    if _PAGE.match(stream.read(1024)):
        stream.seek(start)
        try:
            for row in ijson.items(stream, "value.item", use_float=True):
                drawn += 1
                yield row
            return
        except ijson.JSONError:  # more follows the page, or it is damaged: begin again, and tell
            pass
    stream.seek(start)
    yield from islice(_rows_of_pages(stream), drawn, None)


def _start(stream: BinaryIO) -> int:
    """Where the text begins, behind a byte order mark; the stream stands there."""
    stream.seek(0)
    start = 3 if stream.read(3) == b"\xef\xbb\xbf" else 0
    stream.seek(start)
    return start


def _rows_of_pages(stream: BinaryIO) -> Iterator[Any]:
    """Rows of pages, or rows without pages, in an array or one after the other."""
    import ijson

    start = stream.tell()
    head = stream.read(1024).lstrip(b" \t\r\n")[:1]
    stream.seek(start)
    try:
        if head == b"[":
            values = ijson.items(stream, "item", use_float=True)
        else:
            values = ijson.items(stream, "", multiple_values=True, use_float=True)
        for value in values:
            if isinstance(value, dict) and isinstance(value.get("value"), list):
                yield from value["value"]
            else:
                yield value
    except ijson.JSONError as error:
        words = error.args[0] if error.args else ""
        text = words.decode("utf-8", "replace") if isinstance(words, bytes) else str(words)
        raise Damaged(text.split("\n")[0].strip() or "is not JSON") from None


def _read(file: CdrFile, notes: FileNotes, to_cdr: Any) -> Iterator[Block]:
    unknown: Counter[str] = Counter()
    apart = 0
    with file.open() as stream:
        for part, called in _with_called(enumerate(_rows(stream), 1)):
            lines, cdrs, durations, bad = [], [], [], []
            for line, row in part:
                problem = _odd(row)
                if problem:
                    bad.append(BadLine(line, "CDR-FIELD", *problem, ROW))
                    continue
                kind = _text(row.get("callType"))
                if not read_call_type(kind).known:
                    unknown[kind] += 1
                cdr = to_cdr(row)
                if cdr["forward_type"] and not cdr["forwarded_by"]:
                    cdr["forwarded_by"] = called.get(_text(row.get("correlationId")), "")
                cdrs.append(cdr)
                lines.append(line)
                duration = row.get("duration")
                durations.append(duration if isinstance(duration, int) else None)
            block = rows_block(cdrs, lines, bad, may_be_empty=TOLD_BY_ACCOUNTS)
            apart += far_apart(block.columns, durations)
            yield block
    for kind, count in sorted(unknown.items()):
        notes.warnings.append(
            f"{file.name}: callType '{kind}' of {count} rows is unknown; expected one made of known words. "
            "The rows are kept, and read by the words that are known. [CDR-TYPE]"
        )
    if apart:
        notes.warnings.append(
            f"{file.name}: duration of {apart} outbound rows differs from end - start by more than "
            f"{TOLERANCE_S} s; expected the same. End - start is rated. [CDR-DURATION]"
        )


def _with_called(rows: Iterator[tuple[int, Any]]) -> Iterator[tuple[list[tuple[int, Any]], dict[str, str]]]:
    """Rows by parts, and the numbers called by the inbound legs of a part and of its neighbours: the legs of
    a call stand near each other, in any order."""
    before: dict[str, str] = {}
    part = list(islice(rows, ROWS))
    here = _called(part)
    while part:
        following = list(islice(rows, ROWS))
        after = _called(following)
        yield part, {**before, **after, **here}
        part, before, here = following, here, after


def _called(part: list[tuple[int, Any]]) -> dict[str, str]:
    """Number that each inbound leg called, by the id that the legs of a forwarded call share."""
    return {
        _text(row.get("correlationId")): _text(row.get("calleeNumber"))
        for _, row in part
        if isinstance(row, dict) and read_call_type(_text(row.get("callType"))).direction == "inbound"
    }


def _odd(row: Any) -> tuple[str, str | None, str] | None:
    """Field, value and problem of a row that is none."""
    if not isinstance(row, dict):
        return "row", json.dumps(row, default=str)[:60], "is no JSON object"
    for name, value in row.items():
        if name in READ and isinstance(value, dict | list):
            return name, json.dumps(value, default=str)[:60], "is no plain value"
    start = date_or_none(_text(row.get("startDateTime")))
    if "trunkFullyQualifiedDomainName" in row and _established(row) and not start:
        return "startDateTime", _text(row.get("startDateTime")), "is none, though the call was established"
    return None


READ = {
    "id",
    "callType",
    "callerNumber",
    "calleeNumber",
    "inviteDateTime",
    "startDateTime",
    "endDateTime",
    "failureDateTime",
    "duration",
    "successfulCall",
    "finalSipCode",
    "userPrincipalName",
    "userId",
    "trunkFullyQualifiedDomainName",
}


def _text(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value)


def _established(row: dict[str, Any]) -> bool:
    """Whether a call took place: as Graph says, else by the end that only such calls have."""
    said = row.get("successfulCall")
    return bool(date_or_none(_text(row.get("endDateTime")))) if said is None else said is True


def _direct_routing(row: dict[str, Any]) -> dict[str, str]:
    """A directRoutingLogRow as a CDR."""
    established = _established(row)
    times = (
        date_or_none(_text(row.get(f"{name}DateTime"))) for name in ("invite", "start", "failure", "end")
    )
    return leg(
        read_call_type(_text(row.get("callType"))),
        **_parties(row),
        trunk=_text(row.get("trunkFullyQualifiedDomainName")),
        **leg_times(established, *times),
        sip_code=_text(row.get("finalSipCode")) or "0",
        established=established,
    )


def _pstn(row: dict[str, Any]) -> dict[str, str]:
    """A pstnCallLogRow as a CDR: only calls that took place are in this log."""
    start, end = (date_or_none(_text(row.get(f"{name}DateTime"))) for name in ("start", "end"))
    return leg(
        read_call_type(_text(row.get("callType"))),
        **_parties(row),
        trunk="",
        setup=start,
        answer=start,
        release=end,
        sip_code="0",
        established=True,
    )


def _parties(row: dict[str, Any]) -> dict[str, str]:
    """What both logs say of a row's identity and who talked."""
    return {
        "call_id": _text(row.get("id")),
        "caller": _text(row.get("callerNumber")),
        "callee": _text(row.get("calleeNumber")),
        "user": _text(row.get("userPrincipalName")) or _text(row.get("userId")),
    }


FORMATS = (
    Format(
        "teams-graph",
        "json",
        read,
        raw,
        lambda head, name: looks_like_json(head) and is_direct_routing(head),
        "Microsoft Graph getDirectRoutingCalls, v1.0 or beta: pages, an array of them, or JSON lines",
    ),
    Format(
        "teams-graph-pstn",
        "json",
        read_pstn,
        raw,
        lambda head, name: looks_like_json(head) and is_pstn(head),
        "Microsoft Graph getPstnCalls: pages, an array of them, or JSON lines",
    ),
)
