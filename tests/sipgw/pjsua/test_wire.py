"""What should not be on the wire: messages that are none, too large, from elsewhere; the gateway goes on."""

from __future__ import annotations

import signal
import socket
import time
from typing import Any

import pytest
from running import Running
from sipp import IS_HUNG_UP, SDP, called, caller, receive, request

INVITE = """INVITE sip:{called}@sbc1.alpha.trunk.example SIP/2.0
Via: SIP/2.0/UDP 127.0.0.1:{port};branch=z9hG4bK{branch}-{port}
Max-Forwards: 70
From: <sip:+33199000110@127.0.0.1>;tag=1
To: <sip:{called}@sbc1.alpha.trunk.example>
Call-ID: {branch}-{port}
CSeq: 1 INVITE
Contact: <sip:+33199000110@127.0.0.1:{port}>
{extra}Content-Type: application/sdp
Content-Length: {length}

{body}"""
BODY = SDP.replace("[auto_media_port]", "6000").replace("\n", "\r\n")

LINGERS_S = 7
"""How long a leg whose peer is not there keeps its place. [s]"""


@pytest.fixture
def peer():
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as opened:
        opened.bind(("127.0.0.1", 0))
        opened.settimeout(0.5)
        yield opened


@pytest.fixture(scope="module")
def running(tmp_path_factory):
    """One gateway that takes it all, so that it is seen to go on."""
    started = Running(tmp_path_factory.mktemp("gateway"), clock=10, no_answer="5 s", reserve_legs=0)
    yield started
    started.stop(signal.SIGKILL)


def invite(peer, branch, extra="", body=BODY, number="+33146000001", length=None):
    """Bytes of an INVITE."""
    values = {
        "port": peer.getsockname()[1], "branch": branch, "extra": extra, "body": body, "called": number,
        "length": len(body) if length is None else length,
    }  # fmt: skip
    head, _, _ = INVITE.partition("\n{body}")
    return (head.format(**values).replace("\n", "\r\n") + "\r\n" + body).encode("utf-8", "surrogateescape")


def answers(peer) -> list[str]:
    """First lines of what comes, until nothing does for a while, or a final answer, which gets its ACK."""
    found = []
    try:
        while True:
            data, place = peer.recvfrom(65_536)
            lines = data.decode("utf-8", "replace").split("\r\n")
            found.append(lines[0])
            if lines[0].startswith("SIP/2.0 ") and lines[0][8] in "3456":
                kept = [line for line in lines if line.startswith(("Via:", "From:", "To:", "Call-ID:"))]
                ack = [
                    "ACK sip:gateway SIP/2.0",
                    *kept,
                    "CSeq: 1 ACK",
                    "Max-Forwards: 70",
                    "Content-Length: 0",
                ]
                peer.sendto("\r\n".join([*ack, "", ""]).encode(), place)
                return found
    except TimeoutError:
        return found


def cdrs_of(running, call: str, count: int = 0) -> list[dict[str, Any]]:
    """The CDRs of a Call-ID, once there are so many."""
    until = time.monotonic() + 4
    while True:
        found = [cdr for cdr in running.cdrs() if cdr["call_id"].startswith(f"{call}-")]
        if len(found) >= count or time.monotonic() > until:
            return found
        time.sleep(0.02)


def still_carries(running, sipp, teams_calls):
    time.sleep(LINGERS_S / running.clock)
    sipp(called(*IS_HUNG_UP), running.next_hop)
    before = len(running.cdrs())
    teams_calls(running, caller(request("BYE"), receive(200))).wait()
    cdrs = running.wait_for_cdrs(before + 1)
    assert cdrs[-1]["end_reason"] == "normal"
    assert running.process.poll() is None


def test_what_is_no_message_changes_nothing(running, sipp, teams_calls, peer):
    for data in (b"", b"\0" * 100, b"\r\n\r\n", b"INVITE", b"SIP/2.0 200 OK\r\n\r\n", b"\xff" * 65_000):
        for port in (running.teams, running.operator):
            peer.sendto(data, ("127.0.0.1", port))
    assert answers(peer) == []
    still_carries(running, sipp, teams_calls)


@pytest.mark.parametrize("size", [3900, 5000, 20_000, 60_000])
def test_a_message_that_is_too_long_is_dropped_whole(running, sipp, teams_calls, peer, size):
    peer.sendto(invite(peer, "long", extra=f"X-Long: {'x' * size}\n"), ("127.0.0.1", running.teams))
    assert not [answer for answer in answers(peer) if answer.startswith("SIP/2.0 2")]
    still_carries(running, sipp, teams_calls)


@pytest.mark.parametrize(
    ("extra", "code"),
    [
        ("Require: unheard-of\n", "420"),
        ("Accept: text/html\n", "406"),
    ],
)
def test_an_invite_that_cannot_be_served_is_refused(running, sipp, teams_calls, peer, extra, code):
    peer.sendto(invite(peer, "bad", extra=extra), ("127.0.0.1", running.teams))
    assert [answer[8:11] for answer in answers(peer) if not answer.startswith("SIP/2.0 1")][:1] == [code]
    assert not cdrs_of(running, "bad")
    still_carries(running, sipp, teams_calls)


@pytest.mark.parametrize(
    "body",
    [
        "v=0\r\n",
        BODY.replace("m=audio", "m=video"),
        BODY.replace("RTP/AVP 8", "RTP/AVP 4"),
        BODY.replace("127.0.0.1", "\udcff"),
        BODY + "m=audio 6000 RTP/AVP 8\r\n" * 40,
    ],
)
def test_sdp_that_cannot_be_served_leaves_no_call_behind(running, sipp, teams_calls, peer, body):
    peer.sendto(invite(peer, "sdp", body=body), ("127.0.0.1", running.teams))
    peer.settimeout(4)
    assert answers(peer)[-1][8:9] in "456"
    found = cdrs_of(running, "sdp", 1)
    assert not [cdr for cdr in found if cdr["answer_time"]]
    still_carries(running, sipp, teams_calls)


def test_an_invite_without_sdp_is_an_offer_to_make(running, peer):
    peer.sendto(invite(peer, "none", body=""), ("127.0.0.1", running.teams))
    peer.settimeout(4)
    assert answers(peer) == ["SIP/2.0 100 Trying", "SIP/2.0 480 Temporarily Unavailable"]
    (cdr,) = cdrs_of(running, "none", 1)
    assert cdr["end_reason"] == "no_answer"


def test_an_invite_that_comes_twice_is_one_call(running, peer):
    for _ in range(3):
        peer.sendto(invite(peer, "twice"), ("127.0.0.1", running.teams))
    answers(peer)
    assert len(cdrs_of(running, "twice", 1)) == 1


def test_an_invite_without_sdp_is_refused_as_any_other(running, sipp, teams_calls, peer):
    peer.sendto(invite(peer, "nobody", body="", number="abc"), ("127.0.0.1", running.teams))
    assert answers(peer)[-1].startswith("SIP/2.0 484")
    still_carries(running, sipp, teams_calls)


def test_numbers_in_other_scripts_are_texts(running, peer):
    peer.sendto(invite(peer, "script", number="%D9%A1%D9%A2"), ("127.0.0.1", running.teams))
    (cdr,) = cdrs_of(running, "script", 1)
    assert (cdr["rule"], cdr["sip_code"]) == ("unreadable", 484)


def test_a_call_from_an_address_that_is_no_peer_is_refused_without_a_cdr(running):
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as stranger:
        stranger.bind(("127.0.0.9", 0))
        stranger.settimeout(0.5)
        stranger.sendto(invite(stranger, "stranger"), ("127.0.0.1", running.teams))
        assert answers(stranger)[-1].startswith("SIP/2.0 403")
    assert not cdrs_of(running, "stranger")
    assert "unknown_peer: call from 127.0.0.9" in running.log
