"""Operations: every stored window whose signals are not told, or not as they are now, told."""

from __future__ import annotations

from dataclasses import dataclass

from sparkdrift.spark.operation_inputs import Held, held_against, operation_digests
from sparkdrift.spark.operation_tables import OPERATIONS
from sparkdrift.spark.operations import operation_rows
from sparkdrift.spark.reference_life import References, stored_references
from sparkdrift.spark.stamping import replace_windows
from sparkdrift.spec.digests import operation_hash
from sparkdrift.spec.models import MonitorSpec
from sparkdrift.steps.context import Context, Options
from sparkdrift.steps.outdated import batches_of_grains, outdated
from sparkdrift.windows import Window

STEP = "operations"


@dataclass(frozen=True)
class Operated:
    """What the step did: `windows` told, None where the spec declares no operations; `merged`:
    windows of coarser grains beside them; `dropped`: windows that are not stored any more."""

    windows: tuple[Window, ...] | None = None
    merged: int = 0
    dropped: int = 0


def watch_operations(context: Context, spec: MonitorSpec, options: Options) -> Operated:
    """Tell what is due for one monitor and write it, a commit per batch; reads stored rows only.

    A window becomes due when its counts, its verdict in `drift`, its states of scores, the counts
    of the windows before it, or what the spec says of the signals changed.
    """
    if not spec.operations:
        return Operated()
    with context.journal.step(spec.monitor, STEP) as record:
        policy = operation_hash(spec)
        record.policy_hash = policy
        stored, held = _held(context, spec)
        grains: list[str] = [spec.windows.grain, *spec.windows.rollups]
        digests = {
            grain: operation_digests(context.spark, context.store, spec, held, grain, policy)
            for grain in grains
        }
        found = {
            grain: outdated(spec, options, digests[grain].wanted, digests[grain].have, grain)
            for grain in grains
        }
        for grain, batch in batches_of_grains(context, record, found):
            wanted = digests[grain].wanted
            replace_windows(
                context.store,
                OPERATIONS,
                spec,
                operation_rows(
                    context.spark, context.store, spec, stored, held, grain, batch, wanted
                ),
                grain,
                batch,
                policy=policy,
                run_id=context.journal.run_id,
                kinds=len(spec.operations),
            )
        merged = sum(len(found[grain].due) for grain in spec.windows.rollups)
        dropped = sum(len(one.dropped) for one in found.values())
        return Operated(found[spec.windows.grain].due, merged, dropped)


def due_windows(context: Context, spec: MonitorSpec, options: Options) -> int:
    """How many windows `watch_operations` would tell now; writes nothing."""
    if not spec.operations:
        return 0
    _, held = _held(context, spec)
    grain = spec.windows.grain
    digests = operation_digests(
        context.spark, context.store, spec, held, grain, operation_hash(spec)
    )
    return len(outdated(spec, options, digests.wanted, digests.have).due)


def _held(context: Context, spec: MonitorSpec) -> tuple[References, Held]:
    name = spec.reference.name if spec.reference else None
    stored = stored_references(context.spark, context.store, spec, name)
    return stored, held_against(spec, stored)
