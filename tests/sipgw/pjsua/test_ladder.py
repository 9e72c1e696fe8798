"""`--trace CALL`: one call's messages as text."""

from __future__ import annotations

import os
import select
import signal

from sipp import CALLED, HANGS_UP, IS_HUNG_UP, called, caller
from test_limits import wait_for_answer


def printed(running, until: str) -> str:
    text = ""
    stream = running.process.stdout.fileno()
    while until not in text and select.select([stream], [], [], 5)[0]:
        text += os.read(stream, 65_536).decode()
    return text


def test_the_ladder_of_one_call_has_the_messages_of_both_legs(gateway, sipp, teams_calls):
    running = gateway(options=["--trace", "+33146000002"])
    sipp(called(*IS_HUNG_UP), running.next_hop, calls=2)
    teams_calls(running, caller(*HANGS_UP), number=CALLED).wait()
    running.wait_for_cdrs(1)
    teams_calls(running, caller(*HANGS_UP), number="+33146000002").wait()
    text = printed(running, "--- ")
    ladder, _, _ = text.partition("\n\n")
    steps = [line.split("  ", 1)[1] for line in ladder.splitlines()[1:]]
    kinds = [(("<-" in step), step.partition("gateway  ")[2][:10].strip()) for step in steps]
    assert (False, "INVITE sip") in kinds
    assert (True, "INVITE sip") in kinds
    assert (False, "BYE sip:+3") in kinds
    assert any(step.startswith(f"UDP 127.0.0.1:{running.next_hop} ") for step in steps)
    assert CALLED not in text
    assert "Call-ID: " in text
    assert running.stop() == 0


def test_a_number_may_be_written_as_people_write_it_and_what_there_is_is_printed_at_the_end(
    gateway, sipp, teams_calls
):
    running = gateway(options=["--trace", "01 46 00 00 02"])
    operator = sipp(called(*IS_HUNG_UP), running.next_hop)
    teams = teams_calls(running, caller(*IS_HUNG_UP), number="+33146000002")
    wait_for_answer(operator)
    running.process.send_signal(signal.SIGTERM)
    text = printed(running, "--- ")
    assert "gateway  INVITE sip:+33146000002@" in text
    assert "gateway  BYE" in text
    teams.wait()
    operator.wait()
    assert running.stop() == 0
