"""Folders for tests of the spool."""

from __future__ import annotations

import ctypes
import os
import shutil
import tempfile
from contextlib import contextmanager
from pathlib import Path

import pytest


@pytest.fixture
def memory_folder():
    """A folder in memory where there is one: what is no matter of the disk need not wait for it."""
    parent = "/dev/shm" if os.access("/dev/shm", os.W_OK) else None
    folder = Path(tempfile.mkdtemp(prefix="trunkrate-", dir=parent))
    yield folder
    shutil.rmtree(folder)


_libc = ctypes.CDLL(None, use_errno=True)
SIZE = 400 << 10


@pytest.fixture
def disk(tmp_path):
    """A file system of 400 KB of its own."""
    with mounted("tmpfs", f"size={SIZE}", tmp_path / "disk") as folder:
        yield folder


@pytest.fixture
def disk_without_reserve(tmp_path):
    """A file system that cannot take room ahead."""
    with mounted("ramfs", "", tmp_path / "ramfs") as folder:
        yield folder


@contextmanager
def mounted(kind: str, options: str, folder: Path):
    folder.mkdir()
    if _libc.mount(b"trunkrate", os.fsencode(folder), kind.encode(), 0, options.encode()):
        pytest.skip(f"no file system can be mounted here ({os.strerror(ctypes.get_errno())})")
    yield folder
    detach = 2
    assert not _libc.umount2(os.fsencode(folder), detach)
