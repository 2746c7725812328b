# SPDX-License-Identifier: MIT
"""One attempt at one job, as a process of its own: what a Dask worker does."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from campaigns.plan import Job
from campaigns.store import Store

STOP_GRACE_S = 10.0
"""Time that a stopped job has to end its simulation in good order."""

SESSION_POLL_S = 0.5
EXIT_POLL_S = 0.02


class AttemptFailed(Exception):
    """A job's process failed; its log is kept in the store."""

    def __init__(self, job_id: str, reason: str) -> None:
        super().__init__(job_id, reason)
        self.job_id = job_id


@dataclass(frozen=True)
class Attempt:
    """An attempt that ended well."""

    job_id: str
    wall_s: float


def attempt(root: str, job: Job, session: str, *needs: Attempt) -> Attempt:
    """Run a job unless it is done, and keep what comes of it in the store at `root`.

    needs: the attempts at what it needs; they are here so that Dask waits for them.
    Raises AttemptFailed. When the campaign `session` has ended, the process is ended too.
    """
    begun_at = time.monotonic()
    store = Store(Path(root))
    if not store.is_done(job.id):
        try:
            _make(store, job, session)
        except OSError as error:
            raise AttemptFailed(job.id, f"{error.filename or root}: {error.strerror or error}") from error
    return Attempt(job.id, time.monotonic() - begun_at)


def _make(store: Store, job: Job, session: str) -> None:
    if not store.in_session(session):
        raise AttemptFailed(job.id, "the campaign was stopped")
    with store.attempt(job) as directory:
        code = _run(directory, store, session)
        if not store.in_session(session):
            raise AttemptFailed(job.id, "the campaign was stopped")
        if not store.finish(job, directory, code):
            raise AttemptFailed(job.id, _end_text(code))


def job_command(directory: Path) -> list[str]:
    """The process that does the job of an attempt's directory; it ends when this process does."""
    return [sys.executable, "-m", "campaigns.worker", str(directory), str(os.getpid())]


def _run(directory: Path, store: Store, session: str) -> int:
    """Exit code of the job's process; its output goes to DIRECTORY/worker.log."""
    with (directory / "worker.log").open("wb") as log:
        process = subprocess.Popen(
            job_command(directory),
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
            start_new_session=True,
            env=_environment(),
        )
    try:
        return _wait(process, store, session)
    finally:
        _end(process)


def _environment() -> dict[str, Any]:
    """One thread per job, so that cores are not fought over."""
    return os.environ | {"OMP_NUM_THREADS": "1", "POLARS_MAX_THREADS": "1"}


def _wait(process: subprocess.Popen[bytes], store: Store, session: str) -> int:
    looked_at = time.monotonic()
    while (code := process.poll()) is None:
        time.sleep(EXIT_POLL_S)
        if time.monotonic() - looked_at >= SESSION_POLL_S:
            looked_at = time.monotonic()
            if not store.in_session(session):
                return -signal.SIGINT
    return code


def _end(process: subprocess.Popen[bytes]) -> None:
    """Interrupt the job if it still runs, wait, and kill what is left of its group."""
    if process.poll() is None:
        _signal_group(process, signal.SIGINT)
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(STOP_GRACE_S)
    _signal_group(process, signal.SIGKILL)
    process.wait()


def _signal_group(process: subprocess.Popen[bytes], sent: signal.Signals) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, sent)


def _end_text(code: int) -> str:
    return f"ended by {signal.Signals(-code).name}" if code < 0 else f"exit code {code}"
