"""Rates the alternatives of one portion of trunks, sharing what they have in common.

Order, destinations, occupancy and the reasons before the limits are found once, or once a plan. With more
channels a month can only change where a limit per channel was crossed, or a call billed for being over cap:
numbers of channels are tried in ascending order, each on the trunks and months that are still open.
Every alternative is what rating the month with edited accounts gives (alternatives.py says which edits).
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace

import numpy as np

from rating.accounts import Accounts
from rating.arrays import NONE, Bools, Ints, runs
from rating.caps import at_full_site, bill_over_cap, caps_at, emergencies_among
from rating.classify import Classified, classify, find_rows
from rating.fair_use import Limited, apply_limits, included_seconds
from rating.holders import NO_CHANNEL, Holders, holders, is_one_of
from rating.placing import answered_seconds
from rating.price import price_calls
from rating.reasons import OVER_CAP, REASONS
from rating.results import amount_by_use
from rating.select import Selected
from rating.simulate.alternatives import Alternative, applied, with_mode
from rating.simulate.refusals import refusals
from rating.subjects import People, own_keys
from rating.tariffs.book import TariffBook
from rating.tariffs.plans import MODES


@dataclass(frozen=True)
class Finding:
    """A limit that was crossed; `amount` is of the calls that carry its reason, in units of the book's."""

    plan: str
    place: int
    reason: str
    subject: str
    limit: int
    measured: int
    call_id: str
    at: int
    mode: str
    amount: int

    @property
    def key(self) -> tuple[str, int, str]:
        """What makes it the same finding under another mode, and its place among those of a month."""
        return self.plan, self.place, self.subject


@dataclass
class Outcome:
    """One alternative, shape (rows,) each: a row is a trunk and month.

    amount : of all calls, in units of 10**-amount_decimals
    over_cap : calls above the channels; refused : calls that a gateway would have refused
    findings : row -> limits crossed
    """

    amount: Ints
    billed_s: Ints
    over_cap: Ints
    refused: Ints
    findings: dict[int, list[Finding]] = field(default_factory=dict)


@dataclass(frozen=True)
class Simulated:
    """Trunks and months, shape (rows,) each; what each alternative comes to; what each mode of a limit would.

    channels : the largest number in force; calls, blocked : of the month, the latter for lack of a channel
    decisions : (row, reason, mode) -> amount of the row, and its findings with the reason, if so decided
    """

    trunk: Ints
    month: Ints
    channels: Ints
    calls: Ints
    blocked: Ints
    outcomes: list[Outcome]
    decisions: dict[tuple[int, str, str], tuple[int, list[Finding]]]


def simulate_calls(
    selected: Selected, alternatives: list[Alternative], book: TariffBook, accounts: Accounts, people: People
) -> Simulated:
    """Rate the calls of some trunks under each alternative, the first of which leaves all as it is."""
    return _Month(selected, book, accounts, people).simulated(alternatives)


@dataclass(frozen=True)
class _Full:
    """Who is up when a call begins, under plans that hold channels from the same event. Shape (calls,)"""

    held: Holders
    at_site: Bools
    spared: Bools


class _Month:
    """The calls, and what all alternatives share."""

    def __init__(self, selected: Selected, book: TariffBook, accounts: Accounts, people: People) -> None:
        self.book, self.accounts, self.people = book, accounts, people
        self.placed, self.nearby, self.months = selected.placed, selected.nearby, selected.months
        calls = self.placed.calls
        self.own = own_keys(self.placed, people)
        outbound = np.flatnonzero((calls.answer != NONE) & calls.outbound)
        self.base = find_rows(book, outbound, self.placed, calls.answer)
        self.duration_s = answered_seconds(calls)
        self.bounds = runs(self.placed.trunk, self.months)
        self.rows = len(self.bounds) - 1
        self.row = np.repeat(np.arange(self.rows), np.diff(self.bounds))
        self.trunk, self.month = self.placed.trunk[self.bounds[:-1]], self.months[self.bounds[:-1]]
        self.row_of = {
            key: i for i, key in enumerate(zip(self.trunk.tolist(), self.month.tolist(), strict=True))
        }
        self._full: dict[str | None, _Full] = {}

    def simulated(self, alternatives: list[Alternative]) -> Simulated:
        outcomes: dict[Alternative, Outcome] = {}
        for plan in dict.fromkeys(one.plan for one in alternatives):
            accounts = applied(self.accounts, Alternative(plan=plan))
            calls = classify(self.placed, self.months, self.own, self.book, accounts, self.base)
            full = self._fullness(calls, plan, accounts)
            for mode in dict.fromkeys(one.mode for one in alternatives if one.plan == plan):
                numbers = [one.channels for one in alternatives if (one.plan, one.mode) == (plan, mode)]
                found = self._by_channels(with_mode(calls, mode), numbers, full, accounts)
                outcomes.update({Alternative(plan, mode, number): found[number] for number in numbers})
        as_it_is = outcomes[alternatives[0]]
        channels = [
            max(
                number
                for _, number in self.accounts.trunks[i].channels_between(*self.book.zone.month_span(month))
            )
            for i, month in zip(self.trunk.tolist(), self.month.tolist(), strict=True)
        ]
        blocked = is_one_of(self.placed.calls.end_reason, (NO_CHANNEL,))
        return Simulated(
            trunk=self.trunk,
            month=self.month,
            channels=np.array(channels, np.int64),
            calls=np.diff(self.bounds),
            blocked=np.bincount(self.row[blocked], minlength=self.rows),
            outcomes=[outcomes[one] for one in alternatives],
            decisions=self._decisions(as_it_is),
        )

    def _fullness(self, calls: Classified, plan: str | None, accounts: Accounts) -> _Full:
        """Found once for all plans that hold channels from the same event."""
        kinds = {one.occupancy_from for one in calls.plans}
        key = kinds.pop() if len(kinds) == 1 else plan and self.book.plan(plan).occupancy_from
        if key not in self._full:
            held = holders(calls, self.nearby, self.book, accounts, self.people)
            at_site = at_full_site(held)
            spared = emergencies_among(np.flatnonzero(held.holds), held.placed, self.book)
            self._full[key] = _Full(held, at_site, spared)
        return self._full[key]

    def _by_channels(
        self, calls: Classified, numbers: list[int | None], full: _Full, accounts: Accounts
    ) -> dict[int | None, Outcome]:
        """Outcomes of numbers of channels, the plan and the mode being given."""
        found: dict[int | None, Outcome] = {}
        previous: Outcome | None = None
        start, rows = calls, np.arange(len(calls.month))
        for number in sorted(numbers, key=lambda value: -1 if value is None else value):
            cap, over_cap = self._over_cap(number, full, accounts)
            if number is None:
                outcome, _ = self._rated(calls, np.arange(len(rows)), over_cap, accounts, None)
            else:
                outcome, is_open = self._rated(
                    start, rows, over_cap, applied(accounts, Alternative(channels=number)), previous
                )
                still = np.flatnonzero(is_open[self.row[rows]])
                start, rows, previous = start.take(still), rows[still], outcome
            refused = refusals(full.held, cap, full.spared)[: len(self.row)]
            outcome.over_cap = np.bincount(self.row[over_cap], minlength=self.rows)
            outcome.refused = np.bincount(self.row[refused], minlength=self.rows)
            found[number] = outcome
        return found

    def _over_cap(self, number: int | None, full: _Full, accounts: Accounts) -> tuple[Ints, Bools]:
        """Channels when each call is set up, and which of the rated calls begin above them."""
        held, n = full.held, len(self.row)
        if number is None:
            setup = held.placed.calls.setup
            parts = [(held.placed.trunk[part], setup[part]) for part in (slice(0, n), slice(n, None))]
            cap = np.concatenate([caps_at(trunk, at, accounts) for trunk, at in parts])
        else:
            cap = np.full(len(held.placed), number)
        over = held.holds & ((held.at_trunk >= cap) | full.at_site) & ~full.spared
        return cap, over[:n]

    def _rated(
        self, calls: Classified, rows: Ints, over_cap: Bools, accounts: Accounts, before: Outcome | None
    ) -> tuple[Outcome, Bools]:
        """Rate some calls; rows without any are as before. Also, which rows more channels may change."""
        calls = replace(calls, reason=calls.reason.copy())
        bill_over_cap(calls, over_cap[rows])
        duration_s = self.duration_s[rows]
        limited = apply_limits(calls, duration_s, self.book, accounts, self.people)
        amount = self._amounts(calls, limited, duration_s)
        row = self.row[rows]
        bounds = runs(row) if len(row) else np.zeros(1, np.int64)
        here = row[bounds[:-1]]
        zero = np.zeros(self.rows, np.int64)
        outcome = Outcome(*((zero, zero) if before is None else (before.amount, before.billed_s)), zero, zero)
        outcome.amount, outcome.billed_s = outcome.amount.copy(), outcome.billed_s.copy()
        if len(here):
            outcome.amount[here] = np.add.reduceat(amount, bounds[:-1])
            outcome.billed_s[here] = np.add.reduceat(limited.billed_s, bounds[:-1])
        done = set(here.tolist())
        old = {} if before is None else before.findings
        outcome.findings = {key: value for key, value in old.items() if key not in done}
        is_open = np.zeros(self.rows, bool)
        is_open[row[limited.reason == OVER_CAP]] = True
        self._add_findings(outcome, is_open, calls, limited, amount)
        return outcome, is_open

    def _amounts(self, calls: Classified, limited: Limited, duration_s: Ints) -> Ints:
        """Amount of each call; only what is billed is priced."""
        amount = np.zeros(len(duration_s), np.int64)
        rows = np.flatnonzero(limited.billed_s > 0)
        included_s = included_seconds(calls, limited.billed_s, duration_s)
        priced = price_calls(
            calls.base[rows],
            calls.placed.calls.answer[rows],
            included_s[rows],
            limited.billed_s[rows],
            calls.plan[rows],
            calls.plans,
            self.book,
        )
        amount[rows] = priced.amount
        return amount

    def _add_findings(
        self, outcome: Outcome, is_open: Bools, calls: Classified, limited: Limited, amount: Ints
    ) -> None:
        if not any(use.breached.any() for use in limited.uses):
            return
        sums = amount_by_use(limited, amount)
        for number, use in enumerate(limited.uses):
            plan = calls.plans[use.plan]
            per_channel = plan.fair_use[use.place].per == "channel"
            for group in np.flatnonzero(use.breached).tolist():
                row = self.row_of[int(use.trunk[group]), int(use.month[group])]
                is_open[row] |= per_channel
                finding = Finding(
                    plan=plan.name,
                    place=use.place,
                    reason=REASONS[use.reason],
                    subject=use.subject[group],
                    limit=int(use.limit[group]),
                    measured=int(use.measured[group]),
                    call_id=calls.placed.calls.call_id[int(use.crossing[group])].as_py(),
                    at=int(use.at[group]),
                    mode=MODES[int(use.mode[group])],
                    amount=sums.get((number, group), 0),
                )
                outcome.findings.setdefault(row, []).append(finding)
        for findings in outcome.findings.values():
            findings.sort(key=lambda finding: finding.key)

    def _decisions(self, as_it_is: Outcome) -> dict[tuple[int, str, str], tuple[int, list[Finding]]]:
        """What each mode of each limit that was crossed would come to, all else as it is."""
        rows_of: dict[str, set[int]] = {}
        for row, findings in as_it_is.findings.items():
            for finding in findings:
                rows_of.setdefault(finding.reason, set()).add(row)
        if not rows_of:
            return {}
        calls = classify(self.placed, self.months, self.own, self.book, self.accounts, self.base)
        _, over_cap = self._over_cap(None, self._fullness(calls, None, self.accounts), self.accounts)
        found = {}
        for reason, rows in sorted(rows_of.items()):
            here = np.flatnonzero(np.isin(self.row, sorted(rows)))
            some = calls.take(here)
            for mode in MODES:
                outcome, _ = self._rated(
                    with_mode(some, mode, (reason,)), here, over_cap, self.accounts, None
                )
                for row in sorted(rows):
                    same = [one for one in outcome.findings.get(row, []) if one.reason == reason]
                    found[row, reason, mode] = int(outcome.amount[row]), same
        return found
