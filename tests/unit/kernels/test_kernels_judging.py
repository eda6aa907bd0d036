"""From profile rows to verdicts, without Spark: comparing, then judging a window's family."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pyarrow as pa
import pytest
from profile_rows import asking, at, categorical, numeric, stream, table

from sparkdrift.explain.explaining import explain
from sparkdrift.kernels.compared import COMPARED
from sparkdrift.kernels.comparing import compare, family
from sparkdrift.kernels.freezing import freeze
from sparkdrift.kernels.judging import JUDGED, judge
from sparkdrift.kernels.policy import AlertRules, Policy, Suppression
from sparkdrift.kernels.words import bin_names

POLICY = Policy(effect=0.5, warn=0.3)
RNG = np.random.default_rng(5)
USUAL = [RNG.normal(0, 1, 1000) for _ in range(5)]
PRODUCTS = [RNG.choice(["card", "loan"], 1000).tolist() for _ in range(5)]


def reference(kind, days: list, **more) -> dict:
    """A frozen reference row made of these days."""
    merged = kind([value for day in days for value in day], **more)
    rows = table(merged, *(kind(day, day=-9 + i, **more) for i, day in enumerate(days)))
    return pa.Table.from_batches(list(freeze(10)(stream(rows)))).to_pylist()[0]


AMOUNT = reference(numeric, USUAL)
PRODUCT = reference(categorical, PRODUCTS)


def compared(*rows: dict, policy: Policy = POLICY) -> pa.Table:
    """Rows of one slice through the first kernel, in the order that Spark's sort gives."""
    order = sorted(
        rows, key=lambda row: (row["column_name"], row["part"], row["window_start"] or at(-99))
    )
    return pa.Table.from_batches(list(compare(policy)(stream(asking(table(*order))))))


def verdicts(*rows: dict, policy: Policy = POLICY) -> dict:
    """(day, column) -> judged row."""
    by_window = compared(*rows, policy=policy).sort_by("window_start")
    found = pa.Table.from_batches(list(judge(policy)(stream(by_window)))).to_pylist()
    return {((row["window_start"] - at(0)).days, row["column_name"]): row for row in found}


def test_the_kernels_return_what_they_declare():
    one = compared(AMOUNT, numeric(USUAL[0], day=0))
    assert one.column_names == list(COMPARED)
    judged = pa.Table.from_batches(list(judge(POLICY)(stream(one))))
    assert judged.column_names == list(JUDGED)


def test_the_same_distribution_is_ok():
    found = verdicts(AMOUNT, numeric(RNG.normal(0, 1, 1000), day=0))[0, "amount"]
    assert (found["status"], found["reason"]) == ("ok", "no material change")
    assert found["power"] > 0.8
    assert found["effect"] < 0.3


def test_a_shift_is_drift_and_says_where():
    found = verdicts(AMOUNT, numeric(RNG.normal(-0.9, 1, 1000), day=0))[0, "amount"]
    assert found["status"] == "drifted"
    assert "the median moved down by 0." in found["reason"]
    assert found["effect_low"] < found["effect"] < found["effect_high"]


@pytest.mark.parametrize("rows", [0, 1, 5])
def test_few_rows_are_never_ok(rows):
    found = verdicts(
        AMOUNT,
        numeric(USUAL[0][:rows].tolist(), day=0),
        PRODUCT,
        categorical(PRODUCTS[0][:rows], day=0),
    )
    assert {row["status"] for row in found.values()} == {"insufficient_data"}
    assert all(row["reason"] for row in found.values())


def test_figures_are_null_where_nothing_was_measured():
    found = verdicts(AMOUNT, numeric([None] * 1000, day=0))[0, "amount"]
    assert found["null_delta"] == 1.0
    figures = ("psi", "ks_statistic", "wasserstein_distance", "effect", "chi2_statistic")
    assert {found[name] for name in figures} == {None}
    assert found["status"] == "drifted"


def test_new_categories_are_judged_apart_and_named():
    values = ["crypto"] * 80 + PRODUCTS[0][80:]
    found = verdicts(PRODUCT, categorical(values, day=0))[0, "product"]
    assert found["status"] == "drifted"
    assert found["new_category_share"] == pytest.approx(0.08)
    assert found["new_categories"] == [{"item": "crypto", "count": 80}]
    assert "'crypto'" in found["reason"]
    assert found["effect"] < 0.2  # the old categories kept their shares among themselves


def test_a_variant_of_a_known_category_is_pointed_out_with_its_count():
    values = ["Card"] * 60 + [" loan "] * 30 + ["crypto"] * 10 + PRODUCTS[0][100:]
    found = verdicts(PRODUCT, categorical(values, day=0))[0, "product"]
    assert found["status"] == "drifted"
    assert found["reason"].endswith(
        "new categories 'Card', ' loan ', 'crypto': 10.0 % of the rows; "
        "'Card' (60 rows) looks like 'card', ' loan ' (30 rows) looks like 'loan'"
    )


def test_a_variant_too_rare_to_alert_is_still_said():
    found = verdicts(PRODUCT, categorical([*PRODUCTS[0], "CARD"], day=0))[0, "product"]
    assert found["status"] == "ok"
    assert found["reason"] == "no material change; 'CARD' (1 row) looks like 'card'"


def test_many_variants_are_counted_not_listed():
    values = [v for v in ("Card", "CArd", "CARd", "CARD", "Loan") for _ in range(20)]
    reason = verdicts(PRODUCT, categorical([*values, *PRODUCTS[0]], day=0))[0, "product"]["reason"]
    assert reason.count("looks like") == 3
    assert reason.endswith(", 2 more look like known ones")


def alerted(row: dict) -> tuple:
    return row["status"], row["severity"], row["alerting"]


def test_a_calm_window_counts_against_an_alert_and_an_unmeasured_one_not_at_all():
    small = numeric(USUAL[0][:5].tolist(), day=1)
    found = verdicts(AMOUNT, numeric(RNG.normal(0, 1, 1000), day=0), small)
    assert alerted(found[0, "amount"]) == ("ok", None, False)
    assert alerted(found[1, "amount"]) == ("insufficient_data", None, None)
    assert found[0, "amount"]["magnitude"] is None


def test_a_window_without_power_has_a_say_if_its_effect_is_known_closely():
    """The reference varies so much that no window has power; 500 rows are quiet, not unknown."""
    days = [RNG.normal(mean, 1, 1000) for mean in (-0.6, 0.5, -0.4, 0.7, 0.0, -0.7)]
    restless = reference(numeric, days)
    found = verdicts(
        restless,
        numeric(RNG.normal(0.1, 1, 500), day=0),
        numeric(RNG.normal(0.1, 1, 20), day=1),
    )
    assert alerted(found[0, "amount"]) == ("insufficient_data", None, False)
    assert alerted(found[1, "amount"]) == ("insufficient_data", None, None)


@pytest.mark.parametrize(
    ("shift", "expected"),
    [
        (0.42, ("warning", "warning", False)),
        (0.8, ("drifted", "minor", True)),
        (1.3, ("drifted", "major", True)),
        (2.8, ("drifted", "critical", True)),
    ],
)
def test_severity_is_the_multiple_of_the_effect_size(shift, expected):
    rng = np.random.default_rng(2)
    found = verdicts(AMOUNT, numeric(rng.normal(shift, 1, 5000), day=0))[0, "amount"]
    assert alerted(found) == expected
    # A large shift also leaves the reference's range, whose multiple may be the larger one.
    outside = found["out_of_range_share"] / POLICY.out_of_range if shift > 1 else 0.0
    largest = max(found["effect"] / POLICY.effect, outside)
    assert found["magnitude"] == pytest.approx(largest)


def test_a_share_is_graded_by_its_own_limit():
    values = [None if i % 20 == 0 else float(v) for i, v in enumerate(USUAL[0])]
    found = verdicts(AMOUNT, numeric(values, day=0))[0, "amount"]
    assert alerted(found) == ("drifted", "major", True)
    assert found["magnitude"] == pytest.approx(0.05 / POLICY.null_share)
    zero = replace(POLICY, null_share=0.0)
    found = verdicts(AMOUNT, numeric(values, day=0), policy=zero)[0, "amount"]
    assert (found["severity"], found["magnitude"]) == ("critical", 1000)


def test_importance_weighs_the_severity_and_nothing_else():
    window = numeric(np.random.default_rng(2).normal(1.3, 1, 5000), day=0)
    plain = verdicts(AMOUNT, window)[0, "amount"]
    for weight, severity in ((0.0, "minor"), (0.5, "minor"), (1.0, "major"), (3.0, "critical")):
        weighed = replace(POLICY, alerts=AlertRules(importance={"amount": weight}))
        found = verdicts(AMOUNT, window, policy=weighed)[0, "amount"]
        assert (found["severity"], found["importance"]) == (severity, weight)
        for name in ("status", "magnitude", "q_value", "reason"):
            assert found[name] == plain[name]


@pytest.mark.parametrize(("least", "counts"), [("warning", True), ("minor", False)])
def test_a_warning_counts_where_the_policy_says_so(least, counts):
    window = numeric(np.random.default_rng(2).normal(0.42, 1, 5000), day=0)
    policy = replace(POLICY, alerts=AlertRules(least=least))
    assert alerted(verdicts(AMOUNT, window, policy=policy)[0, "amount"]) == (
        "warning",
        "warning",
        counts,
    )


def test_what_is_suppressed_is_judged_and_says_why():
    loud = RNG.normal(1.5, 1, 1000)
    spared = Suppression(at(1), at(2), "holiday", frozenset({"amount"}))
    release = Suppression(at(1), at(3), "release")
    policy = replace(POLICY, alerts=AlertRules(suppressions=(spared, release)))
    rows = [numeric(loud, day=day) for day in range(4)]
    found = verdicts(AMOUNT, *rows, PRODUCT, categorical(PRODUCTS[0], day=1), policy=policy)
    reasons = [found[day, "amount"]["suppression"] for day in range(4)]
    assert reasons == [None, "holiday", "release", None]
    assert found[1, "product"]["suppression"] == "release"
    assert {alerted(found[day, "amount"]) for day in range(4)} == {("drifted", "major", True)}


def test_untracked_categories_make_it_undetermined_not_ok():
    rng = np.random.default_rng(9)
    names = [f"c{i}" for i in range(45)]
    shares = [0.18] * 5 + [0.1 / 40] * 40
    days = [rng.choice(names, 4000, p=shares).tolist() for _ in range(4)]
    known = reference(categorical, days, limit=5)
    window = categorical(rng.choice(names, 4000, p=shares).tolist(), day=0, limit=5)
    found = verdicts(known, window)[0, "product"]
    assert found["status"] == "undetermined"
    assert "raise sketch.categories" in found["reason"]


def test_without_a_reference_there_is_no_verdict():
    row = {**numeric(USUAL[0], day=0), "reference_version": 0}
    found = verdicts(row)[0, "amount"]
    assert found["status"] == "no_reference"
    assert (found["psi"], found["q_value"]) == (None, None)


def test_a_lost_column_is_said_with_its_reason():
    lost = numeric([], day=0, status="schema_changed", reason="the table has no column 'amount'")
    found = verdicts(AMOUNT, lost)[0, "amount"]
    assert (found["status"], found["reason"]) == (
        "schema_changed",
        "the table has no column 'amount'",
    )


def test_what_is_not_measured_is_no_test_of_its_window():
    """A lost column whose reference had NULLs: its share of 0 would reject for certain."""
    known = reference(numeric, [[*day, *[None] * 50] for day in USUAL], name="other")
    absent = {"row_count": 1000, "null_count": None, "status": "schema_changed"}
    lost = numeric([], day=0, name="other", reason="gone", **absent)
    seen = numeric(RNG.normal(0.1, 1, 1000), day=0)
    alone = verdicts(AMOUNT, seen)[0, "amount"]
    together = verdicts(AMOUNT, known, seen, lost)
    assert together[0, "other"]["status"] == "schema_changed"
    assert together[0, "amount"]["q_value"] == alone["q_value"]


def test_another_definition_has_no_reference():
    found = verdicts(AMOUNT, numeric(USUAL[0], day=0, definition_hash="other"))[0, "amount"]
    assert found["status"] == "no_reference"
    assert "the definition changed" in found["reason"]


def test_types_of_one_family_are_comparable():
    same = verdicts(AMOUNT, numeric(USUAL[0], day=0, data_type="decimal(10,2)"))[0, "amount"]
    assert same["status"] == "ok"
    known = reference(categorical, PRODUCTS, data_type="int")
    other = verdicts(known, categorical(PRODUCTS[0], day=0))[0, "product"]
    assert other["status"] == "schema_changed"
    assert other["reason"] == "the type was int and is string"


@pytest.mark.parametrize(
    ("data_type", "expected"),
    [
        ("int", "number"),
        ("decimal(10,2)", "number"),
        ("float", "number"),
        ("varchar(20)", "text"),
        ("string", "text"),
        ("boolean", "boolean"),
        ("date", "date"),
        (None, ""),
    ],
)
def test_families_of_types(data_type, expected):
    assert family(data_type) == expected


def test_the_false_discovery_rate_is_kept_over_the_whole_window():
    """One weak signal among many quiet features is not reported; alone it would be unusual."""
    rng = np.random.default_rng(12)
    rows = []
    for i in range(40):
        name = f"f{i:02}"
        rows += [{**AMOUNT, "column_name": name}, numeric(rng.normal(size=1000), day=0, name=name)]
    found = verdicts(*rows)
    assert {row["status"] for row in found.values()} == {"ok"}
    for row in found.values():
        assert row["q_value"] >= row["p_unusual"] - 1e-12


def test_windows_are_families_of_their_own():
    loud = numeric(RNG.normal(1, 1, 1000), day=1)
    found = verdicts(AMOUNT, numeric(RNG.normal(0, 1, 1000), day=0), loud)
    assert found[0, "amount"]["status"] == "ok"
    assert found[1, "amount"]["status"] == "drifted"


def sensor(share: float, rows: int) -> list:
    """`rows` rows of which a share is NULL."""
    missing = round(share * rows)
    drawn = np.random.default_rng(rows + missing).normal(0, 1, rows - missing)
    return [*drawn, *[None] * missing]


def storms(*shares: float) -> dict:
    """A reference whose share of NULLs differs from window to window."""
    return reference(numeric, [sensor(share, 1000) for share in shares], name="sensor")


STORMY = storms(0.1, 0.3, 0.2, 0.05, 0.35, 0.2, 0.3, 0.1, 0.15, 0.25)


def judged(known: dict, values: list, others: int = 0) -> dict:
    """The row of the sensor, in a family with others that are quiet."""
    rows = []
    for i in range(others):
        rows.append({**AMOUNT, "column_name": f"f{i}"})
        rows.append(numeric(USUAL[1], day=0, name=f"f{i}"))
    return verdicts(known, numeric(values, day=0, name="sensor"), *rows)[0, "sensor"]


def test_a_share_far_beyond_its_limit_is_never_ok_where_it_varies_anyway():
    found = judged(STORMY, sensor(0.43, 5000))
    assert found["null_delta"] == pytest.approx(0.23)
    assert found["status"] == "insufficient_data"
    assert "the share of NULLs changed by +23.0 points, beyond the limit of 2" in found["reason"]
    assert "it varies by " in found["reason"]
    assert found["alerting"] is False  # its distribution was seen, and is calm


def test_what_is_read_from_a_stored_row_is_what_was_judged():
    """Twenty points of NULL that come and go anyway are no part of an alert on a shift."""
    values = [value if value is None else value + 0.9 for value in sensor(0.43, 5000)]
    found = judged(STORMY, values)
    assert (found["status"], found["alerting_tests"]) == ("drifted", ["shift"])
    assert found["null_delta"] > 10 * POLICY.null_share
    (one,) = explain([found])
    assert (one.kind, one.also) == ("values", ())
    assert "NULL" not in found["explanation"]
    gone = judged(storms(*[0.4] * 9), [None] * 5000)
    assert gone["alerting_tests"] == ["null"]
    assert judged(STORMY, sensor(0.2, 5000))["alerting_tests"] is None


def test_a_share_beyond_its_limit_within_chance_is_not_ok():
    known = storms(*[0.4] * 9)
    found = judged(known, sensor(0.43, 1500), others=12)
    assert found["status"] == "insufficient_data"
    assert "can't be told from chance: too few rows" in found["reason"]


def test_a_share_that_is_unusual_and_not_surely_beyond_its_limit_is_a_warning():
    known = reference(numeric, [sensor(0.4, 10_000) for _ in range(3)], name="sensor")
    found = judged(known, sensor(0.43, 8000))
    assert (found["status"], found["severity"]) == ("warning", "warning")
    assert "by +3.0 points, beyond the limit of 2, but not surely" in found["reason"]
    assert found["magnitude"] == pytest.approx(1.5)
    assert found["explanation"].startswith("sensor: NULLs went up by 3.0 points")


def test_where_a_share_varies_more_than_its_limit_nothing_is_ok():
    found = judged(STORMY, sensor(0.2, 5000))
    assert found["status"] == "insufficient_data"
    assert "the share of NULLs changed by twice its limit of 2 points would be" in found["reason"]
    wide = replace(POLICY, null_share=0.2)
    calm = numeric(sensor(0.2, 5000), day=0, name="sensor")
    assert verdicts(STORMY, calm, policy=wide)[0, "sensor"]["status"] == "ok"


def test_a_sensor_without_any_value_alerts_whatever_it_missed_before():
    found = judged(STORMY, [None] * 1000, others=40)
    assert found["status"] == "drifted"
    assert found["reason"].startswith("no value is left: the share of NULLs changed by +80.0 poi")
    nans = judged(STORMY, [*[None] * 400, *[float("nan")] * 600], others=40)
    assert nans["status"] == "drifted"
    assert "no value is left: the share of NaNs changed by +60.0 points" in nans["reason"]
    # beyond any limit, though 2 points are not moved here
    rare = storms(*[0.99] * 6)
    assert judged(rare, [None] * 3000)["status"] == "drifted"
    assert judged(rare, [None] * 100)["status"] == "insufficient_data"  # 100 rows may lack it


def test_a_sensor_that_was_silent_before_is_not_new():
    found = judged(storms(0.2, 1.0, 0.5, 0.9, 1.0, 0.6, 0.8, 1.0), [None] * 1000)
    assert found["status"] == "insufficient_data"
    assert judged(STORMY, [None] * 2, others=40)["status"] == "insufficient_data"


def test_power_is_that_at_the_level_of_the_family():
    rng = np.random.default_rng(8)
    means = (-0.09, 0.07, 0.09, -0.06, 0.03, -0.05, 0.08, -0.08) * 2
    days = [rng.normal(mean, 1, 2000) for mean in means]
    known = reference(numeric, days, name="sensor")
    one = compared(known, numeric(rng.normal(0, 1, 2000), day=0, name="sensor"))
    found = {}
    for tests in (1, 10, 1000):
        rows = pa.concat_tables([one] * tests)
        found[tests] = pa.Table.from_batches(list(judge(POLICY)(stream(rows, 5000)))).to_pylist()[0]
    assert found[1]["power"] == found[10]["power"] > 0.8 > found[1000]["power"]
    assert [row["status"] for row in found.values()] == ["ok", "ok", "insufficient_data"]
    assert "or too much usual variation (0.08 sd)" in found[1000]["reason"]


def test_overrides_hold_for_their_feature_only():
    window = numeric(RNG.normal(0.9, 1, 2000), day=0)
    assert verdicts(AMOUNT, window)[0, "amount"]["status"] == "drifted"
    lenient = replace(POLICY, overrides={"amount": (2.0, 1.5)})
    assert verdicts(AMOUNT, window, policy=lenient)[0, "amount"]["status"] == "ok"


def test_limits_on_shares_decide_what_is_material():
    values = [None if i % 20 == 0 else float(v) for i, v in enumerate(USUAL[0])]
    assert verdicts(AMOUNT, numeric(values, day=0))[0, "amount"]["status"] == "drifted"
    lenient = replace(POLICY, null_share=0.2)
    assert verdicts(AMOUNT, numeric(values, day=0), policy=lenient)[0, "amount"]["status"] == "ok"


def test_a_constant_reference_notices_any_other_value():
    known = reference(numeric, [[1.0] * 1500] * 4)
    assert verdicts(known, numeric([1.0] * 1500, day=0))[0, "amount"]["status"] == "ok"
    left = verdicts(known, numeric([1.0] * 900 + [2.0] * 600, day=0))[0, "amount"]
    assert left["status"] == "drifted"


def test_a_reference_of_null_only_is_no_measure():
    known = reference(numeric, [[None] * 500] * 4)
    found = verdicts(known, numeric(USUAL[0], day=0))[0, "amount"]
    assert found["status"] != "ok"


def test_direction_and_what_carried_it_are_stored():
    found = verdicts(AMOUNT, numeric(RNG.normal(-0.9, 1, 1000), day=0))[0, "amount"]
    assert found["shift"] == pytest.approx(-0.9, abs=0.15)
    assert found["row_count"] == 1000
    first = found["carriers"][0]
    assert first["item"].startswith("<= -1.")
    assert first["share"] > first["reference"] == pytest.approx(0.1, abs=0.01)
    assert len(found["carriers"]) == 10
    more = ["loan"] * 700 + ["card"] * 300
    product = verdicts(PRODUCT, categorical(more, day=0))[0, "product"]
    assert product["shift"] is None
    assert product["carriers"][0]["item"] == "loan"
    assert product["carriers"][0]["share"] == pytest.approx(0.7)
    lost = numeric([1.0], day=0, status="schema_changed", reason="gone")
    gone = verdicts(AMOUNT, lost)[0, "amount"]
    assert (gone["shift"], gone["carriers"]) == (None, None)


def test_bins_have_names():
    assert bin_names(np.array([1.0, 2.5])) == ["<= 1", "1 to 2.5", "> 2.5"]
    own = np.array([np.nextafter(0.0, -1), 0.0])
    assert bin_names(own) == ["< 0", "= 0", "> 0"]
    assert bin_names(np.array([])) == ["any"]


LOST = "how much windows differ anyway is not known: "


@pytest.mark.parametrize(
    ("rows", "shift", "status"),
    [(3000, 0.0, "ok"), (30, 0.0, "insufficient_data"), (3000, 1.0, "drifted"),
     (3000, 0.42, "warning")],
)  # fmt: skip
def test_a_reference_without_windows_says_what_is_lost_in_every_status(rows, shift, status):
    scanned = {**AMOUNT, "window_bins": None, "window_shares": None}
    values = np.random.default_rng(3).normal(shift, 1, rows)
    found = verdicts(scanned, numeric(values, day=0))[0, "amount"]
    assert found["status"] == status
    assert found["reason"].endswith(f"; {LOST}the reference was not made of windows")
    assert LOST not in verdicts(AMOUNT, numeric(values, day=0))[0, "amount"]["reason"]


def test_it_says_so_where_categories_are_undetermined_as_well():
    rng = np.random.default_rng(9)
    names = [f"c{i}" for i in range(45)]
    shares = [0.18] * 5 + [0.1 / 40] * 40
    days = [rng.choice(names, 4000, p=shares).tolist() for _ in range(4)]
    known = {**reference(categorical, days, limit=5), "window_bins": []}
    found = verdicts(known, categorical(days[0], day=0, limit=5))[0, "product"]
    assert found["status"] == "undetermined"
    assert found["reason"].endswith(f"; {LOST}the reference was not made of windows")


def test_a_reference_of_few_windows_says_that_instead():
    found = verdicts(reference(numeric, USUAL[:2]), numeric(USUAL[0], day=0))[0, "amount"]
    assert found["reason"].endswith(f"; {LOST}2 reference windows to compare, 3 needed")


def test_a_constant_has_no_distance_that_windows_could_vary_by():
    found = verdicts(reference(numeric, [[7.0] * 500] * 5), numeric([7.0] * 500, day=0))
    assert found[0, "amount"]["reason"] == "no material change"


@pytest.mark.parametrize(
    ("edges", "names"),
    [
        # Seconds since 1970, ten minutes and a day apart.
        ([1.7e9, 1.7e9 + 600], ["<= 1700000000", "1700000000 to 1700000600", "> 1700000600"]),
        ([1e6, 2e6], ["<= 1e+06", "1e+06 to 2e+06", "> 2e+06"]),
        ([0.1234567, 0.1234568], ["<= 0.1234567", "0.1234567 to 0.1234568", "> 0.1234568"]),
        ([1e-9, 1.000001], ["<= 1e-09", "1e-09 to 1", "> 1"]),
        (
            [1e9, np.nextafter(1e9 + 1, 0), 1e9 + 1],
            ["<= 1000000000", "1000000000 to 1000000001", "= 1000000001", "> 1000000001"],
        ),
    ],
)
def test_bins_that_differ_have_names_that_do(edges, names):
    found = bin_names(np.array(edges))
    assert found == names
    assert len(set(found)) == len(edges) + 1


@pytest.mark.parametrize(
    ("outside", "told"),
    [([-9.0] * 60, "below"), ([9.0] * 60, "above"), ([-9.0] * 30 + [9.0] * 30, "both")],
)
def test_values_out_of_range_have_a_side(outside, told):
    values = [*RNG.normal(0, 0.9, 940).clip(-2, 2).tolist(), *outside]
    found = verdicts(AMOUNT, numeric(values, day=0))[0, "amount"]
    assert found["out_of_range_share"] == pytest.approx(0.06)
    below = sum(value < 0 for value in outside) / 1000
    assert found["below_range_share"] == pytest.approx(below)
    side = "on both sides of it" if told == "both" else f"{told} it"
    assert (
        f"the share outside the reference's range changed by +6.0 points, {side}"
        in (found["reason"])
    )
    (one,) = explain([found])
    assert (one.kind, one.direction) == ("range", {"below": "down", "above": "up"}.get(told, told))
    where = ", on both sides (" if told == "both" else f", {told} it ("
    assert (
        f"6.0 % of the rows are values outside the reference's range{where}"
        in (found["explanation"])
    )
    assert found["explanation"].rstrip(")").split("the rows ")[-1][0] in "<>"


def test_the_median_is_told_in_the_unit_that_it_is_measured_in():
    """A long tail's sd is several times its robust one, and neither is that of the ranks."""
    tail = [np.exp(1.5 * RNG.normal(size=1000)) for _ in range(5)]
    found = verdicts(reference(numeric, tail), numeric(2 * tail[0], day=0))[0, "amount"]
    whole = np.concatenate(tail)
    low, middle, high = np.quantile(whole, [0.25, 0.5, 0.75])
    size = (np.median(2 * tail[0]) - middle) / ((high - low) / 1.349)
    assert f"the median moved up by {size:.2f} robust sd" in found["reason"]
    # By ranks it is log 2 / 1.5 = 0.46 sd.
    assert found["shift"] == pytest.approx(np.log(2) / 1.5, abs=0.1)
    # Where half of the values are one, the interquartile range can be 0.
    flat = [np.where(RNG.random(1000) < 0.8, 0.0, RNG.normal(5, 1, 1000)) for _ in range(5)]
    moved = verdicts(reference(numeric, flat), numeric(flat[0] + 3, day=0))[0, "amount"]
    sd = np.concatenate(flat).std()
    assert f"the median moved up by {3 / sd:.2f} sd" in moved["reason"]
