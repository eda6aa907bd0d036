"""Every table of a store as two engines that are not Spark read it."""

from __future__ import annotations

import duckdb
import numpy as np
import planted as plan
import pyarrow as pa
import pytest
from deltalake import DeltaTable
from monitors import context_of, run, spec_of
from source_tables import closing_row, day_rows, day_start, write

from sparkdrift.spark.schemas import TABLES
from sparkdrift.steps import reference
from sparkdrift.steps.answering import answer_verdict
from sparkdrift.steps.promotion import Decision
from sparkdrift.steps.recalibrate import recalibrate
from sparkdrift.steps.snapshot import snapshot_reference
from sparkdrift.steps.triggers import fire_hooks

pytestmark = [pytest.mark.spark, pytest.mark.classic]

NAMES = [table.name for table in TABLES]
SEED, SCORED_DAYS = 57, 3
TOLD = ("watch", "blind", "refresh_evaluation", "retrain")


def by_spark(spark, store, name: str) -> pa.Table:
    return spark.table(store.table(name)).toArrow()


def by_deltalake(store, name: str) -> pa.Table:
    return pa.table(DeltaTable(store.path(name)).to_pyarrow_table())


@pytest.fixture(scope="module")
def store(spark, planted, workspace):
    """The planted store with something in every table."""
    copied = planted.copied(workspace / "every-table")
    more = {"dependence": "auto", "assumptions": {}}
    run(spark, copied, plan.planted_spec(planted.path, **more), "more", begin=day_start(0))
    # The gate blocks a version of the days with faults, and forcing it is a debt.
    faulty = plan.planted_spec(planted.path, reference={"begin": "2024-01-07", "end": "2024-01-15"})
    context = context_of(spark, copied, "gate")
    snapshot_reference(context, faulty)
    why = Decision("tests", "it is what is normal now")
    reference.promote(context, faulty, reference.named(faulty), 2, why, force=True)
    context.journal.close()
    evaluate_another(spark, copied, workspace)
    return copied


def evaluate_another(spark, store, folder):
    """A second monitor, whose evaluation is watched, for which a threshold is proposed, and whose
    verdict is told and answered."""
    rng = np.random.default_rng(SEED)
    closing = labelled(closing_row(SCORED_DAYS), rng)
    days = [labelled(day_rows(day, 400, rng), rng) for day in range(SCORED_DAYS)]
    write(spark, folder / "scored", pa.concat_tables([*days, closing]))
    write(spark, folder / "holdout", labelled(day_rows(-9, 800, rng), rng))
    spec = spec_of(
        folder / "scored",
        monitor="scored",
        features={"numeric": ["amount"]},
        prediction={"score": "score", "label": "label", "label_delay": "1 day"},
        operations={"small": {"expression": "amount < 90"}},
        on_verdict=[{"verdicts": list(TOLD), "table": True}],
        evaluation={
            "sets": {"holdout": {"path": str(folder / "holdout")}},
            "thresholds": {"approve": {"value": 0.5, "target": {"capacity": 0.2}}},
        },
    )
    run(spark, store, spec, "scored", as_of=day_start(SCORED_DAYS))
    context = context_of(spark, store, "proposal")
    recalibrate(context, spec, 2)
    fire_hooks(context, spec)
    answer_verdict(context, spec, "accepted", None, by="tests", reason="as expected")
    context.journal.close()


def labelled(rows: pa.Table, rng) -> pa.Table:
    """Rows with a score, and a label that is 1 as often as the score says."""
    score = rng.random(rows.num_rows)
    label = pa.array((rng.random(rows.num_rows) < score).astype(np.int32))
    place = rows.schema.get_field_index("score")
    return rows.set_column(place, "score", pa.array(score)).append_column("label", label)


def content(table: pa.Table, key: tuple[str, ...]) -> list[dict]:
    """Rows in the order of their key, whatever order and nullability an engine gives them."""

    def place(row: dict) -> list[tuple[bool, str]]:
        return [(row[name] is None, str(row[name])) for name in key]

    return sorted(table.to_pylist(), key=place)


@pytest.mark.parametrize("table", TABLES, ids=NAMES)
def test_deltalake_reads_the_same_rows(spark, store, table):
    ours = by_spark(spark, store, table.name)
    theirs = by_deltalake(store, table.name).select(ours.column_names)
    assert ours.num_rows > 0
    assert content(theirs, table.key) == content(ours, table.key)


@pytest.mark.parametrize("table", TABLES, ids=NAMES)
def test_duckdb_reads_the_same_rows(spark, store, table):
    ours = by_spark(spark, store, table.name)
    dataset = DeltaTable(store.path(table.name)).to_pyarrow_dataset()
    connection = duckdb.connect()
    connection.execute("SET TimeZone = 'UTC'")
    connection.register("rows", dataset)
    columns = ", ".join(f'"{name}"' for name in ours.column_names)
    theirs = connection.sql(f"SELECT {columns} FROM rows").to_arrow_table()
    assert content(theirs, table.key) == content(ours, table.key)


def test_a_question_in_plain_sql(planted):
    """What a dashboard asks needs no sketch function and no Spark."""
    drift = DeltaTable(planted.store.path("drift")).to_pyarrow_dataset()
    answer = duckdb.sql(
        "SELECT column_name, count(*) FROM drift WHERE status = 'drifted' GROUP BY 1 ORDER BY 1"
    ).fetchall()
    assert drift.count_rows() == len(planted.drift)
    assert answer == [("amount", 5), ("product", 2), ("sensor", 2)]


@pytest.mark.parametrize("name", NAMES)
def test_tables_need_no_reader_feature(planted, name):
    protocol = DeltaTable(planted.store.path(name)).protocol()
    assert protocol.min_reader_version == 1
    assert not protocol.reader_features


@pytest.mark.parametrize("table", TABLES, ids=NAMES)
def test_every_table_and_column_has_a_comment(spark, planted, table):
    fields = spark.table(planted.store.table(table.name)).schema.fields
    assert [field.name for field in fields] == list(table.names)
    assert all(field.metadata.get("comment") for field in fields)
    assert DeltaTable(planted.store.path(table.name)).metadata().description
