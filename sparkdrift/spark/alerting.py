"""The alert policy of a spec, as executors and as SQL need it."""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Sequence

from sparkdrift.kernels.policy import AlertRules, Policy, Suppression
from sparkdrift.spark.sql import string, timestamp
from sparkdrift.spec.models import MonitorSpec
from sparkdrift.spec.policy import SEASON_STEPS
from sparkdrift.windows import local_instant, window_at


def policy_of(spec: MonitorSpec) -> Policy:
    """The spec's drift and alerts sections as executors need them."""
    own = spec.all_thresholds()
    default, limits = spec.drift.thresholds, spec.drift.limits
    return Policy(
        effect=default.effect_size,
        warn=default.warn_at,
        overrides={n: (t.effect_size, t.warn_at) for n, t in own.items() if t != default},
        null_share=limits.null_share,
        nan_share=limits.nan_share,
        infinite_share=limits.infinite_share,
        new_categories=limits.new_categories,
        out_of_range=limits.out_of_range,
        alerts=AlertRules(
            least=spec.alerts.least,
            major=spec.alerts.severity.major,
            critical=spec.alerts.severity.critical,
            importance=dict(spec.alerts.importance),
            suppressions=suppressions(spec),
            comparisons=spec.alerts.comparisons,
        ),
        season=spec.season,
        season_shown=spec.drift.seasonal == "auto",
        season_steps=SEASON_STEPS.get(spec.windows.grain),
        bins=spec.drift.bins,
        multivariate=spec.drift.multivariate,
        outputs=_outputs(spec),
        vectors=_vectors(spec),
    )


def _outputs(spec: MonitorSpec) -> frozenset[str]:
    """Columns of the prediction that are not declared as features as well."""
    declared = {feature.name.lower() for _, _, feature in spec.features.declared()}
    return frozenset(
        column
        for role, column in spec.prediction.columns()
        if role != "label" and column.lower() not in declared
    )


def _vectors(spec: MonitorSpec) -> dict[str, tuple[str, ...]]:
    """The projections of each vector, by its name."""
    return {
        vector.name: tuple(
            f"{vector.name}.{part}" for part, _ in vector.parts() if part.startswith("projection")
        )
        for vector in spec.features.vector
    }


def suppressions(spec: MonitorSpec) -> tuple[Suppression, ...]:
    """What is suppressed, by the starts of windows: a window that is touched counts wholly."""
    grain, zone = spec.windows.grain, spec.timestamp.zone
    return tuple(
        Suppression(
            begin=window_at(local_instant(one.begin, zone), grain, zone).start,
            end=local_instant(one.end, zone),
            reason=one.reason,
            features=frozenset(one.features),
        )
        for one in spec.alerts.suppress
    )


def suppression_sql(found: Sequence[Suppression], together: Collection[str] = ()) -> list[str]:
    """SQL texts, each NULL for a row that its suppression does not cover, else a digest of it.

    Part of a row's input_digest: a holiday that is added makes its own windows due, no others.
    together: names of rows that are of several columns, and made of these columns' rows.
    """
    texts = []
    for one in found:
        covered = f"window_start >= {timestamp(one.begin)} AND window_start < {timestamp(one.end)}"
        if one.features and one.features.isdisjoint(together):
            names = ", ".join(string(name) for name in sorted(one.features))
            covered += f" AND column_name IN ({names})"
        digest = hashlib.sha256(one.reason.encode()).hexdigest()[:16]
        texts.append(f"CASE WHEN {covered} THEN {string(digest)} END")
    return texts
