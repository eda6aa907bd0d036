"""Stored states of windows beside their evaluation set's: the rows of `performance`.

Rows arrive sorted by GROUP: for each version of a set and bucket of windows first the set's own
rows (part KNOWN, of all slices and classes), then the windows in time order. So memory holds one
evaluation set and one chunk of windows, whatever their number.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any

import numpy as np
import pyarrow as pa

from sparkdrift.kernels.batches import arrow_schema, groups
from sparkdrift.kernels.binary_performance import Beside, measured
from sparkdrift.kernels.freezing import Kernel
from sparkdrift.kernels.group_fairness import fairness
from sparkdrift.kernels.multiclass_performance import multiclass
from sparkdrift.kernels.performance_rules import (
    ALL,
    NO_SET,
    Measured,
    Rules,
    blank,
    mean_of_values,
    nothing,
    taken,
)
from sparkdrift.kernels.performance_states import (
    ENTIRE,
    Known,
    Positions,
    Windows,
    calibrated_by,
)
from sparkdrift.kernels.performance_verdicts import verdicts
from sparkdrift.kernels.performance_words import About
from sparkdrift.kernels.regression_performance import regression
from sparkdrift.measures.arrays import Floats, floats
from sparkdrift.measures.density_ratio import coverage
from sparkdrift.measures.estimated_error import mean_by_bin
from sparkdrift.measures.label_selection import apart
from sparkdrift.measures.regression_error import COLUMNS as ERRORS
from sparkdrift.measures.representation import ess_ratio
from sparkdrift.measures.score_bins import ScoreBins, above, unflat

KNOWN, WINDOW = 0, 1
GROUP = ("evaluation_set", "evaluation_version", "bucket", "part", "window_start")
STORED = {
    "evaluation_set": "string",
    "evaluation_version": "int",
    "bucket": "int",
    "part": "int",
    "window_start": "timestamp",
    "slice_key": "string",
    "slice_value": "string",
    "kind": "string",
    "class_name": "string",
    "edges": "array<double>",
    "cells": "array<double>",
    "mature": "boolean",
    "definition_hash": "string",
    "source_version": "bigint",
}
_DOUBLES = (
    *("estimated", "estimated_low", "estimated_high", "realised", "realised_low", "realised_high"),
    *("evaluated", "evaluated_low", "evaluated_high", "baseline", "skill", "ess_ratio", "outside"),
    *("loss", "loss_value", "estimated_loss", "estimated_loss_low", "estimated_loss_high"),
    "estimated_loss_value",
)
_KEPT = ("window_start", "slice_key", "slice_value", "definition_hash", "source_version")
PERFORMED = {
    **{name: STORED[name] for name in (*_KEPT, "evaluation_set", "evaluation_version", "mature")},
    "metric": "string",
    "class_name": "string",
    **dict.fromkeys(("rows", "labelled", "unusable"), "bigint"),
    **dict.fromkeys(_DOUBLES, "double"),
    "concept_drift": "boolean",
    "basis": "string",
    "status": "string",
    "reason": "string",
    "input_digest": "string",
}
# Rows of states that are taken together; a window is never cut in two.
_CHUNK = 256


def perform(rules: Rules, digests: Mapping[datetime, str] | None = None) -> Kernel:
    """A kernel from rows of STORED, sorted by GROUP, to rows of PERFORMED.

    digests: `input_digest` by the start of the window; NULL where it is not there.
    """
    of_windows = digests or {}

    def run(batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        held: list[pa.Table] = []
        known: Known | None = None
        current: tuple[Any, ...] | None = None
        for group in groups(batches, GROUP):
            key = tuple(group.column(name)[0].as_py() for name in GROUP[:3])
            if held and (key != current or sum(one.num_rows for one in held) >= _CHUNK):
                yield from _performed(pa.concat_tables(held), known, rules, of_windows)
                held = []
            if key != current:
                current, known = key, None
            if group.column("part")[0].as_py() == KNOWN:
                known = Known.read(group)
            else:
                held.append(group)
        if held:
            yield from _performed(pa.concat_tables(held), known, rules, of_windows)

    return run


def _performed(
    table: pa.Table, known: Known | None, rules: Rules, digests: Mapping[datetime, str]
) -> Iterator[pa.RecordBatch]:
    windows = Windows.read(table)
    if not windows.keys:
        return
    make = _of_errors if rules.task == "regression" else _of_scores
    found, about = make(windows, known, rules)
    valued = _of_value(windows, known, rules)
    schema = arrow_schema(PERFORMED)
    for one, columns in zip(
        [*found, *valued], verdicts([*found, *valued], about, rules), strict=True
    ):
        own = windows.table if one.at is None else windows.table.take(pa.array(one.at))
        starts = [key[0] for key in windows.keys]
        if one.at is not None:
            starts = [starts[i] for i in one.at]
        columns["input_digest"] = [digests.get(start) for start in starts]
        yield _batch(columns, own, schema)


def _of_scores(windows: Windows, known: Known | None, rules: Rules) -> tuple[list[Measured], About]:
    by_class = {name: _beside(windows, known, name, rules) for name in windows.classes("scores")}
    first = next(iter(by_class.values()))
    rules = rules.at_edges(first.window.edges)
    found: list[Measured] = []
    if rules.task == "multiclass":
        found += multiclass(by_class, rules)
    else:
        found += measured(first, rules)
    found += _between_groups(windows, known, by_class, rules)
    # Of classes, what is covered worst.
    all_about = [_about(windows, one, rules) for one in by_class.values()]
    return found, _worst(all_about)


def _beside(windows: Windows, known: Known | None, name: str, rules: Rules) -> Beside:
    has = known is not None and name in known.scores
    own_class = name if has else ""
    edges = known.edges[own_class] if known is not None and has else floats(rules.edges)
    bins = len(edges) + 1
    numbers = windows.numbers("scores", name, bins * 12 + 3)
    state = unflat(edges, numbers)
    ruled = windows.numbers("baseline", ALL, 4) if rules.ruled else None
    if known is None or not has:
        none = np.full(len(windows.keys), -1, dtype=np.intp)
        return Beside(state, None, none, none, ruled)
    own = windows.own(known.place[name])
    labelled = known.scores[name].total("labelled")
    by = calibrated_by(labelled, own, known.place[name].get(ENTIRE, -1), bins)
    # A slice without any labelled row shows nothing, as one that is not there.
    return Beside(state, known.scores[name], _with_rows(own, labelled), by, ruled)


def _with_rows(own: Positions, rows: Floats) -> Positions:
    return np.where((own >= 0) & (rows[own] > 0), own, -1) if len(rows) else own


def _between_groups(
    windows: Windows, known: Known | None, by_class: dict[str, Beside], rules: Rules
) -> list[Measured]:
    whole = windows.whole()
    at = np.array(
        [i for i, key in enumerate(windows.keys) if key[1] in rules.groups and whole[i] >= 0],
        dtype=np.intp,
    )
    if not len(at) or (not rules.recorded and rules.threshold is None):
        return []
    found: list[Measured] = []
    for name, beside in by_class.items():
        place = {} if known is None or beside.known is None else known.place[name]
        entire = place.get(ENTIRE, -1)
        found += fairness(beside, at, whole[at], entire, rules, name)
    return found


def _about(windows: Windows, beside: Beside, rules: Rules) -> About:
    rows = beside.window.column("rows")
    size = len(rows)
    ess, outside = np.full(size, np.nan), np.full(size, np.nan)
    if beside.known is not None:
        v = beside.known.column("labelled")[beside.by]
        gone = np.where(beside.by < 0, np.nan, 0.0)
        ess, outside = ess_ratio(v, rows).value + gone, coverage(v, rows).outside + gone
    return About(
        rows=beside.window.total("rows"),
        labelled=beside.window.total("labelled"),
        unusable=floats(beside.window.unusable.sum(axis=-1)),
        whole=windows.of_whole_table(),
        mature=_mature(windows),
        ess_ratio=floats(ess),
        outside=floats(outside),
        in_force=_in_force(windows),
        present=beside.own >= 0,
        borrowed=(beside.by >= 0) & ~_same(beside.own, beside.by),
        apart=apart(beside.window.column("labelled"), rows),
        apart_decided=_apart_decided(beside.window, rules),
    )


def _apart_decided(window: ScoreBins, rules: Rules) -> Floats:
    """Of the rows that are decided positive."""
    labelled, rows = window.column("labelled"), window.column("rows")
    if rules.recorded:
        labelled, rows = window.column("tp") + window.column("fp"), window.column("decided")
    elif rules.threshold is not None:
        positive = above(window.edges, rules.threshold)
        labelled, rows = labelled * positive, rows * positive
    return apart(labelled, rows)


def _same(own: Positions, by: Positions) -> np.ndarray[Any, np.dtype[np.bool_]]:
    return np.asarray(own == by)


def _worst(parts: list[About]) -> About:
    first = parts[0]
    if len(parts) == 1:
        return first
    return About(
        **{
            **vars(first),
            "ess_ratio": floats(np.min([one.ess_ratio for one in parts], axis=0)),
            "outside": floats(np.max([one.outside for one in parts], axis=0)),
            "borrowed": np.any([one.borrowed for one in parts], axis=0),
            "apart": floats(np.max([one.apart for one in parts], axis=0)),
            "apart_decided": floats(np.max([one.apart_decided for one in parts], axis=0)),
        }
    )


def _of_errors(windows: Windows, known: Known | None, rules: Rules) -> tuple[list[Measured], About]:
    width, errors = len(ERRORS), None if known is None else known.errors
    table = windows.raw["errors", ALL]
    bins = len(table.column("cells")[0]) // width if errors is None else errors.shape[1]
    state = windows.numbers("errors", ALL, bins * width).reshape(-1, bins, width)
    size = len(state)
    own = by = np.full(size, -1, dtype=np.intp)
    n, missing = state[..., ERRORS.index("rows")], state[..., ERRORS.index("unusable")]
    ess, outside = np.full(size, np.nan), np.full(size, np.nan)
    if known is not None and errors is not None:
        own = windows.own(known.place[ALL])
        seen = errors[..., ERRORS.index("rows")]
        by = calibrated_by(floats(seen.sum(-1)), own, known.place[ALL].get(ENTIRE, -1), bins)
        own = _with_rows(own, floats(seen.sum(-1)))
        gone = np.where(by < 0, np.nan, 0.0)
        ess = ess_ratio(seen[by], n + missing).value + gone
        outside = coverage(seen[by], n + missing).outside + gone
    ruled = windows.numbers("baseline", ALL, width) if rules.ruled else None
    found = regression(floats(state), errors, own, by, ruled, rules)
    moved = apart(n, n + missing)
    about = About(
        rows=floats((n + missing).sum(-1)),
        labelled=floats(n.sum(-1)),
        unusable=floats(np.nan_to_num(windows.numbers("left_out", ALL, 1)[:, 0])),
        whole=windows.of_whole_table(),
        mature=_mature(windows),
        ess_ratio=floats(ess),
        outside=floats(outside),
        in_force=_in_force(windows),
        present=own >= 0,
        borrowed=(by >= 0) & ~_same(own, by),
        apart=moved,
        apart_decided=moved,
    )
    return found, about


def _of_value(windows: Windows, known: Known | None, rules: Rules) -> list[Measured]:
    """What a row is worth: by labels, in the evaluation set, and as its bins let expect.

    A row is worth the same whatever class is asked for: with the states of each class it is there.
    """
    if not rules.valued or not rules.wants("business_value"):
        return []
    size = len(windows.keys)
    name = next(iter(windows.classes("value")), ALL)
    held = None if known is None else known.values.get(name)
    evaluated, estimated = nothing(size), None
    if held is not None:
        places, worth = held
        own = windows.own(places)
        own = _with_rows(own, floats(worth[..., 0].sum(-1)))
        evaluated = blank(taken(mean_of_values(floats(worth.sum(axis=1))), own), own < 0)
        bins = worth.shape[1]
        by = calibrated_by(floats(worth[..., 0].sum(-1)), own, places.get(ENTIRE, -1), bins)
        rows = _rows_by_bin(windows, name, bins, rules)
        n, total, squares = (worth[by][..., i] for i in range(3))
        estimated = blank(mean_by_bin(n, total, squares, rows), by < 0)
    return [
        Measured(
            metric="business_value",
            realised=mean_of_values(windows.numbers("value", name, 3)),
            evaluated=evaluated,
            estimated=estimated,
            perfect=np.nan,
            lacking=""
            if held
            else "this version of the set has no value of its rows: freeze it again",
            sure=False,
        )
    ]


def _rows_by_bin(windows: Windows, name: str, bins: int, rules: Rules) -> Floats:
    """All rows of each window per bin, with a label or without, (N, B)."""
    if rules.task == "regression":
        width = len(ERRORS)
        state = windows.numbers("errors", ALL, bins * width).reshape(-1, bins, width)
        return floats(state[..., [ERRORS.index("rows"), ERRORS.index("unusable")]].sum(-1))
    return floats(windows.numbers("scores", name, bins * 12 + 3)[:, : bins * 12 : 12])


def _mature(windows: Windows) -> np.ndarray[Any, np.dtype[np.bool_]]:
    return np.array(windows.table.column("mature").to_pylist(), dtype=bool)


def _in_force(windows: Windows) -> bool:
    return bool(windows.table.column("evaluation_set")[0].as_py() != NO_SET)


def _batch(columns: dict[str, Any], own: pa.Table, schema: pa.Schema) -> pa.RecordBatch:
    kept = (*_KEPT, "evaluation_set", "evaluation_version")
    arrays = []
    for field in schema:
        if field.name in kept:
            arrays.append(own.column(field.name).combine_chunks().cast(field.type))
            continue
        value = columns[field.name]
        if isinstance(value, np.ndarray) and value.dtype == np.float64:
            numbers = pa.array(value, mask=~np.isfinite(value))
            arrays.append(numbers.cast(field.type, safe=False))
        else:
            arrays.append(pa.array(value, field.type))
    return pa.RecordBatch.from_arrays(arrays, schema=schema)
