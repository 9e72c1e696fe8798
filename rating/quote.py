"""What a call to one number would cost, by a tariff book alone."""

from __future__ import annotations

from dataclasses import dataclass

import pyarrow as pa

from rating.errors import UsageError
from rating.explain.amount import Amount, DeckRow, amount_of, open_windows, row_for
from rating.explain.destination import Match, matches_of
from rating.explain.folder import shown_digits
from rating.numbering import read_numbers
from rating.reasons import CLASS_EMERGENCY, CLASS_FREE
from rating.tariffs.book import TariffBook, close_names
from rating.tariffs.plans import METERED, Plan

ALWAYS_FREE = (CLASS_EMERGENCY, CLASS_FREE)


@dataclass(frozen=True)
class Quote:
    """A number, its price at an instant, and the cost of some seconds.

    number : as read; rows : of its prefix in force, empty where nothing matches
    at : instant [ns]; seconds : quoted [s]
    included : by what the plan includes it: class, destination, order_form, free, or empty
    amount : of the seconds, whole by the minute, None without a price
    """

    dialled: str
    number: str
    matches: tuple[Match, ...]
    rows: tuple[DeckRow, ...]
    terms: DeckRow | None
    plan: Plan
    at: int
    open: frozenset[str]
    seconds: int
    included: str
    amount: Amount | None


def quote(dialled: str, book: TariffBook, at: int, *, plan: str | None = None, seconds: int = 60) -> Quote:
    """Quote a call.

    Parameters
    ----------
    dialled : number as dialled, or E.164
    at : instant of the answer [ns]
    plan : name of a plan of the book; none is metered
    seconds : whole seconds, >= 0, all of them billed

    Raises
    ------
    UsageError
        The number cannot be read, or the plan is unknown.

    Examples
    --------
    >>> from rating import load_book
    >>> found = quote("06 39 98 01 23", load_book("contract"), 1_790_000_000_000_000_000, seconds=61)
    >>> found.number, found.terms.destination, found.amount.billable_s, found.amount.rounded
    ('+33639980123', 'France Mobile 06', 120, Fraction(2, 25))
    """
    read = read_numbers(pa.array([dialled], pa.string()), book.numbering)
    number, key = read.text[0].as_py(), int(read.key[0])
    if not read.readable[0]:
        raise UsageError(
            f"number '{dialled}' cannot be read; expected a dialled number as 0199000110, +33199000110 "
            "or 3639. [QUOTE-NUMBER]"
        )
    chosen = _plan(book, plan)
    matches, rows = matches_of(shown_digits(read)[0], key, at, book)
    opened = open_windows(book, at)
    terms = row_for([row for row in rows if row.from_second == 0], opened, 0) if rows else None
    amount = amount_of(rows, book, chosen.increments, at, 0, seconds) if rows else None
    included = _included(chosen, terms) if terms else ""
    return Quote(
        dialled,
        number,
        tuple(matches),
        tuple(rows),
        terms,
        chosen,
        at,
        frozenset(opened),
        seconds,
        included,
        amount,
    )


def _plan(book: TariffBook, name: str | None) -> Plan:
    if name is None:
        return book.plan("metered")
    if name not in book.plans and name != METERED.name:
        known = close_names({*book.plans, METERED.name}, name)
        raise UsageError(f"plan '{name}' is unknown; expected a plan of the book{known}. [QUOTE-PLAN]")
    return book.plan(name)


def _included(plan: Plan, row: DeckRow) -> str:
    if row.klass in ALWAYS_FREE:
        return "free"
    if plan.name == METERED.name:
        return ""
    if row.klass in plan.classes:
        return "class"
    if row.destination in plan.destinations:
        return "destination"
    return "order_form" if plan.order_form and not row.klass.startswith("fr_") else ""
