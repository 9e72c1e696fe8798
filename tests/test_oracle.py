"""The oracle itself, pinned by values worked out by hand from the rules."""

from datetime import UTC, datetime
from fractions import Fraction

import pytest
from oracle import SECOND, SourceError, rate

FIXED = "331,Paris,fr_fixed,FR,0.0200"
DECK_HEAD = (
    "prefix,destination,class,country,price_per_minute,connect_fee,price_per_call,first_s,following_s,"
    "min_charge,max_charge,valid_from,valid_to,window,from_second\n"
)
ACCOUNTS = """
customers:
  - id: acme
    numbers: ["+33199000110..+33199000119"]
    users: {Alice@acme.example: "+33199000110", bob@acme.example: "+33199000111"}
trunks:
  - {id: t1, customer: acme, fqdn: sbc1.acme.example, channels: 1, plan: %s}
"""


def euros(text):
    return Fraction(text)


def at(text):
    """Nanoseconds since the epoch of a UTC time."""
    return int(datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp()) * SECOND


def cdr(call_id, b_number, answer_time, release_time, **columns):
    row = {
        "call_id": call_id,
        "trunk_id": "t1",
        "direction": "outbound",
        "a_number": "+33199000110",
        "b_number": b_number,
        "setup_time": answer_time,
        "answer_time": answer_time,
        "release_time": release_time,
        "sip_code": "200",
    }
    return row | columns


@pytest.fixture
def write(tmp_path):
    """Write a small book and its accounts; gives a function that rates rows by them."""

    def make(deck, plans=(), plan="metered", windows=None, accounts=ACCOUNTS):
        book = tmp_path / "book"
        (book / "plans").mkdir(parents=True, exist_ok=True)
        (book / "book.yaml").write_text(
            "{name: test, currency: EUR, timezone: Europe/Paris, country: FR, amount_decimals: 4}"
        )
        (book / "rate_deck.csv").write_text(DECK_HEAD + "\n".join(deck) + "\n")
        for name, text in dict(plans).items():
            (book / "plans" / f"{name}.yaml").write_text(f"plan: {name}\n{text}")
        if windows:
            (book / "windows.yaml").write_text(windows)
        (tmp_path / "accounts.yaml").write_text(accounts % plan)
        return lambda rows, **options: rate(rows, book, tmp_path / "accounts.yaml", **options)

    return make


def column(result, *names):
    return [tuple(row[name] for name in names) for row in result.rated]


# SPEC 6.7 ------------------------------------------------------------------------------------------------

WORKED_PLAN = """
includes: {classes: [fr_fixed]}
increments: 60/60
fair_use:
  - {reason: fair_use_numbers, measure: distinct_numbers, per: channel, limit: 2, on_breach: %s}
  - {reason: fair_use_hours, measure: time, per: channel, limit: 300 s, on_breach: %s}
"""
WORKED_CALLS = [
    cdr("c1", "0140000001", "2026-10-05T09:00:00Z", "2026-10-05T09:03:20Z"),  # 200 s
    cdr("c2", "0140000002", "2026-10-05T09:10:00Z", "2026-10-05T09:12:30Z"),  # 150 s
    cdr("c3", "0140000001", "2026-10-05T09:20:00Z", "2026-10-05T09:21:01Z"),  # 61 s
    cdr("c4", "0140000003", "2026-10-05T09:30:00Z", "2026-10-05T09:30:10Z"),  # 10 s
    cdr("c5", "0140000001", "2026-10-05T09:40:00Z", "2026-10-05T09:40:10Z"),  # 10 s
]


def worked(write, numbers, hours):
    plans = {"small": WORKED_PLAN % (numbers, hours)}
    return write([FIXED], plans, "small")(list(reversed(WORKED_CALLS)))


def test_worked_example_excess(write):
    result = worked(write, "excess", "excess")
    assert column(result, "call_id", "reason", "included_s", "billed_s", "billable_s", "amount") == [
        ("c1", "included", 200, 0, 0, 0),
        ("c2", "fair_use_hours", 100, 50, 60, euros("0.0200")),
        ("c3", "fair_use_hours", 0, 61, 120, euros("0.0400")),
        ("c4", "fair_use_numbers", 0, 10, 60, euros("0.0200")),
        ("c5", "fair_use_numbers", 0, 10, 60, euros("0.0200")),
    ]
    # Numbers: c4 brings the third of 2. Hours: c4 and c5 are billed already, so 200 + 150 + 61 = 411 s;
    # c2 crosses after 300 - 200 = 100 s.
    numbers, hours = result.findings
    assert (numbers["limit"], numbers["measured"], numbers["call_id"]) == (2, 3, "c4")
    assert (numbers["at"], numbers["amount"]) == (at("2026-10-05T09:30:00"), euros("0.0400"))
    assert (hours["limit"], hours["measured"], hours["call_id"]) == (300, 411, "c2")
    assert (hours["at"], hours["amount"]) == (at("2026-10-05T09:11:40"), euros("0.0600"))
    # 3 / 2 = 1.5 and 411 / 300 = 1.37.
    assert [(row["share"], row["breached"]) for row in result.limits] == [("1.5000", True), ("1.3700", True)]
    usage = result.usage[0]
    assert (usage["calls"], usage["included_s"], usage["billed_s"]) == (5, 300, 131)
    assert usage["amount"] == euros("0.1000")


def test_worked_example_retroactive_for_hours_only(write):
    result = worked(write, "excess", "retroactive")
    assert column(result, "call_id", "reason", "billed_s", "amount") == [
        ("c1", "fair_use_hours", 200, euros("0.0800")),  # 4 min
        ("c2", "fair_use_hours", 150, euros("0.0600")),  # 3 min
        ("c3", "fair_use_hours", 61, euros("0.0400")),  # 2 min
        ("c4", "fair_use_numbers", 10, euros("0.0200")),
        ("c5", "fair_use_numbers", 10, euros("0.0200")),
    ]
    assert [finding["amount"] for finding in result.findings] == [euros("0.0400"), euros("0.1800")]


def test_worked_example_retroactive_for_numbers(write):
    result = worked(write, "retroactive", "excess")
    assert column(result, "reason", "billed_s") == [
        ("fair_use_numbers", 200),
        ("fair_use_numbers", 150),
        ("fair_use_numbers", 61),
        ("fair_use_numbers", 10),
        ("fair_use_numbers", 10),
    ]
    # 0.08 + 0.06 + 0.04 + 0.02 + 0.02; no second reaches the hours.
    assert [finding["amount"] for finding in result.findings] == [euros("0.2200")]
    assert [row["reason"] for row in result.limits] == ["fair_use_numbers"]


# SPEC 7 --------------------------------------------------------------------------------------------------

DECK_PLAN = {"metered": "increments: deck\n"}


def test_price_window_and_step_across_a_window_boundary(write):
    deck = [
        "331,Paris,fr_fixed,FR,0.1200,,,30,30,,,,,,",
        "331,Paris,fr_fixed,FR,0.3000,,,30,30,,,,,peak,",
        "331,Paris,fr_fixed,FR,0.0600,,,30,30,,,,,,60",
    ]
    windows = 'windows: {peak: [{days: [mon, tue, wed, thu, fri], from: "08:00", to: "19:00"}]}'
    result = write(deck, DECK_PLAN, windows=windows)(
        # Monday, 18:58:50 to 19:01:00 in Paris (UTC+2): 130 s, 5 increments of 30 s.
        [cdr("c", "0140000001", "2026-10-05T16:58:50Z", "2026-10-05T17:01:00Z")]
    )
    # 18:58:50, 18:59:20 and 18:59:50 are peak, the last although a step of 60 s exists without a window:
    # 90 s at 0.30. 19:00:20 and 19:00:50 are beyond 60 s, without a window: 60 s at 0.06. 0.45 + 0.06 = 0.51
    assert column(result, "billable_s", "price_per_minute", "amount") == [
        (150, euros("0.3000"), euros("0.5100"))
    ]


def test_price_holiday_wins_over_the_weekday(write):
    deck = [FIXED + ",,,,,,,,,,", "331,Paris,fr_fixed,FR,0.0100,,,,,,,,,off,"]
    windows = 'holidays: FR\nwindows: {off: [{days: [holiday], from: "22:00", to: "06:00"}]}'
    result = write(deck, windows=windows)(
        [
            # Tuesday 14 July 2026: its night runs to Wednesday 06:00 in Paris (UTC+2).
            cdr("c1", "0140000001", "2026-07-14T00:30:00Z", "2026-07-14T00:31:00Z"),  # the night before
            cdr("c2", "0140000001", "2026-07-14T20:00:00Z", "2026-07-14T20:01:00Z"),  # 22:00
            cdr("c3", "0140000001", "2026-07-15T03:59:59.9Z", "2026-07-15T04:00:10Z"),  # 05:59:59.9
            cdr("c4", "0140000001", "2026-07-15T04:00:00Z", "2026-07-15T04:00:10Z"),  # 06:00
        ]
    )
    assert column(result, "amount") == [
        (euros("0.02"),),
        (euros("0.01"),),
        (euros("0.01"),),
        (euros("0.02"),),
    ]


def test_price_rounds_a_tie_away_from_zero(write):
    deck = ["331,Paris,fr_fixed,FR,0.0001,,,30,30", "332,Ouest,fr_fixed,FR,0.0005,,,30,30"]
    result = write(deck, DECK_PLAN)(
        [
            cdr("c1", "0140000001", "2026-10-05T09:00:00Z", "2026-10-05T09:00:30Z"),
            cdr("c2", "0240000001", "2026-10-05T09:01:00Z", "2026-10-05T09:01:30Z"),
        ]
    )
    # 0.0001 × 30/60 = 0.00005; 0.0005 × 30/60 = 0.00025: half to even would say 0.0000 and 0.0002.
    assert column(result, "amount") == [(euros("0.0001"),), (euros("0.0003"),)]


def test_price_minimum_and_maximum_charge(write):
    deck = [FIXED + ",0.0100,0.0200,,,0.1000,0.1500"]
    plan = (
        "includes: {classes: [fr_fixed]}\n"
        "fair_use: [{reason: long, measure: call_time, per: call, limit: 60 min}]\n"
    )
    calls = [
        cdr("c1", "0140000001", "2026-10-05T09:00:00Z", "2026-10-05T09:00:01.5Z"),  # 2 s
        cdr("c2", "0140000001", "2026-10-05T10:00:00Z", "2026-10-05T10:05:00Z"),  # 5 min
        cdr("c3", "0140000001", "2026-10-05T11:00:00Z", "2026-10-05T12:00:01Z"),  # 60 min 1 s
        cdr("c4", "0140000001", "2026-10-05T13:00:00Z", "2026-10-05T15:00:00Z"),  # 120 min
    ]
    # Metered: 0.01 + 0.02 + 0.02 × minutes: 0.05 -> 0.10; 0.13; 1.25 -> 0.15; 2.43 -> 0.15.
    result = write(deck, plan="metered")(calls)
    assert column(result, "duration_s", "amount") == [
        (2, euros("0.10")),
        (300, euros("0.13")),
        (3601, euros("0.15")),
        (7200, euros("0.15")),
    ]
    # Beyond 60 min a call: fees and minimum are not due on a part, the maximum holds.
    # c3: 1 s -> 0.02. c4: 60 min -> 1.20 -> 0.15.
    result = write(deck, {"hour": plan}, "hour")(calls)
    assert column(result, "reason", "billed_s", "amount") == [
        ("included", 0, 0),
        ("included", 0, 0),
        ("long", 1, euros("0.02")),
        ("long", 3600, euros("0.15")),
    ]
    finding = result.findings[0]
    assert (finding["measured"], finding["call_id"], finding["amount"]) == (7200, "c3", euros("0.17"))


# SPEC 2 and 3 --------------------------------------------------------------------------------------------


def test_local_times_of_both_dst_nights(write):
    run = write([FIXED])
    # Paris, 25 October 2026: 02:30 occurs at 00:30Z and at 01:30Z. 29 March 2026: 02:30 does not exist.
    twice = cdr("c1", "0140000001", "2026-10-25T02:30:00,5", "2026-10-25T02:30:10")
    never = cdr("c2", "0140000001", "2026-03-29 02:30", "2026-03-29 03:30")
    assert run([twice, never]).rejects == {0: "CDR-TIME", 1: "CDR-TIME"}
    first = run([twice, never], ambiguous="first")
    assert first.rejects == {1: "CDR-TIME"}
    assert column(first, "answer_time", "duration_s") == [(at("2026-10-25T00:30:00") + SECOND // 2, 10)]
    second = run([twice], ambiguous="second")
    assert column(second, "answer_time") == [(at("2026-10-25T01:30:00") + SECOND // 2,)]


def test_a_window_occurs_twice_on_the_october_night(write):
    deck = [FIXED + ",,,,,,,,,,", "331,Paris,fr_fixed,FR,0.0100,,,,,,,,,deep,"]
    windows = 'windows: {deep: [{days: [sun], from: "02:00", to: "02:01"}]}'
    result = write(deck, windows=windows)(
        [
            cdr("c1", "0140000001", "2026-10-25T00:00:30Z", "2026-10-25T00:00:40Z"),  # 02:00:30 +02:00
            cdr("c2", "0140000001", "2026-10-25T01:00:30Z", "2026-10-25T01:00:40Z"),  # 02:00:30 +01:00
            cdr("c3", "0140000001", "2026-10-25T02:00:30Z", "2026-10-25T02:00:40Z"),  # 03:00:30 +01:00
        ]
    )
    assert column(result, "amount") == [(euros("0.01"),), (euros("0.01"),), (euros("0.02"),)]


def test_every_row_has_one_category(write):
    good = cdr("c1", "0140000001", "2026-10-05T09:00:00Z", "2026-10-05T09:01:00Z")
    result = write([FIXED])(
        [
            good,
            good | {"trunk_id": "SBC1.acme.example", "answer_time": "2026-10-05 11:00:00"},  # same content
            good | {"call_id": "c2"},
            good | {"call_id": "c2", "sip_code": "487"},
            good | {"call_id": "c3", "release_time": "2026-10-05T08:00:00Z"},
            good | {"call_id": "c4", "trunk_id": "t9"},
            good | {"call_id": "c5", "b_number": "anonymous"},
            good | {"call_id": "c6", "direction": "Outbound"},
            # 30 September 22:00Z is 1 October in Paris; 31 October 23:00Z (UTC+1) is 1 November.
            good
            | {"call_id": "c9"}
            | dict.fromkeys(("setup_time", "answer_time", "release_time"), "2026-09-30T22:00Z"),
            good
            | {"call_id": "c7", "answer_time": ""}
            | dict.fromkeys(("setup_time", "release_time"), "2026-10-31T23:00Z"),
            good | {"call_id": "c8", "b_number": "0240000001"},
        ],
        month="2026-10",
    )
    assert result.rejects == {
        2: "CDR-CONFLICT",
        3: "CDR-CONFLICT",
        4: "CDR-TIME-ORDER",
        5: "CDR-TRUNK",
        6: "CDR-NUMBER",
        7: "CDR-FIELD",
    }
    rejected = dict.fromkeys(result.rejects, "rejected")
    others = {0: "rated", 1: "duplicate", 8: "rated", 9: "other_month", 10: "unrated"}
    assert result.category == rejected | others
    # An answered call of no length lasts 1 s.
    assert column(result, "call_id", "duration_s") == [("c9", 1), ("c1", 60)]
    assert result.unrated == [10]


def test_duplicates_and_sources(write):
    run = write([FIXED])
    good = cdr("c1", "0140000001", "2026-10-05T09:00:00Z", "2026-10-05T09:01:00Z")
    same = good | {"trunk_id": "SBC1.acme.example", "answer_time": "2026-10-05 11:00:00.000"}
    assert run([good, same]).category == {0: "rated", 1: "duplicate"}
    with pytest.raises(SourceError):
        run([good, good | {"source": "teams"}])


# SPEC 4 --------------------------------------------------------------------------------------------------


def test_destinations_overseas_short_and_paris(write):
    deck = [
        FIXED,
        "33,France,fr_other,FR,0.5",
        "262,Réunion,fr_overseas_fixed,FR,0.1",
        "262692,Réunion mobile,fr_overseas_mobile,FR,0.2",
        "FR:112,Urgences,emergency,FR,0",
        "FR:118*,Renseignements,fr_short,FR,2.5,,,1,1",
        "FR:1*,Courts,fr_short,FR,1",
    ]
    dialled = {
        "0692123456": ("+262692123456", "262692"),
        "+33 6 92 12 34 56": ("+262692123456", "262692"),
        "0033262.12.34.56": ("+262262123456", "262"),
        "+33112345678": ("+33112345678", "331"),
        "tel:+33-1-12-34-56-78;ext=9": ("+33112345678", "331"),
        "sip:+330112345678@sbc.example": ("+33112345678", "331"),
        "112": ("112", "FR:112"),
        "+33112": ("112", "FR:112"),
        "118712": ("118712", "FR:118*"),
        "1199": ("1199", "FR:1*"),
        "+3314000****": ("+3314000****", "331"),  # Paris from 0000 to 9999
        "+3369*******": ("+3369*******", "33"),  # see below: no_rate
    }
    rows = [
        cdr(f"c{place:02}", text, "2026-10-05T09:00:00Z", "2026-10-05T09:00:10Z")
        for place, text in enumerate(dialled)
    ]
    result = write(deck)(rows)
    # 0690… is Guadeloupe, 0692… Réunion, 0698… metropolitan: the masked one has no single row.
    assert result.unrated == [11]
    assert column(result, "b_number", "prefix") == list(dialled.values())[:-1]
    assert [row["b_dialled"] for row in result.rated] == list(dialled)[:-1]
    amounts = {row["b_dialled"]: (row["reason"], row["amount"]) for row in result.rated}
    assert amounts["+33112"] == ("emergency", 0)
    assert amounts["118712"] == ("out_of_plan", euros("0.4167"))  # 2.5 × 10/60, its own increments


# SPEC 5 and 6 --------------------------------------------------------------------------------------------


def test_forwarding_is_per_user_under_all_their_names(write):
    plan = (
        "includes: {classes: [fr_fixed]}\n"
        "fair_use: [{reason: forwarding, measure: forwarded_time, per: user, limit: 2 h}]\n"
    )
    always = {"forward_type": "unconditional"}
    rows = [
        # 5000 s, 3000 s, 100 s of Alice under three names; 7200 s of Bob; 600 s of Alice sent on when busy.
        cdr("c1", "0140000001", "2026-10-05T08:00:00Z", "2026-10-05T09:23:20Z")
        | always
        | {"forwarded_by": "ALICE@acme.example"},
        cdr("c2", "0140000001", "2026-10-05T10:00:00Z", "2026-10-05T10:50:00Z")
        | always
        | {"forwarded_by": "01 99 00 01 10"},
        cdr("c3", "0140000001", "2026-10-05T11:00:00Z", "2026-10-05T11:01:40Z")
        | always
        | {"user_id": "alice@acme.example"},
        cdr("c4", "0140000001", "2026-10-05T12:00:00Z", "2026-10-05T14:00:00Z")
        | always
        | {"forwarded_by": "bob@acme.example"},
        cdr("c5", "0140000001", "2026-10-05T15:00:00Z", "2026-10-05T15:10:00Z")
        | {"forward_type": "busy", "forwarded_by": "alice@acme.example"},
    ]
    result = write([FIXED], {"forward": plan}, "forward")(rows)
    # Alice: 7200 - 5000 = 2200 s of c2 are within. 800 s -> 14 min; 100 s -> 2 min.
    assert column(result, "call_id", "reason", "included_s", "billed_s", "amount") == [
        ("c1", "included", 5000, 0, 0),
        ("c2", "forwarding", 2200, 800, euros("0.28")),
        ("c3", "forwarding", 0, 100, euros("0.04")),
        ("c4", "included", 7200, 0, 0),
        ("c5", "included", 600, 0, 0),
    ]
    assert [(row["subject"], row["measured"], row["breached"]) for row in result.limits] == [
        ("+33199000110", 8100, True),
        ("+33199000111", 7200, False),
    ]
    finding = result.findings[0]
    assert (finding["call_id"], finding["at"]) == ("c2", at("2026-10-05T10:36:40"))  # 10:00:00 + 2200 s
    assert finding["amount"] == euros("0.32")


def test_plan_change_in_mid_month(write):
    text = (
        "includes: {classes: [fr_fixed]}\n"
        "fair_use: [{reason: fair_use_hours, measure: time, per: channel, limit: 300 s}]\n"
    )
    history = (
        "[{from: 2026-10-02, to: 2026-10-16, plan: early}, {from: 2026-10-16T00:00:00+02:00, plan: late}]"
    )
    rows = [
        cdr("c1", "0140000001", "2026-10-01T21:59:59Z", "2026-10-01T22:00:09Z"),  # no plan before 2 October
        cdr("c2", "0140000001", "2026-10-15T21:59:59Z", "2026-10-15T22:04:09Z"),  # 250 s from 23:59:59
        cdr("c3", "0140000001", "2026-10-15T22:00:00Z", "2026-10-15T22:04:10Z"),  # 250 s from midnight
        cdr("c4", "0140000001", "2026-10-20T09:00:00Z", "2026-10-20T09:01:40Z"),  # 100 s
    ]
    result = write([FIXED], {"early": text, "late": text}, history)(rows)
    # Each plan has its own 300 s: 250 s of early; 250 + 100 s of late, 50 s beyond.
    assert column(result, "call_id", "plan", "reason", "included_s", "billed_s") == [
        ("c1", "metered", "out_of_plan", 0, 10),
        ("c2", "early", "included", 250, 0),
        ("c3", "late", "included", 250, 0),
        ("c4", "late", "fair_use_hours", 50, 50),
    ]
    assert [(row["plan"], row["measured"], row["share"]) for row in result.limits] == [
        ("early", 250, "0.8333"),
        ("late", 350, "1.1667"),
    ]


def test_reasons_7_to_10_and_their_waivers(write):
    plan = "includes: {classes: [fr_fixed]}\n"
    accounts = """
customers:
  - id: acme
    numbers: ["+33199000110"]
    professional_use: [{from: 2026-10-10, to: 2026-10-11}]
    plan_suspensions: [{from: 2026-10-13, to: null}]
  - {id: other, numbers: [{numbers: ["+33199000120..+33199000129"], from: 2026-11-01}]}
trunks:
  - id: t1
    customer: acme
    channels: 1
    plan: %s
    fraud: [{from: 2026-10-12, to: 2026-10-13}]
    decisions:
      - {month: 2026-11, reason: plan_suspended, mode: waive, who: x, when: 2026-12-01, why: y}
"""
    rows = [
        cdr(f"c{day}", "0140000001", f"{day}T10:00:00Z", f"{day}T10:00:05Z")
        for day in ("2026-10-09", "2026-10-10", "2026-10-12", "2026-10-13", "2026-11-02")
    ]
    run = write([FIXED], {"flat": plan}, "flat", accounts=accounts)
    assert column(run(rows), "reason") == [
        ("included",),
        ("professional_use",),
        ("fraudulent_use",),
        ("plan_suspended",),
        ("included",),
    ]
    # A number of another customer, its own from November on, makes the trunk shared that month.
    for day, others in (("2026-10-31", "included"), ("2026-11-30", "shared_trunk")):
        foreign = cdr("x", "+3315", f"{day}T10:00:00Z", f"{day}T10:00:05Z", a_number="0199000125")
        result = run([rows[0], rows[-1], foreign])
        assert dict(column(result, "call_id", "reason"))["c2026-11-02"] == others


def test_channels_of_the_month_and_a_decided_mode(write):
    text = (
        "includes: {classes: [fr_fixed]}\n"
        "limit_channels: %s\n"
        "fair_use: [{reason: fair_use_hours, measure: time, per: channel, limit: 60 s}]\n"
    )
    accounts = """
customers: [{id: acme, numbers: "+33199000110"}]
trunks:
  - id: t1
    customer: acme
    channels: [{from: 2026-10-11, to: 2026-10-21, channels: 2}, {from: 2026-10-21, channels: 5}]
    plan: %s
    decisions:
      - {month: 2026-10, reason: fair_use_hours, mode: waive, who: x, when: 2026-11-03, why: y}
      - {month: 2026-10, reason: fair_use_hours, mode: retroactive, who: x, when: 2026-11-04, why: y}
"""
    rows = [cdr("c1", "0140000001", "2026-10-05T09:00:00Z", "2026-10-05T09:03:01Z")]  # 181 s
    # October in Paris has 745 h: 240 h of 0, 240 h of 2, 265 h of 5: 1805 / 745 = 2.4 -> 3 channels.
    for how, limit, billed_s in (("max", 300, 0), ("min", 0, 181), ("average", 180, 181)):
        result = write([FIXED], {"flat": text % how}, "flat", accounts=accounts)(rows)
        assert column(result, "billed_s") == [(billed_s,)]
        assert [(row["limit"], row["measured"]) for row in result.limits] == [(limit, 181)]
        # 181 s -> 4 min at 0.02
        expected = [("retroactive", euros("0.08"))] if billed_s else []
        assert [(finding["mode"], finding["amount"]) for finding in result.findings] == expected


def test_distinct_numbers_of_both_directions(write):
    plan = (
        "includes: {classes: [fr_fixed]}\n"
        "fair_use: [{reason: fair_use_numbers, measure: distinct_numbers, per: trunk, limit: 2,"
        " scope: both_directions}]\n"
    )
    deck = [FIXED, "FR:15,Samu,emergency,FR,0", "3380,Vert,fr_free,FR,0"]
    dialled = [
        ("c1", "0140000001", {}),
        ("c2", "15", {}),
        ("c3", "0800000001", {}),
        ("c4", "0240000001", {}),  # no_rate, counted: the second
        ("c5", "+33199000110", {"direction": "inbound", "a_number": "anonymous"}),
        ("c6", "+33199000110", {"direction": "inbound", "a_number": "0140000001"}),  # seen
        ("c7", "+33199000110", {"direction": "inbound", "a_number": "0140000002"}),  # the third
        ("c8", "0140000001", {}),
    ]
    rows = [
        cdr(name, number, f"2026-10-05T{hour:02}:00:00Z", f"2026-10-05T{hour:02}:00:05Z", **columns)
        for hour, (name, number, columns) in enumerate(dialled, start=8)
    ]
    result = write(deck, {"both": plan}, "both")(rows)
    assert [row["reason"] for row in result.rated] == [
        "included",
        "emergency",
        "free",
        "inbound",
        "inbound",
        "inbound",
        "fair_use_numbers",
    ]
    assert [(finding["call_id"], finding["measured"]) for finding in result.findings] == [("c7", 3)]
