from __future__ import annotations

from dataclasses import replace

import datasketches
import numpy as np
import pytest
from scipy import stats

from sparkdrift.measures.kll import read_kll
from sparkdrift.measures.numeric import (
    Span,
    ending_at,
    gap,
    ks,
    ks_error,
    ks_pvalue,
    moved_to,
    span,
    tail_figures,
    tails,
    wasserstein,
    wasserstein_error,
)
from sparkdrift.measures.sketch_error import rank_error


def points(values, k=8000):
    made = datasketches.kll_doubles_sketch(k)
    made.update(np.array(values, dtype=float))
    return read_kll(made.serialize())


RNG = np.random.default_rng(8)
PAIRS = {
    "shifted": (RNG.normal(size=900), RNG.normal(0.3, 1, 700)),
    "rounded": (RNG.normal(size=900).round(1), RNG.normal(0.1, 1, 70).round(1)),
    "apart": (RNG.uniform(0, 1, 50), RNG.uniform(2, 3, 40)),
    "skewed": (RNG.exponential(size=500), RNG.exponential(1.5, 800)),
}


@pytest.mark.parametrize("pair", PAIRS)
def test_against_scipy(pair):
    a, b = PAIRS[pair]
    assert ks(gap(points(a), points(b))) == pytest.approx(stats.ks_2samp(a, b).statistic, abs=1e-12)
    whole = Span(min(a.min(), b.min()), max(a.max(), b.max()), 1.0)
    expected = stats.wasserstein_distance(a, b)
    assert wasserstein(gap(points(a), points(b)), whole) == pytest.approx(expected, rel=1e-9)


@pytest.mark.parametrize(("n", "m"), [(30, 1000), (200, 300), (5000, 100_000)])
def test_ks_pvalue_against_scipy(n, m):
    size = n * m / (n + m)
    for statistic in np.array([0.5, 1.0, 1.36, 1.63, 2.0]) / np.sqrt(size):
        exact = stats.kstwo.sf(statistic, round(size))
        assert ks_pvalue(statistic, n, m) == pytest.approx(exact, rel=0.12, abs=1e-4)


def test_ks_pvalue_grows_with_sketch_noise():
    assert ks_pvalue(0.01, 10**6, 10**6, 200) > ks_pvalue(0.01, 10**6, 10**6, np.inf)
    alone = ks_pvalue(rank_error(200), 10**12, 10**12, 200)
    assert alone == pytest.approx(0.01, rel=0.02)
    assert np.isnan(ks_pvalue(0.1, 0, 10))
    assert np.isnan(ks_pvalue(np.nan, 10, 10))
    assert ks_pvalue(0.0, 10, 10) == 1


def test_clip_and_scale():
    values = np.arange(1.0, 10_001)
    area = span(points(values, 20_000))
    assert (area.low, area.high) == (10, 9990)
    assert area.scale == pytest.approx(5000 / 1.349)
    far = np.append(values[:-1], 1e12)
    assert wasserstein(gap(points(values, 20_000), points(far, 20_000)), area) < 1e-3


def test_scale_falls_back():
    mostly = points([0.0] * 900 + [5.0] * 100)
    assert span(mostly, sd=1.5).scale == 1.5
    assert span(mostly).scale == pytest.approx(1.5)
    assert span(mostly, sd=0.0).scale == 5.0
    constant = points([2.0] * 10)
    assert np.isnan(span(constant).scale)
    assert np.isnan(wasserstein(gap(constant, points([3.0])), span(constant)))
    assert ks(gap(constant, points([3.0]))) == 1


def test_offset_values_keep_their_deviation():
    stamps = 1.7e18 + np.array([0.0] * 80 + [1e9] * 20)
    assert span(points(stamps)).scale == pytest.approx(4e8, rel=1e-3)


def test_empty_sides_are_nan():
    held = points([1.0, 2.0])
    for a, b in ((None, held), (held, None), (held, points([np.inf]))):
        assert np.isnan(ks(gap(a, b)))
        assert np.isnan(wasserstein(gap(a, b), span(a)))
        assert np.isnan(tails(b, span(a)).maximum)
        assert np.isnan(tails(b, span(a)).out_of_range)
    assert np.isnan(span(None).scale)


def test_error_bars():
    assert ks_error(np.inf, np.inf) == 0
    assert ks_error(200, 400) == pytest.approx(rank_error(200) + rank_error(400))
    area = Span(0.0, 10.0, 2.0)
    found = gap(points([0.0, 10.0]), points([4.0, 20.0]))
    assert wasserstein_error(found, area, 0.01, wasserstein(found, area)) == pytest.approx(5 * 0.01)
    assert wasserstein_error(found, area, 0.0, wasserstein(found, area)) == 0
    assert np.isnan(wasserstein_error(found, span(None), 0.01, np.nan))
    assert np.isnan(wasserstein_error(None, area, 0.01, np.nan))


def test_the_ends_and_the_unit_of_a_sketch_are_part_of_the_bar():
    """By hand: |F - G| is 0.5 from 0 to 4 and from 10 to 20, 0 between."""
    found = gap(points([0.0, 10.0]), points([4.0, 20.0]))
    area = Span(1.0, 12.0, 2.0, lows=(0.0, 5.0), highs=(11.0, 13.0), slack=0.1)
    assert wasserstein(found, area) == pytest.approx((1.5 + 1.0) / 2)
    bar = (4 * 0.5 + 2 * 0.5) / 2 + 0.1 * 1.25
    assert wasserstein_error(found, area, 0.0, 1.25) == pytest.approx(bar)


def test_an_earlier_window_is_measured_within_the_reference():
    known, earlier = points(RNG.normal(size=2000), 200), points([1.0, 4.0, 9.0])
    area, moved = span(known), moved_to(span(known), earlier)
    assert (moved.minimum, moved.median, moved.maximum) == (1.0, 4.0, 9.0)
    assert area.lows is not None
    kept = ("low", "high", "scale", "lows", "highs", "slack")
    assert [getattr(moved, name) for name in kept] == [getattr(area, name) for name in kept]
    assert np.isnan(moved_to(area, None).median)


def test_a_window_beyond_the_reference_has_a_bar_that_holds():
    """The clip is a quantile of a sketch, which is most of the error of a window above it.

    With the curves' own bar alone, 91 of 100 sketches were outside it, by up to 22 times.
    """
    a, b = RNG.exponential(size=30_000), RNG.exponential(size=3000) + 8
    low, first, third, high = np.quantile(a, [0.001, 0.25, 0.75, 0.999], method="inverted_cdf")
    clipped = np.clip(a, low, high), np.clip(b, low, high)
    exact = stats.wasserstein_distance(*clipped) / ((third - first) / 1.349)
    for _ in range(20):
        p, q = points(a, 400), points(b, 400)
        found, area = gap(p, q), span(p)
        distance, eps = wasserstein(found, area), float(ks_error(p.error_k, q.error_k))
        assert abs(distance - exact) < wasserstein_error(found, area, eps, distance)


@pytest.mark.parametrize(("low", "high"), [(-9, 9), (0.5, 1.5), (1, 2), (3, 3), (7, 9), (-9, -8)])
def test_areas_between_any_two_places(low, high):
    a, b = np.array([0.0, 1.0, 1.0, 2.0, 5.0]), np.array([1.0, 2.0, 2.0, 3.0])
    expected = stats.wasserstein_distance(np.clip(a, low, high), np.clip(b, low, high))
    within = Span(low, high, 1.0)
    assert wasserstein(gap(points(a), points(b)), within) == pytest.approx(expected, abs=1e-12)


def test_sketched_distances_stay_within_their_bars():
    a, b = RNG.normal(size=60_000), RNG.normal(0.2, 1, 60_000)
    p, q = points(a, 200), points(b, 200)
    bar = ks_error(p.error_k, q.error_k)
    assert abs(ks(gap(p, q)) - stats.ks_2samp(a, b).statistic) < 2 * bar
    area = span(p)
    exact = wasserstein(gap(points(a, 60_001), points(b, 60_001)), area)
    found = gap(p, q)
    distance = wasserstein(found, area)
    assert abs(distance - exact) < 2 * wasserstein_error(found, area, float(bar), distance)


def test_shift_of_a_normal():
    """Section 2: delta sd <=> KS 2 Phi(delta/2) - 1, W1 delta, PSI delta^2."""
    grid = stats.norm.ppf((np.arange(20_000) + 0.5) / 20_000)
    a, b = points(grid, 20_001), points(grid + 0.32, 20_001)
    assert ks(gap(a, b)) == pytest.approx(2 * stats.norm.cdf(0.16) - 1, abs=2e-4)
    assert ks(gap(a, b)) == pytest.approx(0.126, abs=2e-3)
    assert wasserstein(gap(a, b), span(a)) == pytest.approx(0.32, abs=3e-3)
    assert tails(b, span(a)).median == pytest.approx(0.32, abs=1e-3)


def test_tails():
    values = np.arange(1.0, 1001)
    seen = np.append(values[:-10], np.full(10, 5000.0))
    figures = tails(points(seen), span(points(values)))
    assert figures.out_of_range == pytest.approx(0.01)
    assert figures.maximum == pytest.approx(4000 / (500 / 1.349), rel=1e-2)
    assert figures.minimum == 0
    assert figures.p999 > 0
    assert (figures.p001_error, figures.p999_error) == (0, 0)
    shown = tail_figures([figures, tails(None, span(points(values)))])
    assert shown["max_shift"][0] == figures.maximum
    assert all(np.isnan(one[1]) for one in shown.values())


@pytest.mark.parametrize("k", [64, 200, 1600])
def test_the_outermost_quantiles_of_sketches_lie_within_their_error(k):
    """Exact on raw rows, within the stated error by sketches on both sides."""
    rng = np.random.default_rng(k)
    held, seen = rng.lognormal(size=40_000), 1.5 * rng.lognormal(size=30_000)
    exact = tails(points(seen, 2**16 - 1), span(points(held, 2**16 - 1)))
    unit = span(points(held, 2**16 - 1)).scale
    at = {"q": [0.001, 0.999], "method": "inverted_cdf"}
    p001, p999 = np.quantile(seen, **at) - np.quantile(held, **at)
    assert exact.p999 == pytest.approx(p999 / unit, rel=1e-9)
    assert exact.p001 == pytest.approx(p001 / unit, rel=1e-9)
    assert (exact.p999_error, exact.maximum) == (0, (seen.max() - held.max()) / unit)
    found = tails(points(seen, k), replace(span(points(held, k)), scale=unit))
    assert found.maximum == exact.maximum
    assert found.p999_error > 0
    assert abs(found.p999 - exact.p999) <= found.p999_error
    assert abs(found.p001 - exact.p001) <= found.p001_error


def test_against_an_earlier_window_its_own_quantiles_count():
    reference, earlier = np.arange(1.0, 1001), np.arange(1.0, 1001) + 300
    within = moved_to(span(points(reference)), points(earlier))
    again = tails(points(earlier), ending_at(within, points(earlier)))
    assert (again.p001, again.p999, again.minimum, again.maximum) == (0, 0, 0, 0)
    assert ending_at(within, None) == within


def test_a_single_row_out_of_range_counts():
    held = points(np.arange(1000.0))
    many = points(np.append(np.random.default_rng(1).uniform(0, 999, 50_000), 1e6), 50)
    assert tails(many, span(held)).out_of_range >= 1 / 50_001
