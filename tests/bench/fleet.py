"""The fleet: the newest verdict of each of many models, out of a year of verdicts on each."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from tests.bench import ours, stored
from tests.bench.asked import Asked
from tests.bench.table import Measured
from tests.bench.watching import fastest

_MODELS, _WINDOWS = 10_000, 365
_VERDICTS = "'healthy', 'watch', 'recalibrate', 'refresh_evaluation', 'retrain', 'retire', 'blind'"


def fleet(asked: Asked) -> Iterator[Measured]:
    """The command, session start included; one file for each bucket, as OPTIMIZE leaves them."""
    models = max(3, round(_MODELS * asked.share(_MODELS * _WINDOWS)))
    store = stored.kept(asked.data, f"fleet-{models}-{_WINDOWS}")
    if not (store / "runs").exists():
        _made(store, models)
    arguments = ["fleet", "--store", str(store), "--as-of", "2025-01-01"]
    used = fastest(arguments, asked.repeats)
    yield Measured(
        f"fleet of {models:,} models x {_WINDOWS} windows",
        used.seconds,
        target="<= 20 s on 2 cores, with session start",
        note=f"{_shown(arguments)}; {used}",
        figures={"models": models, "cpu_s": used.cpu_seconds},
    )


def _shown(arguments: list[str]) -> str:
    """What the command says of the fleet."""
    text = subprocess.run(
        [sys.executable, "-m", "sparkdrift", *arguments, "--json"],
        check=True,
        capture_output=True,
        text=True,
    ).stdout
    found = json.loads(text)
    return f"{found['count']:,} models, {found['blind']:,} blind, {found['overdue']:,} overdue"


def _made(store: Path, models: int) -> None:
    """A store with verdicts as the health step writes them, drawn from the numbers of their
    windows alone: the same at every call."""
    with ours.session() as (spark, _):
        made = ours.new_store(spark, store)
        rows = spark.range(0, models * _WINDOWS, 1, 8).selectExpr(*_columns())
        (
            rows.repartition(8, "bucket")
            .sortWithinPartitions("bucket", "monitor", "window_start")
            .write.format("delta")
            .mode("append")
            .save(made.path("model_health"))
        )


def _columns() -> list[str]:
    from sparkdrift.spark.health_tables import MODEL_HEALTH
    from sparkdrift.spark.table import BUCKETS

    model, window = f"(id div {_WINDOWS})", f"(id % {_WINDOWS})"
    name = f"concat('model_', lpad({model}, 5, '0'))"
    # A verdict lasts some forty windows.
    run = f"({window} div 40)"
    verdict = f"element_at(array({_VERDICTS}), CAST(1 + pmod(hash({model}, {run}), 7) AS INT))"
    made: dict[str, Any] = {
        "monitor": name,
        "window_start": stored.day(window),
        "window_end": stored.day(f"{window} + 1"),
        "granularity": "'day'",
        # As Python's zlib has it.
        "bucket": f"pmod(crc32(CAST({name} AS BINARY)), {BUCKETS})",
        "model_id": name,
        "model_version": "'7'",
        "stage": f"if({model} % 50 = 0, 'deprecated', 'deployed')",
        "verdict": verdict,
        "severity": "'major'",
        "confidence": "round(0.5 + pmod(hash(id), 50) / 100, 2)",
        "reasons": "transform(array('data', 'evaluation', 'performance'), kind -> named_struct("
        "'weight', 0.3D, 'kind', kind, 'reason', concat(kind, ' moved in window ', id),"
        " 'evidence', array(concat('drift: amount, baseline, ', id))))",
        "would_change": "concat('two windows without what was found in ', id)",
        "since": stored.day(f"{run} * 40"),
        "owner": f"concat('team ', {model} % 40)",
        "due": stored.day(f"{run} * 40 + 30"),
        "dashboard_status": "'green'",
        "blind_spot": "'red'",
        "open_debts": "CAST(pmod(hash(id), 5) AS INT)",
        "oldest_debt": stored.day(f"{run} * 40"),
        "loss": "pmod(hash(id, 1), 1000) / 1e5",
        "cost": f"pmod(hash({model}), 100000) / 1D",
        "cost_so_far": "pmod(hash(id), 1000000) / 1D",
        "currency": "'EUR'",
        "input_digest": "substr(sha2(string(id), 256), 1, 16)",
        "source_version": "1L",
        "run_id": "'bench'",
        "package_version": "'0'",
    }
    return stored.columns(MODEL_HEALTH, made)
