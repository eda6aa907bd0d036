"""Comparing stored windows with their references and with each other, distributed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F

from sparkdrift import __version__
from sparkdrift.explain.signals import BETWEEN_WINDOWS
from sparkdrift.kernels.compared import ASKED, COMPARED, KEYS, REFERENCE, WINDOW
from sparkdrift.kernels.comparing import compare
from sparkdrift.kernels.freezing import (
    BINS_SQL,
    WINDOW_BINS_SQL,
    WINDOW_SHARES_SQL,
    WINDOW_UNSEEN_SQL,
)
from sparkdrift.kernels.judging import JUDGED, judge
from sparkdrift.kernels.judging import KEYS as FAMILY
from sparkdrift.kernels.together import COMPARISON
from sparkdrift.spark.alerting import policy_of
from sparkdrift.spark.asked import asked_rows, version_of
from sparkdrift.spark.changes import from_micros
from sparkdrift.spark.few_rows import few_rows
from sparkdrift.spark.frozen_rows import frozen_rows
from sparkdrift.spark.metrics import comparable, row_noise, row_variance
from sparkdrift.spark.profiles import stored_rows
from sparkdrift.spark.profiling import TABLE_ROW
from sparkdrift.spark.reference_life import (
    EVALUATION,
    TRAINING,
    Active,
    InForce,
    evaluation_sets,
    read_by,
    version_at,
    with_set,
)
from sparkdrift.spark.schemas import DRIFT
from sparkdrift.spark.sql import ddl, in_windows, quote, string
from sparkdrift.spark.together import known_rows
from sparkdrift.spark.window_columns import season_position, stratum, window_end
from sparkdrift.spark.writer import Case, Scope, replace
from sparkdrift.spec.models import MonitorSpec
from sparkdrift.store import Store
from sparkdrift.windows import Window, contiguous, window_at

_MASK = (1 << 64) - 1
_ROW = ("comparison", "slice_key", "slice_value", "column_name")


@dataclass(frozen=True)
class Digests:
    """By start of the window: `wanted` the drift rows that it should have, `have` the rows in
    force that it has, each as a digest; `earlier` the windows that its comparisons go back to."""

    wanted: dict[datetime, str] = field(default_factory=dict)
    have: dict[datetime, str] = field(default_factory=dict)
    earlier: dict[datetime, tuple[datetime, ...]] = field(default_factory=dict)


def drift_digests(
    spark: SparkSession, store: Store, spec: MonitorSpec, active: InForce, policy: str
) -> Digests:
    """What should be in `drift` and what is, in one query, whatever the number of comparisons."""
    wanted = asked_rows(spark, store, spec, active, policy)
    columns = ("window_start", *_ROW, "input_digest")
    have = in_force_rows(spark, store, spec, active, policy)
    if spec.names_together:
        # They are made of the others' rows, and so are due whenever one of those is.
        names = ", ".join(map(string, spec.names_together))
        have = have.where(f"column_name NOT IN ({names})")
    sides = wanted.selectExpr("0 AS side", *columns, "earlier_start").unionAll(
        have.selectExpr("1 AS side", *columns, "CAST(NULL AS TIMESTAMP)")
    )
    # With the row's own keys: the slices of a feature share an input_digest, and two that
    # are alike would cancel out.
    hashed = f"bit_xor(xxhash64({', '.join(_ROW)}, input_digest))"
    # Collecting costs an aggregate that isn't generated code, for every run with nothing to do.
    between = not set(active).isdisjoint(BETWEEN_WINDOWS)
    earlier = "collect_set(unix_micros(earlier_start))" if between else "array()"
    per_window = sides.groupBy("side", "window_start").agg(
        F.count("*").alias("rows"),
        F.expr(hashed).alias("digest"),
        F.expr(earlier).alias("earlier"),
    )
    found = Digests()
    with few_rows(spark):
        rows = per_window.withColumn("start", F.expr("unix_micros(window_start)")).collect()
    for row in rows:
        start = from_micros(row["start"])
        side = found.have if row["side"] else found.wanted
        side[start] = f"{row['rows']}:{row['digest'] & _MASK:016x}"
        if row["earlier"]:
            found.earlier[start] = tuple(map(from_micros, sorted(row["earlier"])))
    return found


def in_force_rows(
    spark: SparkSession, store: Store, spec: MonitorSpec, active: InForce, policy: str
) -> DataFrame:
    """The rows of `drift` under this policy and the references in force for their window.

    Those of superseded references and policies stay in the table and don't count here.
    """
    versions = " ".join(
        f"WHEN {string(name)} THEN {version_of(own)}" for name, own in active.items()
    )
    return spark.table(store.table(DRIFT.name)).where(
        f"monitor = {string(spec.monitor)}"
        f" AND comparison IN ({', '.join(map(string, active))})"
        f" AND granularity = {string(spec.windows.grain)} AND policy_hash = {string(policy)}"
        f" AND reference_version = CASE comparison {versions} END"
    )


def drift_rows(
    spark: SparkSession,
    store: Store,
    spec: MonitorSpec,
    active: InForce,
    windows: Sequence[Window],
    policy: str,
    earlier: Sequence[datetime] = (),
) -> DataFrame:
    """Windows judged by all comparisons of the spec, as figures with a status.

    earlier: starts of the windows that they are compared with.
    Two kernels: by feature, where sketches meet and are read once for all comparisons; then by
    window and comparison, where all tests are one family. Only figures, never sketches, reach
    the second, where what a reference's own windows show of several columns joins them.
    """
    asked = asked_rows(spark, store, spec, active, policy).where(
        in_windows("window_start", contiguous(windows))
    )
    parts = [_references(spark, store, spec, active, windows)]
    parts += [_windows(spark, store, spec, windows, earlier), shaped(asked, ASKED, OF_ASKED)]
    rows = parts[0].unionAll(parts[1]).unionAll(parts[2])
    by_feature = rows.repartition(*map(quote, KEYS)).sortWithinPartitions(
        *KEYS, "part", "window_start"
    )
    compared = by_feature.mapInArrow(compare(policy_of(spec)), ddl(COMPARED))
    if spec.drift.multivariate and COMPARISON in active:
        own = by_reference(active[COMPARISON], windows)
        snapshots = {one.snapshot.version: one.snapshot for one in active[COMPARISON]}
        judged = [(snapshots[version], own[version]) for version in own if version in snapshots]
        compared = compared.unionAll(known_rows(spark, store, spec, judged))
    by_window = compared.repartition(*FAMILY).sortWithinPartitions(*FAMILY)
    return by_window.mapInArrow(judge(policy_of(spec)), ddl(JUDGED))


def _windows(
    spark: SparkSession,
    store: Store,
    spec: MonitorSpec,
    windows: Sequence[Window],
    earlier: Sequence[datetime],
) -> DataFrame:
    grain, zone = spec.windows.grain, spec.timestamp.zone
    read = {*windows, *(Window(start, window_at(start, grain, zone).end) for start in earlier)}
    rows = (
        stored_rows(spark, store, spec, grain)
        .where(in_windows("window_start", contiguous(read)))
        .where(f"column_name <> {string(TABLE_ROW)}")
    )
    own = {
        "window_start": "window_start",
        "comparable": comparable(spec, grain),
        "row_noise": row_noise(spec),
        "stratum": stratum("window_start", spec.season, zone),
    }
    return shaped(rows, WINDOW, own | {name: name for name in OF_PROFILES})


def _references(
    spark: SparkSession,
    store: Store,
    spec: MonitorSpec,
    active: InForce,
    windows: Sequence[Window],
) -> DataFrame:
    grain, zone = spec.windows.grain, spec.timestamp.zone
    needed = (
        (read_by(spec, name), one.snapshot)
        for name, own in active.items()
        for version in by_reference(own, windows)
        for one in own
        if one.snapshot.version == version
    )
    # The scores of an evaluation set are no feature, and large.
    rows = frozen_rows(spark, store, needed).where("column_name NOT RLIKE '^:(scores|errors)'")
    of_windows = "transform(window_bins, one -> {})"
    own = {
        "role": f"CASE role WHEN {string(EVALUATION)} THEN concat(role, ':', name) ELSE role END",
        "reference_version": "version",
        "row_variance": row_variance(spec),
        "bins": "bins",
        "window_bins": "window_bins",
        "window_shares": "window_shares",
        "window_unseen": "window_unseen",
        "window_strata": of_windows.format(stratum("one.window_start", spec.season, zone)),
        "window_places": of_windows.format(season_position("one.window_start", grain, zone)),
    }
    return shaped(rows, REFERENCE, own | {name: name for name in OF_PROFILES})


def shaped(rows: DataFrame, part: int, own: Mapping[str, str]) -> DataFrame:
    """One of the three kinds of rows that the first kernel takes: what it hasn't is NULL."""
    kinds = {**dict.fromkeys(KEYS, "string"), **_INPUT}
    own = {**{key: key for key in KEYS}, **own}
    return rows.selectExpr(
        f"{part} AS part",
        *(f"CAST({own.get(name, 'NULL')} AS {kind}) AS {name}" for name, kind in kinds.items()),
    )


# What the comparison reads of a profile; sketches that it doesn't read would cross twice.
OF_PROFILES = {
    "kind": "string",
    "data_type": "string",
    "row_count": "bigint",
    "null_count": "bigint",
    "nan_count": "bigint",
    "positive_infinity_count": "bigint",
    "negative_infinity_count": "bigint",
    "stddev": "double",
    "kll": "binary",
    "categories": "struct<items:array<struct<item:string,count:bigint>>,offset:bigint,"
    "total:bigint,exact:boolean>",
    "definition_hash": "string",
    "status": "string",
    "reason": "string",
}
_INPUT = {
    "window_start": "timestamp",
    **OF_PROFILES,
    "comparable": "double",
    "row_noise": "double",
    "stratum": "int",
    "role": "string",
    "reference_version": "int",
    "row_variance": "double",
    "bins": BINS_SQL,
    "window_bins": WINDOW_BINS_SQL,
    "window_shares": WINDOW_SHARES_SQL,
    "window_unseen": WINDOW_UNSEEN_SQL,
    "window_strata": "array<int>",
    "window_places": "array<bigint>",
    "comparison": "string",
    "earlier_start": "timestamp",
    "input_digest": "string",
}
OF_ASKED = {
    name: name
    for name in (
        *("window_start", "comparison", "role", "reference_version"),
        *("earlier_start", "input_digest"),
    )
}


def write_drift(
    store: Store,
    spec: MonitorSpec,
    rows: DataFrame,
    active: InForce,
    windows: Sequence[Window],
    *,
    policy: str,
    source_version: int | None,
    run_id: str,
) -> None:
    """Make `rows` the drift of `windows`, each under its references and policy, in one commit."""
    grain, zone = spec.windows.grain, spec.timestamp.zone
    constants = {
        "monitor": spec.monitor,
        "granularity": grain,
        "policy_hash": policy,
        "alert_windows": spec.alerts.windows,
        "alert_of": spec.alerts.of,
        "source_version": source_version,
        "run_id": run_id,
        "package_version": __version__,
    }
    rows = rows.withColumns(
        {
            **{name: F.lit(value) for name, value in constants.items()},
            "reference_name": F.expr(_reference_name(spec)),
            "window_end": F.expr(window_end("window_start", grain, zone)),
        }
    )
    cases = [
        Case(
            of_version,
            {"comparison": comparison, "reference_version": version, "policy_hash": policy},
        )
        for comparison, own in active.items()
        for version, of_version in by_reference(own, windows).items()
    ]
    scope = Scope(spec.monitor, grain, cases)
    replace(store, DRIFT, rows, scope, run_id=run_id, files=1 + len(windows) * len(active) // 180)


def _reference_name(spec: MonitorSpec) -> str:
    """SQL for the name of the reference that a row's comparison reads."""
    others = {TRAINING: TRAINING, **{with_set(name): name for name in evaluation_sets(spec)}}
    cases = " ".join(f"WHEN {string(one)} THEN {string(name)}" for one, name in others.items())
    own = string(spec.reference.name) if spec.reference else "CAST(NULL AS STRING)"
    return f"CASE comparison {cases} ELSE {own} END"


def by_reference(active: Sequence[Active], windows: Sequence[Window]) -> dict[int, list[Window]]:
    """The windows that each version is in force for at their start; 0 where none is."""
    found: dict[int, list[Window]] = {}
    for window in windows:
        found.setdefault(version_at(active, window.start), []).append(window)
    return found
