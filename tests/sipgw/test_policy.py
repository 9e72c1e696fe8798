"""Admission, row by row of SPEC 11, and against an oracle written apart."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime, timedelta

import pytest
from admission_oracle import CALLED, OWNED, TEAMS_TRUNKS, verdict
from hypothesis import example, given
from hypothesis import strategies as st
from lab import FROM_OPERATOR, FROM_TEAMS, NOON, at, directory, inbound, outbound

from rating.accounts import Trunk
from sipgw.attempt import Attempt
from sipgw.channels import LocalChannels
from sipgw.directory import Directory
from sipgw.policy import Decision, admit, decide, leg_of

NO_CIRCUIT = 'Q.850;cause=34;text="No circuit/channel available"'


@dataclass(frozen=True)
class Says:
    """A guard that says one thing."""

    words: str | None

    def tripped(self, trunk: Trunk, attempt: Attempt, now: int) -> str | None:
        return self.words


def decided(attempt: Attempt, in_use=None, now: int = NOON, guards=()) -> Decision:
    return decide(directory(), attempt, in_use or {}, now, guards)


def answer(decision: Decision) -> tuple[str, int, str, str]:
    return decision.rule, decision.code, decision.reason, decision.end_reason


# --- row by row


def test_a_plain_call_is_admitted_with_all_that_its_cdr_needs():
    found = decided(outbound(b_number="01 99 00 01 13"))
    assert answer(found) == ("admitted", 0, "", "")
    assert found.is_admitted
    assert (found.direction, found.trunk_id, found.site, found.customer) == (
        "outbound",
        "t1",
        "paris",
        "alpha",
    )
    assert (found.b_number, found.destination, found.destination_class) == (
        "+33199000113",
        "France Fixe",
        "fr_fixed",
    )
    assert (found.claim.trunk_channels, found.claim.site_channels, found.claim.emergency) == (3, 2, False)


def test_a_call_from_outside_is_admitted_to_the_trunk_of_its_called_number():
    found = decided(inbound(b_number="33199000113"))
    assert answer(found) == ("admitted", 0, "", "")
    assert (found.direction, found.trunk_id, found.site, found.customer) == ("inbound", "t1", "lyon", "alpha")
    assert (found.b_number, found.destination_class) == ("+33199000113", "")


@pytest.mark.parametrize(
    "attempt",
    [
        outbound(address="203.0.113.7"),
        outbound(address="52.116.0.0"),
        outbound(address="127.0.0.1"),
        outbound(address="no address"),
        outbound(address=""),
        outbound(b_number="112", address="203.0.113.7"),
        inbound(address="52.114.1.2"),
        inbound(address="127.0.0.2"),
        replace(FROM_TEAMS, side="elsewhere"),
    ],
)
def test_row_1_unknown_addresses_get_no_answer(attempt):
    found = decided(attempt)
    assert answer(found) == ("unknown_peer", 403, 'Q.850;cause=21;text="Unknown peer"', "refused")
    assert found.silent
    assert (found.trunk_id, found.claim) == ("", None)


@pytest.mark.parametrize(
    "names", [(), ("evil.example",), ("pstnhub.microsoft.com",), ("*.microsoft.com",), ("*",)]
)
def test_row_1_a_peer_without_microsofts_certificate_is_refused(names):
    found = decided(outbound(tls_names=names, b_number="112"))
    assert (found.rule, found.code, found.silent) == ("unknown_peer", 403, False)


@pytest.mark.parametrize("names", [("x.example", "sip2.pstnhub.microsoft.com"), ("*.pstnhub.microsoft.com",)])
def test_row_1_any_name_of_the_certificate_will_do(names):
    assert decided(outbound(tls_names=names)).is_admitted


def test_row_1_without_tls_the_address_tells_the_peer_and_a_wrong_certificate_still_refuses_it():
    found = directory()
    (listener,) = found.settings.teams.listen
    plain = (listener, replace(listener, transport="tcp", port=5062))
    teams = replace(found.settings.teams, listen=plain)
    lab = Directory(replace(found.settings, teams=teams), found.accounts, found.book)
    assert decide(lab, outbound(tls_names=()), {}, NOON).is_admitted
    assert decide(lab, outbound(tls_names=("evil.example",)), {}, NOON).rule == "unknown_peer"


@pytest.mark.parametrize("host", ["trunk.example", "sbc9.alpha.trunk.example", "", "52.114.1.2"])
def test_row_1_unknown_trunk(host):
    found = decided(outbound(host=host, b_number="112"))
    assert answer(found) == ("unknown_trunk", 403, 'Q.850;cause=21;text="Unknown trunk"', "refused")
    assert not found.silent


@pytest.mark.parametrize("host", ["SBC1.Alpha.Trunk.Example", "sbc1.alpha.trunk.example."])
def test_row_1_fqdns_compare_without_case(host):
    assert decided(outbound(host=host)).trunk_id == "t1"


@pytest.mark.parametrize(
    ("dialled", "number"),
    [("112", "112"), ("15", "15"), ("+112", "112"), ("+15", "15"), ("+33112", "112"), ("003315", "15")],
)
def test_row_2_emergency_passes_whatever_follows(dialled, number):
    suspended = at("2026-10-14T12:00:00+02:00")
    attempt = outbound(
        b_number=dialled, host="sbc1.beta.trunk.example", billed_number="", hops=99, max_forwards=0
    )
    found = decided(attempt, {("t2", ""): 99}, suspended, [Says("spent")])
    assert answer(found) == ("emergency", 0, "", "")
    assert (found.b_number, found.destination_class) == (number, "emergency")
    assert (found.claim.trunk, found.claim.emergency) == ("t2", True)


def test_row_2_a_deck_that_ran_out_hides_no_emergency_number():
    """112 ended in October and FR:1* is in force; 196 has a row that says what it is now."""
    assert decided(outbound(b_number="112"), now=at("2027-03-01T00:00:00+01:00")).rule == "emergency"
    assert decided(outbound(b_number="196"), now=at("2026-09-30T23:59:59+02:00")).rule == "emergency"
    assert decided(outbound(b_number="196"), now=at("2026-10-01T00:00:00+02:00")).rule == "admitted"


def test_row_2_nobody_behind_teams_answers_112():
    assert decided(inbound(b_number="112")).rule == "called_number"


@pytest.mark.parametrize(
    ("instant", "called", "rule"),
    [
        ("2026-10-09T23:59:59+02:00", "+442079460000", "admitted"),
        ("2026-10-10T00:00:00+02:00", "+442079460000", "suspended"),
        ("2026-10-10T23:59:59+02:00", "+442079460000", "suspended"),
        ("2026-10-11T00:00:00+02:00", "+442079460000", "admitted"),
        ("2026-10-10T12:00:00+02:00", "+999999999999", "suspended"),
        ("2026-10-10T12:00:00+02:00", "+262262000000", "admitted"),
        ("2026-10-10T12:00:00+02:00", "0353019999", "admitted"),
        ("2026-10-10T12:00:00+02:00", "3639", "admitted"),
        ("2026-10-10T12:00:00+02:00", "0912345678", "admitted"),  # no row of the deck, but of the country
        ("2026-10-10T12:00:00+02:00", "0836000000", "barred"),
        ("2026-10-10T12:00:00+02:00", "alice", "unreadable"),
        ("2026-10-12T12:00:00+02:00", "0353019999", "suspended"),
        ("2026-10-14T12:00:00+02:00", "alice", "suspended"),
        # the night on which 02:30 comes twice
        ("2026-10-25T02:29:59+02:00", "0353019999", "admitted"),
        ("2026-10-25T02:30:00+02:00", "0353019999", "suspended"),
        ("2026-10-25T02:29:59+01:00", "0353019999", "suspended"),
        ("2026-10-25T02:30:00+01:00", "0353019999", "admitted"),
    ],
)
def test_row_3_suspensions_by_scope_and_to_the_instant(instant, called, rule):
    attempt = outbound(host="sbc1.beta.trunk.example", billed_number="+33353010210", b_number=called)
    found = decided(attempt, now=at(instant))
    assert found.rule == rule
    if rule == "suspended":
        assert answer(found)[1:] == (403, 'Q.850;cause=21;text="Trunk suspended"', "refused")
        assert found.trunk_id == "t2"


def test_row_3_outbound_suspension_lets_calls_in():
    attempt = inbound(b_number="+33353010210")
    assert decided(attempt, now=at("2026-10-12T12:00:00+02:00")).is_admitted
    assert decided(attempt, now=at("2026-10-14T12:00:00+02:00")).rule == "suspended"


@pytest.mark.parametrize(
    ("billed", "instant", "rule"),
    [
        ("", "2026-10-05T12:00:00+02:00", "billed_number"),
        ("+33353010210", "2026-10-05T12:00:00+02:00", "billed_number"),
        ("+33199000117", "2026-10-05T12:00:00+02:00", "billed_number"),
        ("anonymous", "2026-10-05T12:00:00+02:00", "billed_number"),
        ("33199000112", "2026-10-05T12:00:00+02:00", "admitted"),  # as some write it
        ("0033199000112", "2026-10-05T12:00:00+02:00", "admitted"),
        ("+33199000115", "2026-10-14T23:59:59.999+02:00", "admitted"),
        ("+33199000115", "2026-10-15T00:00:00+02:00", "billed_number"),
        ("+33199000116", "2026-10-14T23:59:59.999+02:00", "billed_number"),
        ("+33199000116", "2026-10-15T00:00:00+02:00", "admitted"),
    ],
)
def test_row_4_the_number_that_pays_is_the_customers(billed, instant, rule):
    found = decided(outbound(billed_number=billed), now=at(instant))
    assert found.rule == rule
    if rule == "billed_number":
        words = "Billed number is none of the customer's"
        assert answer(found)[1:] == (403, f'Q.850;cause=21;text="{words}"', "refused")


def test_row_4_any_customers_number_may_pay_on_a_shared_trunk():
    attempt = outbound(host="shared.trunk.example", billed_number="+33261910001")
    assert decided(attempt).is_admitted
    assert decided(replace(attempt, billed_number="+33199000117")).rule == "billed_number"


@pytest.mark.parametrize(
    ("called", "trunk"),
    [
        ("+33536490000", "t3"),
        ("+33536490008", "t4"),
        ("+33536490004", ""),  # on both trunks of delta
        ("+33536490009", ""),  # on none of them
        ("+33261910000", "t5"),  # epsilon has none of its own: on the shared one that lists it
        ("+33261910001", ""),
        ("+33465711000", "t5"),
        ("+33199000117", ""),
        ("alice", ""),
        ("", ""),
    ],
)
def test_row_4_the_called_number_tells_the_trunk(called, trunk):
    found = decided(inbound(b_number=called))
    assert found.trunk_id == trunk
    if not trunk:
        words = "Called number is none of a customer's"
        assert answer(found) == ("called_number", 404, f'Q.850;cause=1;text="{words}"', "refused")


@pytest.mark.parametrize("called", [dialled for dialled, kind in CALLED.items() if kind == "unreadable"])
def test_row_5_unreadable(called):
    found = decided(outbound(b_number=called))
    assert answer(found) == (
        "unreadable",
        484,
        'Q.850;cause=28;text="Called number cannot be read"',
        "refused",
    )
    assert found.b_number == called


def test_row_5_barred_classes_of_the_book_and_day():
    barred = ("barred", 603, 'Q.850;cause=21;text="Destination barred"', "refused")
    assert answer(decided(outbound(b_number="0836000000"))) == barred
    assert answer(decided(outbound(b_number="+881612345678"))) == barred
    premium = outbound(b_number="0899700000")
    assert decided(premium, now=at("2026-10-31T23:59:59+01:00")).rule == "admitted"
    assert answer(decided(premium, now=at("2026-11-01T00:00:00+01:00"))) == barred


def test_row_5_a_number_without_a_price_is_not_barred():
    found = decided(outbound(b_number="+999999999999"))
    assert (found.rule, found.destination_class) == ("admitted", "")


@pytest.mark.parametrize(
    ("hops", "max_forwards", "loops"), [(5, 1, False), (6, 70, True), (0, 0, True), (0, -1, True)]
)
@pytest.mark.parametrize("attempt", [FROM_TEAMS, FROM_OPERATOR])
def test_row_6_loops(attempt, hops, max_forwards, loops):
    found = decided(replace(attempt, hops=hops, max_forwards=max_forwards))
    assert found.is_admitted is not loops
    if loops:
        assert answer(found) == ("loop", 483, 'Q.850;cause=25;text="Forwarded too often"', "refused")


def test_row_6_the_first_guard_that_trips_says_why():
    found = decided(outbound(), guards=[Says(None), Says('50 € "spent"\r\nToday'), Says("later")])
    assert answer(found) == ("guard", 403, 'Q.850;cause=21;text="50 ? ?spent? Today"', "refused")
    assert decided(outbound(), guards=[Says("")]).reason == 'Q.850;cause=21;text="Refused by a guard"'


def test_row_6_a_guard_is_not_asked_about_calls_that_are_decided():
    class Asked:
        def tripped(self, trunk, attempt, now):
            raise AssertionError("asked")

    for attempt in (outbound(b_number="112"), outbound(b_number="alice"), outbound(host="x")):
        decided(attempt, guards=[Asked()])
    with pytest.raises(AssertionError, match="asked"):
        decided(outbound(), guards=[Asked()])


@pytest.mark.parametrize(
    ("in_use", "rule"),
    [
        ({("t1", ""): 2, ("t1", "paris"): 1}, "admitted"),
        ({("t1", ""): 3, ("t1", "paris"): 0}, "trunk_full"),
        ({("t1", ""): 3, ("t1", "paris"): 2}, "trunk_full"),
        ({("t1", ""): 2, ("t1", "paris"): 2}, "site_full"),
        ({("t1", ""): 4, ("t1", "paris"): 4}, "trunk_full"),
        ({("t2", ""): 9, ("t2", "paris"): 9}, "admitted"),
    ],
)
@pytest.mark.parametrize("attempt", [FROM_TEAMS, FROM_OPERATOR])
def test_row_7_trunk_and_site(attempt, in_use, rule):
    found = decided(attempt, in_use)
    assert found.rule == rule
    if rule != "admitted":
        assert answer(found)[1:] == (486, NO_CIRCUIT, "no_channel")
        assert (found.trunk_id, found.site, found.claim) == ("t1", "paris", None)


def test_row_7_where_another_gateway_stands_behind_the_answer_is_503_with_the_same_reason():
    attempt = outbound(host="sbc1.beta.trunk.example", billed_number="+33353010210")
    assert answer(decided(attempt, {("t2", ""): 2})) == ("trunk_full", 503, NO_CIRCUIT, "no_channel")


def test_row_7_channels_are_those_in_force():
    one = {("t1", ""): 1}
    assert decided(outbound(), one, at("2026-10-31T23:59:59.999+01:00")).rule == "admitted"
    assert decided(outbound(), one, at("2026-11-01T00:00:00+01:00")).rule == "trunk_full"
    assert decided(outbound(), {}, at("2026-12-01T00:00:00+01:00")).rule == "trunk_full"


def test_row_7_a_site_without_channels():
    assert decided(inbound(b_number="+33199000114")).rule == "site_full"


# --- admit


def test_what_is_admitted_holds_a_channel_and_what_is_refused_holds_none():
    channels = LocalChannels()
    for attempt in (outbound(b_number="alice"), outbound(address="203.0.113.7"), inbound(b_number="1")):
        assert not admit(directory(), attempt, channels, NOON).is_admitted
    assert channels.up() == []
    assert admit(directory(), outbound(), channels, NOON).is_admitted
    assert channels.in_use() == {("t1", ""): 1, ("t1", "paris"): 1}


def test_a_call_from_outside_that_teams_forwards_back_holds_two_channels():
    channels = LocalChannels()
    first = inbound(call_id="a@operator", b_number="+33199000110")
    back = outbound(call_id="a@operator", b_number="+33639980123", billed_by="History-Info")
    back = replace(back, a_number=first.a_number, forwarded_by="+33199000110", forward_type="unconditional")
    for leg in (first, back):
        assert admit(directory(), leg, channels, NOON).is_admitted
    assert channels.in_use() == {("t1", ""): 2, ("t1", "paris"): 2}
    other = admit(directory(), outbound(call_id="b"), channels, NOON)
    assert answer(other) == ("site_full", 486, NO_CIRCUIT, "no_channel")
    assert channels.release(leg_of(first)) is not None
    assert channels.in_use() == {("t1", ""): 1, ("t1", "paris"): 1}
    assert channels.release(leg_of(back)) is not None
    assert channels.in_use() == {}


def test_an_emergency_call_holds_a_channel_beyond_the_cap():
    channels = LocalChannels()
    for number in range(2):
        assert admit(directory(), outbound(call_id=f"{number}"), channels, NOON).is_admitted
    assert admit(directory(), outbound(call_id="2"), channels, NOON).rule == "site_full"
    assert admit(directory(), outbound(call_id="sos", b_number="112"), channels, NOON).rule == "emergency"
    assert channels.in_use() == {("t1", ""): 3, ("t1", "paris"): 3}
    lyon = outbound(call_id="3", billed_number="+33199000113")
    assert admit(directory(), lyon, channels, NOON).rule == "trunk_full"


def test_no_counter_can_refuse_an_emergency_call():
    class Full(LocalChannels):
        def acquire(self, leg, claim, now):
            return "trunk_full"

    assert admit(directory(), outbound(b_number="112"), Full(), NOON).rule == "emergency"
    assert admit(directory(), outbound(), Full(), NOON).rule == "trunk_full"


def test_a_call_that_is_up_is_not_admitted_a_second_time():
    channels = LocalChannels()
    assert admit(directory(), outbound(), channels, NOON).is_admitted
    again = admit(directory(), outbound(), channels, NOON)
    assert answer(again) == ("repeated", 482, 'Q.850;cause=25;text="Call is up already"', "refused")
    assert admit(directory(), outbound(), channels, NOON, leg="another").is_admitted
    assert channels.in_use()[("t1", "")] == 2


# --- all of it, against the oracle

INSTANTS = [
    "2026-10-05T10:00",
    "2026-10-10T12:00",
    "2026-10-12T12:00",
    "2026-10-14T12:00",
    *(
        (datetime.fromisoformat(border) + timedelta(minutes=minutes)).isoformat()[:16]
        for border in (
            "2026-10-09T22:00",
            "2026-10-13T22:00",
            "2026-10-14T22:00",
            "2026-10-25T00:30",
            "2026-10-25T01:30",
            "2026-10-31T23:00",
            "2026-11-30T23:00",
        )
        for minutes in (-1, 0, 1)
    ),
]

attempts = st.builds(
    Attempt,
    side=st.just("teams"),
    address=st.sampled_from(["52.112.0.0", "52.115.255.255", "::ffff:52.112.0.1", "203.0.113.7"]),
    call_id=st.sampled_from(["c1", "c2"]),
    host=st.sampled_from([*TEAMS_TRUNKS, "elsewhere.example"]),
    a_number=st.just("anonymous"),
    b_number=st.sampled_from(sorted(CALLED)),
    billed_number=st.sampled_from(sorted(OWNED)),
    billed_by=st.just("From"),
    tls_names=st.sampled_from([("sip.pstnhub.microsoft.com",)] * 3 + [("evil.example",)]),
    hops=st.sampled_from([0, 0, 0, 5, 6]),
    max_forwards=st.sampled_from([70, 70, 70, 1, 0]),
) | st.builds(
    Attempt,
    side=st.just("operator"),
    address=st.sampled_from(["127.0.0.1", "127.0.0.1", "127.0.0.2"]),
    call_id=st.sampled_from(["c1", "c2"]),
    host=st.just("127.0.0.1"),
    a_number=st.just("+33639980123"),
    b_number=st.sampled_from(sorted(OWNED)),
    billed_number=st.just(""),
    billed_by=st.just(""),
    hops=st.sampled_from([0, 0, 0, 5, 6]),
    max_forwards=st.sampled_from([70, 70, 70, 1, 0]),
)
held = st.dictionaries(
    st.sampled_from([(trunk, "") for trunk in ("t1", "t2", "t3", "t5")] + [("t1", "paris"), ("t1", "lyon")]),
    st.integers(0, 4),
)


@given(attempts, held, st.sampled_from(INSTANTS), st.lists(st.booleans(), max_size=2))
def test_the_order_is_that_of_the_oracle(attempt, in_use, now, tripped):
    guards = [Says("no" if trips else None) for trips in tripped]
    found = decided(attempt, in_use, at(now + "+00:00"), guards)
    expected = verdict(attempt, in_use, now, tripped)
    shown = (found.rule, found.code, found.trunk_id, found.site, found.silent)
    assert shown == (expected.rule, expected.code, expected.trunk, expected.site, expected.silent)
    assert found.is_admitted == (found.claim is not None) == (found.end_reason == "")
    assert bool(found.reason) == (not found.is_admitted)


@given(
    attempts, st.sampled_from([number for number, kind in CALLED.items() if kind == "emergency"]), held,
    st.sampled_from(INSTANTS), st.lists(st.booleans(), max_size=2),
)  # fmt: skip
def test_emergency_calls_from_a_known_peer_pass_whatever_follows(attempt, number, in_use, now, tripped):
    known = {"side": "teams", "address": "52.112.0.1", "tls_names": ("sip.pstnhub.microsoft.com",)}
    attempt = replace(attempt, **known, host="sbc1.beta.trunk.example", b_number=number)
    found = decided(attempt, in_use, at(now + "+00:00"), [Says("no" if trips else None) for trips in tripped])
    assert (found.rule, found.code) == ("emergency", 0)
    channels = LocalChannels()
    assert admit(directory(), attempt, channels, at(now + "+00:00")).is_admitted
    assert channels.in_use()[("t2", "")] == 1


anything = st.text(st.characters(exclude_categories=()))


@given(anything, anything, anything, anything, st.lists(anything, max_size=3).map(tuple))
@example("\udcff", "\udcff", "\udcff", "\udcff", ("\udcff",))
@example("\0", "\0" * 9999, "9" * 99999, "+" * 9999, ("*." * 9999,))
def test_no_text_breaks_it(address, host, called, billed, names):
    for side in (FROM_TEAMS, FROM_OPERATOR):
        for known in (side.address, address):
            for certified in (side.tls_names, names):
                attempt = replace(side, address=known, tls_names=certified, host=host, b_number=called)
                for text in (host, side.host):
                    found = decided(replace(attempt, host=text, billed_number=billed))
                    assert found.reason.isascii()
                    assert found.reason.isprintable()
