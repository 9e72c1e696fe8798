"""Progress: a person at a terminal sees it, a pipe does not, and nothing of it stays."""

import gzip
import json
import os
import pty
import select
import signal
import subprocess
import sys
import time
from functools import partial
from pathlib import Path

import pyarrow.csv as pa_csv
import pyarrow.parquet as pq
import pytest

import rating.sources.canonical_csv
import rating.sources.canonical_parquet
from rating.batch import Request, run_batch
from rating.sources import Options
from rating.sources.files import CdrFile, blocks_of_lines
from rating.sources.reading import stream_files
from rating.zone import Zone

ROOT = Path(__file__).parent.parent
DEMO = ROOT / "cdr_samples" / "demo"
SAMPLES = ROOT / "cdr_samples" / "formats"
RATE = ["rate", str(DEMO / "cdrs"), "--accounts", str(DEMO / "accounts.yaml"), "--tariffs", "contract"]
CLEAR = "\r\x1b[K"

AT_ONCE = "import rating.cli.progress as p; p.AFTER = p.APART = 0\n"
NEVER = "import rating.cli.progress as p; p.AFTER = 1e9\n"
RUN = "from rating.cli.start import run; run()"
STUCK = """
import time, rating.sources.canonical_csv as c
blocks = c.blocks_of_lines
def stuck(stream):
    yield from blocks(stream, 100_000)
    time.sleep(120)
c.blocks_of_lines = stuck
"""


class Terminal:
    """A program whose standard error is a terminal."""

    def __init__(self, code: str, *arguments: str, **environment: str) -> None:
        self.screen = ""
        self._own, other = pty.openpty()
        self.process = subprocess.Popen(
            [sys.executable, "-c", code, *arguments],
            stdout=subprocess.PIPE,
            stderr=other,
            stdin=other,
            cwd=ROOT,
            env={**os.environ, "TERM": "xterm", **environment},
        )
        os.close(other)

    def read_until(self, text: str) -> None:
        """Read the screen until it shows a text, or until the program ends."""
        end = time.monotonic() + 60
        while text not in self.screen or not text:
            assert time.monotonic() < end, self.screen
            if select.select([self._own], [], [], 1)[0]:
                try:
                    self.screen += os.read(self._own, 65_536).decode()
                except OSError:  # the program has ended
                    return

    def finish(self) -> tuple[int, str]:
        """Exit code and standard output."""
        assert self.process.stdout
        with self.process.stdout as stdout:
            output = stdout.read().decode()
        self.read_until("")
        os.close(self._own)
        return self.process.wait(60), output


def test_a_terminal_shows_reading_and_rating_and_is_left_clean(tmp_path: Path) -> None:
    terminal = Terminal(AT_ONCE + RUN, *RATE, "--out", str(tmp_path / "out"), "--json")
    code, output = terminal.finish()
    assert code == 1
    assert json.loads(output)["reconciliation"]["rows"] == 10_414
    assert "Reading  [" in terminal.screen
    assert "Rating  [" in terminal.screen
    assert "100%" in terminal.screen
    assert "\x1b[?25l" not in terminal.screen  # the cursor is never hidden
    assert terminal.screen.endswith(CLEAR)
    assert "\n" not in terminal.screen


@pytest.mark.parametrize(
    ("code", "terminal"), [(NEVER, "xterm"), (AT_ONCE, "dumb")], ids=["short work", "dumb terminal"]
)
def test_a_terminal_shows_nothing(tmp_path: Path, code: str, terminal: str) -> None:
    run = Terminal(code + RUN, *RATE, "--out", str(tmp_path / "out"), TERM=terminal)
    assert run.finish()[0] == 1
    assert run.screen == ""


def test_a_pipe_shows_nothing(tmp_path: Path) -> None:
    command = [sys.executable, "-c", AT_ONCE + RUN, *RATE, "--out", str(tmp_path / "out"), "--json"]
    result = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=60)
    assert (result.returncode, result.stderr) == (1, "")
    assert result.stdout == (tmp_path / "out" / "run.json").read_text()


def test_an_error_stands_on_a_clean_line(tmp_path: Path) -> None:
    source = (DEMO / "cdrs" / "gw1-2026-10-01.csv").read_bytes()
    (tmp_path / "a.csv").write_bytes(source)
    cut = tmp_path / "b.csv.gz"
    cut.write_bytes(gzip.compress(source)[:-100])
    arguments = [RATE[0], str(tmp_path), *RATE[2:], "--out", str(tmp_path / "out")]
    terminal = Terminal(AT_ONCE + RUN, *arguments)
    assert terminal.finish() == (2, "")
    assert terminal.screen.split(CLEAR)[-1].startswith(f"{cut}: cannot be read to its end")
    assert "Reading  [" in terminal.screen


def test_an_interrupt_leaves_the_terminal_clean(tmp_path: Path) -> None:
    terminal = Terminal(AT_ONCE + STUCK + RUN, *RATE, "--out", str(tmp_path / "out"), "--jobs", "1")
    terminal.read_until("%")
    terminal.process.send_signal(signal.SIGINT)
    assert terminal.finish() == (130, "")
    assert terminal.screen.split(CLEAR)[-1] == "Interrupted; no output was left.\r\n"
    assert list(tmp_path.iterdir()) == []


def test_a_conversion_is_watched_and_interrupted(tmp_path: Path) -> None:
    convert = ["convert", str(DEMO / "cdrs"), "--out"]
    whole = Terminal(AT_ONCE + RUN, *convert, str(tmp_path / "whole.csv"))
    code, output = whole.finish()
    assert (code, output.count("\n")) == (1, 1)
    assert "Converting  [" in whole.screen
    rejects = whole.screen.split(CLEAR)[-1]
    assert rejects.count("\r\n") == rejects.count("Row rejected, the others are written.") > 5
    cut = Terminal(AT_ONCE + STUCK + RUN, *convert, str(tmp_path / "cut.csv"))
    cut.read_until("%")
    cut.process.send_signal(signal.SIGINT)
    assert cut.finish() == (130, "")
    assert cut.screen.split(CLEAR)[-1] == "Interrupted; no output was left.\r\n"
    assert [path.name for path in tmp_path.iterdir()] == ["whole.csv"]


def test_a_narrow_terminal_has_one_line(tmp_path: Path) -> None:
    code = "import os; os.get_terminal_size = lambda fd: os.terminal_size((20, 5))\n"
    terminal = Terminal(AT_ONCE + code + RUN, *RATE, "--out", str(tmp_path / "out"))
    assert terminal.finish()[0] == 1
    assert max(len(line) for line in terminal.screen.split(CLEAR)) == 19


Steps = list[tuple[str, int, int]]


def read(path: Path) -> list[int]:
    """Positions that reading a file tells; they never go back."""
    steps: Steps = []
    file = CdrFile(str(path), path)
    for block in stream_files([file], Options(Zone("UTC")), progress=lambda *step: steps.append(step)).blocks:
        block.typed()
    assert {(stage, total) for stage, _, total in steps} == {("read", path.stat().st_size)}
    found = [done for _, done, _ in steps]
    assert found == sorted(found)
    assert found[-1] == path.stat().st_size
    return found


def test_positions_inside_a_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    source = DEMO / "cdrs" / "gw1-2026-10-01.csv"
    small = partial(blocks_of_lines, size=50_000)
    monkeypatch.setattr(rating.sources.canonical_csv, "blocks_of_lines", small)
    monkeypatch.setattr(rating.sources.canonical_jsonl, "blocks_of_lines", small)
    monkeypatch.setattr(rating.sources.canonical_parquet, "ROWS", 500)
    table = pa_csv.read_csv(DEMO / "cdrs" / "gw1-2026-10-16.csv", parse_options=lenient())
    pq.write_table(table, tmp_path / "a.parquet", row_group_size=400)
    (tmp_path / "a.csv.gz").write_bytes(gzip.compress(source.read_bytes() * 9))
    jsonl = DEMO / "cdrs" / "gw3-2026-10.jsonl"
    for path in (source, jsonl, tmp_path / "a.parquet", tmp_path / "a.csv.gz"):
        assert len(set(read(path))) > 5, path


def lenient() -> pa_csv.ParseOptions:
    return pa_csv.ParseOptions(invalid_row_handler=lambda row: "skip")


FILES = [path for path in sorted(SAMPLES.iterdir()) if path.is_file() and path.suffix != ".yaml"]


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_every_format_comes_to_its_end(path: Path) -> None:
    read(path)


def test_a_run_tells_bytes_and_then_calls(tmp_path: Path) -> None:
    steps: Steps = []
    request = Request([str(DEMO / "cdrs")], str(DEMO / "accounts.yaml"), "contract", tmp_path / "out")
    batch = run_batch(
        Request(**{**vars(request), "progress": lambda *step: steps.append(step), "month": "2026-10"})
    )
    size = sum(path.stat().st_size for path in (DEMO / "cdrs").iterdir())
    stages = [stage for stage, _, _ in steps]
    assert stages == sorted(stages, key=["read", "rate"].index)
    assert [step for step in steps if step[0] == "read"][-1] == ("read", size, size)
    calls = int(batch.run.timing["repeats"]["rows"])
    assert steps[-1] == ("rate", calls, calls)
