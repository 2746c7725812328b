# SPDX-License-Identifier: MIT
"""Where a campaign's runs lie: one directory each, complete or not there.

ROOT/campaign.json  the campaign and its jobs, so that results can be read without its code
ROOT/runs/ID/       finished runs: job.json, manifest.json with exit code 0, and the files that it lists, in full
ROOT/failed/ID/     the last failed attempt of a run, kept for its log
ROOT/tmp/ID.NAME/   attempts under way; who makes one holds ID.NAME.lock, and without an owner it is worthless
ROOT/state/ID/      what a training under way needs to go on after a kill
ROOT/lock           held by the running campaign
ROOT/session        its name; attempts of another one stop
ROOT/verified.json  runs whose checksums were right, by the sizes and times of their files

The directory may be on a file system that several machines share, if it has POSIX locks.
"""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import secrets
import shutil
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import IO, Any

from campaigns.plan import Job
from pybridge.errors import SliceBridgeError
from pybridge.manifest import sha256_of

CHECKPOINT = "checkpoint"
"""Sub-directory of a training run that holds the trained policy."""

CURVE = "learning_curve.parquet"
"""Of a training run, a row per training episode: step (environment steps so far), mean_reward (per step)."""

SCALARS = "training.parquet"
"""Of a training run, long: step (as in the curve), iteration, name, value; what the learner told of itself."""

TASKS = "tasks.yaml"
"""Of a training on tasks: agents.network_task.TaskRanges."""

ADAPTATION = "adaptation.parquet"
"""Of an adaptation run, a row per task and point of its curve."""

PLAYED = "played.parquet"
"""Of an adaptation run, a row per task and episode that was spent on it."""

PROGRESS_FILE = "progress"
"""In the directory of a run under way: the fraction done, in decimal digits."""

LOCK_WAIT_S = 1.0
"""How long the lock of a campaign is asked for before it counts as held."""


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

    def state_directory(self, job_id: str) -> Path:
        """Where a training keeps what it needs to go on after a kill."""
        return self.root / "state" / job_id

    def is_done(self, job_id: str) -> bool:
        """True if the run finished with exit code 0 and its files have the sizes that its manifest says."""
        return is_whole(self._runs / job_id)

    def has_failed(self, job_id: str) -> bool:
        """True if the last attempt failed and no later one succeeded."""
        return (self._failed / job_id).is_dir() and not self.is_done(job_id)

    def failure_log(self, job_id: str) -> Path:
        """Log of the last failed attempt."""
        return self._failed / job_id / "worker.log"

    @contextmanager
    def locked(self) -> Iterator[str]:
        """Make the directories, keep other campaigns out while this one runs, and clear what killed ones left.

        The name of this session comes back. Raises StoreError if the directories cannot be written, or if another
        process runs this campaign.
        """
        try:
            for directory in (self._runs, self._failed, self._tmp):
                directory.mkdir(parents=True, exist_ok=True)
            lock = (self.root / "lock").open("w")
        except OSError as error:
            raise StoreError(f"{error.filename}: cannot be written: {error.strerror}") from error
        with lock:
            if not _lock_soon(lock):
                raise StoreError(f"{self.root}: another process runs this campaign")
            name = secrets.token_hex(8)
            try:
                self._clear_leftovers()
                (self.root / "session").write_text(name, encoding="utf-8")
                yield name
            except OSError as error:
                raise StoreError(f"{error.filename or self.root}: {error.strerror or error}") from error
            finally:
                self.end_session()

    def end_session(self) -> None:
        """Tell all attempts of the running campaign to stop."""
        (self.root / "session").unlink(missing_ok=True)

    def in_session(self, name: str) -> bool:
        """Whether the campaign of that name still runs: one that was killed holds the lock no more."""
        try:
            with (self.root / "lock").open("rb") as lock:
                fcntl.flock(lock, fcntl.LOCK_SH | fcntl.LOCK_NB)
            return False
        except BlockingIOError:
            pass
        except OSError:
            return False
        try:
            return (self.root / "session").read_text(encoding="utf-8") == name
        except OSError:
            return False

    def _clear_leftovers(self) -> None:
        for name in {path.name.removesuffix(".lock") for path in self._tmp.iterdir()}:
            directory, lock = self._tmp / name, self._tmp / f"{name}.lock"
            with lock.open("w") as file:
                try:
                    fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                except BlockingIOError:  # on another machine an attempt is about to notice that its campaign is gone
                    continue
                shutil.rmtree(directory, ignore_errors=True)
                lock.unlink(missing_ok=True)

    @contextmanager
    def attempt(self, job: Job) -> Iterator[Path]:
        """A fresh directory for an attempt at `job`, with its job.json; what is left of it in the end goes."""
        directory = self._tmp / f"{job.id}.{secrets.token_hex(4)}"
        lock = directory.with_name(f"{directory.name}.lock")
        with lock.open("w") as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            try:
                directory.mkdir()
                write_json(directory / "job.json", asdict(job))
                yield directory
            finally:
                shutil.rmtree(directory, ignore_errors=True)
                lock.unlink(missing_ok=True)

    def finish(self, job: Job, attempt: Path, exit_code: int) -> bool:
        """Keep an attempt as finished or as failed; True if the run is done.

        A run whose manifest does not say exit code 0 is failed, whatever its process returned, as is one whose files
        are not as the manifest says. If another attempt was faster, its result stays.
        """
        if self.is_done(job.id):
            return True
        done = exit_code == 0 and is_whole(attempt)
        target = (self._runs if done else self._failed) / job.id
        shutil.rmtree(target, ignore_errors=True)
        attempt.rename(target)
        if done:
            for obsolete in (self._failed / job.id, self.state_directory(job.id)):
                shutil.rmtree(obsolete, ignore_errors=True)
        return done

    def discard(self, job_id: str) -> None:
        """Remove a finished run."""
        shutil.rmtree(self._runs / job_id, ignore_errors=True)

    def under_way(self) -> set[str]:
        """Ids of the jobs that are being attempted."""
        try:
            return {path.stem for path in self._tmp.iterdir() if path.suffix != ".lock"}
        except OSError:
            return set()

    def progress(self, job_id: str) -> float:
        """Fraction done of a running job, 0 if it has not said."""
        for path in self._tmp.glob(f"{job_id}.*/{PROGRESS_FILE}"):
            try:
                return float(path.read_text(encoding="utf-8"))
            except (OSError, ValueError):
                continue
        return 0.0

    def write_plan(self, name: str, description: dict[str, Any], jobs: Iterable[Job]) -> None:
        """Record the campaign and its jobs in ROOT/campaign.json."""
        listed = [{"id": job.id, **job.labels, "needs": job.needs, "cost_s": round(job.cost_s, 1)} for job in jobs]
        write_json(self.root / "campaign.json", {"name": name, "campaign": description, "jobs": listed})

    def read_plan(self) -> dict[str, Any]:
        """What `write_plan` wrote. Raises StoreError if there is no campaign, or one of another version."""
        path = self.root / "campaign.json"
        try:
            recorded = json.loads(path.read_text(encoding="utf-8"))
            if not all({"id", "kind", "method", "seed"} <= job.keys() for job in recorded["jobs"]):
                raise StoreError(f"{path}: was written by another version; `slicebridge campaign run` renews it")
        except (OSError, ValueError, LookupError, TypeError, AttributeError) as error:
            raise StoreError(f"{self.root}: no campaign is here ({error})") from error
        return dict(recorded)

    def damaged(self, job_ids: Iterable[str]) -> list[str]:
        """Those of the finished runs that are not as they were written: not whole, or of other checksums.

        A file is read again only if its size or time has changed since it was last found right.
        """
        memory = self.root / "verified.json"
        try:
            known = dict(json.loads(memory.read_text(encoding="utf-8")))
        except (OSError, ValueError, TypeError):
            known = {}
        right, wrong = {}, []
        for job_id in job_ids:
            mark = _mark(self._runs / job_id)
            if known.get(job_id) == mark or _is_intact(self._runs / job_id):
                right[job_id] = mark
            else:
                wrong.append(job_id)
        if right != known and self.root.is_dir():
            with contextlib.suppress(OSError):  # a disk that is full, or may only be read
                write_json(memory, right)
        return wrong


def _lock_soon(lock: IO[str]) -> bool:
    """Whether the lock could be had; attempts that ask whether somebody holds it do so themselves for a moment."""
    deadline = time.monotonic() + LOCK_WAIT_S
    while True:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return True
        except BlockingIOError:
            if time.monotonic() >= deadline:
                return False
            time.sleep(LOCK_WAIT_S / 20)


def is_whole(directory: Path) -> bool:
    """Whether a run's manifest says exit code 0 and its files have the sizes that it says."""
    folder = os.fspath(directory)  # text: the state of thousands of runs is asked for at once, and Path is slow
    try:
        with open(f"{folder}/manifest.json", "rb") as file:  # noqa: PTH123
            manifest = json.load(file)
        code, files = manifest["exit_code"], manifest["files"]
        sizes = {name: os.stat(f"{folder}/{name}").st_size for name in files}  # noqa: PTH116
        sizes_fit = all(sizes[name] == file["bytes"] for name, file in files.items())
    except (OSError, ValueError, LookupError, TypeError, AttributeError):  # whatever damage does to JSON
        return False
    return code == 0 and not isinstance(code, bool) and sizes_fit


def _is_intact(directory: Path) -> bool:
    try:
        if not is_whole(directory):
            return False
        files = json.loads((directory / "manifest.json").read_text(encoding="utf-8"))["files"]
        return all(sha256_of(directory / name) == file["sha256"] for name, file in files.items())
    except (OSError, ValueError, LookupError, TypeError, AttributeError):
        return False


def _mark(directory: Path) -> str:
    """Names, sizes and times of all files: what changes when one is written to."""
    entries = []
    for path in sorted(directory.rglob("*")):
        found = path.stat()
        entries.append(f"{path.relative_to(directory)} {found.st_size} {found.st_mtime_ns}")
    return "\n".join(entries)


def write_json(path: Path, content: dict[str, Any]) -> None:
    """Write a JSON file that is there in full or not at all."""
    partial = path.with_name(f"{path.name}.{os.getpid()}.partial")
    try:
        partial.write_text(json.dumps(content, indent=1, sort_keys=True) + "\n", encoding="utf-8")
        partial.replace(path)
    finally:
        partial.unlink(missing_ok=True)
