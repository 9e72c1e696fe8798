"""Stage 7: increments, windows, steps and amounts, in exact integers (SPEC 7, art. 7.2 "à la minute")."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from rating.arrays import SECOND, Bools, Ints
from rating.money import DECIMALS, round_half_up
from rating.tariffs.book import TariffBook
from rating.tariffs.deck import NO_MAXIMUM, NO_WINDOW, Deck, InForce
from rating.tariffs.plans import Plan
from rating.tariffs.windows import Timeline

MINUTE = 60


@dataclass(frozen=True)
class Priced:
    """Money of each call, shape (n,).

    billable_s : seconds after increments [s]
    price : per minute, of the first billed increment or of one at the answer; -1 without deck row [micros]
    amount : units of 10**-amount_decimals
    """

    billable_s: Ints
    price: Ints
    amount: Ints


def price_calls(
    base: Ints,
    answer: Ints,
    included_s: Ints,
    billed_s: Ints,
    plan: Ints,
    plans: list[Plan],
    book: TariffBook,
) -> Priced:
    """Price calls.

    Parameters
    ----------
    base : deck row with window none and from_second 0, -1 where there is none
    answer : UTC instant [ns]
    included_s, billed_s : parts of the call, the included one first [s]
    plan : index into `plans`
    """
    n = len(base)
    deck = book.deck
    billable, price, amount = np.zeros(n, np.int64), np.full(n, -1), np.zeros(n, np.int64)
    rows = np.flatnonzero(base >= 0)
    if not len(rows):
        return Priced(billable, price, amount)
    row_of, answered, billed = base[rows], answer[rows], billed_s[rows]
    start = np.where(billed > 0, included_s[rows], 0)
    terms = row_of.copy()
    price[rows] = deck.price[row_of]
    day = book.zone.days(answered)
    groups = [(found, in_force) for found, in_force in deck.by_day(day) if len(in_force.more)]
    timeline = _timeline(book, answered, start + billed) if groups else None
    for found, in_force in groups:
        assert timeline is not None
        terms[found] = _terms_at_answer(deck, in_force, timeline, row_of[found], answered[found])
    first_s, following_s = _increments(deck, terms, plan[rows], plans, book)
    billable[rows] = billable_seconds(billed, first_s, following_s)
    micros_seconds = deck.price[row_of] * billable[rows]
    for found, in_force in groups:
        assert timeline is not None
        varied = found[np.diff(in_force.more_from)[row_of[found]] > 0]
        if len(varied):
            sums, first_price = _varied(
                deck,
                in_force,
                timeline,
                row_of[varied],
                answered[varied],
                start[varied],
                billable[rows][varied],
                first_s[varied],
                following_s[varied],
            )
            micros_seconds[varied] = sums
            price[rows[varied]] = first_price
    amount[rows] = _amounts(deck, terms, micros_seconds, start == 0, billed > 0, book.amount_decimals)
    return Priced(billable, price, amount)


def billable_seconds(billed_s: Ints, first_s: Ints | int, following_s: Ints | int) -> Ints:
    """Round billed seconds up to the billing increments.

    Parameters
    ----------
    billed_s : int64 array
        Seconds beyond the plan; 0 where nothing is billed. [s]
    first_s, following_s : int64 array or int
        First and following increment ("60/60" is 60, 60), > 0. [s]

    References
    ----------
    .. [1] Conditions particulières 09.2022, art. 7.2 ("facturée à la minute"); SPEC 7.

    Examples
    --------
    >>> billable_seconds(np.array([0, 10, 61]), 60, 60).tolist()
    [0, 60, 120]
    """
    beyond_first = np.maximum(billed_s - first_s, 0)
    steps = -(-beyond_first // following_s)
    return np.where(billed_s > 0, first_s + steps * following_s, 0)


def _increments(
    deck: Deck, terms: Ints, plan: Ints, plans: list[Plan], book: TariffBook
) -> tuple[Ints, Ints]:
    """The plan's increments, or the deck row's own for plans and classes that say so."""
    first = np.array([found.increments[0] if found.increments else 0 for found in plans], np.int64)[plan]
    following = np.array([found.increments[1] if found.increments else 0 for found in plans], np.int64)[plan]
    own = np.isin(deck.klass[terms], deck.codes_of(deck.classes, list(book.deck_increments))) | (first == 0)
    return np.where(own, deck.first_s[terms], first), np.where(own, deck.following_s[terms], following)


def _amounts(
    deck: Deck, terms: Ints, micros_seconds: Ints, whole: Bools, billed: Bools, decimals: int
) -> Ints:
    """Fees, minutes, minimum, maximum, and the one rounding; micros times 60 until then."""
    fees = np.where(whole, deck.fee[terms] + deck.per_call[terms], 0) * MINUTE
    exact = micros_seconds + fees
    exact = np.where(whole, np.maximum(exact, deck.minimum[terms] * MINUTE), exact)
    maximum = deck.maximum[terms]
    exact = np.where(maximum != NO_MAXIMUM, np.minimum(exact, maximum * MINUTE), exact)
    return np.where(billed, round_half_up(exact, MINUTE * 10 ** (DECIMALS - decimals)), 0)


def _timeline(book: TariffBook, answer: Ints, seconds: Ints) -> Timeline:
    """Windows from the first answer to the last second that may be priced, increments included."""
    last = int((answer + seconds * SECOND).max())
    return book.windows.timeline(book.zone, int(answer.min()), last)


def _slots(in_force: InForce, base: Ints) -> tuple[Ints, int]:
    """First of the rows beside each base row, and the most that one has."""
    return in_force.more_from[base], int(np.diff(in_force.more_from)[base].max(initial=0))


def _candidates(
    deck: Deck, in_force: InForce, timeline: Timeline, base: Ints, segment: Ints, second: Ints
) -> Ints:
    """The row that prices an increment: the open window's before none's, then the greatest `from_second`.

    Parameters
    ----------
    base : base row; segment : of the timeline at the increment's start; second : from the answer [s]
    """
    best = base.copy()
    best_window, best_second = np.zeros(len(base), bool), np.zeros(len(base), np.int64)
    from_slot, most = _slots(in_force, base)
    counts = np.diff(in_force.more_from)[base]
    for slot in range(most):
        has = counts > slot
        row = in_force.more[np.where(has, from_slot + slot, 0)]
        window = deck.window[row]
        windowed = window != NO_WINDOW
        is_open = (
            ~windowed | timeline.open[segment, np.maximum(window, 0)] if timeline.open.shape[1] else ~windowed
        )
        fits = has & is_open & (deck.from_second[row] <= second)
        better = (windowed & ~best_window) | (
            (windowed == best_window) & (deck.from_second[row] > best_second)
        )
        take = fits & better
        best = np.where(take, row, best)
        best_window = np.where(take, windowed, best_window)
        best_second = np.where(take, deck.from_second[row], best_second)
    return best


def _terms_at_answer(deck: Deck, in_force: InForce, timeline: Timeline, base: Ints, answer: Ints) -> Ints:
    """Row that gives fees, increments, minimum and maximum: in force at the answer, `from_second` 0."""
    return _candidates(deck, in_force, timeline, base, timeline.at(answer), np.zeros(len(base), np.int64))


def _varied(
    deck: Deck,
    in_force: InForce,
    timeline: Timeline,
    base: Ints,
    answer: Ints,
    start: Ints,
    billable: Ints,
    first_s: Ints,
    following_s: Ints,
) -> tuple[Ints, Ints]:
    """Sum of price × seconds over the increments of calls whose price changes, and the first one's price.

    The call is cut where a window opens or closes and where a step begins; all increments that start between
    two cuts have one price. `start` is where the billed part starts, from the answer. [s]
    """
    n = len(base)
    end = start + np.maximum(billable, 1)
    from_slot, most = _slots(in_force, base)
    counts = np.diff(in_force.more_from)[base]
    owners, cuts = [np.arange(n)], [start]
    for slot in range(most):
        step = np.where(
            counts > slot, deck.from_second[in_force.more[np.where(counts > slot, from_slot + slot, 0)]], 0
        )
        inside = np.flatnonzero((step > start) & (step < end))
        owners.append(inside)
        cuts.append(step[inside])
    first_segment = timeline.at(answer + start * SECOND)
    last_segment = timeline.at(answer + (end - 1) * SECOND)
    changes = last_segment - first_segment
    owner = np.repeat(np.arange(n), changes)
    within = np.arange(len(owner)) - np.repeat(np.cumsum(changes) - changes, changes)
    instant = timeline.starts[np.repeat(first_segment, changes) + 1 + within]
    owners.append(owner)
    cuts.append(-(-(instant - answer[owner]) // SECOND))
    call, cut = np.concatenate(owners), np.concatenate(cuts)
    order = np.lexsort((cut, call))
    call, cut = call[order], cut[order]
    until = np.where(np.append(call[1:] == call[:-1], False), np.append(cut[1:], 0), end[call])
    seconds = _started(until, start, end, first_s, following_s, call) - _started(
        cut, start, end, first_s, following_s, call
    )
    segment = timeline.at(answer[call] + cut * SECOND)
    row = _candidates(deck, in_force, timeline, base[call], segment, cut)
    sums = np.zeros(n, np.int64)
    np.add.at(sums, call, deck.price[row] * np.where(billable[call] > 0, seconds, 0))
    first_price = np.zeros(n, np.int64)
    first_price[call[::-1]] = deck.price[row][::-1]
    return sums, first_price


def _started(until: Ints, start: Ints, end: Ints, first_s: Ints, following_s: Ints, call: Ints) -> Ints:
    """Seconds in the increments that start before `until`."""
    offset = np.minimum(until, end[call]) - start[call]
    after_first = -(-np.maximum(offset - first_s[call], 0) // following_s[call])
    return np.where(offset > 0, first_s[call] + after_first * following_s[call], 0)
