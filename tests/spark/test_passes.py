"""The source is scanned a fixed number of times, and not at all when nothing changed."""

from __future__ import annotations

import re
from datetime import timedelta

import numpy as np
import pyarrow as pa
import pytest
import source_tables
from monitors import asked_of, brought_of, context_of, new_store, rows_of, run, spec_of

from sparkdrift.spark.changes import Fingerprint
from sparkdrift.spark.profiles import profiled_rows
from sparkdrift.spark.source import open_source
from sparkdrift.spec.resolving import resolve
from sparkdrift.steps.context import Options
from sparkdrift.steps.run import run_monitor
from sparkdrift.windows import windows_between

pytestmark = [pytest.mark.spark, pytest.mark.classic]

MOST_SCANS = 3
"""Exact counters, sketches, categories."""


@pytest.fixture(scope="module")
def wide(spark, workspace):
    """A table of 20 numbers and 20 texts over 20 days."""
    rng = np.random.default_rng(3)
    count = 400
    columns = {"ts": pa.concat_arrays([source_tables.instants(d, 20, rng) for d in range(20)])}
    columns |= {f"x{i}": pa.array(rng.normal(size=count)) for i in range(20)}
    columns |= {f"c{i}": pa.array(rng.choice(["a", "b"], count).tolist()) for i in range(20)}
    source_tables.write(spark, workspace / "wide", pa.table(columns))
    return workspace / "wide"


def scans(spark, capsys, path, *, numeric=0, categorical=0, slices=0, days=2) -> int:
    """How often the plan of `profiled_rows` reads the source's files."""
    spec = spec_of(
        path,
        features={
            "numeric": [f"x{i}" for i in range(numeric)],
            "categorical": [f"c{i}" for i in range(categorical)],
        },
        slices=[f"c{i}" for i in range(slices)],
    )
    source = open_source(spark, table=None, path=str(path), row_filter=None)
    last = source_tables.day_start(days) - timedelta(seconds=1)
    windows = windows_between(source_tables.day_start(0), last, "day", "UTC")
    batch = [Fingerprint(window, 20, "") for window in windows]
    assert len(batch) == days
    rows = profiled_rows(spark, source, spec, resolve(spec, source.schema), batch)
    capsys.readouterr()
    rows.explain()
    plan = capsys.readouterr().out
    return len(re.findall(r"FileScan parquet", plan))


def test_scans_do_not_grow_with_features_slices_or_windows(spark, capsys, wide):
    one = scans(spark, capsys, wide, numeric=1, categorical=1)
    assert 1 <= one <= MOST_SCANS
    assert scans(spark, capsys, wide, numeric=20, categorical=20) == one
    assert scans(spark, capsys, wide, numeric=1, categorical=1, slices=3) == one
    assert scans(spark, capsys, wide, numeric=1, categorical=1, days=20) == one
    assert scans(spark, capsys, wide, numeric=20, categorical=20, slices=3, days=20) == one


def test_no_pass_is_made_for_kinds_that_are_absent(spark, capsys, wide):
    assert scans(spark, capsys, wide, numeric=20) <= 2
    assert scans(spark, capsys, wide, categorical=20) <= 2


MOST_BYTES = 8_000
"""Java never compiles a longer method (-XX:HugeMethodLimit)."""


def test_java_compiles_every_method_that_a_profile_generates(spark, wide):
    """Past the limit a pass is interpreted: 20 numbers took three times as long, in silence."""
    if not hasattr(spark, "_jvm"):
        pytest.skip("generated code is seen in a classic session only")
    spec = spec_of(
        wide,
        features={
            "numeric": [f"x{i}" for i in range(20)],
            "categorical": [f"c{i}" for i in range(20)],
        },
    )
    source = open_source(spark, table=None, path=str(wide), row_filter=None)
    days = windows_between(source_tables.day_start(0), source_tables.day_start(4), "day", "UTC")
    batch = [Fingerprint(window, 20, "") for window in days]
    adaptive = spark.conf.get("spark.sql.adaptive.enabled")
    spark.conf.set("spark.sql.adaptive.enabled", "false")
    try:
        rows = profiled_rows(spark, source, spec, resolve(spec, source.schema), batch)
        debug = getattr(spark._jvm.org.apache.spark.sql.execution.debug, "package$")
        stages = getattr(debug, "MODULE$").codegenStringSeq(
            rows._jdf.queryExecution().executedPlan()
        )
        sizes = [stages.apply(i)._3().maxMethodCodeSize() for i in range(stages.size())]
    finally:
        spark.conf.set("spark.sql.adaptive.enabled", adaptive)
    assert len(sizes) > 3
    assert max(sizes) < MOST_BYTES, sizes


def no_sketch_among(schemas) -> None:
    """No state of a feature comes to the driver: neither bytes nor counts of categories or bins."""
    assert schemas
    held = {field.name: field.dataType.simpleString() for one in schemas for field in one.fields}
    states = {"kll", "hll", "theta", "categories", "bins", "window_bins", "window_shares", "cells"}
    assert not states & set(held), held
    assert not [name for name, kind in held.items() if "binary" in kind], held


def test_a_settled_monitor_reads_no_source_row(spark, workspace):
    """After the first run the data files are taken away: only the log can be read."""
    rng = np.random.default_rng(4)
    source_tables.write(spark, workspace / "log", source_tables.days(0, 4, 50, rng))
    spec = spec_of(
        workspace / "log",
        reference={"begin": "2024-01-01", "end": "2024-01-03"},
        windows={"rollups": ["week"]},
    )
    store = new_store(spark, workspace / "store")
    with brought_of(spark) as brought:
        run(spark, store, spec, "first")
    no_sketch_among(brought)
    before = rows_of(spark, store, "profiles")
    for file in (workspace / "log").glob("*.parquet"):
        file.rename(file.with_suffix(".gone"))
    outcome = run(spark, store, spec, "second")
    assert outcome.profiled.due == ()
    assert outcome.judged.windows == ()
    assert outcome.reference is None
    assert rows_of(spark, store, "profiles") == before
    logged = [row for row in rows_of(spark, store, "runs").to_pylist() if row["run_id"] == "second"]
    assert {(row["step"], row["phase"]) for row in logged} == {
        (step, "SUCCEEDED") for step in ("profile", "snapshot", "drift")
    }
    assert sum(row["rows_scanned"] + row["windows"] for row in logged) == 0


def test_a_settled_monitor_asks_few_questions(spark, workspace):
    """Each costs about half a second of a run that has nothing to do.

    The source's detail and history, what last succeeded, the roll-up, the reference, what is due
    to be judged, whether anything began since the last verdict, and that verdict. Relies on the
    store of the test above.
    """
    spec = spec_of(
        workspace / "log",
        reference={"begin": "2024-01-01", "end": "2024-01-03"},
        windows={"rollups": ["week"]},
    )
    context = context_of(spark, new_store(spark, workspace / "store"), "third")
    with asked_of(spark) as asked:
        outcome = run_monitor(context, spec, Options())
    assert outcome.profiled.settled
    assert len(asked) == 9


def test_a_journal_counts_what_it_scanned(spark, workspace):
    """Relies on the store of the test above having been written by its first run."""
    store = context_of(spark, new_store(spark, workspace / "store")).store
    rows = rows_of(spark, store, "runs", "run_id = 'first' AND phase = 'SUCCEEDED'").to_pylist()
    scanned = {row["step"]: row["rows_scanned"] for row in rows}
    assert scanned == {"profile": 200, "snapshot": 0, "drift": 0, "health": 0}
