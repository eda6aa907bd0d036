"""The rows of `sparkdrift.spark.overview`, sorted into what a model owner would ask.

Thresholds that only decide where a finding is told stand here, each with its reason;
whether something drifted was decided by the drift step.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from sparkdrift.explain.signals import WHOLE
from sparkdrift.report.plain import plain
from sparkdrift.spec.policy import INPUTS

Row = Mapping[str, Any]
# A feature whose windows mostly lacked the rows for a verdict was not watched, so it is
# not called quiet.
LEAST_MEASURED = 0.5


@dataclass(frozen=True)
class Findings:
    """The answers of one monitor's overview, as they came from the tables."""

    coverage: Sequence[Row] = ()
    references: Sequence[Row] = ()
    verdicts: Sequence[Row] = ()
    unmeasured: Sequence[Row] = ()
    silences: Sequence[Row] = ()
    assumptions: Sequence[Row] = ()
    alerts: Sequence[Row] = ()


@dataclass
class Sorted:
    """`verdicts` by what there is to say: of the whole table, then of slices only.

    `passed`: drift that lasted once and is over. `elsewhere`: lasting drift of a slice in
    a feature that drifted in the whole table too, by feature. `unclear`: too few windows
    with a verdict to call the feature quiet. `together`: that of all inputs, which is no feature.
    """

    lasting: list[Row] = field(default_factory=list)
    passed: list[Row] = field(default_factory=list)
    quiet: list[str] = field(default_factory=list)
    unclear: list[str] = field(default_factory=list)
    only_in_slices: list[Row] = field(default_factory=list)
    elsewhere: dict[str, list[Row]] = field(default_factory=dict)
    together: Row | None = None


def sort_verdicts(verdicts: Sequence[Row]) -> Sorted:
    """Put every feature in one place, and every slice that adds something beside it."""
    result = Sorted()
    whole = [row for row in verdicts if row["slice_key"] == WHOLE]
    for row in whole:
        if row["column_name"] == INPUTS:
            result.together = row
        elif row["lasting"]:
            result.lasting.append(row)
        elif row["since"] is not None:
            result.passed.append(row)
        elif is_unclear(row):
            result.unclear.append(row["column_name"])
        else:
            result.quiet.append(row["column_name"])
    told = {row["column_name"] for row in (*result.lasting, *result.passed)}
    for row in verdicts:
        if row["slice_key"] == WHOLE or not row["lasting"]:
            continue
        if row["column_name"] in told:
            result.elsewhere.setdefault(row["column_name"], []).append(row)
        else:
            result.only_in_slices.append(row)
    noisy = {row["column_name"] for row in result.only_in_slices}
    result.quiet = [name for name in result.quiet if name not in noisy]
    result.lasting.sort(key=lambda row: row["since"])
    result.passed.sort(key=lambda row: row["since"])
    result.only_in_slices.sort(key=lambda row: row["since"])
    return result


def is_unclear(row: Row) -> bool:
    """Whether too few of its windows have a verdict to call it quiet."""
    measured = row["ok"] + row["warning"] + row["drifted"]
    return bool(measured < LEAST_MEASURED * row["windows"])


def slice_name(row: Row) -> str:
    """'region = north'; a slice of rows without a value is 'region is NULL'."""
    key, value = row["slice_key"], row["slice_value"]
    if key == WHOLE:
        return "all rows"
    return plain(f"{key} is NULL" if value is None else f"{key} = {value}", lines=False)


def items(row: Row) -> list[str]:
    """The new categories of a verdict, as quoted names, the most frequent first."""
    return [plain(repr(one["item"]), lines=False) for one in row["new_categories"] or []]
