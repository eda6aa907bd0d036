"""The bundle under conf/databricks as its own files tell it, with variables put in."""

from __future__ import annotations

import dataclasses
import enum
import os
import re
import typing
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).resolve().parents[3]
BUNDLE = ROOT / "conf/databricks"
REFERENCE = re.compile(r"\$\{([\w.]+)\}")
# What the deployment puts in, as it looks in a workspace.
GIVEN = {
    "bundle.name": "sparkdrift",
    "bundle.target": "prod",
    "workspace.file_path": "/Workspace/Shared/.bundle/sparkdrift/prod/files",
    "workspace.current_user.userName": "owner@example.com",
}
# What the scheduler puts in when a task starts.
RUNNING = {
    "job.run_id": "428187",
    "job.parameters.as_of": "2025-10-01",
    "job.parameters.begin": "2025-09-01",
    "job.parameters.end": "2025-10-01",
    "job.parameters.note": "relaunch",
}
BY_TARGET = ("mode", "default", "presets", "variables", "workspace", "run_as", "permissions")


def read(path: Path) -> dict[str, Any]:
    return yaml.safe_load(path.read_text("utf-8"))


def settings() -> dict[str, Any]:
    return read(BUNDLE / "databricks.yml")


def variables(target: str) -> dict[str, str]:
    """The values of the variables in a target; one that is looked up is a word."""
    declared = settings()["variables"]
    own = settings()["targets"][target].get("variables", {})
    return {
        name: own.get(name, one.get("default", f"looked-up-{name}"))
        for name, one in declared.items()
    }


def put_in(value: Any, target: str) -> Any:
    """`value` without references; raises KeyError for one that nothing declares."""
    known = GIVEN | {f"var.{name}": text for name, text in variables(target).items()}
    if isinstance(value, dict):
        return {key: put_in(one, target) for key, one in value.items()}
    if isinstance(value, list):
        return [put_in(one, target) for one in value]
    while isinstance(value, str) and REFERENCE.search(value):
        value = REFERENCE.sub(lambda found: known[found[1]], value)
    return value


def resources(kind: str) -> dict[str, tuple[Path, dict[str, Any]]]:
    """Every resource of a kind by its key, with the file that declares it."""
    found = {}
    for pattern in settings()["include"]:
        for path in sorted(BUNDLE.glob(pattern)):
            for key, one in read(path)["resources"].get(kind, {}).items():
                assert key not in found, f"{key} is declared twice"
                found[key] = (path, one)
    return found


def synced() -> tuple[Path, list[Path]]:
    """What ${workspace.file_path} is here: the folder that all synced ones share; and those."""
    folders = [(BUNDLE / one).resolve() for one in settings()["sync"]["paths"]]
    return Path(os.path.commonpath(folders)), folders


def refused(kind: type, value: Any, place: str) -> Iterator[str]:
    """Why `value` is none of the REST API's `kind`, a dataclass of databricks-sdk."""
    if not isinstance(value, dict):
        yield f"{place}: {value!r} is no {kind.__name__}"
        return
    hints = typing.get_type_hints(kind)
    required = {one.name for one in dataclasses.fields(kind) if one.default is dataclasses.MISSING}
    for name in required - set(value):
        yield f"{place}: {name} is missing"
    for name, one in value.items():
        if name not in hints:
            yield f"{place}: {kind.__name__} knows no {name}"
        else:
            yield from _refused(hints[name], one, f"{place}.{name}")


def _refused(hint: Any, value: Any, place: str) -> Iterator[str]:
    arguments = [one for one in typing.get_args(hint) if one is not type(None)]
    origin = typing.get_origin(hint)
    if origin is typing.Union:
        yield from _refused(arguments[0], value, place)
    elif origin is list:
        if not isinstance(value, list):
            yield f"{place}: {value!r} is no list"
        else:
            for number, one in enumerate(value):
                yield from _refused(arguments[0], one, f"{place}[{number}]")
    elif origin is dict:
        if not isinstance(value, dict):
            yield f"{place}: {value!r} is no mapping"
    elif dataclasses.is_dataclass(hint):
        yield from refused(hint, value, place)
    elif isinstance(hint, type) and issubclass(hint, enum.Enum):
        if value not in [one.value for one in hint]:
            yield f"{place}: {value!r} is none of {[one.value for one in hint]}"
    elif hint is float:
        if not isinstance(value, (int, float)) or isinstance(value, bool):
            yield f"{place}: {value!r} is no number"
    elif not isinstance(value, hint):
        yield f"{place}: {value!r} is no {hint.__name__}"
