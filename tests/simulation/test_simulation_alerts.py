"""How often an alert is false: months without drift, after m of n windows.

A cell draws many histories of W reference windows and MONTH more from the same process, whose
mean wanders by tau2 from window to window with correlation rho. Two ways to call a window: by
p_unusual at a nominal 1 % alone, the worst case, and as drifted, which asks p_material too. As
in test_simulation_false_alarms, the 99.9 % binomial interval of the share of months with any
alert must meet the range that is stated.
"""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from sparkdrift.measures import binned, evidence, variation
from sparkdrift.measures.persistence import raised, standing

B = 10
EDGES = stats.norm.ppf(np.arange(1, B) / B)
ALPHA = 0.01
MONTH = 30
REPEATS = 1500


def wandering(windows, tau2, rho, rng):
    """Shares (windows, B) of a feature whose mean wanders."""
    steps = rng.normal(size=windows)
    for t in range(1, windows):
        steps[t] = rho * steps[t - 1] + np.sqrt(1 - rho**2) * steps[t]
    below = stats.norm.cdf(EDGES - np.sqrt(tau2) * steps[:, None])
    return np.diff(below, axis=1, prepend=0.0, append=1.0)


def months(n, windows, tau2, rho, seed, repeats=REPEATS):
    """(unusual, drifted), each (repeats, MONTH): how the windows of each month were called."""
    rng = np.random.default_rng(seed)
    unusual, drifted = np.empty((2, repeats, MONTH), dtype=bool)
    for i in range(repeats):
        counts = rng.multinomial(n, wandering(windows + MONTH, tau2, rho, rng))
        benign = variation.benign_variation(counts[:windows])
        reference = counts[:windows].sum(axis=0)
        d = binned.d_statistic(reference, counts[windows:])
        s = np.full(MONTH, 1 / n + 1 / reference.sum())
        p = evidence.p_unusual(d, s, B, benign.tau2, benign.w_eff, benign.square)
        unusual[i] = p < ALPHA
        drifted[i] = unusual[i] & (evidence.p_material(d, s, B) < ALPHA)
    return unusual, drifted


def meets(hits, low, high):
    exact = stats.binomtest(int(hits), REPEATS).proportion_ci(0.999, "exact")
    return exact.low <= high and exact.high >= low


@pytest.mark.parametrize(
    ("windows", "tau2", "rho", "alone", "two_of_three", "drifted"),
    [
        # no variation at all: the estimate of it is cautious, so less than 1 - 0.99^30 = 26 %
        (60, 0.0, 0.0, (0.10, 0.26), (0.0, 0.002), (0.0, 0.001)),
        (14, 0.01, 0.0, (0.09, 0.16), (0.008, 0.02), (0.001, 0.008)),
        (60, 0.01, 0.0, (0.12, 0.2), (0.001, 0.01), (0.001, 0.01)),
        (60, 0.01, 0.3, (0.14, 0.22), (0.006, 0.02), (0.005, 0.02)),
        (14, 0.01, 0.7, (0.25, 0.35), (0.12, 0.18), (0.07, 0.12)),
        (60, 0.01, 0.7, (0.15, 0.23), (0.05, 0.09), (0.035, 0.07)),
    ],
)
def test_months_with_a_false_alert(windows, tau2, rho, alone, two_of_three, drifted):
    unusual, both = months(1000 if tau2 == 0 else 10**5, windows, tau2, rho, seed=3)
    stands = standing(unusual, 2, 3)
    surely = standing(both, 2, 3)
    print(
        f"seed=3 W={windows} tau2={tau2} rho={rho}: windows {unusual.mean():.4f}; months alone"
        f" {unusual.any(axis=1).mean():.3f}, 2 of 3 {stands.any(axis=1).mean():.4f},"
        f" 3 of 5 {standing(unusual, 3, 5).any(axis=1).mean():.4f}; alerts a month"
        f" {raised(stands).sum(axis=1).mean():.4f}; drifted alone"
        f" {both.any(axis=1).mean():.3f}, 2 of 3 {surely.any(axis=1).mean():.4f}"
    )
    assert meets(unusual.any(axis=1).sum(), *alone)
    assert meets(stands.any(axis=1).sum(), *two_of_three)
    assert meets(surely.any(axis=1).sum(), *drifted)
