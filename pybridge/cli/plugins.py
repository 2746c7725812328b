# SPDX-License-Identifier: MIT
"""A command group that finds further commands by entry points and turns our errors into one clear message."""

from __future__ import annotations

import importlib
from importlib.metadata import EntryPoint, entry_points
from typing import Any, NoReturn

import click

from pybridge.errors import SliceBridgeError

COMMANDS_GROUP = "slicebridge.commands"
EXIT_INTERRUPTED = 130


class _Reported(click.ClickException):
    """One of our errors, shown without a traceback."""

    def __init__(self, error: SliceBridgeError) -> None:
        super().__init__(str(error))
        self.exit_code = error.exit_code  # type: ignore[misc]  # click reads the instance's

    def show(self, file: Any = None) -> None:
        lines = self.message.splitlines() or ["failed"]
        click.echo("\n".join([f"slicebridge: {lines[0]}", *lines[1:]]), err=True, file=file)


class PluginGroup(click.Group):
    """Own commands are imported when they are used; those of other packages come from entry points.

    A command whose package cannot be imported is listed as unavailable and does not disturb the others.
    """

    def __init__(self, *args: Any, own: dict[str, str], **kwargs: Any) -> None:
        """`own` maps a command's name to `module:attribute`."""
        super().__init__(*args, **kwargs)
        self._own = own

    def list_commands(self, ctx: click.Context) -> list[str]:
        return sorted({*self._own, *self._plugins()})

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name in self._own:
            module, _, attribute = self._own[cmd_name].partition(":")
            command = getattr(importlib.import_module(module), attribute)
            assert isinstance(command, click.Command)
            return command
        entry = self._plugins().get(cmd_name)
        return None if entry is None else _load(entry)

    def invoke(self, ctx: click.Context) -> Any:
        try:
            return super().invoke(ctx)
        except SliceBridgeError as error:
            raise _Reported(error) from error
        except KeyboardInterrupt:
            click.echo("slicebridge: interrupted", err=True)
            ctx.exit(EXIT_INTERRUPTED)

    def _plugins(self) -> dict[str, EntryPoint]:
        return {entry.name: entry for entry in entry_points(group=COMMANDS_GROUP)}


def _load(entry: EntryPoint) -> click.Command:
    try:
        command = entry.load()
    except Exception as error:  # whatever a foreign package raises, the other commands go on working
        return _unavailable(entry.name, f"{entry.value} cannot be loaded: {type(error).__name__}: {error}")
    if not isinstance(command, click.Command):
        return _unavailable(entry.name, f"{entry.value} is no click command")
    return command


def _unavailable(name: str, reason: str) -> click.Command:
    def refuse(arguments: tuple[str, ...]) -> NoReturn:
        raise SliceBridgeError(f"command `{name}` is not available: {reason}")

    return click.Command(
        name,
        callback=refuse,
        params=[click.Argument(["arguments"], nargs=-1, type=click.UNPROCESSED)],
        short_help=f"(not available: {reason})",
        context_settings={"ignore_unknown_options": True, "help_option_names": []},
    )
