"""What pjsua2 makes go wrong silently, and the tests that would show it; some stand nowhere else."""

from __future__ import annotations

import importlib
import time
import urllib.request

import pytest
from running import free_port
from sipp import (
    BYE_OK,
    HANGS_UP,
    IS_HUNG_UP,
    KEEP,
    KEPT,
    TERMINATED,
    called,
    caller,
    failing,
    pause,
    receive,
    reply,
)
from test_limits import wait_for_answer
from test_overseen import status, trunkrate
from test_wire import LINGERS_S

PITFALLS = {
    "a call object that is dropped while its place is another call's hangs that one up": [
        "test_many_in_a_row.test_three_hundred_calls_in_a_row",
    ],
    "a call object that outlives the library aborts the process": [
        "test_limits.test_sigterm_hangs_up_and_writes_the_cdrs",
        "test_pitfalls.test_the_end_comes_while_calls_are_set_up_and_refused",
    ],
    "a thread that the library does not know aborts the process": [
        "test_pitfalls.test_only_the_loop_touches_the_library",
    ],
    "media of a temporary are none": ["test_sound.test_a_call_to_teams_sounds_both_ways"],
    "an incoming call that nobody references is answered 603": [
        "test_limits.test_refusals_of_policy_carry_code_and_reason",
        "test_calls.test_failure_is_passed_on_with_its_reason",
    ],
    "what is raised while an INVITE is looked at is answered 500 or nothing": [
        "test_pitfalls.test_a_fault_of_the_gateways_own_ends_one_call",
    ],
    "a fifth leg is refused by the library, without Reason": [
        "test_limits.test_a_call_for_which_no_legs_are_free_is_refused_by_us_and_an_emergency_call_passes",
        "test_storms.test_emergency_calls_pass_through_a_storm_of_calls_that_are_refused",
    ],
    "an INVITE without SDP that is refused at once aborts the process": [
        "test_wire.test_an_invite_without_sdp_is_refused_as_any_other",
    ],
    "more sockets than there is room for abort the process": [
        "test_many_in_a_row.test_a_storm_gives_each_call_one_cdr_and_admits_no_more_than_there_are_legs",
        "test_connections.test_more_connections_than_there_is_room_for_do_no_harm",
        "test_connections.test_connections_that_come_and_go_do_no_harm",
        "test_connections.test_calls_to_an_operator_who_takes_no_connection_do_no_harm",
        "test_unfit.test_many_lines_of_sound_wait_for_their_sockets",
        "test_unfit.test_lines_of_sound_that_come_and_go_in_a_call",
        "test_unfit.test_calls_that_fail_at_three_proxies_at_once",
    ],
    "an ACK without a tag aborts the process": ["test_unfit.test_an_ack_without_a_tag_is_dropped"],
    "an ACK that cannot be sent aborts the process": [
        "test_unfit.test_the_ack_of_an_answer_that_cannot_be_reached_goes_to_where_it_came_from",
    ],
    "a long host in SDP, or a PRACK with broken SDP, aborts the process": [
        "test_unfit.test_a_call_whose_sound_is_at_a_name_is_refused",
        "test_unfit.test_a_call_that_is_answered_with_sound_at_a_name_fails",
        "test_unfit.test_sound_does_not_move_to_a_name_within_a_call",
        "test_unfit.test_a_broken_offer_in_prack_is_refused",
    ],
    "INFO that names no key aborts the process": ["test_unfit.test_a_key_without_its_name_is_refused"],
    "SUBSCRIBE of strangers is taken and kept": ["test_unfit.test_what_is_not_served_is_refused"],
    "names of strangers are looked up while all calls wait": [
        "test_unfit.test_an_answer_is_not_sent_to_a_name",
    ],
}


@pytest.mark.parametrize("pitfall", PITFALLS)
def test_each_pitfall_has_its_tests(pitfall):
    for name in PITFALLS[pitfall]:
        module, _, test = name.partition(".")
        assert callable(getattr(importlib.import_module(module), test))


BREAK = """
import pathlib
from pydoc import locate
owner, name = locate({place!r}), {name!r}
real = getattr(owner, name)
def broken(*told, **more):
    if pathlib.Path("break").exists():
        raise RuntimeError("it broke")
    return real(*told, **more)
setattr(owner, name, broken)
"""
"""A part of the gateway that fails while there is a file of this name."""

REFUSED = failing(500)
CANCELLED = [
    receive("INVITE", KEEP), reply(180), receive("CANCEL"), BYE_OK, TERMINATED, receive("ACK"), KEPT,
]  # fmt: skip
ENDS = caller(pause(300), *HANGS_UP)


@pytest.mark.parametrize(
    ("place", "name", "steps", "end_reasons"),
    [
        ("sipgw.gateway", "admit", REFUSED, []),
        ("sipgw.pjsua.targets.Router", "targets", REFUSED, ["failed"]),
        ("sipgw.pjsua.bridge.Bridge", "proceed", REFUSED, ["failed"]),
        ("sipgw.gateway.Gateway", "ringing", REFUSED, ["failed"]),
        ("sipgw.gateway.Gateway", "answered", failing(500, receive(180)), ["failed"]),
        ("sipgw.pjsua.bridge.Bridge", "gone", ENDS, ["failed"]),
        ("sipgw.gateway.Gateway", "tick", ENDS, ["normal"]),
    ],
)
def test_a_fault_of_the_gateways_own_ends_one_call(
    gateway, sipp, teams_calls, place, name, steps, end_reasons
):
    """It is said, the call has its CDR, and when the fault is gone all legs and channels are there."""
    running = gateway(before=BREAK.format(place=place, name=name), channels=1, clock=10)
    (running.folder / "break").touch()
    is_reached = name not in ("admit", "targets", "proceed")
    if is_reached:
        operator = sipp(CANCELLED if name == "ringing" else called(*IS_HUNG_UP), running.next_hop)
    teams_calls(running, steps).wait()
    if is_reached:
        operator.wait()
    (running.folder / "break").unlink()
    cdrs = running.wait_for_cdrs(len(end_reasons))
    assert [cdr["end_reason"] for cdr in cdrs] == end_reasons
    assert "RuntimeError: it broke [GATEWAY-CALL]" in running.log
    time.sleep(LINGERS_S / running.clock)
    sipp(called(*IS_HUNG_UP), running.next_hop)
    teams_calls(running, caller(*HANGS_UP)).wait()
    assert running.wait_for_cdrs(len(cdrs) + 1)[-1]["end_reason"] == "normal"
    assert running.stop() == 0


@pytest.mark.parametrize("change", ["removed", "unreadable", "rubbish"])
def test_accounts_that_cannot_be_read_any_more_stay_in_force(gateway, sipp, teams_calls, change):
    running = gateway(clock=10)
    accounts = running.folder / "accounts.yaml"
    if change == "removed":
        accounts.unlink()
    elif change == "unreadable":
        accounts.unlink()
        accounts.mkdir()  # root reads what nobody may
    else:
        accounts.write_bytes(b"\xff customers: [")
    until = time.monotonic() + 8
    while "The accounts in force stay." not in running.log and time.monotonic() < until:
        time.sleep(0.05)
    assert "The accounts in force stay." in running.log
    assert "Traceback" not in running.log
    sipp(called(*IS_HUNG_UP), running.next_hop)
    teams_calls(running, caller(*HANGS_UP)).wait()
    assert running.wait_for_cdrs(1)[0]["end_reason"] == "normal"


WATCHED = """
import os, threading
import pjsua2 as pj
def watched(owner, name):
    real = getattr(owner, name)
    def called(*told):
        if threading.current_thread() is not threading.main_thread():
            os.write(2, f"{name} in {threading.current_thread().name}".encode())
            os._exit(99)
        return real(*told)
    setattr(owner, name, called)
for owner in (pj.Call, pj.Account, pj.Endpoint, pj.AudioMedia):
    for name, kept in list(vars(owner).items()):
        if callable(kept) and not name.startswith("_") and not name.startswith("on"):
            watched(owner, name)
"""
"""Each function of pjsua2 ends the process when another thread than the loop's calls it."""


def test_only_the_loop_touches_the_library(gateway, sipp, teams_calls):
    """Status, metrics and a suspension that hangs up, asked for by others while calls are up."""
    metrics = free_port()
    running = gateway(before=WATCHED, reserve_legs=0, tail=f"metrics: 127.0.0.1:{metrics}\n")
    operator = sipp(called(*IS_HUNG_UP), running.next_hop, calls=2)
    up = [teams_calls(running, caller(*IS_HUNG_UP)) for _ in range(2)]
    wait_for_answer(operator, 2)
    for _ in range(20):
        with urllib.request.urlopen(f"http://127.0.0.1:{metrics}/metrics", timeout=5) as found:
            assert b"trunkrate_channels_used" in found.read()
    assert len(status(running.folder)["calls"]) == 2
    done = trunkrate(running.folder, "trunk", "suspend", "t1", "--why", "test", "--drop-calls")
    assert "Calls that were up: 2 ended." in done.stdout
    for one in up:
        one.wait()
    assert {cdr["end_reason"] for cdr in running.wait_for_cdrs(2)} == {"suspended"}
    assert running.stop() == 0


def test_the_end_comes_while_calls_are_set_up_and_refused(gateway, sipp, teams_calls):
    """SIGTERM in a storm: the process ends by itself, with 0 and a CDR for each call that it took up."""
    running = gateway(reserve_legs=0)
    sipp(called(*IS_HUNG_UP), running.next_hop, calls=100)
    teams_calls(running, caller(*IS_HUNG_UP), calls=200, options=("-r", "40"))
    time.sleep(0.7)
    assert running.stop() == 0
    cdrs = running.cdrs()
    assert cdrs
    assert {cdr["end_reason"] for cdr in cdrs} <= {"no_channel", "shutdown", "refused"}
    assert len({cdr["call_id"] for cdr in cdrs}) == len(cdrs)
    assert "Traceback" not in running.log
