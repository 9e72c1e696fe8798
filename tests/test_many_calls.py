"""Runs of more calls than the memory holds, on several threads: the same bytes, and nothing left behind."""

import functools
import gzip
import hashlib
import itertools
import json
import random
import re
import signal
import subprocess
import sys
import threading
import time

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from test_bad_input import BAD, contents, environment, mounted

from rating import batch, pipeline
from rating.accounts_file import load_accounts
from rating.batch import Request, run_batch
from rating.errors import UsageError
from rating.fingerprints import fingerprints
from rating.pipeline import Settings, rate_stream
from rating.schema import Calls
from rating.sources import Options, fields, reading
from rating.sources.files import CdrFile, blocks_of_lines
from rating.sources.reading import stream_files
from rating.tariffs import load_book
from rating.workers import ordered

BOOK = BAD / "good_book"
HEAD = (BAD / "good.csv").read_text(encoding="utf-8").splitlines()[0] + "\n"
CALLED = ("0199000901", "06 39 98 01 23", "+442079460123", "15", "3639")
TRUNKS = 7


def accounts_text(trunks):
    """A customer and a trunk for each number."""
    return json.dumps(
        {
            "customers": [{"id": f"c{i}", "numbers": [f"+3319{i:07d}"]} for i in range(trunks)],
            "trunks": [
                {"id": f"t{i}", "customer": f"c{i}", "channels": 2, "plan": "unlimited-fixed"}
                for i in range(trunks)
            ],
        }
    )


def row(call, trunk, minute, more=""):
    """A line of CSV: a call of a minute in October 2026."""
    day, rest = divmod(minute, 1440)
    at = f"2026-10-{day % 28 + 1:02d}T{rest // 60:02d}:{rest % 60:02d}"
    called = CALLED[call % len(CALLED)]
    return (
        f"gw1,call-{call},t{trunk},outbound,+3319{trunk:07d},{called},{at}:00Z,{at}:05Z,{at}:45Z,200,,"
        f",,,{more}\n"
    )


def lines(calls, trunks=TRUNKS, seed=0):
    """Calls of trunks, mixed; one in 50 comes twice, and one in 50 with other content."""
    chance = random.Random(seed)
    found = [row(call, chance.randrange(trunks), chance.randrange(40_000)) for call in range(calls)]
    again = chance.sample(found, calls // 50)
    other = [line.replace(",\n", ",normal\n") for line in chance.sample(found, calls // 50)]
    mixed = found + again + other
    chance.shuffle(mixed)
    return mixed


@pytest.fixture
def place(tmp_path):
    """A folder with accounts and a file of 6,000 calls."""
    (tmp_path / "accounts.json").write_text(accounts_text(TRUNKS))
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "calls.csv").write_text(HEAD + "".join(lines(6_000)))
    return tmp_path


def small_blocks(monkeypatch, size=50_000):
    monkeypatch.setattr(
        "rating.sources.canonical_csv.blocks_of_lines", lambda stream: blocks_of_lines(stream, size)
    )


def settings_of(monkeypatch, **more):
    monkeypatch.setattr(batch, "Settings", functools.partial(Settings, **more))


def request(place, out="out", **more):
    return Request([str(place / "in")], str(place / "accounts.json"), str(BOOK), place / out, **more)


def output(place, out):
    """Every output file and its bytes, run.json without what tells of files."""
    found = contents(place / out)
    record = json.loads(found.pop("run.json"))
    return found, {name: record[name] for name in ("reconciliation", "reasons", "totals", "completeness")}


# --- the same bytes


def test_files_threads_and_disk_do_not_show_in_a_byte(place, monkeypatch):
    rejects = "rejects.csv"
    run_batch(request(place, "plain", csv=True, jobs=1))
    plain, record = output(place, "plain")
    small_blocks(monkeypatch)
    settings_of(monkeypatch, in_memory=0)
    for jobs in (1, 3):
        run_batch(request(place, f"same-{jobs}", csv=True, jobs=jobs))
        assert output(place, f"same-{jobs}") == (plain, record)
    rows = (place / "in" / "calls.csv").read_text().splitlines(keepends=True)[1:]
    (place / "in" / "calls.csv").unlink()
    random.Random(1).shuffle(rows)
    for number in range(3):
        (place / "in" / f"{number}.csv").write_text(HEAD + "".join(rows[number::3]))
    for jobs, in_memory in ((1, 1 << 30), (2, 0)):
        settings_of(monkeypatch, in_memory=in_memory)
        run_batch(request(place, f"cut-{jobs}", csv=True, jobs=jobs))
        cut, of_cut = output(place, f"cut-{jobs}")
        assert of_cut == record
        assert {**cut, rejects: None} == {**plain, rejects: None}
        assert cut[rejects].count(b"CDR-CONFLICT") == plain[rejects].count(b"CDR-CONFLICT") > 100


def test_many_portions_give_the_same_rows(place, monkeypatch):
    """Parquet has their rows as groups; everything else is the same to the byte."""
    run_batch(request(place, "plain", csv=True))
    plain, record = output(place, "plain")
    whole = pq.read_table(place / "plain" / "rated_calls.parquet")
    small_blocks(monkeypatch)
    for portion, stretches in ((1, 2), (900, 256), (2_000, 3)):
        monkeypatch.setattr("rating.shelf.STRETCHES", stretches)
        settings_of(monkeypatch, in_memory=200_000, portion=portion)
        run_batch(request(place, f"out-{portion}", csv=True, jobs=3))
        cut, of_cut = output(place, f"out-{portion}")
        parquet = place / f"out-{portion}" / "rated_calls.parquet"
        groups = pq.ParquetFile(parquet).metadata.num_row_groups
        assert groups == {1: TRUNKS, 900: TRUNKS, 2_000: 4}[portion]
        assert pq.read_table(parquet).equals(whole)
        assert {**cut, parquet.name: None} == {**plain, parquet.name: None}
        assert of_cut == record


# --- few and many


@pytest.mark.parametrize("in_memory", [None, 0])
@pytest.mark.parametrize("jobs", [1, 3])
def test_trunks_and_rows_of_any_number(tmp_path, monkeypatch, in_memory, jobs):
    """No row, no trunk, a trunk that has all calls, one call a trunk."""
    if in_memory is not None:
        settings_of(monkeypatch, in_memory=in_memory, portion=2)
    small_blocks(monkeypatch, 300)
    (tmp_path / "in").mkdir()
    for name, trunks, rows in (
        ("no row", 3, []),
        ("no trunk", 0, [row(i, 0, i) for i in range(20)]),
        ("neither", 0, []),
        ("one of three", 3, [row(i, 1, i) for i in range(20)]),
        ("the last", 3, [row(i, 2, i) for i in range(20)]),
        ("one each", 20, [row(i, i, i) for i in range(20)]),
        ("every third", 20, [row(i, i, i) for i in range(0, 20, 3)]),
    ):
        (tmp_path / "accounts.json").write_text(accounts_text(trunks))
        (tmp_path / "in" / "calls.csv").write_text(HEAD + "".join(reversed(rows)))
        found = run_batch(request(tmp_path, name, jobs=jobs))
        calls = pq.read_table(tmp_path / name / "rated_calls.parquet")
        good = sorted(rows, key=lambda line: line.split(",")[2]) if trunks else []
        assert calls["call_id"].to_pylist() == [line.split(",")[1] for line in good], name
        assert (found.run.total["rated"], found.run.total["rejected"]) == (len(good), len(rows) - len(good))


def test_ten_thousand_trunks(tmp_path, monkeypatch):
    """With a clock that was never set, on one of them: what is counted by hour stays small."""
    trunks = 10_000
    (tmp_path / "accounts.json").write_text(accounts_text(trunks))
    (tmp_path / "in").mkdir()
    rows = [row(trunk, trunk, trunk) for trunk in reversed(range(trunks))]
    rows.append(row(trunks, 7, 0).replace("2026-10-01", "1970-01-02"))
    (tmp_path / "in" / "calls.csv").write_text(HEAD + "".join(rows))
    settings_of(monkeypatch, in_memory=0, portion=3_000)
    found = run_batch(request(tmp_path, jobs=2)).run
    assert found.total["rated"] == trunks + 1
    assert found.months == ["1970-01", "2026-10"]
    calls = pq.read_table(tmp_path / "out" / "rated_calls.parquet", columns=["trunk_id"])
    assert calls["trunk_id"].to_pylist() == sorted(f"t{i}" for i in [*range(trunks), 7])


# --- runs that break down

PROGRAM = """
import functools, importlib, itertools, os, signal, sys, time
from rating import batch, pipeline
from rating.sources import canonical_csv
from rating.sources.files import blocks_of_lines
canonical_csv.blocks_of_lines = lambda stream: blocks_of_lines(stream, 50_000)
batch.Settings = functools.partial(batch.Settings, in_memory=0, portion=100)
batch.Request = functools.partial(batch.Request, jobs=3)
where, number = sys.argv.pop(1), int(sys.argv.pop(1))
if where:
    module, name = where.rsplit(".", 1)
    module = importlib.import_module(module)
    real = getattr(module, name)
    calls = itertools.count(1)
    def hit(*args, **more):
        if next(calls) == 3:
            os.kill(os.getpid(), number)
            time.sleep(0.3)
        return real(*args, **more)
    setattr(module, name, hit)
from rating.cli.start import run
run()
"""
"""The program with small blocks and portions, all on disk; gets a signal at the third call of a function."""


def started(place, where="", number=0):
    arguments = ["rate", "in", "--accounts", "accounts.json", "--tariffs", str(BOOK), "--out", "out", "--csv"]
    return subprocess.Popen(
        [sys.executable, "-c", PROGRAM, where, str(int(number)), *arguments],
        cwd=place,
        env=environment(),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def names(place):
    return sorted(path.name for path in place.iterdir())


def test_a_run_killed_while_calls_are_on_disk_is_cleaned_up_by_the_next(place):
    dead = started(place, "rating.pipeline.classify", signal.SIGKILL)
    assert dead.wait(60) == -signal.SIGKILL
    dead.communicate()
    assert len(list(place.glob(".out.trunkrate-*/spilled/calls-*.arrow"))) > 5
    stdout, stderr = (run := started(place)).communicate(timeout=60)
    assert (run.returncode, stderr) == (1, "")
    assert "Reconciled: 6,240 rows = " in stdout
    assert names(place) == ["accounts.json", "in", "out"]
    assert "spilled" not in names(place / "out")


def test_of_two_runs_with_calls_on_disk_exactly_one_wins(place):
    runs = [started(place) for _ in "ab"]
    ends = sorted((run.communicate(timeout=60)[1], run.returncode) for run in runs)
    assert [code for _, code in ends] == [1, 2]
    assert ends[0][0] == ""
    assert ends[1][0].startswith("out: output folder exists; ")
    assert names(place) == ["accounts.json", "in", "out"]


@pytest.mark.parametrize(
    "where",
    [
        "rating.sources.reading.typed",
        "rating.pipeline.place",
        "rating.shelf.gather",
        "rating.pipeline.classify",
        "rating.export.tables.instant_texts",
    ],
)
def test_an_interrupted_run_ends_at_once_and_leaves_nothing(place, where):
    """In the threads as in the program's own."""
    run = started(place, where, signal.SIGINT)
    start = time.monotonic()
    _, error = run.communicate(timeout=60)
    assert (run.returncode, error) == (130, "Interrupted; no output was left.\n")
    assert time.monotonic() - start < 20
    assert names(place) == ["accounts.json", "in"]


@pytest.mark.parametrize("size", ["64k", "128k", "256k", "512k"])
def test_a_disk_that_fills_up_while_calls_are_put_there(place, monkeypatch, size):
    small_blocks(monkeypatch)
    settings_of(monkeypatch, in_memory=0)
    with mounted(place / "disk", f"size={size}") as disk:
        if disk is None:
            pytest.skip("no file system of its own")
        with pytest.raises(UsageError) as caught:
            run_batch(request(place, "disk/out", jobs=2))
        assert list(disk.iterdir()) == []
    assert re.fullmatch(
        r".*/disk/out: cannot be written \(.*No space left on device.*\); expected a writable place with "
        r"room\. No output was left\. \[OUT-WRITE\]",
        str(caught.value),
    )


class Broken(Exception):
    pass


def at_the_third(function, error):
    """The function, but its third call raises."""
    calls = itertools.count(1)

    def called(*args, **more):
        if next(calls) == 3:
            raise error
        return function(*args, **more)

    return called


@pytest.mark.parametrize("jobs", [1, 2, 4])
@pytest.mark.parametrize("name", ["place", "classify", "results_of"])
def test_a_worker_that_raises_ends_the_run_and_the_threads(place, monkeypatch, name, jobs):
    small_blocks(monkeypatch)
    settings_of(monkeypatch, in_memory=0, portion=100)
    monkeypatch.setattr(pipeline, name, at_the_third(getattr(pipeline, name), Broken("so")))
    before = set(threading.enumerate())
    with pytest.raises(Broken, match="so"):
        run_batch(request(place, jobs=jobs))
    assert set(threading.enumerate()) <= before
    assert names(place) == ["accounts.json", "in"]


@pytest.mark.parametrize("jobs", [1, 4])
def test_a_writer_that_raises_ends_the_threads(place, jobs):
    book = load_book(BOOK)
    accounts = load_accounts(place / "accounts.json", book)
    files = [CdrFile("calls.csv", place / "in" / "calls.csv")]
    before = set(threading.enumerate())
    stream = stream_files(files, Options(book.zone))
    write = at_the_third(lambda *_: None, Broken())
    with pytest.raises(Broken) as caught:
        rate_stream(stream, Settings(book, accounts, jobs=jobs, portion=100), write)
    assert set(threading.enumerate()) <= before
    assert caught.value.__traceback__ is not None


def test_nobody_waits_for_the_digest_of_a_run_that_stopped(place, monkeypatch):
    monkeypatch.setattr("rating.sources.files.HASHED", 1_000)
    file = CdrFile("calls.csv", place / "in" / "calls.csv")
    stop = threading.Event()
    assert file.sha256(stop) == hashlib.sha256(file.path.read_bytes()).hexdigest()
    stop.set()
    assert file.sha256(stop) == ""


def test_fingerprints_are_of_texts_alone():
    """Not of the codes of a dictionary, nor of where a slice begins; lengths on both sides of a word."""
    ids = [f"{'x' * length}{end}" for length in (0, 6, 7, 8, 15, 16, 40) for end in "ab"]
    sources = [("sbc", "teams")[i % 3 % 2] for i in range(len(ids))]
    both = pa.array(["teams", "sbc", *sources]).dictionary_encode()[2:]
    call_id = pa.array(["é", "", *ids])[2:]
    found = fingerprints(both, call_id).tolist()
    one_by_one = [
        fingerprints(pa.array([source]).dictionary_encode(), pa.array([one])).tolist()[0]
        for source, one in zip(sources, ids, strict=True)
    ]
    assert found == one_by_one
    assert len({*found}) == len(ids)


def test_work_is_handed_on_in_order_and_only_a_little_ahead():
    drawn, going = [], []

    def items():
        for item in range(40):
            drawn.append(item)
            yield item

    def work(item):
        going.append(item)
        time.sleep(0.001 * (item % 3))
        return item

    for item in ordered(work, items(), 4):
        assert len(drawn) - item <= 4 + 2
    assert sorted(going) == drawn == list(range(40))


@pytest.mark.parametrize("jobs", [1, 3])
@pytest.mark.parametrize("name", ["calls.csv.gz", "calls.parquet"])
def test_a_file_that_breaks_off_in_the_middle_stops_the_run(place, monkeypatch, name, jobs):
    small_blocks(monkeypatch)
    settings_of(monkeypatch, in_memory=0)
    path = place / "in" / name
    text = (place / "in" / "calls.csv").read_text().replace("call-", "other-")
    if name.endswith("gz"):
        path.write_bytes(gzip.compress(text.encode()))
        whole = path.read_bytes()
        path.write_bytes(whole[: len(whole) // 2])
    else:
        columns = HEAD.strip().split(",")
        cells = [line.split(",") for line in text.splitlines()[1:]]
        table = pa.table({column: [line[i] for line in cells] for i, column in enumerate(columns)})
        pq.write_table(table, path, row_group_size=500, compression="gzip")
        whole = bytearray(path.read_bytes())
        wound = len(whole) // 2
        whole[wound : wound + 4_000] = np.random.default_rng(0).bytes(4_000)
        path.write_bytes(whole)
    before = set(threading.enumerate())
    with pytest.raises(UsageError, match=rf"{name}: cannot be read to its end \(.*\); expected a whole file"):
        run_batch(request(place, jobs=jobs))
    assert set(threading.enumerate()) <= before
    assert names(place) == ["accounts.json", "in"]


def test_what_many_small_files_take_grows_with_their_number_only(place, monkeypatch):
    """A folder of one-call files: each part is weighed once, when it comes."""
    weighed = []
    monkeypatch.setattr(Calls, "nbytes", property(lambda calls: weighed.append(1) or len(calls)))
    head, *rows = (place / "in" / "calls.csv").read_text().splitlines(keepends=True)
    (place / "in" / "calls.csv").unlink()
    for i, row in enumerate(rows[:40]):
        (place / "in" / f"{i}.csv").write_text(head + row)
    monkeypatch.setattr(reading, "SMALL", 0)
    run_batch(request(place))
    assert len(weighed) == 40


def test_small_files_are_typed_together_as_far_as_they_are_alike(place, monkeypatch):
    typed = []

    def noted(block, file, *others):
        typed.append(np.unique(file).tolist())
        return fields.typed(block, file, *others)

    monkeypatch.setattr(reading, "typed", noted)
    head, *rows = (place / "in" / "calls.csv").read_text().splitlines(keepends=True)
    (place / "in" / "calls.csv").unlink()
    lines = [head + row for row in rows[:6]]
    lines[3] = head.replace("end_reason", "end_reason,more", 1) + rows[3].rstrip("\n") + ",\n"
    lines[4] = head.replace(",end_reason", "", 1) + rows[4].rstrip("\n").rpartition(",")[0] + "\n"
    for i, text in enumerate(lines):
        (place / "in" / f"{i}.csv").write_text(text)
    bad = "x" + rows[0].replace("outbound", "sideways", 1)
    (place / "in" / "6.csv").write_text(head + bad)
    found = run_batch(request(place)).run
    assert typed == [[0, 1, 2, 3], [4], [5, 6]]
    assert [entry.rows for entry in found.files] == [1] * 7
    assert [(reject.file, reject.line) for reject in found.rejects] == [(6, 2)]
    assert f"{found.files[6].name}:2: direction 'sideways' is unknown" in found.rejects[0].text
