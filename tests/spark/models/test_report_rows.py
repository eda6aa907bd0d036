"""What pages and the Python API are made of, asked of a store that holds planted drift."""

from __future__ import annotations

import planted as plan
import pytest
from monitors import report_rows

import sparkdrift
from sparkdrift.errors import StoreError, UsageError
from sparkdrift.report.page.document import page
from sparkdrift.report.page.material import of_rows
from sparkdrift.spark.reading import frame
from sparkdrift.spark.report_rows import watched_metric
from sparkdrift.spark.schemas import TABLES
from sparkdrift.spark.table import bucket_of
from sparkdrift.spark.views import VIEWS, registered
from sparkdrift.spec.policy import INPUTS
from tests.unit.report.page.made_rows import MADE

pytestmark = [pytest.mark.spark, pytest.mark.classic]


@pytest.fixture(scope="module")
def spec(planted):
    return plan.planted_spec(planted.path)


@pytest.fixture(scope="module")
def rows(spark, planted, spec):
    with report_rows(spark, planted.store) as ask:
        return ask.everything(spec, 365)


def test_each_feature_that_drifted_has_both_distributions(rows):
    """Which features drift is planted: amount and sensor are numbers, product is not."""
    assert {one["column_name"] for one in rows["shapes"]} == {"amount", "product", "sensor"}
    assert {one["column_name"] for one in rows["frozen"]} == {"amount", "product", "sensor"}
    cells = {(one["column_name"], one["window_start"]): one["status"] for one in rows["cells"]}
    for one in rows["shapes"]:
        assert cells[one["column_name"], one["window_start"]] == "drifted"
        later = [start for name, start in cells if name == one["column_name"]]
        assert all(
            cells[one["column_name"], start] != "drifted"
            for start in later
            if start > one["window_start"]
        )


def test_only_the_newest_windows_are_asked_for(spark, planted, spec, rows):
    starts = sorted({one["window_start"] for one in rows["cells"]})
    with report_rows(spark, planted.store) as ask:
        cells = ask.cells(spec, 3)
    assert {one["window_start"] for one in cells} == set(starts[-3:])


def test_the_page_of_a_real_store(rows, spec):
    material = of_rows(rows, watched_metric(spec), "a store", MADE, "0.1.0")
    text = page(spec, material)
    verdicts = rows["findings"]["verdicts"]
    lasted = [one for one in verdicts if one["slice_key"] == "*" and one["since"] is not None]
    assert lasted
    assert text.count("<article") == len([one for one in lasted if one["column_name"] != INPUTS])
    for told in ("middle half", "What ran last", "baseline version 1"):
        assert told in text


def test_the_fleet_tells_monitors_with_a_verdict_from_those_without(spark, planted, spec):
    """Only a copy has verdicts of its own making, whatever the planted run ended with."""
    store = planted.copied(planted.path.parent / "judged")
    spark.sql(f"DELETE FROM {store.table('model_health')}")
    with report_rows(spark, store) as ask:
        assert ask.fleet() == []
        assert [one["monitor"] for one in ask.unjudged()] == [spec.monitor]
    for start, verdict in (("2024-01-05", "healthy"), ("2024-01-09", "retrain")):
        spark.sql(
            f"INSERT INTO {store.table('model_health')} (bucket, monitor, window_start, window_end,"
            " granularity, model_id, stage, verdict, owner) VALUES"
            f" ({bucket_of(spec.monitor)}, '{spec.monitor}', timestamp'{start}',"
            f" timestamp'{start}' + INTERVAL 1 DAY, 'day', 'm', 'deployed', '{verdict}', 'tests')"
        )
    with report_rows(spark, store) as ask:
        assert ask.unjudged() == []
        (newest,) = ask.fleet()
        assert [one["verdict"] for one in ask.health(spec, 9)] == ["retrain", "healthy"]
    assert (newest["model_id"], newest["verdict"]) == ("m", "retrain")
    html = sparkdrift.page(store=str(store), spark=spark).html
    assert "retrain" in html


def temporary_views(spark) -> set[str]:
    return {one.name for one in spark.catalog.listTables() if one.isTemporary}


def test_read_gives_every_table_and_view(spark, planted):
    """A view is told without temporary ones, which would be gone when rows are asked for."""
    before = temporary_views(spark)
    tables = sparkdrift.read(str(planted.store), spark=spark)
    assert set(tables) == {*(table.name for table in TABLES), *VIEWS}
    with registered(spark, planted.store):
        views = {name: spark.table(name).columns for name in VIEWS}
        counts = {name: spark.table(name).count() for name in ("alerts", "active_references")}
    for name, columns in views.items():
        assert tables[name].columns == columns
    for name, count in counts.items():
        assert tables[name].count() == count
    assert counts["alerts"] > 0
    assert tables["drift"].count() == len(planted.drift)
    assert temporary_views(spark) == before


def test_a_question_and_its_rows(spark, planted):
    tables = sparkdrift.read(str(planted.store), spark=spark)
    asked = "SELECT column_name, count(*) AS n FROM drift WHERE status = 'drifted' GROUP BY 1"
    answer = tables.sql(f"{asked} ORDER BY 1", 2)
    assert answer.dicts() == [
        {"column_name": "amount", "n": 5},
        {"column_name": "product", "n": 2},
    ]
    assert answer.more
    assert "<td" in answer._repr_html_()


def test_names_and_stores_that_are_not_there(spark, planted, tmp_path):
    with pytest.raises(UsageError, match="did you mean 'drift'"):
        frame(spark, planted.store, "drifts")
    with pytest.raises(StoreError, match="there is no store at"):
        sparkdrift.read(str(tmp_path / "none"), spark=spark)


def test_a_run_and_an_evaluation_from_python(spark, planted, tmp_path):
    """Nothing is due in a copy of a store that is up to date."""
    store = planted.copied(tmp_path / "copy")
    spec = plan.planted_spec(planted.path)
    done = sparkdrift.run(spec, str(store), run_id="py", spark=spark)
    assert (done.run_id, done.profiled, done.judged, done.statuses) == ("py", 0, 0, {})
    assert done.evaluation.measured is None
    assert "py" in done._repr_html_()
    assert sparkdrift.evaluate(spec, str(store), spark=spark).counted == 0
