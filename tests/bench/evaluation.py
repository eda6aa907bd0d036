"""Performance of many slices and windows from stored states, session start included."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Iterator
from typing import Any

import numpy as np

from tests.bench import ours
from tests.bench.asked import Asked
from tests.bench.table import Measured
from tests.bench.watching import apart

_SLICES, _WEEKS, _ROWS_PER_WEEK, _EVALUATED = 50, 52, 20_000, 100_000
_THRESHOLD = 0.4


def evaluation(asked: Asked) -> Iterator[Measured]:
    """50 slices x 52 weeks: estimated, realised, skill, fairness; no source row is read."""
    share = asked.share(_WEEKS * _ROWS_PER_WEEK)
    slices, weeks = (max(2, round(of * min(1.0, 10 * share))) for of in (_SLICES, _WEEKS))
    with tempfile.TemporaryDirectory() as folder:
        apart(prepared, folder, slices, weeks, max(slices, round(_ROWS_PER_WEEK * share)))
        found, used = apart(performed, folder)
    yield Measured(
        f"performance, {slices} slices x {weeks} weeks x {found['metrics']} metrics",
        used.seconds or found["seconds"],
        target="<= 30 s on 2 cores, with session start",
        note=f"{found['rows']:,} rows written from stored states; the step itself "
        f"{found['seconds']:.1f} s, again with nothing due {found['again']:.1f} s; {used}",
        figures={"step_s": found["seconds"], "rows": found["rows"]},
    )


def prepared(folder: str, slices: int, weeks: int, rows: int) -> None:
    """A store with an evaluation set and the states of every week and slice."""
    from sparkdrift.measures.score_bins import choose_edges

    rng = np.random.default_rng(29)
    scores, labels, group = _drawn(rng, max(_EVALUATED * rows // _ROWS_PER_WEEK, 2_000), slices)
    edges = choose_edges(scores, labels, [_THRESHOLD])
    known = _counted(edges, scores, labels, group, slices)
    windows = {
        week: _counted(edges, *_drawn(rng, rows, slices, week / weeks), slices)
        for week in range(weeks)
    }
    with ours.session() as (spark, _):
        store = ours.new_store(spark, folder)
        ours.store_evaluation(spark, store, edges, known, windows)


def performed(folder: str) -> dict[str, Any]:
    """Seconds of the step, and of one with nothing to do."""
    with ours.session() as (spark, _):
        store = ours.open_folder(folder)
        spec = monitor()
        begun = time.perf_counter()
        ours.performance_step(spark, store, spec)
        seconds = time.perf_counter() - begun
        begun = time.perf_counter()
        ours.performance_step(spark, store, spec)
        again = time.perf_counter() - begun
        written = spark.table(store.table("performance"))
        rows, metrics = written.selectExpr("count(*)", "count(DISTINCT metric)").collect()[0]
        return {"seconds": seconds, "again": again, "rows": rows, "metrics": metrics}


def monitor() -> Any:
    """The spec: by week, with a price for each cell, and fairness between the slices."""
    worth = ("true_positive", "false_positive", "false_negative", "true_negative")
    return ours.monitor(
        "/nowhere",
        ["score"],
        [],
        windows={"grain": "week"},
        prediction={"score": "score", "label": "label", "label_delay": "30 days"},
        slices=["region"],
        evaluation={
            "sets": {"holdout": {"path": "holdout"}},
            "thresholds": {"accept": {"value": _THRESHOLD}},
            "groups": ["region"],
        },
        degraded={
            "metric": "accuracy",
            "tolerated_loss": 0.03,
            "payoff": dict(zip(worth, (60, -100, -20, 1), strict=True)),
        },
    )


def _drawn(rng: np.random.Generator, rows: int, slices: int, shift: float = 0.0) -> tuple[Any, ...]:
    x = rng.normal(-0.5 + shift, 1.3, rows)
    labels = (rng.random(rows) < 1 / (1 + np.exp(0.2 - 0.8 * x))).astype(float)
    return 1 / (1 + np.exp(-x)), labels, rng.integers(0, slices, rows)


def _counted(edges: Any, scores: Any, labels: Any, group: Any, slices: int) -> list[Any]:
    """(slice_key, slice_value, rows, state) of the whole and of each slice."""
    from sparkdrift.measures.score_bins import count, flat

    parts = [("*", "*", slice(None))]
    parts += [("region", f"region {i}", group == i) for i in range(slices)]
    return [
        (key, value, len(scores[at]), flat(count(edges, scores[at], labels[at])))
        for key, value, at in parts
    ]
