"""Overlap: what of an evaluation set's keys training data have as well, from stored sketches."""

from __future__ import annotations

from sparkdrift.measures.theta import shared
from sparkdrift.references.gate import Check
from sparkdrift.references.gate_rows import OVERLAPPING, Overlap, overlap
from sparkdrift.references.life import Name
from sparkdrift.spark.keys import StoredKeys, stored_keys
from sparkdrift.spark.reference_life import Snapshot, read_references
from sparkdrift.spec.evaluation import Evaluation
from sparkdrift.spec.models import MonitorSpec
from sparkdrift.steps.context import Context


def overlap_checks(
    context: Context, spec: MonitorSpec, name: Name, candidate: Snapshot
) -> list[Check]:
    """The check `overlap` of a training or evaluation set; none where the spec names no key.

    Held against each reference of the other role that is in force for the windows to come. The
    figure is always the share of the evaluation set's keys. No source row is read.
    """
    other = OVERLAPPING.get(name.role)
    if other is None or spec.prediction.key is None:
        return []
    limit = (spec.evaluation or Evaluation()).limits.overlap
    every = read_references(context.spark, context.store, spec.monitor)
    against = [
        (one, stored.present)
        for one, stored in sorted(every.items(), key=lambda pair: str(pair[0]))
        if one.role == other and stored.present is not None
    ]
    if not against:
        return overlap(name.role, [], limit)
    known = stored_keys(context.spark, context.store, [(name, candidate), *against])
    own = known.get((name, candidate.version))
    found = []
    for one, version in against:
        theirs = known.get((one, version.version))
        why = _missing(name, candidate, own) or _missing(one, version, theirs)
        if why is not None or own is None or theirs is None:
            found.append(Overlap(str(one), version.version, reason=why or ""))
            continue
        pair = (own, theirs) if name.role == "evaluation" else (theirs, own)
        found.append(_held(one, version, *pair))
    return overlap(name.role, found, limit)


def _missing(name: Name, version: Snapshot, keys: StoredKeys | None) -> str | None:
    """Why nothing is known of a version's keys, or None."""
    if keys is None:
        return f"{name} version {version.version} was made before the spec named a key"
    if keys.keys is None:
        again = "; freeze it again, by `sparkdrift snapshot SPEC`" if version.windows else ""
        return f"the keys of {name} version {version.version} were not read: {keys.reason}{again}"
    if version.windows and keys.rows < version.rows:
        return (
            f"of {version.rows:,} rows of {name} version {version.version} {keys.rows:,} were "
            "still in the source when their keys were read"
        )
    return None


def _held(other: Name, version: Snapshot, evaluated: StoredKeys, trained: StoredKeys) -> Overlap:
    told = f"{other} version {version.version}"
    if evaluated.columns != trained.columns:
        return Overlap(reason=f"{told} was made with another key (prediction.key)")
    if evaluated.types != trained.types:
        # As text, 7 and 7.0 are two keys: no overlap would be seen where all overlap.
        return Overlap(
            reason=f"the key is of type {evaluated.types} in the evaluation set and of type "
            f"{trained.types} in the training data: {told} can't be compared"
        )
    if evaluated.keys is None or trained.keys is None:
        return Overlap(reason=f"{told} holds no keys")
    found = shared(evaluated.keys, trained.keys)
    if found is None:
        return Overlap(reason="no row of the evaluation set has a key")
    return Overlap(
        other=str(other),
        version=version.version,
        share=found.share,
        low=found.low,
        high=found.high,
        keys=evaluated.keys.count,
        exact=evaluated.keys.exact and trained.keys.exact,
    )
