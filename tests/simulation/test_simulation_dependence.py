"""False alarms and power of a changed correlation, at a nominal 1 % for each test.

A cell draws many references of W windows of n rows, and one window more from the same
process. The 99.9 % binomial interval of the measured rate must meet the range stated for the
cell, as in test_simulation_false_alarms.
"""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from sparkdrift.measures.dependence import (
    bond,
    correlation,
    correlation_change,
    merge_states,
    pair_states,
)
from sparkdrift.measures.evidence import (
    FAMILY_LEVEL,
    LEAST_FAMILY,
    LEAST_POWER,
    MATERIAL_LEVEL,
    benjamini_hochberg,
)

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


FEATURES, WINDOWS, AFTER = 20, 30, 5
PAIRS = [(i, j) for i in range(FEATURES) for j in range(i + 1, FEATURES)]


def families(n, references, moved=0.0):
    """(p_unusual, p_material, power) of all pairs, each (references * AFTER, pairs).

    moved: the correlation that the first pair has in the windows after the reference, 0 before.
    """
    rng = np.random.default_rng(SEED + n)
    found = []
    for _ in range(references):
        rows = rng.normal(size=(WINDOWS + AFTER, n, FEATURES))
        late = rows[WINDOWS:]
        late[..., 1] = moved * late[..., 0] + np.sqrt(1 - moved**2) * late[..., 1]
        cells = np.stack([pair_states(one, PAIRS, np.zeros(FEATURES)) for one in rows])
        whole = cells[0]
        for one in cells[1:WINDOWS]:
            whole = merge_states(whole, one)
        changes = [
            correlation_change(
                correlation(cells[WINDOWS:, i]), n, bond(whole[i], cells[:WINDOWS, i])
            )
            for i in range(len(PAIRS))
        ]
        found.append(
            [
                np.stack([getattr(one, name) for one in changes], axis=1)
                for name in ("p_unusual", "p_material", "power")
            ]
        )
    return [np.concatenate(part) for part in zip(*found, strict=True)]


def unusual_in_family(p_values):
    return np.array([benjamini_hochberg(row, LEAST_FAMILY) <= FAMILY_LEVEL for row in p_values])


def test_all_pairs_of_a_quiet_window_are_one_family():
    unusual, material, _ = families(300, 24)
    flagged = unusual_in_family(unusual)
    any_, violated = flagged.any(axis=1), (flagged & (material < MATERIAL_LEVEL)).any(axis=1)
    print(f"{len(PAIRS)} pairs: unusual {any_.mean():.3f}, violated {violated.mean():.3f}")
    for hits in (any_, violated):
        low = stats.binomtest(int(hits.sum()), len(hits)).proportion_ci(0.999, "exact").low
        assert low <= FAMILY_LEVEL, (SEED, int(hits.sum()), len(hits))
    # Each by itself at 1 % they would be a finding in most windows.
    assert (unusual < ALPHA).any(axis=1).mean() > 0.5, SEED


def test_a_large_family_leaves_a_pair_the_power_it_states():
    unusual, material, power = families(1500, 24, moved=0.2)
    violated = unusual_in_family(unusual)[:, 0] & (material[:, 0] < MATERIAL_LEVEL)
    stated = float(power[:, 0].mean())
    assert stated >= LEAST_POWER, (SEED, stated)
    print(f"power stated {stated:.3f}, found {violated.mean():.3f}")
    high = stats.binomtest(int(violated.sum()), len(violated)).proportion_ci(0.999, "exact").high
    assert high >= stated, (SEED, int(violated.sum()), len(violated), stated)
