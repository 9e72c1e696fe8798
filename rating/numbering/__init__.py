"""Dialled texts to numbers: E.164 or short, as int64 keys that sort like their digits."""

from rating.numbering.keys import (
    E164_DIGITS,
    SHORT,
    SHORT_DIGITS,
    key_of,
    key_texts,
    span_of_prefix,
    spans_of_prefixes,
)
from rating.numbering.plan import NumberingPlan, load_plan
from rating.numbering.read import Numbers, join_numbers, read_numbers

__all__ = [
    "E164_DIGITS",
    "SHORT",
    "SHORT_DIGITS",
    "NumberingPlan",
    "Numbers",
    "join_numbers",
    "key_of",
    "key_texts",
    "load_plan",
    "read_numbers",
    "span_of_prefix",
    "spans_of_prefixes",
]
