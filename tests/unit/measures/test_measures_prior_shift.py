"""The prior by EM against the iteration itself and against simulation."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import special

from sparkdrift.measures.prior_shift import _groups, em_prior, misfit, reweighted_probability
from sparkdrift.measures.score_bins import choose_edges, count

NAN = float("nan")


def draw(rng, n, prior):
    labels = rng.random(n) < prior
    return special.expit(rng.normal(np.where(labels, 0.8, -0.8), 1.0)), labels.astype(float)


def test_it_is_where_saerens_iteration_ends():
    rng = np.random.default_rng(51)
    n = np.full(6, 500.0)
    k = np.array([100.0, 150, 200, 250, 300, 350])
    rows = rng.multinomial(3000, np.array([1, 1, 2, 4, 6, 5]) / 19)
    c = 0.5 / 6
    f1, f0 = (k + c) / (k + c).sum(), (n - k + c) / (n - k + c).sum()
    before = t = 0.4
    pi = before * f1 / (before * f1 + (1 - before) * f0)
    for _ in range(5000):
        up, down = t / before * pi, (1 - t) / (1 - before) * (1 - pi)
        t = (rows * up / (up + down)).sum() / rows.sum()
    assert em_prior(n, k, rows).value == pytest.approx(t, abs=1e-9)
    np.testing.assert_allclose(
        reweighted_probability(pi, before, t), t * f1 / (t * f1 + (1 - t) * f0), rtol=1e-7
    )


# Two points is what chance leaves of these scores (AUC .87) in 10,000 rows; in 4,000 it is three.
@pytest.mark.parametrize(("n_eval", "n", "within"), [(10_000, 4000, 0.03), (20_000, 10_000, 0.02)])
@pytest.mark.parametrize("now", [0.05, 0.3, 0.6])
def test_the_prior_is_found_within_two_points_and_the_interval_covers(now, n_eval, n, within):
    seed = 52
    rng = np.random.default_rng(seed)
    found = []
    for _ in range(200):
        scores, labels = draw(rng, n_eval, 0.3)
        edges = choose_edges(scores, labels)
        known = count(edges, scores, labels)
        window = count(edges, draw(rng, n, now)[0])
        args = known.column("labelled"), known.column("positives"), window.column("rows")
        found.append(em_prior(*args))
    value, low, high = np.array(found).T
    off = np.abs(value - now)
    worst = np.quantile(off, 0.95)
    print(f"seed={seed} now={now} n={n}: bias {value.mean() - now:.4f}, 95 % within {worst:.4f}")
    assert abs(value.mean() - now) < 0.003, seed
    assert worst < within, (worst, seed)
    covered = np.mean((low <= now) & (now <= high))
    assert 0.905 <= covered <= 0.99, (covered, seed)


@pytest.mark.parametrize("now", [0.0, 1.0])
def test_a_window_of_one_class_has_a_narrow_interval_with_that_end(now):
    rng = np.random.default_rng(53)
    scores, labels = draw(rng, 10_000, 0.3)
    edges = choose_edges(scores, labels)
    known = count(edges, scores, labels)
    window = count(edges, draw(rng, 4000, now)[0])
    found = em_prior(known.column("labelled"), known.column("positives"), window.column("rows"))
    assert abs(found.value - now) < 0.02
    assert found.high - found.low < 0.06
    assert found.low <= now + 0.01
    assert found.high >= now - 0.01


def test_what_cannot_be_told_is_not_measured():
    n = np.full(4, 100.0)
    same = np.full(4, 30.0)
    for labelled, yes, rows in (
        (n, same, n),  # the classes look alike
        (n, n, n),  # one class
        (n, [1, 5, 50, 90], np.zeros(4)),
        ([10.0, 10], [1.0, 9], [5.0, 5]),  # too few labelled rows for two bins
    ):
        assert np.isnan(em_prior(labelled, yes, rows)).all()
    assert np.isnan(reweighted_probability([0.4, 0.5], 0.0, 0.3)).all()


def test_groups_hold_enough_rows_of_the_rarer_class_and_what_is_left():
    labelled = np.array([49.0, 49, 49, 49, 1000, 3])
    # Fifty rows, twenty of either class, and a twentieth of the rarer one.
    assert _groups(labelled, np.array([12.0, 10, 3, 16, 300, 0])).tolist() == [0, 0, 1, 1, 1, 1]
    assert _groups(labelled, np.array([21.0, 21, 21, 21, 300, 0])).tolist() == [0, 0, 1, 1, 2, 2]
    # Of 44 positives a third is enough.
    few = np.array([8.0, 7, 3, 12, 14, 0])
    assert _groups(labelled, few).tolist() == [0, 0, 1, 1, 1, 1]
    # The rarer class is the negative one, and too rare for two groups.
    assert _groups(labelled, labelled - 1).tolist() == [0] * 6
    # Of the commoner class a group has twenty as well.
    pure = np.array([50.0, 45, 49, 3, 0, 0]), np.array([0.0, 0, 20, 3, 0, 0])
    assert _groups(pure[0] * 10, pure[0] * 10 - pure[1]).max() == 0
    assert _groups(np.full(40, 100.0), np.full(40, 50.0)).max() == 19


@pytest.mark.parametrize("now", [0.02, 0.05])
@pytest.mark.parametrize(("prior", "n_eval"), [(0.02, 10_000), (0.1, 2000)])
def test_the_prior_of_a_rare_class_is_not_drawn_up(prior, n_eval, now):
    """Half a positive more in each of forty groups told 2.4 % of 2 %."""
    seed = 54
    rng = np.random.default_rng(seed)
    found = []
    for _ in range(200):
        scores, labels = draw(rng, n_eval, prior)
        edges = choose_edges(scores, labels)
        known = count(edges, scores, labels)
        window = count(edges, draw(rng, 5000, now)[0])
        args = known.column("labelled"), known.column("positives"), window.column("rows")
        found.append(em_prior(*args))
    value, low, high = np.array(found).T
    bias, covered = value.mean() - now, np.mean((low <= now) & (now <= high))
    print(f"seed={seed} prior={prior} n={n_eval} now={now}: {bias:+.4f}, covered {covered:.3f}")
    assert abs(bias) < 0.0025, (seed, bias)
    assert covered > 0.88, (seed, covered)


@pytest.mark.parametrize(("prior", "now"), [(0.05, 0.3), (0.5, 0.1), (0.3, 0.3)])
@pytest.mark.parametrize(("n_eval", "n"), [(2000, 400), (20_000, 10_000)])
def test_another_mix_of_the_same_classes_fits(prior, now, n_eval, n):
    rng, runs = np.random.default_rng(58), 100
    told = 0
    for _ in range(runs):
        scores, labels = draw(rng, n_eval, prior)
        known = count(choose_edges(scores, labels), scores, labels)
        window = count(known.edges, *draw(rng, n, now))
        state = known.column("labelled"), known.column("positives"), window.column("rows")
        told += misfit(*state) > 0
    assert told <= 5, f"seed 58: {told} of {runs}"


@pytest.mark.parametrize(
    ("shift", "spread", "least"), [(0.9, 1.0, 0.5), (0.0, 0.7, 0.95), (0.0, 1.3, 0.95)]
)
def test_scores_that_moved_as_a_whole_are_no_mix(shift, spread, least):
    rng, runs = np.random.default_rng(59), 40
    told = 0
    for _ in range(runs):
        scores, labels = draw(rng, 5000, 0.3)
        known = count(choose_edges(scores, labels), scores, labels)
        moved = special.expit(spread * special.logit(draw(rng, 2000, 0.3)[0]) + shift)
        rows = count(known.edges, moved).column("rows")
        told += misfit(known.column("labelled"), known.column("positives"), rows) > 0
    assert told >= least * runs, f"seed 59: {told} of {runs}"


def test_a_window_without_rows_or_a_set_of_one_class_is_no_misfit():
    n, k = np.full(6, 500.0), np.array([100.0, 150, 200, 250, 300, 350])
    assert misfit(n, k, np.zeros(6)) == 0
    assert misfit(n, np.zeros(6), n) == 0
    assert misfit(n[:2], k[:2], n[:2]) == 0
