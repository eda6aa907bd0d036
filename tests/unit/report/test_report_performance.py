"""Lines of performance: what is measured, what is not and why, and concept drift."""

from __future__ import annotations

from datetime import datetime, timezone

from sparkdrift.report.performance import LISTED, performance_lines, slice_lines

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


def test_slices_that_are_degraded_are_named_the_greatest_loss_first():
    rows = [
        ROW
        | {"slice_key": "region", "slice_value": value, "loss": loss, "estimated_loss": None}
        | {"reason": f"{loss} worse"}
        for value, loss in (("north", 0.1), (None, 0.3), *((f"r{i}", 0.01) for i in range(5)))
    ]
    found = slice_lines(rows, "UTC")
    assert found[:2] == [
        "degraded in 2024-03-04, region is NULL: accuracy, 0.3 worse",
        "degraded in 2024-03-04, region = north: accuracy, 0.1 worse",
    ]
    assert found[5] == "and 2 more rows of slices, of region = r3, region = r4"
    assert slice_lines([], "UTC") == []
