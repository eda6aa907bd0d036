"""Labels that arrive in a table of their own: the newest of each key, joined to predictions."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from itertools import pairwise

from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F

from sparkdrift.explain.signals import WHOLE
from sparkdrift.spark.changes import timestamp_type
from sparkdrift.spark.counters import WINDOW
from sparkdrift.spark.key_changes import Joined
from sparkdrift.spark.key_ranges import Ranges
from sparkdrift.spark.source import Source, instant
from sparkdrift.spark.sql import quote, string
from sparkdrift.spark.window_columns import window_end
from sparkdrift.spec.columns import Columns
from sparkdrift.spec.evaluation import Labels
from sparkdrift.spec.models import MonitorSpec
from sparkdrift.spec.scoring import (
    ODD,
    OneScore,
    evaluation_of,
    label_column,
    scores_of,
    watched_columns,
)

ARRIVAL = ("0", "1", "2", "4", "7", "14", "30", "60", "90", "180", "365", "later", "unknown")
"""Buckets of the arrival curve: known at most so many days after the window's end, and more than
the bucket before; `later` than all of them, or at an `unknown` time."""
QUALITY = ("rows", "labelled", "duplicated", "restated", "conflicting", "early")
"""What is counted of a window's labels: predictions, those with a row in the table of labels, with
several rows that say the same, with a label that was changed later, with two labels of the same
time that differ (no label then), with a label that was known before the prediction."""
SIGN = ":sign"
"""The column of rows that are counted, 1, or taken away from what was counted before, -1."""
_POSITIVE, _RAW, _KNOWN = ":positive", ":label", ":known"
_ROWS, _RESTATED, _CONFLICT = ":label_rows", ":restated", ":conflict"
LABELLED = f"(`{_RAW}` IS NOT NULL OR `{_POSITIVE}` IS NOT NULL) AND NOT `{_CONFLICT}`"
"""Of a row of `joined_labels`: whether it has a label; of two that differ none is believed."""


def keys_of(spec: MonitorSpec) -> tuple[tuple[str, str], ...]:
    """(column of the watched table, column of the table of labels) for each part of the key."""
    labels = spec.evaluation and spec.evaluation.labels
    own = spec.prediction.key or ()
    return tuple(zip(own, (labels.key if labels and labels.key else own), strict=True))


def joined_by_key(spec: MonitorSpec, labels: Source) -> Joined:
    """The table of labels as one that is joined to the watched one."""
    # A condition may read any column of the table.
    told = spec.evaluation is not None and spec.evaluation.positive.label is not None
    columns = None if told else tuple(label_columns(spec, labels))
    return Joined("labels", labels, keys_of(spec), columns)


def joined_labels(
    spark: SparkSession,
    spec: MonitorSpec,
    rows: DataFrame,
    labels: Source | None,
    *,
    of_few: bool = False,
) -> DataFrame:
    """Rows of the watched table with their label; as they are where it stands in them already.

    Of several rows of a key the newest by `known_at` counts, one without a time as the oldest.
    The label takes the place of a column of its name. A key that is NULL has no label. `of_few`:
    most labels are of other rows, so those of these are sought out first, by their keys alone.
    """
    if labels is None:
        return rows
    found = label_rows(spark, spec, labels)
    if of_few:
        own = rows.selectExpr(
            *(f"{quote(key)} AS p{i}" for i, (key, _) in enumerate(keys_of(spec)))
        )
        same = " AND ".join(f"`:k{i}` = p{i}" for i in _parts(spec))
        found = found.join(own, F.expr(same), "left_semi")
    return _labelled(rows, _newest(found, spec), spec, _same_key(spec))


def relabelled_rows(
    spark: SparkSession,
    spec: MonitorSpec,
    rows: DataFrame,
    labels: Source,
    keys: DataFrame,
    ranges: Ranges,
    since: int,
) -> DataFrame:
    """Those of `rows` whose key is among `keys`, each twice: with its label as of version `since`
    of the table of labels, where SIGN is -1, and with its present one, where SIGN is 1.

    keys: `:k0`, ...; ranges: where they are. What else is as in `joined_labels`.
    """
    asked = keys.distinct()
    own = rows.join(asked, F.expr(_same_key(spec)), "left_semi")
    where = ranges.within([theirs for _, theirs in keys_of(spec)], labels.schema)
    both: DataFrame | None = None
    for table, sign in ((replace(labels, version=since), -1), (labels, 1)):
        read = label_rows(spark, spec, table, where)
        read = read.join(asked, [f":k{i}" for i in _parts(spec)], "left_semi")
        newest = _newest(read, spec).selectExpr("*", f"{sign} AS `:of`")
        both = newest if both is None else both.unionByName(newest)
    twice = own.selectExpr("*", f"explode(array(-1, 1)) AS `{SIGN}`")
    same = f"{_same_key(spec)} AND `{SIGN}` = `:of`"
    return twice if both is None else _labelled(twice, both, spec, same).drop(":of")


def _same_key(spec: MonitorSpec) -> str:
    return " AND ".join(f"{quote(own)} = `:k{i}`" for i, (own, _) in enumerate(keys_of(spec)))


def _labelled(rows: DataFrame, newest: DataFrame, spec: MonitorSpec, same: str) -> DataFrame:
    found = rows.join(newest, F.expr(same), "left").drop(*(f":k{i}" for i in _parts(spec)))
    label = label_column(spec)
    return found if label is None else found.withColumn(label, F.col(quote(_RAW)))


def scores_with_labels(spec: MonitorSpec, labels: Source | None) -> tuple[OneScore, ...]:
    """The scores of watched rows, over what `joined_labels` made of them."""
    evaluation = evaluation_of(spec)
    scores = scores_of(spec, evaluation, watched_columns(spec))
    if labels is None:
        return scores
    # Of two labels of the same time none is believed; of a number there is no odd one.
    odd = "CAST(NULL AS DOUBLE)" if evaluation.task == "regression" else ODD
    told = evaluation.positive.label is not None
    return tuple(
        replace(
            one,
            label=f"CASE WHEN {quote(_CONFLICT)} THEN {odd} "
            f"ELSE {quote(_POSITIVE) if told else one.label} END",
        )
        for one in scores
    )


def _parts(spec: MonitorSpec) -> range:
    return range(len(keys_of(spec)))


def label_rows(
    spark: SparkSession, spec: MonitorSpec, labels: Source, where: str | None = None
) -> DataFrame:
    """The table of labels as its columns `:k0`, ..., `:label`, `:positive` and `:known`."""
    evaluation = evaluation_of(spec)
    declared = evaluation.labels or Labels()
    usual, own = label_column(spec), declared.label or spec.prediction.label
    rows = labels.rows(spark, where)
    if usual and own and usual.lower() != own.lower():
        rows = rows.withColumn(usual, F.col(quote(own)))
    known = "CAST(NULL AS TIMESTAMP)"
    if declared.known_at is not None:
        kind = timestamp_type(labels, declared.known_at)
        known = instant(declared.known_at, kind, spec.timestamp.zone)
    positive = evaluation.positive.label
    return rows.selectExpr(
        *(f"{quote(theirs)} AS `:k{i}`" for i, (_, theirs) in enumerate(keys_of(spec))),
        f"{quote(usual) if usual else 'NULL'} AS `{_RAW}`",
        f"{'CAST(NULL AS DOUBLE)' if positive is None else f'CAST(({positive}) AS DOUBLE)'}"
        f" AS `{_POSITIVE}`",
        f"{known} AS `{_KNOWN}`",
    )


def _newest(rows: DataFrame, spec: MonitorSpec) -> DataFrame:
    """One row per key of `label_rows`: the newest label, and how many there were."""
    evaluation = spec.evaluation
    told = evaluation is not None and evaluation.positive.label is not None
    says = f"CAST(`{_POSITIVE if told else _RAW}` AS STRING)"
    # NULL is least: a label without a time is the oldest, whichever way it is asked.
    known = f"coalesce(unix_micros(`{_KNOWN}`), -9223372036854775807L)"
    first, last = (
        f"struct(-{known} AS at, {says} AS says)",
        f"struct({known} AS at, {says} AS says)",
    )
    found = rows.groupBy(*(f":k{i}" for i in _parts(spec))).agg(
        *(F.expr(f"max_by(`{one}`, {last})").alias(one) for one in (_RAW, _POSITIVE)),
        F.max(quote(_KNOWN)).alias(_KNOWN),
        F.count("*").alias(_ROWS),
        F.expr(f"max_by({says}, {last})").alias("top"),
        F.expr(f"min_by({says}, {first})").alias("tied"),
        F.expr(f"min({says})").alias("least"),
        F.expr(f"max({says})").alias("most"),
    )
    return found.selectExpr(
        *(f"`{name}`" for name in found.columns if name.startswith(":")),
        f"NOT (top <=> tied) AS `{_CONFLICT}`",
        f"top <=> tied AND least <> most AS `{_RESTATED}`",
    )


def arrival_states(
    rows: DataFrame, spec: MonitorSpec, source: Source, sign: str = "1"
) -> DataFrame:
    """Of `joined_labels` per window: how late they came, and what is wrong with them.

    Rows with window_start, slice, kind (`arrival`, `labels`), columns and cells; a window
    without rows has none. `sign` as in `count_scores`.
    """
    grain, zone = spec.windows.grain, spec.timestamp.zone
    at = instant(spec.timestamp.column, timestamp_type(source, spec.timestamp.column), zone)
    end = window_end(quote(WINDOW), grain, zone)
    narrow = rows.selectExpr(
        f"{quote(WINDOW)} AS window_start",
        f"{sign} AS sign",
        f"(unix_micros(`{_KNOWN}`) - unix_micros({end})) / 86400000000D AS days",
        f"`{_ROWS}` AS copies",
        f"`{_RESTATED}` AS restated",
        f"`{_CONFLICT}` AS conflict",
        f"`{_KNOWN}` < {at} AS early",
        f"`{_RAW}` IS NOT NULL OR `{_POSITIVE}` IS NOT NULL AS labelled",
    )
    limits = [float(one) for one in ARRIVAL[:-2]]
    inside = [f"days > {low!r}D AND days <= {high!r}D" for low, high in pairwise(limits)]
    buckets = [f"days <= {limits[0]!r}D", *inside, f"days > {limits[-1]!r}D", "days IS NULL"]
    counts = [f"count_if(labelled AND {one})" for one in buckets]
    quality = [
        *("count(*)", "count(copies)", "count_if(copies > 1 AND NOT restated AND NOT conflict)"),
        *("count_if(restated)", "count_if(conflict)", "count_if(early)"),
    ]
    found = narrow.groupBy("window_start", "sign").agg(
        *(F.expr(sql).alias(f"a{i}") for i, sql in enumerate(counts)),
        *(F.expr(sql).alias(f"q{i}") for i, sql in enumerate(quality)),
    )
    kinds = ", ".join(
        f"struct({string(kind)} AS kind, array({', '.join(map(string, names))}) AS columns,"
        f" array({', '.join(f'{letter}{i} * double(sign)' for i in range(len(names)))}) AS cells)"
        for kind, names, letter in (("arrival", ARRIVAL, "a"), ("labels", QUALITY, "q"))
    )
    return found.selectExpr(
        "window_start",
        f"{string(WHOLE)} AS slice_key",
        f"{string(WHOLE)} AS slice_value",
        f"inline(array({kinds}))",
    )


def label_columns(spec: MonitorSpec, labels: Source) -> Sequence[str]:
    """The columns of the table of labels that are read, as it spells them."""
    evaluation = spec.evaluation
    own = evaluation.labels if evaluation else None
    wanted = [theirs for _, theirs in keys_of(spec)]
    wanted += [one for one in (own and own.label, spec.prediction.label) if one]
    wanted += [own.known_at] if own and own.known_at else []
    columns = Columns(labels.schema)
    return [one for one in dict.fromkeys(wanted) if columns.type_of(one) is not None]
