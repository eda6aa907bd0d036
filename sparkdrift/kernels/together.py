"""What several columns show together, on its way: per reference once, then row by window.

`known` runs over a reference's rows and sends what its own windows show to each window that is
judged by it. There `rows_together` adds the rows ':inputs' and those of vectors to what the
comparison of features left, before all of them are judged as one family.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from sparkdrift.explain.signals import INPUTS, WHOLE
from sparkdrift.kernels.batches import arrow_schema, groups
from sparkdrift.kernels.compared import COMPARED, KEPT
from sparkdrift.kernels.freezing import Kernel
from sparkdrift.kernels.multivariate import (
    LEAST_INPUTS,
    Known,
    inputs_known,
    inputs_row,
    unmeasured,
)
from sparkdrift.kernels.policy import Policy
from sparkdrift.kernels.powers import level_of
from sparkdrift.kernels.vectors import LEAST_PROJECTIONS, vector_known, vector_row

COMPARISON = "baseline"
"""The comparison whose rows are taken together: only references have windows of their own."""

Row = Mapping[str, Any]
Maker = Callable[[Known, Sequence[Row], float, float], dict[str, Any]]


def known(policy: Policy, starts: Mapping[int, Sequence[datetime]]) -> Kernel:
    """A kernel from a reference's rows of the whole table, sorted by reference_version, to rows of
    COMPARED that carry `Known` to each window in `starts` (by version) that it judges.
    """

    def run(batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        schema = arrow_schema(COMPARED)
        for group in groups(batches, ("reference_version",)):
            rows = group.to_pylist()
            version = rows[0]["reference_version"]
            carried = [_carried(one) for one in _of_reference(rows, policy)]
            about = {"comparison": COMPARISON, "reference_version": version}
            for start in starts.get(version, ()):
                sent = [{**about, "window_start": start, **one} for one in carried]
                yield pa.RecordBatch.from_pylist(sent, schema=schema)

    return run


def _of_reference(rows: Sequence[Row], policy: Policy) -> list[Known]:
    by_name = {row["column_name"]: row for row in rows}
    found = [inputs_known([row for row in rows if policy.is_input(row["column_name"])], policy)]
    for name, parts in policy.vectors.items():
        own = [by_name[part] for part in parts if part in by_name]
        if own:
            found.append(vector_known(name, own))
    return found


def _carried(one: Known) -> dict[str, Any]:
    return {
        "column_name": one.name,
        "known_columns": list(one.columns),
        "known": list(one.values),
        "unmeasured_reason": one.reason,
    }


def _received(row: Row) -> Known:
    columns, values = tuple(row["known_columns"]), tuple(row["known"])
    return Known(row["column_name"], columns, values, row["unmeasured_reason"])


def rows_together(group: pa.Table, policy: Policy) -> pa.Table:
    """The compared rows of one window and comparison, with those of several columns together.

    Takes out the rows that `known` sent.
    """
    if not policy.multivariate or group.column("comparison")[0].as_py() != COMPARISON:
        return group
    carries = group.column("known_columns").is_valid()
    received = {row["column_name"]: _received(row) for row in group.filter(carries).to_pylist()}
    rows = group.filter(pc.invert(carries))
    of_whole = pc.equal(rows.column("slice_key"), WHOLE)
    whole = rows.select(_READ).filter(of_whole).to_pylist()
    by_name = {row["column_name"]: row for row in whole}
    added = []
    inputs = [row for row in whole if policy.is_input(row["column_name"])]
    level = level_of(rows, 1 + len(policy.vectors))
    if len(inputs) >= LEAST_INPUTS:
        added.append(_made(INPUTS, inputs, received, inputs_row, policy, level))
    for name, parts in policy.vectors.items():
        own = [by_name[part] for part in parts if part in by_name]
        if len(own) >= LEAST_PROJECTIONS:
            added.append(_made(name, own, received, vector_row, policy, level))
    if not added:
        return rows
    return pa.concat_tables([rows, pa.Table.from_pylist(added, schema=rows.schema)])


def _made(
    name: str,
    rows: Sequence[Row],
    received: Mapping[str, Known],
    make: Maker,
    policy: Policy,
    level: float,
) -> dict[str, Any]:
    """A whole row of COMPARED from the rows (at least one) of the columns that it is of."""
    effect, warn = policy.thresholds(name)
    nothing = Known(name, reason="the reference holds none of its columns")
    # Where no column could be compared, for one reason, that is the reason here too.
    states = {(row["unmeasured"], row["unmeasured_reason"]) for row in rows}
    status, reason = states.pop() if len(states) == 1 else (None, None)
    if status is not None:
        found = unmeasured(name, reason or status, status)
    else:
        found = make(received.get(name, nothing), rows, effect, level)
    first = rows[0]
    return {
        **{column: first[column] for column in _OF_WINDOW},
        "row_count": max((row["row_count"] or 0 for row in rows), default=None),
        "input_digest": _digest(rows, "input_digest"),
        "definition_hash": _digest(rows, "definition_hash")[:16],
        "effect_size": effect,
        "warn_at": warn,
        **found,
    }


# What rows together are made of.
_READ = (
    *KEPT,
    *("unmeasured", "unmeasured_reason", "d_statistic", "n_eff", "degrees", "p_unusual", "alone"),
    *("wasserstein_distance", "wasserstein_error", "binned_distance", "binned_noise"),
)
_OF_WINDOW = ("window_start", "comparison", "reference_version", "slice_key", "slice_value")


def _digest(rows: Sequence[Row], column: str) -> str:
    parts = sorted(f"{row['column_name']}={row[column]}" for row in rows)
    return hashlib.sha256("|".join(parts).encode()).hexdigest()
