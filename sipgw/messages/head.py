"""Bytes to a start line, headers and a body."""

from __future__ import annotations

import re
from typing import NamedTuple

from sipgw.messages.bad import BadMessage
from sipgw.messages.text import LWS, is_token

LARGEST = 65_536
"""Bytes of a message: the most that UDP carries; Teams sends some 3,000."""
LONGEST = 8_192
"""Characters of a header, folded lines together."""
MOST = 256
"""Lines of headers, and commas in headers of one name: a call sent on so often goes in circles."""

COMPACT = {
    "a": "accept-contact",
    "b": "referred-by",
    "c": "content-type",
    "d": "request-disposition",
    "e": "content-encoding",
    "f": "from",
    "i": "call-id",
    "j": "reject-contact",
    "k": "supported",
    "l": "content-length",
    "m": "contact",
    "o": "event",
    "r": "refer-to",
    "s": "subject",
    "t": "to",
    "u": "allow-events",
    "v": "via",
    "x": "session-expires",
    "y": "identity",
}
"""Short names of headers (RFC 3261, 7.3.3, and IANA's registry of SIP parameters)."""

# A quoted string may hold any character but line ends behind a backslash.
_CONTROL = re.compile(r"(?<!\\)[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]|[\r\n]")


class Head(NamedTuple):
    """A message cut in pieces: headers as (full name in lower case, unfolded value), in order."""

    start: str
    headers: list[tuple[str, str]]
    body: bytes
    is_utf8: bool


def read_head(raw: bytes) -> Head:
    """Cut a message in pieces.

    Raises
    ------
    BadMessage
        513 where it is longer than what is read here, 400 where it is no SIP message at all.

    References
    ----------
    .. [1] RFC 3261, 7.3.1 (folding), 7.5 (empty lines before a message), 25.1.

    Examples
    --------
    >>> read_head(b"BYE sip:h SIP/2.0\\r\\nt : <sip:h>\\r\\n ;tag=1\\r\\n\\r\\n")[:2]
    ('BYE sip:h SIP/2.0', [('to', '<sip:h> ;tag=1')])
    """
    if len(raw) > LARGEST:
        raise BadMessage.of("message", None, f"has {len(raw)} bytes", f"{LARGEST} at most", 513)
    head, end, body = raw.lstrip(b"\r\n").partition(b"\r\n\r\n")
    if not end:
        raise BadMessage.of("message", None, "has no empty line behind its headers", "one")
    text = head.decode("utf-8", "replace")
    start, *lines = _unfolded(text.split("\r\n"))
    if len(lines) > MOST:
        raise BadMessage.of("message", None, f"has {len(lines)} headers", f"{MOST} at most", 513)
    return Head(start, [_header(line) for line in lines], body, text.encode() == head)


def _unfolded(lines: list[str]) -> list[str]:
    """Lines with those that begin with white space added to the line before."""
    whole: list[list[str]] = [[lines[0]]]
    for line in lines[1:]:
        if line[:1] not in (" ", "\t"):
            whole.append([line])
        elif len(whole) > 1:
            whole[-1].append(line.strip(LWS))
        else:
            raise BadMessage.of("start line", lines[0], "goes on in a second line", "one line")
    found = [" ".join(parts).strip(LWS) for parts in whole[1:]]
    for line in (lines[0], *found):
        if len(line) > LONGEST:
            raise BadMessage.of("line", line, f"has {len(line)} characters", f"{LONGEST} at most", 513)
        if _CONTROL.search(line):
            raise BadMessage.of("line", line, "has a control character", "text")
    return [lines[0], *found]


def _header(line: str) -> tuple[str, str]:
    name, colon, value = line.partition(":")
    name = name.rstrip(LWS)
    if not colon or not is_token(name):
        raise BadMessage.of("line", line, "is no header", "Name: value")
    name = name.lower()
    return COMPACT.get(name, name), value.strip(LWS)
