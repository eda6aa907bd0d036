"""What a scheduler calls that starts a function of the wheel, such as Databricks wheel tasks.

One function a command, listed under `sparkdrift.tasks` in the wheel's entry points. Such a
scheduler looks at no return value, and counts sys.exit(0) as a failure in places: a task returns
when all went well, and leaves with the exit code of the command line when it did not.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Sequence

from sparkdrift.cli.app import main

Arguments = Sequence[str] | None
_WITHOUT_VALUE = re.compile(r"--[a-z][a-z-]*=")


def migrate(argv: Arguments = None) -> None:
    """`sparkdrift migrate`."""
    _task("migrate", argv)


def profile(argv: Arguments = None) -> None:
    """`sparkdrift profile`."""
    _task("profile", argv)


def snapshot(argv: Arguments = None) -> None:
    """`sparkdrift snapshot`: each call freezes a version, so no schedule should."""
    _task("snapshot", argv)


def drift(argv: Arguments = None) -> None:
    """`sparkdrift drift`."""
    _task("drift", argv)


def evaluate(argv: Arguments = None) -> None:
    """`sparkdrift eval`."""
    _task("eval", argv)


def operations(argv: Arguments = None) -> None:
    """`sparkdrift operations`."""
    _task("operations", argv)


def features(argv: Arguments = None) -> None:
    """`sparkdrift features`."""
    _task("features", argv)


def health(argv: Arguments = None) -> None:
    """`sparkdrift health`."""
    _task("health", argv)


def run(argv: Arguments = None) -> None:
    """`sparkdrift run`: all that is due, in order."""
    _task("run", argv)


def report(argv: Arguments = None) -> None:
    """`sparkdrift report`: a page, in a volume say."""
    _task("report", argv)


def maintain(argv: Arguments = None) -> None:
    """`sparkdrift maintain`."""
    _task("maintain", argv)


def prune(argv: Arguments = None) -> None:
    """`sparkdrift prune`."""
    _task("prune", argv)


def doctor(argv: Arguments = None) -> None:
    """`sparkdrift doctor`."""
    _task("doctor", argv)


def given(arguments: Sequence[str]) -> list[str]:
    """The arguments without options of an empty value: `--as-of=`, `--begin=`.

    A job's parameter always has a value; one that was left alone is an empty text.
    """
    return [one for one in arguments if not _WITHOUT_VALUE.fullmatch(one)]


def _task(command: str, argv: Arguments) -> None:
    code = main([command, *given(sys.argv[1:] if argv is None else argv)])
    if code:
        sys.exit(code)
