"""A group of commands one of which needs no name: `health SPEC` stands for `health show SPEC`."""

from __future__ import annotations

from typing import Any

from typer.core import TyperGroup

DEFAULT = "show"


class WithDefault(TyperGroup):
    """Takes a first word that is no command for the first argument of the command `show`."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        named = args and (args[0] in self.commands or args[0] in ctx.help_option_names)
        if args and not named and DEFAULT in self.commands:
            args = [DEFAULT, *args]
        return super().parse_args(ctx, args)
