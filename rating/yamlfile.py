"""YAML settings read strictly: every scalar is text, every key is known, every value has a line.

YAML's own guesses (`0044` as 36, `18:00` as 1080, `NO` as false, the last of two equal keys) never apply:
the file is composed into nodes and the caller says what each value is.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
import yaml

from rating.errors import Fault

T = TypeVar("T")
_Loader: Any = getattr(yaml, "CBaseLoader", yaml.BaseLoader)


@dataclass
class Document:
    """A settings file being read, and the faults found in it so far."""

    file: str
    kind: str
    faults: list[Fault] = field(default_factory=list)

    def fault(self, line: int, name: str, value: str | None, problem: str, expected: str, code: str) -> None:
        """Note a fault; `code` is the part after the kind, as KEY in TARIFF-KEY."""
        self.faults.append(Fault(self.file, line, name, value, problem, expected, f"{self.kind}-{code}"))


@dataclass
class Value:
    """One node of a settings file and the name of the key that holds it."""

    doc: Document
    node: Any
    name: str

    @property
    def line(self) -> int:
        """Line of the value, from 1."""
        return int(self.node.start_mark.line) + 1

    @property
    def raw(self) -> str:
        """The value as written, for messages."""
        if isinstance(self.node, yaml.ScalarNode):
            return str(self.node.value)
        return "a list" if isinstance(self.node, yaml.SequenceNode) else "a mapping"

    @property
    def is_null(self) -> bool:
        """Whether the value is empty, `~` or `null`, unquoted."""
        plain = isinstance(self.node, yaml.ScalarNode) and self.node.style in (None, "")
        return plain and self.node.value in ("", "~", "null", "Null", "NULL")

    @property
    def is_list(self) -> bool:
        return isinstance(self.node, yaml.SequenceNode)

    @property
    def is_mapping(self) -> bool:
        return isinstance(self.node, yaml.MappingNode)

    def fault(self, problem: str, expected: str, code: str) -> None:
        """Note a fault of this value."""
        self.doc.fault(self.line, self.name, self.raw, problem, expected, code)

    def text(self) -> str:
        """The value as text; a fault and empty text where it is none."""
        if isinstance(self.node, yaml.ScalarNode) and not self.is_null:
            return str(self.node.value)
        self.fault("is not a text", "a text", "VALUE")
        return ""

    def choice(self, choices: Collection[str], code: str = "VALUE") -> str:
        """One of the words; a fault and the first of them otherwise."""
        value = self.text()
        if value in choices:
            return value
        if value:
            self.fault("is unknown", "one of " + ", ".join(choices), code)
        return next(iter(choices))

    def integer(self, least: int, most: int, code: str = "VALUE") -> int:
        """A whole number in a range; a fault and `least` otherwise."""
        value = self.text()
        is_whole = value.isascii() and value.isdigit()
        if is_whole and len(value) <= 18 and least <= int(value) <= most:
            return int(value)
        if value:
            problem = "is out of range" if value.lstrip("-").isdigit() else "is no whole number"
            self.fault(problem, f"a whole number from {least} to {most}", code)
        return least

    def boolean(self) -> bool:
        """true or false."""
        return self.choice(("false", "true")) == "true"

    def items(self) -> list[Value]:
        """The values of a list; null is an empty one."""
        if self.is_null:
            return []
        if not isinstance(self.node, yaml.SequenceNode):
            self.fault("is not a list", "a list", "VALUE")
            return []
        return [Value(self.doc, node, self.name) for node in self.node.value]

    def pairs(self) -> dict[str, Value]:
        """A mapping of any keys, duplicates refused."""
        if self.is_null:
            return {}
        if not isinstance(self.node, yaml.MappingNode):
            self.fault("is not a mapping", "a mapping of keys and values", "VALUE")
            return {}
        found: dict[str, Value] = {}
        for key_node, node in self.node.value:
            line = int(key_node.start_mark.line) + 1
            if not isinstance(key_node, yaml.ScalarNode):
                self.doc.fault(line, self.name, None, "has a key that is no text", "text keys", "KEY")
                continue
            key = str(key_node.value)
            if key in found:
                self.doc.fault(line, "key", key, "occurs twice in one mapping", "each key once", "KEY")
            else:
                found[key] = Value(self.doc, node, key)
        return found

    def scalars(self) -> Iterator[str]:
        """Every scalar at and below the value that has a digit, as text."""
        nodes = [self.node]
        while nodes:
            node = nodes.pop()
            if isinstance(node, yaml.ScalarNode):
                if any(character.isdigit() for character in node.value):
                    yield node.value
            elif isinstance(node, yaml.SequenceNode):
                nodes += node.value
            else:
                nodes += [inner for pair in node.value for inner in pair]

    def mapping(self, known: Collection[str], required: Collection[str] = ()) -> dict[str, Value]:
        """A mapping of known keys; null values count as missing."""
        found = self.pairs()
        for key, value in found.items():
            if key not in known:
                line = value.line
                self.doc.fault(line, "key", key, "is unknown", "one of " + ", ".join(known), "KEY")
        kept = {key: value for key, value in found.items() if key in known and not value.is_null}
        for key in required:
            if key not in kept:
                self.doc.fault(self.line, "key", key, "is missing", f"a value for {key}", "KEY")
        return kept


def load(path: Path, file: str, kind: str) -> tuple[Document, Value | None]:
    """Read a settings file; None where it is no YAML mapping (the fault is noted)."""
    doc = Document(file, kind)
    try:
        text = path.read_bytes().decode("utf-8-sig")
    except OSError as error:
        doc.fault(0, "", None, f"cannot be read ({error.strerror})", "a readable file", "FILE")
        return doc, None
    except UnicodeDecodeError as error:
        line = error.object[: error.start].count(b"\n") + 1
        doc.fault(line, "byte", f"\\x{error.object[error.start]:02x}", "is not UTF-8", "UTF-8 text", "FILE")
        return doc, None
    if _is_too_deep(text):
        doc.fault(
            0, "", None, "is nested too deep", "settings as the tariff book's and accounts' own", "FILE"
        )
        return doc, None
    try:
        node = yaml.compose(text, Loader=_Loader)
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        line = mark.line + 1 if mark is not None else 0
        problem = str(getattr(error, "problem", None) or getattr(error, "reason", "is not YAML"))
        doc.fault(line, "", None, f"is not YAML ({problem})", "YAML keys and values", "FILE")
        return doc, None
    if not isinstance(node, yaml.MappingNode):
        doc.fault(1, "", None, "holds no mapping", "YAML keys and values", "FILE")
        return doc, None
    return doc, Value(doc, node, "")


def _is_too_deep(text: str, most: int = 200) -> bool:
    """Whether brackets or list marks nest beyond what a parser's stack can take."""
    marks = np.frombuffer(text.encode(), np.uint8)
    opened = np.isin(marks, list(b"[{")).astype(np.int32) - np.isin(marks, list(b"]}"))
    depth = np.cumsum(opened)
    floor = np.minimum.accumulate(np.minimum(depth, 0)) if len(depth) else depth
    return bool((depth - floor).max(initial=0) > most) or "- " * most in text or "? " * most in text


def optional(found: dict[str, Value], key: str, read: Callable[[Value], T], default: T) -> T:
    """`read` the key's value, or the default where it is missing."""
    return read(found[key]) if key in found else default
