"""What a person decides about references: promote, reject, retire, roll back. One row each."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime

from sparkdrift.errors import SnapshotError
from sparkdrift.references.life import Event, Name, before
from sparkdrift.references.refusing import require, require_one_before
from sparkdrift.spark.content_digest import BY_BITS, content_digest
from sparkdrift.spark.reference_life import (
    ALWAYS,
    ROLE,
    Snapshot,
    Stored,
    name_of,
)
from sparkdrift.spec.models import MonitorSpec
from sparkdrift.steps.context import Context
from sparkdrift.steps.promotion import Decision, Entered, enter, record_event, settle
from sparkdrift.steps.reference_reading import find
from sparkdrift.steps.snapshot import newest_end

STEP = "reference"


def named(spec: MonitorSpec, role: str | None = None, name: str | None = None) -> Name:
    """The reference that is meant: by default the one that the spec asks for.

    Without a name that of the role: `training` is the name of the training reference.
    """
    found = name_of(spec, role or ROLE)
    return replace(found, name=name) if name else found


def promote(
    context: Context,
    spec: MonitorSpec,
    name: Name,
    version: int,
    decision: Decision,
    *,
    force: bool = False,
) -> Event:
    """Put a version in force, in one row: the one before is retired by it.

    By default for windows to come: from the end of the newest stored window on, and never
    before the end of its own interval. Raises SnapshotError, and changes nothing, for a version
    that is unknown, rejected or in force, whose rows are not those that were frozen, where another
    decision came first, and where the gate blocks; `force` promotes it then all the same, and opens
    a debt.
    """
    with context.journal.step(spec.monitor, STEP):
        stored = find(context.spark, context.store, name)
        require("activate", version, stored.events, stored.by_number, name)
        candidate = stored.by_number[version]
        _require_as_frozen(context, name, candidate)
        since = decision.effective_from or _to_come(context, spec, candidate)
        entered = enter(context, spec, name, stored, candidate, decision, since, force=force)
        if entered.event is None:
            raise blocked(name, version, entered)
        return entered.event


def blocked(name: Name, version: int, entered: Entered) -> SnapshotError:
    """Why a version was not put in force, and what can be done."""
    unknown = any("not measured: " in line for line in entered.why)
    told = "What was to be measured and is not does not pass: nothing good is known of it. "
    return SnapshotError(
        f"{name}: version {version} is not put in force, the gate blocks it:\n"
        + "".join(f"    {line}\n" for line in entered.why)
        + (told if unknown else "")
        + f"Accepted is a version that passes (`sparkdrift reference show SPEC {version}` tells "
        f"all checks): freeze another, `sparkdrift reference reject SPEC {version}`, or, if this "
        "is what is normal now, promote it with --force: that is recorded as a debt"
    )


def reject(
    context: Context, spec: MonitorSpec, name: Name, version: int, decision: Decision
) -> Event:
    """Say that a version is never to be put in force; what it judged stays."""
    return _end(context, spec, name, "reject", version, decision)


def retire(
    context: Context, spec: MonitorSpec, name: Name, version: int, decision: Decision
) -> Event:
    """Say that a candidate is out of use; it may be promoted all the same, later."""
    return _end(context, spec, name, "retire", version, decision)


def rollback(
    context: Context, spec: MonitorSpec, name: Name, version: int | None, decision: Decision
) -> Event:
    """Put the version back in force that was before (or another that once was), in one row.

    By default from where the present one came into force, as if that had never been: what it
    judged is judged by the other at the next run, and its rows stay beside. The gate is not
    asked. Raises SnapshotError where nothing was in force before, and where the present one took
    the place of several versions and it is not said from when on to go back.
    """
    stored = find(context.spark, context.store, name)
    back = before(stored.events) if version is None else version
    once = sorted({one.snapshot.version for one in stored.active})
    if back is None:
        raise SnapshotError(
            f"{name}: no other version was in force before; stored: "
            f"{', '.join(str(one.version) for one in stored.versions)}, in force so far: "
            f"{', '.join(map(str, once)) or 'none'}. `sparkdrift reference promote SPEC VERSION` "
            "puts another one in force"
        )
    require("activate", back, stored.events, stored.by_number, name)
    if stored.by_number[back].since is None:
        raise SnapshotError(
            f"{name}: version {back} never was in force, so there is no way back to it; "
            f"`sparkdrift reference promote SPEC {back}` puts it in force for the first time"
        )
    if decision.effective_from is None:
        require_one_before(stored.events, back, name)
    _require_as_frozen(context, name, stored.by_number[back])
    since = decision.effective_from or _begun(stored)
    event = _write(context, spec, name, stored, "activate", back, decision, since)
    settle(context, spec, name, (*stored.events, event))
    return event


def _require_as_frozen(context: Context, name: Name, one: Snapshot) -> None:
    """Raise SnapshotError where the stored rows of a version don't have its digest.

    Of one that was made by the text of doubles another Java has another: `verify` tells that.
    """
    if not one.digest.startswith(BY_BITS):
        return
    spark, store = context.spark, context.store
    found, _ = content_digest(spark, store, name, one.version, one.run_id, one.digest)
    if found != one.digest:
        raise SnapshotError(
            f"{name}: the stored rows of version {one.version} are not those that were frozen "
            f"(digest {one.digest[:12]}, now {found[:12]}), so it is not put in force; nothing was "
            f"changed. `sparkdrift reference verify SPEC {one.version}` tells what differs; freeze "
            "another by `sparkdrift snapshot SPEC`"
        )


def _begun(stored: Stored) -> datetime:
    """Since when the version in force is so without a break: a way back may have put it there for
    longer than it was before."""
    since = ALWAYS
    for at, one in enumerate(reversed(stored.active)):
        if at and (one.snapshot.version != stored.active[-1].snapshot.version or one.end != since):
            break
        since = one.start
    return since


def _end(
    context: Context,
    spec: MonitorSpec,
    name: Name,
    action: str,
    version: int,
    decision: Decision,
) -> Event:
    stored = find(context.spark, context.store, name)
    require(action, version, stored.events, stored.by_number, name)
    return _write(context, spec, name, stored, action, version, decision, ALWAYS)


def _to_come(context: Context, spec: MonitorSpec, made: Snapshot) -> datetime:
    newest = newest_end(context, spec)
    return newest if made.interval is None else max(newest, made.interval.end)


def _write(
    context: Context,
    spec: MonitorSpec,
    name: Name,
    stored: Stored,
    action: str,
    version: int,
    decision: Decision,
    effective_from: datetime,
) -> Event:
    with context.journal.step(spec.monitor, STEP):
        return record_event(context, name, stored, action, version, effective_from, decision)
