"""AUC and average precision of score bins against scikit-learn on the rows."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from pyarrow import parquet
from scipy import stats
from sklearn.metrics import average_precision_score, roc_auc_score

from sparkdrift.measures.ranking import (
    auc_bar,
    average_precision,
    average_precision_bounds,
    roc_auc,
)
from sparkdrift.measures.score_bins import choose_edges, count

CAR_LOAN = Path(__file__).parents[2] / "data" / "car_loan.parquet"


def draw(kind, n, seed):
    rng = np.random.default_rng(seed)
    if kind == "rare":
        labels = rng.random(n) < 0.01
        return rng.beta(1 + 3 * labels, 30), labels
    if kind == "rounded":
        scores = np.round(rng.beta(2, 3, n), 2)
    elif kind == "few values":
        scores = rng.choice([0.1, 0.3, 0.35, 0.9], n)
    else:
        scores = rng.beta(0.3, 0.3, n)
    return scores, rng.random(n) < scores


def sides(state):
    yes = state.column("positives")
    return yes, state.column("labelled") - yes


@pytest.mark.parametrize("kind", ["rare", "rounded", "few values", "extreme"])
@pytest.mark.parametrize("seed", range(3))
def test_binned_figures_are_within_their_bars(kind, seed):
    edges = choose_edges(*draw(kind, 20_000, 100 + seed))
    scores, labels = draw(kind, 20_000, seed)
    yes, no = sides(count(edges, scores, labels))
    exact = roc_auc_score(labels, scores)
    off = abs(roc_auc(yes, no).value - exact)
    bar = auc_bar(yes, no)
    assert off <= bar
    # What the bar allows is hardly ever used: bins are ranked inside as well.
    assert off < 0.0005, (kind, seed, off)
    least, most = average_precision_bounds(yes, no)
    precise = average_precision_score(labels, scores)
    if kind != "few values":
        assert bar < 1 / 128 + 0.003 or kind == "rounded"
        assert least - 1e-9 <= precise <= most + 1e-9, (kind, seed)
        found = average_precision(yes, no)
        # Small beside what chance does to it. Of tied scores scikit-learn takes the end.
        most_off = 0.4 if kind == "rounded" else 0.2
        assert abs(found.value - precise) < most_off * (found.high - found.value), (kind, seed)


def test_single_rows_per_bin_are_exact():
    scores, labels = draw("extreme", 300, 5)
    edges = np.sort(scores)
    yes, no = sides(count(edges, scores, labels))
    assert roc_auc(yes, no).value == pytest.approx(roc_auc_score(labels, scores), abs=1e-12)
    least, most = average_precision_bounds(yes, no)
    exact = average_precision_score(labels, scores)
    assert least == pytest.approx(exact, abs=1e-12)
    assert most == pytest.approx(exact, abs=1e-12)


def test_auc_is_mann_whitneys_statistic_and_its_error_delongs():
    scores, labels = draw("few values", 500, 6)
    yes, no = sides(count([0.2, 0.32, 0.5], scores, labels))
    one, other = scores[labels], scores[~labels]
    u = stats.mannwhitneyu(one, other).statistic
    found = roc_auc(yes, no)
    assert found.value == pytest.approx(u / (len(one) * len(other)), abs=1e-12)
    # DeLong by brute force over all pairs.
    wins = (one[:, None] > other) + 0.5 * (one[:, None] == other)
    variance = wins.mean(1).var(ddof=1) / len(one) + wins.mean(0).var(ddof=1) / len(other)
    a = found.value
    around = 1.959964 * np.sqrt(variance) / (a * (1 - a))
    low, high = (1 / (1 + np.exp(-(np.log(a / (1 - a)) + s * around))) for s in (-1, 1))
    assert (found.low, found.high) == pytest.approx((low, high), rel=1e-6)


def test_one_class_is_not_measured():
    for yes, no in (([0, 0], [3, 1]), ([2, 1], [0, 0]), ([0, 0], [0, 0])):
        assert np.isnan(roc_auc(yes, no)).all()
        assert np.isnan(average_precision(yes, no)).all()
        assert np.isnan(auc_bar(yes, no))
    one = roc_auc([0, 1], [3, 1])
    assert one.value == pytest.approx(0.875)
    assert np.isnan([one.low, one.high]).all()


def test_many_windows_at_once_are_each_alone():
    rng = np.random.default_rng(9)
    yes, no = rng.integers(0, 9, (2, 3, 4, 10)).astype(float)
    for metric in (roc_auc, average_precision):
        whole = metric(yes, no)
        for at in np.ndindex(3, 4):
            np.testing.assert_allclose([part[at] for part in whole], metric(yes[at], no[at]))


def test_intervals_cover():
    rng = np.random.default_rng(10)
    edges = choose_edges(*draw("rounded", 100_000, 11))
    p = count(edges, *draw("rounded", 400_000, 12))
    yes, no = sides(p)
    cells = np.concatenate([yes, no])
    drawn = rng.multinomial(800, cells / cells.sum(), size=3000).astype(float)
    found = roc_auc(*np.split(drawn, 2, axis=-1))
    truth = roc_auc(yes, no).value
    covered = np.mean((found.low <= truth) & (truth <= found.high))
    assert 0.935 <= covered <= 0.965, covered


def test_real_scores_rank_as_scikit_learn_says_in_every_chunk():
    table = parquet.read_table(CAR_LOAN, columns=["chunk", "y_pred_proba", "repaid"])
    chunk, scores, labels = (column.to_numpy().astype(float) for column in table.columns)
    known = chunk == -1
    edges = choose_edges(scores[known], labels[known], [0.5])
    for one in range(10):
        rows = chunk == one
        yes, no = sides(count(edges, scores[rows], labels[rows]))
        off = abs(roc_auc(yes, no).value - roc_auc_score(labels[rows], scores[rows]))
        assert off <= auc_bar(yes, no)
        assert off < 0.0005, (one, off)


@pytest.mark.parametrize(("positives", "negatives"), [(2, 1000), (1000, 2), (2, 28), (300, 300)])
def test_a_perfect_ranking_of_few_rows_is_not_certain(positives, negatives):
    """All rows of a class in one bin show no spread: the interval must not shrink to a point."""
    yes, no = [0.0, positives], [float(negatives), 0.0]
    auc = roc_auc(yes, no)
    few = min(positives, negatives)
    low, high = proportion_ci(few, few)
    assert (auc.value, auc.high) == (1.0, high)
    assert auc.low == pytest.approx(low)
    precision = average_precision(yes, no)
    assert precision.value == 1.0
    assert precision.low == pytest.approx(proportion_ci(positives, positives)[0])


def proportion_ci(x, n):
    found = stats.binomtest(x, n).proportion_ci(method="wilson")
    return found.low, found.high
