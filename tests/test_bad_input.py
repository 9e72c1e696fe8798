"""Bad input: the whole message, the exit code, what is rated all the same, and that no row is lost.

The files are in tests/bad, one a fault (see its README.md); tests/bad/messages.yaml holds what is said of each.
"""

# ruff: noqa: E501 -- messages stand as a user reads them

import csv
import errno
import gzip
import json
import os
import random
import re
import shutil
import signal
import subprocess
import sys
import time
import traceback
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import yaml
from click.testing import CliRunner

from rating.cli import main
from rating.export import folder

BAD = Path(__file__).resolve().parent / "bad"
ROOT = BAD.parents[1]
MESSAGES = yaml.safe_load((BAD / "messages.yaml").read_text(encoding="utf-8"))
CATEGORIES = ("rated", "unrated", "rejected", "duplicates", "other_month", "other_source", "not_a_call")
GOOD = {"c1": "included", "c2": "out_of_plan", "c3": "inbound", "c4": "not_answered"}
COLUMNS = (
    "call_id, trunk_id, direction, a_number, b_number, setup_time, answer_time, release_time, sip_code, "
    "user_id, forwarded_by, forward_type"
)
NOTHING = "Nothing was rated."
NO_ROW = "no row was read; expected CDRs. There is nothing to rate. [CDR-NONE]"
FILE_REJECTED = "No row of this file is rated: see rejects.csv."
REJECTED = "Row rejected, the others are rated: see rejects.csv."
SETTINGS = ("--accounts", "accounts.yaml", "--tariffs", "good_book")


@dataclass
class Outcome:
    """What a run left: exit code, messages by line, and the output folder read back."""

    exit_code: int
    messages: list[str]
    stdout: str
    record: dict = field(default_factory=dict)
    rejects: list[dict] = field(default_factory=list)
    rated: dict[str, str] = field(default_factory=dict)
    out: Path = Path()
    calls: list[dict] = field(default_factory=list)

    @property
    def counts(self):
        """The categories that have rows."""
        found = self.record["reconciliation"]
        return {name: found[name] for name in CATEGORIES if found[name]}

    @property
    def warnings(self):
        files = [warning for entry in self.record["inputs"] for warning in entry["warnings"]]
        return files + self.record["warnings"]

    @property
    def reject_messages(self):
        return [row["message"] for row in self.rejects]


def read_back(exit_code, stdout, stderr, out):
    """The outcome of a run, with all that must hold of any run checked."""
    assert "Traceback" not in stderr
    assert exit_code in (0, 1, 2), f"exit {exit_code}: {stderr}"
    outcome = Outcome(exit_code, stderr.splitlines(), stdout, out=out)
    left = [path.name for path in out.parent.glob(".*.trunkrate-*")]
    assert left == [], "left-over folders"
    if exit_code == 2:
        assert stderr.strip(), "nothing rated and no word why"
        return outcome
    assert stderr == ""
    outcome.record = json.loads((out / "run.json").read_text(encoding="utf-8"))
    total = outcome.record["reconciliation"]
    assert total["balanced"] is True
    assert total["rows"] == sum(total[name] for name in CATEGORIES)
    for entry in outcome.record["inputs"]:
        assert entry["rows"] == sum(entry[name] for name in CATEGORIES), entry["file"]
    for name in ("rows", *CATEGORIES):
        assert total[name] == sum(entry[name] for entry in outcome.record["inputs"]), name
    with (out / "rejects.csv").open(encoding="utf-8", newline="") as file:
        outcome.rejects = list(csv.DictReader(file))
    with (out / "unrated.csv").open(encoding="utf-8", newline="") as file:
        unrated = list(csv.DictReader(file))
    outcome.calls = pq.read_table(out / "rated_calls.parquet").to_pylist()
    outcome.rated = {row["call_id"]: row["reason"] for row in outcome.calls}
    assert (len(outcome.rejects), len(unrated), len(outcome.calls)) == (
        total["rejected"],
        total["unrated"],
        total["rated"],
    )
    for row in outcome.rejects:
        assert row["message"].startswith(f"{row['file']}:{row['line']}: ")
        assert row["message"].endswith(f" [{row['code']}]")
    to_look_at = total["rejected"] or total["unrated"] or outcome.warnings
    assert exit_code == (1 if to_look_at else 0)
    return outcome


@pytest.fixture
def rate(tmp_path, monkeypatch):
    """Run `trunkrate rate` in tests/bad, so that messages name the files as they stand there."""
    monkeypatch.chdir(BAD)

    def run(*arguments, settings=SETTINGS, out=tmp_path / "out", stdin=None):
        command = ["rate", *map(str, arguments), *settings, "--out", str(out)]
        result = CliRunner().invoke(main, command, input=stdin)
        if result.exception is not None and not isinstance(result.exception, SystemExit):
            raise result.exception
        return read_back(result.exit_code, result.stdout, result.stderr.replace(str(tmp_path), "TMP"), out)

    return run


@pytest.fixture
def book(tmp_path, monkeypatch):
    """A folder with the good CDRs, accounts and book, to put faults into."""
    for name in ("good.csv", "accounts.yaml"):
        shutil.copy(BAD / name, tmp_path / name)
    shutil.copytree(BAD / "good_book", tmp_path / "book")
    monkeypatch.chdir(tmp_path)
    return tmp_path / "book"


def rate_here(book="book", accounts="accounts.yaml", files=("good.csv",), out=Path("out")):
    """Run in the working directory."""
    command = ["rate", *files, "--accounts", accounts, "--tariffs", book, "--out", str(out)]
    result = CliRunner().invoke(main, command)
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        raise result.exception
    return read_back(result.exit_code, result.stdout, result.stderr, out)


def command_line(*arguments):
    """The real program, as a list for subprocess."""
    return [sys.executable, "-m", "rating.cli", "rate", *map(str, arguments)]


def environment(**more):
    return {**os.environ, "PYTHONPATH": str(ROOT), **more}


def test_good_files_are_clean(rate):
    found = rate("good.csv")
    assert (found.exit_code, found.rated, found.counts) == (0, GOOD, {"rated": 4})
    assert found.record["totals"]["amount"] == "0.1100"


def test_messages_has_every_fault():
    """A file beside messages.yaml that no test names would be a fault that nobody checks."""
    named = Path(__file__).read_text(encoding="utf-8") + (BAD / "messages.yaml").read_text(encoding="utf-8")
    assert [path.name for path in sorted(BAD.iterdir()) if path.name not in named] == []


# --- rows


@pytest.mark.parametrize("name", MESSAGES["rows"])
def test_bad_rows_are_rejects_and_the_others_are_rated(rate, name):
    expected = MESSAGES["rows"][name]
    found = rate(name)
    assert found.reject_messages == expected["messages"].splitlines()
    assert (sorted(found.rated), found.record["reconciliation"]["rows"]) == (
        expected["rated"],
        expected["rows"],
    )
    assert found.counts.get("rejected") == len(expected["messages"].splitlines())
    assert set(found.counts) <= {"rated", "rejected"}


@pytest.mark.parametrize(
    "name",
    [
        "cdr_crlf.csv",
        "cdr_semicolons.csv",
        "cdr_tabs.csv",
        "cdr_bom.csv",
        "good.csv.gz",
        "good.jsonl",
        "good.parquet",
        "cdr_gzip_parquet.parquet.gz",
    ],
)
def test_other_forms_of_the_good_rows_rate_alike(rate, tmp_path, name):
    plain = rate("good.csv")
    found = rate(name, out=tmp_path / "other")
    assert (found.exit_code, found.counts) == (0, {"rated": 4})
    assert found.calls == plain.calls


def test_header_faults_are_named_once_for_the_file(rate):
    problems = {
        "cdr_missing_column.csv": "header has no column b_number",
        "cdr_missing_two_columns.csv": "header has no columns release_time, sip_code",
        "cdr_repeated_column.csv": "header has column b_number twice",
        "cdr_empty.csv": "file is empty",
        "cdr_blank_lines_only.csv": "header '' names no canonical column",
    }
    found = rate(*problems)
    assert found.exit_code == 1
    assert found.warnings == [
        f"{name}:1: {problem}; expected a header line with the columns {COLUMNS}. [CDR-HEADER]"
        for name, problem in sorted(problems.items())
    ]
    assert found.counts == {"rejected": 5}


def test_old_mac_line_ends_are_refused_without_a_traceback(rate):
    found = rate("cdr_old_mac.csv", "good.csv")
    assert (found.exit_code, found.rated) == (1, GOOD)
    said = found.warnings + found.reject_messages
    assert len(said) == 1
    assert said[0].startswith("cdr_old_mac.csv:1: ")
    assert said[0].endswith("[CDR-HEADER]")


def test_a_header_of_200000_characters_is_refused_without_a_traceback(rate, tmp_path):
    long = tmp_path / "long.csv"
    long.write_text("x" * 200_000 + "\nc1\n")
    csv.field_size_limit(1 << 20)
    found = rate(long, "good.csv")
    assert (found.exit_code, found.rated) == (1, GOOD)
    assert found.rejects[0]["code"] == "CDR-HEADER"


def test_utf_16_is_named_as_what_it_is(rate):
    found = rate("cdr_utf_16.csv")
    assert (found.exit_code, found.rated, set(found.counts)) == (1, {}, {"rejected"})
    assert found.reject_messages[0] == (
        "cdr_utf_16.csv:1: file is UTF-16, not UTF-8; expected a header line with the columns "
        f"{COLUMNS}. {FILE_REJECTED} [CDR-HEADER]"
    )


def test_latin_1_reads_with_its_encoding(rate):
    found = rate("cdr_latin_1.csv", "cdr_json_latin_1.jsonl", "--encoding", "latin-1")
    assert (found.exit_code, found.counts) == (0, {"rated": 3, "duplicates": 3})
    assert [row["user_id"] for row in found.calls if row["call_id"] == "bad"] == ["hélène@cabinet.example"]


def run_program(out, *arguments, **more):
    """The real program in a process of its own, run in tests/bad, read back."""
    command = command_line(*arguments, "--out", out)
    done = subprocess.run(command, cwd=BAD, env=environment(), capture_output=True, text=True, **more)
    return read_back(done.returncode, done.stdout, done.stderr, out)


def test_latin_1_in_a_line_of_too_many_fields_is_one_reject(tmp_path):
    found = run_program(tmp_path / "out", "cdr_latin_1_in_a_long_line.csv", *SETTINGS)
    assert (found.exit_code, sorted(found.rated)) == (1, ["c1", "c2"])
    assert found.reject_messages == [
        "cdr_latin_1_in_a_long_line.csv:3: line has 16 fields where the header has 15; expected one value a "
        f"column. {REJECTED} [CDR-FIELD]"
    ]


def test_a_quote_after_a_field_is_rejected_whatever_stands_in_other_lines(rate):
    """A row's fate may not depend on its neighbours: how input is chunked would change the result (SPEC 3)."""
    alone = rate("cdr_quote_in_the_middle.csv")
    assert alone.rated == {"c1": "included", "c2": "out_of_plan"}
    assert alone.reject_messages == [
        f"cdr_quote_in_the_middle.csv:{line}: line has a quote that does not enclose a whole field; expected one "
        f"value a column. {REJECTED} [CDR-FIELD]"
        for line in (3, 4)
    ]


def test_blank_lines_are_no_rows(rate, tmp_path):
    spaced = tmp_path / "spaced.csv"
    spaced.write_bytes((BAD / "good.csv").read_bytes().replace(b"\n", b"\n\n\r\n"))
    assert (rate(spaced).counts, rate(spaced, out=tmp_path / "again").exit_code) == ({"rated": 4}, 0)


@pytest.mark.parametrize(
    ("ambiguous", "answered"),
    [("first", "2026-10-25 00:30:05+00:00"), ("second", "2026-10-25 01:30:05+00:00")],
)
def test_the_autumn_hour_is_the_first_or_the_second_as_told(rate, ambiguous, answered):
    found = rate("cdr_autumn_hour.csv", "--ambiguous", ambiguous)
    assert (found.exit_code, found.counts) == (0, {"rated": 3})
    row = next(row for row in found.calls if row["call_id"] == "dst")
    assert (str(row["answer_time"]), row["duration_s"]) == (answered, 125)


@pytest.mark.parametrize("ambiguous", ["first", "second", "reject"])
def test_the_spring_gap_is_a_reject_whatever_is_told(rate, ambiguous):
    found = rate("cdr_spring_gap.csv", "--ambiguous", ambiguous)
    expected = MESSAGES["rows"]["cdr_spring_gap.csv"]["messages"]
    assert (found.exit_code, found.reject_messages) == (1, expected.splitlines())


def test_the_autumn_hour_is_a_reject_when_told(rate):
    found = rate("cdr_autumn_hour.csv", "--ambiguous", "reject")
    expected = MESSAGES["rows"]["cdr_autumn_hour.csv"]["messages"]
    assert (found.exit_code, found.reject_messages) == (1, expected.splitlines())


def test_another_zone_has_no_clock_change_that_night(rate):
    found = rate("cdr_autumn_hour.csv", "cdr_spring_gap.csv", "--timezone", "Africa/Tunis")
    assert (found.exit_code, found.counts) == (0, {"rated": 4, "duplicates": 2})


def test_anonymous_and_unreadable_numbers_are_kept_where_nothing_is_charged(rate):
    found = rate("cdr_anonymous_inbound.csv")
    assert (found.exit_code, found.counts) == (0, {"rated": 4})
    assert found.rated == {"c1": "included", "c5": "inbound", "c6": "inbound", "c7": "not_answered"}
    kept = {row["call_id"]: (row["a_number"], row["b_number"]) for row in found.calls}
    assert kept["c5"] == ("anonymous", "+33199000110")
    assert kept["c6"] == ("", "accueil")
    assert kept["c7"] == ("+33199000110", "alice")


def test_fqdns_compare_without_case(rate):
    found = rate("cdr_fqdn_in_capitals.csv")
    assert (found.exit_code, [row["trunk_id"] for row in found.calls]) == (0, ["t1", "t1"])


def test_a_call_without_a_rate_is_unrated_and_said(rate):
    found = rate("cdr_no_rate.csv")
    assert (found.exit_code, found.counts) == (1, {"rated": 2, "unrated": 1})
    assert "  1 call without a rate: see unrated.csv\n" in found.stdout


def test_columns_that_nobody_knows_are_ignored_and_named(rate):
    found = rate("cdr_extra_columns.csv")
    assert (found.exit_code, found.counts) == (0, {"rated": 2})
    assert found.record["inputs"][0]["ignored_columns"] == ["cost", "note"]


def test_other_months_are_counted_not_rated(rate):
    found = rate("cdr_other_month.csv", "--month", "2026-10")
    assert (found.exit_code, found.counts) == (0, {"rated": 2, "other_month": 1})
    assert sorted(found.rated) == ["c1", "c2"]


# --- rows that repeat


def test_a_repeated_row_is_a_duplicate(rate):
    """Also where it names the trunk by its FQDN, or the instant with another offset."""
    found = rate("cdr_repeated_row.csv")
    assert (found.exit_code, found.counts) == (0, {"rated": 2, "duplicates": 2})
    assert found.rated == {"c1": "included", "c2": "out_of_plan"}


def test_a_row_repeated_in_another_file_is_a_duplicate(rate):
    found = rate("good.csv", "cdr_repeats_good.csv")
    assert (found.exit_code, found.counts) == (0, {"rated": 5, "duplicates": 1})
    assert found.rated == {**GOOD, "c8": "included"}
    duplicates = {entry["file"]: entry["duplicates"] for entry in found.record["inputs"]}
    assert duplicates == {"cdr_repeats_good.csv": 0, "good.csv": 1}


def test_rows_that_conflict_across_files_are_all_rejects(rate, tmp_path):
    found = rate("good.csv", "cdr_conflict_with_good.csv")
    problem = "is the id of rows with different content; expected one content for one source and call_id"
    assert found.reject_messages == [
        f"cdr_conflict_with_good.csv:2: call_id 'c2' {problem}. {REJECTED} [CDR-CONFLICT]",
        f"good.csv:3: call_id 'c2' {problem}. {REJECTED} [CDR-CONFLICT]",
    ]
    assert found.counts == {"rated": 4, "rejected": 2}
    assert sorted(found.rated) == ["c1", "c3", "c4", "c8"]
    turned = rate("cdr_conflict_with_good.csv", "good.csv", out=tmp_path / "turned")
    assert (turned.reject_messages, turned.calls) == (found.reject_messages, found.calls)


def test_one_call_id_of_two_sources_is_two_calls(rate):
    found = rate("cdr_same_id_of_two_sources.csv")
    assert (found.exit_code, found.counts) == (0, {"rated": 2})


def test_two_sources_of_one_trunk_stop_the_run(rate):
    found = rate("cdr_two_sources.csv")
    assert found.exit_code == 2
    assert found.messages == [
        "trunk 't1' has CDRs from sources gw1, sbc; expected one, or rating_source in its accounts entry to say "
        f"which is rated. {NOTHING} [CDR-SOURCES]"
    ]


def test_the_rating_source_says_which_of_two_sources_is_rated(rate):
    settings = ("--accounts", "accounts_rating_source.yaml", "--tariffs", "good_book")
    found = rate("cdr_two_sources.csv", settings=settings)
    assert (found.exit_code, found.counts) == (0, {"rated": 2, "other_source": 1})
    assert sorted(found.rated) == ["c1", "c9"]


def test_a_rating_source_that_sends_nothing_rates_nothing(rate):
    settings = ("--accounts", "accounts_rating_source_unknown.yaml", "--tariffs", "good_book")
    found = rate("good.csv", settings=settings)
    assert found.counts == {"rated": 1, "other_source": 3}
    assert found.warnings == [
        "trunk 't1' has no CDR from its rating_source 'gw7', but 3 from others; expected CDRs from it. They are "
        "counted as other_source, not rated. [CDR-SOURCES]"
    ]


# --- files


def test_empty_files_are_something_to_look_at(rate):
    found = rate("cdr_empty.jsonl")
    assert (found.exit_code, found.counts) == (1, {})
    assert found.warnings == [
        "cdr_empty.jsonl:1: file is empty; expected one JSON object a line, its values texts (sip_code may be a "
        "number). [CDR-HEADER]",
        NO_ROW,
    ]


def test_a_header_alone_is_something_to_look_at(rate):
    found = rate("cdr_header_only.csv")
    assert (found.exit_code, found.counts, found.warnings) == (1, {}, [NO_ROW])
    assert rate("cdr_header_only.csv", "good.csv", out=found.out.parent / "other").exit_code == 0


def test_a_month_of_no_call_is_refused(rate, tmp_path):
    found = rate("good.csv", "--month", "2025-10")
    assert found.exit_code == 2
    assert found.messages == [
        f"--month: no call is of 2025-10, the calls are of 2026-10; expected the month of the CDRs. {NOTHING} [MONTH]"
    ]
    assert not (tmp_path / "out").exists()


def test_force_spares_what_is_not_the_runs(rate, tmp_path):
    rate("good.csv")
    (tmp_path / "out" / "notes.txt").write_text("Dear Sir")
    found = rate("good.csv", "--force")
    assert (found.exit_code, found.messages) == (
        2,
        [
            "TMP/out: holds notes.txt beside the output; expected nothing that --force would delete with it. "
            f"{NOTHING} [OUT-EXISTS]"
        ],
    )
    assert (tmp_path / "out" / "notes.txt").read_text() == "Dear Sir"


def test_endings_in_capitals_are_cdrs_and_what_is_passed_over_is_said(rate, tmp_path):
    folder = tmp_path / "mixed"
    folder.mkdir()
    for name in ("a.CSV", "B.Csv.GZ", "notes.txt", ".hidden.csv"):
        data = (BAD / "good.csv").read_bytes().replace(b"gw1,c", f"gw1,{name[0]}".encode())
        (folder / name).write_bytes(gzip.compress(data) if name.endswith("GZ") else data)
    found = rate(folder)
    assert (found.exit_code, found.counts) == (0, {"rated": 8})
    passed = [str(folder / ".hidden.csv"), str(folder / "notes.txt")]
    assert found.record["skipped_files"] == passed
    assert f"passed over in folders: {', '.join(passed)}" in found.stdout


def test_what_a_gateway_keeps_beside_its_cdrs_is_not_told(rate, tmp_path):
    spool = tmp_path / "spool"
    (spool / "state").mkdir(parents=True)
    for name in ("spool.journal", "state/gateway.lock", "state/suspensions.jsonl"):
        (spool / name).write_text("{}\n")
    (spool / "gw1.csv").write_bytes((BAD / "good.csv").read_bytes())
    found = rate(spool)
    assert (found.exit_code, found.counts) == (0, {"rated": 4})
    assert found.record["skipped_files"] == []
    assert "passed over" not in found.stdout


def test_named_gz_and_not_gzip_stops_the_run(rate, tmp_path):
    path = tmp_path / "calls.csv.gz"
    path.write_bytes((BAD / "good.csv").read_bytes())
    found = rate(path)
    assert (found.exit_code, found.messages) == (
        2,
        [f"TMP/calls.csv.gz: is named .gz but is not gzip; expected a whole gzip file. {NOTHING} [CDR-FILE]"],
    )


@pytest.mark.parametrize("where", ["pipe", "full", "latin"])
def test_printing_does_not_change_what_was_done(tmp_path, where):
    """A reader that goes away, a full device, a console without the characters: the folder is written, exit 0."""
    command = command_line("good.csv", *SETTINGS, "--out", tmp_path / "out")
    if where == "pipe":
        process = subprocess.Popen(
            command, cwd=BAD, env=environment(), stdout=subprocess.PIPE, stderr=subprocess.PIPE
        )
        process.stdout.close()
        _, error = process.communicate(timeout=60)
        code = process.returncode
        assert error == b""
    elif where == "full":
        with open("/dev/full", "w") as full:
            done = subprocess.run(command, cwd=BAD, env=environment(), stdout=full, stderr=subprocess.PIPE)
        code = done.returncode
        assert b"standard output cannot be written" in done.stderr
    else:
        env = environment(PYTHONIOENCODING="iso8859-15")
        done = subprocess.run(command, cwd=BAD, env=env, capture_output=True)
        code = done.returncode
        assert b"Reconciled: 4 rows = 4 rated" in done.stdout
    assert code == 0
    assert (tmp_path / "out" / "run.json").is_file()


def test_interrupted_run_says_so_and_leaves_nothing(tmp_path, large):
    command = command_line(large, *SETTINGS, "--csv", "--out", tmp_path / "out")
    process = subprocess.Popen(
        command, cwd=BAD, env=environment(), stdout=subprocess.DEVNULL, stderr=subprocess.PIPE
    )
    until = time.monotonic() + 30
    while not list(tmp_path.glob(".out.trunkrate-*")) and time.monotonic() < until:
        time.sleep(0.005)
    process.send_signal(signal.SIGINT)
    _, error = process.communicate(timeout=30)
    assert (process.returncode, error) == (130, b"Interrupted; no output was left.\n")
    assert list(tmp_path.iterdir()) == []


def test_an_interrupt_while_the_output_is_locked_leaves_nothing(tmp_path, monkeypatch):
    def interrupted(handle, operation):
        raise KeyboardInterrupt

    monkeypatch.setattr(folder.fcntl, "flock", interrupted)
    with pytest.raises(KeyboardInterrupt), folder.whole_folder(tmp_path / "out", force=False):
        pass
    assert list(tmp_path.iterdir()) == []


def test_json_lines_may_have_a_byte_order_mark_crlf_and_blank_lines(rate):
    found = rate("cdr_json_bom_crlf.jsonl")
    assert (found.exit_code, found.counts) == (0, {"rated": 2})


def test_a_folder_without_cdrs_is_refused(rate):
    found = rate("folder_without_cdrs")
    assert found.exit_code == 2
    assert found.messages == [
        "folder_without_cdrs: folder holds no CDR file; expected files ending in .csv, .jsonl, .ndjson, .parquet, "
        f"plain or .gz. {NOTHING} [CDR-FOLDER]"
    ]


def test_other_files_of_a_folder_are_passed_over_and_named(rate):
    found = rate("folder_with_others")
    assert (found.exit_code, found.rated) == (0, GOOD)
    assert [entry["file"] for entry in found.record["inputs"]] == ["folder_with_others/good.csv"]
    assert found.record["skipped_files"] == [
        "folder_with_others/more/report.xlsx",
        "folder_with_others/notes.txt",
    ]


REFUSED = {
    "missing.csv": "missing.csv: is not there; expected a CDR file, a folder or -",
    "cdr_gzip_truncated.csv.gz": "cdr_gzip_truncated.csv.gz: cannot be read (Compressed file ended before the "
    "end-of-stream marker was reached); expected a readable file",
    "cdr_gzip_trailing_bytes.csv.gz": "cdr_gzip_trailing_bytes.csv.gz: cannot be read (Not a gzipped file "
    "(b'ju')); expected a readable file",
    "cdr_gzip_wrong_checksum.csv.gz": "cdr_gzip_wrong_checksum.csv.gz: cannot be read (CRC check failed "
    "0x0 != 0xa896f9a5); expected a readable file",
    "cdr_gzip_damaged.csv.gz": "cdr_gzip_damaged.csv.gz: cannot be read (Error -3 while decompressing data: "
    "invalid code lengths set); expected a readable file",
}


@pytest.mark.parametrize("name", REFUSED)
def test_a_file_that_cannot_be_read_stops_the_run(rate, name):
    found = rate("good.csv", name)
    assert (found.exit_code, found.messages) == (2, [f"{REFUSED[name]}. {NOTHING} [CDR-FILE]"])


@pytest.mark.parametrize(
    ("one", "other"), [("good.csv", "./good.csv"), ("folder_with_others", "folder_with_others/good.csv")]
)
def test_the_same_file_twice_is_refused(rate, one, other):
    found = rate(one, other)
    assert found.exit_code == 2
    assert len(found.messages) == 1
    assert re.fullmatch(
        r"(\S+): is the same file as (\S+); expected each file once\. Nothing was rated\. \[CDR-FILE\]",
        found.messages[0],
    )


def test_the_same_name_twice_is_refused(rate):
    name = "good.csv"
    found = rate(name, name)
    assert (found.exit_code, found.messages) == (
        2,
        [f"good.csv: is the same file as good.csv; expected each file once. {NOTHING} [CDR-FILE]"],
    )


def test_standard_input_reads_gzip_and_names_its_rows(rate):
    packed = gzip.compress((BAD / "cdr_unknown_trunk.csv").read_bytes())
    found = rate("-", stdin=packed)
    assert (found.exit_code, sorted(found.rated)) == (1, ["c1", "c2"])
    assert found.reject_messages == [
        f"-:3: trunk_id 't9' is unknown; expected an id or FQDN of accounts: t1, t2. {REJECTED} [CDR-TRUNK]"
    ]


@pytest.mark.parametrize("other", ["good.csv", "missing.csv"])
def test_standard_input_leaves_no_copy_behind(tmp_path, other):
    """CDRs are personal data: the copy in the temporary folder must go, whatever the run came to."""
    spool = tmp_path / "spool"
    spool.mkdir()
    command = command_line("-", other, *SETTINGS, "--out", tmp_path / "out")
    data = (BAD / "cdr_repeats_good.csv").read_bytes()
    subprocess.run(command, cwd=BAD, env=environment(TMPDIR=str(spool)), input=data, capture_output=True)
    assert list(spool.iterdir()) == []


def test_a_pipe_named_as_a_file_loses_no_rows(tmp_path):
    """As in `trunkrate rate <(zcat x.gz)`: it can be read once only, so it is rated whole or refused."""
    reading, writing = os.pipe()
    os.write(writing, (BAD / "good.csv").read_bytes())
    os.close(writing)
    found = run_program(tmp_path / "out", f"/dev/fd/{reading}", *SETTINGS, pass_fds=(reading,))
    os.close(reading)
    assert found.exit_code == 2 or found.rated == GOOD


# --- Parquet


def test_a_parquet_file_that_is_none_stops_the_run(rate):
    found = rate("cdr_parquet_broken.parquet", "good.csv")
    assert found.exit_code == 2
    assert found.messages == [
        "cdr_parquet_broken.parquet: cannot be read to its end (Parquet magic bytes not found in footer. Either "
        f"the file is corrupted or this is not a parquet file); expected a whole file. {NOTHING} [CDR-FILE]"
    ]


def test_a_parquet_file_with_a_damaged_page_stops_the_run(rate):
    found = rate("cdr_parquet_damaged_page.parquet", "good.csv")
    assert found.exit_code == 2
    assert len(found.messages) == 1
    assert found.messages[0].startswith("cdr_parquet_damaged_page.parquet: cannot be read to its end (")
    assert found.messages[0].endswith(f"); expected a whole file. {NOTHING} [CDR-FILE]")


def good_table(**columns):
    """The good rows, with other columns in the place of some."""
    table = pq.read_table(BAD / "good.parquet")
    for name, values in columns.items():
        table = table.set_column(table.column_names.index(name), name, values)
    return table


def not_utf_8():
    offsets = pa.array([0, 2, 2, 2, 2], pa.int32()).buffers()[1]
    return pa.Array.from_buffers(pa.string(), 4, [None, offsets, pa.py_buffer(b"h\xe9")])


def test_parquet_text_that_is_not_utf_8_is_a_reject(rate, tmp_path):
    pq.write_table(good_table(user_id=not_utf_8()), tmp_path / "bytes.parquet")
    found = rate(tmp_path / "bytes.parquet")
    assert (found.exit_code, found.counts) == (1, {"rated": 3, "rejected": 1})
    assert (found.rejects[0]["line"], found.rejects[0]["code"]) == ("1", "CDR-ENCODING")


ODD_TABLES = {
    "list": lambda: good_table(user_id=pa.array([["a"]] * 4)),
    "struct": lambda: good_table(user_id=pa.array([{"upn": "a"}] * 4)),
    "repeated column": lambda: pa.table(
        [*good_table().columns, good_table()["b_number"]], [*good_table().column_names, "b_number"]
    ),
    "year 36812": lambda: good_table(setup_time=pa.array([1 << 40] * 4).cast(pa.timestamp("s"))),
    "zone of nowhere": lambda: good_table(
        setup_time=pa.array([1 << 53] * 4).cast(pa.timestamp("us", "Nowhere/Land"))
    ),
    "before 1970": lambda: good_table(setup_time=pa.array([-1] * 4).cast(pa.timestamp("ms", "UTC"))),
    "floats": lambda: good_table(sip_code=pa.array([200.5, float("nan"), float("inf"), -1.0])),
    "nulls": lambda: good_table(trunk_id=pa.nulls(4)),
}


@pytest.mark.parametrize("name", ODD_TABLES)
def test_parquet_columns_of_odd_types_reject_their_rows(rate, tmp_path, name):
    pq.write_table(ODD_TABLES[name](), tmp_path / "odd.parquet")
    found = rate(tmp_path / "odd.parquet", "good.csv")
    assert (found.exit_code, found.rated, found.counts) == (1, GOOD, {"rated": 4, "rejected": 4})


@pytest.mark.parametrize("kind", [pa.large_string(), pa.string_view(), pa.dictionary(pa.int8(), pa.string())])
def test_parquet_texts_of_other_kinds_are_fine(rate, tmp_path, kind):
    numbers = pa.array(good_table()["b_number"].to_pylist(), pa.string()).cast(kind)
    pq.write_table(good_table(b_number=numbers), tmp_path / "kind.parquet")
    found = rate(tmp_path / "kind.parquet")
    assert (found.exit_code, found.rated) == (0, GOOD)


# --- flags


def test_a_month_that_is_none_is_refused(rate):
    for text in ("2026-13", "2026-1", "10-2026", "October", "2026-10-01", ""):
        found = rate("good.csv", "--month", text)
        assert found.exit_code == 2
        assert found.messages == [
            f"--month '{text}' is no month; expected YYYY-MM, as 2026-10. {NOTHING} [MONTH]"
        ]


def test_an_unknown_time_zone_is_refused(rate):
    found = rate("good.csv", "--timezone", "Paris")
    assert found.exit_code == 2
    assert found.messages == [
        f"--timezone 'Paris' is unknown; expected a name of the tz database, as Europe/Paris. {NOTHING} [TIMEZONE]"
    ]


def test_an_unknown_format_is_refused_and_the_known_ones_are_listed(rate):
    found = rate("good.csv", "--format", "cisco")
    assert found.exit_code == 2
    assert len(found.messages) == 1
    assert found.messages[0].startswith("--format 'cisco' is unknown; expected one of auto, teams-graph, ")
    assert found.messages[0].endswith(", canonical. [FORMAT]")


@pytest.mark.parametrize(
    ("option", "value", "choices"),
    [
        ("--ambiguous", "third", "'reject', 'first', 'second'"),
        ("--encoding", "utf-16", "'utf-8', 'latin-1'"),
        ("--bare-numbers", "local", "'national', 'international'"),
    ],
)
def test_a_flag_that_is_no_choice_is_refused(rate, option, value, choices):
    found = rate("good.csv", option, value)
    assert found.exit_code == 2
    assert found.messages[-1] == f"Error: Invalid value for '{option}': '{value}' is not one of {choices}."


def test_no_cdr_file_is_refused(rate):
    found = rate()
    assert (found.exit_code, found.messages[-1]) == (2, "Error: Missing argument 'CDR_FILE...'.")


# --- the output folder


def contents(folder):
    """Every file of a folder and its bytes; run.json without what may differ."""
    found = {}
    for path in sorted(folder.rglob("*")):
        if path.is_file():
            data = path.read_bytes()
            if path.name == "run.json":
                data = json.dumps({**json.loads(data), "timing": None}).encode()
            found[str(path.relative_to(folder))] = data
    return found


def test_an_output_folder_that_exists_is_refused_and_untouched(rate, tmp_path):
    rate("good.csv")
    before = contents(tmp_path / "out")
    found = rate("cdr_no_rate.csv")
    assert (found.exit_code, found.messages) == (
        2,
        [
            f"TMP/out: output folder exists; expected a new folder, or --force to replace it whole. {NOTHING} [OUT-EXISTS]"
        ],
    )
    assert contents(tmp_path / "out") == before


def test_force_replaces_the_output_folder_whole(rate, tmp_path):
    rate("good.csv", "--csv")
    assert (tmp_path / "out" / "rated_calls.csv").is_file()
    found = rate("cdr_no_rate.csv", "--force")
    assert found.exit_code == 1
    assert not (tmp_path / "out" / "rated_calls.csv").exists()
    rate("cdr_no_rate.csv", out=tmp_path / "fresh")
    assert contents(tmp_path / "out") == contents(tmp_path / "fresh")


def test_force_on_a_folder_that_is_no_output_deletes_nothing(rate, tmp_path):
    home = tmp_path / "out"
    home.mkdir()
    (home / "letter.txt").write_text("Dear Sir")
    found = rate("good.csv", "--force")
    assert (found.exit_code, found.messages) == (
        2,
        [
            "TMP/out: is no output of an earlier run; expected --force on a folder with run.json, so that nothing "
            f"else is deleted. {NOTHING} [OUT-EXISTS]"
        ],
    )
    assert contents(home) == {"letter.txt": b"Dear Sir"}


@pytest.mark.parametrize("kind", ["file", "link to a folder", "link to nothing"])
def test_force_on_what_is_no_folder_deletes_nothing(rate, tmp_path, kind):
    out, other = tmp_path / "out", tmp_path / "other"
    rate("good.csv", out=other)
    if kind == "file":
        out.write_text("Dear Sir")
    else:
        out.symlink_to(other if kind == "link to a folder" else tmp_path / "nothing")
    found = rate("good.csv", "--force")
    assert found.exit_code == 2
    why = "is no output of an earlier run; " if kind == "file" else "is a symbolic link; expected a folder"
    assert found.messages[0].startswith(f"TMP/out: {why}")
    assert os.path.lexists(out)
    assert (other / "run.json").is_file()


def test_force_with_a_fault_in_the_settings_leaves_the_old_output(rate, tmp_path):
    rate("good.csv")
    before = contents(tmp_path / "out")
    settings = ("--accounts", "accounts_unknown_plan.yaml", "--tariffs", "good_book")
    assert rate("good.csv", "--force", settings=settings).exit_code == 2
    assert contents(tmp_path / "out") == before


def test_a_place_under_a_file_cannot_be_written(rate, tmp_path):
    (tmp_path / "file").write_text("Dear Sir")
    found = rate("good.csv", out=tmp_path / "file" / "out")
    assert (found.exit_code, found.messages) == (
        2,
        [
            "TMP/file/out: cannot be written (File exists); expected a writable place with room. No output was "
            "left. [OUT-WRITE]"
        ],
    )


@contextmanager
def mounted(folder, options):
    """A small file system of its own; None where this machine does not allow it."""
    folder.mkdir()
    done = subprocess.run(["mount", "-t", "tmpfs", "-o", options, "tmpfs", str(folder)], capture_output=True)
    try:
        yield folder if done.returncode == 0 else None
    finally:
        if done.returncode == 0:
            subprocess.run(["umount", "-l", str(folder)], check=True)


def failing(number):
    def fail(*_):
        raise OSError(number, os.strerror(number))

    return fail


def test_a_read_only_place_cannot_be_written(rate, tmp_path, monkeypatch):
    with mounted(tmp_path / "disk", "size=64k,ro") as disk:
        if disk is None:
            monkeypatch.setattr("rating.export.folder._lock", failing(errno.EROFS))
        found = rate("good.csv", out=tmp_path / "disk" / "out")
        assert (found.exit_code, found.messages) == (
            2,
            [
                "TMP/disk/out: cannot be written (Read-only file system); expected a writable place with room. No "
                "output was left. [OUT-WRITE]"
            ],
        )


def test_a_full_disk_leaves_nothing(rate, tmp_path, monkeypatch):
    with mounted(tmp_path / "disk", "size=16k") as disk:
        if disk is None:
            monkeypatch.setattr("os.fsync", failing(errno.ENOSPC))
        found = rate("good.csv", out=tmp_path / "disk" / "out")
        assert list((tmp_path / "disk").iterdir()) == []
        assert found.exit_code == 2
        assert len(found.messages) == 1
        assert re.fullmatch(
            r"TMP/disk/out: cannot be written \(.*No space left on device\); expected a writable place with room\. "
            r"No output was left\. \[OUT-WRITE\]",
            found.messages[0],
        )


def test_a_full_disk_leaves_the_output_that_force_would_replace(rate, tmp_path, monkeypatch):
    rate("good.csv")
    before = contents(tmp_path / "out")
    monkeypatch.setattr("os.fsync", failing(errno.ENOSPC))
    found = rate("cdr_no_rate.csv", "--force")
    assert found.exit_code == 2
    assert contents(tmp_path / "out") == before
    assert found.messages == [
        "TMP/out: cannot be written (No space left on device); expected a writable place with room. No output was "
        "left. [OUT-WRITE]"
    ]


# --- runs that die, runs that meet

DYING = """
import importlib, os, signal, sys
module, name = sys.argv.pop(1).rsplit(".", 1)
setattr(importlib.import_module(module), name, lambda *a, **k: os.kill(os.getpid(), signal.SIGKILL))
from rating.cli import main
main()
"""


def die_at(function, out, *options):
    """Run until the program calls a function of the standard library, and kill it there."""
    command = [
        sys.executable,
        "-c",
        DYING,
        function,
        *command_line("good.csv", *SETTINGS)[3:],
        "--out",
        str(out),
    ]
    done = subprocess.run([*command, *options], cwd=BAD, env=environment(), capture_output=True)
    assert done.returncode == -signal.SIGKILL, done.stderr


@pytest.mark.parametrize("function", ["os.fsync", "os.rename"])
def test_a_run_killed_while_it_writes_leaves_nothing_in_place(rate, tmp_path, function):
    """And the next run removes what it left beside (read_back looks for it)."""
    die_at(function, tmp_path / "out")
    assert not (tmp_path / "out").exists()
    assert len(list(tmp_path.glob(".out.trunkrate-*.lock"))) == 1
    assert rate("good.csv").rated == GOOD


def test_left_overs_are_found_whatever_the_folder_is_called(rate, tmp_path):
    die_at("os.fsync", tmp_path / "out[1]")
    assert rate("good.csv", out=tmp_path / "out[1]").rated == GOOD


def test_a_run_killed_after_it_replaced_an_output_leaves_the_new_one_whole(rate, tmp_path):
    rate("cdr_no_rate.csv")
    die_at("shutil.rmtree", tmp_path / "out", "--force")
    rate("good.csv", out=tmp_path / "fresh" / "out")
    assert contents(tmp_path / "out") == contents(tmp_path / "fresh" / "out")
    assert rate("good.csv", "--force").rated == GOOD


@pytest.fixture(scope="module")
def large(tmp_path_factory):
    """Enough rows that a run takes a moment to write."""
    path = tmp_path_factory.mktemp("large") / "large.csv"
    head, row = (BAD / "good.csv").read_text().splitlines()[:2]
    path.write_text(head + "\n" + "".join(row.replace(",c1,", f",n{i},") + "\n" for i in range(60_000)))
    return path


def test_a_run_killed_at_any_moment_leaves_nothing_in_place(rate, tmp_path, large):
    command = command_line(large, *SETTINGS, "--csv", "--out", tmp_path / "out")
    process = subprocess.Popen(command, cwd=BAD, env=environment(), stdout=subprocess.DEVNULL)
    until = time.monotonic() + 30
    while not list(tmp_path.glob(".out.trunkrate-*/*.parquet")) and time.monotonic() < until:
        time.sleep(0.002)
    process.kill()
    assert process.wait() == -signal.SIGKILL
    assert not (tmp_path / "out").exists()
    assert rate("good.csv").rated == GOOD


def test_of_two_runs_to_one_folder_exactly_one_wins(tmp_path, large):
    out = tmp_path / "out"
    command = command_line(large, *SETTINGS, "--out", out)
    pipe = subprocess.PIPE
    runs = [
        subprocess.Popen(command, cwd=BAD, env=environment(), stdout=pipe, stderr=pipe, text=True)
        for _ in "ab"
    ]
    ends = [(*run.communicate(), run.returncode) for run in runs]
    assert sorted(code for *_, code in ends) == [0, 2], [stderr for _, stderr, _ in ends]
    stdout = next(stdout for stdout, _, code in ends if code == 0)
    assert read_back(0, stdout, "", out).counts == {"rated": 60_000}
    stderr = next(stderr for _, stderr, code in ends if code == 2)
    assert stderr.startswith(f"{out}: ")


def test_a_run_whose_place_was_taken_meanwhile_says_so(rate, tmp_path, monkeypatch):
    """The other run comes and goes while this one writes; it must leave this one's folder alone."""
    out, real, others = tmp_path / "out", os.fsync, []

    def meet(handle):
        if not others:
            command = command_line("cdr_no_rate.csv", *SETTINGS, "--out", out)
            others.append(subprocess.run(command, cwd=BAD, env=environment(), capture_output=True).returncode)
        real(handle)

    monkeypatch.setattr("os.fsync", meet)
    found = rate("good.csv")
    assert (others, found.exit_code) == ([1], 2)
    with (out / "unrated.csv").open() as file:
        assert len(list(csv.DictReader(file))) == 1
    assert found.messages == [
        f"TMP/out: output folder exists; expected a new folder, or --force to replace it whole. {NOTHING} [OUT-EXISTS]"
    ]


# --- accounts


@pytest.mark.parametrize("name", MESSAGES["accounts"])
def test_bad_accounts_stop_the_run(rate, name):
    found = rate("good.csv", settings=("--accounts", name, "--tariffs", "good_book"))
    assert (found.exit_code, found.messages) == (2, MESSAGES["accounts"][name].splitlines())


def test_a_number_that_changes_hands_is_fine(rate):
    found = rate("good.csv", settings=("--accounts", "accounts_number_ported.yaml", "--tariffs", "good_book"))
    assert (found.exit_code, found.rated) == (0, GOOD)


def test_a_plan_from_2150_on_is_fine(rate):
    found = rate("good.csv", settings=("--accounts", "accounts_from_2150.yaml", "--tariffs", "good_book"))
    assert (found.exit_code, found.rated) == (0, GOOD)


@pytest.mark.parametrize(
    ("name", "reason"), [("none.yaml", "No such file or directory"), ("good_book", "Is a directory")]
)
def test_accounts_that_are_not_there_stop_the_run(rate, name, reason):
    found = rate("good.csv", settings=("--accounts", name, "--tariffs", "good_book"))
    assert (found.exit_code, found.messages) == (
        2,
        [f"{name}: cannot be read ({reason}); expected a readable file. {NOTHING} [ACCOUNTS-FILE]"],
    )


def test_accounts_nested_beyond_reason_stop_the_run(tmp_path):
    deep = tmp_path / "deep.yaml"
    deep.write_text("customers: " + "[" * 100_000 + "]" * 100_000 + "\ntrunks: []\n")
    found = run_program(tmp_path / "out", "good.csv", "--accounts", deep, "--tariffs", "good_book")
    assert found.exit_code == 2


# --- the tariff book


@pytest.mark.parametrize("name", MESSAGES["books"])
def test_a_bad_book_stops_the_run(book, name):
    shutil.copytree(BAD / name, book, dirs_exist_ok=True)
    found = rate_here()
    assert (found.exit_code, found.messages) == (2, MESSAGES["books"][name].splitlines())


def test_a_deck_with_old_mac_line_ends_is_refused_without_a_traceback(book):
    shutil.copytree(BAD / "book_deck_old_mac", book, dirs_exist_ok=True)
    found = rate_here()
    assert found.exit_code == 2
    assert found.messages[0].startswith("book/rate_deck.csv:1: ")


@pytest.mark.parametrize(("name", "kind"), [("book.yaml", "file"), ("rate_deck.csv", "rate_deck.csv")])
def test_a_book_without_a_file_stops_the_run(book, name, kind):
    (book / name).unlink()
    found = rate_here()
    assert (found.exit_code, found.messages) == (
        2,
        [
            f"book/{name}: cannot be read (No such file or directory); expected a readable {kind}. {NOTHING} "
            "[TARIFF-FILE]"
        ],
    )


def test_a_book_without_plans_knows_none(book):
    shutil.rmtree(book / "plans")
    found = rate_here()
    assert found.exit_code == 2
    assert found.messages == [
        f"accounts.yaml:14: plan 'unlimited-fixed' is unknown; expected a plan of the book: metered. {NOTHING} "
        "[ACCOUNTS-PLAN]"
    ]


def test_an_unknown_book_lists_the_shipped_ones(rate):
    shipped = sorted(path.parent.name for path in ROOT.glob("tariffs/*/book.yaml"))
    found = rate("good.csv", settings=("--accounts", "accounts.yaml", "--tariffs", "contrat"))
    assert (found.exit_code, found.messages) == (
        2,
        [
            "contrat: is not there; expected a folder with book.yaml, or a shipped book: "
            f"{', '.join(shipped)}. {NOTHING} [TARIFF-BOOK]"
        ],
    )


# --- anything at all

SPECIAL = [bytes([byte]) for byte in b'",;\n\r\t\0{}[]:\\-+*0 \xff\xe9'] + [
    b'""',
    b"\r\n",
    b"\xef\xbb\xbf",
    b"PAR1",
]


def mutated(data, chance):
    """The bytes with one to four small wounds."""
    wounded = bytearray(data)
    for _ in range(chance.randint(1, 4)):
        at = chance.randrange(len(wounded) + 1)
        end = min(len(wounded), at + chance.choice((1, 1, 2, 8, 40)))
        kind = chance.randrange(6)
        if kind == 0:
            wounded[at:end] = bytes(byte ^ (1 << chance.randrange(8)) for byte in wounded[at:end])
        elif kind == 1:
            wounded[at:end] = b""
        elif kind == 2:
            wounded[at:at] = chance.choice(SPECIAL)
        elif kind == 3:
            wounded[at : at + 1] = chance.choice(SPECIAL)
        elif kind == 4:
            wounded[at:at] = wounded[at:end] * chance.choice((1, 1, 3))
        else:
            del wounded[max(at, 1) :]
    return bytes(wounded)


def attempts(seeds, make, run):
    """Run over mutated input; the seeds that ended in anything but an exit code and messages, one a place."""
    stories = {}
    for seed in seeds:
        data = make(random.Random(seed))
        try:
            run(data)
            if UNRAISABLE:
                raise UNRAISABLE[0]
        except BaseException as error:
            where = traceback.extract_tb(error.__traceback__)
            inside = [frame for frame in where if "/rating/" in frame.filename] or where
            last = inside[-1]
            story = (
                f"{type(error).__name__}: {str(error)[:150]!r} at {Path(last.filename).name}:{last.lineno}"
            )
            stories.setdefault(
                f"{type(error).__name__} {last.filename}:{last.lineno}", f"seed {seed}: {story}"
            )
        UNRAISABLE.clear()
    return list(stories.values())


UNRAISABLE = []
"""Exceptions that Python could only print: a traceback on standard error in the middle of a run."""


@pytest.fixture
def quick(monkeypatch):
    """Many small runs: what matters here is not whether they reach the disk."""
    UNRAISABLE.clear()
    monkeypatch.setattr("os.fsync", lambda _: None)
    monkeypatch.setattr("sys.unraisablehook", lambda found: UNRAISABLE.append(found.exc_value))


@pytest.mark.parametrize(
    ("name", "seeds"),
    [
        ("good.csv", [*range(60), 149]),
        ("good.jsonl", [*range(60)]),
        ("good.parquet", [*range(80), 127, 723]),
        ("good.csv.gz", [*range(60), 131]),
        ("cdr_faults_of_every_kind.csv", [*range(40), 225]),
    ],
)
def test_mutated_cdrs_never_end_in_a_traceback(quick, book, name, seeds):
    data = (BAD / name).read_bytes()
    assert rate_here(files=("good.csv",)).rated == GOOD
    suffix = "".join(Path(name).suffixes)

    def run(wounded):
        shutil.rmtree("out", ignore_errors=True)
        Path(f"cdrs{suffix}").write_bytes(wounded)
        found = rate_here(files=(f"cdrs{suffix}",))
        assert found.exit_code != 2 or all(re.search(r"\[[A-Z-]+\]$", line) for line in found.messages)
        if found.exit_code != 2 and suffix in (".csv", ".jsonl"):
            lines = [line for line in wounded.split(b"\n") if line not in (b"", b"\r")]
            least = sum(bool(line.strip()) for line in lines) - 1
            assert least <= found.record["reconciliation"]["rows"] <= len(lines), "lines, counted by hand"

    assert attempts(seeds, lambda chance: mutated(data, chance), run) == []


@pytest.mark.parametrize(
    "name",
    [
        "accounts.yaml",
        "book/book.yaml",
        "book/plans/unlimited-fixed.yaml",
        "book/rate_deck.csv",
        "book/windows.yaml",
    ],
)
def test_mutated_settings_never_end_in_a_traceback(quick, book, name):
    path = Path(name)
    data = path.read_bytes()

    def run(wounded):
        shutil.rmtree("out", ignore_errors=True)
        path.write_bytes(wounded)
        found = rate_here()
        assert found.exit_code != 2 or all(re.search(r"\[[A-Z-]+\]$", line) for line in found.messages)

    assert attempts(range(50), lambda chance: mutated(data, chance), run) == []
