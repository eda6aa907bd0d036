"""The versions of a reference: looked at, and decided upon, as `sparkdrift reference`."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from sparkdrift.api.opening import Moment, instant, loaded, reading, somebody, working
from sparkdrift.api.tables import Rows, rows_of
from sparkdrift.api.versions import Decision, Difference, Exported, Imported, Version

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

    from sparkdrift.references.life import Event
    from sparkdrift.spec.models import MonitorSpec


def versions(
    spec: str | Path | MonitorSpec,
    store: str | None = None,
    *,
    role: str | None = None,
    name: str | None = None,
    spark: SparkSession | None = None,
) -> Rows:
    """All versions of a monitor's references, as `sparkdrift reference list`."""
    from sparkdrift.report.references import version_facts
    from sparkdrift.spark.reference_life import chosen, read_references

    own = loaded(spec)
    with reading(store, spark) as (session, place):
        found = chosen(read_references(session, place, own.monitor), role, name)
    return rows_of([fact for one in found for fact in version_facts(one, found[one])])


def show(
    spec: str | Path | MonitorSpec,
    version: int | None = None,
    store: str | None = None,
    *,
    role: str | None = None,
    name: str | None = None,
    spark: SparkSession | None = None,
) -> Version:
    """One version (None: the one in force) and all that happened to it."""
    from sparkdrift.report.references import event_facts, version_facts
    from sparkdrift.steps.reference import named
    from sparkdrift.steps.reference_reading import look_at

    own = loaded(spec)
    which = named(own, role, name)
    with reading(store, spark) as (session, place):
        found = look_at(session, place, own, which, version)
    number = found.version.version
    (facts,) = (one for one in version_facts(which, found.stored) if one["version"] == number)
    events = event_facts([one for one in found.stored.events if one.version == number])
    return Version(own.monitor, number, facts, rows_of(events), rows_of(found.checks))


def diff(
    spec: str | Path | MonitorSpec,
    earlier: int,
    later: int,
    store: str | None = None,
    *,
    role: str | None = None,
    name: str | None = None,
    slices: bool = False,
    spark: SparkSession | None = None,
) -> Difference:
    """Compare two versions by what is stored of them; slices: each slice as well."""
    from sparkdrift.report.references import difference_facts
    from sparkdrift.steps.reference import named
    from sparkdrift.steps.reference_reading import compare_versions, find, whole_version

    own = loaded(spec)
    which = named(own, role, name)
    with reading(store, spark) as (session, place):
        stored = find(session, place, which)
        pair = (whole_version(stored, which, earlier), whole_version(stored, which, later))
        found = compare_versions(session, place, own, which, *pair, sliced=slices)
    features = rows_of(difference_facts(found.features))
    return Difference(own.monitor, earlier, later, features, found.gone, found.added)


def verify(
    spec: str | Path | MonitorSpec,
    version: int | None = None,
    store: str | None = None,
    *,
    role: str | None = None,
    name: str | None = None,
    spark: SparkSession | None = None,
) -> Rows:
    """Check stored versions (or one) against their digests and their source.

    Each row says in `holds` whether nothing contradicts the version; NULL elsewhere: not measured.
    """
    from sparkdrift.steps.reference import named
    from sparkdrift.steps.verifying import verify_versions

    own = loaded(spec)
    with reading(store, spark) as (session, place):
        found = verify_versions(session, place, own, named(own, role, name), version)
    return rows_of([{**asdict(one), "holds": one.holds} for one in found.values()])


def staleness(
    spec: str | Path | MonitorSpec,
    store: str | None = None,
    *,
    spark: SparkSession | None = None,
) -> Rows:
    """How far the newest window is from what the model was trained on; no rows: not measured."""
    from sparkdrift.spark.staleness import newest_staleness

    own = loaded(spec)
    with reading(store, spark) as (session, place):
        return rows_of(newest_staleness(session, place, own))


def promote(
    spec: str | Path | MonitorSpec,
    version: int,
    reason: str,
    store: str | None = None,
    *,
    by: str | None = None,
    effective_from: Moment | None = None,
    role: str | None = None,
    name: str | None = None,
    force: bool = False,
    spark: SparkSession | None = None,
) -> Decision:
    """Put a version in force if the gate lets it pass. Raises SnapshotError where it blocks.

    effective_from: windows that start here or later; None: those to come. force: although the gate
    blocks, which is recorded as a debt.
    """
    from sparkdrift.steps.reference import promote as put

    decide = partial(put, version=version, force=force)
    return _decided(decide, spec, reason, store, by, effective_from, (role, name), spark)


def reject(
    spec: str | Path | MonitorSpec,
    version: int,
    reason: str,
    store: str | None = None,
    *,
    by: str | None = None,
    role: str | None = None,
    name: str | None = None,
    spark: SparkSession | None = None,
) -> Decision:
    """Say that a version is never to be put in force."""
    from sparkdrift.steps.reference import reject as end

    decide = partial(end, version=version)
    return _decided(decide, spec, reason, store, by, None, (role, name), spark)


def retire(
    spec: str | Path | MonitorSpec,
    version: int,
    reason: str,
    store: str | None = None,
    *,
    by: str | None = None,
    role: str | None = None,
    name: str | None = None,
    spark: SparkSession | None = None,
) -> Decision:
    """Say that a candidate is out of use; it may still be promoted later."""
    from sparkdrift.steps.reference import retire as end

    decide = partial(end, version=version)
    return _decided(decide, spec, reason, store, by, None, (role, name), spark)


def rollback(
    spec: str | Path | MonitorSpec,
    reason: str,
    version: int | None = None,
    store: str | None = None,
    *,
    by: str | None = None,
    effective_from: Moment | None = None,
    role: str | None = None,
    name: str | None = None,
    spark: SparkSession | None = None,
) -> Decision:
    """Put the version back in force that was before, as if the present one had never been."""
    from sparkdrift.steps.reference import rollback as put_back

    decide = partial(put_back, version=version)
    return _decided(decide, spec, reason, store, by, effective_from, (role, name), spark)


def export(
    spec: str | Path | MonitorSpec,
    version: int,
    file: str | Path,
    store: str | None = None,
    *,
    role: str | None = None,
    name: str | None = None,
    by: str | None = None,
    spark: SparkSession | None = None,
) -> Exported:
    """Write one version, with its sketches, to one Parquet file; it holds values of the source."""
    from sparkdrift.steps.exchange import export_reference
    from sparkdrift.steps.reference import named

    own = loaded(spec)
    which = named(own, role, name)
    with working(store, spark) as context:
        done = export_reference(context, own, which, version, Path(file), somebody(by))
    return Exported(own.monitor, done.version, done.rows, str(done.path), done.sha256)


def import_(
    spec: str | Path | MonitorSpec,
    file: str | Path,
    store: str | None = None,
    *,
    by: str | None = None,
    spark: SparkSession | None = None,
) -> Imported:
    """Make a version of a file that `export` wrote: a candidate until it is promoted."""
    from sparkdrift.steps.exchange import import_reference

    own = loaded(spec)
    with working(store, spark) as context:
        done = import_reference(context, own, Path(file), somebody(by))
    return Imported(
        own.monitor, done.version, done.made, done.rows, done.origin, done.other_definition
    )


def _decided(
    decide: Callable[..., Event],
    spec: str | Path | MonitorSpec,
    reason: str,
    store: str | None,
    by: str | None,
    effective_from: Moment | None,
    which: tuple[str | None, str | None],
    spark: SparkSession | None,
) -> Decision:
    """decide: of steps/reference.py, with the version that it is about."""
    from sparkdrift.steps import reference
    from sparkdrift.steps.promotion import Decision as Why

    own = loaded(spec)
    name = reference.named(own, *which)
    why = Why(somebody(by), reason, instant(own, effective_from))
    with working(store, spark) as context:
        event = decide(context, own, name, decision=why)
    return Decision(
        own.monitor,
        name.role,
        name.name,
        event.version,
        event.action,
        event.seq,
        event.by,
        event.reason,
        event.effective_from,
        event.gate,
    )
