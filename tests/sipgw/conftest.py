"""Folders for tests of the spool."""

from __future__ import annotations

import os
import shutil
import tempfile
from pathlib import Path

import pytest


@pytest.fixture
def memory_folder():
    """A folder in memory where there is one: what is no matter of the disk need not wait for it."""
    parent = "/dev/shm" if os.access("/dev/shm", os.W_OK) else None
    folder = Path(tempfile.mkdtemp(prefix="trunkrate-", dir=parent))
    yield folder
    shutil.rmtree(folder)
