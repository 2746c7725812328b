# SPDX-License-Identifier: MIT
"""What a run was made of, so that it can be told apart and made again."""

from __future__ import annotations

import functools
import hashlib
import platform
import shlex
import subprocess
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from pybridge import __version__
from pybridge.policies import ResolvedPolicy
from pybridge.process import find_binary
from pybridge.program import program_version
from pybridge.scenario import Scenario

FORMAT = "slicebridge-run/1"
FILE = "manifest.json"

_PACKAGES = ("numpy", "polars", "pydantic", "pyzmq", "torch")
_GIT_TIMEOUT_S = 20.0


def sha256_of(path: Path) -> str:
    """SHA-256 of a file in hexadecimal."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def describe_run(scenario: Scenario, policy: ResolvedPolicy, out: Path) -> dict[str, Any]:
    """The part of a manifest that is known before the run. Raises `BinaryNotFound`, `SimulationFailed`."""
    command = ["slicebridge", "run", "--scenario", "scenario.json", "--policy", policy.name]
    return {
        "format": FORMAT,
        "scenario": {"name": scenario.name, "sha256": scenario.content_hash()},
        "seed": scenario.seed,
        "policy": {"name": policy.name, "kind": policy.kind, "sha256": policy.sha256},
        "command": shlex.join([*command, "--seed", str(scenario.seed), "--out", out.name]),
        **describe_software(),
        "program": describe_program(),
        "started": now_text(),
    }


@functools.cache
def describe_software() -> dict[str, Any]:
    """Versions of this side, its commit, and the host, as they were when first asked for."""
    return {
        "versions": {
            "slicebridge": __version__,
            "python": platform.python_version(),
            **{name: found for name in _PACKAGES if (found := _package_version(name)) is not None},
        },
        "git": _git_state(Path(__file__).resolve().parents[1]),
        "host": {"system": platform.platform(), "machine": platform.machine()},
    }


def describe_program() -> dict[str, Any]:
    """Name, version and SHA-256 of the simulation program. Raises `BinaryNotFound`, `SimulationFailed`."""
    binary = find_binary()
    return {"name": binary.name, "version": program_version(), "sha256": sha256_of(binary)}


def now_text() -> str:
    """The time of day in UTC, ISO 8601, to the millisecond."""
    return datetime.now(UTC).isoformat(timespec="milliseconds")


def describe_files(folder: Path) -> dict[str, dict[str, Any]]:
    """Size and SHA-256 of every file in a folder, by name."""
    files = sorted(path for path in folder.iterdir() if path.is_file())
    return {path.name: {"bytes": path.stat().st_size, "sha256": sha256_of(path)} for path in files}


def _package_version(name: str) -> str | None:
    try:
        return version(name)
    except PackageNotFoundError:
        return None


def _git_state(root: Path) -> dict[str, Any] | None:
    """Commit of the checkout that this code runs from, and whether tracked files differ; None outside of one."""
    if not (root / ".git").exists():
        return None
    commit = _git(root, "rev-parse", "HEAD")
    changes = _git(root, "status", "--porcelain", "--untracked-files=no")
    return None if commit is None or changes is None else {"commit": commit, "dirty": bool(changes)}


def _git(root: Path, *arguments: str) -> str | None:
    command = ["git", "--no-optional-locks", "-C", str(root), *arguments]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=_GIT_TIMEOUT_S, check=True)
    except (OSError, subprocess.SubprocessError):
        return None
    return done.stdout.strip()
