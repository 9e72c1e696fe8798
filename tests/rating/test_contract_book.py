"""The shipped tariff book `contract`, as data: what tariffs/README.md promises is so."""

import csv
import re
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest
import yaml

TARIFFS = Path(__file__).resolve().parents[2] / "tariffs"
BOOK = TARIFFS / "contract"
COLUMNS = [
    "prefix",
    "destination",
    "class",
    "country",
    "price_per_minute",
    "connect_fee",
    "price_per_call",
    "first_s",
    "following_s",
    "min_charge",
    "max_charge",
    "valid_from",
    "valid_to",
    "window",
    "from_second",
]
MONEY = ("price_per_minute", "connect_fee", "price_per_call", "min_charge", "max_charge")
CLASSES = {
    "barred",
    "emergency",
    "fr_fixed",
    "fr_free",
    "fr_m2m",
    "fr_mobile",
    "fr_overseas_fixed",
    "fr_overseas_mobile",
    "fr_overseas_special",
    "fr_premium",
    "fr_shared",
    "fr_short",
    "international",
    "satellite",
}
EMERGENCY = ["15", "17", "18", "112", "114", "115", "119", "191", "196", "197", "116000", "116117"]
CLASS_OF_CHARGE = {
    "fixed": "fr_fixed",
    "mobile": "fr_mobile",
    "overseas-fixed": "fr_overseas_fixed",
    "overseas-mobile": "fr_overseas_mobile",
    "m2m": "fr_m2m",
    "free": "fr_free",
    "operator": "fr_free",
    "banalise": "fr_shared",
    "majore": "fr_premium",
    "emergency": "emergency",
    "lookup": "fr_short",
}


def read(path):
    with open(path, newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


DECK_ROWS = read(BOOK / "rate_deck.csv")
DECK = {row["prefix"]: row for row in DECK_ROWS}
SOURCE = read(TARIFFS / "sources" / "rate_deck.csv")
PLAN = read(TARIFFS / "numbering" / "FR.csv")
NATIONAL = {row["national_prefix"]: row for row in PLAN if row["national_prefix"].startswith("0")}


def longest(table, digits):
    return next((table[digits[:n]] for n in range(len(digits), 0, -1) if digits[:n] in table), None)


def deck_row(digits):
    """The row of an E.164 number or prefix."""
    return longest(DECK, digits)


def short_row(number):
    """The row of a short number: the whole number, else the longest start with a star."""
    starts = [f"FR:{number}"] + [f"FR:{number[:n]}*" for n in range(len(number), 0, -1)]
    return next((DECK[start] for start in starts if start in DECK), None)


def expected_class(row):
    if row["charge"] == "majore" and not row["national_prefix"].startswith("0"):
        return "fr_short"
    return CLASS_OF_CHARGE[row["charge"]]


def forms(row):
    """The right E.164 form of a national prefix and, overseas, the wrong one after +33."""
    after_33 = "33" + row["national_prefix"][1:]
    return {row["e164_prefix"] or after_33, after_33}


CHARGED = [row for row in PLAN if row["charge"] in CLASS_OF_CHARGE]


# ---------------------------------------------------------------- the deck


def test_deck_has_the_columns_lines_and_order_of_the_format():
    raw = (BOOK / "rate_deck.csv").read_bytes()
    assert b"\r" not in raw
    assert raw.endswith(b"\n")
    assert raw.split(b"\n", 1)[0].decode() == ",".join(COLUMNS)
    prefixes = [row["prefix"] for row in DECK_ROWS]
    assert prefixes == sorted(prefixes)
    assert len(prefixes) == len(set(prefixes))
    assert [p for p in prefixes if not re.fullmatch(r"[1-9]\d*|FR:\d{1,6}|FR:\d{1,5}\*", p)] == []


def test_deck_has_every_source_prefix_at_its_price():
    assert len(SOURCE) == 5709
    wrong = [
        row["prefix"]
        for row in SOURCE
        if (
            row["price_per_minute"],
            row["connect_fee"] + "00",
            row["min_seconds"],
            row["step_seconds"],
            row["country"],
        )
        != tuple(
            DECK[row["prefix"]][c]
            for c in ("price_per_minute", "connect_fee", "first_s", "following_s", "country")
        )
    ]
    assert wrong == []


def test_every_row_has_a_known_class_and_a_destination():
    assert {row["class"] for row in DECK_ROWS} == CLASSES
    assert [row["prefix"] for row in DECK_ROWS if not row["destination"].strip()] == []


def test_prices_are_decimal_text_and_increments_whole_seconds():
    decimal = re.compile(r"\d{1,4}(\.\d{1,6})?")
    for row in DECK_ROWS:
        for column in MONEY:
            assert not row[column] or decimal.fullmatch(row[column]), (row["prefix"], column)
        assert row["price_per_minute"], row["prefix"]
        assert int(row["first_s"]) > 0, row["prefix"]
        assert int(row["following_s"]) > 0, row["prefix"]


def test_one_destination_has_one_class_and_one_price():
    found = {}
    for row in DECK_ROWS:
        found.setdefault(row["destination"], set()).add(tuple(row[c] for c in COLUMNS[2:]))
    assert [name for name, values in found.items() if len(values) > 1] == []
    assert deck_row("3225112233")["destination"] == "Belgique Fixe"


def test_make_contract_deck_gives_the_same_bytes(tmp_path):
    script = TARIFFS / "sources" / "make_contract_deck.py"
    subprocess.run([sys.executable, "-B", str(script), str(tmp_path / "deck.csv")], check=True)
    assert (tmp_path / "deck.csv").read_bytes() == (BOOK / "rate_deck.csv").read_bytes()


# ---------------------------------------------------------------- the deck and the numbering plan


def test_emergency_numbers_are_whole_numbers_of_price_0():
    assert sorted(r["national_prefix"] for r in PLAN if r["charge"] == "emergency") == sorted(EMERGENCY)
    assert {p for p, row in DECK.items() if row["class"] == "emergency"} == {f"FR:{n}" for n in EMERGENCY}
    for number in EMERGENCY:
        row = DECK[f"FR:{number}"]
        assert float(row["price_per_minute"]) == 0
        assert not any(float(row[column] or 0) for column in MONEY)


@pytest.mark.parametrize("row", CHARGED, ids=[row["national_prefix"] for row in CHARGED])
def test_range_of_the_plan_has_the_class_of_its_charge(row):
    number = row["national_prefix"]
    if number.startswith("0"):
        found = {deck_row(form)["class"] for form in forms(row)}
    else:
        found = {short_row(number)["class"]}
    assert found == {expected_class(row)}


def test_no_row_inside_a_french_range_has_another_class():
    """Literal longest prefix says nothing of longer rows: each must agree with the range it is in."""
    wrong = []
    for prefix, row in DECK.items():
        if prefix.startswith("33") and prefix not in ("33", "3363998"):  # the default; fiction, below
            plan = longest(NATIONAL, "0" + prefix[2:])
            if row["class"] != CLASS_OF_CHARGE.get(plan["charge"], "barred"):
                wrong.append(prefix)
    assert wrong == []


def test_rows_inside_an_overseas_range_have_its_class():
    ranges = {row["e164_prefix"]: row for row in CHARGED if row["country_code"] not in ("", "33")}
    inside = {prefix: longest(ranges, prefix) for prefix in DECK}
    wrong = [p for p, plan in inside.items() if plan and DECK[p]["class"] != expected_class(plan)]
    assert wrong == []


def test_both_forms_of_an_overseas_number_have_one_destination():
    """Every number of four digits after an overseas range: 590 590 27.. and 33 590 27.. rate alike."""
    overseas = [row for row in CHARGED if row["charge"].startswith("overseas") and row["e164_prefix"]]
    for plan in overseas:
        for tail in (f"{n:04}" for n in range(10_000)):
            number = plan["national_prefix"] + tail
            if longest(NATIONAL, number) is not plan:
                continue
            right = deck_row(plan["e164_prefix"] + tail)
            assert deck_row("33" + number[1:])["destination"] == right["destination"], number


@pytest.mark.parametrize(
    ("number", "cls"),
    [
        ("338", "barred"),
        ("33836123456", "barred"),
        ("33840123456", "barred"),
        ("33850123456", "barred"),
        ("33860123456", "barred"),
        ("33868123456", "barred"),
        ("33870123456", "barred"),
        ("33199000110", "fr_fixed"),
        ("33261910123", "fr_fixed"),
        ("33639980123", "fr_mobile"),  # fiction is metropolitan, 0639 around it is Mayotte
        ("33639990123", "fr_overseas_mobile"),
        ("262639123456", "fr_overseas_mobile"),
        ("508708551234", "fr_overseas_mobile"),
        ("262800123456", "fr_overseas_special"),
        ("590890123456", "fr_overseas_special"),
        ("590806123456", "fr_overseas_fixed"),
        ("687123456", "international"),
        ("68940123456", "international"),
        ("681723456", "international"),
        ("12025550123", "international"),
        ("881612345678", "satellite"),
    ],
)
def test_number_has_class(number, cls):
    assert deck_row(number)["class"] == cls


@pytest.mark.parametrize(
    ("number", "cls", "per_minute"),
    [
        ("116006", "fr_free", "0.0000"),
        ("3010", "fr_free", "0.0000"),
        ("3179", "fr_free", "0.0000"),
        ("3919", "fr_free", "0.0000"),
        ("3631", "fr_shared", "0.0100"),
        ("3639", "fr_short", "0.1350"),
        ("3640", "fr_short", "0.6767"),
        ("118000", "fr_short", "0.6767"),
        ("118712", "fr_short", "0.0100"),
        ("1014", "fr_short", "0.6767"),
    ],
)
def test_short_number_has_class_and_price(number, cls, per_minute):
    row = short_row(number)
    assert (row["class"], row["price_per_minute"]) == (cls, per_minute)
    assert (row["first_s"], row["following_s"]) == ("1", "1")


@pytest.mark.parametrize("number", ["888", "123", "660", "666", "1647", "110"])
def test_operator_internal_and_unknown_short_numbers_have_no_row(number):
    assert short_row(number) is None


@pytest.mark.parametrize(("prefix", "price"), [("3381", "0.0600"), ("3382", "0.1767"), ("3389", "0.6767")])
def test_premium_is_c_and_the_ceiling_of_s_by_the_second(prefix, price):
    row = DECK[prefix]
    assert (row["price_per_minute"], row["first_s"], row["following_s"]) == (price, "1", "1")


# ---------------------------------------------------------------- book, plans, words


def load(path):
    return yaml.load(path.read_text(encoding="utf-8"), yaml.BaseLoader)


def test_book_has_the_keys_of_the_format():
    book = load(BOOK / "book.yaml")
    assert list(book) == [
        "name",
        "currency",
        "timezone",
        "country",
        "amount_decimals",
        "prices",
        "deck_increments",
        "source",
        "verified_on",
    ]
    assert book["name"] == BOOK.name
    assert set(book["deck_increments"]) == {"fr_premium", "fr_short"}


def test_plans_are_three_and_name_classes_of_the_deck():
    plans = {path.stem: load(path) for path in (BOOK / "plans").iterdir()}
    included = {name: plan["includes"]["classes"] for name, plan in plans.items()}
    assert included == {
        "metered": [],
        "unlimited-fixed": ["fr_fixed", "fr_shared"],
        "unlimited-fixed-mobile": ["fr_fixed", "fr_mobile", "fr_shared"],
    }
    for name, plan in plans.items():
        assert plan["plan"] == name
        assert set(plan) == {
            "plan",
            "description",
            "source",
            "includes",
            "increments",
            "limit_channels",
            "occupancy_from",
            "on_over_cap",
            "recurring",
            "fair_use",
        }
        assert "art. 7.2" in plan["source"]
        assert plan["includes"]["order_form"] == str(name == "unlimited-fixed-mobile").lower()
        limits = [(limit["reason"], limit["per"], limit["limit"]) for limit in plan["fair_use"]]
        expected = [
            ("forwarding", "user", "2 h"),
            ("fair_use_numbers", "channel", "300"),
            ("fair_use_hours", "channel", "40 h"),
        ]
        assert limits == ([] if name == "metered" else expected)


def test_readme_counts_are_true():
    readme = (TARIFFS / "README.md").read_text(encoding="utf-8")
    told = {cls: int(rows) for cls, rows in re.findall(r"^\| `(\w+)` \| (\d+) \|", readme, re.MULTILINE)}
    assert told == Counter(row["class"] for row in DECK_ROWS)
    short = sum(prefix.startswith("FR:") for prefix in DECK)
    more = len(DECK) - len(SOURCE)
    assert f"{len(DECK):,} rows: {len(SOURCE):,} prefixes" in readme
    assert f"{more} more ({short} short numbers, {more - short - 1} overseas" in readme
