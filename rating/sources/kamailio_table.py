"""What Kamailio's tables and log lines have in common: columns by alias, numbers as text, forwarding, trunk.

`acc` and `acc_cdrs` hold no numbers of themselves: sites add columns (`db_extra`, `cdr_extra`) and name them
as they like, so that each meaning is looked for under several names.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import lru_cache
from ipaddress import ip_address

from rating.arrays import SECOND
from rating.csvtext import BINARY, parse_lines, split_header
from rating.errors import quoted
from rating.schema import CDR_COLUMNS
from rating.sources.block import BadLine, FileNotes, Options, not_utf8
from rating.sources.files import CdrFile, blocks_of_lines
from rating.sources.teams import from_teams

ALIASES = {
    "callid": ("callid", "call_id", "sip_call_id", "sip_callid"),
    "a_number": ("caller", "src_user", "from_user", "a_number"),
    "b_number": ("callee", "dst_ouser", "dst_user", "to_user", "b_number"),
    "billed_number": ("billed_number", "billed"),
    "forwarded": ("forwarded", "is_forwarded"),
    "trunk": ("trunk_id", "trunk", "trunk_fqdn", "fqdn"),
    "direction": ("direction",),
    "user_id": ("user_id",),
    "src_domain": ("src_domain", "from_domain"),
    "src_ip": ("src_ip",),
    "sip_code": ("sip_code",),
}
"""Meaning -> names under which sites write it, the first that a file has counts."""

BLOCK = 8 << 20
"""Bytes that are read at a time: as rows they are twenty times as much in memory."""

DIRECTIONS = {"in": "inbound", "out": "outbound"}
FORWARDED = {"": False, "0": False, "false": False, "f": False, "1": True, "true": True, "t": True}
WITHHELD = ("", "anonymous", "restricted", "unavailable")
NULLS = ("\\N", "NULL")
"""How MySQL and PostgreSQL write a column without value."""

EXACT = re.compile(r"([0-9]{1,10})(?:\.([0-9]{1,9}))?", re.ASCII)
LATEST = 7_258_118_400
"""The year 2200: later instants, and longer durations, are none. [s]"""


@dataclass(frozen=True)
class Row:
    """A row by meaning: `cells` has a text for each meaning that the file has."""

    line: int
    cells: dict[str, str]


def nanoseconds(text: str) -> int | None:
    """Decimal seconds as nanoseconds, exactly; None where the text is no such number.

    Examples
    --------
    >>> nanoseconds("1691186929.441"), nanoseconds("0.7"), nanoseconds("-1.000")
    (1691186929441000000, 700000000, None)
    """
    found = EXACT.fullmatch(text)
    if not found or int(found[1]) >= LATEST:
        return None
    return int(found[1]) * SECOND + int((found[2] or "").ljust(9, "0"))


def header_names(head: bytes) -> frozenset[str]:
    """Lower-case names of the columns, if the first line is a header."""
    return frozenset(name.lower() for name in split_header(head.split(b"\n", 1)[0])[0])


def places_of(names: Iterable[str], own: tuple[str, ...]) -> dict[str, str]:
    """Meaning -> name in the file; `own` are the columns that have one name only."""
    present = set(names)
    places = {name: name for name in own if name in present}
    for meaning, aliases in ALIASES.items():
        name = next((alias for alias in aliases if alias in present), None)
        if name is not None:
            places.setdefault(meaning, name)
    return places


def read_table(
    file: CdrFile, options: Options, notes: FileNotes, own: tuple[str, ...], rule: str
) -> Iterator[tuple[list[Row], list[BadLine]]]:
    """Rows of a CSV table, block by block.

    Parameters
    ----------
    own : columns without alias, all needed; so are callid, a_number and b_number
    rule : what the header must have, for messages

    Yields
    ------
    (rows, bad) : a file with a wrong header gives its lines as bad ones
    """
    with file.open() as stream:
        head = stream.readline()
        text = _recode(head, options.encoding)
        names, delimiter = split_header(text)
        names = [name.lower() for name in names]
        places = places_of(names, own)
        problem = _header_problem(names, places, own)
        notes.ignored_columns = sorted({name for name in names if name and name not in places.values()})
        if not head:
            notes.warnings.append(f"{file.name}:1: file is empty; expected {rule}. [CDR-HEADER]")
        elif problem and set(own).isdisjoint(names):
            shown = quoted(text.decode("utf-8", "replace").rstrip("\r\n"))
            problem = f"header {shown} names no column of Kamailio's"
            if head.strip():
                yield [], [BadLine(1, "CDR-HEADER", "", None, problem, rule)]
        elif problem:
            notes.warnings.append(f"{file.name}:1: {problem}; expected {rule}. [CDR-HEADER]")
        line = 2
        for data in blocks_of_lines(stream, BLOCK):
            if problem:
                lines = enumerate(data.split(b"\n"), line)
                yield (
                    [],
                    [
                        BadLine(number, "CDR-HEADER", "", None, problem, rule)
                        for number, content in lines
                        if content.strip(b" \t\r\0")
                    ],
                )
            else:
                yield _rows(_recode(data, options.encoding), line, names, delimiter, places)
            line += data.count(b"\n")


def _header_problem(names: list[str], places: dict[str, str], own: tuple[str, ...]) -> str:
    missing = [name for name in (*own, "callid", "a_number", "b_number") if name not in places]
    if missing:
        word = "column" if len(missing) == 1 else "columns"
        shown = ["/".join(ALIASES.get(name, (name,))) for name in missing]
        return f"header has no {word} {', '.join(shown)}"
    twice = sorted(name for name in places.values() if names.count(name) > 1)
    return f"header has column {', '.join(twice)} twice" if twice else ""


def _rows(
    data: bytes, line: int, names: list[str], delimiter: str, places: dict[str, str]
) -> tuple[list[Row], list[BadLine]]:
    parsed = parse_lines(data, names, dict.fromkeys(places.values(), BINARY), delimiter)
    bad = [
        BadLine(line + at, "CDR-FIELD", "line", None, reason, "one value a column")
        for at, reason in parsed.bad
    ]
    rows = []
    columns = [parsed.columns[name].to_pylist() for name in places.values()]
    for number, values in zip((parsed.lines + line).tolist(), zip(*columns, strict=True), strict=True):
        try:
            texts = [value.decode().strip() for value in values]
        except UnicodeDecodeError:
            bad.append(not_utf8(number))
            continue
        cells = ("" if text in NULLS else text for text in texts)
        rows.append(Row(number, dict(zip(places, cells, strict=True))))
    return rows, bad


def fault_of(row: Row) -> BadLine | None:
    """What is wrong with a row whatever its form: no call id, a `forwarded` that is neither 0 nor 1."""
    if not row.cells.get("callid"):
        return BadLine(row.line, "CDR-FIELD", "callid", "", "is empty", "the SIP Call-ID")
    forwarded = row.cells.get("forwarded", "")
    if forwarded.lower() not in FORWARDED:
        return BadLine(row.line, "CDR-FIELD", "forwarded", forwarded, "is unknown", "0 or 1")
    return None


def cdr_of(row: Row, source: str, call_id: str) -> dict[str, str]:
    """The canonical columns of a row, but times, `sip_code` and `end_reason`.

    A leg from one of Teams' addresses is outbound, and its From domain is the trunk's FQDN. Any other domain
    is a carrier's or says nothing: there the customers' numbers tell. A withheld caller of a leg that is not
    billed to the called number is the billed one.
    """
    cells = row.cells
    caller, callee = cells["a_number"], cells["b_number"]
    billed = cells.get("billed_number", "")
    if caller.lower() in WITHHELD and billed != callee:
        caller = billed or caller
    is_forward = FORWARDED[cells.get("forwarded", "").lower()]
    trunk, direction = cells.get("trunk", ""), cells.get("direction", "").lower()
    if from_teams(cells.get("src_ip", "")):
        trunk = trunk or _fqdn(cells.get("src_domain", ""))
        direction = direction or "outbound"
    cdr = dict.fromkeys(CDR_COLUMNS, "")
    cdr |= {
        "source": source,
        "call_id": call_id,
        "trunk_id": trunk,
        "direction": DIRECTIONS.get(direction, direction),
        "a_number": caller,
        "b_number": callee,
        "user_id": cells.get("user_id", ""),
        "forwarded_by": billed if is_forward else "",
        "forward_type": "unknown" if is_forward else "",
    }
    return cdr


@lru_cache(maxsize=4096)
def _fqdn(domain: str) -> str:
    """A domain if it is a name, empty if it is an address."""
    try:
        ip_address(domain.strip("[]"))
    except ValueError:
        return domain
    return ""


def _recode(data: bytes, encoding: str) -> bytes:
    return data if encoding == "utf-8" else data.decode(encoding).encode()
