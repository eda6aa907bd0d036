"""Shares that vary from window to window: false alarms counted, and what must alarm still does."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from sparkdrift.measures.share_evidence import share_test
from sparkdrift.measures.share_variation import (
    p_apart,
    p_silent,
    share_variation,
    wandering,
)

SEED = 1973
REPEATS = 600


def rates(mean: float, sd: float, n: int, windows: int, sides: int = 1) -> tuple[float, float]:
    """(share of p below 1 % for the binomial test alone, with the windows' variation as well)."""
    rng = np.random.default_rng([SEED, n, windows, sides])
    total = mean * (1 - mean) / sd**2 - 1 if sd else None
    plain = both = 0
    for _ in range(REPEATS):
        shape = (windows + 1,)
        p = rng.beta(mean * total, (1 - mean) * total, shape) if total else np.full(shape, mean)
        x = rng.binomial(n, p).astype(float)
        own = x[:-1]
        known, rows = (own.sum(), n * windows) if sides == 1 else (own[-1], n)
        delta, unusual, _ = share_test(x[-1], n, known, rows)
        varies = share_variation(own, np.full(windows, n))
        apart = p_apart(delta, [n], varies, sides)
        plain += unusual < 0.01
        both += np.fmax(unusual, apart).item() < 0.01
    return plain / REPEATS, both / REPEATS


@pytest.mark.parametrize("sides", [1, 2])
@pytest.mark.parametrize("n", [300, 5000])
@pytest.mark.parametrize("windows", [14, 60])
def test_windows_that_differ_do_not_alarm(n, windows, sides):
    plain, both = rates(0.05, 0.03, n, windows, sides)
    print(
        f"seed={SEED} n={n} W={windows} sides={sides}: binomial alone {plain:.3f}, both {both:.4f}"
    )
    assert plain > 0.1
    # A beta is skewed, so its upper tail is heavier than a Student's: 3 % at most.
    assert stats.binomtest(round(both * REPEATS), REPEATS).proportion_ci(0.999).low < 0.03


@pytest.mark.parametrize("windows", [14, 60])
def test_without_variation_the_level_stays(windows):
    plain, both = rates(0.05, 0.0, 1000, windows)
    print(f"seed={SEED} W={windows}: chance {plain:.4f}, both {both:.4f}")
    assert both <= plain
    assert stats.binomtest(round(both * REPEATS), REPEATS).proportion_ci(0.999).high > 0.002


def test_a_sensor_that_falls_silent_is_sure_in_spite_of_few_windows_that_vary():
    shares = np.array([0.01, 0.03, 0.02, 0.05, 0.02])
    varies = share_variation(1000 * shares, np.full(5, 1000))
    assert varies is not None
    assert p_apart([0.97], [1000], varies)[0] < 1e-4


def test_a_small_window_is_given_its_noise():
    varies = share_variation(5000 * np.array([0.01, 0.03, 0.02, 0.05, 0.02]), np.full(5, 5000))
    few, many = p_apart([0.15, 0.15], [10, 5000], varies)
    assert few > 0.02 > 0.002 > many


@pytest.mark.parametrize(
    ("x", "n"),
    [
        ([1, 2, 3, 4], [100] * 4),  # too few windows
        ([0] * 8, [100] * 8),  # nothing to vary
        ([1] * 9, [0] * 5 + [100] * 4),  # too few with rows
        ([50] * 9, [100] * 9),  # no more than chance
    ],
)
def test_what_does_not_vary_leaves_it_to_chance(x, n):
    assert share_variation(x, n) is None
    assert np.isnan(p_apart([0.1], [100], None)).all()


def test_how_far_shares_wander_leaves_chance_out():
    rng = np.random.default_rng(SEED)
    x = rng.binomial(200, np.clip(rng.normal(0.3, 0.1, 4000), 0, 1))
    varies = share_variation(x, np.full(4000, 200))
    assert wandering(varies) == pytest.approx(0.1, rel=0.05)
    assert wandering(varies, sides=2) == pytest.approx(0.1 * np.sqrt(2), rel=0.05)
    assert wandering(None) == 0


def test_silence_is_as_rare_as_the_window_that_lacked_most_says():
    chance = p_silent([0, 1, 5, 1000], [40, 90, 60, 0], [100, 100, 100, 0])
    np.testing.assert_allclose(chance, (90.5 / 101) ** np.array([0, 1, 5, 1000]))
    assert p_silent([1000], [40, 100], [100, 100])[0] == 1  # it was silent before
    assert p_silent([1000], [], [])[0] == 1
