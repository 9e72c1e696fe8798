"""Kamailio: acc_cdrs, acc and the syslog line, against the calls c1 to c9 of cdr_samples/formats."""

from __future__ import annotations

import random
import time
from dataclasses import dataclass
from pathlib import Path

import pytest
from outputs import rated_calls

from rating.accounts_file import load_accounts
from rating.arrays import NONE, SECOND
from rating.batch import Batch, Request, run_batch
from rating.errors import SourceError, TrunkrateError
from rating.instants import parse_one
from rating.placing import place
from rating.sources import Options, Reading, read_files
from rating.sources.files import CdrFile
from rating.sources.kamailio_acc import choose
from rating.sources.kamailio_table import nanoseconds
from rating.sources.readers import FORMATS, recognise
from rating.tariffs.book import load_book
from rating.zone import Zone, instant_text

SAMPLES = Path(__file__).parents[2] / "cdr_samples" / "formats"
ACCOUNTS = str(SAMPLES / "accounts.yaml")
CDRS, ACC, SYSLOG = "kamailio_acc_cdrs.csv", "kamailio_acc.csv", "kamailio_syslog.log"
FILES = {CDRS: "acc_cdrs", ACC: "acc", SYSLOG: "syslog"}

A, B, MAIN = "+33199000110", "+33199000111", "+33199000100"
PARIS, MOBILE = "+33261910011", "+33639980123"
LOCAL = "@sbc1.cabinet-exemple.trunk.example"


@dataclass(frozen=True)
class Leg:
    """A leg as it was: answered is empty where it was not; talk in ms; SIP code."""

    direction: str
    a_number: str
    b_number: str
    setup: str
    talk_ms: int
    code: str = "200"
    forwarded_by: str = ""


TRUTH = {
    "b5ac1126ad605be084650faad568ec60": Leg("outbound", A, PARIS, "2026-01-15T09:00:06.480Z", 125_420),
    f"061b7269641650f8b4e51c89c960b37e{LOCAL}": Leg("inbound", MOBILE, A, "2026-01-15T09:10:05.400Z", 60_200),
    f"30fb407fb45357d9b371e317f7ac99ad{LOCAL}": Leg(
        "inbound", MOBILE, A, "2026-01-15T09:20:11.320Z", 210_610
    ),
    "5670cd757fad51659a0f57351ba54cca": Leg(
        "outbound", MOBILE, "+33639980456", "2026-01-15T09:20:11.300Z", 210_600, forwarded_by=A
    ),
    "05f4bf5f2f5a528792690b58698ff86e": Leg("outbound", B, "+12025550143", "2026-01-15T09:30:09Z", 700),
    "0e10d6afbf505ead8ba88151f1c7aa39": Leg("outbound", B, PARIS, "2026-01-15T09:40:02Z", 0, "486"),
    "3d09738bacd75bffb6ce00b5cf7e5a5b": Leg("outbound", B, PARIS, "2026-01-15T09:41:00Z", 0, "503"),
    "1e32660fbb275efb82867652ca9e44a3": Leg("outbound", A, "+33465710022", "2026-01-15T09:50:04Z", 300_999),
    f"46fd673fbef55ee786b8ea0da599b282{LOCAL}": Leg(
        "inbound", MOBILE, MAIN, "2026-01-15T10:00:00.900Z", 30_100
    ),
    "a780374453295f04bd919dcec4f6aec7": Leg("outbound", A, PARIS, "2026-10-25T00:55:00Z", 600_000),
}

# What a form cannot carry, and what stands there instead.
#             answer's ms   talk's ms   who forwarded   why it failed
# acc_cdrs    cut           exact       yes             no: sip_code 0, end_reason empty
# acc         cut           cut ends    no              yes
# syslog      exact         exact       yes             no: sip_code 0, end_reason empty
CUT_ANSWER, CUT_TALK, NO_FORWARD, NO_REASON = {CDRS, ACC}, {ACC}, {ACC}, {CDRS, SYSLOG}
REASONS = {"486": "busy", "503": "failed", "200": "normal"}


def reading_of(path: Path, ambiguous: str = "reject", zone: str = "Europe/Paris", **more: str) -> Reading:
    file = CdrFile(path.name, path)
    return read_files([file], Options(Zone(zone), ambiguous, **more), "auto")


def written(tmp_path: Path, *lines: str, name: str = "x.csv") -> Path:
    path = tmp_path / name
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path


def reconciles(reading: Reading) -> bool:
    entry = reading.files[0]
    return entry.rows == len(reading.calls) + len(reading.rejects) + entry.not_a_call


def messages(reading: Reading) -> list[str]:
    return [f"{reject.line} {reject.code} {reject.message}" for reject in reading.rejects]


def times(reading: Reading) -> list[tuple[str, str, str]]:
    calls = reading.calls
    columns = (calls.setup.tolist(), calls.answer.tolist(), calls.release.tolist())
    return [tuple(map(instant_text, instants)) for instants in zip(*columns, strict=True)]


def rated(out: Path, *names: str) -> Batch:
    batch = run_batch(Request([str(SAMPLES / name) for name in names], ACCOUNTS, "contract", out))
    assert batch.run.rows == sum(batch.run.total.values())
    return batch


@pytest.mark.parametrize("name", FILES)
def test_sample_is_recognised(name: str) -> None:
    found = recognise(CdrFile(name, SAMPLES / name))
    assert (found.name, found.form) == ("kamailio", FILES[name])


@pytest.mark.parametrize("other", sorted(SAMPLES.rglob("*.*")))
def test_other_formats_are_not_claimed(other: Path) -> None:
    head = other.read_bytes()[:65536]
    ours = [f.form for f in FORMATS if f.name == "kamailio" and f.recognises(head, other.name.lower())]
    assert ours == ([FILES[other.name]] if other.name in FILES else [])


@pytest.mark.parametrize(
    "head",
    [
        b"call_id,trunk_id,direction,a_number,b_number,setup_time,answer_time,release_time,sip_code,user_id,"
        b"forwarded_by,forward_type,start_time,end_time,duration\n",
        b"call_id,a_number\nlog_write_cdr(): start_time,1\n",
        b'{"call_id": "log_write_cdr(): start_time=1"}\n',
        b"",
    ],
)
def test_canonical_files_are_not_claimed(head: bytes) -> None:
    assert not any(f.recognises(head, "x.csv") for f in FORMATS if f.name == "kamailio")


@pytest.mark.parametrize("name", FILES)
def test_sample_is_rated_as_it_was(name: str, tmp_path: Path) -> None:
    batch = rated(tmp_path / "out", name)
    assert not batch.run.rejects
    calls = {row["call_id"].split(";")[0]: row for row in rated_calls(batch.out)}
    assert calls.keys() == TRUTH.keys()
    reading = reading_of(SAMPLES / name)
    instants = dict(
        zip((text.split(";")[0] for text in reading.calls.call_id.to_pylist()), times(reading), strict=True)
    )
    for call_id, leg in TRUTH.items():
        row = calls[call_id]
        assert (row["trunk_id"], row["direction"]) == ("t1", leg.direction)
        assert (row["a_number"], row["b_number"]) == (leg.a_number, leg.b_number)
        setup, answer, release = instants[call_id]
        begun = leg.setup[:19] + "Z" if name in CUT_ANSWER else leg.setup
        assert setup == begun
        assert answer == (begun if leg.code == "200" else "")
        talk = reading_ns(release) - reading_ns(setup)
        if name in CUT_TALK:
            assert abs(talk - leg.talk_ms * 10**6) < SECOND
        else:
            assert talk == leg.talk_ms * 10**6
        forwarded = [
            by
            for by, text in zip(
                reading.calls.forwarded_by.to_pylist(), reading.calls.call_id.to_pylist(), strict=True
            )
            if text.split(";")[0] == call_id
        ]
        assert forwarded == ["" if name in NO_FORWARD else leg.forwarded_by]
        unknown = name in NO_REASON and leg.code != "200"
        assert row["end_reason"] == ("" if unknown else REASONS[leg.code])
        assert str(row["sip_code"]) == ("0" if unknown else leg.code)


def reading_ns(text: str) -> int:
    found = parse_one(text, Zone("UTC"))
    assert found is not None
    return found


def test_counts_of_samples(tmp_path: Path) -> None:
    assert rated(tmp_path / "a", CDRS).run.total["not_a_call"] == 0
    assert rated(tmp_path / "b", ACC).run.total["not_a_call"] == 8
    assert rated(tmp_path / "c", SYSLOG).run.total["not_a_call"] == 2


def test_one_call_in_two_forms_is_not_billed_twice(tmp_path: Path) -> None:
    for i, pair in enumerate([(CDRS, ACC), (CDRS, SYSLOG), (ACC, SYSLOG)]):
        with pytest.raises(SourceError, match="rating_source"):
            rated(tmp_path / str(i), *pair)


# --- numbers ---------------------------------------------------------------------------------------------


def test_decimals_are_exact() -> None:
    assert nanoseconds("1691186929.441") == 1_691_186_929_441_000_000
    assert nanoseconds("0.1") == 100_000_000
    assert [nanoseconds(text) for text in ("", "-1", "1e3", "1,5", "nan", "٣", "9999999999", "1.")] == [
        None
    ] * 8


# --- acc_cdrs --------------------------------------------------------------------------------------------

HEAD = "id,start_time,end_time,duration,callid,caller,callee,billed_number,forwarded"


def cdr_row(start: str, end: str, duration: str, rest: str = f"x1,{A},{PARIS},{A},0") -> str:
    return f"1,{start},{end},{duration},{rest}"


def test_says_that_durations_may_include_ringing() -> None:
    for name in (CDRS, SYSLOG):
        (hint,) = reading_of(SAMPLES / name).files[0].hints
        assert "cdr_start_on_confirmed = 1" in hint
        assert "ringing" in hint


@pytest.mark.parametrize(
    ("start", "end", "duration", "answer"),
    [
        ("02:55:00", "02:05:00", "600.000", "2026-10-25T00:55:00Z"),
        ("02:50:00", "03:10:00", "1200.000", "2026-10-25T01:50:00Z"),
        ("02:50:00", "03:10:00", "4800.000", "2026-10-25T00:50:00Z"),
        ("01:50:00", "02:10:00", "4800.000", "2026-10-24T23:50:00Z"),
    ],
)
def test_october_night_is_told_by_the_duration(
    start: str, end: str, duration: str, answer: str, tmp_path: Path
) -> None:
    row = cdr_row(f"2026-10-25 {start}", f"2026-10-25 {end}", duration)
    reading = reading_of(written(tmp_path, HEAD, row))
    assert times(reading)[0][1] == answer
    assert reading.calls.release[0] - reading.calls.answer[0] == nanoseconds(duration)


def test_october_hour_that_nothing_tells_follows_the_option(tmp_path: Path) -> None:
    path = written(tmp_path, HEAD, cdr_row("2026-10-25 02:10:00", "2026-10-25 02:20:00", "600.000"))
    assert [r.code for r in reading_of(path).rejects] == ["CDR-TIME"]
    assert times(reading_of(path, "first"))[0][1] == "2026-10-25T00:10:00Z"
    assert times(reading_of(path, "second"))[0][1] == "2026-10-25T01:10:00Z"


def test_duration_that_the_stamps_deny_is_rated_and_said(tmp_path: Path) -> None:
    path = written(tmp_path, HEAD, cdr_row("2026-01-15 10:00:00", "2026-01-15 10:00:10", "60.000"))
    reading = reading_of(path)
    assert times(reading)[0][2] == "2026-01-15T09:01:00Z"
    assert "duration of 1 rows differs" in reading.files[0].warnings[0]


def test_aliases_tabs_nulls_and_trunk_column(tmp_path: Path) -> None:
    header = "start_time\tend_time\tduration\tsip_call_id\tsrc_user\tdst_user\tfqdn\tforwarded\tbilled_number"
    row = f"2026-01-15 10:00:00\t2026-01-15 10:00:01\t1.000\tx1\t{A}\t{PARIS}\tSBC1.example\tNULL\t\\N"
    reading = reading_of(written(tmp_path, header, row))
    assert reading.calls.trunk.to_pylist() == ["SBC1.example"]
    assert reading.calls.a_text.to_pylist() == [A]
    assert reading.calls.forwarded_by.to_pylist() == [""]


def test_withheld_caller_is_the_billed_number_outbound_only(tmp_path: Path) -> None:
    out = cdr_row("2026-01-15 10:00:00", "2026-01-15 10:00:01", "1", f"x1,anonymous,{PARIS},{A},0")
    into = cdr_row("2026-01-15 10:00:00", "2026-01-15 10:00:01", "1", f"x2,anonymous,{A},{A},0")
    reading = reading_of(written(tmp_path, HEAD, out, into))
    assert reading.calls.a_text.to_pylist() == [A, "anonymous"]


def test_forwarded_without_billed_number_is_kept_and_said(tmp_path: Path) -> None:
    row = cdr_row("2026-01-15 10:00:00", "2026-01-15 10:00:01", "1", f"x1,{A},{PARIS},,1")
    reading = reading_of(written(tmp_path, HEAD, row))
    assert len(reading.calls) == 1
    assert "1 forwarded rows have no billed_number" in reading.files[0].warnings[0]


NOON, ONE = "2026-01-15 12:00:00", "2026-01-15 12:00:01"


@pytest.mark.parametrize(
    ("row", "words"),
    [
        (cdr_row("2000-01-01 00:00:00", NOON, "1.0"), "is the table's default"),
        (cdr_row("0000-00-00 00:00:00", NOON, "1.0"), "start_time '0000-00-00 00:00:00' is no instant"),
        (cdr_row(NOON, "noon", "1.0"), "end_time 'noon' is no instant"),
        (cdr_row("", NOON, "1.0"), "start_time '' is empty"),
        (cdr_row("2026-03-29 02:30:00", "2026-03-29 03:30:00", "1.0"), "does not exist in Europe/Paris"),
        (cdr_row(NOON, ONE, "-1.000"), "duration '-1.000' is no duration"),
        (cdr_row(NOON, ONE, "1e3"), "duration '1e3' is no duration"),
        (cdr_row(NOON, ONE, ""), "duration '' is no duration"),
        (cdr_row(NOON, ONE, "99999999"), "more than 366 days"),
        (cdr_row(NOON, ONE, "1", f",{A},{PARIS},{A},0"), "callid '' is empty"),
        (cdr_row(NOON, ONE, "1", f"x,{A},{PARIS},{A},maybe"), "forwarded 'maybe' is unknown"),
        (f"1,{NOON},{ONE},1.0,x1", "has 5 fields where the header has 9"),
    ],
)
def test_bad_rows_of_cdrs_are_rejects(row: str, words: str, tmp_path: Path) -> None:
    reading = reading_of(written(tmp_path, HEAD, row, cdr_row(NOON, ONE, "1.0", f"good,{A},{PARIS},{A},0")))
    assert len(reading.rejects) == 1
    assert words in reading.rejects[0].message
    assert reading.calls.call_id.to_pylist() == ["good"]
    assert reconciles(reading)


def test_stamps_never_written_of_unanswered_rows(tmp_path: Path) -> None:
    reading = reading_of(written(tmp_path, HEAD, cdr_row(NOON, "2000-01-01 00:00:00", "0.000")))
    assert times(reading) == [("2026-01-15T11:00:00Z", "", "2026-01-15T11:00:00Z")]


@pytest.mark.parametrize(
    ("header", "words"),
    [
        ("id,start_time,end_time,duration", "header has no columns callid/"),
        ("start_time,end_time,duration,callid,caller", "header has no column callee/"),
        ("start_time,end_time,duration,duration,callid,caller,callee", "header has column duration twice"),
    ],
)
def test_wrong_columns_give_every_line_as_reject(header: str, words: str, tmp_path: Path) -> None:
    reading = reading_of(written(tmp_path, header, "1,2", "", "3"))
    assert [(r.line, r.code) for r in reading.rejects] == [(2, "CDR-HEADER"), (4, "CDR-HEADER")]
    assert words in reading.files[0].warnings[0]
    assert reconciles(reading)


def test_named_format_with_another_file_is_all_rejects(tmp_path: Path) -> None:
    path = written(tmp_path, "a,b", "1,2")
    reading = read_files([CdrFile("x.csv", path)], Options(Zone("UTC")), "kamailio")
    assert [r.line for r in reading.rejects] == [1, 2]
    path.write_bytes(b"")
    reading = read_files([CdrFile("x.csv", path)], Options(Zone("UTC")), "kamailio")
    assert reading.files[0].rows == 0
    assert "file is empty" in reading.files[0].warnings[0]


def test_latin_1(tmp_path: Path) -> None:
    row = cdr_row(NOON, ONE, "1", f"caf\u00e9,{A},{PARIS},{A},0")
    path = tmp_path / "x.csv"
    path.write_bytes(f"{HEAD}\r\n{row}\r\n".encode("latin-1"))
    assert [r.code for r in reading_of(path).rejects] == ["CDR-ENCODING"]
    assert reading_of(path, encoding="latin-1").calls.call_id.to_pylist() == ["caf\u00e9"]


# --- acc -------------------------------------------------------------------------------------------------

ACC_HEAD = "method,from_tag,to_tag,callid,sip_code,time,src_user,dst_user,src_ip,src_domain"


def acc_row(method: str, code: str, clock: str, tags: str = "f,t", callid: str = "x", tail: str = ",") -> str:
    stamp = f"2026-01-15 {clock}" if len(clock) == 8 else clock
    return f"{method},{tags},{callid},{code},{stamp},{A},{PARIS},{tail}"


def acc(tmp_path: Path, *rows: str, ambiguous: str = "reject") -> Reading:
    reading = reading_of(written(tmp_path, ACC_HEAD, *rows), ambiguous)
    assert reconciles(reading)
    return reading


def test_bye_of_the_callee_has_its_tags_swapped(tmp_path: Path) -> None:
    reading = acc(tmp_path, acc_row("INVITE", "200", "10:00:00"), acc_row("BYE", "200", "10:00:09", "t,f"))
    assert times(reading) == [("2026-01-15T09:00:00Z", "2026-01-15T09:00:00Z", "2026-01-15T09:00:09Z")]
    assert reading.files[0].not_a_call == 1
    assert reading.calls.call_id.to_pylist() == ["x;from-tag=f;to-tag=t"]


def test_other_transactions_of_a_call_are_no_calls(tmp_path: Path) -> None:
    reading = acc(
        tmp_path,
        acc_row("INVITE", "407", "10:00:00", "f,"),
        acc_row("INVITE", "183", "10:00:00"),
        acc_row("INVITE", "200", "10:00:01"),
        acc_row("ACK", "200", "10:00:01"),
        acc_row("INVITE", "200", "10:00:05", "t,f"),
        acc_row("INVITE", "491", "10:00:06"),
        acc_row("BYE", "407", "10:00:08"),
        acc_row("BYE", "200", "10:00:09"),
    )
    assert times(reading) == [("2026-01-15T09:00:01Z", "2026-01-15T09:00:01Z", "2026-01-15T09:00:09Z")]
    assert reading.files[0].not_a_call == 7


def test_rows_in_reverse_order_pair_with_the_first_invite(tmp_path: Path) -> None:
    reading = acc(
        tmp_path,
        acc_row("BYE", "200", "10:00:09"),
        acc_row("INVITE", "200", "10:00:05", "t,f"),
        acc_row("INVITE", "200", "10:00:01"),
    )
    assert times(reading)[0][1:] == ("2026-01-15T09:00:01Z", "2026-01-15T09:00:09Z")
    assert reading.files[0].not_a_call == 2


def test_second_bye_changes_nothing(tmp_path: Path) -> None:
    invite, bye, late = (
        acc_row(*row)
        for row in (
            ("INVITE", "200", "10:00:01"),
            ("BYE", "200", "10:00:09"),
            ("BYE", "200", "10:00:10", "t,f"),
        )
    )
    for rows in ((invite, bye, late), (bye, invite, late)):
        reading = acc(tmp_path, *rows)
        assert times(reading)[0][1:] == ("2026-01-15T09:00:01Z", "2026-01-15T09:00:09Z")
        assert reading.files[0].not_a_call == 2


def test_invite_without_bye_is_a_reject(tmp_path: Path) -> None:
    (message,) = messages(acc(tmp_path, acc_row("INVITE", "200", "10:00:00")))
    assert message.startswith("2 CDR-FIELD x.csv:2: callid 'x' has no BYE")


def test_bye_without_invite_is_no_call_and_said(tmp_path: Path) -> None:
    reading = acc(tmp_path, acc_row("BYE", "200", "10:00:00"))
    assert (len(reading.calls), reading.files[0].not_a_call) == (0, 1)
    assert "BYE of 1 calls has no INVITE" in reading.files[0].warnings[0]


def test_failed_then_answered_branch_are_two_calls(tmp_path: Path) -> None:
    reading = acc(
        tmp_path,
        acc_row("INVITE", "486", "10:00:00", "f,t1"),
        acc_row("INVITE", "200", "10:00:03", "f,t2"),
        acc_row("BYE", "200", "10:00:09", "f,t2"),
    )
    assert [bool(answer != NONE) for answer in reading.calls.answer] == [False, True]
    assert len(set(reading.calls.call_id.to_pylist())) == 2


def test_trunk_of_a_leg_from_teams_only(tmp_path: Path) -> None:
    reading = acc(
        tmp_path,
        acc_row("INVITE", "486", "10:00:00", callid="a", tail="52.112.0.10,sbc.example"),
        acc_row("INVITE", "486", "10:00:00", callid="b", tail="10.0.1.9,carrier.example"),
        acc_row("INVITE", "486", "10:00:00", callid="c", tail="52.122.0.1,52.122.0.1"),
    )
    assert reading.calls.trunk.to_pylist() == ["sbc.example", "", ""]
    assert reading.calls.direction.tolist() == [0, -1, 0]


OCTOBER = "2026-10-25 "


@pytest.mark.parametrize(
    ("start", "end", "first", "second", "told"),
    [
        ("02:55:00", "02:05:00", ("00:55", "01:05"), ("00:55", "01:05"), True),
        ("02:10:00", "02:20:00", ("00:10", "00:20"), ("01:10", "01:20"), False),
        ("02:30:00", "02:30:00", ("00:30", "00:30"), ("01:30", "01:30"), False),
        ("02:50:00", "03:10:00", ("00:50", "02:10"), ("01:50", "02:10"), False),
        ("03:10:00", "03:20:00", ("02:10", "02:20"), ("02:10", "02:20"), True),
    ],
)
def test_october_night_of_acc(
    start: str, end: str, first: tuple[str, str], second: tuple[str, str], told: bool, tmp_path: Path
) -> None:
    rows = [acc_row("INVITE", "200", OCTOBER + start), acc_row("BYE", "200", OCTOBER + end)]
    rejected = acc(tmp_path, *rows)
    assert [r.code for r in rejected.rejects] == ([] if told else ["CDR-TIME"])
    for ambiguous, wanted in (("first", first), ("second", second)):
        _, answer, release = times(acc(tmp_path, *rows, ambiguous=ambiguous))[0]
        assert (answer[11:16], release[11:16]) == wanted


def test_choice_of_a_call_longer_than_four_hours() -> None:
    hour = 3600 * SECOND
    assert choose((0,), (5 * hour,), "reject") == (0, 5 * hour)
    assert choose((0, hour), (6 * hour,), "reject") is None
    assert choose((9,), (8,), "reject") == (9, 8)


def test_bye_before_its_invite_in_time_is_a_reject(tmp_path: Path) -> None:
    rows = acc_row("INVITE", "200", "10:00:09"), acc_row("BYE", "200", "10:00:00")
    assert [r.code for r in acc(tmp_path, *rows).rejects] == ["CDR-TIME-ORDER"]


@pytest.mark.parametrize(
    ("row", "words"),
    [
        (acc_row("INVITE", "20x", "10:00:00"), "sip_code '20x' is no SIP status"),
        (acc_row("INVITE", "", "10:00:00"), "sip_code '' is no SIP status"),
        (acc_row("", "200", "10:00:00"), "method '' is empty"),
        (acc_row("INVITE", "486", "25:00:00"), "is no instant"),
        (acc_row("INVITE", "486", "2026-03-29 02:30:00"), "does not exist"),
        (acc_row("INVITE", "486", "10:00:00", callid=""), "callid '' is empty"),
        ("INVITE,f,t", "has 3 fields where the header has 10"),
    ],
)
def test_bad_rows_of_acc_are_rejects(row: str, words: str, tmp_path: Path) -> None:
    (message,) = messages(acc(tmp_path, row))
    assert words in message


# --- syslog ----------------------------------------------------------------------------------------------

PREFIX = "Jan 15 10:00:00 gw1 kamailio[1]: NOTICE: acc [acc_cdr.c:285]: log_write_cdr(): "
GOOD = (
    "start_time=1768467606.480; end_time=1768467731.900; duration=125.420; "
    f"caller={A}; callee={PARIS}; callid=x"
)


def log(tmp_path: Path, *texts: str) -> Reading:
    reading = reading_of(written(tmp_path, f"{PREFIX}{GOOD}", *texts, name="x.log"))
    assert reconciles(reading)
    return reading


@pytest.mark.parametrize("prefix", ["", "<133>1 2026-10-25T02:05:00+01:00 gw kamailio 1 - - ", "Okt 25 x: "])
def test_any_prefix(prefix: str, tmp_path: Path) -> None:
    path = written(tmp_path, f"{prefix}log_write_cdr(): {GOOD}; ", name="x.log")
    assert times(reading_of(path)) == [
        ("2026-01-15T09:00:06.480Z", "2026-01-15T09:00:06.480Z", "2026-01-15T09:02:11.900Z")
    ]


@pytest.mark.parametrize("zone", ["UTC", "Asia/Tokyo"])
def test_epochs_do_not_depend_on_the_zone(zone: str) -> None:
    assert times(reading_of(SAMPLES / SYSLOG, zone=zone)) == times(reading_of(SAMPLES / SYSLOG))


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (GOOD.replace("; callid=x", ""), "callid is not there"),
        (GOOD[:70], "callid is not there"),
        (GOOD.replace("caller=", "from="), "caller is not there"),
        (GOOD + "; callid=y", "callid 'callid=y' stands twice"),
        (GOOD + "; nonsense", "line 'nonsense' is no key=value"),
        (GOOD.replace("1768467606.480", "2026-01-15 10:00:06"), "is no epoch"),
        (GOOD.replace("1768467731.900", "later"), "end_time 'later' is no epoch"),
        (GOOD.replace("125.420", "long"), "duration 'long' is no duration"),
        ("could not write", "line 'could not write' is no key=value"),
    ],
)
def test_bad_lines_of_a_log_are_rejects(text: str, words: str, tmp_path: Path) -> None:
    (message,) = messages(log(tmp_path, PREFIX + text))
    assert words in message


def test_log_without_duration_uses_the_epochs(tmp_path: Path) -> None:
    text = GOOD.replace(" duration=125.420;", "").replace("callid=x", "callid=y")
    reading = log(tmp_path, PREFIX + text)
    assert (reading.calls.release - reading.calls.answer).tolist() == [125_420_000_000] * 2


def test_other_lines_of_a_log_are_counted(tmp_path: Path) -> None:
    reading = log(tmp_path, "Jan 15 sshd[2]: hello", "", "x")
    assert (reading.files[0].rows, reading.files[0].not_a_call) == (3, 2)


# --- anything --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", FILES)
def test_mutated_samples_are_accounted_for(name: str, tmp_path: Path) -> None:
    book = load_book("contract")
    accounts = load_accounts(ACCOUNTS, book)
    sample, path = (SAMPLES / name).read_bytes(), tmp_path / name
    until, runs = time.monotonic() + 1.7, 0
    for seed in range(100_000):
        if time.monotonic() > until:
            break
        chance = random.Random(seed)
        octets = bytearray(sample)
        for _ in range(chance.randint(1, 12)):
            at = chance.randrange(len(octets))
            what = chance.random()
            if what < 0.5:
                octets[at] = chance.choice(b'\x00\n\r",;=0123456789.-+ \xff\xe9aZ')
            elif what < 0.7:
                del octets[at : at + chance.randint(1, 40)]
            elif what < 0.9:
                octets[at:at] = octets[at : at + chance.randint(1, 200)]
            elif len(octets) > 400:
                del octets[max(at, 300) :]
        path.write_bytes(octets)
        for format_name in ("auto", "kamailio"):
            options = Options(Zone("Europe/Paris"), chance.choice(("reject", "first", "second")))
            try:
                reading = read_files([CdrFile(name, path)], options, format_name)
            except TrunkrateError:
                continue
            assert reconciles(reading), seed
            placed, rejects = place(reading.calls, reading.files, accounts, book.numbering, False)
            assert len(placed) + len(rejects) == len(reading.calls), seed
            lines = [reject.line for reject in reading.rejects]
            assert len(dict(reading.raw(0, sorted(set(lines))))) == len(set(lines)), seed
        runs += 1
    assert runs > 20
