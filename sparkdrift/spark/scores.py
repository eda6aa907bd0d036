"""Counting scores, truths and decisions: states per window and slice from one pass over the rows.

Where a score falls among the edges is found by halving, a step for each bit of the bin's number:
a dozen comparisons in generated code, whatever the number of edges. As a tree of CASE the edges
themselves would be code, several times what Java compiles. Rows are first added up by bin and by
the slices' columns jointly, and by slice only then.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from sparkdrift.explain.signals import WHOLE
from sparkdrift.kernels.score_states import STATES_SQL, Layout, dense
from sparkdrift.spark.counters import WINDOW, finite
from sparkdrift.spark.slicing import KEYS, Slices
from sparkdrift.spark.sql import in_windows, quote, string, timestamp
from sparkdrift.spec.evaluation import Evaluation
from sparkdrift.spec.scoring import OneScore, rule_of, value_of
from sparkdrift.windows import Window, contiguous

_NO_BIN = -1


@dataclass(frozen=True)
class Cut:
    """The edges of one score for some windows, under the name that their states have.

    score: its position among the scores of a row. A row of a window that is in no cut of a score
    is not counted for it; one that is in several is counted for each.
    """

    name: str
    score: int
    edges: tuple[float, ...]
    windows: tuple[Window, ...]


def count_scores(
    rows: DataFrame,
    evaluation: Evaluation,
    scores: Sequence[OneScore],
    cuts: Sequence[Cut],
    slices: Slices,
    events: Sequence[str] = (),
    *,
    sign: str = "1",
    value_by_bin: bool = False,
) -> DataFrame:
    """One row per window, slice, cut and kind of state: KEYS, kind, name, cells.

    `rows` are source rows with their window's start in WINDOW. cells: of `scores` as
    `score_bins.flat`, of `errors` (B, 9) as `regression_error.COLUMNS` by bins of the prediction,
    of `baseline` what the simple rule reaches on the same rows, of `value` the labelled rows that
    have one, their sum and sum of squares (value_by_bin: bin by bin), of `left_out` how many
    predictions are not finite and so in no bin, of `operations` bin by bin and for each of `events`
    (SQL of one row: 1, 0 or NULL) the rows of which it is known, and those with the event. Every
    window of a cut has a row of the whole table, also one without rows. sign: SQL of what a row
    counts for, 1, or -1 where it is taken away from what was counted before.
    """
    regression = evaluation.task == "regression"
    layout = Layout(
        bins=tuple(len(cut.edges) + 1 for cut in cuts),
        regression=regression,
        baseline=evaluation.baseline.rule is not None or evaluation.baseline.value is not None,
        value=evaluation.value is not None,
        by_bin=value_by_bin,
        events=len(events),
    )
    chosen = _chosen(rows, evaluation, scores, cuts, slices, events, sign)
    binned = _binned(chosen, cuts, regression)
    sums = (_errors(layout) if regression else _counts(layout)) | _events(layout)
    found = binned.groupBy("window_start", *slices.names, "cut", "bin", "sign").agg(
        *(F.expr(f"CAST({sql} AS DOUBLE)").alias(name) for name, sql in sums.items())
    )
    signed = (f"sign * {name} AS {name}" for name in sums)
    found = slices.expanded(found, "cut", "bin", *signed)
    if slices.keys:
        found = found.groupBy(*KEYS, "cut", "bin").agg(*(F.sum(name).alias(name) for name in sums))
    each = ", ".join(("bin", *(f"coalesce({name}, 0D) AS {name}" for name in sums)))
    collected = (
        found.unionByName(_empty(rows, cuts, list(sums)))
        .groupBy(*KEYS, "cut")
        .agg(F.expr(f"collect_list(struct({each}))").alias("parts"))
    )
    names = ", ".join(string(cut.name) for cut in cuts)
    return (
        collected.mapInArrow(dense(layout), STATES_SQL)
        .withColumn("name", F.expr(f"element_at(array({names}), cut + 1)"))
        .drop("cut")
    )


def _chosen(
    rows: DataFrame,
    evaluation: Evaluation,
    scores: Sequence[OneScore],
    cuts: Sequence[Cut],
    slices: Slices,
    events: Sequence[str],
    sign: str,
) -> DataFrame:
    """Each row once per cut that it is in: score, label, decision, rule, value, events."""
    narrow = rows.selectExpr(
        f"{quote(WINDOW)} AS window_start",
        f"{sign} AS sign",
        *slices.selected(),
        *(
            f"{sql} AS {name}{i}"
            for i, one in enumerate(scores)
            for name, sql in (("s", one.score), ("y", one.label), ("d", one.decision))
        ),
        f"{rule_of(evaluation)} AS rule",
        f"{value_of(evaluation)} AS value",
        *(f"CAST(({event}) AS DOUBLE) AS event{i}" for i, event in enumerate(events)),
    )
    own = (f"event{i}" for i in range(len(events)))
    kept = ("window_start", "sign", *slices.names, "rule", "value", *own)
    one = "struct({} AS cut, s{i} AS score, y{i} AS label, d{i} AS decision)"
    # Cuts of one score in windows that don't meet are one entry: rows are then not repeated.
    entries = [
        one.format(_which([(n, cuts[n]) for n in group]), i=cuts[group[0]].score)
        for group in _apart(cuts)
    ]
    chosen = (
        narrow.selectExpr(*kept, f"inline(array({', '.join(entries)}))")
        if len(entries) > 1
        else narrow.selectExpr(*kept, f"{entries[0]} AS one").selectExpr(*kept, "one.*")
    )
    return chosen.where("cut IS NOT NULL")


def _apart(cuts: Sequence[Cut]) -> list[list[int]]:
    """Positions of the cuts in groups of which no window is in two, each of one score."""
    groups: list[list[int]] = []
    for position, cut in enumerate(cuts):
        for group in groups:
            others = {window for one in group for window in cuts[one].windows}
            if cuts[group[0]].score == cut.score and others.isdisjoint(cut.windows):
                group.append(position)
                break
        else:
            groups.append([position])
    return groups


def _which(cuts: Sequence[tuple[int, Cut]]) -> str:
    cases = " ".join(
        f"WHEN {in_windows('window_start', contiguous(cut.windows))} THEN {position}"
        for position, cut in cuts
    )
    return f"CASE {cases} END"


def _binned(chosen: DataFrame, cuts: Sequence[Cut], regression: bool) -> DataFrame:
    """With `bin`, from 0; _NO_BIN for a score that is missing or outside [0, 1], or a prediction
    that is not finite."""
    bits = max(max(len(cut.edges) for cut in cuts), 1).bit_length()
    # Filled up with what no score reaches, all have 2^bits - 1 edges.
    cases = " ".join(
        f"WHEN {position} THEN {_array(cut.edges, 2**bits - 1)}"
        for position, cut in enumerate(cuts)
    )
    usable = finite("score") if regression else "CASE WHEN score >= 0 AND score <= 1 THEN score END"
    frame = chosen.selectExpr(
        "*", f"CASE cut {cases} END AS edges", f"{usable} AS usable", "0 AS at0"
    )
    for bit in range(bits):
        step = 2 ** (bits - 1 - bit)
        further = f"at{bit} + CASE WHEN get(edges, at{bit} + {step - 1}) <= usable THEN {step}"
        frame = frame.selectExpr("*", f"{further} ELSE 0 END AS at{bit + 1}")
    place = f"CASE WHEN usable IS NULL THEN {_NO_BIN} ELSE at{bits} END"
    return frame.selectExpr(
        *(name for name in chosen.columns if name not in ("label", "value")),
        "usable",
        f"{place} AS bin",
        f"{finite('label') if regression else 'label'} AS label",
        f"{finite('value')} AS value",
    )


def _array(edges: Sequence[float], size: int) -> str:
    values = [f"double('{float(edge)!r}')" for edge in edges]
    values += ["double('Infinity')"] * (size - len(edges))
    return f"array({', '.join(values)})"


def _counts(layout: Layout) -> dict[str, str]:
    """SQL aggregates over rows of a binary score, in the order of `Layout.sums`."""
    y = "CASE WHEN label IN (0D, 1D) THEN label END"
    known = "label IN (0D, 1D)"
    missing = "score IS NULL OR isnan(score)"
    found = {
        "rows": "count(*)",
        "labelled": f"count_if({known})",
        "positives": "count_if(label = 1D)",
        "score_sum": "sum(usable)",
        "labelled_score_sum": f"sum(CASE WHEN {known} THEN usable END)",
        "squared_loss": f"sum((usable - {y}) * (usable - {y}))",
        "decisions": "count(decision)",
        "decided": "sum(decision)",
        "tp": "count_if(decision = 1D AND label = 1D)",
        "fp": "count_if(decision = 1D AND label = 0D)",
        "fn": "count_if(decision = 0D AND label = 1D)",
        "tn": "count_if(decision = 0D AND label = 0D)",
        "missing": f"count_if({missing})",
        "outside": f"count_if(usable IS NULL AND NOT ({missing}))",
        "odd": "count_if(label IS NOT NULL AND label NOT IN (0D, 1D) AND NOT isnan(label))",
    }
    if layout.baseline:
        found |= {
            "rule_tp": "count_if(rule = 1D AND label = 1D)",
            "rule_fp": "count_if(rule = 1D AND label = 0D)",
            "rule_fn": "count_if(rule = 0D AND label = 1D)",
            "rule_tn": "count_if(rule = 0D AND label = 0D)",
        }
    return found | _values(layout, known)


def _errors(layout: Layout) -> dict[str, str]:
    """SQL aggregates over rows of a numeric prediction, in the order of `Layout.sums`."""
    found = _errors_of("usable - label", "")
    found["left_out"] = "count_if(usable IS NULL)"
    if layout.baseline:
        rule = finite("rule")
        # On the rows on which the model itself is measured.
        found |= _errors_of(f"CASE WHEN usable IS NOT NULL THEN {rule} - label END", "rule_")
    return found | _values(layout, "usable - label IS NOT NULL")


def _errors_of(e: str, prefix: str) -> dict[str, str]:
    part = f"abs(({e}) / nullif(label, 0D))"
    sums = {
        "rows": f"count({e})",
        "unusable": f"count(*) - count({e})",
        "absolute": f"sum(abs({e}))",
        "square": f"sum(pow({e}, 2D))",
        "fourth": f"sum(pow({e}, 4D))",
        "signed": f"sum({e})",
        "nonzero": f"count({part})",
        "relative": f"sum({part})",
        "relative_square": f"sum(pow({part}, 2D))",
    }
    return {prefix + name: sql for name, sql in sums.items()}


def _values(layout: Layout, known: str) -> dict[str, str]:
    if not layout.value:
        return {}
    own = f"CASE WHEN {known} THEN value END"
    return {
        "value_rows": f"count({own})",
        "value_sum": f"sum({own})",
        "value_square": f"sum({own} * {own})",
    }


def _events(layout: Layout) -> dict[str, str]:
    found: dict[str, str] = {}
    for i in range(layout.events):
        found |= {f"known{i}": f"count(event{i})", f"event{i}_rows": f"sum(event{i})"}
    return found


def _empty(rows: DataFrame, cuts: Sequence[Cut], sums: Sequence[str]) -> DataFrame:
    """A part without rows for the whole table in each window of each cut."""
    pairs = ", ".join(
        f"struct({timestamp(window.start)} AS window_start, {position} AS cut)"
        for position, cut in enumerate(cuts)
        for window in cut.windows
    )
    return (
        rows.sparkSession.range(1)
        .selectExpr(f"inline(array({pairs}))")
        .selectExpr(
            "window_start",
            f"{string(WHOLE)} AS slice_key",
            f"{string(WHOLE)} AS slice_value",
            "cut",
            "0 AS bin",
            *(f"0D AS {name}" for name in sums),
        )
    )
