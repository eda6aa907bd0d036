"""Windows against earlier windows, without Spark: against scipy and plain counts."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from datetime import timedelta

import numpy as np
import pyarrow as pa
import pytest
from profile_rows import asking, at, categorical, metric, numeric, stream, table
from scipy import stats
from scipy.spatial.distance import jensenshannon

from sparkdrift.explain.explaining import explain
from sparkdrift.kernels.comparing import compare
from sparkdrift.kernels.freezing import freeze
from sparkdrift.kernels.judging import judge
from sparkdrift.kernels.pairs import positions_before
from sparkdrift.kernels.policy import AlertRules, Policy

SEED = 31
POLICY = Policy(effect=0.5, warn=0.3, season_steps=7, overrides={"metric:x": (6, 3)})
RNG = np.random.default_rng(SEED)
DAYS = [RNG.normal(RNG.normal(0, 0.05), 1, 1000) for _ in range(21)]


def frozen(kind, days: list, **more) -> dict:
    """A reference of these days, which lie before day 0."""
    merged = kind([value for day in days for value in day], **more)
    rows = [kind(day, day=i - len(days), **more) for i, day in enumerate(days)]
    made = pa.Table.from_batches(list(freeze(10)(stream(table(merged, *rows))))).to_pylist()[0]
    return with_places(made)


def with_places(made: dict) -> dict:
    """The number of each of its windows, which Spark counts in local time."""
    places = [(one["window_start"] - at(0)).days for one in made["window_bins"]]
    return {**made, "window_places": places}


REFERENCE = frozen(numeric, DAYS)


def compared(*rows: dict, comparison="consecutive", back=1, policy=POLICY) -> dict:
    """Day -> judged row."""
    ordered = asking(table(*rows), comparison, back)
    figures = pa.Table.from_batches(list(compare(policy)(stream(ordered))))
    by_window = figures.sort_by("window_start")
    found = pa.Table.from_batches(list(judge(policy)(stream(by_window)))).to_pylist()
    return {(row["window_start"] - at(0)).days: row for row in found}


def histogram(values: np.ndarray, edges) -> np.ndarray:
    return np.bincount(np.searchsorted(edges, values, "left"), minlength=len(edges) + 1)


FEW = [day[:150] for day in DAYS]  # few enough for a merged sketch that is exact


@pytest.mark.parametrize("known", [[frozen(numeric, FEW)], []])
def test_numeric_figures_are_those_of_scipy(known):
    """In the reference's bins, or in deciles of the earlier window where there is none."""
    old, new = RNG.normal(0, 1, 900), RNG.normal(0.2, 1.1, 700)
    row = compared(*known, numeric(old, day=0), numeric(new, day=1))[1]
    source = np.concatenate(FEW) if known else old
    edges = np.quantile(source, np.arange(1, 10) / 10, method="inverted_cdf")
    a, b = histogram(old, edges), histogram(new, edges)
    p, q = (c + 0.5 for c in (a, b))
    p, q = p / p.sum(), q / q.sum()
    assert row["psi"] == pytest.approx(((p - q) * np.log(p / q)).sum()), SEED
    assert row["js_distance"] == pytest.approx(jensenshannon(a, b, base=2)), SEED
    chi2 = stats.chi2_contingency(np.array([a, b]), correction=False)
    assert row["chi2_statistic"] == pytest.approx(chi2.statistic), SEED
    assert row["chi2_pvalue"] == pytest.approx(chi2.pvalue), SEED
    assert row["n_eff"] == pytest.approx(1 / (1 / 900 + 1 / 700))
    assert row["ks_statistic"] == pytest.approx(stats.ks_2samp(old, new).statistic), SEED
    low, first, third, high = np.quantile(source, [0.001, 0.25, 0.75, 0.999], method="inverted_cdf")
    moved = stats.wasserstein_distance(np.clip(old, low, high), np.clip(new, low, high))
    assert row["wasserstein_distance"] == pytest.approx(moved * 1.349 / (third - first)), SEED
    outside = ((new < old.min()) | (new > old.max())).mean()
    assert row["out_of_range_share"] == pytest.approx(outside)
    assert row["earlier_start"] == at(0)


def test_many_pairs_at_once_are_the_pairs_one_by_one():
    """Bins differ from pair to pair without a reference; one day has a single value."""
    days = [RNG.normal(0, 1, 300 + 50 * i) for i in range(6)]
    days[3] = np.full(200, 0.5)
    rows = [numeric(values, day=i) for i, values in enumerate(days)]
    for known in ([REFERENCE], []):
        together = compared(*known, *rows)
        for day in range(1, 6):
            alone = compared(*known, *rows[day - 1 : day + 1])[day]
            # What is unusual is a matter of the window's family, which is the same here.
            assert together[day] == alone, (SEED, day)


def test_category_figures_are_those_of_plain_counts():
    old = RNG.choice(["card", "loan", "lease"], 800, p=[0.6, 0.3, 0.1]).tolist()
    new = RNG.choice(["card", "loan", "crypto"], 600, p=[0.5, 0.3, 0.2]).tolist()
    known = frozen(categorical, [old, old, old, old])
    for reference in ([known], []):
        row = compared(*reference, categorical(old, day=0), categorical(new, day=1))[1]
        a, b = Counter(old), Counter(new)
        gaps = [a[name] / 800 - b[name] / 600 for name in a | b]
        assert row["tv_distance"] == pytest.approx(np.abs(gaps).sum() / 2), SEED
        assert row["l_infinity_distance"] == pytest.approx(np.abs(gaps).max()), SEED
        assert row["new_categories"] == [{"item": "crypto", "count": b["crypto"]}]
        assert row["vanished_share"] == pytest.approx(a["lease"] / 800)
        assert row["status"] == "drifted"
        # The new category is judged apart: the distances are of what both may have.
        both = [np.array([c[name] for name in ("card", "loan", "lease")]) for c in (a, b)]
        assert row["js_distance"] == pytest.approx(jensenshannon(*both, base=2)), SEED
        assert row["js_error"] == 0, SEED


def test_a_known_category_that_the_day_before_lacked_is_new_to_it():
    known = frozen(categorical, [["card"] * 50 + ["lease"] * 50] * 4)
    row = compared(
        known, categorical(["card"] * 100, day=0), categorical(["card", "lease"] * 50, day=1)
    )[1]
    assert row["new_category_share"] == pytest.approx(0.5)


def test_a_slow_drift_passes_day_by_day_and_fails_against_the_reference():
    days = [numeric(RNG.normal(0.06 * i, 1, 3000), day=i) for i in range(15)]
    steady = frozen(numeric, [RNG.normal(0, 1, 3000) for _ in range(14)])
    steps = compared(steady, *days)
    assert {row["status"] for day, row in steps.items() if day} == {"ok"}, SEED
    whole = compared(steady, *days, comparison="baseline", back=None)
    assert whole[14]["status"] == "drifted"
    assert whole[0]["status"] == "ok"


def test_a_jump_is_found_once_and_names_the_window_before():
    days = [numeric(RNG.normal(2 * (i >= 3), 1, 1000), day=i) for i in range(6)]
    found = compared(REFERENCE, *days)
    drifted = [day for day, row in found.items() if row["status"] == "drifted"]
    assert drifted == [3], SEED
    assert "against the window that began 2024-01-03 00:00 UTC" in found[3]["reason"]
    assert "the median moved up by" in found[3]["reason"]
    assert "amount moved up by " in found[3]["explanation"]
    assert " against the window of 2024-01-03 (" in found[3]["explanation"]
    # The step has no start but itself: levels before and after are alike, as steps go.
    (told,) = explain(list(found.values()))
    assert (told.window_start, told.comparison) == (at(3), "consecutive")
    assert (told.earlier_start, told.since.start, told.course) == (at(2), None, None)


def test_what_usually_differs_from_day_to_day_is_no_drift():
    """Days that alternate by a whole sd alert only where no reference says they always do."""
    days = [RNG.normal(0.5 * (-1) ** i, 1, 2000) for i in range(30)]
    rows = [numeric(values, day=i) for i, values in enumerate(days[:6])]
    told = compared(frozen(numeric, days), *rows)
    assert "drifted" not in {row["status"] for row in told.values()}, SEED
    alone = compared(*rows)
    assert {row["status"] for day, row in alone.items() if day} == {"drifted"}, SEED


def test_where_nothing_tells_how_much_days_differ_the_verdict_says_so():
    days = [numeric(RNG.normal(0, 1, 3000), day=i) for i in range(2)]
    unknown = "how much windows differ anyway is not known: "
    alone = compared(*days)[1]
    assert alone["status"] == "ok"
    assert alone["reason"].endswith(f"{unknown}no reference of this feature was in force")
    few = compared(frozen(numeric, DAYS[:3]), *days)[1]
    assert few["reason"].endswith(
        f"{unknown}the reference has 2 pairs of windows like this, 3 needed"
    )
    scanned = {**REFERENCE, "window_bins": None, "window_places": None}
    assert "not made of windows" in compared(scanned, *days)[1]["reason"]


def test_without_an_earlier_window_nothing_is_compared():
    found = compared(REFERENCE, numeric(DAYS[0], day=0), numeric(DAYS[1], day=5))
    for row in found.values():
        assert row["status"] == "no_reference"
        assert "none of the windows shortly before has rows" in row["reason"]
        assert (row["psi"], row["earlier_start"]) == (None, None)


def test_seasonal_is_a_week_earlier_and_knows_the_reference_by_weeks():
    """The week is no surprise where Sundays are compared with Sundays."""
    means = [0.8 * (i % 7 == 6) for i in range(42)]
    days = [RNG.normal(mean, 1, 2000) for mean in means]
    reference = frozen(numeric, days[:28])
    rows = [numeric(values, day=i) for i, values in enumerate(days[28:])]
    weekly = compared(reference, *rows, comparison="seasonal", back=7)
    assert {row["status"] for day, row in weekly.items() if day >= 7} == {"ok"}, SEED
    assert weekly[9]["earlier_start"] == at(2)
    assert weekly[3]["reason"] == "the window a season earlier has no rows of this definition"
    sunday = numeric(RNG.normal(0, 1, 2000), day=13)
    moved = compared(reference, *rows[:13], sunday, comparison="seasonal", back=7)
    assert moved[13]["status"] == "drifted", SEED


def test_positions_before():
    places = [3, 4, 6, 10, None]
    assert positions_before("consecutive", places, None).tolist() == [-1, 0, 1, 2, 3]
    assert positions_before("seasonal", places, 3).tolist() == [-1, -1, 0, -1, -1]
    assert positions_before("seasonal", places, None).tolist() == [-1] * 5


def test_too_few_rows_are_never_ok():
    found = compared(REFERENCE, numeric(DAYS[0], day=0), numeric(DAYS[1][:5], day=1))
    assert found[1]["status"] == "insufficient_data"


def test_nulls_are_compared_with_those_of_the_day_before():
    days = [numeric([None] * 300 + DAYS[i][:700].tolist(), day=i) for i in range(2)]
    assert compared(REFERENCE, *days)[1]["null_delta"] == 0
    gone = compared(REFERENCE, numeric(DAYS[0], day=0), days[1])[1]
    assert gone["null_delta"] == pytest.approx(0.3)
    assert gone["status"] == "drifted"


def test_windows_of_two_definitions_are_not_mixed():
    """The reference serves those of its own; the others get bins of their own."""
    own = [numeric(DAYS[i], day=i) for i in range(2)]
    other = [numeric(100 + DAYS[i], day=i, definition_hash="other") for i in (3, 4)]
    found = compared(REFERENCE, *own, *other)
    assert "not known" not in found[1]["reason"]
    assert "no reference of this feature" in found[4]["reason"]
    assert found[4]["ks_statistic"] == pytest.approx(stats.ks_2samp(DAYS[3], DAYS[4]).statistic)


def test_another_type_is_no_drift():
    found = compared(REFERENCE, numeric(DAYS[0], day=0), numeric(DAYS[1], day=1, data_type="date"))
    assert (found[1]["status"], found[1]["reason"]) == (
        "schema_changed",
        "the type was double and is date",
    )


def test_only_comparisons_that_are_named_alert():
    jump = [numeric(DAYS[0], day=0), numeric(DAYS[1] + 2, day=1)]
    quiet = compared(REFERENCE, *jump)[1]
    assert (quiet["status"], quiet["severity"], quiet["alerting"]) == ("drifted", "major", None)
    loud = replace(POLICY, alerts=AlertRules(comparisons=("baseline", "consecutive")))
    assert compared(REFERENCE, *jump, policy=loud)[1]["alerting"] is True


def metric_reference(values: list[float]) -> dict:
    merged = metric(None, status="ok")
    rows = [metric(v, day=i - len(values)) for i, v in enumerate(values)]
    made = list(freeze(10)(stream(table(merged, *rows))))
    return with_places(pa.Table.from_batches(made).to_pylist()[0])


def test_a_metric_is_held_against_differences_between_days():
    values = RNG.normal(100, 3, 40).tolist()
    differences = np.diff(values)
    found = compared(metric_reference(values), metric(100.0, day=0), metric(140.0, day=1))[1]
    sd, mean = differences.std(ddof=1), differences.mean()
    t = abs(40 - mean) / (sd * np.sqrt(1 + 1 / 39))
    assert found["p_unusual"] == pytest.approx(2 * stats.t.sf(t, 38), rel=1e-6), SEED
    assert found["shift"] == pytest.approx((40 - mean) / sd)
    assert found["status"] == "drifted"
    assert "it is 140, and was 100" in found["reason"]
    calm = compared(metric_reference(values), metric(100.0, day=0), metric(101.0, day=1))[1]
    assert calm["status"] == "ok"


def test_a_metric_without_what_it_takes_says_what():
    days = [metric(1.0, day=0), metric(2.0, day=1), metric(None, day=2)]
    assert "no reference of this metric" in compared(*days)[1]["reason"]
    few = compared(metric_reference([1.0, 2.0, 3.0]), *days)[1]
    assert few["reason"].startswith("the reference has 2 pairs of windows like this, and 5 are")
    enough = compared(metric_reference([1.0, 2.0, 1.5, 1.7, 1.2, 1.9, 1.4]), *days)
    assert enough[2]["reason"] == "the metric has no value in this window"
    rest = [*days, metric(1.0, day=3)]
    after = compared(metric_reference([1.0, 2.0, 1.5, 1.7, 1.2, 1.9, 1.4]), *rest)[3]
    assert after["reason"] == "the metric has no value in the earlier window"


def test_a_constant_metric_is_not_moved_by_rounding():
    reference = metric_reference([0.3] * 8)
    value = 0.1 + 0.2
    found = compared(reference, metric(0.3, day=0), metric(value, day=1), metric(0.4, day=2))
    assert value != 0.3
    assert (found[1]["status"], found[1]["effect"]) == ("ok", 0)
    assert found[2]["status"] == "drifted"


def test_origin_and_baseline_are_computed_once_where_they_are_the_same(monkeypatch):
    from sparkdrift.kernels import comparing

    calls = []
    numeric_figures = comparing.numeric_figures
    monkeypatch.setattr(
        comparing, "numeric_figures", lambda *given: calls.append(1) or numeric_figures(*given)
    )
    rows = table(REFERENCE, numeric(DAYS[0], day=0), numeric(DAYS[1] + 3, day=1))
    both = [asking(rows, name).to_pylist() for name in ("baseline", "origin")]
    asked = [row for row in both[1] if row["part"] == 2]
    found = pa.Table.from_batches(list(compare(POLICY)(stream(table(*both[0], *asked)))))
    assert len(calls) == 1
    by_name = {
        name: [row for row in found.to_pylist() if row["comparison"] == name]
        for name in ("baseline", "origin")
    }
    for one, other in zip(*by_name.values(), strict=True):
        # As text, since NaN is no equal of NaN.
        assert str({**one, "comparison": ""}) == str({**other, "comparison": ""})
    assert timedelta(days=1) == by_name["origin"][1]["window_start"] - at(0)


def test_the_ends_of_an_earlier_window_are_no_range():
    """Some of the next window's rows lie beyond them anyway: that is not held against it."""
    rng = np.random.default_rng(6)
    days = [numeric(rng.normal(size=60), day=day) for day in range(100, 160)]
    found = compared(REFERENCE, *days)
    assert any(row["out_of_range_share"] for row in found.values())
    assert not [row["reason"] for row in found.values() if "range" in row["reason"]]


def test_rows_that_a_model_shaped_at_random_differ_from_the_others_by_chance_alone():
    """Even days stand for the rows that it left, odd ones for those that it shaped: no reference
    is read, nothing is said to be unknown, and p is uniform."""
    rng = np.random.default_rng(SEED)
    sides = [rng.normal(i // 2, 1, 1000 if i % 2 else 1500) for i in range(400)]
    rows = [numeric(values, day=i) for i, values in enumerate(sides)]
    found = [one for day, one in compared(*rows, comparison="unshaped").items() if day % 2]
    assert {one["status"] for one in found} == {"ok"}, SEED
    assert not any("not known" in one["reason"] for one in found)
    p = np.array([one["p_unusual"] for one in found])
    assert stats.binomtest(int((p <= 0.1).sum()), len(p), 0.1).pvalue > 0.001, SEED
    assert {one["alerting"] for one in found} == {None}


def test_what_a_model_picked_is_said_to_differ_from_the_rows_that_it_left():
    left, picked = RNG.normal(0, 1, 900), RNG.normal(1, 1, 700)
    row = compared(numeric(left, day=0), numeric(picked, day=1), comparison="unshaped")[1]
    assert row["status"] == "drifted"
    assert row["effect"] == pytest.approx(1, abs=0.15)
    assert row["reason"].startswith("shifted by ")
    assert "against the rows of this window that the model did not shape: " in row["reason"]
    assert row["explanation"] is None
    alone = compared(numeric(picked, day=1), comparison="unshaped")[1]
    assert (alone["status"], alone["effect"]) == ("no_reference", None)


TEXTS = [
    RNG.choice(["card", "loan", "rent", "x"], 900, p=[0.5, 0.3, 0.15, 0.05]) for _ in range(14)
]


@pytest.mark.parametrize(
    "series",
    [
        [REFERENCE, *(numeric(RNG.normal(0, 1, 500), day=day) for day in range(14))],
        [*(numeric(RNG.normal(0, 1, 500), day=day) for day in range(14))],
        [
            frozen(categorical, [day.tolist() for day in TEXTS]),
            *(categorical([*day[: 60 * i].tolist(), None], day=i) for i, day in enumerate(TEXTS)),
        ],
        [metric(float(RNG.normal()), day=day) for day in range(14)],
    ],
    ids=["numbers", "numbers without a reference", "texts", "a metric"],
)
def test_asked_together_they_say_what_each_says_alone(series):
    """Comparisons with earlier windows are made in one go where they share a reference."""
    first, second = (
        asking(table(*series), name, back).to_pylist()
        for name, back in (("consecutive", 1), ("seasonal", 7))
    )
    both = [*first, *(row for row in second if row["part"] == 2)]

    def figures(rows: list[dict]) -> dict[tuple, str]:
        found = pa.Table.from_batches(list(compare(POLICY)(stream(table(*rows))))).to_pylist()
        # As text, since NaN is not equal to itself.
        return {(row["comparison"], row["window_start"]): repr(row) for row in found}

    together = figures(both)
    alone = figures(first) | figures(second)
    assert len(together) == 28
    assert together == alone, SEED
