"""Hold a spec against the columns of the real table.

One function, two readers: `validate` refuses on any problem; `profile` goes on
with what is usable and stores a status for the rest, and stops only on what
`blocking` names. Column names are compared as Spark does by default, without
case. A feature keeps the spelling of the spec, since rows are stored under it.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Literal

from sparkdrift.errors import Problem
from sparkdrift.spec.alert_checks import unknown
from sparkdrift.spec.assumption_checks import unfit
from sparkdrift.spec.columns import (
    ACCEPTED_ATOMIC,
    ACCEPTED_NUMERIC,
    ACCEPTED_TIMESTAMP,
    Columns,
    automatic_kind,
    base_type,
    is_atomic,
    is_numeric,
    is_timestamp,
)
from sparkdrift.spec.decisions import decisions_problem
from sparkdrift.spec.derived import parse_derived
from sparkdrift.spec.expressions import identifiers
from sparkdrift.spec.features import Declared, Kind
from sparkdrift.spec.feedback import SHAPED
from sparkdrift.spec.hiding import hidden_feature
from sparkdrift.spec.hints import Hints
from sparkdrift.spec.location import Location
from sparkdrift.spec.metrics import PREFIX
from sparkdrift.spec.models import MonitorSpec
from sparkdrift.spec.origin import Loc
from sparkdrift.spec.payload import COUNTERS, POSITION
from sparkdrift.spec.privacy import Hidden
from sparkdrift.spec.selecting import (
    Feature,
    ResolvedFeature,
    Types,
    missing,
    select,
    select_column,
)
from sparkdrift.spec.values_in_sql import remainder

__all__ = [
    "Feature",
    "Resolution",
    "ResolvedFeature",
    "ResolvedPrediction",
    "ResolvedSlice",
    "resolve",
    "resolve_reference",
]
_NOTHING_ANALYSED: Types = {}


@dataclass(frozen=True)
class ResolvedSlice:
    keys: tuple[str, ...]
    problem: Problem | None = None


@dataclass(frozen=True)
class ResolvedPrediction:
    role: Literal["score", "decision", "label"]
    column: str
    data_type: str | None
    problem: Problem | None = None
    hidden: Hidden | None = None


@dataclass(frozen=True)
class Resolution:
    """A spec as one table allows it.

    `blocking`: nothing can be profiled (timestamp, filter). `remarks`: wrong, but
    without effect on what is profiled (a name under `auto`, `drift.overrides` or `alerts`).
    """

    features: tuple[ResolvedFeature, ...]
    slices: tuple[ResolvedSlice, ...] = ()
    predictions: tuple[ResolvedPrediction, ...] = ()
    metrics: tuple[ResolvedFeature, ...] = ()
    blocking: tuple[Problem, ...] = ()
    remarks: tuple[Problem, ...] = ()

    @property
    def problems(self) -> tuple[Problem, ...]:
        """Everything that is wrong, in file order; what a strict reader refuses."""
        return _in_file_order((*self.blocking, *self.unmeasured, *self.remarks))

    @property
    def unmeasured(self) -> tuple[Problem, ...]:
        """Why features, slices, predictions and metrics of the spec can't be profiled."""
        parts: tuple[ResolvedFeature | ResolvedSlice | ResolvedPrediction, ...]
        parts = (*self.features, *self.slices, *self.predictions, *self.metrics)
        return _in_file_order(part.problem for part in parts if part.problem is not None)

    @property
    def usable(self) -> tuple[Feature, ...]:
        """The features that can be profiled, in the order of the spec, then of the table."""
        return tuple(one.feature for one in self.features if one.problem is None)

    @property
    def watched(self) -> tuple[ResolvedFeature, ...]:
        """What is profiled: the features, the model's own score and decision, the metrics."""
        known = {one.feature.name.lower() for one in self.features}
        kinds: dict[str, Kind] = {"score": "numeric", "decision": "categorical"}
        outputs = (
            ResolvedFeature(_output(one, kinds[one.role]), one.data_type, one.problem)
            for one in self.predictions
            if one.role in kinds and one.column.lower() not in known
        )
        return (*self.features, *outputs, *self.metrics)

    def without(self, problems: Mapping[str, Problem]) -> Resolution:
        """The same, but for the features named in `problems`: each has that problem now."""
        features = tuple(
            replace(one, problem=problems.get(one.feature.name, one.problem))
            for one in self.features
        )
        return replace(self, features=features)

    def without_slices(self, names: Collection[str]) -> Resolution:
        """The same, but for the slices whose columns, joined by a comma, are in `names`."""
        kept = tuple(one for one in self.slices if ",".join(one.keys) not in names)
        return replace(self, slices=kept)

    @property
    def usable_slices(self) -> tuple[tuple[str, ...], ...]:
        return tuple(one.keys for one in self.slices if one.problem is None)


def resolve(
    spec: MonitorSpec,
    schema: Mapping[str, str],
    types: Types = _NOTHING_ANALYSED,
    decisions: Mapping[str, str] | None = None,
) -> Resolution:
    """Hold `spec` against `schema`: the monitored table's columns and their Spark types.

    Types are simple strings such as `double`, `decimal(10,2)`, `struct<a:int>`; `types`
    are those of the spec's expressions; `decisions` the columns of the table of decisions, if
    there is one. Never raises for what it finds.
    """
    columns = Columns(schema)
    declared = [
        select(spec, loc, kind, feature, columns, types)
        for loc, kind, feature in spec.features.declared()
    ]
    found = list(_automatic(spec, columns)) if spec.features.auto is not None else []
    features = tuple(_hidden(spec, one) for one in (*declared, *found))
    return Resolution(
        features=features,
        slices=tuple(_slices(spec, columns)),
        predictions=tuple(_predictions(spec, columns)),
        metrics=tuple(
            _metric(spec, Feature(name, "metric", PREFIX + name), columns, decisions)
            for name in spec.counted_metrics
        ),
        blocking=(
            *_timestamp(spec, columns),
            *_filter(spec, spec.source, "source", columns),
            *_no_features(spec, features),
        ),
        remarks=(
            *_auto_remarks(spec, columns),
            *_key_remarks(spec, columns),
            *_override_remarks(spec, features),
            *unknown(spec, {one.feature.name for one in features}),
            *unfit(spec, {one.feature.name: one.feature.kind for one in features}),
        ),
    )


def resolve_reference(
    spec: MonitorSpec,
    features: Sequence[Feature],
    schema: Mapping[str, str],
    types: Types = _NOTHING_ANALYSED,
    decisions: Mapping[str, str] | None = None,
) -> Resolution:
    """Hold `features` of the monitored table against the table of a scanned reference.

    No timestamp is needed there; a column that is missing is that feature's problem.
    `decisions`: as in `resolve`, where the reference is of the monitored table itself.
    """
    columns = Columns(schema)
    metrics = [one for one in features if one.kind == "metric"]
    features = [one for one in features if one.kind != "metric"]
    known: dict[str, tuple[Loc, Kind, Declared]] = {
        feature.name: (loc, kind, feature) for loc, kind, feature in spec.features.declared()
    }
    blocking: tuple[Problem, ...] = ()
    if spec.reference is not None:
        blocking = tuple(_filter(spec, spec.reference, "reference", columns))
    return Resolution(
        features=tuple(
            _hidden(
                spec,
                select(spec, *known[one.name], columns, types)
                if one.name in known
                else select_column(spec, ("reference",), one, columns),
            )
            for one in features
        ),
        slices=tuple(_slices(spec, columns)),
        metrics=tuple(_metric(spec, one, columns, decisions) for one in metrics),
        blocking=blocking,
    )


def _hidden(spec: MonitorSpec, one: ResolvedFeature) -> ResolvedFeature:
    """The same with how its values are hidden, where they are."""
    if one.feature.kind != "categorical":
        return one
    hidden = hidden_feature(spec, one.feature.name)
    return replace(one, feature=replace(one.feature, hidden=hidden))


def _output(one: ResolvedPrediction, kind: Kind) -> Feature:
    feature = Feature(one.column, kind, one.column, hidden=one.hidden)
    if kind == "categorical" or one.data_type is None:
        return feature
    return replace(feature, remainder=remainder(feature.sql, one.data_type))


def metric_parts(spec: MonitorSpec, name: str) -> tuple[str, ...]:
    """The metrics that are counted for the metric `name`: itself, or what it is derived from."""
    derived = spec.counted_metrics[name].derived
    return (name,) if derived is None else parse_derived(derived).names


def _metric(
    spec: MonitorSpec,
    metric: Feature,
    columns: Columns,
    decisions: Mapping[str, str] | None,
) -> ResolvedFeature:
    """A metric with the first column that the table lacks, if there is one."""
    if metric.column == SHAPED and decisions is not None:
        problem = decisions_problem(spec, dict(columns.items()), decisions)
        return ResolvedFeature(metric, None if problem else "double", problem)
    for part in metric_parts(spec, metric.column):
        for place, text in spec.counted_metrics[part].expressions():
            for name in identifiers(text):
                if columns.type_of(name) is None:
                    problem = missing(spec, (*spec.place_of_metric(part), *place), name, columns)
                    return ResolvedFeature(metric, None, problem)
    return ResolvedFeature(metric, "double")


def _automatic(spec: MonitorSpec, columns: Columns) -> Iterator[ResolvedFeature]:
    """The features found by type, in the order of the table; what is declared wins.

    A column that bears the former name of a declared feature is left out: its
    rows would be stored under the same name.
    """
    auto = spec.features.auto
    assert auto is not None  # noqa: S101
    taken = {spec.timestamp.column.lower(), *(c.lower() for c in auto.exclude)}
    taken |= {column.lower() for _, column in spec.prediction.columns()}
    taken |= {PREFIX + name for name in spec.counted_metrics}
    if spec.source.payload is not None:
        taken |= {POSITION, *COUNTERS}
    for _, _, feature in spec.features.declared():
        taken |= {(feature.column or "").lower(), feature.name.lower()}
    included = None if auto.include is None else {c.lower() for c in auto.include}
    for name, data_type in columns.items():
        kind = automatic_kind(data_type)
        candidate = included is None or name.lower() in included
        if kind is not None and candidate and name.lower() not in taken:
            yield select_column(spec, ("features", "auto"), Feature(name, kind, name), columns)


def _in_file_order(problems: Iterable[Problem]) -> tuple[Problem, ...]:
    return tuple(sorted(dict.fromkeys(problems), key=lambda problem: problem.line or 0))


def _auto_remarks(spec: MonitorSpec, columns: Columns) -> Iterator[Problem]:
    auto = spec.features.auto
    if auto is None:
        return
    for key, names in (("include", auto.include or ()), ("exclude", auto.exclude)):
        for position, name in enumerate(names):
            loc: Loc = ("features", "auto", key, position)
            data_type = columns.type_of(name)
            if data_type is None:
                yield missing(spec, loc, name, columns)
            elif key == "include" and automatic_kind(data_type) is None:
                message = f"'auto' has no kind for the column {name!r}"
                accepted = "a numeric, string or boolean column"
                yield spec.origin.problem(loc, message, given=data_type, accepted=accepted)


def _key_remarks(spec: MonitorSpec, columns: Columns) -> Iterator[Problem]:
    loc: Loc = ("prediction", "key")
    for column in spec.prediction.key or ():
        data_type = columns.type_of(column)
        if data_type is None:
            yield missing(spec, loc, column, columns)
        elif not is_atomic(data_type):
            message = f"the column {column!r} can't be part of the key"
            yield spec.origin.problem(loc, message, given=data_type, accepted=ACCEPTED_ATOMIC)


def _override_remarks(spec: MonitorSpec, features: Sequence[ResolvedFeature]) -> Iterator[Problem]:
    """Overrides for no feature; without `auto`, `checks.py` has refused them already."""
    names = {one.feature.name for one in features} | set(spec.names_together)
    hints = Hints(sorted(names))
    for name in spec.drift.overrides:
        if name not in names:
            loc = ("drift", "overrides", name)
            message = "the override is for no feature of this monitor"
            close = hints.nearest(name)
            accepted = "the name of a feature"
            yield spec.origin.problem(loc, message, given=name, accepted=accepted, nearest=close)


def _no_features(spec: MonitorSpec, features: Sequence[ResolvedFeature]) -> Iterator[Problem]:
    if not features:
        accepted = "a table with numeric, string or boolean columns, or features that are named"
        message = "'auto' finds no feature in the table"
        yield spec.origin.problem(("features", "auto"), message, accepted=accepted)


def _timestamp(spec: MonitorSpec, columns: Columns) -> Iterator[Problem]:
    loc, column = ("timestamp", "column"), spec.timestamp.column
    data_type = columns.type_of(column)
    if data_type is None:
        yield missing(spec, loc, column, columns)
    elif not is_timestamp(data_type):
        accepted = ACCEPTED_TIMESTAMP
        if base_type(data_type) in ("string", "char", "varchar"):
            accepted += "; monitor a view with to_timestamp(...) of this column"
        message = f"the column {column!r} can't be the timestamp"
        yield spec.origin.problem(loc, message, given=data_type, accepted=accepted)


def _filter(
    spec: MonitorSpec, location: Location, section: str, columns: Columns
) -> Iterator[Problem]:
    for name in identifiers(location.filter) if location.filter is not None else ():
        if columns.type_of(name) is None:
            yield missing(spec, (section, "filter"), name, columns)


def _slices(spec: MonitorSpec, columns: Columns) -> Iterator[ResolvedSlice]:
    for position, keys in enumerate(spec.slices):
        loc: Loc = ("slices", position)
        problem: Problem | None = None
        for key in keys:
            data_type = columns.type_of(key)
            if data_type is None:
                problem = problem or missing(spec, loc, key, columns)
            elif not is_atomic(data_type):
                message = f"the column {key!r} can't be sliced by"
                problem = problem or spec.origin.problem(
                    loc, message, given=data_type, accepted=ACCEPTED_ATOMIC
                )
        yield ResolvedSlice(keys, problem)


def _labelled_elsewhere(spec: MonitorSpec) -> bool:
    """Whether labels arrive in another table, so that the watched one needs none."""
    return spec.evaluation is not None and spec.evaluation.labels is not None


def _predictions(spec: MonitorSpec, columns: Columns) -> Iterator[ResolvedPrediction]:
    roles: tuple[Literal["score", "decision", "label"], ...] = ("score", "decision", "label")
    for role in roles:
        column = dict(spec.prediction.columns()).get(role)
        if column is None or (role == "label" and _labelled_elsewhere(spec)):
            continue
        loc, data_type = ("prediction", role), columns.type_of(column)
        problem: Problem | None = None
        if data_type is None:
            problem = missing(spec, loc, column, columns)
        elif role == "score" and not is_numeric(data_type):
            message = f"the column {column!r} can't be the score"
            problem = spec.origin.problem(loc, message, given=data_type, accepted=ACCEPTED_NUMERIC)
        elif not is_atomic(data_type):
            message = f"the column {column!r} can't be the {role}"
            problem = spec.origin.problem(loc, message, given=data_type, accepted=ACCEPTED_ATOMIC)
        hidden = hidden_feature(spec, column) if role == "decision" else None
        yield ResolvedPrediction(role, column, data_type, problem, hidden)
