"""A gateway that runs, and what a test asks of it."""

from __future__ import annotations

import glob
import itertools
import json
import os
import select
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

ACCOUNTS = """customers:
  - {id: alpha, numbers: ["+33199000110..+33199000119"]}
  - {id: beta, numbers: ["+33353010210..+33353010219"]}
trunks:
  - {id: t1, customer: alpha, fqdn: %(fqdn)s, channels: %(channels)d, plan: metered}
  - {id: t2, customer: beta, fqdn: sbc1.beta.trunk.example, channels: 1, plan: metered}
"""
SETTINGS = """name: gw1
accounts: accounts.yaml
tariffs: contract
spool: spool/
teams:
  listen: ["%(transport)s:%(place)s:%(teams)d"]
  fqdn: trunk.example
  peers: [sip.pstnhub.microsoft.com]
  next_hops: [%(hops)s]
  addresses: [%(addresses)s]
%(tls)soperator:
  listen: ["%(operator_transport)s:%(operator_place)s:%(operator)d"]
  next_hop: "sip:%(next_hop_host)s:%(next_hop)d;transport=%(operator_transport)s"
  addresses: [%(addresses)s]
%(operator_tls)slimits: {max_call: %(max_call)s, no_answer: %(no_answer)s, reserve_legs: %(reserve_legs)d}
%(tail)s"""


PORTS_OF_WORKER = 2_400
"""Ports of each process that tests, below those that the system and the gateway's sound choose from."""


def _ports() -> Iterator[int]:
    """Ports that only this process gives out, each with its neighbours, which baresip takes as well."""
    worker = int(os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw")) % 4
    first = 10_000 + PORTS_OF_WORKER * worker
    ports = list(range(first + 1, first + PORTS_OF_WORKER, 3))
    begin = os.getpid() % len(ports)
    return itertools.cycle(ports[begin:] + ports[:begin])


_PORTS = _ports()


def free_port() -> int:
    """A port that nobody has over UDP or TCP, nor its neighbours."""
    for port in itertools.islice(_PORTS, PORTS_OF_WORKER):
        if all(_is_free(one, kind) for one in (port - 1, port, port + 1) for kind in KINDS):
            return port
    raise AssertionError("all ports are taken")


def _is_free(port: int, kind: socket.SocketKind) -> bool:
    with socket.socket(socket.AF_INET, kind) as probe:
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True


KINDS = (socket.SOCK_STREAM, socket.SOCK_DGRAM)
FAKETIME = "/usr/lib/*/faketime/libfaketime.so.1"
"""Debian's libfaketime: a process under it has a clock that runs faster."""


class Running:
    """`trunkrate gateway serve` as a process of its own.

    clock : how much faster its clock runs; the seconds of its settings, of its CDRs and of PJSIP are so much
        shorter
    before : lines of Python that it does first, to break something
    teams, operator : ports that it listens on, at 127.0.0.1 or `place` as a URI has it
    next_hop, proxies : ports that it calls: the operator's, and those of the Teams proxies
    """

    def __init__(self, folder: Path, **settings: Any) -> None:
        self.folder = folder
        self.teams, self.operator, self.next_hop = free_port(), free_port(), free_port()
        transport, place = settings.get("transport", "udp"), settings.get("place", "127.0.0.1")
        self.proxies = [free_port() for _ in range(settings.pop("hops", 1))]
        values = {
            "transport": "udp", "operator_transport": "udp", "channels": 10, "max_call": "4 h",
            "no_answer": "120 s", "reserve_legs": 2, "teams": self.teams, "operator": self.operator,
            "next_hop": self.next_hop, "place": place, "addresses": '127.0.0.1, "::1/128"',
            "tls": "", "operator_tls": "", "tail": "", "fqdn": "sbc1.alpha.trunk.example",
            "hops": ", ".join(f'"sip:{place}:{port};transport={transport}"' for port in self.proxies),
        }  # fmt: skip
        self.options, self.clock = settings.pop("options", []), settings.pop("clock", 1)
        self.before = settings.pop("before", "")
        values |= settings
        values.setdefault("operator_place", place)
        values.setdefault("next_hop_host", values["operator_place"])
        (folder / "accounts.yaml").write_text(ACCOUNTS % values)
        (folder / "gateway.yaml").write_text(SETTINGS % values)
        self._log = folder / "gateway.log"
        self.start()

    def start(self) -> None:
        words = ["gateway", "serve", "--config", "gateway.yaml", *self.options]
        program = f"{self.before}\nfrom rating.cli import main\nmain({words!r})"
        command = [sys.executable, *(["-c", program] if self.before else ["-m", "rating.cli", *words])]
        environment = os.environ.copy()
        if self.clock != 1:
            (library,) = glob.glob(FAKETIME)
            environment |= {"LD_PRELOAD": library, "FAKETIME": f"+0 x{self.clock}"}
        with self._log.open("a") as log:
            self.process = subprocess.Popen(
                command, cwd=self.folder, stdout=subprocess.PIPE, stderr=log, env=environment
            )
        assert self.process.stdout is not None
        assert select.select([self.process.stdout], [], [], 20)[0], self.log
        self.ready = os.read(self.process.stdout.fileno(), 4096).decode()
        assert "is ready" in self.ready, self.log

    @property
    def log(self) -> str:
        return self._log.read_text()

    def cdrs(self) -> list[dict[str, Any]]:
        """The CDRs in the spool, in the order in which they were written."""
        return [
            json.loads(line)
            for file in sorted((self.folder / "spool").glob("*.jsonl"))
            for line in file.read_bytes().decode().splitlines()
            if line.strip("\x00 ")
        ]

    def wait_for_cdrs(self, count: int, timeout: float = 1.0) -> list[dict[str, Any]]:
        """The CDRs once there are so many: at the latest a second after the call."""
        until = time.monotonic() + timeout
        while len(self.cdrs()) < count and time.monotonic() < until:
            time.sleep(0.02)
        found = self.cdrs()
        assert len(found) == count, (found, self.log)
        return found

    def stop(self, kind: signal.Signals = signal.SIGTERM) -> int:
        """End the process; its exit status."""
        if self.process.poll() is None:
            self.process.send_signal(kind)
        status = self.process.wait(15)
        if self.process.stdout is not None:
            self.process.stdout.close()
        return status
