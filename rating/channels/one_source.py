"""One trunk is counted from one source (SPEC 2): its `rating_source`, else the only one that it has."""

from __future__ import annotations

import numpy as np

from rating.accounts import Accounts
from rating.arrays import Bools, codes, distinct
from rating.errors import Endings, SourceError, quoted
from rating.placing import Placed

COUNTED = Endings(
    "Nothing was counted.", "Row rejected, the others are counted.", "No row of this file is counted."
)


def is_of_source(placed: Placed, candidate: Bools, accounts: Accounts) -> Bools:
    """Calls of the source that counts for their trunk, shape (n,).

    Parameters
    ----------
    candidate : calls among which a trunk's only source is sought; where it has none, all sources count

    Raises
    ------
    SourceError
        A trunk has several and accounts name none.
    """
    names = placed.calls.source.dictionary.to_pylist()
    source = codes(placed.calls.source).astype(np.int64)
    wanted = np.full(len(accounts.trunks), -1)
    sources: dict[int, list[str]] = {trunk: [] for trunk in distinct(placed.trunk).tolist()}
    for pair in distinct(placed.trunk[candidate] * len(names) + source[candidate]).tolist():
        sources[pair // len(names)].append(names[pair % len(names)])
    torn = []
    for trunk, found in sources.items():
        name = accounts.trunks[trunk].rating_source
        if not name and len(found) > 1:
            torn.append(
                f"trunk {quoted(accounts.trunks[trunk].id)} has CDRs from sources "
                f"{', '.join(sorted(found))}; expected one, or rating_source in its accounts entry to say "
                f"which counts. {COUNTED.stopped} [CDR-SOURCES]"
            )
        name = name or next(iter(found), None)
        if name:
            wanted[trunk] = names.index(name) if name in names else len(names)
    if torn:
        raise SourceError("\n".join(torn))
    return (wanted[placed.trunk] < 0) | (wanted[placed.trunk] == source)


def silent_sources(placed: Placed, candidate: Bools, good: Bools, accounts: Accounts) -> list[str]:
    """Trunks whose `rating_source` sent none of the candidates while another source did, as messages."""
    kept = np.bincount(placed.trunk[candidate & good], minlength=len(accounts.trunks))
    left = np.bincount(placed.trunk[candidate & ~good], minlength=len(accounts.trunks))
    return [
        f"trunk {quoted(accounts.trunks[i].id)} has no CDR from its rating_source "
        f"{quoted(accounts.trunks[i].rating_source)}, but {left[i]:,} from others; expected CDRs from it. "
        "They are not counted. [CDR-SOURCES]"
        for i in np.flatnonzero((left > 0) & (kept == 0)).tolist()
    ]
