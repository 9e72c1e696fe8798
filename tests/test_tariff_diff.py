"""`trunkrate tariff diff`: what differs between two books, when, and by how many per cent."""

# ruff: noqa: E501 -- messages stand as a user reads them

import json
from datetime import date, timedelta
from fractions import Fraction
from itertools import pairwise
from pathlib import Path

import pytest
from click.testing import CliRunner
from hypothesis import given
from hypothesis import strategies as st

from rating.cli import main
from rating.tariffs.book import load_book
from rating.tariffs.diff import diff_books, percent
from rating.tariffs.diff_prices import MONEY
from rating.tariffs.diff_text import lines

COLUMNS = "prefix,destination,class,country,price_per_minute,connect_fee,price_per_call,first_s,following_s,min_charge,max_charge,valid_from,valid_to,window,from_second"
FIXED = "331,France Fixe,fr_fixed,FR,0.0200,,,60,60,,,,,,"
MOBILE = "336,France Mobile,fr_mobile,FR,0.0400,,,60,60,,,,,,"
BOOK = "name: small\ncurrency: EUR\nverified_on: 2026-11-01\n"
PLAN = """\
plan: fixed
includes: {classes: [fr_fixed], destinations: [], order_form: false}
increments: 60/60
limit_channels: max
fair_use:
  - {reason: fair_use_numbers, measure: distinct_numbers, per: channel, limit: 300, scope: outbound}
  - {reason: fair_use_hours, measure: time, per: channel, limit: 40 h}
"""
WINDOWS = 'windows:\n  peak: [{days: [mon, tue], from: "08:00", to: "19:00"}]\n'


@pytest.fixture(autouse=True)
def here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return tmp_path


def write(name, *rows, book=BOOK, plan=PLAN, windows=None, plan_file="fixed"):
    folder = Path(name)
    (folder / "plans").mkdir(parents=True, exist_ok=True)
    (folder / "book.yaml").write_text(book)
    (folder / "plans" / f"{plan_file}.yaml").write_text(plan)
    (folder / "rate_deck.csv").write_text("\n".join([COLUMNS, *(rows or (FIXED, MOBILE))]) + "\n")
    if windows:
        (folder / "windows.yaml").write_text(windows)


def run(*options):
    result = CliRunner().invoke(main, ["tariff", "diff", "old", "new", *options])
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        raise result.exception
    return result.exit_code, result.stdout.splitlines(), result.stderr.splitlines()


def differs():
    """Lines of a comparison, without the closing one."""
    code, found, stderr = run()
    count = len(found) - 1
    assert stderr == []
    assert code == (1 if count else 0)
    counted = "no difference" if not count else "1 difference" if count == 1 else f"{count} differences"
    assert found[-1] == f"old -> new: {counted}"
    return found[:-1]


def price(row, per_minute):
    cells = row.split(",")
    cells[4] = per_minute
    return ",".join(cells)


def valid(row, valid_from="", valid_to=""):
    cells = row.split(",")
    cells[11:13] = [valid_from, valid_to]
    return ",".join(cells)


def with_prefix(row, prefix):
    return ",".join([prefix, *row.split(",")[1:]])


def with_window(row, window, from_second="0"):
    return ",".join([*row.split(",")[:13], window, from_second])


def test_equal_books():
    write("old")
    write("new", MOBILE, FIXED)
    assert run() == (0, ["old -> new: no difference"], [])


def test_books_that_say_the_same_in_other_rows_are_equal():
    write("old")
    write("new", FIXED, valid(MOBILE, "", "2026-07-01"), valid(MOBILE, "2026-07-01"))
    assert differs() == []


def test_price_up_and_down():
    write("old")
    write("new", price(FIXED, "0.0300"), price(MOBILE, "0.0380"))
    assert differs() == [
        "France Fixe: 0.0200 -> 0.0300 (+50.00 %) at all times, prefix 331",
        "France Mobile: 0.0400 -> 0.0380 (-5.00 %) at all times, prefix 336",
    ]


def test_price_from_and_to_nothing():
    write("old", price(FIXED, "0"), price(MOBILE, "0.000001"))
    write("new", price(FIXED, "0.01"), price(MOBILE, "0"))
    assert differs() == [
        "France Fixe: 0.0000 -> 0.0100 at all times, prefix 331",
        "France Mobile: 0.000001 -> 0.0000 (-100.00 %) at all times, prefix 336",
    ]


@pytest.mark.parametrize(
    ("old", "new", "hundredths"),
    [
        (40_000, 38_000, -500),
        (80_000, 80_004, 1),  # 0.005 % is a tie: away from zero
        (80_000, 79_996, -1),
        (80_000, 80_003, 0),
        (3, 4, 3333),
        (3, 2, -3333),
        (3, 5, 6667),
        (1, 9_999_999_999, 99_999_999_980_000),
        (0, 5, None),
    ],
)
def test_percent_is_exact_and_rounds_half_away_from_zero(old, new, hundredths):
    assert percent(old, new) == hundredths


def test_validity_that_starts_within_the_year():
    write("old", FIXED, *(with_prefix(MOBILE, f"336{i}") for i in range(8)))
    rows = [with_prefix(MOBILE, f"336{i}") for i in range(8)]
    later = [valid(price(row, "0.0380"), "2026-11-01") for row in rows]
    write("new", FIXED, *(valid(row, "", "2026-11-01") for row in rows), *later)
    assert differs() == [
        "France Mobile: 0.0400 -> 0.0380 (-5.00 %) from 2026-11-01, 8 prefixes: 3360, 3361, 3362, 3363, 3364, …"
    ]
    assert run("--all")[1][0].endswith("8 prefixes: 3360, 3361, 3362, 3363, 3364, 3365, 3366, 3367")


def test_neighbours_with_one_difference_are_one():
    """The new book repeats its row in spring, the old one in autumn: still one difference from January on."""
    write("old", FIXED, valid(MOBILE, "", "2026-09-01"), valid(MOBILE, "2026-09-01"))
    dear = price(MOBILE, "0.0500")
    write(
        "new",
        FIXED,
        valid(MOBILE, "", "2026-01-01"),
        valid(dear, "2026-01-01", "2026-04-01"),
        valid(dear, "2026-04-01", "2026-12-01"),
        valid(MOBILE, "2026-12-01"),
    )
    assert differs() == [
        "France Mobile: 0.0400 -> 0.0500 (+25.00 %) from 2026-01-01 and before 2026-12-01, prefix 336"
    ]


def test_a_row_that_ends_earlier():
    write("old", FIXED, MOBILE)
    write("new", FIXED, valid(MOBILE, "2026-01-01", "2026-12-01"))
    assert differs() == [
        "France Mobile: prefix removed, was 0.0400, increments 60/60, class fr_mobile before 2026-01-01, prefix 336",
        "France Mobile: prefix removed, was 0.0400, increments 60/60, class fr_mobile from 2026-12-01, prefix 336",
    ]


def test_prefixes_and_destinations_that_come_and_go():
    write("old", FIXED, with_prefix(FIXED, "332"), MOBILE)
    belgium = "32,Belgique,international,BE,0.1000,0.0500,0.2000,30,6,0.0100,2.0000,2027-01-01,,,"
    write("new", FIXED, with_prefix(FIXED, "333"), with_prefix(FIXED, "334"), belgium)
    assert differs() == [
        "Belgique: new destination, at 0.1000, connect_fee 0.0500, price_per_call 0.2000, min_charge 0.0100, max_charge 2.0000, increments 30/6, class international from 2027-01-01, prefix 32",
        "France Fixe: prefix removed, was 0.0200, increments 60/60, class fr_fixed at all times, prefix 332",
        "France Fixe: new prefix, at 0.0200, increments 60/60, class fr_fixed at all times, 2 prefixes: 333, 334",
        "France Mobile: destination removed, was 0.0400, increments 60/60, class fr_mobile at all times, prefix 336",
    ]


def test_all_terms_of_a_price():
    write("old", FIXED, "336,France Mobile,fr_mobile,FR,0.0400,0.0100,,60,60,0.0500,,,,,")
    write("new", FIXED, "336,France Mobile,fr_mobile,FR,0.0400,0.0200,0.3000,30,6,0.0400,2.0000,,,,")
    assert differs() == [
        "France Mobile: connect_fee 0.0100 -> 0.0200 (+100.00 %), price_per_call 0.0000 -> 0.3000, min_charge 0.0500 -> 0.0400 (-20.00 %), max_charge none -> 2.0000, increments 60/60 -> 30/6 at all times, prefix 336"
    ]


def test_prefix_that_moves_to_another_destination_or_class():
    write("old", FIXED, with_prefix(FIXED, "332"), MOBILE, with_prefix(MOBILE, "337"))
    write(
        "new",
        FIXED,
        with_prefix(FIXED, "332").replace("fr_fixed", "fr_shared"),
        MOBILE,
        "337,France Fixe,fr_fixed,FR,0.0200,,,60,60,,,,,,",
    )
    assert differs() == [
        "France Fixe: class fr_fixed -> fr_shared at all times, prefix 332",
        "France Mobile -> France Fixe: moved, class fr_mobile -> fr_fixed, 0.0400 -> 0.0200 (-50.00 %) at all times, prefix 337",
    ]


def test_window_and_step_rows():
    peak = with_window(price(MOBILE, "0.0900"), "peak")
    step = with_window(price(MOBILE, "0.0100"), "", "180")
    write("old", FIXED, MOBILE, peak, windows=WINDOWS)
    write("new", FIXED, MOBILE, price(peak, "0.0990"), step, windows=WINDOWS.replace("tue", "wed"))
    assert differs() == [
        "window peak: mon, tue 08:00 to 19:00 -> mon, wed 08:00 to 19:00",
        "France Mobile, from_second 180: new prefix, at 0.0100, increments 60/60, class fr_mobile at all times, prefix 336",
        "France Mobile, window peak: 0.0900 -> 0.0990 (+10.00 %) at all times, prefix 336",
    ]


def test_windows_in_another_order_are_equal():
    """Rows name windows; their place in the file means nothing."""
    night = '  night: [{days: [sun], from: "22:00", to: "06:00"}]\n'
    rows = [FIXED, MOBILE, with_window(MOBILE, "peak"), with_window(price(MOBILE, "0.01"), "night")]
    write("old", *rows, windows=WINDOWS + night)
    write("new", *rows, windows="windows:\n" + night + WINDOWS.removeprefix("windows:\n"))
    assert differs() == []


def test_windows_and_holidays():
    write("old", windows="holidays: FR\n" + WINDOWS)
    write("new", windows="holidays: [2026-05-01]\n" + WINDOWS.replace("peak", "day"))
    assert differs() == [
        "window day: added, mon, tue 08:00 to 19:00",
        "window peak: removed, mon, tue 08:00 to 19:00",
        "windows: holidays removed: FR",
        "windows: holidays added: 2026-05-01",
    ]


def test_book_fields():
    write("old")
    text = "name: large\ncurrency: CHF\ntimezone: Europe/Zurich\namount_decimals: 2\nprices: including_tax\n"
    write(
        "new",
        book=text
        + "deck_increments: [fr_fixed, fr_short]\nbarred_classes: [satellite]\nsource: terms 2027\n",
    )
    assert differs() == [
        "book: name small -> large",
        "book: currency EUR -> CHF",
        "book: timezone Europe/Paris -> Europe/Zurich",
        "book: amount_decimals 4 -> 2",
        "book: prices excluding_tax -> including_tax",
        "book: source empty -> terms 2027",
        "book: verified_on 2026-11-01 -> empty",
        "book: deck_increments removed: fr_premium",
        "book: deck_increments added: fr_fixed",
        "book: barred_classes removed: barred",
        "book: barred_classes added: satellite",
    ]


def test_plans():
    write("old")
    plan = """\
plan: fixed
includes: {classes: [fr_mobile], destinations: [France Fixe], order_form: true}
increments: deck
limit_channels: average
fair_use:
  - {reason: fair_use_hours, measure: time, per: channel, limit: 90 min, on_breach: retroactive, suspend_plan: true}
  - {reason: fair_use_numbers, measure: distinct_numbers, per: channel, limit: 250, scope: eligible}
  - {reason: forwarding, measure: forwarded_time, per: user, limit: 2 h}
"""
    write("new", plan=plan)
    assert differs() == [
        "plan fixed: includes.classes removed: fr_fixed",
        "plan fixed: includes.classes added: fr_mobile",
        "plan fixed: includes.destinations added: France Fixe",
        "plan fixed: includes.order_form false -> true",
        "plan fixed: increments 60/60 -> deck",
        "plan fixed: limit_channels max -> average",
        "plan fixed: limit fair_use_numbers (distinct_numbers per channel): limit 300 numbers -> 250 numbers",
        "plan fixed: limit fair_use_numbers (distinct_numbers per channel): scope outbound -> eligible",
        "plan fixed: limit fair_use_hours (time per channel): limit 40 h -> 90 min",
        "plan fixed: limit fair_use_hours (time per channel): on_breach excess -> retroactive",
        "plan fixed: limit fair_use_hours (time per channel): suspend_plan false -> true",
        "plan fixed: limit forwarding (forwarded_time per user) added: 2 h",
        "plan fixed: order of limits fair_use_numbers (distinct_numbers per channel), fair_use_hours (time per channel) -> fair_use_hours (time per channel), fair_use_numbers (distinct_numbers per channel)",
    ]


def test_plans_that_come_and_go():
    write("old")
    write("new", plan="plan: gold\ndescription: All in\n")
    assert differs() == ["plan fixed: removed, fixed", "plan gold: added, All in"]


def test_json():
    write("old")
    write("new", price(FIXED, "0.0300"), valid(MOBILE, "", "2026-11-01"), book=BOOK.replace("small", "large"))
    code, found, _ = run("--json")
    assert code == 1
    terms = {
        "destination": "France Fixe",
        "class": "fr_fixed",
        "price_per_minute": "0.0200",
        "connect_fee": "0.0000",
        "price_per_call": "0.0000",
        "first_s": 60,
        "following_s": 60,
        "min_charge": "0.0000",
        "max_charge": None,
    }
    mobile = {
        **terms,
        "destination": "France Mobile",
        "class": "fr_mobile",
        "price_per_minute": "0.0400",
    }
    assert json.loads("\n".join(found)) == {
        "old": "old",
        "new": "new",
        "settings": [{"subject": "book", "field": "name", "old": "small", "new": "large"}],
        "prices": [
            {
                "kind": "changed",
                "destination": "France Fixe",
                "window": None,
                "from_second": 0,
                "valid_from": None,
                "valid_to": None,
                "old": terms,
                "new": {**terms, "price_per_minute": "0.0300"},
                "percent": {"price_per_minute": "+50.00"},
                "prefixes": ["331"],
            },
            {
                "kind": "removed",
                "destination": "France Mobile",
                "window": None,
                "from_second": 0,
                "valid_from": "2026-11-01",
                "valid_to": None,
                "old": mobile,
                "new": None,
                "percent": {},
                "prefixes": ["336"],
            },
        ],
    }


def test_errors_of_both_books_are_said():
    write("old", FIXED.replace("0.0200", "x"))
    code, found, said = run()
    assert (code, found) == (2, [])
    assert said == [
        "old/rate_deck.csv:2: price_per_minute 'x' is no price; expected a decimal >= 0 and < 10000 with at most 6 decimals, as 0.0200. Nothing was compared. [TARIFF-DECIMAL]",
        "new: is not there; expected a folder with book.yaml, or a shipped book: contract, knet. Nothing was compared. [TARIFF-BOOK]",
    ]


# --- properties


DAYS = ["", "2026-01-01", "2026-03-01", "2026-06-01", "2026-09-01", ""]
PREFIXES = ("331", "3312", "336", "44", "FR:15")


@st.composite
def decks(draw):
    """Rows of a small deck with validity, windows and steps."""
    rows = []
    for prefix in PREFIXES:
        cuts = sorted(draw(st.sets(st.integers(0, 5), min_size=2, max_size=4)))
        stretches = list(pairwise(cuts))
        for start, end in stretches[: draw(st.integers(0, len(stretches)))]:
            destination = draw(
                st.sampled_from(("France Fixe,fr_fixed", "Autre,international", "Autre,fr_fixed"))
            )
            kinds = {(",0"), *draw(st.sets(st.sampled_from(("peak,0", ",60", "peak,60")), max_size=2))}
            for kind in sorted(kinds):
                money = draw(st.sampled_from(("0,0,0", "0.01,0,0", "0.0133,0.05,0", "0.02,0,0.1")))
                more = draw(st.sampled_from(("60,60,0,", "1,1,0,", "30,6,0.01,2")))
                rows.append(f"{prefix},{destination},FR,{money},{more},{DAYS[start]},{DAYS[end]},{kind}")
    return rows or [FIXED]


def books(tmp_path_factory, *all_rows):
    found = []
    for rows in all_rows:
        folder = tmp_path_factory.mktemp("book")
        write(str(folder), *rows, plan="plan: metered\n", windows=WINDOWS)
        found.append(load_book(folder))
    return found


def in_force(rows, day):
    """The row of each key on a day, straight from the deck's text."""
    found = {}
    for row in rows:
        cells = row.split(",")
        if (cells[11] or "0000") <= day < (cells[12] or "9999"):
            found[cells[0], cells[13], cells[14] or "0"] = (
                row.split(",", 4)[1:3] + [cells[at] or "0" for at in (4, 5, 6, 7, 8, 9)] + [cells[10]]
            )
    return found


@given(decks(), decks())
def test_diff_is_what_is_in_force_day_by_day(tmp_path_factory, one, other):
    """On any day a key is in the diff exactly where the two decks differ; the other way round it is mirrored."""
    old, new = books(tmp_path_factory, one, other)
    diff = diff_books(old, new)
    assert diff_books(old, old).is_empty
    assert diff.settings == ()
    epoch = date(1970, 1, 1)
    for text in ("2025-12-31", *(day for day in DAYS if day), "2026-02-15", "2026-12-31"):
        day = (date.fromisoformat(text) - epoch) // timedelta(1)
        said = [
            (prefix, change.window, str(change.from_second))
            for change in diff.prices
            if change.valid_from <= day < change.valid_to
            for prefix in change.prefixes
        ]
        before, after = in_force(one, text), in_force(other, text)
        assert sorted(said) == sorted(
            key for key in {*before, *after} if before.get(key) != after.get(key)
        ), text
    mirrored = diff_books(new, old)

    def content(change, old, new):
        return (
            change.window,
            change.from_second,
            change.valid_from,
            change.valid_to,
            old,
            new,
            change.prefixes,
        )

    assert {content(change, change.old, change.new) for change in diff.prices} == {
        content(change, change.new, change.old) for change in mirrored.prices
    }
    for change in diff.prices:
        for name in MONEY if change.old and change.new else ():
            before, after = getattr(change.old, name), getattr(change.new, name)
            if before > 0 and after > 0:
                there, back = 10_000 + percent(before, after), 10_000 + percent(after, before)
                rounding = 5_000 * (Fraction(before, after) + Fraction(after, before)) + 1
                assert abs(there * back - 10**8) <= rounding
    assert len(lines(diff, "old", "new")) == len(diff.prices) + 1
