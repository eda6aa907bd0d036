"""Rows that the model shaped: their share per window, at the gate, and what is told without it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from monitors import context_of, new_store, profile_only, rows_of, run, spec_of
from reading import rows_read
from scipy import stats
from source_tables import closing_row, day_rows, day_start, write

from sparkdrift import api
from sparkdrift.spark.staleness import newest_staleness
from sparkdrift.spark.views import registered
from sparkdrift.spec.models import MonitorSpec
from sparkdrift.steps import reference
from sparkdrift.steps.freezing import Wanted
from sparkdrift.steps.snapshot import Freeze, snapshot_by_hand
from sparkdrift.store import Store
from sparkdrift.windows import Window, day_of

pytestmark = pytest.mark.spark

SEED, DAYS, ROWS = 59, 8, 600
SHARES = (0.05, 0.05, 0.05, 0.05, 0.1, 0.2, 0.4, 0.6)
UNKNOWN = 0.1
SECTIONS = {
    "features": {"numeric": ["amount"], "categorical": ["product"]},
    "slices": ["region"],
    "reference": {"begin": "2024-01-01", "end": "2024-01-05"},
    "feedback": {"shaped": "acted_on"},
    "sketch": {"k": 8192},
    "drift": {"multivariate": False},
}


@dataclass(frozen=True)
class Fed:
    path: Path
    spec: MonitorSpec
    store: Store
    rows: pa.Table

    def known(self, first: int, last: int) -> np.ndarray:
        """Of the days from `first` up to `last`: rows of which it is known, true where shaped."""
        at = np.array([(one - day_start(0)).days for one in self.rows["ts"].to_pylist()])
        inside = pa.array((at >= first) & (at < last))
        return self.rows["acted_on"].filter(inside).drop_null().to_numpy()


def one_day(day: int, rng: np.random.Generator) -> pa.Table:
    acted = rng.random(ROWS) < SHARES[day]
    column = pa.array(acted, mask=rng.random(ROWS) < UNKNOWN)
    return day_rows(day, ROWS, rng).append_column("acted_on", column)


@pytest.fixture(scope="module")
def fed(spark, workspace) -> Fed:
    rng = np.random.default_rng(SEED)
    closing = closing_row(DAYS).append_column("acted_on", pa.array([True]))
    rows = pa.concat_tables([*(one_day(day, rng) for day in range(DAYS)), closing])
    path = workspace / "source"
    write(spark, path, rows)
    spec, store = spec_of(path, **SECTIONS), new_store(spark, workspace / "store")
    run(spark, store, spec, "first")
    return Fed(path, spec, store, rows)


def asked(spark, store: Store, query: str) -> list[dict]:
    with registered(spark, store, query):
        return spark.sql(query).toArrow().to_pylist()


def test_each_window_and_slice_has_its_share_with_its_interval(spark, fed):
    found = asked(spark, fed.store, "SELECT * FROM feedback ORDER BY window_start")
    whole = [one for one in found if one["slice_key"] == "*"]
    assert len(whole) == DAYS
    assert {one["slice_key"] for one in found} == {"*", "region"}
    for day, row in enumerate(whole):
        known = fed.known(day, day + 1)
        hits = int(known.sum())
        assert (row["rows"], row["known_rows"], row["shaped_rows"]) == (ROWS, len(known), hits)
        ends = stats.binomtest(hits, len(known)).proportion_ci(0.95, method="wilson")
        assert row["share"] == pytest.approx(hits / len(known)), (SEED, day)
        assert (row["low"], row["high"]) == pytest.approx((ends.low, ends.high)), (SEED, day)


@pytest.mark.classic
def test_python_is_told_the_same(spark, fed):
    found = api.feedback(fed.spec, str(fed.store), spark=spark)
    shares = {one["window_start"]: one["share"] for one in found.windows.dicts()}
    for day in range(DAYS):
        known = fed.known(day, day + 1)
        assert shares[day_start(day)] == pytest.approx(known.mean()), (SEED, day)
    assert found.features is None
    assert found.told


@pytest.mark.classic
def test_the_gate_blocks_a_version_that_the_model_shaped(spark, fed):
    context = context_of(spark, fed.store, "freeze")
    wanted = Wanted(reference.named(fed.spec), Window(day_start(5), day_start(8)))
    done = snapshot_by_hand(context, fed.spec, wanted, Freeze(True))
    (row,) = rows_of(spark, fed.store, "reference_checks", "check_name = 'shaped'").to_pylist()
    assert row["value"] == pytest.approx(fed.known(5, 8).mean()), SEED
    assert (row["verdict"], row["limit_value"]) == ("blocked", 0.2)
    assert any(line.startswith("shaped: ") for line in done.blocked)
    assert "of 1" in row["reason"]  # about a tenth of the rows is not known


def test_staleness_of_the_training_data_is_told_per_column_and_as_one_figure(
    spark, fed, workspace, tmp_path
):
    """Trained on the first two days, but for one product, and on amounts one sd lower."""
    early = fed.rows.filter(pa.array([one < day_start(2) for one in fed.rows["ts"].to_pylist()]))
    early = early.filter(pa.compute.not_equal(early["product"], "lease"))
    lower = pa.compute.subtract(early["amount"], 20.0)
    early = early.set_column(early.schema.get_field_index("amount"), "amount", lower)
    write(spark, tmp_path / "training", early)
    store = new_store(spark, tmp_path / "store")
    spec = spec_of(fed.path, **{**SECTIONS, "drift": {"comparisons": ["baseline", "training"]}})
    wanted = Wanted(reference.named(spec, "training"), path=str(tmp_path / "training"))
    snapshot_by_hand(context_of(spark, store, "training"), spec, wanted, Freeze(True))
    run(spark, store, spec, "first")

    rows = asked(spark, store, "SELECT * FROM training_staleness")
    newest = {one["column_name"]: one for one in rows if one["window_start"] == day_start(DAYS - 1)}
    assert set(newest) == {":all", "amount", "product"}
    whole, amount, product = (newest[one] for one in (":all", "amount", "product"))

    # The day of its newest row, and not the instant.
    last = day_of(max(early["ts"].to_pylist()))
    assert whole["newest_event"] == last
    assert whole["age_days"] == pytest.approx(
        (day_start(DAYS) - last).total_seconds() / 86400, abs=1e-4
    )
    inside = pa.array([one >= day_start(DAYS - 1) for one in fed.rows["ts"].to_pylist()])
    seen = fed.rows.filter(inside).slice(0, ROWS)
    lease = np.mean(np.array(seen["product"].to_pylist()) == "lease")
    assert product["outside_share"] == pytest.approx(lease)
    high = np.mean(seen["amount"].to_numpy() > early["amount"].to_numpy().max())
    assert amount["outside_share"] == pytest.approx(high, abs=2 / ROWS)
    assert amount["effect"] == pytest.approx(1.0, abs=0.3)
    assert whole["outside_share"] == max(amount["outside_share"], product["outside_share"])
    assert whole["effect"] == max(amount["effect"], product["effect"])
    assert (whole["measured"], whole["columns"]) == (2, 2)
    assert {one["first_material"] for one in newest.values()} == {day_start(0)}

    (told, *_) = newest_staleness(spark, store, spec)
    assert told["column_name"] == ":all"
    assert newest_staleness(spark, fed.store, fed.spec) == []


@pytest.mark.classic
def test_the_share_costs_no_scan_of_its_own(spark, fed, workspace):
    """The source is scanned as often as without the section."""
    read = []
    for name, sections in (
        ("with", SECTIONS),
        ("without", {key: one for key, one in SECTIONS.items() if key != "feedback"}),
    ):
        store = new_store(spark, workspace / name)
        with rows_read(spark) as scans:
            profile_only(spark, store, spec_of(fed.path, **sections), name)
        read.append(len(scans))
    assert read[0] == read[1]
