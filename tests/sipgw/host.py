"""A gateway without SIP, as a process: `python host.py gateway.yaml`, driven by lines of JSON on stdin.

{"do": "attempt", "leg": "a", ...fields of Attempt}, {"do": "answer", "leg": "a"}, the same with "end", {"do":
"calls"}: each is answered by one line. All but the calls' signalling is what the gateway itself runs.
"""

from __future__ import annotations

import json
import select
import sys
import time
from dataclasses import replace

from lab import FROM_OPERATOR, FROM_TEAMS

from rating.errors import TrunkrateError
from sipgw.directory import Reloader
from sipgw.gateway import Gateway
from sipgw.oversight import Oversight
from sipgw.settings_file import load_settings


class Host:
    def __init__(self, config: str) -> None:
        settings = load_settings(config)
        self.gateway = Gateway(settings, Reloader(settings), time.time_ns())
        try:
            self.oversight = Oversight(self.gateway, settings, time.time_ns())
        except BaseException:
            self.gateway.close(time.time_ns())
            raise

    def attempt(self, leg: str, side: str = "teams", **fields: str) -> str:
        attempt = replace(FROM_TEAMS if side == "teams" else FROM_OPERATOR, call_id=leg, **fields)
        return self.gateway.attempt(attempt, leg, time.time_ns()).rule

    def do(self, command: dict[str, str]) -> object:
        what = command.pop("do")
        if what == "attempt":
            return self.attempt(**command)
        if what == "answer":
            self.gateway.answered(command["leg"], time.time_ns())
        if what == "end":
            self.gateway.ended(command["leg"], time.time_ns(), 200)
        if what == "options":
            self.oversight.options("sip.pstnhub.microsoft.com", "sent", time.time_ns(), 200)
        return sorted(self.gateway.calls())

    def run(self) -> None:
        print("ready", flush=True)
        while True:
            if select.select([sys.stdin], [], [], 0.1)[0]:
                line = sys.stdin.readline()
                if not line:
                    break
                print(json.dumps(self.do(json.loads(line))), flush=True)
            now = time.time_ns()
            for end in self.gateway.tick(now):
                self.gateway.ended(end.leg, now, end.sip_code, end.end_reason)
        self.gateway.close(time.time_ns())


if __name__ == "__main__":
    try:
        host = Host(sys.argv[1])
    except TrunkrateError as error:
        sys.exit(error.told("The gateway does not start."))
    host.run()
