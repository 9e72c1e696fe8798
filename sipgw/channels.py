"""Channels held now: the protocol of every counter, and the one of a single process.

A counter stands apart from the directory: a new accounts file changes what may be held, never what is. On
several processes or nodes the same protocol is a lock around a dialog profile, or one script in a shared
store: `acquire` compares and counts in one step, and says which limit stood in the way.
"""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal, Protocol

from sipgw.answers import REPEATED, SITE_FULL, TRUNK_FULL

HELD: Literal["held"] = "held"
Acquired = Literal["held", "trunk_full", "site_full", "legs_full", "repeated"]

InUse = Mapping[tuple[str, str], int]
"""Channels held, by (trunk, site); (trunk, "") is the whole trunk. What is missing holds none."""


@dataclass(frozen=True)
class Claim:
    """A channel that a call asks for.

    trunk, site : ids; the site is "" where the own number is of none
    trunk_channels, site_channels : how many may be held; that of no site is not looked at
    emergency : whether it is granted beyond them
    """

    trunk: str
    trunk_channels: int
    site: str = ""
    site_channels: int = 0
    emergency: bool = False

    def what_is_full(self, in_use: InUse) -> Literal["", "trunk_full", "site_full"]:
        """The rule that refuses the claim while so many channels are held; "" where none does.

        Examples
        --------
        >>> claim = Claim("t1", 10, "paris", 6)
        >>> [claim.what_is_full({("t1", ""): 9, ("t1", "paris"): held}) for held in (5, 6)]
        ['', 'site_full']
        """
        if self.emergency:
            return ""
        if in_use.get((self.trunk, ""), 0) >= self.trunk_channels:
            return TRUNK_FULL
        if self.site and in_use.get((self.trunk, self.site), 0) >= self.site_channels:
            return SITE_FULL
        return ""


@dataclass(frozen=True)
class Channel:
    """A channel that is held; since : instant of the INVITE [ns]."""

    leg: str
    trunk: str
    site: str
    since: int
    emergency: bool


class Channels(Protocol):
    """Counts the channels of all trunks and their sites."""

    def acquire(self, leg: str, claim: Claim, now: int) -> Acquired:
        """Hold a channel of the trunk and of the site, or of neither.

        Parameters
        ----------
        leg : what names this call leg, and no other that is up
        now : instant of the INVITE [ns]

        Returns
        -------
        "held", also for an emergency claim whatever is held, even where a store cannot be reached; the limit
        that is reached, of the trunk, the site or the engine's call legs; "repeated" where the leg holds one
        already (an emergency claim of such a leg is "held", and counted once).
        """

    def release(self, leg: str) -> Channel | None:
        """Give back the channel of a leg; None where it holds none (any more), for the caller to report."""

    def up(self) -> list[Channel]:
        """The channels held, the longest held first."""

    def in_use(self) -> InUse:
        """How many are held, at one instant."""


class LocalChannels:
    """The channels of one process, for any number of threads.

    Examples
    --------
    >>> channels = LocalChannels()
    >>> [channels.acquire(leg, Claim("t1", 1), 0) for leg in ("a", "b")]
    ['held', 'trunk_full']
    >>> channels.release("a").since, channels.release("a")
    (0, None)
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._held: dict[str, Channel] = {}
        self._count: Counter[tuple[str, str]] = Counter()

    def acquire(self, leg: str, claim: Claim, now: int) -> Acquired:
        with self._lock:
            if leg in self._held:
                return HELD if claim.emergency else REPEATED
            full = claim.what_is_full(self._count)
            if full:
                return full
            channel = Channel(leg, claim.trunk, claim.site, now, claim.emergency)
            self._held[leg] = channel
            for place in _places(channel):
                self._count[place] += 1
            return HELD

    def release(self, leg: str) -> Channel | None:
        with self._lock:
            channel = self._held.pop(leg, None)
            if channel is not None:
                for place in _places(channel):
                    self._count[place] -= 1
                    if not self._count[place]:
                        del self._count[place]
            return channel

    def up(self) -> list[Channel]:
        with self._lock:
            held = list(self._held.values())
        return sorted(held, key=lambda channel: (channel.since, channel.leg))

    def in_use(self) -> InUse:
        with self._lock:
            return dict(self._count)


def _places(channel: Channel) -> list[tuple[str, str]]:
    """What a channel is counted in: its trunk, and its site where it has one."""
    whole = (channel.trunk, "")
    return [whole, (channel.trunk, channel.site)] if channel.site else [whole]
