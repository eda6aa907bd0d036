"""Every table of a store as two engines that are not Spark read it."""

from __future__ import annotations

from collections import Counter
from datetime import timedelta

import duckdb
import numpy as np
import planted as plan
import pyarrow as pa
import pytest
from deltalake import DeltaTable
from monitors import context_of, report_rows, run, spec_of
from source_tables import closing_row, day_rows, day_start, write

from sparkdrift.embedded import asking as embedded
from sparkdrift.embedded import dashboards
from sparkdrift.embedded.unanswered import UnansweredError
from sparkdrift.health.judged import judged
from sparkdrift.references.life import Name
from sparkdrift.report.page.document import page
from sparkdrift.report.page.material import of_rows
from sparkdrift.spark import querying
from sparkdrift.spark.fleet import read_fleet
from sparkdrift.spark.health_findings import stored_by_ask, stored_by_spark
from sparkdrift.spark.profiles import stored_windows
from sparkdrift.spark.reference_life import read_references, references_of, references_query
from sparkdrift.spark.report_rows import ReportRows, watched_metric
from sparkdrift.spark.runs import looked_up
from sparkdrift.spark.schemas import TABLES
from sparkdrift.spark.sql import quote
from sparkdrift.spark.views import VIEWS
from sparkdrift.steps import freezing_inputs, reference
from sparkdrift.steps.answering import answer_verdict
from sparkdrift.steps.freezing import Wanted
from sparkdrift.steps.health import judge_monitors, known_by_ask
from sparkdrift.steps.promotion import Decision
from sparkdrift.steps.recalibrate import recalibrate
from sparkdrift.steps.snapshot import snapshot_reference
from sparkdrift.windows import Window
from tests.unit.report.page.made_rows import MADE

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


def scored_spec(folder):
    """A second monitor, whose evaluation is watched and whose dashboard has a table."""
    return spec_of(
        folder / "scored",
        monitor="scored",
        features={"numeric": ["amount"]},
        prediction={"score": "score", "label": "label", "label_delay": "1 day"},
        degraded={"metric": "accuracy", "tolerated_loss": 0.05},
        feedback={"shaped": "shaped", "limit": 0.9},
        drift={"comparisons": ["baseline", "training"]},
        operations={"small": {"expression": "amount < 90"}},
        on_verdict=[{"verdicts": list(TOLD), "table": True}],
        evaluation={
            "sets": {"holdout": {"path": str(folder / "holdout")}},
            "thresholds": {"approve": {"value": 0.5, "target": {"capacity": 0.2}}},
            "dashboard": {
                "path": str(folder / "dashboard"),
                **{name: name for name in ("time", "metric", "value", "model")},
                "limit": "at_least",
            },
        },
    )


def shown_by_dashboard() -> pa.Table:
    """Two values on the first day, of which the later counts; another model's; one without."""
    rows = [
        (day_start(0), "Accuracy", 0.9, "scored"),
        (day_start(0) + timedelta(hours=5), " accuracy", 0.8, "scored"),
        (day_start(1), "accuracy", None, "scored"),
        (day_start(1), "accuracy", 0.1, "another"),
        (None, "accuracy", 0.2, "scored"),
        (day_start(2), "roc_auc", 0.7, "scored"),
    ]
    columns = [pa.array(one) for one in zip(*rows, strict=True)]
    named = dict(zip(("time", "metric", "VALUE", "model"), columns, strict=True))
    return pa.table(named | {"at_least": pa.array([1] * len(rows), pa.int32())})


def evaluate_another(spark, store, folder):
    """The second monitor's run; a threshold is proposed for it, its verdict told and answered."""
    rng = np.random.default_rng(SEED)
    closing = labelled(closing_row(SCORED_DAYS), rng)
    days = [labelled(day_rows(day, 400, rng), rng) for day in range(SCORED_DAYS)]
    write(spark, folder / "scored", pa.concat_tables([*days, closing]))
    write(spark, folder / "holdout", labelled(day_rows(-9, 800, rng), rng))
    write(spark, folder / "dashboard", shown_by_dashboard())
    spec = scored_spec(folder)
    run(spark, store, spec, "scored", as_of=day_start(SCORED_DAYS))
    context = context_of(spark, store, "proposal")
    recalibrate(context, spec, 2)
    answer_verdict(context, spec, "accepted", None, by="tests", reason="as expected")
    context.journal.close()


def labelled(rows: pa.Table, rng) -> pa.Table:
    """Rows with a score, a label that is 1 as often as it says, and whether it was acted on."""
    score = rng.random(rows.num_rows)
    label = pa.array((rng.random(rows.num_rows) < score).astype(np.int32))
    place = rows.schema.get_field_index("score")
    shaped = pa.array(rng.random(rows.num_rows) < 0.3, mask=rng.random(rows.num_rows) < 0.1)
    scored = rows.set_column(place, "score", pa.array(score))
    return scored.append_column("label", label).append_column("shaped", shaped)


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


@pytest.mark.parametrize("monitor", ["planted", "scored"])
def test_pages_need_no_java(spark, store, planted, workspace, monitor):
    """Each question that a page asks has the same answer from both, with something in each, and the
    page is the same, whatever order rows without one come in."""

    def place(row):
        return [str(value) for value in row.values() if not isinstance(value, float)]

    def ordered(found):
        if isinstance(found, dict):
            return {key: ordered(one) for key, one in found.items()}
        if isinstance(found, list):
            return sorted(
                found, key=lambda row: [str(v) for v in row.values() if not isinstance(v, float)]
            )
        return found

    spec = scored_spec(workspace) if monitor == "scored" else plan.planted_spec(planted.path)
    with report_rows(spark, store) as rows:
        ours = rows.everything(spec, 365)
        fleet = rows.fleet(), rows.unjudged()
    with embedded.asking(store, store.local) as ask:
        rows = ReportRows(ask, dashboards.told_by_dashboard)
        theirs = rows.everything(spec, 365)
        assert alike((rows.fleet(), rows.unjudged()), fleet)
    assert theirs.keys() == ours.keys()
    for name, found in ours.items():
        assert alike(ordered(theirs[name]), ordered(found)), name
    pages = [
        page(spec, of_rows(one, watched_metric(spec), "a store", MADE, "1"))
        for one in (ours, theirs)
    ]
    assert pages[0] == pages[1]
    assert len(fleet[0]) == 2
    if monitor == "scored":
        assert [(one["value"], one["limit"]) for one in ours["dashboard"]] == [(0.8, 1), (None, 1)]
        assert ours["measured"]
        assert ours["staleness"]
        assert ours["performance"]
    else:
        assert ours["shapes"]
        assert ours["debts"]


def test_health_is_judged_alike(spark, store, planted, workspace):
    """Each question of health has the same answer from both, to the last letter: what a verdict
    follows from is told by a digest, and may be read by either the next day."""
    specs = [scored_spec(workspace), plan.planted_spec(planted.path)]
    ours = stored_by_spark(spark, store, specs)
    with embedded.asking(store, store.local) as ask:
        theirs = stored_by_ask(ask, specs)
    for spec in specs:
        name = spec.monitor
        assert Counter(map(repr, theirs.rows[name])) == Counter(map(repr, ours.rows[name]))
        assert theirs.events[name] == ours.events[name]
        found = [judged(spec, one.rows[name], one.events[name]) for one in (ours, theirs)]
        assert [one.digest for one in found[0].assessed.health] == [
            one.digest for one in found[1].assessed.health
        ]
    alerts = [row for rows in ours.rows.values() for row in rows if row.part == "alert"]
    # A column that is told alone is no list of columns: its comparisons are those of its debt.
    assert {row.words for row in alerts} == {None}
    parts = {row.part for rows in ours.rows.values() for row in rows}
    assert {"window", "health", "term", "alert", "coverage", "staleness"} <= parts


@pytest.mark.parametrize("run_id", [None, "scored"])
def test_what_is_asked_while_java_starts_is_the_same(spark, store, planted, workspace, run_id):
    """Before verdicts are written, and before a version of a reference is made."""
    spec = scored_spec(workspace)
    context = context_of(spark, store, "ahead")
    other = plan.planted_spec(planted.path)
    wanted = Wanted(
        Name(other.monitor, "baseline", "baseline"), Window(day_start(0), day_start(SCORED_DAYS))
    )
    with embedded.asking(store, store.local) as ask:
        health = known_by_ask(ask, [spec], run_id)
        version = freezing_inputs.known_by_ask(ask, other, wanted)
    assert health.judged == judge_monitors(context, [spec])
    assert health.looked_up == looked_up(spark, store, [spec.monitor], run_id)
    assert bool(health.looked_up[spec.monitor].attempts) == (run_id is not None)
    assert version.windows == stored_windows(spark, store, other)
    assert len(version.windows) > SCORED_DAYS
    assert version.references == read_references(spark, store, other.monitor)
    assert wanted.name in version.references


def test_lists_need_no_java(spark, store, planted):
    """The fleet as of one time, and all versions of references."""
    monitor = plan.planted_spec(planted.path).monitor
    with embedded.asking(store, store.local) as ask, querying.asking(spark, store) as by_spark:
        fleets = [read_fleet(one, day_start(99)) for one in (by_spark, ask)]
        found = references_of(monitor, ask(references_query(quote, monitor), 1000))
    assert alike(*fleets)
    assert len(fleets[0]) == 2
    assert found == read_references(spark, store, monitor)
    assert sum(len(one.versions) for one in found.values()) > 1


@pytest.mark.parametrize(
    "odd",
    [
        {"filter": "value > 0"},
        {"path": "s3://bucket/dashboard"},
        {"path": None, "table": "main.metrics"},
        {"value": "model"},
        {"time": "gone"},
    ],
    ids=str,
)
def test_a_dashboard_that_needs_spark_is_left_to_it(store, workspace, odd):
    spec = scored_spec(workspace)
    dashboard = spec.dashboard.model_copy(update=odd)
    evaluation = spec.evaluation.model_copy(update={"dashboard": dashboard})
    with pytest.raises(UnansweredError, match="dashboard"):
        dashboards.told_by_dashboard(spec.model_copy(update={"evaluation": evaluation}))


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


def alike(ours: object, theirs: object) -> bool:
    """The same values of the same types; sums, in another order, to the last digits."""
    if isinstance(ours, float) and isinstance(theirs, float):
        return ours == pytest.approx(theirs, rel=1e-9, nan_ok=True)
    if isinstance(ours, dict) and isinstance(theirs, dict):
        return alike(list(ours.items()), list(theirs.items()))
    if isinstance(ours, list | tuple) and isinstance(theirs, list | tuple):
        return len(ours) == len(theirs) and all(map(alike, ours, theirs))
    return type(ours) is type(theirs) and ours == theirs


READ = (*VIEWS, "credit_profile_metrics", "credit_drift_metrics")
QUERIES = """
SELECT count(*), count(d.psi), max(d.window_start) FROM drift AS d;
SELECT column_name, count(*) AS n, round(avg(psi), 3) AS psi FROM current_drift
WHERE window_start >= '2024-01-03' AND column_name NOT LIKE 'metric:%'
GROUP BY column_name HAVING count(*) > 1 ORDER BY psi DESC, column_name;
SELECT max_by(reason, psi) AS reason, min_by(column_name, -psi) AS psi, sum(row_count) AS rows,
  count_if(alerting) AS alerting, bool_or(alerting) AS any, bool_and(alerting) AS every,
  sum(psi) FILTER (WHERE status = 'ok') AS calm FROM drift;
SELECT window_start, quantiles[50] AS median, null_count / row_count AS share,
  CAST(row_count AS STRING) AS text, CAST(window_start AS DATE) AS day
FROM profiles WHERE kind = 'numeric' AND row_count > 0 AND quantiles IS NOT NULL
ORDER BY monitor, window_start, slice_key, slice_value, column_name;
SELECT monitor, column_name, psi, lag(psi) OVER (PARTITION BY column_name ORDER BY window_start)
  AS before, row_number() OVER (PARTITION BY column_name ORDER BY psi, window_start) AS place
FROM drift WHERE comparison = 'baseline' AND monitor = 'credit'
ORDER BY column_name, place LIMIT 12;
SELECT date_trunc('week', window_start) AS window_start, count(*) AS n FROM profiles
GROUP BY date_trunc('week', window_start) ORDER BY window_start;
WITH newest AS (SELECT monitor, max(window_start) AS at FROM profiles GROUP BY monitor)
SELECT p.column_name, p.row_count FROM profiles AS p
JOIN newest AS n ON n.monitor = p.monitor AND p.window_start = n.at
ORDER BY p.column_name, p.row_count;
SELECT upper(status), lower(coalesce(reason, 'NONE')) AS reason, greatest(psi, 0.1D) AS x,
  least(psi, 0.1D) AS y, abs(effect - 1) AS z, nullif(status, 'ok') AS s,
  CASE WHEN psi > 0.2 THEN 'far' WHEN psi IS NULL THEN NULL ELSE 'near' END AS how
FROM drift ORDER BY status, reason, psi, effect, window_start LIMIT 40;
SELECT 'a,b' AS x, array(1, 2) AS y, 1, NULL AS nothing, try_divide(1, 0) AS divided;
SELECT step, inputs[0].role AS role FROM runs WHERE size(inputs) > 0 ORDER BY step, role;
SELECT DISTINCT status FROM drift UNION ALL SELECT severity FROM alerts ORDER BY 1;
SELECT one.item AS item, sum(one.count) AS rows
FROM (SELECT explode(frequent_items) AS one FROM profiles WHERE column_name = 'product') AS listed
GROUP BY one.item ORDER BY item;
SELECT * EXCEPT (kll, categories, hll, moments) FROM profiles
ORDER BY monitor, window_start, granularity, slice_key, slice_value, column_name LIMIT 20;
SHOW TABLES;
DESCRIBE profiles;
desc table runs;
"""


class TestWithoutJava:
    """`sparkdrift sql` on a folder: every view, and every construct that is not left to Spark."""

    @staticmethod
    def placed(rows):
        return sorted(rows, key=lambda row: [str(v) for v in row if not isinstance(v, float)])

    @pytest.mark.parametrize("name", READ)
    def test_a_view_has_the_same_rows(self, spark, store, name):
        statement = f"SELECT * FROM {name}"
        ours = embedded.ask(store, store.local, statement, 100_000)
        theirs = querying.ask(spark, store, statement, 100_000)
        assert ours.columns == theirs.columns
        assert len(ours.rows) == len(theirs.rows)
        assert len(ours.rows) > 0
        for one, other in zip(self.placed(ours.rows), self.placed(theirs.rows), strict=True):
            for column, mine, sparks in zip(ours.columns, one, other, strict=True):
                assert alike(mine, sparks), (column, mine, sparks)

    @pytest.mark.parametrize("statement", QUERIES.strip().split(";\n"))
    def test_a_query_has_the_same_answer(self, spark, store, statement):
        ours = embedded.ask(store, store.local, statement, 1000)
        theirs = querying.ask(spark, store, statement, 1000)
        assert ours.columns == theirs.columns
        assert len(ours.rows) > 0
        assert alike(ours.rows, theirs.rows), (ours.rows[:5], theirs.rows[:5])
