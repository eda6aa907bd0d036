"""Sliced Wasserstein against SciPy per direction, raw vectors, and the Brownian bridge."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import integrate, stats

from sparkdrift.measures import numeric
from sparkdrift.measures import sliced_wasserstein as sw
from sparkdrift.measures.kll import Points


def points(values) -> Points:
    """An exact sketch."""
    held = np.sort(np.asarray(values, dtype=float))
    ends = float(held[0]), float(held[-1])
    return Points(held, np.arange(1.0, len(held) + 1), len(held), 400, False, *ends)


def directions(rng, dimension, k):
    drawn = rng.normal(size=(dimension, k))
    return drawn / np.linalg.norm(drawn, axis=0)


def measured(known, seen):
    """(sliced distance, scales) of projections (n, K) and (m, K)."""
    parts = [points(one) for one in known.T]
    spans = [numeric.span(one) for one in parts]
    scales = np.array([one.scale for one in spans])
    gaps = [numeric.gap(a, points(b)) for a, b in zip(parts, seen.T, strict=True)]
    found = [numeric.wasserstein(a, b) for a, b in zip(gaps, spans, strict=True)]
    return float(sw.sliced([found], scales)[0]), scales


@pytest.mark.parametrize("dimension", [2, 5, 40])
def test_against_scipy_on_each_projection_of_raw_vectors(dimension):
    rng = np.random.default_rng(dimension)
    known = rng.normal(size=(3000, dimension)) * np.linspace(1, 2, dimension)
    seen = rng.normal(size=(800, dimension)) * np.linspace(1, 2, dimension) + 0.4
    along = directions(rng, dimension, 12)
    found, scales = measured(known @ along, seen @ along)
    brute = np.mean([stats.wasserstein_distance(known @ u, seen @ u) for u in along.T])
    expected = brute / sw.common_scale(scales)
    assert found == pytest.approx(expected, rel=0.02)  # the clip at P0.1 and P99.9


def test_few_directions_estimate_many():
    """K = 8 stored directions against 2,000 on the sphere."""
    rng = np.random.default_rng(11)
    known, seen = rng.normal(size=(2000, 6)), rng.normal(size=(2000, 6)) + 0.5
    many = directions(rng, 6, 2000)
    each = np.array([stats.wasserstein_distance(known @ u, seen @ u) for u in many.T[:400]])
    assert each.mean() == pytest.approx(np.sqrt(6) * 0.5 * np.abs(many[0]).mean(), rel=0.1)
    few = [measured(known @ u, seen @ u)[0] for u in (directions(rng, 6, 8) for _ in range(20))]
    assert np.std(few) == pytest.approx(each.std() / np.sqrt(8), rel=0.5)
    assert np.mean(few) == pytest.approx(each.mean(), rel=0.12)


def test_laws_identical_order_and_unit():
    rng = np.random.default_rng(2)
    known, seen = rng.normal(size=(500, 8)), rng.normal(size=(300, 8)) + 0.3
    assert measured(known, known)[0] == 0
    found = measured(known, seen)[0]
    order = rng.permutation(8)
    assert measured(known[:, order], seen[:, order])[0] == pytest.approx(found)
    assert measured(7 * known, 7 * seen)[0] == pytest.approx(found)
    assert measured(known[rng.permutation(500)], seen)[0] == pytest.approx(found)


def test_the_expected_noise_of_a_bridge():
    normal, uniform = points(stats.norm.ppf((np.arange(20000) + 0.5) / 20000)), np.arange(20000)
    within = numeric.span(normal)
    spread = integrate.quad(lambda x: np.sqrt(stats.norm.cdf(x) * stats.norm.sf(x)), -3.09, 3.09)
    area = np.sqrt(2 / np.pi) * spread[0]
    assert area == pytest.approx(1.26, abs=0.01)
    assert sw.expected_noise(normal, within) == pytest.approx(area, rel=0.005)
    flat = points(uniform / 20000)
    unit = numeric.span(flat)
    assert sw.expected_noise(flat, unit) * unit.scale == pytest.approx(np.sqrt(np.pi / 32), 0.01)
    assert np.isnan(sw.expected_noise(None, within))


def test_bins_know_nearly_what_all_values_know():
    rng = np.random.default_rng(5)
    known = rng.normal(size=20000)
    within, edges = numeric.span(points(known)), np.quantile(known, np.arange(1, 10) / 10)
    count = np.bincount(np.searchsorted(edges, known), minlength=10)
    for shift, scale in ((0.3, 1.0), (0.0, 1.5)):
        seen = rng.normal(shift, scale, 5000)
        own = np.bincount(np.searchsorted(edges, seen), minlength=10)
        rough = sw.binned_wasserstein(edges, count, own[None], within)[0]
        exact = numeric.wasserstein(numeric.gap(points(known), points(seen)), within)
        assert rough == pytest.approx(exact, rel=0.2)
    assert sw.binned_wasserstein(edges, count, count[None] * 2.0, within)[0] == pytest.approx(0)
    assert np.isnan(sw.binned_wasserstein(edges, count, np.zeros((1, 10)), within)[0])


def test_binned_crossing_by_hand():
    """F - G is 0.2 at 1 and -0.2 at 2 within [0, 3]: three triangles and a crossing."""
    within = numeric.Span(0.0, 3.0, 1.0)
    found = sw.binned_wasserstein([1.0, 2.0], [5, 2, 3], [[3, 6, 1]], within)
    assert found[0] == pytest.approx(0.1 + 0.1 + 0.1)


def test_too_few_windows_give_the_reason():
    found = sw.judge_sliced(
        np.full(7, 0.1), np.full(7, 0.01), [0.5], [0.01], unit=0.7, directions=8
    )
    assert found.own.reason == "7 reference windows to compare, 8 needed"
    for name in ("distance", "p_unusual", "effect", "p_material", "power"):
        assert np.isnan(getattr(found, name)).all()


def test_a_window_without_a_projection_is_nan_beside_others():
    own = np.random.default_rng(0).uniform(0.05, 0.1, 20)
    found = sw.judge_sliced(
        own, np.full(20, 0.01), [np.nan, 0.9], [np.nan, 0.01], unit=0.7, directions=8
    )
    assert np.isnan(found.power[0])
    assert found.p_unusual[1] < 1e-6
    assert found.p_material[1] < 0.01
    assert found.low[1] < found.effect[1] < found.high[1]
