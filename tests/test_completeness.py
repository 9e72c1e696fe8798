"""Silence that stands out, trunks without calls, files given twice: said, and never an error."""

import json
import shutil
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np
import pytest
from click.testing import CliRunner

from rating.cli import main
from rating.completeness import Hours
from rating.zone import Zone, instant_text, parse_month

PARIS = Zone("Europe/Paris")
BAD = Path(__file__).parent / "bad"


def office(days: int = 31, per_hour: int = 4) -> list[datetime]:
    """Calls of an office in October 2026: weekdays, 9 to 17 h."""
    zone = ZoneInfo("Europe/Paris")
    first = datetime(2026, 10, 1, tzinfo=zone)
    hours = [first + timedelta(days=day, hours=hour) for day in range(days) for hour in range(9, 17)]
    worked = [at for at in hours if at.weekday() < 5]
    return [at + timedelta(minutes=10 * n) for at in worked for n in range(per_hour)]


def find(*trunks: list[datetime], month: str | None = None) -> list[tuple[int, str, str, int]]:
    calls = [(trunk, at) for trunk, found in enumerate(trunks) for at in found]
    trunk = np.array([trunk for trunk, _ in calls], np.int64)
    setup = np.array([int(at.astimezone(UTC).timestamp()) * 10**9 for _, at in calls], np.int64)
    number = parse_month(month) if month else None
    span = PARIS.month_span(number) if number is not None else None
    together, apart = Hours(PARIS), Hours(PARIS)
    together.add(trunk, setup)
    for one in range(len(trunks)):
        apart.add(trunk[trunk == one], setup[trunk == one])
    found = together.silences(span)
    assert apart.silences(span) == found, "counted portion by portion"
    return [(s.trunk, instant_text(s.start), instant_text(s.end), s.expected) for s in found]


def without(calls: list[datetime], start: str, end: str) -> list[datetime]:
    return [at for at in calls if not start <= f"{at:%Y-%m-%dT%H}" < end]


def test_nights_weekends_and_clock_changes_are_no_silence() -> None:
    assert find(office(), office(per_hour=1), month="2026-10") == []


def test_a_silent_day_of_all_trunks() -> None:
    calls = without(office(), "2026-10-14T00", "2026-10-15T00")
    expected = (-1, "2026-10-13T15:00:00Z", "2026-10-15T07:00:00Z", 32)
    assert find(calls) == [expected]
    assert find(calls, calls, month="2026-10")[0][:3] == expected[:3]


def test_a_silent_day_of_one_trunk_among_others() -> None:
    calls = without(office(), "2026-10-14T00", "2026-10-15T00")
    assert find(office(), calls) == [(1, "2026-10-13T15:00:00Z", "2026-10-15T07:00:00Z", 32)]


def test_a_silent_afternoon_and_a_quiet_one() -> None:
    assert find(without(office(), "2026-10-14T12", "2026-10-14T17"))[0][3] == 20
    assert find(without(office(per_hour=2), "2026-10-14T12", "2026-10-14T17")) == []


def test_cdrs_that_end_too_early_are_seen_when_the_month_is_known() -> None:
    calls = [at for at in office() if at.day <= 28]
    assert find(calls) == []
    assert find(calls, month="2026-10") == [(-1, "2026-10-28T16:00:00Z", "2026-10-31T23:00:00Z", 64)]


def test_one_wild_night_does_not_make_the_others_silent() -> None:
    night = datetime(2026, 10, 24, 23, tzinfo=ZoneInfo("Europe/Paris"))
    assert find([*office(), *(night + timedelta(minutes=n) for n in range(200))]) == []


def test_a_clock_that_was_never_set_hides_no_silence() -> None:
    """Nor does it make a grid of fifty years."""
    calls = without(office(), "2026-10-14T00", "2026-10-15T00")
    odd = [datetime(1970, 1, 2, tzinfo=UTC), datetime(2199, 12, 31, tzinfo=UTC)]
    assert find([*odd, *office()], calls) == find(office(), calls)


def test_no_calls_no_silence() -> None:
    assert find([]) == []


def run(folder: Path, *files: Path) -> tuple[Any, dict[str, Any]]:
    arguments = ["rate", *map(str, files), "--accounts", str(BAD / "accounts.yaml")]
    out = folder / "out"
    result = CliRunner().invoke(
        main, [*arguments, "--tariffs", str(BAD / "good_book"), "--out", str(out), "--force"]
    )
    return result, json.loads((out / "run.json").read_text(encoding="utf-8"))["completeness"]


@pytest.mark.parametrize("copies", [1, 2])
def test_files_that_look_repeated_and_trunks_without_calls(tmp_path: Path, copies: int) -> None:
    files = [tmp_path / f"{n}.csv" for n in range(copies)]
    for file in files:
        shutil.copy(BAD / "good.csv", file)
    result, found = run(tmp_path, *files)
    assert result.exit_code == 0
    assert found["repeated_files"] == ([] if copies == 1 else [[str(file) for file in files]])
    assert ("looks repeated: " in result.output) is (copies == 2)
    assert found["silent"] == []


def test_a_file_of_duplicates_alone_looks_repeated(tmp_path: Path) -> None:
    shutil.copy(BAD / "good.csv", tmp_path / "a.csv")
    copy = tmp_path / "z.csv"
    copy.write_text((BAD / "good.csv").read_text().replace("\n", "\r\n"), newline="")
    _, found = run(tmp_path, tmp_path / "a.csv", copy)
    assert found["repeated_files"] == [[str(copy)]]
