"""Spending and bursts: exact amounts by hand and against rating, days, restarts, clocks, people."""

from __future__ import annotations

import json
import re
import shutil
import tempfile
from dataclasses import replace
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from zoneinfo import ZoneInfo

import pandas as pd
import pytest
from click.testing import CliRunner
from holidays import country_holidays
from hypothesis import given
from hypothesis import strategies as st
from lab import FILES, at, inbound, outbound
from lab import directory as lab_directory

import rating
from rating.arrays import SECOND
from rating.cli import main
from rating.zone import instant_text
from sipgw.bursts import OfficeHours
from sipgw.calls_up import Up
from sipgw.directory import Directory, load_directory
from sipgw.guards import Guards
from sipgw.policy import decide
from sipgw.settings import Bursts
from sipgw.settings_file import load_settings
from sipgw.suspensions import Record, Suspensions

START = at("2026-10-05T10:00:00+02:00")
FIXED, MOBILE, PREMIUM, BRITISH = "+33353019999", "+33639980123", "+33899700000", "+442079460000"
NO_PRICE = "+999999999999"


class Lab:
    """Guards over a folder of their own; `again` is what a restart makes of it."""

    def __init__(self, folder: Path, limits: str = "spend_per_day: 0.12", plan: str = "") -> None:
        shutil.copytree(FILES, folder, dirs_exist_ok=True)
        config = folder / "gateway.yaml"
        text = re.sub(r"limits: .*", f"limits: {{{limits}}}", config.read_text(encoding="utf-8"))
        config.write_text(text, encoding="utf-8")
        accounts = folder / "accounts.yaml"
        text = accounts.read_text(encoding="utf-8")
        accounts.write_text(text.replace("    sites:", f"{plan}    sites:"), encoding="utf-8")
        self.config = config
        self.calls: dict[str, Up] = {}
        self.again(START)

    def again(self, now: int) -> Lab:
        self.directory: Directory = load_directory(load_settings(self.config))
        self.suspensions = Suspensions(self.directory.settings.suspensions_file)
        self.guards = Guards(lambda: self.directory, self.suspensions, now)
        return self

    def begin(self, leg: str, number: str, setup: int, trunk: str = "t1", answer: int | None = None) -> Up:
        self.calls[leg] = Up(leg, trunk, "outbound", number, setup, setup if answer is None else answer)
        self.guards.begun(self.calls[leg])
        return self.calls[leg]

    def end(self, leg: str, release: int) -> None:
        call = self.calls.pop(leg)
        self.guards.ended(call, release)
        spool = self.directory.settings.spool
        spool.mkdir(exist_ok=True)
        with (spool / "cdrs.jsonl").open("a", encoding="utf-8") as file:
            file.write(json.dumps(cdr(call, release)) + "\n")

    def look(self, now: int) -> str:
        """What t1 spent on the day so far, in units of the last decimal; and whether a guard has tripped."""
        self.guards.look(list(self.calls.values()), now)
        tripped = ",".join(self.suspensions.tripped.get("t1", {}))
        return f"{self.guards.spent.get('t1', 0)} {tripped}".strip()

    def record(self, act: str, time: int, **more: str) -> None:
        self.suspensions.add(Record(time, act, "t1", "alice", "x", **more))


def cdr(call: Up, release: int) -> dict[str, str]:
    return {
        "call_id": call.leg, "trunk_id": call.trunk_id, "direction": call.direction,
        "a_number": "+33199000110", "b_number": call.b_number, "sip_code": "200",
        "setup_time": instant_text(call.setup_time), "answer_time": instant_text(call.answer_time),
        "release_time": instant_text(release), "user_id": "", "forwarded_by": "", "forward_type": "",
    }  # fmt: skip


@pytest.fixture
def lab(tmp_path):
    return Lab(tmp_path)


# --- spending


def test_the_guard_trips_at_the_nanosecond_in_which_the_amount_is_due(lab):
    lab.begin("a", MOBILE, START)  # 0.06 a minute, begun minutes whole: 0.12 from second 61
    assert lab.look(START) == "600"
    assert lab.look(START + 60 * SECOND) == "600"
    assert lab.look(START + 60 * SECOND + 1) == "1200 spend_per_day"
    (record,) = lab.suspensions.tripped["t1"].values()
    assert (record.who, record.why) == ("gw1", "0.1200 EUR spent on 2026-10-05, of 0.12")
    assert record.evidence == {
        "day": "2026-10-05", "spent": "0.1200", "limit": "0.12", "currency": "EUR", "calls_up": 1,
        "calls": [{"leg": "a", "b_number": MOBILE, "answer_time": "2026-10-05T08:00:00Z"}],
    }  # fmt: skip
    told = (lab.directory.settings.state_folder / "suspensions.jsonl").read_text(encoding="utf-8")
    assert json.loads(told)["evidence"] == record.evidence


def test_what_a_tripped_guard_refuses(lab):
    lab.begin("a", MOBILE, START)
    lab.look(START + 61 * SECOND)

    def rule(attempt):
        return decide(lab.directory, attempt, {}, START, [lab.guards])

    refused = rule(outbound())
    assert (refused.rule, refused.code) == ("guard", 403)
    assert refused.reason == 'Q.850;cause=21;text="Spending limit of the day reached"'
    assert [rule(one).rule for one in (outbound(b_number="15"), inbound())] == ["emergency", "admitted"]
    other = outbound(host="sbc1.beta.trunk.example", billed_number="+33353010210")
    assert rule(other).rule == "admitted"


@pytest.mark.parametrize(
    ("number", "seconds", "units"),
    [
        (MOBILE, 1, 600), (MOBILE, 60, 600), (MOBILE, 61, 1200), (BRITISH, 3600, 30_000), (PREMIUM, 1, 8_000),
        ("+262262000000", 61, 2_000), ("3639", 1, 1_000), ("15", 999, 0), (NO_PRICE, 999, 0), ("alice", 9, 0),
    ],
)  # fmt: skip
def test_amounts_by_hand(tmp_path, number, seconds, units):
    lab = Lab(tmp_path, "spend_per_day: 1000")
    lab.begin("a", number, START)
    assert lab.look(START + seconds * SECOND) == f"{units}"
    lab.end("a", START + seconds * SECOND)
    assert lab.look(START + 9999 * SECOND) == f"{units}"


def test_ringing_calls_and_inbound_ones_cost_nothing(lab):
    lab.calls = {
        "a": Up("a", "t1", "outbound", MOBILE, START),
        "b": Up("b", "t1", "inbound", "+33199000110", START, START),
    }
    assert lab.look(START + 999 * SECOND) == "0"
    lab.calls["a"] = lab.calls["a"]._replace(answer_time=START + 999 * SECOND)
    assert lab.look(START + 1000 * SECOND) == "600"


@pytest.mark.parametrize(
    ("more", "units"),
    [
        ("", 600),
        ("    shared: true\n", 1000),
        ("    plan_suspensions: [{from: 2026-10-05}]\n", 1000),
        ("    plan_suspensions: [{from: 2026-10-06}]\n", 600),
        ("    fraud: [{from: 2026-10-05, to: 2026-10-06}]\n", 1000),
    ],
)
def test_what_the_plan_includes_costs_nothing_unless_it_is_outside_the_plan(tmp_path, more, units):
    lab = Lab(tmp_path, "spend_per_day: 1000", f"    plan: fixed\n{more}")
    lab.begin("a", FIXED, START)  # two minutes at 0.02
    lab.begin("b", MOBILE, START)
    lab.end("b", START + 1)
    assert lab.look(START + 61 * SECOND) == f"{units}"


def test_limits_of_single_trunks_none_and_zero(tmp_path):
    lab = Lab(tmp_path, "spend_per_day: 0")
    text = lab.config.read_text(encoding="utf-8").replace("  t2: {", "  t2: {spend_per_day: none, ")
    lab.config.write_text(text, encoding="utf-8")
    lab.again(START)
    assert lab.look(START) == "0"  # nothing is spent yet
    lab.begin("b", MOBILE, START, "t2")
    assert lab.look(START + SECOND) == "0"
    assert lab.suspensions.tripped == {}
    lab.begin("a", MOBILE, START)
    assert lab.look(START + SECOND) == "600 spend_per_day"
    lab.record("lift", START + SECOND)
    assert lab.look(START + SECOND) == "0"  # until more is spent
    assert lab.look(START + 61 * SECOND) == "600 spend_per_day"


def test_a_call_is_of_the_day_of_its_answer(lab):
    midnight = at("2026-10-06T00:00:00+02:00")
    lab.begin("a", MOBILE, midnight - 1)
    assert lab.look(midnight - 1) == "600"
    assert lab.look(midnight + 50 * SECOND) == "0"
    lab.begin("b", MOBILE, midnight)
    assert lab.look(midnight + 50 * SECOND) == "600"
    lab.end("b", midnight + 50 * SECOND)
    # yesterday's call goes on, and takes yesterday beyond its limit
    assert lab.look(midnight + 61 * SECOND) == "600 spend_per_day"
    assert lab.suspensions.tripped["t1"]["spend_per_day"].evidence["day"] == "2026-10-05"


@pytest.mark.parametrize(
    ("first", "last", "after"),
    [
        ("2026-10-25T00:00:00+02:00", "2026-10-25T23:59:59+01:00", "2026-10-26T00:00:00+01:00"),
        ("2026-03-29T00:00:00+01:00", "2026-03-29T23:59:59+02:00", "2026-03-30T00:00:00+02:00"),
    ],
)
def test_days_of_25_and_23_hours(tmp_path, first, last, after):
    lab = Lab(tmp_path, "spend_per_day: 1000")
    for leg, instant in (("a", first), ("b", last)):
        lab.begin(leg, MOBILE, at(instant))
        lab.end(leg, at(instant) + SECOND)
    assert lab.look(at(last)) == "1200"
    assert lab.look(at(after)) == "0"


def test_a_person_lifts_it_and_it_counts_anew(lab):
    lab.begin("a", MOBILE, START)
    assert lab.look(START + 61 * SECOND) == "1200 spend_per_day"
    lab.record("lift", START + 61 * SECOND)
    assert lab.look(START + 62 * SECOND) == "0"
    assert lab.look(START + 121 * SECOND) == "600"
    assert lab.look(START + 181 * SECOND) == "1200 spend_per_day"
    assert lab.look(START + 86_400 * SECOND).endswith("spend_per_day")  # no night ends it
    lab.record("lift", START + 86_400 * SECOND)
    assert lab.look(START + 86_401 * SECOND) == "0"  # nor does yesterday's call trip it again at once


def test_what_is_spent_between_the_lift_and_the_look_counts(lab):
    lab.begin("a", MOBILE, START)
    assert lab.look(START + 61 * SECOND) == "1200 spend_per_day"
    lab.record("lift", START + 61 * SECOND)
    assert lab.look(START + 121 * SECOND) == "600"


def test_a_call_answered_after_the_lift_counts_whole_after_a_restart(lab):
    lab.begin("a", MOBILE, START)
    lab.end("a", START + 61 * SECOND)
    assert lab.look(START + 61 * SECOND) == "1200 spend_per_day"
    lab.record("lift", START + 62 * SECOND)
    lab.look(START + 62 * SECOND)
    lab.begin("b", MOBILE, START + 63 * SECOND)
    lab.end("b", START + 64 * SECOND)
    assert lab.look(START + 65 * SECOND) == "600"
    assert lab.again(START + 66 * SECOND).look(START + 66 * SECOND) == "600"


def test_a_restart_finds_the_day_in_the_spool(tmp_path):
    lab = Lab(tmp_path, "spend_per_day: 0.30")
    lab.begin("a", MOBILE, START)
    lab.end("a", START + 61 * SECOND)
    yesterday = START - 86_400 * SECOND
    old = cdr(Up("y", "t1", "outbound", PREMIUM, yesterday, yesterday), yesterday + SECOND)
    with (tmp_path / "spool/cdrs.jsonl").open("ab") as file:
        file.write(json.dumps(old).encode() + b"\n")
        file.write(b'\xff{}\n[1]\n{"direction": "outbound", "answer_time": "noon"}\n' + b"[" * 99_999 + b"\n")
        file.write(b'{"direction": "outbound", "answer_time": "2026-10-05T10:00:00Z"}\n{"cut\n')
    assert lab.look(START + 100 * SECOND) == "1200"
    assert lab.again(START + 100 * SECOND).look(START + 100 * SECOND) == "1200"
    lab.begin("b", MOBILE, START + 100 * SECOND)
    assert lab.look(START + 221 * SECOND) == "3000 spend_per_day"
    lab.record("lift", START + 221 * SECOND)
    assert lab.look(START + 221 * SECOND) == "0"
    lab.end("b", START + 300 * SECOND)
    assert lab.look(START + 300 * SECOND) == "600"
    assert lab.again(START + 301 * SECOND).look(START + 301 * SECOND) == "600"


def test_a_limit_that_was_passed_before_the_restart_trips_at_the_start(lab):
    lab.begin("a", MOBILE, START)
    lab.end("a", START + 61 * SECOND)
    assert lab.suspensions.tripped == {}
    lab.again(START + 62 * SECOND)
    assert list(lab.suspensions.tripped["t1"]) == ["spend_per_day"]


def test_a_clock_that_goes_back_undoes_nothing(lab):
    lab.begin("a", MOBILE, START)
    assert lab.look(START + 61 * SECOND) == "1200 spend_per_day"
    for back in (3600, 86_400, 86_400 * 400):
        assert lab.look(START - back * SECOND).endswith("spend_per_day")
    lab.end("a", START - 3600 * SECOND)
    assert lab.look(START) == "600 spend_per_day"


numbers = st.sampled_from([FIXED, MOBILE, PREMIUM, BRITISH, "+262262000000", "3639", "15", NO_PRICE])
lengths = st.sampled_from([1, 60, 61, 3599, 3600]) | st.integers(1, 20_000)
live_calls = st.lists(
    st.tuples(numbers, st.integers(0, 3600), lengths, st.integers(0, SECOND - 1)), max_size=12
)


@given(live_calls, st.sampled_from(["", "    plan: fixed\n"]))
def test_the_days_spending_is_what_rating_says_live_and_after_a_restart(calls, plan):
    with tempfile.TemporaryDirectory() as folder:
        lab = Lab(Path(folder), "spend_per_day: 1000000, bursts: none", plan)
        rows = []
        for place, (number, begin, seconds, fraction) in enumerate(calls):
            call = lab.begin(f"c{place}", number, START + begin * SECOND)
            release = call.setup_time + (seconds - 1) * SECOND + fraction + 1
            lab.look(call.setup_time + seconds // 2 * SECOND)
            lab.end(call.leg, release)
            rows.append(cdr(call, release))
        found = lab.look(START + SECOND)
        assert lab.again(START + SECOND).look(START + SECOND) == found
        if rows:
            accounts = lab.directory.accounts
            rated = rating.rate(pd.DataFrame(rows), lab.directory.book, accounts)
            assert found == str(int(sum(rated.calls.amount) * 10_000))


# --- bursts

SECONDS = [0, 1, 60, 300, 420, 480, 500, 550, 598, 599]


def begun(lab, number, instants, trunk="t1"):
    for place, instant in enumerate(instants):
        lab.begin(f"{trunk}-{instant}-{place}", number, instant, trunk)
    return list(lab.suspensions.tripped.get(trunk, {}))


def test_ten_costly_calls_in_ten_minutes_of_office_hours(tmp_path):
    lab = Lab(tmp_path, "spend_per_day: null")
    instants = [START + second * SECOND for second in SECONDS]
    assert begun(lab, PREMIUM, instants[:9]) == []
    assert begun(lab, PREMIUM, instants[9:]) == ["bursts"]
    record = lab.suspensions.tripped["t1"]["bursts"]
    assert record.why == "10 costly calls in 599 s, in office hours"
    assert (record.evidence["limit"], len(record.evidence["calls"])) == (10, 10)
    first = {"leg": f"t1-{START}-0", "b_number": PREMIUM, "destination": "Services"}
    assert record.evidence["calls"][0] == {**first, "setup_time": "2026-10-05T08:00:00Z"}
    refused = decide(lab.directory, outbound(), {}, START, [lab.guards])
    assert refused.reason == 'Q.850;cause=21;text="Burst of costly calls"'


def test_the_window_is_left_after_ten_minutes(tmp_path):
    lab = Lab(tmp_path, "spend_per_day: null")
    assert begun(lab, PREMIUM, [START + second * SECOND for second in [*SECONDS[:9], 600]]) == []
    assert begun(lab, PREMIUM, [START + 600 * SECOND]) == ["bursts"]


@pytest.mark.parametrize(
    ("text", "limit"),
    [
        ("2026-10-05T07:59:59+02:00", 4), ("2026-10-05T08:00:00+02:00", 10), ("2026-10-05T19:00:00+02:00", 4),
        ("2026-10-05T18:59:50+02:00", 10), ("2026-10-04T12:00:00+02:00", 4), ("2026-10-03T12:00:00+02:00", 4),
        ("2026-12-25T12:00:00+01:00", 4), ("2026-05-01T12:00:00+02:00", 4), ("2026-12-24T12:00:00+01:00", 10),
        ("2026-10-26T07:59:59+01:00", 4), ("2026-10-26T08:00:00+01:00", 10),
    ],
)  # fmt: skip
def test_fewer_are_enough_when_nobody_looks(tmp_path, text, limit):
    lab = Lab(tmp_path, "spend_per_day: null")
    costly = NO_PRICE  # abroad, and nobody knows what it costs
    assert begun(lab, costly, [at(text)] * (limit - 1)) == []
    assert begun(lab, costly, [at(text)]) == ["bursts"]


@pytest.mark.parametrize("number", [FIXED, MOBILE, BRITISH, "3639", "15", "112", "0912345678", "alice"])
def test_calls_that_are_no_burst(tmp_path, number):
    lab = Lab(tmp_path, "spend_per_day: null")
    assert begun(lab, number, [START] * 50) == []


def test_bursts_are_of_one_trunk_and_counted_anew_when_lifted(tmp_path):
    lab = Lab(tmp_path, "spend_per_day: null, bursts: {calls: 3, price: 0.80}")
    assert begun(lab, PREMIUM, [START] * 2) == []
    assert begun(lab, PREMIUM, [START] * 2, "t2") == []
    assert begun(lab, PREMIUM, [START]) == ["bursts"]
    lab.record("lift", START + SECOND)
    lab.look(START + SECOND)
    assert begun(lab, PREMIUM, [START + SECOND] * 2) == []
    assert begun(lab, PREMIUM, [START + SECOND]) == ["bursts"]


def test_a_clock_that_went_back_leaves_no_calls_of_a_time_to_come(tmp_path):
    lab = Lab(tmp_path, "spend_per_day: null, bursts: {calls: 3}")
    assert begun(lab, PREMIUM, [START, START, START - 3600 * SECOND]) == []
    assert begun(lab, PREMIUM, [START - 3600 * SECOND, START - 3599 * SECOND]) == ["bursts"]


def test_a_dear_price_at_another_hour_or_a_fee_makes_a_destination_costly(tmp_path):
    lab = Lab(tmp_path, "spend_per_day: null, bursts: {calls: 1, price: 0.30}")
    deck = tmp_path / "book/rate_deck.csv"
    lines = deck.read_text(encoding="utf-8").splitlines()
    lines = [lines[0] + ",connect_fee,window", *(line + ",," for line in lines[1:])]
    lines += ["49,A,international,DE,0.1000,,,,", "49,A,international,DE,0.3000,,,,night"]
    lines += ["39,B,international,IT,0.1000,,,0.2000,", "34,C,international,ES,0.1000,,,0.1999,"]
    deck.write_text("\n".join(lines) + "\n", encoding="utf-8")
    windows = 'windows:\n  night: [{days: [mon, sun], from: "22:00", to: "06:00"}]\n'
    (tmp_path / "book/windows.yaml").write_text(windows, encoding="utf-8")
    lab.again(START)
    for number, found in (("+34911234567", []), ("+39061234567", ["bursts"]), ("+49301234567", ["bursts"])):
        assert begun(lab, number, [START]) == found
        lab.record("lift", START)


@cache
def office_hours() -> OfficeHours:
    return OfficeHours(Bursts(), lab_directory().book)


@given(st.datetimes(datetime(2026, 1, 1), datetime(2027, 12, 31)))
def test_office_hours_by_the_calendar(moment):
    instant = moment.replace(microsecond=0, tzinfo=UTC)
    local = instant.astimezone(ZoneInfo("Europe/Paris"))
    holidays = country_holidays("FR", years=local.year)
    expected = local.weekday() < 5 and local.date() not in holidays and 8 <= local.hour < 19
    assert office_hours().hold(int(instant.timestamp()) * SECOND) == expected


# --- the file


def test_order_decides_whatever_the_clock_says(lab):
    lab.record("suspend", START, scope="all")
    lab.record("resume", START - 10**15)
    assert lab.suspensions.suspended == {}
    lab.record("suspend", START - 10**16, scope="outbound")
    assert list(lab.suspensions.suspended["t1"]) == ["outbound"]
    assert list(Suspensions(lab.suspensions.path).suspended) == []
    again = Suspensions(lab.suspensions.path)
    assert [record.act for record in again.look()] == ["suspend", "resume", "suspend"]
    assert again.suspended == lab.suspensions.suspended


def test_a_cut_line_hides_no_other(lab):
    path = lab.suspensions.path
    lab.record("suspend", START, scope="all")
    with path.open("ab") as file:
        file.write(b'{"time": "2026-10-05T10:00:00Z", "act": "res')
    lab.suspensions.look()
    assert (list(lab.suspensions.suspended), lab.suspensions.faults) == (["t1"], [])
    lab.record("suspend", START, scope="outbound")
    assert list(lab.suspensions.suspended["t1"]) == ["all", "outbound"]
    assert lab.suspensions.faults == [
        f"{path}:2: line is no JSON object; expected one object a line. The line is left out. [GATEWAY-STATE]"
    ]


GOOD = {"time": "2026-10-05T10:00:00Z", "act": "suspend", "trunk_id": "t1", "who": "a", "why": "b"}
WRONG = [
    ({"time": "2026-10-05T10:00:00"}, "time '2026-10-05T10:00:00' is no instant"),
    ({"time": 5}, "time is missing or no text"),
    ({"act": "delete"}, "act 'delete' is unknown; expected one of suspend, resume, trip, lift"),
    ({"trunk_id": ""}, "trunk_id '' is empty"),
    ({"scope": "some"}, "scope 'some' is unknown; expected one of all, outbound, international"),
    ({"scope": ["all"]}, "scope is unknown"),
    ({"why": None}, "why is missing or no text"),
    ({"evidence": 1}, "guard has no name or no evidence"),
    ({"time": "\ud800"}, "time '\\ud800' is no instant"),
]


@pytest.mark.parametrize(("change", "told"), WRONG)
def test_lines_that_are_none(lab, change, told):
    path = lab.suspensions.path
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps({**GOOD, **change}) + "\n\n" + json.dumps(GOOD) + "\n", encoding="utf-8")
    lab.suspensions.look()
    assert list(lab.suspensions.suspended["t1"]) == ["all"]
    (fault,) = lab.suspensions.faults
    assert fault.startswith(f"{path}:1: {told}")
    assert fault.endswith("The line is left out. [GATEWAY-STATE]")


def test_a_file_that_is_edited_is_read_anew_and_one_that_is_gone_changes_nothing(lab):
    path = lab.suspensions.path
    lab.record("suspend", START, scope="all")
    assert [record.act for record in lab.suspensions.look()] == ["suspend"]
    path.unlink()
    assert lab.suspensions.look() == []
    assert list(lab.suspensions.suspended) == ["t1"]
    assert lab.suspensions.faults[-1].startswith(f"{path}: cannot be read (No such file or directory)")
    path.write_text(json.dumps({**GOOD, "trunk_id": "t2"}) + "\n", encoding="utf-8")
    assert [record.trunk_id for record in lab.suspensions.look()] == ["t2"]
    assert list(lab.suspensions.suspended) == ["t2"]


def test_a_trip_that_cannot_be_written_holds_and_is_written_later(lab):
    folder = lab.suspensions.path.parent
    folder.parent.mkdir(exist_ok=True)
    folder.write_text("in the way", encoding="ascii")
    lab.begin("a", MOBILE, START)
    assert lab.look(START + 61 * SECOND) == "1200 spend_per_day"
    assert lab.suspensions.faults[-1] == (
        f"{folder}/suspensions.jsonl: cannot be written (File exists); expected a disk with room. "
        "What holds stays. [GATEWAY-STATE]"
    )
    folder.unlink()
    lab.look(START + 62 * SECOND)
    lab.look(START + 63 * SECOND)
    assert [record.act for record in Suspensions(lab.suspensions.path).look()] == ["trip"]


def test_the_spool_is_rated_with_the_state_in_it(lab):
    lab.begin("a", MOBILE, START)
    lab.look(START + 61 * SECOND)
    lab.end("a", START + 61 * SECOND)
    settings = lab.directory.settings
    arguments = ["rate", str(settings.spool), "--accounts", str(settings.accounts), "--out"]
    arguments += [str(settings.spool.parent / "out"), "--tariffs", str(settings.tariffs)]
    found = CliRunner().invoke(main, arguments)
    assert found.exit_code == 0, found.output
    assert "1 rows from 1 file" in found.output


def test_words_for_all_guards_of_the_file(lab):
    lab.record("trip", START, guard="made by hand")
    refused = decide(lab.directory, outbound(), {}, START, [lab.guards])
    assert (refused.rule, refused.reason) == ("guard", 'Q.850;cause=21;text="Guard tripped"')
    assert decide(lab.directory, replace(outbound(), b_number="15"), {}, START, [lab.guards]).is_admitted
