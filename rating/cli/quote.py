"""`trunkrate quote`: what a call to a number would cost."""

from __future__ import annotations

import sys
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import click

from rating.cli.exits import DONE, LOOK, say, stop

if TYPE_CHECKING:
    from rating.quote import Quote
    from rating.tariffs.book import TariffBook


@click.command("quote")
@click.argument("number")
@click.option("--tariffs", required=True, metavar="BOOK", help="Tariff book: a folder, or a shipped name.")
@click.option("--at", metavar="TIME", help="Instant or local time of the answer (default: now).")
@click.option("--plan", metavar="PLAN", help="Plan of the caller (default: metered).")
@click.option("--seconds", type=click.IntRange(0, 366 * 86_400), default=60, show_default=True, metavar="N")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def quote_command(
    number: str, tariffs: str, at: str | None, plan: str | None, seconds: int, as_json: bool
) -> None:
    """Quote NUMBER: as read, destination, price, windows, whether the plan includes it, and N seconds.

    \b
    Exit status: 0 quoted; 1 the deck has no price for it; 2 unreadable number, bad book or option.
    Example: trunkrate quote 0639980123 --tariffs contract --plan unlimited-fixed --seconds 90
    """
    from rating.errors import TrunkrateError
    from rating.instants import parse_one
    from rating.quote import quote
    from rating.tariffs.book import load_book

    try:
        book = load_book(tariffs)
        instant = int(datetime.now(UTC).timestamp()) * 10**9 if at is None else parse_one(at, book.zone)
        if instant is None:
            rule = "expected an instant as 2026-10-05T09:00:00+02:00, or a local time or date"
            night = "occurs twice or not at all on a clock-change night: give its offset"
            problem = night if parse_one(f"{at}Z", book.zone) is not None else "is no instant"
            raise click.BadParameter(f"'{at}' {problem}; {rule}.", param_hint="--at")
        found = quote(number, book, instant, plan=plan, seconds=seconds)
    except TrunkrateError as error:
        stop(error, "Nothing was quoted.")
    if as_json:
        import json

        say(json.dumps(_record(found, book), indent=2, ensure_ascii=False))
    else:
        say("\n".join(_lines(found, book)))
    sys.exit(DONE if found.rows else LOOK)


def _lines(found: Quote, book: TariffBook) -> list[str]:
    from rating.explain.render import Speaker

    speaker = Speaker("en", book)
    lines = [f"{found.dialled} is {found.number}, at {speaker.instant(found.at)}"]
    if found.terms is None or found.amount is None:
        return [*lines, "no prefix of the deck in force matches: no price (reason no_rate)"]
    amount, terms = found.amount, found.terms
    lines.append(f"  destination  {terms.destination}, class {terms.klass}, prefix {terms.prefix}")
    if len(found.matches) > 1:
        lines.append("  longest of   " + ", ".join(match.prefix for match in found.matches))
    for row in found.rows:
        when = (
            f" in window {row.window}{' (open now)' if row.window in found.open else ''}"
            if row.window
            else ""
        )
        since = f" from second {row.from_second}" if row.from_second else ""
        price = f"{speaker.money(row.price)} {book.currency} a minute"
        lines.append(f"  price        {price}{when}{since} (deck line {row.line})")
    fees = [
        f"{name} {speaker.money(value)}"
        for name, value in (
            ("connect fee", terms.fee),
            ("per call", terms.per_call),
            ("minimum", terms.minimum),
            ("maximum", terms.maximum),
        )
        if value
    ]
    if fees:
        lines.append("  also         " + ", ".join(fees))
    lines.append(f"  increments   {amount.first_s}/{amount.following_s} of the {amount.increments_of}")
    lines.append(f"  plan         {found.plan.name}: {INCLUDED[found.included]}")
    cost = f"{speaker.money(amount.rounded)} {book.currency}"
    free = found.included == "free"
    lines.append(f"  {f'{found.seconds} s cost':12} {'nothing, ever' if free else cost + ' where billed'}")
    return lines


INCLUDED = {
    "": "not included, billed by the minute",
    "class": "included by its class, within the fair-use limits",
    "destination": "included by name, within the fair-use limits",
    "order_form": "included if the trunk's order form lists it, within the fair-use limits",
    "free": "never charged",
}


def _record(found: Quote, book: TariffBook) -> dict[str, Any]:
    from rating.zone import instant_text

    amount = found.amount
    return {
        "dialled": found.dialled,
        "number": found.number,
        "at": instant_text(found.at),
        "prefix": found.terms.prefix if found.terms else None,
        "destination": found.terms.destination if found.terms else None,
        "class": found.terms.klass if found.terms else None,
        "matches": [match.prefix for match in found.matches],
        "prices": [
            {
                "price_per_minute": _decimal(row.price),
                "window": row.window or None,
                "open": row.window in found.open,
                "from_second": row.from_second,
                "line": row.line,
            }
            for row in found.rows
        ],
        "increments": f"{amount.first_s}/{amount.following_s}" if amount else None,
        "plan": found.plan.name,
        "included": found.included or None,
        "seconds": found.seconds,
        "billable_s": amount.billable_s if amount else None,
        "amount": _decimal(amount.rounded, book.amount_decimals) if amount else None,
        "currency": book.currency,
    }


def _decimal(value: Any, decimals: int = 6) -> str:
    from rating.money import decimal_text

    return decimal_text(int(value * 10**decimals), decimals)
