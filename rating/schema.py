"""The columns: of CDRs as they are read, of calls inside, of every file that a run writes (SPEC 2, 12)."""

from __future__ import annotations

from dataclasses import dataclass, fields, replace
from typing import Any

import numpy as np
import pyarrow as pa

from rating.arrays import AnyArray, Bools, Ints, join, recode, texts, unify

CDR_COLUMNS = (
    "source",
    "call_id",
    "trunk_id",
    "direction",
    "a_number",
    "b_number",
    "setup_time",
    "answer_time",
    "release_time",
    "sip_code",
    "alert_time",
    "user_id",
    "forwarded_by",
    "forward_type",
    "end_reason",
)

ACCOUNTCODE = "accountcode"
"""What a switch calls the customer of a channel: no canonical column, but it may tell the trunk."""

OPTIONAL_CDR_COLUMNS = ("source", "alert_time", "end_reason")
TIME_COLUMNS = ("setup_time", "answer_time", "release_time", "alert_time")

DIRECTIONS = ("outbound", "inbound")
OPEN = -1
FORWARD_TYPES = ("", "unconditional", "busy", "no_answer", "unknown")

INSTANT = pa.timestamp("ns", "UTC")


@dataclass(frozen=True)
class Calls:
    """CDRs as columns, shape (n,) each.

    file, line : where the row stands (index of the run's input; line, or row of a Parquet file, from 1)
    source, trunk, a_text, b_text, user_id, forwarded_by, end_reason : dictionary-encoded text as in the CDR
    call_id : text
    direction : index into DIRECTIONS, OPEN where the numbers must tell
    forward_type : index into FORWARD_TYPES
    setup, answer, release, alert : UTC instants, NONE where empty [ns]
    sip_code : final SIP status
    accountcode : dictionary-encoded text, or None where no row has one
    """

    file: Ints
    line: Ints
    source: pa.DictionaryArray
    call_id: pa.Array
    trunk: pa.DictionaryArray
    direction: AnyArray
    a_text: pa.DictionaryArray
    b_text: pa.DictionaryArray
    setup: Ints
    answer: Ints
    release: Ints
    sip_code: AnyArray
    alert: Ints
    user_id: pa.DictionaryArray
    forwarded_by: pa.DictionaryArray
    forward_type: AnyArray
    end_reason: pa.DictionaryArray
    accountcode: pa.DictionaryArray | None = None

    def __len__(self) -> int:
        return len(self.file)

    @property
    def outbound(self) -> Bools:
        return self.direction == 0

    def take(self, rows: Ints) -> Calls:
        """Some of the calls, in the given order."""
        return replace(self, **{f.name: _take(getattr(self, f.name), rows) for f in fields(self)})

    def slice(self, start: int, end: int) -> Calls:
        """Calls [start, end), not copied."""
        return replace(self, **{f.name: _slice(getattr(self, f.name), start, end) for f in fields(self)})

    @property
    def nbytes(self) -> int:
        """Bytes of memory."""
        columns = (getattr(self, f.name) for f in fields(self))
        return sum(column.nbytes for column in columns if column is not None)


def _take(column: Any, rows: Ints) -> Any:
    if column is None:
        return None
    return column[rows] if isinstance(column, np.ndarray) else column.take(pa.array(rows))


def _slice(column: Any, start: int, end: int) -> Any:
    if column is None:
        return None
    return column[start:end] if isinstance(column, np.ndarray) else column.slice(start, end - start)


def concat(parts: list[Calls]) -> Calls:
    """All calls of all parts, in order."""
    if not parts:
        return no_calls()
    if len(parts) == 1:
        return parts[0]
    columns: dict[str, Any] = {}
    for f in fields(Calls):
        pieces = [getattr(part, f.name) for part in parts]
        columns[f.name] = join_columns(pieces, [len(part) for part in parts])
    return Calls(**columns)


def join_columns(pieces: list[Any], lengths: list[int]) -> Any:
    """Columns of one field, one after the other; what a part lacks is empty there, None where all do."""
    if all(piece is None for piece in pieces):
        return None
    pieces = [
        recode(np.zeros(length, np.int32), texts([""])) if piece is None else piece
        for piece, length in zip(pieces, lengths, strict=True)
    ]
    if isinstance(pieces[0], np.ndarray):
        return np.concatenate(pieces)
    if pa.types.is_dictionary(pieces[0].type):
        code, values, _, _ = unify(pieces)
        return recode(code, values)
    return join(pieces)


def no_calls() -> Calls:
    """Zero calls."""
    ints, coded = np.zeros(0, np.int64), pa.array([], pa.dictionary(pa.int32(), pa.string()))
    small = np.zeros(0, np.int16)
    return Calls(
        file=ints,
        line=ints,
        source=coded,
        call_id=pa.array([], pa.string()),
        trunk=coded,
        direction=small,
        a_text=coded,
        b_text=coded,
        setup=ints,
        answer=ints,
        release=ints,
        sip_code=small,
        alert=ints,
        user_id=coded,
        forwarded_by=coded,
        forward_type=small,
        end_reason=coded,
    )


def rated_schema(amount_decimals: int) -> pa.Schema:
    """Columns of rated_calls.parquet, in order."""
    text = pa.string()
    return pa.schema(
        [
            ("source", text),
            ("call_id", text),
            ("trunk_id", text),
            ("customer_id", text),
            ("site_id", text),
            ("month", text),
            ("direction", text),
            ("a_number", text),
            ("b_number", text),
            ("b_dialled", text),
            ("setup_time", INSTANT),
            ("answer_time", INSTANT),
            ("release_time", INSTANT),
            ("duration_s", pa.int64()),
            ("prefix", text),
            ("destination", text),
            ("destination_class", text),
            ("plan", text),
            ("reason", text),
            ("included_s", pa.int64()),
            ("billed_s", pa.int64()),
            ("billable_s", pa.int64()),
            ("price_per_minute", pa.decimal128(18, 6)),
            ("amount", pa.decimal128(18, amount_decimals)),
            ("currency", text),
            ("over_cap", pa.bool_()),
            ("user_id", text),
            ("forwarded_by", text),
            ("forward_type", text),
            ("sip_code", pa.int16()),
            ("end_reason", text),
            ("tariff_version", text),
        ]
    )


def findings_schema(amount_decimals: int) -> pa.Schema:
    """Columns of findings.csv, in order."""
    text = pa.string()
    return pa.schema(
        [
            ("trunk_id", text),
            ("month", text),
            ("reason", text),
            ("subject", text),
            ("limit", pa.int64()),
            ("measured", pa.int64()),
            ("call_id", text),
            ("at", INSTANT),
            ("mode", text),
            ("amount", pa.decimal128(18, amount_decimals)),
        ]
    )


LIMITS_SCHEMA = pa.schema(
    [
        ("trunk_id", pa.string()),
        ("month", pa.string()),
        ("plan", pa.string()),
        ("reason", pa.string()),
        ("subject", pa.string()),
        ("limit", pa.int64()),
        ("measured", pa.int64()),
        ("share", pa.decimal128(18, 4)),
        ("breached", pa.bool_()),
    ]
)


def usage_schema(amount_decimals: int) -> pa.Schema:
    """Columns of usage.csv, in order."""
    whole = pa.int64()
    return pa.schema(
        [
            ("trunk_id", pa.string()),
            ("customer_id", pa.string()),
            ("month", pa.string()),
            ("calls", whole),
            ("answered", whole),
            ("inbound_s", whole),
            ("outbound_s", whole),
            ("included_s", whole),
            ("billed_s", whole),
            ("amount", pa.decimal128(38, amount_decimals)),
            ("channels", whole),
            ("peak_channels", whole),
            ("peak_at", INSTANT),
            ("at_cap_s", whole),
            ("above_cap_s", whole),
            ("over_cap_calls", whole),
        ]
    )


OCCUPANCY_SCHEMA = pa.schema(
    [
        ("trunk_id", pa.string()),
        ("site_id", pa.string()),
        ("month", pa.string()),
        ("channels", pa.int64()),
        ("calls", pa.int64()),
        ("blocked_calls", pa.int64()),
        ("over_cap_calls", pa.int64()),
        ("peak_channels", pa.int64()),
        ("peak_at", INSTANT),
        ("at_cap_s", pa.int64()),
        ("above_cap_s", pa.int64()),
    ]
)
"""Columns of occupancy.csv: a row of a trunk has no site_id, those of its sites follow it."""

REJECTS_SCHEMA = pa.schema(
    [
        ("file", pa.string()),
        ("line", pa.int64()),
        ("code", pa.string()),
        ("message", pa.string()),
        ("raw", pa.string()),
    ]
)

CDR_SCHEMA = pa.schema(
    [
        (name, INSTANT if name in TIME_COLUMNS else pa.int16() if name == "sip_code" else pa.string())
        for name in CDR_COLUMNS
    ]
)
"""Columns of unrated.csv, and of the canonical CDR."""
