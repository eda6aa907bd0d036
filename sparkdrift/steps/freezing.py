"""What a version of a reference is made of, and its rows, ready to be written.

An interval of the watched table is merged from its stored windows, where all of them are
stored; else it is read in one scan. Another table is read in one scan, at one version of it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import datetime, timezone
from typing import TYPE_CHECKING, Any

from sparkdrift.errors import SnapshotError, SourceError, SpecError
from sparkdrift.references.gate_rows import OVERLAPPING
from sparkdrift.references.life import Name
from sparkdrift.references.places import same_place
from sparkdrift.spark.cardinality import crowded, crowds
from sparkdrift.spark.changes import timestamp_type
from sparkdrift.spark.expressions import failing, resolve_reference_source, resolve_source
from sparkdrift.spark.failures import FAILURES
from sparkdrift.spark.keys import scanned_keys, unread_keys
from sparkdrift.spark.metrics import checked
from sparkdrift.spark.pairs import watched_pairs
from sparkdrift.spark.profiles import StoredWindow, stored_windows
from sparkdrift.spark.reference_life import Snapshot, Stored
from sparkdrift.spark.references import (
    merged_reference,
    newest_event,
    reference_rows,
    scanned_reference,
    write_reference,
)
from sparkdrift.spark.slicing import slices_of
from sparkdrift.spark.source import (
    Source,
    gone,
    instant,
    keys_of,
    near,
    open_source,
    source_of,
    version_at,
)
from sparkdrift.spark.sql import in_windows
from sparkdrift.spark.states import merged_pairs, scanned_pairs
from sparkdrift.spec.digests import definition_hash
from sparkdrift.spec.models import MonitorSpec, Reference
from sparkdrift.spec.origin import Loc
from sparkdrift.spec.resolving import Resolution
from sparkdrift.steps.context import Context
from sparkdrift.steps.evaluation_scores import (
    as_set,
    declared,
    measures_scores,
    score_rows,
    timestamp_of,
)
from sparkdrift.steps.journal import Record
from sparkdrift.steps.kept import any_missing, pruned
from sparkdrift.windows import Window, contiguous

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, SparkSession


@dataclass(frozen=True)
class Wanted:
    """What to freeze: an interval of the watched table, or rows of another table.

    table, path, row_filter: of the other one. version, at: which version of it, by number or by
    time; the newest where both are None. declared_at: the section of the spec that names the
    other table; None: options of the command line do.
    """

    name: Name
    interval: Window | None = None
    table: str | None = None
    path: str | None = None
    row_filter: str | None = None
    version: int | None = None
    at: datetime | None = None
    declared_at: Loc | None = None

    @property
    def named_by(self) -> tuple[str, str]:
        """The keys, or options, that give a table and a path."""
        return keys_of(self.declared_at) if self.declared_at else ("--table", "--path")

    @property
    def is_scanned(self) -> bool:
        return self.table is not None or self.path is not None


def make_version(
    context: Context,
    spec: MonitorSpec,
    wanted: Wanted,
    stored: Stored,
    record: Record,
    *,
    windows: Sequence[StoredWindow],
    by: str,
    note: str | None,
    watched: Source | None = None,
) -> Snapshot:
    """Write the next version of what is stored; it is in force nowhere yet.

    windows: the stored ones it is merged from; none: it is read in one scan. watched: the table
    that the spec watches, where it is open already. Raises SnapshotError where another run makes
    the same version at the same time.
    """
    with _as_it_was(spec, wanted, record):
        if windows and wanted.interval is not None and not measures_scores(spec, wanted.name):
            source = watched or source_of(context.spark, spec)
            rows, about = _merged(context, spec, wanted.name, wanted.interval, windows, source)
        else:
            rows, about = _scanned(context, spec, wanted, record)
        about |= {
            "role": wanted.name.role,
            "name": wanted.name.name,
            "version": stored.next_number,
            "parent": stored.newest.version if stored.newest else None,
            "run_id": context.journal.run_id,
            "created_at": datetime.now(timezone.utc),
            "created_by": by,
            "note": note,
            "declared": None,
        }
        if measures_scores(spec, wanted.name):
            about["declared"] = declared(spec, wanted.name)
        made = write_reference(context.spark, context.store, spec, rows, about)
    if made is None:
        raise SnapshotError(
            f"{wanted.name}: another run made version {about['version']} at the same time; look "
            "at it before making a new one"
        )
    return made


@contextmanager
def _as_it_was(spec: MonitorSpec, wanted: Wanted, record: Record) -> Iterator[None]:
    """SourceError in place of what Spark says where a version of the past can't be read."""
    try:
        yield
    except FAILURES as error:
        read = {role: version for role, _, version in record.inputs}
        if (wanted.version is None and wanted.at is None) or "reference" not in read:
            raise
        # The log still knows the version, and VACUUM removed its files.
        name = wanted.table or wanted.path or spec.source.table or str(spec.source.path)
        raise gone(name, read["reference"], error) from error


def stored_for(
    context: Context, spec: MonitorSpec, interval: Window
) -> tuple[Sequence[StoredWindow], str | None]:
    """(stored windows that `interval` can be merged from, why it can't be, or None)."""
    stored = stored_windows(context.spark, context.store, spec)
    inside, present = _inside(spec, stored, interval)
    missing = _missing(stored, inside, present, interval)
    return present, missing or _pruned(context, spec, stored, interval)


def whole(
    context: Context, spec: MonitorSpec, interval: Window
) -> tuple[Sequence[StoredWindow], str | None]:
    """The same for an interval of anybody's choice, all of which must be stored as defined now."""
    return whole_of(spec, stored_windows(context.spark, context.store, spec), interval)


def whole_of(
    spec: MonitorSpec, stored: Mapping[datetime, StoredWindow], interval: Window
) -> tuple[Sequence[StoredWindow], str | None]:
    """The same, where the stored windows of the monitor are known."""
    inside, present = _inside(spec, stored, interval)
    missing = _missing(stored, inside, present, interval)
    if missing:
        return (), missing
    if contiguous([one.window for one in inside]) != [interval]:
        return (), "its begin, its end or a window between is not that of a stored window"
    if len(present) < len(inside):
        other = len(inside) - len(present)
        return (), f"{other} of its windows are stored under another definition"
    return present, None


def _inside(
    spec: MonitorSpec, stored: Mapping[datetime, StoredWindow], interval: Window
) -> tuple[list[StoredWindow], list[StoredWindow]]:
    """(the stored windows of the interval, those of them that are of the present definition)."""
    inside = [one for one in stored.values() if interval.start <= one.window.start < interval.end]
    return inside, [one for one in inside if one.definition == definition_hash(spec, None)]


def same_rows(made: Snapshot, wanted: Wanted) -> bool:
    """Whether a version was made of the rows of another table that are wanted."""
    same = same_place(made.source, wanted.table or wanted.path)
    return made.interval is None and same and made.source_filter == wanted.row_filter


def holds(made: Snapshot, spec: MonitorSpec, wanted: Wanted) -> bool:
    """Whether a version was made of what is wanted."""
    if wanted.is_scanned:
        return same_rows(made, wanted)
    own = spec.source.table or spec.source.path
    return made.interval == wanted.interval and same_place(made.source, own)


def _missing(
    stored: Mapping[datetime, StoredWindow],
    inside: Sequence[StoredWindow],
    present: Sequence[StoredWindow],
    interval: Window,
) -> str | None:
    """Why the interval can't be frozen from what is stored, or None.

    `inside`: the stored windows of the interval; `present`: those of the present definition.
    """
    if not stored:
        return "nothing is profiled yet"
    last = max(window.window.end for window in stored.values())
    if not sum(window.rows for window in inside):
        first = min(stored)
        return (
            f"no stored window with rows lies between {interval.start:%Y-%m-%d %H:%M} and "
            f"{interval.end:%Y-%m-%d %H:%M} UTC; stored are {first:%Y-%m-%d} to {last:%Y-%m-%d}"
        )
    if last < interval.end:
        return (
            f"its interval ends {interval.end:%Y-%m-%d %H:%M} UTC, and windows are closed "
            f"only up to {last:%Y-%m-%d %H:%M}"
        )
    if not sum(window.rows for window in present):
        return (
            "the windows of its interval are stored under another definition of the source or "
            "its sketches; profile them again: sparkdrift run SPEC --begin "
            f"{interval.start:%Y-%m-%d} --end {interval.end:%Y-%m-%d}"
        )
    return None


def _pruned(
    context: Context, spec: MonitorSpec, stored: Mapping[datetime, StoredWindow], interval: Window
) -> str | None:
    """Why what is left of the interval is not all that it held, or None."""
    gone = pruned(context, spec, spec.windows.grain)
    if not any_missing(spec, spec.windows.grain, interval, gone, stored):
        return None
    return (
        "windows of its interval were pruned; profile them again: sparkdrift run SPEC --begin "
        f"{interval.start:%Y-%m-%d} --end {interval.end:%Y-%m-%d}"
    )


def _merged(
    context: Context,
    spec: MonitorSpec,
    name: Name,
    interval: Window,
    windows: Sequence[StoredWindow],
    source: Source,
) -> tuple[Any, dict[str, Any]]:
    resolution = resolve_source(context.spark, spec, source)
    rows = merged_reference(
        context.spark, context.store, spec, interval, hashes_of(spec, resolution)
    )
    rows = rows.drop("merged_windows", "input_digest")
    pairs, _ = watched_pairs(spec, resolution)
    if pairs:
        own = merged_pairs(context.spark, context.store, spec, interval, pairs)
        rows = rows.unionByName(own, allowMissingColumns=True)
    if spec.prediction.key is not None:
        keys = _keys_of(context, spec, spec.prediction.key, name, source, windows)
        rows = rows.unionByName(keys, allowMissingColumns=True)
    return rows, {
        "source": spec.source.table or spec.source.path,
        "source_filter": spec.source.filter,
        "source_id": source.table_id,
        # Later rows than their windows were read with are not in it.
        "source_version": max(one.source_version for one in windows),
        "interval_start": interval.start,
        "interval_end": interval.end,
        "newest_event": interval.end,
        "granularity": spec.windows.grain,
        "windows": len(windows),
        "k_effective": spec.sketch.k,
    }


def _keys_of(
    context: Context,
    spec: MonitorSpec,
    key: Sequence[str],
    name: Name,
    source: Source,
    windows: Sequence[StoredWindow],
) -> DataFrame:
    """The keys of merged windows, which hold none: one scan, where the gate asks for them."""
    if name.role not in OVERLAPPING:
        why = "merged from stored windows, which hold no keys"
        return unread_keys(context.spark, key, why)
    begin = min(one.window.start for one in windows)
    end = max(one.window.end for one in windows)
    return scanned_keys(context.spark, key, within(spec, source, Window(begin, end)))


def hashes_of(spec: MonitorSpec, resolution: Resolution) -> list[str]:
    """The definitions of rows that belong together now: of the table, and of each feature."""
    return [definition_hash(spec, None)] + [
        definition_hash(spec, one.feature) for one in resolution.watched
    ]


def _scanned(
    context: Context, spec: MonitorSpec, wanted: Wanted, record: Record
) -> tuple[Any, dict[str, Any]]:
    source = _read(context, spec, wanted)
    if wanted.is_scanned and measures_scores(spec, wanted.name):
        source = as_set(spec, wanted.name, source)
    record.inputs.append(("reference", source.table_id, source.version))
    location = Reference(table=wanted.table, path=wanted.path, filter=wanted.row_filter)
    resolution, told = computable(context.spark, spec, source, location)
    record.warnings += told
    rows = scanned_reference(context.spark, spec, source, resolution)
    if measures_scores(spec, wanted.name):
        slices, ours = resolution.usable_slices, not wanted.is_scanned
        features = resolution.usable
        own = score_rows(context, spec, wanted.name, source, slices, features, record, watched=ours)
        rows = rows.unionByName(own, allowMissingColumns=True)
    pairs, _ = watched_pairs(spec, resolution)
    if pairs:
        own = scanned_pairs(context.spark, spec, source, pairs)
        rows = rows.unionByName(own, allowMissingColumns=True)
    if spec.prediction.key is not None:
        keys = scanned_keys(context.spark, spec.prediction.key, source)
        rows = rows.unionByName(keys, allowMissingColumns=True)
    about: dict[str, Any] = {
        "source": source.name,
        "source_filter": wanted.row_filter if wanted.is_scanned else spec.source.filter,
        "source_id": source.table_id,
        "source_version": source.version,
        "granularity": None,
        "windows": 0,
        "k_effective": spec.sketch.reference_k,
    }
    if wanted.interval is None:
        column = timestamp_of(spec, wanted.name)
        about["newest_event"] = newest_event(context.spark, spec, source, column)
    else:
        start, end = wanted.interval.start, wanted.interval.end
        about |= {"interval_start": start, "interval_end": end, "newest_event": end}
    return rows, about


def computable(
    spark: SparkSession, spec: MonitorSpec, source: Source, location: Reference
) -> tuple[Resolution, list[str]]:
    """What can be computed of a source in one scan, and what is to be said of the rest.

    location: where the spec would name it, if that is another table than the monitor's.
    """
    watched = resolve_source(spark, spec, source_of(spark, spec)).watched
    resolution = resolve_reference_source(
        spark,
        spec.model_copy(update={"reference": location}),
        [one.feature for one in watched],
        source,
    )
    resolution = checked(spark, source, spec, resolution)
    if resolution.blocking:
        raise SpecError(resolution.blocking)
    found = crowded(reference_rows(spark, source), slices_of(spec, resolution.usable_slices))
    resolution = resolution.without_slices(found)
    resolution = resolution.without(failing(spec, resolution, source.rows(spark)))
    return resolution, [
        *crowds(found),
        *(
            f"{one.feature.name}: {one.problem.message} (reference)"
            for one in resolution.watched
            if one.problem is not None
        ),
    ]


def _read(context: Context, spec: MonitorSpec, wanted: Wanted) -> Source:
    """The table that is scanned, with the rows that are wanted of it."""
    if wanted.is_scanned:
        try:
            return _other_table(context, wanted)
        except SourceError as error:
            key = "table" if wanted.path is None else "path"
            at = (*wanted.declared_at, key) if wanted.declared_at else None
            raise (spec.origin.located(error, at) if at else error) from error.__cause__
    source = source_of(context.spark, spec)
    if wanted.interval is None:
        return source
    return within(spec, source, wanted.interval)


def _other_table(context: Context, wanted: Wanted) -> Source:
    def opened(row_filter: str | None, version: int | None) -> Source:
        return open_source(
            context.spark,
            table=wanted.table,
            path=wanted.path,
            row_filter=row_filter,
            version=version,
            named_by=wanted.named_by,
        )

    version = wanted.version
    if wanted.at is not None:
        version = version_at(context.spark, opened(None, None), wanted.at)
    return opened(wanted.row_filter, version)


def within(spec: MonitorSpec, source: Source, interval: Window) -> Source:
    """The watched table, narrowed to the rows of an interval."""
    column, kind = spec.timestamp.column, timestamp_type(source, spec.timestamp.column)
    at = instant(column, kind, spec.timestamp.zone)
    inside = f"{near(column, kind, [interval])} AND {in_windows(at, [interval])}"
    also = f" AND ({source.row_filter})" if source.row_filter else ""
    return replace(source, row_filter=inside + also)
