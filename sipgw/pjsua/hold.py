"""Whether a peer was told that the other side holds the call."""

from __future__ import annotations

import random

PENDING = 491
SHORTLY_S = 0.3
"""When to look again whether a re-INVITE that is on its way is over. [s]"""


class Hold:
    """What a peer is to be told, what it was told, and when it may be told again.

    Parameters
    ----------
    is_owner : whether the leg is one that the gateway made, so that its Call-ID is the gateway's

    References
    ----------
    .. [1] RFC 3261, 14.1: two re-INVITEs that cross are both refused with 491; the owner of the Call-ID
       repeats his after 2.1 to 4 s, the other after 0 to 2 s.

    Examples
    --------
    >>> hold = Hold(is_owner=True)
    >>> hold.wanted = True
    >>> hold.is_due(0.0)
    True
    >>> hold.sent()
    >>> hold.is_due(0.0)
    False
    >>> hold.answered(491, 0.0)
    >>> hold.is_due(2.0), hold.is_due(4.0)
    (False, True)
    """

    def __init__(self, is_owner: bool) -> None:
        self._is_owner = is_owner
        self.wanted = self._told = self._is_pending = False
        self._not_before = 0.0

    def is_due(self, now: float) -> bool:
        """Whether the peer is to be told now; now : of any clock that only goes on. [s]"""
        return self.wanted != self._told and not self._is_pending and now >= self._not_before

    def sent(self) -> None:
        """The peer is asked for what is wanted."""
        self._told, self._is_pending = self.wanted, True

    def wait(self, now: float) -> None:
        """It cannot be asked yet."""
        self._not_before = now + SHORTLY_S

    def answered(self, status: int, now: float) -> None:
        """A final answer came; one to a re-INVITE of another purpose changes nothing."""
        if self._is_pending and status == PENDING:
            self._told = not self._told
            self._not_before = now + (random.uniform(2.1, 4) if self._is_owner else random.uniform(0, 2))
        self._is_pending = False
