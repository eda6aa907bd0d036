"""What must hold inside `model`, `maintenance` and `on_verdict`."""

from __future__ import annotations

from collections.abc import Iterator

from sparkdrift.spec.findings import Finding, line_hint
from sparkdrift.spec.model import Lifecycle
from sparkdrift.spec.models import MonitorSpec
from sparkdrift.spec.origin import Loc


def contradictions(model: Lifecycle, loc: Loc) -> Iterator[Finding]:
    """Where stage and dates of a model, declared at `loc`, can't both be true."""
    deployed, retired = model.deployed_at, model.retired_at
    if retired is not None and model.stage in ("shadow", "deployed"):
        message = f"a date of retirement is given, and the stage is {model.stage}"
        accepted = "'stage: retired', or 'stage: deprecated' for one that is still to come"
        yield Finding((*loc, "retired_at"), message, retired, accepted)
    if deployed is not None and retired is not None and deployed > retired:
        message = f"it was deployed after it was retired on {retired}"
        yield Finding((*loc, "deployed_at"), message, deployed, f"a date up to {retired}")


def lifecycle(spec: MonitorSpec) -> Iterator[Finding]:
    yield from contradictions(spec.model, ("model",))


def maintenance(spec: MonitorSpec) -> Iterator[Finding]:
    if spec.maintenance is not None and not list(spec.maintenance.planned()):
        accepted = "one of retraining, evaluation_refresh, metric_revalidation, recalibration"
        yield Finding(("maintenance",), "nothing is planned", accepted=accepted)


def hooks(spec: MonitorSpec) -> Iterator[Finding]:
    seen: dict[str, int] = {}
    for position, hook in enumerate(spec.on_verdict):
        loc: Loc = ("on_verdict", position)
        if len(hook.kinds) != 1:
            message = "a hook does several things" if hook.kinds else "a hook does nothing"
            given = ", ".join(hook.kinds) or None
            yield Finding(loc, message, given, "one of 'table: true', 'webhook', 'mlflow'")
            continue
        if not hook.verdicts:
            message = "the hook waits for no verdict"
            yield Finding((*loc, "verdicts"), message, accepted="a list of verdicts")
        first = seen.setdefault(hook.title, position)
        if first != position:
            message = f"two hooks are called the same{line_hint(spec, ('on_verdict', first))}"
            yield Finding(loc, message, hook.title, "a 'name' of its own for each")
        if hook.mlflow is not None and not (hook.mlflow.version or spec.model.version):
            message = "which version is to be tagged is not said"
            where = (*loc, "mlflow")
            yield Finding(where, message, accepted="'version' here, or under 'model'")
