"""A model that is retired: whether rows still arrive, which somebody then has to explain."""

from __future__ import annotations

from datetime import datetime, timezone

from sparkdrift import __version__
from sparkdrift.errors import SourceError
from sparkdrift.health.ownership import RETIRED_IN_USE
from sparkdrift.spark.retired import newest_event_since, owes_already
from sparkdrift.spark.schemas import DEBT_EVENTS
from sparkdrift.spark.writer import insert_rows
from sparkdrift.spec.models import MonitorSpec
from sparkdrift.steps.context import Context
from sparkdrift.windows import local_midnight


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
