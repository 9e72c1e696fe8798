"""More calls than there are legs, and faster: each is answered and has its CDR, and emergency calls pass."""

from __future__ import annotations

import os
from collections import Counter

from sipp import HANGS_UP, IS_HUNG_UP, called, caller, failing, pause
from test_limits import wait_for_answer

SECONDS = 60 if os.environ.get("HYPOTHESIS_PROFILE") == "soak" else 3
PER_SECOND = 50
EMERGENCIES = SECONDS * 4


def test_emergency_calls_pass_through_a_storm_of_calls_that_are_refused(gateway, sipp, teams_calls):
    running = gateway()
    operator = sipp(called(*IS_HUNG_UP), running.next_hop, calls=2 + EMERGENCIES, options=LONG)
    up = teams_calls(running, caller(pause(1000 * SECONDS + 1500), *HANGS_UP), options=LONG)
    wait_for_answer(operator)
    storm = teams_calls(
        running, failing(486), calls=SECONDS * PER_SECOND, options=("-r", str(PER_SECOND), *LONG)
    )
    emergencies = teams_calls(
        running, caller(*HANGS_UP), number="112", calls=EMERGENCIES, options=("-r", "4", "-l", "1", *LONG)
    )
    storm.wait(SECONDS * 3 + 20)
    emergencies.wait(SECONDS * 3 + 20)
    up.wait(SECONDS * 3 + 20)
    calls = SECONDS * PER_SECOND + EMERGENCIES + 1
    cdrs = running.wait_for_cdrs(calls)
    assert Counter((one["rule"], one["end_reason"]) for one in cdrs) == {
        ("legs_full", "no_channel"): SECONDS * PER_SECOND,
        ("emergency", "normal"): EMERGENCIES,
        ("admitted", "normal"): 1,
    }
    assert len({one["call_id"] for one in cdrs}) == calls
    teams_calls(running, caller(*HANGS_UP)).wait()  # no leg and no channel is left behind


LONG = ("-timeout", f"{SECONDS * 3 + 15}s")
