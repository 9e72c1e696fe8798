"""The output folder: it appears whole or not at all (SPEC 12).

Files are written to a hidden folder beside it, flushed to disk, and renamed into place. A run that dies
leaves only that hidden folder, which the next run to the same place removes.
"""

from __future__ import annotations

import ctypes
import fcntl
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from rating.errors import UsageError

LOCK = ".lock"


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
            f"{out}: output folder exists; expected a new folder, or --force to replace it whole. "
            "Nothing was rated. [OUT-EXISTS]"
        )
    is_ours = (
        out.is_dir() and not out.is_symlink() and ((out / "run.json").is_file() or not any(out.iterdir()))
    )
    if not is_ours:
        raise UsageError(
            f"{out}: is no output of an earlier run; expected --force on a folder with run.json, so that "
            "nothing else is deleted. Nothing was rated. [OUT-EXISTS]"
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
        aside = Path(tempfile.mkdtemp(prefix=_prefix(out), dir=out.parent))
    except OSError as error:
        raise _cannot_write(out, error) from None
    try:
        with (aside / LOCK).open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield aside
            _flush(aside)
            (aside / LOCK).unlink()
            _swap(aside, out, force)
    except OSError as error:
        raise _cannot_write(out, error) from None
    finally:
        shutil.rmtree(aside, ignore_errors=True)


def _cannot_write(out: Path, error: OSError) -> UsageError:
    return UsageError(
        f"{out}: cannot be written ({error.strerror or error}); expected a writable place with room. "
        "No output was left. [OUT-WRITE]"
    )


def _prefix(out: Path) -> str:
    return f".{out.name}.trunkrate-"


def _remove_left_overs(out: Path) -> None:
    """Delete what runs that died left beside `out`; those of living runs are locked."""
    for path in out.parent.glob(f"{_prefix(out)}*"):
        try:
            with (path / LOCK).open("r+") as lock:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                shutil.rmtree(path, ignore_errors=True)
        except OSError:
            continue


def _flush(folder: Path) -> None:
    """Force files and folders to disk."""
    for path in [*folder.rglob("*"), folder]:
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
    handle = os.open(out.parent, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


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
