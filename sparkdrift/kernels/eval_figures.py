"""Every figure of staleness of one window: a kernel over states, slices and rows of `drift`."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from itertools import chain
from typing import Any

import numpy as np
import pyarrow as pa

from sparkdrift.kernels.batches import arrow_schema, groups
from sparkdrift.kernels.freezing import Kernel
from sparkdrift.kernels.stale_ages import ages, threshold_ages, training_age
from sparkdrift.kernels.stale_gap import gaps
from sparkdrift.kernels.stale_mix import acceptance_limits, missing_slices, weighted
from sparkdrift.kernels.stale_reweighted import reweighted_metrics
from sparkdrift.kernels.stale_rows import (
    ALL,
    NO_REFERENCE,
    EvaluationSet,
    Gap,
    Stale,
    StalePolicy,
    WindowState,
    unmeasured,
)
from sparkdrift.kernels.stale_scores import (
    calibration,
    decision_rates,
    prior_shift,
    representation,
)
from sparkdrift.measures.arrays import Floats, floats
from sparkdrift.measures.regression_error import COLUMNS as ERRORS
from sparkdrift.measures.score_bins import ScoreBins, unflat

SET, ASKED, STATE, SLICE, DRIFT = range(5)
"""`part`: a state of the evaluation set; a window that is asked for; its states, its slices'
rows, its rows of `drift`."""
KEYS = ("evaluation_set", "evaluation_version", "bucket")
"""bucket: windows of one version are spread over several groups, each with the set's states."""
INPUT = {
    "evaluation_set": "string",
    "evaluation_version": "int",
    "bucket": "int",
    "part": "int",
    "window_start": "timestamp",
    "window_end": "timestamp",
    "mature": "boolean",
    "input_digest": "string",
    "kind": "string",
    "class_name": "string",
    "slice_key": "string",
    "slice_value": "string",
    "edges": "array<double>",
    "numbers": "array<double>",
    "rows": "bigint",
    "column_name": "string",
    "status": "string",
    "reason": "string",
    "effect": "double",
    "effect_low": "double",
    "effect_high": "double",
    "outside": "double",
    "importance": "double",
}
FOUND = {
    "window_start": "timestamp",
    "evaluation_set": "string",
    "evaluation_version": "int",
    "figure": "string",
    "subject": "string",
    "value": "double",
    "low": "double",
    "high": "double",
    "threshold_low": "double",
    "threshold": "double",
    "unit": "string",
    "status": "string",
    "reason": "string",
    "input_digest": "string",
}
FIGURES = (
    *("eval_age", "training_age", "gap_max", "gap_mean", "outside", "thin", "ess_ratio"),
    *("decision_rate", "threshold_age", "prior_shift", "calibration_error", "calibration_slope"),
    *("calibration_intercept", "brier", "acceptance_limit", "reweighted", "missing_slices"),
)
"""The figures of a window by itself; others look at all windows, see steps/eval_staleness.py."""
_OF_CLASSIFIERS = {
    *("decision_rate", "threshold_age", "prior_shift", "calibration_error"),
    *("calibration_slope", "calibration_intercept", "brier"),
}
_NUMBERS = ("value", "low", "high", "threshold_low", "threshold")


def measure(policy: StalePolicy) -> Kernel:
    """A kernel from rows of INPUT, sorted by KEYS, `part` and `window_start`, to rows of FOUND.

    Version 0: no evaluation set was in force when the windows of that group began.
    """

    def run(batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        for group in groups(batches, KEYS):
            yield _measured(group, policy)

    return run


def figures(policy: StalePolicy, held: EvaluationSet, window: WindowState) -> list[Stale]:
    """All figures of one window, each with a status and, where it is not measured, a reason."""
    if not held.version:
        return _without_set(policy, window)
    mix = weighted(policy, held, window)
    found = chain(
        ages(policy, held, window),
        gaps(policy, window),
        representation(policy, held, window),
        decision_rates(policy, held, window),
        prior_shift(policy, held, window),
        calibration(policy, held, window),
        acceptance_limits(policy, held, window, mix),
        reweighted_metrics(policy, held, mix),
        missing_slices(policy, held, window),
    )
    if policy.task == "regression":
        return [one for one in found if one.figure not in _OF_CLASSIFIERS]
    return list(found)


def _without_set(policy: StalePolicy, window: WindowState) -> list[Stale]:
    """What needs no evaluation set is measured all the same."""
    own = [training_age(policy, window), *threshold_ages(policy, window)]
    have = {one.figure for one in own}
    why = "no evaluation set was in force when the window began"
    others = [name for name in FIGURES if name not in have]
    rows = own + [unmeasured(name, ALL, why, status=NO_REFERENCE) for name in others]
    if policy.task == "regression":
        return [one for one in rows if one.figure not in _OF_CLASSIFIERS]
    return rows


def _measured(group: pa.Table, policy: StalePolicy) -> pa.RecordBatch:
    rows = group.to_pylist()
    name, version = rows[0]["evaluation_set"], rows[0]["evaluation_version"]
    held, edges = _set(name, version, [one for one in rows if one["part"] == SET])
    found: list[dict[str, Any]] = []
    for window in _windows(rows, edges):
        about = {
            "window_start": window.start,
            "evaluation_set": name,
            "evaluation_version": version,
            "input_digest": window.digest,
        }
        found += [about | _told(one) for one in figures(policy, held, window)]
    return pa.RecordBatch.from_pylist(found, schema=arrow_schema(FOUND))


def _told(one: Stale) -> dict[str, Any]:
    row = {name: getattr(one, name) for name in ("figure", "subject", "unit", "status", "reason")}
    numbers = {name: getattr(one, name) for name in _NUMBERS}
    # NaN is no NULL in a table, and only NULL means that nothing was measured.
    return row | {key: x if np.isfinite(x) else None for key, x in numbers.items()}


def _set(
    name: str, version: int, rows: list[dict[str, Any]]
) -> tuple[EvaluationSet, dict[str, Floats]]:
    """The evaluation set of its rows, and the edges of each class."""
    edges = {row["class_name"]: floats(row["edges"] or []) for row in rows}
    scores: dict[str, ScoreBins] = {}
    errors: Floats | None = None
    by_key: dict[str, list[tuple[str | None, Floats]]] = {}
    for row in rows:
        whole = row["slice_key"] == ALL
        if row["kind"] == "errors":
            cells = floats(row["numbers"]).reshape(-1, len(ERRORS))
            if whole:
                errors = cells
        else:
            state = unflat(edges[row["class_name"]], row["numbers"])
            cells = state.cells
            if whole:
                scores[row["class_name"]] = state
        if not whole and row["class_name"] == ALL:
            by_key.setdefault(row["slice_key"], []).append((row["slice_value"], cells))
    slices = {
        key: (tuple(value for value, _ in found), np.stack([cells for _, cells in found]))
        for key, found in by_key.items()
    }
    return EvaluationSet(name, version, scores, errors, slices), edges


def _windows(rows: list[dict[str, Any]], edges: dict[str, Floats]) -> Iterator[WindowState]:
    own: dict[datetime, list[dict[str, Any]]] = {}
    for row in rows:
        if row["part"] != SET:
            own.setdefault(row["window_start"], []).append(row)
    for start, parts in own.items():
        asked = next((one for one in parts if one["part"] == ASKED), None)
        if asked is None:
            continue
        scores: dict[str, ScoreBins] = {}
        errors: Floats | None = None
        slices: dict[str, dict[str | None, float]] = {}
        for row in parts:
            if row["part"] == SLICE:
                slices.setdefault(row["slice_key"], {})[row["slice_value"]] = float(row["rows"])
            elif row["part"] == STATE and row["kind"] == "errors":
                errors = floats(row["numbers"]).reshape(-1, len(ERRORS))
            elif row["part"] == STATE and row["class_name"] in edges:
                of = row["class_name"]
                scores[of] = unflat(edges[of], row["numbers"])
        yield WindowState(
            start,
            asked["window_end"],
            bool(asked["mature"]),
            asked["input_digest"],
            scores,
            errors,
            slices,
            [_gap(row) for row in parts if row["part"] == DRIFT],
        )


def _gap(row: dict[str, Any]) -> Gap:
    def number(name: str, otherwise: float) -> float:
        return otherwise if row[name] is None else float(row[name])

    return Gap(
        row["column_name"],
        row["status"],
        row["reason"] or "",
        number("effect", np.nan),
        number("effect_low", np.nan),
        number("effect_high", np.nan),
        number("outside", np.nan),
        number("rows", 0.0),
        number("importance", 1.0),
    )
