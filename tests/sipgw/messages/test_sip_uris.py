"""URIs and addresses: what is read from them, and what is none."""

import pytest

from sipgw.messages.address import parse_address
from sipgw.messages.bad import Unreadable
from sipgw.messages.reasons import Reason, parse_reason
from sipgw.messages.text import parameters, split, without_quotes
from sipgw.messages.uri import parse_place, parse_uri
from sipgw.messages.via import parse_via


@pytest.mark.parametrize(
    ("text", "dialled"),
    [
        ("sip:+33199000110@h", "+33199000110"),
        ("SIP:0199000110@h;user=phone", "0199000110"),
        ("sips:%2B33199000110@h", "+33199000110"),
        ("sip:+33-1.99 00".replace(" ", "%20") + "@h", "+33-1.99 00"),
        ("tel:+33199000110", "+33199000110"),
        ("tel:+33199000110;ext=12", "+33199000110"),
        ("TEL:0199000110;phone-context=+33", "+330199000110"),
        ("tel:15;phone-context=+33", "+3315"),
        ("tel:1234;phone-context=trunk.example", "1234"),
        ("tel:1234;phone-context=+", "1234"),
        ("tel:1234;phone-context=+3x", "1234"),
        ("sip:199000110;phone-context=%2B33@h;user=phone", "+33199000110"),
        ("sip:199000110@h;phone-context=+33", "+33199000110"),
        ("sip:+33199000110;rn=+33199;npdi@h;user=phone", "+33199000110"),
        ("sip:#31#0199000110@h;user=phone", "#31#0199000110"),
        ("sip:alice:secret@h", "alice"),
        ("sip:h", ""),
        ("http://h/+33199000110", ""),
    ],
)
def test_dialled_number(text: str, dialled: str) -> None:
    assert parse_uri(text).dialled == dialled


def test_sip_uri_in_its_parts() -> None:
    uri = parse_uri("SIPS:a%41;x=1:pw@[2001:DB8::1]:5061;User=phone;LR;maddr=h?Subject=x&Priority=y")
    assert (uri.scheme, uri.user, uri.subscriber) == ("sips", "a%41;x=1", "aA")
    assert (uri.host, uri.port) == ("[2001:db8::1]", 5061)
    assert uri.parameters == {"user": "phone", "lr": "", "maddr": "h"}
    assert uri.headers == "Subject=x&Priority=y"
    assert uri.text.startswith("SIPS:a%41")


def test_first_of_two_parameters_of_one_name_counts() -> None:
    assert parse_uri("sip:a@h;user=phone;USER=ip").parameters == {"user": "phone"}
    assert parameters(";tag=1;Tag=2") == {"tag": "1"}


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("", "is no URI"),
        ("+33199000110", "is no URI"),
        (":a@h", "is no URI"),
        ("1sip:a@h", "is no URI"),
        ("é:a@h", "is no URI"),
        ("sip:", "has a bad host"),
        ("sip:a@", "has a bad host"),
        ("sip:a@h h", "has a space, a quote or a bracket"),
        ("sip:a\x00@h", "has a space, a quote or a bracket"),
        ("sip:a\u00a0@h", "has a space, a quote or a bracket"),
        ('sip:a"b@h', "has a space, a quote or a bracket"),
        ("sip:a<b@h", "has a space, a quote or a bracket"),
        ("http://a b", "has a space, a quote or a bracket"),
        ("sip:@h", "has no user before @, or two of it"),
        ("sip::pw@h", "has no user before @, or two of it"),
        ("sip:a@b@h", "has no user before @, or two of it"),
        ("sip:a@h;x=@evil", "has no user before @, or two of it"),
        ("sip:a@exämple", "has a bad host"),
        ("sip:a@" + "h" * 256, "has a bad host"),
        ("sip:a@[::1", "has a bad host"),
        ("sip:a@::1]", "has a bad host"),
        ("sip:a@[::g]", "has a bad host"),
        ("sip:a@[::1%eth0]", "has a bad host"),
        ("sip:a@[::1]x", "has a bad host"),
        ("sip:a@h:", "has a bad port"),
        ("sip:a@h:0", "has a bad port"),
        ("sip:a@h:65536", "has a bad port"),
        ("sip:a@h:-1", "has a bad port"),
        ("sip:a@h:５０６０", "has a bad port"),
        ("sip:a@h:" + "9" * 5000, "has a bad port"),
        ("sip:a@h;", "has a parameter without a name"),
        ("sip:a@h;;lr", "has a parameter without a name"),
        ("tel:", "has no number"),
        ("tel:;ext=1", "has no number"),
    ],
)
def test_what_is_no_uri(text: str, problem: str) -> None:
    with pytest.raises(Unreadable) as fault:
        parse_uri(text)
    assert fault.value.problem == problem


def test_only_loose_uris_have_spaces_and_quotes_behind_the_question_mark() -> None:
    text = 'sip:+33199000110@h;user=phone?Reason=SIP;cause=496;text="User Busy"'
    assert parse_uri(text, loose=True).headers == 'Reason=SIP;cause=496;text="User Busy"'
    with pytest.raises(Unreadable):
        parse_uri(text)
    with pytest.raises(Unreadable):
        parse_uri(text.replace("+33199000110", "+33 199000110"), loose=True)


def test_hosts_compare_in_lower_case_without_the_roots_dot() -> None:
    assert parse_place("SBC1.Trunk.Example.:5061") == ("sbc1.trunk.example", 5061)


@pytest.mark.parametrize(
    ("text", "name", "user", "told"),
    [
        ("<sip:bob@h>", "", "bob", {}),
        ("Bob B.<sip:bob@h>;tag=1", "Bob B.", "bob", {"tag": "1"}),
        ('"Bob, B <x> \\" \\\\" <sip:bob@h>;a="1;2>";b', 'Bob, B <x> " \\', "bob", {"a": "1;2>", "b": ""}),
        ('"<sip:eve@h>"<sip:bob@h>', "<sip:eve@h>", "bob", {}),
        ("Société Générale <sip:bob@h>", "Société Générale", "bob", {}),
        ("sip:bob@h;tag=1", "", "bob", {"tag": "1"}),
        ("tel:+331;tag=2", "", "+331", {"tag": "2"}),
    ],
)
def test_address(text: str, name: str, user: str, told: dict[str, str]) -> None:
    found = parse_address(text)
    assert (found.name, found.uri.user, found.parameters) == (name, user, told)


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("<sip:a@h", "has brackets that are no pair"),
        ("sip:a@h>", "has brackets that are no pair"),
        ("<<sip:a@h>>", "has brackets that are no pair"),
        ("<sip:a@h> <sip:b@h>", "has brackets that are no pair"),
        ("<sip:a@h>, <sip:b@h>", "has brackets that are no pair"),
        ("<sip:a@h> x;tag=1", "has something else before its parameters"),
        ("<sip:a@h>;", "has a parameter without a name"),
        ("<sip:a@h>;tag=", "has a bad value of tag"),
        ("<sip:a@h>;tag=a b", "has a bad value of tag"),
        ('<sip:a@h>;tag="a" "b"', "has a bad value of tag"),
        ("<sip:a@h>;t ag=1", "has a bad parameter name"),
        ('"a" "b" <sip:a@h>', "has something besides the name in quotes"),
        ('"a" b <sip:a@h>', "has something besides the name in quotes"),
        ('b "a" <sip:a@h>', "has a name with separators outside quotes"),
        ("a, b <sip:a@h>", "has a name with separators outside quotes"),
        ("sip:a@h <sip:b@h>", "has a name with separators outside quotes"),
        ('"a <sip:a@h>', "has a quote that is not closed"),
        ('"a\\" <sip:a@h>', "has a quote that is not closed"),
        ("sip:a,b@h", "has a URI with , or ? outside <>"),
        ("<>", "is no URI"),
    ],
)
def test_what_is_no_address(text: str, problem: str) -> None:
    with pytest.raises(Unreadable) as fault:
        parse_address(text)
    assert fault.value.problem == problem


def test_split_leaves_quotes_and_brackets_whole() -> None:
    text = 'a, "b, \\", c" <sip:x,y@h>;z="1,2" ,,d'
    assert split(text, ",") == ["a", ' "b, \\", c" <sip:x,y@h>;z="1,2" ', "", "d"]
    assert split("", ",") == [""]


def test_backslashes_outside_quotes_escape_nothing() -> None:
    assert split('a\\,"b,c"', ",") == ["a\\", '"b,c"']
    assert without_quotes('"') == '"'


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ('SIP;cause=302;text="Moved; \\"temporarily\\", so"', Reason("SIP", 302, 'Moved; "temporarily", so')),
        ("Q.850 ; cause=16", Reason("Q.850", 16, "")),
        ("SIP;cause=9999", Reason("SIP", 0, "")),
        ("SIP;cause=²", Reason("SIP", 0, "")),
        ("SIP;cause=302;cause=486", Reason("SIP", 302, "")),
        ("", Reason("", 0, "")),
    ],
)
def test_reason(text: str, reason: Reason) -> None:
    assert parse_reason(text) == reason


@pytest.mark.parametrize(
    "text",
    [
        "",
        "SIP/2.0",
        "SIP/2.0/UDP",
        "SIP/2.0/UDP ;branch=1",
        "SIP/3.0/UDP h",
        "HTTP/2.0/UDP h",
        "SIP/2.0/U(P h",
        "SIP/2.0/UDP ho st",
    ],
)
def test_what_is_no_via(text: str) -> None:
    with pytest.raises(Unreadable):
        parse_via(text)


@pytest.mark.parametrize("space", ["\u00a0", "\u2028", "\x1f", "\v"])
def test_only_blanks_and_tabs_are_white_space(space: str) -> None:
    assert parse_via("SIP\t/ 2.0 /\tUDP\th\t: 5060").port == 5060
    for text in (f"{space}<sip:a@h>", f"<sip:a@h>{space};tag=1", f"<sip:a@h>;tag=1{space}"):
        if text[0] == space:
            assert parse_address(text).name == space
        else:
            with pytest.raises(Unreadable):
                parse_address(text)
    with pytest.raises(Unreadable):
        parse_via(f"SIP/2.0/UDP{space}h")


def test_via_with_an_address_of_ipv6() -> None:
    via = parse_via("sip/2.0/tls [2001:DB8::9:1]:5061;received=2001:db8::9:255;branch=z9hG4bKas3")
    assert (via.transport, via.host, via.port) == ("tls", "[2001:db8::9:1]", 5061)
    assert via.parameters["received"] == "2001:db8::9:255"
