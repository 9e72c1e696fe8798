"""FreeSWITCH's CSV and JSON: the same calls in both, each trap of the formats, and what they cannot carry."""

import csv
import json
import re
from pathlib import Path
from typing import Any
from urllib.parse import quote, unquote

import pyarrow.parquet as pq
import pytest
from damage import check_damaged

from rating.batch import Batch, Request, run_batch
from rating.sources.files import CdrFile
from rating.sources.readers import recognise

SAMPLES = Path(__file__).parents[2] / "cdr_samples" / "formats"
CSV = SAMPLES / "freeswitch_Master_example_template_paris.csv"
JSON = SAMPLES / "freeswitch_json_cdr.jsonl"

# leg: direction, A, B, answered, talk time [s], forwarded by, SIP status, end reason
LEGS = {
    "c1": ("outbound", "+33199000110", "+33261910011", "01-15 09:00:06.480", 125.420, "", 200, "normal"),
    "c2": ("inbound", "+33639980123", "+33199000110", "01-15 09:10:05.400", 60.200, "", 200, "normal"),
    "c3a": ("inbound", "+33639980123", "+33199000110", "01-15 09:20:11.320", 210.610, "", 200, "normal"),
    "c3b": (
        "outbound",
        "+33639980123",
        "+33639980456",
        "01-15 09:20:11.300",
        210.600,
        "+33199000110",
        200,
        "normal",
    ),
    "c4": ("outbound", "+33199000111", "+12025550143", "01-15 09:30:09.000", 0.700, "", 200, "normal"),
    "c5": ("outbound", "+33199000111", "+33261910011", "", 0, "", 486, "busy"),
    "c6": ("outbound", "+33199000111", "+33261910011", "", 0, "", 503, "no_channel"),
    "c7": ("outbound", "+33199000110", "+33465710022", "01-15 09:50:04.000", 300.999, "", 200, "normal"),
    "c8": ("inbound", "+33639980123", "+33199000100", "01-15 10:00:00.900", 30.100, "", 200, "normal"),
    "c9": ("outbound", "+33199000110", "+33261910011", "10-25 00:55:00.000", 600.0, "", 200, "normal"),
}

# The CSV has whole seconds, each difference of cut epochs; no forwarding, so that only its accountcode tells
# the trunk of c3b; and no SIP status of unanswered calls.
SECONDS = {
    "c1": 125,
    "c2": 60,
    "c3a": 210,
    "c3b": 210,
    "c4": 0,
    "c5": 0,
    "c6": 0,
    "c7": 300,
    "c8": 31,
    "c9": 600,
}
LINES = dict(zip(LEGS, CSV.read_text().splitlines(), strict=True))
RECORDS = dict(zip(LEGS, map(json.loads, JSON.read_text().splitlines()), strict=True))


def rate(folder: Path, *files: Path, **changes: Any) -> Batch:
    names = [str(file) for file in files]
    accounts = str(SAMPLES / "accounts.yaml")
    batch = run_batch(Request(names, accounts, "contract", folder / "out", force=True, **changes))
    for entry, count in zip(batch.run.files, batch.run.counts, strict=True):
        assert entry.rows == sum(count.values())
    return batch


def rows_of(batch: Batch) -> list[dict[str, Any]]:
    rows = pq.read_table(batch.out / "rated_calls.parquet").to_pylist()
    return sorted(rows, key=lambda row: (row["setup_time"], row["call_id"]))


def legs_of(batch: Batch) -> list[tuple[Any, ...]]:
    found = []
    for row in rows_of(batch):
        answer, release = row["answer_time"], row["release_time"]
        numbers = (row["direction"], row["a_number"], row["b_number"])
        talk = (release - answer).total_seconds() if answer is not None else 0
        clock = f"{answer:%m-%d %H:%M:%S}.{answer.microsecond // 1000:03d}" if answer is not None else ""
        assert row["trunk_id"] == "t1"
        found.append((*numbers, clock, talk, row["forwarded_by"], row["sip_code"], row["end_reason"]))
    return found


def rate_lines(folder: Path, *lines: str, **changes: Any) -> Batch:
    file = folder / "Master.csv"
    file.write_text("\n".join(lines) + "\n")
    batch = rate(folder, file, **{"format_name": "freeswitch"} | changes)
    assert batch.run.rows == len(lines)
    return batch


def rate_records(folder: Path, *records: dict[str, Any], **changes: Any) -> Batch:
    file = folder / "cdr.jsonl"
    file.write_text("".join(json.dumps(record) + "\n" for record in records))
    batch = rate(folder, file, **changes)
    assert batch.run.files[0].format == "freeswitch-json"
    return batch


def messages(batch: Batch) -> list[str]:
    return [re.sub(r"^.*?(Master.csv|cdr.jsonl):", "", reject.message) for reject in batch.run.rejects]


def changed(leg: str, **values: str) -> str:
    """The line of a leg with other values."""
    names = (
        "caller_id_name caller_id_number destination_number context start_stamp answer_stamp end_stamp "
        "duration billsec hangup_cause uuid bleg_uuid accountcode read_codec write_codec"
    )
    fields = dict(zip(names.split(), LINES[leg][1:-1].split('","'), strict=True)) | values
    return '"' + '","'.join(fields.values()) + '"'


def record(leg: str, **values: str | None) -> dict[str, Any]:
    """The record of a leg with other variables, None for none."""
    old = RECORDS[leg]["variables"] | {
        name: quote(value, safe="") for name, value in values.items() if value is not None
    }
    variables = {name: value for name, value in old.items() if name not in values or values[name] is not None}
    return RECORDS[leg] | {"variables": variables}


def test_legs_of_csv(tmp_path):
    assert recognise(CdrFile(CSV.name, CSV)).name == "freeswitch"
    batch = rate(tmp_path, CSV)
    assert batch.run.rejects == []
    expected = []
    for leg, seconds in SECONDS.items():
        *numbers, answer, _, _, code, reason = LEGS[leg]
        cut = answer[:-3] + "000" if answer else ""
        expected.append((*numbers, cut, seconds, "", code if answer else 0, reason))
    assert legs_of(batch) == expected
    assert batch.run.files[0].warnings == []


def test_legs_of_json(tmp_path):
    assert recognise(CdrFile(JSON.name, JSON)).form == "json"
    batch = rate(tmp_path, JSON)
    assert sorted(legs_of(batch)) == sorted(LEGS.values())
    assert not batch.run.rejects
    assert [row["forward_type"] for row in rows_of(batch) if row["forwarded_by"]] == ["unconditional"]
    uuids = {line[1:-1].split('","')[10] for line in LINES.values()}
    assert {row["call_id"] for row in rows_of(batch)} == uuids


@pytest.mark.parametrize("indent", [None, 2])
def test_one_record_a_file(tmp_path, indent):
    folder = tmp_path / "json_cdr"
    folder.mkdir()
    for leg, one in RECORDS.items():
        (folder / f"a_{leg}.cdr.json").write_text(json.dumps(one, indent=indent))
    (folder / "again.json").write_text(json.dumps(RECORDS["c1"]))  # a delivery that was tried again
    batch = rate(tmp_path, folder)
    assert sorted(legs_of(batch)) == sorted(LEGS.values())
    assert (batch.run.rows, batch.run.total["duplicates"]) == (11, 1)


def test_values_that_are_not_encoded(tmp_path):
    """encode-values=false."""
    plain = [
        one | {"variables": {name: unquote(value) for name, value in one["variables"].items()}}
        for one in RECORDS.values()
    ]
    assert sorted(legs_of(rate_records(tmp_path, *plain))) == sorted(LEGS.values())


def test_callflow_twice_and_direction_absent(tmp_path):
    text = json.dumps(RECORDS["c1"])
    flow = json.dumps(RECORDS["c1"]["callflow"][0])
    text = text[:-1] + f', "callflow": {flow}, "callflow": {{}}}}'
    file = tmp_path / "cdr.json"
    file.write_text(text.replace('"direction": "inbound", "state_number"', '"state_number"'))
    assert "state_number" in file.read_text()
    assert legs_of(rate(tmp_path, file)) == [LEGS["c1"]]


def without(*kinds: str) -> dict[str, None]:
    return dict.fromkeys(f"{name}_{kind}" for name in ("start", "answer", "end") for kind in kinds)


def test_coarser_times(tmp_path):
    """Epochs in seconds, then local stamps; talk time in milliseconds, then in seconds."""
    one = rows_of(rate_records(tmp_path, record("c1", **without("uepoch"), billusec=None)))[0]
    assert f"{one['answer_time']:%H:%M:%S.%f}" == "09:00:06.000000"
    assert (one["release_time"] - one["answer_time"]).total_seconds() == 125.420
    fields = {"billusec": None, "billmsec": None, "uduration": None, "mduration": None}
    batch = rate_records(
        tmp_path, *(record(leg, **without("uepoch", "epoch"), **fields) for leg in ("c1", "c9"))
    )
    assert [row["duration_s"] for row in rows_of(batch)] == [125, 600]
    assert f"{rows_of(batch)[1]['answer_time']:%H:%M:%S}" == "00:55:00"
    bare = record("c1", **fields, billsec=None, duration=None)
    assert legs_of(rate_records(tmp_path, bare)) == [LEGS["c1"]]


def test_epochs_go_before_stamps(tmp_path):
    """In the repeated hour, and whatever the time zone of the run."""
    wrong = dict.fromkeys(without("stamp"), "2026-10-25 02:10:00")
    assert legs_of(rate_records(tmp_path, record("c1", **wrong))) == [LEGS["c1"]]
    assert sorted(legs_of(rate(tmp_path, JSON, timezone="America/New_York"))) == sorted(LEGS.values())


@pytest.mark.parametrize(
    ("values", "number", "kind"),
    [
        (
            {"sip_redirected_by": '"A" <sip:+33199000110@a.example>;reason=no-answer'},
            "+33199000110",
            "no_answer",
        ),
        ({"sip_redirected_by": "<tel:+33199000110>;reason=user-busy"}, "+33199000110", "busy"),
        ({"sip_redirected_by": "<sip:+33199000110@a.example>"}, "+33199000110", "unknown"),
        (
            {
                "sip_redirected_by": None,
                "sip_history_info": "<sip:+33199000110@a.example?Reason=SIP%3Bcause%3D302>;index=1,"
                "<sip:+33639980456@a.example>;index=1.1",
            },
            "+33199000110",
            "unconditional",
        ),
        (
            {"sip_redirected_by": None, "sip_history_info": "<sip:+33639980456@a>;index=1"},
            "+33199000110",
            "unknown",
        ),
    ],
)
def test_forwarding(tmp_path, values, number, kind):
    row = rows_of(rate_records(tmp_path, record("c3b", **values)))[0]  # the last case: by rdnis
    assert (row["forwarded_by"], row["forward_type"], row["direction"]) == (number, kind, "outbound")


def test_anonymous_caller_is_known_by_the_identity_asserted(tmp_path):
    one = record(
        "c1", **{"sip_from_user": "anonymous", "sip_P-Asserted-Identity": "<sip:+33199000110@a.example>"}
    )
    assert legs_of(rate_records(tmp_path, one)) == [LEGS["c1"]]


def test_second_legs_of_json_are_no_calls(tmp_path):
    """log-b-leg=true."""
    b_leg = record("c1", uuid="81a208d7-9b70-5d34-a99f-c212daa87312", originating_leg_uuid="x")
    b_leg["channel_data"] = {"direction": "outbound"}
    clicked = record("c7")  # a call that the switch opened by itself has no other record
    clicked["channel_data"] = {"direction": "outbound"}
    batch = rate_records(tmp_path, b_leg, RECORDS["c1"], clicked)
    assert batch.run.total["not_a_call"] == 1
    assert legs_of(batch) == [LEGS["c1"], LEGS["c7"]]


def test_second_legs_of_csv_are_no_calls(tmp_path):
    """legs=ab, whether the second leg names the first or not, and in any order."""
    a_leg, b_leg = "896231b6-d87c-56e7-967d-a7f699f6c419", "81a208d7-9b70-5d34-a99f-c212daa87312"
    for back in (a_leg, ""):
        other = changed("c1", uuid=b_leg, bleg_uuid=back, duration="130")
        for lines in ([LINES["c1"], other, LINES["c2"]], [other, LINES["c2"], LINES["c1"]]):
            batch = rate_lines(tmp_path, *lines)
            assert (batch.run.total["not_a_call"], batch.run.total["rated"]) == (1, 2)
            assert a_leg in {row["call_id"] for row in rows_of(batch)}
    alone = rate_lines(tmp_path, changed("c1", uuid=b_leg, bleg_uuid=a_leg))  # legs=b
    assert alone.run.total["rated"] == 1


def test_files_by_account_repeat_the_master(tmp_path):
    account = tmp_path / "cabinet-exemple.csv"
    account.write_bytes(CSV.read_bytes())
    batch = rate(tmp_path, CSV, account)
    assert (batch.run.total["rated"], batch.run.total["duplicates"]) == (10, 10)


@pytest.mark.parametrize("name", ['Jo "Le Grand" Dupont', 'a","b', '"', "Dupont, Jo", ""])
def test_quotes_are_not_escaped(tmp_path, name):
    batch = rate_lines(tmp_path, changed("c2", caller_id_name=name), format_name="auto")
    assert batch.run.files[0].format == "freeswitch-csv"
    assert [leg[:3] for leg in legs_of(batch)] == [LEGS["c2"][:3]]


def test_a_file_saved_again_by_a_spreadsheet(tmp_path):
    line = LINES["c1"].replace('"', "").replace("2026-01-15 10:00:00", "2026/1/15 10:00")
    batch = rate_lines(tmp_path, line, format_name="auto")
    assert messages(batch) == [
        "1: start_stamp '2026/1/15 10:00' is no stamp with seconds; expected a stamp as 2026-01-15 10:00:06, "
        "as the switch writes it, not changed by a spreadsheet. Row rejected, the others are rated: see "
        "rejects.csv. [CDR-TIME]"
    ]


@pytest.mark.parametrize(
    ("line", "said"),
    [
        (LINES["c1"][:180], "1: line "),
        (LINES["c1"][:-10], "1: line "),
        ("a,b", "1: line has 2 fields; expected the 15 columns of mod_cdr_csv's template example."),
        (changed("c1", billsec="x"), "1: billsec 'x' is no duration; expected whole seconds."),
        (changed("c1", duration="-1"), "1: duration '-1' is no duration;"),
        (changed("c1", uuid="7"), "1: uuid '7' is no UUID;"),
        (changed("c1", answer_stamp=""), "1: billsec '125' is talk time of no answer; expected 0,"),
        (
            changed("c1", start_stamp="2026-13-15 10:00:00"),
            "1: start_stamp '2026-13-15 10:00:00' is no instant;",
        ),
        (
            changed("c1", end_stamp="2026-03-29 02:30:00"),
            "1: end_stamp '2026-03-29 02:30:00' has no offset and",
        ),
        (changed("c1", start_stamp="2026-01-15 10:00:30"), "1: answer_time "),
    ],
)
def test_hostile_lines(tmp_path, line, said):
    batch = rate_lines(tmp_path, line, LINES["c2"])
    assert (batch.run.total["rejected"], batch.run.total["rated"]) == (1, 1)
    assert messages(batch)[0].startswith(said)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (json.dumps(RECORDS["c1"])[:500], "2: line is not JSON (Unterminated string starting at)"),
        ("[" * 100_000, "2: line is not JSON (too deep or too long a number)"),
        ("[1]", "2: variables is no object;"),
        ('{"variables": 5}', "2: variables is no object;"),
        (json.dumps(record("c1", uuid=None)), "2: uuid is no UUID;"),
        (json.dumps(record("c1", answer_uepoch="soon")), "2: answer_stamp 'soon' is no stamp with seconds;"),
        (
            json.dumps(record("c1", end_uepoch="9" * 25)),
            f"2: end_stamp '{'9' * 25}' is no stamp with seconds;",
        ),
        (json.dumps(record("c1", billusec="1e9")), "2: billsec '1e9' is no duration;"),
        (
            json.dumps(record("c1", **without("uepoch", "epoch", "stamp"))),
            "2: billsec '125' is talk time of no",
        ),
        (
            json.dumps({"variables": RECORDS["c1"]["variables"] | {"billsec": []}}),
            "2: billsec '[]' is no plain",
        ),
        (
            json.dumps({"variables": RECORDS["c1"]["variables"] | {"sip_from_user": "\ud800"}}),
            "2: a_number holds half a surrogate pair;",
        ),
    ],
)
def test_hostile_records(tmp_path, text, said):
    file = tmp_path / "cdr.jsonl"
    file.write_text(json.dumps(RECORDS["c2"]) + "\n" + text + "\n")
    batch = rate(tmp_path, file)
    assert (batch.run.total["rejected"], batch.run.total["rated"]) == (1, 1)
    assert messages(batch)[0].startswith(said)


def test_rejects_show_the_record(tmp_path):
    file = tmp_path / "cdr.json"
    text = json.dumps(record("c1", uuid="7"), indent=1)
    file.write_text(text)
    batch = rate(tmp_path, file)
    with (batch.out / "rejects.csv").open(newline="") as rejects:
        assert [row["raw"] for row in csv.DictReader(rejects)] == [text]


def test_empty_files(tmp_path):
    for name in ("Master.csv", "cdr.json"):
        (tmp_path / name).write_bytes(b"")
        batch = rate(tmp_path, tmp_path / name, format_name="freeswitch")
        assert batch.run.rows == 0
        assert "file is empty" in batch.run.files[0].warnings[0]


def test_other_formats_are_not_claimed():
    for path in sorted(SAMPLES.glob("*.*")):
        if path.suffix in (".csv", ".json", ".jsonl", ".txt", ".log"):
            is_ours = recognise(CdrFile(path.name, path)).name == "freeswitch"
            assert is_ours == path.name.startswith("freeswitch")


def test_mutated_bytes_never_break_a_run(tmp_path):
    spread = json.dumps(RECORDS["c3b"], indent=1).encode()
    sources = [CSV.read_bytes(), JSON.read_bytes(), spread]
    letters = b'\x00\xff",\n\r09-: {}[]\\%aZ'
    check_damaged(51, sources, tmp_path / "cdr", SAMPLES / "accounts.yaml", "freeswitch", letters)
