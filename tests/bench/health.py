"""The health step: verdicts of 100 models from stored rows, by the command; then nothing to do."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

from tests.bench import ours, stored
from tests.bench.asked import Asked
from tests.bench.table import Measured
from tests.bench.watching import Used, command, fastest

_MODELS, _WINDOWS, _COLUMNS = 100, 90, 10


def health(asked: Asked) -> Iterator[Measured]:
    """Every window of every model is due; then none is: the step, and the whole command."""
    models = max(2, round(_MODELS * asked.share(_MODELS * _WINDOWS * _COLUMNS)))
    store = stored.kept(asked.data, f"health-{models}")
    specs = asked.data / f"health-{models}-specs"
    if not (store / "runs").exists():
        _made(store, specs, models)
    arguments = ["health", str(specs), "--store", str(store)]
    first = _emptied_then(store, arguments)
    yield Measured(
        f"verdicts on {models} models x {_WINDOWS} windows",
        _step(store),
        target="<= 15 s on 2 cores",
        note=f"{_COLUMNS} columns each; the step, for which rows were read and judged while Java "
        f"started; all of it is in the command, {first.seconds:.1f} s; {first}",
        figures={"models": models, "command_s": first.seconds, "cpu_s": first.cpu_seconds},
    )
    again = fastest(arguments, asked.repeats)
    yield Measured(
        "the same, nothing due",
        _step(store),
        note=f"the command {again.seconds:.1f} s; {again}",
        figures={"models": models, "cpu_s": again.cpu_seconds},
    )


def _step(store: Path) -> float:
    """Seconds of the newest health step, as its line in the log says: of all monitors together, but
    for the commit that says that it ended."""
    *_, newest = (store / "sparkdrift.log").read_text("utf-8").splitlines()
    line = json.loads(newest)
    assert line["step"] == "health", line
    return float(line["seconds"])


def _emptied_then(store: Path, arguments: list[str]) -> Used:
    with ours.session() as (spark, _):
        for table in ("model_health", "debt_events"):
            spark.sql(f"DELETE FROM delta.`{store / table}`")
    return command(arguments)


def _made(store: Path, specs: Path, models: int) -> None:
    """A store with windows, drift, performance and staleness of each model, drawn from numbers
    alone: the same at every call."""
    specs.mkdir(parents=True, exist_ok=True)
    for number in range(models):
        (specs / f"m{number:03}.yml").write_text(json.dumps(_spec(number)), "utf-8")
    with ours.session() as (spark, _):
        made = ours.new_store(spark, store)
        from sparkdrift.spark.drift_tables import DRIFT
        from sparkdrift.spark.evaluation_tables import EVAL_STALENESS, PERFORMANCE
        from sparkdrift.spark.profile_tables import PROFILES
        from sparkdrift.spark.schemas import RUNS

        each = models * _WINDOWS
        stored.append(spark, made, PROFILES, each, _profiles(), "monitor")
        stored.append(spark, made, DRIFT, each * _COLUMNS, _drift(), "monitor")
        stored.append(spark, made, PERFORMANCE, each, _performance(), "monitor")
        stored.append(spark, made, EVAL_STALENESS, each * len(_FIGURES), _staleness(), "monitor")
        stored.append(spark, made, RUNS, models, _runs(), "monitor")


def _spec(number: int) -> dict[str, object]:
    return {
        "monitor": f"m{number:03}",
        "owner": f"team {number % 7}",
        "source": {"path": "/nowhere"},
        "timestamp": {"column": "t"},
        "features": {"numeric": [f"x{one}" for one in range(_COLUMNS)]},
        "prediction": {"score": "s", "label": "y", "label_delay": "7 days"},
        "evaluation": {"sets": {"launch": {"path": "/nowhere"}}},
        "degraded": {"metric": "accuracy", "tolerated_loss": 0.05, "value_per_point": 100},
    }


_FIGURES = ("eval_age", "gap_max", "outside", "ess_ratio", "calibration_error", "blind_spot")


def _window(model: str, number: str) -> dict[str, str]:
    return stored.window(f"concat('m', lpad({model}, 3, '0'))", number)


def _profiles() -> dict[str, str]:
    own = _window(f"id div {_WINDOWS}", f"id % {_WINDOWS}")
    return {**own, "column_name": "':table'", "row_count": "1000", "status": "'ok'"}


def _drift() -> dict[str, str]:
    """Three windows of ten drift, a column in ten of them for good."""
    each = _WINDOWS * _COLUMNS
    model, window = f"id div {each}", f"(id div {_COLUMNS}) % {_WINDOWS}"
    moved = f"(id % {_COLUMNS} = 0 AND {window} > 30) OR pmod(hash(id), 50) = 0"
    return {
        **_window(model, window),
        "column_name": f"concat('x', id % {_COLUMNS})",
        "comparison": "'baseline'",
        "reference_name": "'baseline'",
        "reference_version": "0",
        "status": f"if({moved}, 'drifted', 'ok')",
        "alerting": moved,
        "severity": f"if({moved}, 'major', NULL)",
        "effect": f"if({moved}, 0.9D, 0.1D)",
        "alert_windows": "2",
        "alert_of": "3",
    }


def _performance() -> dict[str, str]:
    window = f"id % {_WINDOWS}"
    worse = f"{window} > 60 AND (id div {_WINDOWS}) % 3 = 0"
    return {
        **_window(f"id div {_WINDOWS}", window),
        "evaluation_set": "'launch'",
        "metric": "'accuracy'",
        "class_name": "'*'",
        "mature": "true",
        "realised": f"if({worse}, 0.7D, 0.8D)",
        "loss": f"if({worse}, 0.1D, 0D)",
        "loss_value": f"if({worse}, 1000D, 0D)",
        "skill": "0.4D",
        "status": f"if({worse}, 'degraded', 'ok')",
    }


def _staleness() -> dict[str, str]:
    each = _WINDOWS * len(_FIGURES)
    named = ", ".join(f"'{one}'" for one in _FIGURES)
    figure = f"element_at(array({named}), CAST(1 + id % {len(_FIGURES)} AS INT))"
    window = f"(id div {len(_FIGURES)}) % {_WINDOWS}"
    return {
        **_window(f"id div {each}", window),
        "evaluation_set": "'launch'",
        "figure": figure,
        "subject": "'*'",
        "value": "0.5D",
        "threshold": "0.7D",
        "status": f"CASE WHEN {figure} = 'blind_spot' THEN 'green' "
        f"WHEN {figure} = 'ess_ratio' AND {window} > 70 THEN 'warning' ELSE 'ok' END",
    }


def _runs() -> dict[str, str]:
    return {
        **_window("id", "0"),
        "step": "'drift'",
        "attempt": "1",
        "phase": "'SUCCEEDED'",
        "at": "timestamp_seconds(1704067200)",
    }
