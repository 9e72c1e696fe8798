"""Whose call it is: the customer's own number, and the subject of a per-user or per-number limit.

References
----------
.. [1] SPEC 6 (rule 8), 6.1, 6.4; choices, "Accounts".
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from rating.accounts import Accounts
from rating.arrays import Ints, codes, group_ids, recode, unify, used_codes
from rating.numbering import NumberingPlan, key_texts, read_numbers

if TYPE_CHECKING:  # checks, quotes and explanations need no reader of CDRs
    from rating.placing import Placed


def folded(name: str) -> str:
    """A user's name as it compares: addresses in lower case."""
    return name.lower() if "@" in name else name


class People:
    """Resolves the texts that name users or numbers, once per customer and text."""

    def __init__(self, accounts: Accounts, plan: NumberingPlan, bare_international: bool) -> None:
        self.accounts = accounts
        self.plan = plan
        self.bare_international = bare_international
        self._customer = np.array([trunk.customer for trunk in accounts.trunks], np.int64)

    def keys_of(self, column: pa.DictionaryArray, trunk: Ints) -> tuple[Ints, Ints, list[str]]:
        """Numbers that texts stand for.

        Returns
        -------
        (key, subject, names)
            Number of each text by the customer's users, else as read (0: none); index of its subject in
            `names`, shape (n,).
        """
        customer = self._customer[trunk]
        group, first = group_ids(customer, codes(column))
        code = codes(column)[first]
        used, place = used_codes(code, len(column.dictionary))
        values = column.dictionary.take(pa.array(used))
        keys = read_numbers(values, self.plan, self.bare_international).key[place[code]]
        names = [folded(name) for name in values.take(pa.array(place[code])).to_pylist()]
        customers = self.accounts.customers
        for i, (who, name) in enumerate(zip(customer[first].tolist(), names, strict=True)):
            keys[i] = customers[who].users.get(name, keys[i])
        found = pc.if_else(pa.array(keys > 0), key_texts(keys), pa.array(names, pa.string()))
        subject = found.dictionary_encode()
        return keys[group], codes(subject)[group].astype(np.int64), subject.dictionary.to_pylist()


def own_keys(placed: Placed, people: People) -> Ints:
    """The customer's own number of each call, 0 where none can be read; shape (n,)."""
    own = np.where(placed.calls.outbound, placed.a_key, placed.b_key)
    forwarded = np.flatnonzero(_is_given(placed.calls.forwarded_by))
    if len(forwarded):
        column = placed.calls.forwarded_by.take(pa.array(forwarded))
        own[forwarded], _, _ = people.keys_of(column, placed.trunk[forwarded])
    return own


def user_subjects(placed: Placed, people: People, rows: Ints) -> tuple[Ints, list[str]]:
    """User of each of some calls: `forwarded_by`, else `user_id`, else the own side's number text."""
    calls = placed.calls
    chosen = np.where(calls.outbound[rows], 2, 3)
    chosen = np.where(_is_given(calls.user_id)[rows], 1, chosen)
    chosen = np.where(_is_given(calls.forwarded_by)[rows], 0, chosen)
    column = _choose([calls.forwarded_by, calls.user_id, calls.a_text, calls.b_text], chosen, rows)
    _, subject, names = people.keys_of(column, placed.trunk[rows])
    return subject, names


def number_subjects(placed: Placed, own: Ints, rows: Ints) -> tuple[Ints, list[str]]:
    """Own number of each of some calls as text, or the text that should have held it."""
    calls = placed.calls
    chosen = np.where(calls.outbound[rows], 1, 2)
    chosen = np.where(_is_given(calls.forwarded_by)[rows], 0, chosen)
    column = _choose([calls.forwarded_by, calls.a_text, calls.b_text], chosen, rows)
    texts = pa.array([folded(text) for text in column.dictionary.to_pylist()], pa.string())
    texts = texts.take(column.indices)
    found = pc.if_else(pa.array(own[rows] > 0), key_texts(own[rows]), texts).dictionary_encode()
    return codes(found).astype(np.int64), found.dictionary.to_pylist()


def _is_given(column: pa.DictionaryArray) -> np.ndarray:
    return pc.not_equal(column.dictionary, "").to_numpy(zero_copy_only=False)[codes(column)]


def _choose(columns: list[pa.DictionaryArray], chosen: Ints, rows: Ints) -> pa.DictionaryArray:
    """One text a row: that of the chosen column."""
    places = [np.flatnonzero(chosen == i) for i in range(len(columns))]
    taken = [column.take(pa.array(rows[at])) for column, at in zip(columns, places, strict=True)]
    code, values, _, _ = unify(taken)
    found = np.empty(len(rows), np.int32)
    found[np.concatenate(places)] = code
    return recode(found, values)
