"""The lookups of one call against the columns that rating reads: numbers, destinations, owners."""

from __future__ import annotations

from functools import cache

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from lab import NOON, at, directory

from rating.numbering import key_of, load_plan, read_numbers
from rating.reasons import CLASS_EMERGENCY
from rating.tariffs import load_book
from rating.tariffs.book import TariffBook
from sipgw.destinations import NOWHERE, Destinations
from sipgw.numbers import NumberReader

PLAN = load_plan("FR")
READER = NumberReader(PLAN)

digits = st.text("0123456789", max_size=20)
starts = st.sampled_from(
    ["", "+", "00", "0", "+33", "0033", "33", "+330", "0262", "+33262", "+44", "00 33", "++"]
)
frames = st.sampled_from(
    [
        "{}",
        "tel:{}",
        "sip:{}@trunk.example",
        "SIPS:{};user=phone",
        " {} ",
        "\t{}\r\n",
        "{};ext=4",
        "{}****",
        "-{}",
    ]
)
fillers = st.sampled_from(["", " ", ".", "-", "/", "(0)", "\u00a0", "\u202f", "\x1c", "\u3000"])


@st.composite
def dialled_texts(draw):
    start, rest = draw(starts), draw(digits)
    cut = draw(st.integers(0, len(rest)))
    return draw(frames).format(start + rest[:cut] + draw(fillers) + rest[cut:])


def read_by_columns(text: str, bare: bool) -> tuple[int, str]:
    found = read_numbers(pa.array([text], pa.string()), PLAN, bare)
    return int(found.key[0]), found.text[0].as_py()


wild = st.text(st.characters(exclude_categories=("Cs",)), max_size=30)


@given(
    dialled_texts() | digits | wild | st.text(" +0123@;:*()-./telsipTELSIP\n\0", max_size=24), st.booleans()
)
@example("+", False)
@example("0", False)
@example("00", False)
@example("+33", True)
@example("+330", False)
@example("0" * 18, False)
@example("9" * 19, True)
@example("12\n", False)
@example("tel:sip:15", False)
@example("sip:tel:15@a;b", False)
@example("@15", False)
@example("+33(0)199000110", False)
@example("+3363998****", False)
def test_a_number_is_read_as_by_columns(text, bare):
    assert tuple(READER.read(text, bare)) == read_by_columns(text, bare)


def test_every_cell_of_the_numbering_plan_is_read_as_by_columns():
    """Each border of the plan, with as many digits as it asks for and one more or less."""
    found = []
    for start in PLAN.starts.tolist()[:-1]:
        national = f"{start:014d}"
        found += [f"0{national[:count]}" for count in (8, 9, 10, 13)]
        found += [f"+33{national[:9]}", f"0033{national[:9]}"]
    columns = read_numbers(pa.array(found, pa.string()), PLAN)
    expected = list(zip(columns.key.tolist(), columns.text.to_pylist(), strict=True))
    assert [tuple(READER.read(text)) for text in found] == expected
    assert sum(key > 0 for key, _ in expected) > len(found) / 4


def test_bytes_that_were_no_utf8():
    assert READER.read("\udcff") == (0, "?")


# --- destinations


@cache
def contract() -> tuple[TariffBook, Destinations]:
    book = load_book("contract")
    return book, Destinations(book)


def row_by_columns(book: TariffBook, key: int, now: int) -> int:
    """The deck's own search, then each emergency row looked at."""
    ((_, in_force),) = book.deck.by_day(book.zone.days(np.array([now])))
    row = int(in_force.find(np.array([key]), np.array([key]))[0])
    deck = book.deck
    for hit in range(len(deck)):
        is_emergency = deck.classes[int(deck.klass[hit])].as_py() == CLASS_EMERGENCY
        if is_emergency and deck.low[hit] <= key < deck.high[hit]:
            wide = row < 0 or deck.high[hit] - deck.low[hit] < deck.high[row] - deck.low[row]
            row = hit if wide else row
    return row


@st.composite
def keys_near_prefixes(draw):
    deck = contract()[0].deck
    row = draw(st.integers(0, len(deck) - 1))
    border = int(draw(st.sampled_from([deck.low, deck.high]))[row])
    return border + draw(st.integers(-2, 2)) * draw(st.sampled_from([1, 16, 10**6]))


any_key = st.builds(
    lambda value: int(key_of(np.array([value]), np.array([len(str(value))]))[0]), st.integers(1, 10**15 - 1)
)


@given(keys_near_prefixes() | any_key)
def test_a_destination_is_found_as_by_columns_in_the_contracts_deck(key):
    book, destinations = contract()
    row = row_by_columns(book, key, NOON)
    assert destinations.row(key, NOON) == row
    found = destinations.find(key, NOON)
    if row < 0:
        assert found == NOWHERE
    else:
        assert found.name == book.deck.destinations[int(book.deck.destination[row])].as_py()
        assert found.klass == book.deck.classes[int(book.deck.klass[row])].as_py()


@pytest.mark.parametrize(
    "now", ["2026-09-30T23:59:59+02:00", "2026-10-01T00:00:00+02:00", "2026-11-01T00:00:00+01:00"]
)
def test_destinations_of_a_deck_that_changes_on_a_day(now):
    book = directory().book
    destinations = Destinations(book)
    for text in (
        "15",
        "112",
        "196",
        "0899700000",
        "0836000000",
        "+442079460000",
        "+999999999999",
        "3639",
        "19",
    ):
        key = READER.read(text).key
        for instant in (at(now), at(now) - 1):
            assert destinations.row(key, instant) == row_by_columns(book, key, instant), text


def test_a_day_is_that_of_the_book_on_both_clock_changes():
    days = Destinations(directory().book).days
    instants = [
        at(f"{day}T{hour:02d}:{minute:02d}:59+00:00")
        for day in ("2026-03-28", "2026-03-29", "2026-10-24", "2026-10-25")
        for hour in range(24)
        for minute in (0, 59)
    ]
    expected = directory().book.zone.days(np.array(instants)).tolist()
    assert [days.of(instant) for instant in instants] == expected
    assert [days.of(instant) for instant in reversed(instants)] == expected[::-1]


# --- owners


@given(st.data())
def test_owners_are_those_of_the_columns(data):
    accounts = directory().accounts
    run = data.draw(st.integers(0, len(accounts.owner_low) - 1))
    border = int(data.draw(st.sampled_from([accounts.owner_low, accounts.owner_high]))[run])
    number = border + data.draw(st.integers(-20, 20)) * 10**4 * 16
    now = at("2026-10-15T00:00:00+02:00") + data.draw(st.sampled_from([-1, 0, 1, -(10**15), 10**15]))
    expected = int(accounts.owners(np.array([number]), np.array([now]))[0])
    assert directory().owner(number, now) == expected


def test_nobody_has_no_number():
    assert [directory().owner(number, NOON) for number in (0, -1)] == [-1, -1]
