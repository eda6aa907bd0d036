"""Replaying a reference: each quarter of its windows judged by the others, as if it came later.

By quarters, not window by window: windows resemble their neighbours, which a window to come does
not have on both sides, so that held against these as well nothing would ever be unusual. What is
known to be good should raise no alarm, so what alarms here is a false one. A window's p-values
don't depend on the effect size; whether it is material does, and whether so few rows would have
shown it. So a row keeps the largest effect size at which it would have counted, and the smallest at
which it is quiet and not merely unable to tell: one replay answers for all of them.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from sparkdrift.kernels.baselines import baselines
from sparkdrift.kernels.batches import arrow_schema, column, groups
from sparkdrift.kernels.distributions import binned_figures
from sparkdrift.kernels.freezing import Kernel
from sparkdrift.kernels.policy import AlertRules, Policy
from sparkdrift.kernels.powers import VARIATION, powers
from sparkdrift.measures.alarm_rates import EFFECTS
from sparkdrift.measures.arrays import Floats, floats
from sparkdrift.measures.evidence import (
    FAMILY_LEVEL,
    LEAST_FAMILY,
    benjamini_hochberg,
    family_level,
    material_up_to,
)
from sparkdrift.measures.variation import autocorrelation

KEYS = ("window_start",)
BLOCKS = 4
"""Parts of neighbouring windows, each held against the others (block cross-validation, Burman et
al. 1994): of more, more have neighbours in what they are held against; fewer leave too little."""
REPLAYED = {
    "window_start": "timestamp",
    "slice_key": "string",
    "slice_value": "string",
    "column_name": "string",
    "p_unusual": "double",
    "n_eff": "double",
    "effect_size": "double",
    "material_up_to": "double",
    "counts_up_to": "double",
    "width": "double",
    "rho": "double",
    **VARIATION,
}
JUDGED = {
    **{name: REPLAYED[name] for name in ("window_start", "slice_key", "slice_value")},
    **{name: REPLAYED[name] for name in ("column_name", "effect_size", "counts_up_to")},
    "rho": "double",
    "judged_from": "double",
    "tests": "bigint",
    "powerful": "bigint",
}


def replay(policy: Policy) -> Kernel:
    """A kernel that turns each row of a reference into a row per window of it, see `replayed`."""

    def run(batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        schema = arrow_schema(REPLAYED)
        for batch in batches:
            rows = [one for row in batch.to_pylist() for one in replayed(row, policy)]
            yield pa.RecordBatch.from_pylist(rows, schema=schema)

    return run


def replayed(reference: Mapping[str, Any], policy: Policy) -> Iterator[dict[str, Any]]:
    """A row per window: compared with the merge of the other quarters, in its own stratum.

    Without figures where it has no distance: of one usual value, shares are tested instead. A row
    of no window (NULL) where there are no bins, or no other window to hold one against. rho: lag-1
    autocorrelation of all its windows.
    """
    keys = {name: reference[name] for name in ("slice_key", "slice_value", "column_name")}
    keys["effect_size"], warn = policy.thresholds(reference["column_name"])
    cells: Sequence[Mapping[str, Any]] = reference["window_bins"] or []
    if reference["bins"] is None or len(cells) < 2:
        yield keys | {"window_start": None}
        return
    rho = autocorrelation([cell["counts"] for cell in cells])
    for block in np.array_split(np.arange(len(cells)), min(BLOCKS, len(cells))):
        for i, figures in zip(block, _of_block(reference, block, policy, warn), strict=True):
            yield keys | {"window_start": cells[i]["window_start"], "rho": rho} | figures


def _of_block(
    reference: Mapping[str, Any], block: NDArray[np.intp], policy: Policy, warn: float
) -> list[dict[str, float]]:
    """The figures of some windows against the merge of all others; none of those without any."""
    cells = reference["window_bins"]
    strata: Sequence[int | None] = reference["window_strata"] or [None] * len(cells)
    counts = floats([cell["counts"] for cell in cells])
    ks = floats([np.inf if cell["k"] is None else cell["k"] for cell in cells])
    others = np.setdiff1d(np.arange(len(cells)), block)
    rest = {
        "bins": reference["bins"],
        "window_bins": [cells[j] for j in others],
        "window_strata": [strata[j] for j in others],
    }
    merged, seen = counts[others].sum(axis=0), counts[block].sum(axis=1) > 0
    if not merged.sum() or not seen.any():
        return [{} for _ in block]
    effect, _ = policy.thresholds(reference["column_name"])
    weight = policy.alerts.weight(reference["column_name"])
    known = baselines(rest, floats(merged), float(ks[others].min()), policy, effect)
    held = block[seen]
    found = binned_figures(counts[held], ks[held], known, [strata[i] for i in held], effect)
    material = material_up_to(found["d_statistic"], found["noise"], found["degrees"] + 1)
    kept = ("p_unusual", "n_eff", "degrees", "tau2", "square", "w_eff")
    rows: list[dict[str, float]] = []
    for i, up_to in enumerate(material.tolist()):
        if np.isnan(found["p_unusual"][i]):
            rows.append({})
            continue
        counting = counts_up_to(up_to, float(found["effect"][i]), warn, weight, policy.alerts)
        width = float(found["effect_high"][i] - found["effect_low"][i])
        figures = {name: float(found[name][i]) for name in kept}
        rows.append(figures | {"material_up_to": up_to, "counts_up_to": counting, "width": width})
    told = iter(rows)
    return [next(told) if one else {} for one in seen]


def counts_up_to(
    material: float, effect: float, warn: float, weight: float, rules: AlertRules
) -> float:
    """The largest effect size at which an unusual window counts towards an alert, by `rules.least`.

    material: up to which it is drifted; effect: its size; warn: the size that is a warning
    whatever the effect size is, so that infinity is the answer; weight: the feature's importance.
    Of severities above minor, magnitude is effect / effect size.
    """
    if rules.least == "warning":
        return np.inf if effect >= warn else material
    if rules.least == "minor":
        return material
    least = rules.major if rules.least == "major" else rules.critical
    return min(material, effect * weight / least)


def judged(least_power: float) -> Kernel:
    """A kernel that says of replayed rows, sorted by window, what each shows at which effect size.

    A window's rows are one family, as when it is judged: `counts_up_to` is 0 where a row is not
    unusual in it, and from `judged_from` on such a row is quiet. Both are NULL where nothing could
    be measured. One row more per window, without a feature, has how many `tests` it had,
    and how many of them are `powerful` enough for the present effect size.
    """

    def run(batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        for group in groups(batches, KEYS):
            yield _of_window(group, least_power)

    return run


def _of_window(group: pa.Table, least_power: float) -> pa.RecordBatch:
    p_unusual, own = column(group, "p_unusual"), column(group, "effect_size")
    unknown = np.isnan(p_unusual)
    tests = int((~unknown).sum())
    level = family_level(max(tests, 1))
    powerful = powers(group, own, level) >= least_power
    unusual = benjamini_hochberg(p_unusual, LEAST_FAMILY) <= FAMILY_LEVEL
    up_to = np.where(unusual, column(group, "counts_up_to"), 0.0)
    least = _judged_from(group, level, least_power)
    least = np.where(powerful, np.fmin(least, own), least)
    about = {
        "window_start": group.column("window_start")[0].as_py(),
        "tests": tests,
        "powerful": int(powerful.sum()),
    }
    figures = {"counts_up_to": up_to, "judged_from": least}
    rows = {name: group.column(name).combine_chunks() for name in JUDGED if name in REPLAYED}
    rows |= {name: pa.array(values, mask=unknown) for name, values in figures.items()}
    rows |= {name: pa.nulls(group.num_rows, pa.int64()) for name in ("tests", "powerful")}
    schema = arrow_schema(JUDGED)
    of_rows = pa.Table.from_arrays([rows[name] for name in JUDGED], schema=schema)
    if about["window_start"] is None:
        # Of features that have no window to replay: none is told of.
        return of_rows.combine_chunks().to_batches()[0]
    together = pa.concat_tables([pa.Table.from_pylist([about], schema=schema), of_rows])
    return together.combine_chunks().to_batches()[0]


def _judged_from(rows: pa.Table, level: float, least_power: float) -> Floats:
    """The smallest of EFFECTS at which each row is an answer, infinite where at none: (rows,).

    It is one where a shift of that size would have been found, or where the interval of its own
    effect is narrower (kernels/judging.py). Power grows with the effect size, so it is bisected.
    """
    low, high = np.zeros(rows.num_rows, dtype=int), np.full(rows.num_rows, len(EFFECTS))
    tried = np.append(EFFECTS, EFFECTS[-1])
    while (low < high).any():
        middle = (low + high) // 2
        enough = powers(rows, floats(tried[middle]), level) >= least_power
        open_ = low < high
        high = np.where(open_ & enough, middle, high)
        low = np.where(open_ & ~enough, middle + 1, low)
    by_power = np.append(EFFECTS, np.inf)[low]
    return floats(np.fmin(by_power, np.nextafter(column(rows, "width"), np.inf)))
