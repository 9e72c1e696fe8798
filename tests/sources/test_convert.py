"""Conversion: canonical files that rate as the originals did."""

import json
from pathlib import Path

import pyarrow.parquet as pq
import pytest
from click.testing import CliRunner, Result

from rating.batch import Request, run_batch
from rating.cli import main

SAMPLES = Path(__file__).parents[2] / "cdr_samples" / "formats"
ACCOUNTS = str(SAMPLES / "accounts.yaml")
GRAPH = [str(SAMPLES / f"graph_dr_v1_page{n}.json") for n in (1, 2)]


def convert(*arguments: str) -> Result:
    return CliRunner().invoke(main, ["convert", *arguments])


@pytest.mark.parametrize("ending", [".csv", ".jsonl", ".parquet"])
def test_converted_calls_rate_as_the_originals(tmp_path: Path, ending: str) -> None:
    out = tmp_path / f"calls{ending}"
    result = convert(*GRAPH, "--out", str(out), "--accounts", ACCOUNTS)
    assert (result.exit_code, result.stdout) == (1, f"12 rows = 12 written + 0 rejected: {out}\n")
    assert "callType 'ByotOutSomethingNew' of 1 rows is unknown" in result.stderr
    run_batch(Request(GRAPH, ACCOUNTS, "contract", tmp_path / "one"))
    run_batch(Request([str(out)], ACCOUNTS, "contract", tmp_path / "other"))
    one, other = (pq.read_table(tmp_path / name / "rated_calls.parquet") for name in ("one", "other"))
    assert one.equals(other)


def test_rows_without_trunk_want_accounts(tmp_path: Path) -> None:
    rows = json.loads((SAMPLES / "graph_dr_v1_page1.json").read_text())["value"]
    for row in rows:
        row["trunkFullyQualifiedDomainName"] = None
    (tmp_path / "rows.json").write_text(json.dumps(rows))
    without = convert(str(tmp_path / "rows.json"), "--out", str(tmp_path / "a.csv"))
    assert without.exit_code == 1
    assert without.stdout == f"6 rows = 0 written + 6 rejected: {tmp_path / 'a.csv'}\n"
    assert "does not tell the trunk and direction; expected --accounts" in without.stderr
    with_accounts = convert(
        str(tmp_path / "rows.json"), "--out", str(tmp_path / "b.csv"), "--accounts", ACCOUNTS
    )
    assert (with_accounts.exit_code, with_accounts.stdout) == (
        0,
        f"6 rows = 6 written + 0 rejected: {tmp_path / 'b.csv'}\n",
    )
    assert ",t1,outbound,+33199000110," in (tmp_path / "b.csv").read_text()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--out", "calls.txt"], "calls.txt: has no known ending; expected one of .csv, .jsonl, .parquet"),
        (["--out", "here.csv"], "here.csv: exists; expected a new file. Nothing was written. [OUT-EXISTS]"),
        (
            ["--out", "a.csv", "--format", "cisco"],
            "--format 'cisco' is unknown; expected one of auto, teams-graph",
        ),
        (["--out", "a.csv", "--timezone", "Paris"], "--timezone 'Paris' is unknown"),
        (["--out", "a.csv", "--accounts", "nowhere.yaml"], "nowhere.yaml: cannot be read"),
        (["--out", "here.csv/a.csv"], "here.csv/a.csv: cannot be written"),
    ],
)
def test_bad_arguments(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, arguments: list[str], message: str
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "here.csv").write_text("")
    result = convert(*GRAPH, *arguments)
    assert result.exit_code == 2
    assert message in result.stderr
    assert sorted(path.name for path in tmp_path.iterdir()) == ["here.csv"]


def test_sources_lists_every_format() -> None:
    result = CliRunner().invoke(main, ["sources", "--json"])
    names = [entry["name"] for entry in json.loads(result.stdout)]
    assert {"canonical", "teams-graph", "teams-graph-pstn"} <= set(names)
    plain = CliRunner().invoke(main, ["sources"]).stdout
    assert all(name in plain for name in names)
