# SPDX-License-Identifier: MIT
"""What campaigns cost beside their runs: the engine's overhead, planning, and status of 10,000 runs.

The same runs as bare processes, two at a time, alternate with the campaign, so that a loaded machine slows both; and
whoever went first goes second the next time, so that warm caches and a machine that slows down favour neither.
"""

from __future__ import annotations

import json
import os
import subprocess
import tempfile
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict
from functools import partial
from pathlib import Path
from statistics import median

from campaigns.attempt import job_command
from campaigns.cluster import open_cluster
from campaigns.engine import execute, missing
from campaigns.model import Campaign, load_campaign
from campaigns.plan import Job, code_in_use, plan
from campaigns.query import runs
from campaigns.store import Store, write_json
from pybridge.process import find_binary

RUNS, WORKERS, REPETITIONS = 8, 2, 4
DURATION_S = 30.0
"""Simulated, on LTE: a run takes several seconds, as runs of campaigns do."""
LARGE = 10_000


class Silent:
    """A reporter of the engine that says nothing."""

    def started(self, job: Job) -> None:
        """A job was started."""

    def finished(self, job: Job, done: bool, wall_s: float) -> None:
        """A job ended."""

    def blocked(self, job: Job) -> None:
        """A job will not run."""

    def tick(self) -> None:
        """Time passed."""


def run() -> dict[str, float]:
    """Figures: campaign_ratio_to_bare and campaign_overhead_s_per_run (medians of wall time over pairs),
    campaign_plan_10000_s, campaign_status_10000_s.

    Raises:
        RuntimeError: a run failed.
    """
    with tempfile.TemporaryDirectory(prefix="slb-bench-") as folder:
        return _overhead(Path(folder)) | _large_plan(Path(folder))


def _overhead(folder: Path) -> dict[str, float]:
    overrides = {"seeds": list(range(1, RUNS + 1)), "evaluation.duration_s": DURATION_S}
    jobs = [job for job in _plan("smoke", overrides) if _is_equal(job)]
    pairs = [_pair(jobs, folder / str(repetition), bare_first=repetition % 2 == 0) for repetition in range(REPETITIONS)]
    return {
        "campaign_ratio_to_bare": median(campaign_s / bare_s for bare_s, campaign_s in pairs),
        "campaign_overhead_s_per_run": median((campaign_s - bare_s) / RUNS for bare_s, campaign_s in pairs),
        "campaign_bare_s_per_run": median(bare_s / RUNS for bare_s, _ in pairs),
    }


def _pair(jobs: list[Job], folder: Path, *, bare_first: bool) -> tuple[float, float]:
    """Wall time of the runs as bare processes, and as a campaign."""
    actions = {"bare": partial(_bare, jobs, folder / "bare"), "campaign": partial(_campaign, jobs, folder / "campaign")}
    order = ("bare", "campaign") if bare_first else ("campaign", "bare")
    took_s = {name: _timed(actions[name]) for name in order}
    return took_s["bare"], took_s["campaign"]


def _is_equal(job: Job) -> bool:
    """One place of the campaign, so that runs differ in their seed alone."""
    return job.kind == "evaluate" and [job.labels[axis] for axis in ("method", "ran", "size")] == [
        "static", "lte", "small",
    ]  # fmt: skip


def _plan(name: str, overrides: dict[str, object]) -> list[Job]:
    return plan(load_campaign(name, overrides), code_in_use(find_binary()))


def _timed(action: Callable[[], None]) -> float:
    begin = time.perf_counter()
    action()
    return time.perf_counter() - begin


def _bare(jobs: list[Job], root: Path) -> None:
    """The commands that the engine would start, in directories such as it would make."""
    environment = os.environ | {"OMP_NUM_THREADS": "1", "POLARS_MAX_THREADS": "1"}  # as the engine sets them

    def one(job: Job) -> None:
        directory = root / "tmp" / job.id
        directory.mkdir(parents=True)
        write_json(directory / "job.json", asdict(job))
        subprocess.run(job_command(directory), check=True, capture_output=True, timeout=600, env=environment)

    with ThreadPoolExecutor(WORKERS) as pool:
        list(pool.map(one, jobs))


def _campaign(jobs: list[Job], root: Path) -> None:
    """All of the engine: store, cluster, execution, and the end of it."""
    store = Store(root)
    with store.locked() as session, open_cluster(None, WORKERS) as client:
        store.write_plan("bench", {}, jobs)
        outcome = execute(missing(jobs, store), store, session, client, Silent())
    if len(outcome.done) != len(jobs):
        raise RuntimeError(f"only {len(outcome.done)} of {len(jobs)} runs were done")


def _large_plan(folder: Path) -> dict[str, float]:
    """A campaign of `LARGE` evaluations and as many of the runs on disk, of five files each."""
    few = {"methods": [{"name": "static", "policy": "static"}], "adaptation": None}
    campaign = load_campaign("smoke", few | {"seeds": _seeds()})
    jobs: list[Job] = []
    plan_s = median(_timed(lambda: jobs.extend(_replan(campaign, jobs))) for _ in range(3))
    store = Store(folder / "large")
    with store.locked():
        store.write_plan(campaign.name, {}, jobs)
        for job in jobs:
            _pretend(store.run_directory(job.id))
    table = runs(store.root)
    if table["state"].to_list() != ["done"] * LARGE:
        raise RuntimeError("not all runs count as done")
    status_s = median(_timed(lambda: runs(store.root)) for _ in range(3))
    return {"campaign_plan_10000_s": plan_s, "campaign_status_10000_s": status_s}


def _seeds() -> list[int]:
    """As many as make `LARGE` evaluations over two RANs and two sizes."""
    return list(range(1, LARGE // 4 + 1))


def _replan(campaign: Campaign, before: list[Job]) -> list[Job]:
    before.clear()
    return plan(campaign, code_in_use(find_binary()))


def _pretend(directory: Path) -> None:
    """A finished run as far as its state is concerned."""
    directory.mkdir()
    names = ("controls.parquet", "kpm.parquet", "log.txt", "packets.parquet", "scenario.json")
    for name in names:
        (directory / name).write_bytes(b"0123456789")
    files = {name: {"bytes": 10, "sha256": "0" * 64} for name in names}
    (directory / "manifest.json").write_text(json.dumps({"exit_code": 0, "files": files}), encoding="utf-8")
