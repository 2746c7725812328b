# SPDX-License-Identifier: MIT
"""Where a campaign's runs lie: one directory each, complete or not there.

ROOT/runs/ID/      finished runs: job.json, manifest.json with exit code 0, and the files that it lists, in full
ROOT/failed/ID/    the last failed attempt of a run, kept for its log
ROOT/tmp/ID/       runs under way; what is left there by a killed campaign is worthless
"""

from __future__ import annotations

import fcntl
import json
import shutil
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import Any

from campaigns.plan import Job
from pybridge.errors import SliceBridgeError

CHECKPOINT = "checkpoint"
"""Sub-directory of a training run that holds the trained policy."""

CURVE = "learning_curve.parquet"
"""Of a training run, a row per training episode: step (environment steps so far), mean_reward (per step)."""

PROGRESS_FILE = "progress"
"""In the directory of a run under way: the fraction done, in decimal digits."""


class StoreError(SliceBridgeError):
    """The results directory cannot be used."""


class Store:
    """The runs of one campaign, on disk."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self._runs, self._failed, self._tmp = (root / name for name in ("runs", "failed", "tmp"))

    def run_directory(self, job_id: str) -> Path:
        """Where the records of a finished run are."""
        return self._runs / job_id

    def is_done(self, job_id: str) -> bool:
        """True if the run finished with exit code 0 and its files have the sizes that its manifest says."""
        return _is_whole(self._runs / job_id)

    def has_failed(self, job_id: str) -> bool:
        """True if the last attempt failed and no later one succeeded."""
        return (self._failed / job_id).is_dir() and not self.is_done(job_id)

    def failure_log(self, job_id: str) -> Path:
        """Log of the last failed attempt."""
        return self._failed / job_id / "worker.log"

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Make the directories and keep other campaigns out while this one runs.

        Raises StoreError if they cannot be written, or if another process runs this campaign.
        """
        try:
            for directory in (self._runs, self._failed, self._tmp):
                directory.mkdir(parents=True, exist_ok=True)
            lock = (self.root / "lock").open("w")
        except OSError as error:
            raise StoreError(f"{error.filename}: cannot be written: {error.strerror}") from error
        with lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError as error:
                raise StoreError(f"{self.root}: another process runs this campaign") from error
            for leftover in self._tmp.iterdir():
                shutil.rmtree(leftover)
            yield

    def begin(self, job: Job) -> Path:
        """A fresh directory for an attempt at `job`, with its job.json."""
        directory = self._tmp / job.id
        shutil.rmtree(directory, ignore_errors=True)
        directory.mkdir()
        _write_json(directory / "job.json", asdict(job))
        return directory

    def finish(self, job: Job, exit_code: int) -> bool:
        """Keep the attempt as finished or as failed; True if it is finished.

        A run whose manifest does not say exit code 0 is failed, whatever its process returned, as is one whose files
        are not as the manifest says.
        """
        source = self._tmp / job.id
        done = exit_code == 0 and _is_whole(source)
        target = (self._runs if done else self._failed) / job.id
        shutil.rmtree(target, ignore_errors=True)
        source.rename(target)
        if done:
            shutil.rmtree(self._failed / job.id, ignore_errors=True)
        return done

    def abandon(self, job: Job) -> None:
        """Remove what a stopped attempt left."""
        shutil.rmtree(self._tmp / job.id, ignore_errors=True)

    def progress(self, job: Job) -> float:
        """Fraction done of a running job, 0 if it has not said."""
        try:
            return float((self._tmp / job.id / PROGRESS_FILE).read_text(encoding="utf-8"))
        except (OSError, ValueError):
            return 0.0

    def write_plan(self, name: str, description: dict[str, Any], jobs: Iterable[Job]) -> None:
        """Record the campaign and its jobs in ROOT/campaign.json, so that results can be read without its code."""
        listed = [{"id": job.id, **job.labels} for job in jobs]
        _write_json(self.root / "campaign.json", {"name": name, "campaign": description, "jobs": listed})


def _is_whole(directory: Path) -> bool:
    try:
        manifest = json.loads((directory / "manifest.json").read_text(encoding="utf-8"))
        code, files = manifest["exit_code"], manifest.get("files", {})
        sizes_fit = all((directory / name).stat().st_size == file["bytes"] for name, file in files.items())
    except (OSError, ValueError, LookupError, TypeError, AttributeError):  # whatever damage does to JSON
        return False
    return code == 0 and not isinstance(code, bool) and sizes_fit


def _write_json(path: Path, content: dict[str, Any]) -> None:
    partial = path.with_name(f"{path.name}.partial")
    partial.write_text(json.dumps(content, indent=1, sort_keys=True) + "\n", encoding="utf-8")
    partial.replace(path)
