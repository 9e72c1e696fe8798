"""Who sent a call on before: History-Info and Diversion.

Of what cannot be read nothing is told: such an entry is passed over, the others count.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

from sipgw.messages.address import Address, parse_address
from sipgw.messages.bad import Unreadable
from sipgw.messages.message import Message
from sipgw.messages.reasons import SIP, read_reasons
from sipgw.messages.text import LWS, is_digits, split, without_escapes
from sipgw.messages.uri import Uri

_MOST_COUNTER = 999


@dataclass(frozen=True)
class Entry:
    """One entry of History-Info.

    index : 1.1 as (1, 1); empty where there is none
    cause : of the Reason that the URI holds: why the call went on from here; 0 for none
    target_cause : parameter of the URI: why the call came here (RFC 4458, RFC 7044); 0 for none
    mapped_from : index of the entry whose user chose this target (parameter mp); empty for none
    """

    index: tuple[int, ...]
    uri: Uri
    cause: int
    target_cause: int
    mapped_from: tuple[int, ...]


class Diversion(NamedTuple):
    """One diverter; `counter` is how often the call was sent on there, 1 or more."""

    uri: Uri
    reason: str
    counter: int


def readable_addresses(message: Message, name: str, loose: bool = False) -> list[Address]:
    """Addresses of a header, without those that cannot be read."""
    found = []
    for item in message.items(name):
        try:
            found.append(parse_address(item, loose))
        except Unreadable:
            continue
    return found


def history_of(message: Message) -> list[Entry]:
    """Entries of History-Info by their index, or as they stand where one has none; the last is the latest.

    References
    ----------
    .. [1] RFC 7044; RFC 4244, whose form Teams sends: the Reason is a header of the URI, escaped or not.
    """
    entries = [_entry(address) for address in readable_addresses(message, "History-Info", loose=True)]
    if not all(entry.index for entry in entries):
        return entries
    return sorted(entries, key=lambda entry: entry.index)


def diversions_of(message: Message) -> list[Diversion]:
    """Values of Diversion as they stand: the first is the latest.

    References
    ----------
    .. [1] RFC 5806.
    """
    return [
        Diversion(
            address.uri, address.parameters.get("reason", "").lower(), max(1, _number(address, "counter"))
        )
        for address in readable_addresses(message, "Diversion")
    ]


def cause_of(uri: Uri) -> int:
    """The cause that a URI was targeted for, 0 for none (RFC 4458)."""
    cause = uri.parameters.get("cause", "")
    return int(cause) if is_digits(cause) and len(cause) < 4 else 0


def _entry(address: Address) -> Entry:
    uri = address.uri
    index, mapped = (_index(address.parameters.get(name, "")) for name in ("index", "mp"))
    return Entry(index, uri, _reason_cause(uri.headers), cause_of(uri), mapped)


def _reason_cause(headers: str) -> int:
    try:
        parts = [part.partition("=") for part in split(headers, "&")]
        reasons = [
            reason
            for name, _, value in parts
            if name.strip(LWS).lower() == "reason"
            for reason in read_reasons(split(without_escapes(value), ","))
        ]
    except Unreadable:
        return 0
    return next((reason.cause for reason in reasons if reason.protocol == SIP and reason.cause), 0)


def _index(text: str) -> tuple[int, ...]:
    parts = text.split(".")
    good = all(is_digits(part) and len(part) < 10 for part in parts)
    return tuple(int(part) for part in parts) if good else ()


def _number(address: Address, name: str) -> int:
    text = address.parameters.get(name, "")
    return min(int(text), _MOST_COUNTER) if is_digits(text) and len(text) < 10 else 0
