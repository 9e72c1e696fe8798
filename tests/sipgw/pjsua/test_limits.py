"""What is refused and what is cut: trunks, the library's call legs, time; each with its CDR."""

from __future__ import annotations

import importlib.util
import re
import signal
import socket
import time

import pytest
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
    request,
)
from test_calls import seconds

NO_CHANNEL = 'Reason: Q.850;cause=34;text="No circuit/channel available"'
BETA = {"target": "sip:[service]@sbc1.beta.trunk.example", "caller": "+33353010210"}
HOLDS = [pause(1500), *HANGS_UP]


def wait_for_answer(sipp_process, count: int = 1) -> None:
    """Until the called side has its ACK."""
    until = time.monotonic() + 5
    while len(sipp_process.received("ACK")) < count and time.monotonic() < until:
        time.sleep(0.02)
    assert len(sipp_process.received("ACK")) >= count


def test_the_limit_of_the_library_is_found_and_said(gateway, legs):
    ready = gateway().ready
    calls = (legs - 2) // 2
    assert f"{legs} call legs, 2 kept free: {calls} ordinary call{'s' * (calls > 1)} at a time" in ready
    assert "Kamailio is for production" in ready
    of_pypi = importlib.util.find_spec("pjsua2").submodule_search_locations is not None
    assert not of_pypi or legs == 4


def test_all_legs_carry_calls_and_what_the_library_refuses_by_itself_has_a_cdr_too(
    gateway, sipp, teams_calls, legs
):
    running = gateway(reserve_legs=0, channels=100)
    operator = sipp(called(*IS_HUNG_UP), running.next_hop, calls=legs // 2)
    up = teams_calls(running, caller(*HOLDS), calls=legs // 2, options=("-r", "1000"))
    wait_for_answer(operator, legs // 2)
    teams_calls(running, failing(486)).wait()
    up.wait()
    operator.wait()
    rules = [one["rule"] for one in running.wait_for_cdrs(legs // 2 + 1)]
    assert rules == ["legs_full"] + ["admitted"] * (legs // 2)


def test_a_call_for_which_no_legs_are_free_is_refused_by_us_and_an_emergency_call_passes(
    gateway, sipp, teams_calls, legs
):
    running = gateway(reserve_legs=legs - 2)
    operator = sipp(called(*IS_HUNG_UP), running.next_hop, calls=2)
    first = teams_calls(running, caller(*HOLDS))
    wait_for_answer(operator)
    refused = teams_calls(running, failing(486))
    refused.wait()
    assert NO_CHANNEL in refused.received("SIP/2.0 486")[0]
    teams_calls(running, caller(*HANGS_UP), number="112").wait()
    first.wait()
    operator.wait()
    cdrs = running.wait_for_cdrs(3)
    assert [(one["rule"], one["end_reason"], one["sip_code"]) for one in cdrs] == [
        ("legs_full", "no_channel", 486),
        ("emergency", "normal", 200),
        ("admitted", "normal", 200),
    ]


def test_the_trunk_is_full_before_the_library_is(gateway, sipp, teams_calls):
    running = gateway(reserve_legs=0)
    operator = sipp(called(*IS_HUNG_UP), running.next_hop, calls=2)
    first = teams_calls(running, caller(pause(1500), request("BYE", **BETA), receive(200), **BETA))
    wait_for_answer(operator)
    refused = teams_calls(running, failing(486, **BETA))
    refused.wait()
    assert NO_CHANNEL in refused.received("SIP/2.0 486")[0]
    second = teams_calls(running, caller(*HANGS_UP))
    second.wait()
    first.wait()
    cdrs = running.wait_for_cdrs(3)
    assert [(one["trunk_id"], one["rule"]) for one in cdrs] == [
        ("t2", "trunk_full"),
        ("t1", "admitted"),
        ("t2", "admitted"),
    ]


def test_refusals_of_policy_carry_code_and_reason(gateway, teams_calls):
    running = gateway()
    foreign = teams_calls(running, failing(403, caller="+33140000000"))
    foreign.wait()
    assert 'Reason: Q.850;cause=21;text="Billed number is none of the customer\'s"' in foreign.messages
    elsewhere = "sip:[service]@sbc9.nobody.trunk.example"
    teams_calls(running, failing(403, target=elsewhere)).wait()
    teams_calls(running, failing(484), number="abc").wait()
    cdrs = running.wait_for_cdrs(2)
    assert [(one["rule"], one["end_reason"]) for one in cdrs] == [
        ("billed_number", "refused"),
        ("unreadable", "refused"),
    ]
    assert "unknown_trunk" in running.log


def test_an_operator_that_never_answers_is_given_up(gateway, sipp, teams_calls):
    running = gateway(no_answer="1 s")
    answers = [
        receive("INVITE", KEEP),
        reply(180),
        receive("CANCEL"),
        BYE_OK,
        TERMINATED,
        receive("ACK"),
        KEPT,
    ]
    operator = sipp(answers, running.next_hop)
    teams_calls(running, failing(480, receive(180))).wait()
    operator.wait()
    (cdr,) = running.wait_for_cdrs(1)
    assert (cdr["sip_code"], cdr["end_reason"], cdr["answer_time"]) == (480, "no_answer", "")


def test_an_operator_that_is_not_there_is_given_up(gateway, teams_calls):
    running = gateway(no_answer="1 s")
    teams_calls(running, failing(480)).wait()
    (cdr,) = running.wait_for_cdrs(1)
    assert (cdr["sip_code"], cdr["end_reason"]) == (480, "no_answer")


def test_calls_to_an_operator_that_is_gone_fail_before_teams_gives_up_and_leave_no_leg_behind(
    gateway, sipp, teams_calls
):
    running = gateway(clock=4)
    teams_calls(running, failing(408)).wait()
    (cdr,) = running.wait_for_cdrs(1)
    assert cdr["sip_code"] == 408
    assert seconds(cdr, "setup_time", "release_time") < 10
    sipp(called(*IS_HUNG_UP), running.next_hop)
    teams_calls(running, caller(*HANGS_UP)).wait()


def test_a_leg_whose_peer_confirms_nothing_is_not_taken_for_free(gateway, teams_calls, legs):
    running = gateway(no_answer="1 s", reserve_legs=legs - 2)
    teams_calls(running, failing(480)).wait()
    time.sleep(1)
    refused = teams_calls(running, failing(486))
    refused.wait()
    assert [one["rule"] for one in running.wait_for_cdrs(2)] == ["admitted", "legs_full"]


def test_a_call_of_two_that_never_say_bye_is_cut(gateway, sipp, teams_calls):
    running = gateway(max_call="1 s")
    operator = sipp(called(*IS_HUNG_UP), running.next_hop)
    teams = teams_calls(running, caller(*IS_HUNG_UP))
    teams.wait()
    operator.wait()
    (cdr,) = running.wait_for_cdrs(1)
    assert (cdr["sip_code"], cdr["end_reason"]) == (200, "timeout")
    assert 'Reason: Q.850;cause=102;text="Too long"' in teams.received("BYE")[0]


@pytest.mark.parametrize("kind", [signal.SIGTERM, signal.SIGHUP])
def test_sigterm_hangs_up_and_writes_the_cdrs(gateway, sipp, teams_calls, kind):
    """So does the end of its terminal."""
    running = gateway()
    operator = sipp(called(*IS_HUNG_UP), running.next_hop)
    teams = teams_calls(running, caller(*IS_HUNG_UP))
    wait_for_answer(operator)
    assert running.stop(kind) == 0
    teams.wait()
    operator.wait()
    (cdr,) = running.wait_for_cdrs(1)
    assert (cdr["sip_code"], cdr["end_reason"]) == (200, "shutdown")


def test_after_kill_9_the_call_has_one_cdr_and_its_channel_is_free(gateway, sipp, teams_calls):
    running = gateway()
    operator = sipp(called(pause(100)), running.next_hop)
    teams_calls(running, caller(pause(100), **BETA)).wait()
    operator.wait()
    running.stop(signal.SIGKILL)
    running.start()
    (cdr,) = running.wait_for_cdrs(1)
    assert (cdr["trunk_id"], cdr["sip_code"], cdr["end_reason"]) == ("t2", 200, "crash")
    sipp(called(*IS_HUNG_UP), running.next_hop)
    teams_calls(running, caller(request("BYE", **BETA), receive(200), **BETA)).wait()
    assert running.wait_for_cdrs(2)[1]["end_reason"] == "normal"


def test_options_are_answered_with_our_name_and_without_refer(gateway):
    running = gateway()
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as peer:
        peer.bind(("127.0.0.1", 0))
        peer.settimeout(3)
        own = peer.getsockname()[1]
        text = (
            f"OPTIONS sip:trunk.example:{running.teams} SIP/2.0\r\n"
            f"Via: SIP/2.0/UDP 127.0.0.1:{own};branch=z9hG4bKo1\r\nMax-Forwards: 70\r\n"
            f"From: <sip:sip.pstnhub.microsoft.com>;tag=1\r\nTo: <sip:trunk.example>\r\nCall-ID: o1\r\n"
            f"CSeq: 1 OPTIONS\r\nContent-Length: 0\r\n\r\n"
        )
        peer.sendto(text.encode(), ("127.0.0.1", running.teams))
        answer = peer.recv(4096).decode()
    assert answer.startswith("SIP/2.0 200 ")
    assert f"Contact: <sip:trunk.example:{running.teams};transport=udp>\r\n" in answer
    (allow,) = re.findall("\r\nAllow: (.*)\r\n", answer)
    assert "INVITE" in allow
    assert "REFER" not in answer
    assert "replaces" not in answer
