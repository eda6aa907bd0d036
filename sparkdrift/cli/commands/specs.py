"""init and validate: a monitor spec drafted from a table, and held against it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import nullcontext
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, TypeVar

import typer

from sparkdrift.cli import screen
from sparkdrift.cli.arguments import spec_files
from sparkdrift.cli.common import Common, message, report
from sparkdrift.cli.working import session
from sparkdrift.errors import Problem, SpecError, UsageError
from sparkdrift.report.plain import joined, named
from sparkdrift.steps.drafting import drafted, monitor_of
from sparkdrift.steps.holding import held

if TYPE_CHECKING:
    from sparkdrift.spec.evaluation import Evaluation
    from sparkdrift.spec.models import MonitorSpec
    from sparkdrift.spec.resolving import Resolution

Answer = TypeVar("Answer")
# What is told of a spec in which nothing is wrong: lines, and facts for --json.
Told = tuple[list[str], dict[str, Any]]


def init(
    common: Common,
    table: Annotated[
        str, typer.Argument(metavar="TABLE", help="A Delta table: its name, or its folder.")
    ],
    output: Annotated[
        Path | None,
        typer.Option(
            "--output", "-o", metavar="FILE", help="Default: MONITOR.yml.", show_default=False
        ),
    ] = None,
    monitor: Annotated[
        str | None,
        typer.Option(
            "--monitor", metavar="ID", help="Default: the table's name.", show_default=False
        ),
    ] = None,
    owner: Annotated[
        str | None,
        typer.Option(
            "--owner", metavar="NAME", help="Who answers for the verdict.", show_default=False
        ),
    ] = None,
) -> None:
    """Draft a monitor spec by looking at a table.

    Example: sparkdrift init main.risk.inference_log -o credit.yml --owner risk-models
    """
    name = monitor or monitor_of(table)
    file = output or Path(f"{name}.yml")
    if file.exists():
        raise UsageError(f"{file} exists and stays as it is; name another with -o, or remove it")
    if not file.absolute().parent.is_dir():
        raise UsageError(f"the folder {file.parent} does not exist; create it, or choose another")
    with session(common) as spark:
        made = drafted(spark, table, name, owner)
    with file.open("x", encoding="utf-8") as stream:
        stream.write(made.text)
    if common.as_json:
        facts = {"spec": str(file), "monitor": name, "rows": made.rows, "text": made.text}
        screen.print_json(facts)
        return
    screen.say(f"wrote {file}: {named(made.columns, 'column')} of {table}, {made.rows:,} rows")
    screen.say(f"read it and correct it, then: sparkdrift validate {file}")


def validate(
    common: Common,
    specs: Annotated[
        list[Path],
        typer.Argument(metavar="SPEC", help="Monitor specs; a folder stands for its *.yml."),
    ],
    no_table: Annotated[
        bool, typer.Option("--no-table", help="Check the files alone, without Spark.")
    ] = False,
) -> int:
    """Check specs against their tables, and report every problem at once.

    Example: sparkdrift validate monitors/
    """
    files = spec_files(specs)
    answers = _Answers(common)
    # Java does not start for files that can't be read, nor before they are told.
    read = [(file, answers.of(file, partial(_read, file, alone=no_table))) for file in files]
    loaded = [(file, one) for file, one in read if one is not None]
    if loaded:
        with nullcontext() if no_table else session(common) as spark:
            for file, (spec, problems) in loaded:
                told = answers.of(file, partial(_told, spark, spec, problems))
                if told is not None:
                    answers.fine(file, spec, told)
    return answers.told(files)


class _Answers:
    """What was found for each file, told one by one or, for --json, at the end."""

    def __init__(self, common: Common) -> None:
        self._common = common
        self._documents: dict[Path, dict[str, Any]] = {}
        self._codes: list[int] = []

    def of(self, file: Path, ask: Callable[[], Answer]) -> Answer | None:
        """What `ask` finds; None where it fails, and then what is wrong is told."""
        try:
            return ask()
        except Exception as error:
            self._codes.append(report(error, self._common))
            problems = error.problems if isinstance(error, SpecError) else ()
            self._documents[file] = {
                "spec": str(file),
                "ok": False,
                "error": message(error),
                "problems": [vars(problem) for problem in problems],
            }
            return None

    def fine(self, file: Path, spec: MonitorSpec, told: Told) -> None:
        lines, facts = told
        self._codes.append(0)
        self._documents[file] = {"spec": str(file), "monitor": spec.monitor, "ok": True, **facts}
        if not self._common.as_json:
            screen.say(f"{file}: ok")
            for line in lines:
                screen.say(f"  {line}")

    def told(self, files: Sequence[Path]) -> int:
        """The worst exit code, after the document that --json asks for."""
        if self._common.as_json:
            screen.print_json({"specs": [self._documents[file] for file in files]})
        return max(self._codes)


def _read(file: Path, *, alone: bool) -> tuple[MonitorSpec, Sequence[Problem]]:
    """What can be held against the table, and what is wrong in the file.

    Raises SpecError where that is told without the table: it is not to be looked at (`alone`),
    or nothing says which one it is.
    """
    from sparkdrift.spec.loading import read_spec

    reading = read_spec(file)
    if alone or reading.sound is None:
        return reading.usable(), ()
    return reading.sound, reading.problems


def _told(spark: Any, spec: MonitorSpec, problems: Sequence[Problem]) -> Told:
    """What will be watched; raises SpecError with every problem of the file and the table.

    `spark`: None where the table is not looked at.
    """
    found = None if spark is None else held(spark, spec, problems)
    lines = _watched(spec, found)
    if found is None or spec.reference is None or not found.usable:
        return lines, {}
    from sparkdrift.steps.sizing import sizes_facts, sizes_lines, sizes_of

    sizes = sizes_of(spec, found.usable)
    return [*lines, *sizes_lines(sizes, spec)], {"rows_needed": sizes_facts(sizes)}


def _watched(spec: MonitorSpec, found: Resolution | None) -> list[str]:
    """What will be watched, in a few lines; `found`: None where the table was not looked at."""
    if found is None:
        features = [feature.name for _, _, feature in spec.features.declared()]
        auto = ["and those that 'auto' finds"] if spec.features.auto else []
        lines = [f"features: {joined([*features, *auto])} (the table was not looked at)"]
    else:
        lines = []
        for kind in ("numeric", "categorical", "metric"):
            names = [one.feature.name for one in found.watched if one.feature.kind == kind]
            if names:
                lines.append(f"{kind}: {joined(names, 20)}")
    zone = spec.timestamp.zone
    lines.append(f"windows of a {spec.windows.grain} by {spec.timestamp.column} ({zone})")
    if spec.slices:
        lines.append(f"slices: {joined([' x '.join(keys) for keys in spec.slices])}")
    lines.append(_reference(spec))
    if spec.evaluation is not None:
        lines.append(_evaluation(spec.evaluation))
    if spec.degraded is None:
        lines.append("degraded: not declared; say from when on this model is too old")
    return lines


def _evaluation(evaluation: Evaluation) -> str:
    """What the model will be evaluated by, in one line."""
    parts = [
        f"sets {joined(list(evaluation.sets))}" if evaluation.sets else "no set to compare with",
        "labels from their own table" if evaluation.labels else "labels of the watched rows",
    ]
    if evaluation.thresholds:
        named = [f"{name} {one.value:g}" for name, one in evaluation.thresholds.items()]
        parts.append(f"thresholds {joined(named)}")
    parts.append(_dashboard(evaluation))
    if evaluation.outcome is not None:
        parts.append("a business outcome")
    return f"evaluation: {evaluation.task}; {'; '.join(parts)}"


def _dashboard(evaluation: Evaluation) -> str:
    dashboard = evaluation.dashboard
    if dashboard is None:
        return "no dashboard, so blind spots are never green"
    if dashboard.table or dashboard.path:
        return f"dashboard {dashboard.table or dashboard.path}"
    return f"dashboard of {joined(list(map(str, dashboard.metrics)))}, computed from the set"


def _reference(spec: MonitorSpec) -> str:
    reference = spec.reference
    if reference is None:
        if spec.evaluation is not None and spec.evaluation.sets:
            return "reference: none, so windows are compared with evaluation sets alone"
        return "reference: none, so nothing will be compared"
    where: Sequence[object] = [reference.table or reference.path or ""]
    if not reference.is_scanned:
        where = [f"{reference.begin:%Y-%m-%d %H:%M} to {reference.end:%Y-%m-%d %H:%M}"]
    return f"reference: {reference.name}, {where[0]}"
