"""The bundle resolves: every path, entry point and parameter, against the wheel that it builds.

Nothing here talks to a workspace. The fields of the resources are held against the models of
databricks-sdk, which are those of the REST API; what a bundle adds to them is listed.
"""

from __future__ import annotations

import configparser
import re
import shlex
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import bundle
import pytest
import typer.main
from databricks.sdk.service.jobs import JobSettings

from sparkdrift import __version__
from sparkdrift.cli import tasks
from sparkdrift.cli.app import app
from sparkdrift.spec.loading import load_spec

TARGETS = ("dev", "prod")
JOBS = bundle.resources("jobs")
WATCHING = ("watch", "watch_on_cluster", "watch_on_update")
BY_STEP = "watch_by_step"
RUNNING = re.compile(r"\{\{([\w.]+)\}\}")
TASKS = [(key, task) for key, (_, job) in JOBS.items() for task in job["tasks"]]
IDS = [f"{key}.{task['task_key']}" for key, task in TASKS]


@pytest.fixture(scope="module")
def wheel(tmp_path_factory) -> Path:
    """What the bundle's build command makes, of a copy, without a network."""
    artifact = bundle.settings()["artifacts"]["sparkdrift"]
    assert (bundle.BUNDLE / artifact["path"]).resolve() == bundle.ROOT
    folder = tmp_path_factory.mktemp("checkout")
    for name in ("pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(bundle.ROOT / name, folder)
    left = shutil.ignore_patterns("__pycache__")
    shutil.copytree(bundle.ROOT / "sparkdrift", folder / "sparkdrift", ignore=left)
    python, *command = shlex.split(artifact["build"])
    assert python == "python3"
    offline = ("--no-build-isolation", "--no-index", "--disable-pip-version-check", "-q")
    done = subprocess.run(
        [sys.executable, *command, *offline], cwd=folder, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    (made,) = (folder / "dist").glob("*.whl")
    return made


def entry_points(wheel: Path) -> dict[str, str]:
    """The entry points of a wheel by name, whatever their group: so does a wheel task."""
    with zipfile.ZipFile(wheel) as archive:
        text = archive.read(f"sparkdrift-{__version__}.dist-info/entry_points.txt").decode()
    parsed = configparser.ConfigParser()
    parsed.read_string(text)
    found = [pair for group in parsed.sections() for pair in parsed.items(group)]
    assert len(dict(found)) == len(found), "two groups have one name"
    return dict(found)


@pytest.mark.parametrize("target", TARGETS)
def test_every_reference_is_declared(target):
    settings = bundle.settings()
    assert set(settings["targets"]) == set(TARGETS)
    for kind in ("jobs", "dashboards", "alerts"):
        for _, resource in bundle.resources(kind).values():
            bundle.put_in(resource, target)
    bundle.put_in(settings["targets"][target], target)
    text = "".join(path.read_text("utf-8") for path in bundle.BUNDLE.rglob("*.yml"))
    for name in settings["variables"]:
        assert f"${{var.{name}}}" in text, f"nothing uses the variable {name}"


@pytest.mark.parametrize("target", TARGETS)
@pytest.mark.parametrize("key", JOBS)
def test_jobs_are_what_the_api_takes(key, target):
    _, job = JOBS[key]
    assert list(bundle.refused(JobSettings, bundle.put_in(job, target), key)) == []


def test_a_misspelt_field_is_found():
    _, job = JOBS["watch"]
    wrong = {**job, "max_concurent_runs": 1, "queue": {"enabled": "yes"}}
    wrong["trigger"] = {"table_update": {"condition": "SOME_UPDATED"}}
    found = "\n".join(bundle.refused(JobSettings, wrong, "watch"))
    for message in ("knows no max_concurent_runs", "'yes' is no bool", "table_names is missing"):
        assert message in found
    assert "'SOME_UPDATED' is none of" in found


def test_every_job_runs_once_at_a_time_ends_and_tells():
    for _, job in JOBS.values():
        assert job["max_concurrent_runs"] == 1
        assert job["queue"] == {"enabled": True}
        assert job["timeout_seconds"] > 0
        assert job["email_notifications"]["on_failure"] == ["${var.notification_email}"]


def test_one_of_the_ways_to_watch_is_on():
    assert {*JOBS} == {*WATCHING, BY_STEP, "maintain", "freeze"}
    on = []
    for key in (*WATCHING, BY_STEP):
        _, job = JOBS[key]
        begins = bundle.put_in(job.get("schedule") or job["trigger"], "prod")
        on += [key] if begins["pause_status"] == "UNPAUSED" else []
    assert on == ["watch"]
    assert "schedule" not in JOBS["freeze"][1]
    development = bundle.settings()["targets"]["dev"]
    assert development["mode"] == "development"
    assert development["presets"]["trigger_pause_status"] == "PAUSED"
    assert {"run_as", "permissions"} <= set(bundle.settings()["targets"]["prod"])


def test_the_job_by_step_has_every_step_after_what_it_reads():
    """Those that `run` does and a command does alone; the verdict waits for all."""
    tasks = {one["task_key"]: one for one in JOBS[BY_STEP][1]["tasks"]}
    for key, task in tasks.items():
        assert task["python_wheel_task"]["entry_point"] == key
    before = {
        key: {one["task_key"] for one in task.get("depends_on", [])} for key, task in tasks.items()
    }
    assert before == {
        "migrate": set(),
        "profile": {"migrate"},
        "drift": {"profile"},
        "eval": {"drift"},
        "operations": {"drift"},
        "features": {"drift", "eval"},
        "health": {"eval", "operations", "features"},
    }


def test_the_ways_to_watch_differ_in_start_and_compute_alone():
    apart = {"name", "description", "schedule", "trigger", "environments", "job_clusters"}
    compute = {"environment_key", "job_cluster_key", "libraries"}
    seen = []
    for key in WATCHING:
        _, job = JOBS[key]
        same = {name: one for name, one in job.items() if name not in apart}
        same["tasks"] = [
            {name: one for name, one in task.items() if name not in compute}
            for task in job["tasks"]
        ]
        seen.append(same)
    assert seen[0] == seen[1] == seen[2]


@pytest.mark.parametrize("key", JOBS)
def test_tasks_follow_each_other(key):
    """One after the other; that by step has steps beside each other, and none before its own."""
    before: list[str] = []
    for task in JOBS[key][1]["tasks"]:
        after = [one["task_key"] for one in task.get("depends_on", [])]
        assert set(after) <= set(before) if key == BY_STEP else after == before[-1:]
        before.append(task["task_key"])


@pytest.mark.parametrize(("key", "task"), TASKS, ids=IDS)
def test_tasks_name_what_the_wheel_has(wheel, key, task):
    called = task["python_wheel_task"]
    assert wheel.name.startswith(f"{called['package_name']}-{__version__}-")
    found = entry_points(wheel)
    assert called["entry_point"] in found
    module, _, function = found[called["entry_point"]].partition(":")
    with zipfile.ZipFile(wheel) as archive:
        source = archive.read(f"{module.replace('.', '/')}.py").decode()
    assert re.search(rf"^def {function}\(", source, re.MULTILINE)


@pytest.mark.parametrize(("key", "task"), TASKS, ids=IDS)
def test_tasks_find_their_wheel(wheel, key, task):
    path, job = JOBS[key]
    if "environment_key" in task:
        (environment,) = job["environments"]
        assert environment["environment_key"] == task["environment_key"]
        (pattern,) = environment["spec"]["dependencies"]
    else:
        (cluster,) = job["job_clusters"]
        assert cluster["job_cluster_key"] == task["job_cluster_key"]
        ((pattern,),) = (one.values() for one in task["libraries"])
    folder = (path.parent / pattern).resolve().parent
    build = shlex.split(bundle.settings()["artifacts"]["sparkdrift"]["build"])
    assert folder == bundle.ROOT / build[build.index("--wheel-dir") + 1]
    assert wheel.match(Path(pattern).name)


@pytest.mark.parametrize("filled", [True, False], ids=["given", "left-alone"])
@pytest.mark.parametrize(("key", "task"), TASKS, ids=IDS)
def test_parameters_are_what_the_command_takes(monkeypatch, key, task, filled):
    """As the command line reads them: it stops where the command would begin."""
    job = JOBS[key][1]
    defaults = {
        f"job.parameters.{one['name']}": one["default"] for one in job.get("parameters", ())
    }
    values = {**defaults, **(bundle.RUNNING if filled else {"job.run_id": "428187"})}
    specs, _ = bundle.synced()
    arguments = []
    for text in bundle.put_in(task["python_wheel_task"]["parameters"], "prod"):
        put = RUNNING.sub(lambda found: bundle.put_in(values[found[1]], "prod"), text)
        arguments.append(put.replace(bundle.GIVEN["workspace.file_path"], str(specs)))
    seen = []
    monkeypatch.setattr(tasks, "main", seen.append)
    getattr(tasks, function_of(task))(arguments)
    ((command, *rest),) = seen
    called = typer.main.get_command(app).commands[command]
    # `health SPEC` is `health show SPEC`.
    called = getattr(called, "commands", {"show": called})["show"]
    given = called.make_context(command, list(rest)).params
    assert given["store"] == "main.monitoring"
    if command not in ("migrate", "maintain"):
        assert given["run_id"] == "428187"
        for path in [given["spec"]] if command == "snapshot" else given["specs"]:
            assert path.exists(), path
    if command == "profile":
        assert (given["begin"], given["as_of"]) == (
            ("2025-09-01", "2025-10-01") if filled else (None, None)
        )


def function_of(task: dict) -> str:
    name = task["python_wheel_task"]["entry_point"]
    return {"eval": "evaluate"}.get(name, name)


def test_the_monitors_of_the_checkout_are_synced():
    shared, folders = bundle.synced()
    text = bundle.variables("prod")["monitors"]
    monitors = Path(text.replace("${workspace.file_path}", str(shared)))
    assert monitors in folders
    assert bundle.BUNDLE in folders
    for path in monitors.glob("*.yml"):
        load_spec(path)


def test_a_task_that_fails_leaves_with_the_code_of_the_command(monkeypatch):
    monkeypatch.setattr(tasks, "main", lambda arguments: {"run": 3, "doctor": 0}[arguments[0]])
    with pytest.raises(SystemExit) as ended:
        tasks.run([])
    assert ended.value.code == 3
    assert tasks.doctor([]) is None


def test_an_option_without_a_value_is_left_out():
    arguments = ["monitors", "--as-of=", "--begin=2025-01-01", "--note=", "--json", "a="]
    assert tasks.given(arguments) == ["monitors", "--begin=2025-01-01", "--json", "a="]


def test_every_step_has_an_entry_point(wheel):
    """Whatever spark-submit can start as a job, a wheel task can as well."""
    text = "".join(path.read_text("utf-8") for path in (bundle.ROOT / "jobs").glob("*.py"))
    commands = re.findall(r'return sparkdrift\(\["(\w+)"', text)
    assert len(commands) >= 8
    assert set(commands) <= set(entry_points(wheel))


def test_every_entry_point_is_a_command(wheel, monkeypatch):
    found = {
        name: place
        for name, place in entry_points(wheel).items()
        if place.startswith("sparkdrift.cli.tasks:")
    }
    commands = typer.main.get_command(app).commands
    for name, place in found.items():
        seen = []
        monkeypatch.setattr(tasks, "main", seen.append)
        getattr(tasks, place.partition(":")[2])(["--json"])
        assert seen == [[name, "--json"]]
        assert name in commands
