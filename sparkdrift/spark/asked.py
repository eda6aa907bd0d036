"""Which comparisons are asked of which stored windows, and what each would be computed from.

One light row for each comparison, window, slice and feature; no sketch is read. What is due is
decided from the same rows that tell the kernels what to compare.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from pyspark.sql import DataFrame, SparkSession

from sparkdrift.explain.signals import BETWEEN_WINDOWS, METRIC, SHAPED_ROWS, UNSHAPED
from sparkdrift.spark.alerting import suppression_sql, suppressions
from sparkdrift.spark.profiles import stored_rows
from sparkdrift.spark.profiling import TABLE_ROW
from sparkdrift.spark.reference_life import Active, InForce, role_of, set_of
from sparkdrift.spark.sql import string, timestamp
from sparkdrift.spark.window_columns import position, season_position
from sparkdrift.spec.models import MonitorSpec
from sparkdrift.spec.policy import SEASON_STEPS
from sparkdrift.store import Store

LOOK_BACK = 7
"""How many windows before its own the comparison `consecutive` looks for one with rows."""
# Raised when the figures change without a change of their inputs: all drift is then due.
FIGURES_VERSION = 8

_FEATURE = "slice_key, slice_value, column_name, definition_hash"


def asked_rows(
    spark: SparkSession, store: Store, spec: MonitorSpec, in_force: InForce, policy: str
) -> DataFrame:
    """window_start, slice_key, slice_value, column_name, and for each comparison: comparison,
    role, reference_version, earlier_start, input_digest.

    earlier_start: the earlier window that is compared with, of the same definition and with
    rows; NULL where there is none, and for comparisons with references. input_digest covers
    every stored row that is read: a late change of one day makes the day after it due. The two
    sides of `unshaped` are of one window and scan: they change together.
    """
    rows = stored_rows(spark, store, spec, spec.windows.grain).where(
        f"column_name <> {string(TABLE_ROW)}"
    )
    between = [name for name in spec.drift.comparisons if name in BETWEEN_WINDOWS]
    kept = ["window_start", "slice_key", "slice_value", "column_name", "input_digest"]
    if between:
        grain, zone = spec.windows.grain, spec.timestamp.zone
        usable = "CASE WHEN row_count > 0 AND status <> 'schema_changed' THEN"
        rows = rows.selectExpr(
            *kept,
            "definition_hash",
            f"{position('window_start', grain, zone)} AS place",
            f"{season_position('window_start', grain, zone)} AS season_place",
            f"{usable} struct(window_start, input_digest) END AS usable",
        ).selectExpr(*kept, *(_earlier(name, grain) for name in between))
    each = ", ".join(
        _comparison(spec, name, active, policy)
        for name, active in in_force.items()
        if name != UNSHAPED
    )
    usual = rows.where(f"slice_key <> {string(SHAPED_ROWS)}")
    asked = usual.selectExpr(*kept[:-1], f"inline(array({each}))")
    if UNSHAPED not in in_force or spec.feedback is None or not spec.feedback.compare:
        return asked
    one = _comparison(spec, UNSHAPED, (), policy)
    return asked.unionAll(shaped_rows(rows).selectExpr(*kept[:-1], f"inline(array({one}))"))


def shaped_rows(rows: DataFrame) -> DataFrame:
    """The features of the rows that the model shaped, one row for each, which is held against
    that of the other rows. Metrics need the variation of a reference, and are left out."""
    return rows.where(
        f"slice_key = {string(SHAPED_ROWS)} AND slice_value = 'true'"
        f" AND column_name NOT LIKE {string(METRIC + '%')}"
    )


def picked(
    active: Sequence[Active],
    value: Callable[[Active], str],
    otherwise: str,
    at: str = "window_start",
) -> str:
    """SQL that picks `value` of the version in force at an instant."""
    cases = [
        f"WHEN {at} >= {timestamp(one.start)}"
        + (f" AND {at} < {timestamp(one.end)}" if one.end else "")
        + f" THEN {value(one)}"
        for one in active
    ]
    return f"CASE {' '.join(cases)} ELSE {otherwise} END" if cases else otherwise


def version_of(active: Sequence[Active], at: str = "window_start") -> str:
    """SQL for the version in force at an instant; 0 where none is."""
    return picked(active, lambda one: str(int(one.snapshot.version)), "0", at)


def part_of(comparison: str) -> str:
    """What the kernels know a reference by beside its version: its role, of sets each its own."""
    return comparison if set_of(comparison) is not None else role_of(comparison)


def _earlier(name: str, grain: str) -> str:
    """SQL: the usable row that a comparison of two windows goes back to, as column `name`."""
    order, first, last = "place", LOOK_BACK, 1
    if name == "seasonal":
        order, first, last = "season_place", SEASON_STEPS[grain], SEASON_STEPS[grain]
    # The newest by its start: the hour that clocks repeat has one season_place for two windows.
    return (
        f"max(usable) OVER (PARTITION BY {_FEATURE} ORDER BY {order}"
        f" RANGE BETWEEN {first} PRECEDING AND {last} PRECEDING) AS {name}"
    )


def _comparison(spec: MonitorSpec, name: str, active: tuple[Active, ...], policy: str) -> str:
    """SQL of one struct of `asked_rows`."""
    reference = picked(active, lambda one: string(one.snapshot.digest), "''")
    earlier = "CAST(NULL AS TIMESTAMP)"
    parts = ["input_digest", reference, string(policy), f"'{FIGURES_VERSION}'"]
    if name in BETWEEN_WINDOWS:
        earlier = f"{name}.window_start"
        parts.insert(1, f"coalesce({name}.input_digest, '')")
    # What is suppressed is NULL where nothing is, which concat_ws leaves out.
    parts += suppression_sql(suppressions(spec), spec.names_together)
    return (
        f"struct({string(name)} AS comparison, {string(part_of(name))} AS role,"
        f" {version_of(active)} AS reference_version, {earlier} AS earlier_start,"
        f" sha2(concat_ws('|', {', '.join(parts)}), 256) AS input_digest)"
    )
