"""What must hold inside `policy`: rules that contradict each other are told, not resolved."""

from __future__ import annotations

from collections.abc import Iterator

from sparkdrift.errors import nearest
from sparkdrift.spec.findings import Finding, line_hint
from sparkdrift.spec.health_policy import BLIND_DASHBOARD, DEBTS, EVIDENCE, LEVELS, VERDICTS, Rule
from sparkdrift.spec.models import MonitorSpec
from sparkdrift.spec.origin import Loc
from sparkdrift.spec.policy import INPUTS


def policy_rules(spec: MonitorSpec) -> Iterator[Finding]:
    """Rules of which one can never decide."""
    places: list[tuple[Loc, Rule]] = []
    if not spec.policy.rules:
        yield Finding(("policy", "rules"), "there are no rules", accepted="at least one rule")
    for position, one in enumerate(spec.policy.rules):
        loc: Loc = ("policy", "rules", position)
        if not one.when:
            accepted = f"some of {', '.join(EVIDENCE)}, each with minor, major or critical"
            yield Finding((*loc, "when"), "the rule would always hold", accepted=accepted)
            continue
        for earlier, other in places:
            found = _contradiction(one, other)
            if found is not None:
                message = f"{found}{line_hint(spec, earlier)}"
                accepted = "rules of which the stricter one has the weightier verdict: " + (
                    " < ".join(VERDICTS[1:])
                )
                yield Finding((*loc, "verdict"), message, one.verdict, accepted)
                break
        places.append((loc, one))


def policy_times(spec: MonitorSpec) -> Iterator[Finding]:
    """Due dates, persistence and escalation that contradict themselves."""
    policy = spec.policy
    due = policy.due
    for worse, milder in (("critical", "major"), ("major", "minor")):
        if due.of(worse) > due.of(milder):
            key = worse if worse in due.model_fields_set else milder
            message = f"what is {worse} is due later than what is {milder}"
            accepted = "minor no earlier than major, major no earlier than critical; give both"
            yield Finding(("policy", "due", key), message, due.of(key), accepted)
    counted = policy.persistence
    if counted.windows > counted.of:
        key = "windows" if "windows" in counted.model_fields_set else "of"
        message = (
            f"more windows ({counted.windows}) are asked for than are looked at ({counted.of})"
        )
        accepted = "'windows' up to 'of'; give both"
        yield Finding(("policy", "persistence", key), message, getattr(counted, key), accepted)
    if not policy.needs:
        message = "without anything that is needed no model would ever be blind"
        yield Finding(("policy", "needs"), message, accepted=f"some of {', '.join(EVIDENCE)}")
    for position, one in enumerate(policy.needs):
        if one in policy.needs[:position]:
            yield Finding(("policy", "needs", position), "it is named twice", one)


def policy_not_expected(spec: MonitorSpec) -> Iterator[Finding]:
    """What is not expected exists, and is neither needed nor asked for."""
    sections = {
        "operations": ("operations", bool(spec.operations)),
        "feedback": ("feedback", spec.feedback is not None),
        "feature": ("feature_debt, importance or evaluation", spec.has_feature_debt),
        **dict.fromkeys(
            ("performance", "calibration", "evaluation"),
            ("evaluation", spec.evaluation is not None),
        ),
        "dashboard": (
            "evaluation.dashboard",
            spec.evaluation is not None and spec.evaluation.dashboard is not None,
        ),
        "ownership": ("model, and what else is declared", True),
    }
    for position, one in enumerate(spec.policy.not_expected):
        loc = ("policy", "not_expected", position)
        if one.startswith(DEBTS):
            still = _still_asked_for(spec, one)
            if still is not None:
                accepted = "the id of a debt of what the spec does not name any more"
                yield Finding(loc, f"the spec still has {still}", one, accepted)
            continue
        if one not in EVIDENCE:
            accepted = f"{', '.join(EVIDENCE)}, or the id of a debt (`sparkdrift debt list`)"
            yield Finding(loc, "there is no such evidence", one, accepted, nearest(one, EVIDENCE))
            continue
        section, there = sections.get(one, ("features", True))
        if one in spec.policy.needs:
            message = "without this evidence the model is blind: it is in policy.needs"
            yield Finding(loc, message, one, "evidence that is not needed")
        elif there:
            message = f"the spec has the section that asks for it ({section})"
            accepted = "evidence that no section of the spec asks for any more"
            yield Finding(loc, message, one, accepted)


def _still_asked_for(spec: MonitorSpec, debt: str) -> str | None:
    """What of the spec still asks for the subject of a debt, in words; None: nothing that is
    declared. What is learned comes and goes with the reference."""
    kind, _, subject = debt.partition(" of ")
    named = {column for _, _, one in spec.features.declared() for column in (one.name,)}
    named |= {one for one in (spec.prediction.score, spec.prediction.label) if one}
    if kind == "drift" and subject in named:
        return f"the feature {subject}"
    if kind == "drift" and subject == "all inputs together" and INPUTS in spec.names_together:
        return "drift.multivariate"
    dashboard = spec.evaluation is not None and spec.evaluation.dashboard is not None
    if debt == BLIND_DASHBOARD and dashboard:
        return "evaluation.dashboard"
    if debt.startswith("feedback: ") and spec.feedback is not None:
        return "the section feedback"
    if kind.startswith("features: ") and spec.has_feature_debt and subject in named:
        return f"the feature {subject}"
    if kind.startswith("assumption ") and _assumed(spec, kind.split(" ")[1], subject):
        return f"what is assumed of {subject}"
    if kind == "operations" and subject in spec.operations:
        return f"the signal {subject}"
    if kind in ("performance", "evaluation", "calibration"):
        return _evaluated(spec, kind, subject)
    return None


_DECLARED = {"range": "range", "domain": "domain", "null": "not_null", "not_null": "not_null"}


def _assumed(spec: MonitorSpec, check: str, column: str) -> bool:
    if spec.assumptions is None or column not in spec.assumptions.features:
        return False
    own = spec.assumptions.features[column]
    return getattr(own, _DECLARED.get(check, ""), None) not in (None, False)


def _evaluated(spec: MonitorSpec, kind: str, subject: str) -> str | None:
    """The same of a metric, or of a figure of an evaluation set."""
    evaluation = spec.evaluation
    if evaluation is None:
        return None
    sliced = {", ".join(one) if isinstance(one, tuple) else str(one) for one in spec.slices}
    metrics = {str(one) for one in evaluation.metrics}
    metrics |= {spec.degraded.metric if spec.degraded else "all metrics"}
    if kind == "performance":
        metric, _, by = subject.partition(" by ")
        # Without a list all metrics of the task are measured.
        asked = (metric in metrics or not evaluation.metrics) and (not by or by in sliced)
        return f"the metric {metric}" if asked else None
    name, _, part = subject.rpartition(":")[0].partition(", ")
    asked = not part or part in {*evaluation.thresholds, *sliced, *metrics}
    return f"the evaluation set {name}" if name in evaluation.sets and asked else None


def policy_owner(spec: MonitorSpec) -> Iterator[Finding]:
    """Who answers once it is overdue is somebody else than who did not."""
    second = spec.policy.escalation
    if second is not None and second.strip().lower() == spec.owner.strip().lower():
        accepted = "a second person or team, or leave it out"
        yield Finding(
            ("policy", "escalation"), "this is the owner, who is told anyway", second, accepted
        )


def _contradiction(one: Rule, other: Rule) -> str | None:
    """Why one of two rules never decides; None where both can."""
    if dict(one.when) == dict(other.when):
        if one.verdict == other.verdict:
            return "the same rule stands there twice"
        return f"two rules have the same 'when' and different verdicts ({other.verdict})"
    for strict, mild in ((one, other), (other, one)):
        if _implies(strict, mild) and _weight(strict) < _weight(mild):
            return (
                f"a rule that asks for more ({_told(strict)}) has the lighter verdict "
                f"{strict.verdict} and never decides: {_told(mild)} is {mild.verdict} already"
            )
    return None


def _implies(strict: Rule, mild: Rule) -> bool:
    """Whether `mild` holds wherever `strict` does."""
    return all(
        name in strict.when and LEVELS.index(strict.when[name]) >= LEVELS.index(level)
        for name, level in mild.when.items()
    )


def _weight(rule: Rule) -> int:
    return VERDICTS.index(rule.verdict)


def _told(rule: Rule) -> str:
    return ", ".join(
        f"{name} {level}{'' if level == LEVELS[-1] else ' or worse'}"
        for name, level in rule.when.items()
    )
