"""One dialled text to a number: what rating.numbering reads by columns, for a call that waits.

An array operation on one element costs as much as on a thousand; here are the same rules on plain integers.
A test holds both against each other.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from typing import NamedTuple

import pyarrow as pa

from rating.numbering import E164_DIGITS, SHORT, SHORT_DIGITS, NumberingPlan, read_numbers
from rating.numbering.keys import COUNT
from rating.numbering.plan import NATIONAL_DIGITS

_PLAIN = re.compile(r"\+?[0-9]{1,18}")
_SCHEME = re.compile(r"(?i:tel|sips?):")
_TAIL = re.compile(r"[@;]")
_FILLERS = str.maketrans("", "", " ./()-")


class Number(NamedTuple):
    """A number as read; key 0 and the text as it came where it cannot be."""

    key: int
    text: str


class NumberReader:
    """Reads dialled texts by a country's numbering plan.

    Examples
    --------
    >>> from rating.numbering import load_plan
    >>> reader = NumberReader(load_plan("FR"))
    >>> [reader.read(text).text for text in ("01 99 00 01 10", "+33 3639", "0262000000", "alice")]
    ['+33199000110', '3639', '+262262000000', 'alice']
    >>> reader.read("33199000110").key, reader.read("33199000110", bare_international=True).text
    (0, '+33199000110')
    """

    def __init__(self, plan: NumberingPlan) -> None:
        self._plan = plan
        self._code = str(plan.country_code)
        self._starts = plan.starts.tolist()
        columns = (plan.length, plan.drop, plan.prefix, plan.prefix_digits)
        self._cells = list(zip(*(column.tolist() for column in columns), strict=True))

    def read(self, dialled: str, bare_international: bool = False) -> Number:
        """Read one text; what is not UTF-8 in a SIP message (lone surrogates here) becomes question marks.

        Parameters
        ----------
        bare_international : whether 33199000110 is +33199000110
        """
        text = dialled
        if not _PLAIN.fullmatch(text):
            if not text.isascii():
                return self._read_column(text, bare_international)
            text = _cleaned(text)
            if not _PLAIN.fullmatch(text):
                return Number(0, dialled)
        return self._number(text, bare_international) or Number(0, dialled)

    def _read_column(self, dialled: str, bare_international: bool) -> Number:
        """Spaces and letters of all scripts: rare, and left to the array path."""
        whole = dialled.encode("utf-8", "replace").decode()
        found = read_numbers(pa.array([whole], pa.string()), self._plan, bare_international)
        return Number(int(found.key[0]), found.text[0].as_py())

    def _number(self, text: str, bare_international: bool) -> Number | None:
        if text[0] == "+":
            return self._international(text[1:])
        if text.startswith("00"):
            return self._international(text[2:])
        if text[0] == "0":
            return self._national(text[1:])
        if len(text) <= SHORT_DIGITS:
            return _short(text) if len(text) >= 2 else None
        return self._international(text) if bare_international else None

    def _international(self, digits: str) -> Number | None:
        """Digits after `+` or `00`."""
        if not digits or digits[0] == "0":
            return None
        if not digits.startswith(self._code):
            return _e164(digits) if 7 <= len(digits) <= E164_DIGITS else None
        rest = digits[len(self._code) :]
        if len(rest) < 2:
            return None
        if rest[0] == "0":
            return self._national(rest[1:])
        return _short(rest) if len(rest) <= SHORT_DIGITS else self._national(rest)

    def _national(self, digits: str) -> Number | None:
        """Digits after the leading 0."""
        count = len(digits)
        if not 1 <= count <= NATIONAL_DIGITS or digits[0] == "0":
            return None
        cell = bisect_right(self._starts, int(digits) * 10 ** (NATIONAL_DIGITS - count)) - 1
        length, drop, prefix, prefix_digits = self._cells[cell]
        if length != count:
            return None
        return _e164(f"{prefix:0{prefix_digits}d}{digits[drop:]}")


def _cleaned(text: str) -> str:
    """ASCII text without scheme, parameters and fillers."""
    text = text.strip()
    scheme = _SCHEME.match(text)
    if scheme:
        text = text[scheme.end() :]
    tail = _TAIL.search(text)
    if tail:
        text = text[: tail.start()]
    return text.translate(_FILLERS)


def _e164(digits: str) -> Number:
    count = len(digits)
    return Number(int(digits) * 10 ** (E164_DIGITS - count) * COUNT + count, "+" + digits)


def _short(digits: str) -> Number:
    count = len(digits)
    return Number(SHORT + int(digits) * 10 ** (SHORT_DIGITS - count) * COUNT + count, digits)
