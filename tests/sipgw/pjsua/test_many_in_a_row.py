"""Many calls: none is lost or counted twice, nothing is left behind, and rating gives the amounts."""

from __future__ import annotations

import csv
import os
import time
from pathlib import Path

import pytest
from sipp import CALLED, HANGS_UP, IS_HUNG_UP, SDP, called, caller, failing, pause, receive, request

from rating.cli import main

CLOCK = 1 if os.environ.get("HYPOTHESIS_PROFILE") == "soak" else 10
TRANSACTION_S = 8
"""How long PJSIP keeps what belongs to a transaction, and some. [s]"""


def kilobytes(process: int) -> int:
    """Memory of a process that is its own. [KB]"""
    (line,) = [one for one in Path(f"/proc/{process}/status").read_text().splitlines() if "VmRSS" in one]
    return int(line.split()[1])


def test_three_hundred_calls_in_a_row(gateway, sipp, teams_calls):
    running = gateway(clock=CLOCK)
    sipp(called(*IS_HUNG_UP), running.next_hop, calls=310, options=("-timeout", "60s"))
    steps = caller(*HANGS_UP)
    in_a_row = ("-l", "1", "-r", "1000", "-timeout", "60s")
    teams_calls(running, steps, calls=150, options=in_a_row).wait(60)
    running.wait_for_cdrs(150)
    before = kilobytes(running.process.pid)
    time.sleep(TRANSACTION_S / CLOCK)
    teams_calls(running, steps, calls=150, options=in_a_row).wait(60)
    cdrs = running.wait_for_cdrs(300)
    assert {(one["end_reason"], one["rule"], one["sip_code"]) for one in cdrs} == {
        ("normal", "admitted", 200)
    }
    assert len({one["call_id"] for one in cdrs}) == 300
    assert kilobytes(running.process.pid) - before < 1000
    # a leaked channel or leg would refuse this one
    teams_calls(running, steps).wait()
    running.wait_for_cdrs(301)
    assert running.stop() == 0
    assert len(running.cdrs()) == 301


def test_a_storm_gives_each_call_one_cdr_and_admits_no_more_than_there_are_legs(
    gateway, sipp, teams_calls, legs
):
    running = gateway(reserve_legs=legs - 2)
    sipp(called(*IS_HUNG_UP), running.next_hop, calls=1)
    first = teams_calls(running, caller(pause(2500), *HANGS_UP))
    until = time.monotonic() + 5
    while not first.received("SIP/2.0 200") and time.monotonic() < until:
        time.sleep(0.02)
    teams_calls(running, failing(486), calls=60, options=("-r", "200")).wait()
    first.wait()
    cdrs = running.wait_for_cdrs(61)
    assert [one["rule"] for one in cdrs].count("legs_full") == 60
    assert [one["rule"] for one in cdrs].count("admitted") == 1
    assert len({one["call_id"] for one in cdrs}) == 61


def test_calls_that_are_too_many_at_once_are_refused_and_none_that_is_admitted_finds_no_leg(
    gateway, sipp, teams_calls
):
    running = gateway(reserve_legs=0, channels=100, transport="tcp")  # over UDP what waits is sent again
    sipp(called(*IS_HUNG_UP), running.next_hop, calls=10_000)
    answered = [receive(200), request("ACK"), *HANGS_UP, '<nop next="8"/>']
    refused = ['<label id="7"/>', request("ACK"), '<label id="8"/>']
    steps = [
        request("INVITE", body=SDP, retrans=500),
        receive(100, optional="true"),
        receive(180, optional="true"),
        receive(486, optional="true", next="7"),
        *answered,
        *refused,
    ]
    storm = ("-r", "400", "-l", "30", "-timeout", "30s")
    teams_calls(running, steps, calls=150, transport="t1", options=storm).wait()
    cdrs = running.wait_for_cdrs(150)
    found = {(one["rule"], one["sip_code"], one["end_reason"]) for one in cdrs}
    assert found == {("admitted", 200, "normal"), ("legs_full", 486, "no_channel")}


@pytest.mark.parametrize(
    ("number", "seconds", "amount"),
    [(CALLED, 1.4, "0.0100"), ("+33639980123", 0.4, "0.0400"), ("112", 0.3, "0.0000")],
)
def test_a_call_is_rated_to_the_last_digit(gateway, sipp, teams_calls, tmp_path, number, seconds, amount):
    running = gateway()
    sipp(called(*IS_HUNG_UP), running.next_hop)
    teams_calls(running, caller(pause(int(seconds * 1000)), *HANGS_UP), number=number).wait()
    (cdr,) = running.wait_for_cdrs(1)
    assert running.stop() == 0
    out = tmp_path / "out"
    command = ["rate", str(running.folder / "spool"), "--accounts", str(running.folder / "accounts.yaml")]
    with pytest.raises(SystemExit) as ended:
        main([*command, "--tariffs", "contract", "--out", str(out), "--csv"])
    assert ended.value.code == 0
    (rated,) = csv.DictReader((out / "rated_calls.csv").read_text().splitlines())
    assert rated["call_id"] == cdr["call_id"]
    assert int(rated["duration_s"]) == int(seconds) + 1
    assert rated["amount"] == amount
