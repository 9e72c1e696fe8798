"""Worked examples: a YAML file that a finance reader can check, run through the real command.

title, source     what it shows, and the clause
plan              one plan file; `plans` for several
deck              rows of rate_deck.csv
windows           windows.yaml (optional)
book              changes to book.yaml (optional)
accounts          changes to the trunk `t1`, or `customers` and `trunks` whole (optional)
calls             CSV; `answered` and `setup_time` (by default the same) are local times of 2026-10-05 or full
                  instants, `seconds` the talk time; where `answered` is empty, the time from setup to release
expected          CSV; any columns of rated_calls.csv
findings, limits, usage, occupancy  CSV; any columns of those files (optional)
"""

from __future__ import annotations

import csv
import io
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

import yaml
from click.testing import CliRunner

from rating.cli import main

ROOT = Path(__file__).parent / "cases"
DAY = "2026-10-05"
DEFAULTS = {
    "trunk_id": "t1",
    "direction": "outbound",
    "a_number": "0199000110",
    "sip_code": "200",
    "user_id": "",
    "forwarded_by": "",
    "forward_type": "",
    "end_reason": "",
}
CDR = [
    "call_id",
    "trunk_id",
    "direction",
    "a_number",
    "b_number",
    "setup_time",
    "answer_time",
    "release_time",
    "sip_code",
    "user_id",
    "forwarded_by",
    "forward_type",
    "end_reason",
]
BLOCKS = {
    "expected": "rated_calls",
    "findings": "findings",
    "limits": "limits",
    "usage": "usage",
    "occupancy": "occupancy",
}
"""What a case expects of which file."""


@dataclass
class Outcome:
    """What a run of a case printed and wrote."""

    output: str
    exit_code: int
    out: Path

    def table(self, name: str) -> list[dict[str, str]]:
        return read_csv((self.out / f"{name}.csv").read_text(encoding="utf-8"))


def read_csv(text: str) -> list[dict[str, str]]:
    """CSV as dicts; spaces around cells are layout only."""
    rows = csv.reader(io.StringIO(text.strip()), skipinitialspace=True)
    header, *body = [[cell.strip() for cell in row] for row in rows]
    return [dict(zip(header, row, strict=True)) for row in body]


def cases() -> list[Path]:
    """Every worked example."""
    return sorted(ROOT.glob("*.yaml"))


def write_case(path: Path, folder: Path) -> dict[str, object]:
    """Write a case's book, accounts.yaml and cdrs.csv into a folder; gives the case."""
    case = yaml.load(path.read_text(encoding="utf-8"), Loader=yaml.BaseLoader)
    write_book(case, folder / "book")
    (folder / "accounts.yaml").write_text(yaml.safe_dump(accounts_of(case)), encoding="utf-8")
    write_cdrs(read_csv(case["calls"]), folder / "cdrs.csv")
    return case


def run_case(path: Path, folder: Path) -> tuple[dict[str, object], Outcome]:
    """Rate a case by the command line."""
    case = write_case(path, folder)
    arguments = ["rate", str(folder / "cdrs.csv"), "--accounts", str(folder / "accounts.yaml")]
    arguments += ["--tariffs", str(folder / "book"), "--out", str(folder / "out"), "--csv"]
    result = CliRunner().invoke(main, [*arguments, *case.get("options", [])])
    return case, Outcome(result.output, result.exit_code, folder / "out")


def write_book(case: dict[str, object], folder: Path) -> None:
    """The case's tariff book as a folder."""
    (folder / "plans").mkdir(parents=True)
    book = {"name": "case", "currency": "EUR", "timezone": "Europe/Paris", "country": "FR"}
    (folder / "book.yaml").write_text(yaml.safe_dump({**book, **case.get("book", {})}), encoding="utf-8")
    for plan in case.get("plans") or [case["plan"]]:
        (folder / "plans" / f"{plan['plan']}.yaml").write_text(yaml.safe_dump(plan), encoding="utf-8")
    deck = [[cell.strip() for cell in row] for row in csv.reader(io.StringIO(case["deck"].strip()))]
    with (folder / "rate_deck.csv").open("w", encoding="utf-8", newline="") as file:
        csv.writer(file).writerows(deck)
    if "windows" in case:
        (folder / "windows.yaml").write_text(yaml.safe_dump(case["windows"]), encoding="utf-8")


def accounts_of(case: dict[str, object]) -> dict[str, object]:
    """One customer with one trunk, unless the case says otherwise."""
    changes = case.get("accounts", {})
    if "trunks" in changes:
        return changes
    plan = (case.get("plans") or [case["plan"]])[0]["plan"]
    customer = {"id": "cabinet", "numbers": ["+33199000110..+33199000119"]}
    trunk = {"id": "t1", "customer": "cabinet", "channels": "1", "plan": plan, **changes}
    return {"customers": [customer], "trunks": [trunk]}


def moment(text: str) -> datetime:
    """A local time of the day, or a full instant."""
    return datetime.fromisoformat(text if "T" in text else f"{DAY}T{text}+02:00")


def write_cdrs(calls: list[dict[str, str]], path: Path) -> None:
    """The case's calls as canonical CDRs."""
    rows = []
    for call in calls:
        answered = call.pop("answered")
        setup = call.pop("setup_time", answered)
        release = moment(answered or setup) + timedelta(seconds=float(call.pop("seconds")))
        times = {
            "setup_time": moment(setup).isoformat(),
            "answer_time": moment(answered).isoformat() if answered else "",
            "release_time": release.isoformat(),
        }
        rows.append({**DEFAULTS, **times, **call})
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, CDR, lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)
