"""Labels of some rows: drawn by lot they stand for all, selected by the score they don't."""

from __future__ import annotations

import numpy as np
import pytest

from sparkdrift.measures.label_selection import LEVEL, apart


def counts(rng, scores, labelled):
    at = np.minimum((scores * 100).astype(int), 99)
    return [np.bincount(at[one], minlength=100) for one in (labelled, np.full(len(scores), True))]


@pytest.mark.parametrize("share", [0.03, 0.3, 0.9])
@pytest.mark.parametrize("n", [500, 5000])
def test_labels_by_lot_are_rarely_taken_for_selected_ones(n, share):
    seed, runs = 301, 1000
    rng = np.random.default_rng(seed)
    drawn = [counts(rng, s, rng.random(n) < share) for s in rng.beta(1, 3, (runs, n))]
    labelled, rows = (np.array(side) for side in zip(*drawn, strict=True))
    false = np.mean(apart(labelled, rows) > 0)
    # Three standard errors.
    assert false <= LEVEL + 3 * np.sqrt(LEVEL / runs), (seed, n, share, false)


@pytest.mark.parametrize(("n", "rest"), [(300, 0.0), (1000, 0.3), (20_000, 0.8)])
def test_labels_of_high_scores_alone_are_told(n, rest):
    seed = 302
    rng = np.random.default_rng(seed)
    scores = rng.random(n)
    found = apart(*counts(rng, scores, (scores > 0.5) | (rng.random(n) < rest)))
    kept = 0.5 + rest / 2
    assert found == pytest.approx(0.5 / kept - 0.5, abs=0.05), seed


def test_complete_labels_and_none_are_alike():
    rows = np.full(20, 100)
    assert apart(rows, rows) == 0
    assert apart(0 * rows, rows) == 0
    # Nearly complete: what is missing may be anywhere.
    assert apart(np.where(np.arange(20) < 1, 10, 100), rows) == 0
    assert apart(np.where(np.arange(20) < 3, 10, 100), rows) > 0.1
    assert apart(np.zeros((3, 20)), np.zeros((3, 20))).tolist() == [0, 0, 0]


def test_what_can_move_no_metric_is_no_matter_however_many_rows():
    rows = np.full(20, 1_000_000)
    labelled = np.where(np.arange(20) < 10, 510_000, 490_000)
    assert apart(labelled, rows) == 0
    assert apart(np.where(np.arange(20) < 10, 530_000, 470_000), rows) == pytest.approx(0.03)
