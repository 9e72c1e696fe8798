"""What the user names as CDR files: paths, folders, `-`, gzip."""

from __future__ import annotations

import gzip
import hashlib
import io
import shutil
import sys
import tempfile
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import BinaryIO

from rating.errors import UsageError
from rating.sources.growing import OF_A_GATEWAY, Head, Whole, whole_lines

SUFFIXES = (".csv", ".jsonl", ".ndjson", ".parquet")
MAYBE = (".json", ".zip", ".txt", ".log")
"""Endings of files in folders that are CDRs only if their content is of a known format."""

BLOCK = 32 << 20
HASHED = 1 << 20
"""Bytes that are hashed at a time."""


@dataclass
class _Place:
    """How far a file is read: by its stream, or as a reader says."""

    stream: BinaryIO | None = None
    told: int = 0


@dataclass(frozen=True)
class CdrFile:
    """A file to read: the name that the user sees, and where its bytes are.

    whole : of a file that a gateway is writing, what was whole when the run began: no more is read
    """

    name: str
    path: Path
    is_spooled: bool = False
    whole: Whole | None = None
    _place: _Place = field(default_factory=_Place, compare=False, repr=False)

    @property
    def size(self) -> int:
        """Bytes as they are stored."""
        return self.path.stat().st_size if self.whole is None else self.whole.size

    @property
    def position(self) -> int:
        """Bytes as they are stored that the reader has passed, as far as it can be told."""
        stream = self._place.stream
        if stream is None:
            return self._place.told
        return self.size if stream.closed else stream.tell()

    def tell(self, done: int, total: int) -> None:
        """Say how far a file is read that is not read from its begin to its end."""
        self._place.stream, self._place.told = None, self.size * done // max(total, 1)

    @property
    def is_gzip(self) -> bool:
        with self.path.open("rb") as file:
            return file.read(2) == b"\x1f\x8b"

    @contextmanager
    def open(self) -> Iterator[BinaryIO]:
        """The content, decompressed."""
        with self.path.open("rb") as stored:
            self._place.stream = stored
            if self.whole is not None:
                yield io.BufferedReader(Head(stored, self.whole.size))
            elif self.is_gzip:
                with gzip.open(stored, "rb") as unpacked:
                    yield unpacked  # type: ignore[misc]
            else:
                yield stored

    def sha256(self, stop: threading.Event | None = None) -> str:
        """Digest of the bytes as they are stored; empty when it is told to stop on the way."""
        digest = hashlib.sha256()
        rest = self.size
        with self.path.open("rb", buffering=0) as file:
            while data := file.read(HASHED if self.whole is None else min(HASHED, rest)):
                if stop is not None and stop.is_set():
                    return ""
                digest.update(data)
                rest -= len(data)
        return digest.hexdigest()


def expand(
    names: list[str],
    is_known: Callable[[CdrFile], bool] = lambda file: False,
    copy_table: Callable[[str], CdrFile] | None = None,
) -> tuple[list[CdrFile], list[str]]:
    """The files that paths, folders and `-` stand for, in name order, and what was passed over.

    In folders, hidden files, files of other endings and the outputs of earlier runs are passed over; so is
    what a gateway keeps beside its CDRs, which is not told. Files whose ending may mean anything count where
    `is_known` says so of their content. Of files that a gateway is writing (rating.sources.growing) the whole
    lines count. `copy_table` reads names that are URLs.

    Raises
    ------
    UsageError
        A path that does not exist, a folder without CDRs, one file named twice.
    """
    files: list[CdrFile] = []
    try:
        return _expand(names, files, is_known, copy_table)
    except BaseException:
        forget(files)
        raise


def forget(files: list[CdrFile]) -> None:
    """Delete the copies that were made of standard input and pipes."""
    for file in files:
        if file.is_spooled:
            file.path.unlink(missing_ok=True)


def _expand(
    names: list[str],
    files: list[CdrFile],
    is_known: Callable[[CdrFile], bool],
    copy_table: Callable[[str], CdrFile] | None,
) -> tuple[list[CdrFile], list[str]]:
    skipped: list[str] = []
    for name in names:
        path = Path(name)
        if name == "-":
            files.append(_spooled("-", sys.stdin.buffer))
        elif copy_table is not None and "://" in name and not path.exists():
            files.append(copy_table(name))
        elif path.is_fifo() or path.is_char_device():
            with path.open("rb") as stream:
                files.append(_spooled(name, stream))
        elif path.is_dir():
            found, passed = _folder(path, is_known)
            if not found:
                raise UsageError(
                    f"{name}: folder holds no CDR file; expected files ending in {', '.join(SUFFIXES)}, "
                    "plain or .gz.",
                    "CDR-FOLDER",
                )
            files += found
            skipped += passed
        elif path.exists():
            files.append(CdrFile(name, path, whole=whole_lines(path)))
        else:
            raise UsageError(
                f"{name}: is not there; expected a CDR file, a folder or -.",
                "CDR-FILE",
            )
    seen: dict[str, str] = {}
    for file in files:
        place = file.name if file.is_spooled else str(file.path.resolve())
        if place in seen:
            raise UsageError(
                f"{file.name}: is the same file as {seen[place]}; expected each file once.",
                "CDR-FILE",
            )
        seen[place] = file.name
    return sorted(files, key=lambda file: file.name), sorted(skipped)


def _folder(folder: Path, is_known: Callable[[CdrFile], bool]) -> tuple[list[CdrFile], list[str]]:
    found, passed = [], []
    outputs = {path.parent for path in folder.rglob("run.json")}
    for path in sorted(folder.rglob("*")):
        inside = path.relative_to(folder).parts
        if not path.is_file() or any(part.startswith(".") for part in inside[:-1]):
            continue
        if path.name in OF_A_GATEWAY:
            continue
        name = path.name.lower().removesuffix(".gz")
        if outputs.intersection(path.parents) or path.name.startswith("."):
            passed.append(str(path))
        elif name.endswith(SUFFIXES) or (name.endswith(MAYBE) and is_known(CdrFile(str(path), path))):
            whole = whole_lines(path)
            if whole is None or whole.size:
                found.append(CdrFile(str(path), path, whole=whole))
            else:
                passed.append(str(path))
        else:
            passed.append(str(path))
    return found, passed


def _spooled(name: str, stream: BinaryIO) -> CdrFile:
    """Standard input or a pipe as a file, so that it can be read twice."""
    with tempfile.NamedTemporaryFile(prefix="trunkrate-pipe-", delete=False) as file:
        shutil.copyfileobj(stream, file)
    return CdrFile(name, Path(file.name), is_spooled=True)


def blocks_of_lines(stream: BinaryIO, size: int = BLOCK) -> Iterator[bytes]:
    """Whole lines in blocks of about `size` bytes; the last line end may be missing."""
    rest = b""
    while chunk := stream.read(size):
        cut = chunk.rfind(b"\n") + 1
        if cut:
            yield rest + chunk[:cut]
            rest = chunk[cut:]
        else:
            rest += chunk
    if rest:
        yield rest
