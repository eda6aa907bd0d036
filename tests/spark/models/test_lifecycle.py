"""The life of models in a store: the fleet, answers to verdicts, hooks, and retirement."""

from __future__ import annotations

import json
import threading
from datetime import datetime, timedelta
from http.server import BaseHTTPRequestHandler, HTTPServer

import pyarrow as pa
import pytest
from monitors import context_of, new_store, rows_of, spec_of, utc
from source_tables import day_start, write

from sparkdrift.cli.retired import unless_retired
from sparkdrift.embedded import without_spark
from sparkdrift.errors import UsageError
from sparkdrift.health.declared import NOBODY, REGISTRY
from sparkdrift.spark.fleet import read_fleet
from sparkdrift.spark.health_tables import HEALTH_EVENTS, MODEL_HEALTH, TRIGGERS
from sparkdrift.spark.model_events import events_of_models
from sparkdrift.spark.querying import asking
from sparkdrift.spark.views import registered
from sparkdrift.spark.writer import rows_frame
from sparkdrift.spec.registry import parse_registry
from sparkdrift.steps.answering import answer_verdict
from sparkdrift.steps.answering_debts import Said
from sparkdrift.steps.declared_models import answer_model_debt, assess_models, life_of_model
from sparkdrift.steps.triggers import fire_hooks

pytestmark = [pytest.mark.spark, pytest.mark.classic]

DAY = timedelta(days=1)
NOW = utc(2025, 6, 10)


def verdict(monitor: str, end: datetime, word: str, since: datetime | None = None, **more):
    """A row of `model_health` for the day that ends at `end`."""
    return {
        "monitor": monitor,
        "window_start": end - DAY,
        "window_end": end,
        "granularity": "day",
        "model_id": monitor,
        "stage": "deployed",
        "verdict": word,
        "since": since or end - DAY,
        "owner": "risk",
        "reasons": [(1.0, "data", f"why {word}", ["drift: amount"])],
        "run_id": "r",
        "package_version": "0",
        **more,
    }


ROWS = [
    # Healthy now, and it was not before.
    verdict("good", NOW - DAY, "retrain", cost=9e9, currency="EUR"),
    verdict("good", NOW, "healthy", cost=0.0, currency="EUR"),
    verdict("cheap", NOW, "retrain", cost=10.0, currency="EUR", severity="major"),
    verdict("dear", NOW, "watch", cost=5000.0, currency="EUR", due=NOW - DAY),
    # Not known what it costs: behind what is known, before nothing.
    verdict("unpriced", NOW, "retrain", loss=0.1, severity="critical"),
    verdict("blind", NOW, "blind"),
    verdict("silent", NOW - 30 * DAY, "healthy"),
    verdict("gone", NOW - 90 * DAY, "blind", stage="retired"),
    # Two monitors of one model, with an owner each.
    verdict("left", NOW, "watch", model_id="shared", cost=100.0, currency="EUR"),
    verdict("right", NOW, "retrain", model_id="shared", cost=50.0, currency="EUR", owner="other"),
    # Sums of two currencies are no sum.
    verdict("euro", NOW, "watch", model_id="abroad", cost=1.0, currency="EUR"),
    verdict("dollar", NOW, "watch", model_id="abroad", cost=1.0, currency="USD"),
    # Two of one weight, of which everything that is told is of the graver.
    *(
        verdict(f"tied {at}", NOW, "retrain", model_id="tied", severity=severity, owner=owner)
        | {"since": NOW - (at + 1) * DAY, "dashboard_status": colour}
        for at, (severity, owner, colour) in enumerate(
            [("major", "a", "green"), ("critical", "b", "red"), ("major", "c", "green")]
        )
    ),
]


@pytest.fixture(scope="module")
def store(spark, workspace):
    made = new_store(spark, workspace / "fleet")
    judge(spark, made, *ROWS)
    return made


def judge(spark, store, *rows) -> None:
    """Append rows to `model_health`, which is quicker than to replace windows."""
    frame = rows_frame(spark, MODEL_HEALTH, rows).repartition(1)
    frame.write.format("delta").mode("append").save(store.path(MODEL_HEALTH.name))


def written(spark, store, table) -> list[dict]:
    return spark.table(store.table(table.name)).orderBy("window_start", "seq").toArrow().to_pylist()


def fleet_of(spark, store, at: datetime) -> list[dict]:
    with asking(spark, store) as ask:
        return read_fleet(ask, at)


def test_the_fleet_has_blind_models_first_then_what_costs_most(spark, store):
    rows = fleet_of(spark, store, NOW + DAY)
    names = [row["model_id"] for row in rows]
    assert names == [
        *("blind", "silent", "dear", "shared", "cheap", "good"),
        *("unpriced", "tied", "abroad", "gone"),
    ]
    assert [row["rank"] for row in rows] == list(range(1, len(rows) + 1))
    by_name = {row["model_id"]: row for row in rows}
    assert [name for name in names if by_name[name]["overdue"]] == ["dear"]
    assert [name for name in names if not by_name[name]["fresh"]] == ["silent", "gone"]
    shared = by_name["shared"]
    assert (shared["verdict"], shared["cost"]) == ("retrain", 150.0)
    assert (shared["owners"], shared["monitors"]) == (["other", "risk"], ["left", "right"])
    tied = by_name["tied"]
    assert (tied["owner"], tied["dashboard_status"], tied["severity"]) == ("b", "red", "critical")
    assert tied["since"] == NOW - 2 * DAY
    assert by_name["abroad"]["cost"] is None
    assert by_name["unpriced"]["cost"] is None


def test_what_declared_models_owe_is_on_the_books(spark, workspace):
    """No monitor, no owner, no fresh verdict: day by day, with what is said of it, and the view."""
    own = new_store(spark, workspace / "declared")
    judge(spark, own, verdict("good", NOW, "healthy"), verdict("silent", NOW - 30 * DAY, "healthy"))
    models = parse_registry(
        "models:\n  good: {owner: a}\n  silent: {owner: a, business_owner: board}\n"
        "  unwatched: {}\n  tried: {stage: shadow}\n"
    ).models
    context = context_of(spark, own)

    def open_on(day: int) -> dict[str, list[tuple]]:
        found = assess_models(context, models, NOW + day * DAY)
        return {
            name: [(one.name, one.status, one.owner, one.opened) for one in owed.debts]
            for name, owed in found.items()
        }

    first = open_on(0)
    assert first == {
        "good": [],
        "silent": [("no fresh verdict", "open", "a", NOW)],
        "unwatched": [
            ("no monitor", "open", NOBODY, NOW), ("no owner", "open", NOBODY, NOW)
        ],
        "tried": [],
    }  # fmt: skip
    assert open_on(0) == first
    events = rows_of(spark, own, "debt_events").to_pylist()
    assert {(row["monitor"], row["kind"], row["action"]) for row in events} == {
        ("model:silent", "ownership", "opened"),
        ("model:unwatched", "ownership", "opened"),
    }
    assert len(events) == 3
    waived = Said("waived", "anna", "a pilot", NOW + 20 * DAY)
    said = answer_model_debt(context, models, "unwatched", "no monitor", waived, NOW + DAY)
    assert [one.status for one in said.debts] == ["waived", "open"]
    with pytest.raises(UsageError, match="did you mean 'no monitor'"):
        answer_model_debt(context, models, "unwatched", "no monitr", waived, NOW + DAY)
    with pytest.raises(UsageError, match="is in the past"):
        answer_model_debt(context, models, "unwatched", "no monitor", waived, NOW + 20 * DAY)
    with pytest.raises(UsageError, match="did you mean 'unwatched'"):
        answer_model_debt(context, models, "unwached", "no monitor", waived, NOW)
    judge(spark, own, verdict("silent", NOW + 40 * DAY, "healthy"))
    late = open_on(40)
    assert [one[:2] for one in late["unwatched"]] == [("no monitor", "open"), ("no owner", "open")]
    # Its verdict is fresh again; that of the model beside it is not any more.
    assert (late["silent"], [one[0] for one in late["good"]]) == ([], ["no fresh verdict"])
    told = [one.action for one in life_of_model(context, models, "unwatched", "no monitor", NOW)]
    assert told == ["opened", "waived", "reopened"]
    # A model that nobody declares any more keeps its books, and they can be answered.
    gone = {name: model for name, model in models.items() if name != "unwatched"}
    for action in ("waived", "acknowledged"):
        until = NOW + 90 * DAY if action == "waived" else None
        seen = Said(action, "anna", "sold", until)
        left = answer_model_debt(context, gone, "unwatched", "no owner", seen, NOW + 41 * DAY)
        assert [(one.name, one.status) for one in left.debts] == [
            ("no monitor", "open"), ("no owner", "waived")
        ]  # fmt: skip
    context.journal.close()
    with asking(spark, own) as ask:
        by_spark = events_of_models(ask)
    assert by_spark == without_spark(own, events_of_models)
    assert set(by_spark) == {"model:good", "model:silent", "model:unwatched"}
    with registered(spark, own, "debts"):
        rows = spark.sql(
            "SELECT monitor, debt, kind, status, windows > 1 AND age_days > 0 AS aged,"
            " datediff(due, window_start) AS days, opened_by FROM debts"
        )
        found = {(row[0], row[1]): tuple(row)[2:] for row in rows.collect()}
    assert found["model:unwatched", "no monitor"] == ("ownership", "open", True, 8, REGISTRY)
    assert found["model:unwatched", "no owner"] == ("ownership", "waived", True, 31, REGISTRY)
    assert found["model:silent", "no fresh verdict"][:2] == ("ownership", "closed")


def test_the_view_says_the_same_by_the_clock(spark, store):
    with registered(spark, store, "fleet"):
        plan = spark.sql("EXPLAIN SELECT * FROM fleet").collect()[0][0]
        rows = spark.sql("SELECT model_id, fresh FROM fleet").collect()
    # Long ago by now: nobody's verdict is fresh.
    assert {row["fresh"] for row in rows} == {False}
    # One scan of the verdicts, cut down before anything is moved, without what nobody asked for.
    assert plan.count("model_health") <= 2
    scan = next(line for line in plan.splitlines() if "FileScan" in line and "verdict" in line)
    assert "reasons" not in scan
    assert plan.index("WindowGroupLimit") < plan.index("FileScan")


def test_an_answer_stands_beside_the_verdict_for_as_long_as_that_stands(spark, workspace):
    own = new_store(spark, workspace / "answers")
    spec, since = spec_of(workspace / "none"), NOW - 2 * DAY
    judge(spark, own, verdict("credit", NOW, "retrain", since))
    context = context_of(spark, own)
    for row, (action, by) in enumerate([("declined", "risk"), ("accepted", "board")], 1):
        done = answer_verdict(context, spec, action, None, by=by, reason="because")
        assert (done.seq, done.verdict["verdict"]) == (row, "retrain")
    with pytest.raises(UsageError, match=r"2025-06-01 00:00 UTC has no verdict; the newest one is"):
        answer_verdict(context, spec, "accepted", utc(2025, 6, 1), by="a", reason="b")
    with pytest.raises(UsageError, match="--reason is empty"):
        answer_verdict(context, spec, "accepted", None, by="a", reason=" ")
    nobody = spec_of(workspace / "none", monitor="other")
    with pytest.raises(UsageError, match="no verdict yet"):
        answer_verdict(context, nobody, "accepted", None, by="a", reason="b")
    assert answer_of(spark, own) == ("accepted", "board")
    # What is said to an older window, of another verdict, takes nothing from it.
    judge(spark, own, verdict("credit", NOW - 5 * DAY, "watch"))
    older = answer_verdict(context, spec, "declined", NOW - 6 * DAY, by="late", reason="because")
    assert (older.seq, older.verdict["verdict"]) == (3, "watch")
    assert answer_of(spark, own) == ("accepted", "board")
    # Still the same verdict a day later; then it ends, and so does what was said to it.
    judge(spark, own, verdict("credit", NOW + DAY, "retrain", since))
    assert answer_of(spark, own) == ("accepted", "board")
    judge(spark, own, verdict("credit", NOW + 2 * DAY, "healthy"))
    assert answer_of(spark, own) == (None, None)
    with pytest.raises(UsageError, match="is healthy: nobody has to answer"):
        answer_verdict(context, spec, "accepted", None, by="a", reason="b")
    judge(spark, own, verdict("credit", NOW + 3 * DAY, "retrain"))
    assert answer_of(spark, own) == (None, None)
    assert len(written(spark, own, HEALTH_EVENTS)) == 3
    # Weeks from now on: one row of the monitor, that of the window that ends last.
    week = {"window_start": NOW - 3 * DAY, "granularity": "week"}
    judge(spark, own, verdict("credit", NOW + 4 * DAY, "watch") | week)
    with registered(spark, own, "latest_health"):
        rows = spark.sql("SELECT granularity, verdict FROM latest_health").collect()
    assert [tuple(row) for row in rows] == [("week", "watch")]


def answer_of(spark, store) -> tuple:
    with registered(spark, store, "latest_health"):
        (row,) = spark.sql("SELECT answer, answered_by FROM latest_health").collect()
    return tuple(row)


@pytest.fixture
def receiver():
    """(url, received documents, codes to answer with) of a web server on loopback."""
    received: list[dict] = []
    codes: list[int] = []

    class Receiver(BaseHTTPRequestHandler):
        def do_POST(self):
            received.append(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
            self.send_response(codes.pop(0) if codes else 200)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *_):
            pass

    server = HTTPServer(("127.0.0.1", 0), Receiver)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}/path?token=abc", received, codes
    server.shutdown()
    server.server_close()
    thread.join()


def test_hooks_fire_once_for_a_verdict_and_a_failure_loses_nothing(
    spark, workspace, receiver, monkeypatch
):
    url, received, codes = receiver
    own = new_store(spark, workspace / "hooks")
    webhook = {"url": url, "secret_env": "HOOK_SECRET", "attempts": 1}
    spec = spec_of(
        workspace / "none",
        model={"version": "7"},
        on_verdict=[
            {"verdicts": ["retrain", "blind"], "table": True},
            {"verdicts": ["retrain"], "name": "oncall", "webhook": webhook},
        ],
    )

    def ended() -> dict[str, str]:
        context = context_of(spark, own)
        found = {one.hook: one.status for one in fire_hooks(context, spec)}
        context.journal.close()
        return found

    assert ended() == {}
    judge(spark, own, verdict("credit", NOW - DAY, "healthy"))
    assert ended() == {}
    judge(spark, own, verdict("credit", NOW, "retrain"))
    # No secret, then nobody who takes it: the table's row is there from the first time on.
    assert ended() == {"table": "written", "oncall": "failed"}
    assert received == []
    monkeypatch.setenv("HOOK_SECRET", "s3cr3t")
    codes.append(500)
    assert ended() == {"oncall": "failed"}
    assert ended() == {"oncall": "sent"}
    # The same verdict a day later is the same verdict.
    judge(spark, own, verdict("credit", NOW + DAY, "retrain", NOW - DAY))
    assert ended() == {}
    assert len(received) == 2
    assert received[0]["delivery"] == received[1]["delivery"]
    assert (received[1]["verdict"], received[1]["previous"]) == ("retrain", "healthy")
    judge(spark, own, verdict("credit", NOW + 2 * DAY, "blind"))
    assert ended() == {"table": "written"}
    rows = written(spark, own, TRIGGERS)
    told = [(one["hook"], one["seq"], one["verdict"], one["status"]) for one in rows]
    assert sorted(told) == [
        ("oncall", 1, "retrain", "failed"),
        ("oncall", 2, "retrain", "failed"),
        ("oncall", 3, "retrain", "sent"),
        ("table", 1, "blind", "written"),
        ("table", 1, "retrain", "written"),
    ]
    assert {one["window_start"] for one in rows if one["verdict"] == "retrain"} == {NOW - DAY}
    for secret in ("s3cr3t", "abc", "path"):
        assert secret not in str(rows)
    runs = spark.table(own.table("runs")).where("step = 'triggers'").toArrow().to_pylist()
    assert "the verdict is stored" in str(runs)
    assert "s3cr3t" not in str(runs)


def test_a_retired_model_is_left_alone_and_what_is_still_scored_is_owed(spark, workspace):
    own = new_store(spark, workspace / "retired")
    ts = pa.array([day_start(0), day_start(5)], pa.timestamp("us", tz="UTC"))
    write(spark, workspace / "scored", pa.table({"ts": ts, "amount": [1.0, 2.0]}))

    def skipped(retired_at: str | None, *, dry: bool = False):
        model = {"stage": "retired"} | ({"retired_at": retired_at} if retired_at else {})
        spec = spec_of(workspace / "scored", features={"numeric": ["amount"]}, model=model)

        def step(*_):
            raise AssertionError("a retired model was watched")

        return unless_retired(step, dry=dry)(context_of(spark, own), spec, Bars())

    judge(spark, own, verdict("credit", day_start(4), "watch", cost=9.0, open_debts=2))
    assert skipped("2024-06-01", dry=True).code == 0
    assert [row["stage"] for row in fleet_of(spark, own, NOW)] == ["deployed"]
    quiet = skipped("2024-06-01")
    # It is no blind model at the top for ever, and what is not measured is no figure.
    (row,) = fleet_of(spark, own, NOW)
    assert (row["stage"], row["blind"], row["cost"], row["open_debts"]) == (
        *("retired", False),
        *(None, None),
    )
    assert row["window_end"] == utc(2024, 6, 2)
    assert (quiet.code, quiet.remarks) == (0, ())
    assert quiet.text == (
        "skipped: model credit is retired since 2024-06-01; nothing is watched any more"
    )
    assert skipped(None).facts["skipped"] == "retired"
    assert spark.table(own.table("model_health")).count() == 2
    debts = spark.table(own.table("debt_events"))
    assert skipped("2024-01-03", dry=True).remarks
    assert debts.count() == 0
    for _ in range(2):
        told = skipped("2024-01-03")
        assert told.code == 0
        assert "has rows of 2024-01-06 00:00 UTC" in told.remarks[0]
    (owed,) = spark.table(own.table("debt_events")).toArrow().to_pylist()
    assert (owed["debt"], owed["kind"], owed["severity"]) == (
        *("retired but scored", "ownership", "critical"),
    )


@pytest.mark.parametrize("days", [-90, 3], ids=["long ago", "lately"])
def test_a_retired_monitor_says_nothing_of_a_model_that_is_watched(spark, workspace, days):
    own = new_store(spark, workspace / f"versions{days}")
    gone = {"model_id": "m", "stage": "retired", "confidence": 0.0, "owner": "before"}
    used = {"model_id": "m", "confidence": 0.8, "severity": "major", "owner": "risk"}
    judge(
        spark,
        own,
        verdict("old", NOW + days * DAY, "blind", **gone),
        verdict("new", NOW, "watch", **used),
    )
    at = NOW + DAY
    for rows in (fleet_of(spark, own, at), without_spark(own, lambda ask: read_fleet(ask, at))):
        (row,) = rows
        assert (row["stage"], row["verdict"], row["owner"]) == ("deployed", "watch", "risk")
        assert (row["blind"], row["fresh"], row["stale_monitors"]) == (False, True, [])
        assert (row["confidence"], row["severity"]) == (0.8, "major")
        assert row["monitors"] == ["new", "old"]


class Bars:
    def begin(self, text: str) -> None:
        assert text
