"""How fast calls may come: the library aborts when it has no place for another socket.

Each leg has two sockets. PJSIP gives their places back half a second after they are closed, and has 64 in
pjsua2-python (PJ_IOQUEUE_MAX_HANDLES): some 50 calls a second that are refused, or 25 that are answered, are
too many. Then the loop waits, and the calls with it: none is lost.
"""

from __future__ import annotations

import time
from collections import deque

SOCKETS = 2
CLOSING_S = 0.6
"""How long a closed socket keeps its place: PJ_IOQUEUE_KEY_FREE_DELAY, and some. [s]"""


class Pace:
    """Waits until there is room for the sockets of one more call.

    Parameters
    ----------
    places : for sockets of sound
    """

    def __init__(self, places: int) -> None:
        self._places = places
        self._ended: deque[float] = deque()

    @property
    def most_legs(self) -> int:
        """Legs that can be up while the sockets of as many are being closed.

        Examples
        --------
        >>> Pace(64).most_legs
        16
        """
        return self._places // (2 * SOCKETS)

    def ended(self) -> None:
        """A leg is over."""
        self._ended.append(time.monotonic())

    def recently_ended(self) -> int:
        """Legs that were hung up so lately that their peers may still confirm it."""
        self._forget()
        return len(self._ended)

    def wait(self, legs: int) -> None:
        """Wait for the places of a call's two legs; legs : those that are up, or not yet known as over."""
        while not self._has_room(legs):
            time.sleep(0.01)

    def _has_room(self, legs: int) -> bool:
        self._forget()
        taken = SOCKETS * (legs + len(self._ended))
        return not self._ended or taken + 2 * SOCKETS <= self._places

    def _forget(self) -> None:
        now = time.monotonic()
        while self._ended and now - self._ended[0] > CLOSING_S:
            self._ended.popleft()
