"""The rules that decide a call, and the answer that each gives (SPEC 11)."""

from __future__ import annotations

import unicodedata
from dataclasses import dataclass
from typing import Literal, NamedTuple

UNKNOWN_PEER = "unknown_peer"
UNKNOWN_TRUNK = "unknown_trunk"
EMERGENCY = "emergency"
SUSPENDED = "suspended"
BILLED_NUMBER = "billed_number"
CALLED_NUMBER = "called_number"
UNREADABLE = "unreadable"
BARRED = "barred"
LOOP = "loop"
GUARD = "guard"
TRUNK_FULL: Literal["trunk_full"] = "trunk_full"
SITE_FULL: Literal["site_full"] = "site_full"
LEGS_FULL: Literal["legs_full"] = "legs_full"
REPEATED: Literal["repeated"] = "repeated"
SPOOL = "spool"
ADMITTED = "admitted"


@dataclass(frozen=True)
class Refusal:
    """A final SIP status and the value of its Reason header."""

    code: int
    reason: str


class _Answer(NamedTuple):
    code: int
    cause: int
    text: str


ANSWERS = {
    UNKNOWN_PEER: _Answer(403, 21, "Unknown peer"),
    UNKNOWN_TRUNK: _Answer(403, 21, "Unknown trunk"),
    SUSPENDED: _Answer(403, 21, "Trunk suspended"),
    BILLED_NUMBER: _Answer(403, 21, "Billed number is none of the customer's"),
    CALLED_NUMBER: _Answer(404, 1, "Called number is none of a customer's"),
    UNREADABLE: _Answer(484, 28, "Called number cannot be read"),
    BARRED: _Answer(603, 21, "Destination barred"),
    LOOP: _Answer(483, 25, "Forwarded too often"),
    GUARD: _Answer(403, 21, "Refused by a guard"),
    REPEATED: _Answer(482, 25, "Call is up already"),
    SPOOL: _Answer(503, 41, "Call cannot be recorded"),
}
"""SIP status, Q.850 cause (as RFC 3398, 8.2.6.1, pairs them) and words, by rule.

A full trunk or site, or a gateway without free call legs, is answered as gateway.yaml says.
"""

LONGEST = 120


def refusal(rule: str, text: str = "") -> Refusal:
    """The answer of a rule, in its own words or others.

    Examples
    --------
    >>> refusal(CALLED_NUMBER)
    Refusal(code=404, reason='Q.850;cause=1;text="Called number is none of a customer\\'s"')
    """
    code, cause, words = ANSWERS[rule]
    return Refusal(code, reason_header(cause, text or words))


def reason_header(cause: int, text: str) -> str:
    """The value of a Reason header (RFC 3326), harmless whatever the text is.

    Examples
    --------
    >>> reason_header(34, "No channel")
    'Q.850;cause=34;text="No channel"'
    >>> reason_header(21, 'Dépense "du jour"\\r\\nX: 1')
    'Q.850;cause=21;text="Depense ?du jour? X: 1"'
    """
    letters = unicodedata.normalize("NFKD", " ".join(text.split()))
    shown = "".join(
        letter if letter.isascii() and letter.isprintable() and letter not in '"\\' else "?"
        for letter in letters
        if not unicodedata.combining(letter)
    )
    return f'Q.850;cause={cause};text="{shown[:LONGEST]}"'
