"""Score bins against the rows they are made of."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sparkdrift.measures import score_bins
from sparkdrift.measures.score_bins import COLUMNS, above, choose_edges, count

NAN = float("nan")
ROWS = st.lists(
    st.tuples(
        st.sampled_from([0.0, 0.1, 0.25, 0.5, 0.7, 1.0, -0.1, 1.5, NAN]),
        st.sampled_from([0.0, 1.0, 2.0, NAN]),
        st.sampled_from([0.0, 1.0, NAN]),
    ),
    max_size=30,
)
EDGES = [0.25, 0.5, 0.9]


def state_of(rows):
    columns = np.array(rows, dtype=float).reshape(-1, 3).T
    return count(EDGES, *columns)


@given(ROWS, ROWS)
def test_merging_is_counting_together(one, other):
    merged, whole = state_of(one) + state_of(other), state_of(one + other)
    np.testing.assert_allclose(merged.cells, whole.cells, atol=1e-12)
    np.testing.assert_array_equal(merged.unusable, whole.unusable)


@given(ROWS)
def test_every_row_is_binned_or_counted_as_unusable(rows):
    state = state_of(rows)
    assert state.total("rows") + state.unusable[:2].sum() == len(rows)
    used = [row for row in rows if 0 <= row[0] <= 1]
    cells = dict.fromkeys(COLUMNS, 0.0)
    for score, label, made in used:
        known, decided = label in (0, 1), made in (0, 1)
        cells["rows"] += 1
        cells["score_sum"] += score
        cells["decisions"] += decided
        cells["decided"] += made == 1
        if known:
            cells["labelled"] += 1
            cells["positives"] += label == 1
            cells["labelled_score_sum"] += score
            cells["squared_loss"] += (score - label) ** 2
        if known and decided:
            cells[{(1, 1): "tp", (1, 0): "fp", (0, 1): "fn", (0, 0): "tn"}[made, label]] += 1
    for name, expected in cells.items():
        assert state.total(name) == pytest.approx(expected), name
    assert state.unusable[2] == sum(label == 2 for _, label, _ in rows)


def test_an_edge_cuts_as_the_threshold_does():
    scores = np.array([0.2, 0.3, np.nextafter(0.3, 0), 0.31, 1.0, 0.0])
    edges = choose_edges(scores, [0, 1, 0, 1, 1, 0], thresholds=[0.3, 0.0, 1.0])
    state = count(edges, scores)
    for threshold in (0.0, 0.3, 1.0):
        taken = (state.column("rows") * above(edges, threshold)).sum()
        assert taken == (scores >= threshold).sum(), threshold


def test_a_threshold_that_is_no_edge_is_refused_with_the_next_step():
    with pytest.raises(ValueError, match=r"0\.4 is not one of the 3 edges: add it to"):
        above(EDGES, 0.4)


def test_a_frequent_score_gets_a_bin_of_its_own():
    rng = np.random.default_rng(7)
    scores = np.where(rng.random(5000) < 0.3, 0.42, rng.random(5000))
    edges = choose_edges(scores, rng.integers(0, 2, 5000))
    state = count(edges, scores)
    b = np.searchsorted(edges, 0.42, side="right")
    assert state.column("rows")[b] == (scores == 0.42).sum()


def test_no_bin_holds_much_of_a_class_however_rare():
    rng = np.random.default_rng(8)
    labels = (rng.random(200_000) < 0.003).astype(float)
    scores = rng.beta(1 + 4 * labels, 20)
    state = count(choose_edges(scores, labels), scores, labels)
    yes = state.column("positives")
    no = state.column("labelled") - yes
    for part in (yes, no):
        # Quantiles of n rows: a bin can hold one row more.
        assert part.max() <= part.sum() / score_bins.CLASS_BINS + 1


def test_few_rows_have_no_bins_of_their_own():
    rng = np.random.default_rng(9)
    scores = rng.random(3000)
    labels = np.zeros(3000)
    labels[:40] = 1
    edges = choose_edges(scores, labels)
    assert not np.isin(np.nextafter(scores[:40], 1), edges).any()
    # 13 parts of three positives each, 64 of the others.
    assert len(edges) == 12 + 63
    # Bins of ten rows on average, whatever the classes.
    assert len(choose_edges(scores[:400], rng.integers(0, 2, 400))) == 2 * 19
    assert len(choose_edges([0.2, 0.3], [1, 0], [0.5])) == 1


@pytest.mark.parametrize("rows", [0, 2, 5, 29, 191, 192, 5000])
def test_quantiles_that_are_kept_are_even_and_leave_rows_between(rows):
    kept = score_bins.kept_quantiles(rows, 100_000)
    assert len(kept) == max(0, min(64, rows // 3) - 1)
    steps = np.diff([0, *kept, 64])
    assert steps.max() - steps.min() <= 1 or len(kept) < 1


def test_one_class_still_gives_edges_and_none_is_refused():
    assert len(choose_edges(np.linspace(0, 1, 1000), np.ones(1000))) > 50
    with pytest.raises(ValueError, match="no row has a score"):
        choose_edges([NAN, 2.0, 0.5], [1, 1, NAN])
    with pytest.raises(ValueError, match=r"thresholds \[1\.5\] given"):
        choose_edges([0.5], [1], thresholds=[1.5])


def test_states_of_other_edges_are_not_merged():
    with pytest.raises(ValueError, match="can't be merged"):
        _ = count(EDGES, [0.5]) + count([0.3, 0.5, 0.9], [0.5])


def test_mean_score_of_a_bin_without_rows_is_not_measured():
    means = score_bins.mean_score(count(EDGES, [0.1, 0.2, 0.95], [1, NAN, 0]))
    np.testing.assert_allclose(means, [0.15, NAN, NAN, 0.95])
    labelled = score_bins.mean_score(count(EDGES, [0.1, 0.2], [1, NAN]), labelled=True)
    np.testing.assert_allclose(labelled, [0.1, NAN, NAN, NAN])


def test_stored_numbers_give_the_same_state_again():
    rng = np.random.default_rng(5)
    edges = [0.2, 0.5, 0.9]
    scores = np.append(rng.random(200), [np.nan, 1.5])
    one = score_bins.count(edges, scores, rng.integers(0, 2, 202), rng.integers(0, 2, 202))
    stored = score_bins.flat(one)
    assert stored.shape == (4 * 12 + 3,)
    back = score_bins.unflat(edges, stored)
    np.testing.assert_array_equal(back.cells, one.cells)
    np.testing.assert_array_equal(back.unusable, one.unusable)
    both = score_bins.unflat(edges, np.stack([stored, stored]))
    np.testing.assert_array_equal(both.total("rows"), [200, 200])
    with pytest.raises(ValueError, match="51 are due"):
        score_bins.unflat(edges, stored[:-1])
