"""A gateway without SIP, as a process: `python host.py gateway.yaml`, driven by lines of JSON on stdin.

{"do": "attempt", "leg": "a", ...fields of Attempt}, {"do": "answer", "leg": "a"}, the same with "end", {"do":
"calls"}: each is answered by one line. All but the calls' signalling is what the gateway itself runs.
"""

from __future__ import annotations

import json
import select
import sys
import time
from collections.abc import Collection
from dataclasses import dataclass, replace

from lab import FROM_OPERATOR, FROM_TEAMS

from rating.errors import TrunkrateError
from sipgw.channels import LocalChannels
from sipgw.control import Control
from sipgw.directory import load_directory
from sipgw.guards import Guards
from sipgw.metrics import Metrics
from sipgw.orders import Orders
from sipgw.policy import admit
from sipgw.settings_file import load_settings
from sipgw.status import Tally
from sipgw.suspensions import Suspensions


@dataclass
class Leg:
    leg: str
    trunk_id: str
    direction: str
    b_number: str
    setup_time: int
    answer_time: int | None = None


class Host:
    def __init__(self, config: str) -> None:
        self.legs: dict[str, Leg] = {}
        self.directory = load_directory(load_settings(config))
        settings = self.directory.settings
        self.channels = LocalChannels()
        self.tally = Tally(time.time_ns())
        self.suspensions = Suspensions(settings.suspensions_file)
        self.guards = Guards(lambda: self.directory, self.suspensions, time.time_ns())
        self.orders = Orders(
            lambda: self.directory, self.suspensions, self.guards, self, self.channels, self.tally
        )
        self.control = Control(settings.state_folder, self.orders.answer)
        self.metrics = Metrics(settings.metrics, self.orders.status) if settings.metrics else None

    def up(self) -> list[Leg]:
        return list(self.legs.values())

    def hang_up(self, legs: Collection[str]) -> None:
        for leg in legs:
            self.end(leg)

    def end(self, leg: str) -> None:
        call = self.legs.pop(leg, None)
        if call is not None:
            self.channels.release(leg)
            self.guards.ended(call, time.time_ns())

    def attempt(self, leg: str, side: str = "teams", **fields: str) -> str:
        attempt = replace(FROM_TEAMS if side == "teams" else FROM_OPERATOR, call_id=leg, **fields)
        now = time.time_ns()
        found = admit(
            self.directory, attempt, self.channels, now, [self.guards], leg, self.suspensions.suspended
        )
        self.tally.decided(found)
        if found.is_admitted:
            self.legs[leg] = Leg(leg, found.trunk_id, found.direction, found.b_number, now)
            self.guards.begun(self.legs[leg])
        return found.rule

    def do(self, command: dict[str, str]) -> object:
        what = command.pop("do")
        if what == "attempt":
            return self.attempt(**command)
        if what == "answer":
            self.legs[command["leg"]].answer_time = time.time_ns()
        if what == "end":
            self.end(command["leg"])
        if what == "options":
            self.tally.options("sip.pstnhub.microsoft.com", "sent", time.time_ns(), 200)
        return sorted(self.legs)

    def run(self) -> None:
        print("ready", flush=True)
        while True:
            if select.select([sys.stdin], [], [], 0.1)[0]:
                line = sys.stdin.readline()
                if not line:
                    break
                print(json.dumps(self.do(json.loads(line))), flush=True)
            self.orders.tick()
        self.control.close()
        if self.metrics:
            self.metrics.close()


if __name__ == "__main__":
    try:
        host = Host(sys.argv[1])
    except TrunkrateError as error:
        sys.exit(error.told("The gateway does not start."))
    host.run()
