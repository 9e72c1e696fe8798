"""The admin center's export: the same calls as Graph's, each trap of the format, and what it cannot carry."""

import gzip
import io
import json
import random
import time
import zipfile
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from rating.batch import Batch, Request, run_batch
from rating.errors import TrunkrateError, UsageError
from rating.sources.files import CdrFile
from rating.sources.readers import recognise

SAMPLES = Path(__file__).parents[2] / "cdr_samples" / "formats"
SAMPLE = SAMPLES / "DirectRouting.calls.2026-11-01.csv"
ZIP = SAMPLES / "Calls.Export.cabinet-exemple.zip"
GRAPH = [SAMPLES / f"graph_dr_v1_page{n}.json" for n in (1, 2)]

ALICE, BOB = "alice@cabinet-exemple.example", "bob@cabinet-exemple.example"
A1, A2 = "+33199000110", "+33199000111"

# line of the sample: direction, A, B, answered, duration rounded up, user, forwarded_by, end_reason, reason
LEGS = {
    2: ("outbound", A1, "+3326191****", "09:00:06.480", 126, ALICE, "", "normal", "included"),
    3: ("inbound", "+3363998****", A1, "09:10:00.610", 65, ALICE, "", "normal", "inbound"),
    4: ("inbound", "+3363998****", A1, "09:20:00.560", 222, ALICE, "", "normal", "inbound"),
    5: (
        "outbound",
        "+3363998****",
        "+3363998****",
        "09:20:11.300",
        211,
        ALICE,
        ALICE,
        "normal",
        "out_of_plan",
    ),
    6: ("outbound", A2, "+1202555****", "09:30:09.000", 1, BOB, "", "normal", "out_of_plan"),
    7: ("outbound", A2, "+3326191****", "", 0, BOB, "", "busy", "not_answered"),
    8: ("outbound", A2, "+3326191****", "", 0, BOB, "", "failed", "not_answered"),
    9: ("outbound", A1, "+3346571****", "09:50:04.000", 301, ALICE, "", "normal", "included"),
    10: ("inbound", "+3363998****", "+33199000100", "10:00:00.300", 31, "", "", "normal", "inbound"),
    11: ("outbound", A1, "+3326191****", "00:55:00.000", 600, ALICE, "", "normal", "included"),
    12: ("outbound", A1, "+3326191****", "10:10:05.000", 30, "", "", "normal", "included"),
}

# What took place, and what the format cannot carry of it: the other side's last four digits; the answer of
# inbound legs (their `Start time` precedes it); why an SBC said 503, so that c6 ended as "failed".
TRUTH = {  # leg: (line, A, B, answered, talk time [ms])
    "c1": (2, A1, "+33261910011", "09:00:06.480", 125_420),
    "c2": (3, "+33639980123", A1, "09:10:05.400", 60_200),
    "c3a": (4, "+33639980123", A1, "09:20:11.320", 210_610),
    "c3b": (5, "+33639980123", "+33639980456", "09:20:11.300", 210_600),
    "c4": (6, A2, "+12025550143", "09:30:09.000", 700),
    "c5": (7, A2, "+33261910011", "", 0),
    "c6": (8, A2, "+33261910011", "", 0),
    "c7": (9, A1, "+33465710022", "09:50:04.000", 300_999),
    "c8": (10, "+33639980123", "+33199000100", "10:00:00.900", 30_100),
    "c9": (11, A1, "+33261910011", "00:55:00.000", 600_000),
}
STARTS_EARLY_MS = {"c2": 4_790, "c3a": 10_760, "c8": 600}

COMPARED_NOT = ("source", "call_id")
"""All that differs between the same call of Graph and of the export."""


def rate(folder: Path, *files: Path, **changes: Any) -> Batch:
    accounts = str(SAMPLES / "accounts.yaml")
    names = [str(file) for file in files]
    return run_batch(Request(names, accounts, "contract", folder / "out", force=True, **changes))


def rated(batch: Batch) -> list[dict[str, Any]]:
    return pq.read_table(batch.out / "rated_calls.parquet").to_pylist()


def clock(instant: Any) -> str:
    return f"{instant:%H:%M:%S}.{instant.microsecond // 1000:03d}" if instant is not None else ""


def legs(batch: Batch) -> dict[int, tuple[Any, ...]]:
    """Rated legs by the line of the sample that has their invite time."""
    line_of = {line.split(",")[5][11:23]: at for at, line in enumerate(text().splitlines(), 1)}
    return {
        line_of[clock(row["setup_time"])]: (
            *(row[name] for name in ("direction", "a_number", "b_number")),
            clock(row["answer_time"]),
            *(row[name] for name in ("duration_s", "user_id", "forwarded_by", "end_reason", "reason")),
        )
        for row in rated(batch)
    }


def text() -> str:
    return SAMPLE.read_bytes().decode()


def lines(*changes: dict[str, str], rows: tuple[int, ...] = (2,)) -> list[dict[str, str]]:
    """Rows of the sample by column, changed."""
    names, *found = [line.split(",") for line in text().splitlines()]
    every = [dict(zip(names, found[row - 2], strict=True)) for row in rows]
    return [row | change for row in every for change in (changes or ({},))]


def write(folder: Path, *rows: dict[str, str], name: str = "DirectRouting.calls.csv") -> Path:
    path = folder / name
    content = [",".join(rows[0]), *(",".join(row.values()) for row in rows)]
    path.write_bytes("".join(f"{line}\r\n" for line in content).encode())
    return path


def zipped(folder: Path, *members: tuple[str, bytes], name: str = "Calls.Export.1.zip") -> Path:
    path = folder / name
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for member, data in members:
            archive.writestr(member, data)
    return path


def rejects(batch: Batch) -> list[tuple[int, str]]:
    return [(reject.line, reject.code) for reject in batch.run.rejects]


def reconciles(batch: Batch) -> bool:
    return sum(batch.run.total.values()) == batch.run.rows and batch.record["reconciliation"]["balanced"]


def test_every_leg_of_the_csv(tmp_path: Path) -> None:
    batch = rate(tmp_path, SAMPLE)
    assert legs(batch) == LEGS
    assert {row["trunk_id"] for row in rated(batch)} == {"t1"}
    assert {row["source"] for row in rated(batch)} == {"teams-admin"}
    assert [row["forward_type"] for row in rated(batch) if row["forwarded_by"]] == ["unknown"]
    assert batch.run.files[0].format == "teams-admin-csv"
    assert batch.run.files[0].ignored_columns == []
    assert reconciles(batch)


@pytest.mark.parametrize("leg", TRUTH)
def test_legs_against_what_took_place(leg: str) -> None:
    line, a_number, b_number, answered, talk_ms = TRUTH[leg]
    direction, a_read, b_read, answer_read, duration_s, *_ = LEGS[line]
    for true, read in ((a_number, a_read), (b_number, b_read)):
        assert read == true or (read.endswith("****") and read[:-4] == true[:-4])
    early_ms = STARTS_EARLY_MS.get(leg, 0)
    assert (early_ms > 0) == (direction == "inbound")
    assert millis(answer_read) + early_ms == millis(answered)
    # Rounded up to whole seconds; the two sides of a call hear its end up to 10 ms apart.
    assert abs(duration_s * 1000 - early_ms - talk_ms) < 1000


def millis(clock_text: str) -> int:
    if not clock_text:
        return 0
    hours, minutes, seconds = clock_text.split(":")
    return (int(hours) * 60 + int(minutes)) * 60_000 + int(seconds.replace(".", ""))


def test_same_calls_as_graph_give_the_same_result(tmp_path: Path) -> None:
    ours, theirs = rated(rate(tmp_path, SAMPLE)), rated(rate(tmp_path, *GRAPH))
    assert len(ours) == len(theirs) == 11
    for one, other in zip(ours, theirs, strict=True):
        differing = [name for name in one if one[name] != other[name]]
        assert differing == list(COMPARED_NOT)


def test_committed_zip_holds_the_sample(tmp_path: Path) -> None:
    with zipfile.ZipFile(ZIP) as archive:
        assert archive.read(SAMPLE.name) == SAMPLE.read_bytes()
    batch = rate(tmp_path, ZIP)
    assert legs(batch) == LEGS
    assert batch.run.files[0].format == "teams-admin-zip"
    assert (batch.run.rows, batch.run.total["not_a_call"]) == (12, 1)
    assert reconciles(batch)
    assert batch.run.files[0].hints[0] == (
        f"{ZIP}: 'PSTN.calls.2026-11-01.csv' holds 1 row of Calling Plans or Operator Connect; expected "
        "calls that crossed the trunk. Counted as not_a_call. [CDR-PSTN]"
    )


def test_zip_gives_the_call_ids_of_its_csv(tmp_path: Path) -> None:
    ids = {row["call_id"] for row in rated(rate(tmp_path, SAMPLE))}
    path = zipped(tmp_path, (SAMPLE.name, SAMPLE.read_bytes()), ("parameters.json", b"{}"), ("x/y.txt", b"?"))
    batch = rate(tmp_path, path)
    assert {row["call_id"] for row in rated(batch)} == ids
    assert len(ids) == 11
    assert all(len(found) == 32 and int(found, 16) >= 0 for found in ids)
    both = rate(tmp_path, SAMPLE, path)
    assert (both.run.total["rated"], both.run.total["duplicates"]) == (11, 11)


def test_call_id_tells_rows_apart_by_each_part_of_the_key(tmp_path: Path) -> None:
    columns = {
        "CorrelationId": "00000000-0000-4000-8000-000000000000",
        "Invite time": "2026-01-15T09:00:00.121Z",
        "Caller Number": A2,
        "Callee Number": "+3326192****",
        "Call type": "dr_out_user_conf",
        "SBC FQDN": "SBC1.cabinet-exemple.trunk.example",
    }
    changes = [{}, *({name: value} for name, value in columns.items())]
    batch = rate(tmp_path, write(tmp_path, *lines(*changes)))
    assert len({row["call_id"] for row in rated(batch)}) == 7
    assert batch.run.total["duplicates"] == 0


def test_members_are_numbered_through(tmp_path: Path) -> None:
    head, first, *rest = SAMPLE.read_bytes().split(b"\r\n")
    second = b"\r\n".join([head, first.replace(b",Yes,", b",Maybe,", 1)])  # no line end at its end
    third = b"\r\n".join([head, *rest[:2], rest[3].replace(b"+1202", b"+\xff", 1), b""])
    path = zipped(tmp_path, ("a/DirectRouting.calls.1.csv", second), ("a/DirectRouting.calls.2.csv", third))
    batch = rate(tmp_path, path)
    assert rejects(batch) == [(2, "CDR-FIELD"), (6, "CDR-ENCODING")]
    table = (tmp_path / "out" / "rejects.csv").read_text(encoding="utf-8")
    assert "Success 'Maybe' is unknown; expected Yes or No" in table
    assert "c52767a2-71e2-50b2-b3e5-f2d80d7983b7" in table
    assert (batch.run.rows, batch.run.total["rated"]) == (4, 2)


def test_folder_of_exports_is_found_and_other_zips_passed_over(tmp_path: Path) -> None:
    folder = tmp_path / "in"
    folder.mkdir()
    path = zipped(folder, (SAMPLE.name, SAMPLE.read_bytes()), name="october.zip")
    other = zipped(folder, ("notes.txt", b"hello"), name="other.zip")
    batch = rate(tmp_path, folder)
    assert [entry.name for entry in batch.run.files] == [str(path)]
    assert batch.record["skipped_files"] == [str(other)]


@pytest.mark.parametrize(
    "form", ["gzip", "zip in gzip", "bom", "semicolons", "line feeds", "no last line end"]
)
def test_other_forms_give_the_same(tmp_path: Path, form: str) -> None:
    data = SAMPLE.read_bytes()
    path = tmp_path / "calls.csv"
    if form == "zip in gzip":
        path = tmp_path / "calls.export.zip.gz"
        data = zipped(tmp_path, (SAMPLE.name, data)).read_bytes()
    data = {
        "bom": b"\xef\xbb\xbf" + data,
        "semicolons": data.replace(b",", b";"),
        "line feeds": data.replace(b"\r\n", b"\n"),
        "no last line end": data.rstrip(b"\r\n"),
    }.get(form, data)
    path.write_bytes(gzip.compress(data) if "gzip" in form else data)
    assert legs(rate(tmp_path, path)) == LEGS


def test_columns_are_found_by_name(tmp_path: Path) -> None:
    rows = []
    for row in lines(rows=tuple(LEGS)):
        renamed = {f"  {name.upper().replace(' ', '  ')} ": value for name, value in row.items()}
        renamed["SIP Address"] = f"sip:{renamed.pop('  UPN ')}" if row["UPN"] else renamed.pop("  UPN ")
        rows.append({"Administrative unit": "x", **dict(sorted(renamed.items())), "Transferor ID": ""})
    batch = rate(tmp_path, write(tmp_path, *rows))
    assert legs(batch) == LEGS
    assert batch.run.files[0].ignored_columns == ["Administrative unit", "Transferor ID"]


def test_quoted_values_may_hold_commas_and_odd_bytes(tmp_path: Path) -> None:
    data = SAMPLE.read_bytes().replace(b"Alice Exemple", b'"Exemple, Alice \xe9 ""A"""')
    path = tmp_path / "calls.csv"
    path.write_bytes(data)
    assert legs(rate(tmp_path, path)) == LEGS


def test_latin_1(tmp_path: Path) -> None:
    path = write(tmp_path, *lines({"UPN": "zo@é.example"}))
    path.write_bytes(path.read_bytes().decode().encode("latin-1"))
    assert rejects(rate(tmp_path, path)) == [(2, "CDR-ENCODING")]
    (row,) = rated(rate(tmp_path, path, encoding="latin-1"))
    assert row["user_id"] == "zo@é.example"


@pytest.mark.parametrize(
    ("kind", "direction", "is_forward", "known"),
    [
        ("dr_in_bot", "inbound", False, True),
        ("dr_in_ucap", "inbound", False, True),
        ("dr_out_bot", "outbound", False, True),
        ("dr_out_ucap", "outbound", False, True),
        ("dr_out_user_conf", "outbound", False, True),
        ("DR_Out_User_Forwarding", "outbound", True, True),
        ("dr_out_user_transfer", "outbound", False, True),
        ("user_out_transfer", "outbound", False, True),
        ("dr_emergency_out", "outbound", False, True),
        ("dr_unassigned_in", "inbound", False, True),
        ("dr_out_hologram", "outbound", False, False),
        ("novelty", "outbound", False, False),  # by the numbers
        ("", "outbound", False, False),
    ],
)
def test_call_types(tmp_path: Path, kind: str, direction: str, is_forward: bool, known: bool) -> None:
    batch = rate(tmp_path, write(tmp_path, *lines({"Call type": kind})))
    (row,) = rated(batch)
    assert (row["direction"], bool(row["forwarded_by"])) == (direction, is_forward)
    said = [
        f"{tmp_path / 'DirectRouting.calls.csv'}: Call type '{kind}' of 1 row is unknown; expected one made "
        "of known words. The rows are kept, and read by the words that are known. [CDR-TYPE]"
    ]
    assert batch.run.files[0].warnings == ([] if known else said)


def test_trunk_that_is_empty_is_told_by_the_numbers(tmp_path: Path) -> None:
    (row,) = rated(rate(tmp_path, write(tmp_path, *lines({"SBC FQDN": ""}))))
    assert row["trunk_id"] == "t1"


def test_user_is_the_object_id_where_there_is_no_upn(tmp_path: Path) -> None:
    change = {"UPN": "", "Call type": "dr_out_user_forwarding"}
    (row,) = rated(rate(tmp_path, write(tmp_path, *lines(change))))
    assert row["user_id"] == row["forwarded_by"] == "db03c14b-0000-4000-8000-000000000001"


def test_duration_that_is_not_end_minus_start_is_said(tmp_path: Path) -> None:
    correlation = [{"CorrelationId": str(i)} for i in range(4)]
    durations = [{"Duration (seconds)": text} for text in ("128", "127", "", "two")]
    changes = [one | other for one, other in zip(correlation, durations, strict=True)]
    batch = rate(tmp_path, write(tmp_path, *lines(*changes)))
    assert batch.run.files[0].warnings == [
        f"{tmp_path / 'DirectRouting.calls.csv'}: Duration (seconds) of 1 row differs from end - start by "
        "more than 2 s, outbound; expected the same. End - start is rated. [CDR-DURATION]"
    ]
    assert [row["duration_s"] for row in rated(batch)] == [126] * 4


def test_instants_are_utc_whatever_the_zone(tmp_path: Path) -> None:
    path = tmp_path / "calls.csv"
    path.write_text(text().replace("0Z,", "0,").replace("9Z,", "9,"), encoding="utf-8")
    assert "Z," not in path.read_text(encoding="utf-8")
    assert legs(rate(tmp_path, path, timezone="Europe/Paris")) == LEGS


def test_instants_with_offsets_and_fine_fractions(tmp_path: Path) -> None:
    change = {"Start time": "2026-01-15T10:00:06.4800001+01:00", "Failure time": "0001-01-01T00:00:00Z"}
    (row,) = rated(rate(tmp_path, write(tmp_path, *lines(change))))
    assert (clock(row["answer_time"]), row["duration_s"]) == ("09:00:06.480", 126)


def test_masked_short_number_is_a_reject(tmp_path: Path) -> None:
    batch = rate(tmp_path, write(tmp_path, *lines({"Callee Number": "36**"})))
    assert rejects(batch) == [(2, "CDR-NUMBER")]


def test_caller_that_is_a_text_is_kept(tmp_path: Path) -> None:
    (row,) = rated(rate(tmp_path, write(tmp_path, *lines({"Caller Number": "Internal Revenue"}, rows=(3,)))))
    assert (row["direction"], row["reason"]) == ("inbound", "inbound")


@pytest.mark.parametrize(
    ("line", "change"),
    [
        (2, {"Failure time": "2026-01-15T09:00:09Z"}),
        (7, {"End time": "2026-01-15T09:40:03Z"}),
    ],
)
def test_times_that_do_not_go_with_success_are_said(
    tmp_path: Path, line: int, change: dict[str, str]
) -> None:
    batch = rate(tmp_path, write(tmp_path, *lines(change, rows=(line,))))
    (row,) = rated(batch)
    assert (clock(row["answer_time"]), row["duration_s"]) == LEGS[line][3:5]
    (said,) = batch.run.files[0].warnings
    assert said.endswith("The rows are kept, and read by Success. [CDR-SUCCESS]")


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"Success": "Oui"}, "CDR-FIELD"),
        ({"Success": ""}, "CDR-FIELD"),
        ({"Start time": ""}, "CDR-TIME"),
        ({"End time": "0001-01-01T00:00:00Z"}, "CDR-TIME"),
        ({"Start time": "yesterday"}, "CDR-TIME"),
        ({"Invite time": "1/15/2026 9:00:00 AM"}, "CDR-TIME"),
        ({"End time": "2026-01-15T08:00:00Z"}, "CDR-TIME-ORDER"),
        ({"SBC FQDN": "sbc9.example"}, "CDR-TRUNK"),
        ({"Final SIP code": "six"}, "CDR-FIELD"),
        ({"Call type": "novelty", "Caller Number": "+33100000000"}, "CDR-TRUNK"),
    ],
)
def test_odd_rows_are_rejects(tmp_path: Path, change: dict[str, str], code: str) -> None:
    path = write(tmp_path, *lines(change), *lines(rows=(9,)))
    batch = rate(tmp_path, path)
    assert rejects(batch) == [(2, code)]
    assert list(legs(batch)) == [9]
    assert reconciles(batch)


def test_row_that_breaks_off_is_a_reject(tmp_path: Path) -> None:
    path = tmp_path / "calls.csv"
    path.write_bytes(SAMPLE.read_bytes()[:-40])
    batch = rate(tmp_path, path)
    assert rejects(batch) == [(12, "CDR-FIELD")]
    assert batch.run.rejects[0].message.startswith(f"{path}:12: line has ")
    assert len(legs(batch)) == 10


def test_same_row_again_is_a_duplicate_and_another_content_a_conflict(tmp_path: Path) -> None:
    same = rate(tmp_path, write(tmp_path, *lines(rows=(2, 9, 2))))
    assert (same.run.total["rated"], same.run.total["duplicates"]) == (2, 1)
    other = rate(tmp_path, write(tmp_path, *lines({}, {"End time": "2026-01-15T09:03:00Z"})))
    assert rejects(other) == [(2, "CDR-CONFLICT"), (3, "CDR-CONFLICT")]


def test_column_that_is_missing_or_twice_is_said(tmp_path: Path) -> None:
    for old, new, problem in (
        ("Success", "Outcome", "header has no column Success"),
        ("Display Name", "upn", "header has column UPN twice"),
    ):
        path = tmp_path / "calls.csv"
        path.write_text(text().replace(old, new), encoding="utf-8", newline="")
        batch = rate(tmp_path, path)
        assert rejects(batch) == [(line, "CDR-HEADER") for line in LEGS]
        assert batch.run.files[0].warnings[0].startswith(f"{path}:1: {problem}; expected the header line of")
        assert reconciles(batch)


def test_file_without_header_gives_every_line_as_a_reject(tmp_path: Path) -> None:
    path = tmp_path / "calls.csv"
    path.write_text(text().split("\n", 1)[1], encoding="utf-8")
    batch = rate(tmp_path, path, format_name="teams-admin")
    assert rejects(batch) == [(line, "CDR-HEADER") for line in range(1, 12)]


def test_lone_carriage_returns_are_a_reject(tmp_path: Path) -> None:
    path = tmp_path / "calls.csv"
    path.write_bytes(SAMPLE.read_bytes().replace(b"\r\n", b"\r"))
    batch = rate(tmp_path, path)
    assert (rejects(batch), batch.run.rows) == ([(1, "CDR-HEADER")], 1)


@pytest.mark.parametrize("data", [b"", b"\xef\xbb\xbf", b"\r\n"])
def test_empty_file_is_said(tmp_path: Path, data: bytes) -> None:
    path = tmp_path / "calls.csv"
    path.write_bytes(data)
    batch = rate(tmp_path, path, format_name="teams-admin")
    assert (batch.run.rows, len(batch.run.files[0].warnings)) == (0, 1)
    inside = rate(tmp_path, zipped(tmp_path, (SAMPLE.name, data)))
    assert (inside.run.rows, len(inside.run.files[0].warnings)) == (0, 1)


def test_file_of_the_header_alone_is_no_fault(tmp_path: Path) -> None:
    path = tmp_path / "calls.csv"
    path.write_text(text().split("\n", 1)[0], encoding="utf-8")
    batch = rate(tmp_path, path)
    assert (batch.run.rows, batch.run.files[0].warnings) == (0, [])


def encrypted(folder: Path) -> Path:
    """A zip that says of its member that it is encrypted."""
    path = zipped(folder, (SAMPLE.name, SAMPLE.read_bytes()))
    data = bytearray(path.read_bytes())
    for mark, flags in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        data[data.index(mark) + flags] |= 1
    path.write_bytes(data)
    return path


def with_wrong_sum(folder: Path) -> Path:
    path = folder / "Calls.Export.1.zip"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_STORED) as archive:
        archive.writestr(SAMPLE.name, SAMPLE.read_bytes())
    path.write_bytes(path.read_bytes().replace(b"+33199000111", b"+33199000112", 1))
    return path


def cut_off(folder: Path) -> Path:
    path = zipped(folder, (SAMPLE.name, SAMPLE.read_bytes()))
    path.write_bytes(path.read_bytes()[:-30])
    return path


def of_pstn_alone(folder: Path) -> Path:
    return zipped(folder, ("PSTN.calls.2026-11-01.csv", b"UsageId,Call ID\r\n1,2\r\n"))


@pytest.mark.parametrize(
    ("make", "reason"),
    [
        (encrypted, f"'{SAMPLE.name}' in the zip is encrypted: unpack it with its password first"),
        (with_wrong_sum, f"'{SAMPLE.name}' in the zip is damaged: Bad CRC-32 for file '{SAMPLE.name}'"),
        (cut_off, "the zip is damaged: File is not a zip file"),
        (of_pstn_alone, "the zip holds no DirectRouting.calls.*.csv"),
    ],
)
def test_zip_that_cannot_be_read_stops_the_run(tmp_path: Path, make: Any, reason: str) -> None:
    path = make(tmp_path)
    with pytest.raises(UsageError) as caught:
        rate(tmp_path, path)
    assert str(caught.value) == (
        f"{path}: cannot be read to its end ({reason}); expected a whole file. [CDR-FILE]"
    )


def test_other_files_are_not_claimed(tmp_path: Path) -> None:
    for path in sorted(SAMPLES.iterdir()):
        if path.is_file():
            is_ours = recognise(CdrFile(str(path), path)).name == "teams-admin"
            assert is_ours == (path in (SAMPLE, ZIP)), path
    cdrs = tmp_path / "DirectRouting.calls.csv"
    cdrs.write_text("call_id,trunk_id,direction,a_number\n")
    assert recognise(CdrFile(str(cdrs), cdrs)).name == "canonical"
    graph = tmp_path / "Calls.Export.1.zip"
    graph.write_text(json.dumps({"value": [{"trunkFullyQualifiedDomainName": "x"}]}))
    assert recognise(CdrFile(str(graph), graph)).name == "teams-graph"


def wounded(data: bytes, chance: random.Random) -> bytes:
    found = bytearray(data)
    for _ in range(chance.randint(1, 4)):
        at = chance.randrange(len(found))
        length = chance.choice((0, 1, 1, 5))
        letters = chance.choices(b'",;\r\n\0\xff*+0aZ-:', k=chance.randint(0, 3))
        found[at : at + length] = bytes(letters if chance.random() < 0.8 else chance.randbytes(length))
    return bytes(found[: chance.randrange(len(found))] if chance.random() < 0.1 else found)


@pytest.mark.parametrize("form", ["csv", "csv in zip", "zip"])
def test_wounded_files_are_words_or_rejects(tmp_path: Path, form: str) -> None:
    chance = random.Random(form)
    end = time.monotonic() + 1.7
    whole = io.BytesIO()
    with zipfile.ZipFile(whole, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(SAMPLE.name, SAMPLE.read_bytes())
        archive.writestr("PSTN.calls.1.csv", b"UsageId\r\n1\r\n")
    done = 0
    while done < 200 and time.monotonic() < end:
        done += 1
        data = wounded(whole.getvalue() if form == "zip" else SAMPLE.read_bytes(), chance)
        path = tmp_path / ("Calls.Export.1.zip" if form == "zip" else "calls.csv")
        path.write_bytes(data)
        if form == "csv in zip":
            path = zipped(tmp_path, (SAMPLE.name, data))
        try:
            batch = rate(tmp_path, path, format_name="teams-admin")
        except TrunkrateError:
            continue
        assert reconciles(batch)
    assert done
