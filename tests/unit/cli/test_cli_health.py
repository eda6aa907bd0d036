"""health accept and decline: how they are called, what they tell; and the group's default."""

from __future__ import annotations

from datetime import datetime, timezone
from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner

from sparkdrift.cli import main
from sparkdrift.cli.commands.answering import _facts, _told
from sparkdrift.cli.commands.fleet import _asked, _counts
from sparkdrift.cli.group import WithDefault
from sparkdrift.cli.hooked import hook_facts, hook_remarks
from sparkdrift.errors import UsageError
from sparkdrift.steps.answering import Answered
from sparkdrift.steps.triggers import Triggered

START = datetime(2025, 6, 1, tzinfo=timezone.utc)
ROW = {"verdict": "retrain", "window_start": START, "due": None, "owner": "risk"}


def test_what_is_accepted_has_a_date_and_what_is_declined_stays_open() -> None:
    accepted = Answered({**ROW, "due": datetime(2025, 7, 1, tzinfo=timezone.utc)}, 1, "accepted",
                        "board", "yes")  # fmt: skip
    assert _told(accepted, "UTC") == (
        "the verdict retrain of 2025-06-01 is accepted by board (answer 1); due on 2025-07-01 by "
        "risk"
    )
    declined = Answered(ROW, 2, "declined", "board", "a campaign")
    assert _told(declined, "UTC").endswith("it stays open until its evidence is gone")
    assert _facts(declined)["reason"] == "a campaign"


@pytest.mark.parametrize("action", ["accept", "decline"])
def test_an_answer_needs_a_reason_and_a_time_that_is_one(action: str, capsys) -> None:
    assert main(["health", action, "nowhere.yml"]) == 2
    assert "--reason" in capsys.readouterr().err
    assert main(["health", action, "nowhere.yml", "soon", "--reason", "x"]) == 2
    assert "WINDOW 'soon' is no time" in capsys.readouterr().err


def test_an_unknown_model_is_told_with_the_nearest() -> None:
    rows = [{"model_id": "credit"}, {"model_id": "churn"}]
    with pytest.raises(UsageError, match="did you mean 'credit'"):
        _asked(rows, ["credti"])
    assert _asked(rows, ["churn"]) == [{"model_id": "churn"}]
    assert _asked(rows, []) == rows


def test_models_of_several_owners_are_counted() -> None:
    row = {"blind": True, "overdue": None, "owners": ["a", "b"]}
    assert _counts([row, {**row, "blind": False, "owners": None}]) == {
        "count": 2,
        "blind": 1,
        "overdue": 0,
        "contradicting": 1,
    }


def test_fleet_refuses_a_registry_that_is_not_there_before_java_starts(capsys, tmp_path) -> None:
    missing = tmp_path / "models.yml"
    assert main(["fleet", "--models", str(missing), "--store", str(tmp_path)]) == 2
    assert "models.yml can't be opened" in capsys.readouterr().err


def group() -> typer.Typer:
    app = typer.Typer()
    own = typer.Typer(cls=WithDefault, no_args_is_help=True)

    @own.command("show")
    def show(spec: Path, why: bool = False) -> None:
        typer.echo(f"show {spec} {why}")

    @own.command("accept")
    def accept(spec: Path) -> None:
        typer.echo(f"accept {spec}")

    @app.command("other")
    def other() -> None:
        pass

    app.add_typer(own, name="health")
    return app


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["m.yml"], "show m.yml False"),
        (["m.yml", "--why"], "show m.yml True"),
        (["--why", "m.yml"], "show m.yml True"),
        (["show", "m.yml"], "show m.yml False"),
        (["accept", "m.yml"], "accept m.yml"),
    ],
)
def test_a_group_has_one_command_that_needs_no_name(arguments: list[str], told: str) -> None:
    done = CliRunner().invoke(group(), ["health", *arguments])
    assert (done.exit_code, done.output.strip()) == (0, told)


def test_help_is_of_the_group() -> None:
    done = CliRunner().invoke(group(), ["health", "--help"])
    assert "accept" in done.output
    assert done.exit_code == 0


def test_a_failed_hook_is_told_and_a_sent_one_is_a_fact() -> None:
    told = [
        Triggered("table", "retrain", "written", ""),
        Triggered("oncall", "retrain", "failed", "no"),
    ]
    assert [one["status"] for one in hook_facts(told)["hooks"]] == ["written", "failed"]
    assert hook_facts([]) == {}
    (remark,) = hook_remarks(told)
    assert remark.startswith("hook oncall failed on the verdict retrain: no; the verdict is stored")
