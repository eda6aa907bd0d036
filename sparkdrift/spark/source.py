"""The monitored table: found, pinned to one version, and read as the spec says."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

from pyspark.sql import DataFrame, SparkSession

from sparkdrift.errors import SourceError
from sparkdrift.spark.failures import FAILURES, condition, reason
from sparkdrift.spark.sql import in_windows, quote
from sparkdrift.spec.names import parse_table, render_table
from sparkdrift.spec.values_in_sql import instant as instant
from sparkdrift.store import delta_path
from sparkdrift.windows import Window, contiguous

# Operations after which every row of the table is what it was before.
_MAINTENANCE = frozenset(
    (
        *("OPTIMIZE", "VACUUM START", "VACUUM END", "COMPUTE STATS", "ANALYZE TABLE"),
        *("SET TBLPROPERTIES", "UNSET TBLPROPERTIES", "ADD CONSTRAINT", "DROP CONSTRAINT"),
        *("CLUSTER BY", "UPGRADE PROTOCOL", "REORG"),
    )
)
# A file path and a row count can't tell these from no change at all.
_REWINDING = frozenset(["RESTORE", "CLONE", "CONVERT"])


@dataclass(frozen=True)
class Source:
    """A Delta table at one version. `identifier` is ready for SQL, `name` for people."""

    name: str
    identifier: str
    table_id: str
    version: int
    schema: dict[str, str]
    row_filter: str | None = None

    def rows(self, spark: SparkSession) -> DataFrame:
        """All rows that the spec's filter admits, at the pinned version."""
        condition = f" WHERE ({self.row_filter})" if self.row_filter else ""
        return spark.sql(
            f"SELECT *, _metadata.file_path AS `{FILE}` FROM {self.identifier} "
            f"VERSION AS OF {self.version}{condition}"
        )


# Name of the column that carries each row's data file; no column of a source is called so.
FILE = ":file"


def open_source(
    spark: SparkSession, *, table: str | None, path: str | None, row_filter: str | None
) -> Source:
    """Find the Delta table and pin its newest version.

    Raises SourceError, with the next step, for a table that is missing, that is not a
    Delta table, or that can't be read.
    """
    name = path or str(table)
    identifier = delta_path(path) if path else render_table(parse_table(str(table)))
    try:
        detail = spark.sql(f"DESCRIBE DETAIL {identifier}").collect()[0]
        if detail["format"] != "delta" or not detail["id"]:
            raise SourceError(_not_delta(name, path))
        latest = spark.sql(f"DESCRIBE HISTORY {identifier} LIMIT 1").collect()[0]
        version = int(latest["version"])
        fields = spark.sql(
            f"SELECT * FROM {identifier} VERSION AS OF {version} LIMIT 0"
        ).schema.fields
    except FAILURES as error:
        raise _unreadable(error, name, path) from error
    return Source(
        name=name,
        identifier=identifier,
        table_id=str(detail["id"]),
        version=version,
        schema={field.name: field.dataType.simpleString() for field in fields},
        row_filter=row_filter,
    )


def near(column: str, windows: Sequence[Window]) -> str:
    """A coarse predicate on the raw timestamp column, so that files can be skipped.

    A day wider on both sides than the windows: local times differ from UTC by less.
    """
    day = timedelta(days=1)
    wide = [Window(w.start - day, w.end + day) for w in contiguous(windows)]
    merged: list[Window] = []
    for window in wide:
        if merged and window.start <= merged[-1].end:
            merged[-1] = Window(merged[-1].start, max(merged[-1].end, window.end))
        else:
            merged.append(window)
    return in_windows(quote(column), merged)


@dataclass(frozen=True)
class Since:
    """What happened to a source after a version: nothing that matters, changes, or unknown."""

    changed: bool
    comparable: bool
    reason: str


def since(spark: SparkSession, source: Source, version: int, table_id: str) -> Since:
    """What the table's history says about the versions after `version`.

    `changed` is False only where nothing or nothing but maintenance happened.
    `comparable` is False where fingerprints taken up to `version` prove nothing any
    more: another table, a restore, or history that is gone.
    """
    if table_id != source.table_id:
        return Since(True, False, "the source table was recreated")
    if version == source.version:
        return Since(False, True, "the source has no new version")
    if version > source.version:
        return Since(True, False, "the source's version went back")
    expected = source.version - version
    history = spark.sql(f"DESCRIBE HISTORY {source.identifier} LIMIT {expected}").collect()
    operations = [str(row["operation"]) for row in history if row["version"] > version]
    if len(operations) < expected:
        return Since(True, False, "the source's history since the last run has expired")
    rewound = sorted(_REWINDING.intersection(operations))
    if rewound:
        return Since(True, False, f"{rewound[0]} on the source")
    if _MAINTENANCE.issuperset(operations):
        return Since(False, True, "nothing but maintenance on the source")
    return Since(True, True, f"{expected} new version{'s' if expected > 1 else ''} of the source")


def _not_delta(name: str, path: str | None) -> str:
    next_step = (
        f"convert it with: CONVERT TO DELTA parquet.`{path}`" if path else "give a Delta table"
    )
    return f"{name} is not a Delta table; accepted are Delta tables: {next_step}"


def _unreadable(error: Exception, name: str, path: str | None) -> SourceError:
    found, text = condition(error), reason(error)
    if path and "://" not in path and not Path(path).exists():
        return SourceError(f"source {name}: there is no such folder; check source.path in the spec")
    if "NOT_FOUND" in found:
        return SourceError(
            f"source {name}: there is no such table; check source.table in the spec, "
            "or give a folder as source.path"
        )
    if (
        "NOT_A_DELTA_TABLE" in found
        or "MISSING_DELTA_TABLE" in found
        or ("is not a Delta table" in text)
    ):
        return SourceError(_not_delta(name, path))
    return SourceError(f"source {name} can't be read: {text}")
