"""`trunkrate tariff check` and `trunkrate accounts check`: what is wrong, and what is legal but suspicious."""

# ruff: noqa: E501 -- messages stand as a user reads them

import json
import random
from datetime import date
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from click.testing import CliRunner
from hypothesis import given
from hypothesis import strategies as st

from rating.checks import check_tariff
from rating.checks.warnings_deck import shadowed, suspects
from rating.cli import main
from rating.numbering import key_texts, load_plan, read_numbers
from rating.numbering.reach import NOWHERE, Reach
from rating.tariffs.book import load_book

ROOT = Path(__file__).resolve().parent.parent
COLUMNS = "prefix,destination,class,country,price_per_minute,first_s,following_s,valid_from,valid_to,window,from_second"
FIXED = "331,France Fixe,fr_fixed,FR,0.0200,60,60,,,,"
MOBILE = "336,France Mobile,fr_mobile,FR,0.0600,60,60,,,,"
BOOK = "name: small\ncurrency: EUR\nverified_on: 2026-11-01\n"
PLAN = "plan: fixed\nincludes:\n  classes: [fr_fixed]\n"
WINDOWS = """\
windows:
  peak: [{days: [mon], from: "08:00", to: "19:00"}]
  night:
    - {days: [mon], from: "22:00", to: "06:00"}
"""
NEVER = "expected a prefix that some number has when it is read. Only a warning. [TARIFF-WARN-NEVER]"
SHADOWED = (
    "can never match: longer prefixes take all its numbers; expected a prefix with numbers of its own. "
    "Only a warning. [TARIFF-WARN-SHADOWED]"
)
GAP = "expected valid_to of one row to be valid_from of the next. Only a warning. [TARIFF-WARN-GAP]"
PARTIAL = (
    "expected a price for the window on all prefixes of a destination or on none. "
    "Only a warning. [TARIFF-WARN-WINDOW]"
)
MIXED = "expected one class for all prefixes of a destination. Only a warning. [TARIFF-WARN-MIXED]"


@pytest.fixture
def here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return tmp_path


def write_book(rows=(FIXED, MOBILE), book=BOOK, plan=PLAN, windows=None, name="book"):
    """A small book in the working directory."""
    folder = Path(name)
    (folder / "plans").mkdir(parents=True, exist_ok=True)
    (folder / "book.yaml").write_text(book)
    (folder / "plans" / "fixed.yaml").write_text(plan)
    (folder / "rate_deck.csv").write_text("\n".join([COLUMNS, *rows]) + "\n")
    if windows:
        (folder / "windows.yaml").write_text(windows)


def run(*arguments):
    """Exit code and lines of a command."""
    result = CliRunner().invoke(main, list(arguments))
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        raise result.exception
    assert result.stderr == ""
    return result.exit_code, result.stdout.splitlines()


def check_book(*options, name="book"):
    return run("tariff", "check", name, "--today", "2026-11-23", *options)


def warned(*rows, **more):
    """Warnings of a small book with these rows, without the closing line."""
    write_book(rows, **more)
    code, lines = check_book("--all")
    count = len(lines) - 1
    assert lines[-1] == f"book: 0 errors, {count} warning{'s' * (count != 1)}"
    assert code == (1 if count else 0)
    return lines[:-1]


# --- tariff books


def test_clean_book_is_clean(here):
    write_book()
    assert check_book() == (0, ["book: 0 errors, 0 warnings"])


def test_all_errors_come_in_one_pass(here):
    write_book(
        ["331,France Fixe,fr_fixed,FR,0.02x,60,60,,,,", "0336,France Mobile,fr_mobile,FR,0.0600,0,60,,,,"],
        book="name: small\ncurrency: EUR\namount_decimals: 7\n",
        plan="plan: fixed\nincrements: 60/0\n",
    )
    assert check_book() == (
        2,
        [
            "book/book.yaml:3: amount_decimals '7' is out of range; expected a whole number from 0 to 6. Nothing was rated. [TARIFF-BOOK]",
            "book/plans/fixed.yaml:2: increments '60/0' has a zero; expected two whole seconds > 0, as 60/60, or deck. Nothing was rated. [TARIFF-INCREMENTS]",
            "book/rate_deck.csv:2: price_per_minute '0.02x' is no price; expected a decimal >= 0 and < 10000 with at most 6 decimals, as 0.0200. Nothing was rated. [TARIFF-DECIMAL]",
            "book/rate_deck.csv:3: first_s '0' is no length of time; expected whole seconds >= 1, below 1000000. Nothing was rated. [TARIFF-INCREMENTS]",
            "book/rate_deck.csv:3: prefix '0336' is no prefix; expected digits without +, or FR: and a short number, as 331, FR:15 or FR:118*. Nothing was rated. [TARIFF-PREFIX]",
            "book: 5 errors; warnings come when there is none",
        ],
    )


def test_unknown_book_names_the_shipped_ones(here):
    code, lines = check_book(name="nowhere")
    assert code == 2
    assert lines == [
        "nowhere: is not there; expected a folder with book.yaml, or a shipped book: contract, knet. Nothing was rated. [TARIFF-BOOK]",
        "nowhere: 1 error; warnings come when there is none",
    ]


def test_a_day_that_is_no_day_is_bad_usage(here):
    result = CliRunner().invoke(main, ["tariff", "check", "contract", "--today", "soon"])
    assert result.exit_code == 2
    assert "'soon' does not match the format '%Y-%m-%d'" in result.stderr


def test_prefixes_that_no_number_is_read_as(here):
    assert warned(FIXED, MOBILE, "33590,Guadeloupe,fr_overseas_fixed,GP,0.05,,,,,,") == [
        f"book/rate_deck.csv:4: prefix '33590' can never match: 0590… is read as +590590…; {NEVER}"
    ]
    assert warned(FIXED, "3310,Odd,fr_fixed,FR,0.05,,,,,,", "330,Odd,fr_fixed,FR,0.05,,,,,,") == [
        f"book/rate_deck.csv:4: prefix '330' can never match: no number is read so; {NEVER}"
    ]
    assert warned(FIXED, "331990001101,Too long,fr_fixed,FR,0.05,,,,,,") == [
        f"book/rate_deck.csv:3: prefix '331990001101' can never match: no number is read so; {NEVER}"
    ]
    assert warned(FIXED, "FR:3,Short,fr_short,FR,0.05,,,,,,", "FR:3*,Short,fr_short,FR,0.05,,,,,,") == [
        f"book/rate_deck.csv:3: prefix 'FR:3' can never match: no number is read so; {NEVER}"
    ]


def tens(parent, valid_from="", valid_to=""):
    return [f"{parent}{digit},Tens,international,XX,0.1,,,{valid_from},{valid_to},," for digit in range(10)]


def test_prefix_that_longer_ones_cover(here):
    parent = "44,Parent,international,GB,0.05,,,,,,"
    assert warned(FIXED, parent, *tens("44")) == [f"book/rate_deck.csv:3: prefix '44' {SHADOWED}"]
    assert warned(FIXED, parent, *tens("44")[1:]) == []
    assert warned(FIXED, parent, *tens("44", "2026-01-01")) == [], "before 2026 the parent matched"
    assert warned(FIXED, parent, *tens("44", "", "2026-01-01"), *tens("44", "2026-01-01")) == [
        f"book/rate_deck.csv:3: prefix '44' {SHADOWED}"
    ]
    late = "44,Parent,international,GB,0.05,,,2026-03-01,2026-04-01,,"
    assert warned(FIXED, late, *tens("44", "2026-01-01")) == [f"book/rate_deck.csv:3: prefix '44' {SHADOWED}"]
    in_turns = [*tens("44", "", "2026-03-15")[:5], *tens("44", "2026-03-15")[5:]]
    assert warned(FIXED, late, *in_turns) == []


def test_prefix_that_is_a_number_itself_is_not_covered_by_longer_ones(here):
    whole = "441234567890,One number,international,GB,0.05,,,,,,"
    assert warned(FIXED, whole, *tens("441234567890")) == []


def test_gaps_in_validity(here):
    rows = [
        FIXED,
        "336,France Mobile,fr_mobile,FR,0.06,,,,2026-10-01,,",
        "336,France Mobile,fr_mobile,FR,0.05,,,2026-10-15,2026-12-01,,",
        "336,France Mobile,fr_mobile,FR,0.04,,,2026-12-01,,,",
    ]
    assert warned(*rows) == [
        f"book/rate_deck.csv:4: prefix '336' has no price from 2026-10-01 to 2026-10-15; {GAP}"
    ]
    base = "336,France Mobile,fr_mobile,FR,0.06,,,,,,"
    summer = "336,France Mobile,fr_mobile,FR,0.05,,,{},{},peak,{}"
    both = WINDOWS.split("  night")[0]
    assert warned(
        FIXED,
        base,
        summer.format("2026-01-01", "2026-06-01", 0),
        summer.format("2026-07-01", "", 0),
        windows=both,
    ) == [
        f"book/rate_deck.csv:5: prefix '336' has no price for window peak from 2026-06-01 to 2026-07-01; {GAP}"
    ]


def test_destination_with_a_window_on_some_prefixes(here):
    peak = WINDOWS.split("  night")[0]
    mobile = [f"{prefix},Mobile,fr_mobile,FR,0.06,,,,,," for prefix in ("336", "337", "3360", "3361", "3362")]
    priced = "336,Mobile,fr_mobile,FR,0.09,,,,,peak,"
    assert warned(FIXED, *mobile, priced, windows=peak) == [
        f"book/rate_deck.csv:4: destination 'Mobile' has no price for window peak on 4 of its 5 prefixes: 337, 3360, 3361, …; {PARTIAL}"
    ]
    since = "337,Mobile,fr_mobile,FR,0.09,,,2026-03-01,,peak,"
    assert warned(FIXED, *mobile[:2], priced, since, windows=peak) == [
        f"book/rate_deck.csv:4: destination 'Mobile' has no price for window peak on 1 of its 2 prefixes: 337; {PARTIAL}"
    ]
    both_since = priced.replace(",,peak", "2026-03-01,,peak").replace("0.09,,,2", "0.09,,,2")
    step = "336,Mobile,fr_mobile,FR,0.03,,,2026-05-01,,peak,60"
    assert warned(FIXED, *mobile[:2], both_since, since, step, windows=peak) == [
        f"book/rate_deck.csv:4: destination 'Mobile' has no price for window peak, from_second 60 on 1 of its 2 prefixes from 2026-05-01: 337; {PARTIAL}"
    ]
    assert warned(FIXED, *mobile[:2], both_since, since, windows=peak) == []


def test_class_of_a_plan_without_prefix(here):
    plan = "plan: fixed\nincludes:\n  classes:\n    - fr_fixed\n    - fr_shared\n"
    assert warned(FIXED, plan=plan) == [
        "book/plans/fixed.yaml:5: classes 'fr_shared' has no prefix in the rate deck; expected a class that some row has. Only a warning. [TARIFF-WARN-CLASS]"
    ]


def test_window_that_no_row_uses(here):
    assert warned(FIXED, "331,France Fixe,fr_fixed,FR,0.03,,,,,peak,", windows=WINDOWS) == [
        "book/windows.yaml:3: window 'night' is used by no row; expected a row of rate_deck.csv that names it. Only a warning. [TARIFF-WARN-UNUSED]"
    ]


def test_destination_of_several_classes(here):
    assert warned(FIXED, "332,France Fixe,fr_mobile,FR,0.02,,,,,,") == [
        f"book/rate_deck.csv:3: destination 'France Fixe' has class fr_mobile here and fr_fixed in line 2; {MIXED}"
    ]
    until, since = (FIXED.replace(",,,,", f",{days},,") for days in (",2026-05-01", "2026-05-01,"))
    assert warned(until, since.replace("fr_fixed", "fr_shared")) == [], "one class after the other"


@pytest.mark.parametrize(
    ("verified", "said"),
    [
        ("", "book/book.yaml:1: verified_on is missing"),
        ("verified_on: yes\n", "book/book.yaml:3: verified_on 'yes' is no date"),
        ("verified_on: 2025-11-22\n", "book/book.yaml:3: verified_on '2025-11-22' is more than a year ago"),
        ("verified_on: 2025-11-23\n", None),
    ],
)
def test_book_not_verified_for_a_year(here, verified, said):
    expected = (
        "; expected the day on which prefixes and prices were last verified, within a year. "
        "Only a warning. [TARIFF-WARN-VERIFIED]"
    )
    found = warned(FIXED, book="name: small\ncurrency: EUR\n" + verified)
    assert found == ([said + expected] if said else [])


def test_contract_book_has_no_error_and_prefixes_that_never_match():
    found = check_tariff("contract", date(2026, 11, 23))
    codes = [warning.code for warning in found.warnings]
    assert found.errors == ()
    assert {code: codes.count(code) for code in codes} == {
        "TARIFF-WARN-NEVER": 96,
        "TARIFF-WARN-SHADOWED": 157,
    }
    alias = [warning for warning in found.warnings if warning.code == "TARIFF-WARN-NEVER"]
    assert all(warning.value.startswith("33") and " is read as +" in warning.problem for warning in alias)
    code, lines = run("tariff", "check", "contract", "--today", "2026-11-23")
    assert code == 1
    assert lines[-1] == "contract: 0 errors, 253 warnings"
    assert "and 91 more of TARIFF-WARN-NEVER (--all shows them)" in lines
    assert "and 152 more of TARIFF-WARN-SHADOWED (--all shows them)" in lines
    assert len(lines) == 2 * (5 + 1) + 1


def test_all_and_json_leave_nothing_out(here):
    odd = [f"3359{digit},Odd,fr_overseas_fixed,GP,0.05,,,,,," for digit in (0, 4, 6)]
    odd += [f"3369{digit},Odd,fr_overseas_fixed,GP,0.05,,,,,," for digit in (0, 1, 2, 3)]
    write_book([FIXED, *odd])
    code, lines = check_book()
    assert (code, len(lines)) == (1, 7)
    assert lines[-2:] == [
        "and 2 more of TARIFF-WARN-NEVER (--all shows them)",
        "book: 0 errors, 7 warnings",
    ]
    code, lines = check_book("--all")
    assert (code, len(lines)) == (1, 8)
    code, lines = check_book("--json")
    record = json.loads("\n".join(lines))
    assert (code, list(record), len(record["warnings"])) == (1, ["errors", "warnings"], 7)
    assert record["errors"] == []
    assert record["warnings"][0] == {
        "file": "book/rate_deck.csv",
        "line": 3,
        "field": "prefix",
        "value": "33590",
        "problem": "can never match: 0590… is read as +590590…",
        "expected": "a prefix that some number has when it is read",
        "code": "TARIFF-WARN-NEVER",
    }
    code, lines = check_book("--json", name="nowhere")
    record = json.loads("\n".join(lines))
    assert (code, record["warnings"]) == (2, [])
    assert record["errors"] == [
        {
            "file": "nowhere",
            "line": None,
            "field": "",
            "value": None,
            "problem": "is not there",
            "expected": "a folder with book.yaml, or a shipped book: contract, knet",
            "code": "TARIFF-BOOK",
        }
    ]


@given(st.randoms(use_true_random=False))
def test_a_number_that_is_read_is_reached(rng: random.Random):
    """`next_number` agrees with `read_numbers`: what it finds reads as itself, what reads is found."""
    plan = load_plan("FR")
    starts = ["+33", "0", "+", "00", "+590", "+262", "", "01", "06", "07", "08", "09", "0700"]
    texts = [
        rng.choice(starts) + "".join(rng.choices("0123456789", k=rng.randrange(1, 15))) for _ in range(60)
    ]
    keys = read_numbers(pa.array(texts), plan).key
    keys = keys[keys > 0]
    reach = Reach.of(plan)
    assert (reach.next_number(keys) == keys).all()
    found = reach.next_number(keys + np.array([rng.randrange(1, 10**9) for _ in keys], np.int64))
    found = np.unique(found[found != NOWHERE])
    again = reach.next_number(found - 1)
    assert (again <= found).all()
    assert read_numbers(key_texts(found), plan).key.tolist() == found.tolist()


@given(st.randoms(use_true_random=False))
def test_prefix_never_matches_where_no_number_finds_its_row(tmp_path_factory, rng: random.Random):
    """Checked against the search that rates calls, day by day, over all numbers of the prefixes' spans."""
    days = ["", "2026-01-01", "2026-02-01", "2026-03-01"]
    prefixes = {
        "44123",
        *("44123" + "".join(rng.choices("0123", k=rng.choice((1, 1, 2)))) for _ in range(40)),
    }
    prefixes |= {f"44123{digit}" for digit in range(rng.choice((0, 9, 10, 10, 10)))}
    rows, often = [], rng.choice((1, 3, 30))
    for prefix in sorted(prefixes):
        first = rng.choice(("",) * often + tuple(days[1:3]))
        last = rng.choice(("",) * often + (days[3],))
        rows.append(f"{prefix},D {prefix},international,GB,0.1,,,{first},{last},,")
    folder = tmp_path_factory.mktemp("book")
    write_book(rows, plan="plan: metered\n", name=str(folder))
    book = load_book(folder)
    numbers = [f"+44123{digits:0{n}d}" for n in (2, 3, 5) for digits in range(0, 10**n, 1 if n < 5 else 111)]
    keys = read_numbers(pa.array(numbers), book.numbering).key
    matched = set()
    for _, in_force in book.deck.by_day(np.array([0, 20_470, 20_500, 20_530, 20_560])):
        matched |= set(in_force.find(keys, keys).tolist())
    found = shadowed(book.deck, reach := Reach.of(book.numbering), suspects(book.deck, reach))
    assert found == sorted(set(range(len(book.deck))) - matched)


# --- accounts


CUSTOMERS = """\
customers:
  - id: cabinet
    numbers: ["+33199000110", "+33199000120..+33199000129"]
    users: {alice@cabinet.example: "+33199000110"}
"""
TRUNK = """\
trunks:
  - id: t1
    customer: cabinet
    channels: 10
    plan: fixed
"""
FORM = "plan: fixed\nincludes: {classes: [fr_fixed], order_form: true}\n"


def check_accounts(text, *options, plan=PLAN):
    write_book(plan=plan)
    Path("accounts.yaml").write_text(text)
    return run("accounts", "check", "accounts.yaml", "--tariffs", "book", "--today", "2026-11-23", *options)


def accounts_warned(text, plan=PLAN):
    code, lines = check_accounts(text, "--all", plan=plan)
    count = len(lines) - 1
    assert lines[-1] == f"accounts.yaml: 0 errors, {count} warning{'s' * (count != 1)}"
    assert code == (1 if count else 0)
    return lines[:-1]


def test_clean_accounts_are_clean(here):
    assert check_accounts(CUSTOMERS + TRUNK) == (0, ["accounts.yaml: 0 errors, 0 warnings"])


def test_demo_accounts_are_clean():
    path = str(ROOT / "cdr_samples" / "demo" / "accounts.yaml")
    assert run("accounts", "check", path, "--tariffs", "contract", "--today", "2026-11-23") == (
        0,
        [f"{path}: 0 errors, 0 warnings"],
    )


def test_all_errors_of_accounts_come_in_one_pass(here):
    text = CUSTOMERS.replace("+33199000110", "hello") + TRUNK.replace("10", "ten").replace("fixed", "gold")
    assert check_accounts(text) == (
        2,
        [
            "accounts.yaml:3: numbers 'hello' is no number; expected a number as +33199000110. Nothing was rated. [ACCOUNTS-NUMBER]",
            "accounts.yaml:4: alice@cabinet.example 'hello' is no number; expected a number as +33199000110. Nothing was rated. [ACCOUNTS-NUMBER]",
            "accounts.yaml:8: channels 'ten' is no whole number; expected a whole number from 0 to 100000. Nothing was rated. [ACCOUNTS-CHANNELS]",
            "accounts.yaml:9: plan 'gold' is unknown; expected a plan of the book: fixed, metered. Nothing was rated. [ACCOUNTS-PLAN]",
            "accounts.yaml: 4 errors; warnings come when there is none",
        ],
    )


def test_accounts_of_a_bad_book_show_the_books_errors(here):
    Path("accounts.yaml").write_text(CUSTOMERS + TRUNK)
    code, lines = run("accounts", "check", "accounts.yaml", "--tariffs", "nowhere")
    assert code == 2
    assert lines[0].startswith("nowhere: is not there; ")
    code, lines = run("accounts", "check", "nothing.yaml", "--tariffs", "contract", "--json")
    record = json.loads("\n".join(lines))
    assert (code, [error["code"] for error in record["errors"]]) == (2, ["ACCOUNTS-FILE"])


def test_sites_with_more_channels_than_the_trunk(here):
    sites = "    sites:\n      - {id: paris, channels: 6}\n      - {id: lyon, channels: 5}\n"
    expected = (
        "; expected the channels of all sites to add up to the trunk's at most. Only a warning. "
        "[ACCOUNTS-WARN-SITES]"
    )
    assert accounts_warned(CUSTOMERS + TRUNK + sites) == [
        f"accounts.yaml:11: sites '11' have more channels together than trunk 't1', which has 10{expected}"
    ]
    history = "[{to: 2026-10-15, channels: 11}, {from: 2026-10-15, to: 2026-11-15, channels: 8}, {from: 2026-11-15, channels: 12}]"
    trunk = TRUNK.replace("channels: 10", f"channels: {history}")
    assert accounts_warned(CUSTOMERS + trunk + sites) == [
        f"accounts.yaml:11: sites '11' have more channels together than trunk 't1', which has 8 from 2026-10-15 on{expected}"
    ]
    assert accounts_warned(CUSTOMERS + TRUNK.replace("10", "11") + sites) == []


def test_numbers_outside_the_numbering_plan(here):
    numbers = '["+33600000001", "+33189999990..+33190000010", "+33105999990..+33106000010", "+33199000110"]'
    text = CUSTOMERS.replace('["+33199000110", "+33199000120..+33199000129"]', numbers)
    expected = (
        "is outside the numbering plan: nobody is given such a number; expected a number of a range that "
        "subscribers are given. Only a warning. [ACCOUNTS-WARN-PLAN]"
    )
    assert accounts_warned(text + TRUNK) == [
        f"accounts.yaml:3: numbers '+33105999990..+33106000010' {expected}",
        f"accounts.yaml:3: numbers '+33600000001' {expected}",
    ]


def test_numbers_of_users_sites_and_trunks_that_are_not_the_customers(here):
    text = CUSTOMERS.replace('example: "+33199000110"', 'example: "+33199000111"')
    trunk = (
        TRUNK
        + """\
    numbers: ["+33199000110", "+33199000120..+33199000130", "+33199000121..+33199000129"]
    sites:
      - {id: paris, channels: 6, numbers: ["0199000110", "+33353010210"]}
"""
    )
    expected = "; expected a number that the customer has. Only a warning. [ACCOUNTS-WARN-OWNER]"
    assert accounts_warned(text + trunk) == [
        f"accounts.yaml:4: users '+33199000111' of user 'alice@cabinet.example' is no number of customer 'cabinet'{expected}",
        f"accounts.yaml:10: numbers '+33199000120..+33199000130' of trunk 't1' is no number of customer 'cabinet'{expected}",
        f"accounts.yaml:12: numbers '+33353010210' of site 'paris' is no number of customer 'cabinet'{expected}",
    ]
    other = '  - {id: garage, numbers: ["+33353010210"]}\n'
    shared = trunk.replace("    numbers", "    shared: true\n    numbers").replace("130", "129")
    found = accounts_warned(CUSTOMERS + other + shared.replace("0199000110", "0199000112"))
    assert [line for line in found if "OWNER" in line] == [
        f"accounts.yaml:14: numbers '0199000112' of site 'paris' is no number of any customer{expected}"
    ]


def test_ranges_that_touch_are_one(here):
    numbers = '["+33199000110", "+33199000111..+33199000115", {numbers: "+33199000116", from: 2026-01-01}]'
    text = CUSTOMERS.replace('["+33199000110", "+33199000120..+33199000129"]', numbers)
    assert accounts_warned(text + TRUNK + '    numbers: ["+33199000110..+33199000116"]\n') == []


def test_numbers_that_no_trunk_can_use(here):
    expected = "; expected a trunk that the number can use. Only a warning. [ACCOUNTS-WARN-UNUSED]"
    garage = '  - id: garage\n    numbers: [{numbers: ["+33353010210"], to: 2026-12-01}, "+33353010211"]\n'
    assert accounts_warned(CUSTOMERS + garage + TRUNK) == [
        f"accounts.yaml:6: numbers '+33353010210' comes in on no trunk: customer 'garage' has none{expected}",
        f"accounts.yaml:6: numbers '+33353010211' comes in on no trunk: customer 'garage' has none{expected}",
    ]
    assert accounts_warned(CUSTOMERS + garage + TRUNK + "    shared: true\n") == []
    listed = TRUNK + '    numbers: ["+33199000120..+33199000129"]\n'
    assert accounts_warned(CUSTOMERS + listed) == [
        f"accounts.yaml:3: numbers '+33199000110' comes in on no trunk: each trunk of customer 'cabinet' lists others{expected}"
    ]
    second = "  - {id: t2, customer: cabinet, channels: 1}\n"
    assert accounts_warned(CUSTOMERS + listed + second) == []


def test_trunk_of_a_customer_without_numbers(here):
    text = CUSTOMERS + "  - {id: garage}\n" + TRUNK + "  - id: t2\n    customer: garage\n    channels: 1\n"
    assert accounts_warned(text) == [
        "accounts.yaml:12: customer 'garage' has no number, so that no call of trunk 't2' has an own number; expected numbers of the customer. Only a warning. [ACCOUNTS-WARN-NUMBERS]"
    ]


def test_gaps_in_histories(here):
    trunk = """\
trunks:
  - id: t1
    customer: cabinet
    channels:
      - {from: 2026-10-15, channels: 8}
      - {to: 2026-10-01, channels: 10}
    plan:
      - {to: 2026-10-01T12:00:00+02:00, plan: fixed}
      - {from: 2026-10-02, to: 2026-11-01, plan: metered}
      - {from: 2026-11-01, plan: fixed}
"""
    expected = "expected to of one entry to be from of the next. Only a warning. [ACCOUNTS-WARN-GAP]"
    assert accounts_warned(CUSTOMERS + trunk) == [
        f"accounts.yaml:9: channels of trunk 't1' has no entry from 2026-10-01 to 2026-10-15: its limits count no channel then; {expected}",
        f"accounts.yaml:13: plan of trunk 't1' has no entry from 2026-10-01T10:00:00Z to 2026-10-02: its calls are metered then; {expected}",
    ]


def test_decision_of_the_future(here):
    decision = (
        "    decisions:\n      - {month: 2026-10, reason: fair_use_hours, mode: waive, who: me, when: %s}\n"
    )
    assert accounts_warned(CUSTOMERS + TRUNK + decision % "2026-11-24") == [
        "accounts.yaml:11: when '2026-11-24' is after 2026-11-23, and the decision on fair_use_hours holds all the same; expected the time at which it was decided. Only a warning. [ACCOUNTS-WARN-FUTURE]"
    ]
    assert accounts_warned(CUSTOMERS + TRUNK + decision % "2026-11-23T23:59:00+01:00") == []


def test_order_form_that_no_plan_looks_at(here):
    expected = (
        "expected a plan with order_form: true while the destination is ordered. "
        "Only a warning. [ACCOUNTS-WARN-ORDERFORM]"
    )
    ordered = "    international: [France Mobile]\n"
    assert accounts_warned(CUSTOMERS + TRUNK + ordered) == [
        f"accounts.yaml:10: international of trunk 't1' is not looked at: no plan of it has an order form (fixed); {expected}"
    ]
    assert accounts_warned(CUSTOMERS + TRUNK + ordered, plan=FORM) == []
    trunk = TRUNK.replace(
        "plan: fixed", "plan: [{to: 2026-10-01, plan: fixed}, {from: 2026-10-01, plan: metered}]"
    )
    ordered = (
        "    international:\n      - France Fixe\n      - {destination: France Mobile, from: 2026-11-01}\n"
    )
    assert accounts_warned(CUSTOMERS + trunk + ordered, plan=FORM) == [
        f"accounts.yaml:12: international 'France Mobile' is ordered only while no plan with an order form is in force; {expected}"
    ]


def test_odd_rating_sources(here):
    expected = (
        "expected null for any source, or the name of a source as its CDRs have it. "
        "Only a warning. [ACCOUNTS-WARN-SOURCE]"
    )
    more = "  - {id: t2, customer: cabinet, channels: 1, rating_source: SBC1}\n"
    more += "  - {id: t3, customer: cabinet, channels: 1, rating_source: SBC1}\n"
    for source, problem in (
        ("none", "'none' is taken for the name of a source: CDRs of any other are not rated"),
        ('""', "'' is taken for the name of a source: CDRs of any other are not rated"),
        ("sbc1", "'sbc1' is not 'SBC1', as other trunks have it"),
        ('"gw "', "'gw ' begins or ends with a space"),
    ):
        assert accounts_warned(CUSTOMERS + TRUNK + f"    rating_source: {source}\n" + more) == [
            f"accounts.yaml:10: rating_source {problem}; {expected}"
        ]
    assert accounts_warned(CUSTOMERS + TRUNK + "    rating_source: null\n" + more) == []


def test_json_of_accounts(here):
    text = CUSTOMERS + TRUNK + "    rating_source: none\n"
    code, lines = check_accounts(text, "--json")
    record = json.loads("\n".join(lines))
    assert code == 1
    assert [(one["line"], one["value"], one["code"]) for one in record["warnings"]] == [
        (10, "none", "ACCOUNTS-WARN-SOURCE")
    ]


@pytest.mark.parametrize("command", [("tariff", "check"), ("accounts", "check"), ("tariff", "diff")])
def test_help_shows_an_example(command):
    result = CliRunner().invoke(main, [*command, "--help"])
    assert result.exit_code == 0
    assert f"Example: trunkrate {' '.join(command)} " in result.output
    assert "--json" in result.output
