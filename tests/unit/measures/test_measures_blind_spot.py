"""The truth table of the blind spot: each branch, and that missing input never yields green."""

from __future__ import annotations

from itertools import product

import pytest

from sparkdrift.measures.blind_spot import SIGNALS, Signal, blind_spot

QUIET, ALERT, UNKNOWN = Signal(False, 0.9), Signal(True, 0.1), Signal(None)
WEAK, POWERLESS, NAN = Signal(False, 0.79), Signal(False), Signal(False, float("nan"))
ALL_QUIET = dict.fromkeys(SIGNALS, QUIET)
IN = {"auc": True, "accuracy": True}


def verdict(in_band=IN, signals=ALL_QUIET, fresh=True, ess=0.9):
    return blind_spot(in_band, signals, fresh, ess)


def test_everything_measured_and_quiet_is_green():
    assert verdict().verdict == "green"


def test_what_a_model_can_not_have_is_not_asked_for_and_green_says_so():
    signals = {name: QUIET for name in SIGNALS if name != "decision rate"}
    assert verdict(signals=signals).verdict == "amber"
    wanted = tuple(signals)
    found = blind_spot(IN, signals, True, 0.9, wanted=wanted)
    assert found.verdict == "green"
    assert found.reasons[-1] == "a model of this kind has no decision rate"
    assert blind_spot(IN, {**signals, "score": WEAK}, True, 0.9, wanted=wanted).verdict == "amber"


@pytest.mark.parametrize("name", SIGNALS)
def test_any_one_alert_behind_a_dashboard_in_band_is_red_whatever_is_missing(name):
    for fresh, ess in product((True, False, None), (0.9, 0.1, None)):
        found = verdict(signals={**ALL_QUIET, name: ALERT}, fresh=fresh, ess=ess)
        assert found.verdict == "red"
        assert name in found.reasons[0]
        assert verdict(signals={name: ALERT}, fresh=fresh, ess=ess).verdict == "red"


def test_a_dashboard_that_shows_it_is_not_blind():
    for signals in (ALL_QUIET, {**ALL_QUIET, "score": ALERT}):
        found = verdict(in_band={"auc": False, "accuracy": True}, signals=signals)
        assert found.verdict == "green"
        assert "auc out of band" in found.reasons[0]


@pytest.mark.parametrize("signal", [UNKNOWN, WEAK, POWERLESS, NAN, None])
@pytest.mark.parametrize("name", SIGNALS)
def test_a_signal_not_measured_or_weak_is_amber(name, signal):
    signals = {key: value for key, value in ALL_QUIET.items() if key != name}
    if signal is not None:
        signals[name] = signal
    found = verdict(signals=signals)
    assert found.verdict == "amber"
    assert name in found.reasons[0]


def test_missing_metrics_labels_or_ess_are_amber():
    for arguments in (
        {"in_band": {}},
        {"in_band": {"auc": True, "accuracy": None}},
        {"in_band": {"auc": False, "accuracy": None}},
        {"fresh": False},
        {"fresh": None},
        {"ess": 0.39},
        {"ess": None},
        {"ess": float("nan")},
    ):
        found = verdict(**arguments)
        assert found.verdict == "amber", arguments
        assert len(found.reasons) == 1, arguments


def test_an_alert_without_a_whole_dashboard_is_amber_and_told():
    found = verdict(in_band={"auc": None}, signals={**ALL_QUIET, "operations": ALERT})
    assert found.verdict == "amber"
    assert found.reasons[0] == "alert: operations"


def test_whatever_is_missing_nothing_is_green():
    """All combinations: green only if every single input is there and strong."""
    bands = ({}, IN, {"auc": None}, {"auc": False}, {"auc": False, "accuracy": None})
    for band, fresh, ess in product(bands, (True, False, None), (0.9, 0.39, None)):
        for four in product((QUIET, ALERT, UNKNOWN, WEAK, None), repeat=len(SIGNALS)):
            given = dict(zip(SIGNALS, four, strict=True))
            signals = {name: one for name, one in given.items() if one is not None}
            found = blind_spot(band, signals, fresh, ess)
            whole_band = bool(band) and None not in band.values()
            alert = ALERT in four
            blind = whole_band and all(band.values()) and alert
            complete = whole_band and fresh is True and ess == 0.9 and set(four) <= {QUIET, ALERT}
            expected = "red" if blind else "green" if complete else "amber"
            assert found.verdict == expected, (band, fresh, ess, four)
            assert found.reasons


def test_another_signal_is_refused():
    with pytest.raises(ValueError, match=r"\['scores'\] given, accepted are"):
        verdict(signals={"scores": QUIET})
