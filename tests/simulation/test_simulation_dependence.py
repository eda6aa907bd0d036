"""False alarms and power of a changed correlation, at a nominal 1 % for each test.

A cell draws many references of W windows of n rows, and one window more from the same
process. The 99.9 % binomial interval of the measured rate must meet the range stated for the
cell, as in test_simulation_false_alarms.
"""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from sparkdrift.measures.dependence import bond, correlation, correlation_change, merge_states

ALPHA = 0.01
SEED = 5
REPEATS = 1500

SHAPES = {"normal": lambda z: z, "lognormal": lambda z: np.exp(0.8 * z)}


def states(rho, n, shape, rng):
    """(len(rho), 6): the state of n rows for each correlation in rho, of both columns' z."""
    x, own = rng.normal(size=(2, len(rho), n))
    y = rho[:, None] * x + np.sqrt(1 - rho[:, None] ** 2) * own
    x, y = SHAPES[shape](x), SHAPES[shape](y)
    a, b = x - x.mean(axis=1, keepdims=True), y - y.mean(axis=1, keepdims=True)
    squares = [(a * a).sum(axis=1), (b * b).sum(axis=1), (a * b).sum(axis=1)]
    return np.stack([np.full(len(rho), n), x.mean(axis=1), y.mean(axis=1), *squares], axis=1)


def rates(shape, windows, n, rho, spread, moved=0.0):
    """(unusual, violated) of REPEATS windows; spread: sd of rho between windows."""
    rng = np.random.default_rng(SEED + windows + n)
    unusual, violated = 0, 0
    for _ in range(REPEATS):
        own = np.clip(rho + spread * rng.normal(size=windows + 1), -0.95, 0.95)
        own[-1] = np.clip(own[-1] + moved, -0.95, 0.95)
        cells = states(own, n, shape, rng)
        whole = cells[0]
        for one in cells[1:-1]:
            whole = merge_states(whole, one)
        found = correlation_change(correlation(cells[-1:]), [n], bond(whole, cells[:-1]))
        unusual += bool(found.p_unusual[0] < ALPHA)
        violated += bool(found.p_unusual[0] < ALPHA and found.p_material[0] < ALPHA)
    print(
        f"{shape} W={windows} n={n} rho={rho} spread={spread} moved={moved}: "
        f"unusual {unusual / REPEATS:.4f} violated {violated / REPEATS:.4f}"
    )
    return unusual, violated


def meets(hits, low, high):
    exact = stats.binomtest(hits, REPEATS).proportion_ci(0.999, "exact")
    return exact.low <= high and exact.high >= low


@pytest.mark.parametrize(
    ("shape", "windows", "n", "rho", "spread", "low", "high"),
    [
        ("normal", 14, 100, 0.0, 0.0, 0.003, 0.015),
        ("normal", 30, 100, 0.5, 0.0, 0.003, 0.015),
        ("normal", 30, 1000, 0.3, 0.05, 0.003, 0.020),
        ("normal", 8, 1000, 0.0, 0.05, 0.003, 0.030),
        ("lognormal", 30, 300, 0.5, 0.0, 0.003, 0.030),
    ],
)
def test_quiet_pairs_stay_quiet(shape, windows, n, rho, spread, low, high):
    unusual, violated = rates(shape, windows, n, rho, spread)
    assert meets(unusual, low, high), (SEED, unusual)
    assert meets(violated, 0.0, 0.005), (SEED, violated)


@pytest.mark.parametrize(("n", "least"), [(1000, 0.70), (3000, 0.995)])
def test_a_change_of_twice_the_limit_is_found(n, least):
    _, violated = rates("normal", 30, n, 0.0, 0.0, moved=0.2)
    assert meets(violated, least, 1.0), (SEED, violated)


def test_a_change_within_the_limit_is_no_violation():
    _, violated = rates("normal", 30, 3000, 0.1, 0.0, moved=0.09)
    assert meets(violated, 0.0, 0.01), (SEED, violated)
