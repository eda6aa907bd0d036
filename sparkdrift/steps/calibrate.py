"""Calibrate: what alarm rate the thresholds would have had, and which ones would fit better.

Reads a reference, and for the cost of a shift a sample of labelled source rows; writes nothing.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa

from sparkdrift.errors import SnapshotError
from sparkdrift.kernels.tallying import Sums
from sparkdrift.measures.alarm_rates import EFFECTS, Rate, rate_at, smallest_effect
from sparkdrift.measures.arrays import Floats
from sparkdrift.measures.influence import METRICS, Cost, Labelled, cost_of_shift, influence
from sparkdrift.spark.expressions import resolve_source
from sparkdrift.spark.reference_life import Snapshot, stored_references
from sparkdrift.spark.replays import reference_bins, replayed_windows
from sparkdrift.spark.row_samples import labelled_rows
from sparkdrift.spark.source import source_of
from sparkdrift.spec.models import MonitorSpec
from sparkdrift.store import Store

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

# Rows that the cost of a shift is estimated from: enough for a per cent, little for a driver.
MOST_ROWS = 200_000
_LEAST_WINDOWS = 4
_DAYS = {"hour": 1 / 24, "day": 1.0, "week": 7.0, "month": 365.2425 / 12}
_DAYS_PER_MONTH = 365.2425 / 12


@dataclass(frozen=True)
class Alerting:
    """One slice and feature that would have alerted at the present effect size: how often, and in
    how many windows an alert of it would have stood."""

    slice_key: str
    slice_value: str | None
    column_name: str
    alerts: int
    standing: int


@dataclass(frozen=True)
class Calibration:
    """`now`: at the present effect size, None where too few windows were judged to tell; `fitting`:
    at the smallest from which on all raise no more than wanted, None where none up to 1 sd does.
    `series` of a slice and feature have `possible` windows with rows, of which `judged` told
    anything at the present effect size; `without`: those whose distance no window has. `tests`,
    `powerful`: per window, and with power for the present effect size. `any_rate`: whether any
    effect size that was tried has one. `rho`: lag-1 autocorrelation of the windows, averaged over
    the series; NaN where it is not known. `least`: the severity from which on a window counts.
    `costs`: by feature, where a tolerated loss is declared."""

    reference: Snapshot
    windows: int
    tests: float
    powerful: float
    now: Rate | None
    effect: float
    wanted: float
    suggested: float | None
    fitting: Rate | None
    series: int
    possible: int
    judged: int
    without: int = 0
    any_rate: bool = True
    rho: float = float("nan")
    least: str = "minor"
    alerting: tuple[Alerting, ...] = ()
    costs: Mapping[str, Cost] | None = None
    remarks: tuple[str, ...] = ()


def calibrate(spark: SparkSession, store: Store, spec: MonitorSpec, wanted: float) -> Calibration:
    """Replay the newest reference in force; `wanted` alerts a month are accepted.

    Raises SnapshotError where there is none, or one without enough windows.
    """
    snapshot = _newest(spark, store, spec)
    sums, alerting = _replayed(replayed_windows(spark, store, spec, snapshot).to_pylist())
    if sums.starts < _LEAST_WINDOWS:
        raise SnapshotError(
            f"reference version {snapshot.version} of {spec.monitor} has {sums.starts} windows to "
            f"replay, {_LEAST_WINDOWS} are needed: freeze one from an interval of the monitored "
            "table with more of them"
        )
    month = _DAYS[spec.windows.grain] / _DAYS_PER_MONTH
    tried = sums.found.tried
    suggested = smallest_effect(tried, month, wanted, spec.alerts.of)
    at = None if suggested is None else int(np.flatnonzero(suggested == EFFECTS)[0])
    result = Calibration(
        reference=snapshot,
        windows=sums.starts,
        tests=sums.tests / sums.starts,
        powerful=sums.powerful / sums.starts,
        now=rate_at(sums.found, 0, month),
        effect=spec.drift.thresholds.effect_size,
        wanted=wanted,
        suggested=suggested,
        fitting=None if at is None else rate_at(tried, at, month),
        series=sums.found.series,
        possible=sums.windows,
        judged=int(sums.found.judged[0]),
        without=sums.without,
        rho=sums.rho / sums.resembling if sums.resembling else float("nan"),
        any_rate=bool(tried.measured.any()),
        least=spec.alerts.least,
        alerting=tuple(alerting),
    )
    return _with_costs(spark, store, spec, snapshot, result)


def _replayed(rows: Sequence[Mapping[str, Any]]) -> tuple[Sums, list[Alerting]]:
    """The sums of all partitions, and what would alert now, the longest first."""
    sums, alerting = Sums(), []
    for row in rows:
        if row["column_name"] is None:
            sums.add(row)
        else:
            key = (row["slice_key"], row["slice_value"], row["column_name"])
            alerting.append(Alerting(*key, row["alerts"], row["standing"]))
    return sums, sorted(alerting, key=lambda one: (-one.standing, one.column_name))


def _newest(spark: SparkSession, store: Store, spec: MonitorSpec) -> Snapshot:
    if spec.reference is not None:
        stored = stored_references(spark, store, spec, spec.reference.name)
        if stored.active:
            return stored.active[-1].snapshot
    raise SnapshotError(
        f"{spec.monitor} has no reference in force, whose windows could be replayed: "
        "name one in the spec's reference section, then `sparkdrift run`"
    )


def _with_costs(
    spark: SparkSession,
    store: Store,
    spec: MonitorSpec,
    snapshot: Snapshot,
    result: Calibration,
) -> Calibration:
    """With what a shift of each feature would cost, or why that is not known."""
    declared = spec.degraded
    if declared is None:
        return _remarked(result, "the spec declares no tolerated loss (section degraded)")
    if declared.metric not in METRICS:
        return _remarked(result, f"what a shift costs in {declared.metric} can't be told from rows")
    if spec.prediction is None or spec.prediction.label is None:
        return _remarked(result, "the spec names no label, so what a shift costs is not known")
    if snapshot.interval is None:
        return _remarked(result, "the reference is another table's: its rows are not read here")
    source = source_of(spark, spec)
    usable = resolve_source(spark, spec, source).usable
    features = [one for one in usable if one.kind in ("numeric", "categorical")]
    share = min(1.0, MOST_ROWS / max(snapshot.rows, 1))
    rows = labelled_rows(spark, source, spec, features, snapshot.interval, share)
    bins = reference_bins(spark, store, spec, snapshot)
    psi = influence(declared.metric, _labelled(rows))
    if psi is None:
        return _remarked(
            result,
            f"{rows.num_rows:,} labelled rows of the reference don't tell {declared.metric}: it "
            "needs both outcomes, and a score or decision that is a number",
        )
    costs = {
        one.name: cost
        for i, one in enumerate(features)
        if one.name in bins
        and (cost := _cost(psi, rows.column(f"f{i}"), bins[one.name], declared.tolerated_loss))
    }
    return replace(result, costs=costs)


def _remarked(result: Calibration, reason: str) -> Calibration:
    return replace(result, remarks=(*result.remarks, f"no effect size by loss: {reason}"))


def _labelled(rows: pa.Table) -> Labelled:
    def numbers(name: str) -> Floats | None:
        column = rows.column(name)
        if column.null_count:
            # A part of the rows without it would be a choice of rows.
            return None
        return np.asarray(column.to_numpy(), dtype=np.float64)

    label = numbers("label")
    if label is None or not len(label):
        return Labelled(np.zeros(0))
    return Labelled(label, numbers("score"), numbers("decision"))


def _cost(
    psi: Floats, values: pa.ChunkedArray, bins: Mapping[str, Sequence[object] | None], loss: float
) -> Cost | None:
    """Rows in the bins of the reference, those without a value in one of their own."""
    edges, items = bins["edges"], bins["items"]
    if edges is not None:
        numbers = values.to_numpy()
        place = np.searchsorted(np.asarray(edges, dtype=float), numbers, side="left")
        place = np.where(np.isnan(numbers), len(edges) + 1, place)
    else:
        places = {item: i for i, item in enumerate(items or [])}
        other = len(places)
        place = np.array(
            [other + 1 if one is None else places.get(one, other) for one in values.to_pylist()]
        )
    return cost_of_shift(psi, place.astype(np.intp), loss)
