"""The pages of `sparkdrift report`, made of what a store answers now."""

from __future__ import annotations

from datetime import datetime, timezone
from typing import TYPE_CHECKING

from sparkdrift import __version__
from sparkdrift.report.page.document import page
from sparkdrift.report.page.fleet import fleet_page
from sparkdrift.report.page.material import of_rows
from sparkdrift.spark.report_rows import ReportRows, watched_metric
from sparkdrift.store import Store

if TYPE_CHECKING:
    from sparkdrift.spec.models import MonitorSpec
    from sparkdrift.spec.registry import Registry


def model_page(rows: ReportRows, store: Store, spec: MonitorSpec, last: int) -> str:
    """One model, by its newest `last` windows."""
    found, now = rows.everything(spec, last), datetime.now(timezone.utc)
    return page(spec, of_rows(found, watched_metric(spec), str(store), now, __version__))


def all_models_page(rows: ReportRows, store: Store, registry: Registry | None) -> str:
    """All models, and with a registry those that nobody watches."""
    found, unjudged = rows.fleet(), rows.unjudged()
    now = datetime.now(timezone.utc)
    return fleet_page(found, unjudged, str(store), now, __version__, registry)
