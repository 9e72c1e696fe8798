"""The counter of channels: exact in any order of events, and under threads."""

from __future__ import annotations

import sys
import threading
from collections import Counter
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from lab import NOON, directory, inbound, outbound

from sipgw.channels import Channel, Claim, LocalChannels
from sipgw.policy import admit, leg_of

PARIS = Claim("t1", 3, "paris", 2)
LYON = Claim("t1", 3, "lyon", 1)
NOWHERE = Claim("t1", 3)


def test_trunk_and_site_are_taken_together_or_not_at_all():
    channels = LocalChannels()
    assert [channels.acquire(leg, PARIS, 1) for leg in "abc"] == ["held", "held", "site_full"]
    assert channels.in_use() == {("t1", ""): 2, ("t1", "paris"): 2}
    assert [channels.acquire(leg, LYON, 1) for leg in "de"] == ["held", "trunk_full"]
    assert channels.in_use() == {("t1", ""): 3, ("t1", "paris"): 2, ("t1", "lyon"): 1}


def test_a_channel_is_given_back_once():
    channels = LocalChannels()
    channels.acquire("a", PARIS, 5)
    assert channels.release("a") == Channel("a", "t1", "paris", 5, False)
    assert channels.release("a") is None
    assert channels.release("never up") is None
    assert channels.in_use() == {}
    assert channels.acquire("a", PARIS, 6) == "held"


def test_what_is_up_and_since_when():
    channels = LocalChannels()
    for leg, since in (("b", 7), ("a", 7), ("c", 3)):
        channels.acquire(leg, NOWHERE, since)
    assert [(channel.leg, channel.since) for channel in channels.up()] == [("c", 3), ("a", 7), ("b", 7)]


def test_emergency_calls_are_counted_and_never_refused():
    channels = LocalChannels()
    sos = replace(PARIS, trunk_channels=0, site_channels=0, emergency=True)
    assert [channels.acquire(leg, sos, 1) for leg in "abcd"] == ["held"] * 4
    assert channels.acquire("a", sos, 2) == "held"
    assert channels.in_use() == {("t1", ""): 4, ("t1", "paris"): 4}
    assert channels.acquire("e", PARIS, 3) == "trunk_full"
    assert [channels.release(leg) is not None for leg in "aabcd"] == [True, False, True, True, True]
    assert channels.in_use() == {}


def test_fewer_channels_hang_up_nobody():
    channels = LocalChannels()
    assert [channels.acquire(leg, NOWHERE, 1) for leg in "abc"] == ["held"] * 3
    fewer = replace(NOWHERE, trunk_channels=1)
    assert channels.acquire("d", fewer, 2) == "trunk_full"
    channels.release("a")
    channels.release("b")
    assert channels.acquire("d", fewer, 3) == "trunk_full"
    channels.release("c")
    assert channels.acquire("d", fewer, 4) == "held"


def test_ids_that_look_alike_are_two_places():
    channels = LocalChannels()
    assert channels.acquire("a", Claim("t", 1, "1x", 1), 0) == "held"
    assert channels.acquire("b", Claim("t1", 1, "x", 1), 0) == "held"
    assert channels.in_use() == {("t", ""): 1, ("t", "1x"): 1, ("t1", ""): 1, ("t1", "x"): 1}


claims = st.builds(
    Claim,
    trunk=st.sampled_from(["t1", "t2"]),
    trunk_channels=st.integers(0, 4),
    site=st.sampled_from(["", "paris", "lyon"]),
    site_channels=st.integers(0, 3),
    emergency=st.sampled_from([False, False, True]),
)
legs = st.sampled_from("abcdefgh")


@given(st.lists(st.tuples(legs, claims | st.none()), max_size=40))
def test_any_order_of_events_against_a_list(events):
    """The model keeps a list of legs and counts it anew each time."""
    channels, model = LocalChannels(), []
    for now, (leg, claim) in enumerate(events):
        mine = [held for held in model if held[0] == leg]
        if claim is None:
            released = channels.release(leg)
            assert (released is not None) == bool(mine)
            assert not mine or (released.trunk, released.site, released.since) == mine[0][1:]
            model = [held for held in model if held[0] != leg]
        else:
            on_trunk = sum(held[1] == claim.trunk for held in model)
            on_site = sum(held[1:3] == (claim.trunk, claim.site) for held in model)
            if mine:
                expected = "held" if claim.emergency else "repeated"
            elif claim.emergency:
                expected = "held"
            elif on_trunk >= claim.trunk_channels:
                expected = "trunk_full"
            elif claim.site and on_site >= claim.site_channels:
                expected = "site_full"
            else:
                expected = "held"
            assert channels.acquire(leg, claim, now) == expected
            if expected == "held" and not mine:
                model.append((leg, claim.trunk, claim.site, now))
        assert [(c.leg, c.trunk, c.site, c.since) for c in channels.up()] == model
        trunks = Counter((trunk, "") for _, trunk, _, _ in model)
        sites = Counter((trunk, site) for _, trunk, site, _ in model if site)
        assert channels.in_use() == {**trunks, **sites}


events = st.lists(
    st.tuples(
        st.integers(0, 9), st.sampled_from(["acquire", "release"]), st.sampled_from(["110", "112", "113"]),
        st.sampled_from(["teams", "operator"]), st.sampled_from(["+33353019999", "112"]),
    ),
    max_size=60,
)  # fmt: skip


@given(events)
def test_ordinary_calls_never_hold_more_than_there_are(events):
    """Calls of both sides through the policy: 3 channels on the trunk, 2 in paris, 1 in lyon."""
    channels = LocalChannels()
    for number, what, own, side, called in events:
        if side == "teams":
            attempt = outbound(call_id=f"{number}", b_number=called, billed_number=f"+33199000{own}")
        else:
            attempt = inbound(call_id=f"{number}", b_number=f"+33199000{own}")
        if what == "acquire":
            admit(directory(), attempt, channels, NOON)
        else:
            channels.release(leg_of(attempt))
        ordinary = [channel for channel in channels.up() if not channel.emergency]
        sites = Counter(channel.site for channel in ordinary)
        assert len(ordinary) <= 3
        assert sites["paris"] <= 2
        assert sites["lyon"] <= 1
        assert channels.in_use().get(("t1", ""), 0) == len(channels.up())


@pytest.fixture
def restless():
    """Threads change places after every few instructions: without its lock the counter is wrong at once."""
    usual = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    yield
    sys.setswitchinterval(usual)


@pytest.mark.parametrize("has_emergencies", [False, True])
def test_a_storm_of_threads_holds_exactly_what_there_is(restless, has_emergencies):
    """8 threads with 200 calls each, all at once, on 500 channels."""
    channels = LocalChannels()
    start = threading.Barrier(8)
    outcomes: list[list[tuple[bool, str]]] = [[] for _ in range(8)]

    def call(thread: int) -> None:
        start.wait()
        for number in range(200):
            claim = Claim("t1", 500, emergency=has_emergencies and number % 10 == 0)
            outcome = channels.acquire(f"{thread} {number}", claim, number)
            outcomes[thread].append((claim.emergency, outcome))

    run_all(call)
    found = Counter(one for of_thread in outcomes for one in of_thread)
    ordinary = [channel for channel in channels.up() if not channel.emergency]
    assert found[False, "held"] == len(ordinary) <= 500
    assert has_emergencies or len(ordinary) == 500
    assert found[True, "held"] == (160 if has_emergencies else 0)
    assert channels.in_use() == {("t1", ""): len(ordinary) + found[True, "held"]}
    assert sum(found.values()) == 1600


def test_threads_that_come_and_go_never_pass_the_cap_and_leave_nothing(restless):
    """Two threads fight over each leg; a channel is given back by one of them, once."""
    channels = LocalChannels()
    start = threading.Barrier(8)
    beyond: list[dict[tuple[str, str], int]] = []
    outcomes: list[list[tuple[str, bool]]] = [[] for _ in range(8)]

    def call(thread: int) -> None:
        start.wait()
        for number in range(300):
            leg = f"{thread // 2} {number}"
            outcome = channels.acquire(leg, PARIS if thread % 2 else LYON, number)
            in_use = dict(channels.in_use())
            caps = {("t1", ""): 3, ("t1", "paris"): 2, ("t1", "lyon"): 1}
            if any(held > caps[place] for place, held in in_use.items()):
                beyond.append(in_use)
            outcomes[thread].append((outcome, channels.release(leg) is not None))

    run_all(call)
    assert beyond == []
    found = [one for of_thread in outcomes for one in of_thread]
    assert sum(outcome == "held" for outcome, _ in found) == sum(is_back for _, is_back in found) > 0
    assert (channels.up(), channels.in_use()) == ([], {})


def run_all(call) -> None:
    failures: list[BaseException] = []

    def run(thread: int) -> None:
        try:
            call(thread)
        except BaseException as failure:
            failures.append(failure)

    threads = [threading.Thread(target=run, args=(thread,)) for thread in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=60)
        assert not thread.is_alive()
    assert failures == []
