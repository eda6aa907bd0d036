"""The demos in full: every alert has a known reason, and the output tells what seasons change.

Slow: a million rows of credit, and 336,776 flights with every day of 2013.
"""

from __future__ import annotations

import json

import pytest
from typer.testing import CliRunner

from sparkdrift.cli import app

QUIET = "account_age"

pytestmark = [pytest.mark.spark, pytest.mark.classic, pytest.mark.slow]


def invoke(*arguments):
    done = CliRunner().invoke(app, [str(one) for one in arguments])
    assert done.exit_code == 0, done.output
    return done.stdout


def test_every_alert_of_the_credit_demo_was_planted_or_follows_from_it(spark, workspace):
    """And the feature in which nothing was planted raises none in nine months, in no slice."""
    folder = workspace / "credit"
    invoke("demo", "--store", folder)
    found = json.loads(invoke("demo", "--store", folder, "--json"))
    told = [one for one in found["reasons"] if one["since"] is not None]
    assert len(told) >= len(found["findings"]["alerts"]) > 50
    assert {one["held"] for one in told} == {"planted", "by consequence"}, [
        one for one in told if one["held"] == "not planted"
    ]
    assert QUIET not in {one["column_name"] for one in told}
    assert found["seasons"] == []


@pytest.fixture(scope="module")
def flights(spark, workspace):
    """(what the demo says to a reader, the same as JSON)."""
    folder = workspace / "flights"
    text = invoke("demo", "flights", "--store", folder)
    return " ".join(text.split()), json.loads(
        invoke("demo", "flights", "--store", folder, "--json")
    )


def test_every_alert_of_the_flights_has_a_reason_that_is_known(flights):
    text, found = flights
    alerts, reasons = found["findings"]["alerts"], found["reasons"]
    assert len(reasons) == len(alerts) > 100
    unknown = [one for one in reasons if one["held"] not in ("known", "by consequence")]
    assert not unknown, unknown
    assert all(one["why"] for one in reasons)
    assert f"{len(alerts)} alerts in all: " in text


def test_there_are_fewer_alarms_with_weekday_strata_and_it_is_told(flights):
    text, found = flights
    alarms = {one["seasonal"]: one["alarms"] for one in found["seasons"]}
    assert alarms["weekday"] < alarms["none"]
    assert f"each day against its own weekday: {alarms['weekday']:,} of " in text
    assert f"each day against the whole reference: {alarms['none']:,} of " in text
