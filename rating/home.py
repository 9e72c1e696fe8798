"""Trunk and direction from the customers' numbers, for formats that do not say them (SPEC 2).

"A B-number of a customer makes the call inbound on that customer's trunk, else the customer's own number
makes it outbound; what stays open is a reject."
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from rating.accounts import Accounts
from rating.arrays import NONE, Bools, Ints, codes
from rating.numbering import NumberingPlan, Numbers, read_numbers
from rating.schema import OPEN, Calls

OUTBOUND, INBOUND = 0, 1


def by_numbers(
    calls: Calls,
    trunk: Ints,
    a_values: Numbers,
    b_values: Numbers,
    accounts: Accounts,
    plan: NumberingPlan,
    bare_international: bool,
) -> tuple[Calls, Ints, Bools]:
    """Fill in what is missing.

    Parameters
    ----------
    trunk : index of the trunk that the row names, -1 where it names none or an unknown one

    Returns
    -------
    (calls, trunk, homeless)
        With directions and trunks found; calls for which they could not be. Shape (n,)
    """
    homeless = np.zeros(len(calls), bool)
    named = np.array([text != "" for text in calls.trunk.dictionary.to_pylist()], bool)
    nameless = ~named[codes(calls.trunk)] if len(named) else homeless
    rows = np.flatnonzero((calls.direction == OPEN) | nameless)
    if not len(rows):
        return calls, trunk, homeless
    part = calls.take(rows)
    at = np.where(part.answer != NONE, part.answer, part.setup)
    called = b_values.key[codes(part.b_text)]
    own = _own(part, a_values, accounts, plan, bare_international)
    called_owner, own_owner = accounts.owners(called, at), accounts.owners(own, at)
    told = np.where(called_owner >= 0, INBOUND, np.where(own_owner >= 0, OUTBOUND, OPEN))
    direction = np.where(part.direction == OPEN, told, part.direction)
    owner = np.where(direction == INBOUND, called_owner, own_owner)
    number = np.where(direction == INBOUND, called, own)
    home = trunk[rows]
    missing = nameless[rows]
    home[missing] = _trunk_of(owner[missing], number[missing], accounts)
    found = (direction != OPEN) & ((home >= 0) | ~missing)
    filled, directions = trunk.copy(), calls.direction.copy()
    filled[rows], directions[rows] = home, np.where(direction == OPEN, OUTBOUND, direction)
    homeless[rows] = ~found
    return replace(calls, direction=directions), filled, homeless


def _own(
    part: Calls, a_values: Numbers, accounts: Accounts, plan: NumberingPlan, bare_international: bool
) -> Ints:
    """Own number of an outbound leg: that of `forwarded_by`, whoever's user it is, else the A-number."""
    users: dict[str, int] = {}
    for customer in accounts.customers:
        users.update(customer.users)
    texts = part.forwarded_by.dictionary
    read = read_numbers(texts, plan, bare_international).key
    names = [name.lower() if "@" in name else name for name in texts.to_pylist()]
    keys = np.array([users.get(name, int(key)) for name, key in zip(names, read, strict=True)], np.int64)
    given = np.array([name != "" for name in names], bool)
    code = codes(part.forwarded_by)
    return np.where(given[code], keys[code], a_values.key[codes(part.a_text)])


def _trunk_of(owner: Ints, number: Ints, accounts: Accounts) -> Ints:
    """Trunk of a customer: his only one, else the only one that lists the number; -1 where neither."""
    trunks_of: dict[int, list[int]] = {}
    for i, trunk in enumerate(accounts.trunks):
        trunks_of.setdefault(trunk.customer, []).append(i)
    pairs, inverse = np.unique(np.stack((owner, number)), axis=1, return_inverse=True)
    found = []
    for customer, key in pairs.T.tolist():
        candidates = trunks_of.get(customer, [])
        if len(candidates) > 1:
            candidates = [i for i in candidates if accounts.trunks[i].lists(key)]
        found.append(candidates[0] if len(candidates) == 1 else -1)
    return np.array(found, np.int64)[inverse.reshape(-1)] if found else np.zeros(0, np.int64)
