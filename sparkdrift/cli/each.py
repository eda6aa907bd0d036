"""One step for several monitors: a monitor that fails does not stop the others."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sparkdrift.cli import screen
from sparkdrift.cli.arguments import spec_files
from sparkdrift.cli.common import Common, message, report
from sparkdrift.errors import UsageError

if TYPE_CHECKING:
    from sparkdrift.cli.progress import Bars
    from sparkdrift.spec.models import MonitorSpec
    from sparkdrift.steps.context import Context

# The worst first: an error leaves the question open, a finding (3) answers it.
_WORST = (2, 1, 3, 0)


@dataclass(frozen=True)
class Answer:
    """What a step did for one monitor: in words, as facts for --json, and the exit code.

    `unmeasured`: what of the spec can't be measured, told on stderr, so that nothing due is
    not taken for all being well.
    """

    text: str
    facts: dict[str, Any] = field(default_factory=dict)
    code: int = 0
    unmeasured: Sequence[str] = ()


Step = Callable[["Context", "MonitorSpec", "Bars"], Answer]


def each_monitor(
    common: Common, context: Context, bars: Bars, given: Sequence[Path], step: Step
) -> int:
    """Run `step` for each spec; prints one line each; returns the worst exit code."""
    from sparkdrift.spec.loading import load_spec

    documents: list[dict[str, Any]] = []
    codes: list[int] = []
    seen: dict[str, Path] = {}
    for file in spec_files(given):
        try:
            spec = load_spec(file)
            other = seen.setdefault(spec.monitor, file)
            if other is not file:
                raise UsageError(
                    f"monitor {spec.monitor} stands in {other} and in {file}; one id is one "
                    "monitor: give one of them another id, or name one file only"
                )
            answer = step(context, spec, bars)
            context.journal.close()
        except Exception as error:
            bars.end()
            codes.append(report(error, common))
            documents.append({"spec": str(file), "error": message(error), "exit_code": codes[-1]})
            continue
        bars.end()
        for problem in answer.unmeasured:
            screen.remark(f"{spec.monitor}: not measured: {problem}")
        codes.append(answer.code)
        documents.append(
            {"monitor": spec.monitor, "spec": str(file), **answer.facts, "exit_code": answer.code}
        )
        if not common.as_json:
            screen.say(f"{spec.monitor}: {answer.text}")
    code = min(codes, key=_WORST.index)
    if common.as_json:
        screen.print_json(
            {"run_id": context.journal.run_id, "store": str(context.store), "monitors": documents}
        )
    return code
