"""What is made of scores leaves with the rows it was made of: states, performance, sets."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest
import source_tables
from monitors import context_of, new_store, run, spec_of

from sparkdrift.references.life import Name
from sparkdrift.spark.erased_rows import HOLDING
from sparkdrift.spark.evaluation_states import frozen_scores
from sparkdrift.spark.pruned_rows import OF_WINDOWS
from sparkdrift.spark.reference_life import read_references
from sparkdrift.steps.context import Options
from sparkdrift.steps.forget import forget
from sparkdrift.steps.freezing import Wanted
from sparkdrift.steps.snapshot import Freeze, snapshot_by_hand
from sparkdrift.windows import Window

pytestmark = pytest.mark.spark

ROWS = 200
NAME = Name("credit", "evaluation", "recent")


def states(spark, store) -> dict[tuple[int, str], float]:
    """Rows with a usable score by day and name, of the whole table."""
    rows = spark.table(store.table("states")).where("kind = 'scores' AND slice_key = '*'")
    found = rows.selectExpr(
        "datediff(window_start, DATE'2024-01-01') AS day",
        "name",
        "aggregate(filter(sequence(0, size(cells) - 4), i -> i % 12 = 0), 0D,"
        " (a, i) -> a + cells[i]) AS rows",
    )
    return {(row["day"], row["name"]): row["rows"] for row in found.collect()}


# Minutes: test_forget has erasures of every other table in the usual selection.
@pytest.mark.slow
@pytest.mark.classic
def test_after_an_erasure_states_sets_and_performance_are_without_the_rows(spark, tmp_path_factory):
    home = tmp_path_factory.mktemp("erasure")
    rng = np.random.default_rng(1)
    rows = source_tables.days(0, 3, ROWS, rng)
    label = (rng.random(len(rows)) < rows.column("score").to_numpy()).astype(float)
    rows = rows.append_column("y", pa.array(label)).append_column("id", pa.array(range(len(rows))))
    source_tables.write(spark, home / "log", rows)
    spec = spec_of(
        home / "log",
        features={"numeric": ["amount"]},
        prediction={"score": "score", "label": "y"},
        evaluation={
            "sets": {"recent": {"path": str(home / "log")}},
            "thresholds": {"accept": {"value": 0.3}},
        },
    )
    store = new_store(spark, home / "store")
    interval = Window(source_tables.START, source_tables.day_start(2))
    # Before the first run, which would freeze what the spec says.
    context = context_of(spark, store)
    snapshot_by_hand(context, spec, Wanted(NAME, interval=interval), Freeze(force=True))
    plain = spec.model_copy(update={"evaluation": spec.evaluation.model_copy(update={"sets": {}})})
    run(spark, store, plain)
    assert states(spark, store) == {(day, ":none:0"): ROWS for day in range(3)}
    spark.sql(f"DELETE FROM delta.`{home / 'log'}` WHERE id IN (0, 1, 2)").collect()
    context = context_of(spark, store)
    done = forget(context, plain, Options(), by="test", retain_hours=168)
    context.journal.close()
    # Of all days whose files were written anew: which these are is up to Delta.
    assert source_tables.START in {one.start for one in done.windows}
    assert states(spark, store)[0, ":none:0"] == ROWS - 3
    performed = spark.table(store.table("performance")).where("slice_key = '*'")
    counted = performed.selectExpr("datediff(window_start, DATE'2024-01-01') AS day", "rows")
    assert {(row["day"], row["rows"]) for row in counted.distinct().collect()} == {
        *((0, ROWS - 3), (1, ROWS), (2, ROWS)),
    }
    stored = read_references(spark, store, "credit", [NAME])[NAME]
    assert stored.states == {1: "erased", 2: "active"}
    (one,) = frozen_scores(spark, store, NAME, stored.by_number[2])
    assert sum(one.cells[:-3:12]) == 2 * ROWS - 3
    kept = spark.table(store.table("reference_profiles")).where("version = 1").count()
    assert kept == 0


@pytest.mark.classic
def test_all_tables_of_evaluation_are_erased_and_pruned() -> None:
    for tables in (HOLDING, OF_WINDOWS):
        assert {"performance", "eval_staleness", "operations", "states"} <= {
            table.name for table in tables
        }
