"""Score states and evaluation sets put into a store as the steps would: by the one writer."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

from sparkdrift.measures.score_bins import ScoreBins, flat
from sparkdrift.spark.profile_tables import STATES
from sparkdrift.spark.reference_tables import REFERENCE_PROFILES, REFERENCE_SNAPSHOTS
from sparkdrift.spark.runs import write_runs
from sparkdrift.spark.writer import insert_rows
from sparkdrift.spec.models import MonitorSpec
from sparkdrift.store import Store

RUN = {"run_id": "synthetic", "package_version": "test"}
DAY = timedelta(days=1)


def put_set(
    spark, store: Store, spec: MonitorSpec, name: str, version: int, state: ScoreBins, **snapshot
) -> None:
    """An evaluation set's version: its scores of the whole table."""
    key = {"monitor": spec.monitor, "role": "evaluation", "name": name, "version": version}
    numbers = (list(map(float, one)) for one in (state.edges, flat(state)))
    bins = dict(zip(("edges", "counts"), numbers, strict=True)) | {"items": None}
    row = {
        **key,
        "slice_key": "*",
        "slice_value": "*",
        "column_name": ":scores",
        "row_count": int(state.total("rows")),
        "bins": (bins["edges"], None, bins["counts"]),
        "status": "ok",
    }
    insert_rows(spark, store, REFERENCE_PROFILES, [row | RUN])
    about = {"source": "synthetic", "rows": row["row_count"], "windows": 0, "digest": "d"}
    insert_rows(spark, store, REFERENCE_SNAPSHOTS, [key | about | snapshot | RUN])


def put_states(
    spark,
    store: Store,
    spec: MonitorSpec,
    name: str,
    start: datetime,
    states: Sequence[ScoreBins],
) -> None:
    """A state a day of the whole table, from `start` on; name: SET:VERSION."""
    rows = [
        {
            "monitor": spec.monitor,
            "window_start": start + number * DAY,
            "window_end": start + (number + 1) * DAY,
            "granularity": "day",
            "slice_key": "*",
            "slice_value": "*",
            "kind": "scores",
            "name": name,
            "cells": list(map(float, flat(state))),
            **RUN,
        }
        for number, state in enumerate(states)
    ]
    insert_rows(spark, store, STATES, rows)


def put_success(spark, store: Store, spec: MonitorSpec, step: str, as_of: datetime) -> None:
    """That a step succeeded."""
    row = {
        "monitor": spec.monitor,
        "step": step,
        "attempt": 1,
        "phase": "SUCCEEDED",
        "at": as_of,
        "inputs": [],
        "as_of": as_of,
        "scope_digest": "all",
        **RUN,
    }
    write_runs(spark, store, (row,))
