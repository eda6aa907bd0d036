"""What all rows of one commit share, and what follows from their window."""

from __future__ import annotations

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from sparkdrift import __version__
from sparkdrift.spark.window_columns import window_end
from sparkdrift.spec.models import MonitorSpec


def stamped(
    rows: DataFrame, spec: MonitorSpec, granularity: str, run_id: str, **shared: object
) -> DataFrame:
    """Rows with `window_start`, given their monitor, grain, end of the window, run and version.

    shared: further columns that have one value in all rows; None is NULL. Columns of these names
    are replaced.
    """
    constants = {
        **shared,
        "monitor": spec.monitor,
        "granularity": granularity,
        "run_id": run_id,
        "package_version": __version__,
    }
    end = window_end("window_start", granularity, spec.timestamp.zone)
    return rows.withColumns(
        {**{name: F.lit(value) for name, value in constants.items()}, "window_end": F.expr(end)}
    )
