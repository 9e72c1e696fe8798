"""Explanations agree with the run on every call, say so loudly when they do not, and speak two languages."""

import csv
import json
import shutil
import string
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest
from casefile import cases, run_case
from click.testing import CliRunner, Result

from rating.batch import Request, run_batch
from rating.cli import main
from rating.explain.derive import explain
from rating.explain.folder import Found, find_call
from rating.explain.render import render
from rating.explain.words import MODE_NAMES, MONTH_NAMES, REASON_NAMES, WORDS
from rating.reasons import REASONS

ROOT = Path(__file__).parent.parent


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The sample month, rated."""
    out = tmp_path_factory.mktemp("demo") / "demo"
    folder = ROOT / "cdr_samples" / "demo"
    request = Request([str(folder / "cdrs")], str(folder / "accounts.yaml"), "contract", out, month="2026-10")
    run_batch(request)
    return out


def command(*arguments: str) -> Result:
    return CliRunner().invoke(main, ["explain", *arguments])


def calls_of(out: Path, reason: str) -> list[str]:
    table = pq.read_table(out / "rated_calls.parquet", columns=["call_id", "reason"])
    return table.filter(pc.equal(table["reason"], reason))["call_id"].to_pylist()


@pytest.mark.parametrize("reason", [reason for reason in REASONS if reason not in ("no_rate", "over_cap")])
def test_sample_calls_of_every_reason_agree(demo: Path, reason: str) -> None:
    found = calls_of(demo, reason)
    for call_id in {found[0], found[len(found) // 2], found[-1]}:
        explanation = explain(_found(demo, call_id))
        assert explanation.reason == reason
        assert explanation.differences == ()


@pytest.mark.parametrize("path", cases(), ids=lambda path: path.stem)
def test_every_call_of_every_worked_example_agrees(path: Path, tmp_path: Path) -> None:
    _, outcome = run_case(path, tmp_path)
    table = pq.read_table(outcome.out / "rated_calls.parquet")
    for call_id in table["call_id"].to_pylist():
        explanation = explain(_found(outcome.out, call_id))
        assert explanation.differences == (), call_id


def _found(out: Path, call_id: str) -> Found:
    found = find_call(out, call_id, None)
    assert isinstance(found, Found)
    return found


def test_unrated_call_is_explained(demo: Path) -> None:
    with (demo / "unrated.csv").open(encoding="utf-8") as file:
        call_id = next(csv.DictReader(file))["call_id"]
    result = command(call_id, "--out", str(demo))
    assert result.exit_code == 0
    assert "No rate: no price, not charged, to be looked at" in result.output
    assert "no prefix of the deck in force" in result.output


def test_crossing_call_shows_the_limit_just_before_and_just_after(demo: Path) -> None:
    result = command("1871265f0dd3@gw1", "--out", str(demo))
    assert result.exit_code == 0
    assert "143,632 s before this call, 144,024 s after it, 173,895 s in the whole month" in result.output
    assert "crossed by this call at 2026-10-26 14:05:36.545+01:00" in result.output
    assert "1 × 60 s from second 368 at 0.0100 a minute: 0.0100" in result.output
    assert "332  France Fixe 02 (line 2084): the longest, so this one" in result.output
    assert "[art. 7.2]" in result.output


def test_french(demo: Path) -> None:
    result = command("58fc3fd1a593@gw1", "--out", str(demo), "--lang", "fr")
    assert result.exit_code == 0
    assert "Renvoi immédiat permanent : 126 s facturées sur 157, 0,1200 EUR" in result.output
    assert "compté pour +33199001006" in result.output


def test_json_says_whether_it_agrees(demo: Path) -> None:
    record = json.loads(command("58fc3fd1a593@gw1", "--out", str(demo), "--json").output)
    assert (record["agrees"], record["reason"], record["billed_s"]) == (True, "forwarding", 126)
    assert record["limits"][0]["at"] == "2026-10-14T07:50:14.052Z"
    assert record["amount"]["rounded"] == "3/25"


@pytest.mark.parametrize(
    ("column", "value"),
    [("amount", "0.1300"), ("billed_s", "127"), ("reason", "fair_use_hours"), ("price_per_minute", "0.05")],
)
def test_figures_that_differ_are_said_loudly(demo: Path, tmp_path: Path, column: str, value: str) -> None:
    table = pq.read_table(demo / "rated_calls.parquet")
    mine = pc.equal(table["call_id"], "58fc3fd1a593@gw1")
    kind = table.schema.field(column).type
    changed = pc.if_else(mine, pa.scalar(value).cast(kind), table[column])
    for path in demo.rglob("*"):
        if path.is_file():
            copy = tmp_path / path.relative_to(demo)
            copy.parent.mkdir(parents=True, exist_ok=True)
            copy.write_bytes(path.read_bytes())
    table = table.set_column(table.column_names.index(column), table.schema.field(column), changed)
    pq.write_table(table, tmp_path / "rated_calls.parquet")
    result = command("58fc3fd1a593@gw1", "--out", str(tmp_path))
    assert result.exit_code == 1
    assert "!!! THE RECOMPUTED FIGURES DIFFER" in result.output
    assert f"{column}: the run has " in result.output


def test_rejected_row_shows_why(demo: Path) -> None:
    result = command("c0ffee071002@gw1", "--out", str(demo))
    assert result.exit_code == 1
    assert "This row was rejected and not rated:" in result.output
    assert "precedes answer_time" in result.output


@pytest.mark.parametrize("word", ["gw1", "normal", "", "t1", "outbound"])
def test_words_of_rejected_rows_are_no_call_ids(demo: Path, word: str) -> None:
    assert command(word, "--out", str(demo)).exit_code == 2


def test_rejected_row_as_json(demo: Path) -> None:
    result = command("c0ffee071002@gw1", "--out", str(demo), "--json")
    (message,) = json.loads(result.output)["rejected"]
    assert "precedes answer_time" in message


def test_wrong_source_names_the_right_one(demo: Path) -> None:
    result = command("58fc3fd1a593@gw1", "--out", str(demo), "--source", "gw2")
    assert result.stderr == "call '58fc3fd1a593@gw1' is not of source 'gw2', but of gw1. [CALL-SOURCE]\n"


@pytest.mark.parametrize("name", ["rated_calls.parquet", "unrated.csv", "run.json", "inputs/accounts.yaml"])
@pytest.mark.parametrize("damage", ["missing", "cut"])
def test_damaged_output_is_said(demo: Path, tmp_path: Path, name: str, damage: str) -> None:
    shutil.copytree(demo, tmp_path / "out")
    path = tmp_path / "out" / name
    if damage == "missing":
        path.unlink()
    else:
        path.write_bytes(path.read_bytes()[: path.stat().st_size // 3])
    result = command("58fc3fd1a593@gw1", "--out", str(tmp_path / "out"))
    if name == "unrated.csv" and damage == "cut":
        assert result.exit_code in (0, 2)
    else:
        assert result.exit_code == 2
        assert str(tmp_path / "out") in result.stderr


def test_changed_inputs_are_said(demo: Path, tmp_path: Path) -> None:
    shutil.copytree(demo, tmp_path / "out")
    path = tmp_path / "out" / "inputs" / "accounts.yaml"
    path.write_text(path.read_text(encoding="utf-8") + "# later\n", encoding="utf-8")
    result = command("58fc3fd1a593@gw1", "--out", str(tmp_path / "out"))
    assert result.exit_code == 1
    assert "inputs/accounts.yaml: the run has " in result.output


def test_unknown_call_and_folder(demo: Path, tmp_path: Path) -> None:
    unknown = command("nobody", "--out", str(demo))
    assert unknown.exit_code == 2
    assert unknown.stderr == (
        f"{demo}: call 'nobody' is not in this run; expected a call_id of its CDRs. [CALL-ID]\n"
    )
    nothing = command("c1", "--out", str(tmp_path))
    assert nothing.exit_code == 2
    assert (
        nothing.stderr == f"{tmp_path}: is no output of a run; expected a folder with run.json. [OUT-RUN]\n"
    )


def test_both_languages_have_the_same_words_and_the_same_blanks() -> None:
    assert WORDS["en"].keys() == WORDS["fr"].keys()
    for key, english in WORDS["en"].items():
        blanks = [{name for _, name, _, _ in string.Formatter().parse(text) if name} for text in
                  (english, WORDS["fr"][key])]  # fmt: skip
        assert blanks[0] == blanks[1], key
    for names in (REASON_NAMES, MODE_NAMES):
        assert names["en"].keys() == names["fr"].keys()
    assert set(REASON_NAMES["en"]) == set(REASONS)
    assert len(MONTH_NAMES["en"]) == len(MONTH_NAMES["fr"]) == 12


def test_render_never_fails_in_either_language(demo: Path) -> None:
    for reason in REASONS:
        for call_id in calls_of(demo, reason)[:1]:
            found = _found(demo, call_id)
            for lang in ("en", "fr"):
                assert call_id in render(explain(found), found.book, lang)
