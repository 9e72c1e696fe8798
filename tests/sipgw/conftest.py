"""Folders for tests of the spool, and gateways that run."""

from __future__ import annotations

import ctypes
import os
import re
import shutil
import tempfile
from contextlib import contextmanager
from pathlib import Path

import pytest
from hosted import Running
from lab import copy_of_files
from spools import let_go


@pytest.fixture
def memory_folder():
    """A folder in memory where there is one: what is no matter of the disk need not wait for it."""
    parent = "/dev/shm" if os.access("/dev/shm", os.W_OK) else None
    folder = Path(tempfile.mkdtemp(prefix="trunkrate-", dir=parent))
    yield folder
    let_go(folder)
    shutil.rmtree(folder)


@pytest.fixture(autouse=True)
def no_spool_stays_open(request):
    """Many tests leave a spool as a kill would: this process has more tests to run."""
    folder = request.getfixturevalue("tmp_path") if "tmp_path" in request.fixturenames else None
    yield
    if folder is not None:
        let_go(folder)


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
    let_go(folder)
    detach = 2
    assert not _libc.umount2(os.fsencode(folder), detach)


@pytest.fixture
def folder(tmp_path):
    copy_of_files(tmp_path)
    text = (tmp_path / "gateway.yaml").read_text(encoding="utf-8")
    (tmp_path / "gateway.yaml").write_text(text.replace("spend_per_day: 50.00, ", ""), encoding="utf-8")
    accounts = tmp_path / "accounts.yaml"
    text = re.sub(r"channels: \[.*?\]", "channels: 3", accounts.read_text(encoding="utf-8"))  # on any day
    text = re.sub(r"    suspensions:\n(      - .*\n)+", "", text)
    accounts.write_text(text, encoding="utf-8")
    return tmp_path


@pytest.fixture
def start(folder):
    started = []

    def one() -> Running:
        started.append(Running(folder))
        return started[-1]

    yield one
    for running in started:
        if running.process.poll() is None:
            running.kill()
