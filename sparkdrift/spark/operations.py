"""The table `operations`: its rows from stored profiles, drift and states, and writing them.

No source row is read: what is counted of a signal was counted when its window was profiled.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime

from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F

from sparkdrift.kernels import operations as kernel
from sparkdrift.kernels.operations import INPUT, ROWS, TREND_WINDOWS, Asked, Signal
from sparkdrift.spark.asked import version_of
from sparkdrift.spark.frozen_rows import frozen_rows
from sparkdrift.spark.local_rows import by_window
from sparkdrift.spark.operation_inputs import (
    Held,
    binned_states,
    counted_rows,
    edges_of_states,
    verdict_rows,
)
from sparkdrift.spark.reference_life import References
from sparkdrift.spark.sql import ddl, in_windows, quote, string
from sparkdrift.spark.window_columns import position
from sparkdrift.spec.metrics import PREFIX
from sparkdrift.spec.models import MonitorSpec
from sparkdrift.store import Store
from sparkdrift.windows import Window, contiguous

_SIGNAL = f"substring(column_name, {len(PREFIX) + 1})"
# A ratio's sum, the sum it is divided by, its rows, and the sum of squares.
_CELLS = "transform(slice(cells, 1, 4), one -> one.value)"


def operation_rows(
    spark: SparkSession,
    store: Store,
    spec: MonitorSpec,
    stored: References,
    held: Held,
    granularity: str,
    windows: Sequence[Window],
    digests: Mapping[datetime, str],
) -> DataFrame:
    """The rows of `operations` of these windows, with their `input_digest`."""
    place = position("window_start", granularity, spec.timestamp.zone)
    inside = in_windows("window_start", contiguous(windows))
    judged = granularity == spec.windows.grain
    counts = counted_rows(spark, store, spec, granularity).where(
        _looked_back(windows, place, granularity, spec)
    )
    parts = [
        _shaped(
            counts,
            kernel.COUNTS,
            {
                "signal": _SIGNAL,
                "place": place,
                "due": inside,
                "rows": "row_count",
                "cells": _CELLS,
                "reference_version": version_of(held.own) if held.own else "0",
            },
        )
    ]
    if judged and held.active:
        verdicts = verdict_rows(spark, store, spec, held).where(inside)
        parts.append(_shaped(verdicts, kernel.VERDICT, {"signal": _SIGNAL}))
    if held.own:
        names = ", ".join(string(PREFIX + name) for name in spec.operations)
        frozen = frozen_rows(spark, store, [(held.name, one.snapshot) for one in held.own]).where(
            f"column_name IN ({names})"
        )
        own = {"signal": _SIGNAL, "reference_version": "version"}
        parts.append(_shaped(frozen, kernel.FROZEN, own, ("slice_key", "slice_value", "value")))
    states = binned_states(spark, store, spec, granularity).where(inside)
    each = states.selectExpr("*", "explode(columns) AS one_signal")
    known = ", ".join(string(name) for name in spec.operations)
    parts.append(
        _shaped(each.where(f"one_signal IN ({known})"), kernel.BINNED, {"signal": "one_signal"})
    )
    rows = parts[0]
    for part in parts[1:]:
        rows = rows.unionAll(part)
    grouped = rows.repartition(*map(quote, kernel.GROUP)).sortWithinPartitions(*kernel.GROUP)
    asked = _asked(spec, granularity, edges_of_states(spark, store, spec, stored))
    told = grouped.mapInArrow(kernel.tell(asked), ddl(ROWS))
    asked_of = {one.start: digests[one.start] for one in windows if one.start in digests}
    due = by_window(spark, asked_of, "input_digest")
    return told.join(F.broadcast(due), "window_start").withColumn(
        "comparison", F.lit(held.comparison)
    )


def _looked_back(windows: Sequence[Window], place: str, granularity: str, spec: MonitorSpec) -> str:
    """A condition: the window is one of these, or one that the trend of one of them looks at."""
    first, last = min(one.start for one in windows), max(one.start for one in windows)

    def number(start: datetime) -> str:
        instant = f"timestamp_micros({int(start.timestamp() * 1_000_000)})"
        return position(instant, granularity, spec.timestamp.zone)

    return f"{place} BETWEEN {number(first)} - {TREND_WINDOWS - 1} AND {number(last)}"


def _asked(spec: MonitorSpec, granularity: str, edges: Mapping[str, Sequence[float]]) -> Asked:
    signals = {
        name: Signal(one.kind, one.is_share, one.worse) for name, one in spec.operations.items()
    }
    return Asked(signals, granularity == spec.windows.grain, granularity, edges, _unbinned(spec))


def _unbinned(spec: MonitorSpec) -> str:
    """Why no events are counted by score bin; "" where they are."""
    if spec.prediction.score is None and not (spec.evaluation and spec.evaluation.classes):
        return "the spec names no score: prediction.score"
    if spec.evaluation is None:
        return "scores are not counted: the spec has no section `evaluation`"
    if spec.evaluation.task == "multiclass":
        return "the model has a score for each class, none by which rows could be told apart"
    return ""


def _shaped(
    rows: DataFrame, part: int, own: Mapping[str, str], kept: Sequence[str] | None = None
) -> DataFrame:
    """Rows as the kernel takes them; what they have not is NULL. kept: columns taken as they are;
    None: all that both have."""
    names = rows.columns if kept is None else kept
    told = {name: name for name in INPUT if name in names} | {**own, "part": str(part)}
    return rows.selectExpr(
        *(f"CAST({told.get(name, 'NULL')} AS {kind}) AS {name}" for name, kind in INPUT.items())
    )
