"""Messages that cross, and calls that change: hold from either side, from both, at the same instant."""

from __future__ import annotations

import re

from sipp import (
    HANGS_UP,
    IS_HUNG_UP,
    SDP,
    called,
    caller,
    from_called,
    is_reinvited,
    pause,
    receive,
    reinvite,
    reinvite_of_called,
    reply,
    request,
    version,
    within,
)

KEPT_HEADERS = "".join(
    f'<ereg regexp=".*" search_in="hdr" header="{name}:" assign_to="{variable}"/>'
    for name, variable in (("Via", "via"), ("CSeq", "cseq"), ("To", "to"))
)


def directions(sipp_process) -> list[str]:
    """Which way sound goes, by each INVITE that was received."""
    return [
        re.findall(r"\na=(send\w+|recvonly|inactive)", one)[-1] for one in sipp_process.received("INVITE")
    ]


def bye(number: int) -> list[str]:
    return [request("BYE").replace("CSeq: 2", f"CSeq: {number}"), receive(200)]


def test_two_byes_that_cross_are_both_answered(gateway, sipp, teams_calls):
    running = gateway()
    crosses = [receive("BYE"), from_called("BYE", 1), receive(200)]
    operator = sipp(called(*crosses), running.next_hop)
    teams_calls(running, caller(*HANGS_UP)).wait()
    operator.wait()
    (cdr,) = running.wait_for_cdrs(1)
    assert cdr["end_reason"] == "normal"
    sipp(called(*IS_HUNG_UP), running.next_hop)
    teams_calls(running, caller(*HANGS_UP)).wait()


def test_a_hold_of_teams_is_passed_on_and_taken_back(gateway, sipp, teams_calls):
    running = gateway()
    operator = sipp(
        called(*is_reinvited("recvonly"), *is_reinvited("sendrecv"), *IS_HUNG_UP), running.next_hop
    )
    holds = [*reinvite(2, version(2, "inactive")), pause(900)]
    resumes = [*reinvite(3, version(3, "sendrecv")), pause(900)]
    teams_calls(running, caller(*holds, *resumes, *bye(4))).wait()
    operator.wait()
    assert directions(operator) == ["sendrecv", "sendonly", "sendrecv"]
    assert running.wait_for_cdrs(1)[0]["end_reason"] == "normal"


def test_an_operator_holds_a_call_and_takes_it_up(gateway, sipp, teams_calls):
    running = gateway()
    holds = [*reinvite_of_called(1, version(2, "sendonly")), pause(900)]
    resumes = [*reinvite_of_called(2, version(3, "sendrecv")), pause(900)]
    operator = sipp(called(*holds, *resumes, from_called("BYE", 3), receive(200)), running.next_hop)
    steps = caller(*is_reinvited("recvonly"), *is_reinvited("sendrecv"), *IS_HUNG_UP)
    teams = teams_calls(running, steps)
    teams.wait()
    operator.wait()
    assert directions(teams) == ["sendonly", "sendrecv"]
    assert running.wait_for_cdrs(1)[0]["end_reason"] == "normal"


def test_a_call_that_both_hold_is_taken_up_when_both_did(gateway, sipp, teams_calls):
    running = gateway()
    held = [*is_reinvited("recvonly"), pause(300), *reinvite_of_called(1, version(10, "inactive"))]
    taken_up = [*is_reinvited("sendonly"), pause(900), *reinvite_of_called(2, version(11, "sendrecv"))]
    operator = sipp(called(*held, *taken_up, *IS_HUNG_UP), running.next_hop)
    steps = [*reinvite(2, version(2, "inactive")), pause(800), *reinvite(3, version(3, "sendrecv"))]
    told = [*is_reinvited("recvonly"), *is_reinvited("sendrecv"), pause(200)]
    teams = teams_calls(running, caller(*steps, *told, *bye(4)))
    teams.wait()
    operator.wait()
    assert directions(operator)[1:] == ["sendonly", "sendrecv"]
    assert directions(teams) == ["sendonly", "sendrecv"]
    assert running.wait_for_cdrs(1)[0]["end_reason"] == "normal"


def test_a_hold_that_is_taken_back_before_the_operator_agreed(gateway, sipp, teams_calls):
    running = gateway()
    slow = is_reinvited("recvonly")
    slow.insert(1, pause(400))
    operator = sipp(called(*slow, *is_reinvited("sendrecv"), *IS_HUNG_UP), running.next_hop)
    changes = [*reinvite(2, version(2, "inactive")), *reinvite(3, version(3, "sendrecv")), pause(1500)]
    teams_calls(running, caller(*changes, *bye(4))).wait()
    operator.wait()
    assert directions(operator)[1:] == ["sendonly", "sendrecv"]
    assert running.wait_for_cdrs(1)[0]["end_reason"] == "normal"


def test_two_holds_that_cross_are_both_refused_and_the_gateways_is_repeated(gateway, sipp, teams_calls):
    """RFC 3261, 14.1: 491 to both; who made the call asks again after 2.1 to 4 s."""
    running = gateway(clock=4)
    refused = within(reply(491)).replace("[last_Via:]", "Via:[$via]").replace("[last_CSeq:]", "CSeq:[$cseq]")
    refused = refused.replace("[last_From:]", "From:[$caller]").replace("[last_To:]", "To:[$to]")
    crosses = [
        receive("INVITE", f"<action>{KEPT_HEADERS}</action>"),
        from_called("INVITE", 1, body=version(10, "sendonly")),
        receive(100, optional="true"),
        receive(491),
        from_called("ACK", 1),
        refused,
        receive("ACK"),
    ]
    operator = sipp(called(*crosses, *is_reinvited("recvonly"), *IS_HUNG_UP), running.next_hop)
    steps = caller(*reinvite(2, version(2, "inactive")), pause(2000), *bye(3))
    teams_calls(running, steps).wait()
    operator.wait()
    assert directions(operator)[1:] == ["sendonly", "sendonly"]
    assert running.wait_for_cdrs(1)[0]["end_reason"] == "normal"


def test_a_reinvite_without_sdp_is_answered_with_an_offer(gateway, sipp, teams_calls):
    running = gateway()
    operator = sipp(called(*IS_HUNG_UP), running.next_hop)
    steps = caller(*reinvite(2, "", ack_body=version(2, "sendrecv")), pause(200), *bye(3))
    teams = teams_calls(running, steps)
    teams.wait()
    operator.wait()
    offer = teams.received("SIP/2.0 200")[1]
    assert "m=audio" in offer
    assert "a=sendrecv" in offer
    assert running.wait_for_cdrs(1)[0]["end_reason"] == "normal"


def test_a_call_without_sdp_is_answered_with_an_offer(gateway, sipp, teams_calls):
    running = gateway()
    operator = sipp(called(*IS_HUNG_UP), running.next_hop)
    steps = [
        request("INVITE", retrans=500),
        receive(100, optional="true"),
        receive(180),
        receive(200, rrs="true"),
        request("ACK", body=SDP),
        pause(300),
        *HANGS_UP,
    ]
    teams = teams_calls(running, steps)
    teams.wait()
    operator.wait()
    assert "m=audio" in operator.received("INVITE")[0]
    assert "m=audio" in teams.received("SIP/2.0 200")[0]
    assert running.wait_for_cdrs(1)[0]["end_reason"] == "normal"
