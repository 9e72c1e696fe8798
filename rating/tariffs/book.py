"""A tariff book, whole: book.yaml, plans, windows and deck, checked against each other (SPEC 12)."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path

from rating.errors import Fault, TariffError
from rating.numbering import NumberingPlan, load_plan
from rating.reasons import CLASS_EMERGENCY, CLASSES
from rating.shipped_data import shipped, shipped_books
from rating.tariffs.deck import Deck
from rating.tariffs.deck_file import read_deck, window_pairs
from rating.tariffs.plans import METERED, Plan, read_plan
from rating.tariffs.windows import Windows, read_windows
from rating.yamlfile import Document, Value, load, optional
from rating.zone import Zone, is_zone


@dataclass(frozen=True)
class TariffBook:
    """Everything that prices a call, in memory.

    version : name and the first 12 digits of the SHA-256 over the files
    barred_classes : classes that the gateway refuses; a call that got through all the same is priced
    files : path within the book and content of every file that was read
    """

    name: str
    currency: str
    zone: Zone
    country: str
    amount_decimals: int
    prices: str
    deck_increments: tuple[str, ...]
    barred_classes: tuple[str, ...]
    source: str
    verified_on: str
    plans: dict[str, Plan]
    windows: Windows
    deck: Deck
    numbering: NumberingPlan
    version: str
    files: dict[str, bytes]

    def plan(self, name: str) -> Plan:
        """A plan by name; `metered` always exists."""
        return self.plans.get(name, METERED)


def find_book(name: str | Path) -> Path:
    """The folder of a book given by path or shipped name."""
    path = Path(name)
    if path.is_file():
        expected = f"the folder, {path.parent}" if path.name == "book.yaml" else "a folder with book.yaml"
        raise TariffError([Fault(str(name), 0, "", None, "is a file", expected, "TARIFF-BOOK")])
    if path.exists():
        return path
    if str(name) in shipped_books():
        return shipped(str(name))
    known = "a folder with book.yaml, or a shipped book: " + ", ".join(shipped_books())
    raise TariffError([Fault(str(name), 0, "", None, "is not there", known, "TARIFF-BOOK")])


def load_book(name: str | Path) -> TariffBook:
    """Read a tariff book by folder or shipped name.

    Raises
    ------
    TariffError
        With every fault found in one pass.

    Examples
    --------
    >>> book = load_book("contract")
    >>> book.currency, sorted(book.plans)
    ('EUR', ['metered', 'unlimited-fixed', 'unlimited-fixed-mobile'])
    """
    try:
        return _load(find_book(name), name)
    except OSError as error:
        problem = f"cannot be read ({error.strerror})"
        raise TariffError(
            [Fault(str(name), 0, "", None, problem, "a readable folder", "TARIFF-BOOK")]
        ) from None


def _load(folder: Path, name: str | Path) -> TariffBook:
    shown = folder if Path(name).exists() else Path(str(name))
    faults: list[Fault] = []
    fields = _read_book_yaml(folder, shown, faults)
    windows = _read_windows_yaml(folder, shown, faults)
    faults_of_windows = bool(faults)
    plans, plan_documents = _read_plans(folder, shown, faults)
    deck_document, deck = read_deck(folder / "rate_deck.csv", str(shown / "rate_deck.csv"), windows.names)
    if deck is not None:
        if not deck_document.faults and not faults_of_windows:
            _check_windows(deck_document, deck, windows)
        _check_names(deck, plan_documents, fields)
    faults += deck_document.faults + [fault for document, _ in plan_documents for fault in document.faults]
    faults += fields.document.faults
    if faults or deck is None:
        raise TariffError(faults)
    files = {
        str(path.relative_to(folder)): path.read_bytes()
        for path in [
            folder / "book.yaml",
            *sorted((folder / "plans").glob("*.yaml")),
            folder / "rate_deck.csv",
            folder / "windows.yaml",
        ]
        if path.is_file()
    }
    return TariffBook(
        name=fields.name,
        currency=fields.currency,
        zone=Zone(fields.timezone),
        country=fields.country,
        amount_decimals=fields.amount_decimals,
        prices=fields.prices,
        deck_increments=fields.deck_increments,
        barred_classes=fields.barred_classes,
        source=fields.source,
        verified_on=fields.verified_on,
        plans=plans,
        windows=windows,
        deck=deck,
        numbering=load_plan(fields.country),
        version=f"{fields.name}@{_digest(files)}",
        files=files,
    )


def _digest(files: dict[str, bytes]) -> str:
    digest = hashlib.sha256()
    for name in sorted(files):
        digest.update(f"{name}\0{len(files[name])}\0".encode())
        digest.update(files[name])
    return digest.hexdigest()[:12]


@dataclass
class _Fields:
    document: Document
    name: str = ""
    currency: str = "EUR"
    timezone: str = "Europe/Paris"
    country: str = "FR"
    amount_decimals: int = 4
    prices: str = "excluding_tax"
    deck_increments: tuple[str, ...] = ("fr_premium", "fr_short")
    deck_increments_value: Value | None = None
    barred_classes: tuple[str, ...] = ("barred",)
    barred_classes_value: Value | None = None
    source: str = ""
    verified_on: str = ""


def _read_book_yaml(folder: Path, shown: Path, faults: list[Fault]) -> _Fields:
    document, root = load(folder / "book.yaml", str(shown / "book.yaml"), "TARIFF")
    fields = _Fields(document)
    if root is None:
        return fields
    keys = ("name", "currency", "timezone", "country", "amount_decimals", "prices", "deck_increments")
    found = root.mapping((*keys, "barred_classes", "source", "verified_on"), required=("name", "currency"))
    fields.name = optional(found, "name", Value.text, "")
    fields.currency = optional(found, "currency", Value.text, "EUR")
    fields.timezone = optional(found, "timezone", _read_timezone, "Europe/Paris")
    fields.country = optional(found, "country", _read_country, "FR")
    fields.amount_decimals = optional(found, "amount_decimals", lambda v: v.integer(0, 6, "BOOK"), 4)
    prices = ("excluding_tax", "including_tax")
    fields.prices = optional(found, "prices", lambda v: v.choice(prices, "BOOK"), "excluding_tax")
    if "deck_increments" in found:
        fields.deck_increments_value = found["deck_increments"]
        fields.deck_increments = tuple(item.text() for item in found["deck_increments"].items())
    if "barred_classes" in found:
        fields.barred_classes_value = found["barred_classes"]
        fields.barred_classes = tuple(item.text() for item in found["barred_classes"].items())
    fields.source = optional(found, "source", Value.text, "")
    fields.verified_on = optional(found, "verified_on", Value.text, "")
    return fields


def _read_timezone(value: Value) -> str:
    if is_zone(value.text()):
        return value.text()
    value.fault("is no time zone", "a name of the tz database, as Europe/Paris", "BOOK")
    return "Europe/Paris"


def _read_country(value: Value) -> str:
    try:
        load_plan(value.text())
    except KeyError:
        value.fault("has no numbering plan here", "FR", "BOOK")
        return "FR"
    return value.text()


def _read_windows_yaml(folder: Path, shown: Path, faults: list[Fault]) -> Windows:
    if not (folder / "windows.yaml").is_file():
        return Windows()
    document, root = load(folder / "windows.yaml", str(shown / "windows.yaml"), "TARIFF")
    windows = read_windows(root) if root is not None else Windows()
    faults += document.faults
    return windows


def _read_plans(
    folder: Path, shown: Path, faults: list[Fault]
) -> tuple[dict[str, Plan], list[tuple[Document, tuple[Value, Plan]]]]:
    plans: dict[str, Plan] = {}
    documents: list[tuple[Document, tuple[Value, Plan]]] = []
    for path in sorted((folder / "plans").glob("*.yaml")):
        document, root = load(path, str(shown / "plans" / path.name), "TARIFF")
        if root is None:
            faults += document.faults
            continue
        plan = read_plan(root)
        if plan.name in plans:
            other = next(of.file for of, (_, found) in documents if found.name == plan.name)
            document.fault(1, "plan", plan.name, f"is in {other} too", "one file a plan", "PLAN")
        plans[plan.name] = plan
        documents.append((document, (root, plan)))
    return plans, documents


def _check_windows(document: Document, deck: Deck, windows: Windows) -> None:
    for one, other, line, other_line in sorted(window_pairs(deck)):
        if windows.overlap(one, other):
            problem = f"overlaps window '{windows.names[one]}' of line {line}"
            expected = "windows of one prefix that never hold together"
            document.fault(other_line, "window", windows.names[other], problem, expected, "OVERLAP")


def _check_names(deck: Deck, plans: list[tuple[Document, tuple[Value, Plan]]], fields: _Fields) -> None:
    classes = {*CLASSES, *deck.classes.to_pylist()}
    destinations = set(deck.destinations.to_pylist())
    for _, (root, _) in plans:
        includes = root.pairs().get("includes")
        if includes is None or not includes.is_mapping:
            continue
        for key, known, problem in (
            ("classes", classes, "a class of the deck"),
            ("destinations", destinations, "a destination of the deck"),
        ):
            value = includes.pairs().get(key)
            for item in value.items() if value is not None else []:
                if item.text() not in known:
                    item.fault("is unknown", problem + close_names(known, item.text()), key.upper())
    for listed in (fields.deck_increments_value, fields.barred_classes_value):
        for item in listed.items() if listed is not None else []:
            if item.text() not in classes:
                item.fault("is unknown", "a class of the deck" + close_names(classes, item.text()), "CLASSES")
            elif item.name == "barred_classes" and item.text() == CLASS_EMERGENCY:
                item.fault("is never barred", "classes of other numbers", "CLASSES")


def close_names(known: set[str], name: str) -> str:
    """The known names, or those most like the unknown one where they are many."""
    from difflib import get_close_matches

    shown = sorted(known) if len(known) <= 20 else get_close_matches(name, sorted(known), 3)
    return ": " + ", ".join(shown) if shown else ""
