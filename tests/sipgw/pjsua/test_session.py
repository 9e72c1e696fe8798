"""A peer that is gone without BYE: the call ends, legs and channel are free again, and there is one CDR.

The gateway's clock runs faster: the shortest session timer is 90 s (RFC 4028, 4).
"""

from __future__ import annotations

import re
import signal
import time
from collections.abc import Iterator
from typing import Any, NamedTuple

import pytest
from running import Running, free_port
from sipp import (
    BYE_OK,
    CALLED,
    HANGS_UP,
    IS_HUNG_UP,
    Sipp,
    called,
    caller,
    failing,
    pause,
    receive,
)
from test_calls import seconds

CLOCK = 10
GIVEN_UP_S = 8
"""After so long no BYE is repeated any more. [s]"""
SUPPORTED = "Supported: timer\nMin-SE: 90"
TAKES_UPDATE = "Allow: INVITE,ACK,BYE,CANCEL,UPDATE"
EXPIRED = re.compile(r"^Reason: SIP *;cause=408", re.MULTILINE)
GONE = 'Reason: Q.850;cause=102;text="Peer does not answer"'


def answered_refresh(who: str) -> str:
    told = f"[last_CSeq:]\nRequire: timer\nSession-Expires: 90;refresher={who}"
    return BYE_OK.replace("[last_CSeq:]", told)


class Timed(NamedTuple):
    """A call with a session timer of 90 s: what each side says of it, and does afterwards."""

    asked: str
    caller_does: list[str]
    agreed: str = ""
    operator_does: list[str] = IS_HUNG_UP


CALLS = {
    "no answer to UPDATE": Timed(f"refresher=uas\n{TAKES_UPDATE}", [receive("UPDATE"), *IS_HUNG_UP]),
    "no answer to INVITE": Timed("refresher=uas", [receive("INVITE"), *IS_HUNG_UP]),
    "no refresh": Timed(f"refresher=uac\n{TAKES_UPDATE}", IS_HUNG_UP),
    "no answer by the operator": Timed(
        "", IS_HUNG_UP, f"refresher=uac\n{TAKES_UPDATE}", [receive("UPDATE"), *IS_HUNG_UP]
    ),
    "answered": Timed(
        f"refresher=uas\n{TAKES_UPDATE}",
        [receive("UPDATE"), answered_refresh("uac"), pause(3000), *HANGS_UP],
    ),
}


class Ended(NamedTuple):
    """A call that is over, and the next one."""

    cdr: dict[str, Any]
    teams: Sipp
    operator: Sipp
    next_cdr: dict[str, Any]


@pytest.fixture(scope="module")
def ended(tmp_path_factory) -> Iterator[dict[str, Ended]]:
    """All these calls at the same time, each through a gateway with one channel."""
    started: list[Running | Sipp] = []
    calls = []
    try:
        for name, call in CALLS.items():
            folder = tmp_path_factory.mktemp("session")
            running = Running(folder, clock=CLOCK, transport="tcp", channels=1)
            agreed = f"Require: timer\nSession-Expires: 90;{call.agreed}" if call.agreed else ""
            asked = f"{SUPPORTED}\nSession-Expires: 90;{call.asked}" if call.asked else ""
            operator = Sipp(folder, "operator", called(*call.operator_does, extra=agreed), running.next_hop)
            teams = Sipp(folder, "teams", caller(*call.caller_does, invite=asked), free_port(),
                         f"127.0.0.1:{running.teams}", "t1", options=("-s", CALLED))  # fmt: skip
            started += [running, operator, teams]
            calls.append((name, running, teams, operator))
        found = {}
        for name, running, teams, operator in calls:
            teams.wait()
            operator.wait()
            (cdr,) = running.wait_for_cdrs(1)
            again = Sipp(running.folder, "again", called(*IS_HUNG_UP), running.next_hop)
            last = Sipp(running.folder, "last", caller(*HANGS_UP), free_port(),
                        f"127.0.0.1:{running.teams}", "t1", options=("-s", CALLED))  # fmt: skip
            started += [again, last]
            last.wait()
            found[name] = Ended(cdr, teams, operator, running.wait_for_cdrs(2)[1])
        yield found
    finally:
        for one in started:
            one.stop(*[signal.SIGKILL] if isinstance(one, Running) else [])


@pytest.mark.parametrize(
    ("name", "least", "most"),
    [
        ("no answer to UPDATE", 45, 80),
        ("no answer to INVITE", 45, 80),
        ("no refresh", 60, 95),
        ("no answer by the operator", 45, 80),
    ],
)
def test_a_peer_who_is_gone_is_noticed_by_the_session_timer(ended, name, least, most):
    call = ended[name]
    assert (call.cdr["sip_code"], call.cdr["end_reason"]) == (200, "timeout")
    assert least <= seconds(call.cdr, "answer_time", "release_time") < most
    gone, other = (call.operator, call.teams) if "operator" in name else (call.teams, call.operator)
    assert EXPIRED.search(gone.received("BYE")[0])
    assert GONE in other.received("BYE")[0]


def test_a_call_whose_refreshes_are_answered_goes_on(ended):
    call = ended["answered"]
    assert call.cdr["end_reason"] == "normal"
    assert seconds(call.cdr, "answer_time", "release_time") >= 75


def test_what_the_session_timer_ends_leaves_legs_and_channel_free(ended):
    assert {call.next_cdr["end_reason"] for call in ended.values()} == {"normal"}


def still_carries(running, sipp, teams_calls, already: int, **options) -> None:
    """Neither leg nor channel is left behind: one call more passes, and gives one CDR."""
    sipp(called(*IS_HUNG_UP), running.next_hop, **options)
    teams_calls(running, caller(*HANGS_UP), **options).wait()
    assert running.wait_for_cdrs(already + 1)[-1]["end_reason"] == "normal"


def test_a_session_timer_that_is_too_short_is_refused(gateway, sipp, teams_calls):
    """RFC 4028, 9: 422 with the shortest that is taken."""
    running = gateway()
    teams = teams_calls(running, failing(422, invite="Supported: timer\nSession-Expires: 89"))
    teams.wait()
    assert "\nMin-SE: 90\n" in teams.received("SIP/2.0 422")[0]
    (cdr,) = running.wait_for_cdrs(1)
    assert (cdr["sip_code"], cdr["end_reason"]) == (422, "failed")
    still_carries(running, sipp, teams_calls, 1)


@pytest.mark.parametrize("transport", ["u1", "t1"])
@pytest.mark.parametrize("is_there", [False, True])
def test_a_call_that_is_cut_ends_where_nobody_answers_the_bye(
    gateway, sipp, teams_calls, transport, is_there
):
    """Peers that are silent, or gone with their sockets: the channel is free at once, the legs are later."""
    kind = {"u1": "udp", "t1": "tcp"}[transport]
    running = gateway(clock=CLOCK, max_call="5 s", transport=kind, operator_transport=kind, channels=1)
    silent = [receive("BYE"), pause(700)] if is_there else []
    operator = sipp(called(*silent), running.next_hop, transport=transport)
    teams = teams_calls(running, caller(*silent), transport=transport)
    (cdr,) = running.wait_for_cdrs(1, timeout=6)
    assert (cdr["sip_code"], cdr["end_reason"]) == (200, "timeout")
    assert 5 <= seconds(cdr, "answer_time", "release_time") < 15
    teams.wait()
    operator.wait()
    time.sleep(GIVEN_UP_S / CLOCK)
    still_carries(running, sipp, teams_calls, 1, transport=transport)
