"""Alternatives: what is changed for a whole month, and the settings that this amounts to."""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from itertools import product

from rating.accounts import EVER_FROM, EVER_TO, Accounts, Span, Trunk
from rating.classify import Classified
from rating.errors import UsageError, quoted
from rating.reasons import LIMIT_REASONS
from rating.tariffs.book import TariffBook
from rating.tariffs.plans import METERED, MODES, Plan

MOST_CHANNELS = 10_000
MOST = 1_000
"""Alternatives that can be asked for at once."""


@dataclass(frozen=True)
class Alternative:
    """One choice for every trunk and month; None leaves it as it is in accounts.

    plan : in force for all time; mode : of every limit (SPEC 6.6); channels : of the trunk, for all time
    """

    plan: str | None = None
    mode: str | None = None
    channels: int | None = None

    def applied_to(self, trunk: Trunk) -> Trunk:
        """The trunk with the plan and the channels."""
        if self.plan is not None:
            trunk = replace(trunk, plans=(Span(EVER_FROM, EVER_TO, self.plan),))
        if self.channels is not None:
            trunk = replace(trunk, channels=(Span(EVER_FROM, EVER_TO, str(self.channels)),))
        return trunk


AS_IT_IS = Alternative()


def alternatives_of(
    channels: Sequence[str], plans: Sequence[str], modes: Sequence[str], book: TariffBook
) -> list[Alternative]:
    """Every combination of what was asked for, what is left out being as it is; first, all as it is.

    Raises
    ------
    UsageError

    Examples
    --------
    >>> from rating.tariffs.book import load_book
    >>> book = load_book("contract")
    >>> [one.channels for one in alternatives_of(["4..6", "10"], [], [], book)]
    [None, 4, 5, 6, 10]
    """
    numbers = sorted({number for text in channels for number in _channels(text)})
    known = sorted({*book.plans, METERED.name})
    for name in plans:
        if name not in known:
            raise UsageError(
                f"--plan {quoted(name)} is no plan of the book; expected one of {', '.join(known)}.", "PLAN"
            )
    for mode in modes:
        if mode not in MODES:
            raise UsageError(f"--mode {quoted(mode)} is unknown; expected one of {', '.join(MODES)}.", "MODE")
    of_plan: Sequence[str | None] = plans or [None]
    of_mode: Sequence[str | None] = modes or [None]
    of_channels: Sequence[int | None] = numbers or [None]
    found = [Alternative(*one) for one in product(of_plan, of_mode, of_channels)]
    found = list(dict.fromkeys([AS_IT_IS, *found]))
    if len(found) > MOST:
        raise UsageError(f"{len(found)} alternatives are asked for; expected at most {MOST}.", "ALTERNATIVES")
    return found


def _channels(text: str) -> range:
    """Numbers of channels: `10` or `4..40`."""
    match = re.fullmatch(r"([0-9]{1,5})(?:\.\.([0-9]{1,5}))?", text)
    first, last = (int(match[1]), int(match[2] or match[1])) if match else (1, 0)
    if not first <= last <= MOST_CHANNELS:
        raise UsageError(
            f"--channels {quoted(text)} is no number of channels; expected a number up to {MOST_CHANNELS}, "
            "or two as 4..40.",
            "CHANNELS",
        )
    return range(first, last + 1)


def applied(accounts: Accounts, alternative: Alternative) -> Accounts:
    """Accounts in which every trunk has the plan and the channels; sites keep theirs."""
    if alternative.plan is None and alternative.channels is None:
        return accounts
    return replace(accounts, trunks=tuple(alternative.applied_to(trunk) for trunk in accounts.trunks))


def with_mode(calls: Classified, mode: str | None, reasons: Collection[str] = LIMIT_REASONS) -> Classified:
    """Calls for which a breach of the limits with some reasons does what the mode says, as if so decided."""
    if mode is None:
        return calls

    def changed(plan: Plan) -> Plan:
        limits = (
            replace(limit, on_breach=mode) if limit.reason in reasons else limit for limit in plan.fair_use
        )
        return replace(plan, fair_use=tuple(limits))

    decisions = {key: value for key, value in calls.decisions.items() if key[2] not in reasons}
    return replace(calls, plans=[changed(plan) for plan in calls.plans], decisions=decisions)
