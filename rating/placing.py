"""Stage 2: which trunk and which numbers a call has, which rows repeat another (SPEC 2, 4)."""

from __future__ import annotations

from dataclasses import dataclass, fields, replace
from typing import Any

import numpy as np
import pyarrow as pa

from rating.accounts import Accounts
from rating.arrays import NONE, AnyArray, Bools, Ints, codes, group_ids, recode, unify
from rating.errors import Reject, row_text
from rating.home import by_numbers, homeless_rejects
from rating.numbering import NumberingPlan, Numbers, join_numbers, read_numbers
from rating.schema import Calls, join_columns
from rating.sources.reading import InputFile


@dataclass(frozen=True)
class Placed:
    """Calls on known trunks.

    trunk : index into `accounts.trunks`, shape (n,)
    a_values, b_values : numbers of the dictionary values of `calls.a_text` and `calls.b_text`
    """

    calls: Calls
    trunk: Ints
    a_values: Numbers
    b_values: Numbers

    def __len__(self) -> int:
        return len(self.trunk)

    def take(self, rows: Ints) -> Placed:
        """Some of the calls, in the given order."""
        return replace(self, calls=self.calls.take(rows), trunk=self.trunk[rows])

    def slice(self, start: int, end: int) -> Placed:
        """Calls [start, end), not copied."""
        return replace(self, calls=self.calls.slice(start, end), trunk=self.trunk[start:end])

    @property
    def a_key(self) -> Ints:
        return self.a_values.key[codes(self.calls.a_text)]

    @property
    def b_key(self) -> Ints:
        return self.b_values.key[codes(self.calls.b_text)]

    def time(self) -> Ints:
        """Instant that orders a call: answered, else setup. [ns]"""
        return np.where(self.calls.answer != NONE, self.calls.answer, self.calls.setup)


def gather(parts: list[Placed]) -> Placed:
    """The calls of some parts, one after the other, with no more texts than they use."""
    columns: dict[str, Any] = {}
    numbers: dict[str, Numbers] = {}
    for f in fields(Calls):
        pieces = [getattr(part.calls, f.name) for part in parts]
        if f.name not in ("a_text", "b_text"):
            columns[f.name] = join_columns(pieces, [len(part) for part in parts])
            continue
        code, values, used, first = unify(pieces)
        columns[f.name] = recode(code, values)
        of_parts = [part.a_values if f.name == "a_text" else part.b_values for part in parts]
        numbers[f.name] = join_numbers(values, of_parts, used, first)
    trunk = np.concatenate([part.trunk for part in parts])
    return Placed(Calls(**columns), trunk, numbers["a_text"], numbers["b_text"])


def place(
    calls: Calls, files: list[InputFile], accounts: Accounts, plan: NumberingPlan, bare_international: bool
) -> tuple[Placed, list[Reject]]:
    """Find trunks and read numbers; calls without a trunk, or answered to no number, are rejects."""
    rejects: list[Reject] = []
    trunk = _trunk_of_text(calls.trunk.dictionary, accounts)[codes(calls.trunk)]
    a_values = read_numbers(calls.a_text.dictionary, plan, bare_international)
    b_values = read_numbers(calls.b_text.dictionary, plan, bare_international)
    calls, trunk, homeless = by_numbers(calls, trunk, a_values, b_values, accounts, plan, bare_international)
    rejects += homeless_rejects(calls, [entry.name for entry in files], homeless)
    unknown = (trunk < 0) & ~homeless
    known = ", ".join(trunk.id for trunk in accounts.trunks[:8])
    known += f" and {len(accounts.trunks) - 8} more" if len(accounts.trunks) > 8 else ""
    rule = f"an id or FQDN of accounts: {known or 'it has no trunk'}"
    rejects += _rejects(calls, files, unknown, "trunk_id", calls.trunk, "is unknown", rule, "CDR-TRUNK")
    unread = (
        ~b_values.readable[codes(calls.b_text)]
        & calls.outbound
        & (calls.answer != NONE)
        & ~unknown
        & ~homeless
    )
    rule = "a dialled number as 0199000110, +33199000110, 0033199000110 or 3639"
    problem = "cannot be read, and the call was answered"
    rejects += _rejects(calls, files, unread, "b_number", calls.b_text, problem, rule, "CDR-NUMBER")
    placed = Placed(replace(calls, accountcode=None), trunk, a_values, b_values)
    good = ~unknown & ~unread & ~homeless
    return (placed if good.all() else placed.take(np.flatnonzero(good))), rejects


def _trunk_of_text(values: pa.Array, accounts: Accounts) -> Ints:
    by_id = {trunk.id: i for i, trunk in enumerate(accounts.trunks)}
    by_fqdn = {trunk.fqdn.lower(): i for i, trunk in enumerate(accounts.trunks) if trunk.fqdn}
    found = [by_id.get(text, by_fqdn.get(text.lower(), -1)) for text in values.to_pylist()]
    return np.array(found, np.int64)


def _rejects(
    calls: Calls,
    files: list[InputFile],
    wrong: Bools,
    name: str,
    column: pa.Array,
    problem: str,
    rule: str,
    code: str,
) -> list[Reject]:
    found = []
    for row in np.flatnonzero(wrong).tolist():
        file, line = int(calls.file[row]), int(calls.line[row])
        text = row_text(files[file].name, line, name, column[row].as_py(), problem, rule)
        found.append(Reject(file, line, code, text))
    return found


def find_repeats(placed: Placed, files: list[InputFile]) -> tuple[Bools, Bools, list[Reject]]:
    """Rows of one (source, call_id): the same content again, or other content.

    Returns
    -------
    (duplicate, conflict, rejects) : bool arrays, shape (n,)
        The first row, in file and line order, of a group of equal rows is no duplicate.
    """
    calls = placed.calls
    n = len(calls)
    duplicate, conflict = np.zeros(n, bool), np.zeros(n, bool)
    ids = codes(calls.call_id.dictionary_encode()).astype(np.int64)
    identity = codes(calls.source).astype(np.int64) * max(n, 1) + ids
    ordered = np.sort(identity)
    repeated = np.unique(ordered[1:][ordered[1:] == ordered[:-1]])
    if not len(repeated):
        return duplicate, conflict, []
    rows = np.flatnonzero(np.isin(identity, repeated))
    group, _ = group_ids(identity[rows])
    content, _ = group_ids(*_content(placed, rows))
    groups = int(group.max()) + 1
    least, most = np.full(groups, n), np.full(groups, -1)
    np.minimum.at(least, group, content)
    np.maximum.at(most, group, content)
    differs = least[group] != most[group]
    conflict[rows[differs]] = True
    same = rows[~differs]
    order = same[np.lexsort((calls.line[same], calls.file[same], identity[same]))]
    again = identity[order][1:] == identity[order][:-1]
    duplicate[order[1:][again]] = True
    problem = "is the id of rows with different content"
    rule = "one content for one source and call_id"
    rejects = _rejects(calls, files, conflict, "call_id", calls.call_id, problem, rule, "CDR-CONFLICT")
    return duplicate, conflict, rejects


def _content(placed: Placed, rows: Ints) -> list[AnyArray]:
    """Everything that must be equal for two rows to be duplicates, as arrays."""
    calls = placed.calls.take(rows)
    texts = (calls.a_text, calls.b_text, calls.user_id, calls.forwarded_by, calls.end_reason)
    coded = [codes(text.dictionary_decode().dictionary_encode()) for text in texts]
    times = [calls.setup, calls.answer, calls.release, calls.alert]
    return [placed.trunk[rows], calls.direction, calls.sip_code, calls.forward_type, *times, *coded]


def answered_seconds(calls: Calls) -> Ints:
    """Duration of each call: answer to release, rounded up to a whole second, at least 1 s when answered.

    References
    ----------
    .. [1] SPEC 2.
    """
    answered = calls.answer != NONE
    nanoseconds = np.where(answered, calls.release - np.where(answered, calls.answer, 0), 0)
    seconds = -(-nanoseconds // 1_000_000_000)
    return np.where(answered, np.maximum(seconds, 1), 0)
