"""What happened to a source between two versions, as its Delta history tells it.

A commit either leaves the rows and their files alone, moves rows to other files without
changing one (OPTIMIZE), appends, or may do anything. Whatever is not known to be one of
the first three counts as the last.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from pyspark.sql import SparkSession

from sparkdrift.spark.source import Source

Kind = Literal["still", "moved", "appended", "changed"]

# Operations that add, remove and move no row. A schema change is among them: it applies
# to the windows that are profiled next.
_STILL = frozenset(
    (
        *("VACUUM START", "VACUUM END", "COMPUTE STATS", "ANALYZE TABLE"),
        *("SET TBLPROPERTIES", "UNSET TBLPROPERTIES", "UPGRADE PROTOCOL", "CLUSTER BY"),
        *("ADD CONSTRAINT", "DROP CONSTRAINT", "ADD COLUMNS", "CHANGE COLUMN", "CHANGE COLUMNS"),
        *("RENAME COLUMN", "DROP COLUMNS", "UPDATE SCHEMA"),
    )
)
_MOVING = frozenset(["OPTIMIZE", "REORG"])
# What a MERGE must not have done to count as an append.
_NOT_INSERTED = (
    *("numTargetRowsUpdated", "numTargetRowsDeleted", "numTargetRowsCopied"),
    "numTargetFilesRemoved",
)


@dataclass(frozen=True)
class Segment:
    """Versions after `start` up to `end` that changed rows, with no row moved between them.

    `appended`: nothing but appends.
    """

    start: int
    end: int
    appended: bool


@dataclass(frozen=True)
class History:
    """What a source went through after a version; without `segments` its rows are the same.

    `known` is False where the history can't tell, and `reason` says why.
    """

    known: bool
    reason: str
    segments: tuple[Segment, ...] = ()

    @property
    def unchanged(self) -> bool:
        return self.known and not self.segments


def since(spark: SparkSession, source: Source, version: int, table_id: str) -> History:
    """What the history of `source` says about the versions after `version`."""
    if table_id != source.table_id:
        return History(False, "the source table was recreated")
    if version == source.version:
        return History(True, "the source has no new version")
    if version > source.version:
        return History(False, "the source's version went back")
    expected = source.version - version
    # Commits may have come since the source was pinned: by number of rows they could push
    # older ones out of the answer.
    newest = spark.sql(f"DESCRIBE HISTORY {source.identifier} LIMIT 1").collect()[0]["version"]
    limit = int(newest) - version
    rows = spark.sql(f"DESCRIBE HISTORY {source.identifier} LIMIT {limit}").collect()
    commits = sorted(
        (
            int(row["version"]),
            kind_of(
                str(row["operation"]),
                dict(row["operationParameters"] or {}),
                dict(row["operationMetrics"] or {}),
            ),
        )
        for row in rows
        if version < row["version"] <= source.version
    )
    if len(commits) < expected:
        return History(False, "the source's history since the last run has expired")
    segments = segments_of(version, commits)
    if not segments:
        return History(True, "nothing but maintenance on the source")
    plural = "s" if expected > 1 else ""
    return History(True, f"{expected} new version{plural} of the source", segments)


def kind_of(operation: str, parameters: Mapping[str, str], metrics: Mapping[str, str]) -> Kind:
    """What one commit did to the rows, by its entry in the history."""
    if operation in _STILL:
        return "still"
    if operation in _MOVING:
        counts = [metrics.get(name) for name in ("numRemovedFiles", "numAddedFiles")]
        return "still" if counts == ["0", "0"] else "moved"
    if operation == "WRITE" and parameters.get("mode") == "Append":
        return "appended"
    if operation == "STREAMING UPDATE" and parameters.get("outputMode") == "Append":
        return "appended" if metrics.get("numRemovedFiles") == "0" else "changed"
    if operation == "COPY INTO":
        return "appended"
    if operation == "MERGE" and all(metrics.get(name) == "0" for name in _NOT_INSERTED):
        # Absent where the writer knows no deletion vectors.
        hidden = metrics.get("numTargetDeletionVectorsAdded", "0") != "0"
        return "changed" if hidden else "appended"
    return "changed"


def segments_of(base: int, commits: Sequence[tuple[int, Kind]]) -> tuple[Segment, ...]:
    """Commits after `base`, in order, cut where rows were moved; empty parts are left out."""
    found: list[Segment] = []
    start, kinds, last = base, set[Kind](), base
    for version, kind in commits:
        if kind == "moved":
            if kinds:
                found.append(Segment(start, last, kinds == {"appended"}))
            start, kinds = version, set()
        elif kind != "still":
            kinds.add(kind)
        last = version
    if kinds:
        found.append(Segment(start, last, kinds == {"appended"}))
    return tuple(found)
