"""How far long work has come, on stderr, while somebody is looking."""

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

from sparkdrift.cli.screen import err


class Bars:
    """A bar per step with windows done, rows per second and time left.

    Implements `sparkdrift.steps.context.Progress`. Draws nothing where `shown` is false
    or stderr is no terminal.
    """

    def __init__(self, *, shown: bool = True) -> None:
        console = err()
        self._progress = Progress(
            SpinnerColumn(),
            TextColumn("{task.description}"),
            BarColumn(bar_width=20),
            MofNCompleteColumn(),
            TextColumn("{task.fields[rate]}"),
            TimeElapsedColumn(),
            TimeRemainingColumn(elapsed_when_finished=False),
            console=console,
            transient=True,
            disable=not (shown and console.is_terminal),
        )
        self._current: TaskID | None = None
        self._name = ""

    def __enter__(self) -> Bars:
        self._progress.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        stack: TracebackType | None,
    ) -> None:
        self._progress.stop()

    def begin(self, name: str) -> None:
        """Show that `name` has begun, before anything of it is done."""
        if self._current is not None:
            self._progress.remove_task(self._current)
        self._name = name
        self._current = self._progress.add_task(name, total=None, rate="")

    def advance(self, step: str, *, windows: int, of: int, rows: int) -> None:
        if self._current is None:
            self.begin(step)
        assert self._current is not None  # noqa: S101
        task = next(one for one in self._progress.tasks if one.id == self._current)
        seconds = task.elapsed or 0.0
        rate = f"{rows / seconds:,.0f} rows/s" if rows and seconds else ""
        name = f"{self._name}: {step}" if step not in self._name else self._name
        self._progress.update(
            self._current, description=name, completed=windows, total=of, rate=rate
        )
