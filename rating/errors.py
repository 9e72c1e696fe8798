"""Faults and exceptions: what a user reads when something is wrong.

    TrunkrateError
    ├── UsageError      flags, paths, output folder
    ├── TariffError     the tariff book
    ├── AccountsError   the accounts file
    ├── GatewayError    the gateway's file
    ├── SpoolError      the gateway's folder of CDRs
    └── SourceError     two sources for one trunk

Each stops a command before anything was done. A bad CDR *row* is no exception: it is data, a `Reject`, and
the run goes on. What was not done only the command knows: it gives the ending of a message.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple


@dataclass(frozen=True)
class Endings:
    """What a command says of what it did not do.

    stopped : of all; row : of a row that is none; file : of a file without its header
    """

    stopped: str
    row: str
    file: str


RATED = Endings(
    "Nothing was rated.",
    "Row rejected, the others are rated: see rejects.csv.",
    "No row of this file is rated: see rejects.csv.",
)


@dataclass(frozen=True, order=True)
class Fault:
    """One thing that is wrong at one place, in the words a user needs.

    Examples
    --------
    >>> fault = Fault("a.yaml", 9, "increments", "30/0", "has a zero", "two whole seconds > 0", "TARIFF-X")
    >>> print(fault)
    a.yaml:9: increments '30/0' has a zero; expected two whole seconds > 0. [TARIFF-X]
    >>> print(fault.told("Nothing was rated."))
    a.yaml:9: increments '30/0' has a zero; expected two whole seconds > 0. Nothing was rated. [TARIFF-X]
    """

    file: str
    line: int
    field: str
    value: str | None
    problem: str
    expected: str
    code: str
    outcome: str = ""

    def __str__(self) -> str:
        return self.told("")

    def told(self, ending: str) -> str:
        """The message with what was not done, unless the fault has an outcome of its own."""
        place = f"{self.file}:{self.line}" if self.line else self.file
        text = _sentence(place, self.field, self.value, self.problem, self.expected)
        return _message(text, self.outcome or ending, self.code)


class Reject(NamedTuple):
    """A row that is no CDR: where it stands and why, `text` without an ending."""

    file: int
    line: int
    code: str
    text: str

    @property
    def message(self) -> str:
        """As rating says it."""
        return self.told(RATED)

    def told(self, endings: Endings) -> str:
        """The message with what becomes of the row."""
        return _message(self.text, endings.file if self.code == "CDR-HEADER" else endings.row, self.code)


class TrunkrateError(Exception):
    """Stops a command; its text is for the user.

    text : what is wrong; code : goes behind the ending, empty where `text` is the whole message

    Examples
    --------
    >>> error = UsageError("a.csv: is not there; expected a CDR file.", "CDR-FILE")
    >>> print(error)
    a.csv: is not there; expected a CDR file. [CDR-FILE]
    >>> print(error.told("Nothing was written."))
    a.csv: is not there; expected a CDR file. Nothing was written. [CDR-FILE]
    """

    def __init__(self, text: str, code: str = "") -> None:
        super().__init__(text, code)
        self.text, self.code = text, code

    def __str__(self) -> str:
        return self.told("")

    def told(self, ending: str) -> str:
        """The message with what was not done."""
        return _message(self.text, ending, self.code) if self.code else self.text


class UsageError(TrunkrateError):
    """A flag, a path or the output folder is wrong."""


class SpoolError(TrunkrateError):
    """The gateway's folder of CDRs cannot be written, or another process writes it."""


class SourceError(TrunkrateError):
    """One trunk has CDRs from two sources and accounts do not say which is rated (SPEC 2)."""


class FaultsError(TrunkrateError):
    """Carries every fault found in one pass over a file or folder."""

    def __init__(self, faults: list[Fault]) -> None:
        Exception.__init__(self, faults)
        self.faults = sorted(set(faults), key=lambda fault: (fault.file, fault.line, str(fault)))

    def told(self, ending: str) -> str:
        return "\n".join(fault.told(ending) for fault in self.faults)


class TariffError(FaultsError):
    """The tariff book is wrong."""


class AccountsError(FaultsError):
    """The accounts file is wrong."""


class GatewayError(FaultsError):
    """The gateway's file is wrong."""


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


def row_text(file: str, line: int, field: str, value: str | None, problem: str, expected: str) -> str:
    """The text of a rejected row."""
    return _sentence(f"{file}:{line}", field, value, problem, expected)


def _sentence(place: str, field: str, value: str | None, problem: str, expected: str) -> str:
    words = " ".join(word for word in (field, quoted(value), problem) if word)
    return f"{place}: {words}; expected {expected}."


def _message(text: str, ending: str, code: str) -> str:
    return " ".join(part for part in (text, ending, f"[{code}]") if part)
