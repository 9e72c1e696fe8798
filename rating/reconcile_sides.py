"""Two sources of the same calls read, placed on trunks, and held against each other."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pyarrow.compute as pc

from rating.accounts import Accounts
from rating.accounts_file import load_accounts
from rating.arrays import Ints, codes
from rating.errors import Reject, UsageError
from rating.numbering import load_plan
from rating.placing import Placed, answered_seconds, find_repeats, place
from rating.reconcile import Legs, Reconciled, Tolerance, reconcile
from rating.schema import Calls
from rating.sources.block import Options
from rating.sources.database import copy_table, without_password
from rating.sources.files import CdrFile, expand, forget
from rating.sources.readers import is_foreign
from rating.sources.reading import InputFile, read_files


@dataclass(frozen=True)
class Side:
    """One source: its files, its legs as they were read and as they are matched, and what is no leg."""

    files: list[InputFile]
    calls: Calls
    legs: Legs
    rejects: list[Reject]
    duplicates: int

    @property
    def rows(self) -> int:
        return sum(entry.rows for entry in self.files)

    @property
    def not_a_call(self) -> int:
        return sum(entry.not_a_call for entry in self.files)


@dataclass(frozen=True)
class Comparison:
    """Both sides, and which of their legs are one call."""

    a: Side
    b: Side
    found: Reconciled
    accounts: Accounts

    @property
    def warnings(self) -> list[str]:
        """What the readers warn of."""
        return [warning for side in (self.a, self.b) for entry in side.files for warning in entry.warnings]

    @property
    def is_clean(self) -> bool:
        """Nothing to look at: all legs matched and equal, no reject, no warning."""
        found = self.found
        differ = len(found.only_a) or len(found.only_b) or found.differs.any()
        return not (differ or self.a.rejects or self.b.rejects or self.warnings)


def compare(
    one: str, other: str, accounts: str, options: Options, tolerance: Tolerance | None = None
) -> Comparison:
    """Read two sides, each a file, a folder, `-` or a database URL, and match their legs.

    Raises
    ------
    UsageError, AccountsError
        Nothing was compared: a side cannot be read, both are one, or neither holds a leg.
    """
    known = load_accounts(accounts, None)
    opened: list[CdrFile] = []
    try:
        a, b = (_side(files, options, known) for files in _files(one, other, opened))
    finally:
        forget(opened)
    if not (len(a.legs) or len(b.legs) or a.rejects or b.rejects):
        names = f"{without_password(one)}, {without_password(other)}"
        raise UsageError(f"{names}: hold no call leg; expected CDRs.", "RECONCILE-NONE")
    found = reconcile(a.legs, b.legs, tolerance)
    _check(a, len(found.a), found.only_a)
    _check(b, len(found.b), found.only_b)
    return Comparison(a, b, found, known)


def _files(one: str, other: str, opened: list[CdrFile]) -> list[list[CdrFile]]:
    """Files of both sides, noted in `opened`; one file cannot be held against itself."""
    if one == other:
        raise _same(without_password(one))
    groups: list[list[CdrFile]] = []
    for name in (one, other):
        groups.append(expand([name], is_foreign, copy_table)[0])
        opened += groups[-1]
    shared = set.intersection(*({_place(file) for file in group} for group in groups))
    if shared:
        raise _same(min(shared))
    return groups


def _same(name: str) -> UsageError:
    return UsageError(f"{name}: is on both sides; expected two sources.", "RECONCILE-SAME")


def _place(file: CdrFile) -> str:
    """Where a file's content comes from: a copy's is what its name says."""
    return file.name if file.is_spooled else str(file.path.resolve())


def _side(files: list[CdrFile], options: Options, accounts: Accounts) -> Side:
    """Read, place on trunks and lay out one side."""
    reading = read_files(files, options)
    plan = load_plan("FR")
    placed, unplaced = place(reading.calls, reading.files, accounts, plan, options.bare_international)
    duplicate, conflict, conflicts = find_repeats(placed, reading.files)
    placed = placed.take(np.flatnonzero(~(duplicate | conflict)))
    rejects = sorted([*reading.rejects, *unplaced, *conflicts])
    return Side(reading.files, placed.calls, _legs(placed), rejects, int(duplicate.sum()))


def _legs(placed: Placed) -> Legs:
    """What is matched of placed calls."""
    calls = placed.calls
    a, b = codes(calls.a_text), codes(calls.b_text)
    return Legs(
        trunk=placed.trunk,
        inbound=~calls.outbound,
        setup=calls.setup,
        answer=calls.answer,
        release=calls.release,
        duration_s=answered_seconds(calls),
        a_low=placed.a_values.low[a],
        a_high=placed.a_values.high[a],
        b_low=placed.b_values.low[b],
        b_high=placed.b_values.high[b],
        id=pc.binary_join_element_wise(calls.source.dictionary_decode(), calls.call_id, "\n"),
    )


def _check(side: Side, matched: int, only: Ints) -> None:
    """Nothing is lost (SPEC 2)."""
    parts = (matched, len(only), len(side.rejects), side.duplicates, side.not_a_call)
    if side.rows != sum(parts):
        raise AssertionError(f"{side.rows} rows read, but (matched, only, rejected, …) = {parts}")
