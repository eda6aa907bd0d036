"""The commands, put together; `main` is the entry point of the console script and the jobs."""

from __future__ import annotations

import gc
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Annotated

import typer

from sparkdrift import __version__
from sparkdrift.cli.commands import (
    answering,
    calibrate,
    classify,
    debt,
    deciding,
    demo,
    demo_months,
    doctor,
    evaluating,
    exchanging,
    explain,
    features,
    feedback,
    fleet,
    freezing,
    health,
    keeping,
    maintaining,
    merge,
    operating,
    proposing,
    reference,
    report,
    specs,
    steps,
    tables,
)
from sparkdrift.cli.common import Command, common_options
from sparkdrift.cli.group import WithDefault

_HELP = """Watches the inputs and instruments of a model over Delta tables.

Start with: sparkdrift demo

Exit codes: 0 done, 1 handled failure, 2 usage, 3 finding with --fail-on, 130 interrupted
(Ctrl-C), 143 terminated (SIGTERM).
"""

app = typer.Typer(
    name="sparkdrift",
    help=_HELP,
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


def _version(asked: bool) -> None:
    if asked:
        sys.stdout.write(f"sparkdrift {__version__}\n")
        raise typer.Exit


@app.callback()
def _options(
    version: Annotated[
        bool,
        typer.Option("--version", callback=_version, is_eager=True, help="Show the version."),
    ] = False,
) -> None:
    pass


_COMMANDS: Sequence[tuple[str, Command, str]] = (
    ("init", specs.init, "Begin"),
    ("validate", specs.validate, "Begin"),
    ("doctor", doctor.doctor, "Begin"),
    ("run", steps.run, "Watch"),
    ("profile", steps.profile, "Watch"),
    ("snapshot", freezing.snapshot, "Watch"),
    ("drift", steps.drift, "Watch"),
    ("operations", operating.operations, "Watch"),
    ("eval", evaluating.evaluate, "Watch"),
    ("features", features.features, "Watch"),
    ("sql", tables.sql, "Read"),
    ("report", report.report, "Read"),
    ("explain", explain.explain, "Read"),
    ("feedback", feedback.feedback, "Read"),
    ("fleet", fleet.fleet, "Read"),
    ("calibrate", calibrate.calibrate, "Read"),
    ("classify", classify.classify, "Read"),
    ("merge", merge.merge, "Read"),
    ("recalibrate", proposing.recalibrate, "Propose"),
    ("sample-eval", proposing.sample_eval, "Propose"),
    ("migrate", tables.migrate, "Keep"),
    ("prune", keeping.prune, "Keep"),
    ("forget", keeping.forget, "Keep"),
    ("maintain", maintaining.maintain, "Keep"),
)
for _name, _command, _panel in _COMMANDS:
    app.command(_name, rich_help_panel=_panel)(common_options(_command))

_demo = typer.Typer(no_args_is_help=False)
_demo.callback(invoke_without_command=True)(common_options(demo.credit))
_demo.command("flights")(common_options(demo.flights))
_demo.command("months")(common_options(demo_months.months))
app.add_typer(_demo, name="demo", rich_help_panel="Begin")


def _add_group(name: str, group: typer.Typer, commands: Sequence[tuple[str, Command]]) -> None:
    """Put commands of a group in place, each with the options that all commands have."""
    for own, command in commands:
        group.command(own)(common_options(command))
    app.add_typer(group, name=name, rich_help_panel="Watch")


_reference = typer.Typer(
    no_args_is_help=True,
    help="Look at the versions of a reference, and decide which one is in force.\n\n"
    "Example: sparkdrift reference list credit.yml",
)
_OF_REFERENCES: Sequence[tuple[str, Command]] = (
    ("list", reference.list_versions),
    ("show", reference.show),
    ("diff", reference.diff),
    ("verify", reference.verify),
    ("staleness", reference.staleness),
    ("promote", deciding.promote),
    ("reject", deciding.reject),
    ("retire", deciding.retire),
    ("rollback", deciding.rollback),
    ("export", exchanging.export),
    ("import", exchanging.import_),
)
_add_group("reference", _reference, _OF_REFERENCES)

_health = typer.Typer(
    cls=WithDefault,
    no_args_is_help=True,
    help="The verdict on a model, and what is said to it.\n\nExample: sparkdrift health credit.yml",
)
_OF_HEALTH: Sequence[tuple[str, Command]] = (
    ("show", health.show),
    ("accept", answering.accept),
    ("decline", answering.decline),
)
_add_group("health", _health, _OF_HEALTH)

_debt = typer.Typer(
    no_args_is_help=True,
    help="What is owed of a model: look at it, and say what is done about it.\n\n"
    "Example: sparkdrift debt list credit.yml",
)
_OF_DEBTS: Sequence[tuple[str, Command]] = (
    ("list", debt.list_debts),
    ("show", debt.show),
    ("ack", debt.ack),
    ("waive", debt.waive),
    ("assign", debt.assign),
)
_add_group("debt", _debt, _OF_DEBTS)


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command; returns its exit code. `argv` defaults to the process's arguments."""
    try:
        with _looking_for_garbage_seldom():
            app(args=None if argv is None else list(argv), prog_name="sparkdrift")
    except SystemExit as end:
        return end.code if isinstance(end.code, int) else int(end.code is not None)
    return 0


@contextmanager
def _looking_for_garbage_seldom() -> Iterator[None]:
    """A command makes rows by the ten thousand, all of which stay to its end: looking through them
    for cycles took a fifth of the time of reading and judging them."""
    before = gc.get_threshold()
    gc.set_threshold(50_000, 20, 20)
    try:
        yield
    finally:
        gc.set_threshold(*before)
