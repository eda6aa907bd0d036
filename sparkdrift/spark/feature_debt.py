"""The table `feature_debt`: rows of features by a kernel, rows of the model from a few numbers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace as changed
from datetime import datetime

import numpy as np
from pyspark.sql import Column, DataFrame, SparkSession
from pyspark.sql import functions as F

from sparkdrift.explain.signals import WHOLE
from sparkdrift.kernels import feature_family as family
from sparkdrift.kernels import feature_figures as kernel
from sparkdrift.kernels.feature_course import OF_COURSES, OF_MODEL, ModelWindow
from sparkdrift.kernels.feature_rows import FOUND, MEASURED, FeaturePolicy, FeatureRow
from sparkdrift.spark.changes import from_micros
from sparkdrift.spark.dating import Around, Findings, dated
from sparkdrift.spark.drift_rows import in_force_rows
from sparkdrift.spark.eval_staleness import stale_rows
from sparkdrift.spark.feature_importance import Known, importance_rows
from sparkdrift.spark.feature_inputs import debt_rows, is_feature, kernel_rows
from sparkdrift.spark.feature_tables import FEATURE_DEBT
from sparkdrift.spark.local_rows import by_window, local_rows
from sparkdrift.spark.profiles import stored_rows
from sparkdrift.spark.reference_life import References, in_force
from sparkdrift.spark.sql import ddl, in_windows, quote, string
from sparkdrift.spark.stamping import stamped
from sparkdrift.spark.statuses import WAS_MEASURED
from sparkdrift.spark.writer import Case, Scope, replace
from sparkdrift.spec.digests import evaluation_hash, policy_hash
from sparkdrift.spec.models import MonitorSpec
from sparkdrift.store import Store
from sparkdrift.windows import Window, contiguous

CREEP = "creep"
OF_FEATURES = (*kernel.OF_FEATURES, "importance", CREEP)
OF_MODELS = (*OF_MODEL, *OF_COURSES)
"""The figures of the model, which are written last: a window without them is not done."""
_RUNS = Findings(
    FEATURE_DEBT,
    keys=("figure", "subject"),
    found="status IN ('warning', 'drifted')",
    measured=WAS_MEASURED,
    columns=("status",),
)


def feature_policy(spec: MonitorSpec) -> FeaturePolicy:
    limits = spec.debt_limits
    return FeaturePolicy(
        limits.association,
        limits.concentration,
        limits.drifted_importance,
        limits.cliff_risk,
        limits.encoding,
    )


def feature_rows(
    spark: SparkSession,
    store: Store,
    spec: MonitorSpec,
    stored: References,
    known: Known,
    windows: Sequence[Window],
) -> DataFrame:
    """The figures of every feature in these windows, as rows of FOUND."""
    given = kernel_rows(spark, store, spec, stored, windows)
    grouped = given.repartition(*map(quote, kernel.KEYS)).sortWithinPartitions(
        *kernel.KEYS, "part", "window_start"
    )
    method = kernel.measure(feature_policy(spec), labelled=spec.has_association)
    alone = grouped.mapInArrow(method, ddl(MEASURED))
    by_window = alone.repartition(*map(quote, family.KEYS)).sortWithinPartitions(*family.KEYS)
    rows = by_window.mapInArrow(family.judge_family, ddl(FOUND))
    important = importance_rows(known, windows)
    if important is not None:
        rows = rows.unionByName(important)
    creeping = _creeping(spark, store, spec, stored, windows)
    return rows if creeping is None else rows.unionByName(creeping)


def _creeping(
    spark: SparkSession,
    store: Store,
    spec: MonitorSpec,
    stored: References,
    windows: Sequence[Window],
) -> DataFrame | None:
    """Features that are where no reference in force sees a change, and far from the first one.

    None where the spec does not compare with `origin`.
    """
    if not {"origin", "baseline"} <= set(spec.drift.comparisons):
        return None
    rows = in_force_rows(spark, store, spec, in_force(spec, stored), policy_hash(spec)).where(
        f"slice_key = {string(WHOLE)} AND comparison IN ('origin', 'baseline')"
        f" AND {is_feature(spec)} AND NOT startswith(column_name, 'metric:')"
        f" AND {in_windows('window_start', contiguous(windows))}"
    )

    def of(comparison: str, column: str) -> str:
        return f"max(CASE WHEN comparison = '{comparison}' THEN {column} END)"

    origin, baseline = of("origin", "status"), of("baseline", "status")
    measured = "({0} IN ('ok', 'warning', 'drifted'))"
    both = f"{measured.format('origin')} AND {measured.format('baseline')}"
    found = rows.groupBy("window_start", "column_name").agg(
        F.expr(f"{origin} AS origin"),
        F.expr(f"{baseline} AS baseline"),
        *(F.expr(f"{of('origin', name)} AS {name}") for name in ("effect", "effect_low")),
        F.expr(f"{of('origin', 'effect_high')} AS effect_high"),
    )
    limit = spec.drift.effect_size
    return found.selectExpr(
        "window_start",
        f"'{CREEP}' AS figure",
        "column_name AS subject",
        "effect AS value",
        "effect_low AS low",
        "effect_high AS high",
        f"double('{limit!r}') AS `limit`",
        "'sd' AS unit",
        f"CASE WHEN NOT coalesce({both}, false) THEN 'insufficient_data'"
        " WHEN origin = 'drifted' AND baseline <> 'drifted' THEN 'drifted' ELSE 'ok' END AS status",
        "concat('against version 1 of the reference: ', coalesce(origin, 'not compared'),"
        " '; against the one in force: ', coalesce(baseline, 'not compared')) AS reason",
    )


def with_evidence(
    spark: SparkSession, store: Store, spec: MonitorSpec, windows: Mapping[datetime, ModelWindow]
) -> dict[datetime, ModelWindow]:
    """`windows` with what other tables say of each: ESS ratio and thin share of the evaluation set
    that fits least, the share of shaped rows, and how many features say nothing or are linked
    otherwise with the label. A row per window reaches the driver."""
    worst = stale_rows(spark, store, spec).where("figure IN ('ess_ratio', 'thin')")
    parts = [
        worst.groupBy("window_start").agg(
            F.expr("min(CASE figure WHEN 'ess_ratio' THEN value END) AS ess_ratio"),
            F.expr("max(CASE figure WHEN 'thin' THEN value END) AS thin"),
        ),
        stored_rows(spark, store, spec, spec.windows.grain)
        .where(f"slice_key = {string(WHOLE)} AND column_name = 'metric:shaped'")
        .selectExpr("window_start", "value AS shaped"),
        debt_rows(spark, store, spec).groupBy("window_start").agg(*_counted()),
    ]
    together = parts[0]
    for part in parts[1:]:
        together = together.join(part, "window_start", "full")
    answer = together.withColumn("start", F.expr("unix_micros(window_start)")).collect()
    found = dict(windows)
    for row in answer:
        start = from_micros(row["start"])
        found[start] = changed(
            found.get(start, ModelWindow()),
            ess_ratio=_number(row["ess_ratio"]),
            thin=_number(row["thin"]),
            shaped=_number(row["shaped"]),
            dead=_number(row["dead"]),
            moved=_number(row["moved"]),
        )
    return found


def _number(value: float | None) -> float:
    return np.nan if value is None else float(value)


def _counted() -> list[Column]:

    def count(figure: str, name: str) -> str:
        own = f"figure = '{figure}' AND {WAS_MEASURED}"
        return (
            f"CASE WHEN count_if({own}) > 0 THEN count_if({own} AND status = 'drifted') END"
            f" AS {name}"
        )

    return [F.expr(count("dead", "dead")), F.expr(count("association_change", "moved"))]


def model_frame(spark: SparkSession, rows: Sequence[tuple[datetime, FeatureRow]]) -> DataFrame:
    """Rows of the model that were made on the driver, a few for each window."""
    told = [{"window_start": start, **one.told()} for start, one in rows]
    return local_rows(spark, [[row[name] for name in FOUND] for row in told], FOUND)


def write_debt(
    spark: SparkSession,
    store: Store,
    spec: MonitorSpec,
    rows: DataFrame,
    figures: Sequence[str],
    windows: Sequence[Window],
    digests: Mapping[datetime, str],
    near: Around,
    *,
    policy: str,
    source_version: int | None,
    run_id: str,
) -> None:
    """Make `rows` these figures of `windows`, in one commit; other figures stay as they are."""
    grain = spec.windows.grain
    own = {one.start: digests[one.start] for one in windows if one.start in digests}
    known = by_window(spark, own, "input_digest")
    ready = stamped(
        rows.join(F.broadcast(known), "window_start"),
        spec,
        grain,
        run_id,
        model_version=spec.model_version,
        policy_hash=policy,
        definition_hash=evaluation_hash(spec),
        source_version=source_version,
    )
    listed = ", ".join(map(string, figures))
    stored = debt_rows(spark, store, spec).where(f"figure IN ({listed})")
    ready = dated(ready, stored, near, _RUNS).withColumn(
        "since", F.expr(f"CASE WHEN {_RUNS.found} THEN since END")
    )
    covered = sorted((*windows, *near.after))
    scope = Scope(spec.monitor, grain, [Case(covered, {"figure": one}) for one in figures])
    replace(store, FEATURE_DEBT, ready, scope, run_id=run_id, files=1 + len(covered) // 180)
