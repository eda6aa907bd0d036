"""Importances against scikit-learn, and their errors against repetition."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.ensemble import GradientBoostingClassifier
from sklearn.inspection import permutation_importance
from sklearn.linear_model import LinearRegression

from sparkdrift.measures import importance

SEED = 11


def rows(rng, n=3000, weights=(3.0, 1.0, 0.0)):
    x = [rng.normal(50, 10, n), rng.exponential(2, n), rng.normal(size=n)]
    category = rng.choice(["a", "b", "c"], n)
    z = sum(w * (one - one.mean()) / one.std() for w, one in zip(weights, x, strict=True))
    z = z + 2.0 * np.array([{"a": 1, "b": 0, "c": -1}[one] for one in category])
    return [*x, category.astype(object)], z + rng.normal(size=n)


def test_linear_is_scikit_learns_regression():
    rng = np.random.default_rng(SEED)
    columns, y = rows(rng)
    found = importance.linear(columns, y)
    dummies = [(columns[3] == one).astype(float) for one in "ab"]
    model = LinearRegression().fit(np.stack([*columns[:3], *dummies], axis=1), y)
    adds = [abs(model.coef_[i]) * columns[i].std() for i in range(3)]
    adds.append(np.std(dummies[0] * model.coef_[3] + dummies[1] * model.coef_[4]))
    np.testing.assert_allclose(found.values, np.array(adds) / np.sum(adds), atol=0.01)
    assert found.values[2] < 0.01
    assert found.concentration == pytest.approx((found.values**2).sum())


def test_permutation_ranks_as_scikit_learn_does():
    rng = np.random.default_rng(SEED)
    columns, y = rows(rng, 2000)
    found = importance.permutation(columns, y)
    codes = {"a": 0.0, "b": 1.0, "c": 2.0}
    plain = np.stack([*columns[:3], [codes[one] for one in columns[3]]], axis=1)
    above = y > np.median(y)
    model = GradientBoostingClassifier(n_estimators=60, random_state=0).fit(
        plain[:1500], above[:1500]
    )
    theirs = permutation_importance(
        model, plain[1500:], above[1500:], scoring="roc_auc", n_repeats=5, random_state=0
    ).importances_mean
    assert list(np.argsort(-found.values)) == list(np.argsort(-theirs))
    np.testing.assert_allclose(found.values, theirs / theirs.sum(), atol=0.06)


@pytest.mark.parametrize("estimate", [importance.linear, importance.permutation])
def test_errors_are_those_of_repetition(estimate):
    rng = np.random.default_rng(SEED)
    size, n = (60, 800) if estimate is importance.linear else (8, 500)
    found = [estimate(*rows(rng, n), seed=i) for i in range(size)]
    seen = np.std([one.values for one in found], axis=0)
    told = np.median([one.errors for one in found], axis=0)
    assert (told[[0, 1, 3]] > 0.5 * seen[[0, 1, 3]]).all(), (told, seen, SEED)
    assert (told[[0, 1, 3]] < 2.5 * seen[[0, 1, 3]]).all(), (told, seen, SEED)
    spread = np.std([one.concentration for one in found])
    assert 0.5 * spread < np.median([one.error for one in found]) < 2.5 * spread


def test_nulls_constants_and_infinities_count_for_nothing():
    rng = np.random.default_rng(SEED)
    columns, y = rows(rng, 1000)
    none = np.full(1000, np.nan)
    flat = np.full(1000, 7.0)
    odd = columns[0].copy()
    odd[::7], odd[3::11] = np.nan, np.inf
    empty = np.array([None] * 1000, dtype=object)
    for estimate in (importance.linear, importance.permutation):
        found = estimate([odd, none, flat, empty], y)
        assert found.values[0] == pytest.approx(1.0, abs=1e-6)
        np.testing.assert_allclose(found.values[1:], 0, atol=1e-9)


def test_what_can_not_be_estimated_has_a_reason():
    rng = np.random.default_rng(SEED)
    columns, y = rows(rng, 400)
    for given, reason in (
        ((columns, np.full(400, 0.5)), "the same in all rows"),
        (([one[:50] for one in columns], y[:50]), "50 rows to estimate from"),
        (([], y), "0 features"),
    ):
        found = importance.linear(*given)
        assert reason in found.reason
        assert np.isnan(found.concentration)
    noise = importance.linear([rng.normal(size=400)], rng.normal(size=400))
    assert noise.reason == "" or "beyond noise" in noise.reason


def test_shares_and_concentration():
    np.testing.assert_allclose(importance.shares([2, 1, 1]), [0.5, 0.25, 0.25])
    np.testing.assert_allclose(importance.shares([2, np.nan, 2]), [0.5, np.nan, 0.5])
    assert np.isnan(importance.shares([0, 0])).all()
    with pytest.raises(ValueError, match="negative"):
        importance.shares([1, -0.1])
    assert importance.concentration([0.25] * 4) == pytest.approx(0.25)
    assert importance.concentration([1, 0, 0]) == 1
    assert np.isnan(importance.concentration([np.nan, np.nan]))
