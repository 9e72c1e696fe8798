"""Headers that the gateway writes, as the samples show them."""

from dataclasses import replace

import pytest
from sip_samples import TRUNK, read, request, sample

from sipgw.messages import parse, to_operator, to_teams
from sipgw.messages.address import parse_address

GATEWAY, CARRIER = "198.51.100.10", "carrier.example"
PROXY = "sip.pstnhub.microsoft.com:5061"


def test_forwarded_call_to_the_operator_is_sample_11() -> None:
    attempt = read(sample(4))
    built = to_operator(attempt, attempt.b_number, GATEWAY, CARRIER)
    shown = parse(sample(11))
    assert shown.uri is not None
    assert built.pop("Request-URI") == shown.uri.text
    assert built.pop("From") + ";tag=i11" == shown.first("From")
    assert built == {name: shown.first(name) for name in built}
    assert list(built) == ["To", "P-Asserted-Identity", "Diversion", "History-Info"]


def test_inbound_call_to_teams_is_sample_10() -> None:
    attempt = read(request(uri="sip:0199000110@198.51.100.10", caller="<sip:0639980123@h>"), "operator")
    built = to_teams(attempt, "+33199000110", f"{TRUNK}:5061", PROXY)
    shown = parse(sample(10))
    assert shown.uri is not None
    assert built.pop("Request-URI") == shown.uri.text
    assert built.pop("From") + ";tag=i10" == shown.first("From")
    assert built == {"To": shown.first("To"), "Contact": shown.first("Contact")}


@pytest.mark.parametrize(
    ("number", "reason", "cause", "counter"),
    [
        (4, "unconditional", 302, 1),
        (5, "user-busy", 486, 1),
        (6, "no-answer", 408, 2),
        (7, "unknown", 404, 1),
    ],
)
def test_what_is_written_reads_as_what_was_read(number: int, reason: str, cause: int, counter: int) -> None:
    attempt = read(sample(number))
    built = to_operator(attempt, attempt.b_number, GATEWAY, CARRIER)
    diversion = parse_address(built["Diversion"])
    assert diversion.uri.dialled == attempt.forwarded_by
    assert diversion.parameters == {
        "reason": reason,
        "counter": str(counter),
        "privacy": "off",
        "screen": "no",
    }
    assert f";cause={cause}>;index=1.1;mp=1" in built["History-Info"]
    lines = [f"{name}: {value}" for name, value in built.items() if name not in ("Request-URI", "From", "To")]
    uri = f"sip:{attempt.b_number}@{TRUNK}"
    again = read(request(*lines, uri=uri, caller=built["From"] + ";tag=1"))
    for name in ("a_number", "billed_number", "forwarded_by", "forward_type", "hops"):
        expected = counter if name == "hops" else getattr(attempt, name)
        assert getattr(again, name) == expected


def test_plain_call_has_who_pays_and_nothing_of_forwarding() -> None:
    attempt = read(sample(3))
    assert to_operator(attempt, "+33261910011", GATEWAY, CARRIER) == {
        "Request-URI": "sip:+33261910011@carrier.example;user=phone",
        "From": "<sip:+33199000110@198.51.100.10;user=phone>",
        "To": "<sip:+33261910011@carrier.example;user=phone>",
        "P-Asserted-Identity": "<sip:+33199000110@198.51.100.10;user=phone>",
    }


def test_anonymous_call_says_so_and_has_who_pays() -> None:
    assert to_operator(read(sample(9)), "15", GATEWAY, CARRIER) == {
        "Request-URI": "sip:15@carrier.example;user=phone",
        "From": '"Anonymous" <sip:anonymous@anonymous.invalid>',
        "To": "<sip:15@carrier.example;user=phone>",
        "P-Asserted-Identity": "<sip:+33199000110@198.51.100.10;user=phone>",
        "Privacy": "id",
    }


def test_call_that_only_from_shows_has_no_diverter() -> None:
    built = to_operator(read(sample(8)), "+33639980456", GATEWAY, CARRIER)
    assert list(built) == ["Request-URI", "From", "To"]


def test_diverter_without_a_number_is_who_pays() -> None:
    attempt = replace(read(sample(4)), forwarded_by="alice@cabinet-exemple.example")
    built = to_operator(attempt, attempt.b_number, GATEWAY, CARRIER)
    assert built["Diversion"].startswith("<sip:+33199000110@198.51.100.10;user=phone>;")


def test_anonymous_call_to_teams_has_the_trunk_in_contact() -> None:
    attempt = read(request(caller="<sip:anonymous@anonymous.invalid>"), "operator")
    built = to_teams(attempt, "+33199000110", f"{TRUNK}:5061", PROXY)
    assert built["From"] == '"Anonymous" <sip:anonymous@anonymous.invalid>'
    assert built["Contact"] == f"<sip:{TRUNK}:5061;transport=tls>"


@pytest.mark.parametrize("text", ["a>,<sip:b@h", 'a"b', "a@b;c?d", "a b", "é%", "a\r\nX: y", "\0"])
def test_whatever_a_caller_is_called_stays_one_user_part(text: str) -> None:
    attempt = replace(read(sample(3)), a_number=text, side="operator")
    for value in (
        to_operator(attempt, text, GATEWAY, CARRIER)["From"],
        to_operator(attempt, text, GATEWAY, CARRIER)["To"],
        to_teams(attempt, "+33199000110", f"{TRUNK}:5061", PROXY)["From"],
    ):
        address = parse_address(value)
        assert address.uri.subscriber == text
        assert address.uri.host in (GATEWAY, CARRIER, TRUNK)
        assert address.uri.parameters == {}
