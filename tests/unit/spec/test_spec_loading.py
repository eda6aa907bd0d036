"""Reading specs: what is accepted, and that every problem is found, on its line."""

from __future__ import annotations

import re
from datetime import date, datetime, timedelta
from pathlib import Path

import pytest
from pydantic import ValidationError

from sparkdrift.errors import Problem, SpecError, UsageError
from sparkdrift.spec.loading import load_spec, parse_spec
from sparkdrift.spec.models import MonitorSpec

MINIMAL = """\
monitor: credit_priority
owner: risk-models
source: {table: main.risk.inference_log}
timestamp: {column: event_time}
features: {numeric: [income], categorical: [region]}
"""
EXAMPLE = Path(__file__).parents[3] / "conf" / "monitors" / "example.yml"


def problems_of(text: str) -> tuple[Problem, ...]:
    with pytest.raises(SpecError) as caught:
        parse_spec(text, "a.yml")
    return caught.value.problems


def the_problem(text: str) -> Problem:
    problems = problems_of(text)
    assert len(problems) == 1, problems
    assert problems[0].file == "a.yml"
    return problems[0]


def test_minimal_spec_takes_the_defaults() -> None:
    spec = parse_spec(MINIMAL)
    assert (spec.model_id, spec.model_version) == ("credit_priority", None)
    assert spec.source.parts == ("main", "risk", "inference_log")
    assert spec.timestamp.zone == "UTC"
    assert (spec.windows.grain, spec.windows.lateness) == ("day", timedelta(0))
    assert spec.windows.on_vanished == "keep"
    assert (spec.reference, spec.degraded, spec.slices) == (None, None, ())
    assert (spec.drift.effect_size, spec.drift.warn_at, spec.drift.bins) == (0.32, 0.2, 10)
    assert (spec.sketch.k, spec.sketch.reference_k, spec.sketch.categories) == (400, 1600, 1000)


def test_the_example_is_a_complete_spec() -> None:
    spec = load_spec(EXAMPLE)
    assert spec.model_fields_set == set(MonitorSpec.model_fields)
    assert spec.windows.lateness == timedelta(hours=2)
    assert spec.windows.begin == date(2024, 1, 1)
    assert spec.slices == (("region",), ("region", "channel"))
    assert spec.reference is not None
    assert spec.reference.begin == datetime(2024, 1, 1)  # noqa: DTZ001
    assert spec.prediction.label_delay == timedelta(days=30)
    assert [f.name for _, _, f in spec.features.declared()][:3] == ["income", "age", "amount"]
    assert spec.thresholds("amount").effect_size == 0.5
    assert spec.thresholds("income").warn_at == 0.3
    assert spec.origin.line(("owner",)) == 8


@pytest.mark.parametrize(
    ("written", "version"), [("7", "7"), ('"7"', "7"), ("7.10", "7.10"), ("2024-01-01",) * 2]
)
def test_a_version_is_the_text_as_written(written: str, version: str) -> None:
    assert parse_spec(MINIMAL + f"model: {{version: {written}}}").model_version == version


@pytest.mark.parametrize("name", ["no", "on", "yes", "true", "2024", "1e5", "0x1F", "12:30:45"])
def test_plain_words_that_yaml_would_convert_stay_columns(name: str) -> None:
    text = MINIMAL.replace("[region]", f"[{name}]")
    assert parse_spec(text).features.categorical[0].column == name


@pytest.mark.parametrize("written", ["", " ", " ~", " null", "\n  # nothing but a comment"])
def test_a_key_without_a_value_counts_as_absent(written: str) -> None:
    assert parse_spec(MINIMAL + f"drift:{written}\n") == parse_spec(MINIMAL)
    problem = the_problem(MINIMAL.replace("owner: risk-models", f"owner:{written}"))
    assert (problem.line, problem.message) == (2, "'owner' is missing")


@pytest.mark.parametrize(
    ("written", "seconds"),
    [("2 hours", 7200), ("1 hour", 3600), ("90 minutes", 5400), ("3days", 259200), ("0", 0)],
)
def test_durations(written: str, seconds: int) -> None:
    spec = parse_spec(MINIMAL + f"windows: {{lateness: {written}}}")
    assert spec.windows.lateness == timedelta(seconds=seconds)


@pytest.mark.parametrize(
    ("written", "found"),
    [("true", True), ("True", True), ("{exclude: [id]}", True), ("false", False), ("", False)],
)
def test_auto(written: str, found: bool) -> None:
    spec = parse_spec(MINIMAL.replace("numeric:", f"auto: {written}, numeric:"))
    assert (spec.features.auto is not None) is found


def test_a_spec_never_changes() -> None:
    spec = parse_spec(MINIMAL)
    with pytest.raises(ValidationError):
        spec.owner = "someone"  # type: ignore[misc]


def test_where_a_spec_was_written_is_no_part_of_it() -> None:
    assert parse_spec(MINIMAL, "a.yml") == parse_spec("# moved\n" + MINIMAL, "b.yml")


DEGRADED = "degraded:\n  metric: f1\n  tolerated_loss: 1\n"
PAYOFF = "{true_positive: 1, false_positive: 1, false_negative: 1, true_negative: 1}"

# Each case: text after MINIMAL (which ends on line 5), the line, a part of the
# message, and the nearest accepted name.
ONE_PROBLEM = {
    "unknown key": ("window: {grain: day}", 6, "'window' is not a known key", "windows"),
    "unknown nested key": ("drift:\n  bin: 7", 7, "'drift.bin' is not a known key", "bins"),
    "unknown key of limits": (
        "drift:\n  limits:\n    null_shares: 0.1",
        *(8, "'drift.limits.null_shares' is not", "null_share"),
    ),
    "grain": ("windows:\n  grain: dya", 7, "'windows.grain' has a value that", "day"),
    "lateness": ("windows: {lateness: 2 weeks}", 6, "no duration", None),
    "negative lateness": ("windows: {lateness: -2 days}", 6, "no duration", None),
    "begin": ("windows:\n  begin: 2024-02-30", 7, "does not exist", None),
    "begin with time": ("windows:\n  begin: 2024-02-03 10:00", 7, "no date", None),
    "begin far away": ("windows:\n  begin: 0001-01-01", 7, "out of range", None),
    "month of weeks": (
        "windows:\n  grain: week\n  rollups:\n    - month",
        *(9, "weeks never become months", None),
    ),
    "roll-up to itself": ("windows:\n  rollups: [day]", 7, "can't be rolled up to a day", None),
    "roll-up twice": ("windows:\n  rollups: [week, week]", 7, "named twice", None),
    "vanished": ("windows: {on_vanished: kep}", 6, "does not exist", "keep"),
    "one key twice": ("prediction:\n  key: [a, A]", 7, "twice in the key", None),
    "overlap without key": (
        "prediction: {score: s}\nevaluation:\n  limits: {overlap: 0.1}",
        *(8, "not named", None),
    ),
    "delay without label": ("prediction:\n  label_delay: 1 day", 7, "not named", None),
    "timestamp predicted": ("prediction:\n  score: Event_Time", 7, "can't be the score", None),
    "one column, two roles": ("prediction:\n  score: s\n  decision: S", 8, "already", None),
    "slice twice": ("slices:\n  - [a, b]\n  - c\n  - [b, a]", 9, "first on line 7", None),
    "key twice": ("slices:\n  - [a, A]", 7, "twice in one slice", None),
    "four keys": ("slices:\n  - [a, b, c, d]", 7, "'slices[0]' has a wrong value", None),
    "no key": ("slices:\n  - []", 7, "'slices[0]' has a wrong value", None),
    "slice of time": ("slices: [event_time]", 6, "can't be sliced by", None),
    "empty reference": ("reference: {name: x}", 6, "says nowhere to look", None),
    "half interval": ("reference:\n  begin: 2024-01-01", 6, "'reference.end' is missing", None),
    "reversed interval": (
        "reference:\n  begin: 2024-02-01\n  end: 2024-01-01",
        *(8, "ends before it begins", None),
    ),
    "reference offset": (
        "reference:\n  begin: 2024-01-01T00:00:00Z\n  end: 2024-02-01",
        *(7, "no local date or time", None),
    ),
    "cut day": (
        "reference:\n  begin: 2024-01-01 06:00\n  end: 2024-02-01",
        *(7, "cut a window of a day", None),
    ),
    "cut week": (
        "windows: {grain: week}\nreference:\n  begin: 2024-01-01\n  end: 2024-02-01",
        *(9, "cut a window of a week", None),
    ),
    "interval elsewhere": (
        "reference:\n  table: t\n  begin: 2024-01-01",
        *(8, "belongs to the monitored table", None),
    ),
    "two references": ("reference: {table: t, path: /p}", 6, "both a table and a path", None),
    "filtered interval": (
        "reference:\n  begin: 2024-01-01\n  end: 2024-02-01\n  filter: a = 1",
        *(9, "can't be filtered any more", None),
    ),
    "reference name": ("reference:\n  name: Base\n  table: t", 7, "can't be an id", None),
    "effect": ("drift:\n  effect_size: 3.5", 7, "'drift.effect_size' has a wrong", None),
    "effect nan": ("drift:\n  effect_size: nan", 7, "'drift.effect_size' has a wrong", None),
    "warning too late": ("drift:\n  warn_at: 0.32", 7, "is not below", None),
    "default warning too late": ("drift:\n  effect_size: 0.2", 7, "is not below", None),
    "bins": ("drift:\n  bins: 3", 7, "'drift.bins' has a wrong value", None),
    "bins fraction": ("drift:\n  bins: 4.5", 7, "'drift.bins' has a wrong value", None),
    "limit": ("drift:\n  limits:\n    nan_share: 2", 8, "nan_share' has a wrong", None),
    "override of nothing": (
        "drift:\n  overrides:\n    incme: {effect_size: 0.5}",
        *(8, "no declared feature", "income"),
    ),
    "empty override": ("drift:\n  overrides:\n    income: {}", 8, "changes nothing", None),
    "override too late": (
        "drift:\n  overrides:\n    income: {effect_size: 0.1}",
        *(8, "is not below", None),
    ),
    "k": ("sketch: {k: 7}", 6, "'sketch.k' has a wrong value", None),
    "reference k": ("sketch: {reference_k: 8193}", 6, "reference_k' has a wrong", None),
    "categories": ("sketch: {categories: 9}", 6, "categories' has a wrong value", None),
    "metric": ("degraded: {metric: acuracy, tolerated_loss: 1}", 6, "not exist", "accuracy"),
    "no loss": ("degraded: {metric: f1}", 6, "'degraded.tolerated_loss' is missing", None),
    "loss": ("degraded: {metric: f1, tolerated_loss: 0}", 6, "tolerated_loss' has", None),
    "payoff cell": (
        DEGRADED + "  payoff:\n    true_positive: 1\n    false_positive: 1\n    false_negative: 1",
        *(9, "'degraded.payoff.true_negative' is missing", None),
    ),
    "two values": (
        DEGRADED + "  value_per_point: 2\n  payoff: " + PAYOFF,
        *(10, "both 'value_per_point' and 'payoff'", None),
    ),
    "business value": (
        "degraded:\n  metric: business_value\n  tolerated_loss: 1",
        *(7, "computed from a payoff", None),
    ),
    "persistence": (
        "degraded:\n  metric: f1\n  tolerated_loss: 1\n  persistence: {windows: 4, of: 3}",
        *(9, "more windows are asked for", None),
    ),
    "section of another kind": ("sketch: [400]", 6, "'sketch' has a wrong value", None),
    "duplicate key": ("owner: someone", 6, "stands twice, first on line 2", None),
}


@pytest.mark.parametrize("case", ONE_PROBLEM)
def test_one_problem_on_its_line(case: str) -> None:
    text, line, message, nearest = ONE_PROBLEM[case]
    problem = the_problem(MINIMAL + text)
    assert (problem.line, problem.nearest) == (line, nearest), problem
    assert message in problem.message


# Each case: a text of MINIMAL, what replaces it, then as above.
REPLACED = {
    "monitor id": ("credit_priority", "Credit-Priority", 1, "can't be an id", None),
    "empty owner": ("risk-models", '" "', 2, "empty", None),
    "no owner": ("owner: risk-models", "", 1, "'owner' is missing", None),
    "no source": ("table: main.risk.inference_log", "", 3, "source is missing", None),
    "two sources": ("table: main", "path: /p, table: main", 3, "both a table", None),
    "four parts": ("main.risk", "main.risk.x", 3, "1 to 3 parts", None),
    "file as table": ("main.risk.inference_log", "delta.`/x`", 3, "'path'", None),
    "home folder": ("table: main.risk.inference_log", "path: ~/x", 3, "home folder", None),
    "empty path": ("table: main.risk.inference_log", 'path: ""', 3, "it is empty", None),
    "filter": ("table:", "filter: reflect('a'), table:", 3, "'reflect' is not", None),
    "zone": ("column:", "zone: Europe/Berln, column:", 4, "zone", "Europe/Berlin"),
    "zone in other case": ("column:", "zone: utc, column:", 4, "zone", "UTC"),
    "zone of the machine": ("column:", "zone: localtime, column:", 4, "time zone", None),
    "offset zone": ("column:", 'zone: "+02:00", column:', 4, "time zone", None),
    "no column": ("column: event_time", "", 4, "'timestamp.column' is missing", None),
    "no feature": ("numeric: [income], categorical: [region]", "", 5, "no feature", None),
    "features absent": ("features:", "feature:", 1, "'features' is missing", None),
    "feature twice": (
        "[region]",
        "[Income]",
        5,
        "'categorical' and on line 5 under 'numeric'",
        None,
    ),
    "name twice": ("[region]", "[{column: x, formerly: income}]", 5, "same name", None),
    "timestamp as feature": ("[region]", "[EVENT_TIME]", 5, "timestamp column", None),
    "null as feature": ("[region]", "[null]", 5, "'features.categorical[0]'", None),
    "empty feature": ("[region]", '[""]', 5, "it is empty", None),
    "line break in feature": ("[region]", '["a\\nb"]', 5, "U+000A", None),
    "surrogate in feature": ("[region]", '["a\\ud800"]', 5, "U+D800", None),
    "setting in feature": ("[region]", '["${x}"]', 5, "would replace", None),
    "list wanted": ("[region]", "region", 5, "'features.categorical' has a wrong", None),
    "key of a feature": ("[region]", "[{colum: a, column: b}]", 5, "not a known", "column"),
    "feature too late": ("[region]", "[{column: b, warn_at: 0.5}]", 5, "not below", None),
    "auto": ("numeric:", "auto: maybe, numeric:", 5, "neither on, off", None),
    "auto both": ("numeric:", "auto: {include: [a], exclude: [A]}, numeric:", 5, "both", None),
}


@pytest.mark.parametrize("case", REPLACED)
def test_one_problem_in_the_required_sections(case: str) -> None:
    old, new, line, message, nearest = REPLACED[case]
    assert old in MINIMAL
    problems = problems_of(MINIMAL.replace(old, new))
    if case != "features absent":
        assert len(problems) == 1, problems
    assert (problems[0].line, problems[0].nearest) == (line, nearest), problems
    assert message in problems[0].message


def test_thresholds_stand_in_one_place_only() -> None:
    text = MINIMAL.replace("[income]", "[{column: income, effect_size: 0.5}]")
    problem = the_problem(text + "drift:\n  overrides: {income: {warn_at: 0.3}}")
    assert (problem.line, "at the feature, first on line 5" in problem.message) == (7, True)


def test_an_override_goes_by_the_former_name() -> None:
    text = MINIMAL.replace("[income]", "[{column: income, formerly: salary}]")
    problem = the_problem(text + "drift:\n  overrides: {income: {effect_size: 0.5}}")
    assert problem.nearest == "salary"
    parse_spec(text + "drift:\n  overrides: {salary: {effect_size: 0.5}}")


def test_with_auto_an_override_may_be_for_any_name() -> None:
    text = MINIMAL.replace("numeric:", "auto: true, numeric:")
    parse_spec(text + "drift:\n  overrides: {other: {effect_size: 0.5}}")


def test_skipped_hours_are_refused_in_hourly_references() -> None:
    text = MINIMAL.replace("column:", "zone: Europe/Berlin, column:")
    text += "windows: {grain: hour}\nreference:\n  begin: 2024-03-31 02:00\n  end: 2024-05-01"
    problem = the_problem(text)
    assert (problem.line, "skip this time" in problem.message) == (8, True)


def test_a_day_whose_midnight_is_skipped_is_still_a_day() -> None:
    text = MINIMAL.replace("column:", "zone: America/Santiago, column:")
    parse_spec(text + "reference: {begin: 2024-09-08, end: 2024-09-10}")


def test_all_problems_at_once_and_in_file_order() -> None:
    text = """\
monitor: 9lives
source: {table: a.b.c.d}
timestamp: {column: t, zone: Mars/Base}
features:
  numeric: [a, a]
  categorical: [t]
windows: {grain: fortnight}
slices: [b, b]
drift:
  bins: 1
  warn_at: 9
degraded: {metric: f1, tolerated_loss: 1, persistence: {windows: 3, of: 2}}
colour: red
colour: blue
"""
    lines = [problem.line for problem in problems_of(text)]
    assert lines == [1, 1, 2, 3, 5, 6, 7, 8, 10, 11, 12, 13, 14]


def test_a_broken_section_hides_nothing_elsewhere() -> None:
    text = MINIMAL.replace("{numeric:", "{numerc: [x], numeric:")
    messages = [p.message for p in problems_of(text + "drift: {warn_at: 1}")]
    assert len(messages) == 2
    assert "numerc" in messages[0]
    assert "is not below" in messages[1]


def test_relative_paths_count_from_the_folder_of_the_spec(tmp_path: Path) -> None:
    file = tmp_path / "conf" / "m.yml"
    file.parent.mkdir()
    text = MINIMAL.replace("table: main.risk.inference_log", "path: ../data/./log")
    file.write_text(text + "reference: {path: training}", encoding="utf-8")
    spec = load_spec(file)
    assert spec.source.path == (tmp_path / "data" / "log").as_posix()
    assert spec.reference is not None
    assert spec.reference.path == (tmp_path / "conf" / "training").as_posix()
    assert spec.origin.file == str(file)
    assert parse_spec(text).source.path == "../data/./log"


@pytest.mark.parametrize("path", ["/data/log", "s3://b/log", "abfss://c@a.net/l", "dbfs:/log"])
def test_absolute_paths_stay(tmp_path: Path, path: str) -> None:
    file = tmp_path / "m.yml"
    file.write_text(MINIMAL.replace("table: main.risk.inference_log", f"path: {path}"))
    assert load_spec(str(file)).source.path == path


def test_files_that_are_no_text(tmp_path: Path) -> None:
    file = tmp_path / "m.yml"
    file.write_bytes(b"monitor: a\nowner: \xff\n")
    with pytest.raises(SpecError, match=r"m\.yml:2: the file is not UTF-8"):
        load_spec(file)
    file.write_bytes("é".encode() * 600_000)
    with pytest.raises(SpecError, match="larger than 1048576 bytes"):
        load_spec(file)
    file.write_bytes(b"\xef\xbb\xbf" + MINIMAL.replace("\n", "\r\n").encode())
    assert load_spec(file) == parse_spec(MINIMAL)


def test_files_that_cannot_be_opened(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="directory"):
        load_spec(tmp_path)


@pytest.mark.parametrize(
    ("given", "meant"),
    [
        ("monitors/credti.yml", "monitors/credit.yml"),
        ("monitors/credit.yaml", "monitors/credit.yml"),
        ("monitors/credit", "monitors/credit.yml"),
        ("monitor/credit.yml", "monitors/credit.yml"),
        ("monitors/credit.txt.bak", None),
        ("monitors/unlike.yml", None),
        ("elsewhere/credit.yml", None),
    ],
)
def test_a_missing_file_is_told_with_the_nearest_one_that_is_a_spec(
    tmp_path: Path, given: str, meant: str | None
) -> None:
    (tmp_path / "monitors").mkdir()
    for name in ("credit.yml", "fraud.yaml", "credit.txt", "notes.md"):
        (tmp_path / "monitors" / name).write_text(MINIMAL)
    (tmp_path / "monitors" / "credti.yml.d").mkdir()
    file = tmp_path / given
    hint = f"did you mean '{tmp_path / meant}'?" if meant else f"`sparkdrift init TABLE -o {file}`"
    with pytest.raises(UsageError, match=re.escape(f"{file} does not exist; {hint}")):
        load_spec(file)


def test_slices_of_one_name_are_refused() -> None:
    """A slice's rows are told apart by its name, which has commas between columns."""
    with pytest.raises(SpecError, match=r"another slice is called the same,.*comma"):
        parse_spec(f"{MINIMAL}\nslices: ['region,channel', [region, channel]]\n")


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ("{regoin: [north]}", "no slice is by it"),
        ("{region: [north, south, north]}", "the value is listed twice"),
        ("{region: []}", "a mapping from columns of slices to the values"),
        ("{region: [north, ':other']}", "the values that are not listed are called so"),
    ],
)
def test_listed_values_of_slices_are_checked(values: str, words: str) -> None:
    text = f"{MINIMAL}\nslices: [region]\nslice_values: {values}\n"
    with pytest.raises(SpecError, match=words):
        parse_spec(text)
