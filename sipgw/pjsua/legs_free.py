"""The call legs of the library, beside the channels of trunks: two limits, two rules in the CDR."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable

from sipgw.answers import LEGS_FULL
from sipgw.channels import HELD, Acquired, Channel, Channels, Claim, InUse

CONFIRMS_S = 0.6
"""How long a peer that is there takes at most to confirm the end of a leg, as a rule. [s]"""


class Ended:
    """Legs that were hung up so lately that their peers may still confirm it."""

    def __init__(self) -> None:
        self._at: deque[float] = deque()

    def add(self) -> None:
        """A leg is over."""
        self._at.append(time.monotonic())

    def count(self) -> int:
        """How many there are."""
        now = time.monotonic()
        while self._at and now - self._at[0] > CONFIRMS_S:
            self._at.popleft()
        return len(self._at)


def legs_left(limit: int, held: int, up: int, to_come: int, soon: int) -> int:
    """Legs that the library could still take.

    A leg whose peer does not confirm its end keeps its place for some seconds.

    Parameters
    ----------
    limit : legs that it holds
    held : places that are taken
    up : legs that are up, the one of the INVITE that is looked at among them
    to_come : second legs of calls that are admitted, which are made once the library is done with the INVITE
    soon : legs that ended just now and are confirmed soon as a rule, at most those kept free: they may still
        hold places of these, of no others

    Examples
    --------
    >>> legs_left(16, held=3, up=3, to_come=0, soon=0), legs_left(16, held=6, up=3, to_come=1, soon=2)
    (13, 11)
    >>> legs_left(4, held=4, up=1, to_come=0, soon=3)
    0
    """
    if held >= limit:
        return 0
    return limit - up - to_come - max(held - up - soon, 0)


class LegChannels:
    """Channels of trunks that a library with few call legs can carry.

    A call has two legs: the one that came in, and the one that it makes. An ordinary call must leave
    `reserve` legs free, so that the next INVITE is refused here, with a CDR, and an emergency call passes.

    Parameters
    ----------
    channels : of the trunks
    free : how many legs the library could still take, the one that came in already counted
    reserve : legs kept free

    Examples
    --------
    >>> from sipgw.channels import LocalChannels
    >>> channels = LegChannels(LocalChannels(), free=lambda: 1, reserve=2)
    >>> channels.acquire("a", Claim("t1", 10), 0), channels.acquire("b", Claim("t1", 10, emergency=True), 0)
    ('legs_full', 'held')
    """

    def __init__(self, channels: Channels, free: Callable[[], int], reserve: int) -> None:
        self._channels, self._free, self._reserve = channels, free, reserve

    def acquire(self, leg: str, claim: Claim, now: int) -> Acquired:
        outcome = self._channels.acquire(leg, claim, now)
        if outcome == HELD and not claim.emergency and self._free() < 1 + self._reserve:
            self._channels.release(leg)
            return LEGS_FULL
        return outcome

    def release(self, leg: str) -> Channel | None:
        return self._channels.release(leg)

    def up(self) -> list[Channel]:
        return self._channels.up()

    def in_use(self) -> InUse:
        return self._channels.in_use()
