"""A model that is retired: whether rows still arrive, which somebody then has to explain."""

from __future__ import annotations

from datetime import date, datetime, timezone
from zoneinfo import ZoneInfo

from sparkdrift import __version__
from sparkdrift.errors import SourceError
from sparkdrift.health.ownership import RETIRED_IN_USE
from sparkdrift.spark.reference_tables import DEBT_EVENTS
from sparkdrift.spark.retired import SEVERITY, newest_event_since, owes_already, write_retired
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


def retire(context: Context, spec: MonitorSpec, *, write: bool = True) -> datetime | None:
    """Stop watching a model, and say so; returns the newest event since, which is a debt."""
    found = after_retirement(context, spec, write=write)
    if write:
        tell_retired(context, spec, owes=found is not None)
    return found


def tell_retired(context: Context, spec: MonitorSpec, *, owes: bool) -> bool:
    """Let the newest row of `model_health` say that the model is retired; whether it was written.

    Its monitors stop, so nobody else would: in the fleet it would be in use for ever, and blind.
    The row is of the window in which it retired, or of the one after the newest that was judged.
    owes: whether it is still scored; then the row has that debt. Nothing is written where that says
    so already, nor where nothing was ever judged and nothing is owed.
    """
    newest = read_verdict(context.spark, context.store, spec)
    told = newest is not None and newest["stage"] == "retired"
    if newest is None and not owes:
        return False
    # A debt that is told once stays: rows that were deleted since don't take it back.
    if newest is not None and told and (newest["open_debts"] or not owes):
        return False
    zone, retired = spec.timestamp.zone, spec.model.retired_at
    ends = [] if newest is None else [newest["window_start" if told else "window_end"]]
    ends += [] if retired is None or told else [local_midnight(retired, zone)]
    window = window_at(max(ends), spec.windows.grain, zone)
    write_retired(context.spark, context.store, spec, window, context.journal.run_id, owes=owes)
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
            "severity": SEVERITY,
            "evidence": f"rows up to {newest:%Y-%m-%d %H:%M} UTC; retired since {retired}",
            "reason": "a retired model is still scored",
            "created_at": datetime.now(timezone.utc),
            "created_by": "sparkdrift",
            "run_id": context.journal.run_id,
            "package_version": __version__,
        }
        insert_rows(context.spark, context.store, DEBT_EVENTS, [row])
    return newest
