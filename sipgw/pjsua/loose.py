"""A message read as loosely as PJSIP reads it: what our own parser refuses may still come to PJSIP."""

from __future__ import annotations

import re
from dataclasses import dataclass

from sipgw.messages.text import split

_END_OF_HEAD = re.compile(rb"\r?\n\r?\n")
_COMPACT = {"v": "via", "t": "to", "m": "contact", "c": "content-type"}
_TAG = re.compile(r"(?i);\s*tag\s*=\s*[^\s;,]")


@dataclass(frozen=True)
class Loose:
    """A message.

    method : of a request as it is spelled, or of the request that a response is about
    status : 0 of a request
    headers : unfolded values by full name in lower case
    body : all that follows the head, whatever Content-Length says
    """

    method: str
    status: int
    headers: dict[str, list[str]]
    body: bytes

    @property
    def is_in_dialog(self) -> bool:
        """Whether To has a tag."""
        return any(_TAG.search(value.rpartition(">")[2]) for value in self.values("to"))

    @property
    def content_type(self) -> str:
        """In lower case, without any space."""
        return re.sub(r"\s", "", ",".join(self.values("content-type")).lower())

    def values(self, name: str) -> list[str]:
        return self.headers.get(name, [])

    def items(self, name: str) -> list[str]:
        """Parts between commas.

        Raises
        ------
        Unreadable
            A quote is left open.
        """
        return [part.strip() for value in self.values(name) for part in split(value, ",")]


def read(raw: bytes) -> Loose:
    """Read what of a message there is; nothing is refused.

    Examples
    --------
    >>> read(b"ack sip:h SIP/2.0\\r\\nt: <sip:h>;TAG=1\\r\\n\\r\\nbody").is_in_dialog
    True
    >>> read(b"SIP/2.0 200 OK\\r\\nCSeq: 1\\r\\n INVITE\\r\\n\\r\\n").method
    'INVITE'
    """
    head, *rest = _END_OF_HEAD.split(raw.lstrip(b"\r\n"), maxsplit=1)
    text = re.sub(r"\r?\n[ \t]+", " ", head.decode("utf-8", "replace"))
    start, *lines = re.split(r"\r?\n", text)
    headers: dict[str, list[str]] = {}
    for line in lines:
        name, _, value = line.partition(":")
        key = name.strip().lower()
        headers.setdefault(_COMPACT.get(key, key), []).append(value.strip())
    words = start.split()
    status, method = 0, words[0] if words else ""
    if method.upper().startswith("SIP/"):
        status = int(words[1]) if len(words) > 1 and re.fullmatch("[1-6][0-9][0-9]", words[1]) else 999
        method = " ".join(headers.get("cseq", [])).split(" ")[-1]
    return Loose(method, status, headers, rest[0] if rest else b"")
