"""Moments of features by class, counted in Spark, equal those of numpy."""

from __future__ import annotations

import json
from datetime import timedelta

import numpy as np
import pyarrow as pa
import pytest
import source_tables
from monitors import spec_of

from sparkdrift.kernels.feature_association import REST
from sparkdrift.spark.class_moments import MOST_CATEGORIES, Target, class_moments
from sparkdrift.spark.counters import WINDOW
from sparkdrift.spark.counters import finite as finite_sql
from sparkdrift.spec.resolving import resolve

pytestmark = [pytest.mark.spark, pytest.mark.classic]

SEED, ROWS, DAYS = 19, 3000, 2
NUMBERS = [f"x{i}" for i in range(6)]


@pytest.fixture(scope="module")
def rows() -> pa.Table:
    rng = np.random.default_rng(SEED)
    at = rng.integers(0, DAYS, ROWS)
    found = {
        WINDOW: pa.array(
            [source_tables.START + timedelta(days=int(one)) for one in at], source_tables.TIMESTAMP
        ),
        "day": pa.array(at),
        "y": pa.array(rng.integers(0, 2, ROWS).astype(float), mask=rng.random(ROWS) < 0.2),
    }
    for i, name in enumerate(NUMBERS):
        x = rng.normal(10.0**i, 1, ROWS)
        x[rng.integers(0, ROWS, 30)] = np.nan
        x[rng.integers(0, ROWS, 5)] = np.inf
        found[name] = pa.array(x, mask=rng.random(ROWS) < 0.1)
    found["c"] = pa.array(rng.choice(["a", 'b "q"', None], ROWS))
    # More values than are kept apart; the first ones are the most frequent.
    many = np.minimum(rng.integers(0, 150, ROWS), rng.integers(0, 150, ROWS))
    found["many"] = pa.array([f"v{one:03}" for one in many])
    return pa.table(found)


def counted(spark, rows, target):
    features = {"numeric": NUMBERS, "categorical": ["c", "many"]}
    spec = spec_of("/nowhere", features=features, prediction={"label": "y"})
    schema = {field.name: "double" for field in rows.schema} | {"c": "string", "many": "string"}
    frame = spark.createDataFrame(rows)
    known = resolve(spec, {**schema, "ts": "timestamp"}).usable
    found = class_moments(frame, spec, known, target).toArrow().to_pylist()
    return {
        ((one["window_start"] - source_tables.START).days, *json.loads(one["name"])): one
        for one in found
    }


def finite(rows, name, day):
    """(value, label) of the labelled rows of a day in which the value is finite."""
    x = rows[name].to_numpy(zero_copy_only=False).astype(float)
    y = rows["y"].to_numpy(zero_copy_only=False).astype(float)
    kept = np.isfinite(x) & np.isfinite(y) & (rows["day"].to_numpy() == day)
    return x[kept], y[kept]


def test_by_class(spark, rows):
    found = counted(spark, rows, Target("CAST(CAST(y AS INT) AS STRING)", number=False))
    for name in NUMBERS:
        for day in range(DAYS):
            x, y = finite(rows, name, day)
            for of in "01":
                one, own = found[day, name, of], x[y == int(of)]
                assert one["columns"] == [name, of]
                wanted = [len(own), own.mean(), own.var() * len(own)]
                np.testing.assert_allclose(one["cells"], wanted, rtol=1e-9)
                assert one["own_definition"]
    for name in ("c", "many"):
        for day in range(DAYS):
            text = rows[name].to_pylist()
            y = rows["y"].to_pylist()
            at = rows["day"].to_pylist()
            kept = [
                (t, c) for t, c, d in zip(text, y, at, strict=True) if d == day and c is not None
            ]
            for of in (0.0, 1.0):
                one = found[day, name, str(int(of))]
                assert one["columns"][:2] == [name, str(int(of))]
                counts = dict(zip(one["columns"][2:], one["cells"], strict=True))
                own = [t for t, c in kept if c == of and t is not None]
                assert sum(counts.values()) == len(own)
                for item, n in counts.items():
                    assert item == REST or n == own.count(item)
    # The same categories are kept apart for both classes.
    listed = [{*found[0, "many", of]["columns"][2:]} for of in "01"]
    assert len(set.union(*listed) - {REST}) == MOST_CATEGORIES
    assert all(REST in one for one in listed)


def test_a_label_that_is_a_number(spark, rows):
    found = counted(spark, rows, Target(finite_sql("x0 + y"), number=True))
    x0, y = finite(rows, "x0", 0)
    both = x0 + y
    cells = found[0, "x0", None]["cells"]
    u, v = x0 - x0.mean(), both - both.mean()
    np.testing.assert_allclose(
        cells, [len(x0), x0.mean(), both.mean(), u @ u, v @ v, u @ v], rtol=1e-9
    )
    one = found[0, "many", None]
    parts = np.reshape(one["cells"], (-1, 3))
    assert one["columns"][:2] == ["many", None]
    assert len(one["columns"]) == 2 + len(parts)
    whole = np.average(parts[:, 1], weights=parts[:, 0])
    squares = parts[:, 2].sum() + (parts[:, 0] * (parts[:, 1] - whole) ** 2).sum()
    # The label is known where x0 is finite and y is.
    assert parts[:, 0].sum() == len(both)
    assert whole == pytest.approx(both.mean())
    assert squares == pytest.approx(both.var() * len(both))
