"""Comparing stored windows with their references and with each other, distributed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F

from sparkdrift.explain.signals import BETWEEN_WINDOWS, SHAPED_ROWS, UNSHAPED
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
from sparkdrift.spark.asked import asked_rows
from sparkdrift.spark.changes import from_micros
from sparkdrift.spark.drift_rows import SERIES, by_reference, in_force_rows
from sparkdrift.spark.few_rows import few_rows
from sparkdrift.spark.frozen_rows import frozen_rows
from sparkdrift.spark.metrics import comparable, row_noise, row_variance
from sparkdrift.spark.profiles import stored_rows
from sparkdrift.spark.profiling import TABLE_ROW
from sparkdrift.spark.reference_life import EVALUATION, InForce, read_by
from sparkdrift.spark.sql import ddl, in_windows, quote, string
from sparkdrift.spark.together import known_rows
from sparkdrift.spark.window_columns import season_position, stratum
from sparkdrift.spec.models import MonitorSpec
from sparkdrift.store import Store
from sparkdrift.windows import Window, contiguous, window_at

_MASK = (1 << 64) - 1


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
    columns = ("window_start", *SERIES, "input_digest")
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
    hashed = f"bit_xor(xxhash64({', '.join(SERIES)}, input_digest))"
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
    if UNSHAPED in active:
        asked = asked.withColumn("earlier_start", F.expr(_EARLIER))
    parts = [_references(spark, store, spec, active, windows)]
    parts += [_windows(spark, store, spec, active, windows, earlier)]
    parts += [shaped(asked, ASKED, OF_ASKED)]
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
    verdicts = by_window.mapInArrow(judge(policy_of(spec)), ddl(JUDGED))
    if UNSHAPED in active:
        verdicts = verdicts.withColumn("earlier_start", F.expr(_NO_SIDE))
    return verdicts


# The rows that the model did not shape stand beside those that it did as an earlier window would,
# an instant later than theirs: a kernel's group is one slice and feature, by instants.
_OTHER_SIDE = f"slice_key = {string(SHAPED_ROWS)} AND slice_value = 'false'"
_AN_INSTANT = "INTERVAL '0.000001' SECOND"
_SIDES = {
    "window_start": f"CASE WHEN {_OTHER_SIDE} THEN window_start + {_AN_INSTANT}"
    " ELSE window_start END",
    "slice_value": f"CASE WHEN {_OTHER_SIDE} THEN 'true' ELSE slice_value END",
}
_UNSHAPED = f"comparison = {string(UNSHAPED)}"
_EARLIER = f"CASE WHEN {_UNSHAPED} THEN window_start + {_AN_INSTANT} ELSE earlier_start END"
_NO_SIDE = f"CASE WHEN NOT {_UNSHAPED} THEN earlier_start END"


def _compared(sides: bool) -> str:
    """A predicate: some comparison reads the stored row. `sides`: whether `unshaped` is made."""
    usual = f"slice_key <> {string(SHAPED_ROWS)}"
    return f"({usual} OR slice_value IN ('true', 'false'))" if sides else usual


def _windows(
    spark: SparkSession,
    store: Store,
    spec: MonitorSpec,
    active: InForce,
    windows: Sequence[Window],
    earlier: Sequence[datetime],
) -> DataFrame:
    grain, zone = spec.windows.grain, spec.timestamp.zone
    read = {*windows, *(Window(start, window_at(start, grain, zone).end) for start in earlier)}
    rows = (
        stored_rows(spark, store, spec, grain)
        .where(in_windows("window_start", contiguous(read)))
        .where(f"column_name <> {string(TABLE_ROW)}")
        .where(_compared(UNSHAPED in active))
    )
    if UNSHAPED in active:
        rows = rows.withColumns({name: F.expr(sql) for name, sql in _SIDES.items()})
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
