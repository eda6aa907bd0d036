"""What is said of 2013, asked of the raw flights: a query for each reason, in SQL.

`f` holds the rows with their New York day and month, the reference being January and February.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import date

import duckdb
import pyarrow as pa
import pytest

from sparkdrift.demo.flights import flight_tables
from sparkdrift.demo.raw_days import RawDays, raw_days
from sparkdrift.demo.year import YEAR, Known

REFERENCE = "month <= 2"
# A day that is worth an alert: so many sd from the reference's mean.
WORTH = 0.32


@pytest.fixture(scope="module")
def tables() -> list[pa.Table]:
    return list(flight_tables())


@pytest.fixture(scope="module")
def raw(tables) -> RawDays:
    return raw_days(tables)


@pytest.fixture(scope="module")
def ask(tables):
    base = duckdb.connect(config={"threads": 1})
    base.register("flights", pa.concat_tables(tables))
    base.execute(
        "CREATE TABLE f AS SELECT *, month(day) AS month FROM (SELECT *, CAST(timezone("
        "'America/New_York', scheduled_time) AS DATE) AS day FROM flights)"
    )
    yield lambda query: base.execute(query).fetchall()
    base.close()


def at(origins) -> str:
    named = [f"origin = '{one}'" for one in sorted(origins) if one != "*"]
    return " AND ".join(named) if "*" not in origins and named else "true"


def among(months) -> str:
    return f"month IN ({', '.join(map(str, sorted(months)))})"


def days(ask, known: Known) -> None:
    """In each of these months (in two of them, of a reason for any) there are two such days."""
    sign = 1 if known.way == "up" else -1
    for column in known.columns:
        # The unit of drift's own figures: robust, and the sd where that is 0, as of rain.
        middle = f"quantile_cont({column}, 0.75) - quantile_cont({column}, 0.25)"
        spread = f"coalesce(nullif(({middle}) / 1.349, 0), stddev({column}))"
        rows = ask(
            f"WITH usual AS (SELECT origin, avg({column}) AS mean, {spread} AS sd FROM f"
            f" WHERE {REFERENCE} GROUP BY origin), daily AS (SELECT month, day, origin,"
            f" avg({column}) AS mean FROM f WHERE {among(known.months)} GROUP BY ALL)"
            " SELECT month, count(DISTINCT day) FROM daily JOIN usual USING (origin)"
            f" WHERE {sign} * (daily.mean - usual.mean) > {WORTH} * sd GROUP BY month"
        )
        found = {month for month, count in rows if count >= 2}
        needed = known.months if len(known.months) < 12 else set()
        assert found >= needed, (known.why, column, needed - found)
        assert len(found) >= 2, (known.why, column)


def months(ask, known: Known) -> None:
    """In each of these months the mean is on that side of the reference's."""
    (column,), sign = known.columns, 1 if known.way == "up" else -1
    means = of_months(ask, f"avg({column})", at(known.origins))
    for month in known.months:
        assert sign * (means[month] - means[0]) > 0, (known.why, month)


def nulls(ask, known: Known) -> None:
    """At some origin there are days that have far more of them than the reference."""
    for column in known.columns:
        share = f"1 - count({column}) / count(*)"
        usual = ask(f"SELECT {share} FROM f WHERE {REFERENCE}")[0][0]
        rows = ask(
            f"SELECT day FROM f WHERE NOT {REFERENCE} GROUP BY day, origin"
            f" HAVING {share} > {usual} + 0.04"
        )
        assert len(rows) >= 2, (known.why, column)


def of_months(ask, figure: str, where: str) -> dict[int, float]:
    """The figure of each month; 0 is the reference."""
    rows = ask(f"SELECT month, {figure} FROM f WHERE {where} GROUP BY month")
    ((usual,),) = ask(f"SELECT {figure} FROM f WHERE {REFERENCE} AND {where}")
    return dict(rows) | {0: usual}


def says(figure: str, where: str, usual: float, least: float, most: float, digits: int) -> Callable:
    """The figures that the words name, as they are rounded there."""

    def check(ask, known: Known) -> None:
        found = of_months(ask, figure, where)
        assert round(found[0], digits) == usual, (known.why, found[0])
        rounded = {round(found[month], digits) for month in known.months}
        assert (min(rounded), max(rounded)) == (least, most), (known.why, rounded)

    return check


def share(column: str, item: str) -> str:
    return f"count_if({column} = '{item}') / count(*)"


def grows(ask, known: Known) -> None:
    """The item has more of the rows in each of these months."""
    (column,) = known.columns
    found = of_months(ask, share(column, known.item), at(known.origins))
    assert all(found[month] > found[0] for month in known.months), (known.why, found)


def united(ask, known: Known) -> None:
    grows(ask, known)
    found = of_months(ask, share("carrier", "EV"), "origin = 'EWR'")
    assert all(found[month] < found[0] for month in known.months)


def in_rain(ask, known: Known) -> None:
    (found,) = ask(
        "SELECT 1 - count(pressure) FILTER (precip > 0) / count_if(precip > 0),"
        " 1 - count(pressure) FILTER (precip = 0) / count_if(precip = 0) FROM f"
    )
    assert found[0] > 0.5 > 5 * found[1]
    nulls(ask, known)


def fresh(ask, known: Known) -> None:
    """Something flew first after February, in each of these months but few."""
    (column,) = known.columns
    rows = ask(f"SELECT min(month) FROM f GROUP BY {column}, origin HAVING min(month) > 2")
    assert len(rows) >= 2
    assert {month for (month,) in rows} <= known.months, known.why


def virgin(ask, known: Known) -> None:
    rows = ask("SELECT min(month), count(DISTINCT month) FROM f WHERE carrier = 'VX'"
               " AND origin = 'EWR'")  # fmt: skip
    assert rows == [(4, 9)]


LOS_ANGELES = "origin = 'JFK' AND dest = 'LAX'"
CHECKS: dict[str, Callable] = {
    "from April on it is warmer than in winter": months,
    "a warm spell": days,
    "a cold spell": days,
    "from April on the air holds more water": months,
    "mild, damp days": days,
    "cold, dry days": days,
    "dry days": days,
    "damp days": days,
    "windy days": days,
    "calm days": days,
    "days of more rain or snow": days,
    "fog, rain or snow": days,
    "clearer air than in January and February": months,
    "high pressure": days,
    "low pressure": days,
    "the file lacks pressure in most hours of rain": in_rain,
    "hours that the weather file lacks": nulls,
    "late flights of a stormy summer": days,
    "days of late flights": days,
    "flights on time after the summer": days,
    "days of flights on time": days,
    "days of cancelled flights": nulls,
    "in summer the same routes take less time: JFK to Los Angeles 311 to 330 min, not 340": says(
        "avg(air_time)", LOS_ANGELES, 340, 311, 330, 0
    ),
    "LaGuardia to Atlanta takes 112 to 117 min, not 121": says(
        "avg(air_time)", "origin = 'LGA' AND dest = 'ATL'", 121, 112, 117, 0
    ),
    "the slowest month: JFK to Los Angeles takes 347 min, not 340": says(
        "avg(air_time)", LOS_ANGELES, 340, 347, 347, 0
    ),
    "Newark's flights go farther from April on: 1,044 to 1,115 miles, not 961": says(
        "avg(distance)", "origin = 'EWR'", 961, 1044, 1115, 0
    ),
    "longer flights on average from April on": months,
    "LaGuardia's flights are shorter: 756 to 790 miles, not 799": says(
        "avg(distance)", "origin = 'LGA'", 799, 756, 790, 0
    ),
    "ExpressJet (EV) has 7 to 13 % of LaGuardia's flights, not 3 %": says(
        share("carrier", "EV"), "origin = 'LGA'", 0.03, 0.07, 0.13, 2
    ),
    "Delta (DL) has 18 to 20 % of JFK's flights, not 17 %": says(
        share("carrier", "DL"), "origin = 'JFK'", 0.17, 0.18, 0.2, 2
    ),
    "United (UA) grows at Newark, ExpressJet shrinks": united,
    "Virgin America (VX) flies from Newark since April": virgin,
    "LaGuardia has 32 or 33 % of the flights, not 30 %": says(
        share("origin", "LGA"), "true", 0.3, 0.32, 0.33, 2
    ),
    "Newark has 4 to 5 % of its flights to San Francisco, not 2 %": says(
        share("dest", "SFO"), "origin = 'EWR'", 0.02, 0.04, 0.05, 2
    ),
    "LaGuardia has 9 % of its flights to Chicago, not 7 %": says(
        share("dest", "ORD"), "origin = 'LGA'", 0.07, 0.09, 0.09, 2
    ),
    "JFK flies more to Charleston": grows,
    "airports that January and February lack": fresh,
}


def test_every_reason_has_its_query_and_no_query_is_left():
    assert {known.why for known in YEAR} == set(CHECKS)


@pytest.mark.parametrize("known", YEAR, ids=lambda known: f"{known.way} {known.why[:30]}")
def test_what_is_said_of_the_year_is_so_in_the_raw_rows(ask, known):
    CHECKS[known.why](ask, known)


def test_a_query_can_say_no(ask):
    """What is not so, said of the same rows."""
    for known, check in (
        (Known(("temp",), "down", frozenset({7}), "cold"), months),
        (Known(("temp",), "down", frozenset({7}), "cold"), days),
        (Known(("distance",), "NULLs", frozenset({7}), "lacking"), nulls),
        (Known(("origin",), "mix", frozenset({9}), "JFK grows", "JFK"), grows),
        (Known(("air_time",), "up", frozenset({7}), "347"), says(
            "avg(air_time)", LOS_ANGELES, 340, 347, 347, 0)),
    ):  # fmt: skip
        with pytest.raises(AssertionError):
            check(ask, known)


ORIGINS = ("EWR", "JFK", "LGA", "*")


@pytest.mark.parametrize("origin", ORIGINS)
def test_days_are_counted_as_sql_counts_them(ask, raw, origin):
    """Each figure that a reason is held against, by a query of its own."""
    first, last = date(2013, 6, 24), date(2013, 6, 30)
    for column in ("temp", "dep_delay", "pressure"):
        rows = ask(
            f"SELECT avg({column}), 1 - count({column}) / count(*) FROM f WHERE"
            f" day BETWEEN '{first}' AND '{last}' AND {at({origin})} GROUP BY day ORDER BY day"
        )
        means, missing = zip(*rows, strict=True)
        assert raw.mean(column, origin, first, last).tolist() == pytest.approx(means)
        assert raw.missing(column, origin, first, last).tolist() == pytest.approx(missing)
        middle = f"quantile_cont({column}, 0.75) - quantile_cont({column}, 0.25)"
        (usual,) = ask(
            f"SELECT avg({column}), ({middle}) / 1.349, 1 - count({column}) / count(*) FROM f"
            f" WHERE {REFERENCE} AND {at({origin})}"
        )
        assert raw.usual(column, origin) == pytest.approx(usual[:2])
        assert raw.usually_missing(column, origin) == pytest.approx(usual[2])
    for column, item in (("carrier", "UA"), ("dest", "ORD")):
        rows = ask(
            f"SELECT {share(column, item)} FROM f WHERE day BETWEEN '{first}' AND '{last}'"
            f" AND {at({origin})} GROUP BY day ORDER BY day"
        )
        found = raw.share(column, item, origin, first, last)
        assert found.tolist() == pytest.approx([one for (one,) in rows])


@pytest.mark.parametrize("origin", ORIGINS)
@pytest.mark.parametrize("column", ["carrier", "dest"])
def test_what_is_new_is_what_january_and_february_lack(ask, raw, column, origin):
    rows = ask(
        f"SELECT DISTINCT {column} FROM f WHERE {at({origin})} AND NOT {REFERENCE} AND {column}"
        f" NOT IN (SELECT {column} FROM f WHERE {at({origin})} AND {REFERENCE})"
    )
    found = raw.fresh(column, origin, date(2013, 3, 1), date(2013, 12, 31))
    assert found == {item for (item,) in rows}
