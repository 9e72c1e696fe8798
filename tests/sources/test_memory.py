"""Files larger than the memory: what is read is handed on, not kept."""

import gc
import gzip
import json
import subprocess
import sys
import weakref
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import rating.convert
import rating.sources.canonical_csv
from rating.convert import convert
from rating.export.tables import ParquetFile
from rating.schema import CDR_COLUMNS, CDR_SCHEMA
from rating.sources import Options, canonical_parquet
from rating.sources.files import CdrFile, blocks_of_lines
from rating.sources.reading import Stream, Untyped, stream_files
from rating.zone import Zone

UTC = Options(Zone("UTC"))
HEAD = "call_id,trunk_id,direction,a_number,b_number,setup_time,answer_time,release_time,sip_code,"
HEAD += "user_id,forwarded_by,forward_type\n"
TIMES = "2026-10-05T09:00:00Z,2026-10-05T09:00:05Z,2026-10-05T09:02:10Z"


def write(path: Path, calls: int) -> Path:
    with path.open("w") as file:
        file.write(HEAD)
        for i in range(calls):
            file.write(f"call-{i:09d},t1,outbound,+33199000110,+3326191{i % 9973:04d},{TIMES},200,,,\n")
    return path


def small_blocks(monkeypatch: pytest.MonkeyPatch, size: int) -> None:
    monkeypatch.setattr(rating.sources.canonical_csv, "blocks_of_lines", partial(blocks_of_lines, size=size))


@pytest.mark.parametrize("ending", [".csv", ".jsonl", ".parquet"])
def test_blocks_go_as_others_come(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, ending: str) -> None:
    """Of all blocks, two at most are there at once: the one that is written, and the next."""
    small_blocks(monkeypatch, 20_000)
    alive: list[weakref.ref[pa.Array]] = []
    most = 0

    def watched(*arguments: object, **more: object) -> Stream:
        stream = stream_files(*arguments, **more)  # type: ignore[arg-type]

        def blocks() -> Iterator[Untyped]:
            nonlocal most
            for block in stream.blocks:
                assert isinstance(block, Untyped)
                alive.append(weakref.ref(block))
                gc.collect()
                most = max(most, sum(found() is not None for found in alive))
                yield block

        stream_of_blocks = Stream(stream.files, blocks(), stream.raw, stream.bytes)
        return stream_of_blocks

    monkeypatch.setattr(rating.convert, "stream_files", watched)
    done = convert([str(write(tmp_path / "in.csv", 5_000))], tmp_path / f"out{ending}", UTC)
    assert (done.rows, done.written) == (5_000, 5_000)
    assert len(alive) > 20
    assert most <= 2


PEAK = """
import sys
from functools import partial
from pathlib import Path
import rating.convert, rating.sources.canonical_csv as c
from rating.clock import peak_memory
from rating.export.tables import ParquetFile
from rating.schema import CDR_SCHEMA
from rating.sources import Options
from rating.zone import Zone
c.blocks_of_lines = partial(c.blocks_of_lines, size=1 << 20)
rating.convert.FILES[".parquet"] = partial(ParquetFile, schema=CDR_SCHEMA, group=1 << 13)
done = rating.convert.convert([sys.argv[1]], Path(sys.argv[2]), Options(Zone("UTC")))
print(done.written + done.rejected, peak_memory() >> 20)
"""


def peak_mb(source: Path, out: Path, rows: int) -> int:
    """Peak memory of converting a file. [MB]"""
    command = [sys.executable, "-c", PEAK, str(source), str(out)]
    result = subprocess.run(command, capture_output=True, text=True, timeout=300)
    found, peak = result.stdout.split()
    assert int(found) == rows, result.stderr
    return int(peak)


@pytest.mark.parametrize("ending", [".csv", ".jsonl", ".parquet"])
def test_memory_of_a_conversion_does_not_grow_with_the_file(tmp_path: Path, ending: str) -> None:
    """Eight times the calls, 34 MB more of text; whole in memory they are some 130 to 450 MB more."""
    peaks = [
        peak_mb(write(tmp_path / f"{calls}.csv", calls), tmp_path / f"out-{calls}{ending}", calls)
        for calls in (50_000, 400_000)
    ]
    assert peaks[1] - peaks[0] < 25, peaks


def test_memory_of_a_conversion_does_not_grow_with_the_rejects(tmp_path: Path) -> None:
    peaks = []
    for calls in (20_000, 160_000):
        path = write(tmp_path / f"{calls}.csv", calls)
        path.write_text(path.read_text().replace(",t1,outbound,", ",t1,sideways,"))
        peaks.append(peak_mb(path, tmp_path / f"out-{calls}.csv", calls))
    assert peaks[1] - peaks[0] < 25, peaks


def test_the_first_rejects_are_kept_and_all_counted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = write(tmp_path / "in.csv", 1_000)
    lines = path.read_text().splitlines(keepends=True)
    for at in range(3, 1_001, 7):
        lines[at] = lines[at].replace(",200,", ",OK,")
    path.write_text("".join(lines))
    whole = convert([str(path)], tmp_path / "whole.csv", UTC)
    small_blocks(monkeypatch, 2_000)
    cut = convert([str(path)], tmp_path / "cut.csv", UTC)
    assert whole == cut
    assert (whole.rows, whole.written, whole.rejected) == (1_000, 857, 143)
    assert [reject.line for reject in whole.rejects] == list(range(4, 4 + 7 * 20, 7))
    assert (tmp_path / "whole.csv").read_bytes() == (tmp_path / "cut.csv").read_bytes()


@pytest.mark.parametrize("ending", [".csv", ".jsonl", ".parquet"])
def test_bytes_do_not_depend_on_how_blocks_are_cut(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, ending: str
) -> None:
    source = str(write(tmp_path / "in.csv", 3_000))
    in_groups = partial(ParquetFile, schema=CDR_SCHEMA, group=700)
    monkeypatch.setitem(rating.convert.FILES, ".parquet", in_groups)
    convert([source], tmp_path / f"whole{ending}", UTC)
    whole = (tmp_path / f"whole{ending}").read_bytes()
    for size in (1_500, 10_000, 77_777):
        small_blocks(monkeypatch, size)
        convert([source], tmp_path / f"{size}{ending}", UTC)
        assert (tmp_path / f"{size}{ending}").read_bytes() == whole
    if ending == ".parquet":
        found = pq.ParquetFile(tmp_path / "1500.parquet").metadata
        assert [found.row_group(i).num_rows for i in range(found.num_row_groups)] == [700] * 4 + [200]


@pytest.mark.parametrize("ending", [".csv", ".jsonl", ".parquet"])
def test_a_file_without_calls_gives_one_without_rows(tmp_path: Path, ending: str) -> None:
    out = tmp_path / f"out{ending}"
    done = convert([str(write(tmp_path / "in.csv", 0))], out, UTC)
    assert (done.rows, done.written, done.rejected) == (0, 0, 0)
    if ending == ".parquet":
        assert pq.read_table(out).schema.names == list(CDR_COLUMNS)
    else:
        assert out.read_text() == ("" if ending == ".jsonl" else ",".join(CDR_COLUMNS) + "\n")


def test_nothing_is_left_where_reading_breaks_off(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    small_blocks(monkeypatch, 5_000)
    cut = tmp_path / "cut.csv.gz"
    cut.write_bytes(gzip.compress(write(tmp_path / "in.csv", 2_000).read_bytes())[:-50])
    with pytest.raises(rating.convert.UsageError, match="cannot be read to its end"):
        convert([str(cut)], tmp_path / "new" / "folder" / "out.csv", UTC)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["cut.csv.gz", "in.csv"]


def test_a_file_that_came_meanwhile_is_spared(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    out = tmp_path / "out.csv"

    def late(*arguments: object, **more: object) -> Stream:
        out.write_text("of another")
        return stream_files(*arguments, **more)  # type: ignore[arg-type]

    monkeypatch.setattr(rating.convert, "stream_files", late)
    with pytest.raises(rating.convert.UsageError, match="exists; expected a new file"):
        convert([str(write(tmp_path / "in.csv", 10))], out, UTC)
    assert out.read_text() == "of another"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["in.csv", "out.csv"]


@pytest.mark.parametrize("ending", [".parquet", ".parquet.gz"])
def test_rows_of_a_parquet_file_are_found_in_their_row_groups(tmp_path: Path, ending: str) -> None:
    pq.write_table(pa.table({"call_id": [str(i) for i in range(100)]}), tmp_path / "a", row_group_size=7)
    path = tmp_path / f"a{ending}"
    data = (tmp_path / "a").read_bytes()
    path.write_bytes(gzip.compress(data) if ending.endswith(".gz") else data)
    wanted = [1, 7, 8, 99, 100, 50]
    found = dict(canonical_parquet.raw(CdrFile(path.name, path), sorted(wanted)))
    assert {line: json.loads(text)["call_id"] for line, text in found.items()} == {
        line: str(line - 1) for line in wanted
    }
