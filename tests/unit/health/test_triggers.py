"""Which hooks are due: once for each verdict that begins, and again after a failure."""

from __future__ import annotations

import json
from datetime import datetime, timedelta, timezone

from sparkdrift.health.triggers import Present, Told, delivery_id, document, due_hooks, tags
from sparkdrift.spec.hooks import Hook

SINCE = datetime(2025, 6, 1, tzinfo=timezone.utc)
TABLE = Hook(verdicts=("retrain", "blind"), table=True)
OTHER = Hook(name="other", verdicts=("retrain",), table=True)
ROW = {
    "model_id": "credit",
    "model_version": None,
    "stage": "deployed",
    "window_start": SINCE + timedelta(days=2),
    "window_end": SINCE + timedelta(days=3),
    "owner": "risk",
    "due": SINCE + timedelta(days=30),
    "confidence": 0.8,
    "reasons": [{"weight": 1.0, "kind": "data", "reason": "drift", "evidence": ["drift: amount"]}],
}


def present(verdict: str = "retrain", since: datetime = SINCE) -> Present:
    return Present("m", "day", verdict, since, "healthy", ROW)


def due(*told: Told, verdict: str = "retrain") -> list[tuple[str, int]]:
    found = due_hooks([TABLE, OTHER], present(verdict), told)
    return [(hook.title, seq) for hook, seq in found]


def test_each_hook_that_names_the_verdict_is_due_once() -> None:
    assert due() == [("table", 1), ("other", 1)]
    assert due(verdict="blind") == [("table", 1)]
    assert due(verdict="healthy") == []
    assert due(Told("table", 1, "retrain", "written", SINCE)) == [("other", 1)]
    both = (
        Told("table", 1, "retrain", "written", SINCE),
        Told("other", 1, "retrain", "sent", SINCE),
    )
    assert due(*both) == []


def test_what_failed_is_tried_again_under_the_next_number_until_it_is_sent() -> None:
    failed = [Told("other", seq, "retrain", "failed", SINCE) for seq in (1, 2)]
    assert due(*failed) == [("table", 1), ("other", 3)]
    assert ("other", 4) not in due(*failed, Told("other", 3, "retrain", "sent", SINCE))


def test_a_window_that_is_judged_anew_tells_its_new_verdict() -> None:
    told = Told("table", 1, "blind", "written", SINCE)
    assert due(told) == [("table", 2), ("other", 1)]
    # And back again: it is no longer what was told last.
    again = Told("table", 2, "retrain", "written", SINCE)
    assert due(told, again, verdict="blind") == [("table", 3)]


def test_a_verdict_that_turns_out_to_have_begun_earlier_is_not_told_again() -> None:
    """Late rows move its begin back: what was told, a week later than it began, is the same."""
    told = Told("table", 1, "retrain", "written", SINCE + timedelta(days=7))
    assert due(told) == [("other", 1)]
    # What failed is tried again, under the numbers of the window that it began in by now.
    failed = Told("other", 3, "retrain", "failed", SINCE + timedelta(days=7))
    assert due(told, failed) == [("other", 1)]
    # Another verdict in between was told last: now it is news again.
    between = Told("table", 1, "blind", "written", SINCE + timedelta(days=8))
    assert ("table", 1) in due(told, between)


def test_a_delivery_is_one_for_all_attempts_and_differs_for_all_else() -> None:
    assert delivery_id(present(), TABLE) == delivery_id(present(), TABLE)
    others = [
        delivery_id(present("blind"), TABLE),
        delivery_id(present(since=SINCE + timedelta(days=1)), TABLE),
        delivery_id(present(), OTHER),
    ]
    assert len({delivery_id(present(), TABLE), *others}) == 4


def test_the_document_is_json_with_what_an_owner_needs() -> None:
    found = json.loads(json.dumps(document(present(), "d"), allow_nan=False))
    assert found["model"] == {"id": "credit", "version": None, "stage": "deployed"}
    assert found["window"]["start"] == "2025-06-03T00:00:00Z"
    assert (found["verdict"], found["previous"], found["owner"]) == (
        *("retrain", "healthy", "risk"),
    )
    assert found["due"] == "2025-07-01T00:00:00Z"
    assert found["reasons"][0]["evidence"] == ["drift: amount"]
    # Not known stays null, and is no zero.
    assert found["loss"] is None


def test_tags_replace_what_an_earlier_verdict_left() -> None:
    found = tags(present())
    assert found["sparkdrift.verdict"] == "retrain"
    assert tags(Present("m", "day", "healthy", SINCE, None, {}))["sparkdrift.due"] == ""
