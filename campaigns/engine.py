# SPDX-License-Identifier: MIT
"""Runs what is missing of a plan on a Dask cluster: dependencies first, longest first; no failure stops the others."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Iterable, Sequence
from concurrent.futures import CancelledError
from dataclasses import dataclass, field
from queue import Empty, SimpleQueue
from typing import Protocol

from distributed import Client, Future, KilledWorker
from distributed.client import ClosedClientError

from campaigns.attempt import STOP_GRACE_S, Attempt, AttemptFailed, attempt
from campaigns.cluster import ClusterError
from campaigns.plan import Job, ways_to_the_end_s
from campaigns.store import Store

POLL_S = 0.1
RETRIES = 1
"""Further attempts at a job that failed."""


class Reporter(Protocol):
    """Told what happens, to show it."""

    def started(self, job: Job) -> None:
        """A job was started."""

    def finished(self, job: Job, done: bool, wall_s: float) -> None:
        """A job ended, well (`done`) or not."""

    def blocked(self, job: Job) -> None:
        """A job will not run, since one that it needs failed."""

    def tick(self) -> None:
        """Time passed."""


@dataclass
class Outcome:
    """What became of the jobs that were missing."""

    done: list[Job] = field(default_factory=list)
    failed: list[Job] = field(default_factory=list)
    blocked: list[Job] = field(default_factory=list)


def missing(jobs: Sequence[Job], store: Store) -> list[Job]:
    """Jobs that are not done."""
    return [job for job in jobs if not store.is_done(job.id)]


def discard_damaged(jobs: Sequence[Job], store: Store) -> list[str]:
    """Remove finished runs whose files were altered since, so that they are made again; their ids come back."""
    damaged = store.damaged(job.id for job in jobs if store.is_done(job.id))
    for job_id in damaged:
        store.discard(job_id)
    return damaged


def execute(
    jobs: Sequence[Job], store: Store, session: str, client: Client, reporter: Reporter, retries: int = RETRIES
) -> Outcome:
    """Run `jobs`, which are not done, until each is done, failed or blocked.

    session: of the store's lock. On any exception, KeyboardInterrupt included, what runs is stopped by the end of the
    session, and nothing half-done is kept. Raises ClusterError if the cluster is lost.
    """
    ended: SimpleQueue[Future[Attempt]] = SimpleQueue()
    futures = _submit(jobs, store, session, client, retries)
    for future in futures.values():
        future.add_done_callback(ended.put)
    run = _Run({job.id: job for job in jobs}, store, reporter)
    try:
        while run.left:
            run.note_started()
            for future in _drain(ended):
                run.note_end(future)
            reporter.tick()
    except BaseException:
        store.end_session()
        _await_attempts(store)
        raise
    finally:
        with contextlib.suppress(ClosedClientError):  # of a cluster that is lost
            client.cancel(list(futures.values()), force=True)
    return run.outcome


class _Run:
    """State of one execution."""

    def __init__(self, left: dict[str, Job], store: Store, reporter: Reporter) -> None:
        self.left = left
        self.outcome = Outcome()
        self._started_at: dict[str, float] = {}
        self._store, self._reporter = store, reporter

    def note_started(self) -> None:
        for job_id in self._store.under_way() & self.left.keys() - self._started_at.keys():
            self._started_at[job_id] = time.monotonic()
            self._reporter.started(self.left[job_id])

    def note_end(self, future: Future[Attempt]) -> None:
        """A job has ended, or the cluster has. Raises ClusterError."""
        ending = _ending(future)
        job = self.left.pop(_job_id(str(future.key)))
        if isinstance(ending, Attempt):
            self.outcome.done.append(job)
            self._reporter.finished(job, True, ending.wall_s)
        elif ending != job.id:
            self.outcome.blocked.append(job)
            self._reporter.blocked(job)
        else:
            self.outcome.failed.append(job)
            now = time.monotonic()
            self._reporter.finished(job, False, now - self._started_at.get(job.id, now))


def _await_attempts(store: Store) -> None:
    """Give what runs the time to end; workers that cannot be reached are not waited for longer."""
    deadline = time.monotonic() + STOP_GRACE_S + 2.0
    while store.under_way() and time.monotonic() < deadline:
        time.sleep(POLL_S)


def _ending(future: Future[Attempt]) -> Attempt | str:
    """What the job came to, or the id of the one whose failure made it fail: itself, or one that it needs.

    Raises ClusterError: the scheduler is gone, which even a future that is done may learn only when it is asked.
    """
    try:
        return future.result()
    except CancelledError:
        raise ClusterError(
            "the cluster's scheduler is gone; what is done is kept, the same command goes on from there"
        ) from None
    except AttemptFailed as error:
        return error.job_id
    except KilledWorker as error:
        return _job_id(str(error.task))
    except Exception:  # of Dask, or of a worker that could not even begin
        return _job_id(str(future.key))


def _job_id(key: str) -> str:
    return key.partition("/")[2]


def _submit(
    jobs: Sequence[Job], store: Store, session: str, client: Client, retries: int
) -> dict[str, Future[Attempt]]:
    """All jobs as one graph; what a job needs and is not among them is done."""
    futures: dict[str, Future[Attempt]] = {}
    ways_s, by_id = ways_to_the_end_s(jobs), {job.id: job for job in jobs}
    for job_id in sorted(ways_s, key=lambda job_id: -ways_s[job_id]):  # stable, so that what is needed comes first
        job = by_id[job_id]
        needs = [futures[need] for need in job.needs if need in futures]
        futures[job.id] = client.submit(
            attempt,
            str(store.root.absolute()),
            job,
            session,
            *needs,
            key=f"{session}/{job.id}",
            # The longest way to the end goes first: a job and what waits for it.
            priority=ways_s[job_id],
            retries=retries,
        )
    return futures


def _drain(ended: SimpleQueue[Future[Attempt]]) -> Iterable[Future[Attempt]]:
    """Futures that ended; waits a moment for the first."""
    timeout_s: float | None = POLL_S
    while True:
        try:
            yield ended.get(timeout=timeout_s) if timeout_s else ended.get_nowait()
        except Empty:
            return
        timeout_s = None
