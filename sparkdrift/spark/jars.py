"""Finding the two Delta jars a local session needs, and only those two.

delta-spark's published dependency tree has 33 jars; a classic local session
loads two of them. Jars that are already somewhere on this machine are used
without asking any repository, so a session starts offline once they are cached.
"""

from __future__ import annotations

import os
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from sparkdrift.errors import SetupError

# Everything in delta-spark's dependency tree that Spark already brings, or that only
# Unity Catalog clients and the Delta kernel use. Ivy reads these as globs.
_EXCLUDED = (
    "com.*:*",
    "commons-*:*",
    "io.airlift:*",
    "io.unitycatalog:*",
    "io.delta:delta-kernel*",
    "jakarta.*:*",
    "javax.*:*",
    "net.*:*",
    "org.*:*",
)


def delta_coordinates(spark_version: str) -> tuple[str, str]:
    """Maven coordinates of the two jars for the installed delta-spark and this Spark.

    Raises SetupError when delta-spark is not installed.
    """
    try:
        delta = version("delta-spark")
    except PackageNotFoundError:
        raise SetupError(
            "the Python package delta-spark is not installed, so the Delta jars to use are unknown;"
            " install it with: pip install 'sparkdrift[local]'"
        ) from None
    series = ".".join(spark_version.split(".")[:2])
    return (
        f"io.delta:delta-spark_{series}_2.13:{delta}",
        f"io.delta:delta-storage:{delta}",
    )


def session_conf(spark_version: str, spark_home: Path) -> dict[str, str]:
    """The Spark settings that put the Delta jars on a new session's class path.

    Empty when Spark's own jar folder has them; `spark.jars` when a local
    repository has them; else `spark.jars.packages`, which asks Maven Central once.
    """
    if any((spark_home / "jars").glob("delta-spark_*.jar")):
        return {}
    coordinates = delta_coordinates(spark_version)
    cached = [_cached_jar(coordinate) for coordinate in coordinates]
    found = [str(jar) for jar in cached if jar is not None]
    if len(found) == len(coordinates):
        return {"spark.jars": ",".join(found)}
    return {
        "spark.jars.packages": ",".join(coordinates),
        "spark.jars.excludes": ",".join(_EXCLUDED),
    }


def _cached_jar(coordinate: str) -> Path | None:
    group, artifact, release = coordinate.split(":")
    home = Path(os.environ.get("HOME", str(Path.home())))
    places = [
        *home.glob(f".ivy2*/jars/{group}_{artifact}-{release}.jar"),
        home.joinpath(
            ".m2", "repository", *group.split("."), artifact, release, f"{artifact}-{release}.jar"
        ),
    ]
    return next((place for place in places if place.is_file()), None)
