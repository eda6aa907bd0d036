"""Pairs of numbers: the state that their correlation is computed from, made and merged.

One pass over the rows, whatever the number of pairs and windows: each row is handed to
Python once and multiplied there as a matrix (kernels/pairing.py). In SQL aggregates the
pairs of 12 numbers are 396 sums a row, and every row is cut into a dozen parts.
"""

from __future__ import annotations

import json
from collections.abc import Sequence

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from sparkdrift.explain.signals import WHOLE
from sparkdrift.kernels.pairing import SUMMED_SQL, add_up
from sparkdrift.spark.counters import WINDOW
from sparkdrift.spark.local_rows import local_rows
from sparkdrift.spark.sql import quote
from sparkdrift.spec.assumptions import declared_pairs, ordered
from sparkdrift.spec.digests import pair_hash
from sparkdrift.spec.models import MonitorSpec
from sparkdrift.spec.resolving import Feature, Resolution

KIND = "pairs"
FeaturePair = tuple[Feature, Feature]

_ABOUT = {
    "pair": "int",
    "name": "string",
    "columns": "array<string>",
    "definition_hash": "string",
}


def pair_name(one: str, other: str) -> str:
    """What a pair is called in `states`, whichever of its features is named first."""
    return json.dumps(list(ordered(one, other)), ensure_ascii=False)


def watched_pairs(spec: MonitorSpec, resolution: Resolution) -> tuple[list[FeaturePair], list[str]]:
    """(the pairs to be profiled, warnings): only of features that the table has."""
    numbers = {
        one.feature.name: one.feature
        for one in resolution.watched
        if one.feature.kind == "numeric" and one.problem is None
    }
    wanted = set(declared_pairs(spec.dependence, spec.assumptions))
    automatic, warning = automatic_pairs(spec, sorted(numbers))
    found = sorted(wanted | set(automatic))
    pairs = [(numbers[a], numbers[b]) for a, b in found if a in numbers and b in numbers]
    return pairs, [warning] if warning else []


def automatic_pairs(
    spec: MonitorSpec, numbers: Sequence[str]
) -> tuple[list[tuple[str, str]], str | None]:
    """(all pairs of `numbers` where `dependence.auto` asks for them, why there are none)."""
    asked = spec.dependence
    if asked is None or not asked.auto:
        return [], None
    if len(numbers) > asked.most_features:
        return [], (
            f"dependence: {len(numbers)} numeric features have "
            f"{len(numbers) * (len(numbers) - 1) // 2:,} pairs; none but the declared ones are "
            f"watched: raise dependence.most_features ({asked.most_features}), or name the pairs"
        )
    return [ordered(a, b) for i, a in enumerate(numbers) for b in numbers[i + 1 :]], None


def pair_states(rows: DataFrame, spec: MonitorSpec, pairs: Sequence[FeaturePair]) -> DataFrame:
    """The state of each pair and window: window_start, name, columns, cells, definition_hash.

    `rows` are source rows with their window in WINDOW. A row counts for a pair where both of
    its values are finite.
    """
    features = list({feature.name: feature for pair in pairs for feature in pair}.values())
    place = {feature.name: i for i, feature in enumerate(features)}
    narrow = rows.selectExpr(
        f"{quote(WINDOW)} AS window_start",
        *(f"CAST({one.sql} AS DOUBLE) AS x{i}" for i, one in enumerate(features)),
    )
    kernel = add_up([(place[a.name], place[b.name]) for a, b in pairs])
    partial = narrow.mapInArrow(kernel, SUMMED_SQL)
    # Of the same rows, partitions arrive in any order: sorted by content, rounding is the same.
    merged = partial.groupBy("window_start", "pair").agg(
        F.expr(merged_cells("window_start")).alias("cells")
    )
    told = [
        (i, pair_name(a.name, b.name), [a.name, b.name], pair_hash(spec, a, b))
        for i, (a, b) in enumerate(pairs)
    ]
    about = local_rows(rows.sparkSession, told, _ABOUT)
    return merged.join(F.broadcast(about), "pair").drop("pair")


def merged_cells(order: str) -> str:
    """SQL aggregate: the states in `cells`, merged in `order`; rows without a value add nothing.

    As `measures.dependence.merge_states` (Chan, Golub and LeVeque 1983).
    """
    n = "(a[0] + b.cells[0])"
    part = f"b.cells[0] / {n}"
    between = f"a[0] * b.cells[0] / {n}"
    x, y = "(b.cells[1] - a[1])", "(b.cells[2] - a[2])"
    return f"""
aggregate(
  array_sort(collect_list(CASE WHEN cells[0] > 0 THEN struct({order} AS at, cells) END)),
  array(0D, 0D, 0D, 0D, 0D, 0D),
  (a, b) -> array(
    {n}, a[1] + {x} * {part}, a[2] + {y} * {part},
    a[3] + b.cells[3] + {x} * {x} * {between},
    a[4] + b.cells[4] + {y} * {y} * {between},
    a[5] + b.cells[5] + {x} * {y} * {between}))
"""


def whole_slice() -> dict[str, str]:
    """The slice that pairs are kept of, as columns: the whole table."""
    return {"slice_key": WHOLE, "slice_value": WHOLE}
