"""The pages of `sparkdrift report`, made of what a store holds now."""

from __future__ import annotations

from datetime import datetime, timezone
from typing import TYPE_CHECKING

from sparkdrift import __version__
from sparkdrift.report.page.document import page
from sparkdrift.report.page.fleet import fleet_page
from sparkdrift.report.page.material import of_rows
from sparkdrift.spark.report_rows import report_rows, watched_metric
from sparkdrift.store import Store

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

    from sparkdrift.spec.models import MonitorSpec
    from sparkdrift.spec.registry import Registry


def model_page(spark: SparkSession, store: Store, spec: MonitorSpec, last: int) -> str:
    """One model, by its newest `last` windows."""
    with report_rows(spark, store) as ask:
        rows = ask.everything(spec, last)
    now = datetime.now(timezone.utc)
    return page(spec, of_rows(rows, watched_metric(spec), str(store), now, __version__))


def all_models_page(spark: SparkSession, store: Store, registry: Registry | None) -> str:
    """All models, and with a registry those that nobody watches."""
    with report_rows(spark, store) as ask:
        rows, unjudged = ask.fleet(), ask.unjudged()
    now = datetime.now(timezone.utc)
    return fleet_page(rows, unjudged, str(store), now, __version__, registry)
