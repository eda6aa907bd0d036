"""Starting up: cheap, helpful, and the same from Python as from a shell."""

from __future__ import annotations

import os
import resource
import subprocess
import sys
from collections.abc import Iterator

import pytest
from typer.core import TyperGroup
from typer.main import get_command
from typer.testing import CliRunner

from sparkdrift import __version__
from sparkdrift.cli import app, main


def commands(group: TyperGroup, before: tuple[str, ...] = ()) -> Iterator[str]:
    """Every command that the program has, with the names of its groups before it."""
    for name, one in group.commands.items():
        if isinstance(one, TyperGroup):
            yield from commands(one, (*before, name))
            if not one.invoke_without_command:
                continue
        yield " ".join((*before, name))


COMMANDS = tuple(commands(get_command(app)))


def python(code: str) -> str:
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60
    )
    return done.stdout.strip()


def test_importing_the_command_line_loads_no_engine():
    heavy = ("pyspark", "numpy", "pyarrow", "pydantic", "scipy", "pandas", "yaml", "jinja2")
    code = f"import sys, sparkdrift.cli; print([m for m in {heavy!r} if m in sys.modules])"
    assert python(code) == "[]"


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_has_an_example_and_the_shared_options(command, monkeypatch):
    monkeypatch.setenv("COLUMNS", "120")
    answer = CliRunner().invoke(app, [*command.split(), "--help"])
    assert answer.exit_code == 0
    # `show` is what `health` does without a command.
    short = "health" if command == "health show" else command
    assert f"Example: sparkdrift {short}" in answer.output
    for option in ("--store", "--json", "--verbose", "--log-file", "--run-id"):
        assert option in answer.output


@pytest.mark.parametrize("command", COMMANDS)
def test_help_says_all_that_was_written(command, monkeypatch):
    """Brackets mean a style to what draws it, which then leaves them out."""
    monkeypatch.setenv("COLUMNS", "200")
    found = get_command(app)
    for name in command.split():
        found = found.commands[name]
    shown = "".join(CliRunner().invoke(app, [*command.split(), "--help"]).output.split())
    texts = [found.help, *(one.help for one in found.params if getattr(one, "help", None))]
    for text in texts:
        for word in text.replace("\\[", "[").split():
            assert word in shown


@pytest.mark.parametrize("group", ["reference", "health", "debt"])
def test_a_group_has_an_example(group):
    assert f"Example: sparkdrift {group} " in CliRunner().invoke(app, [group, "--help"]).output


def test_there_are_commands():
    assert {"run", "sql", "report", "demo", "demo months", "reference promote"} <= {*COMMANDS}


def test_help_takes_little_time():
    """The aim is 0.4 s; processor time, the best of three, as the machine may be busy."""
    times = []
    for _ in range(3):
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        assert "Usage: sparkdrift" in python(
            "import sys; from sparkdrift.cli import main; sys.argv[0] = 'sparkdrift';"
            "main(['--help'])"
        )
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        times.append(after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime)
    assert min(times) < 0.6, times


@pytest.mark.parametrize(
    ("typed", "offered"),
    [
        ("sparkdrift re", {"report", "recalibrate", "reference"}),
        ("sparkdrift reference pro", {"promote"}),
        ("sparkdrift sql --li", {"--limit"}),
    ],
)
def test_a_shell_completes_names(typed, offered):
    variables = {
        "_SPARKDRIFT_COMPLETE": "complete_bash",
        "COMP_WORDS": typed,
        "COMP_CWORD": str(len(typed.split()) - 1),
    }
    answer = python(f"import os; os.environ.update({variables!r})\n"
                    "from sparkdrift.cli import main; main()")  # fmt: skip
    assert set(answer.split()) == offered


def test_completion_installs_itself_for_a_shell(tmp_path):
    """In a home folder of its own; without a shell around, the name of one is said."""
    home = {
        **os.environ,
        "HOME": str(tmp_path),
        "_TYPER_COMPLETE_TEST_DISABLE_SHELL_DETECTION": "1",
    }
    done = subprocess.run(
        [sys.executable, "-m", "sparkdrift", "--install-completion", "bash"],
        capture_output=True,
        text=True,
        env=home,
        timeout=60,
    )
    assert done.returncode == 0, done.stderr
    assert "sparkdrift" in (tmp_path / ".bashrc").read_text()


def test_version(capsys):
    assert main(["--version"]) == 0
    assert capsys.readouterr().out == f"sparkdrift {__version__}\n"


def test_an_unknown_command_is_a_usage_error(capsys):
    assert main(["watch"]) == 2
    assert "watch" in capsys.readouterr().err


def test_an_unknown_option_is_a_usage_error():
    assert main(["run", "--fast", "x.yml"]) == 2
