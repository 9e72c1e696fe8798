"""The SIP messages of one call as text: a ladder of both legs, then each message whole."""

from __future__ import annotations

import re
import time
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any, NamedTuple

import pjsua2 as pj

from sipgw.attempt import Attempt

LEVEL = 4
"""Level of PJSIP's log at which messages are in it."""
MOST = 2_000
"""Messages that are kept until the call is known."""
AFTER_S = 1.0
"""How long after the end of the call its last messages may come. [s]"""

_LOGGED = re.compile(r"\b([RT])X \d+ bytes .*? (?:from|to) (\S+ \S+?):\n(.*?)(?:\n--end msg--|\Z)", re.DOTALL)
_CALL_ID = re.compile(r"^(?:Call-ID|i)[ \t]*:[ \t]*(\S+)", re.IGNORECASE | re.MULTILINE)


class _Step(NamedTuple):
    """A message; at : seconds since 1970; is_sent : by the gateway."""

    at: float
    is_sent: bool
    peer: str
    call_id: str
    text: str


class Ladder:
    """Waits for one call, and writes its messages when it is over.

    Parameters
    ----------
    is_it : whether a call is the one; of several the first is taken
    write : takes the text

    Examples
    --------
    >>> ladder = Ladder(lambda attempt: attempt.call_id == "c1", print)
    >>> head = "RX 40 bytes Request msg OPTIONS from UDP 127.0.0.1:5070:\\n"
    >>> ladder.take(head + "OPTIONS sip:h SIP/2.0\\r\\nCall-ID: c1\\r\\n\\r\\n\\n--end msg--", 0.0)
    >>> print(ladder.text(["c1"]).splitlines()[1])
    00:00:00.000  UDP 127.0.0.1:5070     ->  gateway  OPTIONS sip:h SIP/2.0
    """

    def __init__(self, is_it: Callable[[Attempt], bool], write: Callable[[str], None]) -> None:
        self._is_it, self._write = is_it, write
        self._steps: list[_Step] = []
        self._first, self._call_ids = "", list[str]()
        self._is_over: Callable[[], bool] = lambda: False
        self._over_since = 0.0
        self._is_known = self._is_written = False

    def take(self, line: str, at: float) -> None:
        """Keep what a line of PJSIP's log tells, if it is a message."""
        found = _LOGGED.search(line)
        named = _CALL_ID.search(found[3]) if found else None
        if found and named and not self._is_written:
            self._steps.append(_Step(at, found[1] == "T", found[2], named[1], found[3]))
            if not self._is_known:
                del self._steps[:-MOST]

    def begins(self, attempt: Attempt, call_ids: list[str], is_over: Callable[[], bool]) -> None:
        """A call begins.

        Parameters
        ----------
        call_ids : of the legs that it makes, also later
        """
        if not self._is_known and self._is_it(attempt):
            self._is_known, self._first = True, attempt.call_id
            self._call_ids, self._is_over = call_ids, is_over

    def beat(self) -> None:
        """Write the call once it is over."""
        if not self._is_known or self._is_written or not self._is_over():
            return
        now = time.monotonic()
        self._over_since = self._over_since or now
        if now - self._over_since >= AFTER_S:
            self.close()

    def close(self) -> None:
        """Write what there is of the call."""
        if self._is_known and not self._is_written:
            self._is_written = True
            self._write(self.text([self._first, *self._call_ids]))
            self._steps.clear()

    def text(self, call_ids: list[str]) -> str:
        """The ladder of some Call-IDs; its times are UTC."""
        steps = [step for step in self._steps if step.call_id in call_ids]
        rungs, messages = [], []
        for step in steps:
            at = datetime.fromtimestamp(step.at, UTC).strftime("%H:%M:%S.%f")[:-3]
            first = step.text.partition("\n")[0].strip()
            rungs.append(f"{at}  {step.peer:<22} {'<-' if step.is_sent else '->'}  gateway  {first}")
            messages.append(f"--- {at} {'to' if step.is_sent else 'from'} {step.peer}\n{_plain(step.text)}")
        return "\n".join([f"call {', '.join(call_ids)}: {len(steps)} messages", *rungs, "", *messages])


def _plain(text: str) -> str:
    """A message as a terminal may show it."""
    lines = text.replace("\r", "").strip().split("\n")
    return "\n".join("".join(one if one.isprintable() else "?" for one in line) for line in lines) + "\n"


class LadderLog(pj.LogWriter):
    """PJSIP's log, of which the messages go to a ladder."""

    def __init__(self, ladder: Ladder) -> None:
        super().__init__()
        self._ladder = ladder

    def write(self, entry: Any) -> None:
        self._ladder.take(entry.msg, time.time())
