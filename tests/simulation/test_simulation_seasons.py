"""Weekday strata: false alarms and power with them and without, with a week and without one.

A cell draws histories of W reference days and four weeks more. Weekdays shift the mean as WEEK
says, and it wanders by tau standard deviations besides. `auto` uses strata where the reference
shows a season, `weekday` always, `none` never; 99.9 % binomial intervals.
"""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from sparkdrift.kernels.baselines import baselines
from sparkdrift.kernels.distributions import binned_figures
from sparkdrift.kernels.policy import Policy
from sparkdrift.measures import evidence

B = 10
EDGES = stats.norm.ppf(np.arange(1, B) / B)
WEEK = np.array([0, 0, 0, 0, 0, 0.4, 0.6])
FLAT = np.zeros(7)
DAYS = 28
POLICIES = {
    "none": Policy(0.32, 0.2),
    "auto": Policy(0.32, 0.2, season="weekday"),
    "weekday": Policy(0.32, 0.2, season="weekday", season_shown=False),
}


def calls(season, n, windows, week, tau, shift, repeats, seed):
    """(days drifted at 1 %, days, share of days with power, share of features in strata)."""
    rng = np.random.default_rng(seed)
    weekdays = np.arange(windows + DAYS) % 7
    drifted, able, split = 0, 0, 0
    for _ in range(repeats):
        means = week[weekdays] + tau * rng.normal(size=windows + DAYS)
        means[windows:] += shift
        below = stats.norm.cdf(EDGES - means[:, None])
        counts = rng.multinomial(n, np.diff(below, axis=1, prepend=0.0, append=1.0)).astype(float)
        reference = {
            "window_bins": [{"k": None, "counts": row.tolist()} for row in counts[:windows]],
            "window_strata": weekdays[:windows].tolist(),
        }
        whole = counts[:windows].sum(axis=0)
        known = baselines(reference, whole, np.inf, POLICIES[season], 0.32)
        split += len(known) > 1
        found = binned_figures(
            counts[windows:], np.full(DAYS, np.inf), known, weekdays[windows:].tolist(), 0.32
        )
        drifted += ((found["p_unusual"] < 0.01) & (found["p_material"] < 0.01)).sum()
        usual = (found[name] for name in ("tau2", "w_eff", "square"))
        s, bins = 1 / found["n_eff"], found["degrees"] + 1
        limit = evidence.material_limit(0.32)
        able += (evidence.power(s, bins, 0.32, limit, *usual) >= 0.8).sum()
    days = repeats * DAYS
    print(
        f"{season} n={n} W={windows} week={week.max()} tau={tau} shift={shift}:"
        f" drifted {drifted / days:.4f} power {able / days:.3f} in strata {split / repeats:.3f}"
    )
    return drifted, days, able / days, split / repeats


def meets(hits, days, low, high):
    exact = stats.binomtest(int(hits), days).proportion_ci(0.999, "exact")
    return exact.low <= high and exact.high >= low


@pytest.mark.parametrize("n", [300, 3000])
def test_without_a_season_auto_leaves_the_reference_whole(n):
    found = calls("auto", n, 60, FLAT, 0.1, 0.0, repeats=40, seed=1)
    assert found[3] == 0
    assert found == calls("none", n, 60, FLAT, 0.1, 0.0, repeats=40, seed=1)


def test_strata_take_away_the_false_alarms_of_weekends():
    """Against the whole reference every weekend is unusual and material; by weekday 0.1 %."""
    whole, days, _, _ = calls("none", 300, 60, WEEK, 0.1, 0.0, repeats=80, seed=1)
    split, _, _, share = calls("auto", 300, 60, WEEK, 0.1, 0.0, repeats=80, seed=1)
    assert share == 1
    assert meets(whole, days, 0.003, 0.008)
    assert meets(split, days, 0.0, 0.003)


def test_strata_see_a_shift_that_hides_in_the_week():
    """0.4 sd on every day: a whole reference finds it on weekends only, and has no power."""
    whole, days, able, _ = calls("none", 3000, 60, WEEK, 0.0, 0.4, repeats=30, seed=1)
    split, _, able_split, _ = calls("auto", 3000, 60, WEEK, 0.0, 0.4, repeats=30, seed=1)
    assert meets(whole, days, 0.22, 0.29)
    assert meets(split, days, 0.995, 1.0)
    assert (able, able_split) == (0.0, 1.0)


def test_strata_cost_power_where_there_is_no_season():
    """Why `weekday` is not the default: 8 windows know the usual variation worse than 60."""
    whole, days, _, _ = calls("none", 3000, 60, FLAT, 0.1, 0.4, repeats=40, seed=1)
    split, _, _, _ = calls("weekday", 3000, 60, FLAT, 0.1, 0.4, repeats=40, seed=1)
    assert meets(whole, days, 0.84, 0.91)
    assert meets(split, days, 0.46, 0.60)
