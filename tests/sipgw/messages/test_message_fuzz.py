"""Whatever comes, there is an attempt or a clean refusal, after work that grows with the length only."""

import sys
from collections.abc import Callable
from types import FrameType
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sip_samples import FRANCE, OWN, RFC4475, SAMPLES, is_own, read, request, sample

from rating.schema import FORWARD_TYPES
from sipgw.attempt import Attempt
from sipgw.messages import (
    BadMessage,
    attempt_of,
    check_understood,
    is_completed_elsewhere,
    parse,
    reasons_of,
    refer_of,
    to_operator,
    to_teams,
)
from sipgw.messages.head import COMPACT, LARGEST

CORPUS = [path.read_bytes() for path in sorted([*SAMPLES.glob("*.sip"), *RFC4475.glob("*.dat")])]
LINES = sorted({line for raw in CORPUS for line in raw.split(b"\r\n\r\n")[0].split(b"\r\n")})
MARKS = [bytes([byte]) for byte in b"\"\\<>,;:@?&=%()[]{}+*#'/ \t"]
WORDS = [b"SIP/2.0", b"sip:", b"tel:", b"%00", b"%0D%0A", b"99999999999999999999", b";cause=302"]
BREAKS = [b"", b"\r\n", b"\r\n ", b"\r", b"\n", b"\0", b"\xff\xfe", b"\xc3", "é\u2028½".encode()]
FRAGMENTS = [*MARKS, *WORDS, *BREAKS]
GIANTS = [
    b"a",
    b"\0",
    b" ",
    b"\t",
    b'"',
    b"\\",
    b"<",
    b",",
    b";",
    b"%41",
    b"1.",
    b"\r\n ",
    b"x:y\r\n",
    b"<sip:a@b>,",
]
NAMES = [
    "P-Asserted-Identity",
    "History-Info",
    "Diversion",
    "Referred-By",
    "Refer-To",
    "From",
    "To",
    "Via",
    "CSeq",
    "Call-ID",
    "Contact",
    "Max-Forwards",
    "Content-Length",
    "Content-Type",
    "Accept",
    "Require",
    "Reason",
    "Date",
]
STATUSES = {400, 405, 406, 413, 415, 416, 420, 501, 505, 513}
METHODS = ["INVITE", "ACK", "CANCEL", "BYE", "OPTIONS", "NOTIFY", "REFER"]


def is_plain(text: str) -> bool:
    return text.isprintable() and not set(text) & {"\r", "\n"}


def check_attempt(found: Attempt) -> None:
    texts = (found.host, found.a_number, found.b_number, found.user_id, found.forwarded_by, found.call_id)
    assert all(is_plain(text) for text in texts)
    assert found.a_number
    assert found.host == found.host.lower()
    assert found.forward_type in FORWARD_TYPES
    assert not found.billed_number or (found.host, found.billed_number) in OWN
    assert bool(found.billed_number) == bool(found.billed_by)
    assert not found.forward_is_probable or (found.forward_type == "unknown" and not found.billed_number)
    assert found.hops >= 0
    assert 0 <= found.max_forwards <= 255
    for built in (to_operator(found, found.b_number, "h", "h"), to_teams(found, "+331", "h", "h")):
        assert all(is_plain(value) for value in built.values())


def decide(raw: bytes) -> list[Attempt] | BadMessage:
    """All that is ever asked of a message: the attempts of both sides, or why it is refused."""
    try:
        message = parse(raw)
        reasons_of(message)
        is_completed_elsewhere(message)
        if message.method == "REFER" and message.is_request:
            refer_of(message)
        sides = ("teams", "operator") if message.method == "INVITE" and message.is_request else ()
        found = [attempt_of(message, side, "h", (), is_own, FRANCE) for side in sides]
        check_understood(message, METHODS, ["timer"])
    except BadMessage as bad:
        check_refusal(bad)
        return bad
    for attempt in found:
        check_attempt(attempt)
    return found


def check_refusal(bad: BadMessage) -> None:
    assert bad.status in STATUSES
    assert is_plain(str(bad))
    assert all(is_plain(text) for text in bad.header)
    assert len(bad.reason) < 400


@st.composite
def damaged(draw: st.DrawFn) -> bytes:
    """A known message, cut, spliced and filled with what does not belong there."""
    raw = draw(st.sampled_from(CORPUS))
    for _ in range(draw(st.integers(1, 5))):
        at = draw(st.integers(0, len(raw)))
        end = min(len(raw), at + draw(st.sampled_from([1, 4, 40, 4000])))
        kind = draw(st.sampled_from(["cut", "drop", "double", "put", "bytes", "giant", *["line"] * 6]))
        if kind == "cut":
            raw = raw[:at]
        elif kind == "drop":
            raw = raw[:at] + raw[end:]
        elif kind == "double":
            raw = raw[:end] + raw[at:]
        elif kind == "put":
            raw = raw[:at] + draw(st.sampled_from(FRAGMENTS)) + raw[at:]
        elif kind == "bytes":
            raw = raw[:at] + draw(st.binary(max_size=4)) + raw[end:]
        elif kind == "giant":
            raw = raw[:at] + draw(st.sampled_from(GIANTS)) * draw(st.integers(1, 10_000)) + raw[at:]
        else:
            lines = raw.split(b"\r\n")
            place = draw(st.integers(1, min(len(lines), 20)))
            replaced = draw(st.integers(0, 1))
            lines[place : place + replaced] = [draw(st.sampled_from(LINES))]
            raw = b"\r\n".join(lines)
    return raw


@given(damaged())
def test_damaged_messages(raw: bytes) -> None:
    decide(raw)


@given(st.binary(max_size=300))
def test_bytes_that_are_no_message(raw: bytes) -> None:
    assert isinstance(decide(raw), BadMessage)


VALUES = st.lists(
    st.sampled_from([fragment.decode("utf-8", "replace") for fragment in FRAGMENTS if b"\n" not in fragment])
    | st.sampled_from(
        ["+33199000110", "0199000111", "15", "alice", "h", "[::1]", "reason", "Reason=SIP", "index=1.1"]
    )
    | st.sampled_from(
        ["text=", "anonymous", "<sip:+33199000110@h", "user=phone", "?", "phone-context=+33", "INVITE"]
    )
    | st.text(max_size=3),
    max_size=14,
).map(lambda parts: "".join(part for part in parts if not set(part) & {"\r", "\n"}))


@given(st.lists(st.tuples(st.sampled_from(NAMES), VALUES), min_size=1, max_size=4))
def test_headers_that_hold_anything(headers: list[tuple[str, str]]) -> None:
    taken = {name.lower() for name, _ in headers}
    lines = request().decode().split("\r\n")
    kept = [line for line in lines if line.partition(":")[0].lower() not in taken]
    put = [f"{name}: {value}" for name, value in headers]
    decide("\r\n".join([kept[0], *put, *kept[1:]]).encode("utf-8", "replace"))


@given(VALUES)
def test_request_uris_that_are_anything(value: str) -> None:
    for text in (value, f"sip:{value}", f"tel:{value}", f"sip:+33199000110@h{value}"):
        decide(request(uri=text))


SHORT = {full: short for short, full in COMPACT.items()}


@st.composite
def dressed(draw: st.DrawFn) -> tuple[bytes, bytes]:
    """An INVITE from Teams, and the same with other cases, short names, folds and order of headers."""
    raw = sample(draw(st.integers(3, 9)))
    head, _, body = raw.partition(b"\r\n\r\n")
    start, *lines = head.decode().split("\r\n")
    written = []
    for line in draw(st.permutations(lines)):
        name, _, value = line.partition(":")
        name = draw(st.sampled_from([name, name.lower(), name.title(), SHORT.get(name.lower(), name)]))
        gap = draw(st.sampled_from(["", " ", "\t ", "\r\n ", "\r\n\t", "\r\n \r\n "]))
        fold = draw(st.sampled_from([" ", "\r\n ", "  \r\n\t "]))
        written.append(f"{name}{draw(st.sampled_from(['', ' ']))}:{gap}{value.strip().replace(' ', fold)}")
    return raw, "\r\n".join([start, *written, "", ""]).encode() + body


@given(dressed())
def test_how_headers_are_written_changes_nothing(pair: tuple[bytes, bytes]) -> None:
    plain, other = pair
    assert read(other) == read(plain)


MANY: dict[str, Callable[[int], str]] = {
    "commas": lambda n: "P-Asserted-Identity: " + "," * (n // 32),
    "addresses": lambda n: "P-Asserted-Identity: " + ",".join(["<tel:+33199000119>"] * (n // 32)),
    "quotes": lambda n: "P-Asserted-Identity: " + '"a" ' * (n // 4),
    "open brackets": lambda n: "Contact: " + "<" * n,
    "backslashes": lambda n: 'Contact: "' + "\\" * (n - n % 2) + '" <sip:a@h>',
    "parameters": lambda n: "Contact: <sip:a@h>" + ";a=1" * (n // 4),
    "URI parameters": lambda n: "Contact: <sip:a@h" + ";a=1" * (n // 4) + ">",
    "hyphens": lambda n: "Contact: <sip:a@" + "a-" * (n // 2) + ">",
    "escapes": lambda n: "Contact: <sip:" + "%41" * (n // 3) + "@h>",
    "history": lambda n: "History-Info: " + ",".join(["<tel:+33199000119>;index=1.1"] * (n // 32)),
    "deep index": lambda n: "History-Info: <tel:+33199000119>;index=1" + ".1" * (n // 2),
    "reasons": lambda n: "Reason: " + ",".join(["SIP;cause=200"] * (n // 32)),
    "ways": lambda n: "Via: SIP/2.0/UDP h" + ", SIP/2.0/UDP h" * (n // 32),
    "spaces": lambda n: "Accept: a" + " " * n + "b",
    "number": lambda n: "From: <sip:" + "1" * n + "@h>;tag=1",
    "folds": lambda n: "X-Fold: a" + "\r\n b" * (n // 4),
    "lines": lambda n: "\r\n".join(f"X-{i}: y" for i in range(n // 50)),
}


def lines_run(work: Callable[[], object]) -> int:
    """How many lines of Python a call runs."""
    count = 0

    def trace(frame: FrameType, event: str, argument: Any) -> Any:
        nonlocal count
        count += event == "line"
        return trace

    before = sys.gettrace()
    sys.settrace(trace)
    try:
        work()
    finally:
        sys.settrace(before)
    return count


@pytest.mark.parametrize("kind", MANY)
def test_work_grows_with_the_length_only(kind: str) -> None:
    raws = []
    for n in (2000, 4000, 8000):
        line = MANY[kind](n)
        name = line.partition(":")[0].upper().encode()
        kept = [old for old in request().split(b"\r\n") if old.partition(b":")[0].upper() != name]
        raws.append(b"\r\n".join([kept[0], line.encode(), *kept[1:]]))
    for raw in raws:
        decide(raw)
    small, middle, large = (lines_run(lambda raw=raw: decide(raw)) for raw in raws)  # type: ignore[misc]
    assert large - middle <= 2.2 * (middle - small) + 400


def test_largest_messages_of_each_kind() -> None:
    """What is too much of its kind is refused, the rest is read: were either slow, this would hang."""
    for line in MANY.values():
        text = line(8000)
        name = text.partition(":")[0].upper().encode()
        kept = [old for old in request().split(b"\r\n") if old.partition(b":")[0].upper() != name]
        raw = b"\r\n".join([kept[0], *[text.encode()] * 7, *kept[1:]])
        assert len(raw) < LARGEST
        decide(raw)


def test_ten_thousand_headers_and_a_body_of_zeros() -> None:
    for raw in (request(*["a:b"] * 10_000), request(body=b"\0" * 60_000), request(*["a:b"] * 20_000)):
        decide(raw)
