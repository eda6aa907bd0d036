"""recalibrate and sample-eval: what is proposed, and changes nothing by itself."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated, Any

import typer

from sparkdrift.cli.commands.reference import Spec
from sparkdrift.cli.common import Common
from sparkdrift.cli.each import Answer, each_monitor

if TYPE_CHECKING:
    from sparkdrift.cli.progress import Bars
    from sparkdrift.spec.models import MonitorSpec
    from sparkdrift.steps.context import Context

Windows = Annotated[
    int, typer.Option("--windows", metavar="N", min=1, max=1000, help="How many of the newest.")
]


def recalibrate(
    common: Common,
    spec: Spec,
    threshold: Annotated[
        str | None,
        typer.Option(
            "--threshold",
            metavar="NAME",
            help="Only this one. Default: each with a target.",
            show_default=False,
        ),
    ] = None,
    windows: Windows = 4,
) -> int:
    """Propose the operating threshold that restores its target on the present scores.

    From the newest windows whose labels have arrived; without labels by the evaluation set. A row
    of `proposals` is written, and nothing is changed.

    Example: sparkdrift recalibrate monitors/credit.yml --threshold priority
    """

    def one(context: Context, loaded: MonitorSpec, bars: Bars) -> Answer:
        from sparkdrift.report.proposals import threshold_lines
        from sparkdrift.steps.recalibrate import recalibrate as propose

        bars.begin(f"{loaded.monitor}: recalibrate")
        found = propose(context, loaded, windows, threshold)
        text = "\n  ".join(["", *threshold_lines(found, loaded.timestamp.zone)])
        return Answer(text.lstrip(" "), {"thresholds": [_facts(each) for each in found]})

    return each_monitor(common, [spec], one, asked=True)


def sample_eval(
    common: Common,
    spec: Spec,
    rows: Annotated[int, typer.Option("--rows", metavar="N", min=1, help="Rows to label.")],
    to: Annotated[
        str,
        typer.Option(
            "--to",
            metavar="PATH|TABLE",
            help="Delta table that a labelling queue reads, a folder or a name; it is created, or "
            "rows are added to it.",
        ),
    ],
    seed: Annotated[
        int, typer.Option("--seed", metavar="S", min=0, help="Another seed, other rows.")
    ] = 0,
    evaluation_set: Annotated[
        str | None,
        typer.Option(
            "--set",
            metavar="NAME",
            help="The evaluation set. Default: the first of the spec.",
            show_default=False,
        ),
    ] = None,
    windows: Windows = 4,
) -> int:
    """Propose which rows to label next, so that the evaluation set stands for production again.

    Keys and strata only are written, of rows that have no label and are in no queue yet.

    Example: sparkdrift sample-eval monitors/credit.yml --rows 500 --to main.risk.to_label
    """

    def one(context: Context, loaded: MonitorSpec, bars: Bars) -> Answer:
        from sparkdrift.report.proposals import sample_line
        from sparkdrift.steps.sample_eval import Wanted
        from sparkdrift.steps.sample_eval import sample_eval as sample

        bars.begin(f"{loaded.monitor}: sample-eval")
        found = sample(context, loaded, Wanted(rows, to, seed, evaluation_set, windows))
        text = sample_line(found, loaded.timestamp.zone)
        return Answer(text, _facts(found), remarks=found.remarks)

    return each_monitor(common, [spec], one, asked=True)


def _facts(found: Any) -> dict[str, Any]:
    """For --json: NaN, which JSON does not know, is null."""
    facts: dict[str, Any] = _without_nan(asdict(found))
    facts["interval"] = {"begin": found.interval.start, "end": found.interval.end}
    return facts


def _without_nan(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _without_nan(one) for key, one in value.items()}
    if isinstance(value, Sequence) and not isinstance(value, str):
        return [_without_nan(one) for one in value]
    return None if isinstance(value, float) and math.isnan(value) else value
