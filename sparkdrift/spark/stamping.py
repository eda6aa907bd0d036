"""What all rows of one commit share, and what follows from their window."""

from __future__ import annotations

from collections.abc import Sequence

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from sparkdrift import __version__
from sparkdrift.spark.table import Table
from sparkdrift.spark.window_columns import window_end
from sparkdrift.spark.writer import Case, Scope, replace
from sparkdrift.spec.models import MonitorSpec
from sparkdrift.store import Store
from sparkdrift.windows import Window

_ROWS_PER_FILE = 100_000


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


def replace_windows(
    store: Store,
    table: Table,
    spec: MonitorSpec,
    rows: DataFrame,
    granularity: str,
    windows: Sequence[Window],
    *,
    policy: str,
    run_id: str,
    kinds: int,
) -> None:
    """Make `rows` all that a table of results has of `windows`, in one commit.

    kinds: how many rows a window and slice has, from which follows how many files they make.
    """
    ready = stamped(rows, spec, granularity, run_id, policy_hash=policy)
    files = 1 + len(windows) * kinds * (1 + 10 * len(spec.slices)) // _ROWS_PER_FILE
    scope = Scope(spec.monitor, granularity, [Case(windows)])
    replace(store, table, ready, scope, run_id=run_id, files=files)
