"""From stored profiles and moments of one feature to its figures in each window."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import numpy as np
import pyarrow as pa

from sparkdrift.kernels.batches import arrow_schema, groups, plain_rows
from sparkdrift.kernels.feature_association import (
    ASSOCIATION,
    CHANGE,
    Moments,
    association_rows,
    parsed,
)
from sparkdrift.kernels.feature_condition import DEAD, ENCODING, Profiled, condition_rows
from sparkdrift.kernels.feature_rows import MEASURED, FeaturePolicy, FeatureRow
from sparkdrift.kernels.freezing import Kernel

OF_FEATURES = (ASSOCIATION, CHANGE, DEAD, ENCODING)
"""The figures that this kernel makes."""
WINDOW, STATE, REFERENCE_STATE, REFERENCE = 1, 2, 3, 4
"""Parts of the input: a profile of a window that is asked for, its moments, those of a window of a
reference, and the profile of a reference."""
KEYS = ("column_name",)
# reference_version: of the profile that a window is held against; link: what the moments are held
# against, in words.
INPUT = {
    "column_name": "string",
    "part": "int",
    "window_start": "timestamp",
    "reference_version": "int",
    "link": "string",
    "definition": "string",
    "columns": "array<string>",
    "cells": "array<double>",
    "kind": "string",
    "status": "string",
    "reason": "string",
    "row_count": "double",
    "null_count": "double",
    "distinct_count": "double",
    "low": "double",
    "high": "double",
    "quantiles": "array<double>",
    "items": "array<struct<item:string,count:bigint>>",
}
NO_REFERENCE_WINDOWS = (
    "neither a reference in force is an interval of this table, nor is an evaluation set: declare "
    "`reference: {begin: .., end: ..}`"
)
_UNCOUNTED = "not counted by class of the label as it means now:"
NO_REFERENCE_AT_ALL = "no reference of this definition was in force for this window"


def measure(policy: FeaturePolicy, *, labelled: bool) -> Kernel:
    """A kernel: rows of INPUT, sorted by feature, to rows of MEASURED.

    labelled: whether there is anything to associate features with; without it nothing is said of
    associations.
    """

    def run(batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        for table in groups(batches, KEYS):
            rows = list(_rows(plain_rows(table), policy, labelled=labelled))
            if rows:
                yield pa.RecordBatch.from_pylist(rows, schema=arrow_schema(MEASURED))

    return run


def _rows(
    given: list[dict[str, Any]], policy: FeaturePolicy, *, labelled: bool
) -> Iterator[dict[str, Any]]:
    feature = given[0]["column_name"]
    states = _by_window(row for row in given if row["part"] == STATE)
    # What another definition made is another feature.
    meant = {row["window_start"]: row["definition"] for row in given if row["part"] == STATE}
    known: dict[tuple[str | None, str | None], list[Moments]] = {}
    for (_, link, definition), one in _by_window(
        row for row in given if row["part"] == REFERENCE_STATE
    ).items():
        known.setdefault((link, definition), []).append(one)
    profiles = {
        (row["reference_version"], row["definition"]): _profiled(row)
        for row in given
        if row["part"] == REFERENCE
    }
    for row in given:
        if row["part"] != WINDOW:
            continue
        start, version = row["window_start"], row["reference_version"]
        told: list[FeatureRow] = []
        if labelled:
            told += association_rows(
                feature,
                states.get((start, None, meant.get(start))),
                known.get((row["link"], meant.get(start)), ()),
                policy.association,
                NO_REFERENCE_WINDOWS if row["link"] is None else f"{_UNCOUNTED} {row['link']}",
                row["link"] or "",
            )
        told += condition_rows(
            feature,
            _profiled(row),
            profiles.get((version, row["definition"])),
            policy.encoding,
            NO_REFERENCE_AT_ALL,
        )
        for figure in told:
            yield {"window_start": start, **figure.told()}


def _by_window(rows: Iterable[Mapping[str, Any]]) -> Mapping[tuple[Any, Any, Any], Moments]:
    """The moments of each window by their definition, of a reference those of each version."""
    parts: dict[tuple[Any, Any, Any], list[tuple[Any, Any]]] = {}
    for row in rows:
        key = (row["window_start"], row["link"], row["definition"])
        parts.setdefault(key, []).append((row["columns"], row["cells"]))
    return {key: parsed(parts[key]) for key in sorted(parts, key=str)}


def _profiled(row: Mapping[str, Any]) -> Profiled:
    def number(name: str) -> float:
        return np.nan if row[name] is None else float(row[name])

    return Profiled(
        row["kind"] or "",
        row["status"] or "",
        row["reason"] or "",
        number("row_count"),
        float(row["null_count"] or 0),
        number("distinct_count"),
        number("low"),
        number("high"),
        row["quantiles"] or (),
        {one["item"]: int(one["count"]) for one in row["items"] or ()},
    )
