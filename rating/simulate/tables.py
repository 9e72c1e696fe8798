"""A simulation as CSV files."""

from __future__ import annotations

import csv
from pathlib import Path

from rating.simulate.report import Record

TRUNK = ("trunk_id", "month")
ALTERNATIVE = (
    "plan",
    "mode",
    "channels",
    "recurring",
    "usage",
    "total",
    "billed_s",
    "over_cap_calls",
    "refused_calls",
    "cheapest",
    "cheapest_without_refusals",
)
FINDING = ("plan", "reason", "subject", "limit", "measured", "call_id", "at", "mode")


def write_tables(record: Record, folder: Path) -> None:
    """alternatives.csv: a row for each alternative of each trunk and month; findings.csv: what modes mean."""
    with (folder / "alternatives.csv").open("w", encoding="utf-8", newline="") as file:
        out = csv.writer(file, lineterminator="\n")
        out.writerow([*TRUNK, *ALTERNATIVE, "findings"])
        for trunk in record["trunks"]:
            for line in trunk["alternatives"]:
                cells = [_cell(line[name]) for name in ALTERNATIVE]
                out.writerow([trunk["trunk_id"], trunk["month"], *cells, len(line["findings"])])
    with (folder / "findings.csv").open("w", encoding="utf-8", newline="") as file:
        out = csv.writer(file, lineterminator="\n")
        out.writerow([*TRUNK, *FINDING, "decision", "amount", "usage"])
        for trunk in record["trunks"]:
            for finding in trunk["findings"]:
                for mode, meant in finding["decisions"].items():
                    cells = [_cell(finding[name]) for name in FINDING]
                    line = [trunk["trunk_id"], trunk["month"], *cells, mode, meant["amount"], meant["usage"]]
                    out.writerow(line)


def _cell(value: object) -> str:
    if value is None:
        return ""
    return str(value).lower() if isinstance(value, bool) else str(value)
