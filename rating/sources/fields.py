"""Text columns of a block to typed calls; rows that do not fit become rejects (SPEC 2)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from rating.arrays import NONE, SECOND, AnyArray, Bools, Ints, codes, encode, recode, texts
from rating.errors import Reject, row_text
from rating.instants import RULE, parse, resolve
from rating.schema import ACCOUNTCODE, CDR_COLUMNS, DIRECTIONS, FORWARD_TYPES, OPEN, TIME_COLUMNS, Calls
from rating.sources.block import Block, no_text, shown
from rating.zone import DAY, Zone

LONGEST_CALL = 366 * DAY
NOT_EMPTY = ("call_id", "trunk_id", "direction", "setup_time", "release_time", "sip_code")


@dataclass
class _Rows:
    """The rows of a block that are still good, and the rejects so far."""

    file: Ints
    names: Mapping[int, str]
    lines: Ints
    good: Bools
    rejects: list[Reject]

    def reject(self, wrong: Bools, field: str, values: pa.Array, problem: str, rule: str, code: str) -> None:
        """Reject the good rows among `wrong`, showing the value of a column."""
        for row in np.flatnonzero(wrong & self.good).tolist():
            self.reject_row(row, field, values, problem, rule, code)
        self.good &= ~wrong

    def reject_row(self, row: int, field: str, values: pa.Array, problem: str, rule: str, code: str) -> None:
        """Note one reject; the row stays among the good until `good` says otherwise."""
        file, line = int(self.file[row]), int(self.lines[row])
        text = row_text(self.names[file], line, field, shown(values[row]), problem, rule)
        self.rejects.append(Reject(file, line, code, text))


def typed(
    block: Block, file: Ints, names: Mapping[int, str], default_source: str, zone: Zone, ambiguous: str
) -> tuple[Calls, list[Reject]]:
    """Type the rows of a block.

    Parameters
    ----------
    file : index of the input of each row among the run's, shape (n,); names : of those, as messages show them
    default_source : source of rows that name none
    zone, ambiguous : how instants without offset are read
    """
    n = len(block.lines)
    rows = _Rows(file, names, block.lines, np.ones(n, bool), [])
    columns = {column: _filled(block.columns.get(column), column, n) for column in CDR_COLUMNS}
    for column in CDR_COLUMNS:
        if not pa.types.is_timestamp(columns[column].type):
            columns[column] = _as_text(columns[column], column, rows)
    accountcode = None
    if ACCOUNTCODE in block.columns:
        accountcode = _as_text(_filled(block.columns[ACCOUNTCODE], ACCOUNTCODE, n), ACCOUNTCODE, rows)
    for column in NOT_EMPTY:
        empty = _is_empty(columns[column])
        if column not in block.may_be_empty and empty.any():
            rows.reject(empty, column, no_text(n), "is empty", "a value", "CDR-FIELD")
    open_too = ("",) if "direction" in block.may_be_empty else ()
    direction = _choice(columns["direction"], "direction", (*DIRECTIONS, *open_too), rows)
    direction = np.where(direction == len(DIRECTIONS), OPEN, direction).astype(np.int16)
    sip_code = _sip_code(columns["sip_code"], rows)
    forward_type = _choice(columns["forward_type"], "forward_type", FORWARD_TYPES, rows)
    times = {column: _instants(columns[column], column, rows, zone, ambiguous) for column in TIME_COLUMNS}
    _check_times(times, columns, rows)
    source = columns["source"].dictionary
    named = pc.if_else(pc.equal(source, ""), default_source, source).dictionary_encode()
    calls = Calls(
        file=file,
        line=block.lines.astype(np.int64),
        source=recode(codes(named)[codes(columns["source"])], named.dictionary),
        call_id=columns["call_id"],
        trunk=columns["trunk_id"],
        direction=direction,
        a_text=columns["a_number"],
        b_text=columns["b_number"],
        setup=times["setup_time"],
        answer=times["answer_time"],
        release=times["release_time"],
        sip_code=sip_code,
        alert=times["alert_time"],
        user_id=columns["user_id"],
        forwarded_by=columns["forwarded_by"],
        forward_type=forward_type,
        end_reason=columns["end_reason"],
        accountcode=accountcode,
    )
    good = rows.good
    return (calls if good.all() else calls.take(np.flatnonzero(good))), rows.rejects


def _filled(column: pa.Array | None, name: str, n: int) -> pa.Array:
    if column is None:
        empty = recode(np.zeros(n, np.int32), texts([""]))
        return pa.nulls(n, pa.timestamp("ns")) if name in TIME_COLUMNS else empty
    if column.null_count and not pa.types.is_timestamp(column.type):
        if pa.types.is_dictionary(column.type):
            column = column.dictionary_decode()
        column = column.fill_null(b"" if pa.types.is_binary(column.type) else "")
    return column


def _as_text(column: pa.Array, name: str, rows: _Rows) -> pa.Array:
    """A column as UTF-8 text: `call_id` and times plain, the others dictionary-encoded."""
    is_plain = name == "call_id" or name in TIME_COLUMNS
    if is_plain and _is_ascii(column):
        return column.view(pa.string())
    if is_plain:
        values, index = column, np.arange(len(column))
    else:
        column = encode(column)
        values, index = column.dictionary, codes(column)
    if pa.types.is_binary(values.type):
        try:
            values = values.cast(pa.string())
        except pa.ArrowInvalid:
            values = _reject_bytes(values, index, column, name, rows)
    with_nul = pc.match_substring(values, "\0")
    if pc.any(with_nul).as_py():
        wrong = with_nul.to_numpy(zero_copy_only=False)[index]
        rows.reject(wrong, name, column, "holds a NUL byte", "text", "CDR-FIELD")
    return values if is_plain else recode(index, values)


def _is_ascii(column: pa.Array) -> bool:
    """Whether a text or binary array, without nulls, holds characters from U+0001 to U+007F only."""
    if column.type not in (pa.string(), pa.binary()):
        return False
    if not len(column):
        return True
    _, offsets, data = column.buffers()
    bounds = np.frombuffer(offsets, np.int32)[column.offset : column.offset + len(column) + 1]
    octets = np.frombuffer(data or b"", np.int8)[bounds[0] : bounds[-1]]
    return bool(octets.min(initial=1) > 0)


def _reject_bytes(values: pa.Array, index: AnyArray, column: pa.Array, name: str, rows: _Rows) -> pa.Array:
    """Reject the rows whose bytes are not UTF-8; their values become empty."""
    kept, wrong = [], np.zeros(len(values), bool)
    for i, value in enumerate(values.to_pylist()):
        try:
            kept.append(value.decode())
        except UnicodeDecodeError:
            kept.append("")
            wrong[i] = True
    rule = "UTF-8 text; if the file is Latin-1, run again with --encoding latin-1"
    rows.reject(wrong[index], name, column, "is not UTF-8", rule, "CDR-ENCODING")
    return pa.array(kept, pa.string())


def _is_empty(column: pa.Array) -> Bools:
    if pa.types.is_dictionary(column.type):
        return pc.equal(column.dictionary, "").to_numpy(zero_copy_only=False)[codes(column)]
    if pa.types.is_timestamp(column.type):
        return column.is_null().to_numpy(zero_copy_only=False)
    return pc.equal(pc.binary_length(column), 0).to_numpy(zero_copy_only=False)


def _choice(column: pa.DictionaryArray, name: str, choices: tuple[str, ...], rows: _Rows) -> AnyArray:
    found = pc.fill_null(pc.index_in(column.dictionary, pa.array(choices, pa.string())), -1)
    value = found.to_numpy(zero_copy_only=False)[codes(column)].astype(np.int16)
    known = ", ".join(choice or "empty" for choice in choices)
    rows.reject(value < 0, name, column, "is unknown", f"one of {known}", "CDR-FIELD")
    return value


def _sip_code(column: pa.DictionaryArray, rows: _Rows) -> AnyArray:
    good = pc.match_substring_regex(column.dictionary, "^[0-9]{1,3}$")
    value = pc.cast(pc.if_else(good, column.dictionary, "0"), pa.int16()).to_numpy(zero_copy_only=False)
    wrong = ~good.to_numpy(zero_copy_only=False)[codes(column)]
    rows.reject(wrong, "sip_code", column, "is no SIP status", "a whole number from 0 to 999", "CDR-FIELD")
    return value[codes(column)]


def _instants(column: pa.Array, name: str, rows: _Rows, zone: Zone, ambiguous: str) -> Ints:
    if pa.types.is_timestamp(column.type):
        wall, offset_given, good = _typed_instants(column)
    else:
        wall, offset_given, good = parse(column)
    rows.reject(~good, name, column, "is no instant", RULE, "CDR-TIME")
    utc, twice, missing = resolve(wall, offset_given, zone, ambiguous)
    rule = f"an offset, or --ambiguous first|second (time zone {zone.name})"
    rows.reject(
        twice, name, column, "has no offset and occurs twice on a clock-change night", rule, "CDR-TIME"
    )
    problem = f"has no offset and does not exist in {zone.name} (clock change)"
    rows.reject(missing, name, column, problem, "an offset, or the right --timezone", "CDR-TIME")
    return utc


def _typed_instants(column: pa.Array) -> tuple[Ints, Bools, Bools]:
    """Timestamps of a Parquet file: those with a zone are UTC, the others wall clock."""
    null = column.is_null().to_numpy(zero_copy_only=False)
    scale = {"s": SECOND, "ms": 1_000_000, "us": 1_000, "ns": 1}[column.type.unit]
    value = pc.cast(column, pa.int64()).fill_null(0).to_numpy(zero_copy_only=False)
    good = null | ((value >= 0) & (value < 7_258_118_400 * (SECOND // scale)))
    wall = np.where(null | ~good, NONE, np.where(good, value, 0) * scale)
    return wall, np.full(len(value), column.type.tz is not None) & ~null, good


def _check_times(times: dict[str, Ints], columns: dict[str, pa.Array], rows: _Rows) -> None:
    setup, answer, release = (times[name] for name in ("setup_time", "answer_time", "release_time"))
    answered = answer != NONE
    with np.errstate(over="ignore"):
        too_long = (setup != NONE) & (release != NONE) & (release - setup > LONGEST_CALL)
    release_text, limit = columns["release_time"], "is more than 366 days after setup_time"
    rows.reject(too_long, "release_time", release_text, limit, "a shorter call", "CDR-TIME")
    for wrong, late, early in (
        (answered & (answer < setup), "answer_time", "setup_time"),
        (answered & (release < answer), "release_time", "answer_time"),
        (~answered & (release < setup), "release_time", "setup_time"),
    ):
        for row in np.flatnonzero(wrong & rows.good).tolist():
            problem = f"precedes {early} '{shown(columns[early][row])}'"
            rows.reject_row(row, late, columns[late], problem, "setup <= answer <= release", "CDR-TIME-ORDER")
        rows.good &= ~wrong
