"""How many TCP and TLS connections are taken: the library aborts when it has no place for another socket.

PJSIP has 64 places (PJ_IOQUEUE_MAX_HANDLES) and gives one back half a second after its socket is closed.
While some are on their way back it takes it for granted that one is free: whoever connects twenty times in a
blink would end the process. So its calls of accept() and socket() come by here.
"""

from __future__ import annotations

import ctypes
import errno
import itertools
import os
import socket
import time
from collections import deque
from collections.abc import Callable
from typing import Any

from sipgw.pjsua.interpose import replaced
from sipgw.pjsua.pace import CLOSING_S

SPARED = 8
"""Places for what is no stream: listeners of UDP, questions for names."""

ERRORS = (errno.ECONNABORTED, errno.EPROTO)
"""What accept() says of a connection that is closed, in turns: after 50 equal ones PJSIP accepts no more."""

_KIND = 0xF  # the rest of socket()'s second argument are flags
_ACCEPT = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.c_int, ctypes.c_void_p, ctypes.c_void_p, use_errno=True)
_SOCKET = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.c_int, ctypes.c_int, ctypes.c_int, use_errno=True)


class Connections:
    """The stream sockets of the library: of too many, those that come are closed at once and those that it
    makes wait.

    Parameters
    ----------
    places : for sockets of signalling
    """

    def __init__(self, places: int) -> None:
        self._most = places - SPARED
        self._open: dict[int, int] = {}
        self._closed: deque[float] = deque()
        self._refused = 0
        self._errors = itertools.cycle(ERRORS)
        system = ctypes.CDLL(None, use_errno=True)
        self._system_accept, self._system_socket = _ACCEPT(("accept", system)), _SOCKET(("socket", system))
        self._accept, self._socket = _ACCEPT(self._accepted), _SOCKET(self._made)
        self._put_back: Callable[[], None] | None = None

    def watch(self, library: Any) -> bool:
        """Stand between a library and the system; whether its build lets us."""
        self._put_back = replaced(library, {"accept": self._accept, "socket": self._socket})
        return self._put_back is not None

    def leave(self) -> None:
        """Let the library call the system itself again."""
        if self._put_back is not None:
            self._put_back()

    def refused(self) -> int:
        """Connections that were closed because there were too many, since this was asked last."""
        self._forget()
        count, self._refused = self._refused, 0
        return count

    # --- called by the library: nothing may be raised

    def _accepted(self, listener: int, address: int, length: int) -> int:
        handle = int(self._system_accept(listener, address, length))
        if handle < 0:
            return handle
        if self._has_room():
            self._open[handle] = _node(handle)
            return handle
        os.close(handle)
        self._refused += 1
        ctypes.set_errno(next(self._errors))
        return -1

    def _made(self, family: int, kind: int, protocol: int) -> int:
        is_stream = kind & _KIND == socket.SOCK_STREAM
        while is_stream and self._closed and not self._has_room():
            time.sleep(0.01)
        handle = int(self._system_socket(family, kind, protocol))
        if is_stream and handle >= 0:
            self._open[handle] = _node(handle)
        return handle

    def _has_room(self) -> bool:
        self._forget()
        return len(self._open) + len(self._closed) < self._most

    def _forget(self) -> None:
        """See which are closed by now, and whose places are free again."""
        now = time.monotonic()
        for handle in [handle for handle, node in self._open.items() if _node(handle) != node]:
            del self._open[handle]
            self._closed.append(now)
        while self._closed and now - self._closed[0] > CLOSING_S:
            self._closed.popleft()


def _node(handle: int) -> int:
    """What tells a socket from a later one of the same number; 0 where there is none."""
    try:
        return os.fstat(handle).st_ino
    except OSError:
        return 0
