"""What there is to say to a model owner, by heading, from rows of the tables."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence

from sparkdrift.explain.signals import WHOLE
from sparkdrift.report.facts import (
    Findings,
    Row,
    Sorted,
    is_unclear,
    items,
    slice_name,
    sort_verdicts,
)
from sparkdrift.report.plain import day, joined, named, plain, share
from sparkdrift.spec.models import MonitorSpec

NOT_LOOKED_AT = "The model's realised performance and the operators' overrides are not looked at."
NO_DEPENDENCE = (
    "Whether columns begin to move together is not looked at without the section 'dependence' of "
    "the spec."
)
Line = tuple[str, str, str]
"""Of what, since when, what; any of them may be empty."""

DRIFTING = "Drifted, and still drifting (since: start of the present run)"
IN_SLICES = "Drifted only in a slice"
PASSED = "Drifted for a while, and over"
TOGETHER = "All inputs together"
NEW_CATEGORIES = "New categories"
DEPENDENCE = "Move together in another way"
FAILING = "Assumptions that fail"
BROKEN = "Looks broken"
QUIET = "Quiet"
UNMEASURED = "Could not be measured"
DEGRADED = "What the owner calls degraded"
_MOST_SLICES = 8


def told_sections(spec: MonitorSpec, found: Findings) -> list[tuple[str, list[Line]]]:
    """What there is to say, by heading, in the order of the page; of some headings nothing."""
    zone = spec.timestamp.zone
    sorted_ = sort_verdicts(found.verdicts)
    of_slices = [row for row in found.verdicts if row["slice_key"] != WHOLE]
    slices = {(row["slice_key"], row["slice_value"]) for row in of_slices}
    sliced = {row["column_name"] for row in of_slices}
    return [
        (DRIFTING, list(_lasting(sorted_, sliced, len(slices), zone))),
        (IN_SLICES, list(_in_slices(sorted_, zone))),
        (PASSED, list(_passed(sorted_, zone))),
        (TOGETHER, list(_together(sorted_, zone))),
        (NEW_CATEGORIES, list(_new_categories(found.verdicts))),
        (DEPENDENCE, list(_dependence(spec, found, zone))),
        (FAILING, list(_failing(spec, found, zone))),
        (BROKEN, list(_broken(found.silences, spec, zone))),
        (QUIET, list(_quiet(sorted_))),
        (UNMEASURED, list(_unmeasured(spec, found, sorted_, zone))),
        (DEGRADED, [("", "", _degraded(spec))]),
    ]


def _lasting(found: Sorted, sliced: Collection[str], slices: int, zone: str) -> Iterator[Line]:
    for row in found.lasting:
        also = found.elsewhere.get(row["column_name"], [])
        # A vector is judged over all rows only.
        where = _slices_too(also, slices) if row["column_name"] in sliced else ""
        yield row["column_name"], f"since {day(row['since'], zone)}", row["reason"] + where
    if not found.lasting:
        yield "", "", "no feature, over all rows"


def _slices_too(also: Sequence[Row], slices: int) -> str:
    if not slices:
        return ""
    if len(also) == slices:
        return f"; in every slice ({slices})"
    return f"; in {len(also)} of {slices} slices" if also else "; in no slice by itself"


def _in_slices(found: Sorted, zone: str) -> Iterator[Line]:
    for row in found.only_in_slices:
        text = f"{slice_name(row)}: {row['reason']}"
        yield row["column_name"], f"since {day(row['since'], zone)}", text


def _passed(found: Sorted, zone: str) -> Iterator[Line]:
    for row in found.passed:
        until = day(row["until"], zone)
        yield row["column_name"], f"since {day(row['since'], zone)}", f"to {until}: {row['reason']}"


def _together(found: Sorted, zone: str) -> Iterator[Line]:
    """What all inputs show at once; it is told beside the features, not as one of them."""
    row = found.together
    if row is None:
        return
    if row["lasting"]:
        yield f"since {day(row['since'], zone)}", "", row["reason"]
    elif row["since"] is not None:
        over = f"{day(row['since'], zone)} to {day(row['until'], zone)}"
        yield "", "", f"{over}, and over: {row['reason']}"
    elif is_unclear(row):
        yield "", "", "not judged in most windows: see the column reason of its rows in drift"
    else:
        yield "", "", "quiet"


def _new_categories(verdicts: Sequence[Row]) -> Iterator[Line]:
    for row in verdicts:
        if row["slice_key"] == WHOLE and items(row) and row["new_category_share"]:
            part = share(row["new_category_share"])
            yield row["column_name"], "", f"{joined(items(row), 5)}: {part} of the rows by now"


def _broken(silences: Sequence[Row], spec: MonitorSpec, zone: str) -> Iterator[Line]:
    grain = spec.windows.grain
    for row in silences:
        parts = []
        if row["silent_windows"]:
            parts.append(
                f"mostly NULL in {named(row['silent_windows'], grain)} "
                f"between {day(row['silent_since'], zone)} and {day(row['silent_until'], zone)}"
            )
        if row["constant_windows"]:
            value = plain(str(row["value"]), lines=False)
            parts.append(
                f"one single value, {value}, in {named(row['constant_windows'], grain)} "
                f"between {day(row['constant_since'], zone)} and "
                f"{day(row['constant_until'], zone)}"
            )
        yield row["column_name"], "", "; ".join(parts)


def _quiet(found: Sorted) -> Iterator[Line]:
    if found.quiet:
        yield "", "", joined(found.quiet, 40)


def _unmeasured(spec: MonitorSpec, found: Findings, sorted_: Sorted, zone: str) -> Iterator[Line]:
    early = [row for row in found.unmeasured if row["status"] == "no_reference"]
    for row in early:
        if row["slice_key"] == WHOLE:
            until = f"{day(row['begin'], zone)} to {day(row['end'], zone)}"
            yield "", "", f"{named(row['windows'], 'window')}, {until}: {row['reason']}"
    if sorted_.unclear:
        yield (
            "",
            "",
            "too few rows in most windows to find the shift that matters: "
            + joined(sorted_.unclear, 40),
        )
    thin = _thin_slices(found)
    if thin:
        yield "", "", f"too few rows, in % of a slice's comparisons: {joined(thin, _MOST_SLICES)}"
    for row in found.unmeasured:
        if row["status"] in ("undetermined", "schema_changed", "source_unavailable"):
            text = f"{slice_name(row)}, {named(row['windows'], 'window')}: {row['reason']}"
            yield row["column_name"], "", f"{row['status']}: {text}"
    if spec.dependence is None:
        yield "", "", NO_DEPENDENCE
    yield "", "", NOT_LOOKED_AT


def _dependence(spec: MonitorSpec, found: Findings, zone: str) -> Iterator[Line]:
    """Pairs whose correlation is another one than expected, and since when."""
    for row in _lasting_violations(spec, found):
        if row["assumption"] == "independence":
            text = f"with {row['other_column']}: {row['reason']} (expected: {row['expected']})"
            yield row["column_name"], f"since {day(row['since'], zone)}", text


def _failing(spec: MonitorSpec, found: Findings, zone: str) -> Iterator[Line]:
    for row in _lasting_violations(spec, found):
        if row["assumption"] != "independence":
            text = f"{row['expected']} ({row['source']}): {row['reason']}"
            yield row["column_name"], f"since {day(row['since'], zone)}", text


def _lasting_violations(spec: MonitorSpec, found: Findings) -> list[Row]:
    """Assumptions that fail by now, in as many windows in a row as raise an alert."""
    least = spec.alerts.windows
    failing = [row for row in found.assumptions if (row["violated_windows"] or 0) >= least]
    return sorted(failing, key=lambda row: row["since"])


def _thin_slices(found: Findings) -> list[str]:
    """Slices with too few rows in part of their comparisons, the worst first."""
    asked: dict[tuple[str, str | None], int] = {}
    for row in found.verdicts:
        key = (row["slice_key"], row["slice_value"])
        asked[key] = asked.get(key, 0) + row["windows"]
    thin = [
        (row["comparisons"] / asked[key], slice_name(row))
        for row in found.unmeasured
        if row["status"] == "insufficient_data"
        and row["slice_key"] != WHOLE
        and (key := (row["slice_key"], row["slice_value"])) in asked
    ]
    return [f"{name} {100 * part:.0f}" for part, name in sorted(thin, reverse=True) if part >= 0.01]


def _degraded(spec: MonitorSpec) -> str:
    rule = spec.degraded
    if rule is None:
        return (
            "nothing: nobody has said yet when this model is too old; "
            "write the section 'degraded' of the spec"
        )
    cost = ""
    if rule.value_per_point is not None:
        unit = f" {rule.currency}" if rule.currency else ""
        cost = f" ({rule.value_per_point:,.0f}{unit} per {rule.point:g} and window)"
    text = (
        f"{rule.metric} worse by more than {rule.tolerated_loss:g}{cost} in "
        f"{rule.persistence.windows} of {rule.persistence.of} windows"
    )
    return f"{text}; then: {rule.retire}" if rule.retire else text
