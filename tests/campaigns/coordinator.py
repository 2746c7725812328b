# SPDX-License-Identifier: MIT
"""A campaign's coordinator over quick jobs as a process that can be killed, under a clock that can be set."""

from __future__ import annotations

import itertools
import os
import sys
import time
from pathlib import Path

_real_time = time.time
_offset_file: str | None = None


def _time() -> float:
    """The time of day; a coordinator's is off by what its file says."""
    if _offset_file is None:
        return _real_time()
    try:
        return _real_time() + float(Path(_offset_file).read_text())
    except (OSError, ValueError):
        return _real_time()


time.time = _time  # before Dask is loaded, which keeps a reference

import dask  # noqa: E402

from campaigns import attempt  # noqa: E402
from campaigns.cluster import open_cluster  # noqa: E402
from campaigns.engine import discard_damaged, execute, missing  # noqa: E402
from campaigns.plan import Job  # noqa: E402
from campaigns.store import Store, StoreError  # noqa: E402
from tests.campaigns.conftest import RecordingReporter  # noqa: E402

WORKERS = 2


def quick_command(directory: Path) -> list[str]:
    """In place of the real job's command."""
    script = str(Path(__file__).with_name("quick_job.py"))
    return [sys.executable, "-S", script, str(directory), str(os.getpid())]


def dask_setup(_worker: object) -> None:
    """Of `dask worker --preload`: that worker's jobs are quick ones."""
    attempt.job_command = quick_command


def quick_jobs() -> list[Job]:
    """Two trainings and, for each, three evaluations that need it and three that do not: 14 runs."""
    jobs = []
    for seed in (1, 2):
        training = Job(f"train-s{seed}-0", {"kind": "train", "method": "ppo", "seed": seed}, {}, (), 2.0)
        jobs.append(training)
        for (method, needs), size in itertools.product((("ppo", (training.id,)), ("static", ())), "abc"):
            labels = {"kind": "evaluate", "method": method, "ran": "nr", "size": size, "mix": "m", "seed": seed}
            jobs.append(Job(f"{method}-{size}-s{seed}-0", labels, {}, needs, 1.0))
    return jobs


def coordinate(root: str, cluster: str | None, offset_file: str | None) -> None:
    """What `slicebridge campaign run` does. Exit codes: 0 all done, 1 some are not, 2 the store cannot be used."""
    global _offset_file
    _offset_file = offset_file
    attempt.job_command = quick_command
    jobs, store = quick_jobs(), Store(Path(root))
    # Were workers judged by the time of day, this is how soon one would be given up.
    dask.config.set({"distributed.scheduler.worker-ttl": "200ms"})
    try:
        with store.locked() as session:
            discard_damaged(jobs, store)
            store.write_plan("quick", {}, jobs)
            with open_cluster(cluster, WORKERS) as client:
                outcome = execute(missing(jobs, store), store, session, client, RecordingReporter())
    except StoreError:
        sys.exit(2)
    sys.exit(1 if outcome.failed or outcome.blocked else 0)
