"""A call that goes round is stopped: Max-Forwards is counted down (RFC 3261, 16.6; RFC 7092)."""

from __future__ import annotations

import re

import pytest
from running import free_port
from sipp import HANGS_UP, IS_HUNG_UP, TELEPHONE, called, caller, failing, receive, request

FROM_OUTSIDE = {"target": f"sip:{TELEPHONE}@127.0.0.1;user=phone", "caller": "+33639980123"}
ENDS = [request("BYE", **FROM_OUTSIDE), receive(200)]


def with_hops(steps: list[str], line: str) -> list[str]:
    """Steps whose INVITE has another Max-Forwards."""
    return [steps[0].replace("Max-Forwards: 70", line), *steps[1:]]


def hops(sipp_process) -> list[str]:
    (invite,) = sipp_process.received("INVITE")
    return re.findall(r"\nMax-Forwards: (.*)\n", invite)


@pytest.mark.parametrize(
    ("comes", "leaves"), [("Max-Forwards: 70", "69"), ("Max-Forwards: 1", "0"), ("Subject: x", "69")]
)
def test_what_goes_out_has_one_hop_less(gateway, sipp, teams_calls, comes, leaves):
    running = gateway()
    operator = sipp(called(*IS_HUNG_UP), running.next_hop)
    teams_calls(running, with_hops(caller(*HANGS_UP), comes)).wait()
    assert hops(operator) == [leaves]


def test_the_next_call_has_hops_of_its_own(gateway, sipp, teams_calls):
    running = gateway()
    for comes, leaves in (("9", "8"), ("70", "69")):
        operator = sipp(called(*IS_HUNG_UP), running.next_hop)
        teams_calls(running, with_hops(caller(*HANGS_UP), f"Max-Forwards: {comes}")).wait()
        operator.wait()
        assert hops(operator) == [leaves]


def test_each_teams_proxy_is_tried_with_one_hop_less(gateway, sipp):
    running = gateway()
    teams = sipp(called(*IS_HUNG_UP), running.proxies[0])
    steps = with_hops(caller(*ENDS, **FROM_OUTSIDE), "Max-Forwards: 20")
    sipp(steps, free_port(), target=f"127.0.0.1:{running.operator}").wait()
    assert hops(teams) == ["19"]


def test_a_call_without_a_hop_left_is_refused(gateway, teams_calls):
    running = gateway()
    teams = teams_calls(running, with_hops(failing(483), "Max-Forwards: 0"))
    teams.wait()
    assert 'Reason: Q.850;cause=25;text="Forwarded too often"' in teams.messages
    (cdr,) = running.wait_for_cdrs(1)
    assert (cdr["rule"], cdr["end_reason"], cdr["sip_code"]) == ("loop", "refused", 483)
