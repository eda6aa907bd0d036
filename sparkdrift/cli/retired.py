"""The monitors of a retired model stop, and say so."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sparkdrift.cli.each import Answer, Step

if TYPE_CHECKING:
    from sparkdrift.cli.progress import Bars
    from sparkdrift.spec.models import MonitorSpec
    from sparkdrift.steps.context import Context


def unless_retired(step: Step, *, dry: bool = False) -> Step:
    """`step` for models that are not retired; of the others, what still speaks against it.

    dry: nothing is written, not even what contradicts the retirement.
    """

    def one(context: Context, spec: MonitorSpec, bars: Bars) -> Answer:
        from sparkdrift.steps.retiring import after_retirement, is_retired, tell_retired

        if not is_retired(spec):
            return step(context, spec, bars)
        bars.begin(f"{spec.monitor}: retired")
        if not dry:
            tell_retired(context, spec)
        found = after_retirement(context, spec, write=not dry)
        since = spec.model.retired_at
        text = f"skipped: model {spec.model_id} is retired" + (f" since {since}" if since else "")
        facts: dict[str, Any] = {"skipped": "retired", "retired_at": since}
        if found is None:
            return Answer(f"{text}; nothing is watched any more", facts)
        facts["scored_until"] = found
        remark = (
            f"the model is retired since {since}, and its table has rows of "
            f"{found:%Y-%m-%d %H:%M} UTC: whoever still scores with it is to stop, or the stage is "
            "wrong; it is recorded as a debt of ownership"
        )
        return Answer(text, facts, remarks=[remark])

    return one
