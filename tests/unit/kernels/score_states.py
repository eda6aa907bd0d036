"""Rows of `STORED`, as the store would hand them to the kernel, counted from raw rows."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta, timezone
from typing import Any

import numpy as np
import pyarrow as pa

from sparkdrift.kernels.batches import arrow_schema
from sparkdrift.kernels.performance import KNOWN, STORED, WINDOW, perform
from sparkdrift.kernels.performance_rules import Rules
from sparkdrift.measures import regression_error
from sparkdrift.measures.score_bins import choose_edges, count, flat

START = datetime(2024, 1, 1, tzinfo=timezone.utc)


@dataclass
class Rows:
    """n raw rows: score, label and decision, NaN where unknown; group: the value of one slice."""

    score: Any
    label: Any
    decision: Any = None
    group: Any = None

    def of(self, at) -> Rows:
        parts = (None if one is None else one[at] for one in vars(self).values())
        return Rows(*parts)

    def slices(self):
        """(slice_key, slice_value, rows) of the whole and each group."""
        yield "*", "*", self
        if self.group is not None:
            for value in np.unique(self.group):
                yield "region", str(value), self.of(self.group == value)


@dataclass
class States:
    """Builds the kernel's input; `edges` by class, as the evaluation set's version has them."""

    edges: dict[str, Any] = field(default_factory=dict)
    rows: list[dict[str, Any]] = field(default_factory=list)
    named: tuple[str, int] = ("test", 1)

    def _add(self, part: int, start, key, value, kind, class_name, cells, mature=None) -> None:
        self.rows.append(
            {
                "evaluation_set": self.named[0],
                "evaluation_version": self.named[1],
                "bucket": 0,
                "part": part,
                "window_start": start,
                "slice_key": key,
                "slice_value": value,
                "kind": kind,
                "class_name": class_name,
                "edges": list(self.edges[class_name]) if part == KNOWN else None,
                "cells": [float(one) for one in np.ravel(cells)],
                "mature": mature,
                "definition_hash": "h",
                "source_version": 3,
            }
        )

    def know(self, rows: Rows, thresholds: Sequence[float] = (), class_name: str = "*") -> None:
        """The evaluation set; its edges are chosen from it."""
        self.edges[class_name] = choose_edges(rows.score, rows.label, thresholds)
        for key, value, own in rows.slices():
            state = count(self.edges[class_name], own.score, own.label, own.decision)
            self._add(KNOWN, None, key, value, "scores", class_name, flat(state))

    def see(self, window: int, rows: Rows, mature: bool = True, class_name: str = "*") -> None:
        """A window of scores."""
        for key, value, own in rows.slices():
            state = count(self.edges[class_name], own.score, own.label, own.decision)
            cells = flat(state)
            start = START + timedelta(days=window)
            self._add(WINDOW, start, key, value, "scores", class_name, cells, mature)

    def worth(self, rows: Rows, values) -> None:
        """What rows of the evaluation set are worth, bin by bin; after `know`."""
        at = np.searchsorted(self.edges["*"], rows.score, side="right")
        size = len(self.edges["*"]) + 1
        sums = [
            np.bincount(at, weights=of, minlength=size)
            for of in (0 * values + 1, values, values**2)
        ]
        self._add(KNOWN, None, "*", "*", "value", "*", np.stack(sums, axis=-1))

    def beside(self, window: int, kind: str, cells, mature: bool = True) -> None:
        """Another state of the whole table."""
        start = START + timedelta(days=window)
        self._add(WINDOW, start, "*", "*", kind, "*", cells, mature)

    def table(self) -> pa.Table:
        order = sorted(
            self.rows, key=lambda row: (row["part"], row["window_start"] or START, row["kind"])
        )
        return pa.Table.from_pylist(order, schema=arrow_schema(STORED))


def performed(states: States, rules: Rules, size: int = 1000) -> list[dict[str, Any]]:
    """What the kernel makes of them, in batches of `size`."""
    batches = states.table().to_batches(max_chunksize=size)
    return [row for batch in perform(rules)(iter(batches)) for row in batch.to_pylist()]


def by_metric(found, window: int = 0, slice_value: str = "*", class_name: str = "*"):
    """The rows of one window and slice by metric."""
    start = START + timedelta(days=window)
    return {
        row["metric"]: row
        for row in found
        if (row["window_start"], row["slice_value"], row["class_name"])
        == (start, slice_value, class_name)
    }


def errors(edges, predictions, targets):
    """Regression states per prediction bin, (B, 9); rows without a prediction in none."""
    at = np.where(np.isnan(predictions), -1, np.searchsorted(edges, predictions, side="right"))
    return np.stack(
        [
            regression_error.count(predictions[at == b], targets[at == b])
            for b in range(len(edges) + 1)
        ]
    )
