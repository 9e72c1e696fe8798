"""Forty alternatives of a month against one plain rating of it.

python bench/simulate.py [--count 1000000] [--repeats 3] [--write]
"""

from __future__ import annotations

import argparse
import sys
from functools import partial

import generate
from measure import HERE, TRUNKRATE, alternating, machine, median, run, table, write_section

PLAIN = "trunkrate rate"
ASKED = {
    "trunkrate simulate --channels 1..40": ["--channels", "1..40"],
    "trunkrate simulate --channels 4..40 --mode excess": ["--channels", "4..40", "--mode", "excess"],
    "trunkrate simulate, 20 channels × 2 plans": [
        *("--channels", "1..20", "--plan", "unlimited-fixed", "--plan", "metered"),
    ],
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--count", type=int, default=1_000_000)
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--write", action="store_true", help="put the table into bench/README.md")
    given = parser.parse_args()
    month, book = generate.month(given.count, ("parquet",)), generate.book()
    inputs = [str(month / "cdrs.parquet"), "--accounts", str(month / "accounts.yaml"), "--tariffs", str(book)]
    commands = {PLAIN: [TRUNKRATE, "rate", *inputs, "--force", "--out", str(HERE / "data" / "out" / "plain")]}
    commands |= {name: [TRUNKRATE, "simulate", *inputs, *asked] for name, asked in ASKED.items()}
    contenders = {name: partial(run, command, allowed=(0, 1)) for name, command in commands.items()}
    runs = alternating(contenders, given.repeats)
    base = median(runs[PLAIN])
    rows = [
        [
            name,
            f"{median(found):.2f}",
            f"{min(one.seconds for one in found):.2f}",
            f"{median(found) / base:.2f}",
            f"{median(found, 'peak_mb') / 1024:.2f}",
        ]
        for name, found in runs.items()
    ]
    text = f"{given.count:,} CDRs from Parquet, median of {given.repeats} runs in turns. "
    text += machine("pyarrow", "numpy") + "\n\n"
    text += table(["command", "median s", "least s", "÷ rate", "peak GB"], rows)
    print(text)
    if given.write:
        write_section("simulate", text)


if __name__ == "__main__":
    sys.exit(main())
