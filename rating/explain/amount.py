"""The money of one call, increment by increment, in exact fractions (SPEC 7, art. 7.2)."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from fractions import Fraction
from zoneinfo import ZoneInfo

from rating.tariffs.book import TariffBook
from rating.tariffs.windows import HOLIDAY

SECOND = 1_000_000_000


@dataclass(frozen=True)
class DeckRow:
    """One row of the deck, amounts in currency units."""

    line: int
    prefix: str
    destination: str
    klass: str
    price: Fraction
    fee: Fraction
    per_call: Fraction
    first_s: int
    following_s: int
    minimum: Fraction
    maximum: Fraction | None
    window: str
    from_second: int


@dataclass(frozen=True)
class PricedRun:
    """Increments in a row that one deck row prices: `count` of `seconds` each, the first at `start_s`."""

    start_s: int
    count: int
    seconds: int
    row: DeckRow

    @property
    def exact(self) -> Fraction:
        """Price of the run before any rounding."""
        return self.row.price * self.count * self.seconds / 60


@dataclass(frozen=True)
class Amount:
    """How an amount came about."""

    terms: DeckRow
    first_s: int
    following_s: int
    increments_of: str
    runs: tuple[PricedRun, ...]
    billable_s: int
    fees: Fraction
    exact: Fraction
    charged: Fraction
    bound: str
    rounded: Fraction


def rows_of_prefix(book: TariffBook, prefix: str, day: int) -> list[DeckRow]:
    """Rows of a prefix in force on a local day, in file order."""
    deck = book.deck
    texts = deck.prefixes.to_pylist()
    if prefix not in texts:
        return []
    code = texts.index(prefix)
    found = []
    for row in (deck.prefix == code).nonzero()[0].tolist():
        if not deck.valid_from[row] <= day < deck.valid_to[row]:
            continue
        window = int(deck.window[row])
        maximum = int(deck.maximum[row])
        found.append(
            DeckRow(
                line=int(deck.line[row]),
                prefix=prefix,
                destination=deck.destinations[int(deck.destination[row])].as_py(),
                klass=deck.classes[int(deck.klass[row])].as_py(),
                price=Fraction(int(deck.price[row]), 10**6),
                fee=Fraction(int(deck.fee[row]), 10**6),
                per_call=Fraction(int(deck.per_call[row]), 10**6),
                first_s=int(deck.first_s[row]),
                following_s=int(deck.following_s[row]),
                minimum=Fraction(int(deck.minimum[row]), 10**6),
                maximum=None if maximum < 0 else Fraction(maximum, 10**6),
                window=book.windows.names[window] if window >= 0 else "",
                from_second=int(deck.from_second[row]),
            )
        )
    return found


def local_day(book: TariffBook, instant: int) -> int:
    """Local day of an instant, counted from 1970-01-01."""
    return (_local(book, instant).date() - date(1970, 1, 1)).days


def _local(book: TariffBook, instant: int) -> datetime:
    return (datetime(1970, 1, 1, tzinfo=UTC) + timedelta(seconds=instant // SECOND)).astimezone(
        ZoneInfo(book.zone.name)
    )


def open_windows(book: TariffBook, instant: int) -> set[str]:
    """Names of the windows that hold an instant, by the wall clock and its day."""
    windows = book.windows
    local = _local(book, instant)
    today, before = local.date(), local.date() - timedelta(days=1)
    holidays = windows.holidays(before, today) if windows.names else set()

    def kind(day: date) -> int:
        return HOLIDAY if day in holidays else day.weekday()

    minute = local.hour * 60 + local.minute
    return {
        name
        for name, spans in zip(windows.names, windows.spans, strict=True)
        if any(span.holds(kind(today), kind(before), minute) for span in spans)
    }


def row_for(rows: list[DeckRow], opened: set[str], second: int) -> DeckRow:
    """The row of an increment: an open window's before none's, then the greatest `from_second` reached."""
    fitting = [row for row in rows if row.from_second <= second and (not row.window or row.window in opened)]
    return max(fitting, key=lambda row: (bool(row.window), row.from_second))


def round_half_up(value: Fraction, decimals: int) -> Fraction:
    """Round to decimals, ties away from zero.

    Examples
    --------
    >>> round_half_up(Fraction("0.10005"), 4)
    Fraction(1001, 10000)
    """
    scaled = value * 10**decimals
    whole = abs(scaled.numerator) * 2 // scaled.denominator
    rounded = (whole + 1) // 2
    return Fraction(rounded if scaled >= 0 else -rounded, 10**decimals)


def amount_of(
    rows: list[DeckRow],
    book: TariffBook,
    plan_increments: tuple[int, int] | None,
    answer: int,
    included_s: int,
    billed_s: int,
) -> Amount:
    """The amount of a call of which some seconds are billed.

    Parameters
    ----------
    rows : the prefix's rows in force on the answer's local day
    plan_increments : (first, following), None where the deck's own apply
    answer : UTC instant [ns]; included_s, billed_s : parts of the call, the included one first [s]
    """
    terms = row_for([row for row in rows if row.from_second == 0], open_windows(book, answer), 0)
    own = plan_increments is None or terms.klass in book.deck_increments
    first, following = (terms.first_s, terms.following_s) if own else plan_increments or (60, 60)
    has_choice = len(rows) > 1
    runs: list[PricedRun] = []
    start, billable = included_s, 0
    while billable < billed_s:
        length = first if billable == 0 else following
        opened = open_windows(book, answer + start * SECOND) if has_choice else set()
        row = row_for(rows, opened, start)
        last = runs[-1] if runs else None
        if last and last.row == row and last.seconds == length:
            runs[-1] = PricedRun(last.start_s, last.count + 1, length, row)
        else:
            runs.append(PricedRun(start, 1, length, row))
        start += length
        billable += length
    fees = terms.fee + terms.per_call if included_s == 0 else Fraction(0)
    exact = sum((run.exact for run in runs), Fraction(0)) + fees
    charged, bound = exact, ""
    if included_s == 0 and charged < terms.minimum:
        charged, bound = terms.minimum, "minimum"
    if terms.maximum is not None and charged > terms.maximum:
        charged, bound = terms.maximum, "maximum"
    rounded = round_half_up(charged, book.amount_decimals)
    whose = "deck" if own else "plan"
    return Amount(terms, first, following, whose, tuple(runs), billable, fees, exact, charged, bound, rounded)
