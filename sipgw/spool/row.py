"""A CDR of the gateway: the canonical columns of SPEC 2, then the rule that decided."""

from __future__ import annotations

import json
from dataclasses import dataclass, fields, replace
from typing import Any

from rating.arrays import NONE
from rating.schema import CDR_COLUMNS
from rating.zone import instant_text

LONGEST = 256
"""Characters of a text in a row; what a caller sends beyond them is cut."""

CRASH = "crash"

_CONTROL = dict.fromkeys((*range(32), *range(127, 160)), "?")


def plain(text: str) -> str:
    """A text that a CDR may hold, whatever was in the SIP message.

    Examples
    --------
    >>> plain("a\\x00b\\r\\nc\\udc80"), len(plain("1" * 70_000))
    ('a?b??c?', 256)
    """
    return text[:LONGEST].encode("utf-8", "replace").decode().translate(_CONTROL)


@dataclass(frozen=True)
class Row:
    """A call leg, up or over, or a refusal; its texts are as `plain` leaves them.

    call_id : unique in its source for ever
    setup, answer, release, alert : UTC instants, NONE where there is none (yet) [ns]
    rule : the check of admission that decided (sipgw.answers)
    """

    source: str
    call_id: str
    trunk_id: str
    direction: str
    a_number: str
    b_number: str
    setup: int
    answer: int = NONE
    release: int = NONE
    sip_code: int = 0
    alert: int = NONE
    user_id: str = ""
    forwarded_by: str = ""
    forward_type: str = ""
    end_reason: str = ""
    rule: str = ""

    @property
    def is_answered(self) -> bool:
        return self.answer != NONE

    def alerting(self, at: int) -> Row:
        """With its first 18x, unless it has one or is answered."""
        if self.alert != NONE or self.is_answered:
            return self
        return replace(self, alert=max(at, self.setup))

    def answered(self, at: int) -> Row:
        """With its answer, unless it has one; a clock that was set back moves nothing before what was."""
        return self if self.is_answered else replace(self, answer=max(at, self.setup, self.alert))

    def over(self, at: int, sip_code: int, end_reason: str) -> Row:
        """With its end, which is never before what was."""
        release = max(at, self.setup, self.alert, self.answer)
        return replace(self, release=release, sip_code=sip_code, end_reason=end_reason)

    def crashed(self, alive: int) -> Row:
        """Closed at the last instant at which the gateway was known to be up."""
        return self.over(alive, 200 if self.is_answered else 0, CRASH)

    def line(self) -> bytes:
        """The row as the spool has it.

        Examples
        --------
        >>> row = Row("gw1", "c1#1", "t1", "outbound", "+33199000110", "15", 0, rule="emergency")
        >>> row.over(10**9, 487, "cancelled").line()[-63:].decode()
        '"forward_type":"","end_reason":"cancelled","rule":"emergency"}\\n'
        """
        values = {name: self._value(name) for name in (*CDR_COLUMNS, "rule")}
        return (json.dumps(values, ensure_ascii=False, separators=(",", ":")) + "\n").encode()

    def _value(self, column: str) -> str | int:
        if column.endswith("_time"):
            return instant_text(getattr(self, column.removesuffix("_time")))
        value: str | int = getattr(self, column)
        return value


FIELDS = {field.name: int if field.type == "int" else str for field in fields(Row)}
"""The fields of a row and their types, as the journal has them."""


def row_of(values: Any) -> Row | None:
    """A row from the journal; None where that is no row."""
    if not isinstance(values, dict) or values.keys() != FIELDS.keys():
        return None
    if any(type(values[name]) is not kind for name, kind in FIELDS.items()):
        return None
    return Row(**values)


LONGEST_REASON = 40
ROOM_TO_END = 3 * 30 + 3 + 4 * LONGEST_REASON
"""Bytes that a row may grow by from setup to release: three instants, the status and the reason."""
