"""What a calibration found, in lines that a model owner can act on."""

from __future__ import annotations

from collections.abc import Iterator
from math import isfinite
from typing import TYPE_CHECKING

from sparkdrift.explain.signals import WHOLE
from sparkdrift.measures.alarm_rates import LEAST_JUDGED, Rate
from sparkdrift.measures.influence import LARGEST_EFFECT
from sparkdrift.report.plain import joined, named, plain
from sparkdrift.spec.drafting import yaml_text

if TYPE_CHECKING:
    from sparkdrift.spec.models import MonitorSpec
    from sparkdrift.steps.calibrate import Alerting, Calibration

_MOST_NAMED = 5
RESEMBLING = 0.3
"""Lag-1 autocorrelation from which on it is said what it means: more than independent windows show
by chance, whose sd is at most 1 / sqrt(windows) for one feature and less on average over
several."""


def calibrated(spec: MonitorSpec, found: Calibration) -> Iterator[str]:
    """The findings, then the lines for the spec where others than the present ones fit."""
    name = spec.reference.name if spec.reference else ""
    yield (
        f"{spec.monitor}: {named(found.windows, 'good window')} of a {spec.windows.grain} replayed "
        f"(reference {name} version {found.reference.version}), {found.tests:,.0f} tests in each"
    )
    yield from _judged(found)
    yield from _resembling(found)
    yield f"  effect size {found.effect:g} (now): {_now(found)}"
    if found.alerting:
        listed = joined([_named(one) for one in found.alerting], _MOST_NAMED)
        yield f"    raised by {listed}"
    share = found.powerful / found.tests if found.tests else 0.0
    yield f"    a shift of that size would be found in {100 * share:.0f} % of the tests"
    if not found.any_rate:
        yield "  what would fit is not measured: at no effect size up to 1 sd is enough judged"
    elif found.suggested is None or found.fitting is None:
        yield f"  no effect size up to 1 sd is known to raise {found.wanted:g} a month or fewer"
    else:
        yield (
            f"  effect size {found.suggested:g} (the smallest for at most {found.wanted:g} a "
            f"month): {_rate(found.fitting)}{_of_some(found, found.fitting)}"
        )
    if found.least != "minor":
        yield f"  counted are windows of severity {found.least} or more (alerts.least)"
    if found.least == "warning":
        yield "    a warning depends on warn_at, not on effect_size: where it alarms, raise that"
    yield from _costs(spec, found)
    yield "  not replayed: shares (NULLs, new categories, range), metrics, rows of several columns"
    yield from _lines(found)


def _judged(found: Calibration) -> Iterator[str]:
    """How much of what was replayed said anything: rates are over that, and over nothing else."""
    lost = found.possible - found.judged
    share = 100 * found.judged / found.possible if found.possible else 0.0
    yield (
        f"  judged: {found.judged:,} of {named(found.possible, 'window')} of "
        f"{named(found.series, 'feature')}, slices counted apart ({share:.0f} %)"
        + (f"; in {lost:,} a shift of {found.effect:g} sd could have been missed" if lost else "")
    )
    if found.without:
        told = named(found.without, "feature")
        yield f"    {told} without a distance: of nearly one value, or without values"


def _now(found: Calibration) -> str:
    if found.now is not None:
        return _rate(found.now) + _of_some(found, found.now)
    windows = found.judged / max(found.series, 1)
    return (
        f"not measured: {windows:.1f} judged windows a feature, {LEAST_JUDGED} of one are needed "
        "(more rows, fewer slices, a longer reference, or a larger effect size)"
    )


def _resembling(found: Calibration) -> Iterator[str]:
    """How much windows resemble the ones before them, and what that means where it is much."""
    if not isfinite(found.rho):
        return
    yield (
        f"  windows resemble the one before by {found.rho:.2f} (lag-1 autocorrelation, on average "
        "over the features)"
    )
    if found.rho >= RESEMBLING:
        yield (
            "    so alerts come in runs, and the intervals below, which take them for independent, "
            "are too narrow"
        )


def _of_some(found: Calibration, rate: Rate) -> str:
    """That features which were judged too little have no part in a rate; "" where all have."""
    if rate.series >= found.series:
        return ""
    return (
        f"; of {rate.series:,} of {found.series:,} features, the others were judged in fewer than "
        f"{LEAST_JUDGED} windows"
    )


def _rate(rate: Rate) -> str:
    return (
        f"{named(rate.alerts, 'alert')} in {rate.months:.1f} months a feature that were judged, "
        f"{rate.per_month:.2g} a month (95 %: {rate.low:.2g} to {rate.high:.2g})"
        + (f"; standing in {named(rate.standing, 'window')}" if rate.alerts else "")
    )


def _named(one: Alerting) -> str:
    if one.slice_key == WHOLE:
        return plain(one.column_name, lines=False)
    value = "NULL" if one.slice_value is None else one.slice_value
    return plain(f"{one.column_name} ({one.slice_key} = {value})", lines=False)


def _costs(spec: MonitorSpec, found: Calibration) -> Iterator[str]:
    if not found.costs or spec.degraded is None:
        return
    loss, metric = spec.degraded.tolerated_loss, spec.degraded.metric
    yield f"  {loss:g} of {metric} may be lost by a shift of one feature alone of, at worst:"
    ordered = sorted(found.costs.items(), key=lambda item: item[1].effect)
    near = [(name, cost) for name, cost in ordered if cost.low < LARGEST_EFFECT]
    width = max((len(name) for name, _ in near), default=0)
    for name, cost in near:
        size = "over 3 sd" if cost.effect >= LARGEST_EFFECT else f"{cost.effect:.2f} sd"
        yield f"    {plain(name, lines=False):<{width}}  {size} (at least {cost.low:.2f})"
    far = len(ordered) - len(near)
    if far:
        yield f"    {named(far, 'other feature')}: more than 3 sd"


def _lines(found: Calibration) -> Iterator[str]:
    """YAML for the spec, where the replay or the costs say something else than what is there."""
    floor = found.suggested
    if floor is None:
        return
    if floor != found.effect:
        yield "  for the spec, by alarms alone (real shifts that do no harm alarm as well):"
        yield "    drift:"
        yield f"      effect_size: {floor:g}"
    known = {
        name: max(floor, round(cost.effect, 2))
        for name, cost in (found.costs or {}).items()
        if cost.effect < LARGEST_EFFECT
    }
    if known:
        yield "  by what a shift costs:"
        yield "    drift:"
        yield "      overrides:"
        for name, effect in sorted(known.items(), key=lambda item: item[1]):
            yield f"        {yaml_text(name)}: {{effect_size: {effect:g}}}"
