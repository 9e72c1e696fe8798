"""Rate a million generated calls, Parquet to Parquet, and print calls/s and seconds by stage.

    python bench/million.py [CALLS]

The same run reads the input and writes the output rows with pyarrow alone: the floor that the ratio names.
"""

from __future__ import annotations

import sys
import tempfile
import time
from pathlib import Path

import pyarrow.parquet as pq
from generate import write

from rating.batch import Request, run_batch


def main(count: int) -> None:
    with tempfile.TemporaryDirectory(prefix="trunkrate-bench-") as name:
        folder = Path(name)
        write(count, folder, csv=False)
        source = folder / f"cdrs-{count}.parquet"
        request = Request([str(source)], str(folder / "accounts.yaml"), "contract", folder / "out")
        start = time.perf_counter()
        batch = run_batch(request)
        seconds = time.perf_counter() - start
        rated = pq.read_table(folder / "out" / "rated_calls.parquet")
        start = time.perf_counter()
        pq.read_table(source)
        pq.write_table(rated, folder / "floor.parquet", compression="zstd", row_group_size=1 << 20)
        floor = time.perf_counter() - start
    for stage, found in batch.run.timing.items():
        print(f"{stage:10} {found['seconds']:8.3f} s  {found['rows']:>10,} rows")
    speed = f"{count / seconds:,.0f} calls/s, {seconds / floor:.1f} x the floor"
    print(f"{count:,} calls in {seconds:.2f} s: {speed}")
    print(f"floor (pyarrow reads the input and writes the rated rows): {floor:.2f} s")


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 1_000_000)
