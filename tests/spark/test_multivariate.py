"""All inputs together and a vector, judged in a whole run: planted shifts that no feature shows."""

from __future__ import annotations

import shutil

import numpy as np
import pyarrow as pa
import pytest
import source_tables
from monitors import new_store, rows_of, run, spec_of

from sparkdrift.spark.overview import overview
from sparkdrift.spark.sql import string
from sparkdrift.store import Store

pytestmark = [pytest.mark.spark, pytest.mark.classic]

SEED = 6
INPUTS = ":inputs"
ROWS = 4500
KNOWN = 14
"""Days 0 to 13 are the reference's."""
QUIET, MOVED, CLOUD = (14, 15, 16), (17, 18, 19), 20
DAYS = 21
NUMBERS = [f"x{i}" for i in range(8)]
SHIFT = 0.14
"""Of each of eight numbers, in sd: 0.4 together, and too little for any of them."""
DIMENSION = 16
SECTIONS = {
    "features": {
        "numeric": NUMBERS,
        "categorical": ["product"],
        "vector": [{"column": "embedding", "dimension": DIMENSION, "projections": 6}],
    },
    "prediction": {"score": "score"},
    "slices": ["region"],
    "metrics": {"mean": {"ratio": ["x0", 1]}},
    "reference": {"begin": "2024-01-01", "end": "2024-01-15"},
}


def day_rows(day: int, rng) -> pa.Table:
    shift = SHIFT if day in MOVED else 0.0
    cloud = rng.normal(0.7 if day == CLOUD else 0.0, 1, (ROWS, DIMENSION))
    # The score moves on a quiet day: it is no input.
    score = rng.normal(1.0 if day in QUIET else 0.0, 1, ROWS)
    return pa.table(
        {
            "ts": source_tables.instants(day, ROWS, rng),
            **{name: rng.normal(shift, 1, ROWS) for name in NUMBERS},
            "product": pa.array(rng.choice(["card", "loan"], ROWS).tolist()),
            "embedding": pa.array(cloud.tolist(), pa.list_(pa.float64())),
            "score": score,
            "region": pa.array(rng.choice(["north", "south"], ROWS).tolist()),
        }
    )


@pytest.fixture(scope="module")
def source(spark, workspace):
    rng = np.random.default_rng(SEED)
    table = pa.concat_tables([day_rows(day, rng) for day in range(DAYS + 1)])
    source_tables.write(spark, workspace / "log", table)
    return workspace / "log"


@pytest.fixture(scope="module")
def spec(source):
    return spec_of(source, **SECTIONS)


@pytest.fixture(scope="module")
def store(spark, workspace, spec):
    made = new_store(spark, workspace / "store")
    run(spark, made, spec)
    return made


@pytest.fixture(scope="module")
def drift(spark, store):
    return rows_of(spark, store, "drift").to_pylist()


def copy_of(store, folder) -> Store:
    shutil.copytree(str(store.directory), folder)
    return Store(directory=str(folder))


def of(drift, day, name=None, slice_key="*"):
    start = source_tables.day_start(day)
    found = [r for r in drift if r["window_start"] == start and r["slice_key"] == slice_key]
    return (
        {r["column_name"]: r for r in found}
        if name is None
        else next(r for r in found if r["column_name"] == name)
    )


def test_many_small_shifts_are_seen_together_and_in_no_feature(drift):
    for day in MOVED:
        rows = of(drift, day)
        joint = rows.pop(INPUTS)
        assert joint["status"] == "drifted", joint["reason"]
        assert joint["alerting"]
        # Sketches are random: of intervals of 95 % one in twenty would fail.
        assert joint["effect"] == pytest.approx(SHIFT * np.sqrt(8), abs=0.1)
        assert joint["effect_low"] < joint["effect"] < joint["effect_high"]
        assert joint["joint"] > 2
        told = f"{joint['effect']:.2f} sd"
        assert joint["reason"].startswith(f"shifted by {told} (limit 0.32): all inputs together")
        assert ", most of it x" in joint["reason"]
        assert joint["explanation"].startswith(f"all inputs together moved by {told}")
        # Its own metric is known far better than a single value of x0.
        rows.pop("metric:mean")
        assert {r["status"] for r in rows.values()} <= {"ok"}


def test_a_quiet_day_is_quiet_whatever_the_score_does(drift):
    for day in QUIET:
        rows = of(drift, day)
        assert rows["score"]["status"] == "drifted"
        assert rows[INPUTS]["status"] == "ok", rows[INPUTS]["reason"]
        assert rows["embedding"]["status"] == "ok", rows["embedding"]["reason"]
        assert rows[INPUTS]["joint"] < 2
        assert rows[INPUTS]["row_count"] == ROWS


def test_a_cloud_that_moved_is_one_row_of_the_vector(drift):
    row = of(drift, CLOUD, "embedding")
    assert row["status"] == "drifted", row["reason"]
    assert row["wasserstein_distance"] > 0.3
    assert row["d_statistic"] is None
    assert row["explanation"].startswith("embedding moved by ")
    assert row["reason"].endswith("averaged over its projections")
    # Its parts stay features, and none of them is called like it.
    parts = [name for name in of(drift, CLOUD) if name.startswith("embedding.")]
    assert len(parts) == 8


def test_one_row_a_window_of_the_whole_table_and_none_of_metrics(spark, store, drift):
    for name in (INPUTS, "embedding"):
        rows = [r for r in drift if r["column_name"] == name]
        assert len(rows) == DAYS
        assert {(r["slice_key"], r["comparison"]) for r in rows} == {("*", "baseline")}
        early = [r for r in rows if r["window_start"] < source_tables.day_start(KNOWN)]
        assert {(r["status"], r["reference_version"]) for r in early} == {("no_reference", 0)}
    joined = [r for r in drift if r["joint"] is not None]
    assert {r["column_name"] for r in joined} == {INPUTS}
    assert "metric:mean" not in joined[0]["reason"]
    held = rows_of(spark, store, "reference_profiles", f"column_name = {string(INPUTS)}")
    assert not held.num_rows


def test_they_are_of_the_family_of_their_window(drift):
    rows = of(drift, QUIET[0])
    for name in (INPUTS, "embedding"):
        assert rows[name]["q_value"] >= rows[name]["p_unusual"]


def test_nothing_is_due_again(spark, store, spec):
    assert run(spark, store, spec).judged.windows == ()


def test_the_overview_has_them_in_their_places(spark, store, spec):
    with overview(spark, store) as asked:
        verdicts = {(r["slice_key"], r["column_name"]): r for r in asked.verdicts(spec)}
    assert verdicts[("*", INPUTS)]["drifted"] == len((*MOVED, CLOUD))
    assert verdicts[("*", INPUTS)]["since"] is not None


def test_without_the_section_there_are_none(spark, workspace, store, spec):
    copied = copy_of(store, workspace / "off")
    off = spec_of(spec.source.path, **SECTIONS, drift={"multivariate": False})
    run(spark, copied, off)
    rows = rows_of(spark, copied, "drift").to_pylist()
    by_policy: dict = {}
    for row in rows:
        by_policy.setdefault(row["policy_hash"], set()).add(row["column_name"])
    with_them, without = sorted(by_policy.values(), key=len, reverse=True)
    assert with_them - without == {INPUTS, "embedding"}
    assert run(spark, copied, off).judged.windows == ()


def test_a_reference_of_few_windows_says_so(spark, workspace, store, source):
    few = spec_of(source, **{**SECTIONS, "reference": {"begin": "2024-01-01", "end": "2024-01-08"}})
    copied = copy_of(store, workspace / "few")
    run(spark, copied, few)
    rows = rows_of(spark, copied, "drift", f"column_name = {string(INPUTS)}").to_pylist()
    judged = [r for r in rows if r["reference_version"] == 2]
    assert len(judged) == DAYS - 7
    assert {r["status"] for r in judged} == {"insufficient_data"}
    assert {r["reason"] for r in judged} == {"7 reference windows to compare, 8 needed"}
    assert {r["effect"] for r in judged} == {None}
