"""Drift of the demo `months` through the real kernels: its score, features and overrides.

What the store would hold of a log's weeks is made here without Spark; the reference are the weeks
before going live, and beside it the evaluation set. All columns of a week are judged as one family.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
from profile_rows import asking, categorical, kll, metric, numeric, stream, table

from sparkdrift.demo.months import (
    CATEGORIES,
    DRIVERS,
    LIVE_WEEK,
    WEEKS,
    Claims,
    MonthsLog,
)
from sparkdrift.demo.specs import spec_text
from sparkdrift.explain.blind_spots import Moved, Operated
from sparkdrift.kernels.comparing import compare
from sparkdrift.kernels.freezing import freeze
from sparkdrift.kernels.judging import judge
from sparkdrift.kernels.policy import AlertRules, Policy
from sparkdrift.measures.persistence import standing
from sparkdrift.spec.loading import parse_spec

SPEC = parse_spec(spec_text("months.yml", "claims"), "months.yml")
OVERRIDE = "metric:override"
_OWN = SPEC.operations["override"]
_IMPORTANCE = dict(SPEC.alerts.importance)
POLICY = Policy(
    effect=SPEC.drift.effect_size,
    warn=SPEC.drift.warn_at,
    overrides={OVERRIDE: (_OWN.effect_size, _OWN.warn_at)},
    alerts=AlertRules(importance=_IMPORTANCE),
)
_FEATURES = (*(one.column for one in DRIVERS), *CATEGORIES)
_MEAN = np.mean([_IMPORTANCE.get(name, 1.0) for name in _FEATURES])
TOP = tuple(name for name in _FEATURES if _IMPORTANCE.get(name, 1.0) >= _MEAN)
_K, _SCANNED_K = SPEC.sketch.k, SPEC.sketch.reference_k
_MEASURED = ("ok", "warning")


@dataclass(frozen=True)
class Week:
    """What moved in a week, by comparison, and what is told of overrides."""

    score: list[Moved]
    features: list[Moved]
    operations: dict[str, Operated]


def weeks_of(log: MonthsLog) -> dict[int, Week]:
    """By number of the week since going live."""
    claims = [log.week(number) for number in range(WEEKS)]
    rows = {name: _rows(name, claims) for name in ("score", *_FEATURES)}
    baseline = _judged({**rows, OVERRIDE: _overrides(claims)}, LIVE_WEEK)
    known = log.evaluation()
    with_set = _judged(
        {
            name: [_row(name, known, None, _SCANNED_K), *own[LIVE_WEEK + 1 :]]
            for name, own in rows.items()
        },
        0,
    )
    return {
        number: Week(
            [_moved(one, number, ("score",)) for one in (baseline, with_set)],
            [_moved(one, number, TOP) for one in (baseline, with_set)],
            {"override": _operated(baseline[OVERRIDE][number])},
        )
        for number in range(LIVE_WEEK, WEEKS)
    }


def _rows(name: str, claims: list[Claims]) -> list[dict]:
    """The merged reference, then each week, counted from going live."""
    before = claims[:LIVE_WEEK]
    whole = np.concatenate([_values(name, one) for one in before])
    rows = [_made(name, whole, None, _K)]
    return [*rows, *(_row(name, one, i - LIVE_WEEK, _K) for i, one in enumerate(claims))]


def _row(name: str, claims: Claims, day: int | None, k: int) -> dict:
    return _made(name, _values(name, claims), day, k)


def _values(name: str, claims: Claims) -> np.ndarray:
    return claims.score if name == "score" else np.asarray(claims.features[name])


def _made(name: str, values: np.ndarray, day: int | None, k: int) -> dict:
    if name in CATEGORIES:
        return categorical(values.tolist(), day=day, name=name)
    return numeric(values, day=day, name=name, kll=kll(values, k))


def _overrides(claims: list[Claims]) -> list[dict]:
    shares = np.array([one.overridden.mean() for one in claims])
    rows = np.array([len(one.overridden) for one in claims])
    usual = float(shares[:LIVE_WEEK].mean())
    variance = usual * (1 - usual) + 0.5 / rows[:LIVE_WEEK].sum()
    whole = metric(usual, name=OVERRIDE, row_variance=variance)
    weeks = zip(shares, rows, strict=True)
    return [
        whole,
        *(
            metric(float(share), day=i - LIVE_WEEK, name=OVERRIDE, row_noise=1.0 / size)
            for i, (share, size) in enumerate(weeks)
        ),
    ]


def _judged(rows: Mapping[str, list[dict]], windows: int) -> dict[str, dict[int, dict]]:
    """By column and week: rows of drift, `stands` being whether an alert does."""
    compared = []
    for own in rows.values():
        frozen = pa.Table.from_batches(list(freeze(10)(stream(table(*own[: windows + 1])))))
        (reference,) = frozen.to_pylist()
        if own[0]["column_name"] == OVERRIDE:
            reference |= {"comparable": None, "row_variance": own[0]["row_variance"]}
        after = asking(table(reference, *own[windows + 1 :]))
        compared += list(compare(POLICY)(stream(after, after.num_rows)))
    together = pa.Table.from_batches(compared).sort_by(
        [("window_start", "ascending"), ("column_name", "ascending")]
    )
    found: dict[str, dict[int, dict]] = {name: {} for name in rows}
    for batch in judge(POLICY)(stream(together, together.num_rows)):
        for one in batch.to_pylist():
            own = found[one["column_name"]]
            own[LIVE_WEEK + len(own)] = one
    for own in found.values():
        seen = [
            np.nan if one["alerting"] is None else float(one["alerting"]) for one in own.values()
        ]
        stands = standing(seen, SPEC.alerts.windows, SPEC.alerts.of)
        for one, stood in zip(own.values(), stands, strict=True):
            one["stands"] = bool(stood)
    return found


def _moved(judged: Mapping[str, Mapping[int, dict]], week: int, names: tuple[str, ...]) -> Moved:
    rows = [judged[name][week] for name in names]
    powers = [row["power"] for row in rows]
    return Moved(
        len(rows),
        sum(row["status"] not in _MEASURED for row in rows),
        None if None in powers else min(powers),
        tuple(f"{row['column_name']} moved" for row in rows if row["stands"]),
    )


def _operated(row: dict) -> Operated:
    better = row["status"] in ("warning", "drifted") and row["shift"] < 0
    status = "ok" if better else row["status"]
    alerting = False if better else row["alerting"]
    return Operated(status, row["reason"] or "", alerting, row["power"])
