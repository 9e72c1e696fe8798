"""Who watches over the calls: suspends trunks, guards against fraud and spending, tells the status."""

from __future__ import annotations

from collections.abc import Collection
from typing import Protocol

from rating.accounts import Trunk
from sipgw.attempt import Attempt
from sipgw.calls_up import UpCall
from sipgw.policy import NO_SUSPENSION, Decision, Suspended


class Overseer(Protocol):
    """What the runtime asks and tells, from any thread; `look` comes from the engine's own."""

    @property
    def suspended(self) -> Suspended:
        """Trunks that people suspended while the gateway runs, and the scopes."""

    def tripped(self, trunk: Trunk, attempt: Attempt, now: int) -> str | None:
        """Why a guard refuses an outbound call; None where none does."""

    def decided(self, decision: Decision) -> None:
        """What became of an attempt."""

    def begun(self, call: UpCall) -> None:
        """A call that was admitted."""

    def ended(self, call: UpCall, release: int) -> None:
        """A call that is over."""

    def look(self, now: int) -> Collection[str]:
        """Twice a second: legs that are to be hung up."""

    def options(self, peer: str, way: str, time: int, code: int) -> None:
        """An OPTIONS that was sent or received, and the code of its answer, 0 for none."""

    def close(self) -> None:
        """The gateway stops."""


class Nobody:
    """An overseer who suspends and guards nothing."""

    suspended: Suspended = NO_SUSPENSION

    def tripped(self, trunk: Trunk, attempt: Attempt, now: int) -> str | None:
        return None

    def decided(self, decision: Decision) -> None:
        """Counts nothing."""

    def begun(self, call: UpCall) -> None:
        """Counts nothing."""

    def ended(self, call: UpCall, release: int) -> None:
        """Counts nothing."""

    def look(self, now: int) -> Collection[str]:
        return ()

    def options(self, peer: str, way: str, time: int, code: int) -> None:
        """Keeps nothing."""

    def close(self) -> None:
        """Holds nothing."""
