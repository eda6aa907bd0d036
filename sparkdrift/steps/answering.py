"""Accepting or declining a verdict: one row with a name and a reason."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timezone
from typing import Any, Literal

from sparkdrift import __version__
from sparkdrift.errors import StoreError, UsageError
from sparkdrift.spark.verdicts import answers, read_verdict, write_answer
from sparkdrift.spec.models import MonitorSpec
from sparkdrift.steps.context import Context
from sparkdrift.windows import window_at

Action = Literal["accepted", "declined"]


@dataclass(frozen=True)
class Answered:
    """The verdict that was answered, by the columns of `model_health`, and the answer's number."""

    verdict: Mapping[str, Any]
    seq: int
    action: Action
    by: str
    reason: str


def answer_verdict(
    context: Context,
    spec: MonitorSpec,
    action: Action,
    at: datetime | None,
    *,
    by: str,
    reason: str,
) -> Answered:
    """Record what somebody says to the verdict of the window that holds `at` (None: the newest).

    Declining leaves the verdict open. Raises UsageError where there is no such verdict, where it
    asks nothing of anybody, and without a name or a reason; StoreError where somebody else
    answered meanwhile.
    """
    for option, text in (("--by", by), ("--reason", reason)):
        if not text.strip():
            raise UsageError(f"{option} is empty; accepted is some text, stored with the answer")
    zone, grain = spec.timestamp.zone, spec.windows.grain
    start = None if at is None else window_at(at, grain, zone).start
    row = read_verdict(context.spark, context.store, spec, start)
    if row is None:
        raise UsageError(_none(context, spec, start))
    if row["verdict"] == "healthy":
        raise UsageError(
            f"the verdict on {spec.monitor} is healthy: nobody has to answer it; "
            "`sparkdrift fleet` lists verdicts that wait for an answer"
        )
    seq = 1 + max((one["seq"] for one in answers(context.spark, context.store, spec)), default=0)
    written = write_answer(
        context.spark,
        context.store,
        {
            "monitor": spec.monitor,
            "seq": seq,
            "window_start": row["window_start"],
            "verdict": row["verdict"],
            "action": action,
            "reason": reason.strip(),
            "created_at": datetime.now(timezone.utc),
            "created_by": by.strip(),
            "run_id": context.journal.run_id,
            "package_version": __version__,
        },
    )
    if not written:
        other = next(
            one for one in answers(context.spark, context.store, spec) if one["seq"] == seq
        )
        raise StoreError(
            f"nothing was written: meanwhile {other['created_by']} {other['action']} the verdict "
            f"{other['verdict']} ({other['reason']}); look at it and answer again"
        )
    return Answered(row, seq, action, by.strip(), reason.strip())


def _none(context: Context, spec: MonitorSpec, start: datetime | None) -> str:
    newest = read_verdict(context.spark, context.store, spec)
    if newest is None:
        return f"{spec.monitor} has no verdict yet; `sparkdrift run SPEC` ends with one"
    return (
        f"the window of {start:%Y-%m-%d %H:%M} UTC has no verdict; the newest one is of "
        f"{newest['window_start']:%Y-%m-%d %H:%M} UTC, and without WINDOW it is answered"
    )
