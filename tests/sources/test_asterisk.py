"""Asterisk's Master.csv: the same calls in each column order, each trap, and what it cannot carry."""

import csv
import io
import re
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
from damage import check_damaged

from rating.batch import Batch, Request, run_batch
from rating.sources.block import Options
from rating.sources.files import CdrFile
from rating.sources.readers import recognise
from rating.sources.reading import read_files
from rating.zone import Zone

SAMPLES = Path(__file__).parents[2] / "cdr_samples" / "formats"
WHOLE = SAMPLES / "asterisk_Master_21cols_paris.csv"
SHORT = SAMPLES / "asterisk_Master_16cols_paris.csv"
CUSTOM = SAMPLES / "asterisk_cdr_custom_paris.csv"

# leg: direction, A, B, setup, answered, talk time [s], forwarded by, end reason. Stamps and billsec are whole
# seconds, each cut by itself: c1 has 125 for 125.420, c8 has 31 for 30.100. No final SIP status: 200 or 0.
LEGS = {
    "c1": ("outbound", "+33199000110", "+33261910011", "2026-01-15 09:00:00", "09:00:06", 125, "", "normal"),
    "c2": ("inbound", "+33639980123", "+33199000110", "2026-01-15 09:10:00", "09:10:05", 60, "", "normal"),
    "c3a": ("inbound", "+33639980123", "+33199000110", "2026-01-15 09:20:00", "09:20:11", 210, "", "normal"),
    "c3b": (
        "outbound",
        "+33639980123",
        "+33639980456",
        "2026-01-15 09:20:01",
        "09:20:11",
        210,
        "+33199000110",
        "normal",
    ),
    "c4": ("outbound", "+33199000111", "+12025550143", "2026-01-15 09:30:00", "09:30:09", 0, "", "normal"),
    "c5": ("outbound", "+33199000111", "+33261910011", "2026-01-15 09:40:00", "", 0, "", "busy"),
    "c6": ("outbound", "+33199000111", "+33261910011", "2026-01-15 09:41:00", "", 0, "", "no_channel"),
    "c7": ("outbound", "+33199000110", "+33465710022", "2026-01-15 09:50:00", "09:50:04", 300, "", "normal"),
    "c8": ("inbound", "+33639980123", "+33199000100", "2026-01-15 10:00:00", "10:00:00", 31, "", "normal"),
    "c9": ("outbound", "+33199000110", "+33261910011", "2026-10-25 00:54:50", "00:55:00", 600, "", "normal"),
}
LINES = WHOLE.read_text().splitlines()
KNOWN = dict(zip(LEGS, LINES, strict=True))


def rate(folder: Path, *files: Path, **changes: Any) -> Batch:
    names = [str(file) for file in files]
    return run_batch(
        Request(names, str(SAMPLES / "accounts.yaml"), "contract", folder / "out", force=True, **changes)
    )


def rows_of(batch: Batch) -> list[dict[str, Any]]:
    return pq.read_table(batch.out / "rated_calls.parquet").to_pylist()


def legs_of(batch: Batch) -> list[tuple[Any, ...]]:
    found = []
    for row in rows_of(batch):
        answer, release = row["answer_time"], row["release_time"]
        numbers = (row["direction"], row["a_number"], row["b_number"])
        talk = (release - answer).total_seconds() if answer is not None else 0
        clock = f"{answer:%H:%M:%S}" if answer is not None else ""
        assert row["trunk_id"] == "t1"
        assert row["sip_code"] == (200 if clock else 0)
        assert row["duration_s"] == (max(talk, 1) if clock else 0)
        forwarded = row["direction"] == "outbound" and not row["a_number"].startswith("+331990001")
        assert row["forward_type"] == ("unknown" if forwarded else "")
        tail = (row["forwarded_by"], row["end_reason"])
        found.append((*numbers, f"{row['setup_time']:%Y-%m-%d %H:%M:%S}", clock, talk, *tail))
    return found


def changed(leg: str, **values: str) -> str:
    """The line of a leg with other values, as the module writes it."""
    names = (
        "accountcode src dst dcontext clid channel dstchannel lastapp lastdata start answer end duration "
        "billsec disposition amaflags uniqueid userfield peeraccount linkedid sequence"
    )
    fields = dict(zip(names.split(), next(csv.reader([KNOWN[leg]])), strict=True)) | values
    plain = ("duration", "billsec", "sequence")
    texts = [value if key in plain else '"' + value.replace('"', '""') + '"' for key, value in fields.items()]
    return ",".join(texts)


def rate_lines(folder: Path, *lines: str, **changes: Any) -> Batch:
    file = folder / "Master.csv"
    file.write_text("\n".join(lines) + "\n")
    batch = rate(folder, file, **{"format_name": "asterisk"} | changes)
    reconcile(batch)
    assert batch.run.rows == len(lines)
    return batch


def reconcile(batch: Batch) -> None:
    for entry, count in zip(batch.run.files, batch.run.counts, strict=True):
        assert entry.rows == sum(count.values())


def messages(batch: Batch) -> list[str]:
    return [re.sub(r"^.*?Master.csv:", "", reject.message) for reject in batch.run.rejects]


@pytest.mark.parametrize("file", [WHOLE, SHORT, CUSTOM], ids=["21", "16", "custom"])
def test_legs(tmp_path, file):
    assert recognise(CdrFile(file.name, file)).name == "asterisk"
    batch = rate(tmp_path, file)
    reconcile(batch)
    expected = dict(LEGS)
    if (
        file == SHORT
    ):  # no userfield: nothing tells whose forwarding made c3b; its accountcode tells the trunk
        expected["c3b"] = (*LEGS["c3b"][:6], "", "normal")
    assert batch.run.rejects == []
    assert legs_of(batch) == list(expected.values())
    assert batch.run.files[0].warnings == []


def test_call_id(tmp_path):
    """uniqueid and sequence; without sequence, the destination channel; without uniqueid, a digest."""
    assert rows_of(rate(tmp_path, WHOLE))[0]["call_id"] == "1768467600.2/1"
    no_sequence = [",".join(line.split(",")[:-3]) for line in LINES]
    assert rows_of(rate_lines(tmp_path, *no_sequence))[0]["call_id"] == "1768467600.2/PJSIP/carrier-00000003"
    ids = [row["call_id"] for row in rows_of(rate(tmp_path, SHORT))]
    assert all(re.fullmatch("[0-9a-f]{64}", text) for text in ids)
    assert len(set(ids)) == 10


def test_one_channel_that_dials_twice_is_two_rows(tmp_path):
    """A carrier that fails and the next one that answers share a uniqueid."""
    failed = changed(
        "c1", answer="", disposition="CONGESTION", billsec="0", sequence="90", end="2026-01-15 10:00:01"
    )
    batch = rate_lines(tmp_path, failed.replace(",131,", ",1,"), KNOWN["c1"])
    assert [row["end_reason"] for row in rows_of(batch)] == ["no_channel", "normal"]


@pytest.mark.parametrize("count", [16, 17, 18, 19, 20, 21])
def test_every_count_of_columns(tmp_path, count):
    """17 columns end in uniqueid or userfield, by what it looks like; 19 and more end in the newer three."""
    lines = []
    for line in LINES:
        fields = next(csv.reader([line]))
        middle = {0: [], 1: [fields[16]], 2: fields[16:18]}[count - 16 if count < 19 else count - 19]
        text = io.StringIO()
        newer = fields[18:] if count >= 19 else []
        csv.writer(text, quoting=csv.QUOTE_ALL, lineterminator="").writerow([*fields[:16], *middle, *newer])
        lines.append(text.getvalue())
    batch = rate_lines(tmp_path, *lines, format_name="auto")
    assert batch.run.files[0].format == "asterisk-csv"
    assert batch.run.total["rated"] == 10
    forwarders = [row["forwarded_by"] for row in rows_of(batch) if row["forward_type"]]
    assert forwarders == (["+33199000110"] if count in (18, 21) else [""])  # it is in the userfield
    with_id = count not in (16, 19)
    assert rows_of(batch)[0]["call_id"].startswith("1768467600.2") == with_id


def test_17_columns_with_userfield(tmp_path):
    fields = next(csv.reader([KNOWN["c3b"]]))
    text = io.StringIO()
    csv.writer(text, lineterminator="").writerow([*fields[:16], fields[17]])
    batch = rate_lines(tmp_path, text.getvalue())
    assert legs_of(batch) == [LEGS["c3b"]]
    assert len(rows_of(batch)[0]["call_id"]) == 64


@pytest.mark.parametrize("disposition", ["BUSY", "NO ANSWER", "FAILED", "CONGESTION", "CANCEL", "UNKNOWN"])
def test_talk_time_counts_only_where_answered(tmp_path, disposition):
    """A PBX that answers before it dials writes BUSY with billsec 125."""
    row = rows_of(rate_lines(tmp_path, changed("c1", disposition=disposition)))[0]
    assert (row["answer_time"], row["duration_s"], row["reason"]) == (None, 0, "not_answered")
    reasons = {"BUSY": "busy", "NO ANSWER": "no_answer", "CONGESTION": "no_channel", "CANCEL": "cancelled"}
    assert row["end_reason"] == reasons.get(disposition, "failed")
    assert (row["release_time"] - row["setup_time"]).total_seconds() == 131


@pytest.mark.parametrize("answer", [",,", ',"",'])
def test_answer_empty_with_and_without_quotes(tmp_path, answer):
    line = KNOWN["c5"].replace(',,"2026-01-15 10:40:02"', answer + '"2026-01-15 10:40:02"')
    assert legs_of(rate_lines(tmp_path, line)) == [LEGS["c5"]]


def test_rows_without_parties(tmp_path):
    """Unanswered they are no call; answered, money may hide in one: a reject that is seen."""
    silent = changed("c5", src="", dst="s", answer="")
    batch = rate_lines(tmp_path, silent, changed("c1", src="", dst="s"))
    assert (batch.run.total["not_a_call"], batch.run.total["rejected"]) == (1, 1)
    assert batch.run.rejects[0].code == "CDR-TRUNK"


def test_files_by_account_repeat_the_master(tmp_path):
    """accountlogs=yes writes each row twice: rated once, whichever file comes first."""
    account = tmp_path / "cabinet-exemple.csv"
    account.write_text("\n".join(LINES[:7]) + "\n")
    master = tmp_path / "Master.csv"
    master.write_bytes(WHOLE.read_bytes())
    batch = rate(tmp_path, tmp_path / "cabinet-exemple.csv", master)
    reconcile(batch)
    assert (batch.run.total["rated"], batch.run.total["duplicates"]) == (10, 7)
    assert legs_of(batch) == list(LEGS.values())
    short = tmp_path / "short"
    short.mkdir()
    for name in ("Master.csv", "cabinet-exemple.csv"):
        (short / name).write_bytes(SHORT.read_bytes())
    again = rate(tmp_path, short)  # by the digests, where there is no uniqueid
    assert (again.run.total["rated"], again.run.total["duplicates"]) == (10, 10)


def test_quotes_and_commas_within_fields(tmp_path):
    line = changed("c1", clid='"Dupont, ""Jo""" <+33199000110>', lastdata='a,"b",2026-01-15 10:00:00')
    assert legs_of(rate_lines(tmp_path, line)) == [LEGS["c1"]]


def test_repeated_hour_is_told_by_uniqueid(tmp_path):
    """All stamps within the hour that occurs twice: the id holds the epoch of the setup."""
    stamps = {"start": "2026-10-25 02:10:00", "answer": "2026-10-25 02:10:05", "end": "2026-10-25 02:20:05"}
    lengths = {"duration": "605", "billsec": "600"}
    for epoch, hour in ((1792887000, "00"), (1792890600, "01")):
        line = changed("c1", **stamps, **lengths, uniqueid=f"pbx-1-{epoch}.7")
        row = rows_of(rate_lines(tmp_path, line))[0]
        assert f"{row['answer_time']:%H:%M:%S}" == f"{hour}:10:05"
        assert row["duration_s"] == 600
    line = changed("c1", **stamps, **lengths, uniqueid="")
    said = messages(rate_lines(tmp_path, line))
    assert said == [
        "1: start '2026-10-25 02:10:00' occurs twice on a clock-change night, and the durations do not tell "
        "which; expected --ambiguous first|second (time zone Europe/Paris). Row rejected, the others are "
        "rated: see rejects.csv. [CDR-TIME]"
    ]
    for choice, hour in (("first", "00"), ("second", "01")):
        row = rows_of(rate_lines(tmp_path, line, ambiguous=choice))[0]
        assert f"{row['answer_time']:%H}" == hour


def test_stamps_in_another_zone_are_said(tmp_path):
    """usegmtime=yes: the stamps are UTC, which the ids show."""
    line = changed("c1", start="2026-01-15 09:00:00", answer="2026-01-15 09:00:06", end="2026-01-15 09:02:11")
    batch = rate_lines(tmp_path, line)
    assert "[CDR-TIMEZONE]" in batch.run.files[0].warnings[0]
    batch = rate_lines(tmp_path, line, timezone="UTC")
    assert batch.run.files[0].warnings == []
    assert legs_of(batch) == [LEGS["c1"]]


def test_durations_that_differ_from_stamps_are_said(tmp_path):
    batch = rate_lines(tmp_path, changed("c1", billsec="60"))
    assert rows_of(batch)[0]["duration_s"] == 60
    assert "[CDR-DURATION]" in batch.run.files[0].warnings[0]


@pytest.mark.parametrize(
    ("line", "said"),
    [
        (KNOWN["c1"][:150], "1: line "),
        (KNOWN["c1"][:200], "1: line is no CSV"),
        ("not,a,row", "1: line has 3 fields; expected a row of cdr_csv with 16 to 21 columns"),
        (KNOWN["c1"] + ",,,", "1: line has 24 fields;"),
        (changed("c1", start="2026/1/15 10:00"), "1: start '2026/1/15 10:00' is no stamp with seconds;"),
        (changed("c1", end="2026-02-30 10:00:00"), "1: end '2026-02-30 10:00:00' is no instant;"),
        (changed("c1", end=""), "1: end '' is empty;"),
        (changed("c1", answer=""), "1: answer '' is empty; expected a stamp, as the call is ANSWERED."),
        (changed("c1", billsec="-5"), "1: billsec '-5' is no duration; expected whole seconds."),
        (changed("c1", duration="9" * 30), f"1: duration '{'9' * 30}' is no duration;"),
        (changed("c1", billsec="99999999"), "1: release_time '"),
        (
            changed("c1", disposition="PERHAPS"),
            "1: disposition 'PERHAPS' is unknown; expected one of ANSWERED,",
        ),
        (
            changed("c1", start="2026-01-15 10:00:30"),
            "1: answer_time '2026-01-15T09:00:06.000000000Z' precedes",
        ),
        (
            changed("c1", start="2026-03-29 02:30:00"),
            "1: start '2026-03-29 02:30:00' has no offset and does not",
        ),
        (changed("c1", src="a\0b"), "1: a_number 'a\\x00b' holds a NUL byte"),
    ],
)
def test_hostile_rows(tmp_path, line, said):
    batch = rate_lines(tmp_path, line, KNOWN["c2"])
    assert (batch.run.total["rejected"], batch.run.total["rated"]) == (1, 1)
    assert messages(batch)[0].startswith(said)


def test_rejects_show_the_line(tmp_path):
    batch = rate_lines(tmp_path, KNOWN["c1"], KNOWN["c2"][:99])
    rows = list(csv.DictReader((batch.out / "rejects.csv").read_text().splitlines()))
    assert [(row["line"], row["raw"]) for row in rows] == [("2", KNOWN["c2"][:99])]


def test_encodings(tmp_path):
    file = tmp_path / "Master.csv"
    file.write_bytes("\r\n".join([*LINES[:2], "", KNOWN["c7"].replace("PJSIP", "Café")]).encode("latin-1"))
    batch = rate(tmp_path, file)
    assert [reject.code for reject in batch.run.rejects] == ["CDR-ENCODING"]
    assert batch.run.total["rated"] == 2
    assert rate(tmp_path, file, encoding="latin-1").run.total["rated"] == 3


def test_empty_file(tmp_path):
    file = tmp_path / "Master.csv"
    file.write_bytes(b"")
    batch = rate(tmp_path, file, format_name="asterisk")
    assert batch.run.rows == 0
    assert "file is empty" in batch.run.files[0].warnings[0]


def test_other_formats_are_not_claimed():
    for path in sorted(SAMPLES.glob("*.*")):
        if path.suffix in (".csv", ".json", ".jsonl", ".txt", ".log"):
            assert (recognise(CdrFile(path.name, path)).name == "asterisk") == path.name.startswith(
                "asterisk"
            )
    for path in sorted((SAMPLES.parent / "demo" / "cdrs").glob("*")):
        assert recognise(CdrFile(path.name, path)).name == "canonical"


def test_mutated_bytes_never_break_a_run(tmp_path):
    sources = [path.read_bytes() for path in (WHOLE, SHORT, CUSTOM)]
    letters = b'\x00\xff",\n\r09-: aZ'
    check_damaged(16, sources, tmp_path / "Master.csv", SAMPLES / "accounts.yaml", "asterisk", letters)


def test_gaps_in_the_sequence_are_said(tmp_path: Path) -> None:
    lines = (SAMPLES / "asterisk_Master_21cols_paris.csv").read_text(encoding="utf-8").splitlines()
    (tmp_path / "Master.csv").write_text("\n".join([*lines[:3], *lines[5:]]) + "\n", encoding="utf-8")
    files = [CdrFile("Master.csv", tmp_path / "Master.csv")]
    found = read_files(files, Options(Zone("Europe/Paris"))).files[0]
    assert found.hints == [
        "Master.csv: of sequence numbers 1 to 10 there are 2 missing, the first after 3; expected each once. "
        "[CDR-SEQUENCE]"
    ]
