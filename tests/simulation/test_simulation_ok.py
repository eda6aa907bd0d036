"""What `ok` promises: a shift of effect_size would be found in 80 % of windows, in that family.

Windows whose mean wanders by tau from window to window, shifted by 0.32 sd up or down, against
a reference that wanders alike; each judged at the level of a family of quiet tests. Of those of
which power >= 80 % is said, 80 % must be found. Seeds are printed, intervals are 99.9 %
(Clopper and Pearson); each window has a reference of its own, so windows are independent.
"""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from sparkdrift.measures import evidence, variation
from sparkdrift.measures.binned import d_statistic

B, SHIFT, SEED = 10, 0.32, 60
EDGES = stats.norm.ppf(np.arange(1, B) / B)
# rows, reference windows, tau
CELLS = [
    (3000, 8, 0.03),
    (3000, 14, 0.05),
    (10_000, 14, 0.07),
    (3000, 30, 0.07),
    (10**5, 30, 0.1),
    (10**5, 60, 0.1),
    (3000, 60, 0.03),
]
FAMILIES = (10, 100, 1000)


def windows(n, reference, tau, rng):
    """(D, noise, Benign) of one shifted window against its reference."""
    means = tau * rng.normal(size=reference + 1)
    means[-1] += SHIFT * rng.choice([-1, 1])
    below = stats.norm.cdf(EDGES - means[:, None])
    shares = np.diff(below, axis=1, prepend=0.0, append=1.0)
    counts = rng.multinomial(n, shares).astype(float)
    known = counts[:-1].sum(axis=0)
    d = float(d_statistic(known, counts[-1]))
    return d, 1 / n + 1 / known.sum(), variation.benign_variation(counts[:-1])


def promised(cell, repeats):
    """{tests in the family: (windows with power, of these found)}."""
    rng = np.random.default_rng([SEED, cell[0], cell[1]])
    told = {tests: [0, 0] for tests in FAMILIES}
    for _ in range(repeats):
        d, s, varies = windows(*cell, rng)
        usual = (varies.tau2, varies.w_eff, varies.square)
        unusual = float(evidence.p_unusual(d, s, B, *usual))
        material = float(evidence.p_material(d, s, B))
        for tests, counted in told.items():
            level = evidence.family_level(tests)
            if evidence.power(s, B, SHIFT, evidence.DELTA0, *usual, level) >= 0.8:
                counted[0] += 1
                counted[1] += unusual <= level and material < evidence.MATERIAL_LEVEL
    return told


def met(found, said):
    exact = stats.binomtest(found, said).proportion_ci(0.999, "exact")
    return exact.high >= 0.8


def check(cells, repeats):
    whole = {tests: np.zeros(2, dtype=int) for tests in FAMILIES}
    for cell in cells:
        n, reference, tau = cell
        for tests, (said, found) in promised(cell, repeats).items():
            share = found / said if said else float("nan")
            print(
                f"seed={SEED} n={n} W={reference} tau={tau} family={tests}:"
                f" power said of {said} of {repeats}, found {share:.3f}"
            )
            whole[tests] += (said, found)
            assert not said or met(found, said), (cell, tests)
    for tests, (said, found) in whole.items():
        print(f"family={tests}: power said of {said}, found {found / said:.3f}")
        assert said > repeats / 20
        assert met(int(found), int(said)), tests


def test_what_is_said_to_be_found_is_found():
    check(CELLS, 150)


@pytest.mark.slow
def test_what_is_said_to_be_found_is_found_in_many_windows():
    check(CELLS, 1500)
