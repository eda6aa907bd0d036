"""Mutual information against its closed forms, its bias and spread against simulation."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.metrics import mutual_info_score

from sparkdrift.measures.evidence import LEAST_FAMILY, benjamini_hochberg, decide
from sparkdrift.measures.mutual_information import (
    BINS,
    LEAST_ROWS,
    LIMIT,
    Cut,
    bins_of,
    information_change,
    informations,
    mutual_information,
)

SEED = 31


def pair(rho: float, rows: int, rng) -> tuple[np.ndarray, np.ndarray]:
    x = rng.normal(size=rows)
    return x, rho * x + np.sqrt(1 - rho**2) * rng.normal(size=rows)


def joint_counts(x, y, cuts) -> np.ndarray:
    """The rows in each pair of bins, one row after the other."""
    counts = np.zeros([one.size for one in cuts])
    for at in zip(
        *(one.places(values) for one, values in zip(cuts, (x, y), strict=True)), strict=True
    ):
        if min(at) >= 0:
            counts[at] += 1
    return counts


def counted(x, y, bins=None):
    return joint_counts(x, y, bins or (bins_of(x), bins_of(y)))


def test_against_scikit_learn_before_the_bias_is_taken_off():
    rng = np.random.default_rng(SEED)
    x, y = pair(0.8, 3000, rng)
    counts = counted(x, y)
    assert counts.shape == (BINS, BINS)
    assert counts.sum() == 3000
    at = [bins_of(one).places(one) for one in (x, y)]
    # Rare pairs of bins don't occur, and have no part in the bias.
    held = int((counts > 0).sum())
    assert held < 100
    expected = mutual_info_score(*at) - (held - 19) / 6000
    assert mutual_information(counts).value == pytest.approx(expected, abs=1e-12)


@pytest.mark.parametrize("rho", [0.3, 0.6, 0.9])
def test_of_two_normal_features_it_is_what_correlation_says(rho):
    """-ln(1 - rho^2) / 2, of which ten bins lose a little."""
    rng = np.random.default_rng(SEED)
    found = mutual_information(counted(*pair(rho, 200_000, rng))).value
    true = -np.log(1 - rho**2) / 2
    assert 0.75 * true < found < true + 0.002


def test_without_dependence_it_is_nothing_on_average_and_spreads_as_said():
    rng = np.random.default_rng(SEED)
    found = [mutual_information(counted(*pair(0.0, 1000, rng))) for _ in range(400)]
    values = np.array([one.value for one in found])
    said = np.mean([one.sd for one in found])
    assert abs(values.mean()) < 4 * values.std() / 20, SEED
    # Cautious: terms that vanish only on average are counted twice.
    assert values.std() < said < 2.2 * values.std(), (SEED, values.std(), said)


def test_what_correlation_does_not_see():
    rng = np.random.default_rng(SEED)
    x = rng.normal(size=4000)
    y = x**2 + 0.5 * rng.normal(size=4000)
    assert abs(np.corrcoef(x, y)[0, 1]) < 0.05
    before = mutual_information(counted(x, rng.permutation(y)))
    now = mutual_information(counted(x, y))
    found = information_change(before, now)
    assert found.change > 0.2
    assert found.low < found.change < found.high
    assert found.p_unusual < 1e-9
    assert found.p_material < 1e-9
    assert found.power > 0.8


def test_quiet_pairs_are_seldom_unusual_and_small_changes_not_material():
    rng = np.random.default_rng(SEED)
    found = []
    for _ in range(400):
        x, y = pair(0.4, 2000, rng)
        cut = bins_of(x), bins_of(y)
        before = mutual_information(counted(x, y, cut))
        found.append(
            information_change(before, mutual_information(counted(*pair(0.4, 2000, rng), cut)))
        )
    unusual = np.mean([one.p_unusual < 0.01 for one in found])
    assert unusual < 0.03, (SEED, unusual)
    covered = np.mean([one.low <= 0 <= one.high for one in found])
    assert covered > 0.93, (SEED, covered)
    assert not [one for one in found if one.p_unusual < 0.01 and one.p_material < 0.01]


def test_texts_numbers_and_what_is_missing():
    rng = np.random.default_rng(SEED)
    product = rng.choice([*"abcdefghijkl"], 600).astype(object)
    amount = np.where(product == "a", 5.0, rng.normal(size=600))
    product[:40], amount[40:90] = None, np.nan
    bins = bins_of(product), bins_of(amount)
    assert len(bins[0].items) == BINS - 1
    counts = joint_counts(product, amount, bins)
    assert counts.sum() == 600 - 90
    assert mutual_information(counts).value > 0.1
    assert bins_of(np.full(9, np.nan)).size == 1
    constant = joint_counts(np.ones(600), amount, (bins_of(np.ones(600)), bins[1]))
    found = mutual_information(constant)
    assert (found.value, found.sd) == (0.0, 0.0)
    nothing = information_change(found, found)
    assert np.isnan([nothing.p_unusual, nothing.p_material, nothing.power]).all()


@pytest.mark.parametrize("rows", [0, 1, 5, LEAST_ROWS - 1])
def test_of_few_rows_nothing_is_known(rows):
    x = np.arange(float(rows))
    few = mutual_information(counted(x, x, (Cut(np.array([2.0])), Cut(np.array([2.0])))))
    assert np.isnan(few.value)
    assert few.rows == rows
    many = mutual_information(np.full((2, 2), 100))
    found = information_change(few, many)
    assert np.isnan([found.change, found.p_unusual, found.power]).all()


def test_twice_the_limit_is_found_as_often_as_power_says():
    """A correlation that adds twice LIMIT, from independent rows."""
    rng = np.random.default_rng(SEED)
    rho, rows = 0.2925, 1500  # in ten bins about 2 * LIMIT
    large = mutual_information(counted(*pair(rho, 400_000, rng))).value
    assert large == pytest.approx(2 * LIMIT, abs=0.002)
    found = []
    for _ in range(200):
        x, y = pair(0.0, rows, rng)
        cut = bins_of(x), bins_of(y)
        before = mutual_information(counted(x, y, cut))
        found.append(
            information_change(before, mutual_information(counted(*pair(rho, rows, rng), cut)))
        )
    said = float(np.mean([one.power for one in found]))
    drifted = float(np.mean([one.p_unusual < 0.01 and one.p_material < 0.01 for one in found]))
    assert drifted > said - 0.12, (SEED, said, drifted)


def dependent(kind: str, rows: int, rng) -> tuple[np.ndarray, np.ndarray]:
    """Two features that tell much of each other, alike in every sample."""
    x = rng.normal(size=rows)
    if kind == "square":
        return x, x**2 + 0.3 * rng.normal(size=rows)
    if kind == "copied number":
        return x, x
    if kind == "copied category":
        at = np.minimum(rng.geometric(0.3, rows), 9)
        return at.astype(str).astype(object), np.char.add("to ", at.astype(str)).astype(object)
    return pair(float(kind), rows, rng)


def status(found) -> str:
    q = benjamini_hochberg([found.p_unusual], LEAST_FAMILY)[0]
    figures = (q, found.p_material, abs(found.change), found.power)
    return str(decide(*figures, warn=LIMIT, limit=LIMIT))


@pytest.mark.parametrize("rows", [300, 1000])
@pytest.mark.parametrize("kind", ["0.0", "0.9", "square", "copied number", "copied category"])
def test_unequally_many_rows_are_no_change(kind, rows):
    """Bias of two samples of 5,000 and of few rows: it goes by how many pairs of bins occur."""
    rng = np.random.default_rng([SEED, rows])
    found = []
    for _ in range(100):
        known, seen = dependent(kind, 5000, rng), dependent(kind, rows, rng)
        cuts = bins_of(known[0]), bins_of(known[1])
        found.append(information_change(*informations(known, seen, cuts)))
    drifted = np.mean([status(one) == "drifted" for one in found])
    assert drifted <= 0.05, (SEED, drifted)
    gaps = np.array([one.change for one in found])
    # A bias of less than a fifth of what matters, or than chance explains.
    assert abs(gaps.mean()) < LIMIT / 5 + 3 * gaps.std() / 10, (SEED, gaps.mean())
    covered = np.mean([one.low <= 0 <= one.high for one in found])
    assert covered > 0.88, (SEED, covered)


def test_both_sides_are_of_equally_many_rows_and_in_the_order_given():
    rng = np.random.default_rng(SEED)
    many, few = pair(0.9, 5000, rng), pair(0.0, 700, rng)
    cuts = bins_of(many[0]), bins_of(many[1])
    before, now = informations(many, few, cuts)
    assert (before.rows, now.rows) == (4900, 700)
    assert before.value > 0.5 > now.value
    assert informations(few, many, cuts) == (now, before)
    assert now == mutual_information(joint_counts(*few, cuts))
    # Seven parts together are as sure as all rows.
    whole = mutual_information(joint_counts(*many, cuts))
    assert before.sd == pytest.approx(whole.sd, rel=0.2)
    scarce, known = informations(pair(0.9, LEAST_ROWS - 1, rng), many, cuts)
    assert (scarce.rows, known.rows) == (LEAST_ROWS - 1, 5000)
    assert np.isnan([scarce.value, known.value]).all()


@pytest.mark.parametrize(("kind", "least", "most"), [("0.0", 2500, 4000), ("0.3", 6000, 9000),
                                                     ("0.9", 26_000, 38_000)])  # fmt: skip
def test_the_rows_that_are_needed_have_the_power(kind, least, most):
    """Told by samples of any size, and met at the number that is told."""
    rng = np.random.default_rng(SEED)

    def change(rows: int):
        known, seen = dependent(kind, rows, rng), dependent(kind, rows, rng)
        return information_change(
            *informations(known, seen, (bins_of(known[0]), bins_of(known[1])))
        )

    few = change(4000)
    assert least < few.rows_needed < most
    assert change(int(0.7 * few.rows_needed)).power < 0.8
    assert change(int(1.3 * few.rows_needed)).power > 0.8


def test_it_moves_with_a_marginal_as_well():
    """x beyond what the reference had, the same law of y given x: fewer bins, less told."""
    rng = np.random.default_rng(SEED)
    x, y = pair(0.6, 5000, rng)
    now = rng.normal(size=5000) + 2
    seen = now, 0.6 * now + 0.8 * rng.normal(size=5000)
    found = information_change(*informations((x, y), seen, (bins_of(x), bins_of(y))))
    assert found.change < -LIMIT
    assert found.p_material < 1e-6
