"""States of scores and frozen evaluation sets, put into a store as the steps would."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timezone
from typing import Any

import numpy as np

from sparkdrift.measures.score_bins import choose_edges, count, flat
from sparkdrift.spark.profile_tables import STATES
from sparkdrift.spark.reference_tables import (
    REFERENCE_EVENTS,
    REFERENCE_PROFILES,
    REFERENCE_SNAPSHOTS,
)
from sparkdrift.spark.writer import Case, Scope, insert_rows, replace, rows_frame
from sparkdrift.windows import Window

EARLY = datetime(2020, 1, 1, tzinfo=timezone.utc)


@dataclass
class Scored:
    """n raw rows; group: the value of the slice `region`."""

    score: Any
    label: Any
    decision: Any = None
    group: Any = None

    def of(self, value) -> Scored:
        """The rows of one slice."""
        chosen = np.array([one == value for one in self.group])
        made = None if self.decision is None else self.decision[chosen]
        return Scored(self.score[chosen], self.label[chosen], made, self.group[chosen])


def _slices(rows: Scored, edges) -> Mapping[tuple[str, str | None], Any]:
    found = {("*", "*"): rows}
    if rows.group is not None:
        found |= {("region", value): rows.of(value) for value in set(rows.group)}
    return {key: count(edges, own.score, own.label, own.decision) for key, own in found.items()}


def freeze_set(spark, store, monitor, name, rows, thresholds, version=1, since=EARLY):
    """An evaluation set as version `version`, in force from `since` on; returns its edges."""
    edges = choose_edges(rows.score, rows.label, thresholds)
    own = {"monitor": monitor, "role": "evaluation", "name": name, "version": version}
    written = {"run_id": f"freeze-{version}", "package_version": "0"}
    insert_rows(
        spark,
        store,
        REFERENCE_PROFILES,
        [
            {
                **own,
                **written,
                "slice_key": key,
                "slice_value": value,
                "column_name": ":scores",
                "kind": "scores",
                "row_count": int(state.total("rows")),
                "bins": (edges.tolist(), None, flat(state).tolist()),
                "status": "ok",
                "definition_hash": "d",
            }
            for (key, value), state in _slices(rows, edges).items()
        ],
    )
    about = {"source": name, "windows": 0, "rows": len(rows.score), "digest": f"v{version}"}
    insert_rows(
        spark,
        store,
        REFERENCE_SNAPSHOTS,
        [{**own, **written, **about, "granularity": "day", "created_at": EARLY}],
    )
    event = {"seq": version, "action": "activate", "effective_from": since, "created_at": EARLY}
    insert_rows(spark, store, REFERENCE_EVENTS, [{**own, **written, **event}])
    return edges


def store_states(
    spark,
    store,
    monitor: str,
    granularity: str,
    name: str,
    edges,
    windows: Mapping[Window, Sequence[Scored]],
    digest: str,
) -> None:
    """The states of windows, each the sum over its parts; none leaves the window without."""
    found = []
    for window, parts in windows.items():
        totals: dict[Any, Any] = {}
        for part in parts:
            for key, state in _slices(part, edges).items():
                totals[key] = totals[key] + state if key in totals else state
        found += [
            {
                "monitor": monitor,
                "window_start": window.start,
                "window_end": window.end,
                "granularity": granularity,
                "slice_key": key,
                "slice_value": value,
                "kind": "scores",
                "name": name,
                "cells": flat(state).tolist(),
                "fingerprint": "f",
                "definition_hash": "d",
                "input_digest": digest,
                "source_version": 4,
                "run_id": "states",
                "package_version": "0",
            }
            for (key, value), state in totals.items()
        ]
    scope = Scope(monitor, granularity, [Case(list(windows), {"kind": "scores"})])
    replace(store, STATES, rows_frame(spark, STATES, found), scope, run_id="states")
