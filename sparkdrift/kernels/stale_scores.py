"""What scores say of staleness: representation, decision rates, prior, calibration."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import TypedDict

import numpy as np

from sparkdrift.kernels.performance_rules import LEAST_LABELLED
from sparkdrift.kernels.stale_rows import (
    ALL,
    INSUFFICIENT,
    OK,
    UNDETERMINED,
    WARNING,
    EvaluationSet,
    Stale,
    StalePolicy,
    WindowState,
    above,
    below,
    between,
    beyond,
    judged,
    percent,
    points,
    unmeasured,
)
from sparkdrift.measures.arrays import Floats, floats
from sparkdrift.measures.calibration_drift import calibration_error, difference
from sparkdrift.measures.calibration_quality import brier, calibration_line
from sparkdrift.measures.confusion import share_difference
from sparkdrift.measures.decision_rate import relative_change
from sparkdrift.measures.density_ratio import THIN
from sparkdrift.measures.intervals import Figure, wilson
from sparkdrift.measures.prior_shift import em_prior, misfit
from sparkdrift.measures.regression_error import COLUMNS as ERRORS
from sparkdrift.measures.representation import ess_ratio, thin_share
from sparkdrift.measures.score_bins import ScoreBins
from sparkdrift.measures.score_bins import above as bins_above


class _Limits(TypedDict):
    threshold: float
    unit: str


_NO_STATE = "no scores of this window are counted by the bins of this version of the set"
# A change of the logit that moves a probability of one half by so much as one of the score.
_LOGIT = 4.0


def rows_per_bin(held: EvaluationSet, window: WindowState, of: str) -> tuple[Floats, Floats] | None:
    """(the set's labelled rows, the window's rows) per bin (B,), of a class or of predictions.

    None: no state. A row of the set without a label shows nothing of how the model does.
    """
    if held.errors is not None:
        if window.errors is None:
            return None
        return held.errors[..., ERRORS.index("rows")], _all_rows(window.errors)
    if of not in held.scores or of not in window.scores:
        return None
    return held.scores[of].column("labelled"), window.scores[of].column("rows")


def _all_rows(errors: Floats) -> Floats:
    """Rows per bin of predictions, those without a target included."""
    at = [ERRORS.index(name) for name in ("rows", "unusable")]
    return np.asarray(errors[..., at].sum(axis=-1))


def classes(held: EvaluationSet) -> tuple[str, ...]:
    """The classes that figures are told for: '*' of a binary model or a regression."""
    return tuple(sorted(held.scores)) or (ALL,)


def representation(
    policy: StalePolicy, held: EvaluationSet, window: WindowState
) -> Iterator[Stale]:
    """thin and ess_ratio, of each class."""
    for of in classes(held):
        found = rows_per_bin(held, window, of)
        if found is None or found[1].sum() == 0:
            why = _NO_STATE if found is None else "the window has no row with a usable score"
            yield unmeasured("thin", of, why, threshold=policy.thin)
            yield unmeasured("ess_ratio", of, why, threshold=policy.ess_ratio)
            continue
        thin = thin_share(*found)
        text = (
            f"{between(thin)} of the rows lie where the evaluation set has fewer than {THIN:.0f} "
            f"(limit {percent(policy.thin)})"
        )
        yield judged("thin", of, thin, above(thin, policy.thin), text, policy.thin)
        ratio = ess_ratio(*found)
        if np.isnan(ratio.value):
            why = "too few rows have scores that the evaluation set has"
            yield unmeasured("ess_ratio", of, why, threshold=policy.ess_ratio)
            continue
        text = (
            f"on this window's mix the evaluation set counts as {between(ratio)} of its rows "
            f"(limit {percent(policy.ess_ratio)})"
        )
        if ratio.value < policy.distrust_ess_ratio:
            text += f"; below {percent(policy.distrust_ess_ratio)} no metric should rest on it"
        status = below(ratio, policy.ess_ratio)
        yield judged("ess_ratio", of, ratio, status, text, policy.ess_ratio)


def decision_rates(
    policy: StalePolicy, held: EvaluationSet, window: WindowState
) -> Iterator[Stale]:
    """The share of positive decisions at each operating threshold, and of those recorded ('*'),
    against that of the evaluation set, as a relative change. From exact counts. Of several classes
    the share of rows that are decided to be of each."""
    if policy.task == "multiclass":
        yield from _rates_of_classes(policy, held, window)
        return
    then, now = held.scores.get(ALL), window.scores.get(ALL)
    # Where no column holds them, those in the states are the first threshold's.
    recorded = policy.recorded and None not in (then, now)
    if recorded and then is not None and now is not None:
        yield _rate(policy, ALL, "recorded decisions", *_decided(now), *_decided(then))
    for one in policy.thresholds:
        if then is None or now is None:
            why = _NO_STATE
        else:
            try:
                taken = bins_above(then.edges, one.value)
            except ValueError:
                why = (
                    f"version {held.version} of the set was frozen without the threshold "
                    f"{one.value:g}; `sparkdrift snapshot SPEC --role evaluation --name "
                    f"{held.name}` freezes it anew"
                )
            else:
                rows = [state.column("rows") for state in (now, then)]
                counts = [float(n) for x in rows for n in ((x * taken).sum(), x.sum())]
                yield _rate(policy, one.name, f"scores from {one.value:g} on", *counts)
                continue
        yield unmeasured("decision_rate", one.name, why, threshold=policy.decision_rate)
    if not recorded and not policy.thresholds:
        none = "neither decisions nor an operating threshold are declared"
        why = _NO_STATE if policy.recorded else none
        yield unmeasured("decision_rate", ALL, why, threshold=policy.decision_rate)


def _rates_of_classes(
    policy: StalePolicy, held: EvaluationSet, window: WindowState
) -> Iterator[Stale]:
    for of in classes(held):
        then, now = held.scores.get(of), window.scores.get(of)
        if then is None or now is None:
            yield unmeasured("decision_rate", of, _NO_STATE, threshold=policy.decision_rate)
            continue
        yield _rate(policy, of, f"decided to be {of}", *_decided(now), *_decided(then))


def _decided(state: ScoreBins) -> tuple[float, float]:
    """Rows decided positive, and all with a decision."""
    return float(state.total("decided")), float(state.total("decisions"))


def _rate(
    policy: StalePolicy, subject: str, of: str, x: float, n: float, x_then: float, n_then: float
) -> Stale:
    limit = policy.decision_rate
    if n <= 0 or n_then <= 0:
        return unmeasured("decision_rate", subject, "no rows with a decision", threshold=limit)
    found = relative_change(x, n, x_then, n_then)
    text = f"{of}: {percent(x / n)} of the rows, {percent(x_then / n_then)} in the evaluation set"
    if np.isnan(found.value):
        why = f"{text}, of which {x_then:.0f} positive rows are too few to tell a change by"
        return unmeasured("decision_rate", subject, why, threshold=limit)
    text += f"; changed by {between(found)} (limit {percent(limit)})"
    status = beyond(found, limit)
    return judged("decision_rate", subject, found, status, text, limit, threshold_low=-limit)


def prior_shift(policy: StalePolicy, held: EvaluationSet, window: WindowState) -> Iterator[Stale]:
    """The share of positives that the scores let expect less that of the set, in points.

    It holds if the mix of classes alone has changed. Where the scores are no mix of the set's two
    classes, or labels that are due show the set's share all the same, that assumption is wrong and
    not the set stale; labels decide where the scores can't.
    """
    limits: _Limits = {"threshold": 100 * policy.prior, "unit": "points"}
    for of in classes(held):
        then, now = held.scores.get(of), window.scores.get(of)
        if then is None or now is None:
            yield unmeasured("prior_shift", of, _NO_STATE, **limits)
            continue
        n, k = then.column("labelled"), then.column("positives")
        prior = wilson(k.sum(), n.sum())
        expected = em_prior(n, k, now.column("rows"))
        found = share_difference(expected, prior)
        if np.isnan(found.value):
            why = "no rows, labels of one class only, or scores that don't tell the classes apart"
            yield unmeasured("prior_shift", of, why, **limits)
            continue
        low, high = (points(float(one)) for one in found[1:])
        text = (
            f"{percent(float(expected.value))} positives if the mix of classes alone has changed, "
            f"{percent(float(prior.value))} in the evaluation set: {points(float(found.value))} "
            f"({low} to {high}; limit {points(policy.prior)} either way)"
        )
        in_points = Figure(*(floats(100 * one) for one in found))
        status = beyond(found, policy.prior)
        row = judged(
            "prior_shift", of, in_points, status, text, **limits, threshold_low=-100 * policy.prior
        )
        row = _mixed(row, misfit(n, k, now.column("rows")))
        yield _by_labels(policy, row, prior, now, window.mature)


def _mixed(row: Stale, apart: float) -> Stale:
    """The shift that scores let expect, where they are no mix of the two classes: no verdict."""
    if not apart:
        return row
    text = f"{row.reason}; but {percent(apart)} of the rows have scores that no mix of the set's "
    text += "two classes gives: more than the mix has changed, so this share can't be relied upon"
    return replace(row, status=UNDETERMINED, reason=text)


def _by_labels(
    policy: StalePolicy, row: Stale, prior: Figure, now: ScoreBins, mature: bool
) -> Stale:
    """The shift that scores let expect, beside the share of positives that labels show."""
    n, k = float(now.total("labelled")), float(now.total("positives"))
    if n < LEAST_LABELLED:
        return row
    realised = wilson(k, n)
    text = f"{row.reason}; labels show {between(realised)}"
    if not mature:
        return replace(row, reason=f"{text} so far, not all are due yet")
    shown = beyond(share_difference(realised, prior), policy.prior)
    if row.status == UNDETERMINED and shown in (OK, WARNING):
        return replace(row, status=shown, reason=text)
    if row.status == OK or (row.status == WARNING and not _holds(realised, prior)):
        return replace(row, reason=text)
    if shown == OK:
        return replace(row, status=OK, reason=f"{text}, as the set: it is not the mix that changed")
    text += ", which may be less than the limit from the set's share: too few labels to tell"
    return replace(row, status=UNDETERMINED, reason=text)


def _holds(figure: Figure, other: Figure) -> bool:
    return bool(figure.low <= other.value <= figure.high)


def calibration(policy: StalePolicy, held: EvaluationSet, window: WindowState) -> Iterator[Stale]:
    """calibration_error, calibration_slope, calibration_intercept and brier, once labels are due.

    The error is held against its limit; the others against the evaluation set's own figure. What
    counts as a change: of slope and intercept 4 times the limit, by which a probability of one
    half moves by the limit; of the Brier score its square, which is what such an error adds to it.
    """
    names = ("calibration_error", "calibration_slope", "calibration_intercept", "brier")
    for of in classes(held):
        then, now = held.scores.get(of), window.scores.get(of)
        labelled = 0.0 if now is None else float(now.total("labelled"))
        if then is None or now is None or labelled < LEAST_LABELLED:
            why = (
                _NO_STATE
                if now is None or then is None
                else f"{labelled:,.0f} labels of this window are known, at least {LEAST_LABELLED} "
                "needed"
            )
            yield from (unmeasured(name, of, why) for name in names)
            continue
        rows = [_error(policy, of, now), *_changes(policy, of, then, now)]
        yield from rows if window.mature else (_early(one, now) for one in rows)


def _early(row: Stale, now: ScoreBins) -> Stale:
    """The figure of the labels that are there, which is no verdict yet."""
    share = float(now.total("labelled") / now.total("rows"))
    text = f"not all labels are due yet, {percent(share)} are there: {row.reason}"
    parts = (row.value, row.low, row.high, row.threshold, row.unit, row.threshold_low)
    return Stale(row.figure, row.subject, INSUFFICIENT, text, *parts)


def _error(policy: StalePolicy, of: str, now: ScoreBins) -> Stale:
    found, limit = calibration_error(now), policy.calibration_error
    text = (
        f"scores are off by {between(found)} on average over {float(now.total('labelled')):.0f} "
        f"labelled rows (limit {percent(limit)})"
    )
    return judged("calibration_error", of, found, above(found, limit), text, limit)


def _changes(policy: StalePolicy, of: str, then: ScoreBins, now: ScoreBins) -> Iterator[Stale]:
    lines = calibration_line(now), calibration_line(then)
    material = _LOGIT * policy.calibration_error
    yield _change("calibration_slope", of, lines[0].slope, lines[1].slope, material)
    yield _change(
        "calibration_intercept", of, lines[0].in_the_large, lines[1].in_the_large, material
    )
    yield _change("brier", of, brier(now), brier(then), policy.calibration_error**2, worse=True)


def _change(
    figure: str, of: str, now: Figure, then: Figure, material: float, *, worse: bool = False
) -> Stale:
    """now, judged by its difference from `then`; worse: only a rise counts."""
    moved = difference(now, then)
    limit = float(then.value) + material
    lower = np.nan if worse else float(then.value) - material
    if np.isnan(moved.value) or np.isnan(moved.low):
        why = "labels of one class only, or too few, in the window or the evaluation set"
        return unmeasured(figure, of, why, unit="of the metric")
    status = above(moved, material) if worse else beyond(moved, material)
    text = (
        f"{between(now, 'number')}, of the evaluation set {between(then, 'number')}; "
        f"{_limits(lower, limit)}, a change of {material:.3g}"
    )
    return judged(figure, of, now, status, text, limit, "of the metric", lower)


def _limits(lower: float, upper: float) -> str:
    if np.isnan(lower):
        return f"limit {upper:.3g}"
    return f"limits {lower:.3g} and {upper:.3g}"
