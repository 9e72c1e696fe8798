"""REFER: a transfer that Teams asks the gateway to make."""

from __future__ import annotations

from dataclasses import dataclass

from sipgw.messages.address import parse_address
from sipgw.messages.bad import BadMessage, Unreadable
from sipgw.messages.message import REFER, Message
from sipgw.messages.numbers import user_of
from sipgw.messages.uri import Uri


@dataclass(frozen=True)
class Refer:
    """A transfer.

    target : where the new INVITE goes: its text becomes the Request-URI as it is
    target_user : the Teams user that it names, or ""
    referred_by : value of the header, which the new INVITE repeats as it is; "" where there is none
    transferor : the Teams user that it names, or ""
    """

    target: Uri
    target_user: str
    referred_by: str
    transferor: str


def refer_of(message: Message) -> Refer:
    """Read a REFER.

    Raises
    ------
    BadMessage
        400: it is no REFER, or has not exactly one Refer-To that can be read, or a Referred-By that cannot.

    References
    ----------
    .. [1] RFC 3515, 2.4.2; RFC 3892. Microsoft: the new INVITE goes to the Teams proxy, for a number too.
    """
    if message.method != REFER or not message.is_request:
        raise BadMessage.of("method", message.method, "is no transfer", REFER)
    targets = message.values("Refer-To")
    if len(targets) != 1:
        found = " and ".join(targets) or None
        raise BadMessage.of("Refer-To", found, "is missing" if found is None else "stands twice", "one")
    target = _uri("Refer-To", targets[0])
    referred_by = message.first("Referred-By")
    transferor = user_of(_uri("Referred-By", referred_by)) if referred_by else ""
    return Refer(target, user_of(target), referred_by, transferor)


def _uri(name: str, value: str) -> Uri:
    try:
        return parse_address(value).uri
    except Unreadable as fault:
        raise BadMessage.of(name, value, fault.problem, fault.expected) from None
