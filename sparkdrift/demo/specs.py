"""The demos' monitor specs, with the path of the table filled in."""

from __future__ import annotations

import importlib.resources
import math
from typing import Any

import yaml


def spec_text(name: str, path: str) -> str:
    """The spec in the file `name` of this package, with `path` (a folder) as its source.

    The path becomes a YAML string in double quotes, whatever is in it.
    """
    text = (importlib.resources.files("sparkdrift.demo") / name).read_text("utf-8")
    quoted: Any = yaml.safe_dump(path, default_style='"', width=math.inf)
    return text.replace('"{path}"', quoted.rstrip("\n"))
