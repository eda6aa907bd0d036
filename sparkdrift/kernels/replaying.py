"""Replaying a reference: each of its windows judged by the others, as if it had come later.

What is known to be good should raise no alarm, so what alarms here is a false one. A window's
p-values don't depend on the effect size; whether it is material does. So a row keeps the
largest effect size at which it would have counted, and one replay answers for all of them.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np
import pyarrow as pa

from sparkdrift.kernels.baselines import baselines
from sparkdrift.kernels.batches import arrow_schema, column, groups
from sparkdrift.kernels.distributions import binned_figures
from sparkdrift.kernels.freezing import Kernel
from sparkdrift.kernels.policy import AlertRules, Policy
from sparkdrift.kernels.powers import VARIATION, powers
from sparkdrift.measures.arrays import Floats, floats
from sparkdrift.measures.evidence import (
    FAMILY_LEVEL,
    LEAST_FAMILY,
    benjamini_hochberg,
    family_level,
    material_up_to,
)

KEYS = ("window_start",)
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
    **VARIATION,
}
ALARMING = {
    **{name: REPLAYED[name] for name in ("window_start", "slice_key", "slice_value")},
    **{name: REPLAYED[name] for name in ("column_name", "counts_up_to")},
    "tests": "bigint",
    "powerful": "bigint",
}


def replay(policy: Policy) -> Kernel:
    """A kernel that turns each row of a reference into a row per window of it.

    Rows without bins or windows, and those of metrics, give none.
    """

    def run(batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        schema = arrow_schema(REPLAYED)
        for batch in batches:
            rows = [one for row in batch.to_pylist() for one in replayed(row, policy)]
            yield pa.RecordBatch.from_pylist(rows, schema=schema)

    return run


def replayed(reference: Mapping[str, Any], policy: Policy) -> Iterator[dict[str, Any]]:
    """A row per window with rows: compared with the merge of all others, in its own stratum."""
    cells: Sequence[Mapping[str, Any]] = reference["window_bins"] or []
    if reference["bins"] is None or len(cells) < 2:
        return
    strata: Sequence[int | None] = reference["window_strata"] or [None] * len(cells)
    counts = np.array([cell["counts"] for cell in cells], dtype=float)
    ks = np.array([np.inf if cell["k"] is None else cell["k"] for cell in cells])
    effect, warn = policy.thresholds(reference["column_name"])
    weight = policy.alerts.weight(reference["column_name"])
    for i, cell in enumerate(cells):
        others = [j for j in range(len(cells)) if j != i]
        rest = {
            "bins": reference["bins"],
            "window_bins": [cells[j] for j in others],
            "window_strata": [strata[j] for j in others],
        }
        merged = floats(counts[others].sum(axis=0))
        if not counts[i].sum() or not merged.sum():
            continue
        known = baselines(rest, merged, float(ks[others].min()), policy, effect)
        found = binned_figures(counts[i : i + 1], ks[i : i + 1], known, [strata[i]], effect)
        kept = ("p_unusual", "n_eff", "degrees", "tau2", "square", "w_eff")
        figures = {name: float(found[name][0]) for name in kept} | {"effect_size": effect}
        if not np.isnan(figures["p_unusual"]):
            bins = found["degrees"] + 1
            up_to = material_up_to(found["d_statistic"], found["noise"], bins)
            figures["material_up_to"] = float(up_to[0])
            figures["counts_up_to"] = counts_up_to(
                float(up_to[0]), float(found["effect"][0]), warn, weight, policy.alerts
            )
            keys = {name: reference[name] for name in ("slice_key", "slice_value", "column_name")}
            yield {"window_start": cell["window_start"], **keys, **figures}


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


def alarming(least_power: float) -> Kernel:
    """A kernel that keeps of replayed rows, sorted by window, those that could alarm.

    A window's rows are one family, as when it is judged. One row more per window, without a
    feature, has how many `tests` it had, and how many of them are `powerful` enough.
    """

    def run(batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        schema = arrow_schema(ALARMING)
        for group in groups(batches, KEYS):
            q_values = benjamini_hochberg(column(group, "p_unusual"), LEAST_FAMILY)
            kept = group.take(np.flatnonzero(q_values <= FAMILY_LEVEL)).to_pylist()
            about = {
                "window_start": group.column("window_start")[0].as_py(),
                "tests": group.num_rows,
                "powerful": int((_powers(group) >= least_power).sum()),
            }
            yield pa.RecordBatch.from_pylist([about, *kept], schema=schema)

    return run


def _powers(rows: pa.Table) -> Floats:
    level = family_level(rows.num_rows)
    return powers(rows, column(rows, "effect_size"), level)
