"""The kernel of staleness: each figure of a window against a direct computation, and its status."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta, timezone

import numpy as np
import pyarrow as pa
import pytest
from scipy import special, stats
from sklearn import metrics

from sparkdrift.kernels.batches import arrow_schema
from sparkdrift.kernels.eval_figures import (
    ASKED,
    DRIFT,
    FIGURES,
    INPUT,
    SET,
    SLICE,
    STATE,
    measure,
)
from sparkdrift.kernels.stale_rows import Accepted, Operating, StalePolicy, Terms
from sparkdrift.measures import score_bins
from sparkdrift.measures.density_ratio import Margin, rake
from sparkdrift.measures.regression_error import COLUMNS as ERRORS
from sparkdrift.measures.regression_error import count as count_errors

SEED = 79
START = datetime(2024, 6, 3, tzinfo=timezone.utc)
DAY = timedelta(days=1)
EDGES_FROM = 0.5

POLICY = StalePolicy(
    age=90,
    training_age=180,
    outside=0.01,
    thin=0.1,
    ess_ratio=0.7,
    distrust_ess_ratio=0.4,
    decision_rate=0.2,
    threshold_age=180,
    prior=0.05,
    calibration_error=0.05,
    missing_slices=0.01,
    effect=0.32,
    warn=0.2,
    left_out=frozenset({"label", "decision"}),
    thresholds=(Operating("approve", 0.5, START - 30 * DAY),),
    accepted=(Accepted("accuracy", 0.7), Accepted("roc_auc")),
    slices={"region": ("region",)},
    sets={("holdout", 2): (4000, START - 100 * DAY)},
    training=(Terms(START - 999 * DAY, None, START - 200 * DAY),),
)


def drawn(rng, n, shift=0.0, twist=0.0):
    score = special.expit(rng.normal(-0.3 + shift, 1.2, n))
    label = (rng.random(n) < special.expit(special.logit(score) + twist)).astype(float)
    region = rng.choice(["north", "south"], n, p=[0.6, 0.4])
    return score, label, region


def row(part, **given):
    usual = {"evaluation_set": "holdout", "evaluation_version": 2, "bucket": 0, "part": part}
    usual["class_name"] = "*"
    return {**dict.fromkeys(INPUT), **usual, **given}


def of_set(edges, score, label, region):
    rows = []
    for key, value, at in (
        ("*", "*", np.full(len(score), True)),
        *(("region", one, region == one) for one in np.unique(region)),
    ):
        state = score_bins.count(edges, score[at], label[at], None)
        rows.append(
            row(
                SET,
                kind="scores",
                slice_key=key,
                slice_value=value,
                edges=edges,
                numbers=score_bins.flat(state),
            )
        )
    return rows


def of_window(edges, score, label, region, *, mature=True, start=START, digest="d"):
    state = score_bins.count(edges, score, label)
    at = {"window_start": start}
    values, counts = np.unique(region, return_counts=True)
    return [
        row(ASKED, **at, window_end=start + 7 * DAY, mature=mature, input_digest=digest),
        row(STATE, **at, kind="scores", numbers=score_bins.flat(state)),
        *(
            row(SLICE, **at, slice_key="region", slice_value=value, rows=int(n))
            for value, n in zip(values, counts, strict=True)
        ),
    ]


def gap(column, effect, status="ok", outside=0.0, importance=1.0, half=0.05, start=START):
    return row(
        DRIFT,
        window_start=start,
        column_name=column,
        status=status,
        reason="why not",
        effect=effect,
        effect_low=None if effect is None else max(effect - half, 0.0),
        effect_high=None if effect is None else effect + half,
        outside=outside,
        rows=2000,
        importance=importance,
    )


def run(rows, policy=POLICY, size=7):
    """{(figure, subject): row}, through batches that cut groups in two."""
    rows = sorted(rows, key=lambda one: (one["part"], one["window_start"] or START))
    table = pa.Table.from_pylist(rows, schema=arrow_schema(INPUT))
    found = [
        one for batch in measure(policy)(iter(table.to_batches(size))) for one in batch.to_pylist()
    ]
    keys = [(one["window_start"], one["figure"], one["subject"]) for one in found]
    assert len(set(keys)) == len(keys)
    return {key[1:]: one for key, one in zip(keys, found, strict=True)}


@pytest.fixture(scope="module")
def data():
    rng = np.random.default_rng(SEED)
    held = drawn(rng, 4000)
    edges = score_bins.choose_edges(held[0], held[1], (0.5,))
    return {
        "edges": edges,
        "held": held,
        "same": drawn(rng, 20000),
        "moved": drawn(rng, 20000, 0.9, -0.6),
    }


def found(data, window="same", policy=POLICY, **options):
    rows = of_set(data["edges"], *data["held"])
    rows += of_window(data["edges"], *data[window], **options)
    gaps = [gap("income", 0.05), gap("age", 0.1, outside=0.002), gap("score", 0.02)]
    return run([*rows, *gaps], policy)


def test_every_figure_has_a_row(data):
    assert {figure for figure, _ in found(data)} == set(FIGURES)


def test_without_a_change_nothing_warns_but_age(data):
    bad = {key: one["status"] for key, one in found(data).items() if one["status"] != "ok"}
    assert bad.pop(("eval_age", "*")) == "warning"
    assert bad.pop(("training_age", "*")) == "warning"
    # A Brier score known to 0.0025, and a prior to 5 points, take more rows than these.
    assert bad.pop(("reweighted", "*")) == "insufficient_data"  # the policy names no metric
    assert set(bad) <= {("brier", "*"), ("prior_shift", "*")}, (SEED, bad)
    assert set(bad.values()) <= {"undetermined"}


def test_a_moved_window_is_told_by_each_figure(data):
    rows = found(data, "moved")
    for key in (
        ("decision_rate", "approve"),
        ("ess_ratio", "*"),
        ("calibration_error", "*"),
        ("calibration_intercept", "*"),
    ):
        assert rows[key]["status"] == "warning", (key, rows[key])
    # Scores that have moved as a whole are no other mix of the same two classes.
    prior = rows["prior_shift", "*"]
    assert prior["low"] > 50
    assert prior["status"] == "undetermined"
    assert "scores that no mix of the set's two classes gives" in prior["reason"]


def test_ages(data):
    rows = found(data)
    age = rows["eval_age", "*"]
    assert (age["value"], age["threshold"], age["unit"]) == (107, 90, "days")
    assert age["low"] == age["high"] == 107
    assert "4000 rows" in age["reason"]
    assert rows["training_age", "*"]["value"] == 207
    assert rows["threshold_age", "approve"]["value"] == 37
    assert rows["threshold_age", "approve"]["status"] == "ok"
    unknown = replace(POLICY, sets={}, training=(), thresholds=(Operating("approve", 0.5),))
    rows = found(data, policy=unknown)
    for key, status in (
        (("eval_age", "*"), "insufficient_data"),
        (("training_age", "*"), "no_reference"),
        (("threshold_age", "approve"), "insufficient_data"),
    ):
        assert rows[key]["status"] == status
        assert rows[key]["value"] is None
        assert rows[key]["reason"].startswith("not measured: ")


def test_the_training_reference_is_that_in_force(data):
    terms = (
        Terms(START - 99 * DAY, START - DAY, START),
        Terms(START - DAY, START + DAY, START - 10 * DAY),
        Terms(START + DAY, None, None),
    )
    rows = found(data, policy=replace(POLICY, training=terms))
    assert rows["training_age", "*"]["value"] == 17


def test_decision_rate_is_of_exact_counts(data):
    one = found(data, "moved")["decision_rate", "approve"]
    now, then = (np.mean(data[name][0] >= 0.5) for name in ("moved", "held"))
    assert one["value"] == pytest.approx(now / then - 1)
    assert one["low"] < one["value"] < one["high"]
    se = np.sqrt((1 - now) / now / 20000 + (1 - then) / then / 4000)
    assert one["high"] == pytest.approx(now / then * np.exp(1.96 * se) - 1, abs=2e-3)


def test_a_threshold_that_is_no_edge_is_not_measured(data):
    other = replace(POLICY, thresholds=(Operating("new", 0.123456),))
    one = found(data, policy=other)["decision_rate", "new"]
    assert one["status"] == "insufficient_data"
    assert "freezes it anew" in one["reason"]


def test_recorded_decisions_are_counted_beside_the_thresholds(data):
    rng = np.random.default_rng(SEED)
    edges, rows, share = data["edges"], [], {}
    for part, n, rate in ((SET, 4000, 0.3), (STATE, 9000, 0.5)):
        score = rng.random(n)
        made = (rng.random(n) < rate).astype(float)
        made[:100] = np.nan
        state = score_bins.count(edges, score, None, made)
        at = {} if part == SET else {"window_start": START}
        rows.append(
            row(
                part,
                **at,
                kind="scores",
                slice_key="*",
                slice_value="*",
                edges=edges,
                numbers=score_bins.flat(state),
            )
        )
        share[part] = np.nanmean(made)
    rows.append(
        row(ASKED, window_start=START, window_end=START + DAY, mature=False, input_digest="d")
    )
    own = replace(POLICY, recorded=True)
    one = run(rows, own)["decision_rate", "*"]
    assert ("decision_rate", "*") not in run(rows)  # those of the threshold are told by its name
    assert one["value"] == pytest.approx(share[STATE] / share[SET] - 1)
    assert one["status"] == "warning"
    nothing = run(
        rows[:0] + [one for one in rows if one["part"] == ASKED], replace(POLICY, thresholds=())
    )
    assert nothing["decision_rate", "*"]["status"] == "insufficient_data"


def test_prior_shift_finds_the_new_share_of_positives(data):
    rng = np.random.default_rng(SEED)
    held, (score, label, region) = drawn(rng, 40000), drawn(rng, 60000)
    # Label shift: positives drawn twice as often, each class looking as before.
    keep = rng.random(len(score)) < np.where(label == 1, 1.0, 0.5)
    window = (score[keep], label[keep], region[keep])
    rows = of_set(data["edges"], *held) + of_window(data["edges"], *window)
    one = run(rows)["prior_shift", "*"]
    true = window[1].mean() - held[1].mean()
    assert one["value"] == pytest.approx(100 * true, abs=2), SEED
    assert one["low"] - 1 < 100 * true < one["high"] + 1
    assert (one["threshold_low"], one["threshold"], one["unit"]) == (-5, 5, "points")
    assert one["status"] == "warning"
    assert f"labels show {100 * window[1].mean():.3g} %" in one["reason"]
    assert "limit 5 points either way" in one["reason"]
    assert "no mix" not in one["reason"]


def test_labels_decide_on_the_prior_where_scores_do_not(data):
    """Scores and the share of positives move up together: covariate shift."""
    rng = np.random.default_rng(SEED)
    held, moved = drawn(rng, 40000), drawn(rng, 40000, 0.9)
    rows = of_set(data["edges"], *held)
    one = run([*rows, *of_window(data["edges"], *moved)])["prior_shift", "*"]
    assert moved[1].mean() - held[1].mean() > 0.06
    assert "no mix of the set's two classes" in one["reason"]
    assert one["status"] == "warning", one
    none = moved[0], np.full(40000, np.nan), moved[2]
    one = run([*rows, *of_window(data["edges"], *none)])["prior_shift", "*"]
    assert one["status"] == "undetermined", one


def test_labels_that_show_the_prior_refute_that_it_moved(data):
    """Scores move up, and the share of positives stays: it is calibration that broke."""
    rng = np.random.default_rng(SEED)
    score, label, region = drawn(rng, 40000)
    up = special.expit(special.logit(score) + 0.8)
    held = of_set(data["edges"], *drawn(rng, 40000))
    one = run([*held, *of_window(data["edges"], up, label, region)])["prior_shift", "*"]
    assert one["low"] > 5, one
    assert one["status"] == "ok", one["reason"]
    assert f"labels show {100 * label.mean():.3g} %" in one["reason"]
    early = of_window(data["edges"], up, label, region, mature=False)
    one = run([*held, *early])["prior_shift", "*"]
    assert one["status"] == "undetermined"
    assert "more than the mix has changed" in one["reason"]
    assert "so far, not all are due yet" in one["reason"]
    few = np.where(np.arange(40000) < 40, label, np.nan)
    one = run([*held, *of_window(data["edges"], up, few, region)])["prior_shift", "*"]
    assert one["status"] == "undetermined"
    assert "too few labels to tell" in one["reason"]


def test_labels_that_are_not_due_make_no_verdict(data):
    rows = found(data, "moved", mature=False)
    for name in ("calibration_error", "calibration_slope", "calibration_intercept", "brier"):
        one = rows[name, "*"]
        assert one["status"] == "insufficient_data"
        assert one["value"] is not None
        assert "not all labels are due yet, 100 % are there" in one["reason"]
    score, label, region = data["same"]
    blank = {**data, "none": (score, np.full(len(label), np.nan), region)}
    one = found(blank, "none")["brier", "*"]
    assert (one["status"], one["value"]) == ("insufficient_data", None)


def test_brier_and_calibration_line_are_those_of_the_rows(data):
    rows = found(data, "moved")
    score, label, _ = data["moved"]
    assert rows["brier", "*"]["value"] == pytest.approx(np.mean((score - label) ** 2))
    # Labels were drawn with logits lower by 0.6.
    assert rows["calibration_intercept", "*"]["value"] == pytest.approx(-0.6, abs=0.08)
    assert rows["calibration_slope", "*"]["value"] == pytest.approx(1, abs=0.08)


def test_figures_with_two_sides_have_two_limits(data):
    rows = found(data)
    for name, middle in (("calibration_slope", 1.0), ("calibration_intercept", 0.0)):
        one = rows[name, "*"]
        # 4 times the limit of 5 % on either side of what the set itself has.
        assert one["threshold"] - one["threshold_low"] == pytest.approx(0.4)
        assert (one["threshold"] + one["threshold_low"]) / 2 == pytest.approx(middle, abs=0.2)
        told = f"limits {one['threshold_low']:.3g} and {one['threshold']:.3g}"
        assert told in one["reason"], one["reason"]
    assert rows["decision_rate", "approve"]["threshold_low"] == -0.2
    assert rows["brier", "*"]["threshold_low"] is None


def test_gap_max_takes_the_gravest_status_and_names_the_features(data):
    base = of_set(data["edges"], *data["held"]) + of_window(data["edges"], *data["same"])
    ignored = [gap(one, 3.0, "drifted") for one in ("label", "decision", "metric:m", ":inputs")]
    quiet = run([*base, *ignored, gap("income", 0.1), gap("age", 0.15)])["gap_max", "*"]
    assert (quiet["status"], quiet["value"]) == ("ok", 0.15)
    loud = run([*base, gap("income", 0.9, "drifted"), gap("age", 0.25, "warning")])
    one = loud["gap_max", "*"]
    assert (one["status"], one["value"], one["unit"]) == ("drifted", 0.9, "sd")
    assert one["reason"].startswith("income has moved")
    share = run([*base, gap("income", 0.1, "drifted"), gap("age", 0.25)])["gap_max", "*"]
    assert (share["status"], share["value"]) == ("drifted", 0.25)
    assert "income has moved" in share["reason"]
    own = replace(POLICY, overrides={"age": (0.6, 0.5)})
    assert run([*base, gap("age", 0.25)], own)["gap_max", "*"]["threshold"] == 0.6


def test_a_feature_that_was_not_measured_is_never_ok(data):
    base = of_set(data["edges"], *data["held"]) + of_window(data["edges"], *data["same"])
    part = run([*base, gap("income", 0.05), gap("age", None, "insufficient_data", None)])
    assert part["gap_max", "*"]["status"] == "undetermined"
    assert "1 of 2 features without a verdict: age: why not" in part["gap_max", "*"]["reason"]
    moved = gap("income", 0.5, "drifted"), gap("age", None, "insufficient_data", None)
    grave = run([*base, *moved])["gap_max", "*"]
    assert "1 of 2 features without a verdict (age)" in grave["reason"]
    assert "largest distance: income, 0.05 sd" in part["gap_max", "*"]["reason"]
    assert part["gap_mean", "*"]["status"] == "undetermined"
    assert part["outside", "*"]["status"] == "undetermined"
    none = run([*base, gap("age", None, "no_reference", None)])
    for name in ("gap_max", "gap_mean", "outside"):
        assert none[name, "*"]["status"] == "insufficient_data"
        assert none[name, "*"]["value"] is None
    assert "sparkdrift drift" in run(base)["gap_max", "*"]["reason"]


def test_gap_mean_is_weighed_by_importance(data):
    base = of_set(data["edges"], *data["held"]) + of_window(data["edges"], *data["same"])
    rows = [gap("income", 0.9, "drifted", importance=3), gap("age", 0.1, importance=1)]
    one = run([*base, *rows])["gap_mean", "*"]
    assert one["value"] == pytest.approx((3 * 0.9 + 0.1) / 4)
    assert (one["low"], one["high"]) == pytest.approx((one["value"] - 0.05, one["value"] + 0.05))
    assert one["status"] == "drifted"
    zero = run([*base, gap("income", 0.9, importance=0)])["gap_mean", "*"]
    assert zero["status"] == "insufficient_data"
    warned = run([*base, gap("income", 0.28)])["gap_mean", "*"]
    assert warned["status"] == "warning"


def test_gap_mean_says_where_it_can_not_tell(data):
    """No ok while a limit lies within the interval, unless the reason says so."""
    base = of_set(data["edges"], *data["held"]) + of_window(data["edges"], *data["same"])

    def mean(effect, half):
        return run([*base, gap("income", effect, half=half)])["gap_mean", "*"]

    clear = mean(0.1, 0.05)
    assert (clear["status"], "can't tell" in clear["reason"]) == ("ok", False)
    near = mean(POLICY.warn - 0.02, 0.05)
    assert near["status"] == "ok"
    assert "holds what warns: these rows can't tell" in near["reason"]
    assert mean(POLICY.warn + 0.02, 0.05)["status"] == "undetermined"
    wide = mean(0.15, POLICY.effect)
    assert wide["status"] == "undetermined"
    assert "holds the limit: these rows can't tell" in wide["reason"]


def test_outside_is_the_largest_share(data):
    base = of_set(data["edges"], *data["held"]) + of_window(data["edges"], *data["same"])
    one = run([*base, gap("income", 0.1, outside=0.05), gap("age", 0.1)])["outside", "*"]
    interval = stats.binomtest(100, 2000).proportion_ci(method="wilson")
    assert (one["value"], one["low"], one["high"]) == pytest.approx(
        (0.05, interval.low, interval.high)
    )
    assert (one["status"], one["threshold"]) == ("warning", 0.01)
    assert "income" in one["reason"]


def test_slices_that_the_set_lacks(data):
    score, label, region = data["same"]
    odd = region.copy()
    odd[:400] = "west"
    rows = of_set(data["edges"], *data["held"])
    rows += of_window(data["edges"], score, label, odd)
    one = run(rows)["missing_slices", "region"]
    assert one["value"] == pytest.approx(0.02)
    assert one["status"] == "warning"
    assert "west" in one["reason"]
    rows = [one for one in rows if not (one["part"] == SET and one["slice_key"] == "region")]
    assert run(rows)["missing_slices", "region"]["status"] == "insufficient_data"
    plain = run(rows, replace(POLICY, slices={}))["missing_slices", "*"]
    assert plain["status"] == "insufficient_data"


def test_the_limit_on_productions_mix(data):
    """A window of hard cases: the set's accuracy was that of an easier mix."""
    rng = np.random.default_rng(SEED)
    hard = special.expit(rng.normal(0.1, 0.8, 20000))
    wregion = rng.choice(["north", "south"], 20000, p=[0.5, 0.5])
    rows = found({**data, "hard": (hard, np.full(20000, np.nan), wregion)}, "hard")
    score, label, region = data["held"]
    edges, names = data["edges"], ("north", "south")
    cells = [score_bins.count(edges, score[region == one]).column("rows") for one in names]
    raked = rake(
        np.stack(cells),
        [Margin((0, 1), [np.sum(wregion == one) for one in names])],
        score_bins.count(edges, hard).column("rows"),
    )
    assert raked.reason == "", SEED
    at = np.searchsorted(edges, score, side="right")
    weight = raked.weights[(region == "south").astype(int), at]
    right = ((score >= 0.5) == (label == 1)).astype(float)
    expected = np.average(right, weights=weight) - right.mean()
    assert expected < -0.03, SEED
    one = rows["acceptance_limit", "accuracy"]
    assert one["value"] == pytest.approx(0.7 + expected), SEED
    assert one["low"] < one["value"] < one["high"] < one["threshold"] == 0.7
    assert one["status"] == "warning"
    assert f"would be {0.7 + expected:.4g}" in one["reason"]
    same = found(data)["acceptance_limit", "accuracy"]
    assert (same["status"], same["low"] < 0.7 < same["high"]) == ("ok", True)


def test_limits_of_the_dashboards_table_are_recomputed_by_window(data):
    end = START + 7 * DAY
    table = {"accuracy": ((START, 0.72), (end, 0.5)), "recall": ((end, 0.6),)}
    policy = replace(POLICY, accepted=(), reported=table)
    rows = found(data, policy=policy)
    assert {key for key in rows if key[0] == "acceptance_limit"} == {
        ("acceptance_limit", "accuracy")
    }
    assert rows["acceptance_limit", "accuracy"]["threshold"] == 0.72
    nothing = found(data, policy=replace(policy, reported={"recall": ((end, 0.6),)}))
    reason = nothing["acceptance_limit", "*"]["reason"]
    assert reason == (
        "not measured: evaluation.dashboard declares no metric, and its table has no row of one "
        "before the window's end"
    )


REGIONS = ("north", "south")
SCORED = ("accuracy", "recall", "f1", "roc_auc", "average_precision", "brier")


TWO_KEYS = replace(
    POLICY,
    slices={"region": ("region",), "channel,tier": ("channel", "tier")},
    combined="region,channel,tier",
    metrics=("accuracy", "roc_auc"),
)


def with_keys(rng, n, shift, region, channel):
    """Labels that depend on the score and on both keys; a channel's tier may be NULL."""
    score = special.expit(rng.normal(-0.3 + shift, 1.2, n))
    north, web = rng.random(n) < region, rng.random(n) < channel
    label = rng.random(n) < special.expit(special.logit(score) + 1.2 * north + 1.2 * web)
    names = np.where(north, "north", "south"), np.where(web, '["web",null]', '["shop","1"]')
    return score, label.astype(float), *names


def of_two_keys(edges, held, moved, *, combined=True):
    score, label, region, channel = held
    both = np.array([f'["{r}",{c[1:]}' for r, c in zip(region, channel, strict=True)])
    rows = []
    for key, values in (
        *(("*", np.full(len(score), "*")), ("region", region), ("channel,tier", channel)),
        *([("region,channel,tier", both)] if combined else []),
    ):
        for one in np.unique(values):
            at = values == one
            state = score_bins.count(edges, score[at], label[at], None)
            own = {"slice_key": key, "slice_value": one, "numbers": score_bins.flat(state)}
            rows.append(row(SET, kind="scores", edges=edges, **own))
    rows += of_window(edges, *moved[:3])
    at = {"window_start": START, "slice_key": "channel,tier"}
    values, counts = np.unique(moved[3], return_counts=True)
    for value, n in zip(values, counts, strict=True):
        rows.append(row(SLICE, **at, slice_value=value, rows=int(n)))
    return rows


def test_the_set_is_weighted_to_all_keys_at_once():
    """Both keys' mixes and the scores' move: only weights by all of them give production's
    metrics, which are known here from its own labels."""
    rng = np.random.default_rng(SEED)
    held = with_keys(rng, 20_000, 0.0, 0.4, 0.4)
    moved = with_keys(rng, 200_000, 0.4, 0.7, 0.6)
    edges = score_bins.choose_edges(held[0], held[1], (0.5,))
    got = run(of_two_keys(edges, held, moved), TWO_KEYS)["reweighted", "accuracy"]
    alone = run(of_two_keys(edges, held, moved, combined=False), TWO_KEYS)["reweighted", "accuracy"]
    assert "by score bins and region and channel,tier)" in got["reason"], SEED
    assert "; not by" not in got["reason"]
    assert "by score bins and region)" in alone["reason"] or "tier)" in alone["reason"]
    truth = np.mean((moved[0] >= 0.5) == (moved[1] == 1))
    assert got["low"] <= truth <= got["high"], (SEED, truth, got)
    assert not alone["low"] <= truth <= alone["high"], (SEED, truth, alone)
    # Against rows: the weights of their cells, to which the metric of scikit-learn is held.
    west = (held[2] == "north").astype(int), (held[3] == '["web",null]').astype(int)
    at = np.searchsorted(edges, held[0], side="right")
    cells = np.zeros((4, len(edges) + 1))
    np.add.at(cells, (2 * west[0] + west[1], at), 1)
    counted = [
        [np.sum(moved[i] == name) for name in names]
        for i, names in ((2, ("south", "north")), (3, ('["shop","1"]', '["web",null]')))
    ]
    raked = rake(
        cells,
        [Margin((0, 0, 1, 1), counted[0]), Margin((0, 1, 0, 1), counted[1])],
        score_bins.count(edges, moved[0]).column("rows"),
    )
    weights = raked.weights[2 * west[0] + west[1], at]
    right = (held[0] >= 0.5) == (held[1] == 1)
    assert got["value"] == pytest.approx(np.average(right, weights=weights))


def test_metrics_on_productions_mix_are_those_of_weighted_rows(data):
    policy = replace(POLICY, metrics=SCORED)
    score, label, region = data["held"]
    rows = found(data, "moved", policy)
    edges = data["edges"]
    at = [np.searchsorted(edges, one, side="right") for one in (score, data["moved"][0])]
    cells = np.stack([np.bincount(at[0][region == r], minlength=len(edges) + 1) for r in REGIONS])
    by_region = [np.sum(data["moved"][2] == r) for r in REGIONS]
    raked = rake(cells, [Margin((0, 1), by_region)], np.bincount(at[1], minlength=len(edges) + 1))
    w = raked.weights[(region == REGIONS[1]).astype(int), at[0]]
    taken, yes = score >= 0.5, label == 1
    expected = {
        "accuracy": np.average(taken == yes, weights=w),
        "recall": w[taken & yes].sum() / w[yes].sum(),
        "f1": 2 * w[taken & yes].sum() / (w[taken].sum() + w[yes].sum()),
        "roc_auc": metrics.roc_auc_score(yes, score, sample_weight=w),
        "average_precision": metrics.average_precision_score(yes, score, sample_weight=w),
        "brier": np.average((score - label) ** 2, weights=w),
    }
    for name, value in expected.items():
        one = rows["reweighted", name]
        bar = 0.005 if name in ("roc_auc", "average_precision") else 1e-9
        assert one["value"] == pytest.approx(value, abs=bar), (SEED, name)
        assert one["low"] < one["value"] < one["high"]
        assert f"{raked.ess_ratio * len(score):,.0f} effective rows" in one["reason"]
        assert one["unit"] == "of the metric"
    # Of effective rows, not of all that the set has.
    share, size = expected["accuracy"], raked.ess_ratio * len(score)
    width = rows["reweighted", "accuracy"]["high"] - rows["reweighted", "accuracy"]["low"]
    assert width == pytest.approx(2 * 1.96 * np.sqrt(share * (1 - share) / size), rel=0.02)
    same = found(data, policy=policy)
    assert {same["reweighted", name]["status"] for name in ("accuracy", "brier")} == {"ok"}


def test_a_mix_that_costs_more_than_is_tolerated_warns(data):
    """More scores near one half, each meaning what it did: fewer of them are rightly decided."""
    rng = np.random.default_rng(SEED)
    score = special.expit(rng.normal(0, 0.6, 20_000))
    near = score, np.full(len(score), np.nan), rng.choice(REGIONS, len(score), p=[0.6, 0.4])
    policy = replace(POLICY, metrics=("accuracy", "brier"), metric="accuracy", tolerated=0.01)
    rows = found({**data, "near": near}, "near", policy)
    for name, worse in (("accuracy", -1), ("brier", 1)):
        one = rows["reweighted", name]
        assert one["status"] == "warning", (SEED, one)
        assert worse * (one["value"] - one["threshold"]) > 0
        assert "lost by the mix, 0.01 tolerated" in one["reason"]


def test_metrics_are_not_reweighted_by_what_can_not_bear_them(data):
    policy = replace(POLICY, metrics=("accuracy",))
    one = found({**data, "far": drawn(np.random.default_rng(SEED), 6000, 6.0)}, "far", policy)
    row = one["reweighted", "accuracy"]
    assert (row["status"], row["value"]) == ("undetermined", None)
    assert "of its rows once weighted to the window, at least 40 % needed" in row["reason"]
    none = found(data)["reweighted", "*"]
    assert none["status"] == "insufficient_data"


def test_a_window_that_nothing_resembles_refuses_limits(data):
    rng = np.random.default_rng(SEED)
    far = {**data, "far": drawn(rng, 5000, 4.0)}
    rows = found(far, "far")
    one = rows["acceptance_limit", "accuracy"]
    assert (one["status"], one["value"]) == ("undetermined", None)
    assert "at least 40 % needed" in one["reason"]
    assert rows["ess_ratio", "*"]["status"] == "warning"
    assert "no metric should rest on it" in rows["ess_ratio", "*"]["reason"]


def test_no_set_in_force_is_no_reference_but_for_what_needs_none():
    rows = [
        row(
            ASKED,
            evaluation_version=0,
            window_start=START,
            window_end=START + DAY,
            mature=False,
            input_digest="d",
        )
    ]
    got = run(rows)
    assert {figure for figure, _ in got} == set(FIGURES)
    for (figure, _), one in got.items():
        if figure in ("training_age", "threshold_age"):
            assert one["value"] is not None
        else:
            assert (one["status"], one["value"]) == ("no_reference", None)


def test_a_window_without_a_state_has_all_its_rows(data):
    rows = of_set(data["edges"], *data["held"])
    rows.append(
        row(ASKED, window_start=START, window_end=START + DAY, mature=True, input_digest="d")
    )
    got = run(rows)
    assert {figure for figure, _ in got} == set(FIGURES)
    for name in ("thin", "ess_ratio", "prior_shift", "brier", "calibration_error"):
        assert got[name, "*"]["status"] == "insufficient_data"


def test_an_empty_window_is_not_measured(data):
    got = found({**data, "empty": tuple(one[:0] for one in data["same"])}, "empty")
    for (figure, _), one in got.items():
        if figure.endswith("_age") or figure.startswith(("gap", "outside")):
            continue
        assert one["status"] in ("insufficient_data", "undetermined"), figure
        assert one["value"] is None, figure


def test_few_rows_are_never_ok(data):
    few = {**data, "few": tuple(one[:25] for one in data["same"])}
    got = found(few, "few")
    for name in ("ess_ratio", "decision_rate", "prior_shift", "calibration_error", "brier"):
        for (figure, _), one in got.items():
            if figure == name:
                assert one["status"] in ("insufficient_data", "undetermined"), (figure, one)


def test_each_class_of_several_is_told_apart(data):
    rng = np.random.default_rng(SEED)
    rows, decided = [], {}
    for of in ("a", "b"):
        score, label, _ = drawn(rng, 4000)
        edges = score_bins.choose_edges(score, label)
        rows.append(
            row(
                SET,
                kind="scores",
                class_name=of,
                slice_key="*",
                slice_value="*",
                edges=edges,
                numbers=score_bins.flat(score_bins.count(edges, score, label, score > 0.5)),
            )
        )
        score, label, _ = drawn(rng, 9000, 0.0 if of == "a" else 1.5)
        rows.append(
            row(
                STATE,
                window_start=START,
                kind="scores",
                class_name=of,
                numbers=score_bins.flat(score_bins.count(edges, score, label, score > 0.5)),
            )
        )
        decided[of] = (score > 0.5).mean()
    rows.append(
        row(ASKED, window_start=START, window_end=START + DAY, mature=True, input_digest="d")
    )
    got = run(rows, replace(POLICY, task="multiclass", thresholds=()))
    rates = {of: one for (figure, of), one in got.items() if figure == "decision_rate"}
    assert {of: one["status"] for of, one in rates.items()} == {"a": "ok", "b": "warning"}
    assert f"decided to be b: {100 * decided['b']:.3g} % of the rows" in rates["b"]["reason"]
    assert got["ess_ratio", "a"]["status"] == "ok"
    assert got["ess_ratio", "b"]["status"] == "warning"
    assert "binary models" in got["acceptance_limit", "accuracy"]["reason"]


def test_a_regression_is_told_by_bins_of_its_prediction():
    rng = np.random.default_rng(SEED)
    made = rng.gamma(3, 10, 4000)
    true = made * rng.lognormal(0, 0.2, 4000)
    edges = np.quantile(made, np.arange(1, 20) / 20)

    def state(a, b):
        at = np.searchsorted(edges, a, side="right")
        cells = np.stack([count_errors(a[at == i], b[at == i]) for i in range(20)])
        assert cells.shape == (20, len(ERRORS))
        return cells.ravel()

    later = rng.gamma(3.6, 10, 8000)
    rows = [
        row(
            SET,
            kind="errors",
            slice_key="*",
            slice_value="*",
            edges=edges,
            numbers=state(made, true),
        ),
        row(
            STATE,
            window_start=START,
            kind="errors",
            numbers=state(later, np.full(len(later), np.nan)),
        ),
        row(ASKED, window_start=START, window_end=START + DAY, mature=False, input_digest="d"),
    ]
    policy = replace(
        POLICY, task="regression", thresholds=(), slices={}, accepted=(Accepted("mae", 6.0),)
    )
    got = run(rows, policy)
    assert not {"brier", "decision_rate", "prior_shift"} & {figure for figure, _ in got}
    assert got["ess_ratio", "*"]["value"] < 0.95
    window = np.bincount(np.searchsorted(edges, later, side="right"), minlength=20)
    raked = rake(
        np.bincount(np.searchsorted(edges, made, side="right"), minlength=20)[None], [], window
    )
    weight = raked.weights[0, np.searchsorted(edges, made, side="right")]
    error = abs(made - true)
    one = got["acceptance_limit", "mae"]
    assert one["value"] == pytest.approx(6 + np.average(error, weights=weight) - error.mean())


def test_many_windows_come_through_one_group(data):
    rows = of_set(data["edges"], *data["held"])
    for i in range(3):
        at = START + 7 * i * DAY
        rows += of_window(data["edges"], *data["same"], start=at, digest=f"d{i}")
    rows = sorted(rows, key=lambda one: (one["part"], one["window_start"] or START))
    table = pa.Table.from_pylist(rows, schema=arrow_schema(INPUT))
    (batch,) = measure(POLICY)(iter(table.to_batches()))
    got = {(one["window_start"], one["input_digest"]) for one in batch.to_pylist()}
    assert got == {(START + 7 * i * DAY, f"d{i}") for i in range(3)}


def test_rows_of_the_set_without_a_label_stand_for_nothing():
    """The set has scores everywhere, but labels of the lower half only."""
    rng = np.random.default_rng(SEED)
    score, label, region = drawn(rng, 8000)
    edges = score_bins.choose_edges(score, label, [0.5])
    label = np.where(score > 0.4, np.nan, label)
    rows = of_set(edges, score, label, region) + of_window(edges, *drawn(rng, 4000))
    found = run(rows)
    assert found["thin", "*"]["status"] == "warning"
    assert found["thin", "*"]["value"] > 0.3
    assert found["acceptance_limit", "roc_auc"]["status"] != "ok"


@pytest.mark.parametrize(("labelled", "measured"), [(1, False), (29, False), (30, True)])
def test_calibration_of_few_labels_is_not_measured(labelled, measured):
    """Scores of nearly 0 with labels 0 look certain, however few they are."""
    rng = np.random.default_rng(SEED)
    score, label, region = drawn(rng, 8000)
    edges = score_bins.choose_edges(score, label, [0.5])
    seen = np.full(2000, 0.001)
    known = np.where(np.arange(2000) < labelled, 0.0, np.nan)
    window = of_window(edges, seen, known, np.full(2000, "north"))
    found = run(of_set(edges, score, label, region) + window)
    for figure in ("calibration_error", "brier"):
        row = found[figure, "*"]
        assert (row["value"] is not None) == measured, figure
        assert measured or row["status"] == "insufficient_data", figure
    assert found["calibration_error", "*"]["status"] != "ok"


def test_what_may_be_lost_has_the_unit_of_the_metric():
    assert POLICY.tolerance("accuracy", 0.9) == 0.05
    assert POLICY.tolerance("mae", 200.0) == pytest.approx(10.0)
    declared = replace(POLICY, metric="mae", tolerated=12.0)
    assert declared.tolerance("rmse", 200.0) == 12.0
    assert declared.tolerance("mape", 0.3) == 0.05
