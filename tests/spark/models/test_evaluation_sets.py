"""Freezing evaluation sets: what is refused, with nothing written, and what can be measured."""

from __future__ import annotations

from datetime import timedelta

import numpy as np
import pyarrow as pa
import pytest
import source_tables
from monitors import context_of, new_store, spec_of

from sparkdrift.errors import SnapshotError
from sparkdrift.measures import regression_error, score_bins
from sparkdrift.references.life import Name
from sparkdrift.report.evaluation_sets import score_facts
from sparkdrift.spark.evaluation_states import frozen_scores
from sparkdrift.steps.evaluation_sets import freeze_sets, name_of_set, wanted_set
from sparkdrift.steps.snapshot import Freeze, snapshot_by_hand

pytestmark = [pytest.mark.spark, pytest.mark.classic]

ROWS = 1_200


def table(rng, **columns) -> pa.Table:
    score = rng.beta(2, 4, ROWS)
    usual = {
        "ts": pa.array(
            [source_tables.START + timedelta(hours=int(i)) for i in rng.integers(0, 48, ROWS)],
            source_tables.TIMESTAMP,
        ),
        "amount": rng.normal(100, 20, ROWS),
        "score": score,
        "y": (rng.random(ROWS) < score).astype(float),
    }
    return pa.table({**usual, **columns})


@pytest.fixture(scope="module")
def home(spark, tmp_path_factory):
    folder = tmp_path_factory.mktemp("sets")
    source_tables.write(spark, folder / "log", table(np.random.default_rng(1)))
    return folder


def sets_spec(folder, *names, task="binary", **evaluation):
    return spec_of(
        folder / "log",
        features={"numeric": ["amount"]},
        prediction={"score": "score", "label": "y"},
        evaluation={
            "task": task,
            "sets": {name: {"path": str(folder / name)} for name in names},
            **evaluation,
        },
    )


def versions(spark, store) -> int:
    rows = sum(
        spark.table(store.table(name)).count()
        for name in ("reference_snapshots", "reference_profiles", "reference_events")
    )
    return int(rows)


def test_sets_that_measure_nothing_are_refused_and_the_others_frozen(spark, home):
    rng = np.random.default_rng(2)
    whole = table(rng)
    odd = np.where(np.arange(ROWS) < 3, 1.5, whole.column("score").to_numpy())
    source_tables.write(spark, home / "outside", table(rng, score=odd))
    log = f"SELECT * FROM delta.`{home / 'log'}` WHERE false"
    spark.sql(f"CREATE TABLE delta.`{home / 'empty'}` USING delta AS {log}")
    source_tables.write(
        spark, home / "blind", table(rng, score=pa.array([None] * ROWS, pa.float64()))
    )
    source_tables.write(
        spark, home / "truthless", table(rng, y=pa.array([None] * ROWS, pa.float64()))
    )
    source_tables.write(spark, home / "good", whole)
    names = ("outside", "empty", "blind", "truthless", "absent", "good")
    spec, store = sets_spec(home, *names), new_store(spark, home / "store")
    context = context_of(spark, store)
    done = freeze_sets(context, spec)
    context.journal.close()
    assert set(done.made) == {"good"}
    assert set(done.missing) == set(names) - {"good"}
    for name, said in (
        ("outside", f"3 of {ROWS:,} rows have a score outside [0, 1], from 1.5 to 1.5"),
        ("empty", "has no rows"),
        ("blind", f"missing in all {ROWS:,} rows"),
        ("truthless", f"none of {ROWS:,} rows has a score and a label"),
        ("absent", "no such folder; check evaluation.sets.absent.path"),
    ):
        assert said in done.missing[name], done.missing[name]
    assert done.missing["absent"].startswith("monitor.yml:1: ")
    stored = spark.table(store.table("reference_profiles")).select("name").distinct().collect()
    assert [row["name"] for row in stored] == ["good"]
    again = freeze_sets(context_of(spark, store), spec)
    assert not again.made
    assert again.active["good"][0].snapshot.version == 1


def test_a_set_asked_for_by_hand_is_an_error_and_leaves_nothing(spark, home):
    rng = np.random.default_rng(3)
    source_tables.write(spark, home / "wrong", table(rng, score=rng.normal(size=ROWS)))
    spec, store = sets_spec(home, "wrong"), new_store(spark, home / "hand")
    with pytest.raises(SnapshotError, match=r"rows have a score outside \[0, 1\]"):
        snapshot_by_hand(
            context_of(spark, store), spec, wanted_set(spec, "wrong"), Freeze(force=True)
        )
    assert versions(spark, store) == 0


def test_one_class_is_frozen_with_a_status_and_few_of_one_without_bins_of_their_own(spark, home):
    rng = np.random.default_rng(4)
    source_tables.write(spark, home / "onesided", table(rng, y=np.zeros(ROWS)))
    rare = table(rng, y=(np.arange(ROWS) < 40).astype(float))
    source_tables.write(spark, home / "rare", rare)
    spec, store = sets_spec(home, "onesided", "rare"), new_store(spark, home / "one")
    done = freeze_sets(context_of(spark, store), spec)
    assert set(done.made) == {"onesided", "rare"}
    (remark,) = done.remarks
    assert remark.endswith(f"all {ROWS:,} labels are negative: no ROC AUC, and no calibration")
    rows = spark.table(store.table("reference_profiles")).where("kind = 'scores'").collect()
    found = {row["name"]: row for row in rows}
    assert found["onesided"]["status"] == "insufficient_data"
    assert f"all {ROWS:,} labels are negative" in found["onesided"]["reason"]
    # None of the forty positives has a bin of its own: no score of a window would fall into it.
    edges, score = np.array(found["rare"]["bins"]["edges"]), rare.column("score").to_numpy()
    assert not np.isin(np.nextafter(score[:40], 1), edges).any()
    assert len(edges) == len(score_bins.choose_edges(score, rare.column("y").to_numpy()))


def test_a_part_of_the_watched_table_may_be_the_set(spark, home):
    spec, store = sets_spec(home), new_store(spark, home / "own")
    name = Name("credit", "evaluation", "recent")
    wanted = wanted_of(name)
    done = snapshot_by_hand(context_of(spark, store), spec, wanted, Freeze(force=True))
    rows = source_tables.read(spark, home / "log").filter(
        pa.compute.less(pa.compute.field("ts"), pa.scalar(wanted.interval.end))
    )
    (one,) = frozen_scores(spark, store, name, done.version)
    state = score_bins.count(
        one.edges, rows.column("score").to_numpy(), rows.column("y").to_numpy()
    )
    np.testing.assert_allclose(one.cells, score_bins.flat(state), rtol=1e-10)
    facts = score_facts(one.name, one.edges, one.cells, regression=False)
    assert facts["rows"] == len(rows)
    assert facts["positives"] == int(rows.column("y").to_numpy().sum())


def wanted_of(name):
    from sparkdrift.steps.freezing import Wanted
    from sparkdrift.windows import Window

    day = Window(source_tables.START, source_tables.day_start(1))
    return Wanted(name, interval=day)


def test_numbers_and_classes_have_states_of_their_own(spark, home):
    rng = np.random.default_rng(5)
    numbers = table(rng, score=rng.normal(size=ROWS), y=rng.normal(size=ROWS))
    source_tables.write(spark, home / "numbers", numbers)
    spec, store = sets_spec(home, "numbers", task="regression"), new_store(spark, home / "many")
    made = freeze_sets(context_of(spark, store), spec).made["numbers"]
    (one,) = frozen_scores(spark, store, name_of_set(spec, "numbers"), made)
    assert one.regression
    cells = np.reshape(one.cells, (len(one.edges) + 1, 9))
    total = regression_error.count(*(numbers.column(c).to_numpy() for c in ("score", "y")))
    np.testing.assert_allclose(cells.sum(axis=0), total, rtol=1e-9)
    # No bin has far more than its share of the predictions.
    assert cells[:, 0].max() <= ROWS / 64 * 1.5
    shares = rng.dirichlet((1, 1, 1), ROWS)
    names = np.array(["a", "b", "c"])
    truth = names[(shares.cumsum(axis=1) < rng.random((ROWS, 1))).sum(axis=1)]
    extra = {f"p{name}": shares[:, i] for i, name in enumerate(names)}
    source_tables.write(spark, home / "classes", table(rng, y=pa.array(truth.tolist()), **extra))
    classes = {name: f"p{name}" for name in names}
    spec = sets_spec(home, "classes", task="multiclass", classes=classes)
    made = freeze_sets(context_of(spark, store), spec).made["classes"]
    found = frozen_scores(spark, store, name_of_set(spec, "classes"), made)
    assert [one.name for one in found] == ["a", "b", "c"]
    for one in found:
        facts = score_facts(one.name, one.edges, one.cells, regression=False)
        assert facts["positives"] == (truth == one.name).sum()


def test_what_rows_of_a_set_are_worth_is_frozen_with_it(spark, home):
    rng = np.random.default_rng(11)
    source_tables.write(spark, home / "worth", table(rng))
    whole = table(rng)
    source_tables.write(spark, home / "worthless", whole.drop_columns(["amount"]))
    spec = sets_spec(home, "worth", "worthless", value="if(y = 1, amount, -1)")
    store = new_store(spark, home / "values")
    done = freeze_sets(context_of(spark, store), spec)
    assert set(done.made) == {"worth", "worthless"}, done.missing
    rows = spark.table(store.table("reference_profiles")).where("kind = 'value'").collect()
    assert [(row["name"], row["column_name"]) for row in rows if row["slice_key"] == "*"] == [
        ("worth", ":value")
    ]
    (row,) = [row for row in rows if row["slice_key"] == "*"]
    own = spark.table(f"delta.`{home / 'worth'}`").where(
        "score >= 0 AND score <= 1 AND y IN (0, 1)"
    )
    (total,) = own.selectExpr("sum(if(y = 1, amount, -1))").collect()
    counts = np.array(row["bins"]["counts"]).reshape(-1, 3)
    assert len(counts) == len(row["bins"]["edges"]) + 1
    assert counts[:, 1].sum() == pytest.approx(total[0])
    assert row["row_count"] == counts[:, 0].sum() == own.count()
