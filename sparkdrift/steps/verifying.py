"""Whether what is stored of a reference is what was frozen, and what its source still says."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from sparkdrift.errors import GoneError, NoTableError, SourceError, SpecError
from sparkdrift.references.life import Name
from sparkdrift.references.places import is_folder, same_place
from sparkdrift.spark.content_digest import content_digest
from sparkdrift.spark.failures import FAILURES, reason
from sparkdrift.spark.frozen_rows import frozen_rows
from sparkdrift.spark.past_windows import as_read, read_earlier
from sparkdrift.spark.profiling import TABLE_ROW
from sparkdrift.spark.reference_counts import (
    QUARTERS,
    Quartiles,
    Rank,
    source_ranks,
    stored_quartiles,
)
from sparkdrift.spark.reference_life import Snapshot
from sparkdrift.spark.references import scanned_reference
from sparkdrift.spark.remade import Differing, Remade, remade
from sparkdrift.spark.source import Source, gone, open_source, watched_table
from sparkdrift.spec.digests import definition_hash
from sparkdrift.spec.expressions import check_expression
from sparkdrift.spec.models import MonitorSpec, Reference
from sparkdrift.spec.resolving import Feature
from sparkdrift.steps.evaluation_scores import as_set, measures_scores
from sparkdrift.steps.freezing import computable, within
from sparkdrift.steps.reference_reading import find, whole_version
from sparkdrift.store import Store
from sparkdrift.windows import Window

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

_MOST_NAMED = 5
_REPLACED = (
    "the version itself is what was frozen (digest ok): rows of the source were replaced by as "
    "many since, which DESCRIBE HISTORY tells, or its files are not what they were"
)


@dataclass(frozen=True)
class Verified:
    """`digest`: whether the stored rows still have the digest that they were frozen with.

    `counts`: whether the source, at its version of then, still gives the same counts and extremes
    in each slice. `sketches`: whether quantiles, categories and all else that is estimated come
    out the same, to within their errors. None: not measured. `reason`: what differs, or why
    nothing is known. `failed`: whether that is an error: of a source that is still there, and
    could not be read all the same.
    """

    version: int
    digest: bool
    counts: bool | None
    reason: str | None = None
    sketches: bool | None = None
    failed: bool = False

    @property
    def holds(self) -> bool:
        """Whether nothing contradicts the version; what can't be known any more does not."""
        found = self.digest and self.counts is not False and self.sketches is not False
        return found and not self.failed


def verify(
    spark: SparkSession, store: Store, spec: MonitorSpec, name: Name, snapshot: Snapshot
) -> Verified:
    """Compute the digest of a version again, and count its source again where it can be read."""
    digest, _ = content_digest(
        spark, store, name, snapshot.version, snapshot.run_id, snapshot.digest
    )
    same = digest == snapshot.digest
    told = [] if same else ["the stored rows are not those that were frozen: their digest differs"]

    def unknown(why: str, *, failed: bool = False) -> Verified:
        return Verified(snapshot.version, same, None, "; ".join([*told, why]), failed=failed)

    earlier: Mapping[int, Sequence[Window]] = {}
    try:
        source = source_then(spark, spec, snapshot)
        if snapshot.interval is None and measures_scores(spec, name):
            source = as_set(spec, name, source)
        again = _again(spark, store, spec, name, snapshot, source)
        if again.fewer_rows and snapshot.interval is not None and snapshot.windows:
            earlier = read_earlier(spark, store, spec, source, snapshot.interval)
            if earlier:
                source = as_read(spec, source, earlier)
                again = _again(spark, store, spec, name, snapshot, source)
                told.append(_earlier(earlier, source))
    except (GoneError, NoTableError, SpecError) as error:
        return unknown(str(error))
    except SourceError as error:
        return unknown(str(error), failed=True)
    except FAILURES as error:
        why = _unread(spark, spec, snapshot, error, earlier)
        return unknown(str(why), failed=not isinstance(why, GoneError))
    found, lines = again.rows.differing, again.lines(source)
    if not again.rows.features and not lines:
        return unknown("none of its features is defined as it was then, so they are not compared")
    if again.rows.left_out:
        told.append(f"not compared, as not all windows have it: {', '.join(again.rows.left_out)}")
    told += lines[:_MOST_NAMED]
    if len(lines) > _MOST_NAMED:
        told.append(f"{len(lines) - _MOST_NAMED} more differ")
    if lines and same and snapshot.interval is not None and not again.fewer_rows:
        told.append(_REPLACED)
    return Verified(
        snapshot.version,
        same,
        not any(one.exact for one in found),
        "; ".join(told) or None,
        not again.moved and not any(one.estimated for one in found),
    )


@dataclass(frozen=True)
class _Again:
    """A version made again: the rows that come out otherwise, and quartiles that are none."""

    rows: Remade
    moved: list[str]

    @property
    def fewer_rows(self) -> bool:
        """Whether the table has another number of rows than the version."""
        return any(one.stored[0] != one.again[0] for one in self.rows.differing)

    def lines(self, source: Source) -> list[str]:
        return [_told(one, source) for one in self.rows.differing] + self.moved


def _again(
    spark: SparkSession,
    store: Store,
    spec: MonitorSpec,
    name: Name,
    snapshot: Snapshot,
    source: Source,
) -> _Again:
    own = same_place(snapshot.source, spec.source.table or spec.source.path)
    table, path = (None, None) if own else location(snapshot.source)
    resolution, _ = computable(spark, spec, source, Reference(table=table, path=path))
    rows = remade(
        frozen_rows(spark, store, [(name, snapshot)]),
        scanned_reference(spark, spec, source, resolution),
        snapshot.k,
        spec.sketch.reference_k,
    )
    quartiles = stored_quartiles(spark, store, name, snapshot)
    whole = {one: own for one, own in quartiles.items() if one not in rows.left_out}
    return _Again(rows, _moved(spark, spec, source, resolution.usable, whole))


def _earlier(windows: Mapping[int, Sequence[Window]], source: Source) -> str:
    many = sum(map(len, windows.values()))
    versions = ", ".join(map(str, sorted(windows)))
    return (
        f"{many} of its windows as they were read, at version {versions} of {source.name}: by "
        f"version {source.version} these have other rows there"
    )


def _unread(
    spark: SparkSession,
    spec: MonitorSpec,
    snapshot: Snapshot,
    error: Exception,
    earlier: Collection[int] = (),
) -> SourceError:
    """Why a source that was found could not be read. Of its newest version VACUUM removes no file:
    one that is missing there was lost.

    earlier: versions that were read beside it. The newest one was read before them, as a whole, so
    what is missing is a file of theirs.
    """
    version = min(earlier, default=snapshot.source_version or 0)
    why = gone(snapshot.source, version, error)
    if earlier or not isinstance(why, GoneError):
        return why
    try:
        newest = _opened(spark, spec, snapshot, None).version
    except SourceError as other:
        return other
    except FAILURES as other:
        return SourceError(f"source {snapshot.source} can't be opened: {reason(other)}")
    if newest == version:
        told = f"version {version} of source {snapshot.source}, its newest, can't be read"
        return SourceError(f"{told}: {reason(error)}. Put the file back from a backup")
    return why


def _moved(
    spark: SparkSession,
    spec: MonitorSpec,
    source: Source,
    usable: Sequence[Feature],
    quartiles: Mapping[str, Quartiles],
) -> list[str]:
    """Quartiles that are none in the source, of features that are defined as they were."""
    asked = [
        one
        for one in usable
        if one.name in quartiles and quartiles[one.name].definition == definition_hash(spec, one)
    ]
    ranks = source_ranks(spark, source, asked, quartiles)
    return [line for one in ranks for line in _off(one, quartiles[one], ranks[one])]


def verify_versions(
    spark: SparkSession, store: Store, spec: MonitorSpec, name: Name, version: int | None
) -> dict[int, Verified]:
    """The same of one version; None: of all, but for erased ones, of which nothing is left.

    Raises SnapshotError for one that is unknown or erased.
    """
    stored = find(spark, store, name)
    whole = [one for one in stored.versions if stored.states[one.version] != "erased"]
    asked = whole if version is None else [whole_version(stored, name, version)]
    return {one.version: verify(spark, store, spec, name, one) for one in asked}


def _off(column: str, stored: Quartiles, ranks: Sequence[Rank]) -> list[str]:
    """The quartile of a sketch that is farthest from being one in the source, if any is."""
    off, share, value, rank = max(
        (rank.off(share), share, value, rank)
        for share, value, rank in zip(QUARTERS, stored.values, ranks, strict=True)
    )
    if off <= stored.error:
        return []
    told = (
        f"{column}: {100 * share:.0f} % of the rows are at most {value:g} by its sketch, "
        f"{100 * rank.at:.1f} % in the source (accepted is a difference of "
        f"{100 * stored.error:.1f} points)"
    )
    return [told]


def source_then(spark: SparkSession, spec: MonitorSpec, snapshot: Snapshot) -> Source:
    """The source as it was; raises GoneError where it can't be had any more.

    Another SourceError for a table that can't be read for another reason, and for a condition that
    no spec could hold: the row may have come with a file from elsewhere, and what it says is about
    to be run.
    """
    condition = snapshot.source_filter or ""
    for why in check_expression(condition) if condition else ():
        raise SourceError(
            f"the source's rows of version {snapshot.version} are told by the condition "
            f"{condition[:80]!r}, which is not run: {why}. It was not written by this "
            "version of sparkdrift; `sparkdrift reference retire` takes the version out of use"
        )
    newest = _opened(spark, spec, snapshot, None)
    if snapshot.source_id != newest.table_id:
        raise GoneError(
            f"the source {snapshot.source} was recreated since ({snapshot.source_id}, now "
            f"{newest.table_id}): what it held then can't be counted again"
        )
    source = _opened(spark, spec, snapshot, snapshot.source_version)
    return source if snapshot.interval is None else within(spec, source, snapshot.interval)


def _opened(
    spark: SparkSession, spec: MonitorSpec, snapshot: Snapshot, version: int | None
) -> Source:
    """The table that a version was made of, at a version of it; None: as it is now."""
    table, path = location(snapshot.source)
    found = (
        watched_table(spark, spec, version)
        if same_place(snapshot.source, spec.source.table or spec.source.path)
        else open_source(spark, table=table, path=path, row_filter=None, version=version)
    )
    return replace(found, row_filter=snapshot.source_filter)


def location(source: str) -> tuple[str | None, str | None]:
    """(table, path) of a source's name."""
    return (None, source) if is_folder(source) else (source, None)


def _told(one: Differing, source: Source) -> str:
    """The counts where these differ, else what does."""
    there = f"in version {source.version} of {source.name}"
    where = "the table" if one.column == TABLE_ROW else one.where
    if {"rows", "NULLs"} & set(one.exact):
        return f"{where}: {_counts(one.stored)} stored, {_counts(one.again)} {there}"
    return f"{where}: {', '.join((*one.exact, *one.estimated))} stored otherwise than {there}"


def _counts(counts: tuple[int, int]) -> str:
    rows, nulls = counts
    return f"{rows:,} rows" + (f" with {nulls:,} NULL" if nulls else "")
