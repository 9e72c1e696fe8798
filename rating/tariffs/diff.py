"""What differs between two tariff books: their settings, and the prices in force over time."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, fields

from rating.tariffs.book import TariffBook
from rating.tariffs.diff_prices import PriceChange, price_changes
from rating.tariffs.plans import Limit, Plan
from rating.tariffs.windows import DAYS, Span, Windows

BOOK_FIELDS = ("name", "currency", "country", "amount_decimals", "prices", "source", "verified_on")


@dataclass(frozen=True)
class SettingChange:
    """One difference of settings; `old` or `new` is None where the whole thing is new or gone."""

    subject: str
    field: str
    old: str | None
    new: str | None


@dataclass(frozen=True)
class BookDiff:
    """All differences of two books."""

    settings: tuple[SettingChange, ...]
    prices: tuple[PriceChange, ...]

    @property
    def is_empty(self) -> bool:
        return not self.settings and not self.prices


def diff_books(old: TariffBook, new: TariffBook) -> BookDiff:
    """Compare two books.

    Examples
    --------
    >>> from rating.tariffs import load_book
    >>> diff_books(load_book("contract"), load_book("contract")).is_empty
    True
    """
    settings = [*_book_fields(old, new), *_windows(old.windows, new.windows), *_plans(old.plans, new.plans)]
    return BookDiff(tuple(settings), tuple(price_changes(old, new)))


def percent(old: int, new: int) -> int | None:
    """Change in hundredths of a per cent, rounded half-up (away from zero); None from 0.

    Examples
    --------
    >>> percent(40_000, 38_000), percent(30_000, 30_001), percent(80_000, 80_005), percent(0, 1)
    (-500, 0, 1, None)
    """
    if not old:
        return None
    size = (abs(new - old) * 20_000 + old) // (2 * old)
    return size if new >= old else -size


def _book_fields(old: TariffBook, new: TariffBook) -> list[SettingChange]:
    pairs = [(name, str(getattr(old, name)), str(getattr(new, name))) for name in BOOK_FIELDS]
    pairs.insert(2, ("timezone", old.zone.name, new.zone.name))
    found = [SettingChange("book", name, before, after) for name, before, after in pairs if before != after]
    found += _listed("book", "deck_increments", old.deck_increments, new.deck_increments)
    return found + _listed("book", "barred_classes", old.barred_classes, new.barred_classes)


def _listed(subject: str, name: str, old: Iterable[str], new: Iterable[str]) -> list[SettingChange]:
    """What a list without order has lost and won."""
    before, after = sorted(set(old)), sorted(set(new))
    gone = [SettingChange(subject, name, value, None) for value in before if value not in after]
    return gone + [SettingChange(subject, name, None, value) for value in after if value not in before]


def _windows(old: Windows, new: Windows) -> list[SettingChange]:
    befores, afters = (dict(zip(book.names, book.spans, strict=True)) for book in (old, new))
    found = []
    for name in sorted({*befores, *afters}):
        texts = [_spans_text(spans[name]) if name in spans else None for spans in (befores, afters)]
        if texts[0] != texts[1]:
            found.append(SettingChange(f"window {name}", "", *texts))
    if old.calendar != new.calendar:
        found.append(SettingChange("windows", "holidays", old.calendar, new.calendar))
    dates = [[day.isoformat() for day in book.dates] for book in (old, new)]
    return found + _listed("windows", "holidays", *dates)


def _spans_text(spans: tuple[Span, ...]) -> str:
    shown = []
    for span in spans:
        days = ", ".join(name for i, name in enumerate(DAYS) if i in span.days)
        times = [f"{minute // 60:02d}:{minute % 60:02d}" for minute in (span.start, span.end)]
        shown.append(f"{days} {times[0]} to {times[1]}")
    return "; ".join(sorted(shown))


def _plans(old: dict[str, Plan], new: dict[str, Plan]) -> list[SettingChange]:
    found = []
    for name in sorted({*old, *new}):
        subject = f"plan {name}"
        if name not in old or name not in new:
            texts = [plans[name].description or name if name in plans else None for plans in (old, new)]
            found.append(SettingChange(subject, "", *texts))
        else:
            found += _plan(subject, old[name], new[name])
    return found


def _plan(subject: str, old: Plan, new: Plan) -> list[SettingChange]:
    found = []
    for field in (one.name for one in fields(Plan)):
        before, after = getattr(old, field), getattr(new, field)
        if field in ("classes", "destinations"):
            found += _listed(subject, f"includes.{field}", before, after)
        elif field == "fair_use":
            found += _limits(subject, before, after)
        elif before != after:
            name = "includes.order_form" if field == "order_form" else field
            found.append(SettingChange(subject, name, _text(field, before), _text(field, after)))
    return found


def _text(field: str, value: object) -> str:
    if field == "increments":
        return f"{value[0]}/{value[1]}" if isinstance(value, tuple) else "deck"
    if isinstance(value, tuple):
        return ", ".join(str(one) for one in value)
    return str(value).lower() if isinstance(value, bool) else str(value)


def _limits(subject: str, old: tuple[Limit, ...], new: tuple[Limit, ...]) -> list[SettingChange]:
    """Limits by reason, measure and subject, the first with the first where there are several."""
    befores, afters = _numbered(old), _numbered(new)
    found = []
    for name in dict.fromkeys([*befores, *afters]):
        one, other = befores.get(name), afters.get(name)
        if one is None or other is None:
            texts = [_amount(limit) if limit else None for limit in (one, other)]
            found.append(SettingChange(subject, f"limit {name}", *texts))
            continue
        for field in (each.name for each in fields(Limit)):
            before, after = getattr(one, field), getattr(other, field)
            if before != after:
                texts = [_amount(limit) for limit in (one, other)]
                if field != "limit":
                    texts = [_text(field, before), _text(field, after)]
                found.append(SettingChange(subject, f"limit {name}: {field}", *texts))
    order = [[name for name in names if name in befores and name in afters] for names in (befores, afters)]
    if order[0] != order[1]:
        found.append(SettingChange(subject, "order of limits", ", ".join(order[0]), ", ".join(order[1])))
    return found


def _numbered(limits: tuple[Limit, ...]) -> dict[str, Limit]:
    found: dict[str, Limit] = {}
    seen: Counter[str] = Counter()
    for limit in limits:
        name = f"{limit.reason} ({limit.measure} per {limit.per})"
        seen[name] += 1
        found[name if seen[name] == 1 else f"{name} no. {seen[name]}"] = limit
    return found


def _amount(limit: Limit) -> str:
    if limit.measure == "distinct_numbers":
        return f"{limit.limit} numbers"
    for unit, seconds in (("h", 3600), ("min", 60)):
        if limit.limit and limit.limit % seconds == 0:
            return f"{limit.limit // seconds} {unit}"
    return f"{limit.limit} s"
