"""Rate one generated month with trunkrate, Polars and DuckDB; check that they agree; then measure.

    python bench/run.py [--calls 5000000] [--repeats 5] [--typed] [--no-csv] [--write]

--write puts the table into bench/README.md.
"""

from __future__ import annotations

import argparse
import csv
import json
import statistics
import sys
from collections import defaultdict
from pathlib import Path

import generate
import pyarrow.compute as pc
import pyarrow.parquet as pq
from compare import differences
from measure import HERE, TRUNKRATE, Measured, alternating, machine, median, run, table, write_section
from tariff_book import featured_prefixes

OUT = HERE / "data" / "out"
PEERS = {"Polars": HERE / "peers" / "polars_peer.py", "DuckDB": HERE / "peers" / "duckdb_peer.py"}
FLOORS = {
    "same": "writing with trunkrate's settings",
    "default": "writing with its own settings",
    "coded": "reading while it writes texts that are coded already",
}
CHECKED = (10_000, 200_000)
"""Months that are compared before the one that is measured."""


class Bench:
    """One month and the commands that rate it."""

    def __init__(self, count: int, typed: bool, with_csv: bool) -> None:
        self.book = generate.book()
        kinds = ("parquet", "csv") if with_csv else ("parquet",)
        self.month = generate.month(count, kinds, typed)
        self.count = count

    def trunkrate(self, kind: str = "parquet") -> Measured:
        """Rate with trunkrate, from Parquet or CSV."""
        command = [
            TRUNKRATE,
            "rate",
            str(self.month / f"cdrs.{kind}"),
            "--out",
            str(self.out(kind)),
            "--force",
        ]
        command += ["--accounts", str(self.month / "accounts.yaml"), "--tariffs", str(self.book)]
        return run(command, allowed=(0, 1))

    def peer(self, name: str) -> Measured:
        """Rate with a peer."""
        files = [str(self.month), str(self.book / "rate_deck.csv"), str(self.out(name)), self.version()]
        return run([sys.executable, str(PEERS[name]), *files])

    def floor(self, kind: str, how: str) -> Measured:
        """Read the input, write the rated rows: the seconds that floor.py itself counts."""
        files = [str(self.month / f"cdrs.{kind}"), str(self.out("parquet") / "rated_calls.parquet")]
        found = run([sys.executable, str(HERE / "floor.py"), *files, str(OUT / "floor.parquet"), how])
        return Measured(float(found.output.split()[0]), found.cpu_s, found.peak_mb, found.output)

    def out(self, name: str) -> Path:
        return OUT / name

    def record(self, kind: str = "parquet") -> dict[str, object]:
        return json.loads((self.out(kind) / "run.json").read_text(encoding="utf-8"))

    def version(self) -> str:
        return str(self.record()["tariffs"]["version"])

    def check(self, with_csv: bool) -> str:
        """Rate once with everyone and compare every row and column; the total."""
        self.trunkrate()
        self._check_month()
        peaks = self._peaks_of_usage()
        rated = self.out("parquet") / "rated_calls.parquet"
        for name in PEERS:
            self.peer(name)
            _equal(f"trunkrate and {name}", rated, self.out(name) / "rated_calls.parquet")
            with (self.out(name) / "peaks.csv").open(encoding="utf-8", newline="") as file:
                found = {row["trunk_id"]: int(row["peak_channels"]) for row in csv.DictReader(file)}
            if found != peaks:
                sys.exit(f"{name}: peak occupancy differs from usage.csv")
        if with_csv:
            self.trunkrate("csv")
            _equal("Parquet and CSV", rated, self.out("csv") / "rated_calls.parquet")
        totals = {name: _total(self.out(name) / "rated_calls.parquet") for name in ("parquet", *PEERS)}
        if len(set(totals.values())) > 1:
            sys.exit(f"totals differ: {totals}")
        return totals["parquet"]

    def _check_month(self) -> None:
        """The month is one that the peers can rate, and one in which limits are crossed."""
        crossed: dict[str, set[str]] = defaultdict(set)
        with (self.out("parquet") / "findings.csv").open(encoding="utf-8", newline="") as file:
            for row in csv.DictReader(file):
                crossed[row["trunk_id"]].add(row["reason"])
        kinds = {tuple(sorted(found)) for found in crossed.values()}
        if any("forwarding" in found for found in kinds):
            sys.exit("a user crossed the limit of forwarding, which the peers do not measure")
        if self.count >= 5_000_000:
            wanted = {("fair_use_hours",), ("fair_use_numbers",), ("fair_use_hours", "fair_use_numbers")}
            if not wanted <= kinds or len(crossed) >= generate.trunks_of(self.count):
                sys.exit(f"limits crossed are {kinds}; expected hours, numbers, both and neither")
        dialled = pq.read_table(self.out("parquet") / "rated_calls.parquet", columns=["prefix"])["prefix"]
        if found := set(dialled.unique().to_pylist()) & featured_prefixes():
            sys.exit(f"prefixes with windows, steps or fees were dialled: {found}")

    def _peaks_of_usage(self) -> dict[str, int]:
        """Peak occupancy of each trunk as trunkrate found it."""
        peaks: dict[str, int] = {}
        with (self.out("parquet") / "usage.csv").open(encoding="utf-8", newline="") as file:
            for row in csv.DictReader(file):
                peaks[row["trunk_id"]] = max(peaks.get(row["trunk_id"], 0), int(row["peak_channels"]))
        return peaks


def _equal(names: str, one: Path, other: Path) -> None:
    if found := differences(one, other):
        sys.exit(f"{names} differ:\n" + "\n".join(found))


def _total(path: Path) -> str:
    found = pq.read_table(path, columns=["billed_s", "amount"])
    seconds, amount = pc.sum(found["billed_s"]).as_py(), pc.sum(found["amount"]).as_py()
    return f"{found.num_rows:,} rated calls, {seconds:,} s billed, {amount:,} EUR"


def measure(bench: Bench, repeats: int, with_csv: bool) -> str:
    """Everyone several times in turns; a table and trunkrate's stages."""
    timings: list[dict[str, dict[str, float]]] = []

    def noted() -> Measured:
        found = bench.trunkrate()
        timings.append(bench.record()["timing"])
        return found

    contenders = {"trunkrate": noted, **{name: (lambda name=name: bench.peer(name)) for name in PEERS}}
    floors = {f"floor, {how}": (lambda how=how: bench.floor("parquet", how)) for how in FLOORS}
    contenders |= floors
    if with_csv:
        contenders["trunkrate, CSV"] = lambda: bench.trunkrate("csv")
        contenders |= {f"floor, CSV, {how}": (lambda how=how: bench.floor("csv", how)) for how in FLOORS}
    runs = alternating(contenders, repeats)
    text = _table(runs, "trunkrate", [*PEERS], "floor")
    if with_csv:
        text += "\n" + _table(runs, "trunkrate, CSV", [], "floor, CSV")
    return text + "\n" + _stages(timings, median(runs["trunkrate"]))


def _table(runs: dict[str, list[Measured]], ours: str, others: list[str], floor: str) -> str:
    base = {how: median(runs[f"{floor}, {how}"]) for how in ("same", "default")}
    source = "CSV" if "CSV" in ours else "Parquet"
    rows = []
    for name in (ours, *others, *(f"{floor}, {how}" for how in FLOORS)):
        found, seconds = runs[name], median(runs[name])
        is_floor = name.startswith("floor")
        shown = {f"{floor}, {how}": f"floor: pyarrow, {text}" for how, text in FLOORS.items()}.get(
            name, name.split(",")[0]
        )
        rows.append(
            [
                shown,
                f"{seconds:.2f}",
                f"{min(run.seconds for run in found):.2f}",
                "" if is_floor else f"{median(found, 'cpu_s'):.2f}",
                f"{seconds / median(runs[ours]):.2f}",
                f"{seconds / base['same']:.2f}",
                f"{seconds / base['default']:.2f}",
                "" if is_floor else f"{median(found, 'peak_mb') / 1024:.2f}",
            ]
        )
    head = [
        f"{source} to Parquet",
        "median s",
        "least s",
        "CPU s",
        "÷ trunkrate",
        "÷ floor",
        "÷ own floor",
        "peak GB",
    ]
    return table(head, rows)


def _stages(timings: list[dict[str, dict[str, float]]], seconds: float) -> str:
    """Median seconds of each stage that trunkrate names in run.json."""
    rows = []
    for stage in timings[0]:
        found = statistics.median(timing[stage]["seconds"] for timing in timings if stage in timing)
        rows.append([stage, f"{found:.2f}", f"{100 * found / seconds:.0f} %"])
    return table(["stage of trunkrate", "median s", "of the run"], rows)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--calls", type=int, default=5_000_000)
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--typed", action="store_true", help="times in the input are timestamps, not texts")
    parser.add_argument("--no-csv", action="store_true")
    parser.add_argument("--write", action="store_true", help="put the table into bench/README.md")
    given = parser.parse_args()
    with_csv = not (given.no_csv or given.typed)
    for count in (*CHECKED, given.calls):
        bench = Bench(count, given.typed, with_csv)
        total = bench.check(with_csv)
        print(f"{count:,} CDRs: {total}: the same rows by trunkrate and peers", file=sys.stderr, flush=True)
    text = f"{given.calls:,} CDRs of {generate.trunks_of(given.calls):,} trunks"
    text += ", times typed" if given.typed else ""
    text += f": {total}, row by row the same by all. Median of {given.repeats} runs in turns.\n"
    text += machine("pyarrow", "numpy", "polars", "duckdb") + "\n\n"
    text += measure(bench, given.repeats, with_csv)
    print(text)
    if given.write:
        write_section("table", text)


if __name__ == "__main__":
    main()
