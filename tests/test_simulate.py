"""`trunkrate simulate`: recurring prices, marks, messages, what it prints and writes."""

import csv
import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from rating.accounts import EVER_FROM, EVER_TO, Span, Trunk
from rating.cli import main
from rating.simulate.recurring import recurring_cents
from rating.tariffs import load_book
from rating.zone import parse_month

ROOT = Path(__file__).parent.parent
DEMO = ROOT / "cdr_samples" / "demo"

PLAN = "{plan: fixed, includes: {classes: [fr_fixed]}, recurring: {per_trunk: '10', per_channel: '3.10'}}"
DECK = "prefix,destination,class,country,price_per_minute\n33,France,fr_fixed,FR,0.02\n"
ACCOUNTS = """
customers: [{id: acme, numbers: ["+33199000110"]}]
trunks:
  - {id: t1, customer: acme, channels: 1, plan: fixed}
  - {id: $t/2, customer: acme, channels: 2, plan: metered}
"""
HEADER = (
    "call_id,trunk_id,direction,a_number,b_number,setup_time,answer_time,release_time,sip_code,"
    "user_id,forwarded_by,forward_type\n"
)


def book_at(folder, plan=PLAN):
    (folder / "plans").mkdir(parents=True)
    (folder / "book.yaml").write_text(
        "{name: small, currency: EUR, timezone: Europe/Paris, country: FR, amount_decimals: 4}"
    )
    (folder / "plans" / "fixed.yaml").write_text(plan)
    (folder / "plans" / "metered.yaml").write_text("{plan: metered, recurring: {per_channel: 1}}")
    (folder / "rate_deck.csv").write_text(DECK)
    return folder


def call(number, trunk, begin, end):
    begin, end = f"2026-10-05T09:{begin:02}:00Z", f"2026-10-05T09:{end:02}:00Z"
    return f"c{number},{trunk},outbound,0199000110,014000000{number},{begin},{begin},{end},200,,,\n"


@pytest.fixture
def here(tmp_path, monkeypatch):
    """A book, accounts and three calls of t1, two of them at once, one of the other trunk."""
    monkeypatch.chdir(tmp_path)
    book_at(tmp_path / "book")
    (tmp_path / "accounts.yaml").write_text(ACCOUNTS)
    calls = [call(1, "t1", 0, 10), call(2, "t1", 5, 8), call(3, "t1", 20, 21), call(4, "$t/2", 0, 2)]
    (tmp_path / "cdrs.csv").write_text(HEADER + "".join(calls))
    return tmp_path


def simulate(*more):
    asked = ["simulate", "cdrs.csv", "--accounts", "accounts.yaml", "--tariffs", "book", *more]
    return CliRunner().invoke(main, asked)


def test_each_alternative_has_its_price_and_the_cheapest_are_marked(here):
    result = simulate("--channels", "0..2", "--trunk", "t1")
    assert result.exit_code == 0, result.output
    assert result.output == (
        "t1, October 2026: 1 channel, 3 calls\n"
        "  alternative  recurring   usage      EUR  findings  over cap  would be refused\n"
        "  as it is         13.10  0.0000  13.1000         0         1                 1\n"
        "  0 channels       10.00  0.0000  10.0000         0         3                 3  cheapest\n"
        "  1 channel        13.10  0.0000  13.1000         0         1                 1\n"
        "  2 channels       16.20  0.0000  16.2000         0         0                 0"
        "  cheapest that refuses none\n"
    )


def test_plans_and_modes_multiply(here):
    asked = ["--plan", "metered", "--plan", "fixed", "--mode", "waive", "--channels", "1", "--trunk", "t1"]
    result = simulate(*asked, "--json")
    record = json.loads(result.stdout)
    assert record["alternatives"] == [
        {"plan": None, "mode": None, "channels": None},
        {"plan": "metered", "mode": "waive", "channels": 1},
        {"plan": "fixed", "mode": "waive", "channels": 1},
    ]
    (trunk,) = record["trunks"]
    metered = trunk["alternatives"][1]
    assert (metered["recurring"], metered["usage"], metered["total"]) == ("1.00", "0.2800", "1.2800")
    assert metered["cheapest"]
    assert trunk["alternatives"][2]["usage"] == "0.0000"


def test_many_trunks_have_a_line_each(here):
    trunks = "".join(f"  - {{id: x{i}, customer: acme, channels: 3, plan: fixed}}\n" for i in range(8))
    (here / "accounts.yaml").write_text(ACCOUNTS + trunks)
    calls = "".join(call(i, f"x{i}", 0, 10) for i in range(8))
    (here / "cdrs.csv").write_text(HEADER + calls + call(9, "t1", 0, 1))
    lines = simulate("--channels", "1..3").output.splitlines()
    assert lines[0].split() == [
        "trunk",
        "month",
        "channels",
        "now",
        "cheapest",
        "is",
        "refused",
        "saves",
        "EUR",
    ]
    assert lines[2].split() == ["x0", "2026-10", "3", "19.3000", "13.1000", "1", "channel", "0", "6.2000"]
    assert len(lines) == 11


def test_without_recurring_prices_usage_is_compared(here):
    (here / "book" / "plans" / "fixed.yaml").write_text("{plan: fixed, includes: {classes: [fr_fixed]}}")
    record = json.loads(simulate("--channels", "1..2", "--trunk", "t1", "--json").stdout)
    found = record["trunks"][0]["alternatives"]
    assert [line["total"] for line in found] == [None, None, None]
    assert [line["cheapest"] for line in found] == [True, False, False]
    assert "no price" in simulate("--channels", "1..2", "--trunk", "t1").output
    record = json.loads(simulate("--plan", "metered", "--trunk", "t1", "--json").stdout)
    assert not any(line["cheapest"] for line in record["trunks"][0]["alternatives"])


def test_folder_holds_json_tables_and_a_picture_of_each_trunk(here):
    assert simulate("--channels", "1..3", "--out", "found").exit_code == 0
    names = sorted(path.name for path in (here / "found").iterdir())
    assert names == [
        "_t_2-d4e6272f-2026-10.png",
        "alternatives.csv",
        "findings.csv",
        "simulation.json",
        "t1-2026-10.png",
    ]
    record = json.loads((here / "found" / "simulation.json").read_text(encoding="utf-8"))
    with (here / "found" / "alternatives.csv").open(encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    flat = [line["total"] for trunk in record["trunks"] for line in trunk["alternatives"]]
    assert [row["total"] for row in rows] == flat
    assert (here / "found" / "t1-2026-10.png").read_bytes().startswith(b"\x89PNG")
    simulate("--channels", "1..3", "--out", "again")
    for name in names:
        assert (here / "found" / name).read_bytes() == (here / "again" / name).read_bytes()


@pytest.mark.parametrize(
    ("more", "message"),
    [
        (
            ["--channels", "4-8"],
            "--channels '4-8' is no number of channels; expected a number up to 10000, or two as 4..40. "
            "Nothing was simulated. [CHANNELS]",
        ),
        (
            ["--channels", "9..4"],
            "--channels '9..4' is no number of channels; expected a number up to 10000, or two as 4..40. "
            "Nothing was simulated. [CHANNELS]",
        ),
        (
            ["--channels", "1..2000"],
            "2001 alternatives are asked for; expected at most 1000. Nothing was simulated. [ALTERNATIVES]",
        ),
        (
            ["--plan", "mobile"],
            "--plan 'mobile' is no plan of the book; expected one of fixed, metered. "
            "Nothing was simulated. [PLAN]",
        ),
        (
            ["--mode", "forgive"],
            "--mode 'forgive' is unknown; expected one of excess, retroactive, waive. "
            "Nothing was simulated. [MODE]",
        ),
        (
            ["--trunk", "t9"],
            "--trunk 't9' is no trunk of accounts; expected the id of one. Nothing was simulated. [TRUNK]",
        ),
        (
            ["--month", "2026-09"],
            "no call of 2026-09 is there; expected calls of the trunks that are asked for. "
            "Nothing was simulated. [CALLS]",
        ),
        (
            ["--month", "october"],
            "--month 'october' is no month; expected YYYY-MM, as 2026-10. Nothing was simulated. [MONTH]",
        ),
    ],
)
def test_wrong_questions_are_told(here, more, message):
    result = simulate(*more, "--out", "found")
    assert (result.exit_code, result.stderr.strip()) == (2, message)
    assert not (here / "found").exists()


def test_a_folder_that_exists_is_not_touched(here):
    (here / "found").mkdir()
    result = simulate("--out", "found")
    assert result.exit_code == 2
    assert "[OUT-EXISTS]" in result.stderr


def test_rejects_are_told_and_the_rest_is_simulated(here):
    with (here / "cdrs.csv").open("a") as file:
        file.write("c5,nowhere,outbound,1,2,2026-10-05T09:00:00Z,,2026-10-05T09:00:00Z,200,,,\n")
    result = simulate("--trunk", "t1")
    assert result.exit_code == 1
    assert "Row rejected, the others are simulated. [CDR-TRUNK]" in result.stderr
    assert "as it is" in result.stdout


def test_a_price_a_month_that_is_none(tmp_path):
    book = book_at(tmp_path / "book", PLAN.replace("3.10", "3,10"))
    result = CliRunner().invoke(main, ["tariff", "check", str(book)])
    assert result.exit_code == 2
    assert "plans/fixed.yaml:1: per_channel '3,10' is no price" in result.output


# --------------------------------------------------------------------------------------- recurring prices


def trunk(channels, plans):
    return Trunk("t", 0, "", tuple(channels), tuple(plans), (), False, None, (), (), (), ())


def ever(value):
    return [Span(EVER_FROM, EVER_TO, value)]


@pytest.fixture(scope="module")
def book(tmp_path_factory):
    return load_book(book_at(tmp_path_factory.mktemp("recurring") / "book"))


def at(book, month, day):
    start, _ = book.zone.month_span(parse_month(month))
    return start + (day - 1) * 86_400 * 10**9


def test_a_whole_month(book):
    assert recurring_cents(trunk(ever("4"), ever("fixed")), parse_month("2026-10"), book) == 2240


def test_channels_count_from_the_day_of_their_change_on(book):
    """4 channels for 9 days, 6 from the 10th (22 days): 10 + 3.10 × (9 × 4 + 22 × 6) / 31 = 26.80."""
    change = at(book, "2026-10", 10) + 12 * 3600 * 10**9
    spans = [Span(EVER_FROM, change, "4"), Span(change, EVER_TO, "6")]
    assert recurring_cents(trunk(spans, ever("fixed")), parse_month("2026-10"), book) == 2680


def test_a_plan_that_begins_in_the_month_costs_its_days(book):
    """Nothing in force before the 16th: 16 of 31 days of 10 + 2 × 3.10 = 8.361…"""
    start = at(book, "2026-10", 16)
    found = trunk([Span(start, EVER_TO, "2")], [Span(start, EVER_TO, "fixed")])
    assert recurring_cents(found, parse_month("2026-10"), book) == 836


def test_a_tie_is_rounded_up(tmp_path):
    """One channel for one day of thirty at 0.15: half a cent."""
    book = load_book(book_at(tmp_path / "book", PLAN.replace("'10'", "'0'").replace("3.10", "0.15")))
    one_day = [Span(at(book, "2026-11", 3), at(book, "2026-11", 4), "1")]
    assert recurring_cents(trunk(one_day, ever("fixed")), parse_month("2026-11"), book) == 1


def test_the_demo_costs_what_rate_says(tmp_path):
    asked = [str(DEMO / "cdrs"), "--accounts", str(DEMO / "accounts.yaml"), "--tariffs", "contract"]
    asked += ["--month", "2026-10"]
    rated = CliRunner().invoke(main, ["rate", *asked, "--out", str(tmp_path / "out")])
    assert rated.exit_code == 1
    found = CliRunner().invoke(main, ["simulate", *asked, "--channels", "3..5", "--json"])
    record = json.loads(found.stdout)
    with (tmp_path / "out" / "usage.csv").open(encoding="utf-8") as file:
        usage = {row["trunk_id"]: row for row in csv.DictReader(file)}
    with (tmp_path / "out" / "findings.csv").open(encoding="utf-8") as file:
        findings = list(csv.DictReader(file))
    for entry in record["trunks"]:
        now = entry["alternatives"][0]
        assert now["usage"] == usage[entry["trunk_id"]]["amount"]
        assert str(now["over_cap_calls"]) == usage[entry["trunk_id"]]["over_cap_calls"]
        mine = [row for row in findings if row["trunk_id"] == entry["trunk_id"]]
        assert [one["amount"] for one in entry["findings"]] == [row["amount"] for row in mine]
        for one in entry["findings"]:
            assert one["decisions"][one["mode"]]["amount"] == one["amount"]
            assert one["decisions"]["waive"]["amount"] == "0.0000"
