"""What the mix of production does: slices that the set lacks, limits that were set on its mix."""

from __future__ import annotations

import json
from collections.abc import Hashable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from sparkdrift.kernels.stale_rows import (
    ALL,
    OK,
    UNDETERMINED,
    WARNING,
    Accepted,
    EvaluationSet,
    Stale,
    StalePolicy,
    WindowState,
    above,
    between,
    judged,
    percent,
    unmeasured,
)
from sparkdrift.kernels.stale_scores import rows_per_bin
from sparkdrift.measures import production_mix
from sparkdrift.measures.arrays import Floats, floats
from sparkdrift.measures.density_ratio import Margin, Raked, rake
from sparkdrift.measures.intervals import Figure
from sparkdrift.measures.production_mix import Mixed
from sparkdrift.measures.regression_error import COLUMNS as ERRORS
from sparkdrift.measures.representation import ess_ratio, lacking_share
from sparkdrift.measures.score_bins import COLUMNS, ScoreBins
from sparkdrift.measures.score_bins import above as bins_above

_AT = {name: i for i, name in enumerate(COLUMNS)}
_CONFUSION = ("tp", "fp", "fn", "tn")
_LABELLED, _WITH_TARGET = _AT["labelled"], ERRORS.index("rows")


def missing_slices(
    policy: StalePolicy, held: EvaluationSet, window: WindowState
) -> Iterator[Stale]:
    """By slice key: the share of the window's rows in values without a labelled row of the set."""
    if not policy.slices:
        why = "the spec declares no slices"
        yield unmeasured("missing_slices", ALL, why, threshold=policy.missing_slices)
    for key in policy.slices:
        rows = window.slices.get(key, {})
        known = _rows_by_value(held, key)
        values = list(rows)
        found = lacking_share(
            [known.get(one, 0.0) for one in values], [rows[one] for one in values]
        )
        if not known or not sum(rows.values()):
            side = "the evaluation set" if not known else "the window"
            why = f"{side} has no slices by {key}"
            yield unmeasured("missing_slices", key, why, threshold=policy.missing_slices)
            continue
        if np.isnan(found.value):
            found = Figure(floats(1.0), floats(1.0), floats(1.0))
        gone = sorted((one for one in values if not known.get(one)), key=lambda one: -rows[one])
        text = f"{between(found)} of the rows are in values of {key} that the set has no row of"
        if gone:
            named = ", ".join("NULL" if one is None else str(one) for one in gone[:3])
            text += f": {named}" + (f" and {len(gone) - 3} more" if len(gone) > 3 else "")
        text += f" (limit {percent(policy.missing_slices)})"
        status = above(found, policy.missing_slices)
        yield judged("missing_slices", key, found, status, text, policy.missing_slices)


def _rows_by_value(held: EvaluationSet, key: str) -> dict[str | None, float]:
    values, cells = held.slices.get(key, ((), floats([])))
    if not len(values):
        return {}
    rows = rows_of(held, cells).sum(axis=-1)
    return dict(zip(values, rows.tolist(), strict=True))


def rows_of(held: EvaluationSet, cells: Floats) -> Floats:
    """Labelled rows per slice value and bin (S, B) of stored states (S, B, ...)."""
    return cells[..., _LABELLED if held.errors is None else _WITH_TARGET]


@dataclass(frozen=True)
class Weighted:
    """The evaluation set weighted to a window: its cells (S, B, ...), how, and by what; refused:
    by what more it could not be, and why."""

    cells: Floats
    raked: Raked
    window: Floats
    by: str
    refused: str = ""

    def told(self, status: str, policy: StalePolicy) -> tuple[str, str]:
        """(status, text) of a figure with that status that rests on these weights: what the set
        has no row for, or could not be weighted by, may have any figure, so it is not ok."""
        outside, text = self.raked.outside, ""
        if outside > 0:
            text += f"; {percent(outside)} of production has no counterpart in the set"
        if self.refused:
            text += f"; not by {self.refused}"
        unsure = outside > policy.outside or bool(self.refused)
        return (UNDETERMINED if status == OK and unsure else status), text


def acceptance_limits(
    policy: StalePolicy, held: EvaluationSet, window: WindowState, mix: Weighted | str
) -> Iterator[Stale]:
    """Each metric of the dashboard on the window's mix, and what its limit would be there; mix: of
    `weighted`."""
    accepted = policy.accepted_at(window.end)
    if not accepted:
        why = "evaluation.dashboard declares no metric, and its table has no row of one before the "
        why += "window's end"
        yield unmeasured("acceptance_limit", ALL, why, unit="of the metric")
        return
    for one in accepted:
        yield _acceptance(policy, held, mix, one)


def weighted(policy: StalePolicy, held: EvaluationSet, window: WindowState) -> Weighted | str:
    """By score bins and all slice keys, else the one whose mix has moved most, else bins alone:
    the first of these that weights can reach; a text where none can be."""
    counted = rows_per_bin(held, window, ALL)
    if counted is None:
        return (
            "the set is weighted to production for binary models and regressions alone"
            if held.scores and ALL not in held.scores
            else "no scores of this window are counted by the bins of this version of the set"
        )
    rows = counted[1]
    bins = "score bins" if held.errors is None else "bins of the prediction"
    whole = held.errors if held.errors is not None else held.scores[ALL].cells

    def mix(cells: Floats, keys: Mapping[str, Margin]) -> Weighted:
        margins = list(keys.values())
        raked = rake(rows_of(held, cells), margins, rows, policy.distrust_ess_ratio)
        return Weighted(cells, raked, rows, " and ".join([bins, *keys]))

    refused = ""
    for cells, keys in (*_by_slices(policy, held, window), (whole[None], {})):
        found = mix(cells, keys)
        if not found.raked.reason:
            break
        refused = refused or f"{' and '.join(keys)}: {found.raked.reason}"
    return replace(found, refused=refused)


def _by_slices(
    policy: StalePolicy, held: EvaluationSet, window: WindowState
) -> Iterator[tuple[Floats, dict[str, Margin]]]:
    """(cells of the set (S, B, ...), a margin for each key that they are raked to)."""
    known = {key: rows for key in policy.slices if (rows := window.slices.get(key))}
    if policy.combined in held.slices and len(known) > 1:
        values, cells = held.slices[policy.combined]
        yield floats(cells), _margins_of_combined(policy, values, known)
    single = [
        (floats(cells), key, _margin(values, rows))
        for key, rows in known.items()
        for values, cells in [held.slices.get(key, ((), floats([])))]
        if len(values)
    ]
    if single:
        cells, key, margin = min(single, key=lambda one: _effective(held, one[0], one[2]))
        yield cells, {key: margin}


def _margins_of_combined(
    policy: StalePolicy,
    values: Sequence[str | None],
    known: Mapping[str, Mapping[str | None, float]],
) -> dict[str, Margin]:
    """values: of the combination of all keys, as JSON; known: the window's rows by key."""
    columns = tuple(dict.fromkeys(one for keys in policy.slices.values() for one in keys))
    parts = [dict(zip(columns, json.loads(str(one)), strict=True)) for one in values]
    found = {}
    for key, rows in known.items():
        own = policy.slices[key]
        by_parts = {_parts(value, own): n for value, n in rows.items()}
        found[key] = _margin([tuple(one[column] for column in own) for one in parts], by_parts)
    return found


def _margin(values: Sequence[Hashable], rows: Mapping[Any, float]) -> Margin:
    """The window's rows by value, and the place of each of `values` among them."""
    places = {value: i for i, value in enumerate(dict.fromkeys((*rows, *values)))}
    counts = [rows.get(value, 0.0) for value in places]
    return Margin([places[value] for value in values], floats(counts))


def _parts(value: str | None, columns: Sequence[str]) -> tuple[str | None, ...]:
    """A slice's value by column: of several columns it is stored as JSON."""
    return (value,) if len(columns) == 1 or value is None else tuple(json.loads(value))


def _effective(held: EvaluationSet, cells: Floats, margin: Margin) -> float:
    """The ESS ratio by a slice key alone; that of too few rows is the last to be chosen."""
    rows = rows_of(held, cells).sum(axis=-1)
    by_value = np.bincount(np.asarray(margin.of, dtype=int), rows, len(floats(margin.rows)))
    ratio = float(ess_ratio(by_value, margin.rows).value)
    return np.inf if np.isnan(ratio) else ratio


def _acceptance(
    policy: StalePolicy, held: EvaluationSet, mix: Weighted | str, one: Accepted
) -> Stale:
    figure, unit = "acceptance_limit", "of the metric"
    if isinstance(mix, str):
        return unmeasured(figure, one.metric, mix, threshold=one.limit, unit=unit)
    raked = mix.raked
    if raked.reason:
        return unmeasured(
            figure, one.metric, raked.reason, threshold=one.limit, unit=unit, status=UNDETERMINED
        )
    found = mixed(policy, held, mix, one.metric)
    if found is None or np.isnan(found.gap.value):
        why = "the evaluation set does not give this metric"
        return unmeasured(figure, one.metric, why, threshold=one.limit, unit=unit)
    base = found.evaluated if np.isnan(one.limit) else one.limit
    text = (
        f"{found.evaluated:.4g} on the evaluation set's mix, {found.reweighted:.4g} on "
        f"production's (by {mix.by}; effective rows {percent(raked.ess_ratio)}): the limit "
        f"{base:.4g} would be {base + float(found.gap.value):.4g}; "
        f"gap {between(found.gap, 'number')}"
    )
    recomputed = Figure(*(floats(base + part) for part in found.gap))
    tolerated = policy.tolerance(one.metric, found.evaluated)
    status = _moved(found.gap, tolerated)
    if status == UNDETERMINED:
        text += f"; too unsure to rule out a gap of {tolerated:.3g}"
    status, more = mix.told(status, policy)
    text += more
    value, low, high = (float(part) for part in recomputed)
    return Stale(figure, one.metric, status, text, value, low, high, base, unit)


def _moved(gap: Figure, tolerated: float) -> str:
    """Stale where the interval leaves 0 out, and the gap is no trifle: a tenth of `tolerated`.

    Ok where the interval leaves out what is tolerated.
    """
    if (gap.low > 0 or gap.high < 0) and abs(float(gap.value)) >= tolerated / 10:
        return WARNING
    return OK if -tolerated <= gap.low and gap.high <= tolerated else UNDETERMINED


def mixed(policy: StalePolicy, held: EvaluationSet, mix: Weighted, metric: str) -> Mixed | None:
    if held.errors is not None:
        return production_mix.of_errors(metric, mix.cells, mix.raked, mix.window)
    whole = held.scores[ALL]
    state = decided(ScoreBins(whole.edges, mix.cells, whole.unusable), policy)
    return production_mix.of_scores(metric, state, mix.raked, mix.window, policy.payoff)


def decided(state: ScoreBins, policy: StalePolicy) -> ScoreBins:
    """The same state; without any recorded decision, with those of the first threshold."""
    have = sum(float(state.column(name).sum()) for name in _CONFUSION)
    if have > 0 or not policy.thresholds:
        return state
    try:
        taken = bins_above(state.edges, policy.thresholds[0].value)
    except ValueError:
        return state
    yes = state.column("positives")
    no = state.column("labelled") - yes
    cells = state.cells.copy()
    for name, counted in zip(
        _CONFUSION, (yes * taken, no * taken, yes * (1 - taken), no * (1 - taken)), strict=True
    ):
        cells[..., _AT[name]] = counted
    return ScoreBins(state.edges, cells, state.unusable)
