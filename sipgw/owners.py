"""Whose a number is at an instant: what rating.accounts finds by columns, for a call that waits."""

from __future__ import annotations

from bisect import bisect_right

from rating.accounts import Accounts

Run = tuple[int, int, int, int]
"""Last key of a run of numbers, when its customer has it (from, to) [ns], and the customer."""


class Owners:
    """Runs of numbers, ascending, in layers inside which no two overlap.

    A number that changes hands stands in several layers, of which the last that holds it tells.
    """

    def __init__(self, accounts: Accounts) -> None:
        columns = (
            accounts.owner_low,
            accounts.owner_high,
            accounts.owner_start,
            accounts.owner_end,
            accounts.owner_customer,
        )
        self._layers: list[tuple[list[int], list[Run]]] = []
        for low, *run in sorted(zip(*(column.tolist() for column in columns), strict=True)):
            self._place(low, (run[0], run[1], run[2], run[3]))

    def _place(self, low: int, run: Run) -> None:
        for lows, runs in self._layers:
            if runs[-1][0] < low:
                lows.append(low)
                runs.append(run)
                return
        self._layers.append(([low], [run]))

    def of(self, number: int, now: int) -> int:
        """The customer that has a number at an instant, -1 for nobody."""
        if number <= 0:
            return -1
        for lows, runs in reversed(self._layers):
            at = bisect_right(lows, number) - 1
            if at < 0:
                continue
            high, start, end, customer = runs[at]
            if number <= high and start <= now < end:
                return customer
        return -1
