# SPDX-License-Identifier: MIT
"""`slicebridge campaign status | show | reproduce | gc`: looking at a campaign's store, and tidying it."""

from __future__ import annotations

import json
import shutil
import sys
import tempfile
from dataclasses import asdict
from pathlib import Path
from typing import Any

import click
import polars as pl

from campaigns.attempt import AttemptFailed, attempt
from campaigns.model import load_campaign
from campaigns.plan import Job, code_in_use
from campaigns.query import AXES, runs
from campaigns.store import Store, StoreError
from pybridge.manifest import describe_files
from pybridge.process import find_binary

RESULTS = Path("results/campaigns")
"""Where campaigns go, below the current directory."""

LOG_LINES = 20

out_option = click.option(
    "--out",
    type=click.Path(path_type=Path, file_okay=False),
    default=RESULTS,
    show_default=True,
    help="Directory of campaigns; results are in OUT/NAME.",
)


@click.command("status")
@click.argument("name", metavar="NAME")
@out_option
@click.option("--runs", "listed", is_flag=True, help="List every run.")
@click.option("--verify", is_flag=True, help="Compare the checksums of all finished runs.")
def status_command(name: str, out: Path, listed: bool, verify: bool) -> None:
    """Say how far a campaign is: runs done, running, failed, missing.

    NAME is the campaign's name, its file, or the directory of its results. Exit code 1 if --verify finds damage.
    """
    root = campaign_root(name, out)
    table = runs(root)
    if listed:
        for row in table.iter_rows(named=True):
            click.echo(f"{row['state']:<8}{row['id']}")
    for (kind,), group in table.group_by("kind", maintain_order=True):
        counts = dict(group.group_by("state").len().iter_rows())
        text = ", ".join(f"{counts.get(state, 0)} {state}" for state in ("done", "running", "failed", "missing"))
        click.echo(f"{kind:<9}{len(group):>6} runs: {text}")
    done = table.filter(pl.col("state") == "done")["id"].to_list()
    click.echo(f"{len(done)} of {len(table)} done; directory: {root}")
    if verify:
        damaged = Store(root).damaged(done)
        for job_id in damaged:
            click.echo(f"damaged: {job_id}")
        click.echo(f"{len(done) - len(damaged)} of {len(done)} finished runs have the checksums of their manifests")
        sys.exit(1 if damaged else 0)


@click.command("show")
@click.argument("run", metavar="RUN")
@out_option
def show_command(run: str, out: Path) -> None:
    """Show one run: its place in the campaign, files, versions, and the end of its log.

    RUN is a run's id, as `status --runs` lists it.
    """
    directory = _find_run(run, out)
    job = _read(directory / "job.json")
    click.echo(f"run        {job['id']}")
    click.echo(f"state      {'failed' if directory.parent.name == 'failed' else 'done'}")
    place = [f"{axis} {job['labels'][axis]}" for axis in ("kind", *AXES, "track") if axis in job["labels"]]
    click.echo(f"place      {', '.join(place)}")
    click.echo(f"needs      {', '.join(job['needs']) or 'no other run'}")
    click.echo(f"directory  {directory}")
    if (directory / "manifest.json").is_file():
        manifest = _read(directory / "manifest.json")
        versions = ", ".join(f"{name} {found}" for name, found in manifest.get("versions", {}).items())
        click.echo(f"wall time  {manifest.get('wall_s', 0.0):.1f} s\nversions   {versions}")
    for file in sorted(path for path in directory.rglob("*") if path.is_file()):
        click.echo(f"  {file.stat().st_size:>10} bytes  {file.relative_to(directory)}")
    log = directory / "worker.log"
    if lines := _end_of(log):
        click.echo("\n".join([f"\nthe end of {log}:", *lines]))


@click.command("reproduce")
@click.argument("run", metavar="RUN")
@out_option
def reproduce_command(run: str, out: Path) -> None:
    """Make one finished run again, and compare the bits of its results; the store is not touched.

    Exit codes: 0 the same bits, 1 another result or a failure.
    """
    directory = _find_run(run, out)
    recorded = _read(directory / "job.json")
    job = Job(recorded["id"], recorded["labels"], recorded["config"], tuple(recorded["needs"]), recorded["cost_s"])
    _warn_of_other_code(job)
    with tempfile.TemporaryDirectory(prefix="slb-again-") as folder:
        again = Store(Path(folder))
        with again.locked() as session:
            for need in job.needs:
                again.run_directory(need).symlink_to(directory.parents[1].absolute() / "runs" / need)
            try:
                attempt(folder, job, session)
            except AttemptFailed as error:
                log = again.failure_log(job.id)
                end = (
                    log.read_text(encoding="utf-8", errors="replace").splitlines()[-LOG_LINES:] if log.exists() else []
                )
                raise StoreError("\n".join([f"the run failed this time: {error.args[1]}", *end])) from None
        differing = _differences(directory, again.run_directory(job.id))
    if differing:
        click.echo(f"differs: {', '.join(differing)}")
        sys.exit(1)
    click.echo(f"{job.id}: the same bits again")


@click.command("gc")
@click.argument("name", metavar="NAME")
@out_option
@click.option("--dry-run", is_flag=True, help="Only say what would go.")
def gc_command(name: str, out: Path, dry_run: bool) -> None:
    """Remove what a campaign no longer uses: runs of older code or axes, failed attempts, states of ended trainings.

    The runs that the campaign's last plan names stay.
    """
    root = campaign_root(name, out)
    store = Store(root)
    planned = {job["id"] for job in store.read_plan()["jobs"]}
    with store.locked():
        unused = [path for path in (root / "runs").iterdir() if path.name not in planned]
        unused += list((root / "failed").iterdir())
        if (root / "state").is_dir():
            unused += [path for path in (root / "state").iterdir() if path.name not in planned]
        freed = sum(path.stat().st_size for folder in unused for path in folder.rglob("*") if path.is_file())
        for folder in unused:
            click.echo(f"{'would remove' if dry_run else 'removed'} {folder}")
            if not dry_run:
                shutil.rmtree(folder)
    click.echo(f"{len(unused)} directories, {freed / 1e6:.1f} MB")


def campaign_root(name: str, out: Path) -> Path:
    """Directory of a campaign's results, by its name, its file, or that directory. Raises CampaignError."""
    if Path(name).is_file():
        return out / load_campaign(name).name
    return Path(name) if (Path(name) / "campaign.json").is_file() else out / name


def _find_run(run: str, out: Path) -> Path:
    for state in ("runs", "failed"):
        for directory in sorted(out.glob(f"*/{state}/{run}")):
            return directory
    raise StoreError(f"{run}: no such run below {out}; `slicebridge campaign status NAME --runs` lists them")


def _read(path: Path) -> dict[str, Any]:
    try:
        return dict(json.loads(path.read_text(encoding="utf-8")))
    except (OSError, ValueError, TypeError) as error:
        raise StoreError(f"{path}: cannot be read: {error}") from error


def _end_of(log: Path) -> list[str]:
    return log.read_text(encoding="utf-8", errors="replace").splitlines()[-LOG_LINES:] if log.is_file() else []


def _warn_of_other_code(job: Job) -> None:
    """Other code may give other bits; say so before the comparison does."""
    now = asdict(code_in_use(find_binary()))
    other = [name for name, digest in job.config["code"].items() if now.get(name) != digest]
    if other:
        click.echo(f"note: {', '.join(other)} of today are not those that made this run", err=True)


def _differences(before: Path, after: Path) -> list[str]:
    """Names of result files that differ; those which hold times of day are left out."""
    timed = {"manifest.json", "worker.log", "job.json"}

    def digests(directory: Path) -> dict[str, Any]:
        folders = [directory, *(path for path in directory.rglob("*") if path.is_dir())]
        return {
            str(folder.relative_to(directory) / name): file["sha256"]
            for folder in folders
            for name, file in describe_files(folder).items()
            if name not in timed
        }

    first, second = digests(before), digests(after)
    return sorted(name for name in first.keys() | second.keys() if first.get(name) != second.get(name))
