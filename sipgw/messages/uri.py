"""URIs as SIP headers hold them: sip, sips and tel in their parts, others whole."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from ipaddress import AddressValueError, IPv6Address

from sipgw.messages.bad import Unreadable
from sipgw.messages.text import has_space, is_digits, without_escapes

SIP = ("sip", "sips")
TEL = "tel"
_SCHEME = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*")
_HOST = re.compile(r"[A-Za-z0-9._-]{1,255}")
_NEVER = re.compile(r'[<>"]')
_CONTEXT = "phone-context"


@dataclass(frozen=True)
class Uri:
    """A URI.

    text : as it stands in the message, without `<>`
    scheme : in lower case
    user : user part of sip and sips without its password, the number of tel, escapes and all; "" for none
    host : in lower case, without the root's dot; "" where there is none; IPv6 in []
    port : 0 for none
    parameters : by name in lower case, without escapes; "" where there is no value
    headers : what follows `?`, as it stands
    """

    text: str
    scheme: str
    user: str = ""
    host: str = ""
    port: int = 0
    parameters: Mapping[str, str] = field(default_factory=dict)
    headers: str = ""

    @property
    def subscriber(self) -> str:
        """The user part without its own parameters, and without escapes."""
        return without_escapes(self.user.partition(";")[0])

    @property
    def dialled(self) -> str:
        """The number that a user part may be, complete by its phone-context where that is a prefix.

        References
        ----------
        .. [1] RFC 3966, 5.1.5; RFC 3261, 19.1.6.

        Examples
        --------
        >>> parse_uri("tel:261910011;phone-context=+33").dialled
        '+33261910011'
        >>> parse_uri("sip:%2B33199000110;phone-context=+44@trunk.example;user=phone").dialled
        '+33199000110'
        """
        number = self.subscriber
        if number.startswith("+"):
            return number
        _, _, told = self.user.partition(";")
        context = _parameters(told).get(_CONTEXT) or self.parameters.get(_CONTEXT, "")
        return context + number if context[:1] == "+" and is_digits(context[1:]) else number


def parse_uri(text: str, loose: bool = False) -> Uri:
    """Read a URI; what the user part may hold is more than RFC 3261 grants (Teams sends # as it is).

    Parameters
    ----------
    loose : bool
        Whether anything goes behind `?`: History-Info holds a Reason there that may lack its escapes.

    Raises
    ------
    Unreadable
        It is none, or a sip, sips or tel URI with a bad part.

    Examples
    --------
    >>> uri = parse_uri("sip:+33199000110@SBC1.Trunk.Example:5061;user=phone?Subject=a")
    >>> uri.user, uri.host, uri.port, uri.parameters, uri.headers
    ('+33199000110', 'sbc1.trunk.example', 5061, {'user': 'phone'}, 'Subject=a')
    """
    scheme, colon, rest = text.partition(":")
    if not colon or not _SCHEME.fullmatch(scheme):
        raise Unreadable("is no URI", "sip:user@host or tel:number")
    scheme = scheme.lower()
    before, at, beyond = rest.partition("@") if scheme in SIP and "@" in rest else ("", "", rest)
    beyond, _, headers = beyond.partition("?")
    strict = before + beyond if loose else rest
    if has_space(strict) or _NEVER.search(strict):
        raise Unreadable("has a space, a quote or a bracket", "a URI without them")
    if scheme == TEL:
        number, _, told = rest.partition(";")
        if not number:
            raise Unreadable("has no number", "tel:number")
        return Uri(text, scheme, user=rest, parameters=_parameters(told))
    if scheme not in SIP:
        return Uri(text, scheme)
    user = before.partition(":")[0]
    if "@" in beyond or (at and not user):
        raise Unreadable("has no user before @, or two of it", "sip:user@host")
    place, semicolon, told = beyond.partition(";")
    host, port = parse_place(place)
    if semicolon and "" in told.split(";"):
        raise Unreadable("has a parameter without a name", ";name=value")
    return Uri(text, scheme, user, host, port, _parameters(told), headers)


def parse_place(text: str) -> tuple[str, int]:
    """Host in lower case, and port, 0 for none.

    Raises
    ------
    Unreadable
        The host is neither a name nor an address, or the port not 1 to 65535.

    Examples
    --------
    >>> parse_place("SBC1.Trunk.Example."), parse_place("[2001:DB8::1]:5060")
    (('sbc1.trunk.example', 0), ('[2001:db8::1]', 5060))
    """
    host, bracket, after = text.partition("]")
    if not bracket:
        host, colon, port = text.partition(":")
        good = bool(_HOST.fullmatch(host))
    else:
        _, colon, port = after.partition(":")
        good = host[:1] == "[" and _is_ipv6(host[1:]) and (not after or after[0] == ":")
    if not good:
        raise Unreadable("has a bad host", "a name or an address")
    number = int(port) if is_digits(port) and len(port) < 6 else 0
    if colon and not 0 < number < 65536:
        raise Unreadable("has a bad port", "1 to 65535")
    return (host + bracket).lower().removesuffix("."), number


def _is_ipv6(text: str) -> bool:
    try:
        return not IPv6Address(text).scope_id
    except AddressValueError:
        return False


def _parameters(text: str) -> dict[str, str]:
    """`a=1;b`, the first of two of one name."""
    found: dict[str, str] = {}
    for part in text.split(";") if text else ():
        name, _, value = part.partition("=")
        found.setdefault(without_escapes(name).lower(), without_escapes(value))
    return found
