"""A gateway and SIPp for each test, on ports of their own, stopped whatever happens."""

from __future__ import annotations

import json
import re
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from certificates import Authority
from kamailio import Kamailio
from running import Running, free_port
from sipp import CALLED, Sipp
from softphone import Softphone


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


@pytest.fixture(scope="session")
def legs(tmp_path_factory: pytest.TempPathFactory) -> int:
    """Call legs of this pjsua2, as a gateway says at its start: 4 of the one of PyPI."""
    running = Running(tmp_path_factory.mktemp("legs"))
    running.stop()
    return int(re.search(r"(\d+) call legs", running.ready)[1])  # type: ignore[index]


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


PHONE = Path(__file__).with_name("phone.py")


@pytest.fixture(scope="session")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("certificates"))


@pytest.fixture
def phone(tmp_path: Path) -> Iterator[Callable[..., Any]]:
    """Starts a telephone; its record is beside it."""
    started: list[Any] = []

    def start(**told: Any) -> Any:
        told["record"] = str(tmp_path / f"phone{len(started)}.wav")
        command = [sys.executable, str(PHONE), json.dumps(told)]
        started.append(subprocess.Popen(command, stdout=subprocess.PIPE, text=True))
        started[-1].record = told["record"]
        for line in started[-1].stdout:
            if line.startswith("ready"):
                break
        return started[-1]

    yield start
    for one in started:
        one.kill()
        one.communicate()


@pytest.fixture
def softphone(tmp_path: Path) -> Iterator[Callable[..., Softphone]]:
    """Starts baresip."""
    started: list[Softphone] = []

    def start(*told: Any, **more: Any) -> Softphone:
        started.append(Softphone(tmp_path / f"softphone{len(started)}", *told, **more))
        return started[-1]

    yield start
    for one in started:
        one.stop()


@pytest.fixture
def kamailio(tmp_path: Path) -> Iterator[Callable[..., Kamailio]]:
    """Starts a proxy."""
    started: list[Kamailio] = []

    def start(*told: Any, **more: Any) -> Kamailio:
        started.append(Kamailio(tmp_path / f"kamailio{len(started)}", *told, **more))
        return started[-1]

    yield start
    for one in started:
        one.stop()
