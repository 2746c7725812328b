# SPDX-License-Identifier: MIT
"""Options of commands that simulate one scenario: what helps to look into the simulation."""

from __future__ import annotations

from pathlib import Path

import click

from pybridge.cli.overrides import Command

_OPTIONS = (
    click.option(
        "--record",
        type=click.Path(path_type=Path, dir_okay=False),
        metavar="FILE",
        help="Record every observation and action to FILE, for `slicebridge replay`.",
    ),
    click.option(
        "--slots",
        is_flag=True,
        help="With --record: record every grant of every slot (TTI) too, for the PRB grid.",
    ),
    click.option(
        "--log",
        "ns_log",
        multiple=True,
        metavar="COMPONENT=LEVEL",
        help="Turn on logging of an ns-3 component, e.g. ns3::LteRlcUm=info; it goes to the simulation's log.",
    ),
    click.option(
        "--pcap",
        "pcap_dir",
        type=click.Path(path_type=Path, file_okay=False),
        metavar="DIR",
        help="Capture packets of links to DIR (LTE; NR with `core: epc-like`).",
    ),
    click.option(
        "--gdb", is_flag=True, help="Run the simulation under gdb, which has the terminal, without deadlines."
    ),
)


def inspection_options(command: Command) -> Command:
    """Adds `record`, `slots`, `ns_log`, `pcap_dir` and `gdb`."""
    for option in reversed(_OPTIONS):
        command = option(command)
    return command


def check_slots(slots: bool, record: Path | None) -> None:
    """Raises `click.UsageError` for slots that go nowhere."""
    if slots and record is None:
        raise click.UsageError("--slots says what --record FILE holds: give both")
