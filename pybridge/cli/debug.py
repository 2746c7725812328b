# SPDX-License-Identifier: MIT
"""`slicebridge debug`: one scenario in an interactive debugger."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from pybridge.cli.overrides import set_option
from pybridge.scenario import load_scenario

if TYPE_CHECKING:
    from pybridge.scenario import Scenario


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
@click.option(
    "--record",
    type=click.Path(path_type=Path, dir_okay=False),
    metavar="FILE",
    help="Record every observation and action to FILE, for `slicebridge replay`.",
)
@click.option(
    "--log", "ns_log", multiple=True, metavar="COMPONENT=LEVEL", help="Turn on ns-3 logging; it goes to the event log."
)
@click.option(
    "--pcap", "pcap_dir", type=click.Path(path_type=Path, file_okay=False), metavar="DIR", help="Capture links to DIR."
)
@click.option("--gdb", is_flag=True, help="Run the simulation under gdb, which has the terminal, without deadlines.")
@set_option("Change a scenario key.")
def debug(
    source: str,
    policy: str,
    seed: int | None,
    record: Path | None,
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
    scenario = load_scenario(source, overrides)
    if seed is not None:
        scenario = scenario.with_seed(seed)
    if gdb:
        from pybridge.debug.under_gdb import run_under_gdb

        run_under_gdb(scenario, policy, ns_log=ns_log, pcap_dir=pcap_dir, record=record)
        return
    _open(scenario, policy, record, ns_log, pcap_dir)


def _open(scenario: Scenario, policy: str, record: Path | None, ns_log: tuple[str, ...], pcap_dir: Path | None) -> None:
    from pybridge.debug.engine import Engine, LiveOptions
    from pybridge.debug.terminal import require_terminal, run_on_terminal

    require_terminal()
    run_on_terminal(Engine(scenario, LiveOptions(policy, ns_log, pcap_dir, record)))
