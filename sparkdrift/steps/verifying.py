"""Whether what is stored of a reference is what was frozen, and what its source still says."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from sparkdrift.errors import SourceError, SpecError
from sparkdrift.references.life import Name
from sparkdrift.spark.content_digest import content_digest
from sparkdrift.spark.failures import FAILURES
from sparkdrift.spark.frozen_rows import frozen_rows
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
from sparkdrift.spark.remade import Differing, remade
from sparkdrift.spark.source import Source, gone, open_source, watched_table
from sparkdrift.spec.digests import definition_hash
from sparkdrift.spec.expressions import check_expression
from sparkdrift.spec.models import MonitorSpec, Reference
from sparkdrift.spec.resolving import Feature
from sparkdrift.steps.evaluation_scores import as_set, measures_scores
from sparkdrift.steps.freezing import computable, within
from sparkdrift.steps.reference_reading import find, version_of
from sparkdrift.store import Store

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

_MOST_NAMED = 5


@dataclass(frozen=True)
class Verified:
    """`digest`: whether the stored rows still have the digest that they were frozen with.

    `counts`: whether the source, at its version of then, still gives the same counts and extremes
    in each slice. `sketches`: whether quantiles, categories and all else that is estimated come
    out the same, to within their errors. None: not measured. `reason`: what differs, or why
    nothing is known.
    """

    version: int
    digest: bool
    counts: bool | None
    reason: str | None = None
    sketches: bool | None = None

    @property
    def holds(self) -> bool:
        """Whether nothing contradicts the version; what is not known does not."""
        return self.digest and self.counts is not False and self.sketches is not False


def verify(
    spark: SparkSession, store: Store, spec: MonitorSpec, name: Name, snapshot: Snapshot
) -> Verified:
    """Compute the digest of a version again, and count its source again where it can be read."""
    digest, _ = content_digest(
        spark, store, name, snapshot.version, snapshot.run_id, snapshot.digest
    )
    same = digest == snapshot.digest
    told = [] if same else ["the stored rows are not those that were frozen: their digest differs"]

    def unknown(why: str) -> Verified:
        return Verified(snapshot.version, same, None, "; ".join([*told, why]))

    try:
        source = source_then(spark, spec, snapshot)
        if snapshot.interval is None and measures_scores(spec, name):
            source = as_set(spec, name, source)
        own = snapshot.source == (spec.source.table or spec.source.path)
        table, path = (None, None) if own else location(snapshot.source)
        resolution, _ = computable(spark, spec, source, Reference(table=table, path=path))
        again = remade(
            frozen_rows(spark, store, [(name, snapshot)]),
            scanned_reference(spark, spec, source, resolution),
            snapshot.k,
            spec.sketch.reference_k,
        )
        quartiles = stored_quartiles(spark, store, name, snapshot)
        moved = _moved(spark, spec, source, resolution.usable, quartiles)
    except (SourceError, SpecError) as error:
        return unknown(str(error))
    except FAILURES as error:
        return unknown(str(gone(snapshot.source, int(snapshot.source_version or 0), error)))
    found = again.differing
    lines = [_told(one, source) for one in found] + moved
    if not again.features and not lines:
        return unknown("none of its features is defined as it was then, so they are not compared")
    told += lines[:_MOST_NAMED]
    if len(lines) > _MOST_NAMED:
        told.append(f"{len(lines) - _MOST_NAMED} more differ")
    return Verified(
        snapshot.version,
        same,
        not any(one.exact for one in found),
        "; ".join(told) or None,
        not moved and not any(one.estimated for one in found),
    )


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
    """The same of one version; None: of all, but for erased ones, of which nothing is left."""
    stored = find(spark, store, name)
    whole = [one for one in stored.versions if stored.states[one.version] != "erased"]
    asked = whole if version is None else [version_of(stored, name, version)]
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
    """The source as it was; raises SourceError where it can't be had any more.

    SourceError as well for a condition that no spec could hold: the row may have come with a file
    from elsewhere, and what it says is about to be run.
    """
    condition = snapshot.source_filter or ""
    for why in check_expression(condition) if condition else ():
        raise SourceError(
            f"the source's rows of version {snapshot.version} are told by the condition "
            f"{condition[:80]!r}, which is not run: {why}. It was not written by this "
            "version of sparkdrift; `sparkdrift reference retire` takes the version out of use"
        )
    own = snapshot.source == (spec.source.table or spec.source.path)
    table, path = location(snapshot.source)

    def opened(version: int | None) -> Source:
        found = (
            watched_table(spark, spec, version)
            if own
            else open_source(spark, table=table, path=path, row_filter=None, version=version)
        )
        return replace(found, row_filter=snapshot.source_filter)

    newest = opened(None)
    if snapshot.source_id != newest.table_id:
        raise SourceError(
            f"the source {snapshot.source} was recreated since ({snapshot.source_id}, now "
            f"{newest.table_id}): what it held then can't be counted again"
        )
    source = opened(snapshot.source_version)
    return source if snapshot.interval is None else within(spec, source, snapshot.interval)


def location(source: str) -> tuple[str | None, str | None]:
    """(table, path) of a source's name: a folder has a slash in it."""
    return (None, source) if "/" in source or "\\" in source else (source, None)


def _told(one: Differing, source: Source) -> str:
    """The counts where these differ, else what does."""
    there = f"in version {source.version} of {source.name}"
    where = "the table" if one.column == TABLE_ROW else one.where
    if one.stored != one.again:
        return f"{where}: {_counts(one.stored)} stored, {_counts(one.again)} {there}"
    return f"{where}: {', '.join((*one.exact, *one.estimated))} stored otherwise than {there}"


def _counts(counts: tuple[int, int]) -> str:
    rows, nulls = counts
    return f"{rows:,} rows" + (f" with {nulls:,} NULL" if nulls else "")
