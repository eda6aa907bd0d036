"""Classify: can a classifier tell a window's rows from those of its reference?

Reads a bounded sample of source rows, and so finds what no stored figure shows, such as features
that begin to move together in no simple way. Writes nothing.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from sparkdrift.errors import SnapshotError, SourceError, UsageError
from sparkdrift.measures.domain_classifier import (
    LEAST_ROWS,
    LEVEL,
    MOST_FEATURES,
    Told,
    shift_of,
    tell_apart,
)
from sparkdrift.measures.evidence import LEAST_FAMILY, benjamini_hochberg, decide
from sparkdrift.measures.mutual_information import (
    LIMIT,
    Change,
    bins_of,
    information_change,
    informations,
)
from sparkdrift.spark.expressions import resolve_source
from sparkdrift.spark.profiles import StoredWindow, stored_windows
from sparkdrift.spark.reference_life import Active, Snapshot, stored_references
from sparkdrift.spark.row_samples import two_sides
from sparkdrift.spark.source import source_of
from sparkdrift.spec.assumptions import declared_pairs
from sparkdrift.spec.models import MonitorSpec
from sparkdrift.spec.resolving import Feature
from sparkdrift.store import Store
from sparkdrift.windows import Window, window_at

if TYPE_CHECKING:
    from pyspark.sql import SparkSession


@dataclass(frozen=True)
class PairTold:
    """What a declared pair told of itself in both samples (nats), and the status of the change."""

    one: str
    other: str
    status: str
    told: Change


@dataclass(frozen=True)
class Classified:
    """status: drifted, warning, ok or insufficient_data, of this window alone. effect: the
    smallest shift (sd) that such an AUC needs, with a 95 % interval; effect_size: the limit it
    is held against. features: how many the classifier saw. pairs: the declared ones among them."""

    reference: Snapshot
    window: Window
    status: str
    told: Told
    effect: float
    effect_low: float
    effect_high: float
    effect_size: float
    features: int
    pairs: tuple[PairTold, ...] = ()
    remarks: tuple[str, ...] = ()


def classify(
    spark: SparkSession, store: Store, spec: MonitorSpec, at: datetime | None, rows: int
) -> Classified:
    """Of the window that holds `at`, or the newest with rows; at most about `rows` rows a side.

    Raises UsageError for a window that is not stored, SnapshotError where no reference with an
    interval of the monitored table is in force for it, SourceError for too few rows and for a
    source that is no longer what was profiled.
    """
    stored = {start: one for start, one in stored_windows(spark, store, spec).items() if one.rows}
    chosen = _chosen(spec, stored, at)
    snapshot, interval = _in_force(spark, store, spec, chosen.window)
    if chosen.rows < LEAST_ROWS:
        raise SourceError(
            f"the window {_day(chosen.window)} of {spec.monitor} has {chosen.rows} rows, "
            f"{LEAST_ROWS} are needed to learn from: name another one with --window"
        )
    source = source_of(spark, spec)
    if source.version < chosen.source_version:
        raise SourceError(
            f"{source.name} is at version {source.version}, and the window {_day(chosen.window)} "
            f"was read at version {chosen.source_version}, which is gone: the table was made "
            "anew; `sparkdrift run` profiles it again"
        )
    usable = resolve_source(spark, spec, source).usable
    features = usable[:MOST_FEATURES]
    sizes = (snapshot.rows, chosen.rows)
    shares = tuple(min(1.0, rows / max(size, 1)) for size in sizes)
    sides = (interval, chosen.window)
    read = two_sides(spark, source, spec, features, sides, (shares[0], shares[1]))
    limits = spec.drift.thresholds
    known, seen = _side(read, 0, features), _side(read, 1, features)
    told = tell_apart(
        known,
        seen,
        effect_size=limits.effect_size,
        most_rows=rows,
    )
    if told.reason:
        raise SourceError(
            f"{source.name} has too few rows left: {told.reason}; the reference was frozen from "
            f"{sizes[0]:,} rows, the window {_day(chosen.window)} had {sizes[1]:,}"
        )
    effect, low, high = (shift_of(one) for one in (told.auc, told.low, told.high))
    status = decide(
        *(told.p_unusual, told.p_material, effect, told.power),
        warn=limits.warn_at,
        limit=limits.effect_size,
        family=LEVEL,
    )
    return Classified(
        reference=snapshot,
        window=chosen.window,
        status=str(status),
        told=told,
        effect=effect,
        effect_low=low,
        effect_high=high,
        effect_size=limits.effect_size,
        features=len(features),
        pairs=_pairs(spec, known, seen),
        remarks=_remarks(usable, features),
    )


def _chosen(
    spec: MonitorSpec, stored: Mapping[datetime, StoredWindow], at: datetime | None
) -> StoredWindow:
    if not stored:
        raise SnapshotError(
            f"no window of {spec.monitor} with rows is stored: `sparkdrift run` profiles them"
        )
    if at is None:
        return stored[max(stored)]
    start = window_at(at, spec.windows.grain, spec.timestamp.zone).start
    if start not in stored:
        raise UsageError(
            f"no window with rows is stored that begins {start:%Y-%m-%d %H:%M} UTC; there are "
            f"{len(stored):,} from {min(stored):%Y-%m-%d} to {max(stored):%Y-%m-%d}"
        )
    return stored[start]


def _in_force(
    spark: SparkSession, store: Store, spec: MonitorSpec, window: Window
) -> tuple[Snapshot, Window]:
    """The reference that judges the window, and its interval of the monitored table."""
    active: tuple[Active, ...] = ()
    if spec.reference is not None:
        active = stored_references(spark, store, spec, spec.reference.name).active
    held = [one for one in active if one.start <= window.start]
    if not held:
        first = f"; the first judges from {active[0].start:%Y-%m-%d} on" if active else ""
        raise SnapshotError(
            f"{spec.monitor} has no reference in force for the window {_day(window)}{first}: "
            "name one in the spec's reference section, then `sparkdrift run`"
        )
    snapshot = held[-1].snapshot
    if snapshot.interval is None:
        raise SnapshotError(
            f"reference version {snapshot.version} of {spec.monitor} is of another table "
            f"({snapshot.source}), whose rows are not read here: freeze one from an interval of "
            "the monitored table (reference.begin and reference.end)"
        )
    if snapshot.interval.start <= window.start < snapshot.interval.end:
        raise UsageError(f"the window {_day(window)} is part of the reference itself")
    return snapshot, snapshot.interval


def _side(
    read: pa.Table, side: int, features: tuple[Feature, ...]
) -> dict[str, NDArray[np.generic]]:
    """By feature the values of one side, (n,): float64 with NaN, or objects with None."""
    rows = read.filter(pc.equal(read.column("side"), side))
    found: dict[str, NDArray[np.generic]] = {}
    for i, one in enumerate(features):
        column = rows.column(f"f{i}")
        if one.kind == "numeric":
            found[one.name] = np.asarray(column.to_numpy(), dtype=np.float64)
        else:
            found[one.name] = np.array(column.to_pylist(), dtype=object)
    return found


def _pairs(
    spec: MonitorSpec,
    known: Mapping[str, NDArray[np.generic]],
    seen: Mapping[str, NDArray[np.generic]],
) -> tuple[PairTold, ...]:
    """The mutual information of each declared pair, by the bins of the reference's sample.

    The pairs of one window are a family; where nothing can be measured the status says so.
    """
    pairs = [
        pair
        for pair in declared_pairs(spec.dependence, spec.assumptions)
        if known.keys() >= set(pair)
    ]
    changes = []
    for one, other in pairs:
        bins = bins_of(known[one]), bins_of(known[other])
        sides = (known[one], known[other]), (seen[one], seen[other])
        changes.append(information_change(*informations(*sides, bins)))
    q_values = benjamini_hochberg([one.p_unusual for one in changes], LEAST_FAMILY)
    return tuple(
        PairTold(
            *pair,
            str(
                decide(
                    *(q, change.p_material, abs(change.change), change.power),
                    warn=LIMIT,
                    limit=LIMIT,
                )
            ),
            change,
        )
        for pair, change, q in zip(pairs, changes, q_values.tolist(), strict=True)
    )


def _remarks(usable: tuple[Feature, ...], features: tuple[Feature, ...]) -> tuple[str, ...]:
    if len(usable) == len(features):
        return ()
    return (f"only the first {len(features)} of {len(usable):,} features were looked at",)


def _day(window: Window) -> str:
    return f"{window.start:%Y-%m-%d %H:%M}".removesuffix(" 00:00")
