"""What is said of an evaluation set that measures nothing, or less than it seems to."""

from __future__ import annotations

import pytest

from sparkdrift.errors import SnapshotError
from sparkdrift.measures.score_bins import CLASS_BINS
from sparkdrift.spark.evaluation_states import Looked, _looked
from sparkdrift.spec.evaluation import Evaluation
from sparkdrift.steps.evaluation_scores import require_scores, told

BINARY = Evaluation()
WHERE = "m:evaluation:test (t, version 3)"


def looked(**counts) -> Looked:
    usual = {"rows": 100, "missing": 0, "outside": 0, "low": None, "high": None, "odd": 0}
    usual |= {"name": "", "positives": 30, "negatives": 70, "quantiles": (0.5,)}
    return Looked(**{**usual, **counts})


@pytest.mark.parametrize(
    ("counts", "said"),
    [
        ({"rows": 0, "positives": 0, "negatives": 0}, "has no rows"),
        ({"missing": 100, "positives": 0, "negatives": 0}, "missing in all 100 rows"),
        (
            {"outside": 7, "low": -3.0, "high": 41.5},
            r"7 of 100 rows have a score outside \[0, 1\], from -3 to 41.5",
        ),
        ({"positives": 0, "negatives": 0}, "none of 100 rows has a score and a label;"),
        (
            {"positives": 0, "negatives": 0, "odd": 100, "name": "card"},
            r"score of the class card and a label \(100 labels are none that is known\)",
        ),
    ],
)
def test_a_set_that_measures_nothing_is_refused(counts, said) -> None:
    with pytest.raises(SnapshotError, match=said) as raised:
        require_scores(looked(**counts), WHERE, BINARY)
    assert WHERE in str(raised.value)
    assert "nothing is frozen" in str(raised.value)


def test_what_is_left_out_is_told_with_numbers() -> None:
    require_scores(looked(), WHERE, BINARY)
    assert told(looked(), WHERE, BINARY) == []
    one = looked(missing=5, positives=30, negatives=50, odd=3)
    lines = "\n".join(told(one, WHERE, BINARY))
    for part in ("5 of 100 rows have no score", "12 of 100 rows have no label", "3 of 100 rows"):
        assert part in lines


def test_a_set_of_one_class_is_frozen_and_says_what_it_lacks() -> None:
    one = looked(positives=0, negatives=100)
    require_scores(one, WHERE, BINARY)
    assert told(one, WHERE, BINARY) == [
        f"evaluation set {WHERE}: all 100 labels are negative: no ROC AUC, and no calibration"
    ]
    regression = Evaluation(task="regression")
    assert told(looked(negatives=0, positives=100), WHERE, regression) == []


def test_edges_hold_the_thresholds_and_give_heavy_scores_a_bin() -> None:
    one = looked(quantiles=(0.2, 0.6), heavy=(0.6,))
    evaluation = Evaluation.model_validate({"thresholds": {"a": {"value": 0.31}}})
    edges = one.edges(evaluation)
    assert edges[:3] == (0.2, 0.31, 0.6)
    assert 0.6 < edges[3] < 0.6 + 1e-9
    numbers = looked(quantiles=(-5.0, 12.0)).edges(Evaluation(task="regression"))
    assert numbers == (-5.0, 12.0)


@pytest.mark.parametrize(("positives", "kept"), [(0, 0), (5, 0), (43, 13), (192, 63), (50_000, 63)])
def test_of_few_rows_of_a_class_few_quantiles_are_edges(positives, kept) -> None:
    """And all of them may be scores with a bin of their own, which their counts decide."""
    of_yes = [0.5 + k / 1000 for k in range(CLASS_BINS)] if positives else None
    row = {
        "rows0": 60_000,
        "missing0": 0,
        "outside0": 0,
        "low0": None,
        "high0": None,
        "odd0": 0,
        "positives0": positives,
        "negatives0": 60_000 - positives,
        "of_yes0": of_yes,
        "of_no0": [k / 1000 for k in range(CLASS_BINS)],
    }
    found = _looked("", 0, row, regression=False)
    assert len([one for one in found.quantiles if one >= 0.5]) == kept
    assert len([one for one in found.quantiles if one < 0.5]) == CLASS_BINS - 1
    assert len(found.heavy) == CLASS_BINS * (2 if positives else 1)
