"""Peers that share no code with the gateway: baresip as Teams, Kamailio as its proxy, or as an SBC."""

from __future__ import annotations

import json
import time

import pytest
from running import free_port
from sipp import CALLED, IS_HUNG_UP, SDP, TELEPHONE, called, caller, receive, request
from sound import pitch
from test_overseen import status

MICROSOFT = "sip.pstnhub.microsoft.com"
TRUNK = "sbc1.alpha.trunk.example"
SECURE = SDP.replace("RTP/AVP", "RTP/SAVP") + f"a=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:{'A' * 40}\n"
FROM_OUTSIDE = {"target": f"sip:{TELEPHONE}@127.0.0.1;user=phone", "caller": "+33639980123"}


def is_secure(leg):
    """A scenario whose sound is SRTP."""
    return [step.replace(SDP, SECURE) for step in leg]


@pytest.fixture
def towards_teams(gateway, authority):
    """A gateway with TLS towards Teams."""
    files = authority.certify("gateway", "trunk.example", TRUNK, is_for_clients=True)
    return lambda **more: gateway(transport="tls", tls=f"  tls: {json.dumps(files)}\n", **more)


@pytest.fixture
def towards_operator(gateway, authority):
    """A gateway with TLS towards the operator, whose SBC is Kamailio."""
    files = authority.certify("gateway", "gw1.carrier.example", is_for_clients=True)
    return gateway(operator_transport="tls", operator_tls=f"  tls: {json.dumps(files)}\n")


def assert_heard(phone, tone):
    found, share = pitch(phone.record)
    assert abs(found - tone) <= 5
    assert share > 0.9


def test_a_softphone_as_teams_calls_out(towards_teams, authority, softphone):
    running = towards_teams()
    operator = softphone(running.next_hop, f"sip:{CALLED}@127.0.0.1", None, tone=1000, seconds=6)
    teams = softphone(
        running.proxies[0],
        f"sip:{TELEPHONE}@{MICROSOFT}",
        authority.certify("teams", MICROSOFT),
        tone=440,
        seconds=2,
        call=f"sip:{CALLED}@{TRUNK}:{running.teams}",
    )
    teams.wait()
    (cdr,) = running.wait_for_cdrs(1)
    assert (cdr["trunk_id"], cdr["direction"], cdr["end_reason"]) == ("t1", "outbound", "normal")
    assert_heard(teams, 1000)
    assert_heard(operator, 440)


def test_a_softphone_as_teams_is_called(towards_teams, authority, softphone):
    running = towards_teams()
    files = authority.certify("teams", MICROSOFT)
    teams = softphone(running.proxies[0], f"sip:{TELEPHONE}@{MICROSOFT}", files, tone=440, seconds=6)
    own, target = "sip:+33639980123@127.0.0.1", f"sip:{TELEPHONE}@127.0.0.1:{running.operator}"
    operator = softphone(free_port(), own, None, tone=1000, seconds=2, call=target)
    operator.wait()
    (cdr,) = running.wait_for_cdrs(1)
    assert (cdr["direction"], cdr["a_number"], cdr["end_reason"]) == ("inbound", "+33639980123", "normal")
    assert_heard(teams, 1000)
    assert_heard(operator, 440)


@pytest.fixture
def sbc(towards_operator, authority, kamailio):
    """The operator's SBC; `beyond` hears calls of the gateway."""
    files = authority.certify("sbc", "sbc.operator.example")
    ports = {"tls": towards_operator.next_hop, "udp": free_port(), "beyond": free_port()}
    started = kamailio(files, gateway=towards_operator.operator, **ports)
    started.udp, started.beyond = ports["udp"], ports["beyond"]
    return started


def test_a_call_goes_out_by_the_operators_sbc(towards_operator, sbc, sipp, teams_calls):
    operator = sipp(is_secure(called(*IS_HUNG_UP, extra="[last_Record-Route:]")), sbc.beyond)
    teams_calls(towards_operator, caller(request("BYE"), receive(200))).wait()
    operator.wait()
    (cdr,) = towards_operator.wait_for_cdrs(1)
    assert (cdr["direction"], cdr["end_reason"]) == ("outbound", "normal")
    (invite,) = operator.received("INVITE")
    assert "RTP/SAVP" in invite
    assert "heard INVITE tls TLSv1.2" in sbc.log


def test_a_call_comes_in_by_the_operators_sbc(towards_operator, sbc, sipp):
    teams = sipp(called(*IS_HUNG_UP), towards_operator.proxies[0])
    within = {"extra": "[routes]", "caller": "+33639980123", "target": "[next_url]"}
    steps = is_secure(caller(**FROM_OUTSIDE))
    steps[-1:] = [request("ACK", **within), request("BYE", **within), receive(200)]
    sipp(steps, free_port(), target=f"127.0.0.1:{sbc.udp}").wait()
    teams.wait()
    (cdr,) = towards_operator.wait_for_cdrs(1)
    assert (cdr["direction"], cdr["a_number"], cdr["end_reason"]) == ("inbound", "+33639980123", "normal")


def options_of(running, *expected) -> None:
    """Wait until the last OPTIONS each way are as expected: peer, way, status."""
    until, found = time.monotonic() + 5, []
    while sorted(found) != sorted(expected) and time.monotonic() < until:
        found = [(one["peer"], one["way"], one["code"]) for one in status(running.folder)["options"]]
    assert sorted(found) == sorted(expected)


def test_a_proxy_of_teams_is_known_as_alive_asks_in_turn_and_takes_calls(
    towards_teams, authority, kamailio, sipp
):
    running = towards_teams(hops=2)
    silent, alive = running.proxies
    files, beyond = authority.certify("teams", MICROSOFT), free_port()
    proxy = kamailio(files, tls=alive, udp=free_port(), gateway=running.teams, beyond=beyond)
    running.stop()
    running.start()  # the proxies are asked at the start, then every minute
    options_of(
        running,
        (f"127.0.0.1:{silent}", "sent", 503),
        (f"127.0.0.1:{alive}", "sent", 200),
        ("teams", "received", 200),
    )
    heard = "heard OPTIONS tls TLSv1.2 ECDHE-RSA-AES256-GCM-SHA384"
    assert f"{heard} <sip:trunk.example:{running.teams};transport=tls>" in proxy.log
    assert "answered 200" in proxy.log
    teams = sipp(is_secure(called(*IS_HUNG_UP, extra="[last_Record-Route:]")), beyond)
    steps = caller(request("BYE", **FROM_OUTSIDE), receive(200), **FROM_OUTSIDE)
    sipp(steps, free_port(), target=f"127.0.0.1:{running.operator}").wait()
    teams.wait()
    (invite,) = teams.received("INVITE")
    assert f"Contact: <sip:+33639980123@{TRUNK}:{running.teams};user=phone;transport=tls>" in invite
    (cdr,) = running.wait_for_cdrs(1)
    assert (cdr["direction"], cdr["end_reason"]) == ("inbound", "normal")
