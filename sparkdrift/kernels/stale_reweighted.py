"""The evaluation set's metrics on production's mix: what the set would show, had it that mix.

Post-stratified by score bins and all slice keys (raking), see `stale_mix.weighted`. The interval is
that of the set's effective rows: production's mix is taken as the window shows it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping

import numpy as np
from numpy.typing import ArrayLike

from sparkdrift.kernels.binary_performance import shown
from sparkdrift.kernels.performance_rules import BETTER, Rules
from sparkdrift.kernels.stale_mix import Weighted, decided, mixed, rows_of
from sparkdrift.kernels.stale_rows import (
    ALL,
    UNDETERMINED,
    EvaluationSet,
    Stale,
    StalePolicy,
    above,
    between,
    percent,
    unmeasured,
)
from sparkdrift.measures.arrays import floats
from sparkdrift.measures.density_ratio import reweighted
from sparkdrift.measures.intervals import Figure
from sparkdrift.measures.regression_error import (
    mean_absolute_error,
    mean_absolute_percentage_error,
    root_mean_squared_error,
)
from sparkdrift.measures.score_bins import ScoreBins

FIGURE = "reweighted"
_UNIT = "of the metric"
_ERRORS: Mapping[str, Callable[[ArrayLike], Figure]] = {
    "mae": mean_absolute_error,
    "rmse": root_mean_squared_error,
    "mape": mean_absolute_percentage_error,
}


def reweighted_metrics(
    policy: StalePolicy, held: EvaluationSet, mix: Weighted | str
) -> Iterator[Stale]:
    """Each metric of the model on the window's mix, with the interval of the effective rows.

    mix: of `weighted`. Refused, with the reason, where no metric should rest on the set. It warns
    where the mix alone costs more than is tolerated: of a metric the set's rows show both with
    their own mix and with production's, so the difference is better known than either.
    """
    if isinstance(mix, str) or not policy.metrics:
        why = mix if isinstance(mix, str) else "evaluation.metrics names none that the set gives"
        yield unmeasured(FIGURE, ALL, why, unit=_UNIT)
        return
    for metric in policy.metrics:
        yield _metric(policy, held, mix, metric)


def _metric(policy: StalePolicy, held: EvaluationSet, mix: Weighted, metric: str) -> Stale:
    raked = mix.raked
    if raked.reason:
        return unmeasured(FIGURE, metric, raked.reason, unit=_UNIT, status=UNDETERMINED)
    found, figure = mixed(policy, held, mix, metric), _shown(policy, held, mix, metric)
    if found is None or np.isnan(found.gap.value) or figure is None:
        why = "the evaluation set does not give this metric"
        return unmeasured(FIGURE, metric, why, unit=_UNIT)
    better = BETTER[metric]
    tolerated = policy.tolerance(metric, found.evaluated)
    ends = sorted(-better * float(part) for part in found.gap)
    loss = Figure(*(floats(ends[i]) for i in (1, 0, 2)))
    status = above(loss, tolerated)
    effective = raked.ess_ratio * float(rows_of(held, mix.cells).sum())
    text = (
        f"{between(figure, 'number')} on production's mix (by {mix.by}), {found.evaluated:.4g} on "
        f"the set's own; {effective:,.0f} effective rows, {percent(raked.ess_ratio)}; "
        f"{between(loss, 'number')} lost by the mix, {tolerated:.3g} tolerated"
    )
    status, more = mix.told(status, policy)
    text += more
    value, low, high = (float(part) for part in figure)
    limit = found.evaluated - better * tolerated
    return Stale(FIGURE, metric, status, text, value, low, high, limit, _UNIT)


def _shown(policy: StalePolicy, held: EvaluationSet, mix: Weighted, metric: str) -> Figure | None:
    if held.errors is not None:
        weights = mix.raked.weights[..., None]
        sums = (mix.cells * weights).sum(axis=(0, 1)) * mix.raked.ess_ratio
        return _ERRORS[metric](sums) if metric in _ERRORS else None
    whole = held.scores[ALL]
    unusable = np.zeros((len(mix.cells), len(whole.unusable)))
    state = decided(ScoreBins(whole.edges, mix.cells, unusable), policy)
    rules = Rules(recorded=True, payoff=policy.payoff)
    return shown(reweighted(state, mix.raked), rules).get(metric)
