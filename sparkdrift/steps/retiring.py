"""A model that is retired: whether rows still arrive, which somebody then has to explain."""

from __future__ import annotations

from datetime import date, datetime, timezone
from zoneinfo import ZoneInfo

from sparkdrift import __version__
from sparkdrift.errors import SourceError
from sparkdrift.health.ownership import RETIRED_IN_USE
from sparkdrift.spark.reference_tables import DEBT_EVENTS
from sparkdrift.spark.retired import newest_event_since, owes_already, write_retired
from sparkdrift.spark.verdicts import read_verdict
from sparkdrift.spark.writer import insert_rows
from sparkdrift.spec.models import MonitorSpec
from sparkdrift.steps.context import Context
from sparkdrift.windows import local_midnight, window_at


def is_retired(spec: MonitorSpec) -> bool:
    """Whether the model is retired today, in the monitor's zone: its monitors stop."""
    return spec.model.stage_at(today(spec)) == "retired"


def today(spec: MonitorSpec) -> date:
    """The day that it is in the monitor's zone."""
    return datetime.now(timezone.utc).astimezone(ZoneInfo(spec.timestamp.zone)).date()


def tell_retired(context: Context, spec: MonitorSpec) -> bool:
    """Let the newest row of `model_health` say that the model is retired; whether it was written.

    Its monitors stop, so nobody else would: in the fleet it would be in use for ever, and blind.
    The row is of the window in which it retired, or of the one after the newest that was judged.
    Nothing is written where that says so already, or nothing was ever judged.
    """
    newest = read_verdict(context.spark, context.store, spec)
    if newest is None or newest["stage"] == "retired":
        return False
    at, zone = newest["window_end"], spec.timestamp.zone
    if spec.model.retired_at is not None:
        at = max(at, local_midnight(spec.model.retired_at, zone))
    window = window_at(at, spec.windows.grain, zone)
    write_retired(context.spark, context.store, spec, window, context.journal.run_id)
    return True


def after_retirement(context: Context, spec: MonitorSpec, *, write: bool = True) -> datetime | None:
    """The newest event since the retirement, which is a debt; None where there is none.

    None as well where the date of the retirement is not declared or the table is gone: then
    nothing contradicts it.
    The debt is opened once, whatever came after.
    """
    retired = spec.model.retired_at
    if retired is None:
        return None
    since = local_midnight(retired, spec.timestamp.zone)
    try:
        newest = newest_event_since(context.spark, spec, since)
    except SourceError:
        # A table that went with its model holds nothing against it.
        return None
    if newest is None or not write:
        return newest
    if not owes_already(context.spark, context.store, spec, RETIRED_IN_USE):
        row = {
            "monitor": spec.monitor,
            "debt": RETIRED_IN_USE,
            "seq": 1,
            "kind": "ownership",
            "action": "opened",
            "window_start": since,
            "owner": spec.owner,
            "severity": "critical",
            "evidence": f"rows up to {newest:%Y-%m-%d %H:%M} UTC; retired since {retired}",
            "reason": "a retired model is still scored",
            "created_at": datetime.now(timezone.utc),
            "created_by": "sparkdrift",
            "run_id": context.journal.run_id,
            "package_version": __version__,
        }
        insert_rows(context.spark, context.store, DEBT_EVENTS, [row])
    return newest
