"""The association of one feature with the label in each window, and its change."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from sparkdrift.kernels.feature_rows import INSUFFICIENT, NO_REFERENCE, FeatureRow, judged_change
from sparkdrift.measures import association as measure
from sparkdrift.measures.arrays import Floats, floats
from sparkdrift.measures.association import Association
from sparkdrift.measures.dependence import CELLS, merge_states

ASSOCIATION, CHANGE = "association", "association_change"
REST = ":other"
"""The category that all those share which a window does not list."""
_NO_LABELS = "no labelled row of the window has a value"

Cells = Floats


@dataclass(frozen=True)
class Moments:
    """What is stored of one feature and the label, of one window or several.

    of_classes: by class rows, mean, squared deviations (3,) of a number. counts: by class rows by
    category. pair: the state of a pair (6,). of_categories: by category rows, mean and squared
    deviations (3,) of a label that is a number. One of the four is filled.
    """

    of_classes: Mapping[str, Cells] = field(default_factory=dict)
    counts: Mapping[str, Mapping[str, float]] = field(default_factory=dict)
    pair: Cells | None = None
    of_categories: Mapping[str, Cells] = field(default_factory=dict)


def parsed(states: Iterable[tuple[Sequence[str | None], Sequence[float]]]) -> Moments:
    """The rows of `states` of one feature and window: (columns, cells) of each.

    columns: the feature, the class (NULL: the label is a number), and the categories.
    """
    found = Moments({}, {}, None, {})
    of_classes: dict[str, Cells] = {}
    counts: dict[str, dict[str, float]] = {}
    of_categories: dict[str, Cells] = {}
    pair = found.pair
    for columns, cells in states:
        name, categories = columns[1], [str(one) for one in columns[2:]]
        if name is None and categories:
            parts = floats(cells).reshape(-1, 3)
            of_categories |= dict(zip(categories, parts, strict=True))
        elif name is None:
            pair = floats(cells) if len(cells) == CELLS else pair
        elif categories:
            counts[name] = dict(zip(categories, map(float, cells), strict=True))
        elif len(cells) == 3:
            of_classes[name] = floats(cells)
    return Moments(of_classes, counts, pair, of_categories)


def associated(moments: Moments | None) -> Association:
    """How closely the two go together; of two classes the later in order counts as 1."""
    if moments is None:
        return Association(np.nan, 0, signed=True, reason=_NO_LABELS)
    if moments.of_classes:
        return _of_classes(moments.of_classes)
    if moments.counts:
        return measure.cramers_v(_table(moments.counts))
    if moments.pair is not None:
        return measure.pearson(moments.pair)
    if moments.of_categories:
        return measure.correlation_ratio(_pooled(moments.of_categories))
    return Association(np.nan, 0, signed=True, reason=_NO_LABELS)


def merged(parts: Sequence[Moments]) -> Moments | None:
    """The moments of all rows of several windows; None of none.

    A category that one window lists and another may hide among its rest is put into the rest.
    """
    if not parts:
        return None
    pair: Cells | None = None
    for one in parts:
        if one.pair is not None:
            pair = one.pair if pair is None else merge_states(pair, one.pair)
    return Moments(
        _merged_moments([one.of_classes for one in parts]),
        _merged_counts([one.counts for one in parts]),
        pair,
        _merged_categories([one.of_categories for one in parts]),
    )


def association_rows(
    feature: str,
    now: Moments | None,
    reference: Sequence[Moments],
    limit: float,
    lacking: str,
    named: str = "the reference",
) -> list[FeatureRow]:
    """Both figures of one window. reference: the windows of what is `named`; lacking: why there are
    none. A signed association is compared knowing how much those windows vary by themselves.
    """
    own = associated(now)
    kind = "r" if own.signed else "V or eta"
    if np.isnan(own.value):
        return [
            FeatureRow(ASSOCIATION, feature, INSUFFICIENT, own.reason, unit=kind),
            FeatureRow(CHANGE, feature, INSUFFICIENT, own.reason, limit=limit, unit=kind),
        ]
    low, high = measure.interval(own)
    told = f"over {own.rows:,.0f} labelled rows"
    rows = [FeatureRow(ASSOCIATION, feature, None, told, own.value, low, high, unit=kind)]
    if not reference:
        return [*rows, FeatureRow(CHANGE, feature, NO_REFERENCE, lacking, limit=limit, unit=kind)]
    before = associated(merged(reference))
    if np.isnan(before.value) or before.signed != own.signed:
        reason = f"{named}: {before.reason or 'its label is of another kind'}"
        return [*rows, FeatureRow(CHANGE, feature, NO_REFERENCE, reason, limit=limit, unit=kind)]
    beyond = measure.between_windows([associated(one) for one in reference])
    found = measure.change(own, before, beyond, len(reference))
    reason = f"{own.value:+.3f} over {own.rows:,.0f} labelled rows, {before.value:+.3f} in "
    reason += f"{named} over {before.rows:,.0f}; p = {found.p_value:.2g}"
    return [
        *rows,
        FeatureRow(
            CHANGE,
            feature,
            judged_change(found, limit),
            reason if own.signed else reason.replace("+", ""),
            found.value,
            found.low,
            found.high,
            limit,
            kind,
            found.p_value,
        ),
    ]


def _of_classes(of_classes: Mapping[str, Cells]) -> Association:
    groups = np.stack([of_classes[name] for name in sorted(of_classes)])
    if len(groups) == 2:
        return measure.point_biserial(groups)
    if len(groups) == 1:
        reason = f"all {groups[0, 0]:,.0f} labelled rows are of the class {next(iter(of_classes))}"
        return Association(np.nan, float(groups[0, 0]), signed=True, reason=reason)
    return measure.correlation_ratio(groups)


def _table(counts: Mapping[str, Mapping[str, float]]) -> Floats:
    """Counts (C, K) of classes by categories, those of less than 5 rows and the rest pooled."""
    names = sorted({name for own in counts.values() for name in own})
    table = floats([[own.get(name, 0.0) for name in names] for own in counts.values()])
    rest = table.sum(axis=0) < measure.LEAST_IN_CATEGORY
    rest |= np.array([name == REST for name in names], dtype=bool)
    if not rest.any():
        return table
    return np.column_stack([table[:, ~rest], table[:, rest].sum(axis=1)])


def _pooled(of_categories: Mapping[str, Cells]) -> Floats:
    """Moments (G, 3) by category, those of less than 5 rows pooled into one."""
    rest = np.zeros(3)
    kept = []
    for name, cells in sorted(of_categories.items()):
        if name == REST or cells[0] < measure.LEAST_IN_CATEGORY:
            rest = measure.merged_moments(rest, cells)
        else:
            kept.append(cells)
    return floats([*kept, rest] if rest[0] > 0 else kept)


def _merged_moments(parts: Sequence[Mapping[str, Cells]]) -> dict[str, Cells]:
    found: dict[str, Cells] = {}
    for part in parts:
        for name, cells in part.items():
            found[name] = measure.merged_moments(found[name], cells) if name in found else cells
    return found


def _merged_counts(
    parts: Sequence[Mapping[str, Mapping[str, float]]],
) -> dict[str, dict[str, float]]:
    listed = [{name for own in part.values() for name in own} for part in parts if part]
    hidden = _hidden(listed)
    found: dict[str, dict[str, float]] = {}
    for part in parts:
        for of, own in part.items():
            total = found.setdefault(of, {})
            for name, rows in own.items():
                place = REST if name in hidden else name
                total[place] = total.get(place, 0.0) + rows
    return found


def _merged_categories(parts: Sequence[Mapping[str, Cells]]) -> dict[str, Cells]:
    hidden = _hidden([set(part) for part in parts if part])
    return _merged_moments(
        [{name: cells} for part in parts for name, cells in _renamed(part, hidden)]
    )


def _renamed(part: Mapping[str, Cells], hidden: set[str]) -> list[tuple[str, Cells]]:
    return [(REST if name in hidden else name, cells) for name, cells in part.items()]


def _hidden(listed: Sequence[set[str]]) -> set[str]:
    """The categories that a window with a rest does not list: they may be among its rest."""
    every = set().union(*listed)
    return {name for one in listed if REST in one for name in every - one}
