"""Tags in a model registry: through a client of our own, and what its absence leaves."""

from __future__ import annotations

import sys
import types

from sparkdrift.spec.hooks import MlflowTags
from sparkdrift.triggers.mlflow_tags import tag

HOOK = MlflowTags(name="credit")
TAGS = {"sparkdrift.verdict": "retrain", "sparkdrift.owner": "risk"}


class Registry:
    """Model versions and their tags; what is not there is refused."""

    def __init__(self, *versions: tuple[str, str]) -> None:
        self.tags: dict[tuple[str, str], dict[str, str]] = {one: {} for one in versions}

    def set_model_version_tag(self, name: str, version: str, key: str, value: str) -> None:
        if (name, version) not in self.tags:
            raise LookupError("no such version at https://user:secret@registry")
        self.tags[name, version][key] = value


def test_the_version_of_the_model_is_tagged_unless_the_hook_names_one() -> None:
    registry = Registry(("credit", "7"), ("credit", "8"))
    assert tag(HOOK, "7", TAGS, registry).status == "sent"
    assert tag(HOOK.model_copy(update={"version": "8"}), "7", TAGS, registry).status == "sent"
    assert registry.tags == {("credit", "7"): TAGS, ("credit", "8"): TAGS}


def test_a_refusal_is_a_failure_without_the_registrys_words() -> None:
    found = tag(HOOK, "9", TAGS, Registry())
    assert (found.status, found.detail) == (
        "failed",
        "MLflow refused tags on credit version 9: LookupError",
    )
    assert tag(HOOK, None, TAGS, Registry()).status == "failed"


def test_without_mlflow_the_next_step_is_said(monkeypatch) -> None:
    monkeypatch.setitem(sys.modules, "mlflow", None)
    found = tag(HOOK, "7", TAGS)
    assert found.status == "failed"
    assert "pip install 'sparkdrift[mlflow]'" in found.detail


def test_mlflows_own_client_is_asked_for_the_registry_of_the_hook(monkeypatch) -> None:
    registry, asked = Registry(("credit", "7")), []

    def client(tracking_uri=None, registry_uri=None):
        asked.append((tracking_uri, registry_uri))
        return registry

    monkeypatch.setitem(sys.modules, "mlflow", types.SimpleNamespace(MlflowClient=client))
    for uri in (None, "file:registry", "databricks-uc"):
        hook = HOOK.model_copy(update={"registry_uri": uri})
        assert tag(hook, "7", TAGS).status == "sent"
    assert asked == [
        (None, None),
        ("file:registry", "file:registry"),
        (None, "databricks-uc"),
    ]
