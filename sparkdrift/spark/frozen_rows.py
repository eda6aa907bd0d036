"""The stored rows of references: which of `reference_profiles` make up a version."""

from __future__ import annotations

from collections.abc import Iterable

from pyspark.sql import DataFrame, SparkSession

from sparkdrift.references.life import Name
from sparkdrift.spark.reference_life import Snapshot, same
from sparkdrift.spark.reference_tables import REFERENCE_PROFILES
from sparkdrift.spark.sql import string
from sparkdrift.store import Store


def frozen_rows(
    spark: SparkSession, store: Store, versions: Iterable[tuple[Name, Snapshot]]
) -> DataFrame:
    """The rows of some versions of one monitor's references."""
    wanted = {of_attempt(name, one.version, one.run_id): name.monitor for name, one in versions}
    cases = " OR ".join(f"({case})" for case in wanted) or "false"
    # Once more in front, where Delta sees which partition is read.
    monitors = ", ".join(map(string, dict.fromkeys(wanted.values()))) or "NULL"
    return spark.table(store.table(REFERENCE_PROFILES.name)).where(
        f"monitor IN ({monitors}) AND ({cases})"
    )


def of_attempt(name: Name, version: int, run_id: str) -> str:
    """A predicate: the row is of this run's version. Of two writers, one's rows belong to none."""
    return f"{same(name)} AND version = {int(version)} AND run_id = {string(run_id)}"
