"""What must hold inside `evaluation`, and between it and the rest of a spec."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping

from sparkdrift.errors import nearest
from sparkdrift.spec.evaluation import Evaluation, Reported, Task, Threshold
from sparkdrift.spec.expressions import FUNCTIONS_LISTED, check_aggregate, check_value
from sparkdrift.spec.findings import Finding, bad_filter, line_hint
from sparkdrift.spec.location import Location
from sparkdrift.spec.models import MonitorSpec
from sparkdrift.spec.origin import Loc

_SECTION = "evaluation"
_OF_CLASSES = (
    *("accuracy", "precision", "recall", "f1", "specificity"),
    *("roc_auc", "average_precision", "brier", "business_value"),
)
METRICS: Mapping[Task, tuple[str, ...]] = {
    "binary": _OF_CLASSES,
    "multiclass": _OF_CLASSES,
    "regression": ("mae", "rmse", "mape", "business_value"),
}
"""What is measured of a task; without `metrics` all of it."""


def rules(spec: MonitorSpec) -> Iterator[Finding]:
    """What is wrong in `evaluation` by itself."""
    evaluation = spec.evaluation
    if evaluation is None:
        return
    yield from _tables(evaluation)
    yield from _dashboard(evaluation)
    yield from _of_task(evaluation)
    yield from _expressions(evaluation)
    for name, threshold in evaluation.thresholds.items():
        yield from _target((_SECTION, "thresholds", name), threshold)
    limits = evaluation.limits
    if limits.distrust_ess_ratio >= limits.ess_ratio:
        key = "distrust_ess_ratio"
        if key not in limits.model_fields_set:
            key = "ess_ratio"
        message = f"'distrust_ess_ratio' ({limits.distrust_ess_ratio}) is not below 'ess_ratio' "
        message += f"({limits.ess_ratio})"
        accepted = "a limit that warns before figures are distrusted; give both"
        yield Finding((_SECTION, "limits", key), message, accepted=accepted)


def between(spec: MonitorSpec) -> Iterator[Finding]:
    """What does not fit the prediction, the slices, or what counts as degraded."""
    if spec.evaluation is None:
        return
    if spec.prediction.key is None and "overlap" in spec.evaluation.limits.model_fields_set:
        message = "a limit is given for the overlap of keys that are not named"
        loc: Loc = (_SECTION, "limits", "overlap")
        yield Finding(loc, message, accepted="'prediction.key' as well")
    yield from _columns(spec, spec.evaluation)
    yield from _groups(spec, spec.evaluation)
    yield from _metrics(spec, spec.evaluation)
    yield from _priced(spec, spec.evaluation)


def _tables(evaluation: Evaluation) -> Iterator[Finding]:
    """Each of them is one table, with a filter that is accepted."""
    places: list[tuple[Loc, str, Location | None]] = [
        ((_SECTION, "sets", name), f"the evaluation set {name!r}", one)
        for name, one in evaluation.sets.items()
    ]
    places.append(((_SECTION, "labels"), "the table of labels", evaluation.labels))
    places.append(((_SECTION, "outcome"), "the table of the outcome", evaluation.outcome))
    for loc, what, place in places:
        if place is None:
            continue
        if (place.table is None) == (place.path is None):
            both = place.table is not None
            message = f"{what} has both a table and a path" if both else f"{what} is not named"
            yield Finding(loc, message, accepted="either 'table' or 'path'")
        yield from bad_filter(place, *loc)


def _dashboard(evaluation: Evaluation) -> Iterator[Finding]:
    """With a table all of its columns are named; without one there is a metric at least."""
    dashboard, loc = evaluation.dashboard, (_SECTION, "dashboard")
    if dashboard is None:
        return
    keys = ("time", "metric", "value", "limit", "model")
    named = [key for key in keys if getattr(dashboard, key) is not None]
    if dashboard.table is not None and dashboard.path is not None:
        message = "the dashboard has both a table and a path"
        yield Finding(loc, message, accepted="either 'table' or 'path', or none")
    elif dashboard.table is not None or dashboard.path is not None:
        for key in ("time", "metric", "value"):
            if key not in named:
                message = f"the column with the {key} of the dashboard's table is not named"
                yield Finding(loc, message, accepted="'time', 'metric' and 'value'")
    else:
        for key in named:
            message = "a column is named, but no table that has it"
            yield Finding((*loc, key), message, getattr(dashboard, key), "'table' or 'path' too")
        if not dashboard.metrics:
            message = "the dashboard shows nothing"
            yield Finding(loc, message, accepted="'metrics', or a table with them")
    yield from bad_filter(dashboard, *loc)
    for name, reported in dashboard.metrics.items():
        yield from _band((*loc, "metrics", name), reported)


def _band(loc: Loc, reported: Reported) -> Iterator[Finding]:
    low, high = reported.at_least, reported.at_most
    if reported.value is None and low is None and high is None:
        yield Finding(loc, "nothing is said of this metric", accepted="value, at_least, at_most")
    if low is not None and high is not None and low >= high:
        message = f"'at_least' ({low:g}) is not below 'at_most' ({high:g})"
        yield Finding((*loc, "at_least"), message, accepted="a band with room in it")


def _of_task(evaluation: Evaluation) -> Iterator[Finding]:
    """Keys that another task has."""
    task = evaluation.task
    if task == "multiclass":
        if len(evaluation.classes) < 2:
            message = "a multiclass model has a score for each class"
            accepted = "'classes': a mapping from two classes or more to columns"
            yield Finding((_SECTION, "classes"), message, accepted=accepted)
        columns: dict[str, str] = {}
        for name, column in evaluation.classes.items():
            if column.lower() in columns:
                message = f"the column has the scores of {columns[column.lower()]!r} already"
                yield Finding((_SECTION, "classes", name), message, column, "a column per class")
            columns.setdefault(column.lower(), name)
    binary = "a task that is binary"
    wrong = [
        ("classes", evaluation.classes and task != "multiclass", "a task that is multiclass"),
        ("thresholds", evaluation.thresholds and task != "binary", binary),
        ("groups", evaluation.groups and task != "binary", binary),
    ]
    for key, is_wrong, accepted in wrong:
        if is_wrong:
            message = f"a {task} model has no '{key}'"
            yield Finding((_SECTION, key), message, accepted=accepted)
    entries = [
        (("positive", "label"), evaluation.positive.label, "binary"),
        (("positive", "decision"), evaluation.positive.decision, "binary"),
        (("baseline", "rule"), evaluation.baseline.rule, "binary"),
        (("baseline", "value"), evaluation.baseline.value, "regression"),
    ]
    for place, given, fitting in entries:
        if given is not None and task != fitting:
            message = f"'{'.'.join(place)}' is of a {fitting} model, and this one is {task}"
            yield Finding((_SECTION, *place), message, given, f"a task that is {fitting}")


def _expressions(evaluation: Evaluation) -> Iterator[Finding]:
    condition = f"a condition on the columns of one row; {FUNCTIONS_LISTED}"
    value = f"an expression on the columns of one row; {FUNCTIONS_LISTED}"
    total = f"an aggregate such as sum(amount) / count(1); {FUNCTIONS_LISTED}"
    positive, baseline = evaluation.positive, evaluation.baseline
    outcome = None if evaluation.outcome is None else evaluation.outcome.expression
    asked: list[tuple[Loc, str | None, str, Callable[[str], list[str]]]] = [
        (("positive", "label"), positive.label, condition, check_value),
        (("positive", "decision"), positive.decision, condition, check_value),
        (("baseline", "rule"), baseline.rule, condition, check_value),
        (("baseline", "value"), baseline.value, value, check_value),
        (("value",), evaluation.value, value, check_value),
        (("outcome", "expression"), outcome, total, check_aggregate),
    ]
    for place, text, accepted, check in asked:
        for reason in check(text) if text is not None else ():
            message = f"the expression can't be used: {reason}"
            yield Finding((_SECTION, *place), message, text, accepted)


def _target(loc: Loc, threshold: Threshold) -> Iterator[Finding]:
    target = threshold.target
    if target is None:
        return
    given = [key for key in ("precision", "recall", "capacity", "cost") if getattr(target, key)]
    if len(given) != 1:
        message = "a threshold has exactly one target"
        accepted = "one of precision, recall, capacity, cost"
        yield Finding((*loc, "target"), message, ", ".join(given) or None, accepted)


def _columns(spec: MonitorSpec, evaluation: Evaluation) -> Iterator[Finding]:
    """There is a score, a truth for each set, and a key for labels from elsewhere."""
    prediction, labels = spec.prediction, evaluation.labels
    if prediction.score is None and evaluation.task != "multiclass":
        message = "a model is evaluated by its score, and no column is named"
        yield Finding((_SECTION,), message, accepted="'prediction.score' as well")
    known = prediction.label is not None or evaluation.positive.label is not None
    for name, one in evaluation.sets.items():
        if one.label is None and not known:
            message = f"the evaluation set {name!r} has no label"
            accepted = "'label' there, or 'prediction.label'"
            yield Finding((_SECTION, "sets", name), message, accepted=accepted)
    if labels is None:
        return
    loc: Loc = (_SECTION, "labels")
    if labels.label is None and not known:
        message = "the table of labels has no label"
        yield Finding(loc, message, accepted="'label' there, or 'prediction.label'")
    if prediction.key is None:
        message = "labels are joined by the key of the prediction, and none is named"
        yield Finding(loc, message, accepted="'prediction.key' as well")
    elif labels.key is not None and len(labels.key) != len(prediction.key):
        message = f"the key has {len(labels.key)} columns here and {len(prediction.key)} there"
        message += line_hint(spec, ("prediction", "key"))
        accepted = "as many columns as 'prediction.key', in its order"
        yield Finding((*loc, "key"), message, ", ".join(labels.key), accepted)


def _groups(spec: MonitorSpec, evaluation: Evaluation) -> Iterator[Finding]:
    """Groups are compared by what is stored of slices."""
    slices = {keys[0].lower(): keys[0] for keys in spec.slices if len(keys) == 1}
    for position, group in enumerate(evaluation.groups):
        loc: Loc = (_SECTION, "groups", position)
        if group.lower() not in slices:
            close = nearest(group, list(slices.values()))
            accepted = ", ".join(slices.values()) or "a column that is one of 'slices'"
            yield Finding(loc, "no slice is by the column of this group", group, accepted, close)
        elif group in evaluation.groups[:position]:
            yield Finding(loc, "the group is named twice", group)


def _metrics(spec: MonitorSpec, evaluation: Evaluation) -> Iterator[Finding]:
    """Every metric is one of the task."""
    fitting = METRICS[evaluation.task]
    asked: list[tuple[Loc, str]] = [
        ((_SECTION, "metrics", position), name) for position, name in enumerate(evaluation.metrics)
    ]
    if evaluation.dashboard is not None:
        names = evaluation.dashboard.metrics
        asked += [((_SECTION, "dashboard", "metrics", name), name) for name in names]
    if evaluation.outcome is not None and evaluation.outcome.metric is not None:
        asked.append(((_SECTION, "outcome", "metric"), evaluation.outcome.metric))
    if spec.degraded is not None:
        asked.append((("degraded", "metric"), spec.degraded.metric))
    for loc, name in asked:
        if name not in fitting:
            message = f"the metric is not one of a {evaluation.task} model"
            yield Finding(loc, message, name, ", ".join(fitting))
    for position, name in enumerate(evaluation.metrics):
        if name in evaluation.metrics[:position]:
            yield Finding((_SECTION, "metrics", position), "the metric is named twice", name)


def _priced(spec: MonitorSpec, evaluation: Evaluation) -> Iterator[Finding]:
    """What is counted in business units has a price."""
    payoff = spec.degraded is not None and spec.degraded.payoff is not None
    for name, threshold in evaluation.thresholds.items():
        if threshold.target is not None and threshold.target.cost and not payoff:
            place: Loc = (_SECTION, "thresholds", name, "target", "cost")
            yield Finding(place, "the cost is computed from a payoff", accepted="'degraded.payoff'")
    if "business_value" in evaluation.metrics and not payoff and evaluation.value is None:
        loc: Loc = (_SECTION, "metrics", evaluation.metrics.index("business_value"))
        accepted = "'evaluation.value', or 'degraded.payoff'"
        yield Finding(loc, "a business value is computed from a price", accepted=accepted)
    if evaluation.task != "binary" and payoff and evaluation.value is None:
        why = "makes none" if evaluation.task == "regression" else "has more than two"
        message = f"a payoff is of two decisions, and a {evaluation.task} model {why}"
        yield Finding(("degraded", "payoff"), message, accepted="'evaluation.value'")
