"""False alarms of whole monitors, through the kernels that judge: docs/statistics.md, What the
rates are.

Every cell prints its seed, its setting, and rates with their 99.9 % interval; what is asserted
is that the interval meets the range stated for the cell, so that a test fails when alarms become
too many, and when *unusual* windows become too few for the level asked. `simulated_windows` says
how windows are made and what an interval is. `pytest -m slow -s` prints the whole grid.
"""

from __future__ import annotations

import numpy as np
import pytest
from simulated_windows import FEATURES, rate, simulate

W = 30
SIZES = (30, 1000, 10**6)
# tau: how far the mean wanders from window to window, in sd; rho: with which correlation.
PROCESSES = {"still": (0.0, 0.0), "wandering": (0.1, 0.0), "AR(1)": (0.1, 0.7)}
# Of a family: windows with any finding, with any drift, months of a feature with an alert. AR(1) is
# the known limit, see docs.
FAMILY_LIMITS = {
    "still": (0.1, 0.1, 0.002),
    "wandering": (0.12, 0.1, 0.01),
    "AR(1)": (0.4, 0.15, 0.11),
}
CELLS = [(kind, n) for kind in FEATURES for n in SIZES]
# What never varies is the same in every process.
GRID = [
    (kind, process, n)
    for kind, n in CELLS
    for process in PROCESSES
    if process == "still" or kind not in ("constant", "all missing")
]
MIXED = ("normal", "discrete", "heavy-tailed", "mostly zero", "categories", "constant")


def measure(kinds, n, process, months, seed):
    """Rates by name, printed: of feature-windows, windows, months of a feature, months."""
    tally = simulate(list(kinds), n, W, *PROCESSES[process], months, seed)
    drifted, unusual = np.array(tally.drifted), np.array(tally.unusual)
    stands = np.array(tally.alerts)
    found = {
        "unusual": rate(unusual),
        "drifted": rate(drifted),
        "window": rate(unusual.any(axis=2)),
        "window drifted": rate(drifted.any(axis=2)),
        "month": rate(stands.any(axis=2)),
        "ok": rate(np.array(tally.ok)),
    }
    names = kinds[0] if len(kinds) == 1 else f"{len(kinds)} features"
    print(f"seed={seed} {names} n={n} W={W} {process}, {months} months:")
    print("   ", "; ".join(f"{name} {one}" for name, one in found.items()))
    return found


def check_alone(kind, n, process, months, seed):
    """One feature: the stated levels of a feature-window and of a month."""
    found = measure([kind], n, process, months, seed)
    if kind in ("constant", "all missing"):
        assert found["unusual"].value == found["drifted"].value == found["month"].value == 0
    # a wandering mean as large as the noise (n = 1000) is the hard cell, see docs
    hard = {"still": 0.015, "wandering": 0.025, "AR(1)": 0.045}[process]
    silent = kind in ("constant", "all missing", "mostly zero") or n == 30
    assert found["unusual"].meets(0.0 if silent else 0.001, hard)
    assert found["drifted"].meets(0.0, 0.025 if process == "AR(1)" else 0.011)
    assert found["month"].meets(0.0, {"still": 0.002, "wandering": 0.01, "AR(1)": 0.11}[process])
    if kind == "all missing" or n == 30:
        assert found["ok"].value == 0  # never green without power


@pytest.mark.parametrize(("kind", "n"), CELLS)
def test_a_feature_alone(kind, n):
    check_alone(kind, n, "wandering", months=16, seed=n % 97 + len(kind))


def test_a_feature_alone_whose_windows_follow_each_other():
    check_alone("normal", 10**6, "AR(1)", months=60, seed=5)


@pytest.mark.slow
@pytest.mark.parametrize(("kind", "process", "n"), GRID)
def test_every_feature_alone(kind, process, n):
    check_alone(kind, n, process, months=60, seed=1000 + n % 97 + len(kind))


def check_family(features, n, process, months, seed):
    """A monitor of several features: what Benjamini and Hochberg leave of a quiet window."""
    kinds = (MIXED * (features // len(MIXED) + 1))[:features]
    found = measure(kinds, n, process, months, seed)
    window, drifted, month = FAMILY_LIMITS[process]
    assert found["window"].meets(0.005, window)
    assert found["window drifted"].meets(0.0, drifted)
    assert found["unusual"].meets(0.0, 2.5 * window / features)
    assert found["drifted"].meets(0.0, drifted / features)
    assert found["month"].meets(0.0, month)
    return found


@pytest.mark.parametrize(("features", "n", "months"), [(10, 1000, 8), (60, 30, 1), (60, 10**6, 1)])
def test_a_family_of_features(features, n, months):
    check_family(features, n, "still", months, seed=features + n % 97)


@pytest.mark.slow
@pytest.mark.parametrize("process", PROCESSES)
@pytest.mark.parametrize("n", SIZES)
@pytest.mark.parametrize(("features", "months"), [(10, 20), (100, 3)])
def test_families(features, months, n, process):
    check_family(features, n, process, months, seed=2000 + features + n % 97)


@pytest.mark.slow
@pytest.mark.parametrize("process", PROCESSES)
@pytest.mark.parametrize("n", SIZES)
def test_a_family_of_a_thousand(n, process):
    """Asked at 0.01 %, where the tails of every test show.

    One month: its windows share the references, so `window` has a wider interval than it says.
    """
    kinds = (MIXED * (1000 // len(MIXED) + 1))[:1000]
    found = measure(kinds, n, process, months=1, seed=3000 + n % 97)
    window, drifted, _ = FAMILY_LIMITS[process]
    assert found["window"].meets(0.0, window)
    assert found["window drifted"].meets(0.0, drifted)
    assert found["unusual"].meets(0.0, window / 500)
    assert found["drifted"].meets(0.0, 0.001)
    assert found["month"].meets(0.0, 0.002)
