"""What the caller is told before the answer: ringing, sound, and that the gateway is still there."""

from __future__ import annotations

import re

import pytest
from sipp import (
    CALLED,
    HANGS_UP,
    IS_HUNG_UP,
    KEEP,
    KEPT,
    SDP,
    pause,
    receive,
    reply,
    request,
)
from test_calls import seconds
from test_ladder import printed

INVITES = [request("INVITE", body=SDP, retrans=500), receive(100, optional="true")]
IS_ANSWERED = [receive(200, rrs="true"), request("ACK")]
ANSWERS = [reply(200, body=SDP), receive("ACK"), *IS_HUNG_UP, KEPT]


def told(sipp_process) -> list[tuple[int, bool]]:
    """Status above 100 and whether it brings sound, of each answer to an INVITE."""
    found = [
        (int(message[8:11]), "m=audio" in message)
        for message in sipp_process.received("SIP/2.0 ")
        if re.search(r"\nCSeq: \d+ INVITE\n", message)
    ]
    return [one for one in found if one[0] > 100]


def second_of(ladder: str, message: str) -> float:
    """When the gateway's clock first saw a message. [s of the hour]"""
    (found,) = re.findall(rf"^\d\d:(\d\d):([0-9.]+)  .*  gateway  {message}", ladder, re.MULTILINE)[:1]
    return int(found[0]) * 60 + float(found[1])


def test_progress_is_told_once_after_8_s_where_the_operator_only_tries(gateway, sipp, teams_calls):
    """Teams looks for another gateway after 10 s."""
    running = gateway(clock=4, options=["--trace", CALLED])
    tries = [receive("INVITE", KEEP), reply(100), pause(3500), reply(180), pause(200)]
    operator = sipp([*tries, *ANSWERS], running.next_hop)
    teams = teams_calls(running, [*INVITES, receive(183), receive(180), *IS_ANSWERED, *HANGS_UP])
    teams.wait()
    operator.wait()
    assert told(teams) == [(183, False), (180, False), (200, True)]
    ladder = printed(running, "--- ")
    waited = (second_of(ladder, "SIP/2.0 183") - second_of(ladder, "INVITE")) % 3600
    assert 8 <= waited < 10
    (cdr,) = running.wait_for_cdrs(1)
    assert seconds(cdr, "setup_time", "alert_time") > 10  # nobody rang before


@pytest.mark.parametrize(
    ("comes", "passes"),
    [
        ([(180, 0), (183, 0), (180, 0)], [(180, 0), (183, 0), (180, 0)]),
        ([(181, 0), (182, 0), (180, 0)], [(181, 0), (182, 0), (180, 0)]),
        ([(183, 1), (180, 0)], [(183, 1), (180, 1)]),
        ([(180, 1), (180, 1)], [(183, 1), (180, 1)]),
        ([(180, 0), (180, 1)], [(180, 0), (183, 1)]),
        ([(180, 0), (199, 0), (183, 0)], [(180, 0), (183, 0)]),
    ],
)
def test_each_18x_is_passed_on_with_sdp_where_there_is_sound(gateway, sipp, teams_calls, comes, passes):
    """SDP without sound behind it would silence the ringing tone of Teams."""
    running = gateway()
    steps = [receive("INVITE", KEEP), pause(50)]
    for code, has_sound in comes:
        steps += [reply(code, body=SDP if has_sound else ""), pause(50)]
    sipp([*steps, *ANSWERS], running.next_hop)
    waits = [receive(code) for code, _ in passes]
    teams = teams_calls(running, [*INVITES, *waits, *IS_ANSWERED, *HANGS_UP])
    teams.wait()
    assert told(teams) == [*((code, bool(has_sound)) for code, has_sound in passes), (200, True)]


def test_nothing_is_charged_for_what_is_heard_before_the_answer(gateway, sipp, teams_calls):
    running = gateway()
    sounds = [receive("INVITE", KEEP), reply(183, body=SDP), pause(1200)]
    sipp([*sounds, *ANSWERS], running.next_hop)
    teams_calls(running, [*INVITES, receive(183), *IS_ANSWERED, pause(300), *HANGS_UP]).wait()
    (cdr,) = running.wait_for_cdrs(1)
    assert seconds(cdr, "setup_time", "alert_time") < 1
    assert seconds(cdr, "alert_time", "answer_time") >= 1.1
    assert 0.2 < seconds(cdr, "answer_time", "release_time") < 1.2
