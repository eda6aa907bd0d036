"""The stored rows of references: which of `reference_profiles` make up a version."""

from __future__ import annotations

from collections.abc import Iterable

from pyspark.sql import DataFrame, SparkSession

from sparkdrift.spark.reference_life import TRAINING, Snapshot
from sparkdrift.spark.schemas import REFERENCE_PROFILES
from sparkdrift.spark.sql import string
from sparkdrift.spec.models import MonitorSpec
from sparkdrift.store import Store


def frozen_rows(
    spark: SparkSession, store: Store, spec: MonitorSpec, versions: Iterable[tuple[str, Snapshot]]
) -> DataFrame:
    """The rows of some versions (role, snapshot) of the references that the spec names.

    By the run id as well: of two writers of one version, one's rows belong to none.
    """
    wanted = " OR ".join(dict.fromkeys(_of(spec, role, one) for role, one in versions))
    return spark.table(store.table(REFERENCE_PROFILES.name)).where(
        f"monitor = {string(spec.monitor)} AND ({wanted or 'false'})"
    )


def _of(spec: MonitorSpec, role: str, snapshot: Snapshot) -> str:
    own = spec.reference.name if spec.reference else ""
    return (
        f"(role = {string(role)} AND name = {string(TRAINING if role == TRAINING else own)}"
        f" AND version = {int(snapshot.version)} AND run_id = {string(snapshot.run_id)})"
    )
