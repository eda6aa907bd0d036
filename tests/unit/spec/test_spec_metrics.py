"""Custom metrics in a spec: what is accepted, refused with which advice, and what is hashed."""

from __future__ import annotations

import re
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sparkdrift.errors import Problem, SpecError
from sparkdrift.spec.derived import FUNCTIONS, NotArithmeticError, parse_derived
from sparkdrift.spec.digests import definition_hash, policy_hash
from sparkdrift.spec.expressions import check_value
from sparkdrift.spec.loading import parse_spec
from sparkdrift.spec.resolving import Feature, metric_parts, resolve, resolve_reference

SPEC = """\
monitor: m
owner: o
source: {table: a.b}
timestamp: {column: t}
features: {numeric: [amount]}
metrics:
  revenue: {sum: amount}
  rejected: {count: "decision = 'reject'"}
  rate: {ratio: ["decision = 'reject'", 1]}
  each: {derived: revenue / rejected}
"""
HEAD = SPEC[: SPEC.index("  revenue")]
SCHEMA = {"t": "timestamp", "amount": "double", "decision": "string"}


def the_problem(text: str) -> Problem:
    with pytest.raises(SpecError) as caught:
        parse_spec(text)
    (problem,) = caught.value.problems
    return problem


def test_every_kind_is_read() -> None:
    metrics = parse_spec(SPEC).metrics
    assert [metric.kind for metric in metrics.values()] == ["sum", "count", "ratio", "derived"]
    assert list(metrics["rate"].expressions()) == [
        (("ratio", "of"), "decision = 'reject'"),
        (("ratio", "over"), "1"),
    ]
    written = parse_spec(HEAD + "  rate: {ratio: {of: \"decision = 'reject'\", over: 1}}")
    assert written.metrics["rate"] == metrics["rate"]


@pytest.mark.parametrize(
    ("kind", "advice"),
    [
        ("avg", "{ratio: [x, 1]}"),
        ("mean", "{ratio: [x, 1]}"),
        ("median", "features.numeric"),
        ("percentile", "quantiles"),
        ("count_distinct", "distinct values"),
        ("stddev", "sd: {derived: sqrt(ss / n - (s / n) * (s / n))}"),
        ("variance", "ss: {sum: x * x}"),
        ("last", "no order"),
    ],
)
def test_what_can_not_merge_is_refused_with_what_can(kind: str, advice: str) -> None:
    problem = the_problem(f"{HEAD}  x: {{{kind}: amount}}")
    assert problem.line == 7
    assert f"'{kind}' can't be merged" in problem.message
    assert advice in (problem.accepted or "")


def test_the_advice_on_a_standard_deviation_is_a_spec() -> None:
    advice = the_problem(f"{HEAD}  x: {{stddev: amount}}").accepted or ""
    parts = re.search(r"\bn: \{.*", advice)
    assert parts is not None
    written = "\n".join(f"  {part}" for part in re.split(r", (?=\w+: \{)", parts[0]))
    assert list(parse_spec(HEAD + written.replace("x", "amount")).metrics) == ["n", "s", "ss", "sd"]


@pytest.mark.parametrize(
    ("written", "message"),
    [
        ("{}", "exactly one kind"),
        ("{sum: amount, max: amount}", "exactly one kind"),
        ("amount", "says how it is computed"),
        ("{sums: amount}", "'metrics.x.sums' is not a known key"),
        ("{ratio: [amount]}", "two parts"),
        ("{ratio: amount}", "two parts"),
        ("{ratio: {of: amount}}", "'metrics.x.ratio.over' is missing"),
        ("{sum: sum(amount)}", "the aggregate 'sum' is refused"),
        ("{ratio: [count(amount), 1]}", "the aggregate 'count' is refused"),
        ("{max: rand()}", "'rand' is not one of those allowed"),
        ("{count: now() > t}", "'now' is not one of those allowed"),
        ("{count: current_date > t}", "'current_date' is refused"),
        ("{sum: amount / items}", "'/' fails on a row where the divisor is 0"),
        ("{sum: amount % 0.0}", "'%' fails on a row where the divisor is 0"),
        ('{sum: "mod(amount, items)"}', "'mod' fails on a row where the divisor is 0"),
        ("{sum: amount, warn_at: 7}", "'warn_at' (7.0) is not below 'effect_size' (6.0)"),
        ("{sum: amount, effect_size: 101}", "'metrics.x.effect_size' has a wrong value"),
        ("{derived: amount}", "none is called so"),
        ("{derived: 1 + 1}", "at least one metric"),
        ("{derived: x +}", "a number or a metric is missing"),
    ],
)
def test_one_problem_each(written: str, message: str) -> None:
    assert message in the_problem(f"{HEAD}  x: {written}").message


@pytest.mark.parametrize("sql", ["row_number() over (order by a)", "(select 1)", "a; drop table b"])
def test_windows_subqueries_and_statements_are_refused(sql: str) -> None:
    assert check_value(sql)


@pytest.mark.parametrize("sql", ["a / 2", "a % 0.5", "a div 10", "try_divide(a, b)", "mod + `div`"])
def test_divisions_that_never_fail_pass(sql: str) -> None:
    assert check_value(sql) == []


def test_a_derived_metric_is_made_of_plain_ones_only() -> None:
    problem = the_problem(SPEC + "  more: {derived: each + 1}")
    assert problem.accepted == "its parts: revenue / rejected"
    near = the_problem(SPEC + "  more: {derived: revnue}")
    assert (near.given, near.nearest) == ("revnue", "revenue")


def test_a_feature_may_not_be_called_like_a_metric() -> None:
    clash = SPEC.replace("[amount]", "[{column: amount, formerly: 'metric:rate'}]")
    assert "stored under the name of this feature" in the_problem(clash).message


def test_metrics_are_watched_after_the_features() -> None:
    resolution = resolve(parse_spec(SPEC), SCHEMA)
    assert resolution.problems == ()
    assert [one.feature.name for one in resolution.watched][1:] == [
        *("metric:revenue", "metric:rejected", "metric:rate", "metric:each")
    ]


def test_a_lost_column_is_a_problem_of_its_metrics_only() -> None:
    resolution = resolve(parse_spec(SPEC), {**SCHEMA, "amount": "double", "decisions": "string"})
    assert resolution.problems == ()
    lost = resolve(parse_spec(SPEC), {"t": "timestamp", "amount": "double", "decisio": "string"})
    assert lost.blocking == ()
    broken = [one.feature.column for one in lost.metrics if one.problem is not None]
    assert broken == ["rejected", "rate", "each"]
    problem = lost.metrics[1].problem
    assert problem is not None
    assert (problem.line, problem.nearest) == (8, "decisio")


def test_a_scanned_reference_has_the_metrics_of_its_table() -> None:
    spec = parse_spec(SPEC)
    features = [one.feature for one in resolve(spec, SCHEMA).watched]
    other = resolve_reference(spec, features, {"amount": "double"})
    assert [one.problem is None for one in other.watched] == [True, True, False, False, False]


def hashed(text: str, name: str) -> str:
    return definition_hash(parse_spec(text), Feature(name, "metric", f"metric:{name}"))


@pytest.mark.parametrize(
    ("old", "new", "changed"),
    [
        ("{sum: amount}", "{sum: amount + 1}", {"revenue", "each"}),
        ("{sum: amount}", "{max: amount}", {"revenue", "each"}),
        ("'reject'\", 1]", "'reject'\", 2]", {"rate"}),
        ("revenue / rejected", "rejected / revenue", {"each"}),
        ("a.b", "a.c", {"revenue", "rejected", "rate", "each"}),
        ("owner: o", "owner: o\nsketch: {k: 200}", set()),
        ("{sum: amount}", "{sum: ' amount '}", set()),
        ("{sum: amount}", "{sum: amount, effect_size: 9}", set()),
    ],
)
def test_what_changes_a_definition(old: str, new: str, changed: set[str]) -> None:
    names = ("revenue", "rejected", "rate", "each")
    text = SPEC.replace(old, new)
    assert {name for name in names if hashed(text, name) != hashed(SPEC, name)} == changed


def test_metrics_leave_the_hashes_of_features_alone() -> None:
    amount = Feature("amount", "numeric", "amount")
    without = parse_spec(HEAD.replace("metrics:\n", ""))
    assert definition_hash(parse_spec(SPEC), amount) == definition_hash(without, amount)


def test_thresholds_are_policy() -> None:
    other = SPEC.replace("{sum: amount}", "{sum: amount, effect_size: 9}")
    assert policy_hash(parse_spec(SPEC)) != policy_hash(parse_spec(other))
    assert parse_spec(other).thresholds("metric:revenue").effect_size == 9


def test_the_parts_of_a_metric() -> None:
    spec = parse_spec(SPEC)
    assert metric_parts(spec, "each") == ("revenue", "rejected")
    assert metric_parts(spec, "rate") == ("rate",)


NUMBERS = {"a": 3.0, "b": 0.0, "c": -2.5}


def _divide(x: float | None, y: float | None) -> float | None:
    return None if x is None or y is None or y == 0 else x / y


def evaluated(sql: str) -> float | None:
    """The SQL of a derived metric by Python: names and numbers are already in it."""
    plain = re.sub(r"([0-9])D\b", r"\1", sql)
    known = {
        "try_divide": _divide,
        "least": min,
        "greatest": max,
        "nullif": lambda x, y: None if x == y else x,
        "coalesce": lambda *values: next((v for v in values if v is not None), None),
    }
    return eval(plain, {"__builtins__": {"abs": abs}}, known)


_ATOMS = st.sampled_from(["a", "b", "c", "2", "0.5", "1e1"])


@st.composite
def arithmetic(draw, depth: int = 0) -> str:
    if depth > 3 or draw(st.booleans()):
        return draw(_ATOMS)
    left, right = draw(arithmetic(depth + 1)), draw(arithmetic(depth + 1))
    form = draw(st.sampled_from(["{} + {}", "{} - {}", "{} * {}", "-({}) + {}", "({} - {})"]))
    return form.format(left, right)


@given(arithmetic())
def test_derived_arithmetic_is_that_of_python(text: str) -> None:
    sql = parse_derived(text).sql({name: f"({value!r})" for name, value in NUMBERS.items()})
    assert evaluated(sql) == pytest.approx(eval(text, {}, dict(NUMBERS)))


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("a / b", None),
        ("a / c / 2", -0.6),
        ("coalesce(a / b, 7) + 1", 8.0),
        ("a / nullif(b, 0)", None),
        ("greatest(a, c) - least(a, c) * abs(c)", 9.25),
        ("- -a", None),
        ("2 - 3 - 4", -5.0),
    ],
)
def test_divisions_by_zero_are_null_and_precedence_is_usual(text: str, value: float) -> None:
    if text == "- -a":
        with pytest.raises(NotArithmeticError):
            parse_derived(text)
        return
    sql = parse_derived(text).sql({name: f"({number!r})" for name, number in NUMBERS.items()})
    assert evaluated(sql) == (None if value is None else pytest.approx(value))


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "a number or a metric is missing"),
        ("a b", "'b' has no place here"),
        ("a +* b", "a number or a metric is missing"),
        ("(a", "never closed"),
        ("a)", "has no place"),
        ("sum(a)", "'sum' is not one of those allowed"),
        ("sqr(a)", "did you mean 'sqrt'"),
        ("nullif(a)", "takes 2 to 2 arguments"),
        ("a -- b", "comments are refused"),
        ("a = b", "'=' has no place here"),
        ("'a'", "a number or a metric is missing"),
        ("1L + a", "plain number"),
        ("(" * 60 + "a" + ")" * 60, "deeper than"),
        ("a +" * 1000 + "a", "longer than"),
        ("(select 1)", "'1' has no place here|never closed"),
    ],
)
def test_what_is_no_arithmetic(text: str, reason: str) -> None:
    with pytest.raises(NotArithmeticError, match=reason):
        parse_derived(text)


@given(st.text(alphabet="ab12.()+-*/,' `;", max_size=30))
def test_any_text_either_parses_or_says_why(text: str) -> None:
    with suppress(NotArithmeticError):
        derived = parse_derived(text)
        assert derived.sql(dict.fromkeys(derived.names, "x"))


def test_functions_are_named_in_the_docs() -> None:
    assert sorted(FUNCTIONS) == list(FUNCTIONS)
