"""Score states of the whole table, as arrays on the driver: one per window, few of them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from pyspark.sql import SparkSession

from sparkdrift.errors import SnapshotError
from sparkdrift.explain.signals import WHOLE
from sparkdrift.kernels.performance_rules import NO_SET
from sparkdrift.measures.arrays import Floats, floats
from sparkdrift.measures.score_bins import COLUMNS, ScoreBins, plain_edges, unflat
from sparkdrift.spark.changes import from_micros
from sparkdrift.spark.few_rows import few_rows
from sparkdrift.spark.profile_tables import STATES
from sparkdrift.spark.reference_tables import REFERENCE_PROFILES, REFERENCE_SNAPSHOTS
from sparkdrift.spark.sql import string, timestamp
from sparkdrift.spec.models import MonitorSpec
from sparkdrift.store import Store
from sparkdrift.windows import Window

SCORES = "scores"
ROLE = "evaluation"
_COLUMN = ":scores"


@dataclass(frozen=True)
class Counted:
    """Windows as one state (B, 12). name, version: of the evaluation set whose edges it has."""

    windows: tuple[Window, ...]
    name: str
    version: int
    state: ScoreBins

    @property
    def interval(self) -> Window:
        return Window(self.windows[0].start, self.windows[-1].end)


def newest_scores(
    spark: SparkSession,
    store: Store,
    spec: MonitorSpec,
    set_name: str,
    windows: int,
    until: datetime | None = None,
) -> Counted | None:
    """The newest windows that have rows, up to so many, as one; None where there is none.

    Those that end by `until`, and are counted by the same version of the evaluation set
    `set_name` as the newest of them.
    """
    ended = "" if until is None else f" AND window_end <= {timestamp(until)}"
    rows = f"aggregate(sequence(0, size(cells) - 4, {len(COLUMNS)}), 0D, (a, i) -> a + cells[i])"
    with few_rows(spark):
        found = spark.sql(
            "SELECT unix_micros(window_start) AS start, unix_micros(window_end) AS end, name,"
            f" cells FROM {store.table(STATES.name)} WHERE monitor = {string(spec.monitor)}"
            f" AND granularity = {string(spec.windows.grain)} AND kind = {string(SCORES)}"
            f" AND slice_key = {string(WHOLE)} AND startswith(name, {string(set_name + ':')})"
            f"{ended} AND {rows} > 0 ORDER BY window_start DESC LIMIT {int(windows)}"
        ).collect()
    same = [row for row in reversed(found) if row["name"] == found[0]["name"]]
    if not same:
        return None
    version = int(same[0]["name"].rpartition(":")[2])
    edges = _edges(spark, store, spec, set_name, version)
    spans = [Window(from_micros(row["start"]), from_micros(row["end"])) for row in same]
    cells = floats([row["cells"] for row in same]).sum(axis=0)
    return Counted(tuple(spans), set_name, version, unflat(edges, cells))


def evaluation_scores(
    spark: SparkSession, store: Store, spec: MonitorSpec, set_name: str, version: int
) -> ScoreBins | None:
    """The state (B, 12) of all rows of one version of an evaluation set; None without one."""
    with few_rows(spark):
        rows = spark.sql(
            f"SELECT bins.edges AS edges, bins.counts AS counts"
            f" FROM {store.table(REFERENCE_PROFILES.name)} AS p LEFT SEMI JOIN"
            f" {store.table(REFERENCE_SNAPSHOTS.name)} AS s"
            " USING (monitor, role, name, version, run_id)"
            f" WHERE monitor = {string(spec.monitor)} AND role = {string(ROLE)}"
            f" AND name = {string(set_name)} AND version = {int(version)}"
            f" AND slice_key = {string(WHOLE)} AND column_name = {string(_COLUMN)}"
        ).collect()
    return unflat(rows[0]["edges"], rows[0]["counts"]) if rows else None


def _edges(
    spark: SparkSession, store: Store, spec: MonitorSpec, set_name: str, version: int
) -> Floats:
    if set_name != NO_SET:
        known = evaluation_scores(spark, store, spec, set_name, version)
        if known is None:
            raise SnapshotError(
                f"version {version} of the evaluation set {set_name} of {spec.monitor} is not "
                "stored any more, so its score bins are not known: `sparkdrift eval` counts anew"
            )
        return known.edges
    thresholds = spec.evaluation.thresholds.values() if spec.evaluation else ()
    return plain_edges([one.value for one in thresholds])
