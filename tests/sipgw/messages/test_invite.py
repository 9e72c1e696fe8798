"""Who calls, who pays and who forwarded, header by header."""

import pytest
from sip_samples import FRANCE, TRUNK, read, request

from sipgw.messages import attempt_of, parse

OWN, OTHER = "+33199000110", "+33199000111"
FOREIGN, TARGET = "+33639980123", "+33261910011"
FROM_FOREIGN = f"<sip:{FOREIGN}@sip.pstnhub.microsoft.com:5061;user=phone>;tag=a1"


def history(number: str, cause: int, index: str = "1") -> str:
    return f"<sip:{number}@h;user=phone?Reason=SIP%3Bcause%3D{cause}%3Btext%3D%22x%22>;index={index}"


def test_the_order_of_who_pays() -> None:
    """With each header taken away, the next one tells; only numbers of the customer's count."""
    own = {(TRUNK, f"+3319900012{digit}") for digit in "12345"}
    headers = [
        f"P-Asserted-Identity: <tel:{FOREIGN}>, <tel:+33199000121>",
        f"History-Info: {history('+33199000122', 302)}",
        "Diversion: <tel:+33199000123>;reason=user-busy, <tel:+33199000129>",
        "Referred-By: <sip:+33199000124@h>",
    ]
    names = ["P-Asserted-Identity", "History-Info", "Diversion", "Referred-By", "From"]
    for taken in range(5):
        caller = "<sip:+33199000125@h>;tag=1"
        message = parse(request(*headers[taken:], caller=caller))
        found = attempt_of(message, "teams", "h", (), lambda *pair: pair in own, FRANCE)
        assert (found.billed_number, found.billed_by) == (f"+3319900012{taken + 1}", names[taken])


@pytest.mark.parametrize(
    "asserted",
    [
        [f"<tel:{OWN}>"],
        [f"<sip:{OWN}@h;user=phone>"],
        [f'"Alice" <sip:{OWN}@h>, <tel:{OWN}>'],
        [f"tel:{OWN}"],
        [f"<tel:{FOREIGN}>", f"<sip:{OWN}@h>"],
        ["<sip:alice@h>", "<tel:0199000110>"],
        ["<tel:33199000110>"],
        ["<tel:0033199000110>"],
        ["<tel:199000110;phone-context=+33>"],
        ["<sip:+33%2D199%2D000%2D110@h>"],
        ["<tel:+33 1 99>", f"<tel:{OWN}>"],
        ['"open <tel:+33>', f"<tel:{OWN}>"],
    ],
)
def test_p_asserted_identity_in_its_forms(asserted: list[str]) -> None:
    found = read(request(*(f"P-ASSERTED-IDENTITY: {value}" for value in asserted)))
    assert (found.billed_number, found.billed_by) == (OWN, "P-Asserted-Identity")


@pytest.mark.parametrize(
    "asserted", [f"<tel:{FOREIGN}>", "<sip:alice@h>", "<tel:110>", "<tel:+33>", "", ",,,", "<>", "<tel:"]
)
def test_what_names_no_number_of_his_in_p_asserted_identity_tells_nothing(asserted: str) -> None:
    found = read(request(f"P-Asserted-Identity: {asserted}"))
    assert (found.billed_number, found.billed_by) == (OWN, "From")
    assert (found.forward_type, found.forwarded_by) == ("", "")


def test_numbers_are_the_customers_of_the_host_only() -> None:
    found = read(request(f"P-Asserted-Identity: <tel:{OWN}>", uri=f"sip:{TARGET}@other.trunk.example"))
    assert (found.host, found.billed_number, found.billed_by) == ("other.trunk.example", "", "")


@pytest.mark.parametrize(
    ("caller", "a_number"),
    [
        ("<sip:+33639980123@h>", FOREIGN),
        ("<sip:0639980123@h;user=phone>", FOREIGN),
        ("<tel:0639980123;phone-context=+33>", FOREIGN),
        ('"0199000110" <sip:+33639980123@h>', FOREIGN),
        ("<sip:3639@h>", "3639"),
        ("<sip:33639980123@h>", "33639980123"),
        ("<sip:anonymous@anonymous.invalid>", "anonymous"),
        ("<sip:Anonymous@h>", "anonymous"),
        ("<sip:x@anonymous.invalid>", "anonymous"),
        ("<sip:unavailable@unknown.invalid>", "unavailable"),
        ("<sip:alice@h>", "alice"),
        ("<sip:trunk.example>", "trunk.example"),
        ("<sip:a%00%0D%0Ab%e2%80%ae@h>", "a%00%0D%0Ab%E2%80%AE"),
        ("<sip:%ff@h>", "\ufffd"),
        ("<http://www.example.com>", "http://www.example.com"),
        ("<sip:+33639980123%40evil@h>", "+33639980123@evil"),
        ("<sip:tel%3A0639980123@h>", "tel:0639980123"),
    ],
)
def test_caller_as_the_cdr_has_it(caller: str, a_number: str) -> None:
    for side in ("teams", "operator"):
        assert read(request(caller=caller + ";tag=1"), side).a_number == a_number


@pytest.mark.parametrize(
    ("uri", "b_number"),
    [
        (f"sip:{TARGET}@{TRUNK}", TARGET),
        (f"sip:0261910011@{TRUNK};user=phone", "0261910011"),
        (f"sip:261910011;phone-context=+33@{TRUNK};user=phone", TARGET),
        (f"sip:15@{TRUNK};user=phone", "15"),
        (f"sip:+112@{TRUNK};user=phone", "+112"),
        (f"sip:#31#0261910011@{TRUNK};user=phone", "#31#0261910011"),
        (f"sip:02%2061@{TRUNK}", "02 61"),
        (f"sip:%00@{TRUNK}", "%00"),
        (f"sip:{TRUNK}", ""),
        ("tel:15;phone-context=+33", "+3315"),
        ("urn:service:sos", "urn:service:sos"),
    ],
)
def test_called_number_stays_as_dialled(uri: str, b_number: str) -> None:
    assert read(request(uri=uri)).b_number == b_number


@pytest.mark.parametrize(
    ("header", "forward_type"),
    [
        (history(OWN, 302), "unconditional"),
        (history(OWN, 486), "busy"),
        (history(OWN, 496), "busy"),
        (history(OWN, 408), "no_answer"),
        (history(OWN, 480), "unknown"),
        (history(OWN, 487), "unknown"),
        (history(OWN, 503), "unknown"),
        (history(OWN, 404), "unknown"),
        (history(OWN, 99999), "unknown"),
        (f'<sip:{OWN}@h?Reason=SIP;cause=302;text="a, b; c & <d>">;index=1', "unconditional"),
        (f"<sip:{OWN}@h?Reason=SIP;cause=302;text=Move Temporarily>;index=1", "unconditional"),
        (f"<sip:{OWN}@h?reason=sip%3bCAUSE%3d302>;index=1", "unconditional"),
        (f"<sip:{OWN}@h?Privacy=history&Reason=SIP%3Bcause%3D486>;index=1", "busy"),
        (f"<sip:{OWN}@h?Reason=Q.850%3Bcause%3D31%2CSIP%3Bcause%3D408>;index=1", "no_answer"),
        (f"<sip:{OWN}@h?Reason=Q.850%3Bcause%3D17>;index=1", "unknown"),
        (f"<sip:{OWN}@h?Reason=SIP%3Bcause%3D302%3Btext%3D%22open>;index=1", "unknown"),
        (f"<sip:{OWN}@h;cause=302>;index=1", "unconditional"),
        (f"<sip:{OWN}@h>;index=1", "unknown"),
        (f"<tel:{OWN}>", "unknown"),
    ],
)
def test_forward_type_by_history_info(header: str, forward_type: str) -> None:
    found = read(request(f"History-Info: {header}", caller=FROM_FOREIGN))
    assert (found.forward_type, found.forwarded_by, found.hops) == (forward_type, OWN, 1)
    assert (found.billed_number, found.billed_by) == (OWN, "History-Info")
    assert not found.forward_is_probable


@pytest.mark.parametrize(
    "headers",
    [
        [f"{history(OTHER, 302)}, {history(OWN, 486, '1.1')}"],
        [history(OTHER, 302), history(OWN, 486, "1.1")],
        [history(OWN, 486, "1.1"), history(OTHER, 302)],
        [history(OWN, 486, "1.10"), history(OTHER, 302, "1.9")],
        [history(OTHER, 302, "x"), history(OWN, 486, "1")],
        ["<sip:broken", history(OTHER, 302), "<sip:x@[>, " + history(OWN, 486, "1.2")],
    ],
)
def test_latest_entry_of_history_info_is_that_of_the_last_index(headers: list[str]) -> None:
    found = read(request(*(f"HISTORY-INFO: {value}" for value in headers), caller=FROM_FOREIGN))
    assert (found.forwarded_by, found.forward_type, found.hops) == (OWN, "busy", 2)


@pytest.mark.parametrize(
    ("entries", "forwarded_by", "forward_type", "hops"),
    [
        # a proxy that added the target, and nobody forwarded
        ([f"<sip:{TARGET}@h>;index=1"], "", "", 0),
        ([f"<sip:{TARGET}@p>;index=1", "<sip:0261910011@q>;index=1.1"], "", "", 0),
        # RFC 7044: who forwarded, then the target with the cause
        ([f"<sip:{OWN}@h>;index=1", f"<sip:{TARGET}@h;cause=302>;index=1.1;mp=1"], OWN, "unconditional", 1),
        ([f"<sip:{OWN}@h>;index=1", f"<sip:{TARGET}@h;cause=408>;index=1.1"], OWN, "no_answer", 1),
        # the target twice, and who forwarded twice on the way through proxies
        (
            [
                f"<sip:{OWN}@p>;index=1",
                f"<sip:{OWN}@q>;index=1.1",
                f"<sip:{TARGET}@h;cause=486>;index=1.1.1",
                f"<sip:{TARGET}@i;cause=486>;index=1.1.1.1",
            ],
            OWN,
            "busy",
            1,
        ),
        # the target says that the first of two chose it: the second did not answer
        (
            [
                f"<sip:{OWN}@h>;index=1",
                f"<sip:{OTHER}@h>;index=1.1",
                f"<sip:{TARGET}@h;cause=302>;index=1.2;mp=1",
            ],
            OWN,
            "unconditional",
            2,
        ),
        # where the Reason of who forwarded and the cause of the target differ, the Reason counts
        ([history(OWN, 486), f"<sip:{TARGET}@h;cause=302>;index=1.1"], OWN, "busy", 1),
        # who has a Reason forwarded, be it to himself
        ([history(TARGET, 302)], TARGET, "unconditional", 1),
        ([history(OWN, 408), history(OWN, 302, "1.1")], OWN, "unconditional", 2),
        # an index that is none names nobody
        ([f"<sip:{OWN}@h>", f"<sip:{TARGET}@h;cause=302>;mp=x"], OWN, "unconditional", 1),
        # a user without a number, and one that hides
        (["<sip:Alice@cabinet-exemple.example?Reason=SIP%3Bcause%3D302>"], "alice@cabinet-exemple.example",
         "unconditional", 1),
        (["<sip:anonymous@anonymous.invalid?Reason=SIP%3Bcause%3D302>"], "", "unconditional", 1),
        ([f"<sip:{FOREIGN}@h?Reason=SIP%3Bcause%3D302>"], FOREIGN, "unconditional", 1),
    ],
)  # fmt: skip
def test_paths_of_history_info(entries: list[str], forwarded_by: str, forward_type: str, hops: int) -> None:
    found = read(request(f"History-Info: {','.join(entries)}"))
    assert (found.forwarded_by, found.forward_type, found.hops) == (forwarded_by, forward_type, hops)


def test_who_pays_forwarded_where_the_diverter_hides() -> None:
    entry = "<sip:anonymous@anonymous.invalid?Reason=SIP%3Bcause%3D302>;index=1"
    found = read(request(f"History-Info: {entry}", f"P-Asserted-Identity: <tel:{OWN}>", caller=FROM_FOREIGN))
    assert (found.forwarded_by, found.forward_type) == (OWN, "unconditional")


@pytest.mark.parametrize(
    ("reason", "forward_type"),
    [
        ("unconditional", "unconditional"),
        ("User-Busy", "busy"),
        ('"no-answer"', "no_answer"),
        ("deflection", "unknown"),
        ("unavailable", "unknown"),
        ("x", "unknown"),
    ],
)
def test_forward_type_by_diversion(reason: str, forward_type: str) -> None:
    header = f"DIVERSION: <sip:{OWN}@h>;reason={reason};counter=2, <sip:{OTHER}@h>;reason=user-busy"
    found = read(request(header, caller=FROM_FOREIGN))
    assert (found.forward_type, found.forwarded_by, found.hops) == (forward_type, OWN, 3)
    assert (found.billed_number, found.billed_by) == (OWN, "Diversion")


@pytest.mark.parametrize(("counter", "hops"), [("0", 1), ("x", 1), ("12", 12), ("1000", 999), ("9" * 50, 1)])
def test_counters_of_diversion_are_bounded(counter: str, hops: int) -> None:
    assert read(request(f"Diversion: <tel:{OWN}>;counter={counter}")).hops == hops


@pytest.mark.parametrize(
    ("cause", "forward_type"),
    [("302", "unconditional"), ("486", "busy"), ("408", "no_answer"), ("480", "unknown"), ("404", "unknown")],
)
def test_forward_type_by_request_uri(cause: str, forward_type: str) -> None:
    uri = f"sip:{TARGET}@{TRUNK};user=phone;cause={cause}"
    found = read(request(f"P-Asserted-Identity: <tel:{OWN}>", uri=uri, caller=FROM_FOREIGN))
    assert (found.forward_type, found.forwarded_by, found.hops) == (forward_type, OWN, 0)
    found = read(request(uri=uri, caller=FROM_FOREIGN))
    assert (found.forward_type, found.forwarded_by, found.billed_number) == (forward_type, "", "")
    assert not found.forward_is_probable


@pytest.mark.parametrize("cause", ["", "x", "0", "000", "²", "9999"])
def test_causes_of_request_uris_that_are_none(cause: str) -> None:
    assert read(request(uri=f"sip:{TARGET}@{TRUNK};cause={cause}")).forward_type == ""


def test_a_colleague_whose_call_was_forwarded() -> None:
    """From is the customer's own too: only the cause tells, and P-Asserted-Identity who forwarded."""
    uri = f"sip:{TARGET}@{TRUNK};cause=302"
    caller = f"<sip:{OTHER}@h>;tag=1"
    found = read(request(f"P-Asserted-Identity: <tel:{OWN}>", uri=uri, caller=caller))
    assert (found.a_number, found.billed_number, found.forwarded_by) == (OTHER, OWN, OWN)
    found = read(request(uri=uri, caller=caller))
    assert (found.billed_number, found.billed_by, found.forwarded_by) == (OTHER, "From", "")
    found = read(request(f"P-Asserted-Identity: <tel:{OWN}>", caller=caller))
    assert (found.billed_number, found.forward_type, found.forwarded_by) == (OWN, "", "")


def test_first_known_type_counts_and_who_history_info_names() -> None:
    uri = f"sip:{TARGET}@{TRUNK};cause=408"
    diversion = f"Diversion: <tel:{OTHER}>;reason=unconditional"
    found = read(request(diversion, f"History-Info: {history(OWN, 486)}", uri=uri))
    assert (found.forward_type, found.forwarded_by, found.hops) == ("busy", OWN, 1)
    found = read(request(diversion, f"History-Info: {history(OWN, 404)}", uri=uri))
    assert found.forward_type == "no_answer"
    found = read(request(diversion, f"History-Info: {history(OWN, 404)}"))
    assert (found.forward_type, found.forwarded_by) == ("unconditional", OWN)


@pytest.mark.parametrize(
    ("caller", "headers", "forward_type", "forwarded_by", "probable"),
    [
        (FOREIGN, [], "unknown", "", True),
        (FOREIGN, [f"P-Asserted-Identity: <tel:{OWN}>"], "unknown", OWN, False),
        (FOREIGN, [f"P-Asserted-Identity: <tel:{FOREIGN}>"], "unknown", "", True),
        (FOREIGN, [f"Referred-By: <sip:{OWN}@h>"], "unknown", OWN, False),
        ("+442079460000", [], "unknown", "", True),
        ("0639980123", [], "unknown", "", True),
        ("0199000110", [], "", "", False),
        ("33199000110", [], "", "", False),
        ("anonymous", [], "", "", False),
        ("alice", [], "", "", False),
        ("3639", [], "", "", False),
    ],
)
def test_forwards_that_no_header_of_their_own_tells(
    caller: str, headers: list[str], forward_type: str, forwarded_by: str, probable: bool
) -> None:
    found = read(request(*headers, caller=f"<sip:{caller}@h>;tag=1"))
    assert (found.forward_type, found.forwarded_by, found.forward_is_probable) == (
        forward_type,
        forwarded_by,
        probable,
    )


@pytest.mark.parametrize(
    ("headers", "user_id"),
    [
        (["P-Asserted-Identity: <sip:Alice@H.example>"], "alice@h.example"),
        (
            [f"P-Asserted-Identity: <tel:{OWN}>", "P-Asserted-Identity: sip:alice@h.example"],
            "alice@h.example",
        ),
        (["P-Asserted-Identity: <sip:h;x-m=8:orgid:0A>"], "0a"),
        (["P-Asserted-Identity: <sip:anonymous@anonymous.invalid>"], ""),
        ([f"P-Asserted-Identity: <sip:{OWN}@h>"], ""),
        (["P-Asserted-Identity: <sip:alice@h;user=phone>"], ""),
        (["Referred-By: <sip:h;x-m=8:orgid:0B>"], "0b"),
        (["Referred-By: <sip:h;x-m=4:+33199000110>"], ""),
        (["P-Asserted-Identity: <sip:alice@h>", "Referred-By: <sip:h;x-m=8:orgid:0B>"], "alice@h"),
        (["Referred-By: <sip:h;x-m=8:orgid:0B>", f"History-Info: {history(OWN, 302)}"], ""),
        ([], ""),
    ],
)
def test_user(headers: list[str], user_id: str) -> None:
    assert read(request(*headers)).user_id == user_id


def test_a_call_from_the_operator_is_nobodys_forward_and_counts_its_hops() -> None:
    headers = [
        f"P-Asserted-Identity: <tel:{FOREIGN}>, <sip:alice@h>",
        f"History-Info: {history('+33639980456', 302)}, {history('+33639980789', 486, '1.1')}",
        "Diversion: <tel:+33639980456>;reason=unconditional;counter=3",
    ]
    uri = "sip:0199000110@198.51.100.10:5060;user=phone;cause=302"
    found = read(request(*headers, uri=uri, caller=FROM_FOREIGN), "operator")
    assert (found.side, found.host, found.a_number, found.b_number) == (
        "operator",
        "198.51.100.10",
        FOREIGN,
        "0199000110",
    )
    assert (found.billed_number, found.billed_by, found.user_id) == ("", "", "")
    assert (found.forwarded_by, found.forward_type, found.forward_is_probable) == ("", "", False)
    assert found.hops == 3


def test_ownership_is_asked_of_teams_calls_only_and_with_plus() -> None:
    asked = []

    def remember(host: str, number: str) -> bool:
        asked.append((host, number))
        return False

    headers = ["P-Asserted-Identity: <tel:33199000110>, <sip:alice@h>, <tel:15>"]
    message = parse(request(*headers, uri=f"sip:{TARGET}@{TRUNK.upper()}"))
    attempt_of(message, "operator", "h", (), remember, FRANCE)
    assert asked == []
    attempt_of(message, "teams", "h", (), remember, FRANCE)
    assert set(asked) == {(TRUNK, OWN)}


def test_reinvites_are_told_apart() -> None:
    raw = request().replace(b"user=phone>\r\nCALL-ID", b"user=phone>;tag=t1\r\nCALL-ID")
    assert parse(raw).is_in_dialog
    assert not parse(request()).is_in_dialog


def test_max_forwards_and_hops_of_a_call_that_goes_in_circles() -> None:
    entries = ",".join(history(number, 302, f"1{'.1' * n}") for n, number in enumerate([OWN, OTHER] * 20))
    raw = request(f"History-Info: {entries}").replace(b"FORWARDS: 70", b"FORWARDS: 00")
    found = read(raw)
    assert (found.hops, found.max_forwards, found.forwarded_by) == (40, 0, OTHER)
