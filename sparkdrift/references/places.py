"""Whether two names of tables or folders mean the same one."""

from __future__ import annotations

from pathlib import Path

_LOCAL = "file:"


def same_place(one: str | None, other: str | None) -> bool:
    """Whether both name the same table, or folder: a folder may be spelt in many ways.

    Of a folder of this machine a trailing slash, `.`, `..`, links, and `file:` in front make no
    difference, nor whether it is relative; of one elsewhere (`s3://...`) a trailing slash.
    """
    if one is None or other is None:
        return one is other
    return one == other or (is_folder(one) and is_folder(other) and _place(one) == _place(other))


def is_folder(name: str) -> bool:
    """A folder has a slash in its name, which a table can't have."""
    return "/" in name or "\\" in name or name.startswith(".")


def absolute(path: str) -> str:
    """A folder as it is stored: not by where somebody stood who named it."""
    return path if "://" in path or path.startswith(_LOCAL) else str(Path(path).absolute())


def _place(path: str) -> str:
    if path.startswith(_LOCAL):
        path = "/" + path.removeprefix(_LOCAL).lstrip("/")
    elif "://" in path:
        return path.rstrip("/")
    return str(Path(path).resolve())
