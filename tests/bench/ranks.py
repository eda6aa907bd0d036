"""How far the quantiles of a profile are from exact ones, window by window."""

from __future__ import annotations

from collections import defaultdict
from pathlib import Path
from typing import Any

import numpy as np

_GRID = np.arange(101) / 100


def rank_errors(spark: Any, rows: Any, spec: Any, path: Path) -> str:
    """What was found for profile `rows` of the Delta table in `path`, cut into days of UTC.

    A quantile q is off by its distance to the ranks that its value has: from the share of
    values below it to the share of values not above it, which differ where values repeat.
    """
    from sparkdrift.measures.sketch_error import rank_error

    numeric = [feature.column for feature in spec.features.numeric]
    found = (
        rows.where("slice_key = '*' AND quantiles IS NOT NULL")
        .selectExpr(
            "unix_micros(window_start) AS start",
            "column_name",
            "moments.n AS n",
            "quantiles",
        )
        .collect()
    )
    exact = _exact(path, numeric, spec.timestamp.column)
    errors = []
    for row in found:
        values = exact[row["column_name"], row["start"]]
        errors.append(error_of(values, np.array(row["quantiles"])))
    # What sampling may add stands in the spec, if it was asked for.
    bound = float(rank_error(spec.sketch.k)) + (getattr(spec.sketch, "sampling_error", None) or 0)
    over = sum(error > bound for error in errors)
    expected = f"the bound holds for 99 % of sketches, so {len(errors) / 100:.0f} may"
    return (
        f"largest {max(errors):.4f} of a bound of {bound:.4f} in {len(errors):,} windows x "
        f"features; beyond it: {over} ({expected})"
    )


def error_of(values: np.ndarray, quantiles: np.ndarray) -> float:
    """The largest distance of a quantile of the grid to its exact ranks; `values` are sorted."""
    below = np.searchsorted(values, quantiles, "left") / len(values)
    up_to = np.searchsorted(values, quantiles, "right") / len(values)
    return float(np.maximum(np.maximum(below - _GRID, _GRID - up_to), 0).max())


def _exact(path: Path, numeric: list[str], timestamp: str) -> dict[tuple[str, int], np.ndarray]:
    """Sorted finite values by (column, first microsecond of the day)."""
    import pyarrow.parquet as pq
    from deltalake import DeltaTable

    day = 86_400_000_000
    parts: dict[tuple[str, int], list[np.ndarray]] = defaultdict(list)
    for file in DeltaTable(str(path)).file_uris():
        table = pq.read_table(file.removeprefix("file://"), columns=[timestamp, *numeric])
        days = table[timestamp].cast("int64").to_numpy() // day
        for name in numeric:
            values = table[name].to_numpy()  # NULL becomes NaN
            for number in np.unique(days):
                mine = values[days == number]
                parts[name, int(number) * day].append(mine[np.isfinite(mine)])
    return {key: np.sort(np.concatenate(values)) for key, values in parts.items()}
