"""Framing, headers and limits of messages."""

import pytest
from sip_samples import read, request, sample

from sipgw.messages import (
    BadMessage,
    Reason,
    check_understood,
    is_completed_elsewhere,
    parse,
    reasons_of,
    refer_of,
)
from sipgw.messages.head import LARGEST, LONGEST, MOST


def refusal(raw: bytes) -> str:
    with pytest.raises(BadMessage) as bad:
        parse(raw)
    return str(bad.value)


def test_header_names_in_any_case_short_and_folded() -> None:
    raw = (
        b"INVITE sip:0261910011@SBC1.Cabinet-Exemple.Trunk.Example:5061 sip/2.0\r\n"
        b"v: SIP/2.0/TLS 52.112.0.10:5061\r\n ;branch=z9hG4bK1\r\n"
        b"F:\r\n\t<sip:0199000110@h>\r\n\t;tag=1\r\nt:<sip:x@h>\r\nI: 0001\r\ncseq: 1\r\n INVITE\r\n"
        b"p-Asserted-identity :\r\n <tel:0199000110>\r\nb: <sip:h>\r\nk: timer,\r\n histinfo\r\n"
        b"mAX-fORWARDS: 7\r\nL: 3\r\n\r\nabcd"
    )
    found = parse(raw)
    assert found.items("Supported") == ["timer", "histinfo"]
    assert found.first("Referred-By") == "<sip:h>"
    assert (found.max_forwards, found.body, found.irregular) == (7, b"abc", ())
    attempt = read(raw)
    assert attempt.host == "sbc1.cabinet-exemple.trunk.example"
    assert (attempt.a_number, attempt.b_number) == ("+33199000110", "0261910011")
    assert (attempt.billed_number, attempt.billed_by) == ("+33199000110", "P-Asserted-Identity")


def test_empty_lines_before_a_message_are_passed_over() -> None:
    assert parse(b"\r\n\r\n" + sample(3)) == parse(sample(3))


def test_body_is_all_where_no_length_is_told() -> None:
    assert parse(request(body=b"v=0\r\n")).body == b"v=0\r\n"


def test_body_may_be_any_bytes() -> None:
    body = bytes(range(256)) * 2
    assert parse(request("Content-Length: 512", body=body)).body == body


def test_lengths_may_have_zeros_before_them() -> None:
    assert parse(request("Content-Length: " + "0" * 5000 + "2", body=b"abc")).body == b"ab"


def test_message_at_its_largest() -> None:
    raw = request(body=b"x")
    raw += b"x" * (LARGEST - len(raw))
    assert len(parse(raw).body) == LARGEST - len(request())
    expected = f"message has {LARGEST + 1} bytes; expected {LARGEST} at most. Answered 513. [SIP-513]"
    assert refusal(raw + b"x") == expected


def test_header_at_its_longest() -> None:
    name = "X-Long: "
    assert parse(request(name + "x" * (LONGEST - len(name)))).first("X-Long")
    assert refusal(request(name + "x" * (LONGEST + 1 - len(name)))) == (
        "line 'X-Long: xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx…' has 8193 characters; "
        "expected 8192 at most. Answered 513. [SIP-513]"
    )
    folded = "X-Long: a" + "\r\n " + "\r\n ".join("b" * 100 for _ in range(100))
    assert "has 10109 characters" in refusal(request(folded))


def test_most_headers() -> None:
    few = len(parse(request()).headers)
    assert parse(request(*["X-Y: z"] * (MOST - few))).values("x-y") == ("z",) * (MOST - few)
    assert refusal(request(*["X-Y: z"] * (MOST + 1 - few))) == (
        "message has 257 headers; expected 256 at most. Answered 513. [SIP-513]"
    )
    assert "has 10006 headers" in refusal(request(*["X:"] * 10_000))


def test_most_values_of_a_header() -> None:
    lines = ["Supported: " + "," * 128] * 2
    assert len(parse(request(*lines)).items("Supported")) == 258
    assert refusal(request(*lines, "k: a,b")) == (
        f"supported '{',' * 59}…' has 257 commas; expected 256 at most. Answered 513. [SIP-513]"
    )


def test_a_body_that_would_be_too_large() -> None:
    assert refusal(request("Content-Length: 65537")) == (
        "Content-Length '65537' is too large; expected 65536 at most. Answered 413. [SIP-413]"
    )
    assert "is more than the 0 bytes there are" in refusal(request("Content-Length: 65536"))
    assert refusal(request("Content-Length: " + "9" * 5000)).endswith(" Answered 413. [SIP-413]")


@pytest.mark.parametrize("length", ["", "x", "+1", "1.0", "1 1", "１", "²", "0x1"])
def test_what_is_no_length(length: str) -> None:
    assert "is no length; expected a whole number. Answered 400. [SIP-400]" in refusal(
        request(f"Content-Length: {length}")
    )


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("no colon", "line 'no colon' is no header; expected Name: value."),
        (": x", "line ': x' is no header; expected Name: value."),
        ("a b: x", "line 'a b: x' is no header; expected Name: value."),
        ("é: x", "line 'é: x' is no header; expected Name: value."),
        ("X: a\0b", "line 'X: a\\x00b' has a control character; expected text."),
        ("X: a\x1bb", "line 'X: a\\x1bb' has a control character; expected text."),
        ("X: a\nY: b", "line 'X: a\\nY: b' has a control character; expected text."),
        ('X: "a\\\nY: b"', "line 'X: \"a\\\\nY: b\"' has a control character; expected text."),
        ("X: a\rY: b", "line 'X: a\\rY: b' has a control character; expected text."),
    ],
)
def test_what_is_no_header(line: str, message: str) -> None:
    assert refusal(request(line)) == f"{message} Answered 400. [SIP-400]"


def test_line_ends_of_another_system_are_no_line_ends() -> None:
    """An engine and this parser must see the same headers."""
    assert refusal(sample(1).replace(b"\r\n", b"\n")) == (
        "message has no empty line behind its headers; expected one. Dropped. [SIP-400]"
    )


@pytest.mark.parametrize(
    "raw", [b"", b"\r\n", b"\r\n\r\n", b"\0\0\0\0", b"x" * 100, b"\xff\xfe", b"jaK\0\r\n\r\n"]
)
def test_what_is_no_sip_is_dropped(raw: bytes) -> None:
    assert refusal(raw).endswith("Dropped. [SIP-400]")


def test_start_line_that_goes_on_in_a_second_line() -> None:
    raw = request().replace(b" SIP/2.0\r\n", b"\r\n SIP/2.0\r\n", 1)
    assert "goes on in a second line; expected one line. Dropped. [SIP-400]" in refusal(raw)


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        (
            b"SIP/2.0\r\n",
            b"SIP/1.0\r\n",
            "version 'SIP/1.0' is unknown; expected SIP/2.0. Answered 505. [SIP-505]",
        ),
        (b" SIP/2.0\r\n", b" SIP/2\r\n", "has no version; expected SIP/2.0. Answered 400. [SIP-400]"),
        (b"INVITE sip", b"INV,TE sip", "is none; expected METHOD, Request-URI and SIP/2.0 with one space"),
        (b"MAX-FORWARDS: 70", b"MAX-FORWARDS: -1", "Max-Forwards '-1' is no number; expected 0 to 255."),
        (b"MAX-FORWARDS: 70", b"MAX-FORWARDS:", "Max-Forwards '' is no number; expected 0 to 255."),
        (
            b"CALL-ID: 0001",
            b"CALL-ID: a b",
            "Call-ID 'a b' is no word; expected printable ASCII without spaces.",
        ),
        (b"CALL-ID: 0001", b"CALL-ID:", "Call-ID '' is no word; expected printable ASCII without spaces."),
        (b"CALL-ID: 0001", b"CALL-ID: \xff", "Call-ID '\ufffd' is no word; expected printable ASCII"),
        (b"CSEQ: 1 INVITE", b"CSEQ: 1 invite", "CSeq '1 invite' has another method than the request"),
        (b"CSEQ: 1 INVITE", b"CSEQ: 2147483648 INVITE", "is too large; expected 2147483647 at most."),
        (b"CSEQ: 1 INVITE", b"CSEQ: 1", "CSeq '1' is none; expected a number and a method."),
        (b"CSEQ: 1 INVITE", b"CSEQ:", "CSeq '' is none; expected a number and a method."),
        (b"CSEQ: 1 INVITE", "CSEQ: 1\u00a0INVITE".encode(), "is none; expected a number and a method."),
        (b"CSEQ: 1 INVITE", b"CSEQ: 1 INV ITE", "CSeq '1 INV ITE' is none; expected a number and a method."),
        (b"CSEQ: 1 INVITE", b"CSEQ: -1 INVITE", "CSeq '-1 INVITE' is none; expected a number and a method."),
        (
            b"VIA: SIP",
            b"VIA: , SIP",
            "Via ', SIP/2.0/TLS 52.112.0.10:5061;branch=z9hG4bK1' names no transport",
        ),
        (b"VIA:", b"X-VIA:", "Via is missing; expected this header in every message."),
    ],
)
def test_one_fault_in_a_good_message(old: bytes, new: bytes, message: str) -> None:
    raw = request()
    assert old in raw
    assert message in refusal(raw.replace(old, new, 1))


def test_largest_cseq_is_read() -> None:
    assert parse(request().replace(b"CSEQ: 1 ", b"CSEQ: 2147483647 ")).cseq == 2**31 - 1


@pytest.mark.parametrize("code", [b"099", b"700", b"20", b"2000", b"2OO", b"", "²００".encode()])
def test_what_is_no_status_is_dropped(code: bytes) -> None:
    raw = sample(2).replace(b"SIP/2.0 200 OK", b"SIP/2.0 " + code + b" OK", 1)
    assert "is no SIP status; expected 100 to 699. Dropped. [SIP-400]" in refusal(raw)


def test_status_line_without_a_space_before_no_phrase() -> None:
    found = parse(sample(2).replace(b"SIP/2.0 200 OK", b"SIP/2.0 200", 1))
    assert (found.status, found.phrase) == (200, "")


def test_acks_are_never_answered() -> None:
    assert refusal(request("Content-Length: 9", method="ACK")).endswith("Dropped. [SIP-400]")


def test_what_is_let_pass_is_said() -> None:
    raw = request(caller='"Caf\ufffd" <sip:+33199000110@h>').replace("\ufffd".encode(), b"\xe9")
    raw = raw.replace(b"MAX-FORWARDS: 70", b"MAX-FORWARDS: 256\r\nDATE: soon").replace(b"z9hG4bK1", b"1")
    found = parse(raw)
    assert found.max_forwards == 255
    assert found.irregular == (
        "a header is not UTF-8",
        "Via has no branch of RFC 3261",
        "From has no tag",
        "Date is no time in GMT",
        "Max-Forwards is above 255",
    )
    assert found.from_address.name == "Caf\ufffd"
    assert read(raw).a_number == "+33199000110"


@pytest.mark.parametrize(
    "date",
    [
        "",
        "x",
        "Thu, 99 Foo 2026 25:61:61 GMT",
        "Thu, 21 Feb 2026 13:02:03 +0000",
        "1 Jan 99999999999999999999 GMT",
    ],
)
def test_dates_that_are_none(date: str) -> None:
    assert parse(request(f"Date: {date}")).irregular == ("Date is no time in GMT",)


def test_date_in_gmt() -> None:
    assert parse(request("Date: Sat, 13 Nov 2010 23:29:00 GMT")).irregular == ()


def test_a_star_is_a_contact() -> None:
    assert parse(request("Contact: *")).items("Contact") == ["*"]


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        (["Require: 100REL , timer"], 0),
        (["Proxy-Require: sec-agree"], 420),
        (["Require: timer\u2028"], 400),
        (["Require:"], 400),
        (["Content-Type: application/sdp;charset=x"], 0),
        (["Content-Type: APPLICATION / SDP"], 0),
        (["Content-Type: multipart/mixed;boundary=x"], 0),
        (["Content-Type: application/pidf+xml"], 415),
        (["Content-Type: application/pidf+xml", "Content-Disposition: x;handling=Optional"], 0),
        (["Accept: */*"], 0),
        (["Accept: application/*;q=0.1, text/plain"], 0),
        (["Accept: text/plain", "Accept: application/sdp"], 0),
        (["Accept: */*, application/sdp;q=0.0"], 406),
        (["Accept:"], 406),
        (['Accept: "'], 406),
    ],
)
def test_what_an_invite_may_ask(headers: list[str], status: int) -> None:
    message = parse(request(*headers, body=b"x"))
    if not status:
        check_understood(message, ["INVITE"], ["100rel", "timer"])
        return
    with pytest.raises(BadMessage) as bad:
        check_understood(message, ["INVITE"], ["100rel", "timer"])
    assert bad.value.status == status


def test_a_known_method_that_is_not_served_is_not_allowed() -> None:
    with pytest.raises(BadMessage) as bad:
        check_understood(parse(request(method="PUBLISH")), ["INVITE", "ACK"], [])
    assert (bad.value.status, bad.value.header) == (405, ("Allow", "INVITE, ACK"))


def test_responses_acks_and_what_a_cancel_requires_are_let_pass() -> None:
    check_understood(parse(sample(2)), [], [])
    check_understood(parse(request("Require: x", method="ACK")), [], [])
    check_understood(parse(request("Require: x", method="CANCEL")), ["CANCEL"], [])


@pytest.mark.parametrize(
    ("headers", "message"),
    [
        ([], "Refer-To is missing; expected one."),
        (
            ["Refer-To: <sip:a@h>", "r: <sip:b@h>"],
            "Refer-To '<sip:a@h> and <sip:b@h>' stands twice; expected one.",
        ),
        (["Refer-To: <sip:a@h>, <sip:b@h>"], "Refer-To '<sip:a@h>, <sip:b@h>' has brackets that are no pair"),
        (["Refer-To: <sip:a@h>", "Referred-By: x"], "Referred-By 'x' is no URI"),
    ],
)
def test_what_is_no_transfer(headers: list[str], message: str) -> None:
    with pytest.raises(BadMessage) as bad:
        refer_of(parse(request(*headers, method="REFER")))
    assert str(bad.value).startswith(message)
    assert bad.value.status == 400


def test_transfer_to_a_number_without_who_asks() -> None:
    refer = refer_of(parse(request("Refer-To: <tel:+33639980456>", method="REFER")))
    assert (refer.target.dialled, refer.target_user, refer.referred_by, refer.transferor) == (
        "+33639980456",
        "",
        "",
        "",
    )


@pytest.mark.parametrize(
    ("headers", "elsewhere"),
    [
        (['Reason: SIP;cause=200;text="Call completed elsewhere"'], True),
        (["REASON: Q.850;cause=16, sip ; cause=200"], True),
        (["Reason: Q.850;cause=16", "Reason: SIP;cause=200"], True),
        (['Reason: SIP;cause="open', "Reason: SIP;cause=200"], True),
        (["Reason: Q.850;cause=200"], False),
        (["Reason: SIP;cause=487"], False),
        (["Reason: SIP"], False),
        ([], False),
    ],
)
@pytest.mark.parametrize("method", ["CANCEL", "BYE"])
def test_completed_elsewhere(method: str, headers: list[str], elsewhere: bool) -> None:
    assert is_completed_elsewhere(parse(request(*headers, method=method))) == elsewhere


def test_reasons_of_two_protocols_stand_together() -> None:
    message = parse(request('Reason: Q.850;cause=16;text="a, b", SIP;cause=487', method="BYE"))
    assert reasons_of(message) == [Reason("Q.850", 16, "a, b"), Reason("SIP", 487, "")]
