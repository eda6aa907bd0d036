"""The planted story is really in the rows, and nothing else is."""

from __future__ import annotations

import subprocess
import sys
from datetime import date, timedelta
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pytest
import yaml
from scipy import stats
from sklearn.metrics import roc_auc_score

from sparkdrift.demo import credit
from sparkdrift.demo.credit import TRUTH, CreditLog, credit_spec
from sparkdrift.demo.story import STORY, Planted, first_material_day
from sparkdrift.errors import UsageError
from sparkdrift.spec.loading import parse_spec

ROWS = 200_000
QUIET = [name for name, day in TRUTH.items() if day is None and name in credit.NUMERIC]
QUIET_CATEGORIES = [name for name in credit.CATEGORIES if TRUTH[name] is None]


class Log:
    """The whole log in memory, by day."""

    def __init__(self) -> None:
        self.table = pa.concat_tables(CreditLog(ROWS).tables())
        first = int(np.datetime64("2025-01-01", "us").astype(np.int64))
        micros = self.table["event_time"].cast(pa.int64()).to_numpy()
        self.day = (micros - first) // credit.DAY_US

    def values(self, column: str, begin: int = 0, end: int = 274) -> Any:
        """The column on days [begin, end); numbers as float with null as NaN."""
        rows = self.table[column].filter(pa.array((self.day >= begin) & (self.day < end)))
        if pa.types.is_string(rows.type):
            return np.array(rows.to_pylist())
        return rows.cast(pa.float64()).to_numpy()

    def known(self, column: str, begin: int, end: int) -> Any:
        values = self.values(column, begin, end)
        return values[~np.isnan(values)]

    def effect(self, column: str, begin: int, end: int) -> float:
        """The square root of PSI over the reference's deciles: a shift in sd."""
        reference = self.known(column, 0, credit.REFERENCE_DAYS)
        edges = np.unique(np.quantile(reference, np.arange(0.1, 1.0, 0.1)))
        p, q = (
            (np.bincount(np.searchsorted(edges, rows), minlength=edges.size + 1) + 0.5)
            / (rows.size + (edges.size + 1) / 2)
            for rows in (self.known(column, begin, end), reference)
        )
        return float(np.sqrt(np.sum((p - q) * np.log(p / q))))

    def auc(self, begin: int, end: int) -> float:
        return float(
            roc_auc_score(self.values("defaulted", begin, end), self.values("score", begin, end))
        )


@pytest.fixture(scope="module")
def log() -> Log:
    return Log()


def line_of(column: str, kind: str) -> Planted:
    (found,) = [line for line in STORY if (line.column, line.kind) == (column, kind)]
    return found


class TestTheLog:
    def test_same_rows_and_seed_give_the_same_tables(self) -> None:
        first, second = (pa.concat_tables(CreditLog(5_000).tables()) for _ in range(2))
        # Through IPC, because NaN differs from itself in Table.equals.
        assert _bytes(first) == _bytes(second)

    def test_another_seed_gives_other_rows(self) -> None:
        first, second = (next(CreditLog(5_000, seed=seed).tables()) for seed in (7, 8))
        assert not first["income"].equals(second["income"])

    def test_the_first_row_is_pinned(self) -> None:
        """Fails when numpy changes a stream or someone reorders STREAMS: the demo would differ."""
        first = next(CreditLog(5_000).tables()).slice(0, 1).to_pylist()[0]
        pinned = ("income", "age", "region", "score", "utilisation")
        assert {name: first[name] for name in pinned} == PINNED

    @pytest.mark.parametrize("rows", [1, 100, 5_000, ROWS])
    def test_has_exactly_the_rows_asked_for(self, rows: int) -> None:
        tables = list(CreditLog(rows).tables())
        assert sum(table.num_rows for table in tables) == rows
        assert all(table.schema == credit.SCHEMA for table in tables)

    def test_one_table_per_calendar_month_and_the_last_day_closes_september(self) -> None:
        tables = list(CreditLog(5_000).tables())
        firsts = [table["event_time"][0].as_py().date().replace(day=1) for table in tables]
        assert firsts == [date(2025, month, 1) for month in range(1, 11)]
        assert pc.max(tables[-1]["event_time"]).as_py().date() == date(2025, 10, 1)

    def test_months_follow_the_begin(self) -> None:
        tables = list(CreditLog(1_000, days=40, begin=date(2024, 2, 20)).tables())
        months = [sorted({time.as_py().month for time in t["event_time"]}) for t in tables]
        assert months == [[2], [3]]

    @pytest.mark.parametrize("wrong", [{"rows": 0}, {"days": 0}])
    def test_refuses_an_empty_log(self, wrong: dict[str, int]) -> None:
        with pytest.raises(UsageError, match="is 0; a credit log needs"):
            CreditLog(**wrong)  # type: ignore[arg-type]

    def test_ids_are_unique_and_times_ascend(self, log: Log) -> None:
        assert log.table["application_id"].to_numpy().tolist() == list(range(1, ROWS + 1))
        assert (np.diff(log.table["event_time"].cast(pa.int64()).to_numpy()) >= 0).all()

    def test_volume_is_even_but_for_the_weekday(self, log: Log) -> None:
        volumes = np.bincount(log.day, minlength=274)
        assert volumes.size == 274
        assert (np.abs(volumes / (ROWS / 274) - 1) < 0.2).all()
        mondays, sundays = volumes[5::7], volumes[4::7]  # 1 January 2025 was a Wednesday
        assert mondays.min() > sundays.max()

    def test_values_are_rounded_and_in_their_range(self, log: Log) -> None:
        assert not np.any(log.values("income") % 10)
        assert not np.any(log.values("loan_amount") % 100)
        assert 0.1 < np.mean(log.values("utilisation") == 0) < 0.2
        assert log.values("utilisation").max() <= 1
        assert np.mean(log.values("delinquencies_24m") == 0) > 0.8
        assert 0 < log.values("score").min() < log.values("score").max() < 1

    def test_missing_values_are_null_or_nan_as_said(self, log: Log) -> None:
        nulls = {name: log.table[name].null_count for name in log.table.column_names}
        expected = {"bureau_score", "device_risk", "defaulted", "label_time"}
        assert {name for name, count in nulls.items() if count} == expected
        assert 0.01 < nulls["bureau_score"] / ROWS < 0.02
        nan_share = pc.sum(pc.is_nan(log.table["payment_ratio"])).as_py() / ROWS
        assert 0.002 < nan_share < 0.006

    def test_priority_is_the_score_at_the_threshold(self, log: Log) -> None:
        expected = log.values("score") >= credit.OPERATING_THRESHOLD
        assert np.array_equal(log.values("priority").astype(bool), expected)

    def test_labels_arrive_after_45_days_or_are_null(self, log: Log) -> None:
        end = 274 - credit.LABEL_DELAY_DAYS
        assert not np.isnan(log.values("defaulted", 0, end)).any()
        assert np.isnan(log.values("defaulted", end, 274)).all()
        assert log.table["label_time"].is_null().equals(log.table["defaulted"].is_null())
        first = log.table.slice(0, 1).to_pylist()[0]
        assert first["label_time"] - first["event_time"] == timedelta(days=45)

    @pytest.mark.skipif(sys.platform == "win32", reason="resource is for Unix")
    def test_memory_holds_one_month(self) -> None:
        """A million rows take about 200 MB as tables; a month at a time stays far below."""
        script = (
            "import resource\n"
            "from sparkdrift.demo.credit import CreditLog\n"
            "peak = lambda: resource.getrusage(resource.RUSAGE_SELF).ru_maxrss\n"
            "next(CreditLog(1_000).tables())\n"
            "before = peak()\n"
            "rows = sum(table.num_rows for table in CreditLog(1_000_000).tables())\n"
            "print(rows, peak() - before)\n"
        )
        done = subprocess.run(
            [sys.executable, "-c", script], capture_output=True, text=True, check=True
        )
        rows, grown = map(int, done.stdout.split())
        unit = 1 if sys.platform == "darwin" else 1024
        assert rows == 1_000_000
        assert grown * unit < 150e6


class TestTheStory:
    def test_every_line_starts_after_the_reference(self) -> None:
        assert all(line.first_day >= credit.REFERENCE_DAYS for line in STORY)
        assert all(line.column in credit.SCHEMA.names for line in STORY)

    def test_a_line_grows_from_its_first_day_to_its_full_day(self) -> None:
        line = line_of("income", "slow_drift")
        grown = line.on(np.array([0, 89, 90, 273, 400]))
        assert grown[:2].tolist() == [0, 0]
        assert 0 < grown[2] < 0.01
        assert grown[3:].tolist() == [line.size, line.size]

    def test_the_truth_names_what_moves_by_itself(self) -> None:
        assert {name: day for name, day in TRUTH.items() if day is not None} == {
            "income": 150, "loan_amount": 220, "product": 126, "device_risk": 150,
        }  # fmt: skip
        assert first_material_day("bureau_score", ("region", "north")) == 200

    @pytest.mark.parametrize("name", ["income", "loan_amount"])
    def test_slow_drift_passes_a_third_of_a_deviation_on_its_day(self, log: Log, name: str) -> None:
        day = TRUTH[name]
        assert day is not None
        assert log.effect(name, day - 25, day - 15) < 0.3
        assert log.effect(name, day - 5, day + 6) == pytest.approx(0.32, abs=0.04)
        assert log.effect(name, day + 15, day + 25) > 0.34

    def test_income_ends_about_one_deviation_higher(self, log: Log) -> None:
        reference, late = (np.log(log.values("income", *days)) for days in ((0, 60), (264, 274)))
        assert (late.mean() - reference.mean()) / reference.std() == pytest.approx(0.95, abs=0.05)

    def test_the_new_product_appears_and_grows(self, log: Log) -> None:
        line = line_of("product", "new_category")
        before, launch, late = (
            np.mean(log.values("product", *days) == credit.NEW_PRODUCT)
            for days in ((0, line.first_day), (line.first_day, line.first_day + 5), (240, 274))
        )
        assert before == 0
        assert 0 < launch < 0.01
        assert late == pytest.approx(line.size, abs=0.01)
        # The other products keep their shares among themselves.
        others = log.values("product", 200, 274)
        shares = np.mean(others[others != credit.NEW_PRODUCT] == "personal")
        assert shares == pytest.approx(0.48, abs=0.01)

    def test_the_sensor_fails_falls_silent_and_freezes(self, log: Log) -> None:
        missing = [np.isnan(log.values("device_risk", *d)).mean() for d in ((0, 150), (150, 160))]
        assert missing == [0, pytest.approx(1 / 3, abs=0.02)]
        assert np.isnan(log.values("device_risk", 160, 175)).all()
        assert set(log.values("device_risk", 175, 274)) == {0.5}

    def test_debt_and_utilisation_become_correlated(self, log: Log) -> None:
        before, after = (
            np.corrcoef(log.values("utilisation", *d), log.values("debt_to_income", *d))[0, 1]
            for d in ((0, 180), (211, 274))
        )
        assert before == pytest.approx(0, abs=0.01)
        assert after == pytest.approx(0.6, abs=0.02)

    @pytest.mark.parametrize("name", ["utilisation", "debt_to_income"])
    def test_and_keep_their_own_distributions(self, log: Log, name: str) -> None:
        statistic = stats.ks_2samp(log.values(name, 0, 60), log.values(name, 211, 274)).statistic
        assert statistic < 0.012  # 0.1 % critical value for 44,000 against 46,000 rows: 0.013

    def test_nothing_else_becomes_correlated(self, log: Log) -> None:
        """A dependence monitor must find one pair and no other."""
        names = [name for name in credit.NUMERIC if name != "device_risk"]
        before, after = (
            np.ma.corrcoef(
                np.ma.masked_invalid([log.values(name, *days) for name in names])
            ).filled(0)
            for days in ((0, 60), (211, 274))
        )
        moved = np.argwhere(np.triu(np.abs(after - before) > 0.05))
        pairs = {frozenset((names[i], names[j])) for i, j in moved}
        assert pairs == {frozenset(("utilisation", "debt_to_income"))}

    def test_the_bureau_score_falls_in_the_north_only(self, log: Log) -> None:
        reference = log.known("bureau_score", 0, 60)
        late, region = log.values("bureau_score", 200, 274), log.values("region", 200, 274)
        shift = {
            name: (np.nanmean(late[region == name]) - reference.mean()) / reference.std()
            for name in credit.CATEGORIES["region"]
        }
        assert shift.pop("north") == pytest.approx(-0.6, abs=0.05)
        assert all(abs(other) < 0.04 for other in shift.values())
        assert log.effect("bureau_score", 200, 274) < 0.2

    @pytest.mark.parametrize("name", QUIET)
    def test_quiet_features_stay_below_the_warning(self, log: Log, name: str) -> None:
        months = [(begin, begin + 30) for begin in range(60, 240, 30)]
        assert max(log.effect(name, *days) for days in months) < 0.12

    def test_account_age_never_moves(self, log: Log) -> None:
        reference = log.values("account_age", 0, 60)
        for begin in range(60, 274, 30):
            test = stats.ks_2samp(reference, log.values("account_age", begin, begin + 30))
            assert test.pvalue > 0.001

    @pytest.mark.parametrize("name", QUIET_CATEGORIES)
    def test_quiet_categories_keep_their_shares(self, log: Log, name: str) -> None:
        for days in ((0, 60), (120, 180), (214, 274)):
            values = log.values(name, *days)
            shares = {value: np.mean(values == value) for value in credit.CATEGORIES[name]}
            assert sum(shares.values()) == pytest.approx(1)
            assert shares == pytest.approx(dict(credit.CATEGORIES[name]), abs=0.01)

    def test_the_score_discriminates_ever_worse(self, log: Log) -> None:
        periods = ((0, 60), (60, 120), (120, 150), (160, 175), (190, 210), (218, 229))
        figures = [log.auc(*days) for days in periods]
        assert figures[0] == pytest.approx(0.80, abs=0.015)
        assert figures[1] == pytest.approx(figures[0], abs=0.015)
        assert figures[1:] == sorted(figures[1:], reverse=True)
        assert figures[-1] == pytest.approx(0.66, abs=0.02)

    def test_the_score_is_calibrated_in_the_reference_and_not_later(self, log: Log) -> None:
        gaps = [
            log.values("defaulted", *days).mean() - log.values("score", *days).mean()
            for days in ((0, 60), (215, 229))
        ]
        assert gaps[0] == pytest.approx(0, abs=0.005)
        assert gaps[1] > 0.03

    def test_operators_override_more_and_more(self, log: Log) -> None:
        before, late = (log.values("overridden", *d).mean() for d in ((0, 120), (264, 274)))
        assert before == pytest.approx(0.04, abs=0.005)
        assert late == pytest.approx(0.147, abs=0.01)


class TestTheSpec:
    def test_is_a_valid_spec_of_the_logs_columns(self) -> None:
        spec = parse_spec(credit_spec("/data/credit"))
        assert [entry.column for entry in spec.features.numeric] == list(credit.NUMERIC)
        assert [entry.column for entry in spec.features.categorical] == list(credit.CATEGORIES)
        assert {column for _, column in spec.prediction.columns()} <= set(credit.SCHEMA.names)
        assert spec.prediction.label_delay == timedelta(days=credit.LABEL_DELAY_DAYS)

    def test_the_reference_is_the_clean_days(self) -> None:
        reference = yaml.safe_load(credit_spec("x"))["reference"]
        assert reference["begin"] == CreditLog().begin
        assert reference["end"] - reference["begin"] == timedelta(days=credit.REFERENCE_DAYS)

    @pytest.mark.parametrize(
        "path",
        ["/tmp/a b", 'C:\\new "x"', "a: b # c", "yes", "{path}", "/d/" + "long " * 60,
         "Zürich/雪/😀", "\x85"],
    )  # fmt: skip
    def test_any_path_comes_back_as_it_was(self, path: str) -> None:
        assert yaml.safe_load(credit_spec(path))["source"] == {"path": path}


def _bytes(table: pa.Table) -> bytes:
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, table.schema) as writer:
        writer.write_table(table)
    return sink.getvalue().to_pybytes()


PINNED = {
    "income": 34730.0, "age": 59, "region": "south", "score": 0.039125, "utilisation": 0.578,
}  # fmt: skip
