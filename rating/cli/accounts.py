"""`trunkrate accounts`: look at an accounts file before anything is rated by it."""

from __future__ import annotations

from datetime import datetime

import click

from rating.cli.exits import end_check


@click.group("accounts")
def accounts_group() -> None:
    """Check an accounts file."""


@accounts_group.command("check")
@click.argument("file")
@click.option("--tariffs", required=True, metavar="BOOK", help="Tariff book: a folder, or a shipped name.")
@click.option(
    "--today",
    type=click.DateTime(["%Y-%m-%d"]),
    metavar="YYYY-MM-DD",
    help="Day that decisions are compared with (default: today).",
)
@click.option("--all", "show_all", is_flag=True, help="Print every warning, not five of a kind.")
@click.option("--json", "as_json", is_flag=True, help="Print all errors and warnings as JSON.")
def accounts_check(file: str, tariffs: str, today: datetime | None, show_all: bool, as_json: bool) -> None:
    """Say everything that is wrong with an accounts file, and what is suspicious.

    FILE is accounts.yaml: customers, their numbers, their trunks.

    \b
    Exit status: 0 clean; 1 warnings; 2 errors, nothing can be rated by it.
    Example: trunkrate accounts check accounts.yaml --tariffs contract
    """
    from rating.checks import check_accounts

    check = check_accounts(file, tariffs, (today or datetime.now()).date())
    end_check(check, as_json, show_all)
