"""Bytes to a well-formed message."""

from __future__ import annotations

import re
from collections.abc import Callable
from email.utils import parsedate_to_datetime
from typing import NamedTuple, TypeVar

from sipgw.messages.address import parse_address
from sipgw.messages.bad import BadMessage, Unreadable
from sipgw.messages.head import LARGEST, MOST, read_head
from sipgw.messages.message import Message
from sipgw.messages.text import is_digits, is_token, split
from sipgw.messages.uri import Uri, parse_uri
from sipgw.messages.via import MAGIC, parse_via

METHODS = frozenset(("ACK", "BYE", "CANCEL", "INFO", "INVITE", "MESSAGE", "NOTIFY")) | frozenset(
    ("OPTIONS", "PRACK", "PUBLISH", "REFER", "REGISTER", "SUBSCRIBE", "UPDATE")
)
"""Methods that IANA lists."""

ONCE = ("From", "To", "Call-ID", "CSeq", "Max-Forwards", "Content-Length", "Content-Type")
NEEDED = ("Via", "From", "To", "Call-ID", "CSeq")
MAX_FORWARDS = 70
LARGEST_CSEQ = 2**31 - 1

_VERSION = re.compile(r"SIP/[0-9]{1,9}\.[0-9]{1,9}", re.IGNORECASE)
_CALL_ID = re.compile(r"[\x21-\x7e]+")
_CODE = re.compile(r"[1-6][0-9][0-9]")

T = TypeVar("T")


class _Start(NamedTuple):
    """The start line: of a request method and URI, of a response status and phrase."""

    method: str = ""
    uri: Uri | None = None
    status: int = 0
    phrase: str = ""


def parse(raw: bytes) -> Message:
    """Read one message, as a datagram or a stream's framing brought it.

    Parameters
    ----------
    raw : bytes
        What lies behind the body that Content-Length tells is left out.

    Raises
    ------
    BadMessage
        400, 413 (body), 501, 505 or 513 (size); `is_answered` is False where nobody waits for an answer.

    References
    ----------
    .. [1] RFC 3261, 7, 8.1.1, 18.3, 20 and 25.
    .. [2] RFC 4475: which faults are refused, which let pass.
    """
    try:
        return _parse(raw)
    except BadMessage as bad:
        if _waits_for_answer(raw):
            raise
        raise BadMessage(bad.status, bad.reason, bad.header, is_answered=False) from None


def _parse(raw: bytes) -> Message:
    head = read_head(raw)
    start = _start_line(head.start)
    lines: dict[str, list[str]] = {}
    for name, value in head.headers:
        lines.setdefault(name, []).append(value)
    for name, values in lines.items():
        commas = sum(value.count(",") for value in values)
        if commas > MOST:
            raise BadMessage.of(name, values[0], f"has {commas} commas", f"{MOST} at most", 513)
    for name in ONCE:
        values = lines.get(name.lower(), [])
        if len(values) > 1:
            raise BadMessage.of(name, " and ".join(values), "stands twice", "one value")
    for name in NEEDED:
        if name.lower() not in lines:
            raise BadMessage.of(name, None, "is missing", "this header in every message")
    irregular = [] if head.is_utf8 else ["a header is not UTF-8"]
    _check_vias(lines["via"], irregular)
    (call_id,) = lines["call-id"]
    if not _CALL_ID.fullmatch(call_id):
        raise BadMessage.of("Call-ID", call_id, "is no word", "printable ASCII without spaces")
    from_address = _read("From", lines["from"][0], parse_address)
    if "tag" not in from_address.parameters:
        irregular.append("From has no tag")
    to_address = _read("To", lines["to"][0], parse_address)
    cseq, method = _cseq(lines["cseq"][0], start)
    for value in lines.get("contact", ()):
        if value != "*":
            _read("Contact", value, lambda text: [parse_address(part) for part in split(text, ",")])
    _check_date(lines.get("date", []), irregular)
    return Message(
        method=method,
        uri=start.uri,
        status=start.status,
        phrase=start.phrase,
        headers={name: tuple(values) for name, values in lines.items()},
        from_address=from_address,
        to_address=to_address,
        call_id=call_id,
        cseq=cseq,
        max_forwards=_max_forwards(lines.get("max-forwards", []), start, irregular),
        body=_body(head.body, lines.get("content-length", [])),
        irregular=tuple(irregular),
    )


def _waits_for_answer(raw: bytes) -> bool:
    """Whether what came is a request other than ACK, as far as its first line tells."""
    words = raw.lstrip(b"\r\n").partition(b"\r\n")[0].split()
    first, last = (words[0].upper(), words[-1].upper()) if len(words) > 2 else (b"", b"")
    return last.startswith(b"SIP/") and not first.startswith(b"SIP/") and first != b"ACK"


def _read(name: str, value: str, read: Callable[[str], T]) -> T:
    """A header's value by its grammar."""
    try:
        return read(value)
    except Unreadable as fault:
        raise BadMessage.of(name, value, fault.problem, fault.expected) from None


def _start_line(line: str) -> _Start:
    words = line.split(" ")
    if line[:4].upper() == "SIP/":
        _check_version(line, words[0])
        status, _, phrase = line[len(words[0]) + 1 :].partition(" ")
        if not _CODE.fullmatch(status):
            raise BadMessage.of("status", status, "is no SIP status", "100 to 699")
        return _Start(status=int(status), phrase=phrase)
    if len(words) != 3 or not is_token(words[0]):
        raise BadMessage.of(
            "start line", line, "is none", "METHOD, Request-URI and SIP/2.0 with one space between"
        )
    _check_version(line, words[2])
    uri = _read("Request-URI", words[1], parse_uri)
    if uri.headers:
        raise BadMessage.of("Request-URI", words[1], "has headers", "a URI without ?")
    return _Start(words[0], uri)


def _check_version(line: str, version: str) -> None:
    if not _VERSION.fullmatch(version):
        raise BadMessage.of("start line", line, "has no version", "SIP/2.0")
    if version.upper() != "SIP/2.0":
        raise BadMessage.of("version", version, "is unknown", "SIP/2.0", 505)


def _check_vias(lines: list[str], irregular: list[str]) -> None:
    vias = [_read("Via", line, lambda text: [parse_via(part) for part in split(text, ",")]) for line in lines]
    branch = vias[0][0].parameters.get("branch", "")
    if branch.lower() == MAGIC:
        raise BadMessage.of("Via", lines[0], "has a branch that names nothing", "z9hG4bK and more")
    if not branch.lower().startswith(MAGIC):
        irregular.append("Via has no branch of RFC 3261")


def _cseq(value: str, start: _Start) -> tuple[int, str]:
    """Number, and method of the request."""
    number, _, method = value.replace("\t", " ").partition(" ")
    method = method.strip(" ")
    if not is_token(method) or not is_digits(number):
        raise BadMessage.of("CSeq", value, "is none", "a number and a method")
    digits = number.lstrip("0") or "0"
    if len(digits) > 10 or int(digits) > LARGEST_CSEQ:
        raise BadMessage.of("CSeq", value, "is too large", f"{LARGEST_CSEQ} at most")
    if start.method and method != start.method:
        status = 400 if start.method in METHODS else 501
        raise BadMessage.of("CSeq", value, "has another method than the request", "the same", status)
    return int(digits), method


def _max_forwards(values: list[str], start: _Start, irregular: list[str]) -> int:
    if not values:
        if start.method:
            irregular.append("Max-Forwards is missing")
        return MAX_FORWARDS
    if not is_digits(values[0]):
        raise BadMessage.of("Max-Forwards", values[0], "is no number", "0 to 255")
    digits = values[0].lstrip("0") or "0"
    if len(digits) > 3 or int(digits) > 255:
        irregular.append("Max-Forwards is above 255")
        return 255
    return int(digits)


def _check_date(values: list[str], irregular: list[str]) -> None:
    """Nothing here depends on it: RFC 4475, 3.1.2.12, asks not to refuse it then."""
    for value in values:
        try:
            good = value.endswith(" GMT") and parsedate_to_datetime(value) is not None
        except (ValueError, OverflowError):
            good = False
        if not good:
            irregular.append("Date is no time in GMT")


def _body(body: bytes, lengths: list[str]) -> bytes:
    if not lengths:
        return body
    told = lengths[0]
    if not is_digits(told):
        raise BadMessage.of("Content-Length", told, "is no length", "a whole number")
    digits = told.lstrip("0") or "0"
    if len(digits) > 6 or int(digits) > LARGEST:
        raise BadMessage.of("Content-Length", told, "is too large", f"{LARGEST} at most", 413)
    if int(digits) > len(body):
        raise BadMessage.of("Content-Length", told, f"is more than the {len(body)} bytes there are", "all")
    return body[: int(digits)]
