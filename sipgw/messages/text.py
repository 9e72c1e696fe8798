"""Quotes, escapes and parameters: what all structured headers are made of (RFC 3261, 25.1).

No expression here can backtrack: the time that a text takes grows with its length only.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from urllib.parse import unquote

from sipgw.messages.bad import Unreadable

LWS = " \t"
"""White space, once lines are unfolded (RFC 3261, 25.1)."""

_MARKS = re.compile(r'["\\<>,;&]')
_PAIR = re.compile(r"\\(.)", re.DOTALL)
_QUOTED = re.compile(r'"(?:[^"\\]|\\.)*"', re.DOTALL)
_TOKEN = re.compile(r"[A-Za-z0-9.!%*_+`'~-]+")
_SPACE = re.compile(r"[\s\x00-\x1f\x7f]")


def is_token(text: str) -> bool:
    """Whether a text is a token of RFC 3261."""
    return bool(_TOKEN.fullmatch(text))


def has_space(text: str) -> bool:
    """Whether there is white space or a control character in a text."""
    return bool(_SPACE.search(text))


def is_quoted(text: str) -> bool:
    """Whether a text is one quoted string."""
    return bool(_QUOTED.fullmatch(text))


def is_digits(text: str) -> bool:
    """Whether a text is of the digits 0 to 9 only."""
    return text.isascii() and text.isdigit()


def marks(text: str) -> Iterator[tuple[int, str]]:
    """Places of `<`, `>`, `,`, `;` and `&` that stand in no quoted string, and which of them it is."""
    quoted, escaped = False, -1
    for found in _MARKS.finditer(text):
        at, mark = found.start(), found[0]
        if at == escaped:
            continue
        if mark == "\\":
            escaped = at + 1 if quoted else -1
        elif mark == '"':
            quoted = not quoted
        elif not quoted:
            yield at, mark
    if quoted:
        raise Unreadable("has a quote that is not closed", 'a " at each end')


def split(text: str, separator: str) -> list[str]:
    """The parts between separators (one of `,`, `;`, `&`) that stand in no quotes and in no `<>`.

    Examples
    --------
    >>> split('"Doe, Jane" <sip:a;b,c@h>;tag=1, <sip:d@h>', ",")
    ['"Doe, Jane" <sip:a;b,c@h>;tag=1', ' <sip:d@h>']
    """
    parts, start, inside = [], 0, False
    for at, mark in marks(text):
        if mark in "<>":
            inside = mark == "<"
        elif mark == separator and not inside:
            parts.append(text[start:at])
            start = at + 1
    return [*parts, text[start:]]


def close(text: str, separator: str) -> str:
    """A text without the white space around its separators, and at its ends.

    Examples
    --------
    >>> close(" sbc1.trunk.example : 5061", ":")
    'sbc1.trunk.example:5061'
    """
    return separator.join(part.strip(LWS) for part in text.split(separator))


def without_quotes(text: str) -> str:
    """A quoted string's content; other texts as they are.

    Examples
    --------
    >>> print(without_quotes(r'"say \\"hi\\""'), without_quotes("hi"))
    say "hi" hi
    """
    if is_quoted(text):
        return _PAIR.sub(r"\1", text[1:-1])
    return text


def without_escapes(text: str) -> str:
    """A text with `%41` as A; what is no escape stays, bytes that are no UTF-8 become U+FFFD."""
    return unquote(text, errors="replace")


def parameters(text: str) -> dict[str, str]:
    """Header parameters: names in lower case, values without quotes, "" where there is none; the first of
    two of one name.

    Parameters
    ----------
    text : str
        Empty, or as `;a=1 ; b="x;y" ;c`.

    Raises
    ------
    Unreadable
        A part is neither a name nor a name and a value.

    Examples
    --------
    >>> parameters(';tag=1 ; Text = "x;y";lr')
    {'tag': '1', 'text': 'x;y', 'lr': ''}
    """
    found: dict[str, str] = {}
    first, *parts = split(text, ";")
    if first.strip(LWS):
        raise Unreadable("has something else before its parameters", "; and a name")
    for part in parts:
        name, equal, value = (piece.strip(LWS) for piece in part.partition("="))
        if not is_token(name):
            raise Unreadable(
                "has a parameter without a name" if not name else "has a bad parameter name", ";name=value"
            )
        if (equal and not value) or (not is_quoted(value) and (has_space(value) or '"' in value)):
            raise Unreadable(f"has a bad value of {name[:40]}", "one word, or a text in quotes")
        found.setdefault(name.lower(), without_quotes(value))
    return found
