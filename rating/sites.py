"""The site of a call: that of the customer's own number (art. 3.2; SPEC 8)."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from rating.accounts import Accounts
from rating.arrays import Ints, runs

NO_SITE = -1


@dataclass(frozen=True)
class Sites:
    """The sites of some trunks, trunk by trunk, in the order of accounts; shape (sites,) each."""

    trunk: Ints
    names: list[str]
    channels: Ints

    def __len__(self) -> int:
        return len(self.names)


def sites_of(trunk: Ints, own: Ints, accounts: Accounts) -> tuple[Ints, Sites]:
    """Place of each call's site in `Sites`, NO_SITE where its trunk has none for its own number.

    Parameters
    ----------
    trunk : ascending, shape (n,); own : the customer's own number of each call
    """
    site = np.full(len(own), NO_SITE)
    of_trunk: list[int] = []
    names: list[str] = []
    channels: list[int] = []
    for start, end in pairwise(runs(trunk).tolist()):
        part, number = slice(start, end), int(trunk[start])
        for found in accounts.trunks[number].sites:
            for low, high in zip(found.numbers[::2], found.numbers[1::2], strict=True):
                site[part][(low <= own[part]) & (own[part] <= high)] = len(names)
            of_trunk.append(number)
            names.append(found.id)
            channels.append(found.channels)
    return site, Sites(np.array(of_trunk, np.int64), names, np.array(channels, np.int64))
