"""`trunkrate channels` at the terminal: the table, wrong use, exit codes."""

import gzip
import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from channels_case import ACCOUNTS, HEAD, files, report, row, run
from click.testing import CliRunner

from rating.channels.gos import grade_of
from rating.cli import main
from rating.errors import UsageError

ROOT = Path(__file__).parent.parent
CALL = row("a", "2026-10-05T09:00:00Z", "2026-10-05T09:30:00Z", "2026-10-05T09:00:10Z", reason="normal")
DEMO = [
    str(ROOT / "cdr_samples" / "demo" / "cdrs"),
    "--accounts",
    str(ROOT / "cdr_samples/demo/accounts.yaml"),
]


def refused(*arguments: str) -> str:
    """What a run that counts nothing says."""
    result = run(*arguments)
    assert result.exit_code == 2, result.output
    assert result.stdout == ""
    return result.stderr


# --- what is printed


def test_table(tmp_path: Path) -> None:
    accounts = ACCOUNTS.replace(
        "channels: 2", 'channels: 2, sites: [{id: paris, channels: 1, numbers: ["+33199000110"]}]'
    )
    accounts += "  - {id: t2, customer: c, channels: 1}\n  - {id: t3, customer: c, channels: 1}\n"
    rows = [
        CALL,
        row("b", "2026-10-05T09:00:00Z", "2026-10-05T09:00:00Z", trunk="t3", reason="no_channel"),
        row("c", "2026-11-05T09:00:00Z", "2026-11-05T09:00:00Z"),
        CALL,
        CALL.replace(",a,", ",,"),
    ]
    result = run(*files(tmp_path, rows, accounts), "--month", "2026-10")
    assert result.exit_code == 1
    title, _, *table, _, first, _, _, _, rows_line = result.stdout.splitlines()
    assert title == "October 2026 in Europe/Paris: 3 trunks, 2 calls, CDRs of Mon 5 Oct"
    figures = ["11:00", "0.50", "4", "5", "100 %", "29:50"]
    last = ["busy hour", "offered", "1 %", "0.1 %", "ASR", "ACD", "PDD"]
    assert [re.split("  +", line[2:]) for line in table] == [
        [
            *["trunk", "channels", "peak", "busiest hour", "offered", "Erlang B", "blocked", "1 %", "0.1 %"],
            *last,
        ],
        ["t3", "1", "0", "not known", "0 %"],
        ["t1", "2", "1", "Mon 5 Oct 11:00", "0.50", "7.69 %", "0 %", "4", "5", *figures],
        ["", "paris", "1", "1", "Mon 5 Oct 11:00", "0.50", "33.3 %", "0 %", "4", "5", *figures],
        ["t2", "1", "0", "no call"],
    ]
    assert first.startswith("1 %, 0.1 %: channels with which so many calls find none; for the busiest hour")
    assert rows_line == "5 rows from 1 file = 2 counted + 1 rejected + 1 duplicate + 1 of other months"
    assert result.stderr == (
        f"{tmp_path / 'cdrs.csv'}:6: call_id '' is empty; expected a value. Row rejected, the others are "
        "counted. [CDR-FIELD]\n"
    )


def test_of_equal_loads_the_higher_peak_comes_first_and_silence_last(tmp_path: Path) -> None:
    """t2 and t3 carry an Erlang in the same hour, t3 in two calls at once; t4 has a call of no length."""
    halves = (("09:00", "09:30"), ("09:30", "10:00"), ("09:10", "09:40"), ("09:10", "09:40"))
    rows = [
        row(f"c{i}", f"2026-10-05T{begin}:00Z", f"2026-10-05T{end}:00Z", trunk=f"t{2 + i // 2}")
        for i, (begin, end) in enumerate(halves)
    ]
    rows.append(row("d", "2026-10-05T09:00:00Z", "2026-10-05T09:00:00Z", trunk="t4"))
    accounts = ACCOUNTS + "".join(f"  - {{id: t{i}, customer: c, channels: 2}}\n" for i in (2, 3, 4))
    printed = run(*files(tmp_path, rows, accounts), "--month", "2026-10").stdout
    assert re.findall(r"^  (t\d) ", printed, re.MULTILINE) == ["t3", "t2", "t4", "t1"]


def test_rows_are_accounted_for(tmp_path: Path) -> None:
    rows = [CALL, CALL, row("b", "2026-10-05T09:00:00Z", "2026-10-05T09:01:00Z", trunk="?"), "x\n"]
    found = report(tmp_path, rows, code=1)
    assert found["reconciliation"] == {
        "rows": 4,
        "counted": 1,
        "duplicates": 1,
        "not_a_call": 0,
        "other_month": 0,
        "other_source": 0,
        "other_trunk": 0,
        "rejected": 2,
    }
    assert found["rejects"] == {"CDR-FIELD": 1, "CDR-TRUNK": 1}


def test_hostile_ids_do_not_command_the_terminal(tmp_path: Path) -> None:
    accounts = ACCOUNTS.replace("id: t1", 'id: "t1\\e[31m"')
    result = run(*files(tmp_path, [CALL.replace(",t1,", ",t1\x1b[31m,")], accounts))
    assert result.exit_code == 0, result.output
    assert "\x1b" not in result.stdout
    assert "t1\\x1b[31m" in result.stdout


def test_many_rejects_are_shown_in_part(tmp_path: Path) -> None:
    result = run(*files(tmp_path, [CALL, *("x\n" for _ in range(25))]))
    assert result.exit_code == 1
    assert result.stderr.count("[CDR-FIELD]") == 20
    assert result.stderr.endswith("and 5 more\n")


def test_grades_of_service_that_are_asked_for(tmp_path: Path) -> None:
    found = report(tmp_path, [CALL], "--gos", "5%", "--gos", "0.00001", "--gos", "5 %")
    assert found["grades"] == ["5 %", "0.001 %"]
    (line,) = found["months"][0]["lines"]
    assert line["busiest_hour"]["channels_for"] == {"5 %": 3, "0.001 %": 7}


def test_more_channels_than_are_tried_are_not_told(tmp_path: Path) -> None:
    """Twenty thousand blocked in an hour, each of 366 days."""
    long = row("a", "2026-01-01T00:00:00Z", "2027-01-02T00:00:00Z")
    rows = [long.replace(",a,", f",{i},") for i in range(2)]
    rows += [
        row(f"b{i}", "2026-01-05T09:00:00Z", "2026-01-05T09:00:00Z", reason="no_channel")
        for i in range(20_000)
    ]
    (line,) = report(tmp_path, rows, "--month", "2026-01")["months"][0]["lines"]
    assert line["busiest_hour"]["offered_erlangs"] == 2 + 20_000 * 366 * 24
    assert line["busiest_hour"]["channels_for"] == {"1 %": None, "0.1 %": None}
    assert "> 100,000" in run(*files(tmp_path, rows), "--month", "2026-01").stdout


def test_standard_input_gzip_and_json_lines(tmp_path: Path) -> None:
    arguments = files(tmp_path, [CALL])
    expected = run(*arguments).stdout
    (tmp_path / "cdrs.csv.gz").write_bytes(gzip.compress((HEAD + CALL).encode()))
    assert run(str(tmp_path / "cdrs.csv.gz"), *arguments[1:]).stdout == expected
    result = CliRunner().invoke(main, ["channels", "-", *arguments[1:]], input=HEAD + CALL)
    assert result.stdout == expected
    record = dict(zip(HEAD.strip().split(","), CALL.strip().split(","), strict=True))
    (tmp_path / "cdrs.jsonl").write_text(json.dumps(record) + "\n", encoding="utf-8")
    assert run(str(tmp_path / "cdrs.jsonl"), *arguments[1:]).stdout == expected


@pytest.mark.parametrize(
    "name",
    [
        "audiocodes_syslog_calls.txt",
        "kamailio_acc_cdrs.csv",
        "graph_dr_v1_page1.json",
        "freeswitch_json_cdr.jsonl",
    ],
)
def test_other_formats(name: str) -> None:
    folder = ROOT / "cdr_samples" / "formats"
    result = run(str(folder / name), "--accounts", str(folder / "accounts.yaml"), "--json")
    assert result.exit_code == 0, result.output
    found = json.loads(result.stdout)
    assert found["reconciliation"]["counted"] > 3
    assert {line["trunk_id"] for month in found["months"] for line in month["lines"]} == {"t1"}
    assert max(line["peak_channels"] for month in found["months"] for line in month["lines"]) >= 1


def test_the_order_of_rows_and_files_does_not_matter(tmp_path: Path) -> None:
    rows = [
        row(
            f"c{i}",
            f"2026-10-{i % 9 + 1:02}T09:{i % 60:02}:00Z",
            f"2026-10-{i % 9 + 1:02}T10:00:00Z",
            trunk=f"t{i % 2 + 1}",
        )
        for i in range(200)
    ]
    accounts = ACCOUNTS + "  - {id: t2, customer: c, channels: 5}\n"
    expected = run(*files(tmp_path, rows, accounts), "--json").stdout
    for name, some in (("b.csv", rows[150::-1]), ("a.csv", rows[151:])):
        (tmp_path / name).write_text(HEAD + "".join(some), encoding="utf-8")
    result = run(
        str(tmp_path / "b.csv"),
        str(tmp_path / "a.csv"),
        "--accounts",
        str(tmp_path / "accounts.yaml"),
        "--json",
    )
    assert result.stdout == expected


# --- wrong use


@pytest.mark.parametrize(
    ("more", "message"),
    [
        (["--month", "2026-13"], "--month '2026-13' is no month; expected YYYY-MM, as 2026-10. {} [MONTH]"),
        (["--month", "10/2026"], "--month '10/2026' is no month; expected YYYY-MM, as 2026-10. {} [MONTH]"),
        (
            ["--month", "2026-09"],
            "--month: no call is of 2026-09, the calls are of 2026-10; expected the month of the CDRs. "
            "{} [MONTH]",
        ),
        (["--trunk", "t9"], "--trunk 't9' is unknown; expected an id or FQDN of accounts: t1. {} [TRUNK]"),
        (
            ["--gos", "0%"],
            "--gos '0%' is no grade of service; expected a share of the calls above 0 and below 100 %, "
            "as 1% or 0.01. {} [GOS]",
        ),
        (
            ["--timezone", "Paris"],
            "--timezone 'Paris' is unknown; expected a name of the tz database, as Europe/Paris. {} "
            "[TIMEZONE]",
        ),
        (
            ["--clock", "Paris"],
            "--clock 'Paris' is unknown; expected a name of the tz database, as Europe/Paris. {} [TIMEZONE]",
        ),
        (["--out", "{folder}"], "{folder}: exists; expected a new folder. {} [OUT-EXISTS]"),
        (
            ["--tariffs", "nothing"],
            "nothing: is not there; expected a folder with book.yaml, or a shipped book: contract, knet. {} "
            "[TARIFF-BOOK]",
        ),
    ],
)
def test_wrong_use(tmp_path: Path, more: list[str], message: str) -> None:
    said = refused(*files(tmp_path, [CALL]), *(text.replace("{folder}", str(tmp_path)) for text in more))
    assert said == message.replace("{folder}", str(tmp_path)).format("Nothing was counted.") + "\n"


@pytest.mark.parametrize(
    "text", ["1", "100%", "-1%", "1.5", "0", "0.", "1e-2", "٣%", "1%%", "", "1,5%", "0.0000000000%"]
)
def test_what_is_no_grade_of_service(text: str) -> None:
    with pytest.raises(UsageError, match="is no grade of service"):
        grade_of(text)


def test_an_unknown_format_is_refused(tmp_path: Path) -> None:
    said = refused(*files(tmp_path, [CALL]), "--format", "cisco")
    assert said.startswith("--format 'cisco' is unknown; expected one of auto, ")


def test_files_that_are_not_there(tmp_path: Path) -> None:
    arguments = files(tmp_path, [CALL])
    assert refused(str(tmp_path / "no.csv"), *arguments[1:]) == (
        f"{tmp_path}/no.csv: is not there; expected a CDR file, a folder or -. Nothing was counted. "
        "[CDR-FILE]\n"
    )
    (tmp_path / "accounts.yaml").unlink()
    assert refused(*arguments).endswith("Nothing was counted. [ACCOUNTS-FILE]\n")


def test_no_call_at_all(tmp_path: Path) -> None:
    no_call = (
        "no call is of a trunk that was asked for; expected CDRs. Nothing was counted. [CHANNELS-NONE]\n"
    )
    assert refused(*files(tmp_path, [])) == no_call
    said = refused(*files(tmp_path, ["x\n"]), "--month", "2026-10")
    assert "line has 1 field where the header has 15" in said
    assert said.endswith(no_call)
    accounts = ACCOUNTS + "  - {id: t2, customer: c, channels: 5}\n"
    assert refused(*files(tmp_path, [CALL], accounts), "--trunk", "t2") == no_call


def test_a_damaged_file_stops_the_run(tmp_path: Path) -> None:
    arguments = files(tmp_path, [CALL])
    whole = gzip.compress((HEAD + CALL * 5000).encode())
    (tmp_path / "cdrs.csv.gz").write_bytes(whole[:-20])
    said = refused(str(tmp_path / "cdrs.csv.gz"), *arguments[1:])
    assert "cannot be read to its end" in said
    assert said.endswith("expected a whole file. Nothing was counted. [CDR-FILE]\n")


# --- the program


def test_the_library_of_plots_is_loaded_for_pages_only(tmp_path: Path) -> None:
    arguments = files(tmp_path, [CALL])
    code = (
        "import sys\nfrom rating.cli.start import run\ntry:\n    run()\nfinally:\n"
        "    print([name in sys.modules for name in ('matplotlib', 'matplotlib.pyplot', 'pandas')])\n"
    )

    def loaded(*more: str) -> tuple[str, str]:
        command = [sys.executable, "-c", code, "channels", *arguments, *more]
        # The library has nowhere to keep its fonts, and says nothing of it.
        environment = {**os.environ, "MPLCONFIGDIR": "/dev/null/nowhere"}
        result = subprocess.run(
            command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=120
        )
        assert result.returncode == 0, result.stderr
        return result.stdout.splitlines()[-1], result.stderr

    assert loaded() == ("[False, False, False]", "")
    out = tmp_path / "out"
    assert loaded("--out", str(out)) == ("[True, False, False]", f"2 pages: {out}/index.html\n")


def test_a_demo_trunk_without_pages() -> None:
    result = run(*DEMO, "--month", "2026-10", "--trunk", "pistonnac", "--gos", "2%")
    assert result.exit_code == 1
    assert (
        "October 2026 in Europe/Paris: 1 trunk, 1,245 calls, CDRs of Thu 1 Oct to Sat 31 Oct" in result.stdout
    )
    assert (
        "pistonnac         1     2  Mon 26 Oct 16:00     1.44    59.0 %   60.0 %    5  16:00" in result.stdout
    )
    assert "+ 9,155 of other trunks" in result.stdout
