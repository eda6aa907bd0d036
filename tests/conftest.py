"""Fixtures for every test that needs a JVM: one Spark session per pytest process.

`SPARK_API_MODE=connect pytest tests/spark` runs the same tests over Spark Connect;
pyspark reads that variable itself. No fixture here starts anything until it is asked for.
"""

from __future__ import annotations

import importlib.util
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

# A loaded machine is no failure: how long an example takes is nothing that a test asserts.
settings.register_profile("patient", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("patient")

# For thousands of small queries and no long one: planning them is what costs. Over a whole
# stage the optimising compiler pays: a run takes 20 s with it and 27 s without, after six.
SMALL = {
    # Hundreds of stores in one process.
    "spark.driver.memory": "2g",
    "spark.sql.shuffle.partitions": "2",
    "spark.driver.defaultJavaOptions": "-XX:ReservedCodeCacheSize=320m -XX:+UseSerialGC",
}


def pytest_addoption(parser: pytest.Parser) -> None:
    group = parser.getgroup("faults", "how much the tests of faults try")
    group.addoption("--seed", type=int, default=20261, help="what they draw from")
    group.addoption("--crashes", type=int, default=5, help="schedules of crashes")
    group.addoption("--races", type=int, default=4, help="races, the rivals in turn")
    group.addoption("--kills", type=int, default=1, help="processes that are killed")
    group.addoption("--days", type=int, default=20, help="of the life of a store")
    group.addoption("--tried", help="a file that keeps what was tried, so as to go on from there")
    group.addoption("--world", help="a folder for what they begin with, made once for this code")
    group.addoption("--minutes", type=float, help="after so many, nothing more is begun")


@pytest.fixture(scope="session")
def spark(tmp_path_factory):
    """The session that the product itself would make, made for small tables."""
    from sparkdrift.spark.session import create_session

    log = tmp_path_factory.mktemp("spark") / "spark.log"
    session = create_session(log=log, extra=SMALL)
    yield session
    session.stop()


@pytest.fixture(scope="module")
def workspace(tmp_path_factory):
    """A folder of this module's own, for stores that several tests read."""
    return tmp_path_factory.mktemp("workspace")


@pytest.fixture(scope="session")
def wheel(tmp_path_factory):
    """The package as one file; a wheel is a zip of it."""
    import sparkdrift

    root = Path(sparkdrift.__file__).parent.parent
    file = tmp_path_factory.mktemp("wheel") / "sparkdrift-0.1.0-py3-none-any.whl"
    with zipfile.ZipFile(file, "w") as archive:
        for path in sorted((root / "sparkdrift").rglob("*")):
            if path.is_file() and "__pycache__" not in path.parts:
                archive.write(path, path.relative_to(root))
    return file


@pytest.fixture(scope="session")
def bare_python(tmp_path_factory):
    """An interpreter with every dependency but without sparkdrift."""
    home = tmp_path_factory.mktemp("bare")
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", str(home)], check=True)
    found = importlib.util.find_spec("pyspark")
    packages = Path(found.origin).parent.parent
    folder = next(home.glob("lib/python*/site-packages"))
    (folder / "borrowed.pth").write_text(f"{packages}\n")
    python = home / "bin" / "python"
    # Not this process's PYTHONPATH: that would bring the package back in.
    there = subprocess.run([python, "-I", "-c", "import sparkdrift"], cwd=home, capture_output=True)
    if there.returncode == 0:
        pytest.skip("sparkdrift is installed as files, so leaving it out is not possible")
    return python
