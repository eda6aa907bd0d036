"""An evaluation set on the screen."""

from __future__ import annotations

import json

import numpy as np

from sparkdrift.measures import regression_error
from sparkdrift.measures.score_bins import count, flat
from sparkdrift.report.evaluation_sets import declared_lines, score_facts, score_lines


def test_rows_positives_and_edges_are_told() -> None:
    score = np.array([0.1, 0.2, 0.6, 0.9, np.nan])
    label = np.array([0, 1, 1, 2, 1.0])
    cells = tuple(flat(count((0.5, 0.7), score, label)))
    facts = score_facts("", (0.5, 0.7), cells, regression=False)
    assert (facts["rows"], facts["labelled"], facts["positives"]) == (5, 3, 2)
    text = "3 of 5 rows labelled, 2 positive (66.7%), 1 without score, 1 odd labels; "
    text += "3 bins, edges from 0.5 to 0.7"
    assert score_lines(facts) == ("score", text)


def test_a_numeric_prediction_has_no_positives() -> None:
    cells = (*regression_error.count([1, 2], [1, np.nan]), *regression_error.count([9], [8]))
    facts = score_facts("", (5.0,), cells, regression=True)
    assert score_lines(facts) == (
        "score",
        "2 of 3 rows labelled; 2 bins, edges from 5 to 5",
    )


def test_a_set_without_any_label_of_a_class_divides_by_nothing() -> None:
    facts = score_facts("card", (), tuple(flat(count((), [0.5]))), regression=False)
    assert score_lines(facts) == ("score of card", "0 of 1 rows labelled; 1 bins")


def test_who_calibrated_what_when_is_told() -> None:
    declared = {
        "thresholds": {
            "accept": {
                "value": 0.5,
                "calibrated_at": "2024-01-31",
                "calibrated_by": "ada",
                "calibrated_on": "holdout",
                "target": {"precision": 0.9, "recall": None},
            },
            "review": {"value": 0.25, "target": None},
        },
        "dashboard": {"recall": {"value": 0.9, "at_least": 0.85, "at_most": None}},
    }
    assert declared_lines(json.dumps(declared)) == [
        (
            "threshold accept",
            "0.5 calibrated 2024-01-31 by ada on holdout for precision 0.9",
        ),
        ("threshold review", "0.25"),
        ("dashboard recall", "value 0.9, at least 0.85"),
    ]
    assert declared_lines(None) == []
