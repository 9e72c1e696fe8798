"""What is legal but suspicious in an accounts file: channels, histories, order forms, decisions."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import date
from itertools import pairwise

import numpy as np

from rating.accounts import EVER_FROM, NO_CAP, Accounts, Span, Trunk
from rating.checks.warning import warning
from rating.checks.warnings_numbers import number_warnings
from rating.errors import Fault
from rating.instants import parse_one
from rating.tariffs.book import TariffBook
from rating.yamlfile import Value
from rating.zone import Zone, instant_text

NO_SOURCE = ("", "-", "all", "any", "auto", "default", "false", "no", "none", "nil", "off")
"""What people write for "no rating_source"; each would be taken for the name of a source."""


@dataclass(frozen=True)
class TrunkEntry:
    """A trunk as read and as it stands in the file."""

    trunk: Trunk
    value: Value
    found: dict[str, Value]

    def warn(
        self, value: Value, field: str, shown: str | None, problem: str, expected: str, code: str
    ) -> Fault:
        file = self.value.doc.file
        return warning(file, value.line, field, shown, problem, expected, f"ACCOUNTS-WARN-{code}")


def accounts_warnings(accounts: Accounts, root: Value, book: TariffBook, now: date) -> list[Fault]:
    """Warnings of an accounts file without faults.

    Parameters
    ----------
    root : the file's nodes, for lines
    now : the day that decisions are compared with
    """
    entries = trunk_entries(accounts, root)
    found = number_warnings(accounts, root, book.numbering)
    with_numbers = set(accounts.owner_customer.tolist())
    usual = usual_sources(entry.trunk.rating_source for entry in entries)
    for entry in entries:
        found += _few_channels(entry, book.zone)
        found += _history_gaps(entry, book.zone)
        found += _order_form(entry, book)
        found += _odd_source(entry, usual)
        found += _future_decisions(entry, book.zone, now)
        if entry.trunk.customer not in with_numbers:
            name = accounts.customers[entry.trunk.customer].id
            problem = f"has no number, so that no call of trunk '{entry.trunk.id}' has an own number"
            expected = "numbers of the customer"
            found.append(entry.warn(entry.found["customer"], "customer", name, problem, expected, "NUMBERS"))
    return found


def trunk_entries(accounts: Accounts, root: Value) -> list[TrunkEntry]:
    """The trunks in file order."""
    by_id = {trunk.id: trunk for trunk in accounts.trunks}
    values = root.pairs()["trunks"].items()
    return [
        TrunkEntry(by_id[found["id"].text()], value, found) for value in values for found in [value.pairs()]
    ]


def time_text(instant: int, zone: Zone) -> str:
    """A local day where the instant is its midnight, else the instant.

    Examples
    --------
    >>> paris = Zone("Europe/Paris")
    >>> time_text(paris.midnight(20_000), paris), time_text(paris.midnight(20_000) + 1_000_000_000, paris)
    ('2024-10-04', '2024-10-03T22:00:01Z')
    """
    day = int(zone.days(np.array([instant]))[0])
    return str(np.datetime64(day, "D")) if zone.midnight(day) == instant else instant_text(instant)


def _spans(history: tuple[Span, ...], value: Value | None, zone: Zone) -> Iterator[tuple[Span, Value]]:
    """The entries of a history in order of time, and where they stand."""
    if value is None or not history:
        return
    if not value.is_list:
        yield history[0], value
        return
    starts = {}
    for item in value.items():
        start = item.pairs().get("from")
        instant = None if start is None or start.is_null else parse_one(start.text(), zone)
        starts[EVER_FROM if instant is None else instant] = item
    for span in history:
        yield span, starts[span.start]


def _few_channels(entry: TrunkEntry, zone: Zone) -> list[Fault]:
    """Sites that have more channels together than their trunk at some instant."""
    total = sum(site.channels for site in entry.trunk.sites if site.channels != NO_CAP)
    for span in entry.trunk.channels:
        if total > int(span.value):
            since = "" if span.start == EVER_FROM else f" from {time_text(span.start, zone)} on"
            problem = (
                f"have more channels together than trunk '{entry.trunk.id}', which has {span.value}{since}"
            )
            expected = "the channels of all sites to add up to the trunk's at most"
            return [entry.warn(entry.found["sites"], "sites", str(total), problem, expected, "SITES")]
    return []


def _history_gaps(entry: TrunkEntry, zone: Zone) -> list[Fault]:
    """Times between two entries of a history for which there is none."""
    found = []
    for key, history, meaning in (
        ("channels", entry.trunk.channels, "its limits count no channel then"),
        ("plan", entry.trunk.plans, "its calls are metered then"),
    ):
        for (before, _), (after, value) in pairwise(_spans(history, entry.found.get(key), zone)):
            if before.end < after.start:
                times = f"from {time_text(before.end, zone)} to {time_text(after.start, zone)}"
                problem = f"of trunk '{entry.trunk.id}' has no entry {times}: {meaning}"
                expected = "to of one entry to be from of the next"
                found.append(entry.warn(value, key, None, problem, expected, "GAP"))
    return found


def _order_form(entry: TrunkEntry, book: TariffBook) -> list[Fault]:
    """Destinations of an order form that no plan of the trunk looks at."""
    if not entry.trunk.international:
        return []
    with_form = [span for span in entry.trunk.plans if book.plan(span.value).order_form]
    items = entry.found["international"].items()
    expected = "a plan with order_form: true while the destination is ordered"
    if not with_form:
        plans = ", ".join(dict.fromkeys(span.value for span in entry.trunk.plans)) or "metered"
        problem = f"of trunk '{entry.trunk.id}' is not looked at: no plan of it has an order form ({plans})"
        return [
            entry.warn(entry.found["international"], "international", None, problem, expected, "ORDERFORM")
        ]
    found = []
    for ordered, item in zip(entry.trunk.international, items, strict=True):
        if not any(max(plan.start, ordered.start) < min(plan.end, ordered.end) for plan in with_form):
            problem = "is ordered only while no plan with an order form is in force"
            found.append(entry.warn(item, "international", ordered.value, problem, expected, "ORDERFORM"))
    return found


def usual_sources(sources: Iterable[str | None]) -> dict[str, str]:
    """How most trunks write each rating_source, by its text without case and outer spaces.

    Examples
    --------
    >>> usual_sources(["sbc1", "SBC1", None, "SBC1 ", "SBC1"])
    {'sbc1': 'SBC1'}
    """
    found: dict[str, str] = {}
    for source, _ in sorted(Counter(filter(None, sources)).items(), key=lambda one: (-one[1], one)):
        found.setdefault(source.strip().lower(), source)
    return found


def _odd_source(entry: TrunkEntry, usual: dict[str, str]) -> list[Fault]:
    """A rating_source that reads like none, or like another trunk's but for case and spaces."""
    source = entry.trunk.rating_source
    if source is None:
        return []
    problem, expected = "", "null for any source, or the name of a source as its CDRs have it"
    if source.strip().lower() in NO_SOURCE:
        problem = "is taken for the name of a source: CDRs of any other are not rated"
    elif source != usual[source.strip().lower()]:
        problem = f"is not '{usual[source.strip().lower()]}', as other trunks have it"
    elif source != source.strip():
        problem = "begins or ends with a space"
    if not problem:
        return []
    return [entry.warn(entry.found["rating_source"], "rating_source", source, problem, expected, "SOURCE")]


def _future_decisions(entry: TrunkEntry, zone: Zone, now: date) -> list[Fault]:
    """Decisions that were taken after today."""
    if not entry.trunk.decisions:
        return []
    end_of_today = zone.midnight(now.toordinal() - date(1970, 1, 1).toordinal() + 1)
    found = []
    for decision, item in zip(entry.trunk.decisions, entry.found["decisions"].items(), strict=True):
        if decision.when >= end_of_today:
            when = item.pairs()["when"]
            problem = f"is after {now.isoformat()}, and the decision on {decision.reason} holds all the same"
            expected = "the time at which it was decided"
            found.append(entry.warn(when, "when", when.text(), problem, expected, "FUTURE"))
    return found
