"""`trunkrate channels`: every figure by hand, on months of a few calls."""

import csv
import json
import shutil
from pathlib import Path
from typing import Any

import pytest
from channels_case import ACCOUNTS, files, lines, only, report, row, run
from click.testing import CliRunner

from rating.cli import main
from rating.erlang import channels_needed, erlang_b

ROOT = Path(__file__).parent.parent
OCTOBER = ("--month", "2026-10")
DAY = "2026-10-05"  # a Monday


def at(clock: str, day: str = DAY, offset: str = "+02:00") -> str:
    return f"{day}T{clock}{offset}"


def call(call_id: str, setup: str, release: str, answer: str = "", day: str = DAY, **more: Any) -> str:
    """A row of one day, by wall clock."""
    times = (at(setup, day), at(release, day), at(answer, day) if answer else "")
    alert = more.pop("alert", "")
    return row(call_id, *times, alert=at(str(alert), day) if alert else "", **more)


def copied_book(folder: Path) -> Path:
    """The contract's book, to be changed."""
    return shutil.copytree(ROOT / "tariffs" / "contract", folder / "book")


def from_answer(book: Path, name: str) -> None:
    """Let the calls of a plan hold a channel from their answer on."""
    plan = book / "plans" / f"{name}.yaml"
    text = plan.read_text(encoding="utf-8")
    plan.write_text(text.replace("occupancy_from: setup", "occupancy_from: answer"), encoding="utf-8")


def hour(line: dict[str, Any], column: str, day: int, clock: int) -> float:
    """A figure of an hour before the clocks change."""
    return line["occupancy"][column][(day - 1) * 24 + clock]


# --- occupancy


def test_occupancy_of_a_morning(tmp_path: Path) -> None:
    """[9:00, 9:30) [9:15, 10:15) [9:30, 9:45): two at most, the third begins as the first ends."""
    rows = [
        call("a", "09:00:00", "09:30:00", "09:00:10"),
        call("b", "09:15:00", "10:15:00", "09:15:05", inbound=True),
        call("c", "09:30:00", "09:45:00"),
    ]
    line = only(tmp_path, rows, *OCTOBER)
    assert (line["channels"], line["peak_channels"], line["peak_at"]) == (2, 2, "2026-10-05T07:15:00Z")
    assert (line["at_cap_s"], line["above_cap_s"]) == (1800, 0)
    assert hour(line, "erlangs", 5, 9) == 1.5
    assert hour(line, "erlangs", 5, 10) == 0.25
    assert (hour(line, "peak", 5, 9), hour(line, "peak", 5, 10), hour(line, "peak", 5, 11)) == (2, 1, 0)
    assert (hour(line, "attempts", 5, 9), sum(line["occupancy"]["attempts"])) == (3, 3)
    assert line["erlang_hours"] == 1.75
    assert len(line["occupancy"]["peak"]) == 745


def test_a_call_above_the_channels_holds_one_too(tmp_path: Path) -> None:
    rows = [call(str(i), f"09:00:0{i}", "09:01:00") for i in range(4)]
    line = only(tmp_path, rows, *OCTOBER)
    assert (line["peak_channels"], line["at_cap_s"], line["above_cap_s"]) == (4, 1, 58)


def test_times_at_the_cap_are_rounded_up_once(tmp_path: Path) -> None:
    rows = [call(f"{k}{i}", f"09:0{k}:00.000", f"09:0{k}:00.400") for k in range(3) for i in range(2)]
    line = only(tmp_path, rows, *OCTOBER)
    assert line["at_cap_s"] == 2  # 1.2 s


@pytest.mark.parametrize("reason", ["no_channel", "refused"])
def test_calls_that_held_no_channel(tmp_path: Path, reason: str) -> None:
    rows = [call("a", "09:00:00", "09:00:30", reason=reason, code=486), call("b", "09:10:00", "09:11:00")]
    line = only(tmp_path, rows, *OCTOBER)
    assert (line["peak_channels"], line["peak_at"]) == (1, "2026-10-05T07:10:00Z")
    assert hour(line, "erlangs", 5, 9) == pytest.approx(1 / 60, abs=1e-6)


def test_a_call_of_no_length_holds_none(tmp_path: Path) -> None:
    rows = [call("a", "09:00:00", "09:00:00"), call("b", "09:00:00", "09:00:00", "09:00:00")]
    line = only(tmp_path, rows, *OCTOBER)
    assert (line["peak_channels"], line["peak_at"], line["erlang_hours"]) == (0, None, 0)
    assert line["calls"]["both"]["attempts"] == 2
    assert line["busiest_hour"] is None


def test_a_call_over_the_border_of_the_month(tmp_path: Path) -> None:
    """It is September's call, but holds a channel in October."""
    rows = [
        row("a", at("23:59:00", "2026-09-30"), at("00:30:00", "2026-10-01"), at("23:59:30", "2026-09-30")),
        call("b", "09:00:00", "09:01:00"),
    ]
    line = only(tmp_path, rows, *OCTOBER)
    assert (line["peak_channels"], line["peak_at"]) == (1, "2026-09-30T22:00:00Z")
    assert hour(line, "erlangs", 1, 0) == 0.5
    assert line["calls"]["both"]["attempts"] == 1
    assert sum(line["occupancy"]["attempts"]) == 1
    both = lines(report(tmp_path, rows))
    assert both["2026-09", "t1", None]["occupancy"]["erlangs"][-1] == pytest.approx(1 / 60, abs=1e-6)


def test_a_call_answered_in_the_next_month_is_attempted_in_this(tmp_path: Path) -> None:
    rows = [
        row("a", at("23:59:50", "2026-09-30"), at("00:01:00", "2026-10-01"), at("00:00:10", "2026-10-01"))
    ]
    line = only(tmp_path, rows, *OCTOBER)
    assert line["calls"]["both"]["attempts"] == 1
    assert sum(line["occupancy"]["attempts"]) == 0  # of October's hours
    assert hour(line, "erlangs", 1, 0) == pytest.approx(1 / 60, abs=1e-6)


def test_a_call_of_three_months(tmp_path: Path) -> None:
    rows = [row("a", "2026-08-31T12:00:00Z", "2026-10-02T12:00:00Z", "2026-08-31T12:00:01Z")]
    rows += [row("b", "2026-09-10T12:00:00Z", "2026-09-10T12:01:00Z")]
    found = lines(report(tmp_path, rows))
    assert {key[0] for key in found} == {"2026-08", "2026-09"}
    assert found["2026-09", "t1", None]["erlang_hours"] == pytest.approx(720 + 1 / 60, abs=1e-6)


def test_channels_that_change_in_the_month(tmp_path: Path) -> None:
    history = (
        "channels: [{from: 2026-10-04, to: 2026-10-05T09:30:00+02:00, channels: 1}, "
        "{from: 2026-10-05T09:30:00+02:00, to: 2026-10-06, channels: 2}]"
    )
    accounts = ACCOUNTS.replace("channels: 2", history)
    rows = [
        call("a", "09:00:00", "10:00:00"),
        call("b", "09:20:00", "09:50:00"),
        call("c", "09:00:00", "09:00:30", day="2026-10-07"),
    ]
    line = only(tmp_path, rows, *OCTOBER, accounts=accounts)
    assert line["channels"] == 0  # at the end of the month
    assert [(step["from"], step["channels"]) for step in line["caps"]] == [
        ("2026-09-30T22:00:00Z", 0),
        ("2026-10-03T22:00:00Z", 1),
        ("2026-10-05T07:30:00Z", 2),
        ("2026-10-05T22:00:00Z", 0),
    ]
    assert line["at_cap_s"] == 20 * 60 + 20 * 60  # one of one to 9:20, two of two from 9:30
    assert line["above_cap_s"] == 10 * 60 + 30


def test_no_channel_at_all(tmp_path: Path) -> None:
    rows = [call(str(i), "09:00:00", "09:00:00.050", reason="no_channel", code=486) for i in range(3)]
    line = only(tmp_path, rows, *OCTOBER, accounts=ACCOUNTS.replace("channels: 2", "channels: 0"))
    assert (line["channels"], line["peak_channels"], line["at_cap_s"]) == (0, 0, 0)
    both = line["calls"]["both"]
    assert (both["attempts"], both["blocked"], both["blocking"], both["holding_s"]) == (3, 3, 1, None)
    assert line["busiest_hour"] is None  # nobody knows how long they would have taken
    assert line["busy_hour"] is None


def test_calls_of_no_channels_that_came_through(tmp_path: Path) -> None:
    line = only(
        tmp_path,
        [call("a", "09:00:00", "09:30:00")],
        *OCTOBER,
        accounts=ACCOUNTS.replace("channels: 2", "channels: 0"),
    )
    assert line["busiest_hour"]["erlang_b"] == 1
    assert (line["at_cap_s"], line["above_cap_s"]) == (0, 1800)


def test_channels_held_from_the_answer(tmp_path: Path) -> None:
    """The first plan lets a call hold its channel from the answer on, the second from its setup."""
    book = copied_book(tmp_path)
    from_answer(book, "unlimited-fixed-mobile")
    rows = [
        call("a", "09:00:00", "09:30:00", "09:10:00"),
        call("b", "09:00:00", "09:30:00"),
        call("c", "09:00:00", "09:30:00", "09:10:00", day="2026-10-12"),
    ]
    history = "plan: [{from: null, to: 2026-10-10, plan: unlimited-fixed-mobile}, "
    history += "{from: 2026-10-10, to: null, plan: unlimited-fixed}]"
    accounts = ACCOUNTS.replace("channels: 2", f"channels: 2, {history}")
    line = only(tmp_path, rows, *OCTOBER, "--tariffs", str(book), accounts=accounts)
    assert hour(line, "erlangs", 5, 9) == pytest.approx(20 / 60, abs=1e-6)
    assert hour(line, "erlangs", 12, 9) == 0.5
    assert line["peak_at"] == "2026-10-05T07:10:00Z"
    assert only(tmp_path, rows, *OCTOBER, accounts=accounts)["peak_at"] == "2026-10-05T07:00:00Z"


def test_without_a_plan_in_force_the_books_metered_plan_says_from_when(tmp_path: Path) -> None:
    book = copied_book(tmp_path)
    from_answer(book, "metered")
    rows = [call("a", "09:00:00", "09:30:00", "09:10:00")]
    line = only(tmp_path, rows, *OCTOBER, "--tariffs", str(book))
    assert hour(line, "erlangs", 5, 9) == pytest.approx(20 / 60, abs=1e-6)


def test_figures_are_those_of_the_batch(tmp_path: Path) -> None:
    """The demo month: occupancy.csv comes from a sweep of its own."""
    demo = ROOT / "cdr_samples" / "demo"
    arguments = [str(demo / "cdrs"), "--accounts", str(demo / "accounts.yaml"), "--month", "2026-10"]
    rated = CliRunner().invoke(
        main, ["rate", *arguments, "--tariffs", "contract", "--out", str(tmp_path / "out")]
    )
    assert rated.exit_code == 1, rated.output
    with (tmp_path / "out" / "occupancy.csv").open(encoding="utf-8", newline="") as file:
        batch = list(csv.DictReader(file))
    found = lines(json.loads(run(*arguments, "--json").stdout))
    assert len(batch) == len(found) == 10
    for row_ in batch:
        line = found["2026-10", row_["trunk_id"], row_["site_id"] or None]
        assert (row_["peak_channels"], row_["peak_at"]) == (str(line["peak_channels"]), line["peak_at"])
        assert (row_["at_cap_s"], row_["above_cap_s"]) == (str(line["at_cap_s"]), str(line["above_cap_s"]))
        both = line["calls"]["both"]
        assert (row_["calls"], row_["blocked_calls"]) == (str(both["attempts"]), str(both["blocked"]))


# --- busy hours


def test_offered_erlangs_add_the_blocked_calls(tmp_path: Path) -> None:
    """An hour carried from 9 h, and two calls blocked that would have taken 30 min each."""
    rows = [
        call("a", "09:00:00", "09:15:00", "09:00:10"),
        call("b", "09:05:00", "09:50:00"),
        call("c", "09:06:00", "09:06:00.100", reason="no_channel", code=486),
        call("d", "09:07:00", "09:07:00.100", reason="no_channel", code=486, inbound=True),
        call("e", "09:08:00", "09:08:00.100", reason="refused", code=403),
        call("f", "14:00:00", "14:30:00", "14:00:01"),
        call("g", "14:00:00", "14:30:00", "14:00:01"),
    ]
    line = only(tmp_path, rows, *OCTOBER)
    assert line["calls"]["both"]["holding_s"] == 1800
    busiest = line["busiest_hour"]
    assert (busiest["from"], busiest["local_hour"], busiest["days"]) == ("2026-10-05T07:00:00Z", 9, 1)
    assert (busiest["carried_erlangs"], busiest["offered_erlangs"]) == (1, 2)
    assert (busiest["attempts"], busiest["blocked"], busiest["measured_blocking"]) == (4, 2, 0.5)
    assert busiest["erlang_b"] == pytest.approx(0.4)  # two Erlangs, two channels
    needed = {text: int(channels_needed(2, share)) for text, share in (("1 %", 0.01), ("0.1 %", 0.001))}
    assert busiest["channels_for"] == needed == {"1 %": 7, "0.1 %": 8}


def test_busy_hour_is_the_mean_of_working_days(tmp_path: Path) -> None:
    """CDRs of Fri 2 to Tue 6 October, three working days: 30 min on two from 10 h; Sunday does not count."""
    rows = [
        call("a", "10:00:00", "10:30:00", day="2026-10-02"),
        call("s", "15:00:00", "16:00:00", day="2026-10-04"),
        call("b", "10:00:00", "10:30:00", day="2026-10-05"),
        call("c", "11:00:00", "11:45:00", day="2026-10-06"),
    ]
    line = only(tmp_path, rows, *OCTOBER)
    assert line["busiest_hour"]["from"] == "2026-10-04T13:00:00Z"
    daily = line["busy_hour"]
    assert (daily["local_hour"], daily["days"], daily["attempts"]) == (10, 3, 2)
    assert daily["offered_erlangs"] == pytest.approx(1 / 3, abs=1e-6)
    assert daily["erlang_b"] == pytest.approx(float(erlang_b(1 / 3, 2)))


def test_public_holidays_are_no_working_days(tmp_path: Path) -> None:
    """Wednesday 11 November is one in France; the Thursday counts."""
    rows = [
        row("a", "2026-11-11T10:00:00Z", "2026-11-11T10:50:00Z"),
        row("b", "2026-11-12T14:00:00Z", "2026-11-12T14:10:00Z"),
    ]
    daily = only(tmp_path, rows, "--month", "2026-11")["busy_hour"]
    assert (daily["local_hour"], daily["days"]) == (15, 1)


def test_holidays_of_the_book_count(tmp_path: Path) -> None:
    book = copied_book(tmp_path)
    (book / "windows.yaml").write_text(
        'holidays: [2026-11-12]\nwindows: {day: [{days: [mon], from: "08:00", to: "19:00"}]}\n',
        encoding="utf-8",
    )
    rows = [
        row("a", "2026-11-11T10:00:00Z", "2026-11-11T10:50:00Z"),
        row("b", "2026-11-12T14:00:00Z", "2026-11-12T14:10:00Z"),
    ]
    accounts = ACCOUNTS.replace("channels: 2", "channels: 2, plan: unlimited-fixed")
    daily = only(tmp_path, rows, "--month", "2026-11", "--tariffs", str(book), accounts=accounts)["busy_hour"]
    assert (daily["local_hour"], daily["days"]) == (11, 1)


def test_a_weekend_shop_has_no_busy_hour_of_working_days(tmp_path: Path) -> None:
    line = only(tmp_path, [call("a", "10:00:00", "10:30:00", day="2026-10-04")], *OCTOBER)
    assert line["busiest_hour"]["local_hour"] == 10
    assert line["busy_hour"] is None


def test_the_first_of_equal_hours_is_the_busiest(tmp_path: Path) -> None:
    rows = [call("a", "15:00:00", "15:30:00"), call("b", "09:00:00", "09:30:00")]
    line = only(tmp_path, rows, *OCTOBER)
    assert line["busiest_hour"]["local_hour"] == line["busy_hour"]["local_hour"] == 9


def test_days_without_cdrs_before_the_first_and_after_the_last_do_not_count(tmp_path: Path) -> None:
    found = report(tmp_path, [call("a", "10:00:00", "11:00:00"), call("b", "12:00:00", "12:00:30")], *OCTOBER)
    assert found["months"][0]["seen"] == [DAY, DAY]
    (line,) = found["months"][0]["lines"]
    assert line["busy_hour"]["offered_erlangs"] == 1
    assert line["week"]["erlangs"][0][10] == 1


# --- clocks


def test_the_night_of_25_hours(tmp_path: Path) -> None:
    """25 October: 02:00 to 03:00 occurs twice; a call through both hours holds each whole."""
    rows = [row("a", "2026-10-25T02:00:00+02:00", "2026-10-25T03:00:00+01:00")]
    found = report(tmp_path, rows, *OCTOBER)
    (line,) = found["months"][0]["lines"]
    assert line["erlang_hours"] == 2
    hours = found["months"][0]["hours"]
    first = hours.index("2026-10-25T00:00:00Z")
    assert line["occupancy"]["erlangs"][first - 1 : first + 3] == [0, 1, 1, 0]
    assert len(hours) == 745
    assert line["week"]["erlangs"][6][1:4] == [0, 1, 0]  # Sunday: two hours of two are held


def test_the_twice_shown_hour_is_two_of_five_sundays_hours(tmp_path: Path) -> None:
    rows = [row("a", "2026-10-25T02:00:00+02:00", "2026-10-25T02:30:00+02:00")]
    rows += [row(f"d{i}", f"2026-10-{i:02}T20:00:00+02:00", f"2026-10-{i:02}T20:00:01+02:00") for i in (1,)]
    rows += [row("e", "2026-10-31T20:00:00+01:00", "2026-10-31T20:00:01+01:00")]
    line = only(tmp_path, rows, *OCTOBER)
    assert line["week"]["erlangs"][6][2] == pytest.approx(0.5 / 5)  # 4, 11, 18 and twice on 25 October


def test_the_night_of_23_hours(tmp_path: Path) -> None:
    """29 March: 02:00 to 03:00 does not exist; a call through it lasts an hour less than the clock says."""
    rows = [row("a", "2026-03-29T01:00:00+01:00", "2026-03-29T04:00:00+02:00")]
    found = report(tmp_path, rows, "--month", "2026-03")
    (line,) = found["months"][0]["lines"]
    assert len(found["months"][0]["hours"]) == 743
    assert line["erlang_hours"] == 2
    assert line["week"]["erlangs"][6][:5] == [0, 1, 0, 1, 0]


def test_hours_are_those_of_the_clock_that_is_asked_for(tmp_path: Path) -> None:
    rows = [call("a", "09:00:00", "09:30:00")]
    assert only(tmp_path, rows)["busiest_hour"]["local_hour"] == 9
    assert only(tmp_path, rows, "--clock", "Indian/Reunion")["busiest_hour"]["local_hour"] == 11
    assert only(tmp_path, rows, "--clock", "Asia/Kolkata")["busiest_hour"]["local_hour"] == 12
    assert only(tmp_path, rows, "--timezone", "UTC")["busiest_hour"]["local_hour"] == 9


def test_times_without_offset_are_of_the_timezone_only(tmp_path: Path) -> None:
    rows = [row("a", "2026-10-05T07:00:00", "2026-10-05T07:30:00")]
    assert only(tmp_path, rows)["busiest_hour"]["local_hour"] == 7
    assert only(tmp_path, rows, "--timezone", "UTC")["busiest_hour"]["local_hour"] == 9
    assert only(tmp_path, rows, "--clock", "UTC")["busiest_hour"]["local_hour"] == 5


def test_a_clock_that_changes_by_half_an_hour(tmp_path: Path) -> None:
    """Lord Howe, 4 April 2027: 02:00 becomes 01:30. The half hour shown again is never the busiest hour."""
    rows = [
        row("a", "2027-04-03T15:00:00Z", "2027-04-03T15:30:00Z"),
        row("b", "2027-04-10T00:00:00Z", "2027-04-10T00:20:00Z"),
    ]
    found = report(tmp_path, rows, "--month", "2027-04", "--clock", "Australia/Lord_Howe")
    (line,) = found["months"][0]["lines"]
    assert len(found["months"][0]["hours"]) == 721
    piece = found["months"][0]["hours"].index("2027-04-03T15:00:00Z")
    assert line["occupancy"]["erlangs"][piece : piece + 2] == [1, 0]
    busiest = line["busiest_hour"]
    assert (busiest["from"], busiest["local_hour"]) == ("2027-04-09T23:30:00Z", 10)
    assert line["week"]["erlangs"][6][1] == pytest.approx(
        0.5 / 1.5, abs=1e-6
    )  # Sunday, 01:00 to 02:00 and again


# --- how calls fared


def test_ratios(tmp_path: Path) -> None:
    """Out: 5 answered, 1 busy, 1 given up, 1 wrong number, 1 blocked, 1 refused. In: 1 answered."""
    rows = [
        call(
            f"a{i}", f"09:0{i}:00", f"09:0{i}:50", f"09:0{i}:10.5", reason="normal", alert=f"09:0{i}:0{i + 1}"
        )
        for i in range(5)
    ]
    rows += [
        call("b", "10:00:00", "10:00:04", reason="busy", code=486, alert="10:00:01.500"),
        call("c", "10:01:00", "10:01:06", reason="cancelled", code=487),
        call("d", "10:02:00", "10:02:01", reason="failed", code=404),
        call("e", "10:03:00", "10:03:00", reason="no_channel", code=486),
        call("f", "10:04:00", "10:04:00", reason="refused", code=403),
        call("g", "11:00:00", "11:01:40", "11:00:40", inbound=True, reason="normal"),
    ]
    calls = only(tmp_path, rows, *OCTOBER)["calls"]
    both, out, into = calls["both"], calls["outbound"], calls["inbound"]
    counted = ("attempts", "answered", "blocked", "refused")
    assert [both[name] for name in counted] == [11, 6, 1, 1]
    assert [out[name] for name in counted] == [10, 5, 1, 1]
    assert [into[name] for name in counted] == [1, 1, 0, 0]
    assert (out["asr"], out["asr_of_seizures"], out["ner"]) == (0.5, 0.625, 0.7)
    assert out["blocking"] == pytest.approx(1 / 9, abs=1e-6)
    assert (out["acd_s"], into["acd_s"], both["acd_s"]) == (40, 60, pytest.approx(260 / 6, abs=1e-6))
    assert out["holding_s"] == pytest.approx((5 * 50 + 4 + 6 + 1) / 8)
    assert (out["pdd_calls"], out["pdd_median_ms"], out["pdd_p95_ms"]) == (6, 2000, 5000)
    assert (into["pdd_calls"], into["pdd_median_ms"], into["pdd_p95_ms"]) == (0, None, None)


def test_percentiles_are_nearest_ranks(tmp_path: Path) -> None:
    """Of 21 delays, 1 to 21 s, the 11th and the 20th; of one, itself."""
    rows = [call(f"a{i}", f"09:{i:02}:00", f"09:{i:02}:40", alert=f"09:{i:02}:{i + 1:02}") for i in range(21)]
    rows.append(call("b", "10:00:00", "10:00:40", alert="10:00:00.0004", inbound=True))
    calls = only(tmp_path, rows, *OCTOBER)["calls"]
    assert (calls["outbound"]["pdd_median_ms"], calls["outbound"]["pdd_p95_ms"]) == (11_000, 20_000)
    assert (calls["inbound"]["pdd_median_ms"], calls["inbound"]["pdd_p95_ms"]) == (0, 0)


def test_an_alert_before_the_setup_is_no_delay(tmp_path: Path) -> None:
    rows = [
        call("a", "09:00:10", "09:00:40", alert="09:00:05"),
        call("b", "09:01:00", "09:01:40", alert="09:01:03"),
    ]
    both = only(tmp_path, rows, *OCTOBER)["calls"]["both"]
    assert (both["pdd_calls"], both["pdd_median_ms"]) == (1, 3000)


def test_without_end_reasons_the_status_tells_who_was_reached(tmp_path: Path) -> None:
    codes = (480, 486, 487, 603, 404, 503, 484)
    rows = [call(f"a{code}", f"09:{i:02}:00", f"09:{i:02}:05", code=code) for i, code in enumerate(codes)]
    line = only(tmp_path, rows, *OCTOBER)
    assert line["calls"]["both"]["ner"] == pytest.approx(4 / 7, abs=1e-6)
    assert line["blocked_calls_are_told"] is False


# --- trunks, sites, sources


SITES = """
customers:
  - {id: c, numbers: ["+33199000110..+33199000119"], users: {alice@c.example: "+33199000111"}}
trunks:
  - id: t1
    customer: c
    fqdn: sbc.c.trunk.example
    channels: 3
    sites:
      - {id: paris, channels: 1, numbers: ["+33199000110..+33199000111"]}
      - {id: lyon, channels: 2, numbers: ["+33199000112"]}
  - {id: t2, customer: c, channels: 5}
"""


def test_sites_by_the_own_number(tmp_path: Path) -> None:
    rows = [
        call("a", "09:00:00", "09:30:00", "09:00:01", own="+33199000110"),
        call("b", "09:00:00", "09:15:00", own="+33199000111", inbound=True),
        call("c", "09:00:00", "09:15:00", own="+33199000112"),
        call("d", "09:00:00", "09:15:00", own="+33199000119"),
        call("e", "09:10:00", "09:10:00", own="+33199000110", reason="no_channel", code=486),
        call("f", "10:00:00", "10:06:00", own="+33639980123", forwarded_by="alice@c.example"),
    ]
    found = lines(report(tmp_path, rows, *OCTOBER, accounts=SITES))
    assert [key[1:] for key in found] == [("t1", None), ("t1", "paris"), ("t1", "lyon"), ("t2", None)]
    trunk, paris, lyon, other = found.values()
    assert [line["calls"]["both"]["attempts"] for line in (trunk, paris, lyon, other)] == [6, 4, 1, 0]
    assert [line["peak_channels"] for line in (trunk, paris, lyon, other)] == [4, 2, 1, 0]
    assert [line["channels"] for line in (trunk, paris, lyon, other)] == [3, 1, 2, 5]
    assert (trunk["above_cap_s"], paris["above_cap_s"], paris["at_cap_s"]) == (900, 900, 900 + 360)
    assert (paris["calls"]["both"]["blocked"], lyon["calls"]["both"]["blocked"]) == (1, 0)
    assert paris["busiest_hour"]["carried_erlangs"] == 0.75
    assert other["busiest_hour"] is None


def test_a_site_without_channels_has_no_cap_of_its_own(tmp_path: Path) -> None:
    accounts = SITES.replace("channels: 1, ", "")
    rows = [call(str(i), "09:00:00", "09:30:00") for i in range(2)]
    found = lines(report(tmp_path, rows, *OCTOBER, accounts=accounts))
    paris = found["2026-10", "t1", "paris"]
    assert (paris["channels"], paris["caps"], paris["at_cap_s"], paris["above_cap_s"]) == (None, [], 0, 0)
    assert (paris["peak_channels"], paris["busiest_hour"]["erlang_b"]) == (2, None)
    assert paris["busiest_hour"]["channels_for"] == {"1 %": 5, "0.1 %": 6}
    trunk = found["2026-10", "t1", None]
    assert trunk["busiest_hour"]["erlang_b"] == pytest.approx(float(erlang_b(1, 3)))


def test_trunks_without_a_call_are_in_the_month_that_is_asked_for(tmp_path: Path) -> None:
    rows = [call("a", "09:00:00", "09:30:00")]
    assert len(lines(report(tmp_path, rows, *OCTOBER, accounts=SITES))) == 4
    assert [key[1:] for key in lines(report(tmp_path, rows, accounts=SITES))] == [
        ("t1", None),
        ("t1", "paris"),
        ("t1", "lyon"),
    ]


@pytest.mark.parametrize("name", ["t1", "SBC.c.trunk.example"])
def test_one_trunk_only(tmp_path: Path, name: str) -> None:
    rows = [call("a", "09:00:00", "09:30:00"), call("b", "09:00:00", "09:30:00", trunk="t2")]
    found = report(tmp_path, rows, *OCTOBER, "--trunk", name, accounts=SITES)
    assert {line["trunk_id"] for line in found["months"][0]["lines"]} == {"t1"}
    assert found["reconciliation"]["other_trunk"] == found["reconciliation"]["counted"] == 1


def test_a_trunk_is_counted_from_its_rating_source(tmp_path: Path) -> None:
    rows = [
        call("a", "09:00:00", "09:30:00", source="sbc"),
        call("b", "09:00:00", "09:30:00", source="sbc"),
        call("a", "09:00:01", "09:30:00", source="teams"),
    ]
    for source, peak, counted in (("sbc", 2, 2), ("teams", 1, 1), ("gw9", 0, 0)):
        accounts = ACCOUNTS.replace("channels: 2", f"channels: 2, rating_source: {source}")
        found = report(tmp_path, rows, *OCTOBER, accounts=accounts, code=0 if counted else 1)
        (line,) = found["months"][0]["lines"]
        assert line["peak_channels"] == peak
        assert found["reconciliation"]["other_source"] == 3 - counted
        silent = (
            "trunk 't1' has no CDR from its rating_source 'gw9', but 3 from others; expected CDRs from it. "
            "They are not counted. [CDR-SOURCES]"
        )
        assert found["warnings"] == ([] if counted else [silent])


def test_the_other_source_of_another_month_holds_no_channel(tmp_path: Path) -> None:
    """The SBC was changed on 1 October: its last call of September is not October's source's."""
    rows = [
        row("a", at("23:00:00", "2026-09-30"), at("09:30:00", "2026-10-05"), source="old"),
        call("b", "09:00:00", "09:20:00", source="new"),
    ]
    assert only(tmp_path, rows, *OCTOBER)["peak_channels"] == 1


def test_a_source_of_another_month_is_not_missed(tmp_path: Path) -> None:
    rows = [
        row("a", at("09:00:00", "2026-09-30"), at("09:30:00", "2026-09-30"), source="old"),
        call("b", "09:00:00", "09:30:00", trunk="t2", source="old"),
    ]
    accounts = SITES.replace("    channels: 3", "    channels: 3\n    rating_source: new")
    assert report(tmp_path, rows, *OCTOBER, accounts=accounts)["warnings"] == []


def test_two_sources_without_a_rating_source_stop_the_run(tmp_path: Path) -> None:
    rows = [call(source, "09:00:00", "09:30:00", source=source) for source in "ab"]
    result = run(*files(tmp_path, rows), *OCTOBER)
    assert result.exit_code == 2
    assert result.stderr == (
        "trunk 't1' has CDRs from sources a, b; expected one, or rating_source in its accounts entry to say "
        "which counts. Nothing was counted. [CDR-SOURCES]\n"
    )
