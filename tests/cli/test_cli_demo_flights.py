"""The flights demo in full: every alert has a known reason, and what seasons change is told.

Slow: 336,776 rows, fourteen features and three slices of each, every day of 2013.
"""

from __future__ import annotations

import json

import pytest
from typer.testing import CliRunner

from sparkdrift.cli import app

pytestmark = [pytest.mark.spark, pytest.mark.classic, pytest.mark.slow]


def invoke(*arguments):
    done = CliRunner().invoke(app, [str(one) for one in arguments])
    assert done.exit_code == 0, done.output
    return done.stdout


@pytest.fixture(scope="module")
def flights(spark, workspace):
    """(what the demo says to a reader, the same as JSON)."""
    folder = workspace / "flights"
    text = invoke("demo", "flights", "--store", folder)
    return " ".join(text.split()), json.loads(
        invoke("demo", "flights", "--store", folder, "--json")
    )


def test_every_alert_has_a_reason_that_is_known(flights):
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
