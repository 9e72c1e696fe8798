"""Texts of digits, eight at a time, against the plain form: a regular expression and int()."""

from __future__ import annotations

import re
from unittest import mock

import numpy as np
import pyarrow as pa
from hypothesis import given
from hypothesis import strategies as st

from rating.numbering import load_plan, read_numbers
from rating.numbering.digits import MOST_DIGITS, read_digits
from rating.results import FEW, _kept

PLAIN = re.compile(r"\+?[0-9]{1,18}")
NEAR_DIGITS = "0123456789+/:*@\x00\x7fé٣０"
"""Neighbours of the digits in ASCII, and what other alphabets call digits."""

TEXTS = st.one_of(
    st.from_regex(r"\+?[0-9]{0,20}", fullmatch=True),
    st.text(st.sampled_from(NEAR_DIGITS), max_size=22),
)


@given(st.lists(TEXTS, max_size=30), st.integers(0, 5))
def test_digits_are_those_of_the_plain_form(texts, start):
    found = read_digits(pa.array(texts, pa.string()).slice(start))
    for row, text in enumerate(texts[start:]):
        is_plain = PLAIN.fullmatch(text) is not None
        digits = text.removeprefix("+") if is_plain else ""
        assert found.is_plain[row] == is_plain, text
        assert (found.value[row], found.count[row]) == (int(digits or 0), len(digits)), text
        assert found.plus[row] == (is_plain and text[0] == "+"), text


def test_every_byte_beside_the_digits_is_none():
    texts = [f"12{chr(code)}4567890" for code in range(1, 128)]
    found = read_digits(pa.array(texts))
    assert [texts[i][2] for i in np.flatnonzero(found.is_plain)] == list("0123456789")


def test_the_longest_number_is_read_and_one_longer_is_not():
    found = read_digits(pa.array(["9" * MOST_DIGITS, "9" * (MOST_DIGITS + 1)]))
    assert found.value.tolist() == [10**MOST_DIGITS - 1, 0]
    assert found.is_plain.tolist() == [True, False]


@given(st.lists(st.sampled_from(("+33199000110", "0639980123", "x", "+3363998****", "15", "")), max_size=20))
def test_numbers_are_the_same_however_many_are_read_at_a_time(texts):
    plan = load_plan("FR")
    whole = read_numbers(pa.array(texts, pa.string()), plan)
    with mock.patch("rating.numbering.read.AT_ONCE", 3):
        parts = read_numbers(pa.array(texts, pa.string()), plan)
    for name in ("key", "low", "high", "as_dialled"):
        assert getattr(parts, name).tolist() == getattr(whole, name).tolist()


@given(st.lists(st.booleans(), max_size=40), st.booleans())
def test_rows_left_out_are_the_same_few_or_many(mask, is_many):
    mask = np.array(mask + [False] * (FEW if is_many else 0), bool)
    table = pa.table({"row": np.arange(len(mask))})
    assert _kept(table, mask)["row"].to_pylist() == np.flatnonzero(mask).tolist()
