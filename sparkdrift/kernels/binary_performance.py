"""Binary classification: what labels show, what the evaluation set lets expect, and baselines."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from sparkdrift.kernels.performance_rules import ALL, Measured, Rules, blank, nothing, taken
from sparkdrift.kernels.performance_states import Positions
from sparkdrift.measures import confusion, ranking
from sparkdrift.measures.arrays import Floats, divide, floats
from sparkdrift.measures.calibration_quality import brier
from sparkdrift.measures.confusion import Confusion
from sparkdrift.measures.estimated_performance import EstimatedMetrics, estimate
from sparkdrift.measures.intervals import Figure, wilson
from sparkdrift.measures.score_bins import ScoreBins, above, mean_score

OF_DECISIONS = ("accuracy", "precision", "recall", "f1", "specificity", "business_value")
_NO_DECISION = (
    "no decision is known: name prediction.decision, or an operating threshold under "
    "evaluation.thresholds"
)
# Of fewer expected positives the average precision of a window is no normal figure around that of
# the expected labels: 2 % of windows of 8 were taken for concept drift.
LEAST_POSITIVES = 30
_NO_RECORD = "of no labelled row a decision was recorded"


@dataclass(frozen=True)
class Beside:
    """A chunk beside its evaluation set. window: (N, B, 12); known: of the set (S, B, 12), None
    without one; own, by: positions in it of each row's own slice and of the one that it is
    estimated by, -1 for none. ruled: (N, 4), TP, FP, FN and TN of the declared rule. constant:
    (N,) whether the constant baseline decides positive, None: where most of the set is."""

    window: ScoreBins
    known: ScoreBins | None
    own: Positions
    by: Positions
    ruled: Floats | None = None
    constant: Floats | None = None


def cells_of(state: ScoreBins, rules: Rules) -> Confusion:
    """The confusion matrix by the decisions that count; NaN where none is known."""
    if rules.recorded:
        return confusion.at_decision(state)
    if rules.threshold is None:
        gone = np.full(state.total("rows").shape, np.nan)
        return Confusion(gone, gone, gone, gone)
    return confusion.at_threshold(state, rules.threshold)


def decision_rate(state: ScoreBins, rules: Rules) -> Figure:
    """Share of rows decided positive, labelled or not."""
    if rules.recorded:
        return wilson(state.total("decided"), state.total("decisions"))
    rows = state.total("rows")
    if rules.threshold is None:
        return nothing(len(rows))
    return wilson((state.column("rows") * above(state.edges, rules.threshold)).sum(-1), rows)


def shown(state: ScoreBins, rules: Rules) -> dict[str, Figure]:
    """Every metric as the labels of a state (N, B, 12) show it."""
    cells = cells_of(state, rules)
    n, k = state.column("labelled"), state.column("positives")
    figures = {
        "accuracy": confusion.accuracy(cells),
        "precision": confusion.precision(cells),
        "recall": confusion.recall(cells),
        "f1": confusion.f1(cells),
        "specificity": confusion.specificity(cells),
        "roc_auc": ranking.roc_auc(k, n - k),
        "average_precision": ranking.average_precision(k, n - k),
        "brier": brier(state),
        "prevalence": wilson(k.sum(-1), n.sum(-1)),
        "decision_rate": decision_rate(state, rules),
    }
    if rules.payoff is not None:
        figures["business_value"] = confusion.payoff(cells, rules.payoff)
    return figures


def shown_with_decisions(state: ScoreBins, rules: Rules) -> dict[str, Figure]:
    """The same of an evaluation set: slices without recorded decisions are decided by the
    threshold, where there is one, as the model would have decided them."""
    figures = shown(state, rules)
    if not rules.recorded or rules.threshold is None:
        return figures
    lacking = state.total("decisions") == 0
    by_threshold = shown(state, Rules(threshold=rules.threshold, payoff=rules.payoff))
    return {
        name: Figure(
            *(np.where(lacking, a, b) for a, b in zip(by_threshold[name], one, strict=True))
        )
        for name, one in figures.items()
    }


def estimates(
    window: ScoreBins, known: ScoreBins, by: Positions, rules: Rules, *, labelled: bool
) -> dict[str, Figure]:
    """What the evaluation set lets expect of a chunk, by metric: of all its rows or of those with
    a label, which is what realised metrics are of. Metrics of decisions: of rows with one."""
    n, k = known.column("labelled")[by], known.column("positives")[by]
    rows = window.column("labelled" if labelled else "rows")
    scores = mean_score(window, labelled=labelled)
    both, decided = rows, np.zeros(rows.shape)
    if rules.recorded:
        made = ("tp", "fp", "fn", "tn") if labelled else ("decisions",)
        both = floats(sum(window.column(name) for name in made))
        took = ("tp", "fp") if labelled else ("decided",)
        decided = np.nan_to_num(divide(sum(window.column(name) for name in took), both))
    elif rules.threshold is not None:
        decided = np.broadcast_to(above(window.edges, rules.threshold), rows.shape)
    values = rules.payoff or (0.0, 0.0, 0.0, 0.0)
    of_rows = estimate(n, k, rows, decided, scores, values)
    of_decisions = of_rows
    if not np.array_equal(both, rows):
        of_decisions = estimate(n, k, both, decided, scores, values)
    gone = by < 0
    found = {
        name: blank(figure, gone)
        for name, figure in _named(of_rows, of_decisions).items()
        if name not in OF_DECISIONS or rules.recorded or rules.threshold is not None
    }
    if rules.payoff is None:
        found.pop("business_value", None)
    return found


def expectations(
    window: ScoreBins,
    known: ScoreBins,
    by: Positions,
    rules: Rules,
    estimated: Mapping[str, Figure],
) -> dict[str, Figure]:
    """`estimates` of the labelled rows, which realised values are held against: what can be.

    estimated: those of all rows, which are the same where all have a label.
    """
    found = dict(estimated)
    if not np.array_equal(window.column("rows"), window.column("labelled")):
        found = estimates(window, known, by, rules, labelled=True)
    positives = found["prevalence"].value * window.total("labelled")
    with np.errstate(invalid="ignore"):
        few = ~(positives >= LEAST_POSITIVES)
    return found | {"average_precision": blank(found["average_precision"], few)}


def _named(of_rows: EstimatedMetrics, of_decisions: EstimatedMetrics) -> dict[str, Figure]:
    names = {name: name for name in EstimatedMetrics._fields} | {"payoff": "business_value"}
    return {
        named: getattr(of_decisions if named in OF_DECISIONS else of_rows, name)
        for name, named in names.items()
    }


def measured(beside: Beside, rules: Rules, class_name: str = ALL) -> list[Measured]:
    """All metrics of a chunk, of one class against the rest."""
    window, known = beside.window, beside.known
    realised = shown(window, rules)
    size = len(window.cells)
    evaluated: Mapping[str, Figure] = {}
    estimated: Mapping[str, Figure] = {}
    expected: Mapping[str, Figure] = {}
    prior = prior_of(beside)
    if known is not None:
        evaluated = {
            name: blank(taken(figure, beside.own), beside.own < 0)
            for name, figure in shown_with_decisions(known, rules).items()
        }
        estimated = estimates(window, known, beside.by, rules, labelled=False)
        expected = expectations(window, known, beside.by, rules, estimated)
    base = _baselines(beside, prior, rules)
    lacking = _undecided(rules)
    return [
        Measured(
            metric=name,
            class_name=class_name,
            realised=figure,
            evaluated=evaluated.get(name, nothing(size)),
            estimated=estimated.get(name),
            expected=expected.get(name),
            baseline=base.get(name),
            perfect=_perfect(name, window, rules),
            lacking=lacking if name in (*OF_DECISIONS, "decision_rate") else "",
        )
        for name, figure in realised.items()
        if rules.wants(name)
    ]


def _undecided(rules: Rules) -> str:
    """Why metrics of decisions may not be measured; '' where decisions are by a threshold."""
    if rules.recorded:
        return _NO_RECORD
    if rules.unedged is not None:
        return (
            f"the threshold {rules.unedged:g} is younger than this version of the evaluation set, "
            "whose score bins it is no edge of: freeze the set again"
        )
    return _NO_DECISION if rules.threshold is None else ""


def prior_of(beside: Beside) -> Floats:
    """Share of positives of the slice that each row is estimated by, (N,); NaN without one."""
    if beside.known is None:
        return np.full(len(beside.window.cells), np.nan)
    share = divide(beside.known.total("positives"), beside.known.total("labelled"))
    return floats(np.where(beside.by < 0, np.nan, share[beside.by]))


def _perfect(name: str, window: ScoreBins, rules: Rules) -> Floats | float:
    """What a perfect model reaches on the labelled rows; NaN for what is not judged."""
    if name in ("prevalence", "decision_rate"):
        return np.nan
    if name != "business_value" or rules.payoff is None:
        return 0.0 if name == "brier" else 1.0
    cells = cells_of(window, rules)
    yes, no = cells.tp + cells.fn, cells.fp + cells.tn
    return divide(rules.payoff[0] * yes + rules.payoff[3] * no, yes + no)


def _baselines(beside: Beside, prior: Floats, rules: Rules) -> dict[str, Floats]:
    """What the declared rule reaches on the labelled rows, else the constant: the evaluation
    set's most frequent class as decision, its share of positives (N,) as score."""
    window, ruled = beside.window, beside.ruled
    if rules.ruled and rules.task == "binary":
        if ruled is None:
            return {}
        tp, fp, fn, tn = (ruled[:, i] for i in range(4))
        cells = Confusion(tp, fp, fn, tn)
        below, top = np.stack([fn, tp], -1), np.stack([tn, fp], -1)
        return _of_cells(cells, rules) | {
            "roc_auc": ranking.roc_auc(below, top).value,
            "average_precision": ranking.average_precision(below, top).value,
            "brier": divide(fp + fn, tp + fp + fn + tn),
        }
    made, none = cells_of(window, rules), np.zeros(len(prior))
    yes, no = made.tp + made.fn, made.fp + made.tn
    chosen = beside.constant if beside.constant is not None else prior > 0.5
    positive = floats(np.where(np.isnan(prior), np.nan, chosen))
    cells = Confusion(
        *(floats(one) for one in (positive * yes, positive * no)),
        *(floats(one) for one in ((1 - positive) * yes, (1 - positive) * no)),
    )
    n, k = window.total("labelled"), window.total("positives")
    share = divide(k, n)
    return _of_cells(cells, rules) | {
        "roc_auc": floats(np.where(np.isnan(prior) | ~((k > 0) & (k < n)), np.nan, 0.5 + none)),
        "average_precision": floats(np.where(np.isnan(prior), np.nan, share)),
        "brier": floats(share * (1 - prior) ** 2 + (1 - share) * prior**2),
    }


def _of_cells(cells: Confusion, rules: Rules) -> dict[str, Floats]:
    found = {
        "accuracy": confusion.accuracy(cells).value,
        "precision": confusion.precision(cells).value,
        "recall": confusion.recall(cells).value,
        "f1": confusion.f1(cells).value,
        "specificity": confusion.specificity(cells).value,
    }
    if rules.payoff is not None:
        found["business_value"] = confusion.payoff(cells, rules.payoff).value
    return found
