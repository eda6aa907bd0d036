"""The pages of `sparkdrift report`, made of what a store answers now."""

from __future__ import annotations

from datetime import datetime, timezone
from functools import partial
from typing import TYPE_CHECKING

from sparkdrift import __version__
from sparkdrift.errors import nearest
from sparkdrift.report.page.document import page
from sparkdrift.report.page.fleet import fleet_page
from sparkdrift.report.page.material import of_rows
from sparkdrift.report.plain import joined
from sparkdrift.spark.report_rows import ReportRows, watched_metric
from sparkdrift.store import Store

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

    from sparkdrift.spark.answers import Ask
    from sparkdrift.spec.models import MonitorSpec
    from sparkdrift.spec.registry import Registry


def asked_by(ask: Ask, spark: SparkSession | None) -> ReportRows:
    """The questions of a page to what answers them; without a session no Java reads the
    dashboard's own table either."""
    if spark is None:
        from sparkdrift.embedded.dashboards import told_by_dashboard

        return ReportRows(ask, told_by_dashboard)
    from sparkdrift.spark.report_rows import told_by_dashboard_of

    return ReportRows(ask, partial(told_by_dashboard_of, spark))


def model_page(rows: ReportRows, store: Store, spec: MonitorSpec, last: int) -> str:
    """One model, by its newest `last` windows."""
    found, now = rows.everything(spec, last), datetime.now(timezone.utc)
    return page(spec, of_rows(found, watched_metric(spec), str(store), now, __version__))


def never_ran(rows: ReportRows, store: Store, spec: MonitorSpec) -> str | None:
    """What to say of a monitor that the store has nothing of; None: it ran at least once.

    Its page is whole, and all of it is not measured: as likely as not another store was meant.
    """
    known = rows.monitors()
    if spec.monitor in known:
        return None
    close = nearest(spec.monitor, known)
    return (
        f"nothing of the monitor {spec.monitor} is in the store {store}, which has "
        f"{joined(known, 5) or 'none'}"
        + (f"; did you mean {close!r}?" if close else "")
        + "; name another store with --store, or `sparkdrift run SPEC` begins with it"
    )


def all_models_page(rows: ReportRows, store: Store, registry: Registry | None) -> str:
    """All models, and with a registry those that nobody watches."""
    found, unjudged = rows.fleet(registry.models if registry else None), rows.unjudged()
    now = datetime.now(timezone.utc)
    return fleet_page(found, unjudged, str(store), now, __version__, registry)
