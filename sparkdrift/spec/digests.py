"""Short hashes that say whether two stored rows mean the same.

A hash is the first 16 hexadecimal characters of SHA-256 over canonical JSON:
sorted keys, no blanks, ASCII. Changing what goes in changes every stored hash,
so the golden values in the tests guard it.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from sparkdrift.spec.alerts import Alerts
from sparkdrift.spec.assumptions import WHY, Assumptions
from sparkdrift.spec.feedback import SHAPED
from sparkdrift.spec.hiding import hidden_meaning, privacy_meaning
from sparkdrift.spec.models import MonitorSpec
from sparkdrift.spec.resolving import Feature, metric_parts
from sparkdrift.spec.scoring import binned_operations

STATE_VERSION = 1
"""The format of stored states; raised when their bytes or meaning change."""
SCORES_FORMAT = 2
"""The same of states of scores, which come and go without the profiles."""


def definition_hash(spec: MonitorSpec, feature: Feature | None) -> str:
    """What gives a profile row of `feature` its meaning; None is the row of the whole table.

    Source and filter, timestamp and zone, the feature's name and kind, what it takes
    from a row if that is not a column as it stands, the listed values of slices, sketch
    sizes, which values are hidden and by which key. The name, not the column: a feature renamed
    with `formerly` keeps its hash, so that its rows still merge. Thresholds, owner, title, grain
    and other features are no part of it. For a metric, what it is computed from stands in place
    of the sketch sizes.
    """
    source = spec.source
    meaning: list[Any] | None = None
    if feature is not None:
        meaning = [feature.name, feature.kind]
        meaning += [] if feature.value is None else [feature.value.definition]
    content: dict[str, Any] = {
        "state_version": STATE_VERSION,
        "table": source.parts,
        "path": source.path,
        "filter": None if source.filter is None else source.filter.strip(),
        "timestamp": spec.timestamp.column,
        "zone": spec.timestamp.zone,
        "feature": meaning,
        **hidden_meaning(spec, feature.name if feature and feature.kind == "categorical" else None),
        **({} if feature else privacy_meaning(spec)),
    }
    if source.payload is not None:
        content["payload"] = source.payload.model_dump()
    if spec.slice_values:
        # What ':other' holds depends on the values that are listed.
        listed = {column.lower(): sorted(values) for column, values in spec.slice_values.items()}
        content["slice_values"] = listed
    if feature is not None and feature.kind == "metric":
        metrics = spec.counted_metrics
        metric = metrics[feature.column]
        parts = metric_parts(spec, feature.column)
        made_of = [metrics[name].definition() for name in parts]
        content["metric"] = [metric.definition(), *(made_of if metric.derived else [])]
        own = spec.feedback if feature.column == SHAPED else None
        if own is not None and own.decisions is not None:
            content["decisions"] = own.meaning(spec.prediction.key)
    else:
        content |= {"k": spec.sketch.k, "categories": spec.sketch.categories}
        numeric = feature is not None and feature.kind == "numeric"
        if numeric and spec.sketch.distinct != "all":
            # A number without an HLL can't be merged with one that has it.
            content["distinct"] = spec.sketch.distinct
    return _digest(content)


def shaped_hash(spec: MonitorSpec, definition: str) -> str:
    """What gives a row of the slices by feedback its meaning: that of the feature, of
    `definition_hash`, and which rows are shaped, so that those of another condition never merge.

    Source of the form: `spark.slicing` computes the same in SQL.
    """
    condition = spec.feedback.meaning(spec.prediction.key) if spec.feedback else ""
    text = f"{definition}|{condition}"
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def policy_hash(spec: MonitorSpec) -> str:
    """What turns distances into verdicts and alerts: which reference, `drift`, `alerts`; and
    the names of the evaluation sets, each of which is a comparison.

    Not what is suppressed: that concerns a few windows, which alone become due by their
    `input_digest` (spark/alerting.py), where another hash would make all of them due.
    The same thresholds give the same hash, whether they stand at the feature,
    under `drift.overrides`, or are the default written out.
    """
    default = spec.drift.thresholds
    resolved = spec.all_thresholds()
    content: dict[str, Any] = {
        "reference": spec.reference.name if spec.reference else None,
        "default": asdict(default),
        "overrides": {n: asdict(own) for n, own in resolved.items() if own != default},
        "limits": spec.drift.limits.model_dump(),
        "bins": spec.drift.bins,
    }
    if spec.drift.seasonal != "auto":
        content["seasonal"] = spec.drift.seasonal
    if spec.drift.comparisons != ("baseline",):
        content["comparisons"] = sorted(spec.drift.comparisons)
    if not spec.drift.multivariate:
        content["multivariate"] = False
    if spec.evaluation is not None and spec.evaluation.sets:
        content["evaluation"] = sorted(spec.evaluation.sets)
    alerts = spec.alerts.model_dump(exclude={"suppress"})
    alerts["importance"] = {n: weight for n, weight in alerts["importance"].items() if weight != 1}
    if spec.alerts.comparisons == Alerts().comparisons:
        del alerts["comparisons"]
    else:
        alerts["comparisons"] = sorted(spec.alerts.comparisons)
    if alerts != Alerts().model_dump(exclude={"suppress", "comparisons"}):
        # Left out where it says nothing, so that stores of before keep their hash.
        content["alerts"] = alerts
    return _digest(content)


def assumption_hash(spec: MonitorSpec) -> str:
    """What turns states into verdicts on assumptions: which reference, the sections
    `dependence` and `assumptions`, and the limits of shares that are learned.
    """
    return _digest(
        {
            "reference": spec.reference.name if spec.reference else None,
            "dependence": spec.dependence.model_dump() if spec.dependence else None,
            "assumptions": spec.assumptions and _assumed(spec.assumptions),
            "limits": spec.drift.limits.model_dump(),
        }
    )


def _assumed(assumptions: Assumptions) -> dict[str, Any]:
    """What is assumed, without why and whether anybody confirmed it."""
    inside = {"__all__": set(WHY)}
    return assumptions.model_dump(
        exclude={**dict.fromkeys(WHY, True), "features": inside, "monotone": inside}
    )


def pair_hash(spec: MonitorSpec, first: Feature, second: Feature) -> str:
    """What gives the state of a pair its meaning: that of both features."""
    return _digest(
        {"pair": [definition_hash(spec, first), definition_hash(spec, second)], "format": 1}
    )


def evaluation_hash(spec: MonitorSpec) -> str:
    """What gives a state of scores its meaning: where score, decision and truth come from.

    The prediction's columns and key, what counts as positive, the table of labels, classes, the
    baseline, the value of a row, and the thresholds' values in their order, since the first one
    decides where no decision is recorded. Neither limits nor who calibrated a threshold.
    """
    evaluation, outcome = spec.evaluation, spec.debt_limits.outcome
    return _digest(
        {
            "format": SCORES_FORMAT,
            "prediction": spec.prediction.model_dump(mode="json", exclude={"label_delay"}),
            "evaluation": evaluation
            and evaluation.model_dump(
                mode="json",
                include={"task", "positive", "labels", "classes", "baseline", "value"},
            ),
            "thresholds": evaluation and [one.value for one in evaluation.thresholds.values()],
            # Left out where it says nothing, so that stores of before keep their hash.
            **({"outcome": outcome} if outcome else {}),
            **_binned_operations(spec),
        }
    )


def _binned_operations(spec: MonitorSpec) -> dict[str, Any]:
    """What is counted by score bin beside; nothing where nothing is, as in stores of before."""
    found = {name: spec.operations[name].meaning() for name in binned_operations(spec)}
    return {"operations": found} if found else {}


def operation_hash(spec: MonitorSpec) -> str:
    """What turns counts into rows of `operations`: what the signals are, in which direction a
    change is one for the worse, and the policy of drift, by which they are judged.
    """
    return _digest(
        {
            "drift": policy_hash(spec),
            "operations": {
                name: [*one.meaning(), one.kind, one.worse] for name, one in spec.operations.items()
            },
            "scores": evaluation_hash(spec) if spec.evaluation else None,
        }
    )


def set_hash(spec: MonitorSpec, name: str) -> str:
    """What gives the states of an evaluation set their meaning: where its score, decision and
    truth stand, what counts as positive, the thresholds' values, which are edges of its bins, and
    what a row is worth.

    Not which table it is: a version says that itself. The same for a set that the spec does not
    declare, by the columns of the prediction.
    """
    evaluation = spec.evaluation
    own = evaluation.sets.get(name) if evaluation else None
    prediction = spec.prediction
    return _digest(
        {
            "format": SCORES_FORMAT,
            "columns": [
                (own and getattr(own, role)) or getattr(prediction, role)
                for role in ("score", "decision", "label")
            ],
            "evaluation": evaluation
            and evaluation.model_dump(mode="json", include={"task", "positive", "classes"}),
            "thresholds": evaluation and [one.value for one in evaluation.thresholds.values()],
            # Not named where there is none: sets of before keep their digest.
            **({"value": evaluation.value} if evaluation and evaluation.value else {}),
            **hidden_meaning(spec),
        }
    )


def performance_hash(spec: MonitorSpec) -> str:
    """What turns states of scores into verdicts: what counts as degraded, the limits, which
    metrics and groups, the thresholds, the delay of labels, dashboard, baseline and outcome.
    """
    evaluation = spec.evaluation
    delay = spec.prediction.label_delay
    return _digest(
        {
            "degraded": spec.degraded and spec.degraded.model_dump(mode="json"),
            "label_delay": None if delay is None else delay.total_seconds(),
            "evaluation": evaluation
            and evaluation.model_dump(
                mode="json",
                include={
                    *("task", "limits", "metrics", "groups", "thresholds", "dashboard"),
                    *("baseline", "outcome"),
                },
                # The gate's, and of no verdict.
                exclude={"limits": {"overlap"}},
            ),
            "order": evaluation and list(evaluation.thresholds),
        }
    )


def staleness_hash(spec: MonitorSpec) -> str:
    """What turns states, drift and performance into figures of staleness: `performance_hash`,
    the drift policy, by which gaps are judged, and the slices.
    """
    return _digest(
        {
            "performance": performance_hash(spec),
            "drift": policy_hash(spec),
            "slices": [one if isinstance(one, str) else list(one) for one in spec.slices],
            "prediction": spec.prediction.model_dump(mode="json", exclude={"label_delay"}),
        }
    )


def moments_hash(spec: MonitorSpec, feature: Feature) -> str:
    """What gives moments of a feature by class their meaning: that of the feature, and what the
    label or outcome is; not which table it arrives in, so that an evaluation set has the same."""
    evaluation = spec.evaluation
    target = evaluation and {
        "task": evaluation.task,
        "positive": evaluation.positive.label,
        "classes": sorted(evaluation.classes),
    }
    content = [definition_hash(spec, feature), spec.prediction.label, target]
    return _digest({"moments": [*content, spec.debt_limits.outcome], "format": 1})


def counted_hash(
    spec: MonitorSpec, slices: Sequence[str], signals: Sequence[str], features: Sequence[Feature]
) -> str:
    """What was counted with the scores in one pass: slices, signals by bin, features by class.

    The other part of what states of a window mean, `evaluation_hash`, has none of them.
    """
    named = {name: spec.slice_values.get(name) for name in sorted(spec.slice_values)}
    return _digest(
        {
            "slices": sorted(slices),
            "values": {name: list(values or ()) for name, values in named.items()},
            **hidden_meaning(spec),
            "shaped": spec.feedback and spec.feedback.meaning(spec.prediction.key),
            "signals": list(signals),
            "features": sorted(moments_hash(spec, one) for one in features),
        }
    )


def importance_hash(spec: MonitorSpec, features: Sequence[Feature]) -> str:
    """What gives estimated importances their meaning: how, of which features, for which score."""
    own = spec.importance
    return _digest(
        {
            "importance": own and own.model_dump(mode="json", include={"estimate", "rows", "seed"}),
            "score": spec.prediction.score,
            "features": sorted([one.name, definition_hash(spec, one)] for one in features),
            "format": 1,
        }
    )


def feature_debt_hash(spec: MonitorSpec) -> str:
    """What turns states, profiles and drift into the debt of features: the limits, where
    importances come from, the policy of drift and of alerts, and which reference."""
    return _digest(
        {
            "debt": spec.debt_limits.model_dump(mode="json"),
            "importance": spec.importance and spec.importance.model_dump(mode="json"),
            "drift": policy_hash(spec),
            "evaluation": evaluation_hash(spec),
            "version": spec.model_version,
        }
    )


def health_hash(spec: MonitorSpec) -> str:
    """What turns findings into a verdict: the rules and what goes with them, from when on the owner
    calls the model degraded, which model it is, and which evidence is asked for."""
    evaluation = spec.evaluation
    return _digest(
        {
            "policy": spec.policy.model_dump(mode="json"),
            "degraded": spec.degraded and spec.degraded.model_dump(mode="json"),
            "model": spec.model_id,
            "evaluation": evaluation and [evaluation.task, evaluation.dashboard is not None],
            "feedback": spec.feedback is not None,
            "operations": sorted(spec.operations or ()),
            "features": bool(spec.feature_debt or spec.importance),
        }
    )


def _digest(content: dict[str, Any]) -> str:
    text = json.dumps(content, sort_keys=True, separators=(",", ":"), allow_nan=False)
    return hashlib.sha256(text.encode("ascii")).hexdigest()[:16]
