"""More TCP and TLS connections than pjsua2 has places for, and faster: the gateway goes on."""

from __future__ import annotations

import ctypes
import os
import socket
import ssl
import time
from contextlib import closing, suppress

import pytest
from running import free_port
from sipp import CALLED, HANGS_UP, IS_HUNG_UP, called, caller, failing
from test_operator_tls import KNOWN, connected, towards
from test_streams import final

from sipgw.pjsua.interpose import replaced

SECONDS = 60 if os.environ.get("HYPOTHESIS_PROFILE") == "soak" else 2


def connecting(port: int) -> socket.socket:
    """A connection that is on its way."""
    one = socket.socket()
    one.setblocking(False)
    one.connect_ex(("127.0.0.1", port))
    return one


def asked(stream: socket.socket) -> bytes:
    """The status of the answer to OPTIONS."""
    name = time.monotonic_ns()
    stream.sendall(
        b"OPTIONS sip:trunk.example SIP/2.0\r\nVia: SIP/2.0/TCP 127.0.0.1:5;branch=z9hG4bK%d\r\n"
        b"Max-Forwards: 70\r\nFrom: <sip:127.0.0.1>;tag=1\r\nTo: <sip:trunk.example>\r\nCall-ID: %d\r\n"
        b"CSeq: 1 OPTIONS\r\nContent-Length: 0\r\n\r\n" % (name, name)
    )
    return final(stream, 1)


def wait_for_room(running, connect, timeout: float = 15) -> None:
    """Until a connection is taken: the places of closed ones come back by and by."""
    until = time.monotonic() + timeout
    while True:
        with suppress(OSError), closing(connect()) as stream:
            if asked(stream) == b"200":
                return
        assert running.process.poll() is None, running.log
        assert time.monotonic() < until, running.log
        time.sleep(0.1)


def test_more_connections_than_there_is_room_for_do_no_harm(gateway, sipp):
    """They bring nothing; when they are gone all is as before."""
    running = gateway(transport="tcp")
    opened: list[socket.socket] = []
    try:
        while "[GATEWAY-FULL]" not in running.log and len(opened) < 300:
            opened.append(connecting(running.teams))
            time.sleep(0.01)
        assert "connections are closed: too many at a time. [GATEWAY-FULL]" in running.log
    finally:
        for one in opened:
            one.close()
    place = ("127.0.0.1", running.teams)
    wait_for_room(running, lambda: socket.create_connection(place, timeout=1))
    sipp(called(*IS_HUNG_UP), running.next_hop)
    options = ("-s", CALLED)
    sipp(
        caller(*HANGS_UP), free_port(), target=":".join(map(str, place)), transport="t1", options=options
    ).wait()
    assert running.wait_for_cdrs(1)[0]["end_reason"] == "normal"


@pytest.mark.parametrize("count", [8, 30, 120])
@pytest.mark.parametrize("transport", ["tcp", "tls"])
def test_connections_that_come_and_go_do_no_harm(gateway, authority, transport, count):
    running = gateway(
        operator_transport=transport, **towards(authority, "operator_tls", "gw1.carrier.example")
    )
    until = time.monotonic() + SECONDS
    while time.monotonic() < until:
        opened = [connecting(running.operator) for _ in range(count)]
        time.sleep(0.03)
        for one in opened:
            with suppress(OSError):
                one.send(b"\x16\x03\x01nonsense")
            one.close()
        assert running.process.poll() is None, running.log
    known = authority.certify("operator", KNOWN)

    def connect() -> socket.socket | ssl.SSLSocket:
        if transport == "tls":
            return connected(running, known)
        return socket.create_connection(("127.0.0.1", running.operator), timeout=1)

    wait_for_room(running, connect)
    assert running.stop() == 0


def test_calls_to_an_operator_who_takes_no_connection_do_no_harm(gateway, teams_calls):
    """Each makes a connection of its own, which is refused; strangers come and go meanwhile."""
    running = gateway(operator_transport="tcp", channels=100, reserve_legs=0)
    calls = teams_calls(running, failing(503), calls=100, options=("-r", "50", "-l", "1"))
    until = time.monotonic() + 10
    while len(running.cdrs()) < 100 and time.monotonic() < until:
        opened = [connecting(running.operator) for _ in range(20)]
        time.sleep(0.03)
        for one in opened:
            one.close()
    calls.wait()
    assert {(cdr["rule"], cdr["sip_code"]) for cdr in running.wait_for_cdrs(100)} == {("admitted", 503)}
    assert running.stop() == 0


def test_a_function_that_the_library_does_not_call_is_not_replaced():
    import pjsua2 as pj

    library = ctypes.CDLL(pj._pjsua2.__file__)
    called_instead = ctypes.CFUNCTYPE(ctypes.c_int)(lambda: 0)
    assert replaced(library, {"accept": called_instead, "no_such_function": called_instead}) is None
    put_back = replaced(library, {"accept": called_instead})
    assert put_back is not None
    put_back()
