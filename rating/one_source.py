"""One trunk has one source (SPEC 2): its `rating_source`, else the only one that its calls come from."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from rating.accounts import Accounts
from rating.arrays import Bools, codes, distinct
from rating.errors import quoted
from rating.placing import Placed


@dataclass(frozen=True)
class Wording:
    """How a command says what a source does, that the command stopped, what it left out."""

    counts: str
    stopped: str
    left: str


def of_one_source(
    placed: Placed, candidate: Bools, accounts: Accounts, wording: Wording
) -> tuple[Bools, list[str]]:
    """Calls of the source that counts for their trunk, and what is wrong with trunks that have several.

    Parameters
    ----------
    candidate : calls among which a trunk's only source is sought; where it has none, all sources count

    Returns
    -------
    (good, torn)
        Shape (n,); trunks with several sources of which accounts name none, as messages.
    """
    names = placed.calls.source.dictionary.to_pylist()
    source = codes(placed.calls.source).astype(np.int64)
    first, end = int(placed.trunk.min(initial=0)), int(placed.trunk.max(initial=-1)) + 1
    wanted = np.full(end, -1)
    for trunk in range(first, end):
        name = accounts.trunks[trunk].rating_source
        if name:
            wanted[trunk] = names.index(name) if name in names else len(names)
    torn = []
    if len(names) > 1:
        found: dict[int, list[int]] = {}
        unnamed = candidate & (wanted[placed.trunk] < 0)
        for pair in distinct(placed.trunk[unnamed] * len(names) + source[unnamed]).tolist():
            found.setdefault(pair // len(names), []).append(pair % len(names))
        for trunk, several in found.items():
            wanted[trunk] = several[0]
            if len(several) > 1:
                listed, counts = ", ".join(sorted(names[code] for code in several)), wording.counts
                torn.append(
                    f"trunk {quoted(accounts.trunks[trunk].id)} has CDRs from sources {listed}; expected "
                    f"one, or rating_source in its accounts entry to say which {counts}. "
                    f"{wording.stopped} [CDR-SOURCES]"
                )
    of_call = wanted[placed.trunk]
    return (of_call < 0) | (of_call == source), torn


def silent_sources(
    placed: Placed, candidate: Bools, good: Bools, accounts: Accounts, wording: Wording
) -> list[str]:
    """Trunks whose `rating_source` sent none of the candidates while another source did, as messages."""
    if not (candidate & ~good).any():
        return []
    kept = np.bincount(placed.trunk[candidate & good], minlength=len(accounts.trunks))
    left = np.bincount(placed.trunk[candidate & ~good], minlength=len(accounts.trunks))
    return [
        f"trunk {quoted(accounts.trunks[i].id)} has no CDR from its rating_source "
        f"{quoted(accounts.trunks[i].rating_source)}, but {left[i]:,} from others; expected CDRs from it. "
        f"{wording.left} [CDR-SOURCES]"
        for i in np.flatnonzero((left > 0) & (kept == 0)).tolist()
    ]
