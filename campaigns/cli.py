# SPDX-License-Identifier: MIT
"""`slicebridge campaign run | plan`, and the group of all its subcommands."""

from __future__ import annotations

import signal
import sys
from collections.abc import Mapping, Sequence
from importlib.metadata import entry_points
from pathlib import Path
from types import FrameType
from typing import Any, NoReturn

import click
from rich.console import Console

from campaigns.engine import Outcome, discard_damaged, execute, missing
from campaigns.inspect import gc_command, out_option, reproduce_command, show_command, status_command
from campaigns.model import Campaign, load_campaign, shipped_campaigns
from campaigns.plan import KINDS, Job, code_in_use, plan, remaining_s
from campaigns.progress import MAX_FAILURES, ProgressReporter, duration_text
from campaigns.store import Store
from pybridge.cli.overrides import set_option
from pybridge.errors import SliceBridgeError
from pybridge.process import find_binary

REPORTS_GROUP = "slicebridge.campaign_reports"
"""Entry points: functions from a campaign's directory to text for the terminal, called when a campaign ends."""


@click.group()
def campaign() -> None:
    """Run methods × seeds × RANs × network sizes × traffic mixes, and report."""


@campaign.command("run")
@click.argument("source", metavar="FILE_OR_NAME")
@out_option
@set_option("Change a campaign key.")
@click.option("--workers", type=click.IntRange(1, 4096), help="Runs at a time, in place of the campaign file's.")
@click.option(
    "--cluster",
    metavar="slurm|tcp://HOST:PORT",
    help="A Dask cluster in place of the embedded one. Dask trusts its peers: use it in networks that you trust.",
)
def run_command(source: str, out: Path, overrides: dict[str, Any], workers: int | None, cluster: str | None) -> None:
    """Run what is missing of a campaign, then write its report.

    Ctrl-C stops it; the same command continues where it was. Exit codes: 0 all done, 1 a run or the report failed,
    2 bad campaign, 130 interrupted.

    \b
    Examples:
      slicebridge campaign run smoke
      slicebridge campaign run my.yaml --set "seeds=[1, 2, 3]" --set evaluation.duration_s=20
      slicebridge campaign run my.yaml --cluster slurm --workers 64
    """
    definition, jobs, store = _open(source, out, overrides)
    workers = workers or definition.workers
    console = Console(highlight=False)
    with store.locked() as session:
        # A shell without job control starts what runs in the background with SIGINT ignored, and that is inherited.
        signal.signal(signal.SIGINT, _interrupt)
        signal.signal(signal.SIGTERM, _interrupt)
        try:
            for job_id in discard_damaged(jobs, store):
                text = f"{job_id}: its files are not those of its manifest any more; it is made again"
                console.print(text, soft_wrap=True)
            store.write_plan(definition.name, definition.model_dump(mode="json", exclude={"workers"}), jobs)
            todo = missing(jobs, store)
            console.print(_announcement(definition, jobs, todo, workers), soft_wrap=True)
            if todo and source in shipped_campaigns():
                console.print(_others(source, workers), soft_wrap=True)
            outcome = _execute(todo, len(jobs), store, session, workers, cluster, console) if todo else Outcome()
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
@click.argument("source", metavar="FILE_OR_NAME", required=False)
@out_option
@set_option("Change a campaign key.")
@click.option("--all", "every", is_flag=True, help="All shipped campaigns, a line each, from nothing.")
def plan_command(source: str | None, out: Path, overrides: dict[str, Any], every: bool) -> None:
    """Say what a campaign would run and about how long it would take; runs nothing."""
    if every == (source is not None) or (every and overrides):
        raise click.UsageError("give either a campaign or --all; --set needs a campaign")
    if source is None:
        for name in shipped_campaigns():
            definition, jobs, _ = _open(name, out, {})
            core_hours = sum(job.cost_s for job in jobs) / 3600
            duration = duration_text(remaining_s(jobs, definition.workers))
            size = f"{len(jobs):>6} runs, about {core_hours:.2f} core-hours"
            click.echo(f"{name:<14}{size}: {duration} with {definition.workers} at a time")
        return
    definition, jobs, store = _open(source, out, overrides)
    todo = missing(jobs, store)
    left_ids = {job.id for job in todo}
    for kind in KINDS:
        chosen = [job for job in jobs if job.kind == kind]
        if not chosen:
            continue
        left = sum(job.id in left_ids for job in chosen)
        hours = sum(job.cost_s for job in chosen) / 3600
        after = f", each after {_needs_text(chosen)}" if any(job.needs for job in chosen) else ""
        click.echo(f"{kind:<9}{len(chosen):>6} runs, {left} to do, about {hours:.2f} core-hours in all{after}")
    click.echo(_announcement(definition, jobs, todo, definition.workers))
    click.echo(f"Shipped campaigns: {', '.join(shipped_campaigns())}; `slicebridge campaign plan --all` compares them.")


for _command in (status_command, show_command, reproduce_command, gc_command):
    campaign.add_command(_command)


def _needs_text(jobs: Sequence[Job]) -> str:
    """What some of these jobs wait for."""
    waiting = sum(bool(job.needs) for job in jobs)
    what = "the training whose rule it begins at" if jobs[0].kind == "train" else "the training of its method and seed"
    return f"{what} ({waiting} of them have one)"


def _execute(
    todo: list[Job], total: int, store: Store, session: str, workers: int, cluster: str | None, console: Console
) -> Outcome:
    from campaigns.cluster import open_cluster  # Dask takes half a second to load

    reporter = ProgressReporter(todo, total, workers, store, console)
    with open_cluster(cluster, min(workers, len(todo)), store.root / "slurm") as client, reporter:
        return execute(todo, store, session, client, reporter)


def _open(source: str, out: Path, overrides: Mapping[str, Any]) -> tuple[Campaign, list[Job], Store]:
    definition = load_campaign(source, overrides)
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


def _others(chosen: str, workers: int) -> str:
    """What the other shipped campaigns would take if nothing of them was done."""
    estimates = []
    for name in [name for name in shipped_campaigns() if name != chosen]:
        _, jobs, _ = _open(name, Path(), {})
        estimates.append(f"CAMPAIGN={name} about {duration_text(remaining_s(jobs, workers))} ({len(jobs)} runs)")
    return f"Other campaigns, as `make campaign CAMPAIGN=NAME`: {', '.join(estimates)}."


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
    lines += [f"  {job.id}: {store.failure_log(job.id)}" for job in outcome.failed[:MAX_FAILURES]]
    if len(outcome.failed) > MAX_FAILURES:
        lines.append(f"  … `slicebridge campaign status {store.root} --runs` lists all.")
    return "\n".join([*lines, "The same command tries them again."])


def _interrupt(_signal: int, _frame: FrameType | None) -> NoReturn:
    raise KeyboardInterrupt
