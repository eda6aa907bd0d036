"""Rows of operations from counts, verdicts and score bins: status, direction, trend, words."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone

import numpy as np
import pyarrow as pa
import pytest

from sparkdrift.kernels.batches import arrow_schema
from sparkdrift.kernels.operations import (
    BINNED,
    COUNTS,
    FROZEN,
    INPUT,
    TREND_WINDOWS,
    VERDICT,
    Asked,
    Signal,
    tell,
)

START = datetime(2024, 1, 1, tzinfo=timezone.utc)
EDGES = tuple(np.arange(1, 10) / 10)
SIGNALS = {
    "override": Signal("override", True, "up"),
    "praised": Signal("other", True, "down"),
    "moved": Signal("other", True, "both"),
    "wait": Signal("latency", False, "up"),
}
USUAL = {"status": "ok", "reason": "", "alerting": False, "power": 0.9, "reference_version": 2}
MOVED = {"status": "drifted", "reason": "surely", "alerting": True, "power": 0.9, "since": START}


def asked(**changes) -> Asked:
    return Asked(SIGNALS, changes.pop("judged", True), "day", {"test:1": EDGES}, **changes)


def row(part, day=None, signal="override", **values) -> dict:
    start = None if day is None else START + timedelta(days=day)
    base = dict.fromkeys(INPUT) | {"part": part, "signal": signal, "window_start": start}
    whole = {"slice_key": "*", "slice_value": "*"}
    return base | whole | {"place": day} | values


def counts(day, events, known=100, rows=100, **values) -> dict:
    cells = [events, known, known, events]
    own = {"rows": rows, "cells": cells, "due": True, "definition_hash": "d"}
    return row(COUNTS, day, **(own | values))


def told(rows, size=1000, **changes) -> list[dict]:
    table = pa.Table.from_pylist(sorted(rows, key=lambda one: one["signal"]), arrow_schema(INPUT))
    batches = iter(table.to_batches(max_chunksize=size))
    return [one for batch in tell(asked(**changes))(batches) for one in batch.to_pylist()]


def frozen(value, signal="override") -> dict:
    return row(FROZEN, signal=signal, reference_version=2, value=value)


def test_value_interval_change_and_the_verdict_of_drift() -> None:
    (found,) = told([counts(0, 17), row(VERDICT, 0, **USUAL), frozen(0.04)])
    assert (found["rows"], found["known_rows"], found["events"]) == (100, 100, 17)
    assert found["value"] == pytest.approx(0.17)
    assert (found["low"], found["high"]) == pytest.approx((0.1088, 0.2553), abs=1e-3)
    assert found["change"] == pytest.approx(0.13)
    assert (found["status"], found["alerting"], found["kind"]) == ("ok", False, "override")
    assert found["reason"] == "17.0 % (10.9 % to 25.5 %), 4.0 % in the reference"


@pytest.mark.parametrize(
    ("signal", "shift", "status"),
    [
        ("override", 8.0, "drifted"),
        ("override", -8.0, "ok"),
        ("praised", 8.0, "ok"),
        ("praised", -8.0, "drifted"),
        ("moved", 8.0, "drifted"),
        ("moved", -8.0, "drifted"),
    ],
)
def test_only_a_change_for_the_worse_counts(signal, shift, status) -> None:
    verdict = row(VERDICT, 0, signal, **MOVED, shift=shift)
    (found,) = told([counts(0, 17, signal=signal), verdict])
    bad = status == "drifted"
    assert (found["status"], found["alerting"]) == (status, bad)
    assert found["since"] == (START if bad else None)
    assert ("for the better" in found["reason"]) == (not bad)


def test_what_was_not_measured_stays_so() -> None:
    nothing = {"status": "insufficient_data", "reason": "no value", "reference_version": 2}
    rows = [counts(0, None, None, 0), row(VERDICT, 0, **nothing), frozen(0.04)]
    (found,) = told(rows)
    assert (found["status"], found["reason"]) == ("insufficient_data", "no value")
    assert (found["value"], found["low"], found["change"], found["alerting"]) == (None,) * 4
    # Not even its cells: the column is gone.
    (found,) = told([counts(0, 1) | {"cells": None}, row(VERDICT, 0, status="schema_changed")])
    assert (found["known_rows"], found["events"], found["status"]) == (None, None, "schema_changed")
    (found,) = told([counts(0, 1)])
    assert found["status"] == "no_reference"
    assert "no reference was in force" in found["reason"]
    (found,) = told([counts(0, 1)], judged=False)
    assert found["status"] is None
    assert "shown, not judged" in found["reason"]


def test_a_mean_has_a_normal_interval() -> None:
    values = np.array([3.0, 5.0, 10.0, 2.0])
    cells = [values.sum(), 4, 4, (values**2).sum()]
    (found,) = told([counts(0, 0, signal="wait") | {"cells": cells}])
    assert found["value"] == pytest.approx(5)
    assert found["high"] - 5 == pytest.approx(1.959964 * values.std(ddof=1) / 2)
    assert found["events"] is None
    (found,) = told([counts(0, 0, signal="wait") | {"cells": [3.0, 1, 1, 9.0]}])
    assert (found["value"], found["low"], found["high"]) == (3, None, None)


def test_a_mean_of_large_numbers_has_no_interval_of_rounding() -> None:
    """Of 10^9 +- 1 the sum of squares holds nothing of how rows vary; of 10^3 +- 1 it does."""
    rng = np.random.default_rng(7)
    for size, there in ((1e9, False), (1e6, False), (1e3, True)):
        values = size + rng.normal(0, 1, 500)
        cells = [values.sum(), 500, 500, (values**2).sum()]
        (found,) = told([counts(0, 0, signal="wait") | {"cells": cells}, frozen(size, "wait")])
        assert found["value"] == pytest.approx(values.mean())
        assert (found["low"] is not None, found["high"] is not None) == (there, there), size
        assert ("; no interval: rows vary by less" in found["reason"]) == (not there)
    # Zeros are exact: nothing is lost in them.
    (found,) = told([counts(0, 0, signal="wait") | {"cells": [0.0, 9, 9, 0.0]}])
    assert (found["low"], found["high"]) == (0.0, 0.0)


def test_the_trend_keeps_gaps_and_looks_back_so_far_and_no_further() -> None:
    days = [0, 1, 2, 5, 6, 7, 9, 10, 40, 41]
    rows = told([counts(day, 2 * day, due=day in (9, 10, 40)) for day in days], size=3)
    by_day = {(one["window_start"] - START).days: one for one in rows}
    assert by_day[9]["trend"] is None
    assert by_day[9]["trend_reason"] == "7 of 10 windows were measured, 8 are needed"
    # 2 % more a day, whatever days are missing.
    assert by_day[10]["trend"] == pytest.approx(0.02)
    assert by_day[10]["trend_pvalue"] < 0.01
    assert by_day[10]["trend_reason"] is None
    assert f"1 of {1}" in by_day[40]["trend_reason"]
    assert TREND_WINDOWS == 30


def binned(day, name, events, columns=("override",), place=0) -> dict:
    """1,000 rows in each bin."""
    cells = np.zeros((len(events), len(columns), 2))
    cells[:, place] = np.column_stack([np.full(len(events), 1000), events])
    return row(BINNED, day, name=name, columns=list(columns), cells=cells.ravel().tolist())


def test_it_says_where_on_the_score_the_events_are() -> None:
    events = [10, 10, 10, 10, 200, 200, 10, 10, 10, 10]
    state = binned(0, "test:1", events, ("moved", "override"), 1)
    (found,) = told([counts(0, 480, 10_000), state])
    assert (found["score_low"], found["score_high"]) == (0.4, 0.6)
    assert found["score_rows"] == pytest.approx(0.2)
    assert found["score_events"] == pytest.approx(400 / 480)
    assert found["score_groups"] == 10
    assert found["score_pvalue"] < 1e-9
    assert found["score_reason"].startswith("83 % of override (")
    assert "at scores 0.4 to 0.6, where 20 % of the rows are" in found["score_reason"]


@pytest.mark.parametrize(
    ("states", "reason"),
    [
        ([], "not counted by score yet"),
        ([binned(0, "other:1", [100] * 10)], "not counted by score yet"),
        ([binned(0, "test:1", [100] * 10, ("moved",))], "not counted by score yet"),
        ([binned(0, "test:1", [100] * 9)], "by other score bins"),
        ([binned(0, "test:1", [0] * 10)], "too few"),
        ([binned(0, "test:1", [50] * 10)], "spread over the scores as the rows are"),
    ],
)
def test_where_that_cannot_be_told_it_says_why(states, reason) -> None:
    (found,) = told([counts(0, 17), *states])
    assert reason in found["score_reason"]
    assert (found["score_pvalue"] is None) == ("spread" not in reason)


def test_without_counts_by_score_the_reason_is_that_of_the_spec() -> None:
    (found,) = told([counts(0, 17)], unbinned="the spec names no score")
    assert found["score_reason"] == "the spec names no score"
    (found,) = told([counts(0, 17, signal="wait")])
    assert "of a mean" in found["score_reason"]


def test_of_two_states_the_one_of_more_rows_counts_whatever_their_order() -> None:
    small = binned(0, "test:1", [50] * 10) | {"cells": [10.0, 1.0] * 10}
    large = binned(0, "test:1", [10] * 9 + [400])
    for states in ((small, large), (large, small)):
        (found,) = told([counts(0, 490, 10_000), *states])
        assert (found["score_low"], found["score_high"]) == (0.9, None)
        assert "0.9 and above" in found["score_reason"]
