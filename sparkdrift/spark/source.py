"""The monitored table: found, pinned to one version, and read as the spec says."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta, timezone
from pathlib import Path

from pyspark.sql import DataFrame, SparkSession

from sparkdrift.errors import GoneError, NoTableError, SourceError
from sparkdrift.spark.damage import RESTORE_LOG, log_at_fault, past_at_fault
from sparkdrift.spark.decided import Decided
from sparkdrift.spark.failures import FAILURES, condition, reason
from sparkdrift.spark.payloads import Flattened
from sparkdrift.spark.sql import in_windows, quote
from sparkdrift.spec.decisions import decision_keys, read_of_decisions
from sparkdrift.spec.location import Location
from sparkdrift.spec.models import MonitorSpec
from sparkdrift.spec.names import parse_table, render_table
from sparkdrift.spec.origin import Loc
from sparkdrift.spec.values_in_sql import instant as instant
from sparkdrift.store import delta_path
from sparkdrift.windows import Window, contiguous


@dataclass(frozen=True)
class Source:
    """A Delta table at one version. `identifier` is ready for SQL, `name` for people.

    `partition_columns` in lower case; `feed`: it records a change data feed at present;
    `column_mapping`: its files may call columns otherwise; `deletion_vectors`: some rows of a
    file may be hidden; `files`: how many it has now. `renamed`: columns that `rows` has besides,
    or instead, by what they are called in the table; `schema` has them too. `decided`: what
    was done with the rows, which `rows` has besides, and `schema` has not. `flattened`: `rows` and
    `schema` are those of the batches in its JSON texts, `select` reads the table as it is.
    """

    name: str
    identifier: str
    table_id: str
    version: int
    schema: dict[str, str]
    row_filter: str | None = None
    partition_columns: frozenset[str] = frozenset()
    feed: bool = False
    column_mapping: bool = False
    deletion_vectors: bool = False
    files: int = 0
    renamed: Mapping[str, str] = field(default_factory=dict)
    decided: Decided | None = None
    flattened: Flattened | None = None

    def rows(self, spark: SparkSession, where: str | None = None) -> DataFrame:
        """All rows that the spec's filter and `where` admit, at the pinned version."""
        found = self.select(spark, "*", f"_metadata.file_path AS `{FILE}`", where=where)
        found = found if self.flattened is None else self.flattened.flatten(found)
        more = [f"{quote(of)} AS {quote(to)}" for to, of in self.renamed.items()]
        # Over Connect nothing may be added by withColumns.
        found = found.selectExpr("*", *more) if more else found
        return found if self.decided is None else self.decided.beside(spark, found)

    @property
    def shape(self) -> str:
        """SQL for a relation without rows that has the columns of `rows`."""
        known = dict(self.flattened.payload.columns) if self.flattened else {}
        known |= self.decided.columns if self.decided else {}
        also = "".join(f", CAST(NULL AS {kind}) AS {quote(name)}" for name, kind in known.items())
        return f"(SELECT *{also} FROM {self.identifier} VERSION AS OF {self.version} LIMIT 0)"

    def select(
        self,
        spark: SparkSession,
        *columns: str,
        version: int | None = None,
        where: str | None = None,
    ) -> DataFrame:
        """`columns` (SQL) of the rows that filter and `where` admit; None: the pinned version."""
        conditions = [f"({one})" for one in (self.row_filter, where) if one]
        condition = f" WHERE {' AND '.join(conditions)}" if conditions else ""
        return spark.sql(
            f"SELECT {', '.join(columns)} FROM {self.identifier} "
            f"VERSION AS OF {self.version if version is None else version}{condition}"
        )


_EPOCH = datetime(1970, 1, 1, tzinfo=timezone.utc)
# Name of the column that carries each row's data file; no column of a source is called so.
FILE = ":file"


def source_of(spark: SparkSession, spec: MonitorSpec) -> Source:
    """The table that the spec watches, as `open_source` finds it; errors name its line."""
    found = watched_table(spark, spec)
    decisions = spec.feedback and spec.feedback.decisions
    if not decisions:
        return found
    table = _named(spark, spec, decisions, "feedback", "decisions")
    columns = read_of_decisions(spec, found.schema, table.schema)
    own = Decided(table, decision_keys(spec), columns, decisions.decided_at)
    return replace(found, decided=own)


def watched_table(spark: SparkSession, spec: MonitorSpec, version: int | None = None) -> Source:
    """The same without decisions, which are of another table; at a version, else the newest."""
    return _flattened(spec, _named(spark, spec, spec.source, "source", version=version))


def _flattened(spec: MonitorSpec, log: Source) -> Source:
    """The log with its JSON texts flattened, where the spec says what they hold."""
    if spec.source.payload is None:
        return log
    flattened = Flattened(spec.source.payload)
    try:
        return replace(log, schema=flattened.schema(log.schema, log.name), flattened=flattened)
    except SourceError as error:
        raise spec.origin.located(error, ("source", "payload")) from error.__cause__


def reference_of(spark: SparkSession, spec: MonitorSpec) -> Source | None:
    """The other table that the spec's reference is taken from, if it is; errors name its line."""
    if spec.reference is None or not spec.reference.is_scanned:
        return None
    return _named(spark, spec, spec.reference, "reference")


def keys_of(loc: Loc) -> tuple[str, str]:
    """The keys that name a table, and a folder, in the section at `loc`."""
    section = ".".join(map(str, loc))
    return f"{section}.table", f"{section}.path"


def _named(
    spark: SparkSession,
    spec: MonitorSpec,
    place: Location,
    *section: str,
    version: int | None = None,
) -> Source:
    try:
        return open_source(
            spark,
            table=place.table,
            path=place.path,
            row_filter=place.filter,
            version=version,
            named_by=keys_of(section),
        )
    except SourceError as error:
        key = "table" if place.path is None else "path"
        raise spec.origin.located(error, (*section, key)) from error.__cause__


def open_source(
    spark: SparkSession,
    *,
    table: str | None,
    path: str | None,
    row_filter: str | None,
    version: int | None = None,
    named_by: tuple[str, str] = ("source.table", "source.path"),
) -> Source:
    """Find the Delta table and pin a version of it, by default the newest.

    named_by: the keys of the spec, or the options, that give a table and a path here.
    Raises SourceError, with the next step, for a table that is missing, that is not a
    Delta table, or that can't be read; and for a version that it does not have, or not any more.
    """
    name = path or str(table)
    identifier = delta_path(path) if path else render_table(parse_table(str(table)))
    try:
        detail = spark.sql(f"DESCRIBE DETAIL {identifier}").collect()[0]
        if detail["format"] != "delta" or not detail["id"]:
            raise NoTableError(_not_delta(name, path))
        latest = spark.sql(f"DESCRIBE HISTORY {identifier} LIMIT 1").collect()[0]
        newest = int(latest["version"])
    except FAILURES as error:
        raise unreadable(error, name, path, named_by) from error
    pinned = newest if version is None else version
    if pinned > newest:
        raise GoneError(
            f"source {name} has no version {pinned}: its newest is {newest}. Had it more once, it "
            "was recreated, and its older versions are gone; give a version up to that"
        )
    try:
        fields = spark.sql(
            f"SELECT * FROM {identifier} VERSION AS OF {pinned} LIMIT 0"
        ).schema.fields
    except FAILURES as error:
        raise (
            unreadable(error, name, path, named_by)
            if version is None
            else gone(name, pinned, error)
        ) from error
    properties = dict(detail["properties"] or {})
    return Source(
        name=name,
        identifier=identifier,
        table_id=str(detail["id"]),
        version=pinned,
        schema={field.name: field.dataType.simpleString() for field in fields},
        row_filter=row_filter,
        partition_columns=frozenset(name.lower() for name in detail["partitionColumns"] or ()),
        feed=properties.get("delta.enableChangeDataFeed", "").lower() == "true",
        column_mapping=properties.get("delta.columnMapping.mode", "none") != "none",
        deletion_vectors="deletionVectors" in (detail["tableFeatures"] or ()),
        files=int(detail["numFiles"] or 0),
    )


def version_at(spark: SparkSession, source: Source, at: datetime) -> int:
    """The version of a source that was the newest at an instant; raises SourceError."""
    commits = spark.sql(f"DESCRIBE HISTORY {source.identifier}").selectExpr(
        "version", "unix_micros(timestamp) AS at"
    )
    micros = {int(row["version"]): int(row["at"]) for row in commits.collect()}
    wanted = (at - _EPOCH) // timedelta(microseconds=1)
    before = [version for version, when in micros.items() if when <= wanted]
    if not before:
        oldest = min(micros)
        first = _EPOCH + timedelta(microseconds=micros[oldest])
        raise SourceError(
            f"source {source.name} has no version of {at:%Y-%m-%d %H:%M} UTC: its history begins "
            f"with version {oldest} of {first:%Y-%m-%d %H:%M} UTC; give a later time"
        )
    return max(before)


def gone(name: str, version: int, error: Exception) -> SourceError:
    """A version that can't be read, with why, and what can be done.

    A GoneError where it is not there any more; else whatever it is that hinders.
    """
    if not past_at_fault(error):
        return SourceError(f"version {version} of source {name} can't be read: {reason(error)}")
    return GoneError(
        f"version {version} of source {name} can't be read any more: {reason(error)}. Time travel "
        "reaches back as far as the table keeps its log (delta.logRetentionDuration) and VACUUM "
        "its files (7 days by default): give a later version"
    )


def near(column: str, data_type: str, windows: Sequence[Window]) -> str:
    """A predicate on the raw timestamp column that holds for all rows of `windows`, and few more.

    Delta skips files by it: literals are of the column's own type, since statistics don't
    see through a cast. Local times differ from UTC by less than a day.
    """
    if data_type == "timestamp":
        return in_windows(quote(column), contiguous(windows))
    day, name = timedelta(days=1), quote(column)
    wide: list[Window] = []
    for window in contiguous(windows):
        start, end = window.start - day, window.end + day
        if wide and start <= wide[-1].end:
            wide[-1] = Window(wide[-1].start, max(wide[-1].end, end))
        else:
            wide.append(Window(start, end))
    form = "DATE'{:%Y-%m-%d}'" if data_type == "date" else "TIMESTAMP_NTZ'{:%Y-%m-%d %H:%M:%S}'"
    parts = (f"({name} >= {form.format(w.start)} AND {name} <= {form.format(w.end)})" for w in wide)
    return f"({' OR '.join(parts) or 'false'})"


def _not_delta(name: str, path: str | None) -> str:
    next_step = "give a Delta table, or write one: df.write.format('delta').save(folder)"
    if path and "://" not in path and _has_parquet(Path(path)):
        next_step = f"convert its Parquet files with: CONVERT TO DELTA parquet.`{path}`"
    return f"{name} is not a Delta table, which is what is accepted: {next_step}"


def _no_catalog(name: str, by_path: str) -> str:
    catalog, *rest = parse_table(name)
    return (
        f"source {name}: this Spark session has no catalog {catalog!r}; its own knows tables as "
        f"schema.table, such as {'.'.join(rest)}. A name of three parts needs a session with that "
        f"catalog: on Databricks Unity Catalog brings it, elsewhere spark.sql.catalog.{catalog} "
        f"names it; or give the table's folder as {by_path}"
    )


def _has_parquet(folder: Path) -> bool:
    """Files of its own or of its partitions; a store beside the data has some as well."""
    return any(folder.glob("*.parquet")) or any(folder.glob("*=*/**/*.parquet"))


def _has_entries(folder: Path) -> bool:
    return folder.is_dir() and next(folder.iterdir(), None) is not None


def unreadable(
    error: Exception, name: str, path: str | None, named_by: tuple[str, str]
) -> SourceError:
    """Why a table could not be opened, from what Spark says; NoTableError where there is none."""
    by_table, by_path = named_by
    found, text = condition(error), reason(error)
    if path and "://" not in path and not Path(path).exists():
        # A parent without anything in it may be a place that is not mounted at present.
        kind = NoTableError if _has_entries(Path(path).parent) else SourceError
        return kind(f"source {name}: there is no such folder; check {by_path}")
    if "REQUIRES_SINGLE_PART_NAMESPACE" in found or "CATALOG_NOT_FOUND" in found:
        return SourceError(_no_catalog(name, by_path))
    if "NOT_FOUND" in found:
        return NoTableError(
            f"source {name}: there is no such table; check {by_table}, "
            f"or give a folder as {by_path}"
        )
    if (
        "NOT_A_DELTA_TABLE" in found
        or "MISSING_DELTA_TABLE" in found
        or ("is not a Delta table" in text)
    ):
        return NoTableError(_not_delta(name, path))
    if log_at_fault(str(error)):
        return SourceError(
            f"source {name} can't be read, its log is damaged: {text}. {RESTORE_LOG}"
        )
    return SourceError(f"source {name} can't be read: {text}")
