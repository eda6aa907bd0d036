"""From tests to verdicts: all features and slices of one window and comparison are a family.

A row's own status says what this window alone showed, and its severity how far beyond the
limits. Whether an alert stands, after m of n windows, is read from the rows (spark/views.py).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
import pyarrow as pa

from sparkdrift.explain.explaining import explain_window
from sparkdrift.explain.sentences import tell
from sparkdrift.explain.signals import ALERTS, SHIFT, UNSHAPED, Limits
from sparkdrift.kernels.batches import arrow_schema, column, groups, plain_rows
from sparkdrift.kernels.compared import FIGURES, KEPT
from sparkdrift.kernels.freezing import Kernel
from sparkdrift.kernels.policy import AlertRules, Policy
from sparkdrift.kernels.powers import level_of, powers
from sparkdrift.kernels.share_verdicts import (
    Unsure,
    blind_share,
    multiple,
    share_alerts,
    share_tests,
    unsure_shares,
)
from sparkdrift.kernels.together import rows_together
from sparkdrift.measures.arrays import Floats
from sparkdrift.measures.evidence import (
    LEAST_FAMILY,
    LEAST_POWER,
    benjamini_hochberg,
    decide,
)

KEYS = ("window_start", "comparison")
JUDGED = {
    **KEPT,
    **FIGURES,
    "q_value": "double",
    "status": "string",
    "reason": "string",
    "magnitude": "double",
    "importance": "double",
    "severity": "string",
    "alerting": "boolean",
    "suppression": "string",
    "explanation": "string",
    "alerting_tests": "array<string>",
}
_SCHEMA = arrow_schema(JUDGED)
_MEASURED = ("ok", "warning", "drifted")
# What a verdict is made of; `explain_window` reads more, of the columns that alert.
_READ = (
    *("window_start", "comparison", "column_name", "row_count", "unmeasured", "unmeasured_reason"),
    *("p_unusual", "effect", "effect_low", "effect_high", "effect_size", "tau2", "alone"),
    *("new_category_share", "new_categories", "out_of_range_share", "below_range_share"),
    *("test_names", "test_deltas", "test_unusual", "test_material", "test_power", "test_wander"),
    *("silent", "undetermined", "moved", "season", "variants", "scarce", "caveat"),
    *("grown", "lacking"),
)


@dataclass(frozen=True)
class Verdict:
    """magnitude: the largest alerting change, in multiples of its limit; None: none alerts.

    tests: the names of those that alert, SHIFT being that of the distance.
    """

    status: str
    reason: str
    magnitude: float | None = None
    tests: tuple[str, ...] = ()


def judge(policy: Policy) -> Kernel:
    """A kernel that turns compared rows, sorted by KEYS, into rows with a status."""

    def run(batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        for group in groups(batches, KEYS):
            rows = rows_together(group, policy)
            # A window that is stored no more has nothing but what its reference sent.
            if rows.num_rows:
                yield _judge(rows, policy)

    return run


def _judge(group: pa.Table, policy: Policy) -> pa.RecordBatch:
    rows = plain_rows(group.select(_READ))
    # What could not be measured is no test: it would only move the others' threshold.
    shares = [None if row["unmeasured"] else row["test_unusual"] for row in rows]
    q_values, share_q = _family(column(group, "p_unusual"), shares)
    able = powers(group, column(group, "effect_size"), level_of(group))
    # Of one usual value there is no distance: the share of all others was asked.
    able = np.fmax(able, column(group, "alone"))
    for row, chance in zip(rows, able.tolist(), strict=True):
        row["power"] = chance if np.isfinite(chance) else None
    status = decide(
        q_values,
        column(group, "p_material"),
        column(group, "effect"),
        able,
        warn=column(group, "warn_at"),
        limit=column(group, "effect_size"),
    )
    limits = policy.test_limits
    verdicts = [
        _verdict(row, str(own), q, limits)
        for row, own, q in zip(rows, status, share_q, strict=True)
    ]
    told = _told(rows, verdicts, policy.alerts)
    told["explanation"] = _explanations(group, verdicts, q_values, policy.share_limits)
    told["alerting_tests"] = [list(one.tests) or None for one in verdicts]
    given = group.set_column(
        group.schema.get_field_index("power"), "power", pa.array(able, mask=~np.isfinite(able))
    )
    arrays = [given.column(name).combine_chunks() for name in (*KEPT, *FIGURES)]
    arrays.append(pa.array(q_values, mask=~np.isfinite(q_values)))
    arrays += [pa.array(values, _SCHEMA.field(name).type) for name, values in told.items()]
    return pa.RecordBatch.from_arrays(arrays, schema=_SCHEMA)


def _told(
    rows: Sequence[Mapping[str, Any]], verdicts: Sequence[Verdict], rules: AlertRules
) -> dict[str, list[Any]]:
    """The columns of the verdicts, and of what they mean for an alert."""
    names = [row["column_name"] for row in rows]
    grades = [
        rules.severity(one.status, one.magnitude or 0.0, name)
        for one, name in zip(verdicts, names, strict=True)
    ]
    return {
        "status": [one.status for one in verdicts],
        "reason": [one.reason for one in verdicts],
        "magnitude": [one.magnitude for one in verdicts],
        "importance": [rules.weight(name) for name in names],
        "severity": grades,
        # NULL, not false: a window that was not measured neither raises nor clears an alert.
        "alerting": [
            rules.counts(grade)
            if row["comparison"] in rules.comparisons and _tells(one.status, row)
            else None
            for one, grade, row in zip(verdicts, grades, rows, strict=True)
        ],
        "suppression": [
            rules.suppression(row["window_start"], name)
            for row, name in zip(rows, names, strict=True)
        ],
    }


def _explanations(
    group: pa.Table, verdicts: Sequence[Verdict], q_values: Floats, limits: Mapping[str, float]
) -> list[str | None]:
    """What moved, where a row alerts: direction, size, what carried it, and in which slice."""
    told: list[str | None] = [None] * len(verdicts)
    names = group.column("column_name").to_pylist()
    alerting = {name for name, one in zip(names, verdicts, strict=True) if one.status in ALERTS}
    at = [i for i, name in enumerate(names) if name in alerting]
    if not at:
        return told
    rows = plain_rows(group.select([*KEPT, *FIGURES]).take(pa.array(at)))
    judged = [
        {
            **row,
            "status": verdicts[i].status,
            "q_value": float(q_values[i]),
            "alerting_tests": verdicts[i].tests,
        }
        for i, row in zip(at, rows, strict=True)
    ]
    for i, one in zip(at, explain_window(judged, Limits(**limits)), strict=True):
        # `unshaped` says where rows differ and not what moved, and raises no alert.
        told[i] = tell(one) if one is not None and one.comparison != UNSHAPED else None
    return told


def _tells(status: str, row: Mapping[str, Any]) -> bool:
    """Whether the window has a say in an alert.

    Without the power for `ok` it has one if its effect is known to within effect_size: it was
    seen, and is nothing unusual. Were such a window no answer, no alert of a feature that varies
    much anyway would ever end.
    """
    if status != "insufficient_data":
        return status in _MEASURED
    low, high = row["effect_low"], row["effect_high"]
    return low is not None and high is not None and high - low < row["effect_size"]


def _family(
    own: Floats, shares: list[list[float | None] | None]
) -> tuple[Floats, list[list[float]]]:
    """q-values of the distribution tests (rows,) and of each row's share tests."""
    lists = [row or [] for row in shares]
    each = np.array([p for row in lists for p in row], dtype=np.float64)  # NaN for None
    together = benjamini_hochberg(np.concatenate([own, each]), LEAST_FAMILY)
    found = together[len(own) :].tolist()
    ends = np.cumsum([0, *map(len, lists)]).tolist()
    return together[: len(own)], [found[begin:end] for begin, end in pairwise(ends)]


def _verdict(
    row: Mapping[str, Any], own: str, share_q: Sequence[float], limits: Mapping[str, float]
) -> Verdict:
    """The verdict on a row, of which `own` is what the test of its distribution says."""
    if row["unmeasured"] is not None:
        return Verdict(row["unmeasured"], row["unmeasured_reason"])
    tests = share_tests(row, share_q)
    unsure = unsure_shares(row, tests, limits)
    found = _finding(row, own, share_alerts(row, tests, limits), unsure, limits)
    return found if found is not None else _quiet(row, own, unsure, limits)


def _finding(
    row: Mapping[str, Any],
    own: str,
    alerts: Sequence[tuple[str, float, str]],
    unsure: Sequence[Unsure],
    limits: Mapping[str, float],
) -> Verdict | None:
    """'drifted' or 'warning' with all that moved, or None where nothing did."""
    sentences = [text for _, _, text in alerts]
    sizes = [size for _, size, _ in alerts]
    tests = [name for name, _, _ in alerts]
    if own in ("drifted", "warning"):
        tests.insert(0, SHIFT)
        sentences.insert(0, _shift(row))
        sizes.append(multiple(row["effect"], row["effect_size"]))
    elif alerts and all(name.startswith("single_") for name, _, _ in alerts):
        sentences.insert(0, row["moved"])
    for one in unsure:
        if one.unusual:
            sentences.append(one.text)
            sizes.append(multiple(abs(one.delta), limits[one.name]))
            tests.append(one.name)
    if not sentences:
        return None
    status = "drifted" if own == "drifted" or alerts else "warning"
    told = filter(None, [*sentences, *_remarks(row)])
    return Verdict(status, "; ".join(told), max(sizes), tuple(tests))


def _quiet(
    row: Mapping[str, Any], own: str, unsure: Sequence[Unsure], limits: Mapping[str, float]
) -> Verdict:
    """The verdict where nothing alerts: 'ok' only where a change would have been seen."""
    if row["alone"] is not None and row["alone"] >= LEAST_POWER:
        # Of one usual value there is no distance: the share of all others was asked.
        own = "ok"
    # What is lost where the reference has no windows is lost for these verdicts as well.
    lost = [row["caveat"]] if row["caveat"] else []
    if own == "ok" and row["undetermined"]:
        return Verdict("undetermined", "; ".join([row["undetermined"], *lost]))
    if own == "ok" and unsure:
        return Verdict("insufficient_data", "; ".join([*(one.text for one in unsure), *lost]))
    blind = blind_share(row, limits) if own == "ok" else None
    if blind is not None:
        return Verdict("insufficient_data", "; ".join([blind, *lost]))
    if own == "ok":
        return Verdict("ok", "; ".join(["no material change", *_remarks(row)]))
    if row["lacking"] and row["p_unusual"] is not None:
        return Verdict("undetermined", "; ".join([row["lacking"], *lost]))
    return Verdict("insufficient_data", "; ".join([_too_little(row), *lost]))


def _remarks(row: Mapping[str, Any]) -> list[str]:
    """What is worth knowing whatever the verdict: spellings, and what was not known."""
    return [row[name] for name in ("variants", "caveat") if row[name]]


def _shift(row: Mapping[str, Any]) -> str:
    text = f"shifted by {row['effect']:.2f} sd (limit {row['effect_size']:g})"
    if row["season"]:
        text += f" against {row['season']}"
    return f"{text}: {row['moved']}" if row["moved"] else text


def _too_little(row: Mapping[str, Any]) -> str:
    if row["p_unusual"] is None:
        return row["lacking"] or "nothing to compare: no values on one side"
    power = row["power"] or 0.0
    if power >= LEAST_POWER and row["effect"] is not None and row["effect"] >= row["effect_size"]:
        return f"{_shift(row)}, which can't be told from what is usual or from chance"
    why = f"too few {row['scarce'] or 'rows'}"
    if row["tau2"]:
        why += f", or too much usual variation ({np.sqrt(row['tau2']):.2f} sd)"
    return (
        f"{why}: a shift of {row['effect_size']:g} sd would be found "
        f"{100 * power:.0f} % of the time, {100 * LEAST_POWER:.0f} % is wanted"
    )
