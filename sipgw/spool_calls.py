"""The answered calls of the spool's CDRs, for what must be known again after a restart."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa

from rating.arrays import NONE
from rating.instants import parse
from sipgw.call import OUTBOUND


@dataclass(frozen=True)
class EndedCall:
    """A call of the spool, answered and outbound."""

    leg: str
    trunk_id: str
    b_number: str
    setup_time: int
    answer_time: int
    release_time: int
    direction: str = OUTBOUND


def calls_of_spool(spool: Path, since: int) -> list[EndedCall]:
    """Answered outbound calls of the spool's CDRs that were answered since an instant. [ns]

    Files that were last written before are not opened; lines that are no CDR are left to rating.
    """
    found: dict[str, EndedCall] = {}
    for path in sorted(spool.glob("*.jsonl")):
        try:
            if path.stat().st_mtime_ns >= since:
                with path.open("rb") as file:
                    found.update((call.leg, call) for call in _answered(file) if call.answer_time >= since)
        except OSError:
            continue
    return list(found.values())


def _answered(lines: Iterable[bytes]) -> Iterator[EndedCall]:
    rows = []
    for line in lines:
        try:
            row = json.loads(line)
        except (ValueError, RecursionError):
            continue
        if isinstance(row, dict) and row.get("direction") == OUTBOUND and row.get("answer_time"):
            names = ("call_id", "trunk_id", "b_number", "setup_time", "answer_time", "release_time")
            rows.append([str(row.get(name)) for name in names])
    times = [_instants([row[place] for row in rows]) for place in (3, 4, 5)]
    for row, setup, answer, release in zip(rows, *times, strict=True):
        if NONE not in (setup, answer, release):
            yield EndedCall(row[0], row[1], row[2], setup, answer, release)


def _instants(texts: list[str]) -> list[int]:
    whole = [text.encode("utf-8", "replace").decode() for text in texts]
    wall, offset_given, good = parse(pa.array(whole, pa.string()))
    return np.where(offset_given & good, wall, NONE).tolist()
