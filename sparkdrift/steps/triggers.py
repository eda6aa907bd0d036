"""Telling hooks of the verdict that stands: after it was written, and whatever becomes of them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timezone
from typing import Any

from sparkdrift import __version__
from sparkdrift.health.triggers import Present, delivery_id, document, due_hooks, tags
from sparkdrift.spark.verdicts import read_present, read_told, write_told
from sparkdrift.spec.hooks import Hook
from sparkdrift.spec.models import MonitorSpec
from sparkdrift.steps.context import Context
from sparkdrift.triggers.mlflow_tags import tag
from sparkdrift.triggers.webhook import Delivered, send


@dataclass(frozen=True)
class Triggered:
    """How one hook ended; status: written, sent or failed."""

    hook: str
    verdict: str
    status: str
    detail: str

    @property
    def remark(self) -> str:
        """What is told on stderr of a hook that failed."""
        return (
            f"hook {self.hook} failed on the verdict {self.verdict}: {self.detail}; the verdict is "
            "stored, and the next run tries the hook again"
        )


def fire_hooks(context: Context, spec: MonitorSpec) -> list[Triggered]:
    """Tell each hook that is due, and keep how it ended in `triggers`; each exactly once a run.

    A hook that fails is a row, and never an error. Rows are written after the deliveries: a run
    that ends between the two tells a webhook again, under the same delivery id.
    """
    if not spec.on_verdict:
        return []
    present = read_present(context.spark, context.store, spec)
    if present is None:
        return []
    due = due_hooks(spec.on_verdict, present, read_told(context.spark, context.store, present))
    if not due:
        return []
    with context.journal.step(spec.monitor, "triggers") as record:
        context.journal.started(record)
        ended = [(hook, seq, _tell(hook, present)) for hook, seq in due]
        now = datetime.now(timezone.utc)
        run_id = context.journal.run_id
        rows = [_row(present, hook, seq, one, now, run_id) for hook, seq, one in ended]
        write_told(context.spark, context.store, rows)
        done = [
            Triggered(hook.title, present.verdict, one.status, one.detail) for hook, _, one in ended
        ]
        record.warnings += [one.remark for one in done if one.status == "failed"]
    return done


def _tell(hook: Hook, present: Present) -> Delivered:
    """How the hook ended; also where it broke in a way that nobody thought of."""
    try:
        return _delivered(hook, present)
    except Exception as error:
        # Only its kind: a message may hold what the hook was called with.
        return Delivered("failed", f"{type(error).__name__} while the hook was called")


def _delivered(hook: Hook, present: Present) -> Delivered:
    if hook.webhook is not None:
        return send(hook.webhook, document(present, delivery_id(present, hook)))
    if hook.mlflow is not None:
        return tag(hook.mlflow, present.row.get("model_version"), tags(present))
    return Delivered("written", "")


def _row(
    present: Present, hook: Hook, seq: int, ended: Delivered, now: datetime, run_id: str
) -> Mapping[str, Any]:
    row = present.row
    return {
        "monitor": present.monitor,
        "window_start": present.since,
        "granularity": present.granularity,
        "hook": hook.title,
        "seq": seq,
        "model_id": row["model_id"],
        "verdict": present.verdict,
        "previous": present.previous,
        "owner": row["owner"],
        "due": row["due"],
        "status": ended.status,
        "detail": ended.detail or None,
        "created_at": now,
        "run_id": run_id,
        "package_version": __version__,
    }
