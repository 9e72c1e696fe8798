"""Erlang B: how likely a call finds all channels busy, and how many channels keep that rare.

The model: calls arrive at random from many callers, and a call that finds no channel is gone. Loads are
statistics, not money: floats serve.

References
----------
.. [1] A. K. Erlang, "Solution of some problems in the theory of probabilities of significance in automatic
   telephone exchanges", Elektroteknikeren 13 (1917).
.. [2] ITU-T E.520: circuits are provided by the Erlang B formula, 1 % lost in the mean busy hour.
.. [3] ITU-T E.501: traffic offered, estimated from traffic carried and calls blocked.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from rating.arrays import Ints

Floats = npt.NDArray[np.float64]

MOST = 100_000
"""Channels that are tried at most: what an accounts file may give a trunk."""


def erlang_b(load: npt.ArrayLike, channels: npt.ArrayLike) -> Floats:
    """Share of calls that find all channels busy.

    The inverse of the formula, 1/B(n) = 1 + n/load × 1/B(n - 1) from 1/B(0) = 1: every term is positive, so
    nothing cancels, and it neither needs factorials nor fails on 10,000 channels.

    Parameters
    ----------
    load : float array >= 0
        Traffic offered. [Erlang]
    channels : int array >= 0
        Both are broadcast to one shape.

    Returns
    -------
    float array
        From 0 to 1; 1 without a channel, 0 without a load; 0 where it is below the least float.

    Raises
    ------
    ValueError
        A load that is negative or no number, a negative number of channels.

    Examples
    --------
    >>> erlang_b([10, 4.4612], 10).round(4)
    array([0.2146, 0.01  ])
    """
    loads, counts = np.broadcast_arrays(_checked(load), np.asarray(channels, np.int64))
    if (counts < 0).any():
        raise ValueError("channels must be >= 0")
    inverse = np.ones(loads.shape)
    with np.errstate(divide="ignore", over="ignore"):
        for n in range(1, int(counts.max(initial=0)) + 1):
            inverse = np.where(n <= counts, 1 + n / loads * inverse, inverse)
    return 1 / inverse


def channels_needed(load: npt.ArrayLike, share: npt.ArrayLike, most: int = MOST) -> Ints:
    """Least number of channels with which no more than a share of the calls is blocked.

    Parameters
    ----------
    load : float array >= 0
        Traffic offered. [Erlang]
    share : float array, 0 < share < 1
        Grade of service: 0.01 lets one call in a hundred be blocked.
    most : int
        Numbers beyond are not tried.

    Returns
    -------
    int64 array
        0 where there is no load; most + 1 where `most` channels do not do.

    Raises
    ------
    ValueError
        A load that is negative or no number, a share outside (0, 1).

    Examples
    --------
    >>> channels_needed([10, 84.06, 0], 0.01)
    array([ 18, 100,   0])
    """
    loads, shares = np.broadcast_arrays(_checked(load), np.asarray(share, np.float64))
    if not ((shares > 0) & (shares < 1)).all():
        raise ValueError("share must be above 0 and below 1")
    inverse = np.ones(loads.shape)
    needed = np.where(loads > 0, most + 1, 0)
    n = 0
    with np.errstate(divide="ignore", over="ignore"):
        while n < most and (needed > most).any():
            n += 1
            inverse = 1 + n / loads * inverse
            needed = np.where((needed > most) & (1 / inverse <= shares), n, needed)
    return needed


def offered_load(carried: Floats, blocked: Ints, holding: Floats, length: npt.ArrayLike) -> Floats:
    """Traffic offered: that carried, and what the blocked calls would have been.

    Each blocked call counts as one of the mean holding time of those that got a channel. Callers who try
    again are counted each time, so the estimate is rather high where much was blocked.

    Parameters
    ----------
    carried : float array
        Traffic carried. [Erlang]
    blocked : int array
        Calls that got no channel.
    holding : float array
        Mean time for which a call holds its channel. [s]
    length : float array
        Time in which they were blocked. [s]

    Returns
    -------
    float array
        [Erlang]

    References
    ----------
    .. [1] ITU-T E.501, only-path circuit group with significant congestion, no repeated attempts assumed:
       carried / (1 - share of calls blocked), where the means are those of the same time.

    Examples
    --------
    Three Erlangs carried in an hour, and 20 calls blocked that would have taken three minutes each:

    >>> offered_load(np.array([3.0]), np.array([20]), np.array([180.0]), 3600)
    array([4.])
    """
    return carried + blocked * holding / np.asarray(length, np.float64)


def _checked(load: npt.ArrayLike) -> Floats:
    loads = np.asarray(load, np.float64)
    if not (np.isfinite(loads) & (loads >= 0)).all():
        raise ValueError("load must be a number >= 0")
    return loads
