"""Faults and exceptions: what a user reads when something is wrong.

    TrunkrateError
    ├── UsageError      flags, paths, output folder: nothing was rated
    ├── TariffError     the tariff book: nothing was rated
    ├── AccountsError   the accounts file: nothing was rated
    └── SourceError     two sources for one trunk: nothing was rated

A bad CDR *row* is no exception: it is data, a `Reject`, and the run goes on.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple


@dataclass(frozen=True, order=True)
class Fault:
    """One thing that is wrong at one place, in the words a user needs.

    Examples
    --------
    >>> print(Fault("plans/a.yaml", 9, "increments", "30/0", "has a zero",
    ...             "two whole seconds > 0, as 60/60", "TARIFF-INCREMENTS"))
    plans/a.yaml:9: increments '30/0' has a zero; expected two whole seconds > 0, as 60/60. \
Nothing was rated. [TARIFF-INCREMENTS]
    """

    file: str
    line: int
    field: str
    value: str | None
    problem: str
    expected: str
    code: str
    outcome: str = "Nothing was rated."

    def __str__(self) -> str:
        place = f"{self.file}:{self.line}" if self.line else self.file
        words = [word for word in (self.field, quoted(self.value), self.problem) if word]
        return f"{place}: {' '.join(words)}; expected {self.expected}. {self.outcome} [{self.code}]"


class Reject(NamedTuple):
    """A row that is no CDR: where it stands and why."""

    file: int
    line: int
    code: str
    message: str


class TrunkrateError(Exception):
    """Stops a run; its text is for the user."""


class UsageError(TrunkrateError):
    """A flag, a path or the output folder is wrong."""


class SourceError(TrunkrateError):
    """One trunk has CDRs from two sources and accounts do not say which is rated (SPEC 2)."""


class FaultsError(TrunkrateError):
    """Carries every fault found in one pass over a file or folder."""

    def __init__(self, faults: list[Fault]) -> None:
        self.faults = sorted(set(faults), key=lambda fault: (fault.file, fault.line, str(fault)))
        super().__init__("\n".join(str(fault) for fault in self.faults))


class TariffError(FaultsError):
    """The tariff book is wrong."""


class AccountsError(FaultsError):
    """The accounts file is wrong."""


def quoted(value: str | None, most: int = 60) -> str:
    """A value as it is shown in a message: quoted, control characters escaped, cut when long.

    Examples
    --------
    >>> quoted("30/0"), quoted("a\\x00b")
    ("'30/0'", "'a\\\\x00b'")
    """
    if value is None:
        return ""
    shown = value if len(value) <= most else value[: most - 1] + "…"
    return "'" + "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in shown) + "'"


ROW_REJECTED = "Row rejected, the others are rated: see rejects.csv."
FILE_REJECTED = "No row of this file is rated: see rejects.csv."


def row_message(
    file: str, line: int, field: str, value: str | None, problem: str, expected: str, code: str
) -> str:
    """The message of a rejected row."""
    outcome = FILE_REJECTED if code == "CDR-HEADER" else ROW_REJECTED
    return str(Fault(file, line, field, value, problem, expected, code, outcome))
