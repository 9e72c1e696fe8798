"""A warning: a `Fault` that stops nothing."""

from __future__ import annotations

from rating.errors import Fault

OUTCOME = "Only a warning."


def warning(
    file: str, line: int, field: str, value: str | None, problem: str, expected: str, code: str
) -> Fault:
    """Something legal that is rarely meant.

    Examples
    --------
    >>> print(warning("windows.yaml", 3, "window", "night", "is used by no row", "a row", "TARIFF-WARN-X"))
    windows.yaml:3: window 'night' is used by no row; expected a row. Only a warning. [TARIFF-WARN-X]
    """
    return Fault(file, line, field, value, problem, expected, code, OUTCOME)


def counted(count: int, what: str, many: str | None = None) -> str:
    """A count and its noun.

    Examples
    --------
    >>> counted(1, "warning"), counted(2, "prefix", "prefixes")
    ('1 warning', '2 prefixes')
    """
    return f"{count} {what if count == 1 else many or what + 's'}"
