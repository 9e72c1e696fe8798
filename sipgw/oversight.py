"""Suspensions, guards, control socket, status and metrics over the calls of a gateway that runs."""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Sequence

from rating.accounts import Trunk
from sipgw.attempt import Attempt
from sipgw.calls_up import UpCall
from sipgw.control import Control
from sipgw.gateway import Gateway
from sipgw.guards import Guards
from sipgw.metrics import Metrics
from sipgw.orders import Orders
from sipgw.policy import Decision, Suspended
from sipgw.settings import Settings
from sipgw.status import Counts
from sipgw.suspensions import Suspensions


class Oversight:
    """The overseer of a gateway (overseer.py); it begins to watch when it is made.

    Raises
    ------
    UsageError
        The state folder or the metrics' port cannot be used, or another gateway runs on the spool.
    """

    def __init__(
        self, gateway: Gateway, settings: Settings, now: int, clock: Callable[[], int] = time.time_ns
    ) -> None:
        self._gateway = gateway
        self._counts = Counts(now)
        self._to_drop: set[str] = set()
        self._suspensions = Suspensions(settings.suspensions_file)
        # The spool was opened, so no other gateway runs, and the calls of a crash have their CDRs by now.
        self._guards = Guards(lambda: gateway.directory, self._suspensions, now)
        self._orders = Orders(
            lambda: gateway.directory,
            self._suspensions,
            self._guards,
            self,
            gateway.channels,
            self._counts,
            clock,
        )
        self._control = Control(settings.state_folder, self._orders.answer)
        try:
            self._metrics = Metrics(settings.metrics, self._orders.status) if settings.metrics else None
        except BaseException:
            self._control.close()
            raise
        gateway.overseer = self

    # --- what the runtime asks and tells

    @property
    def suspended(self) -> Suspended:
        return self._suspensions.suspended

    def tripped(self, trunk: Trunk, attempt: Attempt, now: int) -> str | None:
        return self._guards.tripped(trunk, attempt, now)

    def decided(self, decision: Decision) -> None:
        self._counts.decided(decision)

    def begun(self, call: UpCall) -> None:
        self._guards.begun(call)

    def ended(self, call: UpCall, release: int) -> None:
        self._guards.ended(call, release)

    def look(self, now: int) -> Collection[str]:
        """Look at guards and suspensions; legs that one of these is to end."""
        self._orders.tick()
        legs, self._to_drop = self._to_drop, set()
        return legs

    def options(self, peer: str, way: str, time: int, code: int) -> None:
        self._counts.options(peer, way, time, code)

    def close(self) -> None:
        self._control.close()
        if self._metrics is not None:
            self._metrics.close()

    # --- what orders ask (calls_up.Calls)

    def up(self) -> Sequence[UpCall]:
        return self._gateway.up()

    def hang_up(self, legs: Collection[str]) -> None:
        """Have the runtime end them: `look` hands them on, in the engine's thread."""
        self._to_drop.update(legs)
