"""The options of `snapshot`: what goes together, and what is refused before anything starts."""

from __future__ import annotations

from datetime import date, datetime, timezone

import pytest

from sparkdrift.errors import UsageError
from sparkdrift.references.life import Name
from sparkdrift.spec.loading import parse_spec
from sparkdrift.steps.by_hand import Asked, require_sense, wanted_by

SPEC = parse_spec(
    """
monitor: credit
owner: tests
source: {path: /data/log}
timestamp: {column: ts, zone: Europe/Berlin}
features: {numeric: [amount]}
reference: {name: relaunch, begin: 2025-01-01, end: 2025-02-01}
""",
    "credit.yml",
)


def asked(**options) -> Asked:
    times = {
        name: date.fromisoformat(options.pop(name))
        for name in ("begin", "end", "at")
        if name in options
    }
    return Asked(**options, **times)


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ({"role": "trainig"}, r"--role 'trainig' does not exist; accepted: .*mean 'training'"),
        ({"table": "a.b", "path": "/x"}, "both --table and --path"),
        ({"begin": "2025-01-01"}, "--begin and --end belong together"),
        ({"end": "2025-01-01", "table": "a"}, "--begin and --end belong together"),
        ({"begin": "2025-01-01", "end": "2025-02-01", "path": "/x"}, "name another one"),
        ({"path": "/x", "version": 1, "at": "2025-01-01"}, "both --version-as-of and"),
        ({"row_filter": "x > 1"}, "--filter is of another table"),
        ({"begin": "2025-01-01", "end": "2025-02-01", "version": 3}, "--version-as-of is of"),
        ({"role": "training"}, "need to know what the version is made of"),
    ],
)
def test_options_that_do_not_go_together(options, says):
    with pytest.raises(UsageError, match=says):
        require_sense(asked(**options))


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"begin": "2025-01-01", "end": "2025-02-01"},
        {"path": "/x", "row_filter": "a > 1", "version": 0, "role": "training"},
    ],
)
def test_options_that_do(options):
    require_sense(asked(**options))
    assert asked(**options).is_other == bool(options)


def test_times_are_the_monitors_own_and_names_the_roles():
    wanted = wanted_by(asked(begin="2025-01-01", end="2025-02-01"), SPEC)
    assert wanted.name == Name("credit", "baseline", "relaunch")
    assert wanted.interval is not None
    assert wanted.interval.start == datetime(2024, 12, 31, 23, tzinfo=timezone.utc)
    other = wanted_by(asked(path="/x", role="evaluation", at="2025-07-01"), SPEC)
    assert other.name == Name("credit", "evaluation", "evaluation")
    assert other.at == datetime(2025, 6, 30, 22, tzinfo=timezone.utc)


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ({"begin": "2025-02-01", "end": "2025-02-01"}, "is not before"),
        ({"path": "/x", "row_filter": "a > (select 1)"}, "--filter .* can't be used"),
        ({"path": "/x", "row_filter": "java_method('a', 'b')"}, "--filter .* can't be used"),
        ({"table": "a b"}, "--table 'a b' is no table"),
    ],
)
def test_what_can_not_be_read_is_refused(options, says):
    with pytest.raises(UsageError, match=says):
        wanted_by(asked(**options), SPEC)
