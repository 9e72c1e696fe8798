"""TLS and SRTP towards Teams, plain RTP towards the operator: the tone that is sent is the tone heard."""

from __future__ import annotations

import json
import subprocess
import sys
import wave
from pathlib import Path

import numpy as np
import pytest
from certificates import Authority
from running import free_port
from sipp import CALLED, TELEPHONE

PHONE = Path(__file__).with_name("phone.py")
MICROSOFT = "sip.pstnhub.microsoft.com"


@pytest.fixture(scope="module")
def authority(tmp_path_factory):
    return Authority(tmp_path_factory.mktemp("certificates"))


@pytest.fixture
def secure(gateway, authority):
    """A gateway that speaks TLS towards Teams; a trunk whose name telephones find here."""
    files = authority.certify("gateway", "trunk.example", "localhost")
    return gateway(transport="tls", tls=f"  tls: {json.dumps(files)}\n", fqdn="localhost")


@pytest.fixture
def phone(tmp_path):
    """Starts a telephone; its record is beside it."""
    started = []

    def start(**told):
        told["record"] = str(tmp_path / f"phone{len(started)}.wav")
        command = [sys.executable, str(PHONE), json.dumps(told)]
        started.append(subprocess.Popen(command, stdout=subprocess.PIPE, text=True))
        started[-1].record = told["record"]
        for line in started[-1].stdout:
            if line.startswith("ready"):
                break
        return started[-1]

    yield start
    for one in started:
        one.kill()
        one.communicate()


def pitch(record: str) -> tuple[int, float]:
    """The strongest frequency of the second half of a record, and its share of the whole power. [Hz]"""
    with wave.open(record) as opened:
        assert opened.getframerate() == 8000
        sound = np.frombuffer(opened.readframes(opened.getnframes()), np.int16)
    part = sound[len(sound) // 2 :].astype(float)
    assert len(part) > 4000
    power = np.abs(np.fft.rfft(part * np.hanning(len(part)))) ** 2
    peak = int(power[5:].argmax()) + 5
    return round(peak * 8000 / len(part)), float(power[peak - 4 : peak + 5].sum() / power.sum())


def as_teams(running, authority, name=MICROSOFT, **told):
    files = authority.certify("teams", name)
    return (
        {"listen": f"tls:{running.proxies[0]}", "id": f"sip:{TELEPHONE}@{MICROSOFT}", "tone": 440}
        | files
        | told
    )


def assert_heard(running, calling, answering):
    said = calling.communicate(timeout=15)[0], answering.communicate(timeout=15)[0]
    assert all("over 200" in one for one in said), (said, running.log)
    for one, tone in ((calling, calling.hears), (answering, answering.hears)):
        found, share = pitch(one.record)
        assert abs(found - tone) <= 5
        assert share > 0.9
    return said


def test_a_call_from_teams_sounds_both_ways_and_keys_pass(secure, authority, phone):
    operator = phone(listen=f"udp:{secure.next_hop}", id="sip:operator@127.0.0.1", tone=1000)
    teams = phone(
        **as_teams(secure, authority),
        call=f"sip:{CALLED}@localhost:{secure.teams};transport=tls",
        digits="12#",
        seconds=2.5,
    )
    teams.hears, operator.hears = 1000, 440
    _, said = assert_heard(secure, teams, operator)
    assert [line.split()[1] for line in said.splitlines() if line.startswith("digit")] == ["1", "2", "#"]
    (cdr,) = secure.wait_for_cdrs(1)
    assert (cdr["trunk_id"], cdr["end_reason"]) == ("t1", "normal")


def test_a_call_to_teams_sounds_both_ways(secure, authority, phone):
    teams = phone(**as_teams(secure, authority))
    operator = phone(
        listen=f"udp:{free_port()}",
        id="sip:+33639980123@127.0.0.1",
        tone=1000,
        call=f"sip:{TELEPHONE}@127.0.0.1:{secure.operator}",
        seconds=2,
    )
    teams.hears, operator.hears = 1000, 440
    assert_heard(secure, operator, teams)
    (cdr,) = secure.wait_for_cdrs(1)
    assert (cdr["direction"], cdr["end_reason"]) == ("inbound", "normal")


def test_a_peer_whose_certificate_has_another_name_is_refused(secure, authority, phone):
    teams = phone(
        **as_teams(secure, authority, "sip.other.example"),
        call=f"sip:{CALLED}@localhost:{secure.teams};transport=tls",
    )
    said, _ = teams.communicate(timeout=15)
    assert "over 403" in said
    assert "unknown_peer" in secure.log
    assert secure.cdrs() == []
