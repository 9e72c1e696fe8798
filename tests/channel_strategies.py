"""Runs in which channels are full: few of them, sites with fewer, and calls that begin and end together.

All instants lie on a grid of 10 s around an anchor or two, so that a call ends when another begins, several
begin at once, and channels and plans change in the midst of them.
"""

import json
from datetime import timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo

from hypothesis import strategies as st
from strategies import (
    CLOCK_CHANGES,
    DECK_COLUMNS,
    EPOCH,
    FORWARD_TYPES,
    MODES,
    REASONS,
    SECOND,
    Book,
    Case,
    csv_text,
    oneof,
    paris,
    rarely,
    repeats,
    spoiled,
    tight_limits,
    utc_text,
)

# Emergency by the day: 112 from 15 October on, 3639 until then, 17 but on one day. 0199000113 is a rescue
# centre's: calls to it that come in are inbound calls.
DECK = (
    ("331", "Paris", "fr_fixed", "", ""),
    ("33199000113", "Urgences", "emergency", "", ""),
    ("336", "Mobile", "fr_mobile", "", ""),
    ("338", "Vert", "fr_free", "", ""),
    ("FR:15", "Urgences", "emergency", "", ""),
    ("FR:112", "Court", "fr_short", "", "2026-10-15"),
    ("FR:112", "Urgences", "emergency", "2026-10-15", ""),
    ("FR:3639", "Urgences", "emergency", "", "2026-10-15"),
    ("FR:3639", "Court", "fr_short", "2026-10-15", ""),
    ("FR:17", "Urgences", "emergency", "", "2026-10-31"),
    ("FR:17", "Urgences", "emergency", "2026-11-01", ""),
)
CALLED = (
    *("0140000001", "0140000001", "+33140000002", "0140000003", "0140000004", "01 40 00 00 05"),
    *("0140000001", "0140000001", "0140000002", "0140000003", "0612345678", "0612345679"),
    *("15", "112", "+33112", "3639", "17", "0800000001", "0240000001", "+12125550100", "01400000**", "1*"),
)
OWN = ("0199000110", "0199000110", "+33199000111", "+33199000112", "0199000113", "anonymous", "01990001**")
FORWARDERS = ("alice@acme.example", "ALICE@acme.example", "0199000112", "+33199000113", "somebody")
END_REASONS = (*[""] * 10, "normal", "busy", "no_channel", "refused", "No_Channel", "no_channel ")

ID_STARTS = ("c", "c", "b", "d", "C", "é", *["\U0001f600", "\uffee"] * 2)  # UTF-16 orders the last otherwise

ANCHORS = (
    paris("2026-10-05T10:00"),
    paris("2026-10-05T10:00"),
    paris("2026-10-15"),
    paris("2026-10-15"),
    paris("2026-10-31"),
    paris("2026-10-01"),
    paris("2026-11-01"),
    paris("2026-11-01"),
    CLOCK_CHANGES[0],
    CLOCK_CHANGES[2],
    CLOCK_CHANGES[4],
)
HAVANA_NOVEMBER = tuple(paris("2026-11-01T05:00") + hour * 3_600 * SECOND for hour in (0, 1))
GRID = 10 * SECOND
OFFSETS = (0, 0, 0, 1, 1, 1, 2, 2, -1, -1, -1, -2)
SHIFTS = (*[0] * 12, 1, -1, 500_000_000)
RINGS = (0, 0, GRID, GRID, GRID, 2 * GRID, 2 * GRID, 3 * GRID, 1)
TALKS = (
    *(0, GRID, GRID, GRID, 2 * GRID, 2 * GRID, 3 * GRID, 6 * GRID),
    *(0, 1, GRID - 1, GRID + 1, 1_500_000_000, 59_999_000_000),
    *(hours * 3_600 * SECOND for hours in (1, 2, 3, 24, 26, 80, 800)),
)


@st.composite
def channel_books(draw):
    """A book of one price, whose plans differ in what holds a channel and what over cap does."""
    names = ("basic", *draw(oneof((), ("big",), ("big",), ("big", "metered"))))
    zone = draw(oneof(*["Europe/Paris"] * 8, "America/Havana", "UTC"))
    book = {"name": "small", "currency": "EUR", "timezone": zone, "country": "FR"}
    rows = [
        dict(zip(("prefix", "destination", "class", "valid_from", "valid_to"), row, strict=True))
        | {"price_per_minute": "0.0200"}
        for row in DECK
    ]
    files = {"book.yaml": json.dumps(book), "rate_deck.csv": csv_text(DECK_COLUMNS, rows)}
    for name in names:
        measures = draw(oneof([], ["time"], ["distinct_numbers"], ["forwarded_time", "time"], ["call_time"]))
        plan = {
            "plan": name,
            "includes": {"classes": draw(oneof(["fr_fixed"], ["fr_fixed", "fr_mobile"]))},
            "fair_use": [draw(tight_limits(measure)) for measure in measures],
            "occupancy_from": draw(oneof("setup", "setup", "setup", "answer", "answer")),
            "on_over_cap": draw(oneof("flag", "flag", "flag", "bill", "bill")),
        }
        files[f"plans/{name}.yaml"] = json.dumps(plan)
    return Book(files, zone, names, tuple(sorted({row["destination"] for row in rows})))


@st.composite
def changing(draw, key, values, anchors):
    """One value for ever, or one after the other, each from an instant of the grid, with gaps."""
    if draw(rarely(3)):
        return draw(values)
    cut = st.builds(lambda anchor, step: anchor + step * GRID, st.sampled_from(anchors), oneof(*OFFSETS))
    cuts = [None, *map(utc_text, sorted(draw(st.sets(cut, min_size=1, max_size=3)))), None]
    found = [{"from": begin, "to": end, key: draw(values)} for begin, end in pairwise(cuts)]
    return [entry for entry in found if not draw(rarely(5))] or found


@st.composite
def sites(draw):
    """Two sites, of which one may have no channels of its own."""
    paris_site = {"id": "paris", "channels": draw(oneof("1", "1", "0", "2"))}
    paris_site["numbers"] = ["0199000110", "+33199000111"]
    lyon = {"id": "lyon", **draw(oneof({}, *[{"channels": count} for count in "1102"]))}
    lyon["numbers"] = ["+33199000112"]
    return draw(st.permutations([paris_site, lyon]))


@st.composite
def channel_decisions(draw):
    """Mostly a waiver of over_cap, once in a while a mode of a limit."""
    waived = not draw(rarely(4))
    return {
        "month": draw(oneof("2026-10", "2026-10", "2026-11")),
        "reason": "over_cap" if waived else draw(st.sampled_from(REASONS)),
        "mode": "waive" if waived else draw(st.sampled_from(MODES)),
        "who": "billing",
        "when": "2026-12-01",
        "why": "asked",
    }


@st.composite
def channel_accounts(draw, book, anchors):
    """One or two trunks of one customer."""
    users = {"alice@acme.example": "+33199000110"}
    customer = {"id": "acme", "numbers": ["+33199000110..+33199000119"], "users": users}
    trunks = []
    for name in draw(oneof(("t1",), ("t1",), ("t1",), ("t1", "t2"))):
        plan = st.sampled_from((*book.plans, *book.plans, "metered"))
        found = [draw(channel_decisions()) for _ in range(draw(oneof(0, 0, 1, 2)))]
        trunk = {
            "id": name,
            "customer": "acme",
            "channels": draw(changing("channels", oneof("1", "1", "2", "2", "0", "3"), anchors)),
            "plan": draw(oneof(book.plans[0], draw(changing("plan", plan, anchors)))),
            "decisions": list({(one["month"], one["reason"]): one for one in found}.values()),
        }
        if draw(st.booleans()):
            trunk["sites"] = draw(sites())
        trunks.append(trunk)
    return {"customers": [customer], "trunks": trunks}


@st.composite
def channel_rows(draw, number, anchors, trunk_names):
    """A call on the grid, and the instant that says its month. [ns]"""
    setup = draw(st.sampled_from(anchors)) + draw(st.sampled_from(OFFSETS)) * GRID
    setup += draw(st.sampled_from(SHIFTS))
    answer = setup + draw(st.sampled_from(RINGS))
    release = answer + draw(st.sampled_from(TALKS))
    answered, inbound = not draw(rarely(5)), draw(rarely(5))
    own, called = draw(st.sampled_from(OWN)), draw(st.sampled_from(CALLED))
    forwarded = draw(rarely(6))
    row = {
        "source": "",
        "call_id": f"{draw(st.sampled_from(ID_STARTS))}{number}",
        "trunk_id": draw(st.sampled_from(trunk_names)),
        "direction": "inbound" if inbound else "outbound",
        "a_number": called if inbound else own,
        "b_number": own if inbound else called,
        "setup_time": utc_text(setup),
        "answer_time": utc_text(answer) if answered else "",
        "release_time": utc_text(release),
        "sip_code": "200" if answered else "486",
        "alert_time": "",
        "user_id": "",
        "forwarded_by": draw(st.sampled_from(FORWARDERS)) if forwarded else "",
        "forward_type": draw(st.sampled_from(FORWARD_TYPES)) if forwarded else "",
        "end_reason": draw(st.sampled_from(END_REASONS)),
    }
    return row, answer if answered else setup


def local_month(instant, zone):
    """The month of an instant in a zone, as 2026-10."""
    return (EPOCH + timedelta(seconds=instant // SECOND)).astimezone(ZoneInfo(zone)).strftime("%Y-%m")


@st.composite
def channel_cases(draw, max_rows=24):
    """A run of calls that crowd on few channels.

    Of two sources one is rated: by the accounts, or as the other has calls in other months alone.
    """
    book = draw(channel_books())
    pool = ANCHORS + (HAVANA_NOVEMBER * 5 if book.zone == "America/Havana" else ())
    anchors = draw(st.lists(st.sampled_from(pool), min_size=1, max_size=2))
    months = [local_month(anchor - step, book.zone) for anchor in anchors for step in (0, 1)]
    month = draw(oneof(None, *months))
    second_source = draw(oneof("none", "none", "not rated", "other months"))
    found = draw(channel_accounts(book, anchors))
    names = [trunk["id"] for trunk in found["trunks"]]
    if second_source == "not rated":
        for trunk in found["trunks"]:
            trunk["rating_source"] = "canonical"
    rows = []
    for number in range(draw(st.integers(3, max_rows))):
        row, begin = draw(channel_rows(number, anchors, names))
        elsewhere = month is not None and local_month(begin, book.zone) != month
        if second_source == ("other months" if elsewhere else "not rated") and draw(st.booleans()):
            row["source"] = "teams"
        if draw(rarely(24)):
            row = draw(spoiled(row))
        rows.append(row)
        if draw(rarely(16)):
            rows.append(draw(repeats(draw(st.sampled_from(rows)), found["trunks"])))
    return Case(book=book, accounts=found, rows=tuple(rows), month=month)
