"""How a command ends: one line on stderr, an exit code, and never a stack unless asked for."""

from __future__ import annotations

import json
import logging
import os
import signal
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import pytest
import typer
from typer.testing import CliRunner

from sparkdrift.cli import main
from sparkdrift.cli.common import Common, common_options, ending, message
from sparkdrift.cli.stopping import Terminated, quieten_py4j, stoppable
from sparkdrift.errors import SourceError, SpecError, UsageError

READING_SPECS = (
    *("run", "run --dry-run", "profile", "snapshot", "drift", "validate --no-table"),
    *("explain", "calibrate", "classify", "merge --begin 2025-01-01 --end 2025-01-02"),
)
SEVERAL = ("run", "profile", "drift", "validate")
JVM = """An error occurred while calling o12.collectToPython.
: org.apache.spark.SparkException: Job aborted
\tat org.apache.spark.scheduler.DAGScheduler.abortStage(DAGScheduler.scala:1)
"""
WORKER = """
  An exception was thrown from the Python worker. Please see the stack trace below.
Traceback (most recent call last):
  File "worker.py", line 1, in main
ValueError: boom

\tat org.apache.spark.api.python.BasePythonRunner.run(PythonRunner.scala:1)
"""


def raising(error: BaseException):
    def command() -> int:
        raise error

    return command


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (SourceError("no such table"), 1),
        (UsageError("no such thing"), 2),
        (SpecError([]), 1),
        (RuntimeError("boom"), 1),
        (KeyboardInterrupt(), 130),
        (Terminated(), 143),
    ],
)
def test_codes(error, code, capsys):
    assert ending(raising(error), Common()) == code
    shown = capsys.readouterr()
    assert shown.out == ""
    assert "Traceback" not in shown.err


def test_our_own_errors_are_told_in_full(capsys):
    ending(raising(SourceError("source x: gone\nnext step: look")), Common())
    assert capsys.readouterr().err == "error: source x: gone\nnext step: look\n"


def test_unexpected_errors_say_that_they_are(capsys):
    ending(raising(RuntimeError("boom")), Common())
    shown = capsys.readouterr().err
    assert shown.startswith(
        "error: RuntimeError: boom\nthis is a bug in sparkdrift or an unhandled"
    )
    assert "-v" in shown


def test_verbose_shows_the_traceback(capsys):
    ending(raising(RuntimeError("boom")), Common(verbose=True))
    assert "Traceback" in capsys.readouterr().err


def test_json_gets_one_document_even_then(capsys):
    assert ending(raising(UsageError("no such thing")), Common(as_json=True)) == 2
    shown = capsys.readouterr()
    assert json.loads(shown.out) == {"error": "no such thing", "exit_code": 2}
    assert shown.err == "error: no such thing\n"


def test_an_interrupt_says_what_is_kept_and_how_to_go_on(capsys):
    ending(raising(KeyboardInterrupt()), Common())
    shown = capsys.readouterr().err
    assert shown == ("interrupted: what is committed stays; the same command goes on from there\n")
    assert ending(raising(Terminated()), Common(as_json=True)) == 143
    shown = capsys.readouterr()
    assert shown.err.startswith("interrupted by SIGTERM: ")
    assert json.loads(shown.out) == {"error": shown.err.strip(), "exit_code": 143}


def killed() -> int:
    """A command that a scheduler ends while it waits."""
    os.kill(os.getpid(), signal.SIGTERM)
    time.sleep(60)
    return 0


@pytest.fixture
def handlers():
    """The handlers of both signals are those from before again, whatever a test did."""
    before = {one: signal.getsignal(one) for one in (signal.SIGTERM, signal.SIGINT)}
    yield
    for one, handler in before.items():
        signal.signal(one, handler)


@pytest.mark.parametrize("raised", [KeyboardInterrupt, RuntimeError, None])
def test_sigterm_ends_a_command_as_an_interrupt_does(handlers, capsys, raised):
    """What takes the running jobs back is called, however that ends."""
    called = []

    def cancelling(number, frame):
        called.append(number)
        if raised:
            raise raised

    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    signal.signal(signal.SIGINT, cancelling)
    assert ending(killed, Common()) == 143
    assert called == [signal.SIGINT]
    assert capsys.readouterr().err.startswith("interrupted by SIGTERM: what is committed stays")
    assert signal.getsignal(signal.SIGTERM) is signal.SIG_DFL


class Answered:
    """What a classic session installs: a handler of pyspark's that talks to Java, and raises."""

    def __init__(self) -> None:
        self.threads: list[str] = []

    def __call__(self, number, frame):
        self.threads.append(threading.current_thread().name)
        raise KeyboardInterrupt


Answered.__module__ = "pyspark.core.context"


def interrupted() -> int:
    os.kill(os.getpid(), signal.SIGINT)
    time.sleep(60)
    return 0


def test_ctrl_c_takes_jobs_back_over_a_connection_of_its_own(handlers, capsys):
    """Connections to Java belong to threads; that of the main one may be in use."""
    theirs = Answered()
    signal.signal(signal.SIGINT, theirs)
    assert ending(interrupted, Common()) == 130
    assert len(theirs.threads) == 1
    assert threading.main_thread().name not in theirs.threads
    assert capsys.readouterr().err.startswith("interrupted: what is committed stays")
    assert signal.getsignal(signal.SIGINT) is theirs


def test_a_session_that_starts_in_a_command_is_asked_too(handlers):
    theirs = Answered()

    def command() -> int:
        signal.signal(signal.SIGINT, theirs)
        with stoppable():
            return killed()

    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    assert ending(command, Common()) == 143
    assert len(theirs.threads) == 1
    # It outlives the command, and keeps its handler.
    assert signal.getsignal(signal.SIGINT) is theirs
    assert signal.getsignal(signal.SIGTERM) is signal.SIG_DFL


STOPPED_TWICE = """
import os, signal, sys, time
from sparkdrift.cli.common import Common, ending

# As on a terminal: a shell starts what runs in its background without Ctrl-C.
signal.signal(signal.SIGINT, signal.default_int_handler)

def command():
    try:
        os.kill(os.getpid(), int(sys.argv[1]))
        time.sleep(60)
    finally:
        os.kill(os.getpid(), int(sys.argv[2]))
        time.sleep(float(sys.argv[3]))
        print("unwound")

sys.exit(ending(command, Common()))
"""


@pytest.mark.parametrize("first", [signal.SIGINT, signal.SIGTERM])
def test_a_second_ctrl_c_ends_at_once(first):
    done = stopped_twice(first, signal.SIGINT, 60)
    assert done.returncode == 130
    assert done.stdout == ""
    assert done.stderr == "interrupted again: ended at once; what is committed stays\n"


def test_a_second_sigterm_is_the_first_one_again():
    """`timeout` sends it to the process and then to its group."""
    done = stopped_twice(signal.SIGTERM, signal.SIGTERM, 0.1)
    assert done.returncode == 143
    assert done.stdout == "unwound\n"
    assert done.stderr.startswith("interrupted by SIGTERM: what is committed stays")


def stopped_twice(*given):
    command = [sys.executable, "-c", STOPPED_TWICE, *(str(int(one)) for one in given[:2])]
    return subprocess.run(
        [*command, str(given[2])], capture_output=True, text=True, timeout=50, check=False
    )


def test_what_py4j_says_of_a_broken_call_reaches_nobody(caplog):
    root = logging.getLogger()
    before = list(root.filters)
    path = "/somewhere/site-packages/py4j/java_gateway.py"
    try:
        quieten_py4j()
        root.handle(logging.LogRecord("root", logging.ERROR, path, 1, "while sending", None, None))
        logging.error("another's")
    finally:
        root.filters[:] = before
    assert caplog.messages == ["another's"]


def test_a_process_keeps_its_own_way_of_being_terminated(handlers):
    came = []
    signal.signal(signal.SIGTERM, lambda number, frame: came.append(number))

    def command() -> int:
        os.kill(os.getpid(), signal.SIGTERM)
        return 0

    assert ending(command, Common()) == 0
    assert came == [signal.SIGTERM]


def test_a_process_keeps_its_own_way_of_being_interrupted(handlers):
    came = []
    signal.signal(signal.SIGINT, lambda number, frame: came.append(number))

    def command() -> int:
        os.kill(os.getpid(), signal.SIGINT)
        return 0

    assert ending(command, Common()) == 0
    assert came == [signal.SIGINT]


def test_a_command_in_another_thread_runs():
    with ThreadPoolExecutor(1) as beside:
        assert beside.submit(ending, lambda: 3, Common()).result() == 3


@pytest.mark.parametrize("command", READING_SPECS)
def test_every_command_ends_alike_for_a_wrong_spec_and_for_a_missing_one(
    command, tmp_path, monkeypatch, capsys
):
    """The first is a failure that is told (1), the second asks for what is not there (2)."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "wrong.yml").write_text("monitor: credit\nfeatures: {numerc: [amount]}\n")
    words = command.split()
    assert main([words[0], "wrong.yml", *words[1:]]) == 1
    assert "did you mean 'numeric'?" in capsys.readouterr().err
    assert main([words[0], "absent.yml", *words[1:]]) == 2
    assert "absent.yml does not exist" in capsys.readouterr().err
    if words[0] in SEVERAL:
        assert main([words[0], "absent.yml", "wrong.yml", *words[1:]]) == 2


def test_javas_stack_never_shows():
    assert message(RuntimeError(JVM)).startswith(
        "RuntimeError: org.apache.spark.SparkException: Job aborted\n"
    )
    assert message(RuntimeError(WORKER)).startswith("RuntimeError: ValueError: boom\n")
    assert "DAGScheduler" not in message(RuntimeError(JVM))
    assert "PythonRunner" not in message(RuntimeError(WORKER))


def test_control_characters_of_an_error_do_not_reach_the_terminal(capsys):
    ending(raising(SourceError("name \x1b[2J\x07 [red]x[/]")), Common())
    shown = capsys.readouterr().err
    assert "\x1b" not in shown
    assert "\x07" not in shown
    assert "[red]x[/]" in shown


def test_the_shared_options_join_a_commands_own():
    got = []

    def greet(common: Common, name: str, loud: bool = False) -> int:
        """Say hello."""
        got.append((common, name, loud))
        return 3

    app = typer.Typer()
    app.command()(common_options(greet))
    answer = CliRunner().invoke(app, ["you", "--loud", "--store", "s", "--json", "--run-id", "r7"])
    assert answer.exit_code == 3
    assert got == [(Common(store="s", as_json=True, run_id="r7"), "you", True)]


@pytest.mark.parametrize("module", ["sparkdrift", "sparkdrift.kernels", "scipy.special", "pyarrow"])
def test_a_module_that_a_worker_lacks_is_told_with_what_to_set(module):
    name = module.split(".")[0]
    said = WORKER.replace("ValueError: boom", f"ModuleNotFoundError: No module named '{module}'")
    for text in (said, JVM + "Caused by: " + said):
        told = message(RuntimeError(text))
        assert told.startswith(f"the workers' Python lacks {name}: ")
        assert "PYSPARK_PYTHON=" in told
        assert "--py-files" in told
        assert "bug" not in told


def test_a_module_that_something_else_lacks_is_not_the_workers():
    said = WORKER.replace("ValueError: boom", "ModuleNotFoundError: No module named 'mine'")
    assert "'mine'" in message(RuntimeError(said))
    assert "bug in sparkdrift" in message(RuntimeError(said))
    assert "bug in sparkdrift" in message(ModuleNotFoundError("No module named 'scipy'"))
