"""Alternatives are what rating with edited accounts gives; refusals are those of a plain gateway."""

import copy
import tempfile
from collections import defaultdict
from dataclasses import replace
from pathlib import Path

import numpy as np
from channel_strategies import channel_cases
from hypothesis import given
from hypothesis import strategies as st
from strategies import Book, Case, cases, csv_text, fair_use_cases
from test_properties import examples, rate_by_core, rows_of

from rating.accounts_file import load_accounts
from rating.errors import SourceError
from rating.pipeline import Settings
from rating.simulate.alternatives import AS_IT_IS, Alternative
from rating.simulate.run import simulate
from rating.sources import Options, read_files
from rating.sources.files import CdrFile
from rating.tariffs import load_book
from rating.tariffs.plans import MODES
from rating.zone import Zone, month_text, parse_month

LIMIT_REASONS = ("forwarding", "fair_use_numbers", "fair_use_hours")
SMALL = Book(
    {
        "book.yaml": "{name: small, currency: EUR, timezone: Europe/Paris, country: FR, amount_decimals: 4}",
        "plans/fixed.yaml": "{plan: fixed, includes: {classes: [fr_fixed]}}",
        "rate_deck.csv": "prefix,destination,class,country,price_per_minute\n"
        "33,France,fr_fixed,FR,0.01\nFR:112,Urgences,emergency,FR,0\n",
    },
    "Europe/Paris",
    ("fixed",),
    (),
)


def simulated(case, folder, alternatives, **settings):
    """The simulation of a case, its months as text; None where two sources of a trunk are refused."""
    book_folder, accounts_path = case.write(folder)
    path = Path(folder) / "cdrs.csv"
    path.write_text(csv_text(case.columns, case.rows), encoding="utf-8")
    book = load_book(book_folder)
    accounts = load_accounts(accounts_path, book)
    options = Options(Zone(case.zone), case.ambiguous, "utf-8", case.bare_international)
    month = parse_month(case.month) if case.month else None
    how = Settings(book, accounts, month, case.bare_international, **settings)
    try:
        reading = read_files([CdrFile(path.name, path)], options)
        found = simulate(reading.stream(), how, alternatives).simulated
    except SourceError:
        return None
    keys = [
        (accounts.trunks[trunk].id, month_text(month))
        for trunk, month in zip(found.trunk.tolist(), found.month.tolist(), strict=True)
    ]
    return found, keys, book


def edited(case, alternative, months, reasons=LIMIT_REASONS):
    """The case with accounts in which the alternative is written out."""
    accounts = copy.deepcopy(case.accounts)
    for trunk in accounts["trunks"]:
        if alternative.channels is not None:
            trunk["channels"] = alternative.channels
        if alternative.plan is not None:
            trunk["plan"] = alternative.plan
        if alternative.mode is not None:
            kept = [one for one in trunk.get("decisions") or [] if one["reason"] not in reasons]
            trunk["decisions"] = kept + [
                {"month": month, "reason": reason, "mode": alternative.mode}
                | {"who": "somebody", "when": "2027-01-01", "why": "to see"}
                for month in months
                for reason in reasons
            ]
    return replace(case, accounts=accounts)


def plain_findings(rows, key):
    names = ("reason", "subject", "limit", "measured", "call_id", "at", "mode", "amount")
    return [tuple(row[name] for name in names) for row in rows if (row["trunk_id"], row["month"]) == key]


def findings_of(found, row, book):
    """Findings of a simulated row in the order of findings.csv."""
    scale = 10**book.amount_decimals
    return [
        (one.reason, one.subject, one.limit, one.measured, one.call_id, one.at, one.mode, one.amount / scale)
        for one in found.get(row, [])
    ]


def assert_equal_to_rating(case, folder, alternative, outcome, keys, book):
    run = rate_by_core(edited(case, alternative, {month for _, month in keys}), folder)
    usage = rows_of(run.results.usage)
    scale = 10**book.amount_decimals
    assert [(row["trunk_id"], row["month"]) for row in usage] == keys
    assert [row["amount"] * scale for row in usage] == outcome.amount.tolist()
    assert [row["billed_s"] for row in usage] == outcome.billed_s.tolist()
    assert [row["over_cap_calls"] for row in usage] == outcome.over_cap.tolist()
    findings = rows_of(run.results.findings)
    for row, key in enumerate(keys):
        plain = [(*one[:-1], float(one[-1])) for one in plain_findings(findings, key)]
        assert findings_of(outcome.findings, row, book) == plain


@examples(0.2)
@given(st.one_of(cases(), fair_use_cases(), channel_cases()), st.data())
def test_alternatives_are_what_edited_accounts_give(case, data):
    numbers = st.one_of(st.none(), st.integers(0, 4))
    one = st.builds(
        Alternative,
        plan=st.sampled_from([None, "metered", *case.book.plans]),
        mode=st.sampled_from([None, *MODES]),
        channels=numbers,
    )
    asked = [AS_IT_IS, *data.draw(st.lists(one, min_size=1, max_size=4, unique=True))]
    asked = list(dict.fromkeys(asked))
    with tempfile.TemporaryDirectory() as folder:
        done = simulated(case, folder, asked)
        if done is None:
            return
        found, keys, book = done
        for alternative, outcome in zip(asked, found.outcomes, strict=True):
            assert_equal_to_rating(case, folder, alternative, outcome, keys, book)


@examples(0.1)
@given(st.one_of(fair_use_cases(), channel_cases()))
def test_each_mode_of_a_finding_is_what_that_decision_gives(case):
    with tempfile.TemporaryDirectory() as folder:
        done = simulated(case, folder, [AS_IT_IS])
        if done is None:
            return
        found, keys, book = done
        scale = 10**book.amount_decimals
        reasons = {(row, one.reason) for row, some in found.outcomes[0].findings.items() for one in some}
        assert {(row, reason) for row, reason, _ in found.decisions} == reasons
        months = {month for _, month in keys}
        for mode in MODES:
            for reason in sorted({reason for _, reason in reasons}):
                run = rate_by_core(edited(case, Alternative(mode=mode), months, (reason,)), folder)
                usage = [row["amount"] * scale for row in rows_of(run.results.usage)]
                findings = rows_of(run.results.findings)
                for row in sorted(row for row, of in reasons if of == reason):
                    amount, some = found.decisions[row, reason, mode]
                    assert amount == usage[row]
                    plain = [one for one in plain_findings(findings, keys[row]) if one[0] == reason]
                    assert findings_of({0: some}, 0, book) == [(*one[:-1], float(one[-1])) for one in plain]


@examples(0.3)
@given(st.one_of(cases(), fair_use_cases(), channel_cases()), st.integers(1, 4))
def test_portions_and_jobs_change_nothing(case, jobs):
    asked = [AS_IT_IS, *(Alternative(channels=number) for number in range(4))]
    with tempfile.TemporaryDirectory() as folder:
        whole = simulated(case, folder, asked)
        parts = simulated(case, folder, asked, portion=1, jobs=jobs)
    if whole is None or parts is None:
        assert whole is parts is None
        return
    for name in ("trunk", "month", "channels", "calls", "blocked"):
        assert np.array_equal(getattr(whole[0], name), getattr(parts[0], name))
    for one, other in zip(whole[0].outcomes, parts[0].outcomes, strict=True):
        for name in ("amount", "billed_s", "over_cap", "refused"):
            assert np.array_equal(getattr(one, name), getattr(other, name))
        assert one.findings == other.findings
    assert whole[0].decisions == parts[0].decisions


# ------------------------------------------------------------------------------------------------ refusals


@st.composite
def busy_trunks(draw):
    """Short calls close together: (setup, seconds, kind, site), kind as a gateway would see it."""
    kinds = st.sampled_from(["call"] * 8 + ["emergency", "inbound", "no_channel"])
    call = st.tuples(st.integers(0, 30), st.integers(0, 12), kinds, st.integers(0, 2))
    return draw(st.lists(call, min_size=1, max_size=40))


def cdrs_of(calls):
    rows = []
    for number, (setup, seconds, kind, site) in enumerate(calls):
        begin, end = (f"2026-10-05T09:{at // 60:02}:{at % 60:02}Z" for at in (setup, setup + seconds))
        own, other = f"+3319900011{site}", "112" if kind == "emergency" else "+33140000001"
        inbound = kind == "inbound"
        rows.append(
            {
                "source": "gw",
                "call_id": f"c{number:02}",
                "trunk_id": "t1",
                "direction": "inbound" if inbound else "outbound",
                "a_number": other if inbound else own,
                "b_number": own if inbound else other,
                "setup_time": begin,
                "answer_time": begin if kind != "no_channel" else "",
                "release_time": end,
                "sip_code": "486" if kind == "no_channel" else "200",
                "alert_time": "",
                "user_id": "",
                "forwarded_by": "",
                "forward_type": "",
                "end_reason": "no_channel" if kind == "no_channel" else "",
            }
        )
    return tuple(rows)


def refused_by_a_plain_gateway(calls, channels, site_channels):
    """One call after the other, those that are up in a list."""
    order = sorted(range(len(calls)), key=lambda i: (calls[i][0], f"c{i:02}"))
    up, refused = [], 0
    for i in order:
        setup, seconds, kind, site = calls[i]
        up = [(end, at) for end, at in up if end > setup]
        if kind == "no_channel" or seconds == 0:
            continue
        per_site = defaultdict(int)
        for _, at in up:
            per_site[at] += 1
        full = len(up) >= channels or (site < 2 and per_site[site] >= site_channels[site])
        if full and kind != "emergency":
            refused += 1
        else:
            up.append((setup + seconds, site))
    return refused


@examples(0.5)
@given(busy_trunks(), st.tuples(st.integers(0, 4), st.integers(0, 4)))
def test_refusals_are_those_of_a_plain_gateway(calls, site_channels):
    accounts = {
        "customers": [{"id": "acme", "numbers": ["+33199000110..+33199000112"]}],
        "trunks": [
            {"id": "t1", "customer": "acme", "channels": 3, "plan": "fixed"}
            | {
                "sites": [
                    {"id": f"s{i}", "channels": site_channels[i], "numbers": [f"+3319900011{i}"]}
                    for i in range(2)
                ]
            }
        ],
    }
    asked = [AS_IT_IS, *(Alternative(channels=number) for number in range(7))]
    rows = cdrs_of(calls)
    with tempfile.TemporaryDirectory() as folder:
        done = simulated(Case(book=SMALL, accounts=accounts, rows=rows), folder, asked)
    for alternative, outcome in zip(asked, done[0].outcomes, strict=True):
        channels = 3 if alternative.channels is None else alternative.channels
        assert outcome.refused.sum() == refused_by_a_plain_gateway(calls, channels, site_channels)
