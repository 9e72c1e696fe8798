"""The output folder, or file: it appears whole or not at all (SPEC 12).

Files are written to a hidden folder beside it, flushed to disk, and renamed into place. A run that dies
leaves only that hidden folder, which the next run to the same place removes.
"""

from __future__ import annotations

import ctypes
import errno
import fcntl
import glob
import os
import secrets
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from rating.errors import UsageError

OUTPUTS = frozenset(
    f"{name}.csv"
    for name in ("rated_calls", "unrated", "rejects", "findings", "usage", "occupancy", "limits")
) | {"rated_calls.parquet", "run.json", "inputs"}
"""Everything that a run writes to its folder."""

LOCK = ".lock"
"""Ending of the lock file of a folder that is being written."""


def check_target(out: Path, force: bool) -> None:
    """Refuse a folder that exists; with `force`, one that is not an earlier run's output.

    Raises
    ------
    UsageError
    """
    if not os.path.lexists(out):
        return
    if not force:
        raise UsageError(
            f"{out}: output folder exists; expected a new folder, or --force to replace it whole.",
            "OUT-EXISTS",
        )
    if out.is_symlink():
        raise UsageError(f"{out}: is a symbolic link; expected a folder.", "OUT-EXISTS")
    names = {path.name for path in out.iterdir()} if out.is_dir() else {""}
    if names and "run.json" not in names:
        raise UsageError(
            f"{out}: is no output of an earlier run; expected --force on a folder with run.json, so that "
            "nothing else is deleted.",
            "OUT-EXISTS",
        )
    foreign = sorted(names - OUTPUTS)
    if foreign:
        raise UsageError(
            f"{out}: holds {', '.join(foreign)} beside the output; expected nothing that --force would "
            "delete with it.",
            "OUT-EXISTS",
        )


@contextmanager
def whole_folder(out: Path, force: bool) -> Iterator[Path]:
    """A folder to write to that becomes `out` when the block ends well, and vanishes when it does not.

    Raises
    ------
    UsageError
        The place cannot be written, is full, or was taken meanwhile.
    """
    check_target(out, force)
    try:
        out.parent.mkdir(parents=True, exist_ok=True)
        _remove_left_overs(out)
    except OSError as error:
        raise _cannot_write(out, error) from None
    # named before it is there: an interrupt at any instant finds it
    aside = out.parent / f"{_prefix(out)}{secrets.token_hex(6)}"
    name, lock = Path(f"{aside}{LOCK}"), -1
    try:
        lock = _lock(name)
        aside.mkdir()
        yield aside
        _flush(aside)
        _swap(aside, out, force)
    except OSError as error:
        if not force and error.errno in (errno.EEXIST, errno.ENOTEMPTY, errno.ENOTDIR):
            check_target(out, force)
        raise _cannot_write(out, error) from None
    finally:
        shutil.rmtree(aside, ignore_errors=True)
        with suppress(OSError):  # a disk that cannot be written has none; the next run removes one that stays
            name.unlink()
        if lock >= 0:
            os.close(lock)


@contextmanager
def temporary(folder: Path) -> Iterator[Path]:
    """A folder inside one that is being written, for what the memory does not hold; gone when the
    block ends well (and with the folder when it does not)."""
    inside = folder / "spilled"
    inside.mkdir()
    yield inside
    for path in inside.iterdir():
        path.unlink()
    inside.rmdir()


def check_new(out: Path) -> None:
    """Refuse a file that exists.

    Raises
    ------
    UsageError
    """
    if os.path.lexists(out):
        raise UsageError(f"{out}: exists; expected a new file.", "OUT-EXISTS")


@contextmanager
def whole_file(out: Path) -> Iterator[Path]:
    """A file to write to that becomes `out` when the block ends well, and vanishes when it does not.

    Raises
    ------
    UsageError
        The place cannot be written, is full, or was taken meanwhile.
    """
    check_new(out)
    made = [folder for folder in (out.parent, *out.parent.parents) if not folder.exists()]
    aside: Path | None = None
    try:
        out.parent.mkdir(parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(prefix=f".{out.name}.", dir=out.parent)
        os.close(handle)
        aside = Path(name)
        yield aside
        aside.chmod(0o644)
        _sync(aside)
        check_new(out)
        os.rename(aside, out)
        aside = None
    except OSError as error:
        raise _cannot_write(out, error) from None
    finally:
        if aside is not None:
            aside.unlink(missing_ok=True)
        for folder in made:
            with suppress(OSError):  # not empty: it holds the file
                folder.rmdir()


def _cannot_write(out: Path, error: OSError) -> UsageError:
    return UsageError(
        f"{out}: cannot be written ({error.strerror or error}); expected a writable place with room. "
        "No output was left. [OUT-WRITE]"
    )


def _prefix(out: Path) -> str:
    return f".{out.name}.trunkrate-"


def _lock(name: Path) -> int:
    """Make a file and lock it; it is there, and locked, as long as the run that writes is alive."""
    while True:
        handle = os.open(name, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        fcntl.flock(handle, fcntl.LOCK_EX)
        if name.exists():  # another run may take it for one that was left
            return handle
        os.close(handle)


def _remove_left_overs(out: Path) -> None:
    """Delete what runs that died left beside `out`."""
    for path in out.parent.glob(f"{glob.escape(_prefix(out))}*{LOCK}"):
        try:
            with path.open("r+") as lock:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                shutil.rmtree(str(path).removesuffix(LOCK), ignore_errors=True)
                path.unlink()
        except OSError:
            continue


def _flush(folder: Path) -> None:
    """Force files and folders to disk."""
    for path in [*folder.rglob("*"), folder]:
        _sync(path)


def _sync(path: Path) -> None:
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _swap(aside: Path, out: Path, force: bool) -> None:
    """Rename into place; an older output changes places with the new one, in one step."""
    aside.chmod(0o777 & ~_umask())
    if force and os.path.lexists(out):
        check_target(out, force)
        _exchange(aside, out)
    else:
        os.rename(aside, out)
    _sync(out.parent)


def _exchange(one: Path, other: Path) -> None:
    """Swap two folders (Linux renameat2), so that a kill leaves one of them in place, whole."""
    at_cwd, rename_exchange = -100, 2
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.renameat2(at_cwd, os.fsencode(one), at_cwd, os.fsencode(other), rename_exchange):
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask
