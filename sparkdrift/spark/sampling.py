"""Which rows are sketched: all, or a share that keeps the quantiles within an error.

A share is 2^-j per window and slice, so that sketches of different shares can still be
merged, each row counting 2^j times. Counters, categories and distinct counts see every row.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from sparkdrift.spark.changes import Fingerprint
from sparkdrift.spark.sql import string, timestamp

_CONFIDENCE = 0.01
# Values of a slice that hold less than 2^-6 of the rows are sketched in full.
_RAREST = 6
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

    `whole`: of a window, over window_start. `often`: for each slice_key, its frequent
    values by the power of 2 that their share of the rows is at least.
    """

    whole: str
    often: Mapping[str, Mapping[int, Sequence[str]]] = field(default_factory=dict)

    def share(self) -> str:
        """SQL over window_start, slice_key and slice_value: 1, 0.5, 0.25, ..."""
        times = [f"WHEN slice_key = '*' THEN {self.whole}"]
        for key, values in self.often.items():
            for power, found in values.items():
                listed = ", ".join(map(string, found))
                times.append(
                    f"WHEN slice_key = {string(key)} AND slice_value IN ({listed}) "
                    f"THEN least(1D, {self.whole} * {2.0**power}D)"
                )
        return f"CASE {' '.join(times)} ELSE 1D END"


def sampling(
    error: float | None,
    batch: Sequence[Fingerprint],
    shares: Mapping[str, Mapping[str, float]] | None = None,
) -> Sampling | None:
    """What to sketch of the windows of `batch` for a rank error of `error`; None: every row.

    `shares`: by slice_key, a cautious share of the rows for its frequent values.
    """
    if error is None:
        return None
    wanted = rows_for(error)
    powers = [max(0, math.floor(math.log2(max(one.rows, 1) / wanted))) for one in batch]
    if not any(powers):
        return None
    return Sampling(_by_window(batch, powers), _often(shares or {}))


def _by_window(batch: Sequence[Fingerprint], powers: Sequence[int]) -> str:
    runs: list[tuple[Fingerprint, int]] = []
    for one, power in sorted(
        zip(batch, powers, strict=True), key=lambda pair: pair[0].window.start
    ):
        if one.rows and (not runs or runs[-1][1] != power):
            runs.append((one, power))
    if len(runs) > _RUNS:
        return f"{2.0 ** -min(power for _, power in runs)}D"
    cases = [
        f"WHEN window_start >= {timestamp(one.window.start)} THEN {2.0**-power}D"
        for one, power in reversed(runs)
    ]
    return f"CASE {' '.join(cases)} ELSE 1D END"


def _often(shares: Mapping[str, Mapping[str, float]]) -> dict[str, dict[int, list[str]]]:
    often: dict[str, dict[int, list[str]]] = {}
    for key, values in shares.items():
        for value, share in sorted(values.items()):
            power = math.ceil(-math.log2(share)) if share > 0 else _RAREST + 1
            if power <= _RAREST:
                often.setdefault(key, {}).setdefault(power, []).append(value)
    return often
