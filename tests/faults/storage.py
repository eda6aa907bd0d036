"""Faults of storage, and what makes them good again: files of tables, and the place they lie in."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from sparkdrift.store import Store


def newest_file(table: Path) -> Path:
    """The data file that was written last."""
    return max(table.rglob("*.parquet"), key=lambda file: file.stat().st_mtime_ns)


def commit(table: Path, number: int) -> Path:
    """A file of the table's log; -1: the newest."""
    return sorted((table / "_delta_log").glob("*.json"))[number]


def missing(file: Path) -> None:
    file.unlink()


def truncated(file: Path) -> None:
    file.write_bytes(file.read_bytes()[: file.stat().st_size // 2])


def flipped(file: Path) -> None:
    """Bits turned over in the first column's values, behind the page's header."""
    content = bytearray(file.read_bytes())
    for place in range(80, 96):
        content[place] ^= 0xFF
    file.write_bytes(bytes(content))


@contextmanager
def faulty(spark: Any, file: Path, fault: Callable[[Path], None]) -> Iterator[None]:
    """A file with a fault, and as it was again at the end.

    Without the sum that Hadoop writes beside a file on a local disk, which other storage and other
    writers don't have.
    """
    sums = file.with_name(f".{file.name}.crc")
    kept = {one: one.read_bytes() for one in (file, sums) if one.exists()}
    times = file.stat()
    sums.unlink(missing_ok=True)
    # A link to it elsewhere is left alone.
    file.unlink()
    file.write_bytes(kept[file])
    fault(file)
    forgotten(spark)
    try:
        yield
    finally:
        for one, content in kept.items():
            one.write_bytes(content)
        os.utime(file, ns=(times.st_atime_ns, times.st_mtime_ns))
        forgotten(spark)


def forgotten(spark: Any) -> None:
    """Delta keeps a table's state in memory, which a new process has not."""
    spark._jvm.org.apache.spark.sql.delta.DeltaLog.clearCache()


@contextmanager
def small_disk(store: Store, *, left: int) -> Iterator[Callable[[], None]]:
    """The store on a disk of its own with so many bytes left; yields what makes room."""
    folder = Path(str(store.directory))
    used = sum(file.stat().st_size + 8192 for file in folder.rglob("*") if file.is_file())
    beside = folder.with_name(f"{folder.name}-moved")
    folder.rename(beside)
    folder.mkdir()
    with _mounted("-t", "tmpfs", "-o", f"size={4 * used}", "tmpfs", str(folder)):
        shutil.copytree(beside, folder, dirs_exist_ok=True)
        fill = folder / "fill"
        state = os.statvfs(folder)
        with fill.open("wb") as file:
            file.write(b"\0" * (state.f_bavail * state.f_frsize - left))
        yield fill.unlink


@contextmanager
def read_only(store: Store) -> Iterator[None]:
    folder = str(store.directory)
    with _mounted("--bind", folder, folder):
        subprocess.run(["mount", "-o", "remount,ro,bind", folder], check=True)
        yield


@contextmanager
def _mounted(*arguments: str) -> Iterator[None]:
    if sys.platform != "linux" or shutil.which("mount") is None:
        pytest.skip("mount is of Linux")
    made = subprocess.run(["mount", *arguments], capture_output=True, text=True, check=False)
    if made.returncode:
        pytest.skip(f"a disk of its own needs the right to mount one: {made.stderr.strip()}")
    try:
        yield
    finally:
        subprocess.run(["umount", "--lazy", arguments[-1]], check=True)
