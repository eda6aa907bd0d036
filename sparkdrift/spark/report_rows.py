"""What the pages of the report are made of: a few bounded queries of one store.

Answers are lists of rows (dicts), times are aware UTC. Of windows only the newest are asked for, of
distributions one window per feature; nothing here reads a row of a source but the few of the
dashboard's own table.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from functools import partial
from typing import Any, Final

from pyspark.sql import SparkSession

from sparkdrift.errors import SourceError
from sparkdrift.explain.signals import WHOLE
from sparkdrift.spark.answers import Ask
from sparkdrift.spark.evaluation_overview import (
    newest_performance_query,
    newest_staleness_query,
    performance_query,
    with_instants,
)
from sparkdrift.spark.evaluation_tables import EVAL_STALENESS, PERFORMANCE
from sparkdrift.spark.failures import FAILURES, reason
from sparkdrift.spark.fleet import read_fleet
from sparkdrift.spark.outside_tables import Told, dashboard_table, told_by_dashboard
from sparkdrift.spark.overview import Overview
from sparkdrift.spark.profiling import TABLE_ROW
from sparkdrift.spark.sql import string, timestamp
from sparkdrift.spark.table import bucket_of
from sparkdrift.spec.models import MonitorSpec
from sparkdrift.spec.registry import DeclaredModel

Row = dict[str, Any]
MOST_CELLS: Final = 400_000
"""Cells of the heat map that are held in memory: 1,000 features of 400 windows."""
MOST_LISTED: Final = 2_000
"""Rows of any other list."""
_SHAPE: Final = "kind, row_count, null_count, mean, min, max, quantiles, frequent_items"


class ReportRows:
    """Questions about one monitor, or about all. ask: of the store; dashboard: the rows of the
    dashboard's own table, for a monitor that has one."""

    def __init__(
        self, ask: Ask, dashboard: Callable[[MonitorSpec], Sequence[Told]] = lambda _: ()
    ) -> None:
        self._ask, self._dashboard = ask, dashboard

    def everything(self, spec: MonitorSpec, last: int) -> dict[str, Any]:
        """All that a monitor's page tells, by name; `last`: so many windows, the newest.

        Asked at the same time: planning a question takes longer than its rows.
        """
        own = (
            *(self.health, self.answer, self.cells, self.performance, self.blind_spots),
            *(self.first_seen, self.debts, self.steps),
        )
        overview = Overview(self._ask)
        # Not its alerts: the page tells of features, by the windows that drifted.
        told = (
            *(overview.coverage, overview.references, overview.verdicts),
            *(overview.unmeasured, overview.silences, overview.assumptions),
        )
        asked: dict[str, Callable[[], Any]] = {
            **{ask.__name__: partial(ask, spec, last) for ask in own},
            **{ask.__name__: partial(ask, spec) for ask in told},
            "staleness": lambda: self._told(newest_staleness_query(EVAL_STALENESS.name, spec)),
            "measured": lambda: self._told(newest_performance_query(PERFORMANCE.name, spec)),
            "dashboard": lambda: self.dashboard(spec),
        }
        with ThreadPoolExecutor(len(asked)) as threads:
            begun = {name: threads.submit(ask) for name, ask in asked.items()}
            found = {name: one.result() for name, one in begun.items()}
        found["findings"] = {ask.__name__: found.pop(ask.__name__) for ask in told}
        found["dashboard"], found["dashboard_unknown"] = found["dashboard"]
        found["shapes"], found["frozen"] = self.shapes(spec, told_windows(found["cells"]))
        return found

    def health(self, spec: MonitorSpec, last: int) -> list[Row]:
        """Verdicts of the monitor's own grain, newest first."""
        return self._rows(
            "SELECT * FROM model_health WHERE"
            f" bucket = {bucket_of(spec.monitor)} AND {_own(spec)} ORDER BY window_start DESC",
            last,
        )

    def answer(self, spec: MonitorSpec, last: int) -> list[Row]:
        """How the newest verdict was answered, in at most one row."""
        return self._rows(
            f"SELECT answer, answered_by, answered_at, answer_reason FROM latest_health"
            f" WHERE {_own(spec)} AND answer IS NOT NULL",
            1,
        )

    def fleet(self, models: Mapping[str, DeclaredModel] | None = None) -> list[Row]:
        """One row for each model that has a verdict, in the order of the view `fleet`; models:
        those that a registry declares."""
        return read_fleet(self._rows, models=models)

    def unjudged(self) -> list[Row]:
        """Monitors that are profiled and have no verdict, with the end of their newest window."""
        return self._rows(
            f"""
            SELECT p.monitor, max(window_end) AS watched_until FROM profiles AS p
            LEFT ANTI JOIN (SELECT DISTINCT monitor FROM model_health) AS h
              ON h.monitor = p.monitor
            WHERE column_name = {string(TABLE_ROW)} AND slice_key = {string(WHOLE)}
            GROUP BY p.monitor ORDER BY p.monitor""",
            MOST_LISTED,
        )

    def monitors(self) -> list[str]:
        """The monitors that ever ran, in order."""
        found = self._rows("SELECT DISTINCT monitor FROM runs ORDER BY monitor", MOST_LISTED)
        return [row["monitor"] for row in found]

    def cells(self, spec: MonitorSpec, last: int) -> list[Row]:
        """The verdict on each feature in each of the newest windows, over all rows."""
        return self._rows(
            f"""
            SELECT window_start, window_end, column_name, status, effect, effect_low, effect_high,
                   null_delta, reason, reference_name, reference_version
            FROM current_drift
            WHERE {_own(spec)} AND comparison = 'baseline' AND slice_key = {string(WHOLE)}
              AND window_start >= (
                SELECT min(window_start) FROM (
                  SELECT DISTINCT window_start FROM profiles
                  WHERE {_own(spec)} AND column_name = {string(TABLE_ROW)}
                    AND slice_key = {string(WHOLE)}
                  ORDER BY window_start DESC LIMIT {int(last)}))
            ORDER BY window_start DESC, column_name""",
            MOST_CELLS,
        )

    def shapes(
        self, spec: MonitorSpec, told: Iterable[Mapping[str, Any]]
    ) -> tuple[list[Row], list[Row]]:
        """(the profiles of one window per feature, those of the references they are held against).

        told: rows with column_name, window_start, reference_name and reference_version.
        """
        by_window: dict[datetime, list[str]] = {}
        by_version: dict[tuple[str, int], list[str]] = {}
        for row in told:
            by_window.setdefault(row["window_start"], []).append(row["column_name"])
            version = (str(row["reference_name"]), int(row["reference_version"]))
            by_version.setdefault(version, []).append(row["column_name"])
        windows = " OR ".join(
            f"(window_start = {timestamp(start)} AND column_name IN ({_listed(names)}))"
            for start, names in by_window.items()
        )
        versions = " OR ".join(
            f"(r.name = {string(name)} AND r.version = {number}"
            f" AND r.column_name IN ({_listed(names)}))"
            for (name, number), names in by_version.items()
        )
        if not windows:
            return [], []
        seen = self._rows(
            f"SELECT column_name, window_start, window_end, {_SHAPE} FROM profiles"
            f" WHERE {_own(spec)} AND slice_key = {string(WHOLE)} AND ({windows})",
            MOST_LISTED,
        )
        columns = ", ".join(f"r.{one}" for one in _SHAPE.split(", "))
        frozen = self._rows(
            f"SELECT r.column_name, r.version, {columns} FROM reference_profiles AS r"
            " JOIN reference_snapshots AS s ON s.monitor = r.monitor AND s.role = r.role"
            "  AND s.name = r.name AND s.version = r.version AND s.run_id = r.run_id"
            f" WHERE r.monitor = {string(spec.monitor)} AND r.role = 'baseline'"
            f" AND r.slice_key = {string(WHOLE)} AND ({versions})",
            MOST_LISTED,
        )
        return seen, frozen

    def performance(self, spec: MonitorSpec, last: int) -> list[Row]:
        """The metric that the owner watches, window by window, in order of time."""
        metric = watched_metric(spec)
        if metric is None:
            return []
        return self._told(performance_query(PERFORMANCE.name, spec, metric))[-last:]

    def dashboard(self, spec: MonitorSpec) -> tuple[list[Row], str | None]:
        """(what the dashboard's own table shows of that metric, why that is not known)."""
        try:
            told = self._dashboard(spec)
        except SourceError as error:
            return [], str(error)
        except FAILURES as error:
            return [], reason(error)
        found = [one for one in told if one.metric == watched_metric(spec)]
        ordered = sorted(found, key=lambda one: one.at)
        rows = [{"time": one.at, "value": one.value, "limit": one.limit} for one in ordered]
        return rows, None

    def blind_spots(self, spec: MonitorSpec, last: int) -> list[Row]:
        """Whether the dashboard saw what was there, window by window, newest first."""
        return self._rows(
            "SELECT window_start, window_end, evaluation_set, status, reason, since"
            f" FROM eval_staleness WHERE {_own(spec)} AND figure = 'blind_spot'"
            " ORDER BY window_start DESC",
            last,
        )

    def first_seen(self, spec: MonitorSpec, last: int) -> list[Row]:
        """New categories over all rows, those of most rows first."""
        return self._rows(
            "SELECT column_name, item, first_window, last_window, windows, rows FROM first_seen"
            f" WHERE {_own(spec)} AND comparison = 'baseline' AND slice_key = {string(WHOLE)}"
            " ORDER BY rows DESC, column_name, item",
            min(last, 200),
        )

    def debts(self, spec: MonitorSpec, last: int) -> list[Row]:
        """What is owed: open ones first, the oldest first."""
        return self._rows(
            f"SELECT * FROM debts WHERE monitor = {string(spec.monitor)}"
            " ORDER BY closed IS NOT NULL, window_start, debt",
            last,
        )

    def steps(self, spec: MonitorSpec, last: int) -> list[Row]:
        """How each step ended the last time."""
        return self._rows(
            f"""
            SELECT step, max_by(run_id, at) AS run_id, max(at) AS at, max_by(phase, at) AS phase,
                   max_by(windows, at) AS windows, max_by(rows_scanned, at) AS rows_scanned,
                   max_by(error, at) AS error, max_by(package_version, at) AS package_version,
                   max_by(get(filter(inputs, one -> one.role = 'source'), 0).version, at)
                     AS source_version, max_by(as_of, at) AS as_of
            FROM runs WHERE monitor = {string(spec.monitor)} AND phase <> 'STARTED'
            GROUP BY step ORDER BY at""",
            min(last, 50),
        )

    def _rows(self, statement: str, limit: int) -> list[Row]:
        return self._ask(statement, limit)

    def _told(self, statement: str) -> list[Row]:
        return [dict(with_instants(row)) for row in self._ask(statement, MOST_CELLS)]


def told_by_dashboard_of(spark: SparkSession, spec: MonitorSpec) -> list[Told]:
    """What the dashboard's own table shows of a monitor; nothing where it has none."""
    table = dashboard_table(spark, spec)
    return [] if table is None else told_by_dashboard(spark, spec, table)


def watched_metric(spec: MonitorSpec) -> str | None:
    """The metric that the owner calls degraded by, else the dashboard's first; None: neither."""
    if spec.degraded is not None:
        return str(spec.degraded.metric)
    return next((str(one) for one in spec.dashboard.metrics), None) if spec.dashboard else None


def told_windows(cells: Iterable[Row]) -> list[Row]:
    """Of each feature that ever drifted, the newest cell that did: cells come newest first."""
    found: dict[str, Row] = {}
    for row in cells:
        if row["status"] == "drifted" and row["reference_version"]:
            found.setdefault(row["column_name"], row)
    return list(found.values())


def _own(spec: MonitorSpec) -> str:
    return f"monitor = {string(spec.monitor)} AND granularity = {string(spec.windows.grain)}"


def _listed(names: Iterable[str]) -> str:
    return ", ".join(string(name) for name in sorted(set(names)))
