"""A gateway and SIPp for each test, on ports of their own, stopped whatever happens."""

from __future__ import annotations

import signal
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from running import Running, free_port
from sipp import CALLED, Sipp


@pytest.fixture
def gateway(tmp_path: Path) -> Iterator[Callable[..., Running]]:
    """Starts a gateway; what is given replaces its settings."""
    started: list[Running] = []

    def start(**settings: object) -> Running:
        folder = tmp_path / f"gateway{len(started)}"
        folder.mkdir()
        started.append(Running(folder, **settings))
        return started[-1]

    yield start
    for one in started:
        one.stop(signal.SIGKILL)


@pytest.fixture
def sipp(tmp_path: Path) -> Iterator[Callable[..., Sipp]]:
    """Starts SIPp with a scenario."""
    started: list[Sipp] = []

    def start(steps: list[str], port: int, **options: object) -> Sipp:
        started.append(Sipp(tmp_path, f"sipp{len(started)}", steps, port, **options))  # type: ignore[arg-type]
        return started[-1]

    yield start
    for one in started:
        one.stop()


@pytest.fixture
def teams_calls(sipp: Callable[..., Sipp]) -> Callable[..., Sipp]:
    """Starts SIPp as a caller behind Teams."""

    def start(running: Running, steps: list[str], number: str = CALLED, **options: object) -> Sipp:
        target = f"127.0.0.1:{running.teams}"
        more = options.pop("options", ())
        return sipp(steps, free_port(), target=target, options=("-s", number, *more), **options)  # type: ignore[misc]

    return start
