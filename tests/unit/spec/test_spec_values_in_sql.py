"""Random directions against numpy and SciPy, and what a double can't hold."""

from __future__ import annotations

import re
from decimal import Decimal

import numpy as np
import pytest
from scipy import stats

from sparkdrift.spec.values_in_sql import NO_REMAINDER, direction, remainder


def directions(dimension: int, seed: int, count: int) -> np.ndarray:
    return np.array([direction(dimension, seed, i) for i in range(count)], dtype=np.float64)


@pytest.mark.parametrize("dimension", [1, 2, 16, 1536])
def test_directions_are_unit_vectors(dimension: int) -> None:
    lengths = np.linalg.norm(directions(dimension, 3, 8), axis=1)
    np.testing.assert_allclose(lengths, 1, atol=1e-7)


def test_directions_never_change() -> None:
    # Golden: another value here makes stored projections foreign.
    assert direction(3, 0, 0) == ("-0.350886438", "0.435446087", "0.829014724")


def test_directions_differ_by_seed_and_number() -> None:
    made = directions(16, 0, 64)
    nearness = np.abs(made @ made.T - np.eye(64))
    assert nearness.max() < 0.9
    assert direction(16, 0, 1) != direction(16, 1, 0)


@pytest.mark.parametrize("dimension", [2, 3, 16])
def test_directions_are_uniform_on_the_sphere(dimension: int) -> None:
    # A coordinate c of a uniform unit vector has c^2 ~ Beta(1/2, (d-1)/2).
    made = directions(dimension, 1, 2000)
    for coordinate in (0, dimension - 1):
        squares = made[:, coordinate] ** 2
        p = stats.kstest(squares, stats.beta(0.5, (dimension - 1) / 2).cdf).pvalue
        assert p > 1e-3
        assert 850 < (made[:, coordinate] > 0).sum() < 1150
    # No direction is preferred: the second moments are those of the sphere.
    moments = made.T @ made / len(made)
    np.testing.assert_allclose(moments, np.eye(dimension) / dimension, atol=0.05)


@pytest.mark.parametrize(
    "data_type",
    ["tinyint", "smallint", "int", "float", "double", "decimal(15,0)", "decimal(10,2)", "string"],
)
def test_types_that_a_double_holds(data_type: str) -> None:
    assert remainder("`x`", data_type) == NO_REMAINDER


def test_bigint_is_held_up_to_two_to_the_53() -> None:
    assert remainder("`x`", "bigint") == (
        "CASE WHEN `x` NOT BETWEEN -9007199254740992 AND 9007199254740992"
        " THEN CAST(`x` AS STRING) END"
    )


@pytest.mark.parametrize("scale", [0, 1, 2, 15, 16, 18, 37, 38])
def test_decimals_are_held_up_to_fifteen_digits(scale: int) -> None:
    sql = remainder("x", f"decimal(38,{scale})")
    most = re.fullmatch(r".*BETWEEN -([0-9.]+)BD AND \1BD THEN CAST\(x AS STRING\) END", sql)
    assert most is not None
    limit = Decimal(most[1])
    assert limit == Decimal(10**15 - 1).scaleb(-scale)
    # Neighbours below the limit are different doubles, and the first beyond may not be.
    unit = Decimal(1).scaleb(-scale)
    assert float(limit) != float(limit - unit)
    assert float(limit * 1000) == float(limit * 1000 + unit / 100)
