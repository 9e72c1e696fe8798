"""Kamailio's `acc` table as CSV: one row a SIP transaction, a call is INVITE/2xx with BYE/2xx.

The two belong together by Call-ID and tags; a BYE of the called side has the tags swapped. The call is the
INVITE's row; every other row of it (BYE, re-INVITE, ACK, CANCEL, a 401 or 407 that asks for a password) is no
call. An INVITE that failed is an unanswered call. Rows wait in memory for their other half only; a call whose
halves are in two files is not found, so export a month with its last calls' BYEs.

Stamps are whole seconds of local time, and no duration tells which of two instants a stamp means that occurs
twice on the October night. If one choice alone puts the BYE at or after the INVITE, within four hours, it is
taken (02:55 to 02:05 is 600 s); else `--ambiguous` decides: the first choice, the second, or reject.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

import numpy as np
import pyarrow as pa

from rating.arrays import NONE, SECOND
from rating.instants import RULE, parse
from rating.sources.block import TOLD_BY_ACCOUNTS, BadLine, Block, FileNotes, Options, rows_block
from rating.sources.files import CdrFile
from rating.sources.kamailio_table import Row, cdr_of, fault_of, header_names, read_table
from rating.sources.sip_status import end_reason
from rating.sources.stamps import column

OWN = ("method", "from_tag", "to_tag", "sip_code", "time")
RULE_ACC = (
    "a header line with method, from_tag, to_tag, callid, sip_code, time "
    "and, by db_extra, src_user and dst_user"
)
MOST = 4 * 3600 * SECOND
"""A call that may be placed on the October night by its ends alone is shorter. [ns]"""

CHALLENGES = ("401", "407")
TWICE = "occurs twice on a clock-change night, and the other end does not tell which"

Key = tuple[str, str, str]


@dataclass(frozen=True)
class _Half:
    """A row that can begin or end a call; instants: the one or two that its stamp means. [ns]"""

    row: Row
    instants: tuple[int, ...]


@dataclass
class _Early:
    """A BYE that stands before its INVITE, and the INVITEs/2xx of its call."""

    bye: _Half
    invites: list[_Half] = field(default_factory=list)


@dataclass
class _Found:
    """What one block gave."""

    bad: list[BadLine]
    cdrs: list[dict[str, str]] = field(default_factory=list)
    lines: list[int] = field(default_factory=list)
    times: list[tuple[int, int, int]] = field(default_factory=list)
    not_a_call: int = 0

    def block(self) -> Block:
        block = rows_block(self.cdrs, self.lines, self.bad, self.not_a_call, TOLD_BY_ACCOUNTS)
        times = np.array(self.times, np.int64).reshape(-1, 3)
        for i, name in enumerate(("setup_time", "answer_time", "release_time")):
            block.columns[name] = column(times[:, i])
        return block


def is_table(head: bytes, name: str) -> bool:
    """Whether a file begins like `acc`."""
    return header_names(head).issuperset((*OWN, "callid"))


def read(file: CdrFile, options: Options, notes: FileNotes) -> Iterator[Block]:
    """Read `acc`."""
    pairs = _Pairs(options)
    for rows, bad in read_table(file, options, notes, OWN, RULE_ACC):
        found = _Found(bad)
        for half in _halves(rows, options, found):
            pairs.add(half, found)
        yield found.block()
    found = _Found([])
    lonely = pairs.finish(found)
    yield found.block()
    if lonely:
        notes.warnings.append(
            f"{file.name}: BYE of {lonely} calls has no INVITE in this file; expected both in one file. "
            "The rows are no calls. [CDR-PAIR]"
        )
    if pairs.unbilled:
        notes.warnings.append(
            f"{file.name}: {pairs.unbilled} forwarded rows have no billed_number; expected the number that "
            "forwarded. The rows are kept. [CDR-FIELD]"
        )


def _halves(rows: list[Row], options: Options, found: _Found) -> Iterator[_Half]:
    """INVITE and BYE rows with the instants of their stamps; the others are counted."""
    stamps = pa.array([row.cells["time"] for row in rows], pa.string())
    wall, offset_given, readable = parse(stamps)
    first, second, exists = wall.copy(), wall.copy(), np.ones(len(rows), bool)
    local = np.flatnonzero(~offset_given & (wall != NONE))
    if len(local):
        first[local], second[local], exists[local] = options.zone.from_local(wall[local])
    for i, row in enumerate(rows):
        method, code, stamp = row.cells["method"].upper(), row.cells["sip_code"], row.cells["time"]
        is_code = len(code) == 3 and code.isascii() and code.isdigit() and code[0] in "123456"
        if not method.isascii() or not method.isalpha():
            problem = "is empty" if not method else "is no SIP method"
            found.bad.append(BadLine(row.line, "CDR-FIELD", "method", method, problem, "INVITE, BYE, …"))
        elif not is_code:
            rule = "a SIP status, as 200"
            found.bad.append(BadLine(row.line, "CDR-FIELD", "sip_code", code, "is no SIP status", rule))
        elif (
            method not in ("INVITE", "BYE")
            or code[0] == "1"
            or code in CHALLENGES
            or (method == "BYE" and code[0] != "2")
        ):
            found.not_a_call += 1
        elif fault := fault_of(row):
            found.bad.append(fault)
        elif stamp == "" or not readable[i]:
            problem = "is no instant" if stamp else "is empty"
            found.bad.append(BadLine(row.line, "CDR-TIME", "time", stamp, problem, RULE))
        elif not exists[i]:
            problem = f"does not exist in {options.zone.name} (clock change)"
            found.bad.append(BadLine(row.line, "CDR-TIME", "time", stamp, problem, "the right --timezone"))
        else:
            yield _Half(row, tuple(dict.fromkeys((int(first[i]), int(second[i])))))


class _Pairs:
    """Calls whose BYE is still to come, and BYEs that stand before their INVITE."""

    def __init__(self, options: Options) -> None:
        self.options = options
        self.unbilled = 0
        self._open: dict[Key, _Half] = {}
        self._early: dict[Key, _Early] = {}

    def add(self, half: _Half, found: _Found) -> None:
        """Take a row: it completes a call, waits, or is no call."""
        key = _key(half.row)
        if half.row.cells["method"].upper() == "BYE":
            found.not_a_call += 1
            if key in self._open:
                self._call(self._open.pop(key), half, found)
            elif key not in self._early:
                self._early[key] = _Early(half)
        elif key in self._open:
            found.not_a_call += 1
        elif half.row.cells["sip_code"][0] != "2":
            self._call(half, None, found)
        elif key in self._early:
            self._early[key].invites.append(half)
        else:
            self._open[key] = half

    def finish(self, found: _Found) -> int:
        """What waits at the file's end; the number of BYEs without INVITE."""
        lonely = 0
        for early in self._early.values():
            if not early.invites:
                lonely += 1
                continue
            invites = sorted(early.invites, key=lambda half: (half.instants[0], half.row.line))
            found.not_a_call += len(invites) - 1
            self._call(invites[0], early.bye, found)
        for half in self._open.values():
            callid, rule = half.row.cells["callid"], "a BYE with status 200 in this file"
            problem = "has no BYE: the call is still up, or its BYE was lost"
            found.bad.append(BadLine(half.row.line, "CDR-FIELD", "callid", callid, problem, rule))
        return lonely

    def _call(self, invite: _Half, bye: _Half | None, found: _Found) -> None:
        """Add the call of an INVITE, answered if there is a BYE."""
        row, ends = invite.row, bye.instants if bye else None
        chosen = choose(invite.instants, ends, self.options.ambiguous)
        if chosen is None:
            rule = f"an offset, or --ambiguous first|second (time zone {self.options.zone.name})"
            found.bad.append(BadLine(row.line, "CDR-TIME", "time", row.cells["time"], TWICE, rule))
            return
        start, end = chosen
        code = row.cells["sip_code"]
        cdr = cdr_of(row, "kamailio-acc", _call_id(row))
        cdr["sip_code"] = code
        cdr["end_reason"] = end_reason(bye is not None, code)
        self.unbilled += cdr["forward_type"] != "" and cdr["forwarded_by"] == ""
        found.cdrs.append(cdr)
        found.lines.append(row.line)
        found.times.append((start, start if bye else NONE, end))


def choose(starts: tuple[int, ...], ends: tuple[int, ...] | None, ambiguous: str) -> tuple[int, int] | None:
    """Start and end of a call among the instants that its stamps mean; None where they are left open. [ns]

    Parameters
    ----------
    ends : None where the call was not answered: it ends as it starts
    ambiguous : "first", "second" or "reject", where several choices make sense

    Examples
    --------
    >>> hour = 3600 * SECOND
    >>> choose((55, 55 + hour), (5 - hour, 65), "reject")
    (55, 65)
    >>> choose((10, 10 + hour), (20, 20 + hour), "reject") is None
    True
    """
    pairs = [(start, end) for start in starts for end in (ends if ends is not None else (start,))]
    for most in (MOST, None):
        fits = [pair for pair in pairs if pair[1] >= pair[0] and (most is None or pair[1] - pair[0] < most)]
        if len(fits) == 1:
            return fits[0]
        if fits and ambiguous == "reject":
            return None
        if fits:
            return min(fits) if ambiguous == "first" else max(fits)
    return pairs[0]


def _key(row: Row) -> Key:
    """What a call's rows have in common: Call-ID and tags in either order."""
    low, high = sorted((row.cells["from_tag"], row.cells["to_tag"]))
    return row.cells["callid"], low, high


def _call_id(row: Row) -> str:
    """What tells a call from another try or branch with the same Call-ID."""
    return f"{row.cells['callid']};from-tag={row.cells['from_tag']};to-tag={row.cells['to_tag']}"
