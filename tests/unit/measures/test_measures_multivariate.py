"""The joint shift: its parts against SciPy and brute force, its laws, and when it is silent."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from sparkdrift.measures import evidence, own_windows, variation
from sparkdrift.measures.binned import d_statistic
from sparkdrift.measures.multivariate import (
    Terms,
    joint_shift,
    marginal_terms,
    together,
)

V = 20


def bins_of(rng, windows, n=500, shift=0.0):
    """(windows, 10) counts of a uniform feature."""
    shares = np.full(10, 0.1) + shift * np.linspace(-0.05, 0.05, 10)
    return rng.multinomial(n, shares, size=windows).astype(float)


def against(known, windows):
    varies = variation.benign_variation(known)
    s = 1 / windows.sum(axis=1) + 1 / known.sum()
    d = d_statistic(known.sum(axis=0), windows)
    p = evidence.p_unusual(d, s, 10, varies.tau2, varies.w_eff, varies.square)
    return Terms(*(one[:, None] for one in (d, s, np.full(len(d), 9.0), p)))


@pytest.fixture(scope="module")
def features():
    rng = np.random.default_rng(4)
    return [(bins_of(rng, V), bins_of(rng, 3)) for _ in range(6)]


def judged(features, **more):
    own = together([marginal_terms(known) for known, _ in features])
    return joint_shift(own, together([against(*one) for one in features]), **more)


def test_a_reference_window_is_held_against_all_others(features):
    known = features[0][0]
    terms = marginal_terms(known)
    rest = np.delete(known, 3, axis=0)
    d = d_statistic(rest.sum(axis=0), known[3])
    s = 1 / known[3].sum() + 1 / rest.sum()
    assert terms.d[3, 0] == pytest.approx(d)
    assert terms.s[3, 0] == pytest.approx(s)
    others = [i for i in range(V) if i != 3]
    tau2 = max(0.0, float((terms.d - 9 * terms.s)[others].mean()))
    varies = variation.benign_variation(known)
    p = evidence.p_unusual(d, s, 10, tau2, varies.w_eff, varies.square)
    assert terms.p[3, 0] == pytest.approx(float(p))


def test_the_order_of_features_does_not_matter(features):
    one, other = judged(features), judged(features[::-1])
    for name in ("joint", "p_unusual", "effect", "p_material", "power"):
        np.testing.assert_allclose(getattr(one, name), getattr(other, name))


def test_the_same_distribution_is_a_small_figure_without_effect(features):
    alike = [(known, known.sum(axis=0)[None] / V) for known, _ in features]
    found = judged(alike)
    assert found.joint[0] < 0.05
    assert found.effect[0] == 0
    assert found.p_unusual[0] > 0.9


def test_many_small_shifts_add_up_to_one_that_is_found():
    rng = np.random.default_rng(8)
    known = [bins_of(rng, V) for _ in range(20)]
    moved = [bins_of(rng, 1, shift=0.7) for _ in range(20)]  # D of 0.05 is 0.02 each
    found = judged(list(zip(known, moved, strict=True)))
    alone = [float(against(a, b).p[0, 0]) for a, b in zip(known, moved, strict=True)]
    assert found.p_unusual[0] < 1e-6 < min(alone)
    assert found.p_material[0] < 0.01


def test_the_figure_is_the_average_of_logarithms(features):
    seen = together([against(*one) for one in features])
    expected = -np.log(seen.p).mean(axis=1)
    np.testing.assert_allclose(judged(features).joint, expected)
    fisher = stats.combine_pvalues(seen.p[0], "fisher").statistic
    assert judged(features).joint[0] == pytest.approx(fisher / 2 / len(features))


def test_effect_of_a_single_feature_is_that_of_the_feature():
    rng = np.random.default_rng(9)
    known, new = bins_of(rng, V), bins_of(rng, 1, shift=1.0)
    found, terms = judged([(known, new)]), against(known, new)
    value = evidence.effect(terms.d[:, 0], terms.s[:, 0], 10)[0]
    np.testing.assert_allclose(found.effect, value)


def test_a_feature_four_times_over_has_the_degrees_of_freedom_of_one():
    rng = np.random.default_rng(14)
    known = bins_of(rng, V) + bins_of(rng, V, shift=1.0) * rng.integers(0, 2, (V, 1))
    pair = (known, bins_of(rng, 1, n=1000))
    once, often = judged([pair]), judged([pair] * 4)
    assert once.degrees[0] < 9
    np.testing.assert_allclose(often.degrees, np.maximum(once.degrees, 1), rtol=1e-9)
    assert often.distance[0] == pytest.approx(4 * once.distance[0])
    assert often.joint[0] == pytest.approx(once.joint[0])


def test_independent_features_have_their_own_degrees_of_freedom(features):
    own = together([marginal_terms(known) for known, _ in features])
    spread = own.d.sum(axis=1).var(ddof=1) / (2 * (own.free * own.s**2).sum(axis=1).mean())
    found = judged(features)
    assert found.degrees[0] == pytest.approx(54 / max(1, spread), rel=0.01)
    free, s = (together([against(*one) for one in features]).__dict__[k] for k in ("free", "s"))
    np.testing.assert_allclose(found.degrees * found.noise, (free * s).sum(axis=1))


def test_too_few_windows_is_a_reason_and_no_figure(features):
    few = [(known[: own_windows.LEAST_WINDOWS - 1], new) for known, new in features]
    found = judged(few)
    assert found.own.reason == "7 reference windows to compare, 8 needed"
    for name in ("joint", "p_unusual", "effect", "p_material", "power", "distance"):
        assert np.isnan(getattr(found, name)).all()


def test_a_window_with_most_features_missing_is_not_measured(features):
    own = together([marginal_terms(known) for known, _ in features])
    seen = together([against(*one) for one in features])
    for values in (seen.d, seen.s, seen.free, seen.p):
        values[0, :4] = np.nan
        values[1, :3] = np.nan
    found = joint_shift(own, seen)
    assert np.isnan(found.joint[0])
    assert np.isnan(found.power[0])
    assert np.isfinite(found.joint[1:]).all()
    assert found.used.tolist() == [2, 3, 6]


def test_own_windows_of_a_scaled_chi_square():
    rng = np.random.default_rng(3)
    own = own_windows.own_windows(rng.chisquare(12, 4000) / 12)
    assert own.free == pytest.approx(12, rel=0.12)
    q = stats.chi2.isf([0.5, 0.1, 0.01], 12) / 12
    np.testing.assert_allclose(own_windows.p_unusual(q, own), [0.5, 0.1, 0.01], rtol=0.15)
    at = own_windows.critical(own, 0.01)
    assert own_windows.p_unusual(at, own) == pytest.approx(0.01)
    assert own_windows.own_windows(rng.chisquare(12, 30), 5.0).free == 5.0
    assert np.isnan(own_windows.p_unusual(1.0, own_windows.own_windows([1.0] * 7)))
    assert own_windows.own_windows(np.zeros(9)).reason
