"""FreeSWITCH mod_json_cdr: one record a file, or one a line.

Epochs, in microseconds, go before the local stamps. Where both legs of a call are logged (log-b-leg), the
second is no call.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator
from functools import partial
from typing import Any, BinaryIO
from urllib.parse import unquote

from rating.arrays import NONE
from rating.sources.block import BadLine, Block, FileNotes, Options, looks_like_json, note_empty
from rating.sources.canonical_csv import raw
from rating.sources.files import CdrFile
from rating.sources.local_rows import LocalRow, blocks_of, duration_of, epoch_of, text_lines
from rating.sources.stamps import UNKNOWN
from rating.zone import instant_text

STAMPS = ("start_stamp", "answer_stamp", "end_stamp")
RECORD = "a record of mod_json_cdr: an object with variables"
END_REASONS = {
    "USER_BUSY": "busy",
    "NORMAL_CLEARING": "no_answer",
    "NO_ANSWER": "no_answer",
    "NO_USER_RESPONSE": "no_answer",
    "ALLOTTED_TIMEOUT": "no_answer",
    "ORIGINATOR_CANCEL": "cancelled",
    "NORMAL_CIRCUIT_CONGESTION": "no_channel",
    "REQUESTED_CHAN_UNAVAIL": "no_channel",
    "RECOVERY_ON_TIMER_EXPIRE": "timeout",
    "PROGRESS_TIMEOUT": "timeout",
}
"""End reason of each hangup cause of an unanswered call; of others "failed"."""

DIVERSION_TYPES = {"unconditional": "unconditional", "user-busy": "busy", "no-answer": "no_answer"}
HISTORY_TYPES = {"302": "unconditional", "486": "busy", "408": "no_answer"}

UUID = re.compile(r"[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")
_URI = re.compile(r"(?:sips?|tel):([^@;>,\s]+)", re.IGNORECASE)
_REASON = re.compile(r"reason=\"?([a-z-]+)", re.IGNORECASE)
_CAUSE = re.compile(r"cause(?:=|%3D)([0-9]{3})", re.IGNORECASE)
_SIP_CODE = re.compile(r"(?:sip:)?([1-6][0-9]{2})")


def read_json(file: CdrFile, options: Options, notes: FileNotes) -> Iterator[Block]:
    """Read records of mod_json_cdr: one a file, or one a line."""
    with file.open() as stream:
        note_empty(file, stream, RECORD, notes)
        rows = (
            text if isinstance(text, BadLine) else _json_call(line, text)
            for line, text in _records(stream, options)
        )
        yield from blocks_of(rows, STAMPS, file, options, notes)


def raw_json(file: CdrFile, lines: Iterable[int]) -> Iterator[tuple[int, str]]:
    """Records as they stand in the file."""
    with file.open() as stream:
        is_spread = _is_spread(stream)
        if is_spread:
            whole = stream.read().decode("utf-8", "backslashreplace").strip()
            yield from ((line, whole) for line in lines)
            return
    yield from raw(file, lines)


def recognises_json(head: bytes, name: str) -> bool:
    """Whether a file begins like a record."""
    return (
        looks_like_json(head)
        and b'"variables"' in head
        and (b'"core-uuid"' in head or b'"channel_data"' in head)
    )


def end_reason(answered: bool, cause: str) -> str:
    """How a call ended, from its hangup cause."""
    return "normal" if answered else END_REASONS.get(cause, "failed")


def _is_spread(stream: BinaryIO) -> bool:
    """Whether the file is one record over several lines; the stream stays at its begin."""
    first = stream.readline().removeprefix(b"\xef\xbb\xbf").strip()
    stream.seek(0)
    return first == b"{"


def _records(stream: BinaryIO, options: Options) -> Iterator[tuple[int, str | BadLine]]:
    """Records with the line each begins on."""
    if not _is_spread(stream):
        yield from text_lines(stream, options)
        return
    parts = []
    for _, text in text_lines(stream, options):
        if isinstance(text, BadLine):
            yield 1, text
            return
        parts.append(text)
    yield 1, "\n".join(parts)


def _first_wins(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """An object whose keys may occur twice, as `callflow` did."""
    found: dict[str, Any] = {}
    for name, value in pairs:
        found.setdefault(name, value)
    return found


def _json_call(line: int, text: str) -> LocalRow | BadLine | None:
    """A record as a call; None where it is a second leg."""
    bad = partial(BadLine, line, "CDR-FIELD")
    try:
        record = json.loads(text, object_pairs_hook=_first_wins, strict=False)
    except (ValueError, RecursionError) as error:
        reason = error.msg if isinstance(error, json.JSONDecodeError) else "too deep or too long a number"
        return bad("line", None, f"is not JSON ({reason})", RECORD)
    variables = record.get("variables") if isinstance(record, dict) else None
    if not isinstance(variables, dict):
        return bad("variables", None, "is no object", RECORD)
    values: dict[str, str] = {}
    for name, value in variables.items():
        if isinstance(value, str):
            values[name] = unquote(value)
        elif isinstance(value, int | float) and not isinstance(value, bool):
            values[name] = str(value)
        elif value is not None and name in READ:
            return bad(name, json.dumps(value, default=str)[:60], "is no plain value", "a text")
    if not UUID.fullmatch(values.get("uuid", "")):
        return bad("uuid", values.get("uuid"), "is no UUID", RECORD)
    profile = _profile(record.get("callflow"))
    if _is_second_leg(record, values, profile):
        return None
    stamps = (_stamp(values, "start"), _stamp(values, "answer"), _stamp(values, "end"))
    talk, total = (
        _length(values, "billusec", "billmsec", "billsec"),
        _length(values, "uduration", "mduration", "duration"),
    )
    for name, length in (("billsec", talk), ("duration", total)):
        if isinstance(length, str):
            return bad(name, length, "is no duration", "whole seconds, milliseconds or microseconds")
    assert isinstance(talk, int)
    assert isinstance(total, int)
    answered = bool(stamps[1])
    if talk > 0 and not answered:
        return bad("billsec", values.get("billsec"), "is talk time of no answer", "0, as no answer is told")
    return LocalRow(line, _json_cdr(values, profile, answered), stamps, talk if answered else UNKNOWN, total)


READ = frozenset(
    (
        "uuid",
        *(f"{name}_{kind}" for name in ("start", "answer", "end") for kind in ("uepoch", "epoch", "stamp")),
        *("billusec", "billmsec", "billsec", "uduration", "mduration", "duration", "hangup_cause"),
        *("sip_from_user", "sip_P-Asserted-Identity", "sip_req_user", "sip_to_user"),
        *("sip_redirected_by", "sip_history_info"),
    )
)
"""Variables that must be plain values."""


def _profile(callflow: Any) -> dict[str, Any]:
    """The caller's profile of a call flow: an array of them, or one."""
    part = callflow[0] if isinstance(callflow, list) and callflow else callflow
    profile = part.get("caller_profile") if isinstance(part, dict) else None
    return profile if isinstance(profile, dict) else {}


def _is_second_leg(record: dict[str, Any], values: dict[str, str], profile: dict[str, Any]) -> bool:
    """Whether a record is of a channel that another call opened; that call has a record of its own.

    `channel_data.direction` may be absent.
    """
    data = record.get("channel_data")
    direction = (data.get("direction") if isinstance(data, dict) else None) or values.get("direction")
    opened = values.get("originating_leg_uuid") or values.get("originator") or profile.get("originator")
    return direction == "outbound" and bool(opened)


def _stamp(values: dict[str, str], name: str) -> str:
    """An instant of a call: microseconds, else seconds, else the local stamp; empty for none."""
    for kind, unit in (("uepoch", 1_000), ("epoch", 10**9)):
        text = values.get(f"{name}_{kind}", "")
        instant = epoch_of(text, unit)
        if instant != NONE:
            return instant_text(instant)
        if text.strip("0"):
            return text  # no epoch: the reject shows it
        if text:
            break
    return values.get(f"{name}_stamp", "")


def _length(values: dict[str, str], *names: str) -> int | str:
    """A duration by its finest column [ns], UNKNOWN where there is none, or the text that is no duration."""
    for name, unit in zip(names, (1_000, 1_000_000, 10**9), strict=True):
        text = values.get(name, "")
        if text:
            length = duration_of(text, unit)
            return text if length is None else length
    return UNKNOWN


def _json_cdr(values: dict[str, str], profile: dict[str, Any], answered: bool) -> dict[str, str]:
    """Canonical columns but the times."""
    forwarded_by, forward_type = _forward(values, profile)
    codes = (
        _SIP_CODE.fullmatch(values.get(name, ""))
        for name in ("sip_term_status", "sip_invite_failure_status", "proto_specific_hangup_cause")
    )
    code = next((match[1] for match in codes if match), "0")
    return {
        "call_id": values["uuid"],
        "a_number": _caller(values) or _text(profile, "caller_id_number"),
        "b_number": values.get("sip_req_user")
        or _text(profile, "destination_number")
        or values.get("sip_to_user", ""),
        "sip_code": "200" if answered else code,
        "forwarded_by": forwarded_by,
        "forward_type": forward_type,
        "end_reason": end_reason(answered, values.get("hangup_cause", "")),
        "accountcode": values.get("accountcode", ""),
    }


def _text(profile: dict[str, Any], name: str) -> str:
    value = profile.get(name)
    return unquote(value) if isinstance(value, str) else ""


def _caller(values: dict[str, str]) -> str:
    """Number of the From, or of the identity asserted beside it where that is anonymous."""
    user = values.get("sip_from_user", "")
    asserted = _URI.search(values.get("sip_P-Asserted-Identity", ""))
    if asserted and not any(letter.isdigit() for letter in user):
        return asserted[1]
    return user


def _forward(values: dict[str, str], profile: dict[str, Any]) -> tuple[str, str]:
    """The number whose forwarding made a call, and its type: Diversion, else History-Info, else rdnis."""
    diversion = values.get("sip_redirected_by", "")
    number = _URI.search(diversion)
    if number:
        reason = _REASON.search(diversion)
        return number[1], DIVERSION_TYPES.get(reason[1].lower(), "unknown") if reason else "unknown"
    history = values.get("sip_history_info", "")
    entries = list(_URI.finditer(history))
    if len(entries) > 1:
        cause = _CAUSE.search(history[entries[-2].start() :])
        return entries[-2][1], HISTORY_TYPES.get(cause[1], "unknown") if cause else "unknown"
    redirecting = _text(profile, "rdnis")
    return redirecting, "unknown" if redirecting else ""
