"""Rows of switches that write local stamps: collected one by one, their times resolved together."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from itertools import islice
from typing import BinaryIO

import numpy as np
import pyarrow as pa

from rating.arrays import NONE, SECOND, distinct
from rating.instants import parse
from rating.schema import CDR_COLUMNS
from rating.sources.block import (
    TOLD_BY_ACCOUNTS,
    BadLine,
    Block,
    FileNotes,
    Options,
    byte_not_utf8,
    rows_block,
)
from rating.sources.files import CdrFile
from rating.sources.stamps import TOLERANCE, Spans, column, spans_of
from rating.zone import instant_text

ROWS = 50_000
STAMP = "a stamp as 2026-01-15 10:00:06, as the switch writes it"
QUARTER = 900 * SECOND
"""Offsets from UTC are whole quarters of an hour."""

_STAMP = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}[ T][0-9]{2}:[0-9]{2}:[0-9]{2}[.,0-9]*(Z|[+-][0-9:]{2,5})?")
_NUMBER = re.compile(r"([0-9]{1,18})(?:\.([0-9]{1,9}))?")
_LONGEST = 10**18
LAST_INSTANT = 7_258_118_400 * SECOND
"""The year 2200, past which no time is read."""


@dataclass(frozen=True)
class LocalRow:
    """One call of a source, its times not yet instants.

    cdr : canonical columns but the times, and `accountcode` where the switch writes one
    stamps : setup, answer (empty where unanswered), end
    talk, total : answer to end, setup to end, UNKNOWN where not given [ns]
    epoch : instant near the setup, from an id that holds one; NONE where none does [ns]
    """

    line: int
    cdr: dict[str, str]
    stamps: tuple[str, str, str]
    talk: int
    total: int
    epoch: int = NONE


@dataclass
class Findings:
    """What is to be said of a file's rows as a whole.

    apart : rows whose durations do not fit their stamps
    shifted : rows whose stamps and ids differ by a time zone
    """

    apart: int = 0
    shifted: int = 0

    def warn(self, file: CdrFile, options: Options, notes: FileNotes) -> None:
        if self.apart:
            notes.warnings.append(
                f"{file.name}: stamps and durations of {self.apart} rows differ; expected them to agree "
                "within 2 s. The duration is rated, from the answer. [CDR-DURATION]"
            )
        if self.shifted:
            notes.warnings.append(
                f"{file.name}: stamps of {self.shifted} rows, read in {options.zone.name}, are not when "
                "their uniqueid says; expected the switch's own zone. If it writes UTC (usegmtime=yes), "
                "read the file with --timezone UTC. [CDR-TIMEZONE]"
            )


@dataclass
class LocalRows:
    """Rows of one block. `names` : what the source calls setup, answer and end."""

    names: tuple[str, str, str]
    rows: list[LocalRow] = field(default_factory=list)
    bad: list[BadLine] = field(default_factory=list)
    not_a_call: int = 0

    def block(self, options: Options, findings: Findings) -> Block:
        """The rows with instants; those without are bad lines."""
        good = []
        for row in self.rows:
            problem = self._unread(row)
            if problem:
                self.bad.append(problem)
            else:
                good.append(row)
        spans = _spans(good, replace(options, ambiguous="reject"))
        if spans.twice.any():
            told = [
                _told(row, options) if twice else row for row, twice in zip(good, spans.twice, strict=True)
            ]
            spans = _spans(told, options)
        wrong = spans.unread | spans.twice | spans.missing
        for at in np.flatnonzero(wrong).tolist():
            self.bad.append(self._unresolved(good[at], bool(spans.twice[at]), options))
        findings.apart += int(np.count_nonzero(spans.apart))
        epochs = np.array([row.epoch for row in good], np.int64)
        findings.shifted += _shifted(spans, epochs)
        kept = np.flatnonzero(~wrong)
        part = [good[at] for at in kept.tolist()]
        empty = dict.fromkeys(CDR_COLUMNS, "")
        block = rows_block(
            [empty | row.cdr for row in part],
            [row.line for row in part],
            sorted(self.bad, key=lambda bad: bad.line),
            self.not_a_call,
            TOLD_BY_ACCOUNTS,
        )
        block.columns["setup_time"] = column(spans.setup[kept])
        block.columns["answer_time"] = column(spans.answer[kept])
        block.columns["release_time"] = column(spans.release[kept])
        return block

    def _unread(self, row: LocalRow) -> BadLine | None:
        """A row whose stamps are none: those of a file that a spreadsheet saved again, say."""
        for name, stamp in zip(self.names, row.stamps, strict=True):
            is_open = not stamp and name == self.names[1]
            if not is_open and not _STAMP.fullmatch(stamp):
                problem = "is no stamp with seconds" if stamp else "is empty"
                rule = f"{STAMP}, not changed by a spreadsheet"
                return BadLine(row.line, "CDR-TIME", name, stamp, problem, rule)
        return None

    def _unresolved(self, row: LocalRow, twice: bool, options: Options) -> BadLine:
        """A row with a stamp that is not one instant."""
        for name, stamp in zip(self.names, row.stamps, strict=True):
            wall, offset_given, good = parse(_text(stamp))
            if not good[0]:
                return BadLine(row.line, "CDR-TIME", name, stamp, "is no instant", STAMP)
            if offset_given[0] or not stamp:
                continue
            first, second, exists = options.zone.from_local(wall)
            if not exists[0] and not twice:
                problem = f"has no offset and does not exist in {options.zone.name} (clock change)"
                rule = "the right --timezone"
                return BadLine(row.line, "CDR-TIME", name, stamp, problem, rule)
            if first[0] != second[0] and twice:
                problem = "occurs twice on a clock-change night, and the durations do not tell which"
                rule = f"--ambiguous first|second (time zone {options.zone.name})"
                return BadLine(row.line, "CDR-TIME", name, stamp, problem, rule)
        return BadLine(row.line, "CDR-TIME", self.names[0], row.stamps[0], "is no instant", STAMP)


def blocks_of(
    rows: Iterator[LocalRow | BadLine | None],
    names: tuple[str, str, str],
    file: CdrFile,
    options: Options,
    notes: FileNotes,
) -> Iterator[Block]:
    """Blocks of rows, bad lines, and rows that are no call (None)."""
    findings = Findings()
    while part := list(islice(rows, ROWS)):
        found = LocalRows(names)
        for row in part:
            row = _fit_for_text(row)
            if isinstance(row, LocalRow):
                found.rows.append(row)
            elif isinstance(row, BadLine):
                found.bad.append(row)
            else:
                found.not_a_call += 1
        yield found.block(options, findings)
    findings.warn(file, options, notes)


def text_lines(stream: BinaryIO, options: Options) -> Iterator[tuple[int, str | BadLine]]:
    """Lines that hold something, from 1, without their ends; those that are not text as bad ones."""
    for line, data in enumerate(stream, 1):
        if line == 1:
            data = data.removeprefix(b"\xef\xbb\xbf")
        data = data.rstrip(b"\r\n")
        if not data.strip():
            continue
        try:
            yield line, data.decode(options.encoding)
        except UnicodeDecodeError as error:
            yield line, byte_not_utf8(line, error)


def duration_of(text: str, unit: int = SECOND) -> int | None:
    """A duration column in nanoseconds; None where it is no number, or of more than 31 years.

    Examples
    --------
    >>> duration_of("125"), duration_of("67540", 1_000_000), duration_of("0.5"), duration_of("-1")
    (125000000000, 67540000000, 500000000, None)
    """
    match = _NUMBER.fullmatch(text)
    if not match:
        return None
    fraction = int((match[2] or "").ljust(9, "0")) * unit // 10**9
    found = int(match[1]) * unit + fraction
    return found if found < _LONGEST else None


def epoch_of(text: str, unit: int = SECOND) -> int:
    """An epoch column as an instant; NONE where it is 0, empty, or none. [ns]

    Examples
    --------
    >>> epoch_of("1515666344"), epoch_of("0") == NONE
    (1515666344000000000, True)
    """
    known = text.isascii() and text.isdigit() and len(text) <= 19
    instant = int(text) * unit if known else 0
    return instant if 0 < instant < LAST_INSTANT else NONE


def _text(stamp: str) -> pa.Array:
    return pa.array([stamp], pa.string())


def _spans(rows: list[LocalRow], options: Options) -> Spans:
    stamps = [pa.array([row.stamps[i] for row in rows], pa.string()) for i in range(3)]
    talk = np.array([row.talk for row in rows], np.int64)
    total = np.array([row.total for row in rows], np.int64)
    return spans_of(stamps[0], stamps[1], stamps[2], talk, total, options)


def _told(row: LocalRow, options: Options) -> LocalRow:
    """A row whose setup occurs twice, with the instant of the two that its id tells."""
    wall, offset_given, _ = parse(_text(row.stamps[0]))
    if row.epoch == NONE or offset_given[0]:
        return row
    first, second, _ = options.zone.from_local(wall)
    for instant in (int(first[0]), int(second[0])):
        if abs(instant - row.epoch) <= TOLERANCE:
            return replace(row, stamps=(instant_text(instant), *row.stamps[1:]))
    return row


def _shifted(spans: Spans, epochs: np.ndarray[tuple[int], np.dtype[np.int64]]) -> int:
    """Rows whose setup differs from their id by quarters of an hour, up to 15 hours."""
    known = (epochs != NONE) & (spans.setup != NONE)
    away = np.where(known, spans.setup, 0) - np.where(known, epochs, 0)
    rest = np.abs((away + QUARTER // 2) % QUARTER - QUARTER // 2)
    far = (np.abs(away) > QUARTER // 2) & (np.abs(away) < 61 * QUARTER)
    return int(np.count_nonzero(known & far & (rest <= TOLERANCE)))


def _fit_for_text(row: LocalRow | BadLine | None) -> LocalRow | BadLine | None:
    """A row with half a surrogate pair, which no file can hold, is a bad line."""
    if not isinstance(row, LocalRow):
        return row
    for name, value in row.cdr.items():
        if not value.isascii() and any("\ud800" <= letter <= "\udfff" for letter in value):
            problem = "holds half a surrogate pair"
            return BadLine(row.line, "CDR-FIELD", name, None, problem, "valid Unicode text")
    return row


def missing_numbers(sequence: Sequence[int], restart: int = 1_000) -> list[str]:
    """What is to be said of the numbers that a switch counted its records with.

    Parameters
    ----------
    restart : a jump by more is a new count (the switch was started again), not a gap

    Examples
    --------
    >>> missing_numbers([7, 5, 8, 12])
    ['of sequence numbers 5 to 12 there are 4 missing, the first after 5; expected each once. [CDR-SEQUENCE]']
    >>> missing_numbers([1, 3, 2, 90_000, 90_001])
    []
    """
    numbers = distinct(np.array(sequence, np.int64))
    steps = np.diff(numbers)
    gaps = np.flatnonzero((steps > 1) & (steps <= restart))
    if not len(gaps):
        return []
    missing, first = int((steps[gaps] - 1).sum()), int(numbers[gaps[0]])
    return [
        f"of sequence numbers {numbers[0]} to {numbers[-1]} there are {missing} missing, the first after "
        f"{first}; expected each once. [CDR-SEQUENCE]"
    ]
