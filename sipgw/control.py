"""The gateway's control socket: one line of JSON each way, for its own user only.

A lock that the kernel gives back, however a process ends, says whether a gateway runs on a spool: a second
one is refused, and a socket without the lock behind it is a leftover.
"""

from __future__ import annotations

import fcntl
import json
import os
import socket
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from typing import Any

from rating.errors import UsageError
from rating.sources.growing import LOCK

SOCKET = "control.sock"
REQUEST_BYTES, ANSWER_BYTES = 64 << 10, 64 << 20
PATIENCE_S = 2.0
AT_ONCE = 8

Request = Mapping[str, Any]
Answer = dict[str, Any]


class NoGateway(Exception):
    """Nobody answers on the socket, for the reason told."""


class Control:
    """Listens while the gateway runs.

    Parameters
    ----------
    folder : the spool's state
    answer : gives the answer to a request, in a thread of its own; what it raises is told as a fault

    Raises
    ------
    UsageError
        A gateway runs on this spool already, or the folder cannot be used.
    """

    def __init__(self, folder: Path, answer: Callable[[Request], Answer]) -> None:
        self._folder = folder
        self._answer = answer
        self._slots = threading.BoundedSemaphore(AT_ONCE)
        try:
            folder.mkdir(parents=True, exist_ok=True)
            self._lock = _hold_lock(folder)
            try:
                self._socket = _listen(folder)
            except OSError:
                os.close(self._lock)
                raise
        except OSError as error:
            problem = f"{folder}: the control socket cannot be made ({error.strerror or error})"
            raise UsageError(
                f"{problem}; expected a folder that the gateway may write to.", "GATEWAY-STATE"
            ) from None
        self._thread = threading.Thread(target=self._serve, name="control", daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Stop listening, and let another gateway take the spool."""
        with suppress(OSError):
            self._socket.shutdown(socket.SHUT_RDWR)
        self._socket.close()
        self._thread.join(PATIENCE_S)
        with suppress(FileNotFoundError):
            (self._folder / SOCKET).unlink()
        os.close(self._lock)

    def _serve(self) -> None:
        while True:
            try:
                connection, _ = self._socket.accept()
            except OSError:
                return
            if self._slots.acquire(timeout=2 * PATIENCE_S):
                threading.Thread(target=self._talk, args=(connection,), daemon=True).start()
            else:
                connection.close()

    def _talk(self, connection: socket.socket) -> None:
        """One request and its answer; who is slow or says too much is left."""
        try:
            with closing(connection), suppress(OSError):
                line = _read_line(connection, REQUEST_BYTES, time.monotonic() + PATIENCE_S)
                connection.settimeout(PATIENCE_S)
                connection.sendall(json.dumps(self._reply(line)).encode("ascii") + b"\n")
        finally:
            self._slots.release()

    def _reply(self, line: bytes | None) -> Answer:
        if line is None:
            return {"error": f"the request is longer than {REQUEST_BYTES} bytes"}
        try:
            request = json.loads(line)
        except (ValueError, RecursionError):
            return {"error": "the request is no JSON"}
        if not isinstance(request, dict):
            return {"error": "the request is no JSON object"}
        try:
            return self._answer(request)
        except Exception as error:
            words = " ".join(str(error).split())
            return {"error": f"a fault of the gateway's own ({type(error).__name__}: {words})"}


def ask(folder: Path, request: Request, patience_s: float = 5.0) -> Answer:
    """The gateway's answer to a request.

    Raises
    ------
    NoGateway
        None runs on this spool, or it does not answer in time.
    """
    deadline = time.monotonic() + patience_s
    try:
        with _short(folder) as place, closing(socket.socket(socket.AF_UNIX)) as connection:
            connection.settimeout(patience_s)
            connection.connect(place)
            connection.sendall(json.dumps(dict(request)).encode("ascii") + b"\n")
            line = _read_line(connection, ANSWER_BYTES, deadline)
    except (FileNotFoundError, ConnectionRefusedError, NotADirectoryError):
        raise NoGateway("no gateway runs on this spool") from None
    except OSError as error:
        words = "in time" if isinstance(error, TimeoutError) else f"({error.strerror or error})"
        raise NoGateway(f"the gateway does not answer {words}") from None
    try:
        found = json.loads(line or b"")
    except (ValueError, RecursionError):
        found = None
    if not isinstance(found, dict):
        raise NoGateway("the gateway gives no answer that can be read")
    return found


def _read_line(connection: socket.socket, most: int, deadline: float) -> bytes | None:
    """Bytes up to the first newline or the end; None where they are too many."""
    parts, size = [], 0
    while True:
        left = deadline - time.monotonic()
        if left <= 0:
            raise TimeoutError
        connection.settimeout(left)
        part = connection.recv(1 << 16)
        head, newline, _ = part.partition(b"\n")
        parts.append(head)
        size += len(head)
        if size > most:
            return None
        if newline or not part:
            return b"".join(parts)


def _hold_lock(folder: Path) -> int:
    descriptor = os.open(folder / LOCK, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        pid = os.pread(descriptor, 20, 0).decode("ascii", "replace").strip()
        os.close(descriptor)
        problem = f"{folder}: a gateway runs on this spool already (process {pid or 'unknown'})"
        raise UsageError(f"{problem}; expected one gateway for a spool.", "GATEWAY-TWICE") from None
    os.ftruncate(descriptor, 0)
    os.pwrite(descriptor, f"{os.getpid()}\n".encode("ascii"), 0)
    return descriptor


def _listen(folder: Path) -> socket.socket:
    """A socket for this user alone; whoever holds the lock may clear away an old one."""
    with suppress(FileNotFoundError):
        (folder / SOCKET).unlink()
    made = socket.socket(socket.AF_UNIX)
    before = os.umask(0o177)
    try:
        with _short(folder) as place:
            made.bind(place)
        made.listen(AT_ONCE)
    except OSError:
        made.close()
        raise
    finally:
        os.umask(before)
    return made


@contextmanager
def _short(folder: Path) -> Iterator[str]:
    """A name of the socket by the folder's descriptor: an address takes 107 bytes, a path may have more."""
    descriptor = os.open(folder, os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        yield f"/proc/self/fd/{descriptor}/{SOCKET}"
    finally:
        os.close(descriptor)
