# SPDX-License-Identifier: MIT
"""The process of one job: `python -m campaigns.worker DIRECTORY PARENT_PID`, where DIRECTORY holds job.json."""

from __future__ import annotations

import json
import os
import platform
import signal
import sys
import threading
import time
from pathlib import Path
from typing import Any

from campaigns.store import CHECKPOINT, PROGRESS_FILE, Store
from campaigns.version import versions
from pybridge import __version__
from pybridge.errors import SliceBridgeError
from pybridge.manifest import sha256_of
from pybridge.run import run
from pybridge.scenario import parse_scenario

PARENT_POLL_S = 1.0
PROGRESS_EVERY_S = 0.5


def main(directory: Path, parent: int) -> int:
    """Run the job; 0 if it is done. The reason of a failure goes to standard error, which is the job's log."""
    # A shell without job control starts what runs in the background with SIGINT ignored, and that is inherited.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    _follow(parent)
    job = json.loads((directory / "job.json").read_text(encoding="utf-8"))
    store = Store(directory.parents[1])
    try:
        needed = [store.run_directory(need) / CHECKPOINT for need in job["needs"]]
        run_job = {"train": _train, "adapt": _adapt, "evaluate": _evaluate}[job["labels"]["kind"]]
        run_job(job, directory, needed[0] if needed else None, store)
    except SliceBridgeError as error:
        print(error, file=sys.stderr)
        return error.exit_code
    except KeyboardInterrupt:
        return 130
    return 0


def _train(job: dict[str, Any], directory: Path, needed: Path | None, store: Store) -> None:
    from campaigns.training import train  # PyTorch: only processes that train load it

    begun_at, progress = time.monotonic(), _ProgressFile(directory / PROGRESS_FILE)
    train(job["config"], directory, store.state_directory(job["id"]), progress, needed)
    _finish(job["config"], directory, begun_at)


def _adapt(job: dict[str, Any], directory: Path, needed: Path | None, store: Store) -> None:
    from campaigns.adapting import adapt  # PyTorch

    begun_at = time.monotonic()
    adapt(job["config"], directory, needed, _ProgressFile(directory / PROGRESS_FILE))
    _finish(job["config"], directory, begun_at)


def _evaluate(job: dict[str, Any], directory: Path, needed: Path | None, store: Store) -> None:
    config = job["config"]
    scenario = parse_scenario(json.dumps(config["scenario"]), "job.json")
    result = run(scenario, str(needed or config["policy"]), config["seed"], directory / "run")
    for file in result.out.iterdir():
        file.rename(directory / file.name)
    result.out.rmdir()


def _finish(config: dict[str, Any], directory: Path, begun_at: float) -> None:
    """Write the manifest of a training or an adaptation."""
    (directory / PROGRESS_FILE).unlink(missing_ok=True)
    manifest = {
        "seed": config["seed"],
        "code": config["code"],
        "versions": versions() | {"slicebridge": __version__, "python": platform.python_version()},
        "wall_s": round(time.monotonic() - begun_at, 3),
        "exit_code": 0,
        "files": _files(directory),
    }
    (directory / "manifest.json").write_text(json.dumps(manifest, indent=1) + "\n", encoding="utf-8")


def _files(directory: Path) -> dict[str, dict[str, Any]]:
    """Sizes and checksums of a training's results by their path; the worker's log still grows."""
    files = sorted(path for path in directory.rglob("*") if path.is_file() and path.name != "worker.log")
    return {
        path.relative_to(directory).as_posix(): {"bytes": path.stat().st_size, "sha256": sha256_of(path)}
        for path in files
    }


class _ProgressFile:
    """Writes the fraction done to a file, not more often than anyone looks."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._written_at = 0.0

    def __call__(self, fraction: float) -> None:
        now = time.monotonic()
        if now - self._written_at >= PROGRESS_EVERY_S:
            self._written_at = now
            self._path.write_text(f"{fraction:.4f}", encoding="utf-8")


def _follow(parent: int) -> None:
    """Interrupt this process when `parent`, which started it, is gone, however and whenever it ended."""

    def watch() -> None:
        while os.getppid() == parent:
            time.sleep(PARENT_POLL_S)
        os.kill(os.getpid(), signal.SIGINT)

    threading.Thread(target=watch, daemon=True).start()


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1]), int(sys.argv[2])))
