"""model, on_verdict and the registry: what is accepted, where a contradiction is told."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest

from sparkdrift.errors import SpecError
from sparkdrift.spec.hooks import shown_url
from sparkdrift.spec.loading import load_registry, load_spec, parse_spec
from sparkdrift.spec.registry import declared, parse_registry

CONF = Path(__file__).resolve().parents[3] / "conf"

SPEC = """\
monitor: m
owner: risk
source: {table: a.b}
timestamp: {column: t}
features: {numeric: [amount]}
"""
REGISTRY = """\
models:
  credit:
    stage: deployed
    version: "7"
    owner: risk
    built_by: science
    monitors: [m]
"""


def refused(text: str) -> str:
    with pytest.raises(SpecError) as error:
        parse_spec(SPEC + text)
    return str(error.value)


@pytest.mark.parametrize(
    ("model", "told"),
    [
        ("{stage: deploed}", ["deploed", "shadow, deployed", "did you mean 'deployed'?"]),
        ("{stage: deployed, retired_at: 2025-01-01}", ["the stage is deployed", "stage: retired"]),
        (
            "{stage: retired, deployed_at: 2025-02-01, retired_at: 2025-01-01}",
            ["deployed after it was retired on 2025-01-01", "2025-02-01"],
        ),
        ("{built_bye: x}", ["did you mean 'built_by'?"]),
    ],
)
def test_contradictions_are_told_with_their_line(model: str, told: list[str]) -> None:
    message = refused(f"model: {model}\n")
    assert "<string>:6" in message
    for part in told:
        assert part in message


@pytest.mark.parametrize(
    ("hook", "told"),
    [
        ("{verdicts: [retrane], table: true}", "did you mean 'retrain'?"),
        ("{verdicts: [], table: true}", "waits for no verdict"),
        ("{verdicts: [retrain]}", "a hook does nothing"),
        ("{verdicts: [retrain], table: true, mlflow: {name: c, version: 1}}", "several things"),
        ("{verdicts: [retrain], mlflow: {name: c}}", "which version is to be tagged"),
        ("{verdicts: [retrain], webhook: {url: 'http://a.b', secret_env: S}}", "in the clear"),
        ("{verdicts: [retrain], webhook: {url: 'ftp://a.b', secret_env: S}}", "no URL"),
        ("{verdicts: [retrain], webhook: {url: 'https://u:p@a.b', secret_env: S}}", "no URL"),
        ("{verdicts: [retrain], webhook: {url: 'https://a.b:70000', secret_env: S}}", "no URL"),
        ("{verdicts: [retrain], webhook: {url: 'https://a.b', secret_env: 'a b'}}", "no name of a"),
        ("{verdicts: [retrain], webhook: {url: 'https://a.b'}}", "secret_env' is missing"),
    ],
)
def test_hooks_that_can_not_work_are_refused(hook: str, told: str) -> None:
    assert told in refused(f"on_verdict:\n  - {hook}\n")


@pytest.mark.parametrize(
    "hook",
    [
        "{verdicts: [retrain], webhook: {url: 'http://a.b/s3cr3t', secret_env: S}}",
        "{verdicts: [retrain], webhook: {url: 'ftp://a.b?k=s3cr3t', secret_env: S}}",
        "{verdicts: [retrain], webhook: {url: [s3cr3t], secret_env: S}}",
        "{verdicts: [retrain], webhook: {url: {s3cr3t: 1}, secret_env: S}}",
        "{verdicts: [retrain], webhook: {url: 'https://a.b', secret_env: s3cr3t}}",
        "{verdicts: [retrain], webhook: {url: 'https://a.b', secret_env: [s3cr3t]}}",
        "{verdicts: [retrain], webhook: 'https://a.b/s3cr3t'}",
        "'https://a.b/s3cr3t'",
    ],
)
def test_what_may_be_a_secret_is_not_shown(hook: str) -> None:
    message = refused(f"on_verdict:\n  - {hook}\n")
    assert "s3cr3t" not in message
    assert "on_verdict[0]" in message


def test_a_hook_shows_neither_url_nor_variable() -> None:
    hook = "{verdicts: [retrain], webhook: {url: 'https://a.b/s3cr3t', secret_env: S3CR3T}}"
    spec = parse_spec(f"{SPEC}on_verdict: [{hook}]\n")
    assert "s3cr3t" not in f"{spec!r} {spec.on_verdict[0]!r} {spec.on_verdict[0].webhook!r}".lower()


def test_two_hooks_of_one_name_are_refused() -> None:
    hook = "  - {verdicts: [retrain], table: true}\n"
    assert "called the same, first on line 7" in refused("on_verdict:\n" + 2 * hook)
    named = "  - {verdicts: [retrain], table: true, name: other}\n"
    assert [one.title for one in parse_spec(SPEC + "on_verdict:\n" + hook + named).on_verdict] == [
        *("table", "other")
    ]


@pytest.mark.parametrize("host", ["localhost:8080", "127.0.0.1", "[::1]:9"])
def test_http_is_for_this_machine(host: str) -> None:
    hook = f"{{verdicts: [retrain], webhook: {{url: 'http://{host}/x?k=v', secret_env: S}}}}"
    (found,) = parse_spec(f"{SPEC}on_verdict: [{hook}]\n").on_verdict
    assert found.webhook is not None
    assert shown_url(found.webhook.url) == f"http://{host}"


def test_nothing_behind_the_host_is_shown() -> None:
    assert shown_url("https://hooks.example.com/T0/secret?token=abc") == "https://hooks.example.com"
    assert shown_url("https://a.b?token=abc") == "https://a.b"


@pytest.fixture
def files(tmp_path):
    """Writes a spec in monitors/ beside models.yml; returns the spec's path."""

    def write(model: str, registry: str = REGISTRY, spec: str = SPEC):
        (tmp_path / "models.yml").write_text(registry)
        (tmp_path / "monitors").mkdir(exist_ok=True)
        file = tmp_path / "monitors" / "m.yml"
        file.write_text(f"{spec}model: {model}\n")
        return file

    return write


LINKED = "registry: ../models.yml"


def test_the_registry_says_what_the_spec_leaves_out(files) -> None:
    spec = load_spec(files(f"{{id: credit, {LINKED}, run_by: operations}}"))
    assert (spec.model.stage, spec.model.built_by, spec.model.run_by) == (
        *("deployed", "science", "operations"),
    )
    assert spec.model_version == "7"


@pytest.mark.parametrize(
    ("model", "told"),
    [
        ("id: credti", ["no such model", "given:    credti", "did you mean 'credit'?"]),
        ("id: credit, built_by: others", ["registry says science", "models.yml:2", "others"]),
        ("id: credit, stage: retired", ["the registry says deployed"]),
        ("id: credit, retired_at: 2025-01-01", ["the stage is deployed"]),
    ],
)
def test_contradictions_with_the_registry(files, model: str, told: list[str]) -> None:
    with pytest.raises(SpecError) as error:
        load_spec(files(f"{{{model}, {LINKED}}}"))
    for part in told:
        assert part in str(error.value)


def test_two_owners_and_a_monitor_that_the_registry_does_not_list(files) -> None:
    other = SPEC.replace("monitor: m", "monitor: mm").replace("risk", "nobody")
    with pytest.raises(SpecError) as error:
        load_spec(files(f"{{id: credit, {LINKED}}}", spec=other))
    assert "two owners: the registry says risk" in str(error.value)
    assert "lists other monitors of credit" in str(error.value)


def test_a_registry_that_is_missing_or_wrong_is_told_at_its_place(files) -> None:
    with pytest.raises(SpecError, match=r"m\.yml:6: the registry of models .* can't be opened"):
        load_spec(files("{registry: ../nowhere.yml}"))
    wrong = REGISTRY.replace("stage: deployed", "stage: deploed")
    with pytest.raises(SpecError, match=r"models\.yml:3: 'models\.credit\.stage'"):
        load_spec(files(f"{{id: credit, {LINKED}}}", registry=wrong))


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("models: {}\n", "wrong value"),
        ("modles: {a: {}}\n", "did you mean 'models'?"),
        ("", "begins with 'models:'"),
        ("models:\n  a: {owner: x}\n  a: {owner: y}\n", "stands twice, first on line 2"),
        ("models:\n  a: {monitors: [m]}\n  b: {monitors: [m]}\n", "listed already, under a"),
        ("models:\n  a: {stage: shadow, retired_at: 2025-01-01}\n", "the stage is shadow"),
        ("models:\n  a: {ownr: x}\n", "did you mean 'owner'?"),
    ],
)
def test_wrong_registries(text: str, told: str) -> None:
    with pytest.raises(SpecError) as error:
        parse_registry(text, "models.yml")
    assert told in str(error.value)
    assert "models.yml" in str(error.value)


def test_a_monitor_of_a_model_that_the_registry_retired_is_of_a_retired_model(files) -> None:
    retired = REGISTRY.replace("stage: deployed", "stage: retired\n    retired_at: 2025-05-31")
    spec = load_spec(files(f"{{id: credit, {LINKED}}}", registry=retired))
    assert spec.model.stage == "retired"
    with pytest.raises(SpecError, match="the registry says retired"):
        load_spec(files(f"{{id: credit, stage: deployed, {LINKED}}}", registry=retired))


def test_the_example_of_a_registry_agrees_with_the_example_of_a_spec() -> None:
    registry = load_registry(CONF / "models.yml")
    spec = load_spec(CONF / "monitors/example.yml")
    model, wrong = declared(registry, spec)
    assert wrong == []
    assert model.stage_at(date(2024, 1, 14)) == "shadow"
    assert model.stage_at(date(2024, 1, 15)) == "deployed"
