"""Proposed thresholds: against raw scores, and the coverage of their intervals by simulation."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import special

from sparkdrift.measures.operating_threshold import (
    LEAST_DECIDED,
    Present,
    estimated,
    lacking_labels,
    propose,
    reaches,
    realised,
    traded,
)
from sparkdrift.measures.score_bins import choose_edges, count

VALUES = (60.0, -25.0, -40.0, 1.0)
GOALS = (("precision", 0.75), ("recall", 0.8), ("capacity", 0.15), ("cost", np.nan))
PRESENT = 0.5


def draw(rng, n, shift=0.0, bent=0.8):
    x = rng.normal(-0.5 + shift, 1.3, n)
    return special.expit(x), (rng.random(n) < special.expit(bent * x - 0.2)).astype(float)


def by_brute_force(scores, labels, goal, level, values=VALUES):
    """The threshold from sorted raw scores, and what each of them reaches as thresholds."""
    order = np.argsort(-scores)
    s, y = scores[order], labels[order]
    tp, taken = y.cumsum(), np.arange(1, len(y) + 1)
    if goal == "precision":
        good = np.flatnonzero((tp / taken >= level) & (taken >= LEAST_DECIDED))
        return s[good[-1]]
    if goal == "recall":
        return s[np.flatnonzero(tp / y.sum() >= level)[0]]
    if goal == "capacity":
        return s[int(np.ceil(level * len(s))) - 1]
    a, b, c, e = values
    earned = a * tp + b * (taken - tp) + c * (y.sum() - tp) + e * (len(y) - taken - y.sum() + tp)
    return s[int(earned.argmax())]


def true_threshold(goal, level, shift, bent=0.8):
    """Of the distribution itself: on a fine grid of x, where rates and density are known."""
    x = np.linspace(-9, 9, 400_001)
    w = np.exp(-0.5 * ((x + 0.5 - shift) / 1.3) ** 2)
    w /= w.sum()
    pi = special.expit(bent * x - 0.2)
    taken, tp, pos = w[::-1].cumsum()[::-1], (w * pi)[::-1].cumsum()[::-1], (w * pi).sum()
    if goal == "precision":
        return special.expit(x[np.flatnonzero(tp / taken >= level)[0]])
    if goal == "recall":
        return special.expit(x[np.flatnonzero(tp / pos >= level)[-1]])
    if goal == "capacity":
        return special.expit(x[np.flatnonzero(taken >= level)[-1]])
    a, b, c, e = VALUES
    earned = a * tp + b * (taken - tp) + c * (pos - tp) + e * (1 - taken - pos + tp)
    return special.expit(x[int(earned.argmax())])


@pytest.mark.parametrize(("goal", "level"), GOALS)
def test_the_threshold_is_that_of_the_raw_scores(goal, level):
    rng = np.random.default_rng(81)
    known = draw(rng, 20_000)
    scores, labels = draw(rng, 200_000, 0.6)
    window = count(choose_edges(*known, [PRESENT]), scores, labels)
    found = propose(realised(window), goal, level, VALUES)
    expected = by_brute_force(scores, labels, goal, level)
    # Thresholds between which few rows lie are told apart by chance alone, the payoff's most.
    assert found.threshold.value == pytest.approx(expected, abs=0.03 if goal == "cost" else 0.004)
    assert found.threshold.low <= found.threshold.value <= found.threshold.high
    assert found.reason == ""


@pytest.mark.parametrize(("goal", "level"), GOALS)
def test_what_a_threshold_reaches_is_counted_from_rows(goal, level):
    rng = np.random.default_rng(82)
    scores, labels = draw(rng, 30_000)
    state = count(choose_edges(scores, labels, [PRESENT]), scores, labels)
    d, y = scores >= PRESENT, labels == 1
    worth = np.where(d, np.where(y, VALUES[0], VALUES[1]), np.where(y, VALUES[2], VALUES[3]))
    expected = {
        "precision": y[d].mean(),
        "recall": d[y].mean(),
        "capacity": d.mean(),
        "cost": worth.mean(),
    }[goal]
    found = reaches(realised(state), goal, PRESENT, VALUES)
    assert found.value == pytest.approx(expected, rel=1e-9)
    se = (found.high - found.value) / 1.96
    plain = {
        "precision": y[d].std() / np.sqrt(d.sum()),
        "recall": d[y].std() / np.sqrt(y.sum()),
        "capacity": d.std() / np.sqrt(len(d)),
        "cost": worth.std() / np.sqrt(len(d)),
    }[goal]
    assert se == pytest.approx(plain, rel=0.01)


def coverage(goal, level, n_eval, n, shift, runs, seed, *, labels_too):
    rng = np.random.default_rng(seed)
    true = true_threshold(goal, level, shift)
    hits, widths = [], []
    for _ in range(runs):
        known = draw(rng, n_eval)
        edges = choose_edges(*known, [PRESENT])
        scores, labels = draw(rng, n, shift)
        window = count(edges, scores, labels)
        present = realised(window) if labels_too else estimated(count(edges, *known), window)
        found = propose(present, goal, level, VALUES).threshold
        if np.isfinite(found.value):
            hits.append(found.low <= true <= found.high)
            widths.append(found.high - found.low)
    share = np.mean(hits)
    print(
        f"seed={seed} {goal} {level} n_eval={n_eval} n={n} shift={shift} labels={labels_too}: "
        f"true {true:.4f}, proposed {len(hits)} of {runs}, covered {share:.3f}, "
        f"mean width {np.mean(widths):.4f}"
    )
    return share


@pytest.mark.parametrize("labels_too", [True, False])
@pytest.mark.parametrize(("goal", "level"), GOALS)
def test_intervals_hold_the_true_threshold(goal, level, labels_too):
    share = coverage(goal, level, 10_000, 4000, 0.5, 300, 83, labels_too=labels_too)
    assert share >= 0.91


@pytest.mark.slow
@pytest.mark.parametrize("labels_too", [True, False])
@pytest.mark.parametrize(("n_eval", "n", "shift"), [(5000, 1500, -0.5), (20_000, 10_000, 0.7)])
@pytest.mark.parametrize(("goal", "level"), GOALS)
def test_intervals_hold_the_true_threshold_on_a_grid(goal, level, n_eval, n, shift, labels_too):
    share = coverage(goal, level, n_eval, n, shift, 1000, 84, labels_too=labels_too)
    assert share >= 0.92


def test_precision_of_scores_out_of_order_takes_the_lowest_threshold_that_reaches_it():
    scores = np.repeat([0.1, 0.3, 0.5, 0.7, 0.9], 400)
    labels = np.tile(np.arange(400) / 400, 5) < np.repeat([0.0, 0.1, 0.9, 0.4, 0.95], 400)
    state = count([0.2, 0.4, 0.6, 0.8], scores, labels.astype(float))
    found = propose(realised(state), "precision", 0.72)
    # From 0.6 on 0.675 are right, from 0.4 on 0.75, and 0.72 lies in the bin below that.
    assert 0.2 < found.threshold.value < 0.4
    assert found.reached.value == pytest.approx(0.72)
    assert found.threshold.low < found.threshold.value < found.threshold.high


@pytest.mark.parametrize("rows", [0, 50])
@pytest.mark.parametrize(("goal", "level"), GOALS)
def test_too_few_rows_give_a_reason(goal, level, rows):
    rng = np.random.default_rng(85)
    state = count([0.2, 0.5], *draw(rng, rows))
    found = propose(realised(state), goal, level, VALUES)
    assert np.isnan([*found.threshold, *found.reached]).all()
    assert found.reason == f"{rows} rows to rest on, at least 100 needed"


def test_what_no_threshold_reaches_is_said():
    rng = np.random.default_rng(86)
    scores = rng.random(5000)
    labels = (rng.random(5000) < 0.3).astype(float)
    state = count(choose_edges(scores, labels), scores, labels)
    found = propose(realised(state), "precision", 0.99)
    assert np.isnan(found.threshold.value)
    assert "reaches a precision of 0.99; the highest is 0." in found.reason
    everything = propose(realised(state), "precision", 0.1)
    assert everything.threshold.value == 0
    assert everything.reason == "every row is decided positive"
    rare = count(choose_edges(scores, labels), scores, np.where(scores < 0.999, 0.0, 1.0))
    assert (
        "positives to rest on, at least 30 needed" in propose(realised(rare), "recall", 0.9).reason
    )


def test_without_labels_and_rates_only_a_capacity_is_known():
    scores = np.random.default_rng(87).random(5000)
    state = count([0.2, 0.4, 0.6, 0.8], scores, np.full(5000, np.nan))
    present = estimated(state, state)
    assert propose(present, "capacity", 0.3).threshold.value == pytest.approx(0.7, abs=0.02)
    found = propose(present, "precision", 0.5)
    assert found.reason == "no row has a label, and the evaluation set lends no rates"


def test_a_payoff_that_never_pays_proposes_no_positive_decision():
    rng = np.random.default_rng(88)
    scores, labels = draw(rng, 5000)
    state = count(choose_edges(scores, labels), scores, labels)
    found = propose(realised(state), "cost", values=(-5.0, -10.0, 0.0, 0.0))
    assert found.threshold.value == 1
    assert found.reason == "no row is decided positive"


def test_what_is_not_accepted_is_said():
    state = count([0.5], [0.1] * 200, [0.0] * 200)
    with pytest.raises(ValueError, match=r"a recall of 0 given, accepted are numbers above 0"):
        propose(realised(state), "recall", 0)
    with pytest.raises(ValueError, match=r"four finite numbers"):
        propose(realised(state), "cost", values=(1.0, 2.0))
    with pytest.raises(ValueError, match=r"count both by the same edges"):
        estimated(state, count([0.4], [0.1], [0.0]))


def test_one_score_for_all_rows_is_not_cut():
    state = count(choose_edges([0.4] * 500, [0.0, 1.0] * 250), [0.4] * 500, [0.0, 1.0] * 250)
    present: Present = realised(state)
    found = propose(present, "capacity", 0.3)
    assert found.threshold.value == pytest.approx(0.4)


@pytest.mark.parametrize(("goal", "level"), GOALS)
def test_many_scores_of_exactly_nothing_are_no_warning(goal, level):
    """Their bin is as narrow as numbers can be, and warnings are errors here."""
    rng = np.random.default_rng(73)
    scores, labels = draw(rng, 4000)
    scores = np.where(rng.random(4000) < 0.2, 0.0, scores)
    window = count(choose_edges(scores, labels, [PRESENT]), scores, labels)
    found = propose(realised(window), goal, level, VALUES)
    right = by_brute_force(scores, labels, goal, level)
    assert found.threshold.low <= right <= found.threshold.high


def test_what_a_threshold_costs_is_counted_on_the_raw_rows():
    rng = np.random.default_rng(84)
    scores, labels = draw(rng, 50_000)
    edges = choose_edges(scores, labels, [0.3, 0.6])
    present = realised(count(edges, scores, labels))
    found = traded(present, "precision", 0.3, 0.6, VALUES)
    assert set(found) == {"recall", "accuracy", "capacity", "cost"}
    for side, threshold in enumerate((0.3, 0.6)):
        taken, yes = scores >= threshold, labels == 1
        cells = [(taken & yes), (taken & ~yes), (~taken & yes), (~taken & ~yes)]
        expected = {
            "recall": (taken & yes).sum() / yes.sum(),
            "accuracy": (taken == yes).mean(),
            "capacity": taken.mean(),
            "cost": np.dot(VALUES, [cell.mean() for cell in cells]),
        }
        for name, value in expected.items():
            figure = found[name][side]
            assert figure.value == pytest.approx(value), (name, threshold)
            assert figure.low < value < figure.high
    assert "cost" not in traded(present, "recall", 0.3, 0.6)


def partly(rng, scores, labels, share):
    """All labels of what was decided positive, and of `share` of the rest."""
    return np.where((scores >= PRESENT) | (rng.random(len(scores)) < share), labels, np.nan)


@pytest.mark.parametrize(("goal", "level"), GOALS)
def test_labels_of_what_was_decided_positive_stand_for_no_other_rows(goal, level):
    seed = 95
    rng = np.random.default_rng(seed)
    known, (scores, labels) = draw(rng, 10_000), draw(rng, 40_000)
    state = count(choose_edges(*known, [PRESENT]), scores, partly(rng, scores, labels, 0.02))
    assert lacking_labels(state) == "", seed
    present = realised(state)
    assert present.rows == 40_000
    found = propose(present, goal, level, VALUES)
    t = float(found.threshold.value)
    taken, yes = scores >= t, labels == 1
    cells = [(taken & yes), (taken & ~yes), (~taken & yes), (~taken & ~yes)]
    true = {
        "precision": yes[taken].mean(),
        "recall": taken[yes].mean(),
        "capacity": taken.mean(),
        "cost": np.dot(VALUES, [cell.mean() for cell in cells]),
    }[goal]
    wide = 2 * (found.reached.high - found.reached.low)
    assert true == pytest.approx(float(found.reached.value), abs=wide), (seed, t)
    if goal != "cost":
        assert true == pytest.approx(level, abs=0.03), (seed, t)


def test_complete_labels_are_counted_as_they_are():
    rng = np.random.default_rng(96)
    scores, labels = draw(rng, 2000)
    state = count(choose_edges(scores, labels, [PRESENT]), scores, labels)
    n, k = state.column("labelled"), state.column("positives")
    assert realised(state).pi[n > 0] == pytest.approx((k / np.where(n > 0, n, 1))[n > 0])


def test_too_few_labels_or_none_of_most_scores_is_a_reason():
    rng = np.random.default_rng(97)
    scores, labels = draw(rng, 6000)
    edges = choose_edges(scores, labels, [PRESENT])

    def of(kept):
        return lacking_labels(count(edges, scores, np.where(kept, labels, np.nan)))

    assert of(np.arange(6000) == 7) == "1 of 6,000 rows have a label, at least 100 needed"
    assert of(np.ones(6000, bool)) == ""
    decided = of(scores >= PRESENT)
    share = 100 * np.mean(scores < PRESENT)
    assert "% of the rows have scores of which hardly any row has a label" in decided
    assert float(decided.split()[0]) == pytest.approx(share, abs=3)
    assert "labels are positive, at least 30 needed" in of((labels == 0) | (scores > 0.98))
