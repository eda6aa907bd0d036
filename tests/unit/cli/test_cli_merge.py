"""The values of `--slice`, as they are written on the command line."""

from __future__ import annotations

import pytest

from sparkdrift.cli.commands.merge import wanted_values
from sparkdrift.errors import UsageError


@pytest.mark.parametrize(
    ("given", "wanted"),
    [
        ([], {}),
        (["region=north"], {"region": ["north"]}),
        (["region=north, south"], {"region": ["north", "south"]}),
        (["region=north", "region=south,north"], {"region": ["north", "south"]}),
        (['region="a,b",NULL,"NULL"'], {"region": ["a,b", None, "NULL"]}),
        (['region="say ""so"""'], {"region": ['say "so"']}),
        (["region="], {"region": [""]}),
        (["region=a=b", "channel=web"], {"region": ["a=b"], "channel": ["web"]}),
    ],
)
def test_values_by_column(given, wanted):
    assert wanted_values(given) == wanted


@pytest.mark.parametrize("given", ["region", "=north"])
def test_a_slice_without_a_value_is_refused(given):
    with pytest.raises(UsageError, match="accepted is COLUMN=VALUE"):
        wanted_values([given])


@pytest.mark.parametrize("given", ['region="north', 'region="a"b', 'region=a"b"'])
def test_a_quote_that_is_not_closed_is_refused(given):
    with pytest.raises(UsageError, match="double quote"):
        wanted_values([given])
