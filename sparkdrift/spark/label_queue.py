"""Rows to label next: strata of production and of the evaluation set, and the rows picked.

A stratum is a group of score bins and one value of each slice column. Which rows of a stratum are
picked depends on their key and the seed alone, not on files or the order of rows.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import pairwise
from pathlib import Path

import pyarrow as pa
from pyspark.sql import DataFrame, SparkSession, Window
from pyspark.sql import functions as F

from sparkdrift.errors import SourceError, UsageError
from sparkdrift.spark.commits import committed
from sparkdrift.spark.failures import FAILURES, reason
from sparkdrift.spark.local_rows import local_rows
from sparkdrift.spark.slicing import Slices
from sparkdrift.spark.source import Source, open_source
from sparkdrift.spark.sql import quote, string, timestamp
from sparkdrift.spec.names import parse_table, render_table
from sparkdrift.store import delta_path

OWN = ("stratum", "monitor", "evaluation_set", "run_id", "sampled_at")
"""The columns of a queue besides the key."""
_MOST_STRATA = 50_000
_SCORES = ":scores"


@dataclass(frozen=True)
class Strata:
    """cuts: scores at which a group of score bins ends, ascending; slices: whose columns count."""

    cuts: tuple[float, ...]
    slices: Slices

    def stratified(self, rows: DataFrame, score: str, *columns: str) -> DataFrame:
        """Rows with a score in [0, 1]: `score`, `stratum` as JSON text, and `columns` (SQL)."""
        usable = rows.selectExpr(f"{score} AS score", *self.slices.selected(), *columns)
        names = [
            f"{string(column)}, {name}"
            for column, name in zip(self.slices.columns, self.slices.names, strict=True)
        ]
        parts = ", ".join([f"{string(_SCORES)}, {self._group()}", *names])
        # A NULL has no entry in this JSON, so it is no text that a value could be.
        return (
            usable.where("score >= 0 AND score <= 1")
            .withColumn("stratum", F.expr(f"to_json(named_struct({parts}))"))
            .drop(*self.slices.names)
        )

    def _group(self) -> str:
        if not self.cuts:
            return "'0 to 1'"
        bounds = (0.0, *self.cuts, 1.0)
        pairs = list(pairwise(bounds))
        cases = " ".join(
            f"WHEN score < double('{end!r}') THEN {string(f'{begin:.6g} to {end:.6g}')}"
            for begin, end in pairs[:-1]
        )
        return f"CASE {cases} ELSE {string(f'{pairs[-1][0]:.6g} to 1')} END"


@dataclass(frozen=True)
class Queue:
    """The Delta table that rows to label are written to: a folder or a name."""

    name: str
    identifier: str
    path: str | None

    @classmethod
    def named(cls, given: str) -> Queue:
        """Of what was asked for: a name of two or three parts is a table, all else a folder."""
        if "/" in given or "\\" in given or given.count(".") not in (1, 2) or given[:1] == ".":
            return cls(given, delta_path(given), given)
        return cls(given, render_table(parse_table(given)), None)

    def open(self, spark: SparkSession, keys: Sequence[str] = ()) -> Source | None:
        """The table as it is; None where there is none yet. Raises UsageError for another's, or
        one whose rows have not the columns `keys`."""
        table = None if self.path else self.name
        if self.path is None and not spark.catalog.tableExists(self.name):
            return None
        if self.path is not None and not _is_there(spark, self.path):
            if _is_filled(self.path):
                raise UsageError(
                    f"--to {self.name} is a folder with files of something else, which is no "
                    "queue of sample-eval; name a new one"
                )
            return None
        try:
            found = open_source(
                spark, table=table, path=self.path, row_filter=None, named_by=("--to", "--to")
            )
        except SourceError as error:
            raise UsageError(f"--to {self.name} can't be added to: {error}") from error
        lacking = [name for name in OWN if name not in found.schema]
        if lacking:
            raise UsageError(
                f"--to {self.name} is a table that is no queue of sample-eval: it lacks the "
                f"columns {', '.join(lacking)}; name a new one"
            )
        other = [name for name in keys if name not in found.schema]
        if other:
            raise UsageError(
                f"--to {self.name} is a queue of rows with another key: it lacks the columns "
                f"{', '.join(other)}; name a new one"
            )
        return found


def _is_there(spark: SparkSession, path: str) -> bool:
    try:
        spark.sql(f"DESCRIBE DETAIL {delta_path(path)}").collect()
    except FAILURES:
        return False
    return True


def _is_filled(path: str) -> bool:
    """Whether a folder on this machine has anything in it."""
    folder = Path(path)
    if "://" in path or not folder.exists():
        return False
    return not folder.is_dir() or any(folder.iterdir())


def taken_keys(
    spark: SparkSession,
    keys: Sequence[str],
    labels: tuple[Source, Sequence[str], str] | None,
    queues: Sequence[Source],
) -> DataFrame | None:
    """Keys, as texts t0, t1, ..., that have a label or wait for one; None: there are none.

    labels: the table that labels arrive in, its key columns, and SQL for whether a row has one.
    """
    frames = [
        one.select(spark, *_texts(keys, "t"))
        for one in queues
        if all(key in one.schema for key in keys)
    ]
    if labels is not None:
        source, own, known = labels
        frames.append(source.select(spark, *_texts(own, "t"), where=known))
    if not frames:
        return None
    found = frames[0]
    for frame in frames[1:]:
        found = found.unionByName(frame)
    return found.distinct()


def candidates(rows: DataFrame, keys: Sequence[str], taken: DataFrame | None) -> DataFrame:
    """One row per key: score, stratum, `free` (it may be sampled) and the key's columns.

    rows: `Strata.stratified` with the key columns and `labelled`. A key that several rows have is
    one case; a row with NULL in its key, which can't be found again, is none.
    """
    named = [quote(key) for key in keys]
    once = (
        rows.where(" AND ".join(f"{name} IS NOT NULL" for name in named))
        .groupBy(*named)
        .agg(F.expr("min(struct(stratum, score)) AS one"), F.expr("bool_or(labelled) AS labelled"))
    )
    if taken is None:
        return once.selectExpr("one.*", "NOT labelled AS free", *named)
    same = " AND ".join(f"CAST({name} AS STRING) = t{i}" for i, name in enumerate(named))
    joined = once.join(taken, F.expr(same), "left")
    return joined.selectExpr("one.*", "NOT labelled AND t0 IS NULL AS free", *named)


def _texts(columns: Sequence[str], prefix: str) -> list[str]:
    return [f"CAST({quote(one)} AS STRING) AS {prefix}{i}" for i, one in enumerate(columns)]


def counted(rows: DataFrame, free: str = "false") -> dict[str, tuple[int, int]] | None:
    """By stratum: rows, and those for which `free` (SQL) holds; None: there are too many strata."""
    found = (
        rows.groupBy("stratum")
        .agg(F.expr("count(*) AS rows"), F.expr(f"count_if({free}) AS free"))
        .limit(_MOST_STRATA + 1)
        .collect()
    )
    if len(found) > _MOST_STRATA:
        return None
    return {row["stratum"]: (row["rows"], row["free"]) for row in found}


def picked(
    spark: SparkSession,
    rows: DataFrame,
    keys: Sequence[str],
    quotas: Mapping[str, int],
    seed: int,
) -> pa.Table:
    """So many free rows of each stratum: the key's columns, stratum and score."""
    asked = [(stratum, rows) for stratum, rows in quotas.items() if rows > 0]
    wanted = local_rows(spark, asked, {"stratum": "string", "quota": "int"})
    named = [quote(key) for key in keys]
    texts = ", ".join(f"CAST({name} AS STRING)" for name in named)
    place = Window.partitionBy("stratum").orderBy(
        F.expr(f"xxhash64({int(seed)}L, {texts})"), *named
    )
    return (
        rows.where("free")
        .join(F.broadcast(wanted), "stratum")
        .withColumn("place", F.row_number().over(place))
        .where("place <= quota")
        .selectExpr(*named, "stratum", "score")
        .orderBy(*named)
        .toArrow()
    )


def add_to_queue(
    spark: SparkSession,
    queue: Queue,
    rows: pa.Table,
    about: Mapping[str, str],
    at: datetime,
) -> None:
    """Append the key's columns and the stratum of `rows`; the table is created where it is new.

    about: monitor, evaluation_set and run_id. Raises UsageError where the table does not take
    them.
    """
    # As one chunk: pyspark 4.2 drops what follows an empty one.
    frame = spark.createDataFrame(rows.drop_columns(["score"]).combine_chunks())
    for name, value in about.items():
        frame = frame.withColumn(name, F.lit(value))
    frame = frame.withColumn("sampled_at", F.expr(timestamp(at)))
    writer = frame.coalesce(1).write.format("delta").mode("append")
    try:
        committed(
            "append",
            "labels to come",
            lambda: writer.save(queue.path) if queue.path else writer.saveAsTable(queue.identifier),
        )
    except FAILURES as error:
        raise UsageError(f"--to {queue.name} can't be written: {reason(error)}") from error
