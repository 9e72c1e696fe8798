"""`trunkrate gateway check`: what is wrong with gateway.yaml and what it names, and what is rarely meant."""

from __future__ import annotations

import os
from datetime import UTC, datetime

from rating.accounts import Accounts
from rating.accounts_file import load_accounts
from rating.arrays import SECOND
from rating.checks.check import Check
from rating.errors import AccountsError, Fault, FaultsError, GatewayError, TariffError
from rating.tariffs.book import TariffBook, load_book
from rating.yamlfile import Value
from sipgw.certificates import look_at_certificates
from sipgw.directory import Directory
from sipgw.findings import Findings, at
from sipgw.settings import Settings
from sipgw.settings_file import read_settings
from sipgw.suspicious import book_warnings, leg_warnings, trunk_warnings

ENDING = "The gateway does not start."


def check_gateway(config: str, now: int) -> Check:
    """Check gateway.yaml, the book and accounts that it names, its certificates and its spool.

    Nothing is connected to: peers, next hop and state are not probed.

    Parameters
    ----------
    now : instant that certificates, channels and the deck are looked at [ns]
    """
    try:
        settings, root = read_settings(config)
    except GatewayError as error:
        return Check(config, tuple(error.faults), ending=ENDING)
    found = Findings()
    instant = datetime.fromtimestamp(now // SECOND, UTC)
    certified = look_at_certificates(settings, root, instant, found)
    _look_at_spool(settings, root, found)
    book, accounts = _read(settings, found)
    if found.errors or book is None or accounts is None:
        return Check(config, _ordered(found.errors), ending=ENDING)
    directory = Directory(settings, accounts, book)
    leg_warnings(settings, root, found)
    book_warnings(directory, root, now, found)
    trunk_warnings(directory, root, certified, now, found)
    return Check(config, warnings=_ordered(found.warnings), ending=ENDING)


def _ordered(faults: list[Fault]) -> tuple[Fault, ...]:
    return tuple(FaultsError(faults).faults)


def _read(settings: Settings, found: Findings) -> tuple[TariffBook | None, Accounts | None]:
    """The book and the accounts; what is wrong with either is noted."""
    book, accounts = None, None
    try:
        book = load_book(settings.tariffs)
    except TariffError as error:
        found.errors += error.faults
    try:
        accounts = load_accounts(settings.accounts, book)
    except AccountsError as error:
        found.errors += error.faults
    return book, accounts


def _look_at_spool(settings: Settings, root: Value, found: Findings) -> None:
    """CDRs must find a folder to be written to, or one to make it in."""
    spool, place = settings.spool, at(root, "spool")
    folder = spool if os.path.lexists(spool) else spool.parent
    if not os.path.isdir(folder):
        problem = "is no folder" if folder == spool else f"cannot be made: '{folder}' is no folder"
        found.error(place, problem, "a folder, or a name in one", "SPOOL")
    elif not os.access(folder, os.W_OK | os.X_OK, effective_ids=True):
        found.error(place, "cannot be written to", "a folder that the gateway may write to", "SPOOL")
