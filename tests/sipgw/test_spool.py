"""What the spool writes, when it begins a new file, who may write, what it makes of damage."""

from __future__ import annotations

import itertools
import json
import os
import shutil
import threading
import time
from dataclasses import replace

import pytest
from lab import NOON, at
from spools import SECOND, Writers, begun, ends, opened, read_by_rating, rows
from test_spool_kill import leave

from rating.errors import GatewayError, SpoolError
from rating.schema import CDR_COLUMNS
from sipgw.spool.row import LONGEST_REASON, ROOM_TO_END, plain


@pytest.fixture
def folder(memory_folder):
    return memory_folder / "spool"


def names(folder) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def cycle(spool, call_id: str, setup: int) -> None:
    """A call of a minute."""
    spool.begin(begun(call_id, setup))
    spool.end(begun(call_id, setup).answered(setup).over(setup + 60 * SECOND, 200, "normal"))


def test_a_row_byte_for_byte(folder):
    spool = opened(folder)
    row = replace(begun("a#1"), user_id="zoé@alpha.example", forwarded_by="+33199000111", forward_type="busy")
    spool.begin(row)
    row = row.alerting(NOON + SECOND).answered(NOON + 2 * SECOND + 1)
    spool.end(row.over(NOON + 62 * SECOND, 200, "normal"))
    assert (folder / "gw1-2026-10-05-001.jsonl").read_text(encoding="utf-8") == (
        '{"source":"gw1","call_id":"a#1","trunk_id":"t1","direction":"outbound","a_number":"+33199000110",'
        '"b_number":"+33353019999","setup_time":"2026-10-05T10:00:00Z",'
        '"answer_time":"2026-10-05T10:00:02.000000001Z","release_time":"2026-10-05T10:01:02Z","sip_code":200,'
        '"alert_time":"2026-10-05T10:00:01Z","user_id":"zoé@alpha.example","forwarded_by":"+33199000111",'
        '"forward_type":"busy","end_reason":"normal","rule":"admitted"}\n'
    )
    assert tuple(rows(folder)[0]) == (*CDR_COLUMNS, "rule")


def test_a_call_is_on_disk_at_once_and_its_cdr_when_it_is_over(folder):
    spool = opened(folder)
    spool.begin(begun("a"))
    assert b'"call_id":"a"' in (folder / "spool.journal").read_bytes()
    assert rows_now(folder) == []
    spool.end(begun("a").over(NOON, 487, "cancelled"))
    assert rows_now(folder) == ["a"]


def rows_now(folder) -> list[str]:
    data = b"".join(path.read_bytes() for path in sorted(folder.glob("*.jsonl")))
    return [json.loads(line)["call_id"] for line in data.splitlines()]


def test_a_new_file_after_so_many_bytes(folder):
    spool = opened(folder, most_bytes=1000)
    for number in range(7):
        cycle(spool, f"c{number}", NOON + number * SECOND)
    spool.close(NOON)
    found = [name for name in names(folder) if name.endswith(".jsonl")]
    assert found == [f"gw1-2026-10-05-00{number}.jsonl" for number in (1, 2, 3)]
    assert [len((folder / name).read_bytes().splitlines()) for name in found] == [3, 3, 1]
    assert len(ends(folder)) == 7


@pytest.mark.parametrize(
    ("instant", "day"),
    [
        ("2026-10-31T23:59:59.9+01:00", "2026-10-31"),
        ("2026-11-01T00:00:00+01:00", "2026-11-01"),
        ("2026-10-25T00:00:00+02:00", "2026-10-25"),
        ("2026-10-25T23:59:59+01:00", "2026-10-25"),
        ("2026-10-26T00:00:00+01:00", "2026-10-26"),
        ("2027-03-28T23:00:00+02:00", "2027-03-28"),
    ],
)
def test_a_new_file_on_a_new_local_day(folder, instant, day):
    """The day at which the call ends, of 23, 24 or 25 hours."""
    spool = opened(folder, now=at("2026-10-24T12:00:00+02:00"))
    cycle(spool, "before", at("2026-10-24T12:00:00+02:00"))
    spool.begin(begun("a", at("2026-10-24T13:00:00+02:00")))
    spool.end(begun("a", at("2026-10-24T13:00:00+02:00")).over(at(instant), 487, "cancelled"))
    assert rows_now(folder) == ["before", "a"]
    (last,) = (folder / f"gw1-{day}-001.jsonl").read_bytes().splitlines()
    assert json.loads(last)["call_id"] == "a"


def test_a_clock_set_back_over_midnight_stays_in_the_day(folder):
    spool = opened(folder, most_bytes=700)
    spool.beat(at("2026-10-06T00:00:01+02:00"))
    for name in "abc":
        cycle(spool, name, at("2026-10-05T23:50:00+02:00"))
    found = [name for name in names(folder) if name.endswith(".jsonl")]
    assert found == ["gw1-2026-10-06-001.jsonl", "gw1-2026-10-06-002.jsonl"]


def test_cdrs_of_an_earlier_file_are_not_written_again_after_a_crash(folder):
    """No beat since: the journal knows from the turn to a new file, which the CDRs may have left since."""
    spool = opened(folder, most_bytes=1000)
    for number in range(8):
        cycle(spool, f"c{number}", NOON)
    spool.begin(begun("up"))
    leave(spool)
    (folder / "gw1-2026-10-05-001.jsonl").rename(folder / "archived.jsonl")
    opened(folder).close(NOON)
    assert ends(folder) == {**{f"c{number}": "normal" for number in range(8)}, "up": "crash"}


def test_names_of_files_never_come_twice(folder):
    """Files that were taken away meanwhile, also the last one of a gateway that stopped."""
    for number in range(1, 4):
        spool = opened(folder)
        cycle(spool, f"c{number}", NOON)
        spool.close(NOON)
        (folder / f"gw1-2026-10-05-00{number}.jsonl").unlink()
    assert names(folder) == ["spool.journal"]


def test_one_process_writes(folder, tmp_path):
    spool = opened(folder)
    writers, acks = Writers(), tmp_path / "acks"
    for _ in range(2):
        writers.start("second", folder, acks, 0)
        assert writers.wait() == "0"
        spool.close(NOON)
    writers.close()
    problem = "another process writes there; expected a folder for this gateway alone. [SPOOL-LOCK]"
    assert acks.read_text() == f"{folder}: {problem}\n", "the first time only"


def test_a_folder_that_cannot_be_made(tmp_path):
    with pytest.raises(SpoolError, match=r"cannot be written .No such file or directory.; expected a folder"):
        opened(tmp_path / "nowhere" / "spool")
    (tmp_path / "file").write_text("")
    with pytest.raises(SpoolError, match=r"cannot be written .File exists."):
        opened(tmp_path / "file")


def test_after_a_crash_calls_end_when_the_gateway_was_last_alive(folder):
    spool = opened(folder)
    for name in ("up", "rang", "answered", "over", "late"):
        spool.begin(begun(name))
    spool.alert(begun("rang").alerting(NOON + SECOND))
    spool.answer(begun("answered").answered(NOON + 2 * SECOND))
    spool.end(begun("over").over(NOON + 3 * SECOND, 487, "cancelled"))
    spool.beat(NOON + 10 * SECOND)
    spool.answer(begun("late").answered(NOON + 10 * SECOND + SECOND // 2))
    leave(spool)
    again = opened(folder, now=NOON + 3600 * SECOND)
    assert again.recovered == 4
    again.close(NOON + 3600 * SECOND)
    times = ("alert_time", "answer_time", "release_time", "sip_code", "end_reason")
    assert {row["call_id"]: tuple(row[name] for name in times) for row in rows(folder)} == {
        "over": ("", "", "2026-10-05T10:00:03Z", 487, "cancelled"),
        "up": ("", "", "2026-10-05T10:00:10Z", 0, "crash"),
        "rang": ("2026-10-05T10:00:01Z", "", "2026-10-05T10:00:10Z", 0, "crash"),
        "answered": ("", "2026-10-05T10:00:02Z", "2026-10-05T10:00:10Z", 200, "crash"),
        "late": ("", "2026-10-05T10:00:10.500Z", "2026-10-05T10:00:10.500Z", 200, "crash"),
    }
    assert opened(folder).recovered == 0


@pytest.mark.parametrize("kept", [1, 100, -1])
def test_half_a_row_is_cut_off_and_its_call_closed(folder, kept):
    """A kill in the middle of a write: the call is up as far as the journal knows."""
    lines: list[str] = []
    spool = opened(folder)
    for name in ("whole", "half"):
        spool.begin(begun(name))
    spool.end(begun("whole").over(NOON, 487, "cancelled"))
    row = begun("half").over(NOON, 487, "cancelled").line()
    with (folder / "gw1-2026-10-05-001.jsonl").open("ab") as file:
        file.write(row[:kept])
    with (folder / "spool.journal").open("ab") as file:
        file.write(b'{"up":{"source":"gw1","call_id":"never let thr')
    leave(spool)
    opened(folder, log=lines.append).close(NOON)
    assert ends(folder) == {"whole": "cancelled", "half": "crash"}
    (told,) = lines
    cut = len(row[:kept])
    assert told.endswith(
        f"gw1-2026-10-05-001.jsonl: {cut} bytes of an unfinished row were cut off. [SPOOL-CUT]"
    )


@pytest.mark.parametrize("damage", ["\0" * 40, "[]", "7", "{}", '{"call_id":[]}'])
def test_a_damaged_row_does_not_stop_the_start(folder, damage):
    spool = opened(folder)
    for name in "ab":
        spool.begin(begun(name))
    with (folder / "gw1-2026-10-05-001.jsonl").open("a") as file:
        file.write(f"{damage}\n")
    spool.end(begun("a").over(NOON, 487, "cancelled"))
    leave(spool)
    assert opened(folder).recovered == 1


@pytest.mark.parametrize(
    "damage", ['{"up":{}}', "\0" * 40, "[]", "7", '{"answer":"unknown","at":1}', "{}", "[" * 9999]
)
def test_a_damaged_journal_stops_the_start_and_loses_nothing(folder, damage):
    spool = opened(folder)
    spool.begin(begun("a"))
    leave(spool)
    journal = folder / "spool.journal"
    good = journal.read_text()
    journal.write_text(good + damage + "\n" + '{"file":"x"}\n')
    message = (
        r"spool.journal:4: line '.*' is damaged; expected a line that a gateway wrote. The gateway does not"
    )
    with pytest.raises(GatewayError, match=message):
        opened(folder)
    journal.write_text(good)
    opened(folder).close(NOON)
    assert ends(folder) == {"a": "crash"}


def test_a_journal_stays_small(folder):
    spool = opened(folder)
    for name in ("long", "rang"):
        spool.begin(begun(name))
    spool.answer(begun("long").answered(NOON + SECOND))
    sizes = []
    for number in range(5000):
        cycle(spool, f"c{number}", NOON)
        if number % 100 == 0:
            spool.beat(NOON + number)
            sizes.append((folder / "spool.journal").stat().st_size)
    assert 1_000_000 < max(sizes) < 1_100_000
    assert any(after < before - 900_000 for before, after in itertools.pairwise(sizes))
    spool.alert(begun("rang").alerting(NOON + SECOND))
    leave(spool)
    opened(folder).close(NOON)
    found = {row["call_id"]: row for row in rows(folder)}
    assert len(found) == 5002
    assert found["long"]["answer_time"] == "2026-10-05T10:00:01Z"
    assert found["rang"]["alert_time"] == "2026-10-05T10:00:01Z"


def test_texts_of_any_kind_are_rows_that_rating_reads(folder):
    spool = opened(folder)
    texts = [
        '"quoted"\\',
        "\0\x1b[2J\r\n",
        "\udc80\ud800",
        "😀" * 300,
        "\u2028\u2029\x85",
        "",
        "\ufeff",
        "a" * 70_000,
    ]
    for number, text in enumerate(texts):
        row = replace(begun(f"{number}#{plain(text)}"), a_number=plain(text), user_id=plain(text))
        spool.begin(row)
        spool.end(row.over(NOON, 487, plain(text)[:40]))
    spool.begin(replace(begun("up"), a_number=plain("\udc80é😀")))
    leave(spool)
    opened(folder).close(NOON)
    reading = read_by_rating(folder)
    assert (reading.rejects, len(reading.calls)) == ([], len(texts) + 1)


def test_the_longest_end_fits_into_its_room():
    """Instants of nine digits, and a reason of the longest characters."""
    row = (
        begun("a", NOON + 1).alerting(NOON + 1).answered(NOON + 1).over(NOON + 1, 200, "😀" * LONGEST_REASON)
    )
    assert len(row.line()) - len(begun("a", NOON + 1).line()) <= ROOM_TO_END


def test_instants_never_run_backwards():
    row = (
        begun("a").alerting(NOON - SECOND).answered(NOON - 2 * SECOND).over(NOON - 3 * SECOND, 200, "normal")
    )
    assert row.setup == row.alert == row.answer == row.release == NOON
    assert row.answered(NOON + SECOND) == row.alerting(NOON + SECOND) == row


def test_calls_that_begin_at_once_share_a_sync(tmp_path, monkeypatch):
    """8 threads with 25 calls each: each is on the disk, with less than a sync each."""
    syncs = []
    real = os.fdatasync

    def counted(fd: int) -> None:
        time.sleep(0.002)
        real(fd)
        syncs.append(fd)

    monkeypatch.setattr(os, "fdatasync", counted)
    spool = opened(tmp_path / "spool")
    threads = [
        threading.Thread(target=lambda n=n: [spool.begin(begun(f"{n}-{i}")) for i in range(25)])
        for n in range(8)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=60)
    leave(spool)
    assert 25 <= len(syncs) < 120
    assert opened(tmp_path / "spool").recovered == 200


def test_a_file_that_is_deleted_while_it_is_written_is_written_anew(folder):
    lines: list[str] = []
    spool = opened(folder, log=lines.append)
    cycle(spool, "a", NOON)
    spool.begin(begun("up"))
    (folder / "gw1-2026-10-05-001.jsonl").unlink()
    cycle(spool, "b", NOON)
    spool.beat(NOON + SECOND)
    spool.beat(NOON + 2 * SECOND)
    spool.end(begun("up").over(NOON + 3 * SECOND, 487, "cancelled"))
    spool.close(NOON + 4 * SECOND)
    assert ends(folder) == {"a": "normal", "b": "normal", "up": "cancelled"}
    assert len(lines) == 1
    assert "001.jsonl: was deleted while the gateway writes it" in lines[0]
    assert lines[0].endswith("[SPOOL-GONE]")


def test_a_folder_that_is_deleted_is_waited_for(folder):
    lines: list[str] = []
    spool = opened(folder, log=lines.append)
    cycle(spool, "a", NOON)
    shutil.rmtree(folder)
    for second in range(3):
        spool.beat(NOON + second * SECOND)
    cycle(spool, "b", NOON)
    folder.mkdir()
    spool.beat(NOON + 4 * SECOND)
    spool.close(NOON + 5 * SECOND)
    assert ends(folder) == {"a": "normal", "b": "normal"}
    assert len([line for line in lines if line.endswith("[SPOOL-GONE]")]) == 1
