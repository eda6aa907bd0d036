"""The wheel works outside the checkout: nothing is read from the repository's root."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from sparkdrift import __version__

ROOT = Path(__file__).resolve().parents[2]


def pip(*arguments: str) -> None:
    command = [sys.executable, "-m", "pip", "--disable-pip-version-check", *arguments]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


@pytest.fixture(scope="module")
def wheel(tmp_path_factory):
    """Built with the installed hatchling: no network."""
    folder = tmp_path_factory.mktemp("wheel")
    offline = ("--no-deps", "--no-build-isolation", "--no-index")
    pip("wheel", "-q", *offline, "-w", str(folder), str(ROOT))
    (made,) = folder.glob("*.whl")
    return made


@pytest.fixture(scope="module")
def installed(wheel, tmp_path_factory):
    folder = tmp_path_factory.mktemp("installed")
    pip("install", "-q", "--no-deps", "--no-index", "--target", str(folder), str(wheel))
    return folder


def run(installed: Path, cwd: Path, *command: str) -> subprocess.CompletedProcess[str]:
    """Run a command that finds the installed package before the checkout."""
    environment = {**os.environ, "PYTHONPATH": str(installed)}
    environment.pop("SPARKDRIFT_STORE", None)
    return subprocess.run(
        command, cwd=cwd, env=environment, capture_output=True, text=True, check=False
    )


def test_the_wheel_holds_the_package_and_nothing_else(wheel):
    with zipfile.ZipFile(wheel) as archive:
        names = archive.namelist()
    roots = {name.split("/")[0] for name in names}
    assert roots == {"sparkdrift", f"sparkdrift-{__version__}.dist-info"}
    kept = {p.relative_to(ROOT).as_posix() for p in (ROOT / "sparkdrift").rglob("*") if p.is_file()}
    assert {name for name in kept if "__pycache__" not in name} <= set(names)


def test_pyspark_is_only_an_extra(wheel):
    with zipfile.ZipFile(wheel) as archive:
        metadata = archive.read(f"sparkdrift-{__version__}.dist-info/METADATA").decode()
    for name in ("pyspark", "delta-spark", "pandas"):
        lines = re.findall(rf"^Requires-Dist: {name}\b.*$", metadata, re.MULTILINE)
        assert lines
        # pyspark's mapInArrow needs pandas: who installs our Spark must get both.
        assert any("extra == 'local'" in line for line in lines)
        assert all("extra ==" in line for line in lines)


def test_files_of_the_package_are_found(installed, tmp_path):
    program = """
import importlib.resources, sparkdrift
from sparkdrift.demo.credit import credit_spec
from sparkdrift.demo.flights import flights_spec
root = importlib.resources.files("sparkdrift")
for name in ("py.typed", "spark/log4j2.properties", "demo/credit.yml", "demo/flights.yml"):
    assert root.joinpath(*name.split("/")).is_file(), name
assert "/a/log" in credit_spec("/a/log") and "/a/log" in flights_spec("/a/log")
print(sparkdrift.__version__, sparkdrift.__file__)
"""
    done = run(installed, tmp_path, sys.executable, "-c", program)
    assert done.returncode == 0, done.stderr
    version, place = done.stdout.split()
    assert version == __version__
    assert Path(place).is_relative_to(installed)


def test_the_command_works_anywhere(installed, tmp_path):
    script = str(installed / "bin" / "sparkdrift")
    done = run(installed, tmp_path, sys.executable, script, "--help")
    assert done.returncode == 0, done.stderr
    assert "validate" in done.stdout
    version = run(installed, tmp_path, sys.executable, script, "--version")
    assert version.stdout == f"sparkdrift {__version__}\n"
    assert list(tmp_path.iterdir()) == []


def test_constraints_cover_what_the_project_names():
    """Names and versions, nothing else: no hash, no address, no path of a machine."""
    lines = (ROOT / "constraints.txt").read_text("utf-8").splitlines()
    pins = [line for line in lines if not line.startswith("#")]
    form = re.compile(r'([a-z0-9.-]+)==[A-Za-z0-9.]+(; python_version (<|>=) "3\.11")?')
    assert [line for line in pins if not form.fullmatch(line)] == []
    pinned = {line.split("==")[0] for line in pins}
    text = (ROOT / "pyproject.toml").read_text("utf-8")
    declared = text[text.index("\ndependencies") : text.index("[project.scripts]")]
    named = {n.lower().replace("_", "-") for n in re.findall(r'"([A-Za-z0-9_-]+)[=<>]?', declared)}
    # An extra may name another one of the project itself.
    assert named - {"sparkdrift"} <= pinned
