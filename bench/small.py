"""Small jobs against the time that Python needs to import pandas and pyarrow.

python bench/small.py [--repeats 15] [--write]
"""

from __future__ import annotations

import argparse
import sys
from functools import partial

import generate
from measure import HERE, ROOT, TRUNKRATE, alternating, machine, median, run, table, write_section

DECK = 200_000
IMPORTS = 'python -c "import pandas, pyarrow"'


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--repeats", type=int, default=15)
    parser.add_argument("--write", action="store_true", help="put the table into bench/README.md")
    given = parser.parse_args()
    big = generate.book(DECK)
    demo = [TRUNKRATE, "rate", "cdr_samples/demo/cdrs", "--accounts", "cdr_samples/demo/accounts.yaml"]
    demo += ["--tariffs", "contract", "--month", "2026-10", "--force"]
    demo += ["--out", str(HERE / "data" / "out" / "demo")]
    load = f"from rating.tariffs import load_book; load_book({str(big)!r})"
    commands: dict[str, list[str]] = {
        IMPORTS: [sys.executable, "-c", "import pandas, pyarrow"],
        "the demo, 10,414 CDRs": demo,
        "the demo with --csv": [*demo, "--csv"],
        "trunkrate --help": [TRUNKRATE, "--help"],
        f"trunkrate tariff check, {DECK:,} prefixes": [TRUNKRATE, "tariff", "check", str(big)],
        f"load_book, {DECK:,} prefixes": [sys.executable, "-c", load],
        "python -c pass": [sys.executable, "-c", "pass"],
    }
    contenders = {name: partial(run, command, allowed=(0, 1)) for name, command in commands.items()}
    assert (ROOT / "cdr_samples" / "demo").is_dir()
    for command in commands.values():  # files and byte code into the caches
        run(command, allowed=(0, 1))
    runs = alternating(contenders, given.repeats)
    base = median(runs[IMPORTS])
    rows = [
        [
            name,
            f"{median(found):.3f}",
            f"{min(one.seconds for one in found):.3f}",
            f"{median(found) / base:.2f}",
            f"{median(found, 'peak_mb'):.0f}",
        ]
        for name, found in runs.items()
    ]
    text = f"Median of {given.repeats} runs in turns. " + machine("pyarrow", "numpy", "pandas") + "\n\n"
    text += table(["job", "median s", "least s", "÷ imports", "peak MB"], rows)
    print(text)
    if given.write:
        write_section("small", text)


if __name__ == "__main__":
    main()
