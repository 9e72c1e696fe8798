"""Writes to a spool at full speed and tells what it was promised, until it is killed.

Reads orders from standard input, one list of JSON a line: what to do, folder, file of what was promised,
seed. Each is done by a fork: the parent prints its process id, then how it ended.
"""

from __future__ import annotations

import json
import os
import random
import sys
from pathlib import Path

import numpy as np

from rating.errors import SpoolError
from rating.zone import Zone
from sipgw.spool.row import Row
from sipgw.spool.spool import Spool

NOON = 1_791_194_400 * 10**9
SECOND = 10**9
ZONE = Zone("Europe/Paris")
ZONE.days(np.array([NOON]))  # forks find the zone read


def calls(folder: Path, acks: int, seed: int) -> None:
    """Calls that begin, ring, are answered and end; each is told when it has returned."""
    chance, now, up, answered = random.Random(seed), NOON + seed * 1000 * SECOND, [], set()

    def tell(what: str, call_id: str = "") -> None:
        os.write(acks, f"{what} {call_id} {now}\n".encode())

    tell("opening")
    spool = Spool(folder, "gw1", ZONE, now, most_bytes=40_000)
    tell("opened")
    for number in range(1_000_000):
        now += SECOND // 7
        step = chance.random()
        if step < 0.35 and len(up) < 40:
            row = Row(
                "gw1", f"{seed}-{number}é", "t1", "outbound", "+33199000110", "15", now, rule="admitted"
            )
            tell("begins", row.call_id)
            spool.begin(row)
            up.append(row)
            tell("up", row.call_id)
        elif step < 0.55 and up:
            where = chance.randrange(len(up))
            if up[where].call_id not in answered:
                answered.add(up[where].call_id)
                up[where] = up[where].alerting(now).answered(now)
                spool.answer(up[where])
                tell("answered", up[where].call_id)
        elif step < 0.85 and up:
            row = up.pop(chance.randrange(len(up)))
            spool.end(row.over(now, 200 if row.is_answered else 487, "normal"))
            tell("over", row.call_id)
        elif step < 0.9:
            row = Row("gw1", f"{seed}-{number}r", "t1", "outbound", "+33199000110", "15", now, rule="guard")
            tell("refuses", row.call_id)
            spool.refuse(row.over(now, 403, "refused"))
            tell("refused", row.call_id)
        else:
            tell("beats")
            spool.beat(now)
            tell("alive")


def storm(folder: Path, acks: int, seed: int) -> None:
    """Calls of a second each and refusals, as fast as the disk takes them, in files of some hundred rows."""
    spool, now = Spool(folder, "gw1", ZONE, NOON, most_bytes=200_000), NOON
    os.write(acks, b"opened\n")
    for number in range(40_000):
        now += SECOND // 100
        row = Row("gw1", f"{number}", "t1", "outbound", "+33199000110", "+33353019999", now, rule="admitted")
        if number % 50 == 0:
            spool.begin(row)
            row = row.answered(now).over(now + SECOND, 200, "normal")
            spool.end(row)
        else:
            spool.refuse(row.over(now, 403, "refused"))
        if number % 500 == 0:
            spool.beat(now)
            os.write(acks, f"{number + 1}\n".encode())
    spool.close(now)


def second(folder: Path, acks: int, seed: int) -> None:
    """Opens a spool that another process may have open."""
    try:
        Spool(folder, "gw1", ZONE, NOON)
    except SpoolError as error:
        os.write(acks, f"{error}\n".encode())


def serve() -> None:
    for order in sys.stdin:
        how, folder, acks, seed = json.loads(order)
        pid = os.fork()
        if not pid:
            told = os.open(acks, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
            {"calls": calls, "storm": storm, "second": second}[how](Path(folder), told, seed)
            os._exit(0)
        print(pid, flush=True)
        print(os.waitpid(pid, 0)[1], flush=True)


if __name__ == "__main__":
    serve()
