"""Calls on one trunk of a small book, rated by the oracle."""

import json
from datetime import UTC, datetime

import oracle
from oracle import SECOND

DAY = "2026-10-05"
DECK = """\
prefix,destination,class,country,price_per_minute,valid_from,valid_to
331,Paris,fr_fixed,FR,0.0200,,
336,Mobile,fr_mobile,FR,0.1000,,
FR:15,Urgences,emergency,FR,0,,
FR:112,Court,fr_short,FR,1,,2026-10-15
FR:112,Urgences,emergency,FR,0,2026-10-15,
"""


def at(text):
    """Nanoseconds since the epoch of a UTC time; of DAY where it has no date."""
    moment = datetime.fromisoformat(text if "T" in text else f"{DAY}T{text}").replace(tzinfo=UTC)
    return int(moment.timestamp()) * SECOND


def call(call_id, setup, release, *, answer="", **columns):
    """A call from Paris to 0140000001, in UTC times of DAY or full ones; answered at once unless said."""
    times = {"setup_time": setup, "answer_time": answer or setup, "release_time": release}
    row = {name: (text if "T" in text else f"{DAY}T{text}") + "Z" for name, text in times.items()}
    row |= {"call_id": call_id, "trunk_id": "t1", "direction": "outbound", "sip_code": "200"}
    return row | {"a_number": "+33199000110", "b_number": "0140000001"} | columns


def unanswered(call_id, setup, release, **columns):
    return call(call_id, setup, release, answer_time="", **columns)


def rate_on_trunk(
    folder, calls, channels="1", rules=None, plans=None, month=None, zone="Europe/Paris", **trunk
):
    """Rate calls on one trunk, by a plan of these rules or the first of the plans; trunk says otherwise."""
    plans = plans or {"flat": rules or {}}
    (folder / "plans").mkdir(exist_ok=True)
    (folder / "book.yaml").write_text(json.dumps({"name": "b", "timezone": zone}))
    (folder / "rate_deck.csv").write_text(DECK)
    for name, plan in plans.items():
        text = json.dumps({"plan": name, "includes": {"classes": ["fr_fixed"]}} | plan)
        (folder / "plans" / f"{name}.yaml").write_text(text)
    found = {"id": "t1", "customer": "acme", "channels": channels, "plan": next(iter(plans))}
    customer = {"id": "acme", "numbers": ["+33199000110..+33199000119"]}
    text = json.dumps({"customers": [customer], "trunks": [found | trunk]})
    (folder / "accounts.yaml").write_text(text)
    return oracle.rate(calls, folder, folder / "accounts.yaml", month=month)


def over_cap(result):
    return {row["call_id"] for row in result.rated if row["over_cap"]}


def reasons(result):
    return {row["call_id"]: row["reason"] for row in result.rated}


def figures(row):
    return tuple(row[name] for name in ("peak_channels", "peak_at", "at_cap_s", "above_cap_s"))


def of_trunk(result):
    """The figures of the only trunk and month."""
    (row,) = (row for row in result.occupancy if row["site_id"] == "")
    (usage,) = result.usage
    assert figures(usage) == figures(row)
    assert usage["over_cap_calls"] == row["over_cap_calls"]
    assert usage["channels"] == row["channels"]
    return figures(row)
