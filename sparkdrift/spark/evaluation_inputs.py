"""What performance and staleness read alike: states of windows, those of sets, and maturity."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta

from pyspark.sql import DataFrame, SparkSession

from sparkdrift.references.life import Name
from sparkdrift.spark.drift_rows import by_reference
from sparkdrift.spark.frozen_rows import frozen_rows
from sparkdrift.spark.reference_life import EVALUATION, Active
from sparkdrift.spark.sql import string, timestamp
from sparkdrift.spec.models import MonitorSpec
from sparkdrift.store import Store
from sparkdrift.windows import Window

_NAME = "^(:none|[^:]+):([0-9]+)(:(.*))?$"
# Windows are spread over so many groups at most, each of which is sent the evaluation set.
_BUCKETS = 8


def buckets_of(windows: Sequence[Window]) -> int:
    """Over how many groups a batch of windows is spread."""
    return max(1, min(_BUCKETS, len(windows) // 4))


def named_parts() -> dict[str, str]:
    """SQL: set, version and class in the `name` of a state; the class '*' where it names none."""

    def part(number: int) -> str:
        return f"regexp_extract(name, {string(_NAME)}, {number})"

    return {
        "evaluation_set": part(1),
        "evaluation_version": f"try_cast({part(2)} AS INT)",
        "class_name": f"coalesce(nullif({part(4)}, ''), '*')",
    }


def states_of_sets(
    spark: SparkSession,
    store: Store,
    spec: MonitorSpec,
    sets: Mapping[str, tuple[Active, ...]],
    windows: Sequence[Window],
) -> DataFrame | None:
    """The states of the sets' versions in force for these windows; None: none is.

    Also those of the slice keys' combination. Rows with evaluation_set, evaluation_version,
    slice, kind, class_name, edges and cells.
    """
    versions = [
        (Name(spec.monitor, EVALUATION, name), one.snapshot)
        for name, active in sets.items()
        for one in active
        if one.snapshot.version in by_reference(active, windows)
    ]
    if not versions:
        return None
    rows = frozen_rows(spark, store, versions).where(
        "column_name RLIKE '^:(errors$|(scores|value)($|:))'"
    )
    return rows.selectExpr(
        "name AS evaluation_set",
        "version AS evaluation_version",
        "slice_key",
        "slice_value",
        "kind",
        "coalesce(nullif(regexp_extract(column_name, '^:(scores|value):(.*)$', 2), ''), '*')"
        " AS class_name",
        "bins.edges AS edges",
        "bins.counts AS cells",
        "definition_hash",
    )


def mature(spec: MonitorSpec, as_of: datetime | None, end: str = "window_end") -> str:
    """SQL: whether all labels of a window that ends at `end` should have arrived by `as_of`.

    Without `label_delay` they arrive with the rows; nothing has where `as_of` is not known.
    """
    if as_of is None:
        return "false"
    delay = spec.prediction.label_delay or timedelta(0)
    return f"({end} <= {timestamp(as_of - delay)})"


def listed(values: Sequence[str]) -> str:
    """SQL: a list of strings."""
    return ", ".join(map(string, values))
