"""From gateway.yaml to SIGTERM."""

from __future__ import annotations

import signal
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from types import FrameType

from sipgw.attempt import Attempt
from sipgw.channels import LocalChannels
from sipgw.directory import Directory, Reloader
from sipgw.gateway import Gateway
from sipgw.oversight import Oversight
from sipgw.pjsua.agent import Agent
from sipgw.pjsua.ladder import Ladder
from sipgw.pjsua.legs_free import LegChannels
from sipgw.settings import Settings
from sipgw.settings_file import load_settings

SIGNALS = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)
PURPOSE = "For the lab, test calls and very small sites; Kamailio is for production."


def serve(config: str, ready: Callable[[str], None], log: Callable[[str], None], trace: str = "") -> None:
    """Carry calls until SIGTERM, SIGINT or SIGHUP, then hang them up and write their CDRs.

    Parameters
    ----------
    ready : takes one line when calls can come
    log : takes lines; one that cannot be written ends no call
    trace : call whose messages are printed by `ready` too: a Call-ID or a number; "" for none

    Raises
    ------
    TrunkrateError
        A file is wrong, the spool cannot be used, a listener cannot be opened.
    """
    settings = load_settings(config)
    log = _whatever_comes(log)
    with _signals() as has_come:
        ladder = (
            Ladder(lambda attempt: is_named(trace, attempt, agent.gateway.directory), _whatever_comes(ready))
            if trace
            else None
        )
        agent = Agent(settings, lambda free: _runtime(settings, free, log), log, ladder)
        for line in _warnings(settings):
            log(line)
        ready(ready_line(settings, agent.leg_limit))
        try:
            agent.run_until(has_come)
        finally:
            agent.close()


def _whatever_comes(write: Callable[[str], None]) -> Callable[[str], None]:
    """Writes lines as long as somebody reads them, and the disk has room."""

    def written(line: str) -> None:
        with suppress(OSError, ValueError):
            write(line)

    return written


def is_named(name: str, attempt: Attempt, directory: Directory) -> bool:
    """Whether a call has this Call-ID, or this caller or called number however it is written."""
    number = directory.read(name, bare_international=True).key
    return name == attempt.call_id or (
        number > 0 and number in (directory.read(attempt.a_number).key, directory.read(attempt.b_number).key)
    )


def _runtime(settings: Settings, free: Callable[[], int], log: Callable[[str], None]) -> Gateway:
    channels = LegChannels(LocalChannels(), free, settings.limits.reserve_legs)
    gateway = Gateway(settings, Reloader(settings), time.time_ns(), channels, log=log)
    try:
        Oversight(gateway, settings, time.time_ns())
    except BaseException:
        gateway.close(time.time_ns())
        raise
    return gateway


@contextmanager
def _signals() -> Iterator[Callable[[], bool]]:
    """Whether one of the signals that end the gateway has come."""
    come: list[int] = []

    def note(number: int, frame: FrameType | None) -> None:
        come.append(number)

    before = {number: signal.signal(number, note) for number in SIGNALS}
    try:
        yield lambda: bool(come)
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def ready_line(settings: Settings, legs: int) -> str:
    """Where calls are taken, how many at a time, and what the gateway is for.

    Examples
    --------
    >>> calls_at_a_time(4, 2), calls_at_a_time(4, 0), calls_at_a_time(3, 2)
    (1, 2, 0)
    """
    places = ", ".join(
        f"{side} {listener}"
        for side, leg in (("teams", settings.teams), ("operator", settings.operator))
        for listener in leg.listen
    )
    reserve = settings.limits.reserve_legs
    calls = calls_at_a_time(legs, reserve)
    held = (
        f"{legs} call legs, {reserve} kept free: {calls} ordinary call{'' if calls == 1 else 's'} at a time"
    )
    return f"{settings.name} is ready: {places}; {held}. {PURPOSE}"


def calls_at_a_time(legs: int, reserve: int) -> int:
    """Ordinary calls that so many legs carry."""
    return max(legs - reserve, 0) // 2


def _warnings(settings: Settings) -> Iterator[str]:
    """What is rarely meant where pjsua2 carries the calls."""
    for leg in (settings.teams, settings.operator):
        for listener in leg.listen:
            if not listener.address.is_loopback:
                tls = ", with the old OpenSSL of pjsua2" if listener.transport == "tls" else ""
                problem = f"can be reached from other machines{tls}"
                yield f"{listener} {problem}; expected a front before it. [GATEWAY-LISTEN]"
