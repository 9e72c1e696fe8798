"""The call legs of the library, beside the channels of trunks: two limits, two rules in the CDR."""

from __future__ import annotations

from collections.abc import Callable

from sipgw.answers import LEGS_FULL
from sipgw.channels import HELD, Acquired, Channel, Channels, Claim, InUse


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
