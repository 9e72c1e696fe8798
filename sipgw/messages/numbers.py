"""Numbers and users in URIs."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from functools import cached_property
from urllib.parse import quote

from rating.arrays import texts
from rating.numbering import NumberingPlan, read_numbers
from sipgw.messages.uri import SIP, Uri

ANONYMOUS = "anonymous"
_ANONYMOUS_HOST = "anonymous.invalid"
_NUMBER = re.compile(r"\+?[0-9 ./()\u00a0\u202f-]+")
_ORGANISATION_ID = "8:orgid:"


class Numbers:
    """The numbers of a message's URIs, read together.

    Parameters
    ----------
    uris : those that will be asked for
    plan : of the trunk's country

    Examples
    --------
    >>> from rating.numbering import load_plan
    >>> from sipgw.messages.uri import parse_uri
    >>> uris = [parse_uri(f"sip:{user}@h") for user in ("0199000110", "33199000110", "3639", "alice")]
    >>> numbers = Numbers(uris, load_plan("FR"))
    >>> [numbers.of(uri) for uri in uris]
    ['+33199000110', '', '3639', '']
    >>> numbers.own(uris[1], lambda number: number == "+33199000110")
    '+33199000110'
    """

    def __init__(self, uris: Iterable[Uri], plan: NumberingPlan) -> None:
        self._dialled = sorted({uri.dialled for uri in uris if _NUMBER.fullmatch(uri.dialled)})
        self._plan = plan
        self._with_plus = _read(self._dialled, plan, bare_international=False)

    @cached_property
    def _bare(self) -> dict[str, str]:
        return _read(self._dialled, self._plan, bare_international=True)

    def of(self, uri: Uri) -> str:
        """E.164 with + or a short number; "" where the URI has none that can be read."""
        return self._with_plus.get(uri.dialled, "")

    def own(self, uri: Uri, is_own: Callable[[str], bool]) -> str:
        """The customer's number, E.164 with +; "" where it is none of his. It may lack its +."""
        number = self.of(uri)
        if not number and _NUMBER.fullmatch(uri.dialled):
            number = self._bare.get(uri.dialled, "")
        return number if number.startswith("+") and is_own(number) else ""


def _read(dialled: list[str], plan: NumberingPlan, bare_international: bool) -> dict[str, str]:
    found = read_numbers(texts(dialled), plan, bare_international)
    pairs = zip(dialled, found.text.to_pylist(), (found.key > 0).tolist(), strict=True)
    return {text: number for text, number, is_one in pairs if is_one}


def is_anonymous(uri: Uri) -> bool:
    """Whether a URI hides who it is of (RFC 3323, 4.1.1.3)."""
    return uri.subscriber.lower() == ANONYMOUS or uri.host == _ANONYMOUS_HOST


def user_of(uri: Uri) -> str:
    """The Teams user that a URI names: an object id or an address; "" for none.

    Examples
    --------
    >>> from sipgw.messages.uri import parse_uri
    >>> user_of(parse_uri("sip:Alice@cabinet-exemple.example"))
    'alice@cabinet-exemple.example'
    >>> user_of(parse_uri("sip:sip.pstnhub.microsoft.com;x-m=8:orgid:db03c14b-0000-4000-8000-000000000001"))
    'db03c14b-0000-4000-8000-000000000001'
    >>> user_of(parse_uri("sip:+33199000110@sip.pstnhub.microsoft.com;user=phone"))
    ''
    """
    member = uri.parameters.get("x-m", "")
    if member.startswith(_ORGANISATION_ID):
        return shown(member.removeprefix(_ORGANISATION_ID).lower())
    name = uri.subscriber
    is_user = name[:1].isalpha() and uri.parameters.get("user") != "phone" and not is_anonymous(uri)
    return shown(f"{name}@{uri.host}".lower()) if uri.scheme in SIP and is_user else ""


def shown(text: str) -> str:
    """A text as a CDR can hold it: what is not printable stays escaped.

    Examples
    --------
    >>> shown("null-\\x00-null")
    'null-%00-null'
    """
    return "".join(letter if letter.isprintable() else quote(letter, safe="") for letter in text)
