"""False alarms and power of custom metrics: one value per window, at a nominal 1 %.

A cell draws many references of W windows and one window more from the same process. As in
test_simulation_false_alarms, the 99.9 % binomial interval of the measured rate must meet
the range stated for the cell.
"""

from __future__ import annotations

import numpy as np
import pytest
from scipy import special, stats

from sparkdrift.measures.evidence import family_level
from sparkdrift.measures.window_evidence import (
    effect_interval,
    shift_power,
    usual_variation,
    window_evidence,
)

ALPHA = 0.01
EFFECT = 6.0

SHAPES = {
    "normal": lambda z: z,
    "gumbel": lambda z: -np.log(-special.log_ndtr(z)),  # the largest of many values
    "lognormal": np.exp,
}


def paths(windows, rho, repeats, rng):
    """(repeats, windows) of a stationary process, and a window long after it."""
    steps = rng.normal(size=(repeats, windows))
    for t in range(1, windows):
        steps[:, t] = rho * steps[:, t - 1] + np.sqrt(1 - rho**2) * steps[:, t]
    return steps, rng.normal(size=repeats)


def alarms(references, news, noise=None, new_noise=None):
    """(unusual, drifted) of the windows `news` against the rows of `references`."""
    repeats = len(references)
    unusual, material = np.empty((2, repeats))
    for i in range(repeats):
        usual = usual_variation(references[i], 0.0 if noise is None else noise[i])
        own = 0.0 if new_noise is None else new_noise[i : i + 1]
        found = window_evidence(news[i : i + 1], usual, EFFECT, own)
        unusual[i], material[i] = found.p_unusual[0], found.p_material[0]
    hits = unusual < ALPHA
    return int(hits.sum()), int((hits & (material < ALPHA)).sum())


def meets(hits, repeats, low, high):
    exact = stats.binomtest(int(hits), repeats).proportion_ci(0.999, "exact")
    return exact.low <= high and exact.high >= low


def check(shape, windows, rho, low, high, drifted_high, repeats=1500, seed=0):
    rng = np.random.default_rng(seed + windows)
    references, news = paths(windows, rho, repeats, rng)
    unusual, drifted = alarms(SHAPES[shape](references), SHAPES[shape](news))
    print(
        f"{shape} W={windows} rho={rho}: unusual {unusual / repeats:.4f}"
        f" drifted {drifted / repeats:.4f}"
    )
    assert meets(unusual, repeats, low, high)
    assert meets(drifted, repeats, 0.0, drifted_high)


@pytest.mark.parametrize("windows", [8, 14, 30])
@pytest.mark.parametrize("rho", [0.0, 0.3, 0.5])
def test_false_alarms_stay_at_the_stated_rate(rho, windows):
    check("normal", windows, rho, 0.003, 0.013, 0.008)


@pytest.mark.parametrize(("windows", "high"), [(8, 0.025), (14, 0.018), (30, 0.01)])
def test_strong_correlation_needs_many_windows(windows, high):
    """rho = 0.7 is more than eight windows can tell: 2.4 % unusual instead of 1 %."""
    check("normal", windows, 0.7, 0.003, high, 0.015)


@pytest.mark.parametrize("windows", [8, 14, 30])
@pytest.mark.parametrize(("shape", "high"), [("gumbel", 0.022), ("lognormal", 0.05)])
def test_skewed_metrics_alarm_more_often(shape, windows, high):
    """Extremes and heavy sums are not normal; what is said of them in the docs."""
    check(shape, windows, 0.0, 0.008, high, 0.03 if shape == "lognormal" else 0.01)


def test_without_the_correction_correlated_windows_alarm():
    """The finding behind rho: as if independent, rho = 0.7 gives 5.4 % at W = 14."""
    rng = np.random.default_rng(5)
    references, news = paths(14, 0.7, 4000, rng)
    sd = references.std(axis=1, ddof=1)
    t = np.abs(news - references.mean(axis=1)) / (sd * np.sqrt(1 + 1 / 14))
    plain = int((2 * stats.t.sf(t, 13) < ALPHA).sum())
    print(f"plain {plain / 4000:.4f}")
    assert meets(plain, 4000, 0.045, 0.065)


@pytest.mark.parametrize(("rows", "new_rows"), [(1000, 1000), (1000, 100), (1000, 5000)])
@pytest.mark.parametrize("share", [0.2, 0.01])
def test_a_smaller_window_is_noisier_and_no_drift(share, rows, new_rows):
    """A rate over fewer rows than the reference's windows have, with the noise of its rows."""
    rng = np.random.default_rng(int(1000 * share) + new_rows)
    repeats, windows = 1500, 14
    hits = rng.binomial(rows, share, (repeats, windows))
    new = rng.binomial(new_rows, share, repeats)
    known = (hits.sum(axis=1) + 0.5) / (rows * windows)
    variance = known * (1 - known)
    unusual, drifted = alarms(
        hits / rows,
        new / new_rows,
        np.repeat(variance[:, None] / rows, windows, axis=1),
        variance / new_rows,
    )
    print(
        f"share={share} rows={rows} new={new_rows}: unusual {unusual / repeats:.4f}"
        f" drifted {drifted / repeats:.4f}"
    )
    assert meets(unusual, repeats, 0.0, 0.012)
    assert meets(drifted, repeats, 0.0, 0.008)


@pytest.mark.parametrize(
    ("windows", "tests", "enough"),
    [(8, 10, 0.0), (14, 10, 0.78), (30, 10, 0.99), (30, 100, 0.98), (30, 1000, 0.82)],
)
def test_power_is_what_was_said(windows, tests, enough):
    """Share found of a shift by 6 sd against the stated power; how often 80 % is reached."""
    level = family_level(tests)
    rng = np.random.default_rng(windows)
    references, news = paths(windows, 0.0, 1000, rng)
    said, found = [], []
    for reference, new in zip(references, news + EFFECT, strict=True):
        usual = usual_variation(reference)
        evidence = window_evidence([new], usual, EFFECT)
        said.append(shift_power(usual.w_eff, evidence.unit, EFFECT, level)[0])
        found.append(evidence.p_unusual[0] < level and evidence.p_material[0] < ALPHA)
    reached = np.mean(np.array(said) >= 0.8)
    print(
        f"W={windows} family={tests}: said {np.mean(said):.3f}"
        f" found {np.mean(found):.3f} ok {reached:.3f}"
    )
    assert abs(np.mean(said) - np.mean(found)) < 0.05
    assert abs(reached - enough) < 0.04


def test_the_interval_of_the_effect_covers():
    rng = np.random.default_rng(3)
    references, news = paths(30, 0.0, 1000, rng)
    inside = 0
    for reference, new in zip(references, news + 4.0, strict=True):
        low, high = effect_interval([new], usual_variation(reference))
        inside += low[0] <= 4.0 <= high[0]
    print(f"covered {inside / 1000:.3f}")
    assert meets(inside, 1000, 0.93, 0.97)


@pytest.mark.parametrize("windows", [9, 14, 30])
@pytest.mark.parametrize("part", [0.0, 0.5, 0.8])
def test_windows_that_are_correlated_beside_known_sampling_noise(part, windows):
    """part: of the variance that is not sampling, which alone carries over, with rho 0.7."""
    repeats, rng = 2000, np.random.default_rng(40 + windows)
    references, news = paths(windows, 0.7, repeats, rng)
    noise = np.full((repeats, windows), 1 - part)
    of_rows = np.sqrt(1 - part) * rng.normal(size=(repeats, windows + 1))
    references, news = (np.sqrt(part) * one for one in (references, news))
    hits, drifted = alarms(references + of_rows[:, 1:], news + of_rows[:, 0], noise, noise[:, 0])
    print(f"W={windows} part={part}: unusual {hits / repeats:.4f} drifted {drifted / repeats:.4f}")
    assert meets(hits, repeats, 0.0, 0.02 if part == 0.8 and windows < 30 else 0.0125)


def test_sampling_noise_that_looks_correlated_hides_no_shift():
    """Of references of nine windows that vary by sampling alone: a shift of 8 sd would be found."""
    repeats, rng = 2000, np.random.default_rng(41)
    references, _ = paths(9, 0.0, repeats, rng)
    powers = []
    for one in references:
        usual = usual_variation(one, np.ones(9))
        unit = window_evidence([0.0], usual, 8.0, [1.0]).unit
        powers.append(float(shift_power(usual.w_eff, unit, 8.0)[0]))
    able = np.mean(np.array(powers) >= 0.8)
    print(f"W=9: power of 80 % or more for {able:.1%} of references")
    assert meets(able * repeats, repeats, 0.85, 1.0)
