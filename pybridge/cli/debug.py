# SPDX-License-Identifier: MIT
"""`slicebridge debug`: one scenario in an interactive debugger."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from pybridge.cli.inspection import check_slots, inspection_options
from pybridge.cli.overrides import set_option
from pybridge.debug.options import LiveOptions
from pybridge.scenario import load_scenario

GDB_NOTE = (
    "gdb has this terminal: type `run`; the episode goes on under the policy. For tables and keys beside gdb start "
    "without --gdb, and press d"
)


@click.command()
@click.option(
    "--scenario", "source", required=True, metavar="FILE|NAME", help="Scenario file, or a shipped one's name."
)
@click.option(
    "--policy",
    default="static",
    show_default=True,
    metavar="POLICY",
    help="static (you decide), proportional, max-weight, module:Class, or the path of a checkpoint.",
)
@click.option("--seed", type=click.IntRange(1, 2**32 - 1), help="ns-3 RngRun in place of the scenario's.")
@inspection_options
@set_option("Change a scenario key.")
def debug(
    source: str,
    policy: str,
    seed: int | None,
    record: Path | None,
    slots: bool,
    ns_log: tuple[str, ...],
    pcap_dir: Path | None,
    gdb: bool,
    overrides: dict[str, Any],
) -> None:
    """Step through a simulation: queues, PRBs, decisions by hand, two policies side by side. Keys: `?`.

    \b
    Examples:
      slicebridge debug --scenario nr-small
      slicebridge debug --scenario nr-small --policy mymodule:MyPolicy --record mine.slbrec
      slicebridge debug --scenario lte-small --log LteRlcUm=info --pcap captures
      slicebridge debug --scenario nr-small --gdb
    """
    check_slots(slots, record)
    scenario = load_scenario(source, overrides)
    if seed is not None:
        scenario = scenario.with_seed(seed)
    options = LiveOptions(policy, ns_log, pcap_dir, record, slots)
    if gdb:
        from pybridge.debug.under_gdb import run_under_gdb

        click.echo(GDB_NOTE, err=True)
        run_under_gdb(scenario, options)
        return
    from pybridge.debug.engine import Engine
    from pybridge.debug.terminal import require_terminal, run_on_terminal

    require_terminal()
    run_on_terminal(Engine(scenario, options))
