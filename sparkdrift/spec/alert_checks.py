"""What must hold inside `alerts`, and between it and the rest of a spec."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from datetime import datetime, timedelta

from sparkdrift.errors import Problem
from sparkdrift.spec.findings import Finding, line_hint
from sparkdrift.spec.hints import Hints
from sparkdrift.spec.local_time import exists, is_skipped
from sparkdrift.spec.metrics import PREFIX
from sparkdrift.spec.models import MonitorSpec
from sparkdrift.spec.origin import Loc

_ACCEPTED = "a feature, the score or decision, ':inputs', or metric:NAME"
_NOBODY = "this is no feature or metric of the monitor"


def rules(spec: MonitorSpec) -> Iterator[Finding]:
    """What is wrong in `alerts` by itself."""
    alerts = spec.alerts
    if alerts.windows > alerts.of:
        key = "windows" if "windows" in alerts.model_fields_set else "of"
        message = f"more windows ({alerts.windows}) are asked for than are looked at ({alerts.of})"
        accepted = "'windows' up to 'of'; give both"
        yield Finding(("alerts", key), message, getattr(alerts, key), accepted)
    steps = alerts.severity
    if steps.major >= steps.critical:
        key = "major" if "major" in steps.model_fields_set else "critical"
        message = f"'major' ({steps.major:g}) is not below 'critical' ({steps.critical:g})"
        accepted = "a major alert that comes before a critical one; give both"
        yield Finding(("alerts", "severity", key), message, getattr(steps, key), accepted)
    seen: dict[tuple[datetime, datetime, tuple[str, ...]], Loc] = {}
    for position, one in enumerate(alerts.suppress):
        loc: Loc = ("alerts", "suppress", position)
        if one.begin >= one.end:
            accepted = f"a time after {one.begin}; a day ends where the next one begins"
            yield Finding((*loc, "end"), "it ends before it begins", one.end, accepted)
        same = (one.begin, one.end, tuple(sorted(one.features)))
        if same in seen:
            message = f"the same windows are suppressed twice{line_hint(spec, seen[same])}"
            yield Finding(loc, message, one.reason)
        seen.setdefault(same, loc)


def times(spec: MonitorSpec) -> Iterator[Finding]:
    """Ends of suppressions that no clock of the zone shows."""
    zone = spec.timestamp.zone
    for position, one in enumerate(spec.alerts.suppress) if exists(zone) else ():
        for key, time in (("begin", one.begin), ("end", one.end)):
            if time.hour and is_skipped(time, zone):
                message = f"clocks in {zone} skip this time"
                accepted = f"a time that exists, such as {time + timedelta(hours=1)}"
                yield Finding(("alerts", "suppress", position, key), message, time, accepted)


def names(spec: MonitorSpec) -> Iterator[Finding]:
    """Names of nothing; under `auto` only the table knows (see `unknown`)."""
    known = _known(spec)
    hints = Hints(sorted(known))
    for loc, name in spec.alerts.named():
        unsure = spec.features.auto is not None and not name.startswith(PREFIX)
        if name not in known and not unsure:
            close = hints.nearest(name) or _of_metric(spec, name)
            yield Finding(loc, _NOBODY, name, _ACCEPTED, close)


def unknown(spec: MonitorSpec, watched: Collection[str]) -> Iterator[Problem]:
    """Names that are neither in the spec nor among the features found in the table."""
    known = {*_known(spec), *watched}
    hints = Hints(sorted(known))
    for loc, name in spec.alerts.named():
        if name not in known:
            close = hints.nearest(name)
            yield spec.origin.problem(loc, _NOBODY, given=name, accepted=_ACCEPTED, nearest=close)


def _known(spec: MonitorSpec) -> set[str]:
    outputs = {column for role, column in spec.prediction.columns() if role != "label"}
    declared = {feature.name for _, _, feature in spec.features.declared()}
    metrics = {PREFIX + name for name in spec.counted_metrics}
    return declared | outputs | set(spec.names_together) | metrics


def _of_metric(spec: MonitorSpec, name: str) -> str | None:
    return PREFIX + name if name in spec.counted_metrics else None
