"""Messages at which pjsua2 aborts or waits, of strangers and peers and in calls; the gateway goes on."""

from __future__ import annotations

import signal
import threading
import time

import pytest
from datagrams import SDP, Call, Caller, Peer, close_all
from running import Running

LONG = SDP.replace("c=IN IP4 127.0.0.1", f"c=IN IP4 {'h' * 300}")
NAMED = SDP.replace("c=IN IP4 127.0.0.1", "c=IN IP4 phone.example")
RTCP = f"{SDP}a=rtcp:6001 IN IP4 {'h' * 300}\n"
BAD_SDP = {"long": LONG, "named": NAMED, "rtcp": RTCP}
PARTS = f"--b\nContent-Type: application/sdp\n\n{LONG}\n--b--\n"
HIDDEN = {
    "length": (LONG, {"length": 0}),
    "half the length": (LONG, {"length": 20}),
    "spaces in the type": (LONG, {"kind": "application / sdp"}),
    "parts": (PARTS, {"kind": "multipart / mixed;boundary=b"}),
    "brackets": (SDP.replace("c=IN IP4 ", f"c=IN IP4 {'[' * 300}"), {}),
    "scope": (SDP.replace("c=IN IP4 127.0.0.1", f"c=IN IP6 fe80::1%{'h' * 300}"), {}),
    "no colon": (f"{SDP}a=rtcp 6001 IN IP4 {'h' * 300}\n", {}),
}
"""SDP that a stricter reader than PJSIP does not see, and how it is sent."""


@pytest.fixture(scope="module")
def running(tmp_path_factory):
    """One gateway that takes it all, so that it is seen to go on."""
    started = Running(tmp_path_factory.mktemp("gateway"), no_answer="5 s", reserve_legs=0, clock=10)
    yield started
    started.stop(signal.SIGKILL)


@pytest.fixture(autouse=True)
def goes_on(running):
    """After each test a call passes, with one CDR."""
    yield
    close_all()
    time.sleep(0.8)  # a peer that is gone confirms nothing for 6 s of the gateway's
    before = len(running.cdrs())
    Call(running).hang_up()
    assert running.wait_for_cdrs(before + 1)[-1]["end_reason"] == "normal"
    assert "Traceback" not in running.log
    close_all()


@pytest.mark.parametrize("method", ["ack", "Ack"])
def test_an_ack_in_another_case_is_dropped(running, method):
    """PJSIP reads methods in any case."""
    caller = Caller(Peer("127.0.0.9"), running.teams)
    caller.send("INVITE", body=SDP)
    caller.send(method)
    assert caller.peer.final().status == 403
    assert {come.status for come in caller.peer.seen} <= {100, 403}


@pytest.mark.parametrize("waits", [False, True])
@pytest.mark.parametrize("host", ["127.0.0.1", "127.0.0.9"])
@pytest.mark.parametrize("side", ["teams", "operator"])
def test_an_ack_without_a_tag_is_dropped(running, side, host, waits):
    """PJSIP takes it for a merged request, and aborts when it answers an ACK."""
    caller = Caller(Peer(host), getattr(running, side))
    caller.send("INVITE", body=SDP)
    if waits:
        time.sleep(0.2)
    caller.send("ACK")
    time.sleep(0.2)
    assert "ACK has no To tag; expected that of the answer. Dropped. [SIP-400]" in running.log


@pytest.mark.parametrize("method", ["SUBSCRIBE", "MESSAGE", "NOTIFY", "REFER", "REGISTER", "PUBLISH", "FOO"])
def test_what_is_not_served_is_refused(running, method):
    """PJSIP takes SUBSCRIBE of anybody, keeps it, and sends NOTIFY to wherever its Contact says."""
    caller = Caller(Peer("127.0.0.9"), running.teams)
    for _ in range(3):
        caller.send(method, "Event: presence", "Expires: 4294967295")
        refused = caller.peer.final(method)
        assert refused.status == 405
        assert "INVITE" in refused.first("Allow")
        assert "REFER" not in refused.first("Allow")
    assert not [come for come in caller.peer.seen if come.method]


@pytest.mark.parametrize(("host", "is_answered"), [("127.0.0.1", True), ("localhost", False)])
def test_an_answer_is_not_sent_to_a_name(running, host, is_answered):
    """It would be looked up, and all calls wait for the name server."""
    peer = Peer()
    head = ["OPTIONS sip:trunk.example SIP/2.0", "From: <sip:h>;tag=1", "To: <sip:h>", f"Call-ID: {host}"]
    via = f"Via: SIP/2.0/UDP 127.0.0.1:{peer.port};maddr={host};branch=z9hG4bK{host}"
    peer.send([*head, via, "CSeq: 1 OPTIONS"], running.teams)
    if is_answered:
        assert peer.final("OPTIONS").status == 200
    else:
        with pytest.raises(AssertionError):
            peer.final("OPTIONS", 0.5)


@pytest.mark.parametrize("body", BAD_SDP)
def test_a_call_whose_sound_is_at_a_name_is_refused(running, body):
    before = len(running.cdrs())
    caller = Caller(Peer(), running.teams)
    caller.send("INVITE", body=BAD_SDP[body])
    assert caller.peer.final().status == 488
    (cdr,) = running.wait_for_cdrs(before + 1)[before:]
    assert cdr["call_id"].startswith(caller.call_id)
    assert (cdr["sip_code"], cdr["end_reason"]) == (488, "failed")


@pytest.mark.parametrize("body", BAD_SDP)
def test_a_call_that_is_answered_with_sound_at_a_name_fails(running, body):
    caller, operator = Caller(Peer(), running.teams), Peer(port=running.next_hop)
    caller.send("INVITE", body=SDP)
    asked = operator.request("INVITE")
    operator.answer(asked, 200, body=BAD_SDP[body])
    operator.request("ACK")
    operator.answer(operator.request("BYE"), 200)
    assert caller.peer.final().status == 406


@pytest.mark.parametrize("how", HIDDEN)
def test_sdp_is_not_hidden(running, how):
    body, told = HIDDEN[how]
    caller, operator = Caller(Peer(), running.teams), Peer(port=running.next_hop)
    caller.send("INVITE", body=body, **told)
    assert caller.peer.final().status in (400, 488)
    caller = Caller(Peer(), running.teams)
    caller.send("INVITE", body=SDP)
    operator.answer(operator.request("INVITE"), 200, body=body, **told)
    operator.request("ACK")
    operator.answer(operator.request("BYE"), 200)
    assert caller.peer.final().status == 406


@pytest.mark.parametrize("method", ["INVITE", "UPDATE"])
@pytest.mark.parametrize("body", [*BAD_SDP, "broken"])
def test_sound_does_not_move_to_a_name_within_a_call(running, method, body):
    call = Call(running)
    call.caller.send(method, body=BAD_SDP.get(body, "v=0\n"))
    assert call.teams.final(method).status == (400 if body == "broken" else 488)
    call.hang_up()


def test_a_broken_offer_in_prack_is_refused(running):
    caller, operator = Caller(Peer(), running.teams), Peer(port=running.next_hop)
    caller.send("INVITE", "Supported: 100rel", "Require: 100rel", body=SDP)
    asked = operator.request("INVITE")
    operator.answer(asked, 183, body=SDP)
    told = caller.took(caller.peer.until(lambda come: come.status == 183))
    caller.send("PRACK", f"RAck: {told.first('RSeq')} 1 INVITE", body="v=0\n")
    assert caller.peer.final("PRACK").status == 400
    operator.answer(asked, 486)


CONTACTS = (
    "sip:x@127.0.0.1:9;transport=tcp",
    "sips:x@127.0.0.1:9",
    "tel:+33146000001",
    "urn:x",
    "mailto:x@h",
)


@pytest.mark.parametrize("header", ["Contact", "Record-Route"])
@pytest.mark.parametrize("uri", CONTACTS)
def test_the_ack_of_an_answer_that_cannot_be_reached_goes_to_where_it_came_from(running, header, uri):
    """An operator that writes another transport than his own, say."""
    told = f"{header}: <{uri}>"
    call = Call(running, told) if header == "Contact" else Call(running, None, told)
    assert all(f"127.0.0.1:{call.operator.port};" in route for route in call.ack.all("Route"))
    assert "what follows goes to where it can. [SIP-CONTACT]" in running.log
    call.hang_up()


TWICE = ("sip:x@127.0.0.1:9;transport=udp;transport=tcp", "sip:h;%74ransport=tcp")


@pytest.mark.parametrize("uri", [CONTACTS[0], CONTACTS[2], *TWICE])
@pytest.mark.parametrize("last", ["", "Contact: *"])
@pytest.mark.parametrize("status", [180, 183])
def test_an_answer_without_contact_follows_where_it_came_from(running, status, last, uri):
    """The Contact of what came before it holds."""
    caller, operator = Caller(Peer(), running.teams), Peer(port=running.next_hop)
    caller.send("INVITE", body=SDP)
    asked = operator.request("INVITE")
    operator.answer(asked, status, contact=f"Contact: <{uri}>")
    operator.answer(asked, 200, body=SDP, contact=last)
    operator.request("ACK")
    caller.took(caller.peer.final())
    caller.send("ACK")
    caller.send("BYE")
    operator.answer(operator.request("BYE"), 200)
    assert caller.peer.final("BYE").status == 200


ODD = ("Contact: Op @ home <sip:op@127.0.0.1>", "Max-Forwards: 9", "User-Agent: \x01", "Date: x")


@pytest.mark.parametrize("told", ODD)
def test_what_pjsip_can_stand_passes(running, told):
    """However odd it is: a call that does not end is billed."""
    call = Call(running, "" if told.startswith("Contact") else None, told)
    call.caller.send("BYE", told)
    call.operator.answer(call.operator.request("BYE"), 200)
    assert call.teams.final("BYE").status == 200


NO_KEYS = ("Signal=", "Signal", "", "=", "Signal\x0b=5", f"Signal={'5' * 900}", "Signal=\nX-Signal=5")


@pytest.mark.parametrize("body", NO_KEYS)
@pytest.mark.parametrize("kind", ["application/dtmf-relay", "application / dtmf-relay"])
@pytest.mark.parametrize("side", ["caller", "called"])
def test_a_key_without_its_name_is_refused(running, side, kind, body):
    call = Call(running)
    if side == "caller":
        call.caller.send("INFO", body=body or " ", kind=kind)
    else:
        call.of_called("INFO", body or " ", kind)
    assert (call.teams if side == "caller" else call.operator).final("INFO").status == 400
    call.hang_up()


def with_lines(count: int, first: int = 0) -> str:
    """SDP of so many lines of sound, of which those before the first are off."""
    line = SDP[SDP.index("m=audio") :]
    head = SDP[: SDP.index("m=audio")]
    return head + "".join(line.replace("6000", "0") if i < first else line for i in range(count))


@pytest.mark.parametrize("host", ["127.0.0.1", "127.0.0.9"])
def test_many_lines_of_sound_wait_for_their_sockets(running, host):
    """pjsua2 opens two for each line before anybody is asked, and aborts when they are too many."""
    for _ in range(6):
        caller = Caller(Peer(host), running.teams)
        caller.send("INVITE", body=with_lines(16))
        caller.send("CANCEL")
        caller.peer.until(lambda come: come.status > 100)


@pytest.mark.parametrize("bodies", [(with_lines(16), with_lines(1)), (with_lines(2, 1), with_lines(2))])
def test_lines_of_sound_that_come_and_go_in_a_call(running, bodies):
    call = Call(running)
    for i in range(40):
        call.caller.send("INVITE", body=bodies[i % 2].replace("o=- 1 1", f"o=- 1 {i + 2}"))
        call.teams.final(seconds=15)
        call.caller.send("ACK")
    call.hang_up()


def test_calls_that_fail_at_three_proxies_at_once(gateway):
    """An outage of Teams: each call makes four legs."""
    running = gateway(hops=3, reserve_legs=0, channels=100)
    proxies, operator = [Peer(port=port) for port in running.proxies], Peer()
    is_over = threading.Event()

    def refuse(proxy: Peer) -> None:
        while not is_over.is_set():
            try:
                asked = proxy.until(lambda come: come.method in ("INVITE", "OPTIONS"), 0.2)
            except AssertionError:
                continue
            proxy.answer(asked, 503 if asked.method == "INVITE" else 200)

    threads = [threading.Thread(target=refuse, args=(proxy,)) for proxy in proxies]
    for thread in threads:
        thread.start()
    try:
        for _ in range(40):
            caller = Caller(operator, running.operator, "+33199000110", "+33146000001", "127.0.0.1")
            caller.send("INVITE", body=SDP)
            caller.took(operator.final(seconds=15))
            caller.send("ACK")
    finally:
        is_over.set()
        for thread in threads:
            thread.join()
    cdrs = running.wait_for_cdrs(40)
    assert {cdr["sip_code"] for cdr in cdrs} <= {503, 486}
    assert running.stop() == 0


BROKEN = {
    "full disk": "os.open('/dev/full', os.O_WRONLY)",
    "nobody reads": "pipe()",
}
LOG = """import os, sys
def pipe():
    end, own = os.pipe()
    os.close(end)
    return own
os.dup2({log}, 2)
sys.stderr = open(os.devnull, "w")"""


@pytest.mark.parametrize("log", BROKEN)
def test_a_log_that_cannot_be_written_ends_no_call(gateway, log):
    running = gateway(before=LOG.format(log=BROKEN[log]), reserve_legs=0)
    for _ in range(2):
        stranger = Caller(Peer("127.0.0.9"), running.teams)
        stranger.send("INVITE", body=SDP)
        assert stranger.peer.final().status == 403
    Call(running).hang_up()
    assert running.stop() == 0
    assert [cdr["end_reason"] for cdr in running.cdrs()] == ["normal"]
