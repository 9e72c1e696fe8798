"""IPv6 on both legs or on one of them, where this pjsua2 is built with it; pjsua2-python of PyPI is not."""

from __future__ import annotations

import pytest
from running import free_port
from sipp import HANGS_UP, IS_HUNG_UP, SDP, TELEPHONE, called, caller, failing, receive, request
from test_serve_command import serve

from sipgw.pjsua.accounts import has_ipv6

V4, V6 = "127.0.0.1", "[::1]"
SOUND = {V4: SDP, V6: SDP.replace("IP4 127.0.0.1", "IP6 ::1")}
KINDS = {"udp": "u1", "tcp": "t1"}
WITH_IPV6 = pytest.mark.skipif(not has_ipv6(), reason="this pjsua2 is built without IPv6")


@pytest.fixture
def sipp_at(sipp):
    """Starts SIPp at an address, with its sound there."""

    def start(place, steps, port, **options):
        steps = [step.replace(SDP, SOUND[place]) for step in steps]
        return sipp(steps, port, address=place.strip("[]"), **options)

    return start


@WITH_IPV6
@pytest.mark.parametrize(
    ("place", "operator_place", "transport"), [(V6, V6, "udp"), (V6, V4, "tcp"), (V4, V6, "udp")]
)
def test_a_call_goes_out(gateway, sipp_at, place, operator_place, transport):
    more = {"transport": transport, "operator_transport": transport}
    running = gateway(place=place, operator_place=operator_place, **more)
    kind = KINDS[transport]
    operator = sipp_at(operator_place, called(*IS_HUNG_UP), running.next_hop, transport=kind)
    called_number = {"target": f"{place}:{running.teams}", "options": ("-s", "+33146000001")}
    teams = sipp_at(place, caller(*HANGS_UP), free_port(), transport=kind, **called_number)
    teams.wait()
    operator.wait()
    (cdr,) = running.wait_for_cdrs(1)
    assert (cdr["trunk_id"], cdr["direction"], cdr["end_reason"]) == ("t1", "outbound", "normal")
    (invite,) = operator.received("INVITE")
    kind = f";transport={transport}" if transport != "udp" else ""
    assert invite.startswith(
        f"INVITE sip:+33146000001@{operator_place}:{running.next_hop};user=phone{kind} SIP"
    )
    assert f"Via: SIP/2.0/{transport.upper()} {operator_place}:{running.operator};" in invite
    assert f"Contact: <sip:{operator_place}:{running.operator}" in invite
    assert f"P-Asserted-Identity: <sip:{TELEPHONE}@{operator_place}:{running.operator};user=phone>" in invite
    sound = {V4: "c=IN IP4 127.0.0.1\n", V6: "c=IN IP6 ::1\n"}
    assert sound[operator_place] in invite
    assert sound[place] in teams.received("SIP/2.0 200")[0]


FROM_OUTSIDE = {"target": f"sip:{TELEPHONE}@[local_ip];user=phone", "caller": "+33639980123"}


@WITH_IPV6
def test_a_call_comes_in(gateway, sipp_at):
    running = gateway(place=V6)
    teams = sipp_at(V6, called(*IS_HUNG_UP), running.proxies[0])
    steps = caller(request("BYE", **FROM_OUTSIDE), receive(200), **FROM_OUTSIDE)
    sipp_at(V6, steps, free_port(), target=f"{V6}:{running.operator}").wait()
    teams.wait()
    (cdr,) = running.wait_for_cdrs(1)
    assert (cdr["trunk_id"], cdr["direction"], cdr["end_reason"]) == ("t1", "inbound", "normal")


@WITH_IPV6
def test_a_call_from_an_address_that_is_no_peer_is_refused(gateway, sipp_at):
    running = gateway(place=V6, addresses="127.0.0.1, '::2/127'")
    sipp_at(V6, failing(403, **FROM_OUTSIDE), free_port(), target=f"{V6}:{running.operator}").wait()
    assert "unknown_peer: call from ::1" in running.log


@pytest.mark.skipif(has_ipv6(), reason="this pjsua2 is built with IPv6")
def test_a_listener_that_this_pjsua2_cannot_open_is_said(gateway):
    running = gateway()
    settings = running.folder / "gateway.yaml"
    text = settings.read_text()
    for port in (running.teams, running.proxies[0]):
        text = text.replace(f":127.0.0.1:{port}", f":[::1]:{port}")
    settings.write_text(text)
    ended = serve(running.folder)
    assert ended.returncode == 2
    assert ended.stderr == (
        f"gateway.yaml: listen 'udp:[::1]:{running.teams}' is IPv6, which this pjsua2 is built without; "
        "expected an IPv4 address, or a pjsua2 that is built with PJ_HAS_IPV6. "
        "The gateway does not start. [GATEWAY-PJSUA]\n"
    )
