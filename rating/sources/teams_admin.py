"""The Teams admin center's "PSTN and SMS usage" export: the zip, or its Direct Routing CSV alone.

`line` is the line of the CSV; the Direct Routing CSVs of one zip are numbered through.
"""

from __future__ import annotations

import lzma
import re
import struct
import zipfile
import zlib
from collections import Counter
from collections.abc import Generator, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from hashlib import sha256

import pyarrow as pa
import pyarrow.compute as pc

from rating.arrays import NONE
from rating.csvtext import BINARY, parse_lines, split_header
from rating.errors import quoted
from rating.instants import parse
from rating.sources import canonical_csv
from rating.sources.block import (
    TOLD_BY_ACCOUNTS,
    BadLine,
    Block,
    Damaged,
    FileNotes,
    Format,
    Options,
    bad_block,
    picked,
    rows_block,
)
from rating.sources.files import CdrFile, blocks_of_lines
from rating.sources.teams import TOLERANCE_S, date_or_none, far_apart, leg, leg_times, read_call_type

BLOCK = 8 << 20
DIRECT_ROUTING, PSTN = "directrouting.calls", "pstn.calls"

KEY = ("CorrelationId", "Invite time", "Caller Number", "Callee Number", "Call type", "SBC FQDN")
"""What identifies a row: the export has no row id."""

NEEDED = (*KEY, "UPN", "Start time", "Failure time", "End time", "Success", "Final SIP code")
USED = (*NEEDED, "AAD ObjectId", "Duration (seconds)")
ALIASES = {"UPN": ("SIP Address",)}
"""Other names of columns: UPN was SIP Address before 2022."""

PASSED_OVER = (
    "displayname usercountry azureregionformedia azureregionforsignaling finalmicrosoftsubcode "
    "finalsipphrase mediabypass sharedcorrelationid"
)
SIGNATURE = ("CorrelationId", "Invite time", "Call type", "SBC FQDN")
HEADER = "the header line of DirectRouting.calls.csv, with the columns " + ", ".join(NEEDED)
ZIP_FAULTS: tuple[type[Exception], ...] = (zipfile.BadZipFile, zlib.error, lzma.LZMAError, struct.error)
ZIP_FAULTS += (EOFError, OSError, ArithmeticError, RuntimeError, ValueError)
"""What zipfile raises on a zip that is damaged, or made as it cannot read."""
BREAKS_OFF = "it breaks off"


@dataclass
class _Tally:
    """What is said of a file once it is read.

    unknown : rows of each unknown call type
    apart : established outbound rows whose own duration is not end - start
    contradictory : rows whose times do not go with Success
    """

    unknown: Counter[str] = field(default_factory=Counter)
    apart: int = 0
    contradictory: int = 0


@dataclass
class _Header:
    """A header line.

    places : column of USED -> its name in the file; is_header : whether the line names any of them
    """

    names: list[str]
    delimiter: str
    places: dict[str, str]
    problem: str
    is_header: bool


def read(file: CdrFile, options: Options, notes: FileNotes) -> Iterator[Block]:
    """Read a Direct Routing CSV."""
    tally = _Tally()
    with file.open() as stream:
        yield from _csv_blocks(blocks_of_lines(stream, BLOCK), 1, file.name, options, notes, tally)
    _warn(file.name, notes, tally)


def read_zip(file: CdrFile, options: Options, notes: FileNotes) -> Iterator[Block]:
    """Read the Direct Routing CSVs of an export; the rows of its PSTN CSVs are counted as no call."""
    tally, line = _Tally(), 1
    with _archive(file) as archive:
        for member in _members(archive, DIRECT_ROUTING):
            name = f"{file.name}/{member.filename}"
            line = yield from _csv_blocks(_member_blocks(archive, member), line, name, options, notes, tally)
        for member in _members(archive, PSTN):
            count = -1
            for data in _member_blocks(archive, member):
                count += sum(1 for text in data.split(b"\n") if text.strip(b" \t\r"))
            if count > 0:
                yield bad_block([], count)
                notes.hints.append(
                    f"{file.name}: {quoted(member.filename)} holds {_rows(count)} of Calling Plans or "
                    "Operator Connect; expected calls that crossed the trunk. "
                    "Counted as not_a_call. [CDR-PSTN]"
                )
    _warn(file.name, notes, tally)


def raw_zip(file: CdrFile, lines: Iterable[int]) -> Iterator[tuple[int, str]]:
    """Lines of the Direct Routing CSVs of an export as they stand in them."""
    with _archive(file) as archive:
        found = (
            text
            for member in _members(archive, DIRECT_ROUTING)
            for data in _member_blocks(archive, member)
            for text in data.removesuffix(b"\n").split(b"\n")
        )
        for line, text in picked(found, lines):
            yield line, text.decode("utf-8", "backslashreplace").rstrip("\r")


def is_csv(head: bytes) -> bool:
    """Whether a file begins with the header of a Direct Routing CSV."""
    names, _ = split_header(head.split(b"\n", 1)[0])
    return {_plain(name) for name in names}.issuperset(_plain(name) for name in SIGNATURE)


def is_zip(head: bytes, name: str) -> bool:
    """Whether a file is a zip that has the name of an export, or members as an export."""
    if not head.startswith((b"PK\x03\x04", b"PK\x05\x06")):
        return False
    is_named = name.rsplit("/", 1)[-1].startswith("calls.export")
    return is_named or re.search(rb"(?i)(directrouting|pstn)\.calls\.", head) is not None


def call_id(row: dict[str, str]) -> str:
    """The id of a row: a hash of what identifies it, each value on a line of its own.

    Examples
    --------
    >>> call_id(dict.fromkeys(KEY, "") | {"CorrelationId": "40adebe9-2cb6-5cdd-8467-dfc70f52ce3a"})
    '72d31704811b27a58ec7b2ffd47141d7'
    """
    return sha256("\n".join(row[name] for name in KEY).encode()).hexdigest()[:32]


@contextmanager
def _archive(file: CdrFile) -> Iterator[zipfile.ZipFile]:
    """The zip, opened.

    Raises
    ------
    Damaged
        It is none, or holds no Direct Routing CSV.
    """
    with file.open() as stream:
        try:
            archive = zipfile.ZipFile(stream)
        except ZIP_FAULTS as error:
            raise Damaged(f"the zip is damaged: {str(error) or BREAKS_OFF}") from None
        with archive:
            if not _members(archive, DIRECT_ROUTING):
                raise Damaged("the zip holds no DirectRouting.calls.*.csv")
            yield archive


def _members(archive: zipfile.ZipFile, start: str) -> list[zipfile.ZipInfo]:
    """CSVs of a zip, in whatever folder, whose names begin so; in name order."""
    found = []
    for member in archive.infolist():
        name = re.split(r"[/\\]", member.filename)[-1].lower()
        if name.startswith(start) and name.endswith(".csv"):
            found.append(member)
    return sorted(found, key=lambda member: (member.filename, member.header_offset))


def _member_blocks(archive: zipfile.ZipFile, member: zipfile.ZipInfo) -> Iterator[bytes]:
    """A member's lines in blocks.

    Raises
    ------
    Damaged
        It is encrypted, or cannot be unpacked to its end.
    """
    if member.flag_bits & 1:
        raise Damaged(f"{quoted(member.filename)} in the zip is encrypted: unpack it with its password first")
    try:
        with archive.open(member) as stream:
            yield from blocks_of_lines(stream, BLOCK)  # type: ignore[arg-type]
    except ZIP_FAULTS as error:
        why = str(error) or BREAKS_OFF
        raise Damaged(f"{quoted(member.filename)} in the zip is damaged: {why}") from None


def _csv_blocks(
    blocks: Iterator[bytes], line: int, name: str, options: Options, notes: FileNotes, tally: _Tally
) -> Generator[Block, None, int]:
    """Blocks of one CSV; returns the number of the line after its last."""
    header: _Header | None = None
    for data in blocks:
        if header is None:
            head, _, data = data.removeprefix(b"\xef\xbb\xbf").partition(b"\n")
            header = _header(head, notes)
            if header.problem and (header.is_header or not head.strip()):
                notes.warnings.append(f"{name}:{line}: {header.problem}; expected {HEADER}. [CDR-HEADER]")
            elif header.problem:
                yield bad_block([BadLine(line, "CDR-HEADER", "", None, header.problem, HEADER)])
            line += 1
        count = data.count(b"\n") + (data[-1:] not in (b"", b"\n"))
        if header.problem:
            at_lines = [at for at, text in enumerate(data.split(b"\n"), line) if text.strip(b" \t\r\0")]
            wrong = ("CDR-HEADER", "", None, header.problem, HEADER)
            yield bad_block([BadLine(at, *wrong) for at in at_lines])
        elif data:
            text = data if options.encoding == "utf-8" else data.decode(options.encoding).encode()
            yield _block(text, line, header, tally)
        line += count
    if header is None:
        notes.warnings.append(f"{name}:{line}: file is empty; expected {HEADER}. [CDR-HEADER]")
    return line


def _header(head: bytes, notes: FileNotes) -> _Header:
    """A header line's columns, and what is wrong with it."""
    names, delimiter = split_header(head)
    plain = [_plain(name) for name in names]
    places, twice = {}, []
    for wanted in USED:
        spellings = map(_plain, (wanted, *ALIASES.get(wanted, ())))
        found = next((name for name in spellings if name in plain), None)
        if found is not None:
            places[wanted] = names[plain.index(found)]
            twice += [wanted] * (plain.count(found) > 1)
    known = {*PASSED_OVER.split(), *(_plain(name) for name in places.values())}
    missing = [name for name in NEEDED if name not in places]
    problem = ""
    if b"\r" in head.rstrip(b"\r\n"):
        problem, places = "header has a carriage return inside the line", {}
    elif not places:
        shown = head.decode("utf-8", "replace").rstrip("\r\n")
        problem = f"header {quoted(shown)} names no column of the export"
    elif missing:
        problem = f"header has no column{'s' * (len(missing) != 1)} {', '.join(missing)}"
    elif twice:
        problem = f"header has column {', '.join(twice)} twice"
    if not problem:
        extra = {name for name in names if name and _plain(name) not in known}
        notes.ignored_columns = sorted(extra.union(notes.ignored_columns))
    return _Header(names, delimiter, places, problem, bool(places))


def _plain(name: str) -> str:
    """A column's name without what may differ in it: case and spaces."""
    return "".join(name.casefold().split())


def _block(data: bytes, line: int, header: _Header, tally: _Tally) -> Block:
    """Lines of a CSV as rows; `line` is the number of the first."""
    wanted = dict.fromkeys(header.places.values(), BINARY)
    parsed = parse_lines(data, header.names, wanted, header.delimiter)
    bad = [BadLine(line + at, "CDR-FIELD", "line", None, why, "one value a column") for at, why in parsed.bad]
    empty = [b""] * len(parsed.lines)
    columns = {name: parsed.columns[place].to_pylist() for name, place in header.places.items()}
    cells = [columns.get(name, empty) for name in USED]
    cdrs, lines, durations = [], [], []
    for at, values in zip(parsed.lines.tolist(), zip(*cells, strict=True), strict=True):
        row = _row(line + at, values)
        if isinstance(row, BadLine):
            bad.append(row)
            continue
        cdrs.append(_cdr(row))
        lines.append(line + at)
        duration = row["Duration (seconds)"]
        durations.append(int(duration) if re.fullmatch("[0-9]{1,9}", duration) else None)
        if not read_call_type(row["Call type"]).known:
            tally.unknown[row["Call type"]] += 1
        tally.contradictory += bool(row["Failure time" if _is_established(row) else "End time"])
    block = rows_block(cdrs, lines, bad, may_be_empty=TOLD_BY_ACCOUNTS)
    for name in ("setup_time", "answer_time", "release_time"):
        block.columns[name] = _utc(block.columns[name])
    tally.apart += far_apart(block.columns, durations)
    return block


def _row(line: int, values: tuple[bytes, ...]) -> dict[str, str] | BadLine:
    """A line's values by column, absent dates empty.

    Whether a call was established, and when, is never guessed.
    """
    row = {}
    for name, value in zip(USED, values, strict=True):
        try:
            text = value.decode().strip()
        except UnicodeDecodeError:
            rule = "UTF-8 text; if the file is Latin-1, run again with --encoding latin-1"
            shown = value.decode("utf-8", "backslashreplace")
            return BadLine(line, "CDR-ENCODING", name, shown, "is not UTF-8", rule)
        row[name] = date_or_none(text) if name.endswith(" time") else text
    if row["Success"].lower() not in ("yes", "no"):
        return BadLine(line, "CDR-FIELD", "Success", row["Success"], "is unknown", "Yes or No")
    for name in ("Start time", "End time"):
        if _is_established(row) and not row[name]:
            return BadLine(line, "CDR-TIME", name, None, "is empty, and Success is Yes", "an instant")
    return row


def _is_established(row: dict[str, str]) -> bool:
    return row["Success"].lower() == "yes"


def _cdr(row: dict[str, str]) -> dict[str, str]:
    """A row as a CDR."""
    upn = row["UPN"][4:] if row["UPN"][:4].lower() == "sip:" else row["UPN"]
    established = _is_established(row)
    times = (row[f"{name} time"] for name in ("Invite", "Start", "Failure", "End"))
    return leg(
        read_call_type(row["Call type"]),
        call_id=call_id(row),
        trunk=row["SBC FQDN"],
        caller=row["Caller Number"],
        callee=row["Callee Number"],
        user=upn or row["AAD ObjectId"],
        **leg_times(established, *times),
        sip_code=row["Final SIP code"] or "0",
        established=established,
    )


def _utc(texts: pa.Array) -> pa.Array:
    """Instants' texts; those without offset are UTC, whatever the zone of the run."""
    wall, offset_given, good = parse(texts)
    bare = pa.array(good & ~offset_given & (wall != NONE))
    return pc.if_else(bare, pc.binary_join_element_wise(texts, "Z", ""), texts)


def _warn(name: str, notes: FileNotes, tally: _Tally) -> None:
    """Say what a tally found."""
    for kind, count in sorted(tally.unknown.items()):
        notes.warnings.append(
            f"{name}: Call type {quoted(kind)} of {_rows(count)} is unknown; expected one made of known "
            "words. The rows are kept, and read by the words that are known. [CDR-TYPE]"
        )
    if tally.apart:
        notes.warnings.append(
            f"{name}: Duration (seconds) of {_rows(tally.apart)} differs from end - start by more than "
            f"{TOLERANCE_S} s, outbound; expected the same. End - start is rated. [CDR-DURATION]"
        )
    if tally.contradictory:
        notes.warnings.append(
            f"{name}: {_rows(tally.contradictory)} with Success Yes and a failure time, or No and an end "
            "time; expected the time that goes with it. The rows are kept, and read by Success. [CDR-SUCCESS]"
        )


def _rows(count: int) -> str:
    return f"{count} row{'s' * (count != 1)}"


FORMATS = (
    Format(
        "teams-admin",
        "zip",
        read_zip,
        raw_zip,
        is_zip,
        'the Teams admin center\'s "PSTN and SMS usage" export: Calls.Export.*.zip as downloaded',
    ),
    Format(
        "teams-admin",
        "csv",
        read,
        canonical_csv.raw,
        lambda head, name: is_csv(head),
        "the Direct Routing CSV of that export alone; columns by name, in any order",
    ),
)
