"""What a check of gateway.yaml finds, at the lines where it stands."""

from __future__ import annotations

from dataclasses import dataclass, field

from rating.checks.warning import warning
from rating.errors import Fault
from rating.yamlfile import Value


@dataclass
class Findings:
    """Errors and warnings, in the order in which they are found."""

    errors: list[Fault] = field(default_factory=list)
    warnings: list[Fault] = field(default_factory=list)

    def error(self, value: Value, problem: str, expected: str, code: str, shown: str | None = None) -> None:
        """Note what keeps the gateway from working."""
        fault = Fault(*_place(value, shown), problem, expected, f"GATEWAY-{code}")
        self.errors.append(fault)

    def warn(self, value: Value, problem: str, expected: str, code: str, shown: str | None = None) -> None:
        """Note what is rarely meant."""
        self.warnings.append(warning(*_place(value, shown), problem, expected, f"GATEWAY-WARN-{code}"))


def _place(value: Value, shown: str | None) -> tuple[str, int, str, str | None]:
    """File, line, key and value; of a list or mapping only what is `shown` of it."""
    is_scalar = not (value.is_list or value.is_mapping)
    return value.doc.file, value.line, value.name, value.raw if shown is None and is_scalar else shown


def at(root: Value, *keys: str) -> Value:
    """The value below some keys, or the nearest above it where one is missing."""
    for key in keys:
        inner = root.pairs().get(key) if root.is_mapping else None
        if inner is None:
            break
        root = inner
    return root
