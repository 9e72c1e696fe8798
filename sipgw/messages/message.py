"""A SIP message that is well formed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from sipgw.messages.address import Address
from sipgw.messages.bad import Unreadable
from sipgw.messages.text import LWS, split
from sipgw.messages.uri import Uri

INVITE, ACK, CANCEL, REFER = "INVITE", "ACK", "CANCEL", "REFER"


@dataclass(frozen=True)
class Message:
    """A request or a response.

    method : of the request, or of the request that a response is about
    uri : Request-URI; None in a response
    status, phrase : of a response; 0 and "" in a request
    headers : unfolded values, one for each line, by full name in lower case
    from_address, to_address, call_id, cseq, max_forwards : headers that every message has; 70 where a
    request lacks Max-Forwards, at most 255
    body : as long as Content-Length says
    irregular : what is against the rules and was let pass
    """

    method: str
    uri: Uri | None
    status: int
    phrase: str
    headers: Mapping[str, tuple[str, ...]]
    from_address: Address
    to_address: Address
    call_id: str
    cseq: int
    max_forwards: int
    body: bytes
    irregular: tuple[str, ...]

    @property
    def is_request(self) -> bool:
        return self.uri is not None

    @property
    def is_in_dialog(self) -> bool:
        """Whether it belongs to a call that is up (its To has a tag); such an INVITE begins no call."""
        return "tag" in self.to_address.parameters

    def values(self, name: str) -> tuple[str, ...]:
        """Values of a header, one for each line of that name."""
        return self.headers.get(name.lower(), ())

    def first(self, name: str) -> str:
        """The first value of a header; "" where it is not there."""
        return next(iter(self.values(name)), "")

    def items(self, name: str) -> list[str]:
        """Parts of a header between commas, of all its lines; a line with an open quote is left out.

        Examples
        --------
        >>> from sipgw.messages.parse import parse
        >>> head = "OPTIONS sip:h SIP/2.0|v:SIP/2.0/TLS h|f:<sip:h>;tag=1|t:<sip:h>|i:1|CSeq:1 OPTIONS"
        >>> message = parse((head + "|k:timer, 100rel||").replace("|", "\\r\\n").encode())
        >>> message.items("Supported")
        ['timer', '100rel']
        """
        found = []
        for value in self.values(name):
            try:
                parts = split(value, ",")
            except Unreadable:
                continue
            found += [part.strip(LWS) for part in parts]
        return found
