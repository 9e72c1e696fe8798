"""What Microsoft's exports have in common: call types, absent dates, legs; and Teams' addresses."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from ipaddress import ip_address, ip_network

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from rating.arrays import NONE, SECOND
from rating.instants import parse
from rating.sources.sip_status import end_reason

NO_DATE = "0001-01-01"
"""How a Graph date says that there is none."""

KNOWN_TOKENS = frozenset(
    "byot dr oc user in out forwarding transfer ucap bot conf emergency unassigned".split()  # noqa: SIM905
)
TOLERANCE_S = 2
"""Seconds by which Microsoft's own duration may differ from end - start before it is said."""

LONGEST_S = 10**9
"""Longer durations of Microsoft's are as wrong as this one: it bounds the arithmetic. [s]"""

NETWORKS = (ip_network("52.112.0.0/14"), ip_network("52.120.0.0/14"))
"""Signalling addresses of Teams Direct Routing."""


@dataclass(frozen=True)
class CallType:
    """A call type read by its tokens: Microsoft renames them without notice.

    direction : "outbound", "inbound", or empty where no token tells; known : whether every token is
    """

    direction: str
    is_forward: bool
    known: bool


def read_call_type(text: str) -> CallType:
    """Classify a call type of Graph (`ByotOutUserForwarding`) or the admin center (`dr_out_user_forwarding`).

    Examples
    --------
    >>> read_call_type("ByotOutUserForwarding")
    CallType(direction='outbound', is_forward=True, known=True)
    >>> read_call_type("dr_in")
    CallType(direction='inbound', is_forward=False, known=True)
    >>> read_call_type("ByotOutSomethingNew").known
    False
    """
    tokens = [token.lower() for token in re.findall(r"[A-Z]?[a-z]+|[A-Z]+", text)]
    direction = "outbound" if "out" in tokens else "inbound" if "in" in tokens else ""
    return CallType(direction, "forwarding" in tokens, bool(tokens) and KNOWN_TOKENS.issuperset(tokens))


def date_or_none(text: str) -> str:
    """An instant's text; empty where it stands for none."""
    return "" if text.startswith(NO_DATE) else text


@lru_cache(maxsize=10_000)
def from_teams(address: str) -> bool:
    """Whether an address is one that Teams signals from.

    Examples
    --------
    >>> from_teams("52.112.0.10"), from_teams("10.0.1.9"), from_teams("")
    (True, False, False)
    """
    try:
        parsed = ip_address(address)
    except ValueError:
        return False
    return any(parsed in network for network in NETWORKS)


def leg(
    kind: CallType,
    *,
    call_id: str,
    trunk: str,
    caller: str,
    callee: str,
    user: str,
    setup: str,
    answer: str,
    release: str,
    sip_code: str,
    established: bool,
) -> dict[str, str]:
    """A row of any of the exports as a CDR."""
    return {
        "source": "",
        "call_id": call_id,
        "trunk_id": trunk,
        "direction": kind.direction,
        "a_number": caller,
        "b_number": callee,
        "setup_time": setup,
        "answer_time": answer,
        "release_time": release,
        "sip_code": sip_code,
        "alert_time": "",
        "user_id": user,
        "forwarded_by": user if kind.is_forward else "",
        "forward_type": "unknown" if kind.is_forward else "",
        "end_reason": end_reason(established, sip_code),
    }


def leg_times(established: bool, invite: str, start: str, failure: str, end: str) -> dict[str, str]:
    """Setup, answer and release of a Direct Routing row.

    Its start is the answer outbound, before the answer inbound; a call that failed has the time of its
    failure and, by version, an end.
    """
    return {
        "setup": invite or start,
        "answer": start if established else "",
        "release": end if established else failure or end or start or invite,
    }


def far_apart(columns: dict[str, pa.Array], durations: Sequence[int | None]) -> int:
    """Established outbound rows whose own duration, if they have one, is not end - start.

    Parameters
    ----------
    columns : canonical columns, the times as text; durations : None where a row has none [s]
    """
    answer, _, _ = parse(columns["answer_time"])
    release, _, _ = parse(columns["release_time"])
    given = np.array([seconds is not None for seconds in durations], bool)
    own = np.array([max(min(seconds or 0, LONGEST_S), -LONGEST_S) for seconds in durations], np.int64)
    outbound = pc.equal(columns["direction"], "outbound").to_numpy(zero_copy_only=False)
    rows = np.flatnonzero(given & outbound & (answer != NONE) & (release != NONE))
    return int(np.sum(np.abs(release[rows] - answer[rows] - own[rows] * SECOND) > TOLERANCE_S * SECOND))
