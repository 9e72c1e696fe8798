"""Whether a channel was free when a call began, one call at a time (SPEC 8, art. 2 and 3.2)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from rating.accounts import Site, Trunk
from rating.explain.destination import matches_of
from rating.explain.folder import Found, Row
from rating.explain.limits import identity, number_of
from rating.reasons import CLASS_EMERGENCY


@dataclass(frozen=True)
class ChannelState:
    """What a call found when it began.

    why : "trunk_full", "site_full", "full_by_other_months", or empty where it is not over cap
    held : channels held by others; cap : of the trunk or the site
    """

    why: str
    held: int = 0
    cap: int = 0
    site: str = ""

    @property
    def over_cap(self) -> bool:
        return bool(self.why)

    def words(self) -> dict[str, Any]:
        """The values that a sentence needs."""
        return {"why_key": self.why, "held": self.held, "cap": self.cap, "site": self.site}


def channels_at(found: Found, trunk: Trunk) -> ChannelState:
    """Count the calls of the run that held a channel when the call began.

    The folder of a run of one month lacks the calls of others, which may have held channels at its borders:
    there the run's word is taken where they can make the difference.
    """
    call = found.call
    begin = _begin(call, found, trunk)
    if begin is None or _is_emergency(call, found):
        return ChannelState("")
    others = [row for row in found.trunk_calls if _holds_before(row, call, begin, found, trunk)]
    cap = next((int(span.value) for span in trunk.channels if span.holds(call["setup_time"])), 0)
    if len(others) >= cap:
        return ChannelState("trunk_full", len(others), cap)
    site = _site_of(call, found, trunk)
    if site is not None:
        beside = sum(_site_of(row, found, trunk) == site for row in others)
        if beside >= site.channels:
            return ChannelState("site_full", beside, site.channels, site.id)
    if call.get("over_cap") and found.record["reconciliation"]["other_month"]:
        return ChannelState("full_by_other_months", len(others), cap)
    return ChannelState("")


def _begin(row: Row, found: Found, trunk: Trunk) -> int | None:
    """From when a call holds a channel; None where it never does."""
    if row["end_reason"] in ("no_channel", "refused"):
        return None
    answered = row["answer_time"] is not None
    at = row["answer_time"] if answered else row["setup_time"]
    names = [span.value for span in trunk.plans if span.holds(at)]
    plan = found.book.plan(names[0] if names else "metered")
    begin: int | None = row["answer_time"] if plan.occupancy_from == "answer" else row["setup_time"]
    return begin if begin is not None and begin < row["release_time"] else None


def _holds_before(row: Row, call: Row, begin: int, found: Found, trunk: Trunk) -> bool:
    """Whether another call held a channel when the call began, or took one first at that instant."""
    if not row["setup_time"] <= begin < row["release_time"] or identity(row) == identity(call):
        return False
    start = _begin(row, found, trunk)
    if start is None or start > begin:
        return False
    return start < begin or (row["setup_time"], row["call_id"]) < (call["setup_time"], call["call_id"])


def _is_emergency(call: Row, found: Found) -> bool:
    if call["direction"] == "inbound":
        return False
    at = call["answer_time"] if call["answer_time"] is not None else call["setup_time"]
    rows = matches_of(call["b_digits"], call["b_key"], at, found.book)[1]
    return bool(rows) and rows[0].klass == CLASS_EMERGENCY


def _site_of(row: Row, found: Found, trunk: Trunk) -> Site | None:
    """The site that lists the customer's own number; the last, where several do."""
    if row["forwarded_by"]:
        key = number_of(row["forwarded_by"], found)
    else:
        key = row["b_key" if row["direction"] == "inbound" else "a_key"]
    found_in = [
        site
        for site in trunk.sites
        for low, high in zip(site.numbers[::2], site.numbers[1::2], strict=True)
        if key > 0 and low <= key <= high
    ]
    return found_in[-1] if found_in else None
