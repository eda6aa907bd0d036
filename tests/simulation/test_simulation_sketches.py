"""The [sim] figures about KLL sketches that `sketch_error` relies on, repeated with the oracle.

datasketches draws its own random bits, which can't be seeded: bands are wide (6 standard
errors or more), so a failure means a changed formula and not bad luck.
"""

from __future__ import annotations

import datasketches
import numpy as np
import pytest
from scipy import stats

from sparkdrift.measures import binned, numeric
from sparkdrift.measures.bins import bin_counts
from sparkdrift.measures.kll import read_kll
from sparkdrift.measures.sketch_error import equivalent_rows, noise_scale, rank_error

B = 10


def sketch(values, k):
    made = datasketches.kll_doubles_sketch(k)
    made.update(values)
    return read_kll(made.serialize())


def rank_errors(k, n, repeats):
    """Rank errors at the deciles, (repeats, 9), of sketches over n distinct shuffled values."""
    rng = np.random.default_rng(21)
    at = np.arange(1, B) / B
    errors = np.empty((repeats, B - 1))
    for i in range(repeats):
        points = sketch(rng.permutation(n).astype(float), k)
        errors[i] = np.searchsorted(points.values, at * n)
        errors[i] = np.concatenate(([0.0], points.cumulative))[errors[i].astype(int)] / n - at
    return errors


@pytest.mark.parametrize(("k", "repeats"), [(200, 150)])
def test_typical_errors(k, repeats):
    errors = rank_errors(k, 30_000, repeats)
    mass = np.diff(errors, axis=1, prepend=0.0, append=0.0)
    rank_sd, mass_sd = errors[:, 2:7].std() * k, mass.std() * k
    n_k = (B - 1) / ((mass**2).sum(axis=1) * B).mean()
    print(f"seed=21 k={k}: sd of rank {rank_sd:.3f}/k, mass {mass_sd:.3f}/k")
    print(f"n_k {n_k / k**2 * B:.2f} k^2/B")
    assert 0.42 < rank_sd < 0.66
    assert 0.44 < mass_sd < 0.66
    assert 0.75 < n_k / equivalent_rows(k, B) < 1.7


@pytest.mark.slow
@pytest.mark.parametrize("k", [100, 200, 400, 800])
@pytest.mark.parametrize("n", [20_000, 300_000])
def test_typical_errors_at_large(k, n):
    errors = rank_errors(k, n, 300)
    mass = np.diff(errors, axis=1, prepend=0.0, append=0.0)
    n_k = (B - 1) / ((mass**2).sum(axis=1) * B).mean()
    largest = np.quantile(np.abs(errors).max(axis=1), 0.99)
    print(f"seed=21 k={k} n={n}: sd of rank {errors[:, 2:7].std() * k:.3f}/k")
    print(f"sd of mass {mass.std() * k:.3f}/k, n_k {n_k / k**2 * B:.2f} k^2/B")
    assert 0.85 < n_k / equivalent_rows(k, B) < 1.7
    assert largest < rank_error(k)


def test_null_of_d_and_ks_with_sketches_on_both_sides():
    """Two sketches of the same distribution, n far above n_k: tests keep their level."""
    rng = np.random.default_rng(23)
    k, n, repeats = 100, 20_000, 250
    edges = stats.norm.ppf(np.arange(1, B) / B)
    s = noise_scale(n, n, B, k, k)
    scaled, p_ks = np.empty(repeats), np.empty(repeats)
    for i in range(repeats):
        a, b = sketch(rng.normal(size=n), k), sketch(rng.normal(size=n), k)
        scaled[i] = binned.d_statistic(bin_counts(a, edges), bin_counts(b, edges)) / s
        p_ks[i] = numeric.ks_pvalue(numeric.ks(numeric.gap(a, b)), n, n, k, k)
    rejected = (stats.chi2.sf(scaled, B - 1) < 0.05).mean()
    print(f"seed=23 mean D/s {scaled.mean():.2f} (9 when tight), rejected at 5 %: {rejected:.3f}")
    print(f"KS rejected at 5 %: {(p_ks < 0.05).mean():.3f}")
    assert 6 < scaled.mean() < 10.5
    assert rejected < 0.11
    assert (p_ks < 0.05).mean() < 0.11
