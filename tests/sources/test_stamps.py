"""Local stamps and durations on both clock-change nights, and a slow search that must agree."""

import random
from datetime import UTC, datetime, timedelta
from itertools import product
from zoneinfo import ZoneInfo

import numpy as np
import pyarrow as pa
import pytest

from rating.arrays import NONE, SECOND
from rating.sources.block import Options
from rating.sources.stamps import UNKNOWN, spans_of
from rating.zone import Zone, instant_text

PARIS = ZoneInfo("Europe/Paris")
OPTIONS = {choice: Options(Zone("Europe/Paris"), choice) for choice in ("reject", "first", "second")}


def one(setup, answer, end, talk, total, ambiguous="reject"):
    """Instants of one call (text), and what is said of it."""
    stamps = [pa.array([stamp], pa.string()) for stamp in (setup, answer, end)]
    lengths = [
        np.array([UNKNOWN if value is None else round(value * SECOND)], np.int64) for value in (talk, total)
    ]
    spans = spans_of(*stamps, *lengths, OPTIONS[ambiguous])
    said = [name for name in ("unread", "twice", "missing", "apart") if getattr(spans, name)[0]]
    return [instant_text(int(x[0])) for x in (spans.setup, spans.answer, spans.release)], said


def october(*times):
    return [f"2026-10-25 {time}" if time else "" for time in times]


@pytest.mark.parametrize(
    ("times", "talk", "total", "expected"),
    [
        # across the change: the end looks earlier than the answer
        (("02:54:50", "02:55:00", "02:05:00"), 600, 610, ("00:54:50", "00:55:00", "01:05:00")),
        (("02:54:50", "02:55:00", "02:05:00"), 600, None, ("00:54:50", "00:55:00", "01:05:00")),
        (("02:54:50", "02:55:00", "02:05:00"), None, None, ("00:54:50", "00:55:00", "01:05:00")),
        # across the change: the end looks like a call 1 h shorter
        (("02:10:00", "02:10:05", "02:20:05"), 4200, 4205, ("00:10:00", "00:10:05", "01:20:05")),
        # ringing across the change, the talk in the second hour
        (("02:59:50", "02:00:05", "02:10:05"), 600, 615, ("00:59:50", "01:00:05", "01:10:05")),
        (("02:59:50", "02:00:05", "02:10:05"), 600, None, ("00:59:50", "01:00:05", "01:10:05")),
        # begun before the repeated hour, all else in its first pass: only setup to end tells
        (("01:59:55", "02:00:05", "02:10:05"), 600, 610, ("23:59:55", "00:00:05", "00:10:05")),
        # begun before, answered in the first pass, ended in the second
        (("01:59:55", "02:00:05", "02:00:05"), 3600, 3610, ("23:59:55", "00:00:05", "01:00:05")),
        # begun before it, rang for more than an hour, answered in the second pass
        (("01:59:55", "02:00:05", "02:10:05"), 600, 4210, ("23:59:55", "01:00:05", "01:10:05")),
        # begun in the second pass, ended after it
        (("02:59:00", "02:59:10", "03:09:10"), 600, 610, ("01:59:00", "01:59:10", "02:09:10")),
        # begun in the first pass, ended after the second
        (("02:59:00", "02:59:10", "03:09:10"), 4200, 4210, ("00:59:00", "00:59:10", "02:09:10")),
        # begun before, over in the second pass
        (("01:50:00", "01:50:10", "02:00:10"), 4200, 4210, ("23:50:00", "23:50:10", "01:00:10")),
        # unanswered, across the change, and begun before it
        (("02:59:50", "", "02:00:10"), None, 20, ("00:59:50", "", "01:00:10")),
        (("01:59:50", "", "02:00:10"), None, 20, ("23:59:50", "", "00:00:10")),
        # a fraction more than the stamps show
        (("02:54:50", "02:55:00", "02:05:01"), 600.9, 610.9, ("00:54:50", "00:55:00", "01:05:00.900")),
    ],
)
def test_spans_of_october(times, talk, total, expected):
    found, said = one(*october(*times), talk, total)
    assert [text[11:-1] for text in found] == list(expected)
    assert said == []


@pytest.mark.parametrize(
    ("times", "talk", "total"),
    [
        (("02:10:00", "02:10:05", "02:20:05"), 600, 605),  # all of it within either pass
        (("02:10:00", "02:10:05", "02:20:05"), 600, None),
        (("02:10:00", "", "02:10:30"), None, 30),
        (("01:50:00", "01:50:05", "02:20:05"), None, None),  # no duration: 30 or 90 minutes
    ],
)
def test_spans_of_nothing_tells(times, talk, total):
    assert one(*october(*times), talk, total)[1] == ["twice"]
    first, said = one(*october(*times), talk, total, "first")
    second, said_too = one(*october(*times), talk, total, "second")
    assert said == said_too == []
    assert first != second
    for spans, hour in ((first, "00"), (second, "01")):
        assert spans[2][11:13] == hour
    if talk is not None:
        assert first[1][11:13] == "00"
        assert second[1][11:13] == "01"


def test_spans_of_spring():
    assert one("2026-03-29 01:59:50", "2026-03-29 01:59:55", "2026-03-29 03:00:55", 60, 65) == (
        ["2026-03-29T00:59:50Z", "2026-03-29T00:59:55Z", "2026-03-29T01:00:55Z"],
        [],
    )
    assert one("2026-03-29 02:10:00", "2026-03-29 02:10:05", "2026-03-29 02:11:05", 60, 65)[1] == ["missing"]


def test_spans_of_faults():
    day = "2026-01-15 "
    assert one(day + "10:00:00", day + "10:00:06", day + "10:02:11", 999, 131)[1] == ["apart"]
    assert one(day + "10:00:00", day + "10:00:06", day + "10:02:11", 999, 131)[0][2] == "2026-01-15T09:16:45Z"
    found, _ = one(day + "10:00:30", day + "10:00:06", day + "10:02:11", 125, 101)
    assert found[0] > found[1]  # an order that is wrong stays wrong, for the reject
    assert one("no time", "", day + "10:02:11", None, 131)[1] == ["unread"]
    assert one("", "", day + "10:02:11", None, 131)[1] == ["unread"]
    assert one(day + "10:00:00", "", "", None, None)[0][2] == ""


def wall(instant):
    return instant.astimezone(PARIS).strftime("%Y-%m-%d %H:%M:%S")


def test_spans_of_agrees_with_a_slow_search():
    """Of calls around both changes: the true instants wherever the stamps admit only one reading."""
    random.seed(20261025)
    changes = [datetime(2026, 10, 25, 1, tzinfo=UTC), datetime(2026, 3, 29, 1, tzinfo=UTC)]
    told = 0
    rows, truths = [], []
    for _ in range(4000):
        setup = random.choice(changes) + timedelta(seconds=random.randint(-9000, 7000))
        answer = setup + timedelta(seconds=random.choice([0, 5, 60, 600, 4000]))
        end = answer + timedelta(seconds=random.choice([0, 30, 600, 3590, 3600, 3610, 7300]))
        rows.append([wall(setup), wall(answer), wall(end)])
        truths.append((setup, answer, end))
    stamps = [pa.array([row[i] for row in rows], pa.string()) for i in range(3)]
    talk = np.array([(t[2] - t[1]).total_seconds() for t in truths]).astype(np.int64) * SECOND
    total = np.array([(t[2] - t[0]).total_seconds() for t in truths]).astype(np.int64) * SECOND
    spans = spans_of(*stamps, talk, total, OPTIONS["reject"])
    assert not spans.apart.any()
    assert not spans.missing.any()
    for i, truth in enumerate(truths):
        readings = set()
        for folds in product((0, 1), repeat=3):
            setup, answer, end = (
                datetime.strptime(text, "%Y-%m-%d %H:%M:%S").replace(tzinfo=PARIS, fold=fold).astimezone(UTC)
                for text, fold in zip(rows[i], folds, strict=True)
            )
            if end - answer == truth[2] - truth[1] and end - setup == truth[2] - truth[0]:
                readings.add((setup, answer, end))
        assert bool(spans.twice[i]) == (len(readings) > 1)
        if len(readings) == 1:
            told += 1
            found = [int(x[i]) for x in (spans.setup, spans.answer, spans.release)]
            assert found == [int(at.timestamp()) * SECOND for at in truth]
            assert NONE not in found
    assert told > 3000
