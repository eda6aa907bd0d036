"""Read a monitor spec from YAML and report everything that is wrong with it, at once."""

from __future__ import annotations

import re
import shlex
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from sparkdrift.environment import variable
from sparkdrift.errors import Problem, SpecError, UsageError, nearest
from sparkdrift.spec.checks import find_problems
from sparkdrift.spec.documents import LARGEST_BYTES, read_document
from sparkdrift.spec.evaluation import Evaluation
from sparkdrift.spec.findings import Finding
from sparkdrift.spec.location import Location
from sparkdrift.spec.models import MonitorSpec
from sparkdrift.spec.registry import (
    DeclaredModel,
    Registry,
    declared,
    declared_models,
    parse_registry,
)
from sparkdrift.spec.sound import Remainder, sound_spec, valid_part
from sparkdrift.spec.validating import first_problems, problems_of, show
from sparkdrift.spec.values import is_relative

_MODELS = re.compile(rb"^models\s*:", re.MULTILINE)
_SUFFIXES = (".yml", ".yaml")


@dataclass(frozen=True)
class Reading:
    """What a file says, and every problem of it, in file order.

    `sound` is the spec without its wrong parts, which can be held against the table; None
    where the table itself is not known. Without problems it is the whole spec.
    """

    problems: tuple[Problem, ...]
    sound: MonitorSpec | None

    def usable(self) -> MonitorSpec:
        """The whole spec; raises SpecError with every problem."""
        if self.problems or self.sound is None:
            raise SpecError(self.problems)
        return self.sound


def load_spec(path: str | Path) -> MonitorSpec:
    """The spec in the file `path`; relative paths in it count from the file's folder.

    Raises SpecError with every problem found, UsageError when the file can't be opened.
    """
    return read_spec(path).usable()


def read_spec(path: str | Path) -> Reading:
    """The spec in the file `path` as far as it is right, and its problems.

    Raises SpecError when nothing of it can be read, UsageError when it can't be opened.
    """
    file = Path(path)
    try:
        with file.open("rb") as stream:
            content = stream.read(LARGEST_BYTES + 1)
    except FileNotFoundError:
        close = _nearest(file)
        hint = (
            f"did you mean {str(close)!r}?"
            if close
            else f"`sparkdrift init TABLE -o {shlex.quote(str(file))}` drafts one"
        )
        raise UsageError(f"the monitor spec {file} does not exist; {hint}") from None
    except OSError as error:
        raise UsageError(f"the monitor spec {file} can't be opened: {error.strerror}") from error
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        if len(content) > LARGEST_BYTES:
            text = " " * len(content)  # cut within a character: refused for its size
        else:
            raise SpecError([_undecodable(error, content, file)]) from None
    reading = _reading(text, str(file))
    if reading.sound is None:
        return reading
    sound = _beside(reading.sound, file.absolute().parent)
    return _registered(Reading(reading.problems, sound))


def load_registry(path: str | Path) -> Registry:
    """The models in the file `path`.

    Raises SpecError with every problem found, UsageError when the file can't be opened.
    """
    file = Path(path)
    try:
        with file.open("rb") as stream:
            content = stream.read(LARGEST_BYTES + 1)
    except OSError as error:
        raise UsageError(
            f"the registry of models {file} can't be opened: {error.strerror}; accepted is a YAML "
            "file with 'models:' in it"
        ) from None
    try:
        return parse_registry(content.decode("utf-8-sig"), str(file))
    except UnicodeDecodeError as error:
        raise SpecError([_undecodable(error, content, file)]) from None


def load_models(path: str | Path) -> dict[str, DeclaredModel]:
    """The models that a file declares: a registry, or the spec of a monitor with its registry.

    Raises SpecError with every problem found, UsageError when a file can't be opened.
    """
    file = Path(path)
    with suppress(OSError):
        if _MODELS.search(file.read_bytes()[:LARGEST_BYTES]):
            return dict(load_registry(file).models)
    return models_of([load_spec(file)])


def models_of(specs: Sequence[MonitorSpec], *files: str | Path) -> dict[str, DeclaredModel]:
    """The models that these specs declare, with those of their registries and of `files`."""
    named = {spec.model.registry: None for spec in specs if spec.model.registry is not None}
    registered = {
        name: model for one in (*named, *files) for name, model in load_registry(one).models.items()
    }
    return declared_models(specs, registered)


def _registered(reading: Reading) -> Reading:
    """The same with what the registry says of the model, and where the two contradict."""
    spec = reading.sound
    if spec is None or spec.model.registry is None:
        return reading
    try:
        registry = load_registry(spec.model.registry)
    except UsageError as error:
        found = [spec.origin.problem(("model", "registry"), str(error))]
    except SpecError as error:
        found = list(error.problems)
    else:
        model, wrong = declared(registry, spec)
        found = [_problem_of(spec, one) for one in wrong]
        spec = spec.model_copy(update={"model": model})
    problems = sorted((*reading.problems, *found), key=lambda problem: problem.line or 0)
    return Reading(tuple(problems), spec)


def _nearest(missing: Path) -> Path | None:
    """The file beside a missing one, or in the folder most like its own, that is most like it."""
    folder = missing.parent
    if not folder.is_dir():
        folders = [one.name for one in _inside(folder.parent) if one.is_dir()]
        close = nearest(folder.name, folders)
        if close is None:
            return None
        folder = folder.parent / close
    files = [one.name for one in _inside(folder) if one.suffix in _SUFFIXES and one.is_file()]
    found = nearest(missing.name, files)
    return None if found is None else folder / found


def _inside(folder: Path) -> list[Path]:
    try:
        return sorted(folder.iterdir())
    except OSError:
        return []


def parse_spec(text: str, file: str = "<string>") -> MonitorSpec:
    """The spec in `text`; `file` is what problems name. Raises SpecError with all of them."""
    return _reading(text, file).usable()


def _reading(text: str, file: str) -> Reading:
    document = read_document(text, file)
    problems, broken = list(document.problems), frozenset[str]()
    try:
        MonitorSpec.model_validate(document.data)
    except ValidationError as error:
        problems += problems_of(error, document.origin)
        broken = frozenset(str(detail["loc"][0]) for detail in error.errors())
    valid = valid_part(document)
    problems += _checked(valid, broken)
    if not problems:
        return Reading((), _keyed(valid.model()))
    sound = sound_spec(valid)
    return Reading(first_problems(problems), sound and _keyed(sound))


def _keyed(spec: MonitorSpec) -> MonitorSpec:
    """The spec with the key by which values are hidden; one that lacks is missed where one is."""
    own = spec.privacy
    if own is None or own.key_env is None:
        return spec
    return spec.model_copy(update={"privacy": own.keyed(variable(own.key_env))})


def _checked(valid: Remainder, broken: frozenset[str]) -> list[Problem]:
    spec = valid.model()
    return [_problem_of(spec, finding) for finding in find_problems(spec, broken)]


def _problem_of(spec: MonitorSpec, finding: Finding) -> Problem:
    return spec.origin.problem(
        finding.loc,
        finding.message,
        given=None if finding.given is None else show(finding.given),
        accepted=finding.accepted,
        nearest=finding.nearest,
    )


def _undecodable(error: UnicodeDecodeError, content: bytes, file: Path) -> Problem:
    line = content.count(b"\n", 0, error.start) + 1
    given = f"byte 0x{content[error.start]:02X}"
    return Problem("the file is not UTF-8 text", str(file), line, given, "a file saved as UTF-8")


def _beside(spec: MonitorSpec, folder: Path) -> MonitorSpec:
    """The spec with its relative paths made absolute."""
    changes: dict[str, Any] = {"source": _anchored(spec.source, folder)}
    if spec.reference is not None:
        changes["reference"] = _anchored(spec.reference, folder)
    if spec.evaluation is not None:
        changes["evaluation"] = _evaluation_beside(spec.evaluation, folder)
    if spec.importance is not None:
        changes["importance"] = _anchored(spec.importance, folder)
    if spec.feedback is not None and spec.feedback.decisions is not None:
        decisions = _anchored(spec.feedback.decisions, folder)
        changes["feedback"] = spec.feedback.model_copy(update={"decisions": decisions})
    registry = spec.model.registry
    if registry is not None and is_relative(registry):
        beside = _normal(folder / registry).as_posix()
        changes["model"] = spec.model.model_copy(update={"registry": beside})
    return spec.model_copy(update=changes)


def _evaluation_beside(evaluation: Evaluation, folder: Path) -> Evaluation:
    sets = {name: _anchored(one, folder) for name, one in evaluation.sets.items()}
    others = {key: getattr(evaluation, key) for key in ("labels", "dashboard", "outcome")}
    found = {key: _anchored(one, folder) for key, one in others.items() if one is not None}
    return evaluation.model_copy(update={"sets": sets, **found})


def _anchored(location: Location, folder: Path) -> Location:
    if location.path is None or not is_relative(location.path):
        return location
    absolute = _normal(folder / location.path)
    return location.model_copy(update={"path": absolute.as_posix()})


def _normal(path: Path) -> Path:
    """`path` without `.` and `..`, by its text alone: links are not followed."""
    parts: list[str] = []
    for part in path.parts[1:]:
        if part == "..":
            del parts[-1:]
        else:
            parts.append(part)
    return Path(path.anchor, *parts)
