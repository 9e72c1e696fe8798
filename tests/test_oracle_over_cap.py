"""What is over cap, by the oracle: values worked out by hand from SPEC 8 and choices.md, Channels."""

from fractions import Fraction
from functools import partial

import pytest
from one_trunk import at, call, figures, of_trunk, over_cap, rate_on_trunk, reasons, unanswered

NOVEMBER_WAIVER = {
    "month": "2026-11",
    "reason": "over_cap",
    "mode": "waive",
    "who": "x",
    "when": "2026-12-01",
    "why": "y",
}


@pytest.fixture
def rate(tmp_path):
    return partial(rate_on_trunk, tmp_path)


# Emergency calls -----------------------------------------------------------------------------------------


def test_emergency_calls_are_never_over_cap_but_hold(rate):
    calls = [
        call("a", "09:00:00", "09:10:00"),
        call("e", "09:01:00", "09:02:00", b_number="15"),
        unanswered("f", "09:03:00", "09:03:30", b_number="+3315"),
        call("g", "09:04:00", "09:05:00", b_number="+33199000110", a_number="15", direction="inbound"),
    ]
    result = rate(calls)
    assert over_cap(result) == {"g"}  # from 15, not to it
    assert of_trunk(result) == (2, at("09:01:00"), 450, 150)
    # Two channels: e holds the second, so b is the third.
    result = rate([*calls, call("b", "09:01:30", "09:01:40")], "2")
    assert over_cap(result) == {"b"}
    # Even where there is no channel.
    assert over_cap(rate(calls[1:3], "0")) == set()


def test_the_class_of_a_call_without_answer_is_that_of_its_setup(rate):
    # 112 is an emergency number from 15 October on, which begins in Paris at 22:00 UTC.
    night = "2026-10-14T"
    kept = call("a", night + "21:00:00", night + "23:00:00")
    calls = [
        unanswered("b", night + "21:59:59", night + "22:00:10", b_number="112"),
        unanswered("c", night + "22:00:00", night + "22:00:10", b_number="112"),
        call("d", night + "21:59:59", night + "22:00:10", answer=night + "22:00:00", b_number="112"),
        call("e", night + "21:59:59", night + "22:00:10", answer=night + "21:59:59.9", b_number="112"),
    ]
    assert over_cap(rate([kept, *calls])) == {"b", "e"}


# The cap -------------------------------------------------------------------------------------------------


def test_channels_that_change_within_the_month(rate):
    channels = [
        {"from": "2026-10-05T09:00:00Z", "to": "2026-10-05T09:10:00Z", "channels": "2"},
        {"from": "2026-10-05T09:20:00Z", "channels": "1"},
    ]
    calls = [
        call("a", "08:59:50", "09:05:00"),  # none in force yet: over 0
        call("b", "09:00:00", "09:15:00"),  # the second of two; none is in force from 09:10
        call("c", "09:05:00", "09:06:00"),  # a ended
        call("d", "09:19:59", "09:20:30"),  # none in force
        call("e", "09:20:30", "09:21:00"),
    ]
    result = rate(calls, channels)
    assert over_cap(result) == {"a", "d"}
    # At: 09:00 to 09:06 two of two, 09:20:00 to 09:21:00 one of one: 420 s; before 08:59:50 none of none is
    # not full. Above: 10 s of a, 09:10 to 09:15, 1 s of d: 311 s.
    assert of_trunk(result) == (2, at("09:00:00"), 420, 311)
    assert result.usage[0]["channels"] == 2
    # From the answer: d is answered under one channel, but was set up under none.
    late = [call("d", "09:19:59", "09:20:30", answer="09:20:10")]
    result = rate(late, channels, rules={"occupancy_from": "answer"})
    assert over_cap(result) == {"d"}
    assert of_trunk(result) == (1, at("09:20:10"), 20, 0)


def test_a_site_is_full_while_the_trunk_is_not(rate):
    sites = [
        {"id": "lyon", "channels": "1", "numbers": ["+33199000111", "+33199000112"]},
        {"id": "paris", "channels": "2", "numbers": ["+33199000110"]},
        {"id": "brest", "numbers": ["+33199000113"]},
    ]
    lyon, brest = {"a_number": "0199000111"}, {"a_number": "+33199000113"}
    calls = [
        call("l1", "09:00:00", "09:10:00", **lyon),
        unanswered(
            "l2", "09:01:00", "09:02:00", direction="inbound", a_number="0140000001", b_number="0199000112"
        ),
        call("p1", "09:03:00", "09:10:00"),
        call("l3", "09:04:00", "09:05:00", forwarded_by="0199000111"),  # forwarded by Lyon from Paris
        call("x1", "09:06:00", "09:10:00", a_number="anonymous"),  # of no site
        call("p2", "09:07:00", "09:08:00"),  # the fourth of three
        call("p3", "09:08:00", "09:09:00", b_number="15"),  # an emergency
        call("b1", "09:09:00", "09:10:00", **brest),  # a site without channels of its own; the trunk is full
        call("b2", "09:10:00", "09:11:00", **brest),
    ]
    result = rate(calls, "3", sites=sites)
    assert over_cap(result) == {"l2", "l3", "p2", "b1"}
    # l3, the third of three, is over its site's cap alone.
    assert [
        (row["site_id"], row["channels"], row["calls"], row["over_cap_calls"]) for row in result.occupancy
    ] == [
        ("", 3, 9, 4),
        ("lyon", 1, 3, 2),
        ("paris", 2, 3, 0),
        ("brest", None, 2, 0),
    ]
    # Trunk: three 09:04 to 09:05 and 09:06 to 09:07; four 09:07 to 09:10. Lyon: two while l2 and l3 last.
    # Paris: two while p2 and p3 last.
    assert [figures(row) for row in result.occupancy] == [
        (4, at("09:07:00"), 120, 180),
        (2, at("09:01:00"), 480, 120),
        (2, at("09:07:00"), 120, 0),
        (1, at("09:09:00"), 0, 0),
    ]
    assert over_cap(rate(calls, "9", sites=sites)) == {"l2", "l3"}


def test_a_site_without_any_channel(rate):
    sites = [{"id": "paris", "channels": "0", "numbers": ["+33199000110"]}]
    result = rate([call("a", "09:00:00", "09:01:00")], "5", sites=sites)
    assert over_cap(result) == {"a"}
    assert [figures(row) for row in result.occupancy] == [
        (1, at("09:00:00"), 0, 0),
        (1, at("09:00:00"), 0, 60),
    ]


# on_over_cap: bill ---------------------------------------------------------------------------------------

BILL = {
    "on_over_cap": "bill",
    "fair_use": [
        {"reason": "fair_use_numbers", "measure": "distinct_numbers", "per": "trunk", "limit": "3"},
        {"reason": "fair_use_hours", "measure": "time", "per": "trunk", "limit": "10 min"},
    ],
}
CROWD = [
    call("a", "09:00:00", "09:10:00"),
    call("b", "09:00:00", "09:00:30", b_number="0140000002"),
    call("e", "09:01:00", "09:02:00", b_number="15"),
    call("i", "09:02:00", "09:03:00", direction="inbound", b_number="0199000110", a_number="0140000001"),
    call("m", "09:03:00", "09:04:00", b_number="0612345678"),
    unanswered("u", "09:04:00", "09:05:00"),
    call("z", "09:30:00", "09:31:00"),
]


def test_over_cap_is_billed_whole_before_the_limits(rate):
    result = rate(CROWD, rules=BILL)
    assert over_cap(result) == {"b", "i", "m", "u"}
    assert reasons(result) == {
        "a": "included",
        "b": "over_cap",
        "e": "emergency",
        "i": "inbound",
        "m": "out_of_plan",
        "u": "not_answered",
        "z": "fair_use_hours",
    }
    amounts = {row["call_id"]: row["amount"] for row in result.rated if row["amount"]}
    # b: 30 s, 1 min; z: 600 s are used up by a alone.
    assert amounts == {"b": Fraction("0.02"), "m": Fraction("0.10"), "z": Fraction("0.02")}
    # 0140000001, 0140000002 of the call over cap, and the mobile: three numbers, no breach.
    assert [(row["reason"], row["measured"]) for row in result.limits] == [
        ("fair_use_numbers", 3),
        ("fair_use_hours", 660),
    ]
    assert [(row["reason"], row["amount"]) for row in result.findings] == [
        ("fair_use_hours", Fraction("0.02"))
    ]
    # Retroactive hours bill what is left: b keeps its reason.
    hours = BILL["fair_use"][1] | {"on_breach": "retroactive"}
    result = rate(CROWD, rules=BILL | {"fair_use": [hours]})
    assert [reasons(result)[name] for name in "abz"] == ["fair_use_hours", "over_cap", "fair_use_hours"]
    assert result.findings[0]["amount"] == Fraction("0.22")


def test_over_the_cap_of_a_site_alone_is_billed_too(rate):
    sites = [{"id": "paris", "channels": "1", "numbers": ["+33199000110"]}]
    assert reasons(rate(CROWD, "5", rules=BILL, sites=sites))["b"] == "over_cap"


def test_over_cap_waived_keeps_its_flag(rate):
    november = [
        row | {name: row[name].replace("2026-10", "2026-11") for name in row if name.endswith("_time")}
        for row in (row | {"call_id": row["call_id"] + "2"} for row in CROWD)
    ]
    result = rate(CROWD + november, rules=BILL, decisions=[NOVEMBER_WAIVER])
    assert over_cap(result) == {"b", "i", "m", "u", "b2", "i2", "m2", "u2"}
    found = reasons(result)
    # 600 s of a2 and 30 s of b2 in order of the answer, a2 first: nothing is left for b2.
    assert [found[name] for name in ("a", "b", "z", "a2", "b2", "z2")] == [
        "included",
        "over_cap",
        "fair_use_hours",
        "included",
        "fair_use_hours",
        "fair_use_hours",
    ]
    assert [row["over_cap_calls"] for row in result.usage] == [4, 4]


def test_over_cap_comes_after_reasons_7_to_10_and_by_the_plan_of_the_answer(rate):
    calls = [call("a", "09:00:00", "09:10:00"), call("b", "09:01:00", "09:02:00", answer="09:01:30")]
    suspended = {"from": "2026-10-05T09:01:30Z", "to": "2026-10-05T09:01:31Z"}
    assert reasons(rate(calls, rules=BILL, plan_suspensions=[suspended]))["b"] == "plan_suspended"
    history = [
        {"to": "2026-10-05T09:01:30Z", "plan": "lenient"},
        {"from": "2026-10-05T09:01:30Z", "plan": "strict"},
    ]
    plans = {"lenient": {}, "strict": {"on_over_cap": "bill"}}
    assert reasons(rate(calls, plans=plans, plan=history))["b"] == "over_cap"
    plans = {"lenient": {"on_over_cap": "bill"}, "strict": {}}
    assert reasons(rate(calls, plans=plans, plan=history))["b"] == "included"
