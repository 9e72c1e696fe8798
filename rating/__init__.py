"""trunkrate's rating core: CDRs in; rated calls, findings, limits, usage and rejects out.

>>> import rating
>>> rating.load_book("contract").currency
'EUR'

`rating.rate` is the whole run in memory; `rating.pipeline` shows its stages.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from rating.accounts_file import load_accounts
    from rating.api import Rated, rate
    from rating.tariffs.book import load_book

__version__ = "0.1.0"
__all__ = ["Rated", "load_accounts", "load_book", "rate"]

_HOMES = {
    "Rated": "rating.api",
    "rate": "rating.api",
    "load_accounts": "rating.accounts_file",
    "load_book": "rating.tariffs.book",
}


def __getattr__(name: str) -> Any:
    """Import on first use, so that `trunkrate --help` stays instant."""
    if name in _HOMES:
        return getattr(importlib.import_module(_HOMES[name]), name)
    raise AttributeError(f"module 'rating' has no attribute '{name}'")
