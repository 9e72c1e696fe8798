"""Kamailio: `acc_cdrs` as CSV, and the same CDRs in syslog. (`acc` is in `kamailio_acc`.)

The duration is talk time if Kamailio runs with `cdr_start_on_confirmed` = 1: with 0, its default, a CDR
starts at the INVITE and its duration includes ringing. Nothing in a CDR tells which, so a hint says it.

`acc_cdrs` has local stamps of whole seconds and a duration in milliseconds: answer + duration is the release,
and a call from 02:55 to 02:05 of 600 s is placed on the October night by all three. The syslog line has UTC
epochs in milliseconds. A duration of 0 is an unanswered call (`cdr_on_failed`); neither form says why it
failed unless the site logs a `sip_code`.

A call that is in several of the forms has a source of its own in each (kamailio, kamailio-syslog,
kamailio-acc), so that a run over two of them asks for `rating_source` and does not bill it twice.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

import numpy as np
import pyarrow as pa

from rating.arrays import NONE, SECOND, Bools, Ints
from rating.instants import RULE, parse
from rating.schema import TIME_COLUMNS
from rating.sources import canonical_csv, kamailio_acc
from rating.sources.block import (
    TOLD_BY_ACCOUNTS,
    BadLine,
    Block,
    FileNotes,
    Format,
    Options,
    not_utf8,
    rows_block,
)
from rating.sources.files import CdrFile, blocks_of_lines
from rating.sources.kamailio_table import (
    ALIASES,
    BLOCK,
    NULLS,
    Row,
    cdr_of,
    fault_of,
    header_names,
    nanoseconds,
    places_of,
    read_table,
)
from rating.sources.sip_status import end_reason
from rating.sources.stamps import TOLERANCE, UNKNOWN, column, spans_of

STAMPS = ("start_time", "end_time", "duration")
RULE_CDRS = "a header line with start_time, end_time, duration and, by cdr_extra, callid, caller and callee"
SECONDS = "decimal seconds, as 125.420"
EPOCH = "seconds since 1970 in UTC, as 1691186929.441"
NEVER = "2000-01-01 00:00:00"
"""The default of acc_cdrs' stamps: none was written."""

HOUR = 3600 * SECOND
CDR = b"log_write_cdr"
LOGGED = re.compile(rb"(?m)^[^,{}\r\n]*log_write_cdr\(\): \w+=")
PIECES = re.compile(r";(?: +|$)")


def read(file: CdrFile, options: Options, notes: FileNotes) -> Iterator[Block]:
    """Read `acc_cdrs`."""
    told = _Told(file, notes)
    for rows, bad in read_table(file, options, notes, STAMPS, RULE_CDRS):
        good, durations = _with_durations(rows, bad)
        yield _table_block(good, durations, bad, options, told)
    told.say()


def read_log(file: CdrFile, options: Options, notes: FileNotes) -> Iterator[Block]:
    """Read the CDRs of a log. Its other lines are no calls."""
    told = _Told(file, notes)
    line = 1
    with file.open() as stream:
        for data in blocks_of_lines(stream, BLOCK):
            rows, bad, others = [], [], 0
            for number, content in enumerate(data.split(b"\n"), line):
                if CDR not in content:
                    others += bool(content.strip())
                    continue
                found = _logged_row(number, content, options.encoding)
                if isinstance(found, Row):
                    rows.append(found)
                else:
                    bad.append(found)
            good, durations = _with_durations(rows, bad)
            yield _log_block(good, durations, bad, others, told)
            line += data.count(b"\n")
    told.say()


class _Told:
    """What a file's warnings count."""

    def __init__(self, file: CdrFile, notes: FileNotes) -> None:
        self.name, self.notes = file.name, notes
        self.answered = self.apart = self.unbilled = 0

    def count(self, rows: list[Row], durations: Ints, apart: Bools, cdrs: list[dict[str, str]]) -> None:
        self.answered += int((durations > 0).sum())
        self.apart += int((apart & (durations > 0)).sum())
        self.unbilled += sum(cdr["forward_type"] != "" and cdr["forwarded_by"] == "" for cdr in cdrs)

    def say(self) -> None:
        if self.answered:
            self.notes.hints.append(
                f"{self.name}: durations of {self.answered} answered rows are read as talk time; expected "
                "Kamailio with cdr_start_on_confirmed = 1: with 0 they include ringing, which the file does "
                "not tell. Rated as they are. [CDR-DURATION]"
            )
        if self.apart:
            self.notes.warnings.append(
                f"{self.name}: duration of {self.apart} rows differs from end_time - start_time by more than "
                f"{TOLERANCE // SECOND} s; expected the same. The duration is rated. [CDR-DURATION]"
            )
        if self.unbilled:
            self.notes.warnings.append(
                f"{self.name}: {self.unbilled} forwarded rows have no billed_number; expected the number "
                "that forwarded. The rows are kept. [CDR-FIELD]"
            )


def _with_durations(rows: list[Row], bad: list[BadLine]) -> tuple[list[Row], Ints]:
    """Rows that are sound so far, and their durations, UNKNOWN where a log gives none. [ns]"""
    good, durations = [], []
    for row in rows:
        fault = fault_of(row)
        text = row.cells.get("duration")
        duration = UNKNOWN if text is None else nanoseconds(text)
        if fault is None and duration is None:
            fault = BadLine(row.line, "CDR-FIELD", "duration", text, "is no duration", SECONDS)
        if fault is None and duration is not None:
            good.append(row)
            durations.append(duration)
        elif fault is not None:
            bad.append(fault)
    return good, np.array(durations, np.int64)


def _table_block(
    rows: list[Row], durations: Ints, bad: list[BadLine], options: Options, told: _Told
) -> Block:
    starts = pa.array([row.cells["start_time"] for row in rows], pa.string())
    ends = pa.array(
        [row.cells["end_time"] if not _never(row.cells["end_time"]) else "" for row in rows], pa.string()
    )
    answered = durations > 0
    has_end = np.array([text != "" for text in ends.to_pylist()], bool)
    answers = pa.array(
        [row.cells["start_time"] * bool(durations[i]) for i, row in enumerate(rows)], pa.string()
    )
    total = np.where(answered | has_end, UNKNOWN, 0)
    spans = spans_of(starts, answers, ends, np.where(answered, durations, UNKNOWN), total, options)
    good = np.ones(len(rows), bool)
    readable = {"start_time": parse(starts)[2], "end_time": parse(ends)[2]}
    zone = options.zone.name
    for i, row in enumerate(rows):
        start = row.cells["start_time"]
        field = "start_time" if not readable["start_time"][i] or readable["end_time"][i] else "end_time"
        if _never(start):
            problem, rule = "is the table's default: the start was not written", RULE
            field = "start_time"
        elif start == "" or spans.unread[i]:
            problem, rule = ("is no instant" if start else "is empty"), RULE
        elif spans.missing[i]:
            problem, rule = f"or its end does not exist in {zone} (clock change)", "the right --timezone"
        elif spans.twice[i]:
            problem = "occurs twice on a clock-change night, and end_time and duration do not tell which"
            rule = f"a time zone without clock change, or --ambiguous first|second (time zone {zone})"
        else:
            continue
        bad.append(BadLine(row.line, "CDR-TIME", field, row.cells[field], problem, rule))
        good[i] = False
    wall = parse(ends)[0] - parse(starts)[0]
    nearest = np.min([np.abs(wall + shift - durations) for shift in (0, HOUR, -HOUR)], axis=0)
    at = np.flatnonzero(good)
    return _block(
        [rows[i] for i in at],
        durations[at],
        (has_end & (nearest > TOLERANCE))[at],
        (spans.setup[at], spans.answer[at], spans.release[at]),
        "kamailio",
        bad,
        0,
        told,
    )


def _never(stamp: str) -> bool:
    return stamp.startswith(NEVER)


def _log_block(rows: list[Row], durations: Ints, bad: list[BadLine], others: int, told: _Told) -> Block:
    good, starts, ends = [], [], []
    for i, row in enumerate(rows):
        start, end = nanoseconds(row.cells["start_time"]), nanoseconds(row.cells.get("end_time", ""))
        if start is None or (end is None and "end_time" in row.cells):
            field = "start_time" if start is None else "end_time"
            bad.append(BadLine(row.line, "CDR-TIME", field, row.cells[field], "is no epoch", EPOCH))
        elif end is None and durations[i] == UNKNOWN:
            bad.append(BadLine(row.line, "CDR-FIELD", "duration", None, "is not there", "it, or end_time"))
        elif durations[i] == UNKNOWN and end is not None and end < start:
            text = row.cells["end_time"]
            bad.append(BadLine(row.line, "CDR-TIME-ORDER", "end_time", text, "precedes start_time", EPOCH))
        else:
            good.append(i)
            starts.append(start)
            ends.append(NONE if end is None else end)
    at = np.array(good, np.int64)
    start_times, end_times = np.array(starts, np.int64), np.array(ends, np.int64)
    given = durations[at]
    talk = np.where(given == UNKNOWN, end_times - start_times, given)
    answered = talk > 0
    has_end = end_times != NONE
    apart = has_end & (np.abs(np.where(has_end, end_times, 0) - start_times - talk) > TOLERANCE)
    release = np.where(answered | ~has_end, start_times + talk, end_times)
    times = (start_times, np.where(answered, start_times, NONE), release)
    return _block([rows[i] for i in at], talk, apart, times, "kamailio-syslog", bad, others, told)


def _block(
    rows: list[Row],
    durations: Ints,
    apart: Bools,
    times: tuple[Ints, Ints, Ints],
    source: str,
    bad: list[BadLine],
    not_a_call: int,
    told: _Told,
) -> Block:
    cdrs = []
    for row, duration in zip(rows, durations.tolist(), strict=True):
        cdr = cdr_of(row, source, row.cells["callid"])
        answered = duration > 0
        code = row.cells.get("sip_code", "")
        cdr["sip_code"] = code or ("200" if answered else "0")
        cdr["end_reason"] = end_reason(answered, code) if answered or code else ""
        cdrs.append(cdr)
    told.count(rows, durations, apart, cdrs)
    block = rows_block(cdrs, [row.line for row in rows], bad, not_a_call, TOLD_BY_ACCOUNTS)
    for name, instants in zip(("setup_time", "answer_time", "release_time"), times, strict=True):
        block.columns[name] = column(instants)
    return block


def _logged_row(line: int, content: bytes, encoding: str) -> Row | BadLine:
    """The `key=value; ` list behind `log_write_cdr(): `, whatever stands before."""
    rule = "log_write_cdr(): start_time=…; duration=…; caller=…; callee=…; callid=…, a value each"
    try:
        text = content.decode(encoding).rstrip("\r")
    except UnicodeDecodeError:
        return not_utf8(line)
    pieces = [piece for piece in PIECES.split(text.partition("log_write_cdr(): ")[2].strip()) if piece]
    values: dict[str, str] = {}
    for piece in pieces:
        key, equals, value = piece.partition("=")
        key = key.strip().lower()
        if not equals or key in values:
            problem = "stands twice" if equals else "is no key=value"
            return BadLine(line, "CDR-FIELD", key if equals else "line", piece, problem, rule)
        values[key] = "" if value in NULLS else value.strip()
    places = places_of(values, STAMPS)
    for needed in ("start_time", "callid", "a_number", "b_number"):
        if needed not in places:
            name = ALIASES.get(needed, (needed,))[0]
            return BadLine(line, "CDR-FIELD", name, None, "is not there", rule)
    return Row(line, {meaning: values[name] for meaning, name in places.items()})


def is_table(head: bytes, name: str) -> bool:
    """Whether a file begins like `acc_cdrs`: its three columns, with a call id or as the module made it."""
    names = header_names(head)
    if not names.issuperset(STAMPS) or not names.isdisjoint(TIME_COLUMNS):
        return False
    return "callid" in places_of(names, STAMPS) or names <= {"id", *STAMPS}


def is_log(head: bytes, name: str) -> bool:
    """Whether a line near the start of a file is a CDR of Kamailio's log."""
    return LOGGED.search(head) is not None


FORMATS = (
    Format(
        "kamailio",
        "syslog",
        read_log,
        canonical_csv.raw,
        is_log,
        "Kamailio's syslog: the lines of log_write_cdr(), UTC epochs in milliseconds",
    ),
    Format(
        "kamailio",
        "acc",
        kamailio_acc.read,
        canonical_csv.raw,
        kamailio_acc.is_table,
        "Kamailio's acc table as CSV: INVITE and BYE transactions, local stamps of whole seconds",
    ),
    Format(
        "kamailio",
        "acc_cdrs",
        read,
        canonical_csv.raw,
        is_table,
        "Kamailio's acc_cdrs table as CSV with a call id and numbers by cdr_extra",
    ),
)
