# SPDX-License-Identifier: MIT
"""The option `--set KEY=VALUE` of commands that take a scenario or a campaign."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

import click

from pybridge.scenario.source import parse_value

Command = TypeVar("Command", bound=Callable[..., Any])


def set_option(help_text: str) -> Callable[[Command], Command]:
    """Adds `--set`, repeatable; the command gets a mapping `overrides` from dotted key paths to values."""
    return click.option("--set", "overrides", multiple=True, metavar="KEY=VALUE", callback=_parse, help=help_text)


def _parse(ctx: click.Context, parameter: click.Parameter, values: tuple[str, ...]) -> dict[str, Any]:
    parsed: dict[str, Any] = {}
    for item in values:
        key, equals, text = item.partition("=")
        if not equals or not key:
            raise click.BadParameter(f"{item!r} is not KEY=VALUE, e.g. slices.embb.ues=20", ctx, parameter)
        parsed[key] = parse_value(text)
    return parsed
