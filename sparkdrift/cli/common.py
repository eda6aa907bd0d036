"""What every command has: the shared options, and one way to end.

`common_options` gives a command function the options of `Common` besides its own, and
turns whatever it raises into one line on stderr and an exit code.
"""

from __future__ import annotations

import inspect
import traceback
from collections.abc import Callable
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Annotated, Any, get_type_hints

import typer

from sparkdrift.cli import screen
from sparkdrift.cli.forbidden import forbidden
from sparkdrift.cli.lacking import lacking
from sparkdrift.cli.stopping import stoppable, stopped
from sparkdrift.errors import SparkdriftError
from sparkdrift.redacting import without_secrets

FAILED = 1


@dataclass(frozen=True)
class Common:
    """The options that every command takes."""

    store: Annotated[
        str | None,
        typer.Option(
            "--store",
            metavar="DIR|CATALOG.SCHEMA",
            help="Where the result tables live. Default: $SPARKDRIFT_STORE, then "
            "./sparkdrift-store.",
            show_default=False,
        ),
    ] = None
    as_json: Annotated[
        bool, typer.Option("--json", help="One JSON document on stdout, for machines.")
    ] = False
    verbose: Annotated[bool, typer.Option("--verbose", "-v", help="Say more; show tracebacks.")] = (
        False
    )
    log_file: Annotated[
        Path | None,
        typer.Option(
            "--log-file",
            metavar="FILE",
            help="One JSON line per step. Default: sparkdrift.log in a store directory.",
            show_default=False,
        ),
    ] = None
    run_id: Annotated[
        str | None,
        typer.Option(
            "--run-id",
            metavar="ID",
            help="The scheduler's id of this run, stored in `runs`. Default: a random one.",
            show_default=False,
        ),
    ] = None


Command = Callable[..., int | None]


def common_options(command: Command) -> Callable[..., None]:
    """Wrap `command(common, ...)` so that typer sees its options and those of `Common`.

    The command returns its exit code (None: 0). Errors become one line and a code here.
    """

    def run(**given: Any) -> None:
        common = Common(**{field.name: given.pop(field.name) for field in fields(Common)})
        code = ending(lambda: command(common, **given), common)
        if code:
            raise typer.Exit(code)

    own = [
        parameter.replace(annotation=annotation)
        for name, parameter in list(inspect.signature(command).parameters.items())[1:]
        for annotation in [get_type_hints(command, include_extras=True)[name]]
    ]
    shared = get_type_hints(Common, include_extras=True)
    added = [
        inspect.Parameter(
            field.name,
            inspect.Parameter.KEYWORD_ONLY,
            default=field.default,
            annotation=shared[field.name],
        )
        for field in fields(Common)
    ]
    parameters = [p.replace(kind=inspect.Parameter.KEYWORD_ONLY) for p in own] + added
    run.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]
    run.__annotations__ = {parameter.name: parameter.annotation for parameter in parameters}
    run.__name__, run.__doc__ = command.__name__, command.__doc__
    return run


def ending(command: Callable[[], int | None], common: Common) -> int:
    """Run `command`; its exit code, with every error said on stderr."""
    try:
        with stoppable():
            return command() or 0
    except typer.Exit:
        raise
    except KeyboardInterrupt as stop:
        said, code = stopped(stop)
        screen.complain(said)
        if common.as_json:
            screen.print_json({"error": said, "exit_code": code})
        return code
    except BrokenPipeError:
        screen.drop_stdout()  # the reader, such as `head`, has seen enough
        return FAILED
    except Exception as error:
        code = report(error, common)
        if common.as_json:
            screen.print_json({"error": without_secrets(message(error)), "exit_code": code})
        return code


def report(error: Exception, common: Common) -> int:
    """Say on stderr what went wrong; the exit code that it calls for."""
    code = error.exit_code if isinstance(error, SparkdriftError) else FAILED
    if common.verbose:
        screen.complain(traceback.format_exc().rstrip())
    screen.complain(f"error: {message(error)}")
    return code


def message(error: Exception) -> str:
    """One of our errors in full; of any other its own line, never its stack."""
    if isinstance(error, SparkdriftError):
        return str(error)
    if (told := lacking(error) or forbidden(error)) is not None:
        return str(told)
    return (
        f"{type(error).__name__}: {_own_line(str(error))}\n"
        "this is a bug in sparkdrift or an unhandled condition of Spark: "
        "run again with -v for the traceback"
    )


def _own_line(text: str) -> str:
    """The line of an error that says most: Spark wraps its own in a stack of others."""
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    if not lines:
        return "no message"
    if lines[0].startswith("An error occurred while calling") and len(lines) > 1:
        return lines[1].removeprefix(": ")
    if any(line.startswith("Traceback") for line in lines):
        # A Python worker's error: its own last line stands before the JVM's stack.
        raised = [line for line in lines if line.split(":")[0].endswith(("Error", "Exception"))]
        return raised[0] if raised else lines[0]
    return lines[0]
