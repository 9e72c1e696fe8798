"""Trunk and direction from the customers' numbers, for formats that do not say them (SPEC 2).

"A B-number of a customer makes the call inbound on that customer's trunk, else the customer's own number
makes it outbound; what stays open is a reject." Before it is one, the switch's `accountcode` may tell.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import replace

import numpy as np
import pyarrow as pa

from rating.accounts import Accounts
from rating.arrays import NONE, Bools, Ints, codes
from rating.errors import Reject, quoted, row_text
from rating.numbering import SHORT, NumberingPlan, Numbers, read_numbers
from rating.schema import FORWARD_TYPES, OPEN, Calls

OUTBOUND, INBOUND = 0, 1
RULE = "the number of a customer who has one trunk, or whose trunk lists it"


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
        With directions, trunks and forwards found; calls for which they could not be. Shape (n,)
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
    forward_type = part.forward_type
    if part.accountcode is not None:
        tagged = _trunk_of_code(part.accountcode, missing & (home < 0), owner, direction, called, accounts)
        on_channel = (tagged >= 0) & (direction == OPEN)
        home = np.where(tagged >= 0, tagged, home)
        direction = np.where(on_channel, OUTBOUND, direction)
        unnamed = on_channel & _is_full(own) & (forward_type == 0)
        forward_type = np.where(unnamed, FORWARD_TYPES.index("unknown"), forward_type)
    found = (direction != OPEN) & ((home >= 0) | ~missing)
    filled, directions, forward_types = trunk.copy(), calls.direction.copy(), calls.forward_type.copy()
    filled[rows], directions[rows] = home, np.where(direction == OPEN, OUTBOUND, direction)
    forward_types[rows] = forward_type
    homeless[rows] = ~found
    return replace(calls, direction=directions, forward_type=forward_types), filled, homeless


def homeless_rejects(calls: Calls, names: list[str], homeless: Bools) -> list[Reject]:
    """The rejects of calls that neither numbers nor accountcode place; `names` : of the files."""
    rejects = []
    for row in np.flatnonzero(homeless).tolist():
        file, line = int(calls.file[row]), int(calls.line[row])
        problem, rule = "and the caller's number do not tell the trunk and direction", RULE
        code = "" if calls.accountcode is None else calls.accountcode[row].as_py()
        if code:
            problem += f", nor does accountcode {quoted(code)}"
            rule += "; or, on a call to a full number, the id of a trunk, or of a customer who has one"
        number = calls.b_text[row].as_py()
        text = row_text(names[file], line, "b_number", number, problem, rule)
        rejects.append(Reject(file, line, "CDR-TRUNK", text))
    return rejects


def _trunk_of_code(
    column: pa.DictionaryArray,
    is_open: Bools,
    owner: Ints,
    direction: Ints,
    called: Ints,
    accounts: Accounts,
) -> Ints:
    """Trunk that each open row's accountcode names: an id of a trunk, else of a customer who has one.

    Where numbers tell the customer, the trunk must be his; where they tell nothing, a full number must have
    been called (a short one may be an extension), or else the row stays open: -1.
    """
    by_code = _only_trunks(accounts) | {trunk.id: i for i, trunk in enumerate(accounts.trunks)}
    texts = column.dictionary.to_pylist()
    named = np.array([by_code.get(text, -1) for text in texts], np.int64)[codes(column)]
    customer = np.array([trunk.customer for trunk in accounts.trunks], np.int64)
    if not len(customer):
        return named
    fits = np.where(direction == OPEN, _is_full(called), (owner < 0) | (customer[named] == owner))
    return np.where(is_open & fits, named, -1)


def _only_trunks(accounts: Accounts) -> dict[str, int]:
    """Trunk of each customer who has one, by the customer's id."""
    count = Counter(trunk.customer for trunk in accounts.trunks)
    return {
        accounts.customers[trunk.customer].id: i
        for i, trunk in enumerate(accounts.trunks)
        if count[trunk.customer] == 1
    }


def _is_full(keys: Ints) -> Bools:
    """E.164 numbers: neither short, masked nor unreadable."""
    return (keys > 0) & (keys < SHORT)


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
