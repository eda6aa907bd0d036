"""What a proposed threshold rests on: labels where they may stand for all rows, else scores."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone
from types import SimpleNamespace

import numpy as np
import pytest

from sparkdrift.measures.score_bins import choose_edges, count
from sparkdrift.spark.score_totals import Counted
from sparkdrift.steps import recalibrate
from sparkdrift.windows import Window

MONDAY = datetime(2024, 1, 8, tzinfo=timezone.utc)
WEEK = timedelta(days=7)
SEED = 93


def counted(labelled, week):
    """A window of 4000 rows, of which so many have a label, whatever their score."""
    rng = np.random.default_rng(SEED)
    scores = rng.random(4000)
    labels = (rng.random(4000) < scores).astype(float)
    edges = choose_edges(scores, labels, [0.5])
    shown = np.where(np.arange(4000) < labelled, labels, np.nan)
    start = MONDAY + week * WEEK
    window = Window(start, start + WEEK)
    return Counted((window,), "launch", 1, count(edges, scores, shown))


@pytest.fixture
def resting(monkeypatch):
    def of(labelled, newest_week=3):
        old, new = counted(labelled, 0), counted(0, newest_week)
        monkeypatch.setattr(recalibrate, "_matured", lambda *_: "matured")
        monkeypatch.setattr(
            recalibrate, "scored", lambda *asked: old if asked[-1] == "matured" else new
        )
        monkeypatch.setattr(recalibrate, "evaluation_scores", lambda *_: counted(4000, 0).state)
        context = SimpleNamespace(spark=None, store=None)
        spec = SimpleNamespace(monitor="credit")
        by_labels = recalibrate._by_labels(context, spec, 1)
        return by_labels, recalibrate._newest(context, spec, 1, by_labels)

    return of


def test_one_label_does_not_make_a_threshold_realised(resting):
    without, newest = resting(1)
    assert without == "1 of 4,000 rows have a label, at least 100 needed"
    assert (newest.basis, newest.counted.interval.start) == ("estimated", MONDAY + 3 * WEEK)
    nothing = recalibrate.propose(newest.present, "precision", 0.8)
    text = recalibrate._reason(nothing, newest, "precision")
    assert text == (
        "labels are not relied upon: 1 of 4,000 rows have a label, at least 100 needed; without "
        "labels: what a score means is taken from the evaluation set launch"
    )


def test_a_capacity_rests_on_the_newest_scores_whatever_labels_there_are(resting):
    by_labels, newest = resting(2000)
    assert by_labels.basis == "realised"
    assert newest.counted.interval.start == MONDAY + 3 * WEEK
    found = recalibrate.propose(newest.present, "capacity", 0.2)
    text = recalibrate._reason(found, newest, "capacity")
    assert text == "by the scores of these windows, whose share decided positive needs no label"
    text = recalibrate._reason(found, by_labels, "precision")
    assert text == "by the labels of these windows, of 50 % of the rows"


def test_windows_that_are_both_the_newest_and_labelled_keep_their_labels(resting):
    by_labels, newest = resting(4000, 0)
    assert newest is by_labels
