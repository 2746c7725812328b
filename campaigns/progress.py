# SPDX-License-Identifier: MIT
"""Shows how far a campaign is: a live bar on a terminal, lines elsewhere; thousands of runs do not flood either."""

from __future__ import annotations

import itertools
import time
from collections.abc import Sequence
from dataclasses import replace
from types import TracebackType
from typing import Self

from rich.console import Console
from rich.live import Live
from rich.table import Table
from rich.text import Text

from campaigns.plan import Job, remaining_s
from campaigns.store import Store

REFRESH_S = 0.5
BAR_WIDTH = 30

MAX_LINES = 100
"""Lines for runs that ended well: of larger campaigns every n-th run has one."""

MAX_FAILURES = 20
"""Failures and skipped runs that are told one by one."""

MAX_RUNNING = 16
"""Running jobs that the live display names."""

ESTIMATE_SHARE = 0.02
"""Share of the time that may go into estimating the time left."""


class ProgressReporter:
    """Counts done, running and failed jobs and estimates the time left.

    The estimate takes the plan's costs, scaled for each kind of job by what the finished and running ones have shown.
    """

    def __init__(self, jobs: Sequence[Job], total: int, workers: int, store: Store, console: Console) -> None:
        """jobs: those to be run. total: those of the whole campaign."""
        self._store, self._console, self._workers, self._total = store, console, workers, total
        self._left = {job.id: job for job in jobs}
        self._began_at: dict[str, float] = {}
        self._spent_s: dict[str, float] = {}
        self._planned_s: dict[str, float] = {}
        self._done, self._failed, self._blocked = total - len(jobs), 0, 0
        self._live = Live(console=console, auto_refresh=False, transient=True) if console.is_terminal else None
        self._shown_at = 0.0
        self._told_failures = 0
        self._lines_every = -(-len(jobs) // MAX_LINES)
        self._estimate_s, self._estimated_at, self._estimate_took_s = 0.0, float("-inf"), 0.0

    def __enter__(self) -> Self:
        if self._live:
            self._live.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._live:
            self._live.stop()

    def started(self, job: Job) -> None:
        """A job was started."""
        self._began_at[job.id] = time.monotonic()

    def finished(self, job: Job, done: bool, wall_s: float) -> None:
        """A job ended, well (`done`) or not."""
        del self._left[job.id]
        self._began_at.pop(job.id, None)
        self._done += done
        self._failed += not done
        if done:
            self._spent_s[job.kind] = self._spent_s.get(job.kind, 0.0) + wall_s
            self._planned_s[job.kind] = self._planned_s.get(job.kind, 0.0) + job.cost_s
        if not done:
            self._tell_failure(job, wall_s)
        elif self._done % self._lines_every == 0 or not self._left:
            self._print(self._ended_line(job, Text("done  ", "green"), wall_s))

    def blocked(self, job: Job) -> None:
        """A job will not run, since one that it needs failed."""
        del self._left[job.id]
        self._blocked += 1
        if self._may_tell_failure():
            self._print(Text(f"[{self._counter}] skipped {_name(job)}: a run that it needs failed"))

    def tick(self) -> None:
        """Time passed: refresh the live display."""
        now = time.monotonic()
        if self._live and now - self._shown_at >= REFRESH_S:
            self._shown_at = now
            self._live.update(self._render(), refresh=True)

    def _tell_failure(self, job: Job, wall_s: float) -> None:
        if self._may_tell_failure():
            self._print(self._ended_line(job, Text("FAILED", "bold red"), wall_s))
            self._print(Text(f"          log: {self._store.failure_log(job.id)}"))

    def _may_tell_failure(self) -> bool:
        self._told_failures += 1
        if self._told_failures == MAX_FAILURES + 1:
            self._print(Text("Further failures are only counted; `slicebridge campaign status --runs` lists them."))
        return self._told_failures <= MAX_FAILURES

    def _ended_line(self, job: Job, what: Text, wall_s: float) -> Text:
        return Text.assemble(f"[{self._counter}] ", what, f" {_name(job):<44}{wall_s:7.1f} s   {self._eta_text()}")

    @property
    def eta_s(self) -> float:
        """Estimated wall time until all is done."""
        return remaining_s([self._rest_of(job) for job in self._left.values()], self._workers)

    def _rest_of(self, job: Job) -> Job:
        """`job` with the cost that is left of it."""
        began_at = self._began_at.get(job.id)
        planned_s = self._planned_s.get(job.kind, 0.0)
        cost_s = job.cost_s * (self._spent_s[job.kind] / planned_s if planned_s else 1.0)
        if began_at is None:
            return replace(job, cost_s=cost_s)
        elapsed_s, fraction = time.monotonic() - began_at, self._store.progress(job.id)
        if fraction > 0.02:
            return replace(job, cost_s=elapsed_s * (1 / fraction - 1))
        return replace(job, cost_s=max(0.0, cost_s - elapsed_s))

    @property
    def _counter(self) -> str:
        finished = self._done + self._failed + self._blocked
        return f"{finished:>{len(str(self._total))}}/{self._total}"

    def _eta_text(self) -> str:
        if not self._left:
            return ""
        begun_at = time.monotonic()
        if begun_at - self._estimated_at >= self._estimate_took_s / ESTIMATE_SHARE:
            self._estimate_s = self.eta_s
            self._estimated_at = time.monotonic()
            self._estimate_took_s = self._estimated_at - begun_at
        return f"{duration_text(self._estimate_s)} left"

    def _print(self, line: Text) -> None:
        self._console.print(line, soft_wrap=True)

    def _render(self) -> Table:
        table = Table.grid(padding=(0, 2))
        fraction = (self._done + self._failed + self._blocked) / max(1, self._total)
        filled = round(BAR_WIDTH * fraction)
        bar = Text.assemble(("━" * filled, "green"), ("━" * (BAR_WIDTH - filled), "bright_black"))
        counts = f"{self._done} done, {len(self._began_at)} running, {self._failed} failed of {self._total}"
        if self._blocked:
            counts = f"{counts}, {self._blocked} skipped"
        table.add_row(bar, counts, self._eta_text())
        for job_id, began_at in itertools.islice(self._began_at.items(), MAX_RUNNING):
            job = self._left[job_id]
            fraction = self._store.progress(job.id)
            share = f"{fraction:4.0%}" if fraction else "    "
            table.add_row(Text(f"  {_name(job)}", "dim"), f"{share} {duration_text(time.monotonic() - began_at)}")
        if (further := len(self._began_at) - MAX_RUNNING) > 0:
            table.add_row(Text(f"  and {further} more", "dim"))
        return table


def _name(job: Job) -> str:
    axes = [str(job.labels[axis]) for axis in ("ran", "size", "mix", "track") if axis in job.labels]
    return " ".join([job.kind, str(job.labels["method"]), *axes, f"seed {job.labels['seed']}"])


def duration_text(seconds: float) -> str:
    """A duration as people say it: 42 s, 3 min 20 s, 1 h 05 min."""
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60:02} s"
    return f"{whole // 3600} h {whole % 3600 // 60:02} min"
