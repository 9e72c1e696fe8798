"""Seconds and peak memory of trunkrate by number of CDRs, from Parquet and from CSV; a plot.

    python bench/scaling.py [--sizes 10000 100000 1000000] [--formats parquet csv] [--write]

Each size is a month of its own with a trunk for each 10,000 CDRs. Sizes up to a million run three times and
show the median, larger ones once. A run that needs more memory than --limit-gb is ended and shown as such.
"""

from __future__ import annotations

import argparse
import sys

import generate
from measure import HERE, TRUNKRATE, CommandError, Measured, machine, median, run, table, write_section

SIZES = (10_000, 100_000, 1_000_000, 5_000_000, 10_000_000, 50_000_000)
OFTEN = 1_000_000
BOUND_GB = 2.0


def rate(count: int, kind: str, limit_gb: float) -> list[Measured]:
    """Rate a month; empty where it needs more memory than the limit."""
    month, book = generate.month(count, (kind,)), generate.book()
    command = [
        TRUNKRATE,
        "rate",
        str(month / f"cdrs.{kind}"),
        "--out",
        str(HERE / "data" / "out" / "scaling"),
    ]
    command += ["--force", "--accounts", str(month / "accounts.yaml"), "--tariffs", str(book)]
    try:
        return [
            run(command, allowed=(0, 1), limit_mb=limit_gb * 1024) for _ in range(3 if count <= OFTEN else 1)
        ]
    except CommandError as error:
        if " gave -9:" not in str(error):
            raise
        return []


def plot(found: dict[str, dict[int, list[Measured]]]) -> None:
    """Time and memory by number of CDRs, both axes logarithmic."""
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot

    figure, (left, right) = pyplot.subplots(1, 2, figsize=(10, 4))
    for kind, by_size in found.items():
        sizes = [count for count, runs in by_size.items() if runs]
        left.plot(sizes, [median(by_size[n]) for n in sizes], marker="o", label=kind)
        right.plot(sizes, [median(by_size[n], "peak_mb") / 1024 for n in sizes], marker="o", label=kind)
    largest = max((count for by_size in found.values() for count, runs in by_size.items() if runs), default=0)
    if largest:
        slowest = max(median(by_size[largest]) for by_size in found.values() if by_size.get(largest))
        least = min(count for by_size in found.values() for count, runs in by_size.items() if runs)
        line = [slowest * least / largest, slowest]
        left.plot([least, largest], line, color="grey", linestyle=":", label="linear")
    right.axhline(BOUND_GB, color="grey", linestyle=":", label=f"{BOUND_GB:.0f} GB")
    left.set(xlabel="CDRs", ylabel="seconds, start to end", xscale="log", yscale="log")
    right.set(xlabel="CDRs", ylabel="peak memory, GB", xscale="log", ylim=(0, None))
    for axes in (left, right):
        axes.legend()
        axes.grid(True, alpha=0.3)
    figure.tight_layout()
    figure.savefig(HERE / "scaling.png", dpi=110)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--sizes", type=int, nargs="+", default=list(SIZES))
    parser.add_argument("--formats", nargs="+", choices=("parquet", "csv"), default=["parquet", "csv"])
    parser.add_argument("--limit-gb", type=float, default=12.0)
    parser.add_argument("--write", action="store_true", help="put the table and the plot into bench/")
    given = parser.parse_args()
    found: dict[str, dict[int, list[Measured]]] = {kind: {} for kind in given.formats}
    rows = []
    for count in given.sizes:
        for kind in given.formats:
            runs = found[kind][count] = rate(count, kind, given.limit_gb)
            if not runs:
                rows.append([f"{count:,}", kind, "", "", f"> {given.limit_gb:g}"])
            else:
                seconds = median(runs)
                per_million = f"{seconds / count * 1e6:.2f}"
                peak = f"{median(runs, 'peak_mb') / 1024:.2f}"
                rows.append([f"{count:,}", kind, f"{seconds:.2f}", per_million, peak])
            print("  ".join(rows[-1]), file=sys.stderr, flush=True)
    text = machine("pyarrow", "numpy") + "\n\n"
    text += table(["CDRs", "from", "seconds", "s a million", "peak GB"], rows)
    print(text)
    if given.write:
        plot(found)
        write_section("scaling", text)


if __name__ == "__main__":
    main()
