"""What Teams, the gateway and an operator say to each other, message by message."""

from dataclasses import asdict

import pytest
from sip_samples import FRANCE, SAMPLES, TRUNK, is_own, read, sample

from sipgw.attempt import Attempt
from sipgw.messages import (
    BadMessage,
    Message,
    Reason,
    attempt_of,
    is_completed_elsewhere,
    parse,
    reasons_of,
    refer_of,
)

A, B, C = "+33639980123", "+33199000110", "+33639980456"
ALICE = "alice@cabinet-exemple.example"
TEAMS_HEADERS = {
    "via",
    "from",
    "to",
    "cseq",
    "call-id",
    "max-forwards",
    "record-route",
    "contact",
    "min-se",
    "supported",
    "user-agent",
    "allow",
    "session-expires",
    "content-type",
    "content-length",
}
ALLOWED = ["INVITE", "ACK", "OPTIONS", "CANCEL", "BYE", "NOTIFY"]


def message(number: int) -> Message:
    return parse(sample(number))


def check_invite_from_teams(number: int, *more: str) -> None:
    """What all INVITEs from Teams have in common."""
    found = message(number)
    assert (found.method, found.status, found.phrase, found.cseq) == ("INVITE", 0, "", 1)
    assert found.is_request
    assert not found.is_in_dialog
    assert found.irregular == ()
    assert found.uri is not None
    assert (found.uri.scheme, found.uri.host, found.uri.port) == ("sip", TRUNK, 5061)
    assert found.uri.parameters["user"] == "phone"
    assert found.uri.parameters["transport"] == "tls"
    assert found.to_address.uri.host == TRUNK
    assert found.to_address.uri.user == found.uri.user
    assert found.from_address.parameters == {"tag": "8b4b2fe94c2c4c0a9b51"}
    assert found.max_forwards == 70
    assert set(found.headers) == TEAMS_HEADERS | set(more)
    assert found.values("Via")[0].startswith("SIP/2.0/TLS 52.112.0.10:5061;branch=z9hG4bK")
    assert found.first("Record-Route") == "<sip:sip-du-a-eu.pstnhub.microsoft.com:5061;transport=tls;lr>"
    assert found.first("contact").startswith("<sip:api-du-a-euno.pstnhub.microsoft.com:443;x-i=00000000-")
    assert (found.first("Min-SE"), found.first("Session-Expires")) == ("300", "3600")
    assert found.items("Supported") == ["histinfo", "timer"]
    assert found.first("User-Agent") == "Microsoft.PSTNHub.SIPProxy v.2026.1.1.1 i.EUNO.0"
    assert found.items("Allow") == ALLOWED
    assert found.first("Content-Type") == "application/sdp"
    assert len(found.body) == 651
    assert found.body.startswith(b"v=0\r\n")
    assert b"m=audio 50004 RTP/SAVP " in found.body
    assert found.body.endswith(b"a=ptime:20\r\n")


def teams(call_id: str, **fields: object) -> Attempt:
    """An attempt of the samples: A calls, forwarded by B to C, unless `fields` say otherwise."""
    base = {
        "side": "teams",
        "address": "52.112.0.10",
        "call_id": call_id,
        "host": TRUNK,
        "a_number": A,
        "b_number": C,
        "billed_number": B,
        "billed_by": "P-Asserted-Identity",
        "user_id": "",
        "forwarded_by": "",
        "forward_type": "",
        "forward_is_probable": False,
        "tls_names": (),
        "hops": 0,
        "max_forwards": 70,
    }
    return Attempt(**{**base, **fields})  # type: ignore[arg-type]


def test_01_options_of_the_gateway() -> None:
    found = message(1)
    assert (found.method, found.cseq, found.call_id) == ("OPTIONS", 1, f"opt-1@{TRUNK}")
    assert found.uri is not None
    assert (found.uri.user, found.uri.host, found.uri.port) == ("", "sip.pstnhub.microsoft.com", 5061)
    assert found.uri.parameters == {"transport": "tls"}
    assert (found.from_address.uri.host, found.from_address.parameters) == (TRUNK, {"tag": "o1"})
    assert (found.to_address.uri.host, found.to_address.parameters) == ("sip.pstnhub.microsoft.com", {})
    assert found.max_forwards == 70
    assert found.items("Allow") == [*ALLOWED, "UPDATE", "PRACK", "INFO"]
    assert found.headers["via"] == (f"SIP/2.0/TLS {TRUNK}:5061;alias;branch=z9hG4bKopt1",)
    assert found.first("Contact") == f"<sip:{TRUNK}:5061;transport=tls>"
    assert found.first("X-MS-SBC") == "Example/Gateway/1.0"
    assert found.first("User-Agent") == "example-gateway/1.0"
    assert found.first("Content-Length") == "0"
    assert len(found.headers) == 11
    assert (found.body, found.irregular) == (b"", ())


def test_02_answer_of_teams() -> None:
    found = message(2)
    assert (found.status, found.phrase, found.method, found.cseq) == (200, "OK", "OPTIONS", 1)
    assert not found.is_request
    assert found.uri is None
    assert found.call_id == f"opt-1@{TRUNK}"
    assert (found.from_address.uri.host, found.from_address.parameters) == (TRUNK, {"tag": "o1"})
    assert found.to_address.uri.text == "sip:sip.pstnhub.microsoft.com:5061"
    assert found.first("Via") == f"SIP/2.0/TLS {TRUNK}:5061;alias;branch=z9hG4bKopt1"
    assert found.first("Contact") == "<sip:sip-du-a-eu.pstnhub.microsoft.com:5061>"
    assert found.items("Allow") == ALLOWED
    assert found.first("Server") == "Microsoft.PSTNHub.SIPProxy v.2026.1.1.1 i.EUNO.0"
    assert len(found.headers) == 9
    assert (found.body, found.irregular) == (b"", ())


def test_03_plain_call() -> None:
    check_invite_from_teams(3, "p-asserted-identity", "privacy")
    assert message(3).first("Privacy") == "id"
    assert read(sample(3)) == teams("00000001c0de", a_number=B, b_number="+33261910011", user_id=ALICE)


def test_04_forwarded_always() -> None:
    check_invite_from_teams(4, "p-asserted-identity", "history-info")
    expected = teams("00000002c0de", user_id=ALICE, forwarded_by=B, forward_type="unconditional", hops=1)
    assert read(sample(4)) == expected


def test_05_forwarded_when_busy_without_escapes() -> None:
    check_invite_from_teams(5, "history-info")
    expected = teams("00000003c0de", billed_by="History-Info", forwarded_by=B, forward_type="busy", hops=1)
    assert read(sample(5)) == expected


def test_06_forwarded_twice() -> None:
    check_invite_from_teams(6, "history-info")
    latest = "+33199000111"
    expected = teams(
        "00000004c0de",
        billed_number=latest,
        billed_by="History-Info",
        forwarded_by=latest,
        forward_type="no_answer",
        hops=2,
    )
    assert read(sample(6)) == expected


def test_07_forwarded_as_p_asserted_identity_shows() -> None:
    check_invite_from_teams(7, "p-asserted-identity")
    assert read(sample(7)) == teams("00000005c0de", forwarded_by=B, forward_type="unknown")


def test_08_probably_forwarded_as_only_from_shows() -> None:
    check_invite_from_teams(8)
    expected = teams(
        "00000006c0de", billed_number="", billed_by="", forward_type="unknown", forward_is_probable=True
    )
    assert read(sample(8)) == expected


def test_09_anonymous_caller() -> None:
    check_invite_from_teams(9, "p-asserted-identity", "privacy")
    assert message(9).from_address.name == "Anonymous"
    assert read(sample(9)) == teams("00000007c0de", a_number="anonymous", b_number="+33261910011")


def test_10_call_from_the_operator_as_the_gateway_sends_it_on() -> None:
    found = message(10)
    assert (found.method, found.cseq, found.max_forwards) == ("INVITE", 1, 69)
    assert found.uri is not None
    assert found.uri.parameters == {"user": "phone", "transport": "tls"}
    assert (found.uri.dialled, found.uri.host, found.uri.port) == (B, "sip.pstnhub.microsoft.com", 5061)
    assert found.from_address.uri.text == f"sip:{A}@{TRUNK}:5061;user=phone"
    assert found.from_address.parameters == {"tag": "i10"}
    assert found.to_address.uri.text == f"sip:{B}@sip.pstnhub.microsoft.com:5061;user=phone"
    assert found.first("Via") == f"SIP/2.0/TLS {TRUNK}:5061;alias;branch=z9hG4bKinv10"
    assert found.first("Contact") == f"<sip:{A}@{TRUNK}:5061;user=phone;transport=tls>"
    assert found.items("Supported") == ["timer", "replaces", "histinfo"]
    assert "REFER" not in found.items("Allow")
    assert (found.first("Session-Expires"), found.first("Min-SE")) == ("3600", "300")
    assert (found.first("User-Agent"), found.first("X-MS-SBC")) == (
        "example-gateway/1.0",
        "Example/Gateway/1.0",
    )
    assert (found.first("Content-Type"), len(found.body), found.irregular) == ("application/sdp", 657, ())
    assert len(found.headers) == 15
    assert read(sample(10), "operator") == teams(
        f"inv-10@{TRUNK}",
        side="operator",
        host="sip.pstnhub.microsoft.com",
        b_number=B,
        billed_number="",
        billed_by="",
        max_forwards=69,
    )


def test_11_forwarded_call_as_the_gateway_sends_it_on() -> None:
    found = message(11)
    assert (found.method, found.cseq, found.max_forwards) == ("INVITE", 1, 68)
    assert found.uri is not None
    assert found.uri.text == f"sip:{C}@carrier.example;user=phone"
    assert found.first("Via") == "SIP/2.0/UDP 198.51.100.10:5060;branch=z9hG4bKinv11"
    assert found.from_address.uri.text == f"sip:{A}@198.51.100.10;user=phone"
    assert found.from_address.parameters == {"tag": "i11"}
    assert found.to_address.uri.text == found.uri.text
    assert found.first("Contact") == "<sip:198.51.100.10:5060>"
    assert found.first("P-Asserted-Identity") == f"<sip:{B}@198.51.100.10;user=phone>"
    assert len(found.items("History-Info")) == 2
    assert (found.first("Content-Type"), len(found.body), found.irregular) == ("application/sdp", 567, ())
    assert len(found.headers) == 12
    expected = teams(
        "inv-11@198.51.100.10",
        side="operator",
        host="carrier.example",
        billed_number="",
        billed_by="",
        hops=1,
        max_forwards=68,
    )
    assert read(sample(11), "operator") == expected


def test_11_read_as_if_another_gateway_had_sent_it() -> None:
    """History-Info of RFC 7044, whose last entry is the target, and Diversion agree."""

    def is_own_there(host: str, number: str) -> bool:
        return (host, number) == ("carrier.example", B)

    found = attempt_of(message(11), "teams", "198.51.100.10", (), is_own_there, FRANCE)
    assert (found.billed_number, found.billed_by) == (B, "P-Asserted-Identity")
    assert (found.forwarded_by, found.forward_type, found.hops) == (B, "unconditional", 1)
    assert not found.forward_is_probable


def test_12_refer() -> None:
    found = message(12)
    assert (found.method, found.cseq, found.call_id) == ("REFER", 2, f"inv-10@{TRUNK}")
    assert found.is_in_dialog
    assert found.uri is not None
    assert (found.uri.dialled, found.uri.host) == (A, TRUNK)
    assert found.from_address.parameters == {"tag": "r12"}
    assert found.to_address.parameters == {"tag": "i10"}
    assert len(found.headers) == 11
    refer = refer_of(found)
    assert f"<{refer.target.text}>" == found.first("Refer-To")
    assert (refer.target.host, refer.target.port) == ("sip.pstnhub.microsoft.com", 5061)
    assert refer.target.parameters == {
        "transport": "tls",
        "x-m": "8:orgid:db03c14b-0000-4000-8000-000000000002",
        "x-t": "00000000-0000-4000-8000-0000000000aa",
        "x-ti": "00000000-0000-4000-8000-0000000000bb",
        "x-tt": "aHR0cHM6Ly9leGFtcGxlLmludmFsaWQv",
    }
    assert refer.target_user == "db03c14b-0000-4000-8000-000000000002"
    assert refer.referred_by == found.first("Referred-By")
    assert refer.transferor == "db03c14b-0000-4000-8000-000000000001"


@pytest.mark.parametrize(
    ("number", "status", "phrase", "reason"),
    [
        (13, 486, "Busy Here", Reason("Q.850", 34, "No circuit/channel available")),
        (14, 503, "Service Unavailable", Reason("Q.850", 34, "No circuit/channel available")),
        (15, 486, "Busy Here", Reason("Q.850", 17, "User busy")),
    ],
)
def test_13_to_15_refusals_differ_by_reason(number: int, status: int, phrase: str, reason: Reason) -> None:
    found = message(number)
    assert (found.status, found.phrase, found.method, found.cseq) == (status, phrase, "INVITE", 1)
    assert found.call_id == "00000001c0de"
    assert found.from_address.uri.dialled == B
    assert found.from_address.parameters == {"tag": "8b4b2fe94c2c4c0a9b51"}
    assert found.to_address.uri.dialled == "+33261910011"
    assert found.to_address.parameters == {"tag": "x1"}
    assert found.first("Via") == "SIP/2.0/TLS 52.112.0.10:5061;branch=z9hG4bK00000001"
    assert found.items("Allow") == ALLOWED
    assert reasons_of(found) == [reason]
    assert len(found.headers) == 8
    assert (found.body, found.irregular) == (b"", ())
    assert not is_completed_elsewhere(found)


def test_16_cancel_completed_elsewhere() -> None:
    found = message(16)
    assert (found.method, found.cseq, found.call_id) == ("CANCEL", 1, "00000001c0de")
    assert found.uri is not None
    assert (found.uri.dialled, found.uri.host) == ("+33261910011", TRUNK)
    assert not found.is_in_dialog
    assert found.max_forwards == 70
    assert found.first("Via") == message(3).first("Via")
    assert reasons_of(found) == [Reason("SIP", 200, "Call completed elsewhere")]
    assert is_completed_elsewhere(found)
    assert len(found.headers) == 8


def test_there_are_no_other_samples() -> None:
    assert [int(path.name[:2]) for path in sorted(SAMPLES.glob("*.sip"))] == list(range(1, 17))


def test_names_of_the_certificate_are_kept_in_lower_case() -> None:
    found = attempt_of(message(3), "teams", "52.112.0.10", ["SIP.pstnhub.microsoft.com"], is_own, FRANCE)
    assert found.tls_names == ("sip.pstnhub.microsoft.com",)
    assert asdict(found) | {"tls_names": ()} == asdict(read(sample(3)))


@pytest.mark.parametrize("number", [1, 2, 12, 13, 16])
def test_what_is_no_invite_begins_no_call(number: int) -> None:
    with pytest.raises(BadMessage) as bad:
        read(sample(number))
    method = message(number).method
    assert str(bad.value) == f"method '{method}' begins no call; expected INVITE. Answered 400. [SIP-400]"


def test_a_side_that_is_none_is_the_callers_fault() -> None:
    with pytest.raises(ValueError, match="side 'west' is neither teams nor operator"):
        read(sample(3), "west")
