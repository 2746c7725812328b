# SPDX-License-Identifier: MIT
"""Runs what is missing of a plan: dependencies first, longest first, and no failure stops the others."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Protocol

from campaigns.executor import Executor
from campaigns.plan import Job
from campaigns.store import Store

POLL_S = 0.05


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


def execute(jobs: Sequence[Job], store: Store, executor: Executor, reporter: Reporter) -> Outcome:
    """Run `jobs`, which are not done, until each is done, failed or blocked.

    On any exception, KeyboardInterrupt included, what runs is stopped and nothing half-done is kept.
    """
    run = _Run(list(jobs), store, executor, reporter)
    try:
        while run.waiting or run.started_at:
            run.drop_blocked()
            run.start_ready()
            run.collect()
            reporter.tick()
            if run.started_at:
                time.sleep(POLL_S)
    except BaseException:
        executor.stop()
        for job in run.running.values():
            store.abandon(job)
        raise
    return run.outcome


class _Run:
    """State of one execution."""

    def __init__(self, jobs: list[Job], store: Store, executor: Executor, reporter: Reporter) -> None:
        self.waiting = sorted(jobs, key=lambda job: (-job.cost_s, job.id))
        self.running: dict[str, Job] = {}
        self.started_at: dict[str, float] = {}
        self.outcome = Outcome()
        self._store, self._executor, self._reporter = store, executor, reporter

    def drop_blocked(self) -> None:
        hopeless = {job.id for job in (*self.outcome.failed, *self.outcome.blocked)}
        for job in [job for job in self.waiting if hopeless.intersection(job.needs)]:
            self.waiting.remove(job)
            self.outcome.blocked.append(job)
            self._reporter.blocked(job)

    def start_ready(self) -> None:
        unfinished = {job.id for job in self.waiting} | self.running.keys()
        for job in [job for job in self.waiting if not unfinished.intersection(job.needs)]:
            if self._executor.free <= 0:
                return
            self.waiting.remove(job)
            self.running[job.id] = job
            self.started_at[job.id] = time.monotonic()
            self._executor.start(job, self._store.begin(job))
            self._reporter.started(job)

    def collect(self) -> None:
        for job, exit_code in self._executor.finished():
            wall_s = time.monotonic() - self.started_at.pop(job.id)
            done = self._store.finish(job, exit_code)
            del self.running[job.id]
            (self.outcome.done if done else self.outcome.failed).append(job)
            self._reporter.finished(job, done, wall_s)
