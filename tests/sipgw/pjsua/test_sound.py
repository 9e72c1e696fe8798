"""TLS and SRTP towards Teams, plain RTP towards the operator: the tone that is sent is the tone heard."""

from __future__ import annotations

import json

import pytest
from running import free_port
from sipp import CALLED, TELEPHONE
from sound import assert_heard, pitch

MICROSOFT = "sip.pstnhub.microsoft.com"


@pytest.fixture
def secure(gateway, authority):
    """A gateway that speaks TLS towards Teams; a trunk whose name telephones find here."""
    files = authority.certify("gateway", "trunk.example", "localhost")
    return gateway(transport="tls", tls=f"  tls: {json.dumps(files)}\n", fqdn="localhost")


def as_teams(running, authority, name=MICROSOFT, **told):
    files = authority.certify("teams", name)
    return (
        {"listen": f"tls:{running.proxies[0]}", "id": f"sip:{TELEPHONE}@{MICROSOFT}", "tone": 440}
        | files
        | told
    )


def keys(said: str) -> str:
    return "".join(line.split()[1] for line in said.splitlines() if line.startswith("digit"))


def test_a_call_from_teams_sounds_both_ways_and_keys_pass(secure, authority, phone):
    operator = phone(listen=f"udp:{secure.next_hop}", id="sip:operator@127.0.0.1", tone=1000)
    teams = phone(
        **as_teams(secure, authority),
        call=f"sip:{CALLED}@localhost:{secure.teams};transport=tls",
        digits="12#",
        seconds=2.5,
    )
    _, said = assert_heard(secure, teams, operator, tones=(1000, 440))
    assert keys(said) == "12#"
    (cdr,) = secure.wait_for_cdrs(1)
    assert (cdr["trunk_id"], cdr["end_reason"]) == ("t1", "normal")


def test_keys_pass_both_ways_at_the_same_time(gateway, phone):
    running = gateway(fqdn="localhost")
    operator = phone(
        listen=f"udp:{running.next_hop}", id="sip:operator@127.0.0.1", tone=1000, digits="*#DCBA"
    )
    teams = phone(
        listen=f"udp:{free_port()}",
        id=f"sip:{TELEPHONE}@127.0.0.1",
        tone=440,
        call=f"sip:{CALLED}@localhost:{running.teams}",
        digits="067890",
        seconds=2.5,
    )
    heard = [keys(one.communicate(timeout=15)[0]) for one in (teams, operator)]
    assert heard == ["*#DCBA", "067890"]


def test_sound_before_the_answer_is_heard_by_the_caller_and_not_billed(secure, authority, phone):
    """An announcement of the operator's, who then says that the number is busy."""
    operator = phone(
        listen=f"udp:{secure.next_hop}", id="sip:operator@127.0.0.1", tone=1000, answers_after=2, answer=486
    )
    teams = phone(**as_teams(secure, authority), call=f"sip:{CALLED}@localhost:{secure.teams};transport=tls")
    said = teams.communicate(timeout=15)[0]
    operator.communicate(timeout=15)
    assert "answered" not in said
    assert "over 486" in said
    found, share = pitch(teams.record)
    assert abs(found - 1000) <= 5
    assert share > 0.9
    (cdr,) = secure.wait_for_cdrs(1)
    assert (cdr["sip_code"], cdr["end_reason"], cdr["answer_time"]) == (486, "busy", "")
    assert cdr["alert_time"]


def test_a_call_to_teams_sounds_both_ways(secure, authority, phone):
    teams = phone(**as_teams(secure, authority))
    operator = phone(
        listen=f"udp:{free_port()}",
        id="sip:+33639980123@127.0.0.1",
        tone=1000,
        call=f"sip:{TELEPHONE}@127.0.0.1:{secure.operator}",
        seconds=2,
    )
    assert_heard(secure, operator, teams, tones=(440, 1000))
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
