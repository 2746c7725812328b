# SPDX-License-Identifier: MIT
"""`slicebridge conformance`: does a simulation that somebody wrote keep docs/protocol.md?"""

from __future__ import annotations

from pathlib import Path

import click
from rich.console import Console
from rich.table import Table

from pybridge.conformance import RULES, Verdict, examine

OUTCOMES = {"pass": "[green]pass[/]", "fail": "[red]FAIL[/]", "absent": "[dim]absent[/]"}


@click.command()
@click.option(
    "--scenario",
    required=True,
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="File that is given to the simulation; its episode should take a few seconds at most.",
)
@click.option(
    "--rule",
    "names",
    multiple=True,
    type=click.Choice([rule.name for rule in RULES]),
    metavar="NAME",
    help="Check this rule only; may be given several times.",
)
@click.option("--jobs", default=4, show_default=True, type=click.IntRange(1), help="Rules checked at a time.")
@click.argument("command", nargs=-1, required=True)
@click.pass_context
def conformance(
    ctx: click.Context, scenario: Path, names: tuple[str, ...], jobs: int, command: tuple[str, ...]
) -> None:
    """Check a simulation against the rules of docs/protocol.md.

    COMMAND starts it; --scenario, --agent and --run-id are added. Every rule gets a process of its own. The exit code
    is 0 if no rule failed, else 1.

    \b
    Example:
      slicebridge conformance --scenario scenario.json -- ./my-simulation --quiet
    """
    rules = [rule for rule in RULES if not names or rule.name in names]
    verdicts = examine(command, scenario.absolute(), rules=rules, jobs=jobs)
    Console().print(_table(verdicts))
    counts = {outcome: sum(verdict.outcome == outcome for verdict in verdicts) for outcome in OUTCOMES}
    click.echo(", ".join(f"{count} {outcome}" for outcome, count in counts.items()))
    ctx.exit(1 if counts["fail"] else 0)


def _table(verdicts: list[Verdict]) -> Table:
    table = Table("rule", "", "docs/protocol.md says, and what was seen", expand=False)
    for verdict in verdicts:
        said = verdict.rule.sentence.replace("[", "\\[")
        seen = verdict.seen.replace("[", "\\[")
        table.add_row(verdict.rule.name, OUTCOMES[verdict.outcome], f"{said}\n[bold]{seen}[/]" if seen else said)
    return table
