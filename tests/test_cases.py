"""The worked examples give exactly what they say."""

from pathlib import Path

import pytest
from casefile import cases, read_csv, run_case


@pytest.mark.parametrize("path", cases(), ids=lambda path: path.stem)
def test_worked_example(path: Path, tmp_path: Path) -> None:
    case, outcome = run_case(path, tmp_path)
    assert outcome.exit_code in (0, 1), outcome.output
    for name, file in (("expected", "rated_calls"), ("findings", "findings"), ("limits", "limits")):
        if name in case:
            expected = read_csv(str(case[name]))
            found = outcome.table(file)
            assert [{key: row[key] for key in expected[0]} for row in found] == expected
