"""Which rows are sketched: all, or a share that keeps the quantiles within an error.

A share is 2^-j per window and slice, so that sketches of different shares can still be
merged, each row counting 2^j times. It is chosen by exact counts of rows. Counters,
categories and distinct counts see every row.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from sparkdrift.explain.signals import WHOLE
from sparkdrift.spark.changes import Fingerprint
from sparkdrift.spark.counters import WINDOW
from sparkdrift.spark.slicing import KEYS, Slices
from sparkdrift.spark.sql import quote, string, timestamp

_CONFIDENCE = 0.01
# A share per run of windows; beyond this many runs, the largest share holds for all.
_RUNS = 32


def rows_for(error: float) -> int:
    """How many rows keep every rank within `error`, with a probability of 99 %.

    Dvoretzky, Kiefer & Wolfowitz with Massart's (1990) constant: ln(2 / 0.01) / (2 error^2).
    """
    return math.ceil(math.log(2 / _CONFIDENCE) / (2 * error**2))


@dataclass(frozen=True)
class Sampling:
    """The share of rows to sketch, as SQL.

    `whole`: of a window, over window_start. `often`: for each slice_key, the values of which
    every window has enough rows for a share of 2^-power.
    """

    whole: str
    often: Mapping[str, Mapping[int, Sequence[str]]] = field(default_factory=dict)

    def share(self) -> str:
        """SQL over window_start, slice_key and slice_value: 1, 0.5, 0.25, ..."""
        cases = [f"WHEN slice_key = {string(WHOLE)} THEN {self.whole}"]
        for key, values in self.often.items():
            for power, found in values.items():
                listed = ", ".join(map(string, found))
                cases.append(
                    f"WHEN slice_key = {string(key)} AND slice_value IN ({listed}) "
                    f"THEN {2.0**-power}D"
                )
        return f"CASE {' '.join(cases)} ELSE 1D END"


def sampling(
    error: float | None, rows: DataFrame, slices: Slices, batch: Sequence[Fingerprint]
) -> Sampling | None:
    """What to sketch of the windows of `batch` for a rank error of `error`; None: every row.

    `rows` are their source rows, counted by slice where there are slices.
    """
    if error is None:
        return None
    wanted = rows_for(error)
    powers = [_power(one.rows, wanted) for one in batch]
    if not any(powers):
        return None
    return Sampling(_by_window(batch, powers), _by_value(rows, slices, wanted))


def _power(rows: int, wanted: int) -> int:
    return max(0, math.floor(math.log2(max(rows, 1) / wanted)))


def _by_window(batch: Sequence[Fingerprint], powers: Sequence[int]) -> str:
    runs: list[tuple[Fingerprint, int]] = []
    pairs = sorted(zip(batch, powers, strict=True), key=lambda pair: pair[0].window.start)
    for one, power in pairs:
        if one.rows and (not runs or runs[-1][1] != power):
            runs.append((one, power))
    if len(runs) > _RUNS:
        return f"{2.0 ** -min(power for _, power in runs)}D"
    cases = [
        f"WHEN window_start >= {timestamp(one.window.start)} THEN {2.0**-power}D"
        for one, power in reversed(runs)
    ]
    return f"CASE {' '.join(cases)} ELSE 1D END"


def _by_value(rows: DataFrame, slices: Slices, wanted: int) -> dict[str, dict[int, list[str]]]:
    if not slices.keys:
        return {}
    found = (
        rows.selectExpr(f"{quote(WINDOW)} AS window_start", *slices.selected())
        .groupBy("window_start", *slices.names)
        .count()
        .selectExpr("window_start", slices.repeated(), "count")
        .groupBy(*KEYS)
        .agg(F.sum("count").alias("rows"))
        .groupBy("slice_key", "slice_value")
        .agg(F.min("rows").alias("rows"))
        .where(f"slice_key <> {string(WHOLE)} AND slice_value IS NOT NULL AND rows >= {2 * wanted}")
        .orderBy("slice_key", "slice_value")
        .collect()
    )
    often: dict[str, dict[int, list[str]]] = {}
    for row in found:
        of_key = often.setdefault(row["slice_key"], {})
        of_key.setdefault(_power(row["rows"], wanted), []).append(row["slice_value"])
    return often
