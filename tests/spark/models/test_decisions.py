"""Rows that the model shaped, told by a table of decisions: joined by key, late, and restated."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from monitors import new_store, profile_only, rows_of, run, spec_of
from source_tables import TIMESTAMP, closing_row, day_rows, day_start, write

from sparkdrift.spec.models import MonitorSpec
from sparkdrift.store import Store

pytestmark = pytest.mark.spark

SEED, DAYS, ROWS = 67, 7, 300
SECTIONS = {
    "features": {"numeric": ["amount"]},
    "prediction": {"key": "case"},
    "reference": {"begin": "2024-01-01", "end": "2024-01-06"},
    "sketch": {"k": 8192},
    "drift": {"multivariate": False},
}


@dataclass
class Told:
    """A monitor whose decisions stand in the folder `decisions`, and what they are by now."""

    path: Path
    decisions: Path
    spec: MonitorSpec
    store: Store
    amounts: np.ndarray

    def share(self, spark, day: int, column: str = "metric:shaped") -> float | None:
        where = f"column_name = '{column}' AND slice_key = '*'"
        for row in rows_of(spark, self.store, "profiles", where).to_pylist():
            if row["window_start"] == day_start(day):
                return row["value"]
        return None


def of_cases(cases, applied, at, desk="a") -> pa.Table:
    """Decisions of cases; `at`: their time as days after the first."""
    times = [day_start(0) + timedelta(days=float(one)) for one in np.broadcast_to(at, len(cases))]
    return pa.table(
        {
            "case_id": pa.array(cases, pa.int64()),
            "applied": pa.array(list(applied), pa.bool_()),
            "at": pa.array(times, TIMESTAMP),
            "desk": pa.array([desk] * len(cases)),
        }
    )


def cases_of(day: int) -> np.ndarray:
    return np.arange(day * ROWS, (day + 1) * ROWS)


@pytest.fixture(scope="module")
def told(spark, workspace) -> Told:
    """Of each day half of the cases are decided; those with a large amount were acted on."""
    rng = np.random.default_rng(SEED)
    rows = pa.concat_tables([*(day_rows(day, ROWS, rng) for day in range(DAYS)), closing_row(DAYS)])
    rows = rows.append_column("case", pa.array(range(len(rows)), pa.int64()))
    path, decisions = workspace / "source", workspace / "decisions"
    write(spark, path, rows)
    cases = np.concatenate([cases_of(day)[::2] for day in range(DAYS)])
    write(spark, decisions, of_cases(cases, cases % 4 == 0, 10.0))
    feedback = {
        "shaped": "coalesce(applied, false) AND amount > 100",
        "decisions": {
            "path": str(decisions),
            "key": "case_id",
            "decided_at": "at",
            "filter": "desk = 'a'",
        },
        "compare": True,
    }
    spec, store = spec_of(path, **SECTIONS, feedback=feedback), new_store(spark, workspace / "st")
    run(spark, store, spec, "first")
    return Told(path, decisions, spec, store, rows["amount"].to_numpy())


def expected(told: Told, day: int, applied: set[int] | None = None) -> float:
    cases = cases_of(day)
    acted = cases % 4 == 0 if applied is None else np.isin(cases, list(applied))
    return float((acted & (told.amounts[cases] > 100)).mean())


def windows_of(spark, told: Told, run_id: str, table: str = "profiles") -> set[int]:
    rows = rows_of(spark, told.store, table, f"run_id = '{run_id}'").to_pylist()
    return {(row["window_start"] - day_start(0)).days for row in rows}


@pytest.mark.classic
def test_decisions_are_joined_and_found_again_when_they_change(spark, told):
    for day in range(DAYS):
        assert told.share(spark, day) == pytest.approx(expected(told, day)), (SEED, day)
    shaped = rows_of(
        spark, told.store, "profiles", "slice_key = ':shaped' AND column_name = 'amount'"
    ).to_pylist()
    sides = {(row["window_start"], row["slice_value"]): row["row_count"] for row in shaped}
    assert sides[day_start(3), "true"] == round(ROWS * expected(told, 3))
    assert sides[day_start(3), "true"] + sides[day_start(3), "false"] == ROWS

    # Nothing new: no window is due.
    assert profile_only(spark, told.store, told.spec, "again").settled

    # Late ones of day 2, one of them of another desk; and one of a case that has no row.
    late = cases_of(2)[1::2]
    write(spark, told.decisions, of_cases([*late, 10**6], [True] * (len(late) + 1), 11.0))
    write(spark, told.decisions, of_cases(cases_of(4)[1::2], [True] * (ROWS // 2), 11.0, "b"))
    run(spark, told.store, told.spec, "late")
    assert windows_of(spark, told, "late") <= {2, 4}
    now = {int(case) for case in cases_of(2) if case % 4 == 0} | set(map(int, late))
    assert told.share(spark, 2) == pytest.approx(expected(told, 2, now)), SEED
    assert told.share(spark, 4) == pytest.approx(expected(told, 4)), SEED
    # What was judged from the share is judged again.
    assert 2 in windows_of(spark, told, "late", "drift")

    # Restated: the newest counts. Of two of one time that differ none does.
    first, second = _large(told, 5)
    write(spark, told.decisions, of_cases([first, second, second], [False, True, False], 12.0))
    profile_only(spark, told.store, told.spec, "restated")
    assert windows_of(spark, told, "restated") == {5}
    left = {int(case) for case in cases_of(5) if case % 4 == 0} - {first, second}
    assert told.share(spark, 5) == pytest.approx(expected(told, 5, left)), SEED


def _large(told: Told, day: int) -> tuple[int, int]:
    """Two cases of a day that were acted on."""
    found = [int(one) for one in cases_of(day) if one % 4 == 0 and told.amounts[one] > 100]
    return found[0], found[1]


@pytest.mark.classic
def test_a_run_that_did_not_end_leaves_no_window_with_older_decisions(spark, told, workspace):
    """Decisions come in after the windows of a run that broke off, before its successor."""
    from sparkdrift.errors import SourceError
    from sparkdrift.steps import profile

    store = new_store(spark, workspace / "broken")
    written = profile.write_profiles

    def broken(*args, **options):
        written(*args, **options)
        raise SourceError("broken off")

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(profile, "write_profiles", broken)
        with pytest.raises(SourceError):
            profile_only(spark, store, told.spec, "broken")
    write(spark, told.decisions, of_cases(cases_of(0)[1::2], [True] * (ROWS // 2), 13.0))
    plan = profile_only(spark, store, told.spec, "next")
    assert len(plan.due) == DAYS
    own = Told(told.path, told.decisions, told.spec, store, told.amounts)
    now = {int(case) for case in cases_of(0) if case % 2 or case % 4 == 0}
    assert own.share(spark, 0) == pytest.approx(expected(told, 0, now)), SEED


@pytest.mark.classic
def test_decisions_that_are_not_there_are_told_with_their_line(spark, told, workspace):
    from sparkdrift.errors import SourceError

    feedback = {"shaped": "applied", "decisions": {"path": str(workspace / "nowhere")}}
    spec = spec_of(told.path, **SECTIONS, feedback=feedback)
    with pytest.raises(SourceError, match="there is no such folder"):
        profile_only(spark, new_store(spark, workspace / "none"), spec)
