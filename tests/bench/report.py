"""The page of a model, by the command, session start included; and a query without a session."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

from tests.bench import ours, stored
from tests.bench.asked import Asked
from tests.bench.table import Measured
from tests.bench.watching import fastest

_FEATURES, _WINDOWS, _SLICES = 100, 90, 5
_QUERY = "SELECT severity, count(*) AS n FROM alerts GROUP BY severity"


def report(asked: Asked) -> Iterator[Measured]:
    """100 features x 90 stored windows, with drift of five slices beside the whole table."""
    features = max(4, round(_FEATURES * asked.share(_FEATURES * _WINDOWS * (1 + _SLICES))))
    store = stored.kept(asked.data, f"report-{features}")
    spec = asked.data / f"report-{features}.yml"
    if not (store / "runs").exists():
        _made(store, spec, features)
    page = asked.data / f"report-{features}.html"
    arguments = ["report", str(spec), "-o", str(page), "--store", str(store)]
    best = fastest(arguments, asked.repeats)
    yield Measured(
        f"page of {features} features x {_WINDOWS} windows",
        best.seconds,
        target="<= 20 s on 2 cores",
        note=f"{page.stat().st_size:,} bytes; {best}",
        figures={"bytes": page.stat().st_size, "cpu_s": best.cpu_seconds},
    )
    asking = ["sql", _QUERY, "--store", str(store)]
    quick = fastest(asking, asked.repeats)
    yield Measured(
        "sql on the view alerts, without Java",
        quick.seconds,
        target="<= 2 s",
        note=f"{features * _WINDOWS * (1 + _SLICES):,} rows of drift; {quick}",
        figures={"cpu_s": quick.cpu_seconds},
    )


def _made(store: Path, spec: Path, features: int) -> None:
    """A store of one monitor, drawn from numbers alone: the same at every call."""
    named = [f"x{one}" for one in range(features)]
    content = {
        "monitor": "shown",
        "owner": "bench",
        "source": {"path": "/nowhere"},
        "timestamp": {"column": "t"},
        "features": {"numeric": named},
    }
    spec.parent.mkdir(parents=True, exist_ok=True)
    spec.write_text(json.dumps(content), "utf-8")
    with ours.session() as (spark, _):
        made = ours.new_store(spark, store)
        from sparkdrift.spark.drift_tables import DRIFT
        from sparkdrift.spark.health_tables import MODEL_HEALTH
        from sparkdrift.spark.profile_tables import PROFILES
        from sparkdrift.spark.reference_tables import (
            REFERENCE_EVENTS,
            REFERENCE_PROFILES,
            REFERENCE_SNAPSHOTS,
        )
        from sparkdrift.spark.schemas import RUNS

        stored.append(
            spark, made, PROFILES, _WINDOWS, {**_profile("id", "0"), "column_name": "':table'"}
        )
        each = _profile(f"id div {features}", f"id % {features}")
        stored.append(spark, made, PROFILES, features * _WINDOWS, each)
        stored.append(spark, made, DRIFT, features * _WINDOWS * (1 + _SLICES), _drift(features))
        stored.append(
            spark, made, REFERENCE_PROFILES, features, {**_profile("0", "id"), **_VERSION}
        )
        stored.append(spark, made, REFERENCE_SNAPSHOTS, 1, {**_window("0"), **_VERSION})
        stored.append(spark, made, REFERENCE_EVENTS, 1, {**_window("0"), **_VERSION})
        stored.append(spark, made, MODEL_HEALTH, _WINDOWS, _health())
        stored.append(spark, made, RUNS, 1, _RUN)


def _window(number: str) -> dict[str, str]:
    return stored.window("'shown'", number)


_VERSION = {
    "role": "'baseline'",
    "name": "'baseline'",
    "version": "1",
    "seq": "1",
    "action": "'activate'",
    "effective_from": "timestamp_seconds(1704067200)",
    "created_at": "timestamp_seconds(1704067200)",
}
_RUN = {
    **_window("0"),
    "step": "'drift'",
    "attempt": "1",
    "phase": "'SUCCEEDED'",
    "at": "timestamp_seconds(1704067200)",
}


def _profile(window: str, feature: str) -> dict[str, str]:
    """Quantiles and a sketch of the size that they have with k = 400."""
    return {
        **_window(window),
        "column_name": f"concat('x', {feature})",
        "kind": "'numeric'",
        "data_type": "'double'",
        "row_count": "10000",
        "null_count": "10",
        "mean": "rand(1)",
        "min": "-4D",
        "max": "4D",
        "quantiles": "transform(sequence(-50, 50), one -> one / 12.5D + rand(2) / 100)",
        "kll": "CAST(repeat(sha2(string(id), 512), 30) AS BINARY)",
        "status": "'ok'",
    }


def _drift(features: int) -> dict[str, str]:
    """A tenth of the features drift from some day on."""
    slices = 1 + _SLICES
    window, part = f"id div {features * slices}", f"id % {slices}"
    feature = f"(id div {slices}) % {features}"
    moved = f"({feature} % 10 = 0 AND {window} > 3 * ({feature}) % 60 + 20)"
    return {
        **_window(window),
        "slice_key": f"if({part} = 0, '*', 'region')",
        "slice_value": f"if({part} = 0, '*', concat('region ', {part}))",
        "column_name": f"concat('x', {feature})",
        "comparison": "'baseline'",
        "reference_name": "'baseline'",
        "reference_version": "1",
        "status": f"if({moved}, 'drifted', 'ok')",
        "reason": f"if({moved}, 'shifted by 0.90 sd (limit 0.32): the median moved up', NULL)",
        "alerting": moved,
        "severity": f"if({moved}, 'major', NULL)",
        "effect": f"if({moved}, 0.9D, 0.1D)",
        "effect_low": f"if({moved}, 0.8D, 0D)",
        "effect_high": f"if({moved}, 1D, 0.2D)",
        "alert_windows": "2",
        "alert_of": "3",
    }


def _health() -> dict[str, str]:
    return {
        **_window("id"),
        "bucket": "pmod(crc32(CAST('shown' AS BINARY)), 16)",
        "model_id": "'shown'",
        "stage": "'deployed'",
        "verdict": "'watch'",
        "severity": "'minor'",
        "owner": "'bench'",
        "dashboard_status": "'green'",
        "blind_spot": "'green'",
        "since": "timestamp_seconds(1704067200)",
    }
