"""TLS and SRTP towards the operator too: who is taken for the operator, and where calls to him go."""

from __future__ import annotations

import json
import socket
import ssl

import pytest
from certificates import Authority
from sipp import CALLED, SDP, TELEPHONE, failing
from sound import assert_heard
from test_sound import as_teams

PLAIN = SDP.replace("[auto_media_port]", "6000").replace("\n", "\r\n")
SECURE = PLAIN.replace("RTP/AVP", "RTP/SAVP") + f"a=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:{'A' * 40}\r\n"
INVITE = f"""INVITE sip:{TELEPHONE}@127.0.0.1 SIP/2.0
Via: SIP/2.0/TLS 127.0.0.1:5061;branch=z9hG4bK1
Max-Forwards: 70
From: <sip:+33639980123@127.0.0.1>;tag=1
To: <sip:{TELEPHONE}@127.0.0.1>
Call-ID: over-tls
CSeq: 1 INVITE
Contact: <sip:127.0.0.1:5061;transport=tls>
Content-Type: application/sdp
Content-Length: """.replace("\n", "\r\n")
KNOWN = "sbc.operator.example"


def towards(authority: Authority, key: str, *names: str) -> dict[str, str]:
    """A setting of the gateway: its certificate on a leg."""
    return {key: f"  tls: {json.dumps(authority.certify(key, *names))}\n"}


@pytest.fixture
def running(gateway, authority):
    """A gateway that speaks TLS towards the operator, under a certificate that the operator knows it by."""
    return gateway(operator_transport="tls", **towards(authority, "operator_tls", "gw1.carrier.example"))


@pytest.fixture
def elsewhere(tmp_path):
    """An authority that the gateway does not know."""
    return Authority(tmp_path)


def as_operator(running, authority, name=KNOWN, **told):
    mine = {"listen": f"tls:{running.next_hop}", "id": "sip:+33639980123@127.0.0.1", "tone": 1000}
    return mine | authority.certify("operator", name) | told


def connected(running, files, address="127.0.0.1", version=None) -> ssl.SSLSocket:
    """A TLS connection to the operator's listener, made with the system's OpenSSL."""
    context = ssl.create_default_context(cafile=files["ca"])
    if "certificate" in files:
        context.load_cert_chain(files["certificate"], files["key"])
    if version is not None:
        context.set_ciphers("DEFAULT@SECLEVEL=0")
        context.minimum_version = context.maximum_version = version
    plain = socket.create_connection(("127.0.0.1", running.operator), 5, (address, 0))
    return context.wrap_socket(plain, server_hostname="127.0.0.1")


def answer(opened: ssl.SSLSocket, body: str = PLAIN) -> str:
    """The final answer to an INVITE; "" where the connection is closed."""
    opened.sendall(f"{INVITE}{len(body)}\r\n\r\n{body}".encode())
    text = ""
    while data := opened.recv(65_536):
        text += data.decode()
        final = [line for line in text.split("\r\n") if line.startswith("SIP/2.0 ") and line[8] != "1"]
        if final:
            return final[0]
    return ""


def test_a_call_sounds_both_ways_over_tls_on_both_legs(gateway, authority, phone):
    own = towards(authority, "tls", "trunk.example", "localhost")
    own |= towards(authority, "operator_tls", "gw1.carrier.example")
    running = gateway(transport="tls", operator_transport="tls", fqdn="localhost", **own)
    operator = phone(**as_operator(running, authority))
    target = f"sip:{CALLED}@localhost:{running.teams};transport=tls"
    teams = phone(**as_teams(running, authority), call=target, seconds=2)
    assert_heard(running, teams, operator, tones=(1000, 440))
    (cdr,) = running.wait_for_cdrs(1)
    assert (cdr["direction"], cdr["end_reason"]) == ("outbound", "normal")


@pytest.mark.parametrize("is_signed", [True, False])
def test_no_call_goes_to_an_operator_who_does_not_show_the_next_hops_name(
    gateway, authority, elsewhere, phone, teams_calls, is_signed
):
    """The host of next_hop is in no name of a certificate, or in one that `ca` did not sign."""
    own = towards(authority, "operator_tls", "gw1.carrier.example")
    running = gateway(operator_transport="tls", next_hop_host="localhost", **own)
    shown = authority.certify("operator", KNOWN) if is_signed else elsewhere.certify("operator", "localhost")
    operator = phone(**as_operator(running, authority) | shown | {"ca": str(authority.ca)})
    teams_calls(running, failing(503)).wait()
    assert operator.poll() is None
    (cdr,) = running.wait_for_cdrs(1)
    assert (cdr["sip_code"], cdr["end_reason"]) == (503, "failed")


def test_a_caller_needs_a_certificate_that_ca_signed(running, authority, elsewhere):
    foreign = elsewhere.certify("operator", KNOWN) | {"ca": str(authority.ca)}
    for files in (foreign, {"ca": str(authority.ca)}):
        try:
            with connected(running, files) as opened:
                assert answer(opened) == ""
        except (ssl.SSLError, ConnectionError):
            continue
    with connected(running, authority.certify("operator", KNOWN)) as opened:
        assert opened.version() == "TLSv1.2"
        assert answer(opened).startswith("SIP/2.0 488")  # plain RTP, where SRTP is due
    assert running.cdrs() == []


def test_a_certificate_alone_is_not_enough(running, authority):
    with connected(running, authority.certify("operator", KNOWN), address="127.0.0.9") as opened:
        assert answer(opened, SECURE).startswith("SIP/2.0 403")
    assert "unknown_peer: call from 127.0.0.9" in running.log
    assert running.cdrs() == []


@pytest.mark.filterwarnings("ignore:ssl.TLSVersion:DeprecationWarning")
@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_1, ssl.TLSVersion.TLSv1_3])
def test_no_other_version_of_tls_is_spoken(running, authority, version):
    known = authority.certify("operator", KNOWN)
    refusal = r"UNEXPECTED_EOF|ALERT_(HANDSHAKE_FAILURE|PROTOCOL_VERSION)"
    with pytest.raises(ssl.SSLError, match=refusal), connected(running, known, version=version):
        pass
