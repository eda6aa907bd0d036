"""The file of all models: what is declared of each, whether or not a monitor watches it.

    models:
      credit_priority:
        stage: deployed
        owner: risk-models
        monitors: [credit_priority]

A spec names it under `model.registry`; `sparkdrift fleet --models` shows models without a monitor.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Annotated, Any

from pydantic import Field, PrivateAttr, ValidationError

from sparkdrift.errors import SpecError, nearest
from sparkdrift.spec.documents import read_document
from sparkdrift.spec.findings import Finding
from sparkdrift.spec.model import Lifecycle, ModelIdentity
from sparkdrift.spec.model_checks import contradictions
from sparkdrift.spec.models import MonitorSpec
from sparkdrift.spec.origin import Origin
from sparkdrift.spec.validating import first_problems, problems_of, show
from sparkdrift.spec.values import Identifier, Section, Text

_MOST_LISTED = 12
# Ten thousand models of ten keys each.
_MOST_VALUES = 250_000


class DeclaredModel(Lifecycle):
    """One model. `owner`: who answers for its verdict; `monitors`: the ids of those that watch it.

    Without `monitors`, any monitor may say that it watches the model.
    """

    owner: Text | None = None
    monitors: tuple[Identifier, ...] = Field(default=(), description="a list of ids of monitors")


class WatchedModel(DeclaredModel):
    """One that no registry in view declares: what the specs of its monitors say of it."""


class Registry(Section):
    models: Annotated[
        Mapping[Text, DeclaredModel],
        Field(min_length=1, description="a mapping from ids of models to what is declared of each"),
    ]

    _origin: Origin = PrivateAttr(default_factory=Origin)

    @property
    def origin(self) -> Origin:
        return self._origin

    def hint(self, name: str) -> str:
        """Where the model stands, as the end of a message."""
        line = self._origin.line(("models", name))
        return "" if self._origin.file is None else f" ({self._origin.file}:{line})"


def parse_registry(text: str, file: str = "<string>") -> Registry:
    """The registry in `text`. Raises SpecError with every problem, in file order."""
    document = read_document(text, file, "models", _MOST_VALUES)
    problems = list(document.problems)
    try:
        found = Registry.model_validate(document.data)
    except ValidationError as error:
        problems += problems_of(error, document.origin, Registry)
        raise SpecError(first_problems(problems)) from None
    found._origin = document.origin
    problems += [
        found.origin.problem(one.loc, one.message, given=_given(one.given), accepted=one.accepted)
        for one in _between(found)
    ]
    if problems:
        raise SpecError(first_problems(problems))
    return found


def _given(value: object | None) -> str | None:
    return None if value is None else show(value)


def _between(registry: Registry) -> Iterator[Finding]:
    watched: dict[str, str] = {}
    for name, model in registry.models.items():
        yield from contradictions(model, ("models", name))
        for position, monitor in enumerate(model.monitors):
            other = watched.setdefault(monitor, name)
            if other != name or monitor in model.monitors[:position]:
                message = f"the monitor is listed already, under {other}{registry.hint(other)}"
                accepted = "each monitor once: it watches one model"
                yield Finding(("models", name, "monitors", position), message, monitor, accepted)


def declared(registry: Registry, spec: MonitorSpec) -> tuple[ModelIdentity, list[Finding]]:
    """(the model of `spec` with what the registry says of it, where the two contradict).

    What stands in both must be the same; what stands in one holds.
    """
    name = spec.model_id
    entry = registry.models.get(name)
    if entry is None:
        known = sorted(registry.models)
        listed = ", ".join(known[:_MOST_LISTED]) + (", ..." if len(known) > _MOST_LISTED else "")
        loc = ("model", "id") if spec.model.id else ("model", "registry")
        message = f"the registry {registry.origin.file} has no such model"
        return spec.model, [Finding(loc, message, name, listed, nearest(name, known))]
    given, said = _written(spec.model), _written(entry)
    wrong = [
        Finding(
            ("model", key),
            f"the registry says {show(said[key])}{registry.hint(name)}",
            given[key],
            "the same in both, or in one of them only",
        )
        for key in Lifecycle.model_fields
        if key in given and key in said and given[key] != said[key]
    ]
    if entry.owner is not None and entry.owner != spec.owner:
        message = f"two owners: the registry says {entry.owner}{registry.hint(name)}"
        wrong.append(Finding(("owner",), message, spec.owner, "one owner"))
    if entry.monitors and spec.monitor not in entry.monitors:
        message = f"the registry lists other monitors of {name}{registry.hint(name)}"
        accepted = ", ".join(entry.monitors)
        close = nearest(spec.monitor, entry.monitors)
        wrong.append(Finding(("monitor",), message, spec.monitor, accepted, close))
    more = {key: said[key] for key in Lifecycle.model_fields if key in said}
    model = spec.model.model_copy(update={**more, **given})
    if not wrong:
        # Together they may say what neither says alone.
        wrong += contradictions(model, ("model",))
    return model, wrong


def declared_models(
    specs: Iterable[MonitorSpec], registered: Mapping[str, DeclaredModel]
) -> dict[str, DeclaredModel]:
    """All models that are declared: in a registry, or by the spec of a monitor alone.

    What a registry leaves open of a model, the spec of its monitor says; of several the last.
    """
    found = dict(registered)
    watched: dict[str, list[MonitorSpec]] = {}
    for spec in specs:
        watched.setdefault(spec.model_id, []).append(spec)
    for name, own in watched.items():
        newest, entry = own[-1], registered.get(name)
        lifecycle = newest.model.model_dump(exclude={"id", "registry"}, exclude_unset=True)
        told = {**lifecycle, "owner": newest.owner}
        if entry is None:
            told["monitors"] = tuple(spec.monitor for spec in own)
            found[name] = WatchedModel(**told)
        else:
            more = {
                key: value
                for key, value in told.items()
                if key not in entry.model_fields_set or getattr(entry, key) is None
            }
            found[name] = entry.model_copy(update=more)
    return found


def _written(lifecycle: Lifecycle) -> dict[str, Any]:
    """What somebody wrote down, without defaults."""
    return {key: getattr(lifecycle, key) for key in lifecycle.model_fields_set}
