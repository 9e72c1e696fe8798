"""What a run wrote, read back."""

from pathlib import Path
from typing import Any

import pyarrow.parquet as pq


def rated_calls(folder: Path) -> list[dict[str, Any]]:
    """The rated calls of an output folder, in its order."""
    return pq.read_table(folder / "rated_calls.parquet").to_pylist()
