"""Is the dashboard green while the world has moved? The rule, and nothing but the rule.

red: every dashboard metric is in its band, and the score, a feature of top importance, an
operational signal, the decision rate, or the performance measured apart from it alerts.
amber: evidence is missing. green: all tests ran, with power of at least LEAST_POWER for the effect
that matters, and either nothing alerts or the dashboard itself is out of its band: then it shows
what there is, and is not blind.
Missing input never yields green. Source: docs/statistics.md, and as its motive Sculley et al.,
Hidden Technical Debt in Machine Learning Systems, 2015.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from sparkdrift.measures.density_ratio import DISTRUST_ESS

Verdict = Literal["red", "amber", "green"]
# What may tell that the world moved; all of them must be there before anything is green.
SIGNALS = ("score", "top features", "operations", "decision rate", "performance")
LEAST_POWER = 0.8


@dataclass(frozen=True)
class Signal:
    """alerts: None where it could not be judged. power: of its test against the effect that
    matters, None or NaN where unknown; of several features the least."""

    alerts: bool | None
    power: float | None = None


@dataclass(frozen=True)
class BlindSpot:
    """verdict, and why: one reason per alert or piece of missing evidence, never empty."""

    verdict: Verdict
    reasons: tuple[str, ...]


def blind_spot(
    in_band: Mapping[str, bool | None],
    signals: Mapping[str, Signal],
    fresh_labels: bool | None,
    ess_ratio: float | None,
    distrust: float = DISTRUST_ESS,
    wanted: Sequence[str] = SIGNALS,
) -> BlindSpot:
    """The verdict for one model and window.

    in_band: by dashboard metric, None where it has no value or no limit. signals: by name, those
    of SIGNALS; one that is not there counts as missing evidence. fresh_labels: whether realised
    metrics of this window rest on labels; ess_ratio: of the evaluation set, None or NaN unknown,
    which must be `distrust` at least. wanted: the signals that a model of its kind can have; green
    says which it has not.
    ValueError for a signal with another name.
    """
    unknown = sorted(set(signals) - set(SIGNALS))
    if unknown:
        raise ValueError(f"signals {unknown} given, accepted are {list(SIGNALS)}")
    alerting = [name for name in SIGNALS if name in signals and signals[name].alerts]
    out = sorted(name for name, inside in in_band.items() if inside is False)
    unseen = sorted(name for name, inside in in_band.items() if inside is None)
    if in_band and not out and not unseen and alerting:
        return BlindSpot(
            "red", tuple(f"every metric in band, but alert: {one}" for one in alerting)
        )
    missing = [f"dashboard metric without value or limit: {name}" for name in unseen]
    if not in_band:
        missing.append("no dashboard metric")
    missing += [reason for name in wanted if (reason := _gap(name, signals.get(name)))]
    if not fresh_labels:
        missing.append("no fresh labels")
    if ess_ratio is None or math.isnan(ess_ratio):
        missing.append("not measured: ESS ratio")
    elif ess_ratio < distrust:
        missing.append(f"ESS ratio {ess_ratio:.2f}, at least {distrust:g} needed")
    if missing:
        return BlindSpot("amber", (*(f"alert: {one}" for one in alerting), *missing))
    if out:
        return BlindSpot(
            "green", tuple(f"the dashboard shows it: {name} out of band" for name in out)
        )
    quiet = ["every test ran with enough power, and none alerts"]
    quiet += [f"a model of this kind has no {name}" for name in SIGNALS if name not in wanted]
    return BlindSpot("green", tuple(quiet))


def _gap(name: str, signal: Signal | None) -> str:
    """What is missing of one signal, "" if nothing is. An alert needs no power."""
    if signal is None or signal.alerts is None:
        return f"not measured: {name}"
    if signal.alerts or (signal.power is not None and signal.power >= LEAST_POWER):
        return ""
    if signal.power is None or math.isnan(signal.power):
        return f"power not known: {name}"
    return f"power {signal.power:.2f} below {LEAST_POWER}: {name}"
