"""TCP connections that bring nonsense, lies, too much or nothing: the gateway still carries a call."""

from __future__ import annotations

import random
import signal
import socket
import time
from contextlib import suppress

import pytest
from running import Running, free_port
from sipp import CALLED, HANGS_UP, IS_HUNG_UP, called, caller
from test_wire import BODY, LINGERS_S, cdrs_of, invite


@pytest.fixture(scope="module")
def running(tmp_path_factory):
    """One gateway that takes it all, so that it is seen to go on."""
    started = Running(tmp_path_factory.mktemp("gateway"), clock=10, no_answer="5 s", transport="tcp")
    yield started
    started.stop(signal.SIGKILL)


@pytest.fixture
def stream(running):
    with socket.create_connection(("127.0.0.1", running.teams), timeout=5) as opened:
        yield opened


def over_tcp(stream, branch, **told) -> bytes:
    return invite(stream, branch, **told).replace(b"SIP/2.0/UDP", b"SIP/2.0/TCP")


def final(stream, seconds: float = 4) -> bytes:
    """The first final status; empty where none came, or the connection ended."""
    stream.settimeout(seconds)
    found = b""
    with suppress(TimeoutError, ConnectionError):
        while data := stream.recv(65_536):
            found += data
            for part in found.split(b"SIP/2.0 ")[1:]:
                if part[:1] != b"1":
                    return part[:3]
    return b""


def still_carries(running, sipp, lingers: bool = False) -> None:
    if lingers:
        time.sleep(LINGERS_S / running.clock)
    sipp(called(*IS_HUNG_UP), running.next_hop)
    before = len(running.cdrs())
    place = f"127.0.0.1:{running.teams}"
    sipp(caller(*HANGS_UP), free_port(), target=place, transport="t1", options=("-s", CALLED)).wait()
    assert running.wait_for_cdrs(before + 1)[-1]["end_reason"] == "normal"
    assert running.process.poll() is None


NOISE = random.Random(7).randbytes(20_000)


@pytest.mark.parametrize(
    "data",
    [
        pytest.param(NOISE, id="noise"),
        pytest.param(b"\0" * 100_000, id="zeros"),
        pytest.param(b"\r\n" * 30_000, id="keep-alives"),
        pytest.param(b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + NOISE, id="TLS"),
        pytest.param(b"GET / HTTP/1.1\r\nHost: h\r\n\r\n", id="HTTP"),
        pytest.param(b"INVITE sip:h SIP/2.0\r\n" + b"X" * 70_000, id="a line of 70 kB"),
        pytest.param(b"INVITE sip:h SIP/2.0\r\n" + b"X: y\r\n" * 12_000 + b"\r\n", id="70 kB of headers"),
    ],
)
def test_a_stream_of_nonsense(running, sipp, stream, data):
    with suppress(ConnectionError):
        stream.sendall(data)
    still_carries(running, sipp)
    assert final(stream, 0.1)[:1] != b"2"


@pytest.mark.parametrize("told", [str(len(BODY) + 100), "99999999999999999999", "4294967400", "-1", "x", ""])
def test_a_content_length_that_lies_or_is_none_waits_for_the_rest(running, sipp, stream, told):
    """RFC 3261, 18.3: over a stream a message ends where it says."""
    text = over_tcp(stream, "lies")
    length = f"Content-Length: {len(BODY)}\r\n".encode()
    assert length in text
    stream.sendall(text.replace(length, f"Content-Length: {told}\r\n".encode() if told else b""))
    still_carries(running, sipp)
    assert final(stream, 0.1)[:1] != b"2"
    assert not [cdr for cdr in running.cdrs() if cdr["call_id"].startswith("lies-")]


@pytest.mark.parametrize("length", [10, 0])
def test_a_content_length_that_is_too_small_cuts_the_body(running, sipp, stream, length):
    """SDP of ten bytes is none; an INVITE without is an offer to make, and nobody is there."""
    stream.sendall(over_tcp(stream, "small", length=length))
    assert final(stream) in (b"", b"400", b"480", b"488")
    assert not [cdr for cdr in cdrs_of(running, "small", 1) if cdr["answer_time"]]
    still_carries(running, sipp, lingers=True)


def test_a_message_in_pieces_is_one_message(running, stream):
    for piece in over_tcp(stream, "pieces", number="abc").partition(b"Call-ID"):
        stream.sendall(piece)
        time.sleep(0.05)
    assert final(stream) == b"484"
    assert [cdr["rule"] for cdr in cdrs_of(running, "pieces", 1)] == ["unreadable"]


def test_two_messages_in_one_piece_are_two(running, stream):
    stream.sendall(over_tcp(stream, "first", number="abc") + over_tcp(stream, "second", number="abc"))
    assert len(cdrs_of(running, "first", 1)) == 1
    assert len(cdrs_of(running, "second", 1)) == 1


def test_a_stream_that_stops_in_the_middle_of_a_message_holds_nobody_up(running, sipp, stream):
    stream.sendall(over_tcp(stream, "half")[:300])
    still_carries(running, sipp)
    stream.sendall(over_tcp(stream, "half")[300:])
    assert final(stream)[:1] in (b"4", b"5")  # no operator is there any more
    assert len(cdrs_of(running, "half", 1)) == 1


def answer(stream, seconds: float = 4) -> bytes:
    """All of the final answer to the INVITE, whatever comes before it."""
    stream.settimeout(seconds)
    found = b""
    while True:
        found += stream.recv(65_536)
        for part in found.split(b"SIP/2.0 ")[1:]:
            if part[:1] != b"1" and b"INVITE" in part and b"\r\n\r\n" in part:
                return part


def test_a_call_that_comes_with_the_bye_of_another_finds_its_channel_and_legs(gateway, sipp):
    """Both are in one piece, and are read before the gateway does anything else."""
    running = gateway(transport="tcp", channels=1, reserve_legs=2)
    sipp(called(*IS_HUNG_UP), running.next_hop, calls=2)
    with socket.create_connection(("127.0.0.1", running.teams), timeout=5) as stream:
        first = over_tcp(stream, "first")
        stream.sendall(first)
        answered = answer(stream)
        assert answered[:3] == b"200"
        to = next(line for line in answered.split(b"\r\n") if line.startswith(b"To:"))
        head = [line for line in first.split(b"\r\n") if line.startswith((b"From:", b"Call-ID:", b"Max-F"))]

        def within(method: bytes, count: int) -> bytes:
            via = b"Via: SIP/2.0/TCP 127.0.0.1;branch=z9hG4bK" + method
            own = [via, to, b"CSeq: %d %s" % (count, method), b"Content-Length: 0", b"", b""]
            return b"\r\n".join([method + b" sip:sbc1.alpha.trunk.example SIP/2.0", *head, *own])

        stream.sendall(within(b"ACK", 1))
        time.sleep(0.3)
        stream.sendall(within(b"BYE", 2) + over_tcp(stream, "second"))
        assert answer(stream)[:3] == b"200"
    assert [cdr["end_reason"] for cdr in cdrs_of(running, "first", 1)] == ["normal"]
