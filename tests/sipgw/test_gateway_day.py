"""A day of calls from INVITE to invoice: gateway, spool, `trunkrate rate` with the same accounts and book."""

from __future__ import annotations

import csv
import json
from collections import Counter
from dataclasses import replace
from pathlib import Path

import pytest
from click.testing import CliRunner
from gateways import gateway
from lab import at, inbound, outbound
from spools import SECOND

from rating.cli import main

ACCOUNTS = """
customers:
  - {id: alpha, numbers: ["+33199000110..+33199000119"]}
trunks:
  - id: t1
    customer: alpha
    fqdn: sbc1.alpha.trunk.example
    channels: 2
    plan: unlimited-fixed
    suspensions: [{from: 2026-10-24T18:00:00+02:00, to: 2026-10-24T19:00:00+02:00, scope: international}]
"""

SETTINGS = """
name: gw1
accounts: accounts.yaml
tariffs: contract
spool: spool/
teams:
  listen: [udp:127.0.0.1:5061]
  fqdn: trunk.example
  peers: [sip.pstnhub.microsoft.com]
  addresses: [52.112.0.0/14]
operator: {listen: [udp:127.0.0.1:5060], next_hop: "sip:127.0.0.1:5080", addresses: [127.0.0.1/32]}
"""

DAY = at("2026-10-24T09:00:00+02:00")
NIGHT = at("2026-10-25T02:30:00+02:00")  # the first 2:30 of two


class Day:
    """Plays calls; each leg is named as its called number and setup."""

    def __init__(self, folder: Path) -> None:
        (folder / "accounts.yaml").write_text(ACCOUNTS, encoding="utf-8")
        (folder / "gateway.yaml").write_text(SETTINGS, encoding="utf-8")
        self.gateway = gateway(folder, now=DAY, config=folder / "gateway.yaml")

    def out(
        self, call_id: str, number: str, setup: int, answer_s: float | None, length_s: float, **more
    ) -> str:
        """A call from Teams; its refusing rule, or how it was admitted."""
        attempt = replace(outbound(call_id=call_id, b_number=number, tls_names=()), **more)
        return self.play(attempt, setup, answer_s, length_s)

    def play(self, attempt, setup: int, answer_s: float | None, length_s: float) -> str:
        decision = self.gateway.attempt(attempt, attempt.call_id, setup)
        if decision.is_admitted:
            answer = setup + int((answer_s or 0) * SECOND)
            if answer_s is not None:
                self.gateway.ringing(attempt.call_id, setup + SECOND)
                self.gateway.answered(attempt.call_id, answer)
            end = answer + int(length_s * SECOND)
            self.gateway.tick(end)
            self.gateway.ended(attempt.call_id, end, 200 if answer_s is not None else 487)
        return decision.rule


@pytest.fixture(scope="module")
def rated(tmp_path_factory):
    """Rows of rated_calls.csv by SIP Call-ID, and the run's record."""
    folder = tmp_path_factory.mktemp("day")
    day = Day(folder)
    minute = 60 * SECOND
    assert day.out("fixed", "0140000001", DAY, 5, 600) == "admitted"
    assert day.out("mobile", "+33639980123", DAY + 15 * minute, 4, 60.001) == "admitted"
    assert day.out("belgium", "0032 25501234", DAY + 20 * minute, 4, 125) == "admitted"
    assert day.out("directory", "118712", DAY + 30 * minute, 2, 1) == "admitted"
    assert day.out("weather", "3639", DAY + 35 * minute, 2, 90) == "admitted"
    assert day.out("unanswered", "+33639980123", DAY + 40 * minute, None, 30) == "admitted"
    assert day.play(inbound(call_id="in"), DAY + 45 * minute, 3, 300) == "admitted"
    assert day.out("sos", "112", DAY + 50 * minute, 1, 100) == "emergency"
    # a call from outside that Teams forwards back holds two channels: the third leg finds none
    gw, noon = day.gateway, DAY + 180 * minute
    assert gw.attempt(inbound(call_id="fw-in"), "fw-in", noon).is_admitted
    forwarded = {"a_number": "+33639980123", "forwarded_by": "+33199000110", "forward_type": "unconditional"}
    back = outbound(call_id="fw-out", b_number="+33639980200", tls_names=(), **forwarded)
    assert gw.attempt(back, "fw-out", noon + SECOND).is_admitted
    for leg in ("fw-in", "fw-out"):
        gw.answered(leg, noon + 10 * SECOND)
    assert day.out("third", "+33353019999", noon + minute, 1, 60) == "trunk_full"
    assert day.out("sos on a full trunk", "15", noon + minute, 1, 60) == "emergency"
    for leg in ("fw-out", "fw-in"):
        gw.ended(leg, noon + 130 * SECOND, 200)
    assert (
        day.out("stranger", "+33353019999", noon + 60 * minute, 1, 60, billed_number="+33353010210")
        == "billed_number"
    )
    suspended = at("2026-10-24T18:30:00+02:00")
    assert day.out("abroad", "+3225501234", suspended, 1, 60) == "suspended"
    assert day.out("at home", "+33353019999", suspended, 1, 60) == "admitted"
    assert day.out("scan", "+33353019999", suspended, 1, 60, host="nobody.example") == "unknown_trunk"
    # over the hour that the clock goes through twice: 40 minutes, whatever the clocks on the wall say
    assert day.out("night", "+33639980123", NIGHT, 1, 40 * 60) == "admitted"
    gw.close(NIGHT + 50 * minute)
    arguments = [
        "rate",
        str(folder / "spool"),
        "--accounts",
        str(folder / "accounts.yaml"),
        "--tariffs",
        "contract",
    ]
    result = CliRunner().invoke(
        main, [*arguments, "--month", "2026-10", "--out", str(folder / "out"), "--csv"]
    )
    assert result.exit_code == 0, result.output
    with (folder / "out" / "rated_calls.csv").open(encoding="utf-8", newline="") as file:
        found = {row["call_id"].partition("#")[0]: row for row in csv.DictReader(file)}
    record = json.loads((folder / "out" / "run.json").read_text(encoding="utf-8"))
    with (folder / "out" / "usage.csv").open(encoding="utf-8", newline="") as file:
        (usage,) = csv.DictReader(file)
    return found, record, usage


@pytest.mark.parametrize(
    ("call_id", "reason", "duration_s", "billable_s", "amount"),
    [
        ("fixed", "included", 600, 0, "0.0000"),
        ("mobile", "out_of_plan", 61, 120, "0.0800"),  # 2 min x 0.0400
        ("belgium", "out_of_plan", 125, 180, "0.0411"),  # 3 min x 0.0137
        ("directory", "out_of_plan", 1, 1, "2.5002"),  # 2.5000 + 0.0100 / 60 = 2.50016...
        ("weather", "out_of_plan", 90, 90, "0.2025"),  # 1.5 min x 0.1350
        ("unanswered", "not_answered", 0, 0, "0.0000"),
        ("in", "inbound", 300, 0, "0.0000"),
        ("sos", "emergency", 100, 0, "0.0000"),
        ("fw-in", "inbound", 120, 0, "0.0000"),
        ("fw-out", "out_of_plan", 120, 120, "0.0800"),
        ("sos on a full trunk", "emergency", 60, 0, "0.0000"),
        ("at home", "included", 60, 0, "0.0000"),
        ("night", "out_of_plan", 2400, 2400, "1.6000"),  # 40 min x 0.0400
    ],
)
def test_what_each_call_costs(rated, call_id, reason, duration_s, billable_s, amount):
    row = rated[0][call_id]
    assert (row["reason"], row["duration_s"], row["billable_s"], row["amount"]) == (
        reason,
        str(duration_s),
        str(billable_s),
        amount,
    )


def test_refusals_are_there_and_cost_nothing(rated):
    found, record, _ = rated
    refused = {
        call_id: row for call_id, row in found.items() if row["end_reason"] in ("no_channel", "refused")
    }
    assert {(call_id, row["end_reason"], row["sip_code"]) for call_id, row in refused.items()} == {
        ("third", "no_channel", "486"),
        ("stranger", "refused", "403"),
        ("abroad", "refused", "403"),
    }
    assert {(row["reason"], row["amount"]) for row in refused.values()} == {("not_answered", "0.0000")}
    counts = Counter(row["end_reason"] for row in found.values())
    assert counts == {"normal": 12, "cancelled": 1, "refused": 2, "no_channel": 1}
    assert record["reconciliation"]["balanced"]
    assert record["reconciliation"]["rows"] == record["reconciliation"]["rated"] == 16


def test_the_day_of_the_trunk(rated):
    usage = rated[2]
    assert (usage["calls"], usage["answered"], usage["amount"]) == ("16", "12", "4.5038")


def test_files_by_local_day_and_the_source(rated):
    found, record, _ = rated
    names = [Path(entry["file"]).name for entry in record["inputs"]]
    assert names == ["gw1-2026-10-24-001.jsonl", "gw1-2026-10-25-001.jsonl"]
    assert [entry["rows"] for entry in record["inputs"]] == [15, 1]
    assert {row["source"] for row in found.values()} == {"gw1"}
