"""Grades of service: how many calls may find no channel."""

from __future__ import annotations

import re
from dataclasses import dataclass
from fractions import Fraction

from rating.errors import UsageError, quoted

_PERCENT = re.compile(r"([0-9]{1,2})(?:\.([0-9]{1,9}))? ?%")
_SHARE = re.compile(r"0?\.([0-9]{1,11})")


@dataclass(frozen=True)
class Grade:
    """A grade of service, as `1 %`, and its share of the calls, as 0.01."""

    text: str
    share: float


def grade_of(text: str) -> Grade:
    """A grade of service as it is asked for: a percentage, or a share below 1.

    Raises
    ------
    UsageError

    Examples
    --------
    >>> grade_of("1%"), grade_of("0.001")
    (Grade(text='1 %', share=0.01), Grade(text='0.1 %', share=0.001))
    """
    percent, share = _PERCENT.fullmatch(text), _SHARE.fullmatch(text)
    exact = Fraction(0)
    if percent:
        exact = Fraction(f"{percent[1]}.{percent[2] or 0}") / 100
    elif share:
        exact = Fraction(f"0.{share[1]}")
    if not exact:
        raise UsageError(
            f"--gos {quoted(text)} is no grade of service; expected a share of the calls above 0 and below "
            "100 %, as 1% or 0.01.",
            "GOS",
        )
    shown = f"{float(exact * 100):.9f}".rstrip("0").rstrip(".")
    return Grade(f"{shown} %", float(exact))


def grades_of(texts: tuple[str, ...]) -> tuple[Grade, ...]:
    """Each grade once, in the order asked for.

    Examples
    --------
    >>> [grade.text for grade in grades_of(("1%", "0.01", "0.1%"))]
    ['1 %', '0.1 %']
    """
    return tuple(dict.fromkeys(grade_of(text) for text in texts))


DEFAULT = (Grade("1 %", 0.01), Grade("0.1 %", 0.001))
"""What is asked for where nothing is said."""
