"""Where results live: a directory, or a catalog schema.

A directory is a folder on a file system that Spark can reach, one Delta table a
subfolder. A catalog schema is addressed as `catalog.schema`.
"""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from pathlib import Path

from sparkdrift.errors import StoreError, UsageError
from sparkdrift.spec.names import parse_table, refused_characters, render_table

DEFAULT = "sparkdrift-store"
VARIABLE = "SPARKDRIFT_STORE"
_SCHEME = re.compile(r"^[a-z][a-z0-9+.-]*:/", re.IGNORECASE)
_CATALOG_SCHEMA = re.compile(r"^[^/\\.]+\.[^/\\.]+$")


@dataclass(frozen=True)
class Store:
    """The address of a store. Exactly one of `directory` and `schema` is set."""

    directory: str | None = None
    schema: tuple[str, ...] | None = None

    def __str__(self) -> str:
        return self.directory if self.directory is not None else ".".join(self.schema or ())

    def table(self, name: str) -> str:
        """The SQL identifier of a table of this store."""
        if self.directory is not None:
            return delta_path(f"{self.directory}/{name}")
        return render_table((*(self.schema or ()), name))

    def path(self, name: str) -> str | None:
        """The folder of a table, or None when a catalog decides it."""
        return None if self.directory is None else f"{self.directory}/{name}"

    @property
    def local(self) -> Path | None:
        """The folder on this machine, or None for a catalog or an object store."""
        if self.directory is None or _SCHEME.match(self.directory):
            return None
        return Path(self.directory)


def delta_path(path: str) -> str:
    """A folder as a SQL table identifier; raises StoreError for one that SQL can't hold."""
    reason = refused_characters(path)
    if reason is not None:
        raise StoreError(f"the path {path!r} can't be used: {reason}; choose another folder")
    return "delta.`" + path.replace("`", "``") + "`"


def open_store(text: str | None = None) -> Store:
    """The store named by `text`, else by SPARKDRIFT_STORE, else ./sparkdrift-store.

    `catalog.schema` is a catalog schema unless a folder of that name exists; write
    `./a.b` for a folder with a dot in its name. Raises UsageError for an empty name.
    """
    given = text if text is not None else os.environ.get(VARIABLE, DEFAULT)
    if not given.strip():
        raise UsageError(
            "the store is an empty name; accepted is a directory or catalog.schema, "
            f"given by --store or the environment variable {VARIABLE}"
        )
    if _SCHEME.match(given):
        return Store(directory=given.rstrip("/"))
    if _CATALOG_SCHEMA.match(given) and not Path(given).is_dir():
        return Store(schema=parse_table(given))
    path = Path(given).expanduser().resolve()
    if path.exists() and not path.is_dir():
        raise StoreError(f"the store {path} is a file; accepted is a directory or catalog.schema")
    return Store(directory=str(path))
