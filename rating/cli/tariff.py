"""`trunkrate tariff`: look at tariff books before anything is rated by them."""

from __future__ import annotations

import sys
from datetime import datetime

import click

from rating.cli.exits import DONE, LOOK, NOTHING, end_check, say


@click.group("tariff")
def tariff_group() -> None:
    """Check a tariff book, or compare two."""


@tariff_group.command("check")
@click.argument("book")
@click.option(
    "--today",
    type=click.DateTime(["%Y-%m-%d"]),
    metavar="YYYY-MM-DD",
    help="Day that verified_on is compared with (default: today).",
)
@click.option("--all", "show_all", is_flag=True, help="Print every warning, not five of a kind.")
@click.option("--json", "as_json", is_flag=True, help="Print all errors and warnings as JSON.")
def tariff_check(book: str, today: datetime | None, show_all: bool, as_json: bool) -> None:
    """Say everything that is wrong with a tariff book, and what is suspicious.

    BOOK is a folder with book.yaml, or the name of a shipped book.

    \b
    Exit status: 0 clean; 1 warnings; 2 errors, nothing can be rated by it.
    Example: trunkrate tariff check contract --all
    """
    from rating.checks import check_tariff

    check = check_tariff(book, (today or datetime.now()).date())
    end_check(check, as_json, show_all)


@tariff_group.command("diff")
@click.argument("old")
@click.argument("new")
@click.option("--all", "show_all", is_flag=True, help="Name every prefix, not five of a difference.")
@click.option("--json", "as_json", is_flag=True, help="Print all differences as JSON.")
def tariff_diff(old: str, new: str, show_all: bool, as_json: bool) -> None:
    """Say what differs between two tariff books: prices in force over time, plans, windows, book fields.

    OLD and NEW are folders with book.yaml, or names of shipped books.

    \b
    Exit status: 0 equal; 1 different; 2 a book has errors.
    Example: trunkrate tariff diff contract my-book
    """
    from rating.errors import TariffError
    from rating.tariffs.book import load_book
    from rating.tariffs.diff import diff_books
    from rating.tariffs.diff_text import as_json as json_of
    from rating.tariffs.diff_text import lines

    books, faults = [], []
    for name in dict.fromkeys((old, new)):
        try:
            books.append(load_book(name))
        except TariffError as error:
            faults.append(error.told("Nothing was compared."))
    if faults:
        click.echo("\n".join(faults), err=True)
        sys.exit(NOTHING)
    diff = diff_books(books[0], books[-1])
    say(
        json_of(diff, old, new) if as_json else "\n".join(lines(diff, old, new, show_all)) + "\n",
        newline=False,
    )
    sys.exit(DONE if diff.is_empty else LOOK)
