"""How far long work has come, on stderr: a bar on a terminal, else a line per finished step."""

from __future__ import annotations

from types import TracebackType

from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    SpinnerColumn,
    TaskID,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)

from sparkdrift.cli.screen import err, remark
from sparkdrift.report.plain import plain


class Bars:
    """One bar at a time, with windows done, rows per second and time left.

    Implements `sparkdrift.steps.context.Progress`. Where stderr is no terminal, such as a
    scheduler's log, nothing is drawn and `finished` prints a line instead. Where `shown` is
    false it says nothing at all. Call `end` before printing: a bar owns its line.
    """

    def __init__(self, *, shown: bool = True) -> None:
        self._shown = shown
        self._progress: Progress | None = None
        self._task = TaskID(0)
        self._name = ""

    def __enter__(self) -> Bars:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        stack: TracebackType | None,
    ) -> None:
        self.end()

    def begin(self, name: str) -> None:
        """Show that `name` has begun, before anything of it is done."""
        self.end()
        self._name = plain(name, lines=False)
        console = err()
        if self._shown and console.is_terminal:
            self._progress = Progress(
                SpinnerColumn(),
                TextColumn("{task.description}", markup=False),
                BarColumn(bar_width=20),
                MofNCompleteColumn(),
                TextColumn("{task.fields[rate]}"),
                TimeElapsedColumn(),
                TimeRemainingColumn(),
                console=console,
                transient=True,
                redirect_stdout=False,
                redirect_stderr=False,
            )
            self._task = self._progress.add_task(self._name, total=None, rate="")
            self._progress.start()

    def end(self) -> None:
        """Take the bar away."""
        if self._progress is not None:
            self._progress.stop()
            self._progress = None

    def finished(self, what: str, done: str, seconds: float) -> None:
        """Say that `what` has ended, where no bar could tell it; `done` is such as '3 windows'."""
        if self._shown and not err().is_terminal:
            remark(f"{plain(what, lines=False)}: {done}, {seconds:.0f} s")

    def advance(self, step: str, *, windows: int, of: int, rows: int) -> None:
        if self._progress is None:
            return
        name = self._name if step in self._name else f"{self._name}: {step}"
        if windows >= of:
            # What follows, such as roll-ups, has no count: show that work goes on.
            self._progress.remove_task(self._task)
            self._task = self._progress.add_task(f"{name} done, going on", total=None, rate="")
            return
        elapsed = self._progress.tasks[0].elapsed or 0.0
        rate = f"{rows / elapsed:,.0f} rows/s" if rows and elapsed else ""
        self._progress.update(self._task, description=name, completed=windows, total=of, rate=rate)
