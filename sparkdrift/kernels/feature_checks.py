"""Ranges, domains, NULLs and order of one feature, from its stored profiles."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
import pyarrow as pa

from sparkdrift.kernels.batches import categories, groups
from sparkdrift.kernels.counted_checks import (
    NO_VALUE,
    add_chances,
    declared,
    learned,
    nothing_learned,
)
from sparkdrift.kernels.expectations import (
    DECLARED,
    INSUFFICIENT,
    LEARNED,
    MOST_EXAMPLES,
    OK,
    UNDETERMINED,
    VIOLATED,
    Check,
    Expectations,
    Rule,
    check_batch,
)
from sparkdrift.kernels.freezing import Kernel
from sparkdrift.measures.categorical import Categories
from sparkdrift.measures.kll import quantile, rank, read_kll
from sparkdrift.measures.sketch_error import rank_error

KEYS = ("reference_version", "column_name")
REFERENCE, WINDOW, EARLIER = 0, 1, 2
NOT_IN_FORCE = "no reference was in force when the window began"
NOT_HELD = "the reference does not hold this feature"
CHANGED = "the definition changed since the reference was frozen"
SCHEMA_CHANGED = "schema_changed"
_INFINITIES = ("positive_infinity_count", "negative_infinity_count")
_NORMAL = 1.96

Row = Mapping[str, Any]


def check_features(expected: Expectations) -> Kernel:
    """A kernel from profile rows to checks.

    Takes rows sorted by KEYS and `window_start`, the reference's (part 0) first. A row of part 2
    is of the window before another, in the group of that one, and has no check itself.
    """

    def run(batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        for group in groups(batches, KEYS):
            checks = list(_checks(group, expected))
            if checks:
                yield check_batch(checks)

    return run


def _checks(group: pa.Table, expected: Expectations) -> Iterator[Check]:
    rows = group.drop_columns(["categories"]).to_pylist()
    states = categories(group)
    known = rows[0] if rows[0]["part"] == REFERENCE else None
    held = states[0] if known is not None else None
    checks: list[Check] = []
    earlier = {row["window_end"]: row for row in rows if row["part"] == EARLIER}
    for row, state in zip(rows, states, strict=True):
        if row["part"] == WINDOW:
            before = earlier.get(row["window_start"])
            found = _of_window(row, state, known, held, before, expected)
            checks += [_placed(check, row) for check in found]
    add_chances(checks)
    yield from checks


def _placed(check: Check, row: Row) -> Check:
    kept = ("window_start", "reference_version", "definition_hash", "column_name")
    placed: Check = {name: row[name] for name in kept}
    if row["status"] == SCHEMA_CHANGED:
        placed |= {"status": SCHEMA_CHANGED, "reason": row["reason"]}
        return {name: check.get(name) for name in ("assumption", "source", "expected")} | placed
    return placed | check


def _of_window(
    row: Row,
    state: Categories | None,
    known: Row | None,
    held: Categories | None,
    before: Row | None,
    expected: Expectations,
) -> Iterator[Check]:
    """The checks of one window; `before`: the row of the window before it, if that is stored."""
    name = row["column_name"]
    rule = expected.rules.get(name, Rule())
    missing = _missing(row, known)
    check = _null_check(row, known, missing, rule, expected)
    if check is not None:
        yield {"assumption": "not_null", **check}
    if row["kind"] == "numeric" and rule.range is not False:
        check = _range_check(row, known, missing, rule, expected)
        if check is not None:
            yield {"assumption": "range", **check}
    if row["kind"] == "categorical" and rule.domain is not False:
        check = _domain_check(state, held, missing, rule, expected)
        if check is not None:
            yield {"assumption": "domain", **check}
    if name in expected.rising:
        yield {"assumption": "monotone", **_order_check(row, before, expected.rising[name])}


def _missing(row: Row, known: Row | None) -> str | None:
    """Why nothing was learned for this window, or None."""
    if known is None:
        return NOT_HELD if row["reference_version"] else NOT_IN_FORCE
    if known["definition_hash"] != row["definition_hash"]:
        return CHANGED
    return "the reference could not measure it" if known["status"] != "ok" else None


def _null_check(
    row: Row, known: Row | None, missing: str | None, rule: Rule, expected: Expectations
) -> Check | None:
    n, nulls = float(row["row_count"]), float(row["null_count"] or 0)
    if rule.not_null:
        return declared("no NULL", n, nulls, 0.0, rule, [])
    if rule.not_null is False or not expected.learned or missing or known is None:
        # Without a reference nobody knows yet whether it has NULLs: there is no such rule.
        return None
    if known["null_count"]:
        return None
    m = float(known["row_count"])
    return learned("no NULL", n, nulls, m, expected.null_share, [])


def _range_check(
    row: Row, known: Row | None, missing: str | None, rule: Rule, expected: Expectations
) -> Check | None:
    up, down = (float(row[name] or 0) for name in _INFINITIES)
    finite = row["row_count"] - (row["null_count"] or 0) - (row["nan_count"] or 0) - up - down
    if isinstance(rule.range, tuple):
        low, high = rule.range
        infinite = (up if high is not None else 0.0) + (down if low is not None else 0.0)
        outside, error, examples = _outside(row, finite, low, high)
        text = _interval(low, high)
        shown = expected.shown(examples)
        n = finite + up + down
        part = error * finite / n if n else 0.0
        return declared(text, n, outside + infinite, part, rule, shown)
    if not expected.learned:
        return None
    if missing or known is None:
        return nothing_learned(str(missing))
    low, high = known["min"], known["max"]
    if low is None or high is None:
        return nothing_learned("the reference has no finite value of it")
    outside, _, examples = _outside(row, finite, low, high)
    up, down = (float(known[name] or 0) for name in _INFINITIES)
    m = known["row_count"] - (known["null_count"] or 0) - (known["nan_count"] or 0) - up - down
    shown = expected.shown(examples)
    return learned(_interval(low, high), finite, outside, m, expected.out_of_range, shown)


def _outside(
    row: Row, finite: float, low: float | None, high: float | None
) -> tuple[float, float, list[str]]:
    """(finite rows outside, what their share may be off by, the values farthest out).

    None is outside is known exactly, from minimum and maximum.
    """
    share, examples = 0.0, []
    least, most = row["min"], row["max"]
    below = low is not None and least is not None and least < low
    above = high is not None and most is not None and most > high
    if not (below or above):
        return 0.0, 0.0, []
    examples = [f"{value:.10g}" for value, out in ((least, below), (most, above)) if out]
    points = read_kll(row["kll"])
    if points is None:
        # Where a sample caught none of few values: these are out, of the others nothing is known.
        return float(len(examples)), 1.0, examples
    if below and low is not None:
        share += float(rank(points, low, inclusive=False))
    if above and high is not None:
        share += 1.0 - float(rank(points, high))
    error = float(rank_error(points.error_k)) * len(examples)
    if points.n < finite:
        # Of a sample: the rows that were not sketched.
        error += _NORMAL * float(np.sqrt(max(share * (1 - share), 1 / points.n) / points.n))
    # The extremes that are outside are rows, whatever the sketch kept.
    return max(round(share * finite), len(examples)), error, examples


def _domain_check(
    state: Categories | None,
    held: Categories | None,
    missing: str | None,
    rule: Rule,
    expected: Expectations,
) -> Check | None:
    allowed: frozenset[str]
    if isinstance(rule.domain, frozenset):
        allowed = rule.domain
    elif not expected.learned:
        return None
    elif missing or held is None or not held.total:
        return nothing_learned(missing or NO_VALUE)
    elif not held.exact:
        reason = "the reference does not list all of its values: raise sketch.categories"
        return {"source": LEARNED, "status": UNDETERMINED, "reason": reason}
    else:
        allowed = frozenset(held.items)
    seen = state or Categories((), np.array([], np.int64), 0, 0, True)
    foreign = [item for item in seen.items if item not in allowed]
    outside = float(sum(seen.count_of[item] for item in foreign))
    unlisted = 0.0 if seen.exact else seen.residual / max(seen.total, 1)
    examples = expected.shown(foreign)
    if isinstance(rule.domain, frozenset):
        text = _listed([repr(one) for one in sorted(allowed)[:MOST_EXAMPLES]], len(allowed))
        return declared(text, seen.total, outside, 0.0, rule, examples, above=unlisted)
    # Values of the data, not of the spec: shown as examples are.
    named = expected.shown(sorted(allowed))
    if expected.examples == "show":
        named = [repr(one) for one in named]
    text = _listed(named, len(allowed))
    m = float(held.total) if held else 0.0
    check = learned(text, seen.total, outside, m, expected.new_categories, examples)
    if unlisted and check["status"] is None:
        # Each of the rows that are not listed may be of a foreign value, or none.
        check["high"] = min(check["share"] + unlisted, 1.0)
    return check


def _order_check(row: Row, before: Row | None, way: int) -> Check:
    """The window's median against that of the window before.

    It fails where the 95 % intervals of both (rank error of the sketch, and of a median of
    n rows) exclude the order; it holds where the medians are in order.
    """
    text = "the median does not " + ("fall" if way > 0 else "rise")
    check: Check = {"source": DECLARED, "expected": f"{text} from window to window", "limit": 0.0}
    apart = _apart(row, before)
    if apart is not None:
        return check | {"status": INSUFFICIENT, "reason": apart}
    now, last = (_median(one) for one in (row, before))
    if now is None or last is None:
        side = "this window" if now is None else "the window before"
        return check | {"status": INSUFFICIENT, "reason": f"{side} has no values"}
    step = now[1] - last[1]
    low, high = now[0] - last[2], now[2] - last[0]
    check |= {"value": step, "low": low, "high": high, "rows": row["row_count"]}
    moved = f"the median moved by {step:+.6g}"
    if (high if way > 0 else -low) < 0:
        return check | {"status": VIOLATED, "reason": moved}
    if way * step >= 0:
        return check | {"status": OK, "reason": moved}
    within = f"{moved}, which is within what {row['row_count']:,} rows leave open"
    return check | {"status": UNDETERMINED, "reason": within}


def _apart(row: Row, before: Row | None) -> str | None:
    """Why the two windows are not of the same thing, or None."""
    if before is None:
        return None
    if before["status"] == SCHEMA_CHANGED:
        return f"the window before was not measured: {before['reason']}"
    if before["definition_hash"] != row["definition_hash"]:
        return "the definition changed since the window before"
    return None


def _median(row: Row | None) -> tuple[float, float, float] | None:
    """(low, median, high) of a window, or None without values."""
    points = read_kll(row["kll"]) if row is not None else None
    if points is None:
        return None
    reach = float(rank_error(points.error_k)) + _NORMAL * 0.5 / np.sqrt(points.n)
    low, middle, high = quantile(points, np.clip([0.5 - reach, 0.5, 0.5 + reach], 0, 1))
    return float(low), float(middle), float(high)


def _interval(low: float | None, high: float | None) -> str:
    if low is None:
        return f"at most {high:.6g}"
    return f"at least {low:.6g}" if high is None else f"from {low:.6g} to {high:.6g}"


def _listed(named: list[str], of: int) -> str:
    """The first of so many values, in words; without any name only how many there are."""
    if not named:
        return f"one of the {of} values of the reference"
    more = of - len(named)
    return f"one of {', '.join(named)}" + (f" and {more} more" if more > 0 else "")
