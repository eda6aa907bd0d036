"""What people ask and say of a verdict and of debts, by the command line: answers and mistakes."""

from __future__ import annotations

import json
from contextlib import contextmanager

import numpy as np
import pytest
import source_tables
from typer.testing import CliRunner

from sparkdrift.cli import app
from sparkdrift.health.verdict import LEVEL_NAMES
from sparkdrift.spark import session
from sparkdrift.steps import freezing_inputs, health

pytestmark = [pytest.mark.spark, pytest.mark.classic]

DEBT = "drift of amount"
SPEC = """
monitor: small
owner: tests
model: {{business_owner: board}}
source: {{path: "{path}"}}
timestamp: {{column: ts}}
features: {{numeric: [amount], categorical: [product]}}
reference: {{begin: 2024-01-01, end: 2024-01-05}}
policy: {{needs: [data]}}
"""


def invoke(*arguments):
    return CliRunner().invoke(app, [str(one) for one in arguments])


@pytest.fixture(scope="module")
def told(spark, workspace):
    """Calls a command on a store of eight days; from the sixth on `amount` is higher.

    Returns the JSON document of the monitor and checks the exit code.
    """
    rng = np.random.default_rng(23)
    path = workspace / "log"
    source_tables.write(
        spark,
        path,
        source_tables.pa.concat_tables(
            [
                source_tables.days(0, 4, 300, rng),
                source_tables.days(5, 7, 300, rng, shift=1.5),
                source_tables.closing_row(8),
            ]
        ),
    )
    file = workspace / "small.yml"
    file.write_text(SPEC.format(path=path))
    done = invoke("run", file, "--store", workspace / "store")
    assert done.exit_code == 0, done.output

    def command(*words, code=0):
        group, *rest = words
        verb = [rest.pop(0)] if group == "debt" or rest[:1] in (["accept"], ["decline"]) else []
        done = invoke(group, *verb, file, *rest, "--store", workspace / "store", "--json")
        assert done.exit_code == code, done.output
        (found,) = json.loads(done.stdout)["monitors"]
        return found

    return command


def test_the_verdict_and_the_exit_code_that_was_asked_for(told):
    found = told("health", "--fail-on", "watch", code=3)
    assert found["verdict"] == "blind"
    assert (found["owner"], found["escalation"]) == ("tests", "board")
    assert found["windows_judged"] == 0
    assert any(one["reason"].startswith(DEBT) for one in found["reasons"])
    assert told("health", "--fail-on", "retrain")["exit_code"] == 0
    assert "did you mean 'retrain'" in invoke("health", "x.yml", "--fail-on", "retrian").stderr


def test_what_is_owed_is_listed_and_its_life_shown(told):
    debts = {one["debt"]: one for one in told("debt", "list")["debts"]}
    assert debts[DEBT]["owner"] == "tests"
    assert (debts[DEBT]["kind"], debts[DEBT]["status"]) == ("data", "open")
    assert debts[DEBT]["interest"] is None
    events = told("debt", "show", DEBT)["events"]
    assert events[0]["action"] == "opened"
    assert [one["seq"] for one in events] == list(range(1, len(events) + 1))
    # Fewer windows than a trend needs: said, and no zero.
    assert "are needed" in told("debt", "show", DEBT)["course"]["reason"]


MISTAKES = [
    (("show", "drift of amuont"), 2, f"did you mean '{DEBT}'?"),
    (("ack", "drift of amuont", "--reason", "x"), 2, f"did you mean '{DEBT}'?"),
    (("ack", DEBT, "--reason", " "), 2, "--reason is empty"),
    (("assign", DEBT, "--to", "b", "--reason", "x", "--by", " "), 2, "--by is empty"),
    (("waive", DEBT, "--until", "2024-01-08", "--reason", "x"), 2, "is in the past"),
    (("waive", DEBT, "--until", "soon", "--reason", "x"), 2, "--until 'soon' is no time"),
]


@pytest.mark.parametrize(("words", "code", "said"), MISTAKES)
def test_a_mistake_is_said_and_nothing_is_written(told, workspace, words, code, said):
    before = told("debt", "show", DEBT)["events"]
    done = invoke(
        "debt", words[0], workspace / "small.yml", *words[1:], "--store", workspace / "store"
    )
    assert done.exit_code == code, done.output
    assert said in done.stderr
    assert told("debt", "show", DEBT)["events"] == before


def test_a_reason_is_asked_for_before_anything_starts():
    for words in (
        ("debt", "ack", "x.yml", DEBT),
        ("debt", "waive", "x.yml", DEBT, "--until", "2030-01-01"),
        ("debt", "assign", "x.yml", DEBT, "--to", "b"),
        ("health", "accept", "x.yml"),
        ("health", "decline", "x.yml"),
    ):
        done = invoke(*words)
        assert done.exit_code == 2, words
        assert "--reason" in done.stderr, words


def test_what_is_said_of_a_debt_is_on_the_books(told):
    said = ("--by", "anna", "--reason", "known")
    assert told("debt", "ack", DEBT, *said)["debt"] == DEBT
    told("debt", "assign", DEBT, "--to", "platform", *said)
    told("debt", "waive", DEBT, "--until", "2024-02-01", *said)
    (debt,) = (one for one in told("debt", "list")["debts"] if one["debt"] == DEBT)
    assert (debt["status"], debt["owner"]) == ("waived", "platform")
    assert debt["until"].startswith("2024-02-01")
    events = told("debt", "show", DEBT)["events"]
    assert [one["action"] for one in events if one["by"] == "anna"] == [
        "acknowledged", "assigned", "waived"
    ]  # fmt: skip
    assert events[-1]["reason"] == "known"


def test_a_verdict_is_accepted_and_then_declined(told):
    first = told("health", "accept", "--by", "anna", "--reason", "planned")
    assert (first["action"], first["by"], first["seq"]) == ("accepted", "anna", 1)
    assert first["verdict"] == "blind"
    second = told("health", "decline", "2024-01-08", "--by", "bob", "--reason", "a campaign")
    assert (second["action"], second["seq"]) == ("declined", 2)


def test_a_window_that_has_no_verdict_can_not_be_answered(told, workspace):
    done = invoke(
        *("health", "accept", workspace / "small.yml", "2030-01-01"),
        *("--reason", "x", "--store", workspace / "store"),
    )
    assert done.exit_code == 2
    assert "2030-01-01" in done.stderr


REGISTRY = "models:\n  small: {owner: tests}\n  unwatched: {owner: anna}\n"


def test_what_declared_models_owe(told, workspace):
    """By whoever judges health; of a model that nobody watches as of one whose windows end."""
    models = workspace / "models.yml"
    models.write_text(REGISTRY, "utf-8")
    store = ("--store", workspace / "store", "--json")
    done = invoke("health", workspace / "small.yml", "--models", models, *store)
    assert done.exit_code == 0, done.output
    owed = json.loads(done.stdout)["models"]
    assert [(one["model_id"], one["debt"], one["owner"]) for one in owed] == [
        ("small", "no fresh verdict", "tests"),
        ("unwatched", "no monitor", "anna"),
    ]
    of = (models, "--model", "unwatched", *store)
    said = ("--by", "anna", "--reason", "a pilot")
    done = invoke("debt", "waive", of[0], "no monitor", "--until", "2199-01-01", *said, *of[1:])
    assert done.exit_code == 0, done.output
    (debt,) = json.loads(invoke("debt", "list", *of).stdout)["debts"]
    assert (debt["status"], debt["until"][:10]) == ("waived", "2199-01-01")
    events = json.loads(invoke("debt", "show", of[0], "no monitor", *of[1:]).stdout)["events"]
    assert [one["action"] for one in events] == ["opened", "waived"]
    wrong = invoke("debt", "ack", models, "no monitor", "--model", "unwached", *said, *store)
    assert wrong.exit_code == 2
    assert "did you mean 'unwatched'?" in wrong.stderr


def test_why_goes_from_rows_to_the_verdict(told, workspace):
    """Each kind of evidence, its level and rows, and the rules; the same kinds as in the facts."""
    done = invoke("health", workspace / "small.yml", "--why", "--store", workspace / "store")
    assert done.exit_code == 0, done.output
    lines = [line.strip() for line in done.stdout.splitlines()]
    began = lines.index("evidence, its level, how much of it was there, and the rows it rests on")
    rules = lines.index("rules that led to the verdict")
    facts = told("health")
    path = lines[began + 1 : rules]
    for name, level in facts["levels"].items():
        shown = "not measured" if level["level"] is None else LEVEL_NAMES[level["level"]]
        assert any(line.startswith(name) and shown in line for line in path), (name, path)
    # The debt was waived before: it counts as minor, with the row that it rests on.
    at = next(n for n, line in enumerate(path) if line.startswith(f"minor: {DEBT}: waived until"))
    assert path[at + 1].startswith("drift: amount, baseline")
    assert lines[rules + 1 :][: len(facts["rules"])] == facts["rules"]
    assert facts["rules"]


def test_what_is_read_while_java_starts_is_not_read_again(told, spark, workspace, monkeypatch):
    """As where a session is started: here one is there already."""
    opened = session.open_session

    @contextmanager
    def starting(*, meanwhile=None, **more):
        if meanwhile is not None:
            meanwhile()
        with opened(**more) as own:
            yield own

    def refuse(*_args, **_more):
        raise AssertionError("it was read again")

    before = told("health")
    monkeypatch.setattr(session, "open_session", starting)
    monkeypatch.setattr(health, "judge_monitors", refuse)
    spark.sql(f"DELETE FROM delta.`{workspace / 'store' / 'model_health'}`")
    found = told("health")
    assert found["windows_judged"] == 8
    same = ("verdict", "severity", "since", "owner", "due", "reasons")
    assert {key: found[key] for key in same} == {key: before[key] for key in same}
    assert told("health")["windows_judged"] == 0
    for name in ("read_references", "stored_windows"):
        monkeypatch.setattr(freezing_inputs, name, refuse)
    interval = ("--begin", "2024-01-02", "--end", "2024-01-05", "--candidate")
    frozen = told("snapshot", *interval)
    assert (frozen["windows"], frozen["rows"]) == (3, 900)
