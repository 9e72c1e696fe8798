"""Files that grow while they are read."""

from __future__ import annotations

import io
import os

import pytest

from rating.sources.files import CdrFile, expand
from rating.sources.growing import STEP, Head, Whole, whole_lines


@pytest.fixture
def spool(tmp_path):
    (tmp_path / "spool.journal").write_bytes(b"")
    return tmp_path


@pytest.mark.parametrize(
    ("data", "whole"),
    [
        (b"", Whole(0, 0)),
        (b"{", Whole(0, 1)),
        (b"{}\n", Whole(3, 0)),
        (b"{}\n{}\n{", Whole(6, 1)),
        (b"{}\n" + b"x" * STEP * 3, Whole(3, STEP * 3)),
        (b"x" * (STEP - 1) + b"\n" + b"y" * STEP, Whole(STEP, STEP)),
    ],
)
def test_what_of_a_file_is_whole(spool, data, whole):
    path = spool / "gw1.jsonl"
    path.write_bytes(data)
    assert whole_lines(path) == whole


def test_files_that_no_gateway_writes_are_whole_as_they_are(tmp_path, spool):
    (spool / "other.csv").write_bytes(b"half")
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "elsewhere" / "gw1.jsonl").write_bytes(b"half")
    assert whole_lines(spool / "other.csv") is None
    assert whole_lines(tmp_path / "elsewhere" / "gw1.jsonl") is None


def test_a_file_that_went_meanwhile_has_nothing(spool):
    assert whole_lines(spool / "gone.jsonl") == Whole(0, 0)


def test_what_comes_later_is_not_read(spool):
    path = spool / "gw1.jsonl"
    path.write_bytes(b"1\n2\n3")
    (file,), _ = expand([str(spool)])
    before = file.sha256()
    with path.open("ab") as more:
        more.write(b"\n4\n")
    assert file.sha256() == before != CdrFile("x", path).sha256()
    assert file.size == 4
    with file.open() as stream:
        assert list(stream) == [b"1\n", b"2\n"]
        assert file.position == 4


def test_the_head_of_a_file_is_a_file():
    stream = io.BufferedReader(Head(io.BytesIO(b"0123456789"), 6))
    assert (stream.read(2), stream.tell(), stream.read()) == (b"01", 2, b"2345")
    assert (stream.seek(1), stream.read(3)) == (1, b"123")
    assert (stream.seek(-2, os.SEEK_END), stream.read()) == (4, b"45")
    assert (stream.seek(8), stream.read()) == (8, b"")
