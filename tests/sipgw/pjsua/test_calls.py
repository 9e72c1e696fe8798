"""Calls between two SIPp through the gateway: what passes from one leg to the other, and the CDR."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import pytest
from running import free_port
from sipp import (
    BYE_OK,
    CALLED,
    HANGS_UP,
    IS_HUNG_UP,
    KEEP,
    KEPT,
    SDP,
    TELEPHONE,
    TERMINATED,
    called,
    caller,
    failing,
    from_called,
    pause,
    receive,
    reply,
    request,
)

FROM_OUTSIDE = {"target": f"sip:{TELEPHONE}@127.0.0.1;user=phone", "caller": "+33639980123"}


def seconds(cdr: dict[str, Any], first: str, last: str) -> float:
    begin, end = (datetime.fromisoformat(cdr[name]) for name in (first, last))
    return (end - begin).total_seconds()


@pytest.mark.parametrize("transport", ["udp", "tcp"])
def test_call_from_teams_is_bridged_and_recorded(gateway, sipp, teams_calls, transport):
    kind = {"udp": "u1", "tcp": "t1"}[transport]
    running = gateway(transport=transport, operator_transport=transport)
    operator = sipp(called(*IS_HUNG_UP), running.next_hop, transport=kind)
    bye = request("BYE", 'Reason: Q.850;cause=16;text="Bye bye"')
    teams_calls(running, caller(pause(500), bye, receive(200)), transport=kind).wait()
    operator.wait()
    (cdr,) = running.wait_for_cdrs(1)
    assert (cdr["trunk_id"], cdr["direction"], cdr["rule"]) == ("t1", "outbound", "admitted")
    assert (cdr["a_number"], cdr["b_number"]) == (TELEPHONE, CALLED)
    assert (cdr["sip_code"], cdr["end_reason"]) == (200, "normal")
    assert 0.4 < seconds(cdr, "answer_time", "release_time") < 2
    assert cdr["setup_time"] <= cdr["alert_time"] <= cdr["answer_time"]
    (invite,) = operator.received("INVITE")
    assert f"P-Asserted-Identity: <sip:{TELEPHONE}@127.0.0.1:{running.operator};user=phone>" in invite
    assert f"From: <sip:{TELEPHONE}@127.0.0.1;user=phone>" in invite
    (bye,) = operator.received("BYE")
    assert 'Reason: Q.850;cause=16;text="Bye bye"' in bye


def test_call_from_the_operator_reaches_teams_under_the_customers_name(gateway, sipp):
    running = gateway()
    why = 'Reason: Q.850;cause=16;text="Called hangs up"'
    teams = sipp(called(pause(300), from_called("BYE", 1, why), receive(200)), running.proxies[0])
    steps = caller(*IS_HUNG_UP, **FROM_OUTSIDE)
    operator = sipp(steps, free_port(), target=f"127.0.0.1:{running.operator}")
    operator.wait()
    teams.wait()
    (cdr,) = running.wait_for_cdrs(1)
    assert (cdr["trunk_id"], cdr["direction"], cdr["end_reason"]) == ("t1", "inbound", "normal")
    assert (cdr["a_number"], cdr["b_number"]) == ("+33639980123", TELEPHONE)
    (invite,) = teams.received("INVITE")
    assert invite.startswith(
        f"INVITE sip:{TELEPHONE}@127.0.0.1:{running.proxies[0]};user=phone;transport=udp"
    )
    contact = f"Contact: <sip:+33639980123@sbc1.alpha.trunk.example:{running.teams};user=phone;transport=udp>"
    assert contact in invite
    assert "From: <sip:+33639980123@sbc1.alpha.trunk.example" in invite
    assert why in operator.received("BYE")[0]


def test_failure_is_passed_on_with_its_reason(gateway, sipp, teams_calls):
    running = gateway()
    busy = [receive("INVITE"), reply(486, "Busy", 'Reason: Q.850;cause=17;text="In talk"'), receive("ACK")]
    operator = sipp(busy, running.next_hop)
    teams = teams_calls(running, failing(486))
    teams.wait()
    operator.wait()
    (cdr,) = running.wait_for_cdrs(1)
    assert (cdr["sip_code"], cdr["end_reason"], cdr["answer_time"]) == (486, "busy", "")
    (answer,) = teams.received("SIP/2.0 486")
    assert 'Reason: Q.850;cause=17;text="In talk"' in answer


@pytest.mark.parametrize(("theirs", "ours"), [(401, 403), (407, 403), (302, 480), (404, 404), (603, 603)])
def test_failure_that_concerns_the_gateway_is_translated(gateway, sipp, teams_calls, theirs, ours):
    running = gateway()
    extra = {302: "Contact: <sip:evil@127.0.0.1:9>", 401: 'WWW-Authenticate: Digest realm="r", nonce="1"',
             407: 'Proxy-Authenticate: Digest realm="r", nonce="1"'}.get(theirs, "")  # fmt: skip
    sipp([receive("INVITE"), reply(theirs, "No", extra), receive("ACK")], running.next_hop)
    teams_calls(running, failing(ours)).wait()
    (cdr,) = running.wait_for_cdrs(1)
    assert cdr["sip_code"] == ours


def test_cancel_is_passed_on_with_its_reason(gateway, sipp, teams_calls):
    running = gateway()
    operator = sipp(
        [receive("INVITE", KEEP), reply(180), receive("CANCEL"), BYE_OK, TERMINATED, receive("ACK"), KEPT],
        running.next_hop,
    )
    elsewhere = 'Reason: SIP;cause=200;text="Call completed elsewhere"'
    steps = [
        request("INVITE", body=SDP, retrans=500),
        receive(100, optional="true"),
        receive(180),
        pause(200),
        request("CANCEL", elsewhere),
        receive(200),
        receive(487),
        request("ACK"),
    ]
    teams_calls(running, steps).wait()
    operator.wait()
    (cdr,) = running.wait_for_cdrs(1)
    assert (cdr["sip_code"], cdr["end_reason"], cdr["answer_time"]) == (487, "cancelled", "")
    (cancel,) = operator.received("CANCEL")
    assert elsewhere in cancel


def test_200_that_crosses_a_cancel_is_hung_up_and_not_billed(gateway, sipp, teams_calls):
    running = gateway()
    answers = [receive("CANCEL"), BYE_OK, ANSWER_AFTER_CANCEL, receive("ACK"), *IS_HUNG_UP, KEPT]
    operator = sipp([receive("INVITE", KEEP), reply(180), *answers], running.next_hop)
    steps = [
        request("INVITE", body=SDP, retrans=500),
        receive(100, optional="true"),
        receive(180),
        request("CANCEL"),
        receive(200),
        receive(487),
        request("ACK"),
    ]
    teams_calls(running, steps).wait()
    operator.wait()
    (cdr,) = running.wait_for_cdrs(1)
    assert (cdr["sip_code"], cdr["end_reason"], cdr["answer_time"]) == (487, "cancelled", "")


ANSWER_AFTER_CANCEL = reply(200, body=SDP).replace("[last_CSeq:]", "CSeq:[$number] INVITE")


def test_each_18x_is_passed_on_and_early_media_with_it(gateway, sipp, teams_calls):
    running = gateway()
    ringing = [receive("INVITE", KEEP), reply(180), reply(181), reply(183, body=SDP), pause(300)]
    operator = sipp([*ringing, reply(200, body=SDP), receive("ACK"), *IS_HUNG_UP, KEPT], running.next_hop)
    steps = [
        request("INVITE", body=SDP, retrans=500),
        receive(100, optional="true"),
        receive(180),
        receive(181),
        receive(183),
        receive(200, rrs="true"),
        request("ACK"),
        *HANGS_UP,
    ]
    teams = teams_calls(running, steps)
    teams.wait()
    operator.wait()
    (ringing,) = teams.received("SIP/2.0 180")
    (progress,) = teams.received("SIP/2.0 183")
    assert "m=audio" not in ringing
    assert "m=audio" in progress
    (cdr,) = running.wait_for_cdrs(1)
    assert seconds(cdr, "alert_time", "answer_time") > 0.25


def test_forwarded_call_leaves_with_who_pays_and_its_identity_unchanged(gateway, sipp, teams_calls):
    running = gateway()
    operator = sipp(called(*IS_HUNG_UP), running.next_hop)
    identity = (
        "Identity: "
        + "eyJhbGciOiJFUzI1NiJ9." * 80
        + ";info=<https://cert.example/a.pem>;alg=ES256;ppt=shaken"
    )
    invite = "\n".join(
        [
            f"P-ASSERTED-IDENTITY: <sip:{TELEPHONE}@sip.pstnhub.microsoft.com;user=phone>",
            f"HISTORY-INFO: <sip:{TELEPHONE}@h;user=phone?Reason=SIP%3Bcause%3D302>;index=1",
            identity,
        ]
    )
    steps = caller(
        *[request("BYE", caller="+33639980123"), receive(200)], invite=invite, caller="+33639980123"
    )
    teams_calls(running, steps).wait()
    operator.wait()
    (sent,) = operator.received("INVITE")
    assert identity in sent
    assert "From: <sip:+33639980123@127.0.0.1;user=phone>" in sent
    assert f"P-Asserted-Identity: <sip:{TELEPHONE}@127.0.0.1:{running.operator};user=phone>" in sent
    assert (
        f"Diversion: <sip:{TELEPHONE}@127.0.0.1:{running.operator};user=phone>;reason=unconditional" in sent
    )
    (cdr,) = running.wait_for_cdrs(1)
    assert (cdr["forwarded_by"], cdr["forward_type"]) == (TELEPHONE, "unconditional")
