"""The program `trunkrate`: a process of its own, in which libraries leave out what no command uses."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from types import ModuleType

from rating.cli import main


class NoPandas:
    """A finder of modules that finds no pandas, as if it were not installed.

    pyarrow imports pandas before it makes its first array, since its input might be a Series: 0.15 s, as long
    as rating a small month. No command handles a DataFrame; `rating.rate` does, outside of this program.
    """

    def find_spec(self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None) -> None:
        if fullname == "pandas":
            raise ModuleNotFoundError("No module named 'pandas' in the program trunkrate", name=fullname)


def run() -> None:
    """Run the command line."""
    sys.meta_path.insert(0, NoPandas())
    # numpy's linear algebra starts a thread for each processor when it is imported; nothing here uses it
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    main(prog_name="trunkrate")
