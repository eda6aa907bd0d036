"""features: what each feature still says about the label, how much counts on it, and the debt."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sparkdrift.cli.arguments import interval, options_for, point_of_time
from sparkdrift.cli.commands.steps import AsOf, Begin, DryRun, End, Specs
from sparkdrift.cli.common import Common
from sparkdrift.cli.each import Answer, each_monitor
from sparkdrift.cli.planning import plan
from sparkdrift.report.plain import named

if TYPE_CHECKING:
    from sparkdrift.cli.progress import Bars
    from sparkdrift.spec.models import MonitorSpec
    from sparkdrift.steps.context import Context

NOTHING = (
    "nothing is told of features: the spec has no section `feature_debt`, and declares neither "
    "labels (`evaluation`) nor how much features count (`importance`, alerts.importance)"
)


def features(
    common: Common,
    specs: Specs,
    as_of: AsOf = None,
    begin: Begin = None,
    end: End = None,
    dry_run: DryRun = False,
) -> int:
    """Tell which features changed their link with the label, died, or came in another form, and
    how much of the model rests on what has drifted.

    Writes `feature_debt` for the windows that are due, from stored rows; importances that are to be
    estimated are so from a sample of rows.

    Example: sparkdrift features monitors/credit.yml
    """
    times = point_of_time("--as-of", as_of), *interval(begin, end)
    if dry_run:
        return plan(common, specs, times, ["features"])

    def one(context: Context, spec: MonitorSpec, bars: Bars) -> Answer:
        from sparkdrift.report.features import feature_lines
        from sparkdrift.spark.feature_overview import newest_debt
        from sparkdrift.steps.feature_debt import assess_features

        bars.begin(f"{spec.monitor}: features")
        if not spec.has_feature_debt:
            return Answer(NOTHING, {"windows_assessed": None})
        done = assess_features(context, spec, options_for(spec, *times))
        context.journal.close()
        rows = newest_debt(context.spark, context.store, spec)
        text = f"debt of features told in {named(len(done.windows or ()), 'window')}"
        if done.estimated:
            text += f"; importances estimated in {named(done.estimated, 'window')}"
        facts = {
            "windows_assessed": len(done.windows or ()),
            "windows_estimated": done.estimated,
            "features": rows,
        }
        lines = feature_lines(rows, spec.timestamp.zone)
        return Answer("\n  ".join([text, *lines]), facts, remarks=done.remarks)

    return each_monitor(common, specs, one, asked=any(times))
