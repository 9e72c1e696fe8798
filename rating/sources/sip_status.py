"""How a call ended, from its final SIP status."""

from __future__ import annotations

END_REASONS = {"486": "busy", "600": "busy", "480": "no_answer", "408": "no_answer", "487": "cancelled"}
"""End reason of each status of an unanswered call; of others "failed"."""


def end_reason(established: bool, sip_code: str) -> str:
    """How a call ended, from its final SIP status."""
    return "normal" if established else END_REASONS.get(sip_code, "failed")
