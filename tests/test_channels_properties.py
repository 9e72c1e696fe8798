"""Random months against a plain recomputation: one call and one quarter of an hour at a time."""

import itertools
import tempfile
from datetime import UTC, date, datetime, timedelta
from fractions import Fraction
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from channels_case import lines, report, row
from hypothesis import given, settings
from hypothesis import strategies as st

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
QUARTER = 900_000
MONTHS = (
    ("2026-10", "Europe/Paris"),
    ("2026-03", "Europe/Paris"),
    ("2026-10", "Australia/Lord_Howe"),
    ("2026-11", "Asia/Kathmandu"),
)
SITES = {"paris": ("+33199000110", "+33199000111"), "lyon": ("+33199000112",)}


def ms(instant: datetime) -> int:
    return (instant - EPOCH) // timedelta(milliseconds=1)


def text(at: int) -> str:
    return (EPOCH + timedelta(milliseconds=at)).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def span(month: str, zone: str) -> tuple[int, int]:
    year, number = map(int, month.split("-"))
    following = (year + number // 12, number % 12 + 1)
    begins = (datetime(*at, 1, tzinfo=ZoneInfo(zone)) for at in ((year, number), following))
    start, end = (ms(begin.astimezone(UTC)) for begin in begins)
    return start, end


def local(at: int, zone: str) -> datetime:
    return (EPOCH + timedelta(milliseconds=at)).astimezone(ZoneInfo(zone))


CHANGES = {
    (month, zone): [
        at
        for at in range(*span(month, zone), QUARTER)
        if local(at, zone).utcoffset() != local(at - 1, zone).utcoffset()
    ]
    for month, zone in MONTHS
}
"""When clocks change."""


@st.composite
def cases(draw: st.DrawFn) -> dict[str, Any]:
    """A month, its zone, channels that change, and calls crowded into a few hours and the clock change."""
    month, zone = draw(st.sampled_from(MONTHS))
    start, end = span(month, zone)
    near = [start, end, end - 7 * 96 * QUARTER, *CHANGES[month, zone]]
    changes = sorted(draw(st.sets(st.integers(start - QUARTER, end), max_size=3)))
    caps = [(at, draw(st.integers(0, 4))) for at in changes]
    calls = []
    for i in range(draw(st.integers(1, 14))):
        setup = draw(st.sampled_from(near)) + draw(st.integers(-8, 8)) * QUARTER
        setup += draw(st.sampled_from((0, 0, 1, 1000, 450_500)))
        length = draw(st.sampled_from((0, 1, 1000, 999_999, 3_600_000, 5_000_000, 90_000_000)))
        ring = draw(st.one_of(st.none(), st.integers(0, min(length, 40_000))))
        alert = draw(st.one_of(st.none(), st.integers(-5, 40_000)))
        reason = draw(st.sampled_from(("normal", "busy", "no_channel", "refused", "failed", "")))
        reason = "normal" if ring is not None else reason
        calls.append(
            {
                "id": f"c{i}",
                "setup": setup,
                "answer": None if ring is None else setup + ring,
                "release": setup + length,
                "alert": None if alert is None else setup + alert,
                "reason": reason,
                "code": draw(st.sampled_from((200, 480, 404))),
                "inbound": draw(st.booleans()),
                "own": draw(
                    st.sampled_from(("+33199000110", "+33199000111", "+33199000112", "+33199000113"))
                ),
            }
        )
    return {"month": month, "zone": zone, "caps": caps, "calls": calls}


def accounts(case: dict[str, Any]) -> str:
    ends = [*(at for at, _ in case["caps"]), None][1:]
    steps = [
        f"{{from: {text(at)}, to: {text(end) if end else 'null'}, channels: {count}}}"
        for (at, count), end in zip(case["caps"], ends, strict=True)
    ]
    channels = {"paris": "channels: 1, ", "lyon": ""}
    sites = [
        f"{{id: {name}, {channels[name]}numbers: [{', '.join(map(repr, found))}]}}"
        for name, found in SITES.items()
    ]
    return (
        'customers:\n  - {id: c, numbers: ["+33199000110..+33199000119"]}\n'
        f"trunks:\n  - {{id: t1, customer: c, channels: [{', '.join(steps)}], sites: [{', '.join(sites)}]}}\n"
    )


def rows(case: dict[str, Any]) -> list[str]:
    return [
        row(
            call["id"],
            text(call["setup"]),
            text(call["release"]),
            "" if call["answer"] is None else text(call["answer"]),
            alert="" if call["alert"] is None else text(call["alert"]),
            own=call["own"],
            inbound=call["inbound"],
            reason=call["reason"],
            code=call["code"],
        )
        for call in case["calls"]
    ]


class Hour:
    """A clock hour, grown quarter by quarter."""

    def __init__(self, at: int, shown: datetime) -> None:
        self.start = self.end = at
        self.day, self.clock = shown.date(), shown.hour
        self.offset = shown.utcoffset()

    def held(self, calls: list[dict[str, Any]]) -> int:
        return sum(max(0, min(call["release"], self.end) - max(call["setup"], self.start)) for call in calls)

    def peak(self, calls: list[dict[str, Any]]) -> int:
        instants = {self.start, *(call["setup"] for call in calls)}
        return max(up(calls, at) for at in instants if self.start <= at < self.end)

    def among(self, calls: list[dict[str, Any]]) -> int:
        return sum(self.start <= call["setup"] < self.end for call in calls)


def up(calls: list[dict[str, Any]], at: int) -> int:
    return sum(call["setup"] <= at < call["release"] for call in calls)


def hours_of(month: str, zone: str) -> list[Hour]:
    start, end = span(month, zone)
    found: list[Hour] = []
    for at in range(start, end, QUARTER):
        clock = local(at, zone)
        last = found[-1] if found else None
        if last is None or (last.day, last.clock, last.offset) != (
            clock.date(),
            clock.hour,
            clock.utcoffset(),
        ):
            found.append(Hour(at, clock))
        found[-1].end = at + QUARTER
    return found


def cap_at(case: dict[str, Any], site: str | None, at: int) -> int:
    if site:
        return 1 if site == "paris" else 10**6
    return next((count for begin, count in reversed(case["caps"]) if begin <= at), 0)


HOLIDAYS = {date(2026, 11, 1), date(2026, 11, 11)}


def check(line: dict[str, Any], case: dict[str, Any], site: str | None, hours: list[Hour]) -> None:
    start, end = hours[0].start, hours[-1].end
    calls = [call for call in case["calls"] if site is None or call["own"] in SITES[site]]
    holding = [call for call in calls if call["reason"] not in ("no_channel", "refused")]

    def is_mine(call: dict[str, Any]) -> bool:
        at = call["setup"] if call["answer"] is None else call["answer"]
        return start <= at < end

    days = [
        hour.day
        for hour in hours
        for call in case["calls"]
        if is_mine(call)
        and hour.start <= (call["setup"] if call["answer"] is None else call["answer"]) < hour.end
    ]
    mine = [call for call in calls if is_mine(call)]

    # occupancy
    events = sorted({start, *(at for call in holding for at in (call["setup"], call["release"]))})
    events += [at for at, _ in case["caps"]]
    events = [*sorted({at for at in events if start <= at < end}), end]
    peaks = [(up(holding, at), -at) for at in events[:-1]]
    assert line["peak_channels"] == max(peaks)[0]
    assert line["peak_at"] == (text(-max(peaks)[1]).replace(".000Z", "Z") if max(peaks)[0] else None)
    at_cap = above = 0
    for at, after in itertools.pairwise(events):
        held, cap = up(holding, at), cap_at(case, site, at)
        at_cap += (after - at) * (0 < held == cap)
        above += (after - at) * (held > cap)
    assert (line["at_cap_s"], line["above_cap_s"]) == (-(-at_cap // 1000), -(-above // 1000))
    seeking = [call for call in calls if call["reason"] != "refused"]
    blocked = [call for call in calls if call["reason"] == "no_channel"]
    for i, hour in enumerate(hours):
        length = hour.end - hour.start
        assert line["occupancy"]["erlangs"][i] == pytest.approx(hour.held(holding) / length, abs=1e-6)
        assert line["occupancy"]["peak"][i] == hour.peak(holding)
        assert line["occupancy"]["attempts"][i] == hour.among(seeking)
        assert line["occupancy"]["blocked"][i] == hour.among(blocked)

    # quality
    both = line["calls"]["both"]
    seized = [call for call in mine if call["reason"] not in ("no_channel", "refused")]
    answered = [call for call in mine if call["answer"] is not None]
    talk = sum(max(1, -(-(call["release"] - call["answer"]) // 1000)) for call in answered)
    assert both["attempts"] == len(mine)
    assert both["acd_s"] == (pytest.approx(talk / len(answered), abs=1e-6) if answered else None)
    reached = [
        call
        for call in seized
        if call["answer"] is not None
        or call["reason"] == "busy"
        or (not call["reason"] and call["code"] == 480)
    ]
    assert both["ner"] == (pytest.approx(len(reached) / len(mine), abs=1e-6) if mine else None)
    delays = sorted(
        call["alert"] - call["setup"]
        for call in mine
        if call["alert"] is not None and call["alert"] >= call["setup"]
    )
    assert both["pdd_calls"] == len(delays)
    if delays:
        assert both["pdd_median_ms"] == delays[(len(delays) + 1) // 2 - 1]
        assert both["pdd_p95_ms"] == delays[-(-len(delays) * 95 // 100) - 1]

    # busy hours
    mean = Fraction(sum(call["release"] - call["setup"] for call in seized), len(seized)) if seized else None
    whole = [
        hour for hour in hours if hour.end - hour.start == 4 * QUARTER and min(days) <= hour.day <= max(days)
    ]
    working = [hour for hour in whole if hour.day.weekday() < 5 and hour.day not in HOLIDAYS]
    bins: dict[int, list[Hour]] = {}
    for hour in working:
        bins.setdefault(hour.clock, []).append(hour)
    check_busy(line["busiest_hour"], {hour.start: [hour] for hour in whole}, holding, blocked, mean, "from")
    check_busy(line["busy_hour"], bins, holding, blocked, mean, "local_hour")

    # the week
    seen = [hour for hour in hours if min(days) <= hour.day <= max(days)]
    for weekday in range(7):
        for clock in range(24):
            cell = [hour for hour in seen if hour.day.weekday() == weekday and hour.clock == clock]
            lasts = sum(hour.end - hour.start for hour in cell)
            expected = sum(hour.held(holding) for hour in cell) / lasts if cell else 0
            assert line["week"]["erlangs"][weekday][clock] == pytest.approx(expected, abs=1e-6)
            assert line["week"]["peak"][weekday][clock] == max(
                (hour.peak(holding) for hour in cell), default=0
            )


def check_busy(
    found: dict[str, Any] | None,
    bins: dict[int, list[Hour]],
    holding: list[dict[str, Any]],
    blocked: list[dict[str, Any]],
    mean: Fraction | None,
    key: str,
) -> None:
    """The bin of hours with most offered, the first of equals."""
    offered = {
        name: (
            sum(hour.held(holding) for hour in some) + sum(hour.among(blocked) for hour in some) * (mean or 0)
        )
        / Fraction(sum(hour.end - hour.start for hour in some))
        for name, some in bins.items()
    }
    most = max(offered.values(), default=Fraction(0))
    if mean is None or not most:
        assert found is None
        return
    assert found is not None
    best = sorted(bins) if key == "local_hour" else list(bins)
    best = [name for name in best if offered[name] > most * (1 - Fraction(1, 10**12))]
    names = [name if key == "local_hour" else text(name).replace(".000Z", "Z") for name in best]
    assert found[key] == names[0] or (len(names) > 1 and found[key] in names)
    hours = bins[best[names.index(found[key])]]
    assert found["days"] == len(hours)
    assert found["offered_erlangs"] == pytest.approx(float(most), abs=1e-6)
    assert found["blocked"] == sum(hour.among(blocked) for hour in hours)
    carried = sum(hour.held(holding) for hour in hours) / sum(hour.end - hour.start for hour in hours)
    assert found["carried_erlangs"] == pytest.approx(carried, abs=1e-6)


@given(cases())
@settings(max_examples=60)
def test_every_figure_is_that_of_a_plain_recomputation(case: dict[str, Any]) -> None:
    hours = hours_of(case["month"], case["zone"])
    start, end = hours[0].start, hours[-1].end
    times = [call["setup"] if call["answer"] is None else call["answer"] for call in case["calls"]]
    if not any(start <= at < end for at in times):
        case["calls"][0] |= {"setup": start, "answer": None, "release": start + 5, "alert": None}
    with tempfile.TemporaryDirectory() as folder:
        found = report(
            Path(folder),
            rows(case),
            *("--month", case["month"], "--clock", case["zone"]),
            accounts=accounts(case),
        )
    assert found["months"][0]["hours"] == [text(hour.start).replace(".000Z", "Z") for hour in hours]
    assert [line["site_id"] for line in found["months"][0]["lines"]] == [None, "paris", "lyon"]
    for (_, _, site), line in lines(found).items():
        check(line, case, site, hours)
