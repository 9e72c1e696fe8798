"""Writes the generated pages (`make docs`): rules.md from tests/cases, commands.md from the help, and the
tables of data-model.md from rating/schema.py. A test compares them with what is committed."""

from __future__ import annotations

import csv
import io
import re
import sys
import tempfile
from datetime import datetime
from pathlib import Path
from typing import Any

import click
import pyarrow as pa
import pyarrow.parquet as pq
import yaml

from rating.batch import Request, run_batch
from rating.cli import main
from rating.reasons import REASONS
from rating.schema import (
    CDR_COLUMNS,
    LIMITS_SCHEMA,
    OCCUPANCY_SCHEMA,
    OPTIONAL_CDR_COLUMNS,
    REJECTS_SCHEMA,
    findings_schema,
    rated_schema,
    usage_schema,
)
from rating.sources.readers import FORMATS

DOCS = Path(__file__).resolve().parent
CASES = DOCS.parent / "tests" / "cases"


def pages() -> dict[str, str]:
    """Generated pages by file name."""
    return {
        "rules.md": rules(),
        "commands.md": commands(),
        "data-model.md": data_model(),
        "formats.md": formats(),
    }


def rules() -> str:
    """The worked examples, each a test."""
    parts = [
        "# The rules, by example",
        "",
        "Each example is a test (`tests/cases/`): its figures are computed again at every change. Reasons",
        "are tried in this order, and the first that applies is the call's: " + ", ".join(REASONS) + ".",
        "",
        "[choices.md](choices.md) says what was decided where the contract is silent.",
    ]
    for path in sorted(CASES.glob("*.yaml")):
        parts += _case(path)
    return "\n".join(parts) + "\n"


def _case(path: Path) -> list[str]:
    text = path.read_text(encoding="utf-8")
    case = yaml.load(text, Loader=yaml.BaseLoader)
    lines = ["", f"## {case['title']}", "", f"Source: {case['source']}. Test: `{path.name}`.", ""]
    notes = [line[1:].strip() for line in text.splitlines() if line.startswith("#")]
    if notes:
        lines += [*notes, ""]
    blocks = re.split(r"^(?=[a-z])", text, flags=re.MULTILINE)
    settings = [
        block for block in blocks if block.split(":")[0] in ("book", "plan", "plans", "windows", "accounts")
    ]
    body = "".join(settings).strip()
    lines += ["```yaml", *(line for line in body.splitlines() if not line.startswith("#")), "```"]
    for name in ("deck", "calls", "expected", "findings", "limits", "usage", "occupancy"):
        if name in case:
            lines += ["", f"{name.capitalize()}:", "", *_table(case[name])]
    return lines


def _table(text: str) -> list[str]:
    rows = [
        [cell.strip() for cell in row] for row in csv.reader(io.StringIO(text.strip()), skipinitialspace=True)
    ]
    head, *body = rows
    return [_row(head), _row(["---"] * len(head)), *(_row(row) for row in body)]


def _row(cells: list[str]) -> str:
    return "| " + " | ".join(cells) + " |"


def commands() -> str:
    """The help of every command."""
    parts = ["# Commands", "", "What `--help` prints."]
    for name, command in walk(main, "trunkrate"):
        context = click.Context(command, info_name=name, terminal_width=100, **main.context_settings)
        parts += ["", f"## {name}", "", "```", command.get_help(context).strip(), "```"]
    return "\n".join(parts) + "\n"


def walk(command: click.Command, name: str) -> list[tuple[str, click.Command]]:
    """A command and all below it."""
    found = [(name, command)]
    if isinstance(command, click.Group):
        for inner in sorted(command.commands):
            found += walk(command.commands[inner], f"{name} {inner}")
    return found


def data_model() -> str:
    """The hand-written page with its tables made anew between their marks."""
    text = (DOCS / "data-model.md").read_text(encoding="utf-8")
    tables = {
        "cdr": [(name, "optional column" if name in OPTIONAL_CDR_COLUMNS else "") for name in CDR_COLUMNS],
        "rated_calls": _schema(rated_schema(4)),
        "findings": _schema(findings_schema(4)),
        "limits": _schema(LIMITS_SCHEMA),
        "usage": _schema(usage_schema(4)),
        "occupancy": _schema(OCCUPANCY_SCHEMA),
        "rejects": _schema(REJECTS_SCHEMA),
    }
    for name, rows in tables.items():
        listed = ", ".join(f"`{column}`" + (f" ({kind})" if kind else "") for column, kind in rows)
        mark = re.compile(rf"(<!-- {name} -->\n).*?(<!-- /{name} -->)", re.DOTALL)
        assert mark.search(text), name
        text = mark.sub(lambda found, listed=listed: f"{found[1]}\n{listed}\n\n{found[2]}", text)
    return text


LEGS = {
    "c1": ("outbound", "+33261910011", "2026-01-15T09:00:06", "125.420"),
    "c2": ("inbound", "+33199000110", "2026-01-15T09:10:05", "60.200"),
    "c3a": ("inbound", "+33199000110", "2026-01-15T09:20:11", "210.610"),
    "c3b": ("outbound", "+33639980456", "2026-01-15T09:20:11", "210.600"),
    "c4": ("outbound", "+12025550143", "2026-01-15T09:30:09", "0.700"),
    "c7": ("outbound", "+33465710022", "2026-01-15T09:50:04", "300.999"),
    "c8": ("inbound", "+33199000100", "2026-01-15T10:00:00", "30.100"),
    "c9": ("outbound", "+33261910011", "2026-10-25T00:55:00", "600.000"),
    "c10": ("outbound", "+33261910011", "2026-01-15T10:10:05", "30.000"),
}
SAMPLES = {
    "Graph": ["graph_dr_v1_page1.json", "graph_dr_v1_page2.json"],
    "admin center": ["Calls.Export.cabinet-exemple.zip"],
    "acc_cdrs": ["kamailio_acc_cdrs.csv"],
    "acc": ["kamailio_acc.csv"],
    "Kamailio syslog": ["kamailio_syslog.log"],
    "Asterisk": ["asterisk_Master_21cols_paris.csv"],
    "FreeSWITCH CSV": ["freeswitch_Master_example_template_paris.csv"],
    "FreeSWITCH JSON": ["freeswitch_json_cdr.jsonl"],
    "AudioCodes": ["audiocodes_syslog_calls.txt"],
}


def formats() -> str:
    """The hand-written page with the list of formats and the table of the sample calls made anew."""
    text = (DOCS / "formats.md").read_text(encoding="utf-8")
    listed = [_row(["name", "form", "what"]), _row(["---"] * 3)]
    listed += [_row([f"`{f.name}`", f.form, f.about]) for f in FORMATS]
    found = {name: _sample(files) for name, files in SAMPLES.items()}
    legs = [_row(["leg", "talk time", *SAMPLES]), _row(["---"] * (2 + len(SAMPLES)))]
    for leg, (_, _, _, truth) in LEGS.items():
        legs.append(_row([leg, truth, *(found[name].get(leg, "") for name in SAMPLES)]))
    for name, lines in (("formats", listed), ("legs", legs)):
        mark = re.compile(rf"(<!-- {name} -->\n).*?(<!-- /{name} -->)", re.DOTALL)
        assert mark.search(text), name
        body = "\n".join(lines)
        text = mark.sub(lambda m, body=body: f"{m[1]}\n{body}\n\n{m[2]}", text)
    return text


def _sample(names: list[str]) -> dict[str, str]:
    """Seconds and amount of each leg that a sample has."""
    folder = DOCS.parent / "cdr_samples" / "formats"
    with tempfile.TemporaryDirectory() as out:
        files = [str(folder / name) for name in names]
        request = Request(files, str(folder / "accounts.yaml"), "contract", Path(out) / "out")
        run_batch(request)
        calls = pq.read_table(request.out / "rated_calls.parquet").to_pylist()
    found = {}
    for call in calls:
        if call["answer_time"] is None:
            continue
        leg = min(LEGS, key=lambda name, call=call: _distance(call, *LEGS[name][:3]))
        assert _distance(call, *LEGS[leg][:3]) < 20, (names, call["call_id"])
        assert leg not in found, (names, leg)
        found[leg] = f"{call['duration_s']} s, {call['amount']}"
    return found


def _distance(call: dict[str, Any], direction: str, number: str, answered: str) -> float:
    """Seconds between a call and a leg; far where direction or visible number differ."""
    same = call["direction"] == direction and number.startswith(call["b_number"].rstrip("*"))
    at = datetime.fromisoformat(f"{answered}+00:00")
    return abs((call["answer_time"].to_pydatetime() - at).total_seconds()) if same else 1e9


def _schema(schema: pa.Schema) -> list[tuple[str, str]]:
    names = {"string": "text", "int64": "whole number", "int16": "whole number", "bool": "true or false"}
    return [(field.name, _kind(str(field.type), names)) for field in schema]


def _kind(kind: str, names: dict[str, str]) -> str:
    if kind.startswith("decimal"):
        return "decimal"
    return "instant" if kind.startswith("timestamp") else names[kind]


if __name__ == "__main__":
    for name, text in pages().items():
        (DOCS / name).write_text(text, encoding="utf-8")
        print(f"docs/{name}", file=sys.stderr)
