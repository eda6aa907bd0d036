"""From replayed windows to alarms: what each slice and feature would have raised, added up.

A feature's windows meet here, on an executor. What leaves it are sums by effect size, and the few
features that would alert now.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pyarrow as pa

from sparkdrift.kernels.batches import arrow_schema, column, groups
from sparkdrift.kernels.freezing import Kernel
from sparkdrift.measures.alarm_rates import EFFECTS, Tally, no_tally, tally
from sparkdrift.measures.arrays import Floats, floats

KEYS = ("slice_key", "slice_value", "column_name")
TALLIED = {
    **dict.fromkeys(KEYS, "string"),
    **dict.fromkeys(("alerts", "standing"), "bigint"),
    **dict.fromkeys(("series", "without", "windows", "starts", "tests", "powerful"), "bigint"),
    "resembling": "bigint",
    "rho": "double",
    "figures": "array<double>",
}
"""A row of a feature that would alert has its key, `alerts` and `standing`; the sums of a
partition have the others."""


@dataclass
class Sums:
    """Of some series: their `Tally` at the present effect size and at EFFECTS.

    without: series that have no distance in any window. windows: those of the others, judged or
    not. starts: windows of the reference; tests: theirs, and how many are powerful. rho: the sum
    of the lag-1 autocorrelations of `resembling` series.
    """

    found: Tally = field(default_factory=lambda: no_tally(1 + len(EFFECTS)))
    without: int = 0
    windows: int = 0
    starts: int = 0
    tests: int = 0
    powerful: int = 0
    resembling: int = 0
    rho: float = 0.0

    def row(self) -> dict[str, Any]:
        """As a row of TALLIED."""
        counted = {name: getattr(self, name) for name in _COUNTED}
        figures = self.found.figures.ravel().tolist()
        return {"series": self.found.series, "figures": figures, **counted}

    def add(self, row: Mapping[str, Any]) -> None:
        """Take in the sums of a partition."""
        figures = floats(row["figures"]).reshape(-1, 1 + len(EFFECTS))
        self.found += Tally(*figures, series=row["series"])
        for name in _COUNTED:
            setattr(self, name, getattr(self, name) + row[name])


_COUNTED = ("without", "windows", "starts", "tests", "powerful", "resembling", "rho")


def tallying(effect_size: float, windows: int, of: int) -> Kernel:
    """A kernel from rows of `replaying.JUDGED`, sorted by KEYS and window, to rows of TALLIED.

    effect_size: that of features without one of their own, which alone are tried at others.
    """

    def run(batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        schema, sums = arrow_schema(TALLIED), Sums()
        for group in groups(batches, KEYS):
            alerting = _series(group, sums, effect_size, windows, of)
            if alerting is not None:
                yield pa.RecordBatch.from_pylist([alerting], schema=schema)
        yield pa.RecordBatch.from_pylist([sums.row()], schema=schema)

    return run


def _series(
    group: pa.Table, sums: Sums, effect_size: float, windows: int, of: int
) -> dict[str, Any] | None:
    """Add what one slice and feature would have raised; its row where it would alert now."""
    key = {name: group.column(name)[0].as_py() for name in KEYS}
    if key["column_name"] is None:
        # What is told of whole windows.
        sums.starts += group.num_rows
        sums.tests += int(column(group, "tests").sum())
        sums.powerful += int(column(group, "powerful").sum())
        return None
    up_to, least = column(group, "counts_up_to"), column(group, "judged_from")
    if np.isnan(up_to).all():
        sums.without += 1
        return None
    own = float(column(group, "effect_size")[0])
    found = tally(up_to[None], least[None], _tried(own, effect_size), windows, of)
    sums.found += found
    sums.windows += group.num_rows
    rho = float(column(group, "rho")[0])
    if np.isfinite(rho):
        sums.resembling, sums.rho = sums.resembling + 1, sums.rho + rho
    if not found.alerts[0]:
        return None
    return {**key, "alerts": int(found.alerts[0]), "standing": int(found.standing[0])}


def _tried(own: float, effect_size: float) -> Floats:
    """The present effect size, then EFFECTS; features with one of their own count by that."""
    return floats(np.append(own, EFFECTS if own == effect_size else np.full(len(EFFECTS), own)))
