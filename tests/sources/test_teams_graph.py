"""Graph call logs: the same calls in every form, each trap of the format, and what it cannot carry."""

import gzip
import io
import json
import random
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from rating.batch import Batch, Request, run_batch
from rating.errors import TrunkrateError
from rating.sources import teams_graph
from rating.sources.block import Damaged

SAMPLES = Path(__file__).parents[2] / "cdr_samples" / "formats"
PAGES = {
    version: [SAMPLES / f"graph_dr_{version}_page{n}.json" for n in (1, 2)] for version in ("v1", "beta")
}

# leg: direction, A, B, answered, seconds rounded up, reason. Inbound, Graph starts before the answer: c2, c3a
# and c8 read earlier and longer than they were; they cost nothing. Numbers of the other side are masked.
LEGS = {
    "2a3db9f1": ("outbound", "+33199000110", "+3326191****", "2026-01-15T09:00:06.480Z", 126, "included"),
    "f95f1976": ("inbound", "+3363998****", "+33199000110", "2026-01-15T09:10:00.610Z", 65, "inbound"),
    "82928d4b": ("inbound", "+3363998****", "+33199000110", "2026-01-15T09:20:00.560Z", 222, "inbound"),
    "b54c589e": ("outbound", "+3363998****", "+3363998****", "2026-01-15T09:20:11.300Z", 211, "out_of_plan"),
    "f107e517": ("outbound", "+33199000111", "+1202555****", "2026-01-15T09:30:09.000Z", 1, "out_of_plan"),
    "37aff6fd": ("outbound", "+33199000111", "+3326191****", "", 0, "not_answered"),
    "9dcb331b": ("outbound", "+33199000111", "+3326191****", "", 0, "not_answered"),
    "ca846270": ("outbound", "+33199000110", "+3346571****", "2026-01-15T09:50:04.000Z", 301, "included"),
    "4600471a": ("inbound", "+3363998****", "+33199000100", "2026-01-15T10:00:00.300Z", 31, "inbound"),
    "bef4e9f0": ("outbound", "+33199000110", "+3326191****", "2026-10-25T00:55:00.000Z", 600, "included"),
    "1487a56d": ("outbound", "+33199000110", "+3326191****", "2026-01-15T10:10:05.000Z", 30, "included"),
}


def rate(folder: Path, *files: Path, **changes: Any) -> Batch:
    names = [str(file) for file in files]
    accounts = str(SAMPLES / "accounts.yaml")
    return run_batch(Request(names, accounts, "contract", folder / "out", force=True, **changes))


def rated(batch: Batch) -> dict[str, dict[str, Any]]:
    rows = pq.read_table(batch.out / "rated_calls.parquet").to_pylist()
    return {row["call_id"][:8]: row for row in rows}


def legs(batch: Batch) -> dict[str, tuple[Any, ...]]:
    found = {}
    for key, row in rated(batch).items():
        at = row["answer_time"]
        text = f"{at:%Y-%m-%dT%H:%M:%S}.{at.microsecond // 1000:03d}Z" if at is not None else ""
        numbers = (row["direction"], row["a_number"], row["b_number"])
        found[key] = (*numbers, text, row["duration_s"], row["reason"])
    return found


def pages(version: str = "v1") -> list[dict[str, Any]]:
    return [json.loads(page.read_text(encoding="utf-8")) for page in PAGES[version]]


@pytest.mark.parametrize("version", ["v1", "beta"])
def test_pages_give_every_leg_once(tmp_path: Path, version: str) -> None:
    batch = rate(tmp_path, *PAGES[version])
    assert legs(batch) == LEGS
    assert batch.run.total["duplicates"] == 1  # the row that page 2 repeats


@pytest.mark.parametrize(
    "form",
    [
        "array of pages",
        "array of rows",
        "page a line",
        "row a line",
        "page, then rows",
        "one page",
        "gzip",
        "bom",
        "bom, one page",
    ],
)
def test_other_forms_give_the_same(tmp_path: Path, form: str) -> None:
    rows = [row for page in pages() for row in page["value"]]
    content = {
        "array of pages": json.dumps(pages(), indent=1),
        "array of rows": json.dumps(rows),
        "page a line": "\n".join(json.dumps(page) for page in pages()),
        "row a line": "\n".join(json.dumps(row) for row in rows) + "\n",
        "page, then rows": json.dumps({"value": rows[:3]}) + "".join(json.dumps(row) for row in rows[3:]),
        "one page": json.dumps({"@odata.count": len(rows), "value": rows}),
        "bom, one page": "\ufeff" + json.dumps({"value": rows}),
        "gzip": json.dumps(pages()),
        "bom": "\ufeff" + json.dumps(pages()),
    }[form].encode()
    path = tmp_path / ("log.json.gz" if form == "gzip" else "log.json")
    path.write_bytes(gzip.compress(content) if form == "gzip" else content)
    batch = rate(tmp_path, path)
    assert legs(batch) == LEGS
    assert batch.run.files[0].format == "teams-graph-json"


def test_folder_of_pages_is_read_and_other_json_passed_over(tmp_path: Path) -> None:
    folder = tmp_path / "graph"
    folder.mkdir()
    for page in PAGES["v1"]:
        (folder / page.name).write_bytes(page.read_bytes())
    (folder / "parameters.json").write_text('{"range": "January"}')
    batch = rate(tmp_path, folder)
    assert legs(batch) == LEGS
    assert batch.record["skipped_files"] == [str(folder / "parameters.json")]


def test_forwarded_leg_bills_the_user_who_forwarded(tmp_path: Path) -> None:
    row = rated(rate(tmp_path, *PAGES["v1"]))["b54c589e"]
    assert (row["forwarded_by"], row["forward_type"]) == ("alice@cabinet-exemple.example", "unknown")
    assert row["user_id"] == "alice@cabinet-exemple.example"


@pytest.mark.parametrize("rows_at_once", [1, 50])
def test_forwarded_leg_without_user_is_billed_to_the_number_that_was_called(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, rows_at_once: int
) -> None:
    monkeypatch.setattr(teams_graph, "ROWS", rows_at_once)
    legs = [
        found for page in pages() for found in page["value"] if found["correlationId"].startswith("ca302301")
    ]
    forwarded = next(leg for leg in legs if "Forwarding" in leg["callType"])
    forwarded |= {"userPrincipalName": None, "userId": None}
    for order in (legs, legs[::-1]):
        found = rated(rate(tmp_path, write(tmp_path, *order)))["b54c589e"]
        assert (found["forwarded_by"], found["forward_type"]) == ("+33199000110", "unknown")


def test_unknown_call_type_is_kept_and_said(tmp_path: Path) -> None:
    batch = rate(tmp_path, *PAGES["v1"])
    assert batch.run.files[1].warnings == [
        f"{PAGES['v1'][1]}: callType 'ByotOutSomethingNew' of 1 rows is unknown; expected one made of known "
        "words. The rows are kept, and read by the words that are known. [CDR-TYPE]"
    ]


def row(**changes: Any) -> dict[str, Any]:
    return {**pages()[0]["value"][0], **changes}


def write(folder: Path, *rows: Any) -> Path:
    path = folder / "rows.json"
    path.write_text(json.dumps({"@odata.context": "directRoutingLogRow", "value": list(rows)}))
    return path


def test_call_type_without_direction_is_placed_by_the_numbers(tmp_path: Path) -> None:
    batch = rate(tmp_path, write(tmp_path, row(callType="Novelty"), row(id="x", callType=None)))
    assert {found["direction"] for found in rated(batch).values()} == {"outbound"}


def test_duration_that_is_not_end_minus_start_is_said(tmp_path: Path) -> None:
    batch = rate(tmp_path, write(tmp_path, row(duration=128), row(id="x", duration=127)))
    assert batch.run.files[0].warnings == [
        f"{tmp_path / 'rows.json'}: duration of 1 outbound rows differs from end - start by more than 2 s; "
        "expected the same. End - start is rated. [CDR-DURATION]"
    ]
    assert {found["duration_s"] for found in rated(batch).values()} == {126}


@pytest.mark.parametrize("absent", ["0001-01-01T00:00:00Z", None, ...])
def test_dates_that_are_none(tmp_path: Path, absent: Any) -> None:
    failed = row(successfulCall=False, endDateTime=absent, finalSipCode=486)
    failed["failureDateTime"] = "2026-01-15T09:00:09.000Z"
    if absent is ...:
        del failed["endDateTime"]
    batch = rate(tmp_path, write(tmp_path, failed))
    (found,) = rated(batch).values()
    assert (found["reason"], str(found["release_time"])) == ("not_answered", "2026-01-15 09:00:09+00:00")
    assert (found["sip_code"], found["end_reason"]) == (486, "busy")


@pytest.mark.parametrize(
    ("value", "code"),
    [
        ({"id": None}, "CDR-FIELD"),
        ({"id": {"a": 1}}, "CDR-FIELD"),
        ({"startDateTime": "yesterday"}, "CDR-TIME"),
        ({"endDateTime": "2026-01-15T08:00:00Z"}, "CDR-TIME-ORDER"),
        ({"trunkFullyQualifiedDomainName": "sbc9.example"}, "CDR-TRUNK"),
        ({"finalSipCode": 6.5}, "CDR-FIELD"),
        ({"calleeNumber": "36**"}, "CDR-NUMBER"),
    ],
)
def test_odd_rows_are_rejects(tmp_path: Path, value: dict[str, Any], code: str) -> None:
    batch = rate(tmp_path, write(tmp_path, row(**value), row(id="good")))
    assert [(reject.line, reject.code) for reject in batch.run.rejects] == [(1, code)]
    assert list(rated(batch)) == ["good"]


def test_established_call_without_start_is_a_reject(tmp_path: Path) -> None:
    batch = rate(tmp_path, write(tmp_path, row(startDateTime="0001-01-01T00:00:00Z"), row(id="good")))
    (reject,) = batch.run.rejects
    assert "startDateTime '0001-01-01T00:00:00Z' is none, though the call was established" in reject.message


def test_success_that_is_null_is_told_by_the_end(tmp_path: Path) -> None:
    failed = row(id="failed", successfulCall=None, endDateTime=None)
    failed["failureDateTime"] = "2026-01-15T09:00:09.000Z"
    found = rated(rate(tmp_path, write(tmp_path, row(id="talked", successfulCall=None), failed)))
    assert {key: call["duration_s"] for key, call in found.items()} == {"talked": 126, "failed": 0}


def test_rows_that_are_no_objects_are_rejects(tmp_path: Path) -> None:
    batch = rate(tmp_path, write(tmp_path, 17, row(), None, ["x"]))
    assert [reject.line for reject in batch.run.rejects] == [1, 3, 4]


def test_empty_page_is_no_fault(tmp_path: Path) -> None:
    assert rate(tmp_path, write(tmp_path)).run.rows == 0


def test_page_that_breaks_off_stops_the_run(tmp_path: Path) -> None:
    path = tmp_path / "cut.json"
    path.write_bytes(PAGES["v1"][0].read_bytes()[:-200])
    with pytest.raises(
        TrunkrateError, match=r"cut\.json: cannot be read to its end \(.+\); expected a whole file"
    ):
        rate(tmp_path, path)


def test_single_page_is_not_held_whole(tmp_path: Path) -> None:
    """Rows come while the page is still being read; a page that breaks off is found all the same."""
    rows = pages()[0]["value"] * 2_000
    stream = io.BytesIO(json.dumps({"value": rows}).encode()[:-2])
    drawn = teams_graph._rows(stream)
    assert next(drawn) == rows[0]
    assert stream.tell() < len(stream.getvalue()) / 10
    with pytest.raises(Damaged):
        list(drawn)


def test_examples_of_the_documentation_are_read(tmp_path: Path) -> None:
    for path in sorted((SAMPLES / "graph-docs").iterdir()):
        batch = rate(tmp_path, path)
        total = batch.run.total
        assert (batch.run.rows, total["rejected"]) == (1, 1)  # nobody's numbers and trunk
        kind = "teams-graph-pstn-json" if "pstn" in path.name else "teams-graph-json"
        assert batch.run.files[0].format == kind


def test_pstn_rows_are_placed_by_their_numbers(tmp_path: Path) -> None:
    (example,) = json.loads((SAMPLES / "graph-docs" / "graph_getpstncalls_v1.json").read_text())["value"]
    example |= {
        "callType": "user_out",
        "callerNumber": "+33199000110",
        "calleeNumber": "+3326191****",
        "startDateTime": "2026-01-15T09:00:06.4800001Z",
        "endDateTime": "2026-01-15T09:02:06.4800002Z",
    }
    path = tmp_path / "pstn.json"
    path.write_text(json.dumps({"value": [example]}))
    (found,) = rated(rate(tmp_path, path)).values()
    assert (found["trunk_id"], found["direction"], found["duration_s"]) == ("t1", "outbound", 121)


@pytest.mark.parametrize("seed", range(4))
def test_wounded_files_are_words_or_rejects(tmp_path: Path, seed: int) -> None:
    chance = random.Random(seed)
    data = PAGES["v1"][0].read_bytes()
    for _ in range(25):
        wounded = bytearray(data)
        for _ in range(chance.randint(1, 4)):
            at = chance.randrange(len(wounded))
            wounded[at : at + chance.choice((0, 1, 5))] = bytes(
                chance.choices(b'"{}[],:0\xff\n', k=chance.randint(0, 3))
            )
        path = tmp_path / "wounded.json"
        path.write_bytes(bytes(wounded))
        try:
            batch = rate(tmp_path, path, format_name="teams-graph")
        except TrunkrateError:
            continue
        assert batch.record["reconciliation"]["balanced"]
