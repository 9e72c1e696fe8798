"""The Teams proxies: asked by OPTIONS, tried in order."""

from __future__ import annotations

import re
import socket

import pytest
from running import free_port
from sipp import IS_HUNG_UP, KEEP, KEPT, SDP, TELEPHONE, asked_too, caller, receive, reply, request

FROM_OUTSIDE = {"target": f"sip:{TELEPHONE}@127.0.0.1;user=phone", "caller": "+33639980123"}
HANGS_UP = [request("BYE", **FROM_OUTSIDE), receive(200)]
ANSWERS = [receive("INVITE", KEEP), reply(180), reply(200, body=SDP), receive("ACK"), *IS_HUNG_UP, KEPT]


def test_each_proxy_is_asked_under_the_carriers_name(gateway):
    running = gateway(hops=2)
    for port in running.proxies:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as proxy:
            proxy.bind(("127.0.0.1", port))
            proxy.settimeout(5)
            asked = proxy.recv(4096).decode()
        assert asked.startswith(f"OPTIONS sip:127.0.0.1:{port};transport=udp SIP/2.0\r\n")
        assert f"Contact: <sip:trunk.example:{running.teams};transport=udp>\r\n" in asked
        assert "From: <sip:trunk.example>;tag=" in asked
        assert re.search(r"\r\nX-MS-SBC: trunkrate/gateway/[0-9.]+\r\n", asked)
        (allow,) = re.findall("\r\nAllow: (.*)\r\n", asked)
        assert "REFER" not in allow


@pytest.mark.parametrize("transport", ["udp", "tcp"])
def test_a_proxy_that_is_silent_is_passed_over(gateway, sipp, transport):
    running = gateway(hops=2, transport=transport, clock=4)
    second = sipp(asked_too(ANSWERS), running.proxies[1], calls=2, transport=f"{transport[0]}1")
    operator = sipp(caller(*HANGS_UP, **FROM_OUTSIDE), free_port(), target=f"127.0.0.1:{running.operator}")
    operator.wait()
    assert second.received("INVITE")
    (cdr,) = running.wait_for_cdrs(1)
    assert (cdr["direction"], cdr["end_reason"]) == ("inbound", "normal")


def test_a_proxy_that_is_out_of_work_is_passed_over(gateway, sipp):
    running = gateway(hops=2)
    refuses = [receive("INVITE", KEEP), reply(503, "Busy", "Retry-After: 1"), receive("ACK"), KEPT]
    sipp(asked_too(refuses), running.proxies[0], calls=2)
    second = sipp(asked_too(ANSWERS), running.proxies[1], calls=2)
    operator = sipp(caller(*HANGS_UP, **FROM_OUTSIDE), free_port(), target=f"127.0.0.1:{running.operator}")
    operator.wait()
    assert second.received("INVITE")
    (cdr,) = running.wait_for_cdrs(1)
    assert cdr["end_reason"] == "normal"


def test_a_user_who_declines_is_not_asked_again_elsewhere(gateway, sipp):
    running = gateway(hops=2)
    refuses = [receive("INVITE", KEEP), reply(603, "Decline"), receive("ACK"), KEPT]
    sipp(asked_too(refuses), running.proxies[0], calls=2)
    second = sipp(asked_too(ANSWERS), running.proxies[1], calls=2)
    steps = [
        request("INVITE", body=SDP, retrans=500, **FROM_OUTSIDE),
        receive(100, optional="true"),
        receive(603),
        request("ACK", **FROM_OUTSIDE),
    ]
    sipp(steps, free_port(), target=f"127.0.0.1:{running.operator}").wait()
    assert not second.received("INVITE")
    (cdr,) = running.wait_for_cdrs(1)
    assert cdr["sip_code"] == 603
