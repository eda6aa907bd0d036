"""What a calibration says, by what was found."""

from __future__ import annotations

from dataclasses import replace
from types import SimpleNamespace

import pytest

from sparkdrift.measures.alarm_rates import Rate
from sparkdrift.report.calibration import calibrated
from sparkdrift.spec.loading import parse_spec
from sparkdrift.steps.calibrate import Alerting, Calibration

SPEC = parse_spec("""
monitor: m
owner: o
source: {table: a.b.c}
timestamp: {column: t}
features: {numeric: [amount]}
reference: {begin: 2024-01-01, end: 2024-03-01}
""")
FOUND = Calibration(
    reference=SimpleNamespace(version=3),  # type: ignore[arg-type]
    windows=60,
    tests=10,
    powerful=9,
    now=Rate(1, 59, 2.0, 0.5, 0.0127, 2.79, 10),
    effect=0.32,
    wanted=1,
    suggested=0.51,
    fitting=Rate(0, 0, 2.0, 0.0, 0.0, 1.84, 10),
    series=10,
    possible=600,
    judged=590,
    alerting=(Alerting("*", "*", "amount", 1, 59),),
)


def text(found: Calibration) -> str:
    return "\n".join(calibrated(SPEC, found))


def test_one_alert_that_stands_all_the_time_is_told_with_its_windows():
    told = text(FOUND)
    rates = "0.5 a month (95 %: 0.013 to 2.8)"
    assert f"0.32 (now): 1 alert in 2.0 months a feature that were judged, {rates}" in told
    assert "; standing in 59 windows" in told
    assert "raised by amount" in told
    assert "effect_size: 0.51" in told
    assert "alerts.least" not in told


@pytest.mark.parametrize("least", ["warning", "major"])
def test_the_severity_that_counts_is_said(least):
    told = text(replace(FOUND, least=least))
    assert f"counted are windows of severity {least} or more (alerts.least)" in told
    assert ("warn_at" in told) == (least == "warning")


def test_what_was_not_judged_is_counted():
    told = text(FOUND)
    assert "judged: 590 of 600 windows of 10 features, slices counted apart (98 %)" in told
    assert "in 10 a shift of 0.32 sd could have been missed" in told
    assert "without a distance" not in told
    assert "2 features without a distance" in text(replace(FOUND, without=2))


def test_of_too_few_judged_windows_there_is_no_rate_and_no_line_for_the_spec():
    blind = replace(FOUND, now=None, judged=30, suggested=None, fitting=None, any_rate=False)
    told = text(replace(blind, alerting=()))
    assert "0.32 (now): not measured: 3.0 judged windows a feature, 4 of one are needed" in told
    assert "what would fit is not measured: at no effect size up to 1 sd" in told
    assert "0 alerts" not in told
    assert "effect_size:" not in told


def test_features_without_a_rate_are_counted_out():
    some = replace(FOUND.now, series=2)
    assert "; of 2 of 10 features, the others were judged in fewer than 4 windows" in text(
        replace(FOUND, now=some)
    )
    assert "the others were judged" not in text(FOUND)


@pytest.mark.parametrize(("rho", "remarked"), [(0.05, False), (0.45, True)])
def test_windows_that_resemble_each_other_are_remarked(rho, remarked):
    told = text(replace(FOUND, rho=rho))
    assert f"windows resemble the one before by {rho:.2f} (lag-1 autocorrelation" in told
    assert ("alerts come in runs" in told) == remarked
    assert "resemble" not in text(FOUND)
