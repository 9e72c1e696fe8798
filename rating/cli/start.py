"""The program `trunkrate`: a process of its own, in which libraries leave out what no command uses."""

from __future__ import annotations

import ctypes
import gc
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


def keep_memory() -> None:
    """Let the C library keep up to a quarter of a GB of memory that is free for the moment.

    A run makes and drops arrays of a few MB all the time. The default gives each back to the kernel, which
    has to clear it when it is asked for again: a sixth of the time of a large month. Other C libraries have
    no mallopt.
    """
    library = ctypes.CDLL(None)
    if hasattr(library, "mallopt"):
        trim_threshold, mmap_threshold, arena_max = -1, -3, -8
        library.mallopt(mmap_threshold, 32 << 20)
        library.mallopt(trim_threshold, 256 << 20)
        library.mallopt(arena_max, 2)


def collect_rarely() -> None:
    """Look for cycles of dead objects a hundred times less often: a run makes many objects that stay, modules
    and settings, and hardly any cycle; looking them through again and again took a fiftieth of its time."""
    gc.set_threshold(70_000, 10, 10)


def run() -> None:
    """Run the command line."""
    keep_memory()
    collect_rarely()
    sys.meta_path.insert(0, NoPandas())
    # numpy's linear algebra starts a thread for each processor when it is imported; nothing here uses it
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    main(prog_name="trunkrate")
