"""Quotes: the number as read, the price, the plan, and what some seconds cost."""

import json
from pathlib import Path

import pytest
from casefile import write_book
from click.testing import CliRunner, Result

from rating.cli import main

WINDOWS = {
    "plan": {"plan": "fixed", "includes": {"classes": ["fr_fixed"]}, "increments": "60/60"},
    "windows": {
        "windows": {"peak": [{"days": ["mon", "tue", "wed", "thu", "fri"], "from": "08:00", "to": "19:00"}]}
    },
    "deck": """
prefix,destination,class,country,price_per_minute,connect_fee,min_charge,window
33,France Fixe,fr_fixed,FR,0.0200,0.1000,0.2500,
33,France Fixe,fr_fixed,FR,0.0600,0.1000,0.2500,peak
""",
}


def quote(*arguments: str) -> Result:
    return CliRunner().invoke(main, ["quote", *arguments])


def test_quote_of_a_mobile_outside_the_plan() -> None:
    result = quote("06 39 98 01 23", "--tariffs", "contract", "--at", "2026-10-05T09:00:00+02:00",
                   "--plan", "unlimited-fixed", "--seconds", "90")  # fmt: skip
    assert result.exit_code == 0
    assert result.output == (
        "06 39 98 01 23 is +33639980123, at 2026-10-05 09:00:00+02:00\n"
        "  destination  France Mobile 06, class fr_mobile, prefix 3363998\n"
        "  longest of   33, 336, 33639, 3363998\n"
        "  price        0.0400 EUR a minute (deck line 2167)\n"
        "  increments   60/60 of the plan\n"
        "  plan         unlimited-fixed: not included, billed by the minute\n"
        "  90 s cost    0.0800 EUR where billed\n"
    )


@pytest.mark.parametrize(
    ("number", "plan", "included", "amount"),
    [
        ("0261910011", "unlimited-fixed", "class", "0.0100"),
        ("0806000000", "unlimited-fixed", "class", "0.0100"),
        ("112", "unlimited-fixed", "free", "0.0000"),
        ("0800000000", "metered", "free", "0.0000"),
        ("+442079460000", "unlimited-fixed-mobile", "order_form", "0.0131"),
        ("+442079460000", "unlimited-fixed", None, "0.0131"),
        ("0262000000", "unlimited-fixed-mobile", None, "0.0188"),
        ("118712", "metered", None, "2.5100"),
    ],
)
def test_quote_says_whether_the_plan_includes_it(
    number: str, plan: str, included: str | None, amount: str
) -> None:
    result = quote(number, "--tariffs", "contract", "--at", "2026-10-05", "--plan", plan, "--json")
    record = json.loads(result.output)
    assert (record["included"], record["plan"]) == (included, plan)
    assert record["amount"] == amount


def test_quote_names_windows_and_which_is_open(tmp_path: Path) -> None:
    write_book(WINDOWS, tmp_path / "book")
    at_noon = quote("0140000001", "--tariffs", str(tmp_path / "book"), "--at", "2026-10-05T12:00:00")
    assert "price        0.0600 EUR a minute in window peak (open now) (deck line 3)" in at_noon.output
    assert "also         connect fee 0.1000, minimum 0.2500" in at_noon.output
    assert "60 s cost    0.2500 EUR where billed" in at_noon.output
    at_night = quote("0140000001", "--tariffs", str(tmp_path / "book"), "--at", "2026-10-05T23:00:00")
    assert "in window peak (deck line 3)" in at_night.output


def test_quote_of_a_number_without_a_price_is_something_to_look_at() -> None:
    result = quote("888", "--tariffs", "contract", "--at", "2026-10-05")
    assert result.exit_code == 1
    assert "no prefix of the deck in force matches: no price (reason no_rate)" in result.output


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["alice", "--tariffs", "contract"], "number 'alice' cannot be read; expected a dialled number"),
        (["15", "--tariffs", "nowhere"], "nowhere: is not there; expected a folder with book.yaml"),
        (["15", "--tariffs", "contract", "--plan", "gold"], "plan 'gold' is unknown; expected a plan of the"),
        (["15", "--tariffs", "contract", "--at", "noon"], "'noon' is no instant; expected an instant as"),
        (["15", "--tariffs", "contract", "--seconds", "-1"], "-1 is not in the range"),
    ],
)
def test_bad_questions_are_answered_in_words(arguments: list[str], message: str) -> None:
    result = quote(*arguments)
    assert result.exit_code == 2
    assert message in result.stderr
