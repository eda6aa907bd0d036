"""Lines of performance: what is measured, what is not and why, and concept drift."""

from __future__ import annotations

from datetime import datetime, timezone

from sparkdrift.report.performance import LISTED, performance_lines

ROW = {
    "window_start": datetime(2024, 3, 4, tzinfo=timezone.utc),
    "metric": "accuracy",
    "class_name": "*",
    **dict.fromkeys(
        f"{name}{end}"
        for name in ("estimated", "realised", "evaluated")
        for end in ("", "_low", "_high")
    ),
    "concept_drift": None,
    "basis": "realised",
    "status": "ok",
    "reason": "0.002 better than the 0.91 of the evaluation set",
}


def line(**changes):
    ((*cells,),) = performance_lines([ROW | changes], "UTC")
    return dict(zip(LISTED, cells, strict=True))


def test_figures_stand_beside_each_other():
    found = line(
        estimated=0.9123, estimated_low=0.9, estimated_high=0.925, realised=0.9, evaluated=0.91
    )
    assert found == {
        "window": "2024-03-04",
        "metric": "accuracy",
        "estimated": "0.912 (0.9 to 0.925)",
        "realised": "0.9",
        "evaluated": "0.91",
        "status": "ok",
    }


def test_concept_drift_is_said():
    found = line(status="ok", concept_drift=True, reason="within; concept drift: realised 0.7")
    assert found["status"] == "ok, concept drift: within; concept drift: realised 0.7"


def test_what_is_not_measured_is_empty_and_says_why():
    found = line(status="insufficient_data", reason="no label is known")
    assert (found["realised"], found["status"]) == ("", "insufficient_data: no label is known")
    assert line(status=None)["status"] == "not judged"
    assert line(class_name="gold", metric="recall")["metric"] == "recall of gold"


def test_a_verdict_that_is_estimated_says_so():
    found = line(status="degraded", basis="estimated", reason="estimated, no labels yet: 0.1 worse")
    assert found["status"].startswith("degraded (estimated): ")
    assert line(status="degraded", reason="0.1 worse")["status"] == "degraded: 0.1 worse"
