"""What the gateway is doing: for `trunkrate gateway status`, for Prometheus."""

from __future__ import annotations

import os
import threading
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from rating.accounts import Trunk
from rating.arrays import SECOND
from rating.money import DECIMALS, decimal_text
from rating.zone import instant_text
from sipgw.calls_up import UpCall
from sipgw.channels import InUse
from sipgw.directory import Directory
from sipgw.guards import Guards
from sipgw.policy import Decision
from sipgw.suspensions import Record, Suspensions

SENT, RECEIVED = WAYS = ("sent", "received")


class Options(NamedTuple):
    """The last OPTIONS of a peer, one way; code : of its answer, 0 for none."""

    time: int
    code: int


class Counts:
    """Counts since the start, for any number of threads."""

    def __init__(self, started: int) -> None:
        self.started = started
        self._lock = threading.Lock()
        self._rules: Counter[str] = Counter()
        self._options: dict[tuple[str, str], Options] = {}

    def decided(self, decision: Decision) -> None:
        """Count what became of a call."""
        with self._lock:
            self._rules[decision.rule] += 1

    def options(self, peer: str, way: str, time: int, code: int) -> None:
        """Note an OPTIONS; peer : a proxy, or the side that it came from; way : one of WAYS."""
        with self._lock:
            self._options[peer, way] = Options(time, code)

    def rules(self) -> dict[str, int]:
        """Calls by the rule that decided them."""
        with self._lock:
            return dict(self._rules)

    def last_options(self) -> dict[tuple[str, str], Options]:
        """By peer and way."""
        with self._lock:
            return dict(self._options)


def status(
    directory: Directory,
    suspensions: Suspensions,
    guards: Guards,
    calls: Sequence[UpCall],
    in_use: InUse,
    counts: Counts,
    now: int,
) -> dict[str, Any]:
    """All of it as JSON; times in ISO 8601, ages in whole seconds, money as decimal text."""
    return {
        "gateway": directory.settings.name,
        "process": os.getpid(),
        "time": instant_text(now),
        "started": instant_text(counts.started),
        "currency": directory.book.currency,
        "trunks": [
            _trunk(directory, trunk, suspensions, guards, in_use, now) for trunk in directory.accounts.trunks
        ],
        "calls": [_call(call, now) for call in sorted(calls, key=lambda call: (call.setup_time, call.leg))],
        "decisions": dict(sorted(counts.rules().items())),
        "options": [
            _options(peer, way, found, now) for (peer, way), found in sorted(counts.last_options().items())
        ],
        "faults": list(suspensions.faults),
    }


def _trunk(
    directory: Directory, trunk: Trunk, suspensions: Suspensions, guards: Guards, in_use: InUse, now: int
) -> dict[str, Any]:
    used, channels = in_use.get((trunk.id, ""), 0), directory.channels(trunk, now)
    limit = directory.settings.spend_per_day(trunk.id)
    spent = decimal_text(guards.spent.get(trunk.id, 0), directory.book.amount_decimals)
    accounts = directory.suspensions(trunk, now)
    return {
        "trunk_id": trunk.id,
        "customer_id": directory.accounts.customers[trunk.customer].id,
        "channels": channels,
        "used": used,
        "free": max(channels - used, 0),
        "sites": [
            {"site_id": site.id, "channels": site.channels, "used": in_use.get((trunk.id, site.id), 0)}
            for site in trunk.sites
        ],
        "suspended": [
            *({"scope": one.scope, "why": one.why, "in": "accounts"} for one in accounts),
            *({"scope": scope, **_told(one)} for scope, one in _held(suspensions.suspended, trunk.id)),
        ],
        "tripped": [{"guard": guard, **_told(one)} for guard, one in _held(suspensions.tripped, trunk.id)],
        "spent_today": spent if limit is not None else None,
        "spend_per_day": decimal_text(limit, DECIMALS, 2) if limit is not None else None,
    }


def _held(state: Mapping[str, Mapping[str, Record]], trunk: str) -> list[tuple[str, Record]]:
    return sorted(state.get(trunk, {}).items())


def _told(record: Record) -> dict[str, Any]:
    return {"since": instant_text(record.time), "who": record.who, "why": record.why}


def _call(call: UpCall, now: int) -> dict[str, Any]:
    """Ages are never below 0: a clock may go back."""
    answered = call.answer_time
    return {
        "leg": call.leg,
        "trunk_id": call.trunk_id,
        "direction": call.direction,
        "b_number": call.b_number,
        "setup_time": instant_text(call.setup_time),
        "answer_time": instant_text(answered) if answered is not None else None,
        "age_s": max(now - call.setup_time, 0) // SECOND,
        "talk_s": max(now - answered, 0) // SECOND if answered is not None else None,
    }


def _options(peer: str, way: str, found: Options, now: int) -> dict[str, Any]:
    age = max(now - found.time, 0) // SECOND
    return {"peer": peer, "way": way, "time": instant_text(found.time), "code": found.code, "age_s": age}
