"""A gateway without SIP as a process (host.py), and the program that talks to it."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
TRUNKRATE = str(Path(sys.executable).with_name("trunkrate"))
ABROAD = "+442079460000"


class Running:
    def __init__(self, folder: Path) -> None:
        self.folder = folder
        path = os.pathsep.join(str(place) for place in (HERE, HERE.parent, HERE.parents[1]))
        self.process = subprocess.Popen(
            [sys.executable, str(HERE / "host.py"), "gateway.yaml"],
            cwd=folder, env={**os.environ, "PYTHONPATH": path}, text=True,
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        )  # fmt: skip
        assert self.process.stdout
        self.first = self.process.stdout.readline().strip()

    def do(self, what, **fields):
        self.process.stdin.write(json.dumps({"do": what, **fields}) + "\n")
        self.process.stdin.flush()
        return json.loads(self.process.stdout.readline())

    def attempt(self, leg, **fields):
        return self.do("attempt", leg=leg, **fields)

    def kill(self):
        self.process.send_signal(signal.SIGKILL)
        self.process.communicate()

    def stop(self):
        return self.process.communicate(timeout=30)


def trunkrate(folder, *words):
    found = subprocess.run([TRUNKRATE, *words], cwd=folder, capture_output=True, text=True, timeout=60)
    return found.returncode, found.stdout, found.stderr
