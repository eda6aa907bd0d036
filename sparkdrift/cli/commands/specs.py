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
from sparkdrift.errors import SourceError, SpecError, UsageError
from sparkdrift.report.plain import joined, named

if TYPE_CHECKING:
    from sparkdrift.spec.models import MonitorSpec
    from sparkdrift.spec.resolving import Resolution

Answer = TypeVar("Answer")


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
    from sparkdrift.spec.drafting import draft_spec, monitor_id

    path = _folder(table)
    last = Path(path).name if path else table.replace("`", "").split(".")[-1]
    name = monitor or monitor_id(last)
    file = output or Path(f"{name}.yml")
    if file.exists():
        raise UsageError(f"{file} exists and stays as it is; name another with -o, or remove it")
    if not file.absolute().parent.is_dir():
        raise UsageError(f"the folder {file.parent} does not exist; create it, or choose another")
    with session(common) as spark:
        from sparkdrift.spark.describing import describe
        from sparkdrift.spark.source import open_source

        source = open_source(spark, table=None if path else table, path=path, row_filter=None)
        rows, columns = describe(spark, source)
    if not rows:
        raise SourceError(f"{table} has no rows; a spec can be drafted once it has some")
    text = draft_spec(
        columns, table=None if path else table, path=path, monitor=name, owner=owner, rows=rows
    )
    with file.open("x", encoding="utf-8") as stream:
        stream.write(text)
    if common.as_json:
        screen.print_json({"spec": str(file), "monitor": name, "rows": rows, "text": text})
        return
    screen.say(f"wrote {file}: {named(len(columns), 'column')} of {table}, {rows:,} rows")
    screen.say(f"read it and correct it, then: sparkdrift validate {file}")


def _folder(table: str) -> str | None:
    """The folder that `table` names, absolute where it is local, or None for a table's name."""
    if "://" in table:
        return table
    if "/" in table or Path(table).is_dir():
        return str(Path(table).expanduser().resolve())
    return None


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
    read = [(file, answers.of(file, partial(_load, file))) for file in files]
    loaded = [(file, spec) for file, spec in read if spec is not None]
    if loaded:
        with nullcontext() if no_table else session(common) as spark:
            for file, spec in loaded:
                lines = answers.of(file, partial(_watched, spark, spec))
                if lines is not None:
                    answers.fine(file, spec, lines)
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

    def fine(self, file: Path, spec: MonitorSpec, lines: Sequence[str]) -> None:
        self._codes.append(0)
        self._documents[file] = {"spec": str(file), "monitor": spec.monitor, "ok": True}
        if not self._common.as_json:
            screen.say(f"{file}: ok")
            for line in lines:
                screen.say(f"  {line}")

    def told(self, files: Sequence[Path]) -> int:
        """The worst exit code, after the document that --json asks for."""
        if self._common.as_json:
            screen.print_json({"specs": [self._documents[file] for file in files]})
        return max(self._codes)


def _load(file: Path) -> MonitorSpec:
    from sparkdrift.spec.loading import load_spec

    return load_spec(file)


def _checked(spark: Any, spec: MonitorSpec) -> Resolution:
    """What the spec's table allows; raises SpecError with every problem."""
    from sparkdrift.spark.expressions import resolve_reference_source, resolve_source
    from sparkdrift.spark.metrics import checked
    from sparkdrift.spark.source import open_source, source_of

    source = source_of(spark, spec)
    found = checked(spark, source, spec, resolve_source(spark, spec, source))
    problems = list(found.problems)
    if spec.reference is not None and spec.reference.is_scanned:
        other = open_source(
            spark,
            table=spec.reference.table,
            path=spec.reference.path,
            row_filter=spec.reference.filter,
        )
        features = [one.feature for one in found.watched]
        others = resolve_reference_source(spark, spec, features, other)
        problems += checked(spark, other, spec, others).problems
    if problems:
        raise SpecError(problems)
    return found


def _watched(spark: Any, spec: MonitorSpec) -> list[str]:
    """What will be watched, in a few lines; raises SpecError where the table does not fit.

    `spark`: None where the table is not looked at.
    """
    if spark is None:
        features = [feature.name for _, _, feature in spec.features.declared()]
        auto = ["and those that 'auto' finds"] if spec.features.auto else []
        lines = [f"features: {joined([*features, *auto])} (the table was not looked at)"]
    else:
        found = _checked(spark, spec)
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
    if spec.degraded is None:
        lines.append("degraded: not declared; say from when on this model is too old")
    return lines


def _reference(spec: MonitorSpec) -> str:
    reference = spec.reference
    if reference is None:
        return "reference: none, so nothing will be compared"
    where: Sequence[object] = [reference.table or reference.path or ""]
    if not reference.is_scanned:
        where = [f"{reference.begin:%Y-%m-%d %H:%M} to {reference.end:%Y-%m-%d %H:%M}"]
    return f"reference: {reference.name}, {where[0]}"
