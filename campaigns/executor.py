# SPDX-License-Identifier: MIT
"""Where jobs run. The scheduler knows the protocol only, so that other engines can take this one's place."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Protocol

from campaigns.plan import Job

STOP_GRACE_S = 10.0
"""Time that a stopped job has to end its simulation in good order."""


class Executor(Protocol):
    """Runs jobs somewhere, a bounded number at a time."""

    @property
    def free(self) -> int:
        """Jobs that could be started now."""

    def start(self, job: Job, directory: Path) -> None:
        """Run campaigns.worker on `directory`, which holds the job's job.json."""

    def finished(self) -> list[tuple[Job, int]]:
        """Jobs that ended since the last call, with their exit codes (negative: signal)."""

    def stop(self) -> None:
        """End everything that runs; returns when nothing does."""


class LocalExecutor:
    """Jobs as processes of this machine, each in a process group of its own."""

    def __init__(self, workers: int) -> None:
        self._workers = workers
        self._running: dict[str, tuple[Job, subprocess.Popen[bytes]]] = {}

    @property
    def free(self) -> int:
        """Jobs that could be started now."""
        return self._workers - len(self._running)

    def start(self, job: Job, directory: Path) -> None:
        """Start the job's process; its output goes to DIRECTORY/worker.log."""
        with (directory / "worker.log").open("wb") as log:
            process = subprocess.Popen(
                [sys.executable, "-m", "campaigns.worker", str(directory), str(os.getpid())],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
                env=os.environ | {"OMP_NUM_THREADS": "1", "POLARS_MAX_THREADS": "1"},
            )
        self._running[job.id] = (job, process)

    def finished(self) -> list[tuple[Job, int]]:
        """Jobs that ended since the last call, with their exit codes (negative: signal)."""
        ended = [(job, code) for job, process in list(self._running.values()) if (code := process.poll()) is not None]
        for job, _ in ended:
            del self._running[job.id]
        return ended

    def stop(self) -> None:
        """Interrupt every job, wait, and kill what is left."""
        for sent in (signal.SIGINT, signal.SIGKILL):
            for _, process in self._running.values():
                _signal_group(process, sent)
            deadline = time.monotonic() + STOP_GRACE_S
            while time.monotonic() < deadline and any(p.poll() is None for _, p in self._running.values()):
                time.sleep(0.02)
        self._running.clear()


def _signal_group(process: subprocess.Popen[bytes], sent: signal.Signals) -> None:
    if process.poll() is None or sent is signal.SIGKILL:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, sent)
