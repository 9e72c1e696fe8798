"""One check of a book or an accounts file: read it, collect errors and warnings."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from pathlib import Path

from rating.accounts_file import load_accounts
from rating.checks.warnings_accounts import accounts_warnings
from rating.checks.warnings_deck import deck_warnings
from rating.checks.warnings_tariff import BookFiles, book_warnings
from rating.errors import RATED, AccountsError, Fault, FaultsError, TariffError
from rating.tariffs.book import find_book, load_book
from rating.yamlfile import Value, load


@dataclass(frozen=True)
class Check:
    """The outcome of a check; warnings are looked for where there is no error.

    subject : the book or file as the user named it
    ending : what errors keep from being done
    """

    subject: str
    errors: tuple[Fault, ...] = ()
    warnings: tuple[Fault, ...] = ()
    ending: str = RATED.stopped


def check_tariff(name: str, now: date) -> Check:
    """Check a tariff book by folder or shipped name."""
    try:
        book = load_book(name)
        files = _book_files(name)
    except TariffError as error:
        return Check(name, tuple(error.faults))
    return Check(name, warnings=_sorted([*deck_warnings(book, files.deck), *book_warnings(book, files, now)]))


def check_accounts(path: str, tariffs: str, now: date) -> Check:
    """Check an accounts file against a tariff book."""
    try:
        book = load_book(tariffs)
        accounts = load_accounts(path, book)
        root = _root(Path(path), path, "ACCOUNTS")
    except (TariffError, AccountsError) as error:
        return Check(path, tuple(error.faults))
    return Check(path, warnings=_sorted(accounts_warnings(accounts, root, book, now)))


def _sorted(warnings: list[Fault]) -> tuple[Fault, ...]:
    return tuple(FaultsError(warnings).faults)


def _book_files(name: str) -> BookFiles:
    """The settings files of a book, for the lines of their values."""
    folder = find_book(name)
    shown = folder if Path(name).exists() else Path(name)
    plans = {
        str(path): _root(path, str(shown / "plans" / path.name), "TARIFF")
        for path in sorted((folder / "plans").glob("*.yaml"))
    }
    windows = folder / "windows.yaml"
    return BookFiles(
        book=_root(folder / "book.yaml", str(shown / "book.yaml"), "TARIFF"),
        plans=tuple(plans.values()),
        windows=_root(windows, str(shown / "windows.yaml"), "TARIFF") if windows.is_file() else None,
        deck=str(shown / "rate_deck.csv"),
    )


def _root(path: Path, shown: str, kind: str) -> Value:
    document, root = load(path, shown, kind)
    if root is None:
        raise TariffError(document.faults) if kind == "TARIFF" else AccountsError(document.faults)
    return root
