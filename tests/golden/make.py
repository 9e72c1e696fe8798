"""Make the golden files anew (`make golden`): the exact bytes that a small run writes.

Look at `git diff tests/golden/expected` before committing: every changed amount is a changed invoice.
"""

from __future__ import annotations

import json
import os
import shutil
from pathlib import Path

from rating.batch import Request, run_batch

HERE = Path(__file__).parent
EXPECTED = HERE / "expected"


def run(out: Path) -> None:
    """Rate the golden input; run.json without what depends on the machine."""
    os.chdir(HERE)
    request = Request(["input/cdrs.csv"], "input/accounts.yaml", "input/book", out, month="2026-10", csv=True)
    run_batch(request)
    record = json.loads((out / "run.json").read_text(encoding="utf-8"))
    record.pop("timing")
    record.pop("versions")
    (out / "run.json").write_text(json.dumps(record, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")


if __name__ == "__main__":
    shutil.rmtree(EXPECTED, ignore_errors=True)
    run(EXPECTED)
    (EXPECTED / "rated_calls.parquet").unlink()
    shutil.rmtree(EXPECTED / "inputs")
