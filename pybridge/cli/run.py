# SPDX-License-Identifier: MIT
"""`slicebridge run`: one scenario, one policy, one seed, one directory."""

from __future__ import annotations

import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from pathlib import Path
from types import FrameType
from typing import Any

import click

from pybridge.cli.inspection import check_slots, inspection_options
from pybridge.cli.overrides import set_option
from pybridge.program import Progress
from pybridge.scenario import load_scenario


@click.command()
@click.option(
    "--scenario", "source", required=True, metavar="FILE|NAME", help="Scenario file, or a shipped one's name."
)
@click.option(
    "--policy",
    default="static",
    show_default=True,
    metavar="POLICY",
    help="static, proportional, max-weight, module:Class, or the path of a checkpoint.",
)
@click.option("--seed", type=click.IntRange(1, 2**32 - 1), help="ns-3 RngRun in place of the scenario's.")
@click.option("--out", required=True, type=click.Path(path_type=Path), metavar="DIR", help="New directory for results.")
@inspection_options
@set_option("Change a scenario key.")
def run(
    source: str,
    policy: str,
    seed: int | None,
    out: Path,
    record: Path | None,
    slots: bool,
    ns_log: tuple[str, ...],
    pcap_dir: Path | None,
    gdb: bool,
    overrides: dict[str, Any],
) -> None:
    """Simulate a scenario under a policy and write measurements, packets and a manifest to DIR.

    \b
    Examples:
      slicebridge run --scenario lte-small --policy static --out results/runs/static
      slicebridge run --scenario my.yaml --policy mymodule:MyPolicy --seed 7 --out results/runs/mine
      slicebridge run --scenario nr-small --policy max-weight --out results/runs/mw --record mw.slbrec
      slicebridge run --scenario lte-small --log ns3::LteRlcUm=info --pcap captures --out results/runs/seen
      slicebridge run --scenario my.yaml --set slices.embb.ues=20 --set timing.duration_s=2 --out results/runs/short
    """
    from pybridge.run import run as run_scenario

    check_slots(slots, record)
    scenario = load_scenario(source, overrides)
    # The terminal is gdb's.
    shown = nullcontext() if gdb else progress_line(scenario.timing.duration_s)
    with _terminated_as_interrupted(), shown as progress:
        result = run_scenario(
            scenario,
            policy,
            seed,
            out,
            record=record,
            slots=slots,
            ns_log=ns_log,
            pcap_dir=pcap_dir,
            gdb=gdb,
            progress=progress,
        )
    click.echo(f"{result.out}: {result.manifest['sim_s']:g} s simulated in {result.manifest['wall_s']:.1f} s", err=True)


@contextmanager
def _terminated_as_interrupted() -> Iterator[None]:
    """SIGTERM ends a run as Ctrl-C does: no simulation and no half-written directory are left."""

    def interrupt(number: int, frame: FrameType | None) -> None:
        raise KeyboardInterrupt

    before = signal.signal(signal.SIGTERM, interrupt)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


@contextmanager
def progress_line(duration_s: float) -> Iterator[Progress | None]:
    """A line with simulated time and time left, where somebody looks."""
    if not sys.stderr.isatty():
        yield None
        return
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn

    columns = [TextColumn("simulated {task.completed:.1f} of {task.total:g} s"), BarColumn(), TimeElapsedColumn()]
    with Progress(*columns, TextColumn("left"), TimeRemainingColumn(), console=Console(stderr=True)) as line:
        task = line.add_task("", total=duration_s)
        yield lambda time_s: line.update(task, completed=min(time_s, duration_s))
