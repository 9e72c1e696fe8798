"""Rejects by the million: in order, small, and rejects.csv written in one pass over each file."""

import tracemalloc
from collections import Counter
from collections.abc import Iterable, Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rating.errors import Reject, row_text
from rating.export import tables
from rating.export.tables import reject_tables, rejects_table
from rating.rejects import Rejects, packed
from rating.sources.block import picked

NAMES = ["a.csv", "b:7: .csv", "c.csv"]


def reject(file: int, line: int, value: str = "x", code: str = "CDR-TIME") -> Reject:
    return Reject(file, line, code, row_text(NAMES[file], line, "setup_time", value, "is odd", "a time"))


@given(
    st.lists(
        st.lists(
            st.builds(
                reject,
                st.integers(0, 2),
                st.integers(1, 30),
                st.sampled_from("xyé\n"),
                st.sampled_from(("CDR-TIME", "CDR-FIELD")),
            ),
            max_size=6,
        ),
        max_size=5,
    ),
    st.data(),
)
def test_rejects_are_a_sorted_sequence(parts: list[list[Reject]], data: st.DataObject) -> None:
    once = {(found.file, found.line): found for part in parts for found in part}
    parts = [[found for found in part if once[found.file, found.line] is found] for part in parts]
    expected = sorted(found for part in parts for found in part)
    rejects = Rejects([packed(part, NAMES) for part in parts], NAMES)
    assert list(rejects) == expected == rejects
    assert (len(rejects), bool(rejects)) == (len(expected), bool(expected))
    assert rejects.by_code() == dict(sorted(Counter(found.code for found in expected).items()))
    cut = data.draw(st.slices(max(1, len(expected))))
    assert rejects[cut] == expected[cut]
    if expected:
        assert (rejects[0], rejects[-1]) == (expected[0], expected[-1])
    with pytest.raises(IndexError):
        rejects[len(expected)]


@pytest.mark.parametrize("size", [1, 2, 3, 1_000])
def test_each_file_is_read_once_however_the_rejects_are_cut(
    monkeypatch: pytest.MonkeyPatch, size: int
) -> None:
    """Lines that the file lacks are empty, as are those of a file that has none at all."""
    monkeypatch.setattr(tables, "ROWS", size)
    opened, drawn = [], []

    def raw(file: int, lines: Iterable[int]) -> Iterator[tuple[int, str]]:
        opened.append(file)

        def rows() -> Iterator[str]:
            for line in range(1, 20 if file != 1 else 1):
                drawn.append((file, line))
                yield f"{file}-{line}"

        return picked(rows(), lines)

    wanted = [(0, 3), (0, 4), (0, 11), (1, 1), (1, 2), (2, 19), (2, 25)]
    rejects = Rejects([packed([reject(*place) for place in wanted], NAMES)], NAMES)
    pieces = list(reject_tables(rejects, NAMES, raw))
    assert all(0 < len(piece) <= size for piece in pieces)
    whole = rejects_table(rejects, NAMES, raw)
    assert [row for piece in pieces for row in piece.to_pylist()] == whole.to_pylist()
    assert whole["raw"].to_pylist() == ["0-3", "0-4", "0-11", "", "", "2-19", ""]
    assert whole["message"].to_pylist() == [found.message for found in rejects]
    assert opened == [0, 1, 2] * 2
    assert len(drawn) == 2 * (11 + 19)


def test_two_rejects_of_one_line_show_the_same_row() -> None:
    rejects = Rejects([packed([reject(0, 2), reject(0, 2, "y"), reject(0, 5)], NAMES)], NAMES)
    found = rejects_table(rejects, NAMES, lambda _, lines: picked("abcdef", lines))
    assert found["raw"].to_pylist() == ["b", "b", "e"]


def test_a_run_without_rejects() -> None:
    rejects = Rejects([packed([], NAMES)], NAMES)
    assert (list(rejects), rejects.by_code(), rejects[:3]) == ([], {}, [])
    assert rejects_table(rejects, NAMES, lambda _, lines: picked("", lines)).num_rows == 0


def test_a_reject_takes_few_bytes() -> None:
    """Below 100 where what is wrong repeats; as objects they took over 1,000."""
    count = 20_000
    tracemalloc.start()
    try:
        parts = (
            packed([reject(0, line) for line in range(at, at + 1_000)], NAMES)
            for at in range(1, count, 1_000)
        )
        rejects = Rejects(list(parts), NAMES)
        taken, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    arrow = sum(code.nbytes + words.nbytes for code, words in rejects._texts)
    assert len(rejects) == count
    assert (taken + arrow) / count < 100
