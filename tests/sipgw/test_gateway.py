"""The runtime: each leg one channel and one CDR, limits, refusals, the end."""

from __future__ import annotations

import os
import shutil
import sys
import threading
import time
from collections import Counter

import pytest
from gateways import gateway
from lab import FILES, NOON, inbound, outbound
from spools import SECOND, ends, fill, read_by_rating, rows

from sipgw.channels import LocalChannels
from sipgw.gateway import End
from sipgw.overseer import Nobody


@pytest.fixture
def log():
    return []


@pytest.fixture
def gw(memory_folder, log):
    found = gateway(memory_folder, log=log.append)
    yield found
    found.close(NOON + 10**6 * SECOND)
    assert found.calls() == {}


def cdrs(gw, folder) -> list[tuple[str, str, int, str]]:
    """End reason, rule, status and trunk of each, in order."""
    return [
        tuple(row[name] for name in ("end_reason", "rule", "sip_code", "trunk_id"))
        for row in rows(folder / "spool")
    ]  # type: ignore[misc]


def test_a_call_from_invite_to_bye(gw, memory_folder):
    attempt = outbound(user_id="zoe@alpha.example", forwarded_by="+33199000111", forward_type="busy")
    assert gw.attempt(attempt, "A", NOON).is_admitted
    assert gw.ringing("A", NOON + SECOND)
    assert gw.answered("A", NOON + 2 * SECOND)
    assert gw.calls()["A"].is_answered
    assert gw.ended("A", NOON + 65 * SECOND, 200)
    assert gw.calls() == {}
    (row,) = rows(memory_folder / "spool")
    assert row.pop("call_id").startswith("c1#")
    assert row == {
        "source": "gw1",
        "trunk_id": "t1",
        "direction": "outbound",
        "a_number": "+33199000110",
        "b_number": "+33353019999",
        "setup_time": "2026-10-05T10:00:00Z",
        "answer_time": "2026-10-05T10:00:02Z",
        "release_time": "2026-10-05T10:01:05Z",
        "sip_code": 200,
        "alert_time": "2026-10-05T10:00:01Z",
        "user_id": "zoe@alpha.example",
        "forwarded_by": "+33199000111",
        "forward_type": "busy",
        "end_reason": "normal",
        "rule": "admitted",
    }


def test_events_that_cross_and_repeat(gw, memory_folder):
    """A BYE that crosses a CANCEL, a 200 that crosses a CANCEL, a second BYE, a late 180."""
    for leg in "AB":
        gw.attempt(inbound(call_id=leg), leg, NOON)
    gw.answered("A", NOON + SECOND)
    assert gw.answered("A", NOON + 5 * SECOND), "a 200 that is sent again: the first one counts"
    assert [gw.ended("A", NOON + 9 * SECOND, 487), gw.ended("A", NOON + 10 * SECOND, 200)] == [True, False]
    assert [gw.ended("B", NOON + 3 * SECOND, 487), gw.answered("B", NOON + 3 * SECOND)] == [True, False]
    assert not gw.ringing("B", NOON + 4 * SECOND)
    assert not gw.ended("never", NOON, 200)
    found = rows(memory_folder / "spool")
    assert [
        (row["answer_time"], row["release_time"], row["sip_code"], row["end_reason"]) for row in found
    ] == [
        ("2026-10-05T10:00:01Z", "2026-10-05T10:00:09Z", 200, "normal"),
        ("", "2026-10-05T10:00:03Z", 487, "cancelled"),
    ]


@pytest.mark.parametrize(
    ("code", "told", "reason"),
    [
        (486, "", "busy"),
        (480, "", "no_answer"),
        (487, "", "cancelled"),
        (503, "", "failed"),
        (404, "misdialled", "misdialled"),
        (486, "no_channel", "busy"),
        (403, "refused", "failed"),
        (10**30, "x\0" * 999, "x?" * 20),
        (-1, "", "failed"),
    ],
)
def test_how_an_unanswered_leg_ended(gw, memory_folder, code, told, reason):
    """Never as one that held no channel: it held one."""
    gw.attempt(outbound(), "A", NOON)
    gw.ended("A", NOON, code, told)
    assert cdrs(gw, memory_folder) == [(reason, "admitted", min(max(code, 0), 999), "t1")]


def test_each_refusal_of_a_trunk_is_a_cdr_without_length(gw, memory_folder, log):
    for leg in "ABC":
        gw.attempt(outbound(call_id=leg, billed_number="+33199000115"), leg, NOON)
    codes = [
        gw.attempt(attempt, f"{number}", NOON).code
        for number, attempt in enumerate(
            (
                outbound(),
                outbound(b_number="+33836123456"),
                outbound(b_number="x"),
                outbound(billed_number=""),
            )
        )
    ]
    assert codes == [486, 603, 484, 403]
    assert cdrs(gw, memory_folder) == [
        ("no_channel", "trunk_full", 486, "t1"),
        ("refused", "barred", 603, "t1"),
        ("refused", "unreadable", 484, "t1"),
        ("refused", "billed_number", 403, "t1"),
    ]
    assert all(row["release_time"] == row["setup_time"] for row in rows(memory_folder / "spool"))
    assert log == []


def test_calls_of_no_trunk_are_told_and_storms_of_them_are_counted(gw, memory_folder, log):
    gw.attempt(outbound(), "A", NOON)
    for number in range(500):
        gw.attempt(outbound(address=f"192.0.2.{number % 250}"), f"s{number}", NOON)
    gw.attempt(outbound(host="sbc9.\nx"), "h", NOON)
    gw.attempt(inbound(b_number="+33199999999"), "i", NOON)
    assert log == [
        "unknown_peer: call from 192.0.2.0 for 'sbc1.alpha.trunk.example' has no trunk, and no CDR.",
        "unknown_trunk: call from 52.114.1.2 for 'sbc9.?x' has no trunk, and no CDR.",
        "called_number: call from 127.0.0.1 for '127.0.0.1' has no trunk, and no CDR.",
    ]
    gw.tick(NOON + 60 * SECOND)
    assert log[3:] == [f"499 more like: {log[0].replace('192.0.2.0', '192.0.2.249')}"]
    assert rows(memory_folder / "spool") == []


def test_one_call_id_twice_is_two_cdrs(gw, memory_folder):
    """A peer may use a Call-ID again: CDRs of one id and other content would all be rejects."""
    for number in range(3):
        gw.attempt(outbound(call_id="same"), "A", NOON + number * SECOND)
        gw.ended("A", NOON + number * SECOND, 487)
    gw.attempt(outbound(call_id="same"), "A", NOON)
    assert gw.attempt(outbound(call_id="same"), "A", NOON).rule == "repeated"
    gw.close(NOON)
    assert Counter(ends(memory_folder / "spool").values()) == {"cancelled": 3, "refused": 1, "shutdown": 1}
    assert all(row["call_id"].startswith("same#") for row in rows(memory_folder / "spool"))


def test_a_second_invite_of_an_emergency_leg_is_that_leg(gw, memory_folder):
    for _ in range(2):
        assert gw.attempt(outbound(b_number="15"), "A", NOON).is_admitted
    assert [gw.ended("A", NOON + SECOND, 200) for _ in range(2)] == [True, False]
    assert cdrs(gw, memory_folder) == [("failed", "emergency", 200, "t1")]


def test_limits_of_a_call(gw):
    """120 s without an answer, 4 h from the answer; emergency calls have none."""
    gw.attempt(outbound(call_id="a"), "talks", NOON)
    gw.answered("talks", NOON + 119 * SECOND)
    gw.attempt(outbound(call_id="b"), "rings", NOON)
    gw.attempt(outbound(call_id="c", b_number="15"), "sos", NOON)
    gw.attempt(outbound(call_id="d", b_number="112"), "sos answered", NOON)
    gw.answered("sos answered", NOON)
    assert gw.tick(NOON + 120 * SECOND - 1) == []
    rings, talks = End("rings", 480, "no_answer"), End("talks", 200, "timeout")
    assert gw.tick(NOON + 120 * SECOND) == gw.tick(NOON + 121 * SECOND) == [rings]
    gw.ended(rings.leg, NOON + 122 * SECOND, rings.sip_code, rings.end_reason)
    assert gw.tick(NOON + (119 + 4 * 3600) * SECOND - 1) == []
    assert gw.tick(NOON + (119 + 4 * 3600) * SECOND) == [talks]


def test_a_suspended_trunk_is_dropped_but_for_emergency_calls(gw):
    gw.attempt(outbound(call_id="a"), "answered", NOON)
    gw.answered("answered", NOON)
    gw.attempt(inbound(), "rings", NOON)
    gw.attempt(outbound(b_number="15"), "sos", NOON)
    beta = outbound(call_id="d", host="sbc1.beta.trunk.example", billed_number="+33353010210")
    assert gw.attempt(beta, "other trunk", NOON).is_admitted
    gw.overseer = Drops(["answered", "rings", "sos", "gone"])
    assert gw.tick(NOON) == [End("answered", 200, "suspended"), End("rings", 403, "suspended")]
    gw.overseer = Drops([])
    assert gw.tick(NOON) == []


class Drops(Nobody):
    def __init__(self, legs):
        self.legs = legs

    def look(self, now):
        return self.legs


class NoMoney(Nobody):
    def tripped(self, trunk, attempt, now):
        return "50.00 EUR are spent" if attempt.b_number.startswith("+44") else None


def test_a_guard_refuses_and_the_channel_stays_free(memory_folder):
    channels = LocalChannels()
    gw = gateway(memory_folder, channels=channels)
    gw.overseer = NoMoney()
    decision = gw.attempt(outbound(b_number="+441632960000"), "A", NOON)
    assert (decision.code, decision.reason) == (403, 'Q.850;cause=21;text="50.00 EUR are spent"')
    assert channels.up() == []
    gw.close(NOON)
    assert cdrs(gw, memory_folder) == [("refused", "guard", 403, "t1")]


def test_a_full_disk_refuses_calls_but_emergency_calls(disk, log):
    """What could not be written waits, and is there when the disk has room again."""
    channels = LocalChannels()
    gw = gateway(disk, channels=channels, log=log.append)
    other = fill(disk)
    fit = 0
    while (decision := gw.attempt(outbound(call_id=f"{fit}"), "A", NOON)).is_admitted:
        gw.ended("A", NOON, 487)
        fit += 1
    assert (decision.rule, decision.code, decision.claim) == ("spool", 503, None)
    assert decision.reason == 'Q.850;cause=41;text="Call cannot be recorded"'
    assert (channels.up(), gw.calls()) == ([], {})
    assert gw.attempt(outbound(b_number="15"), "sos", NOON).is_admitted
    assert [channel.leg for channel in channels.up()] == ["sos"]
    gw.answered("sos", NOON)
    gw.ended("sos", NOON + SECOND, 200)
    for number in range(300):
        assert gw.attempt(outbound(call_id=f"r{number}"), "A", NOON).rule == "spool"
    assert gw.spool.waiting > 200
    other.unlink()
    gw.tick(NOON)
    gw.close(NOON)
    assert Counter(cdrs(gw, disk)) == {
        ("cancelled", "admitted", 487, "t1"): fit,
        ("refused", "spool", 503, "t1"): 301,
        ("normal", "emergency", 200, "t1"): 1,
    }
    assert [line[line.index(" ") + 1 :] for line in log[:3]] == [
        "No space left on device; calls are refused. [SPOOL-REFUSED]",
        "emergency call is admitted unrecorded (No space left on device). [SPOOL-EMERGENCY]",
        "No space left on device; CDRs wait in memory. [SPOOL-DISK]",
    ]


def test_a_channel_that_the_counter_lost_is_told(memory_folder, log):
    channels = LocalChannels()
    gw = gateway(memory_folder, channels=channels, log=log.append)
    gw.attempt(outbound(), "A", NOON)
    channels.release("A")
    gw.close(NOON)
    assert cdrs(gw, memory_folder) == [("shutdown", "admitted", 503, "t1")]
    assert [line[line.index(": ") :] for line in log] == [
        ": ended, its channel was not held any more. [CHANNEL-LOST]"
    ]


def test_the_end_closes_all_and_admits_nothing(memory_folder, log):
    channels = LocalChannels()
    gw = gateway(memory_folder, channels=channels, log=log.append)
    gw.attempt(outbound(), "rings", NOON)
    gw.attempt(inbound(), "talks", NOON)
    gw.answered("talks", NOON + SECOND)
    for _ in range(2):
        gw.close(NOON + 9 * SECOND)
    late = [
        gw.attempt(outbound(call_id="x", b_number=number), number, NOON) for number in ("15", "+33353019999")
    ]
    assert [(decision.rule, decision.code) for decision in late] == [("spool", 503)] * 2
    assert log[-1].endswith("refused without a CDR, the gateway stops. [SPOOL-CLOSED]")
    assert gw.tick(NOON) == []
    assert (channels.up(), gw.calls()) == ([], {})
    assert cdrs(gw, memory_folder) == [
        ("shutdown", "admitted", 503, "t1"),
        ("shutdown", "admitted", 200, "t1"),
    ]
    gateway(memory_folder).close(NOON)


def test_a_crash_is_told_and_its_calls_are_closed(memory_folder, log):
    gw = gateway(memory_folder)
    gw.attempt(outbound(), "A", NOON)
    gw.tick(NOON + 7 * SECOND)
    os.close(gw.spool._lock_fd)
    gateway(memory_folder, log=log.append, now=NOON + 99 * SECOND).close(NOON + 99 * SECOND)
    (row,) = rows(memory_folder / "spool")
    assert (row["release_time"], row["end_reason"]) == ("2026-10-05T10:00:07Z", "crash")
    assert log == [f"{memory_folder / 'spool'}: 1 calls that were up at a crash are closed."]


def test_new_accounts_are_taken_up_and_told(memory_folder, log):
    accounts = memory_folder / "accounts.yaml"
    shutil.copy(FILES / "accounts.yaml", accounts)
    gw = gateway(memory_folder, accounts=accounts, log=log.append)
    gw.attempt(outbound(), "A", NOON)
    accounts.write_text(accounts.read_text().replace("channels: 3}", "channels: 1}"))
    assert gw.reload().is_taken
    assert gw.attempt(outbound(call_id="b"), "B", NOON).rule == "trunk_full"
    assert list(gw.calls()) == ["A"]
    accounts.write_text("customers: 7")
    for second in range(3):
        gw.tick(NOON + second * SECOND)
    assert len(log) == 2
    assert "taken up" in log[0]
    assert log[1].endswith("The accounts in force stay. [ACCOUNTS-KEY]")
    gw.close(NOON)


@pytest.fixture
def restless():
    usual = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    yield
    sys.setswitchinterval(usual)


def test_threads_that_fight_over_legs(restless, memory_folder):
    """8 threads begin, answer and end 20 legs while another ticks: as many CDRs as calls, no channel left."""
    channels = LocalChannels()
    gw = gateway(memory_folder, channels=channels)
    told: list[list[str]] = [[] for _ in range(8)]
    failures: list[BaseException] = []

    def run(thread: int) -> None:
        try:
            for number in range(60):
                leg = f"{(thread + number) % 20}"
                number_called = "15" if number % 3 else "+33353019999"
                if gw.attempt(outbound(call_id=leg, b_number=number_called), leg, NOON).code:
                    told[thread].append("refused")
                gw.answered(f"{number % 20}", NOON + SECOND)
                if gw.ended(f"{(thread * 3 + number) % 20}", NOON + 2 * SECOND, 487):
                    told[thread].append("over")
                if number % 10 == thread:
                    gw.tick(NOON + number)
        except BaseException as failure:
            failures.append(failure)

    threads = [threading.Thread(target=run, args=(thread,)) for thread in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=60)
    up = len(gw.calls())
    gw.close(NOON + 3 * SECOND)
    counts = Counter(what for of_thread in told for what in of_thread)
    assert failures == []
    assert (channels.up(), channels.in_use()) == ([], {})
    found = rows(memory_folder / "spool")
    assert len({row["call_id"] for row in found}) == len(found) == counts["over"] + counts["refused"] + up
    assert sum(row["end_reason"] in ("refused", "no_channel") for row in found) == counts["refused"]
    assert read_by_rating(memory_folder / "spool").rejects == []


def test_the_end_while_threads_go_on(restless, memory_folder):
    """Calls that end while the gateway stops are neither lost nor taken for crashed."""
    channels = LocalChannels()
    gw = gateway(memory_folder, channels=channels)
    admitted: list[list[str]] = [[] for _ in range(8)]

    def run(thread: int) -> None:
        for number in range(100_000):
            leg = f"{thread}-{number}"
            decision = gw.attempt(outbound(call_id=leg, b_number="15"), leg, NOON)
            if decision.rule == "spool":
                return
            admitted[thread].append(leg)
            if number % 3:
                gw.ended(leg, NOON + SECOND, 487)

    threads = [threading.Thread(target=run, args=(thread,)) for thread in range(8)]
    for thread in threads:
        thread.start()
    while sum(len(legs) for legs in admitted) < 300:
        time.sleep(0.001)
    gw.close(NOON + SECOND)
    for thread in threads:
        thread.join(timeout=60)
        assert not thread.is_alive()
    assert (channels.up(), gw.calls()) == ([], {})
    found = Counter(row["call_id"].partition("#")[0] for row in rows(memory_folder / "spool"))
    assert found == Counter(leg for legs in admitted for leg in legs)
    again = gateway(memory_folder)
    assert again.spool.recovered == 0
    again.close(NOON)
