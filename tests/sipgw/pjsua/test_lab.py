"""The lab of docs/embedded-gateway.md, on ports of its own: a call, its ladder, its price."""

from __future__ import annotations

import os
import re
import select
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from running import free_port

LAB = Path(__file__).parents[3] / "docs" / "lab"
PAGE = LAB.parent / "embedded-gateway.md"
PROGRAM = [sys.executable, "-m", "rating.cli"]
NUMBER = "+33639980123"


def commands() -> list[str]:
    """The lab's commands as the page has them."""
    lab = PAGE.read_text(encoding="utf-8").partition("## In the lab")[2]
    return [line for block in re.findall("```\n(.*?)```", lab, re.DOTALL) for line in block.splitlines()]


@pytest.fixture
def lab(tmp_path):
    """The lab's files in a folder, and its commands, with other ports."""
    shutil.copytree(LAB, tmp_path / "lab", ignore=shutil.ignore_patterns("spool"))
    ports = {str(port): str(free_port()) for port in (5060, 5061, 5080, 5090)}

    def moved(text: str) -> str:
        return re.sub("|".join(ports), lambda found: ports[found[0]], text)

    settings = tmp_path / "lab" / "gateway.yaml"
    settings.write_text(moved(settings.read_text()))
    return tmp_path, [moved(one).replace("docs/lab", "lab").split() for one in commands()]


def test_the_lab_as_the_page_has_it(lab):
    folder, (answers, serve, call, rate) = lab
    answers.remove("-bg")
    with (
        subprocess.Popen([*answers, "-m", "1"], cwd=folder, stdout=subprocess.DEVNULL) as operator,
        subprocess.Popen(
            [*PROGRAM, *serve[1:]], cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
        ) as gateway,
    ):
        try:
            assert select.select([gateway.stdout], [], [], 20)[0]
            assert "lab is ready" in os.read(gateway.stdout.fileno(), 4096).decode()
            call[call.index("3000")] = "1200"
            subprocess.run(call, cwd=folder, check=True, timeout=20, stdout=subprocess.DEVNULL)
            assert operator.wait(10) == 0
            gateway.send_signal(signal.SIGTERM)
            told = gateway.communicate(timeout=10)[0].decode()
            assert gateway.returncode == 0
        finally:
            operator.kill()
            gateway.kill()
    assert re.search(rf"gateway  INVITE sip:{re.escape(NUMBER)}@", told)
    rated = subprocess.run([*PROGRAM, *rate[1:]], cwd=folder, capture_output=True, text=True, timeout=20)
    assert rated.returncode == 0, rated.stdout + rated.stderr
    assert re.search(r"included +1 ", rated.stdout)
    assert "passed over" not in rated.stdout
