"""Any order of events: one CDR for each admitted leg, which rating accepts, and no channel is left."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections import Counter
from pathlib import Path

from gateways import gateway
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule
from lab import NOON, inbound, outbound
from spools import SECOND, let_go, read_by_rating, rows

from rating.arrays import NONE
from sipgw.channels import LocalChannels

legs = st.sampled_from("ABCDEF")
numbers = st.sampled_from(["+33353019999", "15", "+33836123456", "x\0\udc80", "+33199000110"])
payers = st.sampled_from(["+33199000110", "+33199000113", "+33199000114", "+33465711000", ""])
hosts = st.sampled_from(["sbc1.alpha.trunk.example", "sbc1.beta.trunk.example", "nobody.example"])
codes = st.sampled_from([200, 403, 408, 480, 486, 487, 500, 603, 0, 9999])
reasons = st.sampled_from(["", "", "normal", "no_channel", "refused", "moon\n"])
PARENT = "/dev/shm" if os.access("/dev/shm", os.W_OK) else None


class Events(RuleBasedStateMachine):
    """A model of what must be: legs that are up, and how many CDRs there are of each kind."""

    def __init__(self) -> None:
        super().__init__()
        self.folder = Path(tempfile.mkdtemp(prefix="trunkrate-", dir=PARENT))
        self.now, self.up, self.over, self.told = NOON, {}, Counter(), 0

    @initialize()
    def start(self) -> None:
        self.channels = LocalChannels()
        self.gateway = gateway(self.folder, now=self.now, channels=self.channels)

    @rule(
        leg=legs,
        number=numbers,
        payer=payers,
        host=hosts,
        comes_in=st.booleans(),
        call_id=st.text(max_size=3),
    )
    def attempt(self, leg, number, payer, host, comes_in, call_id) -> None:
        attempt = outbound(call_id=call_id, b_number=number, billed_number=payer, host=host, a_number=number)
        if comes_in:
            attempt = inbound(call_id=call_id, b_number=number, a_number=number)
        decision = self.gateway.attempt(attempt, leg, self.now)
        if not decision.is_admitted:
            assert leg not in self.up or decision.rule != "admitted"
            self.over[decision.end_reason] += bool(decision.trunk_id)
        elif leg in self.up:
            assert decision.rule == "emergency"
        else:
            self.up[leg] = "rings"

    @rule(leg=legs)
    def ringing(self, leg) -> None:
        assert self.gateway.ringing(leg, self.now) == (leg in self.up)

    @rule(leg=legs)
    def answered(self, leg) -> None:
        assert self.gateway.answered(leg, self.now) == (leg in self.up)
        if leg in self.up:
            self.up[leg] = "talks"

    @rule(leg=legs, code=codes, reason=reasons)
    def ended(self, leg, code, reason) -> None:
        assert self.gateway.ended(leg, self.now, code, reason) == (leg in self.up)
        self.over["held"] += self.up.pop(leg, None) is not None

    @rule(seconds=st.sampled_from([0, 1, 1, 60, 150, 20_000, -5, -4000]))
    def time_goes_on(self, seconds) -> None:
        """Or back: clocks are set."""
        self.now += seconds * SECOND

    @rule(hangs_up=st.booleans())
    def tick(self, hangs_up) -> None:
        for end in self.gateway.tick(self.now):
            assert end.leg in self.up
            if hangs_up:
                self.ended(end.leg, end.sip_code, end.end_reason)

    @rule()
    def crash(self) -> None:
        """All channels are gone with the process; its calls are closed when the next one starts."""
        let_go(self.folder / "spool")
        self.start()
        assert self.gateway.spool.recovered == len(self.up)
        self.over["held"] += len(self.up)
        self.up.clear()

    @rule()
    def stop_and_start(self) -> None:
        self.gateway.close(self.now)
        assert self.channels.in_use() == {}
        self.over["held"] += len(self.up)
        self.up.clear()
        self.start()

    @invariant()
    def what_is_up_holds_channels(self) -> None:
        if hasattr(self, "gateway"):
            assert self.gateway.calls().keys() == self.up.keys()
            assert {channel.leg for channel in self.channels.up()} == self.up.keys()
            assert {leg for leg, row in self.gateway.calls().items() if row.is_answered} == {
                leg for leg, state in self.up.items() if state == "talks"
            }

    def teardown(self) -> None:
        try:
            if hasattr(self, "gateway"):
                self.over["held"] += len(self.up)
                self.gateway.close(self.now)
                assert (self.channels.up(), self.channels.in_use()) == ([], {})
                self.look_at_the_spool()
        finally:
            shutil.rmtree(self.folder)

    def look_at_the_spool(self) -> None:
        found = rows(self.folder / "spool")
        kinds = Counter(
            row["end_reason"] if row["end_reason"] in ("refused", "no_channel") else "held" for row in found
        )
        assert kinds == +self.over
        assert len({row["call_id"] for row in found}) == len(found)
        if not found:
            return
        reading = read_by_rating(self.folder / "spool")
        calls = reading.calls
        assert (reading.rejects, len(calls)) == ([], len(found))
        for setup, alert, answer, release in zip(
            calls.setup, calls.alert, calls.answer, calls.release, strict=True
        ):
            told = [instant for instant in (setup, alert, answer, release) if instant != NONE]
            assert told == sorted(told)


TestEvents = Events.TestCase
TestEvents.settings = settings(
    max_examples=settings.default.max_examples * 3 // 5,
    stateful_step_count=40,
    deadline=None,
    suppress_health_check=list(HealthCheck),
)
