"""When a shift began, where noise is small enough to know the answer."""

from __future__ import annotations

import numpy as np
import pytest

from sparkdrift.measures import level_fit
from sparkdrift.measures.change_point import ChangePoint, NoChange, change_point
from sparkdrift.measures.series import NotMeasured

NOISE = np.random.default_rng(3).normal(size=40)


def series(start, size, *, end=None, rise=1, error=0.03, windows=30) -> np.ndarray:
    shape = np.clip((np.arange(windows) - start + 1) / rise, 0, 1)
    if end is not None:
        shape[end:] = 0
    return size * shape + error * NOISE[:windows]


def test_a_sudden_shift_that_lasts():
    found = change_point(series(18, -0.5), 0.03)
    assert isinstance(found, ChangePoint)
    assert (found.start, found.start_low, found.start_high) == (18, 18, 18)
    assert (found.full, found.end, found.gradual) == (18, None, False)
    assert found.size == pytest.approx(-0.5, abs=4 * found.error)
    assert found.before == pytest.approx(0.0, abs=0.03)
    assert found.statistic > found.limit


def test_errors_need_not_be_known():
    found = change_point(series(18, 0.5))
    assert found.start == 18
    assert found.spread == pytest.approx(0.03, rel=0.5)
    exact = change_point([0.0] * 9 + [1.0] * 4)
    assert (exact.start, exact.start_low, exact.start_high) == (9, 9, 9)
    assert exact.after == pytest.approx(1.0)


@pytest.mark.parametrize("start", [1, 29])
def test_at_either_edge(start):
    assert change_point(series(start, 0.5), 0.03).start == start


def test_no_shift_is_none():
    found = change_point(series(0, 0.0), 0.03)
    assert isinstance(found, NoChange)
    assert found.statistic < found.limit
    assert found.level == pytest.approx(0.0, abs=0.03)
    assert isinstance(change_point(np.full(12, 0.7)), NoChange)


def test_a_shift_from_before_the_series_has_no_start_in_it():
    found = change_point(series(0, 0.5), 0.03)
    assert isinstance(found, NoChange)
    assert found.level == pytest.approx(0.5, abs=0.03)


def test_a_gradual_shift_says_so():
    found = change_point(series(10, 0.5, rise=8), 0.03)
    assert found.gradual
    assert found.start_low <= 10 <= found.start_high
    assert abs(found.start - 10) <= 1
    assert abs(found.full - 17) <= 1
    assert found.after == pytest.approx(0.5, abs=0.05)


def test_a_window_that_is_shifted_in_part_is_the_start():
    found = change_point(series(10, 0.5, rise=2, error=0.01), 0.01)
    assert (found.start, found.gradual) == (10, False)


def test_a_shift_that_ended():
    found = change_point(series(12, 0.5, end=20), 0.03)
    assert (found.start, found.end) == (12, 20)
    once = change_point(series(12, 0.5, end=13), 0.03)
    assert (once.start, once.end) == (12, 13)


def test_windows_that_were_not_measured():
    values = series(18, 0.5)
    values[[3, 16, 17, 25]] = np.nan
    found = change_point(values, 0.03)
    assert found.start == 18
    assert (found.start_low, found.start_high) == (16, 18)  # it may have begun unseen
    assert found.windows == 26
    values[18] = np.nan
    assert change_point(values, 0.03).start == 19
    unknown = np.full(30, 0.03)
    unknown[18] = np.nan
    assert change_point(series(18, 0.5), unknown).windows == 29


def test_a_window_of_few_rows_weighs_little():
    values, errors = series(18, 0.3), np.full(30, 0.03)
    values[9], errors[9] = 0.9, 0.6
    found = change_point(values, errors)
    assert (found.start, found.end) == (18, None)


def test_what_is_refused():
    assert isinstance(change_point([0.1] * 7), NotMeasured)
    with pytest.raises(ValueError, match="standard errors, 0 or more"):
        change_point(np.zeros(9), -0.1)
    with pytest.raises(ValueError, match="one figure per window"):
        change_point(np.zeros((9, 2)))


def test_the_scan_of_rises_against_least_squares():
    rng = np.random.default_rng(5)
    at = np.array([0, 1, 3, 4, 5, 8, 9, 10, 12])
    values, weights = rng.normal(size=9), rng.uniform(0.5, 2, 9)
    level = weights @ values / weights.sum()
    for b in (7, 9):
        found = level_fit._rises(at, weights, values - level, b)
        steps = level_fit._steps(weights, values - level)
        for a in range(1, b):
            assert found[a, a] == pytest.approx(steps[a, b])
            for r in range(a, b):
                shape = level_fit._shape(at, a, r, b)
                root = np.sqrt(weights)
                design = np.stack([root, root * shape], axis=1)
                _, rest, _, _ = np.linalg.lstsq(design, root * values, rcond=None)
                saved = float(weights @ (values - level) ** 2 - rest[0])
                assert found[a, r] == pytest.approx(saved)
        assert np.isneginf(found[0]).all()
        assert np.isneginf(found[:, b:]).all()
