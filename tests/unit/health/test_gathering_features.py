"""What the debt of features says to the verdict: figures and names, no value of a source."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone

import pytest

from sparkdrift.health.evidence import Coverage
from sparkdrift.health.gathering import windows_of
from sparkdrift.health.told import Told

START = datetime(2025, 5, 1, tzinfo=timezone.utc)


@pytest.mark.parametrize(
    ("row", "severity", "words"),
    [
        (
            {"name": "dead", "subject": "age, income", "count": 7, "status": "drifted"},
            "major",
            "dead of age, income and 5 more is 0.5, limit 1",
        ),
        (
            {"name": "drifted_importance", "subject": "*", "count": 1, "status": "warning"},
            "minor",
            "drifted_importance is 0.5, limit 1",
        ),
    ],
)
def test_a_figure_that_warns_is_one_debt(row, severity, words):
    since = START - timedelta(days=3)
    told = Told("m", "feature", START, since=since, value=0.5, limit=1.0, **row)
    coverage = Told("m", "coverage", START, name="feature", count=1, of=2, words="encoding: ok")
    window = Told("m", "window", START, end=START + timedelta(days=1), count=100)
    (found,) = windows_of([window, told, coverage])
    (one,) = found.findings
    assert (one.debt, one.kind, one.severity) == (f"features: {row['name']}", "feature", severity)
    assert (one.evidence, one.since) == (words, since)
    assert one.rows[0].startswith(f"feature_debt: {row['name']}")
    assert found.coverage["feature"] == Coverage(0.5, "encoding: ok")
