"""Inputs on which the rater once differed from the rules, one test each."""

import pandas as pd
import pyarrow as pa
import pytest

import rating
from rating.numbering import load_plan, read_numbers, span_of_prefix

ACCOUNTS = """
customers: [{id: acme, numbers: ["+33199000110"]}]
trunks: [{id: t1, customer: acme, channels: 1, plan: %s}]
"""
PLAN = """
plan: small
includes: {classes: [fr_fixed]}
fair_use:
  - {reason: fair_use_hours, measure: time, per: number, limit: 1 h}
  - {reason: forwarding, measure: time, per: user, limit: 1 h}
"""
DECK = "prefix,destination,class,country,price_per_minute\n"


@pytest.fixture
def rate_one(tmp_path):
    """Rate one answered outbound call of a minute to a number by a deck; gives the `Rated`."""

    def make(b_number, *deck, plan="metered", **columns):
        book = tmp_path / "book"
        (book / "plans").mkdir(parents=True)
        (book / "book.yaml").write_text("{name: small, currency: EUR}")
        (book / "plans" / "small.yaml").write_text(PLAN)
        (book / "rate_deck.csv").write_text(DECK + "\n".join(deck) + "\n")
        (tmp_path / "accounts.yaml").write_text(ACCOUNTS % plan)
        call = {
            "call_id": "c1",
            "trunk_id": "t1",
            "direction": "outbound",
            "a_number": "0199000110",
            "b_number": b_number,
            "setup_time": "2026-10-05T09:00:00Z",
            "answer_time": "2026-10-05T09:00:00Z",
            "release_time": "2026-10-05T09:01:00Z",
            "sip_code": 200,
            "user_id": "",
            "forwarded_by": "",
            "forward_type": "",
        }
        return rating.rate(pd.DataFrame([call | columns]), book, tmp_path / "accounts.yaml")

    return make


@pytest.mark.parametrize(
    ("prefix", "shorter"),
    [("FR:360*", "36"), ("FR:3600*", "36"), ("FR:150*", "15"), ("12125550", "+1212555")],
)
def test_a_prefix_does_not_match_a_number_shorter_than_itself(prefix, shorter):
    """SPEC 4: a prefix is a start of the number; 36 does not start with 360."""
    low, high = span_of_prefix(prefix)
    key = int(read_numbers(pa.array([shorter]), load_plan("FR")).key[0])
    assert not low <= key < high


def test_short_number_rates_by_the_start_that_it_has(rate_one):
    rated = rate_one("36", "FR:3*,Start,fr_short,FR,0.0200", "FR:360*,Longer,fr_short,FR,0.5000")
    assert rated.calls["prefix"].tolist() == ["FR:3*"]


def test_number_that_ends_before_a_prefix_does_is_unrated(rate_one):
    rated = rate_one("+1212555", "12125550,Manhattan,international,US,0.0200")
    assert len(rated.unrated) == 1


@pytest.mark.parametrize("text", ["003307000001234567", "0033 0 700 000 123 4567", "+33 0 700 000 123 4567"])
def test_longest_french_numbers_are_read_in_every_spelling(text):
    """choices, Numbers, step 4: one 0 after 33 is dropped, whatever length the plan gives the number."""
    numbers = read_numbers(pa.array([text]), load_plan("FR"))
    assert numbers.text.to_pylist() == ["+337000001234567"]


@pytest.mark.parametrize("b_number", ["01********", "+331********"])
def test_masked_number_across_rows_of_the_numbering_plan_rates_by_their_common_deck_row(rate_one, b_number):
    """choices, Numbers: by the deck row that all 0, all 9, and everything between, match."""
    rated = rate_one(b_number, "33,France,fr_fixed,FR,0.0200")
    assert rated.calls["prefix"].tolist() == ["33"]


def test_masked_number_that_may_be_overseas_is_unrated(rate_one):
    """0262 is Réunion (+262), the rest of 026 is +33: no one deck row."""
    rated = rate_one("026*******", "33,France,fr_fixed,FR,0.0200", "262,Réunion,fr_overseas_fixed,RE,0.3000")
    assert len(rated.unrated) == 1


@pytest.mark.parametrize("name", ["ΑΣ@acme.example", "İD@acme.example"])
def test_a_name_is_written_in_one_lower_case_as_user_and_as_number(rate_one, name):
    """choices, Accounts: names with @ compare, and are written, in lower case."""
    deck = "331,Paris,fr_fixed,FR,0.0200"
    rated = rate_one("0140000001", deck, plan="small", forwarded_by=name)
    assert rated.limits["subject"].tolist() == [name.lower(), name.lower()]


@pytest.mark.parametrize("column", ["setup_time", "answer_time", "release_time", "alert_time"])
def test_nul_in_a_time_is_a_field_fault(rate_one, column):
    """choices, Reading CDRs: NUL is a reject (CDR-FIELD), and CDR-FIELD goes before CDR-TIME."""
    time = {column: "2026-10-05T09:00:00\0Z"}
    rated = rate_one("0140000001", "33,France,fr_fixed,FR,0.0200", **time)
    assert rated.rejects["code"].tolist() == ["CDR-FIELD"]
