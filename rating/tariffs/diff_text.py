"""Differences of two books as lines for people and as JSON for programs."""

from __future__ import annotations

import json
from dataclasses import asdict
from datetime import date, timedelta

from rating.money import DECIMALS, decimal_text
from rating.tariffs.deck import ALWAYS_FROM, ALWAYS_TO
from rating.tariffs.diff import BookDiff, SettingChange, percent
from rating.tariffs.diff_prices import MONEY, PriceChange, Terms

SHOWN = 5
"""Prefixes that a line names unless all are asked for."""

_WORDS = {
    "added": "new prefix",
    "destination_added": "new destination",
    "removed": "prefix removed",
    "destination_removed": "destination removed",
}


def lines(diff: BookDiff, old: str, new: str, show_all: bool = False) -> list[str]:
    """A line for each difference, and their count."""
    found = [_setting_line(change) for change in diff.settings]
    found += [_price_line(change, show_all) for change in diff.prices]
    count = f"{len(found)} difference{'s' * (len(found) != 1)}" if found else "no difference"
    return [*found, f"{old} -> {new}: {count}"]


def _setting_line(change: SettingChange) -> str:
    what = f"{change.subject}: {change.field}" if change.field else f"{change.subject}:"
    if change.old is None:
        return f"{what} added: {change.new}" if change.field else f"{what} added, {change.new}"
    if change.new is None:
        return f"{what} removed: {change.old}" if change.field else f"{what} removed, {change.old}"
    return f"{what} {change.old or 'empty'} -> {change.new or 'empty'}"


def _price_line(change: PriceChange, show_all: bool) -> str:
    old, new = change.old, change.new
    name = change.destination
    if old and new and old.destination != new.destination:
        name = f"{old.destination} -> {new.destination}"
    name += f", window {change.window}" if change.window else ""
    name += f", from_second {change.from_second}" if change.from_second else ""
    period = period_text(change.valid_from, change.valid_to)
    return f"{name}: {_what(change, old, new)} {period}, {prefixes_text(change.prefixes, show_all)}"


def _what(change: PriceChange, old: Terms | None, new: Terms | None) -> str:
    if old and new:
        parts = ["moved"] if old.destination != new.destination else []
        return ", ".join([*parts, *_changed(old, new)])
    terms = new or old
    assert terms is not None
    word = _WORDS[change.kind]
    at = "at" if new else "was"
    return ", ".join([word, f"{at} {money(terms.price_per_minute)}", *_beside_the_price(terms)])


def _changed(old: Terms, new: Terms) -> list[str]:
    """Each term that differs."""
    parts = []
    if old.destination_class != new.destination_class:
        parts.append(f"class {old.destination_class} -> {new.destination_class}")
    for name in MONEY:
        before, after = getattr(old, name), getattr(new, name)
        if before != after:
            label = "" if name == "price_per_minute" else f"{name} "
            by = percent_text(before, after)
            parts.append(f"{label}{money(before)} -> {money(after)}" + (f" ({by} %)" if by else ""))
    if _increments(old) != _increments(new):
        parts.append(f"increments {_increments(old)} -> {_increments(new)}")
    return parts


def _beside_the_price(terms: Terms) -> list[str]:
    """Terms that are not the usual ones, for a row that came or went."""
    parts = [f"{name} {money(getattr(terms, name))}" for name in MONEY[1:] if getattr(terms, name) > 0]
    return [*parts, f"increments {_increments(terms)}", f"class {terms.destination_class}"]


def _increments(terms: Terms) -> str:
    return f"{terms.first_s}/{terms.following_s}"


def money(micros: int) -> str:
    """A price with 4 to 6 decimals; `none` for no maximum.

    Examples
    --------
    >>> money(38_000), money(-1)
    ('0.0380', 'none')
    """
    return "none" if micros < 0 else decimal_text(micros, DECIMALS, 4)


def percent_text(old: int, new: int) -> str | None:
    """Change with its sign and two decimals; None where it starts from nothing or is no number.

    Examples
    --------
    >>> percent_text(40_000, 38_000), percent_text(38_000, 40_000), percent_text(0, 1)
    ('-5.00', '+5.26', None)
    """
    found = percent(old, new) if old >= 0 and new >= 0 else None
    if found is None:
        return None
    return f"{'+' if new > old else ''}{decimal_text(found, 2)}"


def period_text(valid_from: int, valid_to: int) -> str:
    """When a difference holds, in local dates.

    Examples
    --------
    >>> period_text(20_000, ALWAYS_TO), period_text(20_000, 20_031)
    ('from 2024-10-04', 'from 2024-10-04 and before 2024-11-04')
    """
    start, end = _day(valid_from), _day(valid_to)
    if start and end:
        return f"from {start} and before {end}"
    return f"from {start}" if start else f"before {end}" if end else "at all times"


def _day(day: int) -> str | None:
    if day in (ALWAYS_FROM, ALWAYS_TO):
        return None
    return (date(1970, 1, 1) + timedelta(day)).isoformat()


def prefixes_text(prefixes: tuple[str, ...], show_all: bool) -> str:
    """How many prefixes, and which."""
    if len(prefixes) == 1:
        return f"prefix {prefixes[0]}"
    shown = prefixes if show_all or len(prefixes) <= SHOWN else (*prefixes[:SHOWN], "…")
    return f"{len(prefixes)} prefixes: {', '.join(shown)}"


def as_json(diff: BookDiff, old: str, new: str) -> str:
    """Everything, with all prefixes; money is decimal text, valid_to is exclusive."""
    record = {
        "old": old,
        "new": new,
        "settings": [asdict(change) for change in diff.settings],
        "prices": [_price_record(change) for change in diff.prices],
    }
    return json.dumps(record, ensure_ascii=False, indent=2) + "\n"


def _price_record(change: PriceChange) -> dict[str, object]:
    old, new = change.old, change.new
    by = {
        name: percent_text(getattr(old, name), getattr(new, name))
        for name in MONEY
        if old and new and getattr(old, name) != getattr(new, name)
    }
    return {
        "kind": change.kind,
        "destination": change.destination,
        "window": change.window or None,
        "from_second": change.from_second,
        "valid_from": _day(change.valid_from),
        "valid_to": _day(change.valid_to),
        "old": _terms_record(old),
        "new": _terms_record(new),
        "percent": by,
        "prefixes": list(change.prefixes),
    }


def _terms_record(terms: Terms | None) -> dict[str, object] | None:
    if terms is None:
        return None
    record: dict[str, object] = {**terms._asdict(), **{name: money(getattr(terms, name)) for name in MONEY}}
    record["class"] = record.pop("destination_class")
    record["max_charge"] = None if terms.max_charge < 0 else money(terms.max_charge)
    return record
