"""The domain classifier: AUC against scikit-learn and a bootstrap, planted shifts, NULLs."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn import metrics
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.model_selection import cross_val_predict

from sparkdrift.measures import boosting
from sparkdrift.measures.domain_classifier import (
    auc_with_error,
    best_auc,
    null_error,
    shift_of,
    tell_apart,
)


def normals(rng, rows, features, rho=0.0):
    """Standard normals, the first two correlated: the marginals are the same for every rho."""
    x = rng.normal(size=(rows, features))
    x[:, 1] = rho * x[:, 0] + np.sqrt(1 - rho**2) * x[:, 1]
    return {f"x{j}": x[:, j] for j in range(features)}


@pytest.mark.parametrize("ties", [False, True])
def test_auc_against_scikit_learn_and_its_error_against_a_bootstrap(ties):
    rng = np.random.default_rng(7)
    labels = np.repeat([0.0, 1.0], [300, 200])
    scores = rng.normal(size=500) + 0.4 * labels
    scores = np.round(scores) if ties else scores
    auc, error = auc_with_error(scores, labels)
    assert auc == pytest.approx(metrics.roc_auc_score(labels, scores))
    drawn = np.empty(600)
    for i in range(600):
        rows = np.concatenate([rng.integers(0, 300, 300), rng.integers(300, 500, 200)])
        drawn[i] = metrics.roc_auc_score(labels[rows], scores[rows])
    assert error == pytest.approx(drawn.std(), rel=0.1)
    if not ties:
        same, unsure = auc_with_error(rng.normal(size=500), labels)
        assert unsure == pytest.approx(null_error(300, 200), rel=0.05)
        assert abs(same - 0.5) < 4 * unsure


def test_auc_at_the_ends():
    assert auc_with_error([0, 1, 2, 3], [0, 0, 1, 1]) == (1, 0)
    assert auc_with_error([1, 1, 1, 1], [0, 0, 1, 1])[0] == 0.5
    assert np.isnan(auc_with_error([1, 2, 3], [0, 1, 1])).all()
    assert best_auc(0.32) == pytest.approx(0.59, abs=0.001)
    assert [shift_of(best_auc(one)) for one in (0.32, 1.5)] == pytest.approx([0.32, 1.5])
    assert shift_of(0.4) == 0
    assert shift_of(1.0) > 5


def test_a_dependence_with_the_same_marginals_is_found_and_named():
    rng = np.random.default_rng(1)
    found = tell_apart(normals(rng, 2000, 8), normals(rng, 2000, 8, rho=0.5))
    assert found.p_unusual < 1e-10
    assert found.p_material < 0.01
    assert {name for name, _ in found.features[:2]} == {"x0", "x1"}
    assert found.features[1][1] > 3 * ([*found.features, ("", 0.0)][2][1])
    assert found.low < found.auc < found.high


def test_a_dependence_that_no_correlation_shows():
    """The sign of x0 x1 is that of a third draw in one sample and 1 in the other: |r| is 0."""
    rng = np.random.default_rng(2)

    def ring(rows, folded):
        x, e = rng.normal(size=(2, rows))
        other = np.abs(x) if folded else np.abs(rng.normal(size=rows))
        return {"x": x, "y": other + 0.5 * e, "z": rng.normal(size=rows)}

    found = tell_apart(ring(2000, False), ring(2000, True))
    assert found.p_unusual < 1e-10
    assert {name for name, _ in found.features[:2]} == {"x", "y"}


def test_exclusive_or_of_categories():
    rng = np.random.default_rng(3)

    def rows(linked):
        a = rng.choice(["red", "blue"], 1500)
        b = rng.choice(["cat", "dog"], 1500)
        if linked:
            follow = rng.random(1500) < 0.4
            b = np.where(follow, np.where(a == "red", "cat", "dog"), b)
        return {"a": a, "b": b, "c": rng.choice(["u", "v", "w"], 1500)}

    found = tell_apart(rows(False), rows(True))
    assert found.p_unusual < 1e-6
    assert {name for name, _ in found.features[:2]} == {"a", "b"}


def test_nothing_is_found_where_nothing_is():
    rng = np.random.default_rng(4)
    found = tell_apart(normals(rng, 3000, 6, rho=0.5), normals(rng, 3000, 6, rho=0.5))
    assert found.p_unusual > 0.01
    assert found.p_material > 0.99
    assert found.power == pytest.approx(0.55, abs=0.03)  # 5,000 rows a side make it 0.8


def test_null_is_a_value():
    rng = np.random.default_rng(5)

    def rows(share, kind):
        values = rng.choice(["a", "b"], 1000).astype(object) if kind else rng.normal(size=1000)
        values[rng.random(1000) < share] = None if kind else np.nan
        return {"x": values, "y": rng.normal(size=1000)}

    for kind in (False, True):
        found = tell_apart(rows(0.05, kind), rows(0.3, kind))
        assert found.p_unusual < 1e-6
        assert found.features[0][0] == "x"


def test_constant_null_and_infinite_features_tell_nothing_and_break_nothing():
    rng = np.random.default_rng(6)
    side = {
        "constant": np.ones(300),
        "nothing": np.full(300, np.nan),
        "none": np.full(300, None),
        "ends": np.repeat([-np.inf, 0.0, np.inf], 100),
    }
    found = tell_apart(side, side)
    assert 0.3 < found.auc < 0.7
    only = {"constant": np.ones(300)}
    assert tell_apart(only, only).auc == 0.5
    assert tell_apart(only, only).p_unusual == 0.5
    assert rng is not None


def test_rows_are_bounded_and_the_draw_seeded():
    rng = np.random.default_rng(8)
    sides = normals(rng, 3000, 3), normals(rng, 900, 3)
    first = tell_apart(*sides, most_rows=1000, seed=3)
    assert first.rows == (1000, 900)
    assert tell_apart(*sides, most_rows=1000, seed=3) == first
    assert tell_apart(*sides, most_rows=1000, seed=4) != first


def test_too_few_rows_are_a_reason():
    rng = np.random.default_rng(9)
    found = tell_apart(normals(rng, 1000, 2), normals(rng, 199, 2))
    assert found.reason == "199 rows on one side, 200 needed to learn from"
    assert np.isnan([found.auc, found.p_unusual, found.power]).all()


@pytest.mark.parametrize(
    ("window", "message"),
    [
        ({"b": [1.0]}, "features on one side only: a, b"),
        ({"a": [1.0], "b": [1.0]}, "features on one side only: b"),
    ],
)
def test_features_must_be_the_same(window, message):
    with pytest.raises(ValueError, match=message):
        tell_apart({"a": [1.0]}, window)
    many = {f"x{i}": [0.0] for i in range(101)}
    with pytest.raises(ValueError, match="101 features, 1 to 100 accepted"):
        tell_apart(many, many)
    with pytest.raises(ValueError, match="features of 1 to 2 rows"):
        tell_apart({"a": [1.0], "b": [1.0, 2.0]}, {"a": [1.0], "b": [1.0, 2.0]})


def test_no_worse_than_scikit_learns_trees():
    """Dependence among ten features: its trees have 31 leaves, but choose roots one by one."""
    rng = np.random.default_rng(10)
    sides = normals(rng, 1500, 10), normals(rng, 1500, 10, rho=0.5)
    ours = tell_apart(*sides)
    x = np.concatenate([np.stack(list(one.values()), axis=1) for one in sides])
    labels = np.repeat([0, 1], 1500)
    theirs = cross_val_predict(
        HistGradientBoostingClassifier(max_iter=50, random_state=0),
        x,
        labels,
        method="predict_proba",
    )[:, 1]
    assert ours.auc > metrics.roc_auc_score(labels, theirs) - 2 * ours.error


def test_scores_are_log_odds():
    rng = np.random.default_rng(11)
    codes = rng.integers(1, 3, size=(4000, 1))
    labels = (rng.random(4000) < np.where(codes[:, 0] == 1, 0.4, 0.6)).astype(float)
    features = boosting.Features(codes, np.array([False]))
    trees = boosting.fit(features, labels, trees=60)
    found = boosting.scores(trees, np.array([[1], [2]]))
    assert trees
    np.testing.assert_allclose(np.diff(found), 2 * np.log(1.5), rtol=0.2)
