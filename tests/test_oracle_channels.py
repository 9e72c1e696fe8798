"""What holds a channel, by the oracle: values worked out by hand from SPEC 8 and choices.md, Channels."""

import tempfile
from functools import partial
from pathlib import Path

import oracle
import pytest
from channel_strategies import channel_cases
from hypothesis import given
from hypothesis import strategies as st
from one_trunk import DAY, at, call, figures, of_trunk, over_cap, rate_on_trunk, unanswered
from oracle import SECOND, SourceError


@pytest.fixture
def rate(tmp_path):
    return partial(rate_on_trunk, tmp_path)


# What holds a channel ------------------------------------------------------------------------------------


def test_a_channel_is_free_from_the_release_on(rate):
    first = call("a", "09:00:00", "09:01:00")
    result = rate([first, call("b", "09:01:00", "09:02:00")])
    assert over_cap(result) == set()
    assert of_trunk(result) == (1, at("09:00:00"), 120, 0)
    # One nanosecond of two channels: 119.999999999 s at the cap and 0.000000001 s above it, rounded up.
    result = rate([first, call("b", "09:00:59.999999999", "09:02:00")])
    assert over_cap(result) == {"b"}
    assert of_trunk(result) == (2, at("09:01:00") - 1, 120, 1)


def test_times_are_added_up_before_they_are_rounded(rate):
    calls = [
        call("a", "09:00:00", "09:10:00"),
        call("b", "09:01:00", "09:01:00.4"),
        call("c", "09:02:00", "09:02:00.4"),
        call("d", "09:03:00", "09:03:00.2"),
    ]
    # Above: 0.4 + 0.4 + 0.2 = 1 s; at: 600 - 1 s.
    assert of_trunk(rate(calls)) == (2, at("09:01:00"), 599, 1)


def test_of_calls_that_begin_together_the_first_by_call_id_come_first(rate):
    ids = ["\U0001f600", "é", "b", "\uffee", "B", "a10", "a9"]
    calls = [call(name, "09:00:00", "09:01:00") for name in ids]
    # By code point: B, a10, a9, b, é, U+FFEE, U+1F600.
    assert over_cap(rate(calls, "3")) == {"b", "é", "\uffee", "\U0001f600"}
    assert over_cap(rate(calls, "6")) == {"\U0001f600"}


def test_of_calls_answered_together_the_first_set_up_comes_first(rate):
    calls = [
        call("b", "09:00:00", "09:01:00", answer="09:00:10"),
        call("a", "09:00:05", "09:01:00", answer="09:00:10"),
    ]
    assert over_cap(rate(calls, rules={"occupancy_from": "answer"})) == {"a"}


def test_calls_of_no_length_hold_none(rate):
    calls = [
        call("a", "09:00:00", "09:01:00"),
        call("b", "09:00:30", "09:00:30"),  # answered, and charged as 1 s
        unanswered("c", "09:00:30", "09:00:30"),
    ]
    result = rate(calls)
    assert over_cap(result) == set()
    assert of_trunk(result) == (1, at("09:00:00"), 60, 0)
    # Alone: no channel was held at all; where the cap is 0 they are not over it either.
    for channels in ("1", "0"):
        result = rate(calls[1:], channels)
        assert over_cap(result) == set()
        assert of_trunk(result) == (0, None, 0, 0)


def test_refused_calls_hold_none(rate):
    kept = call("a", "09:00:00", "09:01:00")
    for end_reason, held in (("refused", 1), ("no_channel", 1), ("", 2), ("No_Channel", 2), ("busy", 2)):
        for other in (call, unanswered):
            result = rate([kept, other("b", "09:00:30", "09:00:40", end_reason=end_reason)])
            assert over_cap(result) == ({"b"} if held == 2 else set())
            assert of_trunk(result)[0] == held
            assert result.occupancy[0]["blocked_calls"] == (end_reason == "no_channel")


def test_rejects_duplicates_and_conflicts_hold_none_but_unrated_calls_do(rate):
    unrated = call("u", "09:00:00", "09:02:00", b_number="0240000001")
    calls = [
        unrated,
        unrated | {"setup_time": f"{DAY} 11:00:00"},  # the same, in Paris time
        call("k", "09:00:00", "09:02:00"),
        call("k", "09:00:00", "09:02:00", sip_code="487"),
        call("r", "09:00:00", "09:02:00", sip_code="1000"),
        call("z", "09:01:00", "09:03:00"),
    ]
    result = rate(calls)
    assert (over_cap(result), result.unrated) == ({"z"}, [0])
    assert of_trunk(result) == (2, at("09:01:00"), 120, 60)
    # An unrated call that is over cap counts, though it has no row of its own.
    result = rate([*calls, call("o", "09:01:30", "09:02:00", b_number="0240000001")])
    assert result.usage[0]["over_cap_calls"] == 2


def test_another_source_holds_none(rate):
    calls = [
        call("a", "09:00:00", "09:01:00", source="teams"),
        call("b", "09:00:30", "09:01:30"),
        call("c", "2026-11-01T09:00:00", "2026-11-01T09:01:00", source="teams"),
    ]
    result = rate(calls, rating_source="canonical")
    assert result.category == {0: "other_source", 1: "rated", 2: "other_source"}
    assert over_cap(result) == set()
    assert of_trunk(result) == (1, at("09:00:30"), 60, 0)


# Months --------------------------------------------------------------------------------------------------


def test_calls_of_other_months_hold_their_channels(rate):
    # October begins in Paris on 30 September at 22:00 UTC, and ends on 31 October at 23:00 UTC.
    calls = [
        call("s", "2026-09-30T21:59:00", "2026-09-30T22:01:00"),  # of September
        call("a", "2026-09-30T22:00:30", "2026-09-30T22:00:40"),
        call("b", "2026-10-31T22:59:50", "2026-10-31T23:00:30"),
        call("n", "2026-10-31T22:59:55", "2026-10-31T23:00:10", answer="2026-10-31T23:00:05"),  # of November
        unanswered("o", "2026-10-31T22:59:56", "2026-10-31T22:59:58"),
    ]
    result = rate(calls, month="2026-10")
    assert set(result.category.values()) == {"rated", "other_month"}
    assert over_cap(result) == {"a", "o"}
    # s holds from the month's first instant. At: s 60 - 10 s, b alone 5 s. Above: a 10 s, n from 22:59:55
    # until the month ends 5 s; o makes three of them, and the peak.
    assert of_trunk(result) == (3, at("2026-10-31T22:59:56"), 55, 15)
    assert (result.usage[0]["calls"], result.usage[0]["over_cap_calls"]) == (3, 2)
    # Without o, two are held, first by s and a.
    assert of_trunk(rate(calls[:-1], month="2026-10"))[:2] == (2, at("2026-09-30T22:00:30"))
    # November: b and n from its first instant.
    result = rate(calls, month="2026-11")
    assert over_cap(result) == {"n"}
    assert of_trunk(result) == (2, at("2026-10-31T23:00:00"), 20, 10)
    # All months at once give each the same.
    whole = rate(calls)
    assert over_cap(whole) == {"a", "o", "n"}
    for month in ("2026-09", "2026-10", "2026-11"):
        assert rate(calls, month=month).usage == [row for row in whole.usage if row["month"] == month]


def test_calls_of_other_months_from_a_source_that_is_not_rated_hold_none(rate):
    earlier = call("s", "2026-09-30T21:59:00", "2026-09-30T22:01:00")
    calls = [earlier | {"source": "teams"}, call("a", "2026-09-30T22:00:30", "2026-09-30T22:00:40")]
    assert over_cap(rate(calls, month="2026-10")) == set()
    assert over_cap(rate([earlier, calls[1]], month="2026-10")) == {"a"}
    with pytest.raises(SourceError):
        rate(calls)
    # A trunk without a call in the month has no row.
    assert rate(calls, month="2026-11").occupancy == []


@pytest.mark.parametrize(
    ("zone", "begin", "end", "day_s"),
    [
        ("Europe/Paris", "2026-10-24T22:00:00", "2026-10-25T23:00:00", 90_000),  # 25 h
        ("Europe/Paris", "2026-03-28T23:00:00", "2026-03-29T22:00:00", 82_800),  # 23 h
        ("Europe/Paris", "2026-10-05T22:00:00", "2026-10-06T22:00:00", 86_400),
        ("America/Havana", "2026-11-01T04:00:00", "2026-11-02T05:00:00", 90_000),  # midnight occurs twice
    ],
)
def test_a_whole_local_day_at_cap(rate, zone, begin, end, day_s):
    result = rate([call("a", begin, end)], zone=zone)
    assert of_trunk(result) == (1, at(begin), day_s, 0)
    result = rate([call("a", begin, end), call("b", begin, end)], zone=zone)
    assert of_trunk(result) == (2, at(begin), 0, day_s)


@pytest.mark.parametrize(
    ("zone", "month", "begin", "hours"),
    [
        ("Europe/Paris", "2026-10", "2026-09-30T22:00:00", 745),
        ("Europe/Paris", "2026-03", "2026-02-28T23:00:00", 743),
        ("America/Havana", "2026-11", "2026-11-01T04:00:00", 721),
    ],
)
def test_a_call_over_both_borders_of_the_month(rate, zone, month, begin, hours):
    calls = [call("a", "2026-02-01T00:00:00", "2027-01-01T00:00:00"), unanswered("b", begin, begin)]
    result = rate(calls, month=month, zone=zone)
    assert of_trunk(result) == (1, at(begin), hours * 3_600, 0)
    assert result.usage[0]["calls"] == 1


# From the answer -----------------------------------------------------------------------------------------


def test_channels_held_from_the_answer(rate):
    calls = [
        call("a", "09:00:00", "09:02:00", answer="09:01:00"),
        unanswered("b", "09:00:30", "09:01:30"),
        call("c", "09:01:30", "09:03:00", answer="09:02:00"),
        call("d", "09:02:00", "09:02:30", answer="09:02:30"),  # answered as it is hung up
    ]
    result = rate(calls, rules={"occupancy_from": "answer"})
    assert over_cap(result) == set()
    assert of_trunk(result) == (1, at("09:01:00"), 120, 0)
    # From the setup: a 09:00 to 09:02, b 09:00:30 to 09:01:30, c from 09:01:30, d from 09:02.
    result = rate(calls)
    assert over_cap(result) == {"b", "c", "d"}
    assert of_trunk(result) == (2, at("09:00:30"), 60, 120)


def test_the_plan_of_the_answer_says_from_when_a_channel_is_held(rate):
    history = [
        {"to": "2026-10-05T09:00:00Z", "plan": "early"},
        {"from": "2026-10-05T09:00:00Z", "to": "2026-10-05T10:00:00Z", "plan": "late"},
    ]
    calls = [
        call("a", "08:59:00", "09:01:00", answer="09:00:00"),  # late: from the answer
        unanswered("b", "08:59:30", "09:00:30"),  # early: from the setup
        unanswered("c", "09:00:00", "09:00:30"),  # late: none
        call("d", "09:59:00", "10:01:00", answer="10:00:00"),  # metered: from the setup
    ]
    plans = {"early": {}, "late": {"occupancy_from": "answer"}}
    result = rate(calls, plans=plans)
    assert over_cap(result) == {"b", "c"}  # all on the first plan
    result = rate(calls, plans=plans, plan=history)
    assert over_cap(result) == {"a"}
    # b alone 30 s, a and b 30 s, a alone 30 s, d 120 s.
    assert of_trunk(result) == (2, at("09:00:00"), 180, 30)
    # Where the book has a metered plan, it says.
    plans["metered"] = {"occupancy_from": "answer"}
    assert of_trunk(rate(calls, plans=plans, plan=history)) == (2, at("09:00:00"), 120, 30)


# Found another way ---------------------------------------------------------------------------------------


@given(
    st.lists(st.tuples(st.integers(0, 20), st.integers(0, 9), st.booleans()), min_size=1, max_size=12),
    st.integers(0, 4),
    st.integers(0, 2),
)
def test_occupancy_counted_second_by_second(spans, channels, of_site):
    """Calls of whole seconds: what is held in each second, and a queue in order of the setup."""
    spans = sorted(spans, key=lambda span: span[0])
    calls = []
    for place, (begin, length, in_paris) in enumerate(spans):
        number = {} if in_paris else {"a_number": "0199000119"}
        times = (f"09:00:{begin:02}", f"09:00:{begin + length:02}")
        calls.append(unanswered(f"c{place:02}", *times, **number))
    sites = [{"id": "paris", "channels": str(of_site), "numbers": ["+33199000110"]}]
    with tempfile.TemporaryDirectory() as folder:
        result = rate_on_trunk(Path(folder), calls, str(channels), sites=sites)

    over = {"": 0, "paris": 0}
    for row, cap, wanted in zip(result.occupancy, (channels, of_site), ((True, False), (True,)), strict=True):
        held = [
            sum(begin <= second < begin + length for begin, length, where in spans if where in wanted)
            for second in range(30)
        ]
        expected = (
            max(held),
            at("09:00:00") + held.index(max(held)) * SECOND if max(held) else None,
            sum(0 < count == cap for count in held),
            sum(count > cap for count in held),
        )
        assert figures(row) == expected

    ends = []  # (release, in paris) of the calls so far
    flagged = set()
    for place, (begin, length, in_paris) in enumerate(spans):
        if length == 0:
            continue
        ends = [end for end in ends if end[0] > begin]
        of_paris = in_paris and sum(where for _release, where in ends) >= of_site
        if of_paris or len(ends) >= channels:
            flagged.add(f"c{place:02}")
            over[""] += 1
            over["paris"] += of_paris
        ends.append((begin + length, in_paris))
    assert over_cap(result) == flagged
    assert {row["site_id"]: row["over_cap_calls"] for row in result.occupancy} == over


@given(channel_cases())
def test_a_month_alone_is_as_among_all_months(case):
    def run(folder, month):
        return oracle.rate(case.rows, folder / "book", folder / "accounts.yaml", month=month)

    with tempfile.TemporaryDirectory() as name:
        case.write(name)
        try:
            whole = run(Path(name), None)
        except SourceError:
            return
        for month in {row["month"] for row in whole.usage}:
            alone = run(Path(name), month)
            for table in ("rated", "usage", "occupancy", "limits", "findings"):
                of_month = [row for row in vars(whole)[table] if row["month"] == month]
                assert vars(alone)[table] == of_month
