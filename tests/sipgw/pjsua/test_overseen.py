"""People and guards over calls that a SIP engine carries."""

from __future__ import annotations

import json
import socket
import subprocess
import sys
import time

from sipp import IS_HUNG_UP, called, caller, failing
from test_limits import wait_for_answer


def trunkrate(folder, *words):
    command = [sys.executable, "-m", "rating.cli", *words]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=20)


def status(folder):
    return json.loads(trunkrate(folder, "gateway", "status", "--json").stdout)


def test_a_trunk_is_suspended_and_its_call_hung_up_within_a_second(gateway, sipp, teams_calls):
    running = gateway()
    operator = sipp(called(*IS_HUNG_UP), running.next_hop)
    teams = teams_calls(running, caller(*IS_HUNG_UP))
    wait_for_answer(operator)
    found = status(running.folder)
    (call,) = found["calls"]
    assert (call["trunk_id"], call["b_number"], call["direction"]) == ("t1", "+33146000001", "outbound")
    assert found["trunks"][0]["used"] == 1
    done = trunkrate(running.folder, "trunk", "suspend", "t1", "--why", "stolen password", "--drop-calls")
    asked = time.monotonic()
    assert done.stdout == "t1 is suspended (all). Calls that were up: 1 ended.\n"
    teams.wait()
    operator.wait()
    assert time.monotonic() - asked < 1
    (cdr,) = running.wait_for_cdrs(1)
    assert (cdr["sip_code"], cdr["end_reason"]) == (200, "suspended")
    teams_calls(running, failing(403)).wait()
    assert running.wait_for_cdrs(2)[1]["rule"] == "suspended"
    trunkrate(running.folder, "trunk", "resume", "t1", "--why", "changed")
    sipp(called(*IS_HUNG_UP), running.next_hop)
    again = teams_calls(running, caller(*IS_HUNG_UP))
    time.sleep(0.5)
    assert status(running.folder)["trunks"][0]["used"] == 1
    running.stop()
    again.wait()
    assert [one["end_reason"] for one in running.wait_for_cdrs(3)] == ["suspended", "refused", "shutdown"]


def test_options_of_a_peer_are_told(gateway):
    running = gateway()
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as peer:
        peer.bind(("127.0.0.1", 0))
        peer.settimeout(5)
        here = f"127.0.0.1:{peer.getsockname()[1]}"
        asked = (
            f"OPTIONS sip:127.0.0.1:{running.teams} SIP/2.0\r\nVia: SIP/2.0/UDP {here};branch=z9hG4bK-o\r\n"
            f"From: <sip:{here}>;tag=o\r\nTo: <sip:127.0.0.1>\r\nCall-ID: o@{here}\r\nCSeq: 1 OPTIONS\r\n"
            f"Max-Forwards: 70\r\nContact: <sip:{here}>\r\nContent-Length: 0\r\n\r\n"
        )
        peer.sendto(asked.encode(), ("127.0.0.1", running.teams))
        assert peer.recv(4096).startswith(b"SIP/2.0 200")
    (told,) = status(running.folder)["options"]
    assert (told["peer"], told["way"], told["code"]) == ("teams", "received", 200)
