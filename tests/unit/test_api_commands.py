"""Everything the command line can do has a function, with the options of its command."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import typer.main

from sparkdrift import api
from sparkdrift.api.opening import instant, options_of
from sparkdrift.cli.app import app
from sparkdrift.errors import UsageError
from tests.unit.report.page import made_rows as made

# Commands whose function has another name: Python knows `eval`, `import` and `list` as its own.
CALLED = {
    "init": "draft",
    "eval": "evaluate",
    "report": "page",
    "sample-eval": "sample_eval",
    "reference list": "reference.versions",
    "reference import": "reference.import_",
    "health show": "health",
    "health accept": "accept",
    "health decline": "decline",
    "debt list": "debts",
    "debt show": "debt",
    "debt ack": "acknowledge",
    "debt waive": "waive",
    "debt assign": "assign",
}
# What shows what sparkdrift does, rather than doing it.
ONLY_COMMANDS = {"demo", "demo flights", "demo months"}
# Options that are of a terminal or of an exit code; a function returns what they are about.
ONLY_OPTIONS = {
    *("as_json", "verbose", "log_file", "help"),
    *("fail_on", "why", "as_csv", "limit", "output", "fleet"),
}
# Another function has it: `plan` for --dry-run of the steps, `rollup` for --granularity.
# `model_debts`, `model_debt` and `answer_model` for --model of debts.
ELSEWHERE = {"dry_run": "plan", "granularity": "rollup", "model": "answer_model"}
RENAMED = {
    "specs": "spec",
    "table_": "table",
    "statement": "statement",
    "only": "slices",
    "version": "version_as_of",
    "at": "timestamp_as_of",
    "sliced": "slices",
    "debt": "name",
    "model": "models",
}


def commands(group: Any, before: str = "") -> Iterator[tuple[str, Any]]:
    for name, command in group.commands.items():
        full = f"{before} {name}".strip()
        if hasattr(command, "commands"):
            yield from commands(command, full)
            if command.invoke_without_command:
                yield full, command
        else:
            yield full, command


COMMANDS = dict(commands(typer.main.get_command(app)))


def function_of(name: str) -> Callable[..., object]:
    found: object = api
    for part in CALLED.get(name, name.replace(" ", ".")).split("."):
        found = getattr(found, part)
    assert callable(found)
    return found


@pytest.mark.parametrize("name", sorted(set(COMMANDS) - ONLY_COMMANDS))
def test_every_command_has_a_function_that_takes_its_options(name):
    function = function_of(name)
    taken = set(inspect.signature(function).parameters)
    asked = {one.name for one in COMMANDS[name].params if one.name not in ONLY_OPTIONS}
    if name in ("init", "validate"):  # which look at no store
        asked -= {"store"}
    for option in asked - {"run_id"}:
        named = {option, RENAMED.get(str(option), option)}
        if option in ELSEWHERE and not named & taken:
            assert callable(getattr(api, ELSEWHERE[str(option)]))
            continue
        assert named & taken, f"{name}: no parameter for {option}"


def test_no_exception_has_outlived_its_command():
    assert set(COMMANDS) >= ONLY_COMMANDS
    assert set(CALLED) <= set(COMMANDS)
    options = {one.name for command in COMMANDS.values() for one in command.params}
    assert options >= ONLY_OPTIONS - {"help"}


@pytest.mark.parametrize("name", sorted(set(COMMANDS) - ONLY_COMMANDS))
def test_every_function_is_typed_and_explained(name):
    function = function_of(name)
    text = inspect.getdoc(function)
    assert text
    signature = inspect.signature(function)
    assert signature.return_annotation not in (inspect.Signature.empty, "Any")
    for parameter in signature.parameters.values():
        assert parameter.annotation is not inspect.Parameter.empty, parameter.name


def test_all_that_the_package_offers_is_there():
    assert sorted(api.__all__) == api.__all__
    for name in api.__all__:
        assert hasattr(api, name)
    page = (Path(__file__).parents[2] / "docs/api.md").read_text("utf-8")
    functions = [one for one in api.__all__ if one[0].islower() and one != "reference"]
    functions += [
        f"reference.{one.removeprefix('reference ')}" for one in COMMANDS if one[:4] == "refe"
    ]
    called = {
        f"reference.{k.split()[1]}": v for k, v in CALLED.items() if k.startswith("reference")
    }
    for name in functions:
        assert f"`{called.get(name, name)}(" in page, name


def test_a_result_shows_what_is_inside_it_and_executes_nothing():
    hostile = "<script>alert(1)</script>"
    rows = api.Rows(("column_name",), ((hostile,),))
    one = api.Operations(hostile, "r", None, rows, api.Rows((), ()))
    shown = one._repr_html_()
    assert "<script" not in shown
    assert shown.count("&lt;script&gt;") == 2
    assert "not measured" in shown
    verdict = api.Verdict("m", "blind", "me")
    done = api.Run("m", "r", 1, 2, 3, {"ok": 1}, None, (), None, verdict)
    assert ">Verdict</caption>" in done._repr_html_()


def test_what_is_not_there_is_not_called_unmeasured():
    done = api.Run("m", "r", 0, 0, 0, {}, None, (), None, api.Verdict("m", "blind", "me"))
    run, verdict = done._repr_html_().split(">Verdict</caption>")
    assert "not measured" not in run
    assert "not measured" in verdict
    made = api.Migration("a store", None, 9)
    assert "not measured" not in made._repr_html_()


def test_no_rows_are_said_to_be_none():
    assert "no rows" in api.Rows((), ())._repr_html_()
    assert "no rows" not in api.Rows(("a",), ((1,),))._repr_html_()
    pruned = api.Pruned("m", False, api.Rows((), ()))
    assert "no rows" in pruned._repr_html_()


def test_a_text_is_no_time():
    """What a time is given as on a command line; the call says what it takes instead."""
    spec = made.spec()
    with pytest.raises(UsageError, match=r"'2025-12-01' is no time; accepted is a date"):
        options_of(spec, begin="2025-12-01")
    with pytest.raises(UsageError, match=r"such as datetime\.date\(2025, 12, 1\)"):
        instant(spec, "2025-12-01")


def test_a_drafted_spec_overwrites_nothing(tmp_path):
    draft = api.Draft("m", "monitor: m\n", 1, 1)
    file = draft.save(tmp_path / "m.yml")
    assert file.read_text("utf-8") == "monitor: m\n"
    with pytest.raises(UsageError, match="exists and stays as it is"):
        draft.save(file)
    with pytest.raises(UsageError, match="can't be written"):
        draft.save(tmp_path / "no" / "m.yml")


def test_what_is_wrong_in_a_file_is_told_without_spark(tmp_path):
    file = tmp_path / "bad.yml"
    file.write_text("monitor: m\nowenr: me\n", encoding="utf-8")
    problems = api.validate(file, no_table=True).dicts()
    assert any(one["nearest"] == "owner" for one in problems)
    assert {one["file"] for one in problems} == {str(file)}
