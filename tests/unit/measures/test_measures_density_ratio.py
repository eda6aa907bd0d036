"""Effective size, coverage and raking against brute force over rows and against simulation."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import optimize, special
from sklearn.metrics import roc_auc_score

from sparkdrift.measures import confusion, ranking
from sparkdrift.measures.density_ratio import Margin, coverage, ess_ratio, rake, reweighted
from sparkdrift.measures.score_bins import ScoreBins, choose_edges, count

SEED = 61


def test_ess_is_kishs_over_rows():
    rng = np.random.default_rng(SEED)
    v, w = rng.integers(1, 50, (2, 3, 20)).astype(float)
    for one, other, found in zip(v, w, ess_ratio(v, w), strict=True):
        weights = np.repeat(other / other.sum() / (one / one.sum()), one.astype(int))
        assert found == pytest.approx(weights.sum() ** 2 / (weights**2).sum() / len(weights))
    assert ess_ratio(v[0], 7 * v[0]) == pytest.approx(1)


def test_bins_without_evaluation_rows_go_to_coverage():
    v, w = [0, 29, 30, 100], [10, 20, 30, 40]
    assert coverage(v, w) == pytest.approx((0.1, 0.3))
    assert ess_ratio(v, w) == pytest.approx(ess_ratio(v[1:], w[1:]))
    for one, other in (([0, 0], [1, 2]), ([1, 2], [0, 0])):
        assert np.isnan(ess_ratio(one, other))
        assert np.isnan(coverage(one, other)).all()
    assert np.isnan(ess_ratio([3, 0], [0, 4]))
    assert coverage([3, 0], [0, 4]).outside == 1


def of_key(rows):
    """The margin of a key whose values are the rows of the cells, in this order."""
    return [Margin(range(len(rows)), rows)]


def test_raking_reaches_both_margins_and_averages_one():
    rng = np.random.default_rng(SEED)
    v = rng.integers(5, 40, (4, 12)).astype(float)
    rows, bins = rng.integers(50, 100, 4), rng.integers(20, 40, 12)
    found = rake(v, of_key(rows), bins)
    assert found.reason == ""
    weighted = found.weights * v
    np.testing.assert_allclose(weighted.sum(1) / v.sum(), rows / rows.sum(), atol=1e-8)
    np.testing.assert_allclose(weighted.sum(0) / v.sum(), bins / bins.sum(), atol=1e-8)
    each = np.repeat(found.weights.ravel(), v.astype(int).ravel())
    assert found.ess_ratio == pytest.approx(each.sum() ** 2 / (each**2).sum() / len(each))
    # One slice: plain post-stratification, whose effective size is `ess_ratio`.
    alone = rake(v[:1], [], bins)
    assert alone.ess_ratio == pytest.approx(float(ess_ratio(v[0], bins)))


@pytest.mark.parametrize("seed", range(5))
def test_raking_is_the_least_change_that_reaches_both_margins(seed):
    """Of all weights with these margins those nearest to 1 (Kullback-Leibler): by its dual, which
    has no iteration over margins in it."""
    rng = np.random.default_rng(seed)
    v = rng.integers(5, 60, (5, 20)).astype(float)
    rows, bins = rng.integers(20, 100, 5), rng.integers(20, 60, 20)
    r, c, q = rows / rows.sum(), bins / bins.sum(), v / v.sum()

    def dual(x):
        fitted = q * np.exp(x[:5, None] + x[5:])
        slope = np.concatenate([fitted.sum(axis=1) - r, fitted.sum(axis=0) - c])
        return fitted.sum() - x[:5] @ r - x[5:] @ c, slope

    best = optimize.minimize(dual, np.zeros(25), jac=True, method="BFGS", options={"gtol": 1e-10})
    expected = np.exp(best.x[:5, None] + best.x[5:])
    found = rake(v, of_key(rows), bins)
    assert found.reason == "", seed
    np.testing.assert_allclose(found.weights, expected, rtol=1e-6, err_msg=f"seed {seed}")
    kish = (expected * v).sum() ** 2 / (v.sum() * (expected**2 * v).sum())
    assert found.ess_ratio == pytest.approx(kish, rel=1e-6)
    # Below the limit it is refused, above it is not.
    assert rake(v, of_key(rows), bins, least=kish - 1e-6).reason == ""
    assert "% of its rows once weighted" in rake(v, of_key(rows), bins, least=kish + 1e-6).reason


@pytest.mark.parametrize("seed", range(3))
def test_several_keys_are_raked_to_at_once(seed):
    """Combinations of two keys, not all of them there, against the same dual; a value of one that
    the set lacks is told."""
    rng = np.random.default_rng(seed)
    combined = np.array([(i, j) for i in range(3) for j in range(4) if (i, j) != (0, 3)])
    v = rng.integers(5, 60, (11, 6)).astype(float)
    one, other, bins = (rng.integers(40, 60, n).astype(float) for n in (3, 4, 6))
    targets = [part / part.sum() for part in (one, other, bins)]
    at = [*combined.T[:, :, None], np.arange(6)[None]]
    q, starts = v / v.sum(), np.cumsum([0, 3, 4])

    def dual(x):
        fitted = q * np.exp(sum(x[s + i] for s, i in zip(starts, at, strict=True)))
        have = [np.zeros(len(part)) for part in targets]
        for margin, i in zip(have, at, strict=True):
            np.add.at(margin, np.broadcast_to(i, fitted.shape), fitted)
        value = fitted.sum() - x @ np.concatenate(targets)
        return value, np.concatenate(have) - np.concatenate(targets)

    best = optimize.minimize(dual, np.zeros(13), jac=True, method="BFGS", options={"gtol": 1e-10})
    expected = np.exp(sum(best.x[s + i] for s, i in zip(starts, at, strict=True)))
    keys = [Margin(combined[:, 0], one), Margin(combined[:, 1], [*other, 0])]
    found = rake(v, keys, bins)
    assert (found.reason, found.outside) == ("", 0), seed
    np.testing.assert_allclose(found.weights, expected, rtol=1e-6, err_msg=f"seed {seed}")
    lacking = rake(v, [keys[0], Margin(combined[:, 1], [*other, other.sum() / 9])], bins)
    assert lacking.outside == pytest.approx(0.1)
    np.testing.assert_allclose(lacking.weights, expected, rtol=1e-6)


def test_it_is_refused_with_the_reason():
    v = np.array([[50.0, 50], [50, 50]])
    for cells, rows, bins, reason in (
        (np.zeros((2, 2)), [1, 1], [1, 1], "no rows in the evaluation set"),
        (v, [0, 0], [1, 1], "no rows in the evaluation set or in the window"),
        (np.array([[0.0, 0], [50, 50]]), [9, 0], [1, 1], "no row in any slice"),
        (np.array([[50.0, 0], [0, 50]]), [9, 1], [1, 9], "no weights give"),
        (np.array([[1000.0, 10], [1000, 10]]), [1, 1], [1, 9], "% of its rows once weighted"),
    ):
        found = rake(cells, of_key(rows), bins)
        assert reason in found.reason
        assert np.isnan(found.weights).all()
    part = rake(np.array([[50.0, 50, 0]]), [], [40, 50, 10])
    assert (part.reason, part.outside) == ("", pytest.approx(0.1))


def draw(rng, n, shift, share):
    """Scores, labels and a slice: what a score means depends on the slice."""
    part = (rng.random(n) < share).astype(int)
    x = rng.normal(shift, 1.2, n)
    labels = rng.random(n) < special.expit(x - 1.2 * part)
    return special.expit(x), labels.astype(float), part


def test_reweighted_metrics_are_productions_and_their_intervals_cover():
    rng = np.random.default_rng(SEED)
    edges = choose_edges(*draw(rng, 20_000, 0.0, 0.3)[:2], [0.5], class_bins=16)
    scores, labels, _ = draw(rng, 400_000, 0.3, 0.6)
    truth = {
        "accuracy": np.mean((scores >= 0.5) == labels),
        "recall": np.mean(scores[labels == 1] >= 0.5),
        "auc": roc_auc_score(labels, scores),
    }
    hits, plain, runs = dict.fromkeys(truth, 0.0), dict.fromkeys(truth, 0.0), 300
    for _ in range(runs):
        scores, labels, part = draw(rng, 3000, 0.0, 0.3)
        slices = [count(edges, scores[part == s], labels[part == s]) for s in (0, 1)]
        known = ScoreBins(
            edges, np.stack([s.cells for s in slices]), np.stack([s.unusable for s in slices])
        )
        scores, _, part = draw(rng, 20_000, 0.3, 0.6)
        window = count(edges, scores)
        raked = rake(known.column("rows"), of_key(np.bincount(part)), window.column("rows"))
        assert raked.reason == ""
        for tally, state in ((hits, reweighted(known, raked)), (plain, slices[0] + slices[1])):
            cells = confusion.at_threshold(state, 0.5)
            yes = state.column("positives")
            figures = {
                "accuracy": confusion.accuracy(cells),
                "recall": confusion.recall(cells),
                "auc": ranking.roc_auc(yes, state.column("labelled") - yes),
            }
            for name, figure in figures.items():
                tally[name] += float(figure.low <= truth[name] <= figure.high) / runs
    print(f"seed={SEED} reweighted {hits}, as it is {plain}")
    assert min(hits.values()) >= 0.92, hits
    assert plain["accuracy"] < 0.5, plain


def test_refused_weights_give_no_figure_and_other_shapes_an_error():
    state = count([0.5], [0.2, 0.7], [0, 1])
    known = ScoreBins(state.edges, state.cells[None], state.unusable[None])
    refused = rake(np.zeros((1, 2)), [], [1, 1])
    cells = confusion.at_threshold(reweighted(known, refused), 0.5)
    assert np.isnan(confusion.accuracy(cells)).all()
    with pytest.raises(ValueError, match="rake the same slices"):
        reweighted(state, refused)
