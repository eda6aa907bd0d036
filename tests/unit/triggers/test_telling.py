"""A hook that breaks in a way that nobody thought of is a row, too."""

from __future__ import annotations

from datetime import datetime, timezone

from sparkdrift.health.triggers import Present
from sparkdrift.spec.hooks import Hook
from sparkdrift.steps import triggers


def test_whatever_a_hook_raises_is_a_failure_without_its_words(monkeypatch) -> None:
    def broken(*_):
        raise OverflowError("https://hooks.example.com/s3cr3t")

    monkeypatch.setattr(triggers, "send", broken)
    hook = Hook.model_validate(
        {"verdicts": ["retrain"], "webhook": {"url": "https://a.b/c", "secret_env": "S"}}
    )
    since = datetime(2025, 6, 1, tzinfo=timezone.utc)
    found = triggers._tell(hook, Present("m", "day", "retrain", since, None, {}))
    assert (found.status, found.detail) == (
        "failed",
        "OverflowError while the hook was called",
    )
