"""A classifier on rows of the source: what no column shows by itself, and clear refusals."""

from __future__ import annotations

import shutil

import numpy as np
import pyarrow as pa
import pytest
import source_tables
from monitors import new_store, run, spec_of

from sparkdrift.errors import SnapshotError, SourceError, UsageError
from sparkdrift.spark.row_samples import two_sides
from sparkdrift.spark.source import open_source
from sparkdrift.steps.classify import classify
from sparkdrift.windows import Window

pytestmark = [pytest.mark.spark, pytest.mark.classic]

SEED = 8
ROWS = 1500
KNOWN, SAME, TWISTED, FEW, LAST = range(3), 3, 4, 5, 6
SECTIONS = {
    "features": {"numeric": ["x", "y", "z"], "categorical": ["product"]},
    "reference": {"begin": "2024-01-01", "end": "2024-01-04"},
    "drift": {"multivariate": False},
    "dependence": {"pairs": [["x", "y"], ["z", "y"]]},
}


def day_rows(day: int, rng) -> pa.Table:
    """On the day TWISTED y is as large as x is: every column, and every correlation, stays."""
    count = 40 if day == FEW else ROWS
    x, y, z = rng.normal(size=(3, count))
    if day == TWISTED:
        y = np.sort(y)[np.argsort(np.argsort(np.abs(x)))]
    return pa.table(
        {
            "ts": source_tables.instants(day, count, rng),
            "x": x,
            "y": y,
            "z": z,
            "product": pa.array(np.where(rng.random(count) < 0.1, None, "card").tolist()),
        }
    )


@pytest.fixture(scope="module")
def spec(spark, workspace):
    rng = np.random.default_rng(SEED)
    table = pa.concat_tables([day_rows(day, rng) for day in range(LAST + 1)])
    for part in (table.slice(0, 1000), table.slice(1000)):
        source_tables.write(spark, workspace / "log", part)
    return spec_of(workspace / "log", **SECTIONS)


@pytest.fixture(scope="module")
def store(spark, workspace, spec):
    made = new_store(spark, workspace / "store")
    run(spark, made, spec)
    return made


def on(day):
    return source_tables.day_start(day)


def test_a_dependence_that_no_column_shows(spark, store, spec):
    found = classify(spark, store, spec, on(TWISTED), 2000)
    assert found.status == "drifted"
    assert found.window == Window(on(TWISTED), on(TWISTED + 1))
    assert {name for name, _ in found.told.features[:2]} == {"x", "y"}
    assert found.told.rows == (pytest.approx(2000, abs=150), ROWS)
    assert max(found.told.rows) <= 2000
    assert found.effect_low < found.effect < found.effect_high
    # Its correlation is 0 as before: what the two tell of each other is not.
    told = {(one.one, one.other): one for one in found.pairs}
    assert told["x", "y"].status == "drifted"
    # 1,500 rows are too few to call the other one ok.
    assert told["y", "z"].status == "insufficient_data", told
    assert told["x", "y"].told.now.value > 0.5
    assert abs(told["x", "y"].told.before.value) < 0.01


def test_a_day_like_the_reference(spark, store, spec):
    found = classify(spark, store, spec, on(SAME), 2000)
    assert found.status in ("ok", "insufficient_data")
    assert found.told.low < 0.53
    assert found.features == 4


def test_rows_are_read_in_one_bounded_sample(spark, spec):
    source = open_source(spark, table=None, path=spec.source.path, row_filter=None)
    sides = (Window(on(0), on(3)), Window(on(SAME), on(SAME + 1)))
    read = two_sides(spark, source, spec, (), sides, (0.1, 1.0))
    sizes = np.bincount(read.column("side").to_numpy())
    assert sizes[1] == ROWS
    assert sizes[0] == pytest.approx(0.1 * 3 * ROWS, abs=90)


def test_what_can_not_be_told_is_refused(spark, workspace, store, spec):
    with pytest.raises(SourceError, match=r"2024-01-06 of credit has 40 rows, 200 are needed"):
        classify(spark, store, spec, on(FEW), 2000)
    with pytest.raises(UsageError, match=r"no window with rows.*2024-01-01 to 2024-01-06"):
        classify(spark, store, spec, on(300), 2000)
    with pytest.raises(SnapshotError, match=r"no reference in force.*first judges from 2024-01-04"):
        classify(spark, store, spec, on(1), 2000)
    with pytest.raises(SnapshotError, match=r"no window of credit with rows is stored"):
        classify(spark, new_store(spark, workspace / "bare"), spec, None, 2000)
    bare = spec_of(spec.source.path, **{**SECTIONS, "reference": None})
    with pytest.raises(SnapshotError, match=r"no reference in force.*sparkdrift run"):
        classify(spark, store, bare, on(SAME), 2000)


def test_a_table_made_anew_is_not_what_was_profiled(spark, workspace, store, spec):
    kept = workspace / "kept"
    shutil.move(str(workspace / "log"), kept)
    rng = np.random.default_rng(SEED)
    try:
        source_tables.write(spark, workspace / "log", day_rows(0, rng).slice(0, 50))
        with pytest.raises(SourceError, match=r"is at version 0.*read at version 1.*gone"):
            classify(spark, store, spec, on(SAME), 2000)
        source_tables.write(spark, workspace / "log", day_rows(SAME, rng).slice(0, 50))
        with pytest.raises(SourceError, match=r"too few rows left: .* 200 needed.*had 1,500"):
            classify(spark, store, spec, on(SAME), 2000)
    finally:
        shutil.rmtree(workspace / "log")
        shutil.move(str(kept), workspace / "log")
