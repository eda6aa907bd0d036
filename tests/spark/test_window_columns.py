"""Window boundaries in SQL are those of sparkdrift.windows, whatever the clock does."""

from __future__ import annotations

from datetime import date, datetime, timedelta, timezone
from zoneinfo import ZoneInfo

import numpy as np
import pyarrow as pa
import pytest

from sparkdrift.spark.changes import from_micros
from sparkdrift.spark.source import instant
from sparkdrift.spark.sql import in_windows, timestamp
from sparkdrift.spark.window_columns import (
    position,
    season_position,
    stratum,
    window_end,
    window_start,
)
from sparkdrift.windows import Window, local_instant, window_at, windows_between

pytestmark = [pytest.mark.spark, pytest.mark.classic]

GRAINS = ("hour", "day", "week", "month")
# Instants at which clocks change, both ways; Kathmandu's changed in 1986 for the last time.
CHANGES = {
    "UTC": [(2024, 3, 31, 1), (2024, 2, 29, 0)],
    "Europe/Berlin": [(2024, 3, 31, 1), (2024, 10, 27, 1)],
    "America/New_York": [(2024, 3, 10, 7), (2024, 11, 3, 6)],
    "America/Sao_Paulo": [(2018, 11, 4, 3), (2019, 2, 17, 2), (2017, 10, 15, 3)],
    "America/Havana": [(2024, 3, 10, 5), (2024, 11, 3, 5)],
    "Australia/Lord_Howe": [(2024, 4, 6, 15), (2024, 10, 5, 15, 30)],
    "Asia/Kathmandu": [(1985, 12, 31, 18, 30), (2024, 3, 31, 18, 15)],
}


def around(zone: str) -> list[datetime]:
    """Instants near each clock change, on its very microsecond, and far from any."""
    rng = np.random.default_rng(20240331)
    found = []
    for parts in CHANGES[zone]:
        change = datetime(*parts, tzinfo=timezone.utc)
        found += [change + timedelta(microseconds=int(m)) for m in (-1, 0, 1)]
        found += [change + timedelta(minutes=15 * step) for step in range(-12, 13)]
        found += [change + timedelta(seconds=int(s)) for s in rng.integers(-2e5, 2e5, 40)]
        found += [change + timedelta(days=int(d)) for d in rng.integers(-400, 400, 20)]
    return found


@pytest.mark.parametrize("zone", CHANGES)
def test_strata_are_local_weekdays_and_hours(spark, zone):
    instants = around(zone)
    rows = spark.createDataFrame(pa.table({"at": pa.array(instants, pa.timestamp("us", "UTC"))}))
    strata = [f"{stratum('at', season, zone)} AS {season}" for season in ("weekday", "hour")]
    found = rows.selectExpr("at", *strata, f"{stratum('at', None, zone)} AS none").toArrow()
    for row in found.to_pylist():
        local = row["at"].astimezone(ZoneInfo(zone))
        assert (row["weekday"], row["hour"], row["none"]) == (local.weekday(), local.hour, None)


@pytest.mark.parametrize("zone", CHANGES)
def test_boundaries_equal_those_of_the_driver(spark, zone):
    instants = around(zone)
    rows = spark.createDataFrame(pa.table({"at": pa.array(instants, pa.timestamp("us", "UTC"))}))
    starts = [f"{window_start('at', grain, zone)} AS start_{grain}" for grain in GRAINS]
    ends = [f"{window_end(f'start_{grain}', grain, zone)} AS end_{grain}" for grain in GRAINS]
    found = rows.selectExpr("at", *starts).selectExpr("*", *ends).toArrow().to_pylist()
    assert len(found) == len(instants)
    for row in found:
        for grain in GRAINS:
            expected = window_at(row["at"], grain, zone)
            assert Window(row[f"start_{grain}"], row[f"end_{grain}"]) == expected, (grain, row)


def test_the_repeated_hour_stays_two_windows(spark):
    hours = spark.sql(
        "SELECT id, timestamp'2024-10-26 22:00:00Z' + make_interval(0,0,0,0,0, 10 * id) AS at"
        " FROM range(30)"
    )
    start = window_start("at", "hour", "Europe/Berlin")
    counted = hours.groupBy(spark_expr(start)).count().toArrow()
    assert sorted(counted.column("count").to_pylist()) == [6, 6, 6, 6, 6]


def spark_expr(sql: str):
    from pyspark.sql import functions as F

    return F.expr(sql).alias("start")


@pytest.mark.parametrize("zone", CHANGES)
def test_naive_times_and_dates_are_local(spark, zone):
    naive = sorted({one.astimezone(ZoneInfo(zone)).replace(tzinfo=None) for one in around(zone)})
    table = pa.table(
        {
            "naive": pa.array(naive, pa.timestamp("us")),
            "day": pa.array([one.date() for one in naive], pa.date32()),
        }
    )
    rows = spark.createDataFrame(table).selectExpr("CAST(naive AS TIMESTAMP_NTZ) AS naive", "day")
    found = rows.selectExpr(
        "naive",
        "day",
        f"{instant('naive', 'timestamp_ntz', zone)} AS at",
        f"{instant('day', 'date', zone)} AS midnight",
    ).toArrow()
    assert found.schema.field("naive").type == pa.timestamp("us")
    for row in found.to_pylist():
        assert row["at"] == local_instant(row["naive"], zone)
        assert row["midnight"] == local_instant(row["day"], zone)


def test_a_null_time_stays_null(spark):
    row = spark.sql(
        f"SELECT {window_start('at', 'day', 'Europe/Berlin')} AS start,"
        f" {instant('at', 'timestamp_ntz', 'Europe/Berlin')} AS at"
        " FROM (SELECT CAST(NULL AS TIMESTAMP_NTZ) AS at)"
    ).collect()[0]
    assert (row["start"], row["at"]) == (None, None)


def test_literals_keep_the_instant(spark):
    at = datetime(2024, 10, 27, 2, 30, 0, 123456, ZoneInfo("Europe/Berlin"))
    later = at.replace(fold=1)
    row = spark.sql(
        f"SELECT unix_micros({timestamp(at)}) AS one, unix_micros({timestamp(later)}) AS two"
    ).collect()[0]
    assert (from_micros(row["one"]), from_micros(row["two"])) == (
        at.astimezone(timezone.utc),
        later.astimezone(timezone.utc),
    )
    with pytest.raises(ValueError, match="no time zone"):
        timestamp(datetime(2024, 1, 1))  # noqa: DTZ001


def test_intervals_are_half_open(spark):
    day = window_at(local_instant(date(2024, 3, 31), "UTC"), "day", "UTC")
    edge = timedelta(microseconds=1)
    for at, inside in (
        (day.start, True),
        (day.end - edge, True),
        (day.end, False),
        (day.start - edge, False),
    ):
        row = spark.sql(f"SELECT {in_windows(timestamp(at), [day])} AS inside").collect()[0]
        assert row["inside"] is inside
    assert spark.sql(f"SELECT {in_windows('1', [])} AS inside").collect()[0]["inside"] is False


@pytest.mark.parametrize("grain", GRAINS)
@pytest.mark.parametrize("zone", CHANGES)
def test_positions_count_windows_and_seasons_keep_local_time(spark, zone, grain):
    change = datetime(*CHANGES[zone][0], tzinfo=timezone.utc)
    reach = timedelta(days=9 if grain == "hour" else 400)
    windows = list(windows_between(change - reach, change + reach, grain, zone))
    starts = pa.array([one.start for one in windows], pa.timestamp("us", "UTC"))
    found = (
        spark.createDataFrame(pa.table({"at": starts}))
        .selectExpr(
            "at",
            f"{position('at', grain, zone)} AS place",
            f"{season_position('at', grain, zone)} AS season",
        )
        .orderBy("at")
        .toArrow()
        .to_pylist()
    )
    places = [row["place"] for row in found]
    steps = np.diff(places)
    # Where clocks change by half an hour, two hours that begin half an hour apart share a number.
    shared = 1 if (zone, grain) == ("Australia/Lord_Howe", "hour") else 0
    assert (steps == 0).sum() <= shared
    assert set(steps[steps != 0].tolist()) == {1}
    steps = {"hour": 168, "day": 7, "week": 1, "month": 12}[grain]
    at = {row["season"]: row["at"].astimezone(ZoneInfo(zone)) for row in found}
    for row in found:
        if row["season"] - steps not in at:
            continue
        now, then = row["at"].astimezone(ZoneInfo(zone)), at[row["season"] - steps]
        if grain == "month":
            assert (then.year, then.month) == (now.year - 1, now.month)
        else:
            assert then.date() == now.date() - timedelta(days=7)
        if grain == "hour":
            assert then.hour == now.hour
