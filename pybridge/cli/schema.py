# SPDX-License-Identifier: MIT
"""`slicebridge schema`: what can be written in a scenario, and what a simulation measures."""

from __future__ import annotations

import json
from collections.abc import Sequence

import click
from rich.console import Console
from rich.table import Table

from pybridge.errors import SliceBridgeError
from pybridge.scenario import load_scenario, scenario_json_schema, shipped_scenarios

FORMATS = click.option(
    "--format", "form", type=click.Choice(["table", "json"]), default="table", show_default=True, help="Output format."
)


@click.group()
def schema() -> None:
    """Print the reference of scenario keys or of measurements.

    \b
    Examples:
      slicebridge schema scenario
      slicebridge schema scenario --format json > scenario.schema.json
      slicebridge schema kpm
    """


@schema.command("scenario")
@FORMATS
def scenario_keys(form: str) -> None:
    """Keys of a scenario with type, default, range and meaning; as JSON: a JSON Schema for editors.

    \b
    Examples:
      slicebridge schema scenario | grep fading
      slicebridge schema scenario --format json > scenario.schema.json
    """
    from pybridge.scenario.reference import scenario_reference

    if form == "json":
        click.echo(json.dumps(scenario_json_schema(), indent=2))
        return
    rows = [
        (row.key, row.type, row.default or "(required)", row.range, row.description) for row in scenario_reference()
    ]
    _print_table(["key", "type", "default", "range", "meaning"], rows)


@schema.command("kpm")
@click.option("--scenario", "source", help="Scenario file or name; the measurements are the same for all of one RAN.")
@FORMATS
def kpm(source: str | None, form: str) -> None:
    """Measurements (KPM) that a simulation reports, per slice and per UE, from the program itself.

    \b
    Examples:
      slicebridge schema kpm
      slicebridge schema kpm --scenario my-cell.yaml --format json
    """
    from pybridge.program import program_schema

    shipped = shipped_scenarios()
    if source is None and not shipped:
        raise SliceBridgeError("no scenario ships with this installation; give one by --scenario FILE")
    described = program_schema(load_scenario(source or next(iter(shipped))))
    if form == "json":
        click.echo(json.dumps({key: described[key] for key in ("slice_kpms", "ue_kpms")}, indent=2))
        return
    rows = [
        (item["name"], place, item["unit"], item["type"], item.get("description", ""))
        for place, key in (("cell, slice", "slice_kpms"), ("UE", "ue_kpms"))
        for item in described[key]
    ]
    _print_table(["name", "per", "unit", "type", "meaning"], rows)


def _print_table(titles: list[str], rows: Sequence[tuple[str, ...]]) -> None:
    """A table as wide as the terminal; unwrapped where the output is no terminal, so that `grep` sees whole rows."""
    console = Console()
    if not console.is_terminal:
        widths = [max(len(row[column]) for row in [tuple(titles), *rows]) for column in range(len(titles))]
        for row in [tuple(titles), *rows]:
            click.echo("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip())
        return
    table = Table(*titles, box=None)
    for row in rows:
        table.add_row(*(cell.replace("[", "\\[") for cell in row))
    console.print(table)
