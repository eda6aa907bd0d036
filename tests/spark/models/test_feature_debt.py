"""The step feature_debt on a small store: what is told, what is due, and what is odd."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from monitors import context_of, new_store, rows_of, run, spec_of
from reading import rows_read
from scipy import special
from source_tables import closing_row, day_rows, day_start, write

from sparkdrift.errors import SourceError, SpecError
from sparkdrift.kernels.feature_course import OF_COURSES, OF_MODEL
from sparkdrift.report.features import feature_lines
from sparkdrift.spark.feature_overview import newest_debt
from sparkdrift.spec.models import MonitorSpec
from sparkdrift.steps.context import Options
from sparkdrift.steps.feature_debt import assess_features
from sparkdrift.store import Store

pytestmark = pytest.mark.spark

SEED, DAYS, ROWS = 29, 7, 1500
REFERENCE_DAYS, MOVED = 4, 5
"""From day MOVED on: `amount` drifts and counts for all of the score, `spare` is constant, and
`region` is spelt otherwise. Day DAYS - 1 has no link between `income` and the label any more."""


def scored(day, rng):
    rows = day_rows(day, ROWS, rng, 2.0 if day >= MOVED else 0.0)
    amount = (rows["amount"].to_numpy() - 100) / 20
    income = rng.normal(size=ROWS)
    weight = (1.0, 0.0) if day >= MOVED else (0.5, 0.5)
    score = special.expit(weight[0] * amount + weight[1] * income)
    label = (rng.random(ROWS) < special.expit(income)).astype(np.int32)
    if day == DAYS - 1:
        label = rng.permutation(label)
    region = rows["region"].to_pylist()
    spare = rng.normal(size=ROWS)
    if day >= MOVED:
        region, spare = [one.upper() for one in region], np.full(ROWS, 3.0)
    columns = {"score": score, "income": income * (1000 if day >= MOVED else 1), "spare": spare}
    for name, values in columns.items():
        rows = with_column(rows, name, pa.array(values))
    return with_column(with_column(rows, "region", pa.array(region)), "label", pa.array(label))


def with_column(rows, name, values):
    place = rows.schema.get_field_index(name)
    return rows.append_column(name, values) if place < 0 else rows.set_column(place, name, values)


@dataclass
class Watched:
    folder: Path
    store: Store
    spec: MonitorSpec

    def rows(self, spark, day=None):
        found = rows_of(spark, self.store, "feature_debt").to_pylist()
        return {
            ((one["window_start"] - day_start(0)).days, one["figure"], one["subject"]): one
            for one in found
        }

    def assessed(self, spark, spec=None, run_id="again"):
        context = context_of(spark, self.store, run_id)
        with rows_read(spark) as read:
            done = assess_features(context, spec or self.spec, Options())
        context.journal.close()
        return done, sum(read)


def sections(folder):
    return {
        "features": {"numeric": ["amount", "income", "spare"], "categorical": ["region"]},
        "prediction": {"score": "score", "label": "label"},
        "reference": {"begin": "2024-01-01", "end": f"2024-01-{1 + REFERENCE_DAYS:02}"},
        "evaluation": {"sets": {}},
        "importance": {"estimate": "linear", "rows": 1000},
    }


@pytest.fixture(scope="module")
def watched(spark, workspace) -> Watched:
    rng = np.random.default_rng(SEED)
    source = workspace / "featured"
    closing = closing_row(DAYS)
    for name, value in (("income", 0.0), ("spare", 0.0)):
        closing = closing.append_column(name, pa.array([value]))
    closing = closing.append_column("label", pa.array([0], pa.int32()))
    days = [scored(day, rng) for day in range(DAYS)]
    write(spark, source, pa.concat_tables([one.select(closing.column_names) for one in days]))
    write(spark, source, closing)
    spec = spec_of(source, **sections(workspace))
    store = new_store(spark, workspace / "featured-store")
    run(spark, store, spec, "first")
    return Watched(workspace, store, spec)


def test_what_each_feature_says(spark, watched):
    rows = watched.rows(spark)
    last = DAYS - 1
    link = rows[4, "association", "income"]
    assert 0.3 < link["low"] < link["value"] < link["high"] < 0.6
    assert (link["status"], link["unit"]) == (None, "r")
    assert rows[4, "association_change", "income"]["status"] == "ok"
    gone = rows[last, "association_change", "income"]
    assert (gone["status"], gone["value"] < -0.3) == ("drifted", True)
    assert gone["since"] == day_start(last)
    assert rows[0, "association_change", "income"]["status"] == "no_reference"
    dead = rows[last, "dead", "spare"]
    assert (dead["status"], dead["since"]) == ("drifted", day_start(MOVED))
    assert "constant: 3 " in dead["reason"]
    assert rows[4, "dead", "spare"]["status"] == "ok"
    assert "multiplied by 1,000" in rows[MOVED, "encoding", "income"]["reason"]
    # It lies around 0: where a flipped sign would be unseen, nothing vouches for the sign.
    still = rows[4, "encoding", "income"]
    assert (still["status"], "a flipped sign" in still["reason"]) == ("undetermined", True)
    region = rows[last, "encoding", "region"]
    assert (region["status"], region["value"]) == ("drifted", 1.0)
    assert "'NORTH' for 'north'" in region["reason"]
    assert {one["run_id"] for one in rows.values()} == {"first"}


def test_what_rests_on_it(spark, watched):
    rows = watched.rows(spark)
    before = {
        name: rows[4, "importance", name]["value"]
        for name in ("amount", "income", "spare", "region")
    }
    assert sum(before.values()) == pytest.approx(1)
    assert before["amount"] == pytest.approx(0.5, abs=0.1)
    assert rows[MOVED, "importance", "amount"]["value"] > 0.9
    model = {figure: rows[MOVED, figure, "*"] for figure in (*OF_MODEL, *OF_COURSES)}
    assert model["concentration"]["value"] > 0.85
    change = model["concentration_change"]
    assert change["status"] == "warning"
    assert 0.2 < change["low"] < change["value"] < change["high"]
    assert "in the windows of the reference" in change["reason"]
    drifted = model["drifted_importance"]
    assert (drifted["status"], drifted["value"] > 0.9) == ("warning", True)
    assert "amount" in drifted["reason"]
    on = model["drift_on_concentration"]
    assert (on["status"], on["since"]) == ("drifted", day_start(MOVED))
    assert "amount" in on["reason"]
    # No evaluation set: not measured, and not green.
    assert model["cliff_risk"]["status"] == "insufficient_data"
    assert model["drifted_importance_trend"]["status"] == "insufficient_data"
    # Four days of reference do not tell of every feature: that is not ok, and no warning.
    quiet = rows[4, "drifted_importance", "*"]
    assert (quiet["value"], quiet["status"]) in ((0.0, "ok"), (0.0, "undetermined"))
    assert rows[4, "concentration_change", "*"]["status"] == "ok"


@pytest.mark.classic
def test_nothing_is_due_twice(spark, watched):
    done, read = watched.assessed(spark)
    assert (done.windows, done.estimated, read) == ((), 0, 0)


@pytest.mark.classic
def test_the_screen_says_what_warns(spark, watched):
    text = "\n".join(feature_lines(newest_debt(spark, watched.store, watched.spec), "UTC"))
    assert "in the window of 2024-01-07" in text
    assert "importance on drifted features" in text
    assert "spare: says nothing, drifted since 2024-01-06" in text
    assert "not measured: cliff risk (a heuristic) (1)" in text


@pytest.mark.classic
def test_importances_of_a_table(spark, watched):
    table = watched.folder / "importances"
    rows = pa.table(
        {
            "feature": ["amount", "income", "spare", "gone", "region", "amount"],
            "value": [1.0, 1.0, -0.5, 2.0, 2.0, 6.0],
            "model_version": ["1", "1", "1", "1", None, "2"],
        }
    )
    write(spark, table, rows)
    asked = sections(watched.folder) | {"importance": {"path": str(table)}}
    asked["model"] = {"version": "1"}
    spec = spec_of(watched.folder / "featured", **asked)
    done, read = watched.assessed(spark, spec, "table")
    assert (len(done.windows), read) == (DAYS, 0)
    assert any("importance of spare" in one and "negative" in one for one in done.remarks)
    found = watched.rows(spark)
    assert found[4, "importance", "amount"]["value"] == 0.25
    assert found[4, "importance", "region"]["value"] == 0.5
    assert found[4, "importance", "gone"]["status"] == "undetermined"
    assert "no feature of this name" in found[4, "importance", "gone"]["reason"]
    assert found[4, "concentration", "*"]["value"] == pytest.approx(2 * 0.0625 + 0.25)
    assert "can't change" in found[MOVED, "concentration_change", "*"]["reason"]
    # The region is written otherwise, which drift sees as well.
    assert found[MOVED, "drifted_importance", "*"]["value"] == 1.0
    assert {one["model_version"] for one in found.values()} == {"1"}


@pytest.mark.classic
@pytest.mark.parametrize(
    ("section", "error", "line"),
    [
        ({"path": "/nowhere"}, SourceError, "no such folder"),
        ({"value": "weight"}, SpecError, "weight"),
    ],
)
def test_a_table_that_is_not_there_is_told_with_its_line(spark, watched, section, error, line):
    place = {"path": str(watched.folder / "importances"), **section}
    asked = sections(watched.folder) | {"importance": place}
    with pytest.raises(error, match=line) as raised:
        watched.assessed(spark, spec_of(watched.folder / "featured", **asked), "wrong")
    assert "monitor.yml:1" in str(raised.value)


@pytest.mark.classic
def test_a_run_without_that_table_fails_and_ends_in_a_verdict(spark, watched, tmp_path):
    store = new_store(spark, tmp_path / "store")
    hook = {"verdicts": ["retrain", "blind", "watch", "refresh_evaluation"], "table": True}
    asked = sections(watched.folder) | {"importance": {"path": "/nowhere"}, "on_verdict": [hook]}
    with pytest.raises(SourceError, match="no such folder"):
        run(spark, store, spec_of(watched.folder / "featured", **asked), "without")
    verdicts = rows_of(spark, store, "model_health").sort_by("window_start").to_pylist()
    assert len(verdicts) == DAYS
    assert {one["verdict"] for one in verdicts}.isdisjoint({"healthy"})
    ended = {(one["step"], one["phase"]) for one in rows_of(spark, store, "runs").to_pylist()}
    assert {("feature_debt", "FAILED"), ("health", "SUCCEEDED")} <= ended, ended
    assert rows_of(spark, store, "triggers").num_rows == 1


@pytest.mark.classic
def test_nothing_is_told_without_labels_and_importances(spark, watched):
    spec = spec_of(watched.folder / "featured", features={"numeric": ["amount"]})
    assert watched.assessed(spark, spec)[0].windows is None


@pytest.mark.classic
def test_the_section_alone_tells_of_what_profiles_tell(spark, watched):
    """Neither labels nor importances: what says nothing and what is written otherwise."""
    asked = sections(watched.folder)
    plain = {name: asked[name] for name in ("features", "reference")}
    spec = spec_of(watched.folder / "featured", feature_debt={"encoding": 0.02}, **plain)
    done, read = watched.assessed(spark, spec, "alone")
    assert (len(done.windows), read) == (DAYS, 0)
    rows = {key: one for key, one in watched.rows(spark).items() if one["run_id"] == "alone"}
    assert rows[DAYS - 1, "dead", "spare"]["status"] == "drifted"
    region = rows[DAYS - 1, "encoding", "region"]
    assert (region["status"], region["limit"]) == ("drifted", 0.02)
    assert not [key for key in rows if key[1].startswith("association")]
    assert "importances" in rows[DAYS - 1, "drifted_importance", "*"]["reason"]
