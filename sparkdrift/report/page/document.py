"""One model's page: what its sections hold, handed to the template."""

from __future__ import annotations

from typing import Any

from sparkdrift.explain.signals import WHOLE
from sparkdrift.report import overview
from sparkdrift.report.evaluation import blind_spot_lines
from sparkdrift.report.facts import Row, sort_verdicts
from sparkdrift.report.page import listed
from sparkdrift.report.page.features import features, heat_map, shown_name
from sparkdrift.report.page.material import Material
from sparkdrift.report.page.rendering import render
from sparkdrift.report.page.timeline import HEADINGS, timeline
from sparkdrift.report.page.verdict import newest, verdict
from sparkdrift.report.performance import slice_lines
from sparkdrift.report.plain import day, named
from sparkdrift.spec.models import MonitorSpec

_IN_WORDS = (
    *(overview.IN_SLICES, overview.TOGETHER, overview.DEPENDENCE, overview.FAILING),
    *(overview.BROKEN, overview.UNMEASURED, overview.DEGRADED),
)


def page(spec: MonitorSpec, material: Material) -> str:
    """The HTML of one model's page, complete in itself: no script, nothing from a network.

    Whatever comes from data or a spec is escaped; nothing in it is executed.
    """
    return render("model.html.j2", facts(spec, material))


def facts(spec: MonitorSpec, material: Material) -> dict[str, Any]:
    """What the template is given, by name."""
    zone = spec.timestamp.zone
    found = material.findings
    row = newest(material.health)
    currency = spec.degraded.currency if spec.degraded else None
    words = _in_words(spec, material)
    return {
        "title": spec.title or spec.monitor,
        "monitor": spec.monitor,
        "owner": spec.owner,
        "model": spec.model_id + (f", version {spec.model_version}" if spec.model_version else ""),
        "watched": _watched(spec, material),
        "verdict": None if row is None else verdict(row, zone, material.answer),
        "instead": _instead(material),
        "timeline": timeline(material, zone, _limit(spec, material.metric)),
        "timeline_headings": HEADINGS,
        "heat": heat_map(material, zone),
        "features": features(spec, material),
        "drifting": _drifting(material),
        "sliced_only": _only_in_slices(material),
        "words": words,
        "categories": listed.categories(material.first_seen, zone),
        "staleness": listed.staleness(material.staleness, zone),
        "blind": blind_spot_lines(material.staleness, zone) if material.staleness else [],
        "sliced": slice_lines(
            [one for one in material.measured if one["slice_key"] != WHOLE], zone
        ),
        "measured": listed.measured(material.measured, zone),
        "debts": listed.debts(material.debts, currency, zone),
        "references": listed.references(found.references, zone),
        "steps": listed.steps(material.steps),
        "source": spec.source.table or spec.source.path,
        "store": material.store,
        "made": f"{material.made_at:%Y-%m-%d %H:%M} UTC",
        "package": material.package,
        "zone": zone,
    }


def _in_words(spec: MonitorSpec, material: Material) -> list[tuple[str, list[overview.Line]]]:
    """What is told in words alone; what another part of the page looks at is left out."""
    told = dict(overview.told_sections(spec, material.findings))
    if material.performance:
        lines = told[overview.UNMEASURED]
        told[overview.UNMEASURED] = [one for one in lines if one[2] != overview.NOT_LOOKED_AT]
    return [(name, told[name]) for name in _IN_WORDS if told[name]]


def _limit(spec: MonitorSpec, metric: str | None) -> float | None:
    """The limit that the dashboard has for the metric by the spec; None: it declares none."""
    metrics = (
        {} if spec.dashboard is None else {str(k): v for k, v in spec.dashboard.metrics.items()}
    )
    declared = metrics.get(metric or "")
    if declared is None:
        return None
    return declared.at_least if declared.at_least is not None else declared.at_most


def _watched(spec: MonitorSpec, material: Material) -> str:
    zone = spec.timestamp.zone
    for row in material.findings.coverage:
        if row["granularity"] == spec.windows.grain:
            return (
                f"{row['rows'] or 0:,} rows in {named(row['windows'], 'window')} of a "
                f"{row['granularity']}, {day(row['begin'], zone)} to {day(row['end'], zone)}"
            )
    return "no window is stored yet: `sparkdrift run SPEC` reads the closed ones"


def _drifting(material: Material) -> str:
    """How many features drift by now, how many are judged, and of how many that is not known."""
    found = sort_verdicts(material.findings.verdicts)
    judged = [one for one in material.findings.verdicts if one["slice_key"] == WHOLE]
    told = f"{len(found.lasting)} of {len(judged) - (found.together is not None)} drift by now"
    if found.unclear:
        told += f", {len(found.unclear)} could not be judged in most windows"
    return told


def _only_in_slices(material: Material) -> list[str]:
    """Features that drift by now in a slice and not over all rows, each once, in order of time."""
    found = sort_verdicts(material.findings.verdicts).only_in_slices
    return list(dict.fromkeys(shown_name(one["column_name"]) for one in found))


def _instead(material: Material) -> list[tuple[str, str, str]]:
    """What is known without a verdict: (name, text, tone)."""
    spot: Row | None = newest(material.blind_spots)
    light = None if spot is None else spot["status"]
    tones = {"red": "bad", "amber": "warn", "green": "good"}
    # The step that gives the verdict keeps the ledger: without one an empty ledger says nothing.
    owed = sum(one["closed"] is None for one in material.debts)
    return [
        _drifting_in_brief(material),
        ("blind spot", light or "not measured", tones.get(light or "", "none")),
        ("open debts", f"{owed:,}" if owed else "not measured", "warn" if owed else "none"),
    ]


def _drifting_in_brief(material: Material) -> tuple[str, str, str]:
    """Good is what was judged and does not drift, in no slice either."""
    if not any(one["slice_key"] == WHOLE for one in material.findings.verdicts):
        return "features", "not judged yet", "none"
    found = sort_verdicts(material.findings.verdicts)
    told = _drifting(material)
    if sliced := len(_only_in_slices(material)):
        told += f", {sliced} more in a slice alone"
    if found.lasting:
        return "features", told, "bad"
    return "features", told, "warn" if sliced else "none" if found.unclear else "good"
