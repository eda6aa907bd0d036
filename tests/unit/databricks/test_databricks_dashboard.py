"""The dashboard and the alerts are sound: what a widget names is there, and reads real tables."""

from __future__ import annotations

import ast
import re

import bundle
import dashboard
import pytest
from databricks.sdk.service.sql import AlertV2

from sparkdrift.spark.schemas import TABLES

ALERTS = bundle.resources("alerts")
WIDTH = 6  # columns of a page
# A bundle reads the dashboard from a file, in place of the text that the API takes.
OF_A_DASHBOARD = {
    *("display_name", "file_path", "warehouse_id", "embed_credentials"),
    *("dataset_catalog", "dataset_schema"),
}


def known() -> set[str]:
    """The tables, and the views by the text of their module: importing it would need pyspark."""
    text = (bundle.ROOT / "sparkdrift/spark/views.py").read_text("utf-8")
    (views,) = (
        node.value
        for node in ast.parse(text).body
        if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "VIEWS"
    )
    return {table.name for table in TABLES} | {key.value for key in views.keys}


def read(query: str) -> set[str]:
    """The names behind FROM and JOIN that the query does not define itself."""
    named = set(re.findall(r"\b(?:FROM|JOIN)\s+([\w.]+)", query))
    return named - set(re.findall(r"\b(\w+) AS \(", query))


def test_the_bundle_names_the_dashboard_and_its_warehouse():
    ((path, one),) = bundle.resources("dashboards").values()
    assert set(one) == OF_A_DASHBOARD
    assert (path.parent / one["file_path"]).resolve() == dashboard.FILE
    assert one["dataset_schema"] == "${var.schema}"


@pytest.mark.parametrize("name", dashboard.DATASETS)
def test_datasets_read_tables_by_their_plain_names(name):
    assert read(dashboard.query(name)) <= known(), "dataset_schema is put before plain names only"
    parameters = set(re.findall(r":(\w+)", dashboard.query(name)))
    assert parameters == set(dashboard.parameters(name))


def test_every_widget_shows_a_dataset_and_names_its_fields():
    shown, names = set(), []
    for page, widget, _ in dashboard.widgets():
        names.append(widget["name"])
        if "multilineTextboxSpec" in widget:
            continue
        fields, queries = {}, {}
        for one in widget["queries"]:
            dataset = one["query"]["datasetName"]
            assert dataset in dashboard.DATASETS, (page, widget["name"])
            shown.add(dataset)
            given = {field["name"] for field in one["query"].get("fields", [])}
            given |= {field["name"] for field in one["query"].get("parameters", [])}
            keywords = {field["keyword"] for field in one["query"].get("parameters", [])}
            assert keywords <= set(dashboard.parameters(dataset))
            queries[one["name"]], fields[dataset] = given, given
        spec = widget["spec"]
        assert spec["frame"]["title"]
        for field in encoded(spec["encodings"]):
            own = (
                queries[field["queryName"]]
                if "queryName" in field
                else set.union(*queries.values())
            )
            assert (field.get("fieldName") or field["parameterName"]) in own, widget["name"]
    assert len(set(names)) == len(names)
    assert shown == set(dashboard.DATASETS), "a dataset that nothing shows"


def encoded(encodings: dict) -> list[dict]:
    found = []
    for one in encodings.values():
        found += one if isinstance(one, list) else [one]
    return found


def test_every_page_with_a_parameter_lets_choose_it():
    for page in dashboard.CONTENT["pages"]:
        asked, chosen = set(), set()
        for one in page["layout"]:
            for query in one["widget"].get("queries", []):
                dataset = query["query"]["datasetName"]
                if query["query"].get("parameters"):
                    chosen.add(dataset)
                elif dashboard.parameters(dataset):
                    asked.add(dataset)
        assert asked == chosen, page["name"]


def test_widgets_lie_on_the_page_and_not_on_each_other():
    taken: dict[tuple[str, int, int], str] = {}
    for page, widget, at in dashboard.widgets():
        assert at["x"] + at["width"] <= WIDTH
        for x in range(at["x"], at["x"] + at["width"]):
            for y in range(at["y"], at["y"] + at["height"]):
                place = (page, x, y)
                assert taken.setdefault(place, widget["name"]) == widget["name"]


def test_all_that_was_asked_for_has_a_page():
    titles = [page["displayName"] for page in dashboard.CONTENT["pages"]]
    assert titles == ["Fleet", "Model", "Drift", "Evaluation", "Debts"]
    kinds = {w["spec"]["widgetType"] for _, w, _ in dashboard.widgets() if "spec" in w}
    assert {"heatmap", "line", "table", "counter", "filter-single-select"} <= kinds


@pytest.mark.parametrize("key", ALERTS)
def test_alerts_are_what_the_api_takes(key):
    _, alert = ALERTS[key]
    assert list(bundle.refused(AlertV2, bundle.put_in(alert, "prod"), key)) == []
    assert alert["schedule"]["pause_status"] == "${var.alert_schedule}"
    assert bundle.variables("dev")["alert_schedule"] == "PAUSED"
    assert bundle.variables("prod")["alert_schedule"] == "UNPAUSED"


@pytest.mark.parametrize("key", ALERTS)
def test_alerts_read_the_tables_of_the_store(key):
    _, alert = ALERTS[key]
    query = alert["query_text"].replace("${var.catalog}.${var.schema}.", "store.")
    tables = {name for name in read(query) if name != "("}
    assert tables <= {f"store.{name}" for name in known()}
    assert f"AS {alert['evaluation']['source']['name']}," in query
    assert alert["evaluation"]["notification"]["subscriptions"]
