"""m of n windows: against counting by hand, and with windows that were not measured."""

from __future__ import annotations

import numpy as np
import pytest

from sparkdrift.measures.persistence import raised, standing

NONE = np.nan


@pytest.mark.parametrize(
    ("alerting", "expected"),
    [
        ([1, 0, 0, 1, 0, 0], [0, 0, 0, 0, 0, 0]),
        ([1, 1, 0, 0, 0, 0], [0, 1, 1, 0, 0, 0]),
        ([1, 0, 1, 0, 1, 0, 0], [0, 0, 1, 0, 1, 0, 0]),
        ([0, 1, 1, 1, 0, 1, 1], [0, 0, 1, 1, 1, 1, 1]),
        # what was not measured neither raises nor clears
        ([1, NONE, NONE, 1, NONE, NONE, 0, 0], [0, 0, 0, 1, 1, 1, 1, 0]),
        ([NONE, 1, NONE, 0, NONE, 1], [0, 0, 0, 0, 0, 1]),
        ([NONE, NONE], [0, 0]),
        ([], []),
    ],
)
def test_two_of_three(alerting, expected):
    np.testing.assert_array_equal(standing(alerting, 2, 3), np.array(expected, dtype=bool))


@pytest.mark.parametrize(("windows", "of"), [(1, 1), (2, 2), (2, 3), (3, 5), (4, 30)])
def test_against_counting(windows, of):
    rng = np.random.default_rng(windows * of)
    rows = rng.choice([0.0, 1.0, np.nan], (20, 60), p=[0.5, 0.3, 0.2])
    found = standing(rows, windows, of)
    for row, stands in zip(rows, found, strict=True):
        for i in range(len(row)):
            last = [v for v in row[: i + 1] if np.isfinite(v)][-of:]
            assert stands[i] == (sum(last) >= windows)


def test_one_of_one_is_the_window_alone():
    row = np.array([0.0, 1.0, 1.0, 0.0, 1.0])
    np.testing.assert_array_equal(standing(row, 1, 1), row > 0)
    np.testing.assert_array_equal(raised(row), [False, True, False, False, True])
