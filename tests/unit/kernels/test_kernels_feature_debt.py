"""The figures of the debt of features from stored states and profiles, and from courses."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone

import numpy as np
import pyarrow as pa
import pytest

from sparkdrift.kernels import importances
from sparkdrift.kernels.batches import arrow_schema
from sparkdrift.kernels.feature_association import REST, associated, merged, parsed
from sparkdrift.kernels.feature_course import (
    COURSES,
    OF_COURSES,
    OF_MODEL,
    Before,
    ModelWindow,
    course_rows,
    model_rows,
)
from sparkdrift.kernels.feature_family import judge_family
from sparkdrift.kernels.feature_figures import (
    INPUT,
    OF_FEATURES,
    REFERENCE,
    REFERENCE_STATE,
    STATE,
    WINDOW,
    measure,
)
from sparkdrift.kernels.feature_rows import MEASURED, FeaturePolicy

SEED = 5
START = datetime(2025, 1, 1, tzinfo=timezone.utc)
DAY = timedelta(days=1)
ROWS = 2000
POLICY = FeaturePolicy()
LINK = "version 1 of the reference"


def moments(feature, x, y, day, part=STATE, link=None):
    """The states of a number by class, as the pass over the rows leaves them."""
    for one in np.unique(y):
        own = x[(y == one) & np.isfinite(x)]
        cells = [len(own), own.mean() if len(own) else 0.0, own.var() * len(own) if len(own) else 0]
        yield row(feature, part, day, link=link, columns=[feature, str(one)], cells=cells)


def row(feature, part, day, version=None, **more):
    found = {"column_name": feature, "part": part, "reference_version": version}
    if part == WINDOW and version:
        found["link"] = LINK
    found["window_start"] = None if day is None else START + day * DAY
    return {**dict.fromkeys(INPUT), **found, **more}


def profile(feature, x, day, part=WINDOW, version=1, **more):
    """What a profile of a number says."""
    there = x[np.isfinite(x)]
    told = {
        "kind": "numeric",
        "status": "ok",
        "row_count": len(x),
        "null_count": len(x) - len(there),
        "low": there.min() if len(there) else None,
        "high": there.max() if len(there) else None,
        "quantiles": np.quantile(there, np.linspace(0, 1, 101)).tolist() if len(there) else None,
    }
    return row(feature, part, day, version, **{**told, **more})


def texts(feature, counts, day, part=WINDOW, version=1):
    items = [{"item": k, "count": v} for k, v in counts.items()]
    rows = sum(counts.values())
    return row(
        feature,
        part,
        day,
        version,
        kind="categorical",
        status="ok",
        row_count=rows,
        null_count=0,
        distinct_count=len(counts),
        items=items,
    )


def run(rows, policy=POLICY, labelled=True):
    rows = sorted(rows, key=lambda one: one["column_name"])
    table = pa.Table.from_pylist(rows, schema=arrow_schema(INPUT))
    found = {}
    for batch in measure(policy, labelled=labelled)(iter(table.to_batches())):
        for one in batch.to_pylist():
            day = (one["window_start"] - START).days
            found[one["figure"], one["subject"], day] = one
    return found


def draw(rng, shift):
    y = (rng.random(ROWS) < 0.3).astype(int)
    return rng.normal(size=ROWS) + shift * y, y


def watched(rng, last):
    """Eight reference days, and day 9 with another link between the feature and the label."""
    rows = []
    for day in range(8):
        x, y = draw(rng, 0.8)
        rows += moments("amount", x, y, day, REFERENCE_STATE, LINK)
        rows += moments("amount", x, y, day)
    rows.append(profile("amount", draw(rng, 0.8)[0], None, REFERENCE))
    x, y = draw(rng, last)
    rows += [*moments("amount", x, y, 9), profile("amount", x, 9)]
    return rows, x, y


@pytest.mark.parametrize(
    ("shift", "status"), [(0.8, "ok"), (0.0, "drifted"), (-0.8, "drifted"), (1.6, "drifted")]
)
def test_a_changed_association_is_found_and_an_unchanged_one_is_not(shift, status):
    rng = np.random.default_rng(SEED)
    rows, x, y = watched(rng, shift)
    found = run(rows)
    own = found["association", "amount", 9]
    assert own["value"] == pytest.approx(np.corrcoef(x, y)[0, 1])
    assert own["low"] < own["value"] < own["high"]
    assert own["status"] is None
    change = found["association_change", "amount", 9]
    assert change["status"] == status, (change, SEED)
    assert change["limit"] == 0.1
    assert "reference" in change["reason"]


def judged_together(*given):
    """(status, reason) of each after the family of its window: (day, status, p_value)."""
    rows = [
        {
            **dict.fromkeys(MEASURED),
            "window_start": START + day * DAY,
            "figure": "association_change",
            "subject": f"x{i}",
            "status": status,
            "reason": "moved",
            "p_value": p,
        }
        for i, (day, status, p) in enumerate(given)
    ]
    table = pa.Table.from_pylist(rows, schema=arrow_schema(MEASURED))
    found = pa.Table.from_batches(judge_family(iter(table.to_batches(max_chunksize=3))))
    assert found.num_rows == len(rows)
    return [(one["status"], one["reason"]) for one in found.to_pylist()]


def test_changes_of_a_window_are_judged_together():
    """0.04 of one feature is no chance; among fifty it is."""
    assert judged_together((1, "warning", 0.04)) == [("warning", "moved")]
    others = [(1, "ok", 0.5)] * 49
    (alone, reason), *rest = judged_together((1, "warning", 0.04), *others)
    assert alone == "undetermined"
    assert "among 50 features that may be chance (q = 0.5)" in reason
    assert set(rest) == {("ok", "moved")}
    assert judged_together((1, "drifted", 1e-9), *others)[0] == ("drifted", "moved")
    # Of another window, or without a p-value: no member.
    apart = judged_together((1, "warning", 0.04), *[(2, "ok", 0.5)] * 49)
    assert apart[0] == ("warning", "moved")
    assert judged_together((1, "warning", 0.04), *[(1, None, None)] * 49)[0][0] == "warning"
    assert judged_together((1, "drifted", None), *others)[0] == ("drifted", "moved")


def test_few_labels_are_never_ok():
    rng = np.random.default_rng(SEED)
    rows, x, y = watched(rng, 0.8)
    kept = [one for one in rows if one["part"] != STATE]
    few = run([*kept, *moments("amount", x[:60], y[:60], 9)])
    assert few["association_change", "amount", 9]["status"] == "undetermined"
    none = run(kept)["association_change", "amount", 9]
    assert (none["status"], none["value"]) == ("insufficient_data", None)
    one_class = run([*kept, *moments("amount", x, np.zeros(ROWS, int), 9)])
    told = one_class["association", "amount", 9]
    assert told["status"] == "insufficient_data"
    assert "of the class 0" in told["reason"]


def test_without_a_reference_the_association_stands_alone():
    rng = np.random.default_rng(SEED)
    x, y = draw(rng, 0.8)
    found = run([*moments("amount", x, y, 9), profile("amount", x, 9, version=0)])
    assert found["association", "amount", 9]["value"] is not None
    assert found["association_change", "amount", 9]["status"] == "no_reference"
    assert found["encoding", "amount", 9]["status"] == "no_reference"
    assert found["dead", "amount", 9]["status"] == "ok"


def test_nothing_is_said_of_associations_where_nothing_is_labelled():
    found = run([profile("amount", np.arange(100.0), 9)], labelled=False)
    assert {figure for figure, _, _ in found} == {"dead", "encoding"}


def test_every_window_has_every_figure():
    rng = np.random.default_rng(SEED)
    rows, _, _ = watched(rng, 0.8)
    assert {figure for figure, _, day in run(rows) if day == 9} == set(OF_FEATURES)


def test_a_category_that_one_window_hides_joins_the_rest():
    first = parsed([(["c", "0", "a", "b"], [50, 50]), (["c", "1", "a", "b"], [20, 80])])
    second = parsed([(["c", "0", "a", REST], [60, 40]), (["c", "1", "a", REST], [30, 70])])
    both = merged([first, second])
    assert both.counts == {"0": {"a": 110, REST: 90}, "1": {"a": 50, REST: 150}}
    table = [[110, 90], [50, 150]]
    plain = np.sqrt(np.linalg.det(table) ** 2 / (200 * 200 * 160 * 240))
    assert associated(both).value == pytest.approx(plain, abs=0.01)


def test_a_number_as_label():
    rng = np.random.default_rng(SEED)
    g, y = rng.integers(0, 3, 600), rng.normal(size=600)
    y = y + g
    cells = [
        n
        for k in range(3)
        for n in ((g == k).sum(), y[g == k].mean(), y[g == k].var() * (g == k).sum())
    ]
    eta = associated(parsed([(["c", None, "a", "b", "c"], cells)]))
    assert not eta.signed
    assert 0.5 < eta.value < 0.8
    x = y + rng.normal(size=600)
    u, v = x - x.mean(), y - y.mean()
    pair = associated(parsed([(["x", None], [600, x.mean(), y.mean(), u @ u, v @ v, u @ v])]))
    assert pair.value == pytest.approx(np.corrcoef(x, y)[0, 1])


def test_dead_features():
    rng = np.random.default_rng(SEED)
    usual = rng.normal(size=500)
    known = profile("x", usual, None, REFERENCE)
    cases = {
        "unavailable": (profile("x", np.full(500, np.nan), 9), known, "drifted"),
        "constant: 3": (profile("x", np.full(500, 3.0), 9), known, "drifted"),
        "are needed": (profile("x", np.full(20, 3.0), 9), known, "insufficient_data"),
        "1 row has a value, 30 are needed": (
            profile("x", np.array([5.0, *[np.nan] * 999]), 9),
            known,
            "insufficient_data",
        ),
        "as in the reference": (
            profile("x", np.full(500, 3.0), 9),
            profile("x", np.full(500, 3.0), None, REFERENCE),
            "warning",
        ),
        "differ": (profile("x", usual, 9), known, "ok"),
        "not there": (
            profile("x", usual, 9, status="schema_changed", reason="it is not there"),
            known,
            "schema_changed",
        ),
        "may be chance": (
            texts("x", {"no": 100}, 9),
            texts("x", {"no": 990, "yes": 10}, None, REFERENCE),
            "undetermined",
        ),
        "constant: 'no'": (
            texts("x", {"no": 900}, 9),
            texts("x", {"no": 990, "yes": 10}, None, REFERENCE),
            "drifted",
        ),
    }
    for reason, (now, reference, status) in cases.items():
        found = run([now, reference], labelled=False)["dead", "x", 9]
        assert (found["status"], reason in found["reason"]) == (status, True), found


def test_other_units_and_spellings():
    rng = np.random.default_rng(SEED)
    x = rng.gamma(2, 30, 1000)
    known = profile("x", x, None, REFERENCE)
    found = run([profile("x", rng.gamma(2, 30, 1000) * 1000, 9), known], labelled=False)
    told = found["encoding", "x", 9]
    assert (told["status"], told["value"]) == ("drifted", 1.0)
    assert "looks like multiplied by 1,000" in told["reason"]
    same = run([profile("x", rng.gamma(2, 30, 1000), 9), known], labelled=False)
    assert (same["encoding", "x", 9]["status"], same["encoding", "x", 9]["value"]) == ("ok", 0.0)
    usual = profile("x", 1000 + x / 30, None, REFERENCE)
    inches = run([profile("x", 2.54 * (1000 + x / 30), 9), usual], labelled=False)
    assert inches["encoding", "x", 9]["status"] == "warning"
    centred = profile("x", rng.normal(0.2, 1, 1000), None, REFERENCE)
    same = run([profile("x", rng.normal(0.2, 1, 1000), 9), centred], labelled=False)
    told = same["encoding", "x", 9]
    assert (told["status"], told["value"]) == ("undetermined", None)
    assert "a flipped sign would move the quantiles by 0." in told["reason"]
    words = texts("c", {"Card": 600, "Loan": 400}, None, REFERENCE)
    other = run([texts("c", {"CARD": 300, "Loan": 700}, 9), words], labelled=False)
    told = other["encoding", "c", 9]
    assert (told["status"], told["value"]) == ("drifted", 0.3)
    assert "'CARD' for 'Card'" in told["reason"]
    fresh = run([texts("c", {"Lease": 300, "Loan": 700}, 9), words], labelled=False)
    assert fresh["encoding", "c", 9]["status"] == "ok"
    assert "300 rows are of new categories" in fresh["encoding", "c", 9]["reason"]


def told(rows):
    return {one.figure: one for one in rows}


FULL = ModelWindow(
    concentration=0.5,
    error=0.02,
    drifted=0.6,
    unmeasured=0.0,
    on=("a",),
    grown=0.0,
    ess_ratio=0.8,
    thin=0.05,
)


def test_figures_of_the_model():
    rows = told(model_rows(FULL, Before(0.3, 0.02, 10, "before"), POLICY))
    assert set(rows) == set(OF_MODEL)
    assert rows["concentration"].reason == "as of 2.0 features of equal importance"
    change = rows["concentration_change"]
    assert (change.value, change.status) == (pytest.approx(0.2), "warning")
    assert change.low == pytest.approx(0.2 - 1.96 * 0.02 * np.sqrt(1.1), abs=1e-4)
    assert (rows["drifted_importance"].value, rows["drifted_importance"].status) == (0.6, "warning")
    cliff = rows["cliff_risk"]
    assert cliff.value == pytest.approx(0.6 * 0.2)
    assert "heuristic" in cliff.reason
    assert rows["drift_on_concentration"].status == "ok"


@pytest.mark.parametrize(
    ("changes", "figure", "status"),
    [
        ({"concentration": np.nan, "reason": "why"}, "drifted_importance", "insufficient_data"),
        ({"unmeasured": 1.0}, "drifted_importance", "insufficient_data"),
        ({"drifted": 0.0, "unmeasured": 0.5}, "drifted_importance", "undetermined"),
        ({"drifted": 0.0}, "drifted_importance", "ok"),
        ({"ess_ratio": np.nan, "thin": np.nan}, "cliff_risk", "insufficient_data"),
        ({"ess_ratio": np.nan}, "cliff_risk", "ok"),
        ({"grown": 0.4, "grown_on": ("a",)}, "drift_on_concentration", "drifted"),
        ({"grown": np.nan}, "drift_on_concentration", "insufficient_data"),
    ],
)
def test_what_was_not_measured_is_never_ok(changes, figure, status):
    now = ModelWindow(**{**vars(FULL), **changes})
    row = told(model_rows(now, Before(lacking="none"), POLICY))[figure]
    assert row.status == status
    assert told(model_rows(now, Before(lacking="none"), POLICY))["concentration_change"].status in (
        "no_reference",
        "insufficient_data",
    )


def test_more_drift_and_less_evidence_never_look_better():
    order = ["ok", "undetermined", "warning", "drifted"]
    before = -1
    for drifted in np.linspace(0, 1, 11):
        now = ModelWindow(**{**vars(FULL), "drifted": drifted})
        status = told(model_rows(now, Before(), POLICY))["drifted_importance"].status
        assert order.index(status) >= before
        before = order.index(status)


def test_a_creeping_debt_has_a_trend_and_a_quickening_one_accelerates():
    rng = np.random.default_rng(SEED)
    flat = [ModelWindow(drifted=0.2 + 0.02 * e, dead=0) for e in rng.normal(size=30)]
    rows = told(course_rows(flat))
    assert set(rows) == set(OF_COURSES)
    assert rows["drifted_importance_trend"].status == "ok"
    assert (rows["dead_features_trend"].status, rows["dead_features_trend"].value) == ("ok", 0.0)
    assert rows["concentration_trend"].status == "insufficient_data"
    up = [ModelWindow(drifted=0.01 * i + 0.01 * e) for i, e in enumerate(rng.normal(size=30))]
    trend = told(course_rows(up))["drifted_importance_trend"]
    assert trend.status == "warning"
    assert trend.low < 0.01 < trend.high
    bend = [
        ModelWindow(drifted=0.03 * max(0, i - 15) + 0.01 * e)
        for i, e in enumerate(rng.normal(size=30))
    ]
    assert told(course_rows(bend))["drifted_importance_acceleration"].status == "warning"
    assert told(course_rows(flat[:5]))["drifted_importance_trend"].status == "insufficient_data"
    assert all(name in COURSES for name in ("feedback", "concentration"))


def test_importances_of_each_window_from_its_sample():
    rng = np.random.default_rng(SEED)
    rows = []
    for day in range(2):
        for _ in range(600):
            a, b = rng.normal(), rng.normal()
            c = str(rng.choice(["x", "y"]))
            y = (3 * a if day else 3 * b) + 0.5 * rng.normal()
            rows.append({"window_start": START + day * DAY, "y": y, "f0": a, "f1": b, "f2": c})
    rows[3]["f2"], rows[4]["f0"] = None, None
    table = pa.Table.from_pylist(rows)
    kernel = importances.estimate("linear", ["a", "b", "c"], [True, True, False], 500, 1)
    found = [one for batch in kernel(iter(table.to_batches())) for one in batch.to_pylist()]
    assert [one["columns"] for one in found] == [["", "a", "b", "c"]] * 2
    assert [one["cells"][0] for one in found] == [500, 500]
    shares = [one["cells"][3:6] for one in found]
    assert shares[0][1] > 0.9 > 0.1 > shares[0][0]
    assert shares[1][0] > 0.9
    again = [one for batch in kernel(iter(table.to_batches())) for one in batch.to_pylist()]
    assert again == found
    few = next(kernel(iter(table.slice(0, 50).to_batches()))).to_pylist()[0]
    assert "50 rows" in few["columns"][0]
    assert few["cells"][3] is None


def test_rows_hold_plain_floats():
    """Spark takes no others; and NaN is NULL."""
    rng = np.random.default_rng(SEED)
    windows = [ModelWindow(drifted=x, concentration=x) for x in rng.random(12)]
    rows = [*course_rows(windows), *model_rows(FULL, Before(0.3, 0.02, 10, "before"), POLICY)]
    values = [row.told()[name] for row in rows for name in ("value", "low", "high", "limit")]
    assert {type(one) for one in values} == {float, type(None)}
