"""eval: how the model does, and whether what it is measured by still fits."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated

import typer

from sparkdrift.cli.arguments import EVALUATED as FINDINGS
from sparkdrift.cli.arguments import interval, options_for, point_of_time
from sparkdrift.cli.commands.steps import FINDING, AsOf, Begin, DryRun, End, Specs
from sparkdrift.cli.common import Common
from sparkdrift.cli.each import Answer, each_monitor
from sparkdrift.cli.evaluated import (
    evaluated_facts,
    evaluated_remarks,
    evaluated_text,
    found_by,
)
from sparkdrift.cli.planning import plan
from sparkdrift.cli.retired import unless_retired
from sparkdrift.errors import UsageError, nearest

if TYPE_CHECKING:
    from sparkdrift.cli.progress import Bars
    from sparkdrift.spec.models import MonitorSpec
    from sparkdrift.steps.context import Context
    from sparkdrift.steps.evaluate import Evaluated

FailOn = Annotated[
    list[str] | None,
    typer.Option(
        "--fail-on",
        metavar="FINDING",
        help="End with exit code 3: degraded, where the metric of `degraded` is worse than is "
        "tolerated in a window that was measured now; stale, where a figure of the newest window "
        "warns; blind, where the dashboard is in band while the world has moved (red). "
        "Repeatable. With nothing due, the newest judged window decides.",
        show_default=False,
    ),
]


def evaluate(
    common: Common,
    specs: Specs,
    as_of: AsOf = None,
    begin: Begin = None,
    end: End = None,
    dry_run: DryRun = False,
    fail_on: FailOn = None,
) -> int:
    """Measure the model's performance, with labels and without, and how stale its evaluation is.

    Freezes evaluation sets that are declared, counts scores of the windows that are due, and
    writes `performance` and `eval_staleness`.

    Example: sparkdrift eval monitors/credit.yml --fail-on blind
    """
    times = point_of_time("--as-of", as_of), *interval(begin, end)
    asked = _asked(fail_on or [])
    if dry_run:
        return plan(common, specs, times, ["eval"])

    def one(context: Context, spec: MonitorSpec, bars: Bars) -> Answer:
        from sparkdrift.report.evaluated import evaluated_lines
        from sparkdrift.spark.evaluation_overview import newest_performance, newest_staleness
        from sparkdrift.steps.evaluate import asked_for
        from sparkdrift.steps.evaluate import evaluate as measure

        bars.begin(f"{spec.monitor}: eval")
        if not asked_for(spec):
            text = "nothing to evaluate: the spec has no section `evaluation`"
            unasked = (f"--fail-on {', '.join(asked)}: not measured",) if asked else ()
            return Answer(text, {"windows_measured": None}, remarks=unasked)
        done = measure(context, spec, options_for(spec, *times))
        context.journal.close()
        performance = newest_performance(context.spark, context.store, spec)
        staleness = newest_staleness(context.spark, context.store, spec)
        told = found_by(context, spec, done, staleness, asked)
        alarm = f"--fail-on: {told}" if told else None
        lines = evaluated_lines(performance, staleness, spec.timestamp.zone)
        facts = evaluated_facts(done) | {"performance": performance, "staleness": staleness}
        remarks = [*evaluated_remarks(done), *_first_steps(done), *([alarm] if alarm else [])]
        text = "\n  ".join([evaluated_text(done), *lines])
        return Answer(text, facts, FINDING if alarm else 0, remarks)

    return each_monitor(common, specs, unless_retired(one), asked=any(times) or bool(asked))


def _first_steps(done: Evaluated) -> tuple[str, ...]:
    """What to run before there is anything to evaluate."""
    if done.counted.profiled != 0:
        return ()
    text = "no window is profiled yet, and eval counts the scores of profiled windows: first "
    return (f"{text}`sparkdrift run SPEC`, which evaluates as well, or `sparkdrift profile SPEC`",)


def _asked(given: Sequence[str]) -> tuple[str, ...]:
    for word in given:
        if word not in FINDINGS:
            close = nearest(word, FINDINGS)
            hint = f"; did you mean {close!r}?" if close else ""
            raise UsageError(
                f"--fail-on {word!r} does not exist; accepted: {', '.join(FINDINGS)}{hint}"
            )
    return tuple(dict.fromkeys(given))
