"""Each message of RFC 4475: what it holds where that says it is valid, else what is wrong with it."""

import pytest
from sip_samples import RFC4475, read, rfc4475

from sipgw.messages import BadMessage, Message, check_understood, parse
from sipgw.messages.address import parse_address
from sipgw.messages.via import parse_via

METHODS = ["INVITE", "ACK", "OPTIONS", "CANCEL", "BYE", "NOTIFY"]
EXTENSIONS = ["100rel", "timer"]
OLD = "Via has no branch of RFC 3261"

VALID = {
    "3.1.1.1": "wsinv",
    "3.1.1.2": "intmeth",
    "3.1.1.3": "esc01",
    "3.1.1.4": "escnull",
    "3.1.1.5": "esc02",
    "3.1.1.6": "lwsdisp",
    "3.1.1.7": "longreq",
    "3.1.1.8": "dblreq",
    "3.1.1.9": "semiuri",
    "3.1.1.10": "transports",
    "3.1.1.11": "mpart01",
    "3.1.1.12": "unreason",
    "3.1.1.13": "noreason",
}

START = "expected METHOD, Request-URI and SIP/2.0 with one space between. Answered 400. [SIP-400]"
REFUSED = {
    # 3.1.2.1: separators with nothing between
    "badinv01": "Via 'SIP/2.0/UDP 192.0.2.15;;,;,,' has a parameter without a name; expected ;name=value. "
    "Answered 400. [SIP-400]",
    # 3.1.2.2: Content-Length larger than the message
    "clerr": "Content-Length '9999' is more than the 154 bytes there are; expected all. "
    "Answered 400. [SIP-400]",
    # 3.1.2.3: negative Content-Length
    "ncl": "Content-Length '-999' is no length; expected a whole number. Answered 400. [SIP-400]",
    # 3.1.2.4: scalars too large: the CSeq alone makes it a 400
    "scalar02": "CSeq '36893488147419103232 REGISTER' is too large; expected 2147483647 at most. "
    "Answered 400. [SIP-400]",
    # 3.1.2.5: the same in a response, which is dropped
    "scalarlg": "CSeq '9292394834772304023312 OPTIONS' is too large; expected 2147483647 at most. "
    "Dropped. [SIP-400]",
    # 3.1.2.6: a quoted string that does not end
    "quotbal": "To '\"Mr. J. User <sip:j.user@example.com>' has a quote that is not closed; "
    'expected a " at each end. Answered 400. [SIP-400]',
    # 3.1.2.7: <> around the Request-URI
    "ltgtruri": "Request-URI '<sip:user@example.com>' is no URI; expected sip:user@host or tel:number. "
    "Answered 400. [SIP-400]",
    # 3.1.2.8: white space in the Request-URI
    "lwsruri": f"start line 'INVITE sip:user@example.com; lr SIP/2.0' is none; {START}",
    # 3.1.2.9: more than one space between
    "lwsstart": f"start line 'INVITE  sip:user@example.com  SIP/2.0' is none; {START}",
    # 3.1.2.10: spaces at the end of the line
    "trws": f"start line 'OPTIONS sip:remote-target@example.com SIP/2.0  ' is none; {START}",
    # 3.1.2.11: headers in the Request-URI
    "escruri": "Request-URI 'sip:user@example.com?Route=%3Csip:example.com%3E' has headers; "
    "expected a URI without ?. Answered 400. [SIP-400]",
    # 3.1.2.13: no <> around a URI with headers
    "regbadct": "Contact 'sip:user@example.com?Route=%3Csip:sip.example.com%3E' has a URI with , or ? "
    "outside <>; expected <URI>. Answered 400. [SIP-400]",
    # 3.1.2.14: spaces in an addr-spec
    "badaspec": "To '\"Watson, Thomas\" < sip:t.watson@example.org >' is no URI; "
    "expected sip:user@host or tel:number. Answered 400. [SIP-400]",
    # 3.1.2.16: a version that nobody knows
    "badvers": "version 'SIP/7.0' is unknown; expected SIP/2.0. Answered 505. [SIP-505]",
    # 3.1.2.17: CSeq with another method
    "mismatch01": "CSeq '8 INVITE' has another method than the request; expected the same. "
    "Answered 400. [SIP-400]",
    # 3.1.2.18: the same, of an unknown method: 501 is what the RFC prefers
    "mismatch02": "CSeq '8 INVITE' has another method than the request; expected the same. "
    "Answered 501. [SIP-501]",
    # 3.1.2.19: a status above 699, which is dropped
    "bigcode": "status '4294967301' is no SIP status; expected 100 to 699. Dropped. [SIP-400]",
    # 3.2.1: a branch of RFC 3261 that is nothing but its beginning
    "badbranch": "Via 'SIP/2.0/UDP 192.0.2.1;branch=z9hG4bK' has a branch that names nothing; "
    "expected z9hG4bK and more. Answered 400. [SIP-400]",
    # 3.3.1: Call-ID, From and To are missing
    "insuf": "From is missing; expected this header in every message. Answered 400. [SIP-400]",
    # 3.3.8: several values where one must be
    "multi01": "From 'sip:caller@example.com;tag=3413415 and sip:caller@example.n…' stands twice; "
    "expected one value. Answered 400. [SIP-400]",
    # 3.3.9: two Content-Lengths
    "mcl01": "Content-Length '13 and 5' stands twice; expected one value. Answered 400. [SIP-400]",
}

NOT_UNDERSTOOD = {
    # 3.3.2, 3.3.3: schemes of the Request-URI, unknown and unusual
    "unkscm": "Request-URI 'nobodyKnowsThisScheme:totallyopaquecontent' has another scheme; "
    "expected sip, sips or tel. Answered 416. [SIP-416]",
    "novelsc": "Request-URI 'soap.beep://192.0.2.103:3002' has another scheme; expected sip, sips or tel. "
    "Answered 416. [SIP-416]",
    # 3.3.5: extensions that nobody supports
    "bext01": "Require 'nothingSupportsThis, nothingSupportsThisEither, noProxiesSu…' is not supported; "
    "expected 100rel, timer. Answered 420. [SIP-420]",
    # 3.3.6: a body of unknown type
    "invut": "Content-Type 'application/unknownformat' is not understood; "
    "expected application/sdp, multipart/mixed. Answered 415. [SIP-415]",
    # 3.3.15: an answer that would have to be of unknown type
    "sdp01": "Accept 'text/nobodyKnowsThis' leaves out what is answered; expected application/sdp. "
    "Answered 406. [SIP-406]",
    # 3.1.1.2, 3.1.1.5: well formed, and methods that nobody knows
    "intmeth": "method '!interesting-Method0123456789_*+`.%indeed'~' is not supported; "
    "expected INVITE, ACK, OPTIONS, CANCEL, BYE, NOTIFY. Answered 501. [SIP-501]",
    "esc02": "method 'RE%47IST%45R' is not supported; "
    "expected INVITE, ACK, OPTIONS, CANCEL, BYE, NOTIFY. Answered 501. [SIP-501]",
}

WELL_FORMED = {
    "unksm2",
    "regaut01",
    "bcast",
    "zeromf",
    "cparam01",
    "cparam02",
    "regescrt",
    "inv2543",
    "baddate",
}
"""The others that a test below reads: sections 3.3.4, 3.3.7, 3.3.10 to 3.3.14, 3.4.1 and 3.1.2.12."""


def message(name: str) -> Message:
    return parse(rfc4475(name))


def test_every_message_has_its_test() -> None:
    of_parser = set(VALID.values()) | set(REFUSED) | {"baddn"} | WELL_FORMED
    of_application = set(NOT_UNDERSTOOD) - set(VALID.values())
    assert not of_parser & of_application
    assert of_parser | of_application == {path.stem for path in RFC4475.glob("*.dat")}
    assert len(of_parser | of_application) == 49


@pytest.mark.parametrize("name", REFUSED)
def test_invalid_messages_are_refused(name: str) -> None:
    with pytest.raises(BadMessage) as bad:
        message(name)
    assert str(bad.value) == REFUSED[name]
    assert bad.value.is_answered == (name not in ("scalarlg", "bigcode"))


@pytest.mark.parametrize("name", NOT_UNDERSTOOD)
def test_requests_that_cannot_be_served_are_well_formed_and_refused(name: str) -> None:
    with pytest.raises(BadMessage) as bad:
        check_understood(message(name), METHODS, EXTENSIONS)
    assert str(bad.value) == NOT_UNDERSTOOD[name]


@pytest.mark.parametrize(
    ("name", "header"),
    [
        (
            "bext01",
            (
                "Unsupported",
                "nothingSupportsThis, nothingSupportsThisEither, "
                "noProxiesSupportThis, norDoAnyProxiesSupportThis",
            ),
        ),
        ("invut", ("Accept", "application/sdp, multipart/mixed")),
        ("esc02", ("Allow", "INVITE, ACK, OPTIONS, CANCEL, BYE, NOTIFY")),
    ],
)
def test_answers_carry_the_header_that_rfc_3261_asks_for(name: str, header: tuple[str, str]) -> None:
    with pytest.raises(BadMessage) as bad:
        check_understood(message(name), METHODS, EXTENSIONS)
    assert bad.value.header == header


def test_3_1_1_1_wsinv() -> None:
    found = message("wsinv")
    assert (found.method, found.cseq, found.max_forwards) == ("INVITE", 9, 68)
    assert found.uri is not None
    assert (found.uri.user, found.uri.host) == ("vivekg", "chair-dnrc.example.com")
    assert found.uri.parameters == {"unknownparam": ""}
    assert found.to_address.parameters == {"tag": "1918181833n"}
    assert found.from_address.name == 'J Rosenberg \\"'
    assert found.from_address.uri.user == "jdrosen"
    assert found.from_address.parameters == {"tag": "98asjd8"}
    vias = [parse_via(item) for item in found.items("Via")]
    assert [(via.transport, via.host, via.parameters["branch"]) for via in vias] == [
        ("UDP", "192.0.2.2", "390skdjuw"),
        ("TCP", "spindle.example.com", "z9hG4bK9ikj8"),
        ("UDP", "192.168.255.111", "z9hG4bK30239"),
    ]
    assert found.values("Subject") == ("",)
    assert found.first("NewFangledHeader") == "newfangled value continued newfangled value"
    assert found.first("UnknownHeaderWithUnusualValue") == ";;,,;;,;"
    (route,) = found.items("Route")
    assert parse_address(route).uri.parameters == {
        "lr": "",
        "unknownwith": "value",
        "unknown-no-value": "",
    }
    (contact,) = found.items("Contact")
    assert parse_address(contact).name == 'Quoted string ""'
    assert parse_address(contact).parameters == {"newparam": "newvalue", "secondparam": "", "q": "0.33"}
    assert len(found.body) == 150
    assert found.irregular == (OLD,)
    attempt = read(rfc4475("wsinv"), "operator")
    assert (attempt.a_number, attempt.b_number) == ("jdrosen", "vivekg")


def test_3_1_1_2_intmeth() -> None:
    found = message("intmeth")
    assert found.method == "!interesting-Method0123456789_*+`.%indeed'~"
    assert found.cseq == 139122385
    assert found.uri is not None
    assert found.uri.user == "1_unusual.URI~(to-be!sure)&isn't+it$/crazy?,/;;*"
    assert found.uri.host == "example.com"
    assert found.to_address.name == "BEL:\x07 NUL:\x00 DEL:\x7f"
    assert found.from_address.name == "token1~` token2'+_ token3*%!.-"
    assert found.from_address.parameters == {
        "fromparam''~+*_!.-%": "работающий",
        "tag": "_token~1'+`*%!-.",
    }
    assert found.call_id == "intmeth.word%ZK-!.*_+'@word`~)(><:\\/\"][?}{"
    assert found.first("extensionHeader-!.%*+_`'~") == "\ufeff大停電"
    assert found.max_forwards == 255
    assert found.irregular == ()


def test_3_1_1_3_esc01() -> None:
    found = message("esc01")
    assert found.uri is not None
    assert found.uri.user == "sips%3Auser%40example.com"
    assert (found.uri.subscriber, found.uri.host) == ("sips:user@example.com", "example.net")
    assert found.to_address.uri.subscriber == "user"
    assert found.from_address.uri.subscriber == "I have spaces"
    (contact,) = found.items("Contact")
    assert parse_address(contact).uri.subscriber == "caller"
    assert parse_address(contact).uri.parameters == {"lr": "", "name": "value%41"}
    assert found.first("Content-Type") == "application/sdp"
    assert (len(found.body), found.irregular) == (150, ())
    assert read(rfc4475("esc01"), "operator").b_number == "sips:user@example.com"


def test_3_1_1_4_escnull() -> None:
    found = message("escnull")
    assert found.from_address.uri.subscriber == found.to_address.uri.subscriber == "null-\0-null"
    contacts = [parse_address(value).uri.subscriber for value in found.values("Contact")]
    assert contacts == ["\0", "\0\0"]
    assert (found.body, found.irregular) == (b"", ())


def test_3_1_1_5_esc02() -> None:
    found = message("esc02")
    assert found.method == "RE%47IST%45R"
    assert found.to_address.name == found.from_address.name == "%Z%45"
    assert [parse_address(item).uri.user for item in found.items("Contact")] == ["alias1", "alias3"]
    assert found.first("C%6Fntact") == "<sip:alias2@host2.example.com>"
    assert parse_via(found.first("Via")).parameters == {"branch": "z9hG4bK209%fzsnel234"}
    assert found.irregular == ()


def test_3_1_1_6_lwsdisp() -> None:
    found = message("lwsdisp")
    assert found.from_address.name == "caller"
    assert found.from_address.uri.text == "sip:caller@example.com"
    assert found.irregular == ()


def test_3_1_1_7_longreq() -> None:
    found = message("longreq")
    assert found.to_address.name == "I have a user name of " + "extreme" * 10 + " proportion"
    assert found.to_address.uri.port == 6000
    assert found.to_address.uri.parameters == {
        "unknownparam1": "very" + "long" * 20 + "value",
        "longparam" + "name" * 25: "shortvalue",
        "very" + "long" * 25 + "parameternamewithnovalue": "",
    }
    assert found.from_address.uri.user == "amazinglylongcallername" * 5
    assert found.from_address.parameters["tag"] == "12" + "982" * 50 + "424"
    assert found.call_id == "longreq.one" + "really" * 20 + "longcallid"
    vias = [parse_via(item) for item in found.items("Via")]
    assert [via.host for via in vias] == [f"sip{n}.example.com" for n in range(33, 0, -1)] + [
        "host.example.com"
    ]
    assert vias[-1].parameters["branch"] == "very" + "long" * 50 + "branchvalue"
    assert len(found.body) == 150
    assert found.irregular == (OLD,)


def test_3_1_1_8_dblreq() -> None:
    """What lies behind the message is left out."""
    found = message("dblreq")
    assert (found.method, found.body, found.irregular) == ("REGISTER", b"", ())
    assert found.call_id == "dblreq.0ha0isndaksdj99sdfafnl3lk233412"


def test_3_1_1_9_semiuri() -> None:
    found = message("semiuri")
    assert found.uri is not None
    assert found.uri.user == "user;par=u%40example.net"
    assert (found.uri.subscriber, found.uri.host, found.uri.parameters) == ("user", "example.com", {})
    assert found.items("Accept") == [
        "application/sdp",
        "application/pkcs7-mime",
        "multipart/mixed",
        "multipart/signed",
        "message/sip",
        "message/sipfrag",
    ]


def test_3_1_1_10_transports() -> None:
    vias = [parse_via(item) for item in message("transports").items("Via")]
    assert [via.transport for via in vias] == ["UDP", "SCTP", "TLS", "UNKNOWN", "TCP"]


def test_3_1_1_11_mpart01() -> None:
    found = message("mpart01")
    assert found.first("Content-Type") == "multipart/mixed;boundary=7a9cbec02ceef655"
    assert len(found.body) == 553
    assert found.body.endswith(b"--7a9cbec02ceef655--\r\n")
    assert found.irregular == ()


def test_3_1_1_12_unreason() -> None:
    found = message("unreason")
    assert found.status == 200
    assert found.phrase == "= 2**3 * 5**2 но сто девяносто девять - простое"
    assert found.irregular == ()


def test_3_1_1_13_noreason() -> None:
    found = message("noreason")
    assert (found.status, found.phrase, found.irregular) == (100, "", ())


def test_3_1_2_12_baddate_is_let_pass_and_said() -> None:
    """The RFC asks not to refuse it where the date does not matter."""
    assert message("baddate").irregular == ("Date is no time in GMT",)


def test_3_1_2_15_baddn() -> None:
    """The archive lacks the empty line at its end, which is another fault."""
    with pytest.raises(BadMessage) as bad:
        message("baddn")
    lacks = "message has no empty line behind its headers; expected one. Answered 400. [SIP-400]"
    assert str(bad.value) == lacks
    with pytest.raises(BadMessage) as bad:
        parse(rfc4475("baddn") + b"\r\n")
    assert str(bad.value) == (
        "From 'Bell, Alexander <sip:a.g.bell@example.com>;tag=43' has a name with separators outside "
        'quotes; expected "name" <URI>. Answered 400. [SIP-400]'
    )


@pytest.mark.parametrize("header", ["From", "To", "Call-ID"])
def test_3_3_1_insuf_lacks_each_of_three_headers(header: str) -> None:
    rest = {
        "From": b"From: <sip:a@example.com>;tag=1\r\n",
        "To": b"To: <sip:b@example.com>\r\n",
        "Call-ID": b"Call-ID: 1\r\n",
    }
    del rest[header]
    start, _, others = rfc4475("insuf").partition(b"\r\n")
    with pytest.raises(BadMessage, match=f"^{header} is missing; "):
        parse(start + b"\r\n" + b"".join(rest.values()) + others)


def test_3_3_4_unksm2_has_schemes_that_only_a_registrar_refuses() -> None:
    found = message("unksm2")
    assert found.to_address.uri.scheme == "isbn"
    assert found.from_address.uri.text == "http://www.example.com"
    assert parse_address(found.first("Contact")).uri.scheme == "name"
    assert found.irregular == ()


def test_3_3_7_regaut01() -> None:
    found = message("regaut01")
    assert found.first("Authorization") == "NoOneKnowsThisScheme opaque-data=here"
    assert (found.body, found.irregular) == (b"", ())


def test_3_3_10_bcast() -> None:
    """The second Via is no address to send to: who made the request drops it, for it has two."""
    found = message("bcast")
    assert (found.status, found.irregular) == (200, ())
    assert [parse_via(item).host for item in found.items("Via")] == ["192.0.2.198", "255.255.255.255"]


def test_3_3_11_zeromf() -> None:
    found = message("zeromf")
    assert (found.method, found.max_forwards, found.irregular) == ("OPTIONS", 0, ())
    check_understood(found, METHODS, EXTENSIONS)


def test_3_3_12_cparam01_is_a_parameter_of_the_header() -> None:
    contact = parse_address(message("cparam01").first("Contact"))
    assert (contact.uri.parameters, contact.parameters) == ({}, {"unknownparam": ""})


def test_3_3_13_cparam02_is_a_parameter_of_the_uri() -> None:
    contact = parse_address(message("cparam02").first("Contact"))
    assert (contact.uri.parameters, contact.parameters) == ({"unknownparam": ""}, {})


def test_3_3_14_regescrt() -> None:
    contact = parse_address(message("regescrt").first("Contact"))
    assert (contact.uri.host, contact.uri.headers) == ("example.com", "Route=%3Csip:sip.example.com%3E")


def test_3_4_1_inv2543() -> None:
    found = message("inv2543")
    assert found.irregular == (OLD, "From has no tag", "Max-Forwards is missing")
    assert found.max_forwards == 70
    assert (found.to_address.uri.dialled, found.to_address.parameters) == ("+16505552222", {"user": "phone"})
    assert len(found.body) == 105
    attempt = read(rfc4475("inv2543"), "operator")
    assert (attempt.a_number, attempt.b_number) == ("+13035551111", "UserB")
