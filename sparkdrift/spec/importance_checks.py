"""What must hold inside `importance` and `feature_debt`, and between them and the rest."""

from __future__ import annotations

from collections.abc import Iterator

from sparkdrift.spec.findings import Finding, bad_filter
from sparkdrift.spec.importance import FeatureDebt
from sparkdrift.spec.models import MonitorSpec
from sparkdrift.spec.origin import Loc

_SECTION: Loc = ("importance",)
_OF_IMPORTANCES = ("concentration", "drifted_importance", "cliff_risk")
_COLUMNS = ("feature", "value", "model_version", "time")


def rules(spec: MonitorSpec) -> Iterator[Finding]:
    """Importances come from one place, whose columns are named."""
    own = spec.importance
    if own is None:
        return
    if own.table is not None and own.path is not None:
        message = "the table of importances has both a table and a path"
        yield Finding(_SECTION, message, accepted="either 'table' or 'path'")
    if own.is_table and own.estimate is not None:
        message = "importances are estimated, and read from a table"
        yield Finding((*_SECTION, "estimate"), message, own.estimate, "one of both")
    elif not own.is_table and own.estimate is None:
        message = "where importances come from is not named"
        yield Finding(_SECTION, message, accepted="'table', 'path' or 'estimate'")
    if not own.is_table:
        for key in _COLUMNS:
            if getattr(own, key) is not None:
                message = "a column is named, but no table that has it"
                given = getattr(own, key)
                yield Finding((*_SECTION, key), message, given, "'table' or 'path' too")
    yield from bad_filter(own, *_SECTION)


def between(spec: MonitorSpec) -> Iterator[Finding]:
    """An estimate has a score to explain, an outcome is counted with scores and labels."""
    own, debt = spec.importance, spec.feature_debt
    if own is not None and own.estimate is not None and spec.prediction.score is None:
        message = "importances are estimated from the score, and none is named"
        yield Finding((*_SECTION, "estimate"), message, own.estimate, "'prediction.score' as well")
    if debt is not None and debt.outcome is not None and spec.evaluation is None:
        message = "an outcome is counted with scores and labels, for which the section is missing"
        accepted = "'evaluation' as well"
        yield Finding(("feature_debt", "outcome"), message, debt.outcome, accepted)
    if debt is not None:
        yield from _limits(spec, debt)


def _limits(spec: MonitorSpec, debt: FeatureDebt) -> Iterator[Finding]:
    """A limit that is written down is of something that is told."""
    given = debt.model_fields_set
    if "association" in given and spec.evaluation is None:
        message = "features are associated with scores and labels, for which the section is missing"
        accepted = "'evaluation' as well"
        yield Finding(("feature_debt", "association"), message, debt.association, accepted)
    for key in _OF_IMPORTANCES:
        if key in given and not spec.has_importance:
            message = "this is told of importances, and nothing says where they come from"
            accepted = "'importance' or 'alerts.importance' as well"
            yield Finding(("feature_debt", key), message, getattr(debt, key), accepted)
