"""Which numbers can be read at all, and which of them nobody is given: for checks, not for rating."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from rating.arrays import Bools, Ints
from rating.numbering.keys import COUNT, E164_DIGITS, POW10, SHORT, SHORT_DIGITS
from rating.numbering.plan import NATIONAL_DIGITS, NumberingPlan

NOWHERE = np.iinfo(np.int64).max
"""No number follows."""

_ABROAD_DIGITS = range(7, E164_DIGITS + 1)
_SHORT_DIGITS = range(2, SHORT_DIGITS + 1)


@dataclass(frozen=True)
class HomeSpans:
    """Spans of the country's own E.164 numbers, ascending, one for each interval of the numbering plan.

    low, high : 15 aligned digits [low, high); digits : count of digits of a number in it
    blocked : whether no subscriber is given such a number
    """

    low: Ints
    high: Ints
    digits: Ints
    blocked: Bools


def home_spans(plan: NumberingPlan) -> HomeSpans:
    """The intervals of the plan whose numbers stay in the country's own code."""
    start, end = plan.starts[:-1], plan.starts[1:]
    drop, prefix, count = plan.drop[:-1], plan.prefix[:-1], plan.prefix_digits[:-1]
    code_digits = len(str(plan.country_code))
    code = prefix // POW10[np.maximum(count - code_digits, 0)]
    home = (plan.length[:-1] > 0) & (code == plan.country_code)
    left = POW10[NATIONAL_DIGITS - drop]
    # aligned to as many digits as 14 national ones become; the last of them is 0, so that 15 are enough
    shift = count + NATIONAL_DIGITS - drop - E164_DIGITS
    low = (prefix * left + start % left) // POW10[np.maximum(shift, 0)] * POW10[np.maximum(-shift, 0)]
    high = low + (end - start) // POW10[np.maximum(shift, 0)] * POW10[np.maximum(-shift, 0)]
    order = np.flatnonzero(home)[np.argsort(low[home], kind="stable")]
    digits = count + plan.length[:-1] - drop
    return HomeSpans(low[order], high[order], digits[order], plan.blocked[:-1][order])


def blocked_spans(plan: NumberingPlan) -> tuple[Ints, Ints]:
    """Spans of keys [low, high) that no subscriber is given, ascending.

    Examples
    --------
    >>> from rating.numbering import key_of, load_plan
    >>> low, high = blocked_spans(load_plan("FR"))
    >>> routing = int(key_of(np.array([33600123456]), np.array([11]))[0])  # 0600
    >>> bool(((low <= routing) & (routing < high)).any())
    True
    """
    spans = home_spans(plan)
    return spans.low[spans.blocked] * COUNT, spans.high[spans.blocked] * COUNT


@dataclass(frozen=True)
class Reach:
    """Which keys are numbers that some dialled text is read as; masked numbers do not count.

    home : spans of the country's own code, which is that of keys [home_low, home_high)
    """

    home: HomeSpans
    home_low: int
    home_high: int

    @classmethod
    def of(cls, plan: NumberingPlan) -> Reach:
        """The reach of a country's numbering plan."""
        step = int(POW10[E164_DIGITS - len(str(plan.country_code))]) * COUNT
        return cls(home_spans(plan), plan.country_code * step, (plan.country_code + 1) * step)

    def any_number(self, low: Ints, high: Ints) -> Bools:
        """Whether a number can be read whose key is in [low, high); shape (n,).

        Examples
        --------
        >>> from rating.numbering import load_plan, span_of_prefix
        >>> spans = [span_of_prefix(prefix) for prefix in ("336", "33590", "44", "FR:15", "FR:1")]
        >>> low, high = np.array(spans).T
        >>> Reach.of(load_plan("FR")).any_number(low, high).tolist()
        [True, False, True, True, False]
        """
        aligned = -(-(low - E164_DIGITS) // COUNT)
        long = aligned * COUNT + E164_DIGITS
        found = (long < high) & (aligned >= POW10[E164_DIGITS - 1]) & (aligned < POW10[E164_DIGITS])
        found &= (long < self.home_low) | (long >= self.home_high)
        rest = np.flatnonzero(~found)
        found[rest] = self.next_number(low[rest]) < high[rest]
        return found

    def next_number(self, keys: Ints) -> Ints:
        """The first number at or after each key, NOWHERE where there is none; shape (n,).

        Examples
        --------
        >>> from rating.numbering import key_texts, load_plan, span_of_prefix
        >>> low = np.array([span_of_prefix(prefix)[0] for prefix in ("336", "33590", "44", "FR:36*")])
        >>> key_texts(Reach.of(load_plan("FR")).next_number(low)).to_pylist()
        ['+33600000000', '+33591000000', '+4400000', '36']
        """
        outside = np.where((keys >= self.home_low) & (keys < self.home_high), self.home_high, keys)
        abroad = _next_of(outside, _ABROAD_DIGITS, E164_DIGITS)
        after_home = int(_next_of(np.array([self.home_high]), _ABROAD_DIGITS, E164_DIGITS)[0])
        abroad = np.where((abroad >= self.home_low) & (abroad < self.home_high), after_home, abroad)
        short = _next_of(np.maximum(keys - SHORT, 0), _SHORT_DIGITS, SHORT_DIGITS)
        short = np.where(short == NOWHERE, NOWHERE, short + np.where(short == NOWHERE, 0, SHORT))
        return np.minimum(np.minimum(abroad, _next_home(keys, self.home)), short)


def _next_of(keys: Ints, counts: range, aligned: int) -> Ints:
    """The first key at or after each one that is a number of one of these counts of digits."""
    keys = np.maximum(keys, POW10[aligned - 1] * COUNT)
    found = np.full(len(keys), NOWHERE)
    for count in counts:
        step = int(POW10[aligned - count])
        value = -(-(keys - count) // (COUNT * step)) * step
        found = np.where(value < POW10[aligned], np.minimum(found, value * COUNT + count), found)
    return found


def _next_home(keys: Ints, spans: HomeSpans) -> Ints:
    """The first number of the country's own code at or after each key."""
    if not len(spans.low):
        return np.full(len(keys), NOWHERE)
    at = np.searchsorted(spans.low * COUNT, keys, "right") - 1
    here = np.maximum(at, 0)
    step = POW10[E164_DIGITS - spans.digits[here]]
    least = np.maximum(keys - spans.digits[here], spans.low[here] * COUNT)
    value = -(-least // (COUNT * step)) * step
    inside = (at >= 0) & (value < spans.high[here])
    firsts = np.append(spans.low * COUNT + spans.digits, NOWHERE)
    return np.where(inside, np.where(inside, value, 0) * COUNT + spans.digits[here], firsts[at + 1])


def read_as(prefix: str, plan: NumberingPlan) -> str | None:
    """What E.164 begins with where a number is written with the country's code and belongs to another one.

    Examples
    --------
    >>> from rating.numbering import load_plan
    >>> read_as("33590", load_plan("FR")), read_as("331", load_plan("FR"))
    ('590590', None)
    """
    code = str(plan.country_code)
    national = prefix.removeprefix(code)
    if not prefix.startswith(code) or not national or national[0] == "0" or len(national) > NATIONAL_DIGITS:
        return None
    low = int(national) * int(POW10[NATIONAL_DIGITS - len(national)])
    high = low + int(POW10[NATIONAL_DIGITS - len(national)])
    first = int(np.searchsorted(plan.starts, low, "right")) - 1
    for cell in range(first, int(np.searchsorted(plan.starts, high, "left"))):
        begins = str(int(plan.prefix[cell]))
        if plan.length[cell] and not begins.startswith(code):
            return begins + national[int(plan.drop[cell]) :]
    return None
