"""The reasons of SPEC 6 and 8, in order: why a call costs what it costs."""

from __future__ import annotations

REASONS = (
    "not_answered",
    "inbound",
    "emergency",
    "free",
    "no_rate",
    "out_of_plan",
    "professional_use",
    "shared_trunk",
    "fraudulent_use",
    "plan_suspended",
    "over_cap",
    "forwarding",
    "fair_use_numbers",
    "fair_use_hours",
    "included",
)

(
    NOT_ANSWERED,
    INBOUND,
    EMERGENCY,
    FREE,
    NO_RATE,
    OUT_OF_PLAN,
    PROFESSIONAL_USE,
    SHARED_TRUNK,
    FRAUDULENT_USE,
    PLAN_SUSPENDED,
    OVER_CAP,
    FORWARDING,
    FAIR_USE_NUMBERS,
    FAIR_USE_HOURS,
    INCLUDED,
) = range(15)

WAIVABLE = REASONS[PROFESSIONAL_USE : OVER_CAP + 1]
"""Reasons that a recorded decision can waive for a trunk and month (SPEC 6.6)."""

LIMIT_REASONS = REASONS[FORWARDING : FAIR_USE_HOURS + 1]
"""Reasons that a plan's limits give (SPEC 6.4)."""

CLASS_EMERGENCY = "emergency"
CLASS_FREE = "fr_free"

CLASSES = (
    "fr_fixed",
    "fr_mobile",
    CLASS_FREE,
    "fr_shared",
    "fr_premium",
    "fr_short",
    CLASS_EMERGENCY,
    "international",
    "satellite",
    "fr_overseas_fixed",
    "fr_overseas_mobile",
)
"""Destination classes that are known without a deck row (SPEC 4); a deck may bring more."""
