"""Where results live: a directory, or a catalog schema.

A directory is a folder on a file system that Spark can reach, one Delta table a
subfolder. A catalog schema is addressed as `catalog.schema`.
"""

from __future__ import annotations

import os
import re
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from sparkdrift.errors import StoreError, UsageError
from sparkdrift.redacting import names_a_password
from sparkdrift.spec.names import parse_table, refused_characters, render_table

DEFAULT = "sparkdrift-store"
LOCK = ".lock"
VARIABLE = "SPARKDRIFT_STORE"
# How often the folder of a lock may be taken away just when it was made.
_MISSED = 10
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

    `catalog.schema` is a catalog schema unless a folder or file of that name exists; write
    `./a.b` for a folder with a dot in its name. Raises UsageError for an empty name.
    """
    given = text if text is not None else os.environ.get(VARIABLE, DEFAULT)
    if not given.strip():
        raise UsageError(
            "the store is an empty name; accepted is a directory or catalog.schema, "
            f"given by --store or the environment variable {VARIABLE}"
        )
    if names_a_password(given):
        raise UsageError(
            "the store's address holds a password, key or signature, which would stand in logs; "
            "accepted is the address alone: access belongs into the settings of the cluster"
        )
    if _SCHEME.match(given):
        return Store(directory=given.rstrip("/"))
    if _CATALOG_SCHEMA.match(given) and not Path(given).exists():
        return Store(schema=parse_table(given))
    path = Path(given).expanduser().resolve()
    if path.exists() and not path.is_dir():
        raise StoreError(f"the store {path} is a file; accepted is a directory or catalog.schema")
    return Store(directory=str(path))


def no_store(store: Store) -> StoreError:
    """What to say where there is no store to read."""
    return StoreError(
        f"there is no store at {store}; create one with `sparkdrift run SPEC --store {store}`, "
        "or name another with --store"
    )


@contextmanager
def locked(store: Store, *, wait: float = 600.0) -> Iterator[None]:
    """Hold the store for writing: on this machine, one run at a time.

    Delta's commits on a local folder are not safe between processes, so a folder gets
    a file lock, which the system drops when a process dies. Catalogs and object stores
    settle concurrent commits themselves. A folder that is made here is taken away again where
    nothing was written to it. Raises StoreError after `wait` seconds.
    """
    folder = store.local
    if folder is None:
        yield
        return
    file, made = _acquired(folder, wait)
    with file:
        try:
            yield
        finally:
            if made:
                _take_away(folder, made)


def _acquired(folder: Path, wait: float) -> tuple[IO[str], Sequence[Path]]:
    """(the lock file of `folder`, which holds the lock until it is closed; the folders that
    were made for it, the inner first)."""
    until, missed = time.monotonic() + wait, 0
    while True:
        made = [one for one in (folder, *folder.parents) if not one.exists()]
        try:
            folder.mkdir(parents=True, exist_ok=True)
            file = (folder / LOCK).open("w")
        except OSError as error:
            missed += 1
            if isinstance(error, FileNotFoundError) and missed < _MISSED:
                continue  # taken away between the two calls
            raise StoreError(
                f"the store {folder} can't be written ({error.strerror}); choose another by --store"
            ) from error
        try:
            _acquire(file, folder, until, wait)
            if _in_place(file, folder / LOCK):
                return file, made
        except BaseException:
            file.close()
            raise
        file.close()


def _in_place(file: IO[str], path: Path) -> bool:
    """Whether `file` is still what `path` names: a run that wrote nothing takes its own away."""
    try:
        return os.path.samestat(os.fstat(file.fileno()), path.stat())
    except FileNotFoundError:
        return False


def _acquire(file: IO[str], folder: Path, until: float, wait: float) -> None:
    try:
        import fcntl
    except ImportError:  # pragma: no cover - no such lock on this system
        return
    while True:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return
        except OSError:
            if time.monotonic() >= until:
                raise StoreError(
                    f"another run has been writing to the store {folder} for {wait:.0f} s; "
                    "wait for it to end, or give this one another --store"
                ) from None
            time.sleep(0.2)


def _take_away(folder: Path, made: Sequence[Path]) -> None:
    """Remove the folders in `made`, the inner first, if nothing but the lock file is there."""
    with suppress(OSError):
        if any(one.name != LOCK for one in folder.iterdir()):
            return
        (folder / LOCK).unlink()
        for one in made:
            one.rmdir()
