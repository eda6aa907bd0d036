"""The dashboard's own table, read without Java where it is a folder of plain columns."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from sparkdrift.embedded.tables import dataset_of
from sparkdrift.embedded.unanswered import UnansweredError
from sparkdrift.spark.outside_tables import Told
from sparkdrift.spec.evaluation import Dashboard
from sparkdrift.spec.models import MonitorSpec
from sparkdrift.store import Store
from sparkdrift.windows import window_at


def told_by_dashboard(spec: MonitorSpec) -> list[Told]:
    """What `sparkdrift.spark.outside_tables.told_by_dashboard` tells of the same table.

    For each metric and window the newest row of this model; nothing where there is no table.
    Raises UnansweredError for a table of a catalog, one with a filter, and columns that Spark
    would have to convert.
    """
    dashboard = spec.dashboard
    if dashboard is None or not dashboard.has_table:
        return []
    newest: dict[tuple[str, datetime], Told] = {}
    for row in _rows(dashboard, spec.model_id):
        if row["at"] is None or row["metric"] is None:
            continue
        told = Told(row["metric"].strip(" ").lower(), row["at"], row["value"], row["limit"])
        key = told.metric, window_at(told.at, spec.windows.grain, spec.timestamp.zone).start
        if key not in newest or newest[key].at <= told.at:
            newest[key] = told
    return list(newest.values())


def _rows(dashboard: Dashboard, model: str) -> list[dict[str, Any]]:
    table = _opened(dashboard)
    names = {name.lower(): name for name in table.schema.names}
    wanted = {"at": (dashboard.time or "time", pa.types.is_timestamp)}
    wanted["metric"] = (dashboard.metric or "metric", pa.types.is_string)
    wanted["value"] = (dashboard.value or "value", _number)
    if dashboard.limit is not None or "limit" in names:
        wanted["limit"] = (dashboard.limit or "limit", _number)
    if dashboard.model is not None or "model" in names:
        wanted["model"] = (dashboard.model or "model", pa.types.is_string)
    columns = {}
    for key, (name, accepted) in wanted.items():
        column = names.get(name.lower())
        kind = None if column is None else table.schema.field(column).type
        if kind is None or not accepted(kind) or getattr(kind, "tz", "UTC") is None:
            raise UnansweredError(f"the dashboard's table has no plain column {name}")
        columns[key] = pc.field(column)
    found = table.to_table(columns)
    if "model" in columns:
        found = found.filter(pc.field("model") == model)
    for key in ("value", "limit"):
        if key in columns:
            place = found.schema.get_field_index(key)
            found = found.set_column(place, key, found[key].cast(pa.float64()))
        else:
            found = found.append_column(key, pa.nulls(len(found), pa.float64()))
    rows: list[dict[str, Any]] = found.to_pylist()
    return rows


def _opened(dashboard: Dashboard) -> pa.dataset.Dataset:
    if dashboard.path is None or dashboard.filter is not None:
        raise UnansweredError("the dashboard's table is one of a catalog, or has a filter")
    folder = Store(directory=dashboard.path).local
    if folder is None or not folder.is_dir():
        raise UnansweredError("the dashboard's table is no folder of this machine")
    return dataset_of(folder, "the dashboard's table")


def _number(kind: pa.DataType) -> bool:
    return bool(pa.types.is_integer(kind) or pa.types.is_floating(kind))
