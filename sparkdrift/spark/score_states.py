"""States of scores in the table `states`: what is there, and what goes in."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F

from sparkdrift import __version__
from sparkdrift.explain.signals import WHOLE
from sparkdrift.kernels.changed_states import CHANGED_SQL, KEYS, MOMENTS, changed
from sparkdrift.kernels.feature_association import REST
from sparkdrift.measures.score_bins import UNUSABLE
from sparkdrift.references.life import Name
from sparkdrift.spark.changes import Fingerprint, from_micros
from sparkdrift.spark.evaluation_states import ERRORS, SCORES
from sparkdrift.spark.few_rows import few_rows
from sparkdrift.spark.frozen_rows import frozen_rows
from sparkdrift.spark.labels import QUALITY
from sparkdrift.spark.local_rows import by_window
from sparkdrift.spark.profile_tables import STATES
from sparkdrift.spark.profiles import stored_rows
from sparkdrift.spark.profiling import TABLE_ROW
from sparkdrift.spark.reference_life import Snapshot
from sparkdrift.spark.source import Source
from sparkdrift.spark.sql import in_windows, string
from sparkdrift.spark.window_columns import window_end
from sparkdrift.spark.writer import Case, Scope, replace
from sparkdrift.spec.models import MonitorSpec
from sparkdrift.store import Store
from sparkdrift.windows import Window, contiguous

ADDED = (
    *("scores", "errors", "left_out", "baseline", "value", "arrival", "labels"),
    "operations",
)
"""The kinds of states that are made of scores and labels, and add up cell by cell."""
KINDS = (*ADDED, MOMENTS)
"""All that are written together: of features by class of the label as well."""
_BINNED = ("scores", "errors")
LABELS = ":labels"
"""The name of the states that are of labels, whatever the evaluation set."""
# A state of some hundred bins has twenty kilobytes.
_ROWS_PER_FILE = 2_000


@dataclass(frozen=True)
class Have:
    """What is stored of one window: of which reading of it, under which meaning, by which edges."""

    fingerprint: str
    definition: str
    names: frozenset[str]


def counted_windows(spark: SparkSession, store: Store, spec: MonitorSpec) -> dict[datetime, Have]:
    """The monitor's own windows with states of scores, by start; reads no state."""
    rows = (
        score_states(spark, store, spec, spec.windows.grain, _BINNED)
        .where(f"slice_key = {string(WHOLE)}")
        .groupBy("window_start")
        .agg(
            F.expr("max(fingerprint)").alias("fingerprint"),
            F.expr("max(definition_hash)").alias("definition"),
            F.expr("collect_set(name)").alias("names"),
        )
        .withColumn("start", F.expr("unix_micros(window_start)"))
        .drop("window_start")
    )
    with few_rows(spark):
        found = rows.collect()
    return {
        from_micros(row["start"]): Have(
            row["fingerprint"], row["definition"], frozenset(row["names"])
        )
        for row in found
    }


def score_states(
    spark: SparkSession,
    store: Store,
    spec: MonitorSpec,
    granularity: str,
    kinds: Sequence[str] = ADDED,
) -> DataFrame:
    """The rows of one monitor and grain in `states` that are of scores and labels."""
    listed = ", ".join(map(string, kinds))
    return spark.table(store.table(STATES.name)).where(
        f"monitor = {string(spec.monitor)} AND granularity = {string(granularity)}"
        f" AND kind IN ({listed})"
    )


@dataclass(frozen=True)
class Basis:
    """What the stored states of a window were counted of. label_version: of the table of labels,
    None: of none or not known; counted: see the table; finite: no sum of them is past counting;
    pooled: rare categories share a place."""

    label_version: int | None
    source_version: int
    counted: str | None
    finite: bool
    pooled: bool


def bases(
    spark: SparkSession, store: Store, spec: MonitorSpec, windows: Sequence[Window]
) -> dict[datetime, Basis]:
    """By start, of those of `windows` whose states are all of one reading."""
    finite = "bool_and(forall(cells, cell -> abs(cell) < double('Infinity')))"
    pooled = f"bool_or(kind = {string(MOMENTS)} AND array_contains(columns, {string(REST)}))"
    rows = (
        score_states(spark, store, spec, spec.windows.grain, KINDS)
        .where(in_windows("window_start", contiguous(windows)))
        .groupBy(F.expr("unix_micros(window_start)").alias("start"))
        .agg(
            F.expr("collect_set(struct(label_version, source_version, counted))").alias("of"),
            F.expr(finite).alias("finite"),
            F.expr(pooled).alias("pooled"),
        )
        .where("size(of) = 1")
        .selectExpr("start", "finite", "pooled", "inline(of)")
        .collect()
    )
    return {
        from_micros(row["start"]): Basis(
            row["label_version"],
            int(row["source_version"]),
            row["counted"],
            bool(row["finite"]),
            bool(row["pooled"]),
        )
        for row in rows
    }


def written_version(spark: SparkSession, store: Store) -> int:
    """The newest version of the table of states."""
    (row,) = spark.sql(f"DESCRIBE HISTORY {store.table(STATES.name)} LIMIT 1").collect()
    return int(row["version"])


def with_changes(
    store: Store, spec: MonitorSpec, version: int, windows: Sequence[Window], parts: DataFrame
) -> DataFrame:
    """All states of `windows` as they are in `version` of the table, after `parts` are added and
    taken away, as rows for `write_scores`.

    parts: KEYS, columns, cells, own_definition and sign. A version, since the table is written
    while it is read: whoever else writes the same changes, they are made once.
    """
    spark = parts.sparkSession
    part = "struct(CAST(sign AS INT) AS sign, columns, cells, own_definition) AS part"
    stored = spark.sql(
        f"SELECT * FROM {store.table(STATES.name)} VERSION AS OF {version} WHERE"
        f" monitor = {string(spec.monitor)} AND granularity = {string(spec.windows.grain)}"
        f" AND kind IN ({', '.join(map(string, KINDS))})"
        f" AND {in_windows('window_start', contiguous(windows))}"
    ).selectExpr(
        *KEYS,
        "columns",
        "cells",
        f"CASE WHEN kind = {string(MOMENTS)} THEN definition_hash END AS own_definition",
        "1 AS sign",
    )
    return (
        stored.unionByName(parts)
        .selectExpr(*KEYS, part)
        .groupBy(*KEYS)
        .agg(F.expr("collect_list(part)").alias("parts"))
        .mapInArrow(changed, CHANGED_SQL)
    )


def edges_of_sets(
    spark: SparkSession, store: Store, versions: Iterable[tuple[Name, Snapshot]]
) -> dict[tuple[str, int], dict[str, tuple[float, ...]]]:
    """By set and version: the edges of each score, by its class, '' where there is one score."""
    whole = f"slice_key = {string(WHOLE)} AND kind IN ({string(SCORES[1:])}, {string(ERRORS[1:])})"
    rows = (
        frozen_rows(spark, store, versions)
        .where(whole)
        .selectExpr("name", "version", "column_name", "bins.edges AS edges")
        .collect()
    )
    found: dict[tuple[str, int], dict[str, tuple[float, ...]]] = {}
    for row in rows:
        _, _, score = row["column_name"][1:].partition(":")
        own = found.setdefault((row["name"], row["version"]), {})
        own[score] = tuple(row["edges"])
    return found


def profiled_slices(
    spark: SparkSession, store: Store, spec: MonitorSpec, windows: Sequence[Window]
) -> frozenset[str]:
    """The slices that the profiles of these windows have: a crowded one has none."""
    rows = (
        stored_rows(spark, store, spec, spec.windows.grain)
        .where(f"column_name = {string(TABLE_ROW)}")
        .where(in_windows("window_start", contiguous(windows)))
        .select("slice_key")
        .distinct()
    )
    with few_rows(spark):
        return frozenset(row["slice_key"] for row in rows.collect())


def write_scores(
    store: Store,
    spec: MonitorSpec,
    rows: DataFrame,
    batch: Sequence[Fingerprint],
    *,
    definition: str,
    digests: Mapping[str, str],
    labels: Source | None,
    counted: str,
    source_version: int,
    run_id: str,
    names: int,
) -> None:
    """Make `rows` all states of scores and labels of the windows of `batch`, in one commit.

    rows: window_start, slice, kind, name, columns, cells, own_definition (NULL: `definition`).
    digests: by name, of what the edges come from. labels: the table of them that was read; None:
    they stand in the rows. names: how many states a window and slice has.
    """
    spark = rows.sparkSession
    token = "" if labels is None else f"{labels.table_id}:{labels.version}"
    known = by_window(spark, {one.window.start: one.digest for one in batch}, "fingerprint")
    edges = " ".join(f"WHEN {string(name)} THEN {string(one)}" for name, one in digests.items())
    from_edges = f"CASE name {edges} ELSE '' END" if edges else "''"
    meaning = f"definition_hash, name, {from_edges}, {string(token)}"
    ready = rows.join(F.broadcast(known), "window_start").withColumns(
        {
            "definition_hash": F.expr(f"coalesce(own_definition, {string(definition)})"),
            "source_version": F.lit(source_version),
            "label_version": F.lit(None if labels is None else labels.version),
            "counted": F.lit(counted),
        }
    )
    ready = ready.drop("own_definition").withColumn(
        "input_digest", F.expr(f"sha2(concat_ws('|', fingerprint, {meaning}), 256)")
    )
    write_states(
        store, spec, ready, spec.windows.grain, [one.window for one in batch], names, run_id
    )


def delete_scores(
    spark: SparkSession,
    store: Store,
    spec: MonitorSpec,
    granularity: str,
    windows: Sequence[Window],
    run_id: str,
) -> None:
    """Take away all states of scores of these windows."""
    none = score_states(spark, store, spec, granularity).where("false")
    write_states(store, spec, none.drop("monitor", "granularity"), granularity, windows, 0, run_id)


def write_states(
    store: Store,
    spec: MonitorSpec,
    rows: DataFrame,
    granularity: str,
    windows: Sequence[Window],
    names: int,
    run_id: str,
) -> None:
    end = window_end("window_start", granularity, spec.timestamp.zone)
    ready = rows.withColumns(
        {
            "monitor": F.lit(spec.monitor),
            "granularity": F.lit(granularity),
            "window_end": F.expr(end),
            "run_id": F.lit(run_id),
            "package_version": F.lit(__version__),
        }
    )
    cases = [Case(windows, {"kind": kind}) for kind in KINDS]
    files = 1 + len(windows) * names * (1 + 10 * len(spec.slices)) // _ROWS_PER_FILE
    replace(
        store, STATES, ready, Scope(spec.monitor, granularity, cases), run_id=run_id, files=files
    )


def label_totals(
    spark: SparkSession, store: Store, spec: MonitorSpec, windows: Sequence[Window]
) -> dict[str, int]:
    """What is counted of the labels of these windows, by the names of QUALITY, added up."""
    sums = ", ".join(f"sum(cells[{i}]) AS {name}" for i, name in enumerate(QUALITY))
    with few_rows(spark):
        row = (
            score_states(spark, store, spec, spec.windows.grain, ["labels"])
            .where(in_windows("window_start", contiguous(windows)))
            .selectExpr(*sums.split(", "))
            .collect()[0]
        )
    return {name: int(row[name] or 0) for name in QUALITY}


def unusable_totals(
    spark: SparkSession, store: Store, spec: MonitorSpec, windows: Sequence[Window]
) -> dict[str, int]:
    """Rows of these windows whose score is missing or outside [0, 1], or whose label is odd.

    Of several sets or classes, which count the same rows, the largest number of a window.
    """
    counts = [
        F.max(F.element_at("cells", place - len(UNUSABLE))).alias(name)
        for place, name in enumerate(UNUSABLE)
    ]
    with few_rows(spark):
        row = (
            score_states(spark, store, spec, spec.windows.grain, ["scores"])
            .where(in_windows("window_start", contiguous(windows)))
            .where(F.col("slice_key") == WHOLE)
            .groupBy("window_start")
            .agg(*counts)
            .agg(*(F.sum(name).alias(name) for name in UNUSABLE))
            .collect()[0]
        )
    return {name: int(row[name] or 0) for name in UNUSABLE}
