"""Looking at references: found by name, compared version by version; nothing is written."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from sparkdrift.errors import SnapshotError
from sparkdrift.references.life import ERASED, Name, stand_ins
from sparkdrift.references.refusing import require_name
from sparkdrift.spark.evaluation_states import Frozen, frozen_scores
from sparkdrift.spark.gate_figures import stored_checks
from sparkdrift.spark.keys import StoredKeys, stored_keys
from sparkdrift.spark.reference_differences import Difference, described, differences
from sparkdrift.spark.reference_life import Snapshot, Stored, read_references
from sparkdrift.spec.models import MonitorSpec
from sparkdrift.store import Store

if TYPE_CHECKING:
    from pyspark.sql import SparkSession


@dataclass(frozen=True)
class Compared:
    """Of two versions: the features of both, and those that the earlier or later alone has."""

    features: tuple[Difference, ...]
    gone: tuple[str, ...]
    added: tuple[str, ...]


@dataclass(frozen=True)
class LookedAt:
    """One version: what the gate found of it, scores of an evaluation set, and its keys.

    keys: None where the spec names none, or the version was frozen without.
    """

    stored: Stored
    version: Snapshot
    checks: list[dict[str, Any]]
    scores: list[Frozen]
    keys: StoredKeys | None


def find(spark: SparkSession, store: Store, name: Name) -> Stored:
    """A reference by its name; raises SnapshotError, with the nearest, where there is none."""
    every = read_references(spark, store, name.monitor)
    require_name(name, {one for one, own in every.items() if own.versions})
    return every[name]


def version_of(stored: Stored, name: Name, version: int | None) -> Snapshot:
    """A version by its number, by default that in force; raises SnapshotError."""
    numbers = sorted(stored.by_number)
    if version is None:
        found = stored.present
        if found is None:
            raise SnapshotError(
                f"{name}: no version is in force; stored: {', '.join(map(str, numbers))}. Name "
                "one, or put one in force: `sparkdrift reference promote SPEC VERSION`"
            )
        return found
    if version not in stored.by_number:
        raise SnapshotError(
            f"{name}: there is no version {version}; stored: {numbers[0]} to {numbers[-1]}. "
            "`sparkdrift reference list SPEC` shows them"
        )
    return stored.by_number[version]


def whole_version(stored: Stored, name: Name, version: int | None) -> Snapshot:
    """The same, of which rows are left; raises SnapshotError for one that was erased."""
    found = version_of(stored, name, version)
    if stored.states[found.version] != "erased":
        return found
    erasing = [one for one in stored.events if one.action == ERASED]
    event = next(one for one in reversed(erasing) if one.version == found.version)
    when = f" on {event.at:%Y-%m-%d}" if event.at else ""
    who = f" by {event.by}" if event.by else ""
    instead = stand_ins(stored.events).get(found.version)
    left = sorted(one for one, state in stored.states.items() if state != "erased")
    step = (
        f"version {instead} stands in for it"
        if instead in left
        else f"accepted is one that is there: {', '.join(map(str, left)) or 'none'}"
    )
    raise SnapshotError(
        f"{name}: version {found.version} was erased{when}{who}: none of its rows are left, its "
        f"digest was {found.digest}; {step}"
    )


def look_at(
    spark: SparkSession, store: Store, spec: MonitorSpec, name: Name, version: int | None
) -> LookedAt:
    """One version (None: the one in force); raises SnapshotError where there is none."""
    stored = find(spark, store, name)
    snapshot = version_of(stored, name, version)
    return LookedAt(
        stored,
        snapshot,
        stored_checks(spark, store, name, snapshot.version),
        frozen_scores(spark, store, name, snapshot) if snapshot.declared else [],
        None
        if spec.prediction.key is None
        else stored_keys(spark, store, [(name, snapshot)]).get((name, snapshot.version)),
    )


def compare_versions(
    spark: SparkSession,
    store: Store,
    spec: MonitorSpec,
    name: Name,
    earlier: Snapshot,
    later: Snapshot,
    *,
    sliced: bool = False,
) -> Compared:
    """How far `later` is from `earlier`, feature by feature, from what is stored of them."""
    held = (name, earlier), (name, later)
    before, after = described(spark, store, held)
    found = differences(spark, store, spec, [held], sliced=sliced)
    return Compared(
        tuple(found),
        gone=tuple(sorted(set(before) - set(after))),
        added=tuple(sorted(set(after) - set(before))),
    )
