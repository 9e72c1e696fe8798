"""Figures as the engineer reads them, the same in the terminal and on the pages."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta

from rating.arrays import SECOND
from rating.channels.busy import BusyHour
from rating.channels.gos import Grade
from rating.channels.hours import Hours
from rating.channels.lines import Line
from rating.channels.run import Month
from rating.erlang import MOST
from rating.summary import many


def percent(share: float | None) -> str:
    """A share of calls; empty where there is none.

    Examples
    --------
    >>> percent(0.21458), percent(0.0123), percent(1e-6), percent(0), percent(None)
    ('21.5 %', '1.23 %', '< 0.01 %', '0 %', '')
    """
    if share is None:
        return ""
    if 0 < share < 0.0001:
        return "< 0.01 %"
    digits = 0 if share in (0, 1) else 1 if share >= 0.1 else 2
    return f"{share * 100:.{digits}f} %"


def erlangs(load: float) -> str:
    """A load, with two decimals."""
    return f"{load:,.2f}"


def minutes(seconds: float | None) -> str:
    """A mean length of calls as minutes and seconds.

    Examples
    --------
    >>> minutes(181.4), minutes(59.6), minutes(None)
    ('3:01', '1:00', '')
    """
    if seconds is None:
        return ""
    whole = int(seconds + 0.5)
    return f"{whole // 60:,}:{whole % 60:02d}"


def seconds_of(milliseconds: int | None) -> str:
    """A delay in seconds, with two decimals.

    Examples
    --------
    >>> seconds_of(888), seconds_of(None)
    ('0.89 s', '')
    """
    return "" if milliseconds is None else f"{milliseconds / 1000:.2f} s"


def channels(count: int | None) -> str:
    """A number of channels; where more are needed than are tried, or there is no cap, that.

    Examples
    --------
    >>> channels(7), channels(100_001), channels(None)
    ('7', '> 100,000', 'no cap')
    """
    if count is None:
        return "no cap"
    return f"{count:,}" if count <= MOST else f"> {MOST:,}"


def day_text(day: int) -> str:
    """A local day, counted from 1970-01-01.

    Examples
    --------
    >>> day_text(20_739)
    'Tue 13 Oct'
    """
    found = date(1970, 1, 1) + timedelta(day)
    return f"{found:%a} {found.day} {found:%b}"


def span_text(clock: int) -> str:
    """A local hour.

    Examples
    --------
    >>> span_text(9)
    '09:00-10:00'
    """
    return f"{clock:02d}:00-{clock + 1:02d}:00"


def hour_text(hours: Hours, at: int) -> str:
    """An hour of the month by its first instant; with its offset where the clock shows it twice."""
    which = hours.index(at)
    return f"{day_text(int(hours.day[which]))}, {span_text(int(hours.clock[which]))}{_doubt(hours, which)}"


def start_text(hours: Hours, at: int) -> str:
    """An hour of the month by its begin, where there is little room."""
    which = hours.index(at)
    return f"{day_text(int(hours.day[which]))} {int(hours.clock[which]):02d}:00{_doubt(hours, which)}"


def instant_text(hours: Hours, at: int) -> str:
    """An instant of the month as the clock showed it, to the second."""
    which = hours.index(at)
    shown = datetime.fromtimestamp((at + int(hours.offset[which])) // SECOND, UTC)
    return f"{day_text(int(hours.day[which]))}, {shown:%H:%M:%S}{_doubt(hours, which)}"


def _doubt(hours: Hours, which: int) -> str:
    if not hours.is_twice(which):
        return ""
    quarters = int(hours.offset[which]) // (900 * SECOND)
    sign, quarters = "-" if quarters < 0 else "+", abs(quarters)
    return f" UTC{sign}{quarters // 4:02d}:{quarters % 4 * 15:02d}"


def seen_text(month: Month) -> str:
    """The days from which CDRs were read."""
    first, last = month.seen
    return day_text(first) if first == last else f"{day_text(first)} to {day_text(last)}"


def caps_text(hours: Hours, line: Line) -> str:
    """The channels of the month, and when they changed.

    Returns
    -------
    str
        `10`, or `4, 6 from Thu 15 Oct, 00:00:00`.
    """
    if line.channels is None:
        return "those of the trunk, the site has no cap of its own"
    first, *rest = line.caps
    changes = [f"{count:,} from {instant_text(hours, at)}" for at, count in rest]
    return ", ".join([f"{first[1]:,}", *changes])


def headline(line: Line, grades: Sequence[Grade]) -> str:
    """What matters most, in a sentence."""
    if line.is_silent:
        return "No call."
    peak = _peak(line)
    grade = grades[0].text
    if line.busiest is None:
        return f"{peak}; what it was offered is not known."
    needs = f"the busiest hour needs {channels(line.busiest.needed[0])} for {grade}"
    if line.daily is None:
        return f"{peak}; {needs}."
    return f"{peak}; {needs}, the busy hour of a working day {channels(line.daily.needed[0])}."


def _peak(line: Line) -> str:
    """The peak, of the channels that were in force then."""
    if line.channels is None:
        return f"{many(line.peak, 'channel')} at the peak"
    then = [count for at, count in line.caps if at <= line.peak_at][-1] if line.peak else line.channels
    now = f" ({line.channels:,} now)" if then != line.channels else ""
    return f"{line.peak:,} of {many(then, 'channel')} at the peak{now}"


def blocked_text(hour: BusyHour) -> str:
    """What was blocked of the calls that sought a channel."""
    return f"{hour.blocked:,} of {hour.attempts:,} ({percent(hour.measured)})" if hour.attempts else "0 of 0"


def occupancy_words(month: Month, line: Line) -> str:
    """What the plot of the month shows."""
    first = f"At most {many(line.peak, 'channel')} at once"
    if line.peak:
        first += f", first on {instant_text(month.hours, line.peak_at)}"
    full = [f"{length(line.at_cap_s)} with all channels held"] if line.at_cap_s else []
    full += [f"{length(line.above_cap_s)} with more than there were"] if line.above_cap_s else []
    times = " and ".join(full) or ("no cap" if line.channels is None else "never were all held")
    return f"{first}; {times}. {line.erlang_hours:,.1f} Erlang hours carried."


def length(seconds: int) -> str:
    """A length of time in one unit.

    Examples
    --------
    >>> length(40), length(906), length(307_386)
    ('40 s', '15 min', '85.4 h')
    """
    if seconds < 120:
        return f"{seconds} s"
    return f"{seconds / 60:,.0f} min" if seconds < 7200 else f"{seconds / 3600:,.1f} h"


def week_words(line: Line) -> str:
    """What the plot of the week shows."""
    highest = erlangs(float(line.week.max()))
    return f"Colour: channels held on the mean of the hour, {highest} Erlangs at most. Number: most at once."


def blocking_words(line: Line, grades: Sequence[Grade]) -> str:
    """What the plot of the blocking shows."""
    found = ((line.busiest, "the busiest hour needs"), (line.daily, "the busy hour of working days"))
    texts = []
    for hour, words in found:
        if hour:
            needs = [f"{channels(n)} for {grade.text}" for n, grade in zip(hour.needed, grades, strict=True)]
            texts.append(f"{words} {', '.join(needs)}")
    now = "no cap" if line.channels is None else many(line.channels, "channel")
    return f"What more channels would do: {'; '.join(texts)}. Now: {now}."


DEFINITIONS = (
    ("Channels held", "from setup to release, answered or not; blocked and refused calls hold none."),
    ("Erlangs", "channels held on the mean of an hour."),
    ("Busiest hour", "the clock hour of the month with most traffic offered: the worst that happened."),
    (
        "Busy hour",
        "the hour of the day with most traffic offered on the mean of working days: what to expect of one.",
    ),
    (
        "Offered",
        "traffic carried, and blocked calls times the mean time for which a call holds its channel. "
        "Callers who try again count each time: where much is blocked, it is rather high.",
    ),
    (
        "Erlang B",
        "share of the calls that find no channel when such a load comes at random, with the channels in "
        "force at the end of the month.",
    ),
    ("Blocked", "calls that found no channel (end_reason no_channel), of those that sought one."),
    ("ASR", "answered, of all attempts; and of seizures, the calls that got a channel."),
    ("NER", "attempts that reached the called user: answered, busy, no answer, given up or declined."),
    ("ACD", "average call duration: mean length of answered calls, in minutes and seconds."),
    ("PDD", "post-dial delay: from setup to the first ringing, of calls with alert_time."),
)
"""What the figures mean."""
