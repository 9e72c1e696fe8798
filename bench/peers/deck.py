"""A rate deck as disjoint spans of numbers, for the peers: numbers as 15 digits, short ones below zero."""

from __future__ import annotations

import csv
from dataclasses import dataclass
from pathlib import Path

import numpy as np

DIGITS = 15


@dataclass(frozen=True)
class Spans:
    """starts : first number of each span, ascending; row : index into `rows`, -1 where no prefix covers it.

    rows : prefix, destination, class, price in micros
    """

    starts: np.ndarray
    row: np.ndarray
    rows: list[tuple[str, str, str, int]]


def read_spans(path: Path) -> Spans:
    """Plain rows (no window, no step) of a deck, the longest prefix winning."""
    with path.open(encoding="utf-8", newline="") as file:
        plain = [r for r in csv.DictReader(file) if not r["window"] and not r["from_second"]]
    spans, rows = [], []
    for i, r in enumerate(plain):
        prefix = r["prefix"]
        whole, _, part = r["price_per_minute"].partition(".")
        rows.append((prefix, r["destination"], r["class"], int(whole) * 10**6 + int(part.ljust(6, "0"))))
        if prefix.startswith("FR:"):
            if not prefix.endswith("*"):
                spans.append((-int(prefix[3:]), -int(prefix[3:]) + 1, i))
            continue
        step = 10 ** (DIGITS - len(prefix))
        spans.append((int(prefix) * step, (int(prefix) + 1) * step, i))
    edges = np.unique(np.array([edge for low, high, _ in spans for edge in (low, high)], np.int64))
    row = np.full(len(edges), -1)
    for low, high, i in sorted(spans, key=lambda span: span[0] - span[1]):  # widest first
        row[np.searchsorted(edges, low) : np.searchsorted(edges, high)] = i
    return Spans(edges, row, rows)
