"""Which comparisons a spec may ask for, and which of them may alert."""

from __future__ import annotations

import pytest

from sparkdrift.errors import Problem, SpecError
from sparkdrift.spec.digests import policy_hash
from sparkdrift.spec.loading import parse_spec

SPEC = """\
monitor: m
owner: o
source: {table: a.b}
timestamp: {column: t}
features: {numeric: [income]}
"""


def problem(lines: str) -> Problem:
    with pytest.raises(SpecError) as caught:
        parse_spec(SPEC + lines, "a.yml")
    (found,) = caught.value.problems
    return found


def test_the_defaults() -> None:
    spec = parse_spec(SPEC)
    assert spec.drift.comparisons == spec.alerts.comparisons == ("baseline",)


def test_an_unknown_comparison_names_the_nearest() -> None:
    found = problem("drift:\n  comparisons: [baseline, consecutiv]\n")
    assert (found.line, found.given, found.nearest) == (7, "consecutiv", "consecutive")
    assert found.accepted == "baseline, consecutive, seasonal, origin, training"


def test_a_comparison_is_named_once() -> None:
    found = problem("drift: {comparisons: [baseline, origin, origin]}\n")
    assert found.message == "the comparison is named twice"
    assert "comparisons" in problem("drift: {comparisons: []}\n").message


@pytest.mark.parametrize("grain", ["hour", "day", "month"])
def test_grains_with_a_season(grain: str) -> None:
    parse_spec(SPEC + f"windows: {{grain: {grain}}}\ndrift: {{comparisons: [baseline, seasonal]}}")


def test_a_week_has_none_and_the_reason_is_said() -> None:
    found = problem("windows: {grain: week}\ndrift: {comparisons: [baseline, seasonal]}\n")
    assert found.message == (
        "windows of a week have none a season earlier to be compared with: "
        "years are no whole number of weeks"
    )
    assert (found.line, found.given) == (7, "seasonal")


def test_only_what_is_made_can_alert() -> None:
    made = "drift: {comparisons: [baseline, consecutive]}\n"
    found = problem(made + "alerts: {comparisons: [baseline, origin]}\n")
    assert (found.given, found.accepted) == ("origin", "baseline, consecutive (drift.comparisons)")
    twice = problem(made + "alerts: {comparisons: [baseline, baseline]}\n")
    assert twice.message == "the comparison is named twice"
    parse_spec(SPEC + made + "alerts: {comparisons: [consecutive]}\n")


def test_without_a_baseline_somebody_must_say_what_alerts() -> None:
    found = problem("drift: {comparisons: [consecutive]}\n")
    assert found.message == "nothing could raise an alert"
    parse_spec(SPEC + "drift: {comparisons: [origin]}\nalerts: {comparisons: [origin]}\n")


def test_what_is_part_of_the_policy() -> None:
    """The defaults leave the hash of stores of before as it was."""
    plain = policy_hash(parse_spec(SPEC))
    default = "drift: {comparisons: [baseline]}\nalerts: {comparisons: [baseline]}\n"
    assert policy_hash(parse_spec(SPEC + default)) == plain
    one, other = (
        policy_hash(parse_spec(SPEC + f"drift: {{comparisons: [{names}]}}\n"))
        for names in ("baseline, origin", "origin, baseline")
    )
    assert one == other != plain
    both = "drift: {comparisons: [baseline, origin]}\nalerts: {comparisons: [baseline, origin]}\n"
    assert policy_hash(parse_spec(SPEC + both)) not in (one, plain)
    # An alerts section of its own keeps its hash as well.
    own = "alerts: {windows: 3, of: 5}\n"
    spec = parse_spec(SPEC + own)
    assert policy_hash(spec) == "0b06d208d5cfb149"
