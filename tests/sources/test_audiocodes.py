"""AudioCodes' syslog CDRs: the calls as they took place, each trap of the format, and hostile lines."""

import gzip
import json
import random
import time
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from rating.batch import Batch, Request, run_batch
from rating.errors import TrunkrateError
from rating.schema import DIRECTIONS, FORWARD_TYPES
from rating.sources import Options, Reading, audiocodes, read_files
from rating.sources.files import CdrFile
from rating.sources.readers import recognise
from rating.zone import Zone, instant_text

SAMPLES = Path(__file__).parents[2] / "cdr_samples" / "formats"
SAMPLE = SAMPLES / "audiocodes_syslog_calls.txt"
LINES = SAMPLE.read_text(encoding="utf-8").splitlines()
HEADER = LINES[0]
MEDIA_HEADER = "[S=90] |MediaReportType|SIPCallId|SessionId|Cid|MediaType|Coder|"

TRUNK = "sbc1.cabinet-exemple.trunk.example"
A1, A2, MOBILE, FIXED = "+33199000110", "+33199000111", "+33639980123", "+33261910011"
JANUARY, OCTOBER = "2026-01-15T", "2026-10-25T"

# What took place, by line of the kept leg: direction, A, B, answered, talk time [ms], forwarded_by, how it
# ended, status. The format carries all of it but the user.
TRUTH = {
    3: ("outbound", A1, FIXED, JANUARY + "09:00:06.480Z", 125_420, "", "normal", 200),
    4: ("inbound", MOBILE, A1, JANUARY + "09:10:05.400Z", 60_200, "", "normal", 200),
    6: ("inbound", MOBILE, A1, JANUARY + "09:20:11.320Z", 210_610, "", "normal", 200),
    9: ("outbound", MOBILE, "+33639980456", JANUARY + "09:20:11.300Z", 210_600, A1, "normal", 200),
    11: ("outbound", A2, "+12025550143", JANUARY + "09:30:09Z", 700, "", "normal", 200),
    13: ("outbound", A2, FIXED, "", 0, "", "busy", 486),
    15: ("outbound", A2, FIXED, "", 0, "", "no_channel", 503),
    17: ("outbound", A1, "+33465710022", JANUARY + "09:50:04Z", 300_999, "", "normal", 200),
    18: ("inbound", MOBILE, "+33199000100", JANUARY + "10:00:00.900Z", 30_100, "", "normal", 200),
    21: ("outbound", A1, FIXED, OCTOBER + "00:55:00Z", 600_000, "", "normal", 200),
}


def options(zone: str = "Europe/Paris", **changes: Any) -> Options:
    return Options(Zone(zone), **changes)


def read_path(path: Path, how: Options | None = None) -> Reading:
    return read_files([CdrFile(path.name, path)], how or options(), "audiocodes")


def read_lines(tmp_path: Path, *lines: str, how: Options | None = None) -> Reading:
    path = tmp_path / "sbc.log"
    path.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")
    reading = read_path(path, how)
    check_counts(reading, sum(bool(line.strip()) for line in lines))
    return reading


def check_counts(reading: Reading, rows: int) -> None:
    entry = reading.files[0]
    assert entry.rows == rows
    assert len(reading.calls) + len(reading.rejects) + entry.not_a_call == rows


def rows_of(reading: Reading) -> list[dict[str, Any]]:
    calls, found = reading.calls, []
    for i in range(len(calls)):
        setup, answer, release = (instant_text(int(t[i])) for t in (calls.setup, calls.answer, calls.release))
        found.append(
            {
                "line": int(calls.line[i]),
                "id": calls.call_id[i].as_py(),
                "trunk": calls.trunk[i].as_py(),
                "direction": DIRECTIONS[calls.direction[i]] if calls.direction[i] >= 0 else "",
                "a": calls.a_text[i].as_py(),
                "b": calls.b_text[i].as_py(),
                "setup": setup,
                "answer": answer,
                "release": release,
                "talk_ms": int(calls.release[i] - calls.answer[i]) // 10**6 if answer else 0,
                "sip": int(calls.sip_code[i]),
                "by": calls.forwarded_by[i].as_py(),
                "forward": FORWARD_TYPES[calls.forward_type[i]],
                "end": calls.end_reason[i].as_py(),
            }
        )
    return found


def only(reading: Reading) -> dict[str, Any]:
    assert not reading.rejects
    (row,) = rows_of(reading)
    return row


def messages(reading: Reading) -> str:
    return "\n".join([reject.message for reject in reading.rejects] + reading.files[0].warnings)


def edited(line: str, header: str = HEADER, **values: str) -> str:
    """A line with some columns changed, by title."""
    titles = [title.strip().removesuffix(" (name)") for title in header.split("|")]
    fields = line.split("|")
    for title, value in values.items():
        fields[titles.index(title)] = value
    return "|".join(fields)


def rate(folder: Path, *files: Path, **changes: Any) -> Batch:
    names = [str(file) for file in files]
    accounts = str(SAMPLES / "accounts.yaml")
    return run_batch(Request(names, accounts, "contract", folder / "out", force=True, **changes))


CARRIER, TEAMS = LINES[2], LINES[1]
"""Legs of c1, outbound: sent to the carrier, received from Teams."""


def test_sample_is_read_as_it_took_place() -> None:
    assert recognise(CdrFile(SAMPLE.name, SAMPLE)).name == "audiocodes"
    reading = read_path(SAMPLE)
    check_counts(reading, 21)
    found = rows_of(reading)
    keys = ("direction", "a", "b", "answer", "talk_ms", "by", "end", "sip")
    assert {row["line"]: tuple(row[key] for key in keys) for row in found} == TRUTH
    assert {row["trunk"] for row in found} == {TRUNK}
    assert {row["line"]: row["forward"] for row in found if row["forward"]} == {9: "unknown"}
    assert len({row["id"] for row in found}) == 10
    assert reading.files[0].not_a_call == 11
    assert not messages(reading)


def test_sample_is_rated(tmp_path: Path) -> None:
    batch = rate(tmp_path, SAMPLE)
    total = batch.run.total
    assert (total["rated"], total["not_a_call"], batch.run.rows) == (10, 11, 21)
    rows = pq.read_table(batch.out / "rated_calls.parquet").to_pylist()
    forwarded = next(row for row in rows if row["forwarded_by"])
    assert (forwarded["trunk_id"], forwarded["duration_s"], forwarded["b_number"]) == (
        "t1",
        211,
        "+33639980456",
    )
    assert {row["trunk_id"] for row in rows} == {"t1"}
    assert sorted(row["duration_s"] for row in rows) == [0, 0, 1, 31, 61, 126, 211, 211, 301, 600]


def test_padding_prefix_and_last_bar_do_not_matter(tmp_path: Path) -> None:
    plain = ["|".join(field.strip() for field in line.split("|")) for line in LINES]
    for change in (
        lambda line: line.rstrip().removesuffix("|"),
        lambda line: "10:36:14.064  10.0.10.11  local1.info[S = 129] |" + line.split("|", 1)[1],
        lambda line: "<14>1 2026-01-15T09:00:00Z sbc - - [BID=a] |" + line.split("|", 1)[1] + "\r",
        lambda line: line.split("|", 1)[1],
    ):
        assert rows_of(read_lines(tmp_path, *map(change, plain))) == rows_of(read_path(SAMPLE))


def test_without_header_the_default_columns_hold(tmp_path: Path) -> None:
    assert rows_of(read_lines(tmp_path, "", *LINES[1:])) == rows_of(read_path(SAMPLE))


def test_old_firmware_has_no_leg_id(tmp_path: Path) -> None:
    short = ["|".join(line.split("|")[:35]) for line in LINES]
    found = rows_of(read_lines(tmp_path, *short))
    assert [row["line"] for row in found] == list(TRUTH)
    assert found[0]["id"] == "a1b2c3:10:1001/b0a4acb2-a341-5ed1-9@10.0.1.2"
    assert len(read_lines(tmp_path, "", *short[1:]).calls) == 10


def test_columns_are_those_of_the_last_header(tmp_path: Path) -> None:
    def turned(line: str) -> str:
        fields = line.removesuffix("|").split("|")
        return "|".join([*fields[:2], *reversed(fields[2:])]) + "|"

    header = turned(HEADER).replace("Durat  ", "Duration").replace("IPGroup (name)", "IPGroup")
    reading = read_lines(tmp_path, *LINES[:11], MEDIA_HEADER, header, *map(turned, LINES[11:]))
    assert [row["b"] for row in rows_of(reading)] == [truth[2] for truth in TRUTH.values()]


def test_new_columns_are_reported(tmp_path: Path) -> None:
    reading = read_lines(tmp_path, HEADER + "Shelf|", CARRIER + "7|", TEAMS + "7|")
    assert reading.files[0].ignored_columns == ["Shelf"]
    assert len(reading.calls) == 1


def test_other_lines_are_no_calls(tmp_path: Path) -> None:
    others = [
        TEAMS.replace("CALL_END", "CALL_START"),
        CARRIER.replace("CALL_END", "CALL_CONNECT"),
        MEDIA_HEADER,
        "[S=91] |MEDIA_END|b0a4@10.0.1.2|a1b2c3:10:1001|41|audio|g711|",
        "[S=92] |DIALOG_END|SBC|77@10.0.1.2|a1b2c3:10:1002|",
        "10:36:14.064  10.0.10.11  local0.notice  [S=93] [SID=a1b2c3:10:1001] INVITE sip:+33 | CALL",
    ]
    reading = read_lines(tmp_path, HEADER, *others, "", TEAMS, CARRIER)
    assert only(reading)["line"] == 10
    assert reading.files[0].not_a_call == 8


# -- which legs crossed the trunk ---------------------------------------------------------------------------


def test_transfer_gives_a_call_for_each_leg_to_the_carrier(tmp_path: Path) -> None:
    third = edited(
        CARRIER, LegId="3", SIPCallId="x@10.0.1.2", DstURI="+33465710022@carrier.example", Trigger="Refer"
    )
    third = edited(third, DstURIBeforeMap="")
    found = rows_of(read_lines(tmp_path, HEADER, TEAMS, CARRIER, third))
    assert [(row["id"][-2:], row["b"], row["by"]) for row in found] == [
        ("/2", FIXED, ""),
        ("/3", "+33465710022", A1),
    ]
    assert {row["trunk"] for row in found} == {TRUNK}
    # the middle leg may end last
    assert len(read_lines(tmp_path, HEADER, TEAMS, third, CARRIER).calls) == 2


def test_call_forwarded_by_the_sbc_is_an_inbound_and_an_outbound_call(tmp_path: Path) -> None:
    inbound, to_teams = LINES[3], LINES[4]
    onward = edited(LINES[8], SessionId="a1b2c3:10:1003", LegId="3", RedirectURINum="", Trigger="Forward")
    onward = edited(onward, RedirectURINumBeforeMap="", RedirectReason="-1")
    for order in ((to_teams, inbound, onward), (to_teams, onward, inbound), (inbound, onward, to_teams)):
        found = sorted(rows_of(read_lines(tmp_path, HEADER, *order)), key=lambda row: row["id"])
        assert [(row["direction"], row["by"]) for row in found] == [("inbound", ""), ("outbound", A1)]


def test_repeated_lines_give_duplicates(tmp_path: Path) -> None:
    path = tmp_path / "twice.log"
    path.write_text("\n".join(LINES + LINES) + "\n")
    total = rate(tmp_path, path).run.total
    assert (total["rated"], total["duplicates"], total["not_a_call"]) == (10, 10, 22)


@pytest.mark.parametrize("group", ["IPG_MS", ""])
def test_teams_is_told_by_microsofts_addresses(tmp_path: Path, group: str) -> None:
    lines = [line.replace("IPG_TEAMS", group.ljust(9)) for line in LINES]
    assert rows_of(read_lines(tmp_path, *lines)) == rows_of(read_path(SAMPLE))


def test_sides_that_nothing_tells_take_direction_from_the_numbers(tmp_path: Path) -> None:
    lines = [line.replace("_TEAMS", "_PBX").replace("52.112.0.10", "10.9.9.9") for line in LINES]
    reading = read_lines(tmp_path, *lines)
    found = rows_of(reading)
    assert len(found) == 10
    assert {row["direction"] for row in found} == {""}
    assert {row["id"][-2:] for row in found} == {"/2"}
    assert "10 legs are of sessions whose IP groups do not tell Teams" in messages(reading)
    batch = rate(tmp_path, tmp_path / "sbc.log")
    assert batch.run.total["rated"] == 10
    rows = pq.read_table(batch.out / "rated_calls.parquet").to_pylist()
    assert sum(row["direction"] == "inbound" for row in rows) == 3


def test_received_legs_only_keep_one(tmp_path: Path) -> None:
    one = edited(LINES[3], **{"IPGroup": "X"})
    reading = read_lines(tmp_path, HEADER, one, edited(one, LegId="2"))
    assert only(reading)["id"].endswith("/1")


def test_one_leg_alone_is_kept_and_said(tmp_path: Path) -> None:
    reading = read_lines(tmp_path, *LINES[:2], *LINES[3:])  # c1 has its leg to Teams only
    first = next(row for row in rows_of(reading) if row["b"] == FIXED)
    assert (len(reading.calls), first["direction"], first["trunk"]) == (10, "outbound", TRUNK)
    assert "1 answered sessions have one leg" in messages(reading)
    reading = read_lines(tmp_path, HEADER, *LINES[3:5], LINES[14])  # refused before there was a second leg
    assert [row["direction"] for row in rows_of(reading)] == ["inbound", "outbound"]
    assert not messages(reading)


def test_sessions_in_memory_are_bounded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(audiocodes, "SESSIONS", 2)
    monkeypatch.setattr(audiocodes, "ROWS", 1)
    apart = [HEADER, *LINES[1::2], *LINES[2::2]]
    reading = read_lines(tmp_path, *apart)
    assert len(reading.calls) + reading.files[0].not_a_call == 21
    assert "have one leg" in messages(reading)
    assert rows_of(read_lines(tmp_path, *LINES)) == rows_of(read_path(SAMPLE))


@pytest.mark.parametrize(
    ("teams", "trunk"),
    [
        ({"SrcURI": "+33199000110@10.0.0.7", "SrcURIBeforeMap": "+33199000110@10.0.0.7"}, "carrier.example"),
        (
            {
                "SrcURI": "+33199000110@sip.pstnhub.microsoft.com",
                "SrcURIBeforeMap": "+33199000110@sip.pstnhub.microsoft.com:5061",
                "DstURIBeforeMap": f"+33261910011@{TRUNK}:5061;user=phone",
            },
            TRUNK,
        ),
        (dict.fromkeys(("SrcURI", "SrcURIBeforeMap", "DstURI", "DstURIBeforeMap"), "+33@[2001:db8::1]"), ""),
        (
            dict.fromkeys(("SrcURI", "SrcURIBeforeMap", "DstURI", "DstURIBeforeMap"), "anonymous@x.invalid"),
            "",
        ),
    ],
)
def test_trunk_is_the_customers_host_on_the_leg_of_teams(
    tmp_path: Path, teams: dict[str, str], trunk: str
) -> None:
    row = only(read_lines(tmp_path, HEADER, edited(TEAMS, **teams), CARRIER))
    assert (row["trunk"], row["a"], row["b"]) == (trunk, A1, FIXED)


def test_number_with_plus_is_taken_before_the_carriers_form(tmp_path: Path) -> None:
    carrier = edited(CARRIER, DstURI="0261910011@c.example", DstURIBeforeMap="0261910011@c.example")
    assert only(read_lines(tmp_path, HEADER, TEAMS, carrier))["b"] == FIXED
    assert only(read_lines(tmp_path, HEADER, carrier))["b"] == "0261910011"


# -- times --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "text",
    [
        "09:00:06.480  UTC Fri Jan 15 2026",
        "09:00:06.480  UTC Thu Jab 15 2026",
        "09:00:06.480  UTC Tho Jan 15 2026",
        "09:00:06.480  UTC Sat Feb 30 2026",
        "24:00:06.480  UTC Thu Jan 15 2026",
        "09:00:06.480  UTC Thu Jan 15 3026",
        "2026-01-15T09:00:06Z",
        "٠٩:00:06.480  UTC Thu Jan 15 2026",
        "garbage",
        "09:00:06" + " " * 500 + "UTC Thu Jan 15 2026",
    ],
)
def test_bad_time_of_the_kept_leg_is_a_reject(tmp_path: Path, text: str) -> None:
    reading = read_lines(tmp_path, HEADER, TEAMS, edited(CARRIER, ConnectTime=text))
    (reject,) = reading.rejects
    assert (reject.line, reject.code) == (3, "CDR-TIME")
    assert "ConnectTime" in reject.message
    assert "expected a time as 09:20:01.200  UTC Thu Jan 15 2026" in reject.message
    assert len(read_lines(tmp_path, HEADER, edited(TEAMS, ConnectTime=text), CARRIER).calls) == 1


def test_release_is_answer_and_duration_where_it_is_missing(tmp_path: Path) -> None:
    row = only(read_lines(tmp_path, HEADER, TEAMS, edited(CARRIER, ReleaseTime="")))
    assert row["talk_ms"] == 125_000
    reading = read_lines(tmp_path, HEADER, TEAMS, edited(CARRIER, ReleaseTime="", Durat=""))
    assert "ReleaseTime '' is empty" in messages(reading)


def test_release_before_answer_is_a_reject(tmp_path: Path) -> None:
    early = edited(CARRIER, ReleaseTime="09:00:01.000  UTC Thu Jan 15 2026")
    assert [r.code for r in read_lines(tmp_path, HEADER, TEAMS, early).rejects] == ["CDR-TIME-ORDER"]
    late = edited(CARRIER, SetupTime="09:00:08.000  UTC Thu Jan 15 2026")
    assert [r.code for r in read_lines(tmp_path, HEADER, TEAMS, late).rejects] == ["CDR-TIME-ORDER"]


def test_another_label_is_local_time_and_said_once(tmp_path: Path) -> None:
    lines = [line.replace("  UTC ", "  CET ") for line in LINES[:19]]
    reading = read_lines(tmp_path, *lines)
    assert rows_of(reading)[0]["answer"] == JANUARY + "08:00:06.480Z"
    (warning,) = reading.files[0].warnings
    assert warning.startswith(
        "sbc.log: times are labelled 'CET'; expected UTC. They are read as local time of"
    )
    bare = [line.replace("  UTC ", "  ") for line in LINES[:19]]
    assert rows_of(read_lines(tmp_path, *bare)) == rows_of(reading)
    spaced = [line.replace("  UTC ", "  GMT + 1 ") for line in LINES[:19]]
    assert rows_of(read_lines(tmp_path, *spaced)) == rows_of(reading)


def clock_change(setup: str, answer: str, release: str, **values: str) -> list[str]:
    stamps = {"SetupTime": setup, "ConnectTime": answer, "ReleaseTime": release}
    local = {title: f"{clock}  CEST Sun Oct 25 2026" for title, clock in stamps.items() if clock}
    return [HEADER, *(edited(line, **{**values, **local}) for line in LINES[19:21])]


def test_local_labels_on_the_october_night_are_told_by_the_duration(tmp_path: Path) -> None:
    row = only(read_lines(tmp_path, *clock_change("02:54:50.000", "02:55:00.000", "02:05:00.250")))
    assert (row["setup"], row["answer"]) == (OCTOBER + "00:54:50Z", OCTOBER + "00:55:00Z")
    assert row["talk_ms"] == 600_250
    long = read_lines(tmp_path, *clock_change("02:29:50.000", "02:30:00.000", "02:40:00.250", Durat="4200"))
    assert only(long)["talk_ms"] == 4_200_250
    open_hour = clock_change("02:29:50.000", "02:30:00.000", "02:40:00.250")
    assert "occurs twice" in messages(read_lines(tmp_path, *open_hour))
    row = only(read_lines(tmp_path, *open_hour, how=options(ambiguous="second")))
    assert (row["answer"], row["talk_ms"]) == (OCTOBER + "01:30:00Z", 600_250)


def test_local_time_that_does_not_exist_is_a_reject(tmp_path: Path) -> None:
    gap = edited(CARRIER, ConnectTime="02:30:00.000  CET Sun Mar 29 2026")
    reading = read_lines(
        tmp_path, HEADER, TEAMS, edited(gap, ReleaseTime="03:30:00.000  CET Sun Mar 29 2026")
    )
    assert "does not exist in Europe/Paris" in messages(reading)


# -- answered or not, and how it ended ----------------------------------------------------------------------


@pytest.mark.parametrize("durat", ["1254", "12542", "125420", "122"])
def test_duration_in_another_unit_is_said_and_the_instants_are_rated(tmp_path: Path, durat: str) -> None:
    reading = read_lines(tmp_path, HEADER, TEAMS, edited(CARRIER, Durat=durat))
    assert only(reading)["talk_ms"] == 125_420
    assert "Durat of 1 rows differs from ReleaseTime - ConnectTime by more than 2 s" in messages(reading)


def test_duration_within_two_seconds_is_not_said(tmp_path: Path) -> None:
    assert not messages(read_lines(tmp_path, HEADER, TEAMS, edited(CARRIER, Durat="124")))


def unanswered(category: str, sip: str, words: str = "") -> dict[str, str]:
    values = {"TrmReasonCategory": category, "SIPTrmReason": sip, "SIPTermDesc": words}
    return {"Durat": "0", "ConnectTime": "", **values}


CONNECTED = "09:00:06.480  UTC Thu Jan 15 2026"


@pytest.mark.parametrize(
    ("values", "end", "sip", "answered"),
    [
        ({"TrmReasonCategory": "ABNORMALLY_TERMINATED"}, "failed", 200, True),
        ({"TrmReason": "GWAPP_SESSION_TIMEOUT", "SIPTrmReason": "408"}, "timeout", 408, True),
        ({"SIPTermDesc": "Q.850;cause=34"}, "normal", 200, True),
        ({"Durat": "0"}, "normal", 200, True),
        (unanswered("GENERAL_FAILED", "500") | {"ConnectTime": CONNECTED}, "failed", 500, False),
        (unanswered("NO_ANSWER", "480"), "no_answer", 480, False),
        (unanswered("NO_ANSWER", "CANCEL"), "cancelled", 487, False),
        (unanswered("GENERAL_FAILED", "486"), "busy", 486, False),
        (unanswered("GENERAL_FAILED", "503", "Q.850 ;cause=34 ;text=x"), "no_channel", 503, False),
        (unanswered("GENERAL_FAILED", "503", "Q.850;cause=341"), "failed", 503, False),
        (unanswered("NO_RESOURCES", ""), "no_channel", 0, False),
        (unanswered("NO_MATCH", "404"), "failed", 404, False),
        (unanswered("FORWARDED", "302"), "cancelled", 302, False),
    ],
)
def test_end_of_a_call(tmp_path: Path, values: dict[str, str], end: str, sip: int, answered: bool) -> None:
    row = only(read_lines(tmp_path, HEADER, TEAMS, edited(CARRIER, **values)))
    assert (row["end"], row["sip"], bool(row["answer"])) == (end, sip, answered)


def test_unknown_words_are_kept_and_said(tmp_path: Path) -> None:
    reading = read_lines(
        tmp_path, HEADER, TEAMS, edited(CARRIER, SIPTrmReason="BYEBYE", TrmReasonCategory="NEWS")
    )
    assert (only(reading)["sip"], only(reading)["end"]) == (200, "normal")
    assert "SIPTrmReason 'BYEBYE' of 1 rows is unknown" in messages(reading)
    assert "TrmReasonCategory 'NEWS' of 1 rows is unknown" in messages(reading)
    reading = read_lines(tmp_path, HEADER, TEAMS, edited(CARRIER, ConnectTime=""))
    assert "1 rows have a Durat and no ConnectTime" in messages(reading)
    reading = read_lines(tmp_path, HEADER, TEAMS, edited(CARRIER, SIPTrmReason="4040"))
    assert [reject.code for reject in reading.rejects] == ["CDR-FIELD"]


@pytest.mark.parametrize(
    ("reason", "kind"),
    [("1", "busy"), ("2", "no_answer"), ("15", "unconditional"), ("4", "unknown"), ("-1", "unknown")],
)
def test_forward_type_by_redirect_reason(tmp_path: Path, reason: str, kind: str) -> None:
    row = only(read_lines(tmp_path, HEADER, LINES[7], edited(LINES[8], RedirectReason=reason)))
    assert (row["by"], row["forward"]) == (A1, kind)


def test_diverting_number_of_the_other_leg_counts(tmp_path: Path) -> None:
    carrier = edited(LINES[8], RedirectURINum="", RedirectURINumBeforeMap="")
    assert only(read_lines(tmp_path, HEADER, LINES[7], carrier))["by"] == A1


# -- hostile files ------------------------------------------------------------------------------------------


def test_truncated_line_is_a_reject(tmp_path: Path) -> None:
    for cut in range(60, len(CARRIER) - 12, 7):
        reading = read_lines(tmp_path, HEADER, TEAMS, CARRIER[:cut], *LINES[3:5])
        assert len(reading.rejects) == 1, cut
        assert len(reading.calls) == 2
    assert "fields; expected 38, as the header has" in messages(reading)
    fields = CARRIER.split("|")
    reading = read_lines(tmp_path, "", TEAMS, "|".join(fields[:30]))
    assert "has 29 fields; expected 34 to 40" in messages(reading)
    reading = read_lines(tmp_path, HEADER, TEAMS, CARRIER + "x|")
    assert "has 39 fields; expected 38" in messages(reading)


def test_damaged_lines_are_rejects(tmp_path: Path) -> None:
    for line, words in (
        (CARRIER.replace("CALL_END", "CALL_ENT"), "SBCReportType 'CALL_ENT' is unknown"),
        (CARRIER.replace("CALL_END", "C#LL_END"), "bars and no report type"),
        (edited(CARRIER, SessionId=" "), "SessionId '' is empty"),
        (edited(CARRIER, EPTyp="FXS"), "EPTyp 'FXS' is not the SBC"),
    ):
        reading = read_lines(tmp_path, HEADER, TEAMS, line)
        assert words in messages(reading)
        assert [reject.line for reject in reading.rejects] == [3]


def test_header_without_a_needed_column_rejects_its_lines(tmp_path: Path) -> None:
    reading = read_lines(tmp_path, HEADER.replace("ConnectTime", "ConnectTine"), TEAMS, CARRIER)
    assert [reject.line for reject in reading.rejects] == [2, 3]
    assert "header has no column ConnectTime" in messages(reading)


def test_bytes_that_are_not_utf8_are_a_reject_unless_latin1_is_said(tmp_path: Path) -> None:
    path = tmp_path / "latin.log"
    named = edited(CARRIER, Caller="Hélène")
    path.write_bytes("\n".join([HEADER, TEAMS, named]).encode("latin-1"))
    reading = read_path(path)
    assert [reject.code for reject in reading.rejects] == ["CDR-ENCODING"]
    assert len(read_path(path, options(encoding="latin-1")).calls) == 1


def test_rejects_show_the_line_as_it_stands(tmp_path: Path) -> None:
    read_lines(tmp_path, HEADER, TEAMS, CARRIER[:200], *LINES[3:])
    batch = rate(tmp_path, tmp_path / "sbc.log")
    assert CARRIER[:200].strip() in (batch.out / "rejects.csv").read_text()


def test_empty_file_and_foreign_file_are_said(tmp_path: Path) -> None:
    assert "file holds no CDR" in messages(read_lines(tmp_path))
    reading = read_lines(tmp_path, "call_id,trunk_id", "a,b")
    assert "file holds no CDR" in messages(reading)
    assert reading.files[0].not_a_call == 2


def test_recognises_its_own_files_only(tmp_path: Path) -> None:
    def name_of(content: bytes, name: str = "x.txt") -> str:
        path = tmp_path / name
        path.write_bytes(content)
        return recognise(CdrFile(name, path)).name

    assert name_of(SAMPLE.read_bytes()) == "audiocodes"
    assert name_of("\n".join(LINES[1:]).encode()) == "audiocodes"
    assert name_of(gzip.compress(SAMPLE.read_bytes()), "x.log.gz") == "audiocodes"
    assert name_of(b"noise\n" * 100 + CARRIER.encode()) == "audiocodes"
    quoted = json.dumps([{"call_id": CARRIER}]).encode()
    assert name_of(quoted) != "audiocodes"
    assert name_of(json.dumps({"call_id": CARRIER}).encode()) != "audiocodes"
    assert name_of(b"call_id|trunk_id|SBC\nCALL_END|t1|SBCX\n") == "canonical"
    for path in sorted(SAMPLES.iterdir()):
        if path.is_file() and path != SAMPLE:
            assert recognise(CdrFile(path.name, path)).name != "audiocodes"


def mutated(random_: random.Random, data: bytes) -> bytes:
    octets = bytearray(data)
    for _ in range(random_.choice((1, 3, 30, 300))):
        at = random_.randrange(len(octets))
        kind = random_.randrange(5)
        if kind == 0:
            octets[at] = random_.randrange(256)
        elif kind == 1:
            octets[at] = random_.choice(b"| \n\r\t\0-@:;,0123456789")
        elif kind == 2:
            del octets[at : at + random_.choice((1, 20, 500))]
        elif kind == 3:
            octets[at:at] = octets[at : at + random_.choice((1, 20, 1500))]
        else:
            octets[at:at] = bytes([random_.randrange(256)]) * random_.choice((1, 5))
        if not octets:
            break
    return bytes(octets)


def test_mutated_files_never_crash_and_always_reconcile(tmp_path: Path) -> None:
    sample = SAMPLE.read_bytes()
    tight = b"\n".join(b"|".join(f.strip() for f in line.split(b"|")) for line in sample.splitlines())
    path = tmp_path / "fuzz.log"
    end, seed = time.monotonic() + 5, 0
    while time.monotonic() < end:
        seed += 1
        random_ = random.Random(seed)
        data = mutated(random_, random_.choice((sample, tight, tight.replace(b" UTC ", b" CEST "))))
        path.write_bytes(data)
        how = options(ambiguous=random_.choice(("first", "second", "reject")))
        try:
            reading = read_path(path, how)
            if seed % 10 == 0:
                rate(tmp_path, path, format_name="audiocodes")
        except TrunkrateError:
            continue
        check_counts(
            reading, sum(bool(line.strip(b" \t\r\0\x0b\x0c\x1c\x1d\x1e\x1f")) for line in data.split(b"\n"))
        )
    assert seed > 20
