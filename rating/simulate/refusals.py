"""Which calls a gateway would have refused with other channels (SPEC 8, 11).

A call that is refused holds no channel. What the CDRs show is how many channels were held when a call began
(holders.py), over-cap calls included. With fewer channels some of those would not have been there: as many
less as were refused and would still be up. So only refused calls need to be followed, and only where the
channels were all held.
"""

from __future__ import annotations

from heapq import heappop, heappush

import numpy as np

from rating.arrays import Bools, Ints
from rating.holders import Holders


def refusals(held: Holders, cap: Ints, spared: Bools) -> Bools:
    """Calls that find no free channel on their trunk or site, in order of begin.

    Parameters
    ----------
    cap : channels of the trunk when each call is set up; shape (calls,)
    spared : calls that are always admitted, to emergency numbers; shape (calls,)

    Returns
    -------
    Bools
        Shape (calls,)
    """
    sites = held.sites
    site_cap = sites.channels[held.site] if len(sites) else np.zeros(len(cap), np.int64)
    at_site = np.where(held.site >= 0, held.at_site - site_cap, -1)
    at_trunk = np.where(held.at_trunk >= 0, held.at_trunk - cap, -1)
    rows = np.flatnonzero(((at_trunk >= 0) | (at_site >= 0)) & ~spared & held.holds)
    trunk = held.placed.trunk[rows]
    order = np.lexsort((held.at_trunk[rows], held.begin[rows], trunk))
    rows, trunk = rows[order], trunk[order]
    refused = np.zeros(len(cap), bool)
    up: dict[int, list[int]] = {}
    before = -1
    for row, of, begin, end, over, site, over_site in zip(
        rows.tolist(),
        trunk.tolist(),
        held.begin[rows].tolist(),
        held.placed.calls.release[rows].tolist(),
        at_trunk[rows].tolist(),
        held.site[rows].tolist(),
        at_site[rows].tolist(),
        strict=True,
    ):
        if of != before:
            before, up = of, {}
        whole = up.setdefault(-1, [])
        here = up.setdefault(site, []) if site >= 0 else whole
        for ends in (whole, here):
            while ends and ends[0] <= begin:
                heappop(ends)
        if over >= len(whole) or (site >= 0 and over_site >= len(here)):
            refused[row] = True
            heappush(whole, end)
            if site >= 0:
                heappush(here, end)
    return refused
