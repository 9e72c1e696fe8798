"""What is legal but suspicious in the numbers of an accounts file."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable

import numpy as np
import pyarrow as pa

from rating.accounts import Accounts
from rating.arrays import Ints
from rating.checks.warning import warning
from rating.errors import Fault
from rating.numbering import E164_DIGITS, SHORT, SHORT_DIGITS, NumberingPlan, read_numbers
from rating.numbering.keys import COUNT, POW10
from rating.numbering.reach import blocked_spans
from rating.subjects import folded
from rating.yamlfile import Value

Run = tuple[int, int]
"""Keys of the first and the last number of a range."""


def number_warnings(accounts: Accounts, root: Value, plan: NumberingPlan) -> list[Fault]:
    """Warnings of the numbers of customers, users, sites and trunks."""
    customers = [value.pairs() for value in root.pairs()["customers"].items()]
    trunks = [value.pairs() for value in root.pairs()["trunks"].items()]
    entries = [value for found in customers for value in _customer_numbers(found)]
    return [
        *_blocked(accounts, entries, plan),
        *_unused(accounts, entries, trunks, plan),
        *_users_of_others(accounts, customers),
        *_sites_of_others(accounts, trunks, plan),
    ]


def _customer_numbers(found: dict[str, Value]) -> list[Value]:
    """Values of a customer's numbers in file order, one for each run of `Accounts`."""
    values: list[Value] = []
    for item in found["numbers"].items() if "numbers" in found else []:
        inner = item.pairs()["numbers"] if item.is_mapping else item
        values += inner.items() if inner.is_list else [inner]
    return values


def merged(runs: Iterable[Run]) -> list[Run]:
    """Ranges in ascending order, those that touch joined.

    Examples
    --------
    >>> from rating.numbering import key_of
    >>> keys = key_of(np.array([33199000110, 33199000111, 33199000115]), np.full(3, 11)).tolist()
    >>> merged([(keys[1], keys[1]), (keys[0], keys[0]), (keys[2], keys[2])]) == [
    ...     (keys[0], keys[1]), (keys[2], keys[2])]
    True
    """
    found: list[Run] = []
    for low, high in sorted(runs, key=lambda run: (run[0] % COUNT, run)):
        if found and found[-1][1] % COUNT == low % COUNT and low <= found[-1][1] + _step(low):
            found[-1] = (found[-1][0], max(found[-1][1], high))
        else:
            found.append((low, high))
    return sorted(found)


def _step(key: int) -> int:
    """From a key to that of the next number of as many digits."""
    digits = SHORT_DIGITS if key >= SHORT else E164_DIGITS
    return int(POW10[digits - key % COUNT]) * COUNT


def is_covered(run: Run, ranges: list[Run]) -> bool:
    """Whether one of some merged ranges holds all numbers of a run."""
    at = bisect_right(ranges, run[0], key=lambda other: other[0]) - 1
    while at >= 0 and ranges[at][0] % COUNT != run[0] % COUNT:
        at -= 1
    return at >= 0 and run[1] <= ranges[at][1]


def _read(values: list[Value], plan: NumberingPlan) -> list[Run]:
    """The runs that values stand for, as `first` or `first..last`."""
    if not values:
        return []
    ends = [
        (first.strip(), (last or first).strip())
        for first, _, last in (v.text().partition("..") for v in values)
    ]
    keys = read_numbers(pa.array([text for pair in ends for text in pair], pa.string()), plan).key.tolist()
    return list(zip(keys[::2], keys[1::2], strict=True))


def _blocked(accounts: Accounts, entries: list[Value], plan: NumberingPlan) -> list[Fault]:
    """Numbers of ranges that the numbering plan gives to no subscriber."""
    low, high = blocked_spans(plan)
    at = np.searchsorted(low, accounts.owner_high, "right") - 1
    hit: Ints = np.flatnonzero((at >= 0) & (high[np.maximum(at, 0)] > accounts.owner_low))
    expected = "a number of a range that subscribers are given"
    problem = "is outside the numbering plan: nobody is given such a number"
    return [
        warning(value.doc.file, value.line, "numbers", value.raw, problem, expected, "ACCOUNTS-WARN-PLAN")
        for value in (entries[row] for row in hit.tolist())
    ]


def _unused(
    accounts: Accounts, entries: list[Value], trunks: list[dict[str, Value]], plan: NumberingPlan
) -> list[Fault]:
    """Numbers of customers without a trunk, or that none of the customer's trunks lists."""
    names = {customer.id: i for i, customer in enumerate(accounts.customers)}
    takes_all: set[int] = set()
    listed: dict[int, list[Run]] = {}
    for found in trunks:
        shared = "shared" in found and found["shared"].raw == "true"
        values = found["numbers"].items() if "numbers" in found else []
        for customer in range(len(names)) if shared else [names[found["customer"].text()]]:
            if not values:
                takes_all.add(customer)
            listed.setdefault(customer, []).extend(_read(values, plan))
    ranges = {customer: merged(runs) for customer, runs in listed.items()}
    warnings = []
    runs = zip(accounts.owner_low.tolist(), accounts.owner_high.tolist(), strict=True)
    for value, run, customer in zip(entries, runs, accounts.owner_customer.tolist(), strict=True):
        if customer in takes_all or is_covered(run, ranges.get(customer, [])):
            continue
        name = accounts.customers[customer].id
        problem = f"comes in on no trunk: customer '{name}' has none"
        if customer in ranges:
            problem = f"comes in on no trunk: each trunk of customer '{name}' lists others"
        expected = "a trunk that the number can use"
        warnings.append(
            warning(
                value.doc.file, value.line, "numbers", value.raw, problem, expected, "ACCOUNTS-WARN-UNUSED"
            )
        )
    return warnings


def _ranges_of(accounts: Accounts) -> list[list[Run]]:
    """Each customer's numbers, merged, whenever they have them."""
    runs: list[list[Run]] = [[] for _ in accounts.customers]
    for low, high, customer in zip(
        accounts.owner_low.tolist(),
        accounts.owner_high.tolist(),
        accounts.owner_customer.tolist(),
        strict=True,
    ):
        runs[customer].append((low, high))
    return [merged(found) for found in runs]


def _users_of_others(accounts: Accounts, customers: list[dict[str, Value]]) -> list[Fault]:
    """Users with a number that is not their customer's."""
    found = []
    ranges = _ranges_of(accounts)
    for customer, own, pairs in zip(accounts.customers, ranges, customers, strict=True):
        for name, value in (pairs["users"].pairs() if "users" in pairs else {}).items():
            key = customer.users[folded(name)]
            if not is_covered((key, key), own):
                problem = f"of user '{name}' is no number of customer '{customer.id}'"
                found.append(_owner(value, "users", problem))
    return found


def _sites_of_others(accounts: Accounts, trunks: list[dict[str, Value]], plan: NumberingPlan) -> list[Fault]:
    """Numbers of sites and trunks that are not the customer's; on a shared trunk any customer's will do."""
    by_id = {trunk.id: trunk for trunk in accounts.trunks}
    ranges = _ranges_of(accounts)
    everyone = merged(run for own in ranges for run in own)
    found = []
    for pairs in trunks:
        trunk = by_id[pairs["id"].text()]
        own = everyone if trunk.shared else ranges[trunk.customer]
        whose = "any customer" if trunk.shared else f"customer '{accounts.customers[trunk.customer].id}'"
        values = pairs["numbers"].items() if "numbers" in pairs else []
        listed = [
            (f"trunk '{trunk.id}'", value, run)
            for value, run in zip(values, _read(values, plan), strict=True)
        ]
        for site, item in zip(trunk.sites, pairs["sites"].items() if trunk.sites else [], strict=True):
            inner = item.pairs()
            values = inner["numbers"].items() if "numbers" in inner else []
            runs = zip(site.numbers[::2], site.numbers[1::2], strict=True)
            listed += [(f"site '{site.id}'", value, run) for value, run in zip(values, runs, strict=True)]
        for place, value, run in listed:
            if not is_covered(run, own):
                found.append(_owner(value, "numbers", f"of {place} is no number of {whose}"))
    return found


def _owner(value: Value, field: str, problem: str) -> Fault:
    expected = "a number that the customer has"
    return warning(value.doc.file, value.line, field, value.raw, problem, expected, "ACCOUNTS-WARN-OWNER")
