"""Windows of scores: counted with labels of another table, again only where labels changed."""

from __future__ import annotations

from datetime import timedelta

import numpy as np
import pyarrow as pa
import pytest
import source_tables
from monitors import context_of, new_store, profile_only, spec_of

from sparkdrift.measures import score_bins
from sparkdrift.spark.labels import ARRIVAL, QUALITY
from sparkdrift.steps.context import Options
from sparkdrift.steps.evaluate import Evaluated
from sparkdrift.steps.evaluation_sets import freeze_sets, stored_sets
from sparkdrift.steps.scores import count_windows

pytestmark = pytest.mark.spark

DAYS, ROWS = 7, 300
SEED = 42


class World:
    """An inference log of a week and a day, an evaluation set, and labels as they came in."""

    def __init__(self, spark, folder):
        self.spark, self.folder = spark, folder
        rng = np.random.default_rng(SEED)
        n = DAYS * ROWS
        self.day = np.repeat(np.arange(DAYS), ROWS)
        self.score = rng.beta(2, 4, n)
        self.truth = (rng.random(n) < self.score).astype(float)
        self.region = rng.choice(["north", "south"], n)
        ts = pa.concat_arrays([source_tables.instants(d, ROWS, rng) for d in range(DAYS)])
        self.at = ts.to_pylist()
        log = pa.table(
            {
                "ts": ts,
                "id": np.arange(n),
                "score": self.score,
                "amount": rng.normal(100, 20, n),
                "product": rng.choice(["card", "loan"], n).tolist(),
                "region": self.region.tolist(),
            }
        )
        closing = pa.table(
            {
                "ts": pa.array([source_tables.day_start(DAYS)], source_tables.TIMESTAMP),
                "id": [n],
                "score": [0.5],
                "amount": [1.0],
                "product": ["card"],
                "region": ["north"],
            }
        )
        source_tables.write(spark, folder / "log", pa.concat_tables([log, closing]))
        m = 2_000
        score = rng.beta(2, 4, m)
        self.test = pa.table(
            {
                "proba": score,
                "happened": pa.array([source_tables.START - timedelta(days=40)] * m),
                "bad": (rng.random(m) < score).tolist(),
                "amount": rng.normal(100, 20, m),
                "product": rng.choice(["card", "loan"], m).tolist(),
                "region": rng.choice(["north", "south"], m).tolist(),
            }
        )
        source_tables.write(spark, folder / "test", self.test)
        # What is known of each key now, for brute force; NaN: nothing.
        self.label = np.full(n, np.nan)
        self.store = new_store(spark, folder / "store")

    def spec(self, **evaluation):
        return spec_of(
            self.folder / "log",
            windows={"rollups": ["week"]},
            slices=["region"],
            prediction={"key": "id", "score": "score", "label": "bad", "label_delay": "2 days"},
            evaluation={
                "sets": {
                    "test": {
                        "path": str(self.folder / "test"),
                        "score": "proba",
                        "timestamp": "happened",
                    }
                },
                "labels": {
                    "path": str(self.folder / "labels"),
                    "key": "ref",
                    "known_at": "known_at",
                },
                "thresholds": {"accept": {"value": 0.4}},
                "dashboard": {"metrics": {"recall": {"at_least": 0.5}}},
                **evaluation,
            },
        )

    def arrive(self, which, days=1.0, values=None, mode="append"):
        """Labels of rows `which`, known `days` after the prediction."""
        which = np.asarray(which)
        values = (
            self.truth[np.minimum(which, len(self.truth) - 1)]
            if values is None
            else np.asarray(values)
        )
        known = [
            self.at[i] + timedelta(days=days) if i < len(self.at) else self.at[0] for i in which
        ]
        table = pa.table(
            {
                "ref": which,
                "bad": (values == 1).tolist(),
                "known_at": pa.array(known, source_tables.TIMESTAMP),
            }
        )
        source_tables.write(self.spark, self.folder / "labels", table, mode)
        inside = which < len(self.label)
        self.label[which[inside]] = values[inside]

    def run(self, spec=None, **options):
        context = context_of(self.spark, self.store)
        spec = spec or self.spec()
        sets = freeze_sets(context, spec)
        counted = count_windows(context, spec, Options(**options), sets)
        context.journal.close()
        return Evaluated(sets, counted)

    def states(self, kind="scores", granularity="day"):
        """Cells by (day, slice_key, slice_value)."""
        rows = (
            self.spark.table(self.store.table("states"))
            .where(f"kind = '{kind}' AND granularity = '{granularity}'")
            .toArrow()
            .to_pylist()
        )
        found = {
            (
                (one["window_start"] - source_tables.START).days,
                one["slice_key"],
                one["slice_value"],
            ): one
            for one in rows
        }
        assert len(found) == len(rows)
        return found

    def edges(self):
        rows = self.spark.table(self.store.table("reference_profiles")).where(
            "kind = 'scores' AND slice_key = '*'"
        )
        return np.array(rows.orderBy("version").collect()[-1]["bins"]["edges"])

    def brute(self, days, key, value):
        at = np.isin(self.day, days)
        if key == "region":
            at &= self.region == value
        score = self.score[at]
        return score_bins.flat(score_bins.count(self.edges(), score, self.label[at], score >= 0.4))

    def require_brute(self):
        states = self.states()
        assert len(states) == DAYS * 3
        for (day, key, value), one in states.items():
            np.testing.assert_allclose(
                one["cells"], self.brute([day], key, value), rtol=1e-10, atol=1e-10
            )

    def warnings(self, step="scores"):
        rows = self.spark.table(self.store.table("runs")).where(
            f"step = '{step}' AND phase = 'SUCCEEDED'"
        )
        last = rows.orderBy("at").collect()[-1]
        return list(last["warnings"]), last["rows_scanned"]


@pytest.fixture(scope="module")
def world(spark, tmp_path_factory):
    found = World(spark, tmp_path_factory.mktemp("scores"))
    first = np.flatnonzero(found.day < 3)
    found.arrive([*first, 99_999], days=1.5)
    profile_only(spark, found.store, found.spec())
    return found


def days_of(windows):
    return [(one.start - source_tables.START).days for one in windows]


def test_the_first_run_freezes_the_set_and_counts_every_window(world):
    done = world.run()
    assert not done.sets.missing
    assert list(done.sets.made) == ["test"]
    assert days_of(done.counted.windows) == list(range(DAYS))
    assert done.counted.alone == 1
    world.require_brute()
    told, scanned = world.warnings()
    assert any("1 of 901 labels" in one for one in told)
    assert scanned == DAYS * ROWS
    # As numpy cuts the same set: the bins hold what the states of the set say.
    score = world.test.column("proba").to_numpy()
    label = np.array(world.test.column("bad").to_pylist(), float)
    edges = world.edges()
    assert 0.4 in edges
    expected = score_bins.choose_edges(score, label, [0.4])
    assert len(edges) == pytest.approx(len(expected), abs=2)
    np.testing.assert_allclose(edges, expected, atol=0.01) if len(edges) == len(expected) else None
    rows = world.spark.table(world.store.table("reference_profiles")).where("kind = 'scores'")
    frozen = {(r["slice_key"], r["slice_value"]): r for r in rows.collect()}
    assert set(frozen) == {("*", "*"), ("region", "north"), ("region", "south")}
    region = np.array(world.test.column("region").to_pylist())
    for (key, value), row in frozen.items():
        at = np.ones(len(score), bool) if key == "*" else region == value
        state = score_bins.count(edges, score[at], label[at], score[at] >= 0.4)
        np.testing.assert_allclose(row["bins"]["counts"], score_bins.flat(state), rtol=1e-10)
        assert (row["column_name"], row["row_count"]) == (":scores", at.sum())
    version = stored_sets(context_of(world.spark, world.store), world.spec())["test"].versions[0]
    assert '"at_least": 0.5' in version.declared
    newest = world.spark.table(world.store.table("reference_snapshots")).selectExpr(
        "CAST(newest_event AS DATE) AS day"
    )
    assert newest.collect()[0]["day"] == (source_tables.START - timedelta(days=40)).date()


@pytest.mark.classic
def test_how_late_labels_came_is_counted(world):
    arrival = world.states("arrival")
    quality = world.states("labels")
    assert len(arrival) == len(quality) == DAYS
    one = dict(zip(ARRIVAL, arrival[0, "*", "*"]["cells"], strict=True))
    assert arrival[0, "*", "*"]["columns"] == list(ARRIVAL)
    # Known a day and a half after the prediction: half a day to a day and a half after the day.
    at = np.array([(t - source_tables.START).total_seconds() / 86_400 for t in world.at[:ROWS]])
    assert one["1"] == (at + 0.5 <= 1).sum()
    assert one["2"] == (at + 0.5 > 1).sum()
    assert one["unknown"] == 0
    assert dict(zip(QUALITY, quality[0, "*", "*"]["cells"], strict=True)) == {
        "rows": ROWS,
        "labelled": ROWS,
        "duplicated": 0,
        "restated": 0,
        "conflicting": 0,
        "early": 0,
    }
    assert quality[5, "*", "*"]["cells"][:2] == [ROWS, 0]


def test_longer_windows_are_the_sums(world):
    weeks = world.states(granularity="week")
    assert set(weeks) == {(0, "*", "*"), (0, "region", "north"), (0, "region", "south")}
    for (_, key, value), one in weeks.items():
        np.testing.assert_allclose(one["cells"], world.brute(range(DAYS), key, value), rtol=1e-10)


@pytest.mark.classic
def test_without_a_change_no_source_row_is_read(world):
    files = [
        file for name in ("log", "labels", "test") for file in (world.folder / name).glob("*.parq*")
    ]
    assert len(files) >= 3
    for file in files:
        file.rename(file.with_suffix(".gone"))
    try:
        done = world.run()
    finally:
        for file in files:
            file.with_suffix(".gone").rename(file)
    assert done.counted.windows == ()
    assert done.sets.made == {}
    assert world.warnings() == ([], 0)


@pytest.mark.classic
def test_late_labels_are_of_their_own_windows_only(world):
    rows = np.flatnonzero(world.day == 4)
    world.arrive(rows[::2], days=3)
    # Of five more the label was known a day before the prediction: counted, and told.
    world.arrive(rows[1:10:2], days=-1)
    done = world.run()
    assert days_of(done.counted.windows) == [4]
    assert done.counted.relabelled == done.counted.windows
    told, scanned = world.warnings()
    assert any("appended labels" in one for one in told)
    labelled = ROWS // 2 + 5
    assert scanned == labelled
    assert not any("counted whole" in one for one in told), told
    quality = dict(zip(QUALITY, world.states("labels")[4, "*", "*"]["cells"], strict=True))
    assert (quality["labelled"], quality["early"]) == (labelled, 5)
    early = (
        f"5 of {labelled} labelled predictions have a label that was known before the prediction"
    )
    assert any(one.startswith(f"{early} was made: it counts, but look whether") for one in told)
    world.require_brute()
    weeks = world.states(granularity="week")
    np.testing.assert_allclose(
        weeks[0, "*", "*"]["cells"], world.brute(range(DAYS), "*", "*"), rtol=1e-10
    )


@pytest.mark.classic
def test_restated_and_duplicated_labels(world):
    rows = np.flatnonzero(world.day == 1)
    before = world.states()[1, "*", "*"]["input_digest"]
    world.arrive(rows[:20], days=9, values=1 - world.truth[rows[:20]])
    world.arrive(rows[20:30], days=10)
    # Two at the same time that differ: neither is believed.
    world.arrive(rows[30:34], days=11, values=np.ones(4))
    world.arrive(rows[30:34], days=11, values=np.zeros(4))
    world.arrive(rows[40:45], days=-1)
    done = world.run()
    assert days_of(done.counted.windows) == [1]
    quality = dict(zip(QUALITY, world.states("labels")[1, "*", "*"]["cells"], strict=True))
    assert quality == {
        "rows": ROWS,
        "labelled": ROWS,
        "duplicated": 15,
        "restated": 20,
        "conflicting": 4,
        "early": 0,
    }
    state = world.states()[1, "*", "*"]
    assert state["input_digest"] != before
    at = world.day == 1
    label = world.label[at].copy()
    label[30:34] = 2
    score = world.score[at]
    expected = score_bins.flat(score_bins.count(world.edges(), score, label, score >= 0.4))
    np.testing.assert_allclose(state["cells"], expected, rtol=1e-10)
    told, _ = world.warnings()
    assert any("20 of 300 labelled predictions have a label that was changed" in t for t in told)
    assert any("4 of 300 labelled predictions have two labels" in t for t in told)
    # The command says so as well, and takes none of them for a label that is no 0 or 1.
    assert [one.split(" of ")[0] for one in done.counted.remarks] == ["15", "20", "4"]
    world.label[rows[30:34]] = 2  # for what comes


@pytest.mark.classic
def test_labels_that_are_changed_in_place_are_found_by_comparing_versions(world):
    row = int(np.flatnonzero(world.day == 2)[7])
    table = f"delta.`{world.folder / 'labels'}`"
    value = "false" if world.label[row] == 1 else "true"
    world.spark.sql(f"UPDATE {table} SET bad = {value} WHERE ref = {row}").collect()
    world.label[row] = 1 - world.label[row]
    done = world.run()
    assert days_of(done.counted.windows) == [2]
    assert any("labels of versions" in one for one in world.warnings()[0])
    world.require_brute()
    world.spark.sql(f"DELETE FROM {table} WHERE ref = {row}").collect()
    world.label[row] = np.nan
    assert days_of(world.run().counted.windows) == [2]
    world.require_brute()


@pytest.mark.classic
def test_a_threshold_more_cuts_set_and_windows_anew(world):
    thresholds = {"accept": {"value": 0.4}, "review": {"value": 0.123}}
    done = world.run(world.spec(thresholds=thresholds))
    assert list(done.sets.made) == ["test"]
    assert done.sets.active["test"][-1].snapshot.version == 2
    assert days_of(done.counted.windows) == list(range(DAYS))
    assert 0.123 in world.edges()
    names = {one["name"] for one in world.states().values()}
    assert names == {"test:2"}
    world.require_brute()


@pytest.mark.classic
def test_a_backfill_counts_what_it_is_asked_for(world):
    thresholds = {"accept": {"value": 0.4}, "review": {"value": 0.123}}
    done = world.run(
        world.spec(thresholds=thresholds),
        begin=source_tables.day_start(3),
        end=source_tables.day_start(5),
    )
    assert days_of(done.counted.windows) == [3, 4]
    world.require_brute()


@pytest.mark.classic
def test_without_a_set_the_edges_are_regular(world):
    spec = world.spec(sets={})
    done = world.run(spec)
    assert days_of(done.counted.windows) == list(range(DAYS))
    state = world.states()[3, "*", "*"]
    assert state["name"] == ":none:0"
    edges = sorted({k / 128 for k in range(1, 128)} | {0.4})
    at = world.day == 3
    expected = score_bins.count(edges, world.score[at], world.label[at], world.score[at] >= 0.4)
    np.testing.assert_allclose(state["cells"], score_bins.flat(expected), rtol=1e-10)
    assert freeze_sets(context_of(world.spark, world.store), spec).stored == {}


@pytest.mark.classic
def test_rows_that_are_left_out_are_said_with_numbers(spark, tmp_path):
    rows = source_tables.days(0, 3, 60, np.random.default_rng(SEED + 1))
    score, label = rows.column("score").to_numpy().copy(), np.tile([0.0, 1.0], 120)
    score[:2], score[2:7], label[10:13] = np.nan, 55.0, 3.0
    at = rows.column_names.index("score")
    odd = rows.set_column(at, "score", pa.array(score, from_pandas=True))
    source_tables.write(spark, tmp_path / "log", odd.append_column("y", pa.array(label)))
    spec = spec_of(
        tmp_path / "log",
        features={"numeric": ["amount"]},
        prediction={"score": "score", "label": "y"},
        evaluation={"thresholds": {"accept": {"value": 0.3}}},
    )
    store = new_store(spark, tmp_path / "store")
    profile_only(spark, store, spec)
    context = context_of(spark, store)
    done = count_windows(context, spec, Options(), freeze_sets(context, spec))
    context.journal.close()
    counted = 60 * len(done.windows)
    told = [one.split(" rows counted ")[0] for one in done.remarks]
    assert told == [f"{n} of {counted}" for n in (2, 5, 3)]
    assert "outside [0, 1]" in done.remarks[1]
