"""The demo, small: its text is computed from the tables, and says what was planted."""

from __future__ import annotations

import json

import pytest
from typer.testing import CliRunner

from sparkdrift.cli import app
from tests.cli.cookbook import DEMO

pytestmark = pytest.mark.spark


def invoke(*arguments):
    return CliRunner().invoke(app, [str(one) for one in arguments])


@pytest.fixture(scope="module")
def demo(spark, workspace):
    folder = workspace / "demo"
    done = invoke("demo", "--store", folder, "--rows", 20_000)
    assert done.exit_code == 0, done.output
    return folder, done.stdout


def test_it_tells_what_was_planted(demo):
    _, text = demo
    flat = " ".join(text.split())
    assert "nothing in it is real" in flat
    for feature in ("income", "product", "device_risk"):
        assert f"{feature} since 2025-" in flat
    assert "'bnpl'" in flat
    assert "with utilisation: a correlation of 0." in flat
    assert "mostly NULL in 15 days between 2025-06-10 and 2025-06-25" in flat
    assert "one single value, 0.5, in 98 days" in flat
    assert "roc_auc worse by more than 0.03" in flat
    assert text.rstrip().splitlines()[-5] == "Try next"


def test_the_log_is_a_delta_table_and_nothing_is_left_beside_it(demo):
    folder, _ = demo
    assert (folder / "inference_log" / "_delta_log").is_dir()
    assert not [one for one in folder.iterdir() if one.name.startswith(".inference_log")]


def test_again_does_only_what_is_due(demo):
    folder, _ = demo
    done = invoke("demo", "--store", folder, "--json")
    found = json.loads(done.stdout)
    assert not found["made"]
    assert found["windows_profiled"] == found["windows_judged"] == 0
    assert any(row["column_name"] == "income" for row in found["findings"]["verdicts"])


def test_each_alert_is_held_against_what_was_planted(demo):
    """One reason per alert of the view, each of them certified only inside of the truth."""
    folder, text = demo
    assert "Each alert, held against what was planted" in text
    found = json.loads(invoke("demo", "--store", folder, "--json").stdout)
    reasons = [one for one in found["reasons"] if one["slice_key"] != "with" and one["since"]]
    alerts = found["findings"]["alerts"]
    assert len(reasons) == len(alerts) > 10
    held = {one["column_name"]: one["held"] for one in reasons if one["slice_key"] == "*"}
    assert {held[name] for name in ("income", "product", "device_risk")} == {"planted"}
    for one in reasons:
        planted = one["column_name"] in ("income", "loan_amount", "product", "device_risk")
        in_north = (one["column_name"], one["slice_value"]) == ("bureau_score", "north")
        assert planted or in_north or one["held"] != "planted", one


def test_a_demo_that_was_interrupted_is_finished_by_the_same_command(demo):
    """The mark of a finished demo is set by the last step, and only then."""
    folder, text = demo
    assert text.startswith(f"making the demo in {folder}")
    manifest = folder / "demo.json"
    finished = json.loads(manifest.read_text())
    assert finished.pop("finished") is True
    manifest.write_text(json.dumps(finished))
    for said in ("is unfinished, because the run before did not end", "exists: only what is due"):
        done = invoke("demo", "--store", folder)
        assert f"the demo in {folder} {said}" in done.stdout


def test_alerts_are_explained_in_one_line_each(demo):
    """A day in September: the broken sensor, the drifting income, the new product."""
    folder, _ = demo
    spec = folder / "credit_priority.yml"
    done = invoke("explain", spec, "2025-09-20", "--store", folder, "--json")
    assert done.exit_code == 0, done.output
    alerts = json.loads(done.stdout)["alerts"]
    told = {one["column_name"]: one["sentence"] for one in alerts}
    assert told["income"].startswith("income moved up by ")
    assert "new categories" in told["product"]
    assert "bnpl" in told["product"]
    only = invoke("explain", spec, "2025-09-20", "income", "--store", folder)
    assert only.stdout.splitlines() == [
        "credit_priority, 2025-09-20: 1 alert",
        f"  {told['income']}",
    ]


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["credit_priorty"], "monitor 'credit_priorty' has no verdicts; there are credit_priority"),
        (["credit_priority", "2025-09-20", "incme"], "did you mean 'income'?"),
        (["credit_priority", "2031-01-01"], "judged are the windows from"),
        (["credit_priority", "someday"], "WINDOW 'someday' is no time"),
    ],
)
def test_what_has_no_verdict_is_said(demo, arguments, words):
    done = invoke("explain", *arguments, "--store", demo[0])
    assert done.exit_code == 2
    assert words in " ".join(done.stderr.split())


def test_other_rows_in_the_same_folder_are_refused(demo):
    done = invoke("demo", "--store", demo[0], "--rows", 5)
    assert done.exit_code == 2
    assert "--store OTHER" in done.stderr


def test_options_before_a_demos_name_are_refused(spark, tmp_path):
    done = invoke("demo", "--store", tmp_path, "flights")
    assert done.exit_code == 2
    assert "options go behind flights" in done.stderr


@pytest.mark.parametrize("question", DEMO)
def test_a_question_of_the_pages_has_an_answer(answered, demo, question):
    rows = answered(demo[0], question)
    # No metric is declared there, as the page says.
    assert rows or "kind = 'metric'" in question
