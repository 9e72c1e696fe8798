"""Erlang B against published tables, against sums of exact fractions, and at its edges."""

import math
from decimal import Decimal, localcontext
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rating.erlang import MOST, channels_needed, erlang_b, offered_load

TABLE = """
channels   0.1 %      1 %      2 %      5 %     10 %
       1 0.00100   0.0101  0.02041  0.05263  0.11111
       2 0.04576  0.15259  0.22347  0.38132  0.59543
       3 0.19384  0.45549  0.60221   0.8994   1.2708
       5 0.76212   1.3608   1.6571   2.2185   2.8811
      10   3.092   4.4612    5.084   6.2157   7.5106
      15  6.0772    8.108   9.0096   10.633   12.484
      20  9.4115   12.031   13.182   15.249   17.613
      30  16.684   20.337   21.932   24.802   28.113
      50  32.512   37.901   40.255   44.533   49.562
      75  53.511   60.728     63.9   69.738   76.741
     100  75.242   84.064   87.972    95.24   104.11
     210  174.84   189.42   196.07   208.89   225.38
     300  258.65   277.13   285.71   302.62   324.98
"""
"""Traffic offered to so many circuits at a loss, as tables of the Erlang loss formula print it (those of ITU,
which the tests of CPAN's Math::Telephony::ErlangB carry)."""

TWO_PERCENT = {3: 0.602, 9: 4.345, 15: 9.010, 31: 22.827, 43: 33.758, 59: 48.700, 89: 77.342}
"""Lucent Technologies, ERLANG-B CAPACITY TABLE: engineered traffic capacity for 2 % blocking."""

LOGARITHMS = {
    (100, 120): -1.62826407041,
    (10_000, 12_000): -1.78927734649,
    (100, 20): -84.1661482002,
    (100, 10_000): -0.01004931575,
}
"""(channels, load) -> ln B, as Mathematica's ErlangB gives it."""


def table() -> list[tuple[int, str, str]]:
    heads, *rows = [line.replace(" %", "%").split() for line in TABLE.strip().splitlines()]
    return [(int(row[0]), head, load) for row in rows for head, load in zip(heads[1:], row[1:], strict=True)]


def exact(load: Fraction, channels: int) -> Fraction:
    """The formula as Erlang wrote it."""
    terms = [load**k / math.factorial(k) for k in range(channels + 1)]
    return terms[-1] / sum(terms)


@pytest.mark.parametrize(("channels", "share", "load"), table())
def test_table_of_itu(channels: int, share: str, load: str) -> None:
    """A printed load is right to its last digit: a unit below it loses less, a unit above it more."""
    unit = 10 ** -len(load.partition(".")[2])
    expected = float(share.rstrip("%")) / 100
    below, above = erlang_b([float(load) - unit, float(load) + unit], channels)
    assert below <= expected <= above
    assert channels_needed(float(load) - unit, expected) == channels
    assert channels_needed(float(load) + unit, expected) == channels + 1


@pytest.mark.parametrize(("channels", "load"), TWO_PERCENT.items())
def test_table_of_lucent(channels: int, load: float) -> None:
    assert erlang_b(load, channels) == pytest.approx(0.02, abs=5e-5)


@pytest.mark.parametrize(("pair", "logarithm"), LOGARITHMS.items())
def test_values_of_mathematica(pair: tuple[int, int], logarithm: float) -> None:
    channels, load = pair
    assert math.log(erlang_b(load, channels)) == pytest.approx(logarithm, abs=1e-9)


def test_known_values() -> None:
    assert round(float(erlang_b(10, 10)), 4) == 0.2146
    assert round(float(erlang_b(0.5 / 0.7, 2)), 7) == 0.1295337  # R, package queueing
    assert round(float(erlang_b(25, 30)), 4) == 0.0526


def test_one_channel_is_busy_by_its_load() -> None:
    loads = np.array([0.01, 1, 3, 1e6])
    assert erlang_b(loads, 1) == pytest.approx(loads / (1 + loads), rel=1e-15)


@given(st.fractions(min_value="1/1000", max_value=40), st.integers(0, 25))
def test_is_the_formula_in_exact_fractions(load: Fraction, channels: int) -> None:
    assert float(erlang_b(float(load), channels)) == pytest.approx(
        float(exact(Fraction(float(load)), channels)), rel=1e-13
    )


@given(
    st.fractions(min_value="1/1000", max_value=12),
    st.fractions(min_value="1/5000", max_value="1/2").filter(lambda share: 0 < share < 1),
)
def test_channels_needed_are_the_least_that_do(load: Fraction, share: Fraction) -> None:
    load, share = Fraction(float(load)), Fraction(float(share))
    needed = int(channels_needed(float(load), float(share)))
    assert exact(load, needed) <= share * (1 + Fraction(1, 10**12))
    assert needed == 0 or exact(load, needed - 1) > share * (1 - Fraction(1, 10**12))


@pytest.mark.parametrize("load", [1, 9_000, 9_900, 10_000, 10_100, 40_000])
def test_ten_thousand_channels(load: int) -> None:
    """1/B is a sum of falling factorials, added up in 40 digits."""
    with localcontext() as context:
        context.prec = 40
        term = total = Decimal(1)
        for k in range(10_000):
            term = term * (10_000 - k) / load
            total += term
        expected = float(1 / total)
    assert float(erlang_b(load, 10_000)) == pytest.approx(expected, rel=1e-11, abs=0)


def test_channels_needed_for_ten_thousand_erlangs() -> None:
    needed = int(channels_needed(10_000, 0.01))
    below, at = erlang_b(10_000, [needed - 1, needed])
    assert at <= 0.01 < below


def test_more_channels_block_less_and_more_load_blocks_more() -> None:
    by_channels = erlang_b(50, np.arange(200))
    assert (np.diff(by_channels) < 0).all()
    by_load = erlang_b(np.linspace(0.1, 500, 300), 50)
    assert (np.diff(by_load) > 0).all()


def test_arrays_are_broadcast() -> None:
    found = erlang_b(np.array([[1.0], [5.0]]), np.array([0, 1, 10]))
    each = [[float(erlang_b(load, channels)) for channels in (0, 1, 10)] for load in (1, 5)]
    assert found.tolist() == each
    assert channels_needed(np.array([[1.0], [5.0]]), np.array([0.01, 0.001])).tolist() == [[5, 6], [11, 14]]


def test_edges() -> None:
    assert erlang_b([0, 7], 0).tolist() == [1, 1]
    assert erlang_b([0, 0], [1, 10_000]).tolist() == [0, 0]
    assert erlang_b(1e-300, 3) == 0
    assert erlang_b(1e300, 3) == pytest.approx(1)
    assert erlang_b(np.zeros(0), 3).shape == (0,)
    assert channels_needed([0, 1e-9, 1], [0.5, 0.01, 0.999]).tolist() == [0, 1, 1]
    assert channels_needed(1, 0.5) == 1  # exactly a half with one
    assert channels_needed(1e-12, 1e-300) == 24


def test_numbers_that_no_trunk_has_are_not_sought() -> None:
    assert channels_needed([1e9, 3], 0.01, most=50).tolist() == [51, 8]
    assert channels_needed(1e9, 0.5) == MOST + 1


@pytest.mark.parametrize("load", [-1e-9, math.nan, math.inf])
def test_a_load_that_is_none_is_refused(load: float) -> None:
    with pytest.raises(ValueError, match="load must be a number >= 0"):
        erlang_b([1, load], 3)
    with pytest.raises(ValueError, match="load must be a number >= 0"):
        channels_needed(load, 0.01)


def test_other_arguments_that_are_none_are_refused() -> None:
    with pytest.raises(ValueError, match="channels must be >= 0"):
        erlang_b(1, [3, -1])
    for share in (0, 1, -0.1, math.nan):
        with pytest.raises(ValueError, match="share must be above 0 and below 1"):
            channels_needed(1, share)


@given(st.integers(1, 50), st.integers(0, 50), st.integers(1, 600))
def test_offered_is_carried_by_the_share_that_got_through(seized: int, blocked: int, holding: int) -> None:
    """ITU-T E.501: carried / (1 - B), B being the share of the calls that were blocked."""
    carried = seized * holding / 3600
    offered = offered_load(np.array([carried]), np.array([blocked]), np.array([float(holding)]), 3600)
    assert offered[0] == pytest.approx(carried / (1 - blocked / (seized + blocked)), rel=1e-12)
