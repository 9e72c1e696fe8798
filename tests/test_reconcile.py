"""Two sources of the same calls held against each other: `trunkrate reconcile`."""

import json
import random
from itertools import permutations
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from click.testing import CliRunner, Result

from rating import reconcile as module
from rating.arrays import NONE, SECOND
from rating.cli import main
from rating.reconcile import Legs, Tolerance, reconcile
from rating.reconcile_sides import Side

FORMATS = Path(__file__).parent.parent / "cdr_samples" / "formats"
ACCOUNTS = str(FORMATS / "accounts.yaml")
C10 = "1487a56d-fa05-580e-b3e9-82fa870ce5c8"
"""A call that ended in Teams: no leg of it crossed the SBC."""

HEAD = "call_id,trunk_id,direction,a_number,b_number,setup_time,answer_time,release_time,sip_code,user_id,"
HEAD += "forwarded_by,forward_type\n"


def run(*arguments: str | Path) -> Result:
    return CliRunner().invoke(main, ["reconcile", *map(str, arguments)])


def report(*arguments: str | Path, code: int = 1) -> dict[str, Any]:
    result = run(*arguments, "--accounts", ACCOUNTS, "--json")
    assert result.exit_code == code, result.output
    return json.loads(result.stdout)


@pytest.fixture
def graph(tmp_path: Path) -> Path:
    folder = tmp_path / "graph"
    folder.mkdir()
    for name in ("graph_dr_v1_page1.json", "graph_dr_v1_page2.json"):
        (folder / name).write_bytes((FORMATS / name).read_bytes())
    return folder


def row(
    call_id: str,
    at: int,
    seconds: float | None = 60,
    b: str = "+33261910011",
    a: str = "+33199000110",
    direction: str = "outbound",
) -> str:
    """A canonical row; `at` is the answer in seconds after 09:00, `seconds` None where not answered."""

    def stamp(second: float) -> str:
        return f"{np.datetime64('2026-10-05T09:00:00', 'ms') + np.timedelta64(int(second * 1000), 'ms')}Z"

    times = (
        (stamp(at), "", stamp(at + 4)) if seconds is None else (stamp(at - 4), stamp(at), stamp(at + seconds))
    )
    return f"{call_id},t1,{direction},{a},{b},{','.join(times)},{486 if seconds is None else 200},,,\n"


def sides(tmp_path: Path, a: list[str], b: list[str]) -> tuple[Path, Path]:
    files = tmp_path / "a.csv", tmp_path / "b.csv"
    for file, rows in zip(files, (a, b), strict=True):
        file.write_text(HEAD + "".join(rows), encoding="utf-8")
    return files


def ids(found: dict[str, Any]) -> list[tuple[str, str]]:
    return [(pair["a"]["call_id"], pair["b"]["call_id"]) for pair in found["pairs"]]


def starts(legs: list[dict[str, Any]]) -> list[str]:
    return [leg["setup_time"][11:16] for leg in legs]


# --- the samples


def test_graph_against_audiocodes(graph: Path) -> None:
    found = report(graph, FORMATS / "audiocodes_syslog_calls.txt")
    a, b = found["a"], found["b"]
    assert (a["rows"], a["matched"], a["only"], a["duplicates"], a["rejected"]) == (12, 10, 1, 1, 0)
    assert (b["rows"], b["matched"], b["only"], b["not_a_call"]) == (21, 10, 0, 11)
    assert (a["seconds"], b["seconds"], a["only_seconds"]) == (1587, 1542, 30)
    assert [leg["call_id"] for leg in found["only_in_a"]] == [C10]
    minutes = ["09:00", "09:10", "09:20", "09:20", "09:30", "09:40", "09:41", "09:50", "10:00", "00:54"]
    assert sorted(starts([pair["a"] for pair in found["pairs"]])) == sorted(minutes)
    assert all(pair["a"]["setup_time"] == pair["b"]["setup_time"] for pair in found["pairs"])


def test_teams_inbound_legs_start_early_and_differ_in_duration(graph: Path) -> None:
    found = report(graph, FORMATS / "audiocodes_syslog_calls.txt")
    different = [pair for pair in found["pairs"] if pair["differs"]]
    assert [pair["differs"] for pair in different] == [["duration"], ["duration"]]
    assert [(pair["a"]["duration_s"], pair["b"]["duration_s"]) for pair in different] == [
        (65, 61),
        (222, 211),
    ]
    assert {pair["a"]["direction"] for pair in different} == {"inbound"}
    assert {pair["a"]["a_number"] for pair in different} == {"+3363998****"}
    assert {pair["b"]["a_number"] for pair in different} == {"+33639980123"}


@pytest.mark.parametrize(
    ("name", "matched", "only"),
    [
        ("kamailio_acc.csv", 10, 1),
        ("kamailio_acc_cdrs.csv", 10, 1),
        ("kamailio_syslog.log", 10, 1),
        ("asterisk_Master_21cols_paris.csv", 10, 1),
        ("asterisk_cdr_custom_paris.csv", 10, 1),
        ("asterisk_Master_16cols_paris.csv", 10, 1),
        ("freeswitch_Master_example_template_paris.csv", 10, 1),
    ],
)
def test_graph_against_proxies(graph: Path, name: str, matched: int, only: int) -> None:
    found = report(graph, FORMATS / name)
    assert (found["matched"], found["different"], found["a"]["only"], found["b"]["only"]) == (
        matched,
        2,
        only,
        0,
    )
    assert C10 in [leg["call_id"] for leg in found["only_in_a"]]


def test_rejects_are_counted_and_said(graph: Path, tmp_path: Path) -> None:
    name = tmp_path / "Master.csv"
    lines = (FORMATS / "asterisk_Master_16cols_paris.csv").read_text(encoding="utf-8")
    name.write_text(lines.replace('"cabinet-exemple"', '""'), encoding="utf-8")
    assert report(graph, name)["b"]["rejected"] == 1
    assert [(r["side"], r["line"], r["code"]) for r in report(graph, name)["rejects"]] == [
        ("b", 4, "CDR-TRUNK")
    ]
    said = run(graph, name, "--accounts", ACCOUNTS)
    assert f"{name}:4: b_number '+33639980456'" in said.stderr
    assert "Row rejected, the others are compared. [CDR-TRUNK]" in said.stderr
    assert "10 rows = 9 matched + 0 only in B + 1 rejected; 9 legs" in said.stdout


def test_call_of_the_clock_change_night_matches_in_any_format(graph: Path) -> None:
    for name in ("kamailio_acc.csv", "asterisk_Master_16cols_paris.csv", "audiocodes_syslog_calls.txt"):
        night = [p for p in report(graph, FORMATS / name)["pairs"] if p["a"]["setup_time"] > "2026-10"]
        assert [(p["a"]["answer_time"], p["b"]["answer_time"], p["differs"]) for p in night] == [
            ("2026-10-25T00:55:00Z", "2026-10-25T00:55:00Z", [])
        ]


def test_equal_sources_are_clean() -> None:
    found = report(FORMATS / "kamailio_acc_cdrs.csv", FORMATS / "asterisk_Master_21cols_paris.csv", code=0)
    assert (found["matched"], found["different"], found["only_in_a"], found["only_in_b"]) == (10, 0, [], [])
    assert found["by_trunk"] == [
        {
            "trunk_id": "t1",
            "legs_a": 10,
            "seconds_a": 1542,
            "legs_b": 10,
            "seconds_b": 1537,
            "matched": 10,
            "different": 0,
            "only_in_a": 0,
            "only_in_b": 0,
        }
    ]


def test_table_shows_where_each_leg_stands(graph: Path) -> None:
    text = run(graph, FORMATS / "audiocodes_syslog_calls.txt", "--accounts", ACCOUNTS).stdout
    assert "Different: 2\n" in text
    assert "Only in A: 1\n" in text
    assert "Only in B" not in text
    assert f"2026-01-15T10:10:05Z  +33199000110  +3326191****  30  {graph}/graph_dr_v1_page2.json:6\n" in text


# --- made to measure


def test_call_missing_on_one_side(tmp_path: Path) -> None:
    files = sides(tmp_path, [row("x1", 0), row("x2", 600)], [row("y1", 1)])
    found = report(*files)
    assert ids(found) == [("x1", "y1")]
    assert [(leg["call_id"], leg["line"]) for leg in found["only_in_a"]] == [("x2", 3)]
    assert found["a"]["only_seconds"] == 60


@pytest.mark.parametrize(
    ("seconds", "option", "matched", "different"),
    [(61, "2", 1, 0), (62, "2", 1, 1), (63, "2", 0, 0), (63, "3", 1, 1), (57, "3", 1, 1), (56, "3", 0, 0)],
)
def test_duration_apart(tmp_path: Path, seconds: int, option: str, matched: int, different: int) -> None:
    files = sides(tmp_path, [row("x", 0, 60)], [row("y", 0, seconds)])
    found = report(*files, "--duration-seconds", option, code=0 if matched and not different else 1)
    assert (found["matched"], found["different"]) == (matched, different)


@pytest.mark.parametrize(
    ("direction", "apart", "option", "matched"),
    [
        ("outbound", 5, (), 1),
        ("outbound", -5, (), 1),
        ("outbound", 6, (), 0),
        ("outbound", 6, ("--seconds", "6"), 1),
        ("inbound", 30, (), 1),
        ("inbound", 31, (), 0),
        ("inbound", 31, ("--inbound-seconds", "31"), 1),
    ],
)
def test_time_apart(
    tmp_path: Path, direction: str, apart: int, option: tuple[str, ...], matched: int
) -> None:
    a, b = ("+33639980123", "+33199000110") if direction == "inbound" else ("+33199000110", "+33639980123")
    rows = [[row(name, at, 60, b, a, direction)] for name, at in (("x", 60), ("y", 60 + apart))]
    assert report(*sides(tmp_path, *rows), *option, code=1 - matched)["matched"] == matched


@pytest.mark.parametrize(
    ("one", "other", "matched"),
    [
        ("+3326191****", "+33261910011", 1),
        ("+3326191****", "0261919999", 1),
        ("+3326191****", "+3326191****", 1),
        ("+3326191****", "+33261920000", 0),
        ("+3326191****", "+33261909999", 0),
        ("+33261910011", "+33261910012", 0),
        ("0261910011", "+33261910011", 1),
    ],
)
def test_numbers(tmp_path: Path, one: str, other: str, matched: int) -> None:
    files = sides(tmp_path, [row("x", 0, b=one)], [row("y", 0, b=other)])
    assert report(*files, code=1 - matched)["matched"] == matched


def test_unreadable_caller_is_no_obstacle(tmp_path: Path) -> None:
    rows = [
        [row(name, 0, a=a, b="+33199000110", direction="inbound")]
        for name, a in (("x", "anonymous"), ("y", "+33639980123"))
    ]
    assert report(*sides(tmp_path, *rows), code=0)["matched"] == 1


def test_two_calls_to_one_masked_prefix_within_the_window(tmp_path: Path) -> None:
    masked = [row("x1", 0, 60, "+3326191****"), row("x2", 3, 60, "+3326191****")]
    whole = [row("y1", 1, 60, "+33261910011"), row("y2", 3, 60, "+33261910022")]
    for one, other in ((masked, whole), (masked[::-1], whole), (masked, whole[::-1])):
        assert ids(report(*sides(tmp_path, one, other), code=0)) == [("x1", "y1"), ("x2", "y2")]


def test_two_calls_to_one_masked_prefix_one_of_them_missing(tmp_path: Path) -> None:
    masked = [row("x1", 0, 60, "+3326191****"), row("x2", 3, 60, "+3326191****")]
    found = report(*sides(tmp_path, masked, [row("y2", 2, 60)]))
    assert ids(found) == [("x2", "y2")]
    assert [leg["call_id"] for leg in found["only_in_a"]] == ["x1"]


def test_inbound_release_tells_two_calls_apart(tmp_path: Path) -> None:
    """Teams' record starts early, so the answer of the call before may be nearer: the release is not."""

    def leg(name: str, at: int, seconds: int, caller: str) -> str:
        return row(name, at, seconds, "+33199000110", caller, "inbound")

    masked = [leg("x1", 0, 60, "+3363998****"), leg("x2", 12, 70, "+3363998****")]
    whole = [leg("y1", 11, 49, "+33639980123"), leg("y2", 23, 59, "+33639980456")]
    assert ids(report(*sides(tmp_path, masked, whole))) == [("x1", "y1"), ("x2", "y2")]


def test_unanswered_by_setup_and_answered_on_one_side_only(tmp_path: Path) -> None:
    a = [row("x1", 0, None), row("x2", 100, None)]
    b = [row("y1", 3, None), row("y2", 104, 20)]
    found = report(*sides(tmp_path, a, b))
    assert ids(found) == [("x1", "y1"), ("x2", "y2")]
    assert [pair["differs"] for pair in found["pairs"]] == [[], ["answered"]]
    text = run(*sides(tmp_path, a, b), "--accounts", ACCOUNTS).stdout
    assert "2026-10-05T09:01:40Z not answered" in text


def test_directions_do_not_mix(tmp_path: Path) -> None:
    a = [row("x", 0, b="+33199000111")]
    b = [row("y", 0, b="+33199000111", direction="inbound")]
    assert report(*sides(tmp_path, a, b))["matched"] == 0


def test_order_of_rows_does_not_matter(tmp_path: Path) -> None:
    rng = random.Random(7)
    numbers = ["+3326191****", "+33261910011", "+33261910022", "+33261920001"]
    a, b = (
        [
            row(f"{side}{i}", rng.randrange(40), rng.choice([None, 60, 61, 63]), rng.choice(numbers))
            for i in range(40)
        ]
        for side in "xy"
    )
    expected = report(*sides(tmp_path, a, b))
    assert expected["matched"] > 20
    for _ in range(5):
        rng.shuffle(a)
        rng.shuffle(b)
        found = report(*sides(tmp_path, a, b))
        assert ids(found) == ids(expected)
        assert [leg["call_id"] for leg in found["only_in_b"]] == [
            leg["call_id"] for leg in expected["only_in_b"]
        ]


def test_long_lists_are_cut_in_the_table_only(tmp_path: Path) -> None:
    files = sides(tmp_path, [row(f"x{i}", 600 * i) for i in range(25)], [])
    assert "and 5 more: --json lists all" in run(*files, "--accounts", ACCOUNTS).stdout
    assert len(report(*files)["only_in_a"]) == 25


def test_repeats_are_duplicates_and_conflicts_rejects(tmp_path: Path) -> None:
    files = sides(tmp_path, [row("x", 0), row("x", 0), row("z", 50), row("z", 51)], [row("y", 0)])
    found = report(*files)
    assert (found["a"]["matched"], found["a"]["duplicates"], found["a"]["rejected"]) == (1, 1, 2)
    assert {reject["code"] for reject in found["rejects"]} == {"CDR-CONFLICT"}


# --- reconcile()


def legs(answers: list[int], numbers: list[int], seconds: list[int] | None = None) -> Legs:
    n, at = len(answers), np.array(answers, np.int64) * SECOND
    zero, key = np.zeros(n, np.int64), np.array(numbers, np.int64)
    lasted = np.array(seconds, np.int64) if seconds else zero + 60
    names = pa.array([str(i) for i in range(n)], pa.string())
    return Legs(zero, zero > 0, at, at, at + lasted * SECOND, lasted, zero, zero, key, key, names)


def test_reconcile_every_order_alike() -> None:
    other = legs([1, 2, 3], [7, 7, 7])
    for order in permutations([0, 2, 4]):
        found = reconcile(legs(list(order), [7, 7, 7]), other)
        times = [(order[i], j + 1) for i, j in zip(found.a.tolist(), found.b.tolist(), strict=True)]
        assert times in ([(0, 1), (2, 2), (4, 3)],)


def test_reconcile_in_small_batches_is_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    rng = np.random.default_rng(3)
    one, other = (
        legs(rng.integers(0, 300, 200).tolist(), rng.integers(1, 9, 200).tolist()) for _ in range(2)
    )
    whole = reconcile(one, other)
    assert len(whole.a) > 100
    for size in (1, 7):
        monkeypatch.setattr(module, "BATCH", size)
        parts = reconcile(one, other)
        assert (parts.a.tolist(), parts.b.tolist()) == (whole.a.tolist(), whole.b.tolist())


def test_reconcile_is_one_to_one_and_complete() -> None:
    one, other = legs([5, 5, 5, 90], [7, 7, 7, 7]), legs([5, 6], [7, 7])
    found = reconcile(one, other, Tolerance(seconds=1))
    assert sorted([*found.a.tolist(), *found.only_a.tolist()]) == [0, 1, 2, 3]
    assert sorted([*found.b.tolist(), *found.only_b.tolist()]) == [0, 1]
    assert len(found.a) == 2


def test_reconcile_nothing() -> None:
    found = reconcile(legs([], []), legs([], []))
    assert len(found.a) == len(found.only_a) == len(found.only_b) == 0
    assert NONE not in found.a


# --- bad arguments


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["{a}", "{b}"], "Missing option '--accounts'"),
        (["{a}", "--accounts", ACCOUNTS], "Missing argument 'B'"),
        (["{a}", "{b}", "--accounts", ACCOUNTS, "--seconds", "-1"], "Invalid value for '--seconds'"),
        (["{a}", "{b}", "--accounts", ACCOUNTS, "--timezone", "Mars"], "Mars"),
        (["{a}", "{b}", "--accounts", "none.yaml"], "none.yaml"),
        (["{a}", "none.csv", "--accounts", ACCOUNTS], "none.csv: is not there"),
        (["{a}", "{a}", "--accounts", ACCOUNTS], "is on both sides; expected two sources"),
        (["{a}", "{folder}", "--accounts", ACCOUNTS], "is on both sides; expected two sources"),
        (["{empty}", "{empty2}", "--accounts", ACCOUNTS], "hold no call leg; expected CDRs"),
    ],
)
def test_bad_arguments(tmp_path: Path, arguments: list[str], message: str) -> None:
    a, b = sides(tmp_path, [row("x", 0)], [row("y", 0)])
    empty = (tmp_path / "e1.csv", tmp_path / "e2.csv")
    for file in empty:
        file.write_text(HEAD, encoding="utf-8")
    places = {"a": a, "b": b, "folder": tmp_path, "empty": empty[0], "empty2": empty[1]}
    result = run(*(argument.format(**places) for argument in arguments))
    assert result.exit_code == 2
    assert message in result.stderr
    assert "Nothing was rated" not in result.stderr
    assert result.stdout == ""


def test_rows_lost_would_stop_the_program(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Side, "not_a_call", property(lambda side: 1))
    files = sides(tmp_path, [row("x", 0)], [row("y", 0)])
    result = run(*files, "--accounts", ACCOUNTS)
    assert isinstance(result.exception, AssertionError)
