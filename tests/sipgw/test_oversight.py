"""The whole runtime as a process: what people and guards do stands in the spool, and rating eats it."""

import csv
import json
import subprocess
import sys
from collections import Counter
from pathlib import Path

from hosted import ABROAD, trunkrate
from spools import rows

MOBILE = "+33639980123"
NOWHERE = {"billed_number": "+33199000116", "a_number": "+33199000116"}
"""A caller of no site, so that the trunk's three channels count."""


def by_reason(folder):
    return Counter((row["rule"], row["end_reason"], row["sip_code"]) for row in rows(folder / "spool"))


def test_a_dropped_call_and_what_was_refused_are_cdrs(folder, start):
    gateway = start()
    gateway.attempt("a")
    gateway.do("answer", leg="a")
    gateway.attempt("rings", **NOWHERE)
    trunkrate(folder, "trunk", "suspend", "t1", "--why", "stolen", "--drop-calls")
    assert gateway.attempt("b") == "suspended"
    gateway.stop()
    assert by_reason(folder) == {
        ("admitted", "suspended", 200): 1,
        ("admitted", "suspended", 403): 1,
        ("suspended", "refused", 403): 1,
    }


def test_channels_are_counted_in_the_status_and_given_back(folder, start):
    gateway = start()
    assert [gateway.attempt(leg, **NOWHERE) for leg in "abcd"] == ["admitted"] * 3 + ["trunk_full"]
    code, text, _ = trunkrate(folder, "gateway", "status", "--json")
    found = json.loads(text)
    trunk = next(one for one in found["trunks"] if one["trunk_id"] == "t1")
    assert (code, trunk["channels"], trunk["used"], trunk["free"]) == (0, 3, 3, 0)
    assert found["decisions"] == {"admitted": 3, "trunk_full": 1}
    assert [call["leg"] for call in found["calls"]] == ["a", "b", "c"]
    gateway.do("end", leg="b")
    assert gateway.attempt("e", **NOWHERE) == "admitted"


def test_spending_outlives_a_kill(folder, start):
    """0.05 a minute and a limit of 0.10 a day: two calls of a minute, one of them cut off by the kill."""
    text = (folder / "gateway.yaml").read_text(encoding="utf-8")
    (folder / "gateway.yaml").write_text(
        text.replace("limits: {", "limits: {spend_per_day: 0.10, "), encoding="utf-8"
    )
    gateway = start()
    for leg in "ab":
        assert gateway.attempt(leg, b_number=ABROAD) == "admitted"
        gateway.do("answer", leg=leg)
    gateway.do("end", leg="a")
    gateway.kill()
    gateway = start()
    assert by_reason(folder)["admitted", "crash", 200] == 1
    spent = json.loads(trunkrate(folder, "gateway", "status", "--json")[1])["trunks"][0]
    assert (spent["spend_per_day"], spent["spent_today"]) == ("0.10", "0.1000")
    assert spent["spent_today"] == rated_amount(folder)
    assert [one["guard"] for one in spent["tripped"]] == ["spend_per_day"]
    assert gateway.attempt("c", b_number=ABROAD) == "guard"
    assert gateway.attempt("sos", b_number="15") == "emergency"


def rated_amount(folder: Path) -> str:
    """What the spool of trunk t1 costs, by rating."""
    trunkrate_of = [sys.executable, "-m", "rating.cli", "rate", "spool", "--accounts", "accounts.yaml"]
    done = subprocess.run(
        [*trunkrate_of, "--tariffs", "book", "--out", "rated", "--force"],
        cwd=folder,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    with (folder / "rated" / "usage.csv").open(encoding="utf-8") as file:
        return next(row["amount"] for row in csv.DictReader(file) if row["trunk_id"] == "t1")


def test_a_spool_is_rated_without_a_reject_while_the_gateway_runs(folder, start):
    gateway = start()
    for number in range(8):
        leg = f"leg{number}"
        assert gateway.attempt(leg, b_number=MOBILE) == "admitted"
        gateway.do("answer", leg=leg)
        gateway.do("end", leg=leg)
    assert [gateway.attempt(leg, **NOWHERE) for leg in "abcd"][-1] == "trunk_full"
    assert rated_amount(folder)
    with (folder / "rated" / "usage.csv").open(encoding="utf-8") as file:
        (row,) = csv.DictReader(file)
    assert (row["calls"], row["answered"], row["channels"], row["peak_channels"]) == ("9", "8", "3", "1")
    with (folder / "rated" / "occupancy.csv").open(encoding="utf-8") as file:
        assert next(csv.DictReader(file))["blocked_calls"] == "1"
