"""Worked examples: a YAML file that a finance reader can check, run through the real command.

title, source     what it shows, and the clause
plan              one plan file; `plans` for several
deck              rows of rate_deck.csv
windows           windows.yaml (optional)
book              changes to book.yaml (optional)
accounts          changes to the trunk `t1`, or `customers` and `trunks` whole (optional)
calls             CSV; `answered` is a local time of 2026-10-05 or a full instant, `seconds` the talk time
expected          CSV; any columns of rated_calls.csv
findings, limits  CSV; any columns of those files (optional)
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
]


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


def run_case(path: Path, folder: Path) -> tuple[dict[str, object], Outcome]:
    """Rate a case by the command line."""
    case = yaml.load(path.read_text(encoding="utf-8"), Loader=yaml.BaseLoader)
    write_book(case, folder / "book")
    (folder / "accounts.yaml").write_text(yaml.safe_dump(accounts_of(case)), encoding="utf-8")
    write_cdrs(read_csv(case["calls"]), folder / "cdrs.csv")
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


def write_cdrs(calls: list[dict[str, str]], path: Path) -> None:
    """The case's calls as canonical CDRs."""
    rows = []
    for call in calls:
        answered = call.pop("answered")
        seconds = float(call.pop("seconds"))
        instant = answered if "T" in answered else f"{DAY}T{answered}:00+02:00"
        answer = datetime.fromisoformat(instant)
        release = answer + timedelta(seconds=seconds)
        times = {"setup_time": answer, "answer_time": answer, "release_time": release}
        rows.append({**DEFAULTS, **{name: at.isoformat() for name, at in times.items()}, **call})
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, CDR, lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)
