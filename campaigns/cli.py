# SPDX-License-Identifier: MIT
"""`slicebridge campaign run | plan | status`."""

from __future__ import annotations

import signal
import sys
from importlib.metadata import entry_points
from pathlib import Path
from types import FrameType
from typing import NoReturn

import click
from rich.console import Console

from campaigns.executor import LocalExecutor
from campaigns.model import Campaign, load_campaign
from campaigns.plan import Job, code_in_use, plan, remaining_s
from campaigns.progress import ProgressReporter, duration_text
from campaigns.schedule import Outcome, execute, missing
from campaigns.store import Store
from pybridge.errors import SliceBridgeError
from pybridge.process import find_binary

RESULTS = Path("results/campaigns")
"""Where campaigns go, below the current directory."""

REPORTS_GROUP = "slicebridge.campaign_reports"
"""Entry points: functions from a campaign's directory to text for the terminal, called when a campaign ends."""

_out_option = click.option(
    "--out",
    type=click.Path(path_type=Path, file_okay=False),
    default=RESULTS,
    show_default=True,
    help="Directory of campaigns; results go to OUT/NAME.",
)


@click.group()
def campaign() -> None:
    """Run methods × seeds × network sizes × traffic mixes, and report."""


@campaign.command("run")
@click.argument("source", metavar="FILE_OR_NAME")
@_out_option
@click.option("--workers", type=click.IntRange(1, 4096), help="Runs at a time, in place of the campaign file's.")
def run_command(source: str, out: Path, workers: int | None) -> None:
    """Run what is missing of a campaign, then write its report.

    Ctrl-C stops it; the same command continues where it was. Exit codes: 0 all done, 1 a run or the report failed,
    2 bad campaign, 130 interrupted.
    """
    definition, jobs, store = _open(source, out)
    workers = workers or definition.workers
    console = Console(highlight=False)
    with store.locked():
        store.write_plan(definition.name, definition.model_dump(mode="json", exclude={"workers"}), jobs)
        todo = missing(jobs, store)
        console.print(_announcement(definition, jobs, todo, workers), soft_wrap=True)
        signal.signal(signal.SIGTERM, _interrupt)
        try:
            outcome = Outcome()
            if todo:
                with ProgressReporter(todo, len(jobs), workers, store, console) as reporter:
                    outcome = execute(todo, store, LocalExecutor(workers), reporter)
            report, reported = _report(store.root)
        except KeyboardInterrupt:
            done = len(jobs) - len(missing(jobs, store))
            console.print(
                f"Interrupted: {done} of {len(jobs)} runs are done and kept. The same command goes on from there.",
                soft_wrap=True,
            )
            sys.exit(130)
    if report:
        console.print(report, soft_wrap=True, markup=False)
    if outcome.failed or outcome.blocked:
        console.print(_failures(outcome, store), soft_wrap=True, markup=False)
    if outcome.failed or outcome.blocked or not reported:
        sys.exit(1)


@campaign.command("plan")
@click.argument("source", metavar="FILE_OR_NAME")
@_out_option
def plan_command(source: str, out: Path) -> None:
    """Say what a campaign would run and about how long it would take; runs nothing."""
    definition, jobs, store = _open(source, out)
    todo = missing(jobs, store)
    for kind in ("train", "evaluate"):
        chosen = [job for job in jobs if job.kind == kind]
        left = sum(job in todo for job in chosen)
        hours = sum(job.cost_s for job in chosen) / 3600
        click.echo(f"{kind:<9}{len(chosen):>6} runs, {left} to do, about {hours:.2f} core-hours in all")
    click.echo(_announcement(definition, jobs, todo, definition.workers))


@campaign.command("status")
@click.argument("source", metavar="FILE_OR_NAME")
@_out_option
def status_command(source: str, out: Path) -> None:
    """List a campaign's runs: done, failed or missing."""
    _, jobs, store = _open(source, out)
    for job in jobs:
        state = "done" if store.is_done(job.id) else "failed" if store.has_failed(job.id) else "missing"
        click.echo(f"{state:<8}{job.id}")
    click.echo(f"{len(jobs) - len(missing(jobs, store))} of {len(jobs)} done; directory: {store.root}")


def _open(source: str, out: Path) -> tuple[Campaign, list[Job], Store]:
    definition = load_campaign(source)
    jobs = plan(definition, code_in_use(find_binary()), source)
    return definition, jobs, Store(out / definition.name)


def _announcement(definition: Campaign, jobs: list[Job], todo: list[Job], workers: int) -> str:
    if not todo:
        return f"Campaign {definition.name}: all {len(jobs)} runs are done."
    estimate = duration_text(remaining_s(todo, workers))
    return (
        f"Campaign {definition.name}: {len(jobs)} runs, {len(todo)} to do, about {estimate} with {workers} at a time "
        "(a first estimate; it improves as runs end). Ctrl-C stops it, and nothing that is done is lost."
    )


def _report(root: Path) -> tuple[str, bool]:
    """Text of whatever reports on campaigns, and whether all went well.

    Reporting lies above this package, hence the entry points.
    """
    parts, fine = [], True
    for entry in sorted(entry_points(group=REPORTS_GROUP), key=lambda entry: entry.name):
        try:
            parts.append(str(entry.load()(root)))
        except SliceBridgeError as error:
            parts.append(f"No report: {error}")
            fine = False
        except Exception as error:  # reports are others' code, and failures of runs are still to be told
            parts.append(f"No report by {entry.name}: {type(error).__name__}: {error}")
            fine = False
    return "\n".join(parts), fine


def _failures(outcome: Outcome, store: Store) -> str:
    lines = [f"{len(outcome.failed)} runs failed, {len(outcome.blocked)} were skipped since they need one that failed."]
    lines += [f"  {job.id}: {store.failure_log(job.id)}" for job in outcome.failed]
    return "\n".join([*lines, "The same command tries them again."])


def _interrupt(_signal: int, _frame: FrameType | None) -> NoReturn:
    raise KeyboardInterrupt
