"""One step for several monitors: a monitor that fails does not stop the others."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sparkdrift.cli import screen
from sparkdrift.cli.arguments import spec_files
from sparkdrift.cli.common import Common, message, report
from sparkdrift.cli.recent import nothing_new
from sparkdrift.cli.working import work
from sparkdrift.errors import SourceError, UsageError
from sparkdrift.store import Store, open_store

if TYPE_CHECKING:
    from sparkdrift.cli.progress import Bars
    from sparkdrift.embedded.ahead import Ahead
    from sparkdrift.spec.models import MonitorSpec
    from sparkdrift.steps.context import Context

# The worst first: an error leaves the question open, a finding (3) answers it.
_WORST = (2, 1, 3, 0)


@dataclass(frozen=True)
class Answer:
    """What a step did for one monitor: in words, as facts for --json, and the exit code.

    `remarks` are told on stderr: what of the spec can't be measured, so that nothing due is not
    taken for all being well, and why the exit code is what it is.
    """

    text: str
    facts: dict[str, Any] = field(default_factory=dict)
    code: int = 0
    remarks: Sequence[str] = ()


Step = Callable[["Context", "MonitorSpec", "Bars"], Answer]


def each_monitor(
    common: Common,
    given: Sequence[Path],
    step: Step,
    *,
    dry: bool = False,
    asked: bool = False,
    stored: bool = False,
    first: Callable[[Context, Sequence[MonitorSpec]], Answer] | None = None,
    ahead: Ahead[Any] | None = None,
) -> int:
    """Run `step` for each spec; prints one line each; returns the worst exit code.

    `first` is called once before, with all specs that can be read: for what costs no more for many
    than for one; its facts stand beside the monitors in the document, its exit code counts.
    `dry`: nothing is written. `asked`: there is work even where nothing changed.
    `stored`: that work is on what the store has, and reads no source unless it must.
    `ahead`: what to ask the store while Java starts.
    Java does not start where no spec can be read.
    """
    files = spec_files(given)
    answers = _Answers(common, files)
    specs, store = list(_read(files, answers)), open_store(common.store)
    if not specs:
        return answers.told(common.run_id, store)
    brief = stored or (not asked and nothing_new(store, specs))
    loaded = [spec for _, spec in specs]
    if ahead is not None:
        ahead.about(store, loaded)
    with work(common, store, dry=dry, brief=brief, meanwhile=ahead) as (context, bars):
        if first is not None:
            answers.before(first(context, loaded))
        for file, spec in specs:
            try:
                answer = step(context, spec, bars)
                context.journal.close()
            except SourceError as error:
                bars.end()
                answers.failed(file, spec.origin.located(error, ("source",)))
                continue
            except Exception as error:
                bars.end()
                answers.failed(file, error)
                continue
            bars.end()
            answers.add(file, spec, answer)
        return answers.told(context.journal.run_id, context.store)


def _read(files: Sequence[Path], answers: _Answers) -> Iterator[tuple[Path, MonitorSpec]]:
    from sparkdrift.spec.loading import load_spec

    seen: dict[str, Path] = {}
    for file in files:
        try:
            spec = load_spec(file)
            other = seen.setdefault(spec.monitor, file)
            if other is not file:
                raise UsageError(
                    f"monitor {spec.monitor} stands in {other} and in {file}; one id is one "
                    "monitor: give one of them another id, or name one file only"
                )
        except Exception as error:
            answers.failed(file, error)
        else:
            yield file, spec


class _Answers:
    """What was done for each spec, told one by one or, for --json, at the end."""

    def __init__(self, common: Common, files: Sequence[Path]) -> None:
        self._common, self._files = common, files
        self._documents: dict[Path, dict[str, Any]] = {}
        self._codes: list[int] = []
        self._more: Mapping[str, Any] = {}

    def before(self, answer: Answer) -> None:
        """What was done for all of them."""
        for text in answer.remarks:
            screen.remark(text)
        self._codes.append(answer.code)
        self._more = answer.facts
        if answer.text and not self._common.as_json:
            screen.say(answer.text)

    def failed(self, file: Path, error: Exception) -> None:
        code = report(error, self._common)
        self._codes.append(code)
        self._documents[file] = {
            "spec": str(file),
            "error": message(error),
            "exit_code": code,
        }

    def add(self, file: Path, spec: MonitorSpec, answer: Answer) -> None:
        for text in answer.remarks:
            screen.remark(f"{spec.monitor}: {text}")
        about = {"monitor": spec.monitor, "spec": str(file)}
        self._codes.append(answer.code)
        self._documents[file] = {**about, **answer.facts, "exit_code": answer.code}
        if not self._common.as_json:
            screen.say(f"{spec.monitor}: {answer.text}")

    def told(self, run_id: str | None, store: Store) -> int:
        """The worst exit code, after the document that --json asks for."""
        if self._common.as_json:
            documents = [self._documents[file] for file in self._files if file in self._documents]
            about = {"run_id": run_id, "store": str(store), "monitors": documents}
            screen.print_json({**about, **self._more})
        return min(self._codes, key=_WORST.index)
