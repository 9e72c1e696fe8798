"""Addresses: a URI with a name and parameters, as From, Contact or History-Info hold them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from sipgw.messages.bad import Unreadable
from sipgw.messages.text import LWS, is_quoted, marks, parameters, without_quotes
from sipgw.messages.uri import Uri, parse_uri


@dataclass(frozen=True)
class Address:
    """A name-addr or addr-spec; `parameters` are those of the header, the URI has its own."""

    uri: Uri
    name: str
    parameters: Mapping[str, str]


def parse_address(text: str, loose: bool = False) -> Address:
    """Read one address.

    Parameters
    ----------
    loose : bool
        As in `parse_uri`.

    Raises
    ------
    Unreadable
        It is none: of the name too, for what follows `<` in it is not the address.

    References
    ----------
    .. [1] RFC 3261, 20.10: a URI that holds a comma, a question mark or a semicolon stands in <>.

    Examples
    --------
    >>> address = parse_address('"<sip:eve@h>" <sip:bob@h;user=phone>;tag=1')
    >>> address.name, address.uri.user, address.parameters
    ('<sip:eve@h>', 'bob', {'tag': '1'})
    >>> parse_address("sip:bob@h;user=phone").parameters
    {'user': 'phone'}
    """
    text = text.strip(LWS)
    brackets = [(at, mark) for at, mark in marks(text) if mark in "<>"]
    if not brackets:
        spec, semicolon, told = text.partition(";")
        if "," in spec or "?" in spec:
            raise Unreadable("has a URI with , or ? outside <>", "<URI>")
        return Address(parse_uri(spec.rstrip(LWS)), "", parameters(semicolon + told))
    if [mark for _, mark in brackets] != ["<", ">"]:
        raise Unreadable("has brackets that are no pair", "name <URI>")
    (start, _), (end, _) = brackets
    return Address(
        parse_uri(text[start + 1 : end], loose), _name(text[:start].strip(LWS)), parameters(text[end + 1 :])
    )


def _name(text: str) -> str:
    """A display name; words of more characters than tokens have are let pass, they come in every language."""
    if text[:1] == '"':
        if not is_quoted(text):
            raise Unreadable("has something besides the name in quotes", '"name" <URI>')
        return without_quotes(text)
    if any(letter in text for letter in '",;:@\\'):
        raise Unreadable("has a name with separators outside quotes", '"name" <URI>')
    return text
