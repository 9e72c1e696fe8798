"""Places for sockets: the library aborts when it takes one that is not there.

PJSIP has two queues of 64 places each (PJ_IOQUEUE_MAX_HANDLES), for signalling and for sound, and gives a
place back half a second after its socket is closed. While some are on their way back it takes it for granted
that one is free. Whoever connects twenty times in a blink, offers sixteen lines of sound or has many calls
fail would end the process. So its sockets come by here before they take their places.
"""

from __future__ import annotations

import ctypes
import socket
import time
from collections import defaultdict, deque
from collections.abc import Callable
from typing import Any

from sipgw.pjsua.interpose import replaced

CLOSING_S = 0.6
"""How long a closed socket keeps its place: PJ_IOQUEUE_KEY_FREE_DELAY, and some. [s]"""
SOCKETS = 2
"""Sockets of a leg: RTP and RTCP."""
TOO_MANY = 70010
"""PJ_ETOOMANY, which PJSIP says where all places are taken and none is on its way back."""

_POINTER = ctypes.c_void_p
_REGISTER = ctypes.CFUNCTYPE(ctypes.c_int, _POINTER, _POINTER, ctypes.c_long, *[_POINTER] * 4)
_UNREGISTER = ctypes.CFUNCTYPE(ctypes.c_int, _POINTER)


def most_legs(places: int) -> int:
    """Legs that can be up while the sockets of as many are being closed.

    Examples
    --------
    >>> most_legs(64)
    16
    """
    return places // (2 * SOCKETS)


class Places:
    """Stands between the library and its queues: a connection that comes finds a place or is closed; what the
    library makes by itself waits for one.

    Parameters
    ----------
    library : PJSIP's functions
    most : places of a queue
    """

    def __init__(self, library: Any, most: int) -> None:
        self._library, self._most = library, most
        self._closed: dict[int, deque[float]] = defaultdict(deque)
        self._taken: dict[int, int] = {}
        self._open: dict[int, int] = defaultdict(int)
        self._refused = 0
        self._real_register = _REGISTER(("pj_ioqueue_register_sock2", library))
        self._real_unregister = _UNREGISTER(("pj_ioqueue_unregister", library))
        self._register, self._unregister = _REGISTER(self._takes), _UNREGISTER(self._leaves)
        self._put_back: Callable[[], None] | None = None

    def watch(self) -> bool:
        """Begin; whether this build of the library lets us."""
        calls = {"pj_ioqueue_register_sock2": self._register, "pj_ioqueue_unregister": self._unregister}
        self._put_back = replaced(self._library, calls)
        return self._put_back is not None

    def leave(self) -> None:
        """Let the library call itself again."""
        if self._put_back is not None:
            self._put_back()

    def refused(self) -> int:
        """Connections that were closed because there were too many, since this was asked last."""
        count, self._refused = self._refused, 0
        return count

    # --- called by the library: nothing may be raised

    def _takes(
        self, pool: int, queue: int, handle: int, lock: int, data: int, calls: int, key_at: int
    ) -> int:
        has_come = _is_connected(handle)
        while not self._has_room(queue):
            if has_come:
                self._refused += 1
                _POINTER.from_address(key_at).value = None
                return TOO_MANY
            time.sleep(0.01)
        status = int(self._real_register(pool, queue, handle, lock, data, calls, key_at))
        key = _POINTER.from_address(key_at).value
        if status == 0 and key:
            self._taken[key] = queue
            self._open[queue] += 1
        self._refused += has_come and status == TOO_MANY
        return status

    def _leaves(self, key: int) -> int:
        queue = self._taken.pop(key, None)
        if queue is not None:
            self._open[queue] -= 1
            self._closed[queue].append(time.monotonic())
        return int(self._real_unregister(key))

    def _has_room(self, queue: int) -> bool:
        """Whether a place is free, or the library knows by itself that none is."""
        now, closed = time.monotonic(), self._closed[queue]
        while closed and now - closed[0] > CLOSING_S:
            closed.popleft()
        return not closed or self._open[queue] + len(closed) < self._most


def _is_connected(handle: int) -> bool:
    """Whether a socket has a peer: a connection that has come, while those that go out have none yet."""
    try:
        one = socket.socket(fileno=handle)
    except (OSError, ValueError):
        return False
    try:
        one.getpeername()
    except OSError:
        return False
    finally:
        one.detach()
    return one.type == socket.SOCK_STREAM
