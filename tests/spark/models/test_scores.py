"""Counting scores in Spark equals counting them in numpy, whatever the rows."""

from __future__ import annotations

from datetime import timedelta

import numpy as np
import pyarrow as pa
import pytest
import source_tables
from monitors import spec_of

from sparkdrift.measures import regression_error, score_bins
from sparkdrift.spark.counters import WINDOW
from sparkdrift.spark.scores import Cut, count_scores
from sparkdrift.spark.slicing import Slices
from sparkdrift.spec.scoring import scores_of, watched_columns
from sparkdrift.windows import Window

pytestmark = [pytest.mark.spark, pytest.mark.classic]

DAYS = 3
ROWS = 4_000


def day(number: int) -> Window:
    return Window(source_tables.day_start(number), source_tables.day_start(number + 1))


def rows_of(rng) -> pa.Table:
    """Rows with everything in them that may go wrong."""
    score = rng.beta(2, 4, ROWS)
    score[rng.random(ROWS) < 0.1] = 0.25
    for value in (np.nan, -0.1, 1.5, 0.0, 1.0, -0.0, np.inf):
        score[rng.integers(0, ROWS, 40)] = value
    label = (rng.random(ROWS) < np.nan_to_num(score, posinf=1)).astype(float)
    label[rng.random(ROWS) < 0.2] = np.nan
    label[rng.integers(0, ROWS, 30)] = 2
    decision = (score >= 0.3).astype(float)
    decision[rng.integers(0, ROWS, 100)] = np.nan
    missing = rng.random(ROWS) < 0.05
    region = rng.choice(["north", "south"], ROWS).astype(object)
    region[rng.integers(0, ROWS, 50)] = None
    at = rng.integers(0, DAYS - 1, ROWS)  # the last day has no row
    return pa.table(
        {
            WINDOW: pa.array(
                [source_tables.START + timedelta(days=int(one)) for one in at],
                source_tables.TIMESTAMP,
            ),
            "day": pa.array(at),
            "s": pa.array(score, mask=missing),
            "y": pa.array(label, mask=rng.random(ROWS) < 0.1),
            "d": pa.array(decision, mask=rng.random(ROWS) < 0.1),
            "amount": pa.array(rng.normal(2, 1, ROWS), mask=rng.random(ROWS) < 0.1),
            "region": pa.array(region.tolist(), pa.string()),
        }
    )


def plain(rows: pa.Table, name: str) -> np.ndarray:
    return rows.column(name).to_numpy().astype(float)


def slices_in(rows: pa.Table, number: int):
    """(slice_key, slice_value, rows) of a day's slices."""
    own = rows.filter(pa.compute.equal(rows.column("day"), number))
    yield "*", "*", own
    region = own.column("region").to_pylist()
    for value in dict.fromkeys(region):
        yield "region", value, own.filter(pa.array([one == value for one in region]))


def counted(spark, rows, spec, cuts, slices=None) -> dict:
    """Cells by (kind, name, day, slice_key, slice_value)."""
    frame = spark.createDataFrame(rows.combine_chunks())
    scores = scores_of(spec, spec.evaluation, watched_columns(spec))
    slices = Slices((("region",),)) if slices is None else slices
    found = count_scores(frame, spec.evaluation, scores, cuts, slices).toArrow().to_pylist()
    keys = [
        (
            one["kind"],
            one["name"],
            (one["window_start"] - source_tables.START).days,
            one["slice_key"],
            one["slice_value"],
        )
        for one in found
    ]
    assert len(set(keys)) == len(keys)
    return {key: np.array(one["cells"]) for key, one in zip(keys, found, strict=True)}


def test_binary_states_are_those_of_the_same_rows(spark):
    seed = 20260101
    rng = np.random.default_rng(seed)
    rows = rows_of(rng)
    spec = spec_of(
        "/t",
        prediction={"score": "s", "decision": "d", "label": "y"},
        evaluation={"baseline": {"rule": "amount > 2"}, "value": "amount * 10"},
    )
    edges = [
        tuple(score_bins.choose_edges(rng.beta(2, 4, 3_000), rng.integers(0, 2, 3_000), [0.3])),
        (0.25, float(np.nextafter(0.25, 1)), 0.5),
        (),
    ]
    cuts = [
        Cut("test:1", 0, edges[0], (day(0),)),
        Cut("test:2", 0, edges[1], (day(1), day(2))),
        Cut("other:1", 0, edges[2], (day(0), day(1), day(2))),
    ]
    found = counted(spark, rows, spec, cuts)
    where = [("test:1", 0, 0), ("test:2", 1, 1), ("other:1", 0, 2), ("other:1", 1, 2)]
    looked = 0
    for name, number, which in where:
        for key, value, own in slices_in(rows, number):
            s, y, d, amount = (plain(own, column) for column in ("s", "y", "d", "amount"))
            state = score_bins.flat(score_bins.count(edges[which], s, y, d))
            place = (name, number, key, value)
            np.testing.assert_allclose(
                found[("scores", *place)], state, rtol=1e-12, atol=1e-12, err_msg=f"{seed} {place}"
            )
            used = (s >= 0) & (s <= 1) & np.isin(y, (0, 1))
            rule = np.where(np.isnan(amount), np.nan, amount > 2)
            cells = [((rule == a) & (y == b) & used).sum() for a, b in ((1, 1), (1, 0), (0, 1))]
            assert found[("baseline", *place)][:3].tolist() == cells, (seed, place)
            valued = amount[used & ~np.isnan(amount)] * 10
            np.testing.assert_allclose(
                found[("value", *place)], [len(valued), valued.sum(), (valued**2).sum()]
            )
            looked += 1
    assert looked == 16
    # A window without rows has a state all the same, of the whole table.
    assert not found["scores", "test:2", 2, "*", "*"].any()
    assert len(found["scores", "test:2", 2, "*", "*"]) == 4 * 12 + 3
    assert not [key for key in found if key[2] == 2 and key[3] != "*"]
    assert ("scores", "test:1", 1, "*", "*") not in found


def test_without_a_recorded_decision_the_first_threshold_decides(spark):
    rows = rows_of(np.random.default_rng(5))
    spec = spec_of(
        "/t",
        prediction={"score": "s"},
        evaluation={
            "positive": {"label": "y >= 1"},
            "thresholds": {"second": {"value": 0.3}, "first": {"value": 0.1}},
        },
    )
    found = counted(spark, rows, spec, [Cut("test:1", 0, (0.3,), (day(0),))], Slices())
    _, _, own = next(slices_in(rows, 0))
    s, y = plain(own, "s"), plain(own, "y")
    # NaN is greater than any number to Spark, as the condition was written.
    y = np.where(own.column("y").is_null().to_numpy(), np.nan, ~(y < 1))
    state = score_bins.flat(score_bins.count([0.3], s, y, np.where(np.isnan(s), np.nan, s >= 0.3)))
    np.testing.assert_allclose(found["scores", "test:1", 0, "*", "*"], state, rtol=1e-12)


def test_errors_of_numbers_are_those_of_the_same_rows(spark):
    seed = 7
    rng = np.random.default_rng(seed)
    rows = rows_of(rng)
    spec = spec_of(
        "/t",
        prediction={"score": "s", "label": "y"},
        evaluation={"task": "regression", "baseline": {"value": "amount"}},
    )
    edges = (0.1, 0.25, 0.5)
    found = counted(spark, rows, spec, [Cut("test:1", 0, edges, (day(0), day(1)))])
    for number in (0, 1):
        for key, value, own in slices_in(rows, number):
            s, y, amount = (plain(own, column) for column in ("s", "y", "amount"))
            at = np.where(np.isfinite(s), np.searchsorted(edges, s, side="right"), -1)
            state = [regression_error.count(s[at == b], y[at == b]) for b in range(4)]
            place = ("test:1", number, key, value)
            np.testing.assert_allclose(
                found[("errors", *place)], np.ravel(state), rtol=1e-10, err_msg=f"{seed} {place}"
            )
            assert found[("left_out", *place)].tolist() == [(~np.isfinite(s)).sum()], place
            both = np.isfinite(s) & np.isfinite(y)
            # What has no prediction is no row of the baseline either.
            made = np.isfinite(s)
            ruled = regression_error.count(np.where(both, amount, np.nan)[made], y[made])
            np.testing.assert_allclose(found[("baseline", *place)], ruled, rtol=1e-10)


def test_each_class_is_counted_against_all_others(spark):
    rng = np.random.default_rng(8)
    shares = rng.dirichlet((2, 1, 1), ROWS)
    shares[:50, 0] = np.nan
    shares[50:60] = 1 / 3
    names = np.array(["a", "b", "c"])
    truth = names[[rng.choice(3, p=one) if one[0] == one[0] else 0 for one in shares]].astype(
        object
    )
    truth[100:150], truth[150:170] = None, "d"
    rows = pa.table(
        {
            WINDOW: pa.array([source_tables.START] * ROWS, source_tables.TIMESTAMP),
            **{f"p{name}": shares[:, i] for i, name in enumerate(names)},
            "y": pa.array(truth.tolist()),
        }
    )
    spec = spec_of(
        "/t",
        prediction={"label": "y"},
        evaluation={"task": "multiclass", "classes": {name: f"p{name}" for name in names}},
    )
    cuts = [Cut(f"test:1:{name}", i, (0.2, 0.4), (day(0),)) for i, name in enumerate(names)]
    found = counted(spark, rows, spec, cuts, Slices())
    known = np.isin(truth.astype(str), names)
    missing = np.array([one is None for one in truth])
    chosen = np.where(np.isnan(shares).any(axis=1), -1, np.argmax(np.nan_to_num(shares), axis=1))
    for i, name in enumerate(names):
        y = np.where(missing, np.nan, np.where(known, truth == name, 2)).astype(float)
        d = np.where(chosen < 0, np.nan, chosen == i)
        state = score_bins.flat(score_bins.count((0.2, 0.4), shares[:, i], y, d))
        np.testing.assert_allclose(
            found["scores", f"test:1:{name}", 0, "*", "*"], state, rtol=1e-12, atol=1e-12
        )


def test_java_compiles_what_counting_generates(spark):
    if not hasattr(spark, "_jvm"):
        pytest.skip("generated code is seen in a classic session only")
    rows = spark.createDataFrame(rows_of(np.random.default_rng(1)).combine_chunks())
    spec = spec_of(
        "/t",
        prediction={"score": "s", "decision": "d", "label": "y"},
        evaluation={"baseline": {"rule": "amount > 2"}, "value": "amount * 10"},
    )
    edges = tuple(np.linspace(0, 1, 250)[1:])
    scores = scores_of(spec, spec.evaluation, watched_columns(spec))
    adaptive = spark.conf.get("spark.sql.adaptive.enabled")
    spark.conf.set("spark.sql.adaptive.enabled", "false")
    try:
        cuts = [Cut(f"test:{i}", 0, edges, (day(i),)) for i in range(2)]
        found = count_scores(rows, spec.evaluation, scores, cuts, Slices((("region",),)))
        debug = getattr(spark._jvm.org.apache.spark.sql.execution.debug, "package$")
        stages = getattr(debug, "MODULE$").codegenStringSeq(
            found._jdf.queryExecution().executedPlan()
        )
        sizes = [stages.apply(i)._3().maxMethodCodeSize() for i in range(stages.size())]
    finally:
        spark.conf.set("spark.sql.adaptive.enabled", adaptive)
    print("bytes of the longest methods:", sizes)
    assert len(sizes) > 2
    assert max(sizes) < 8_000
