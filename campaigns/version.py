# SPDX-License-Identifier: MIT
"""What code a run depends on, as digests: a run made by other code is another run."""

from __future__ import annotations

import hashlib
import importlib.util
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

LIBRARIES = ("numpy", "sb3-contrib", "stable-baselines3", "torch")
"""What agents compute with; another version may round in another way, and so train another policy."""


@cache
def package_digest(name: str) -> str:
    """SHA-256 over the names and contents of a Python package's sources, in hexadecimal."""
    spec = importlib.util.find_spec(name)
    if spec is None or not spec.submodule_search_locations:
        raise ModuleNotFoundError(f"no package named {name!r}")
    root = Path(spec.submodule_search_locations[0])
    digest = hashlib.sha256()
    for path in sorted(root.rglob("*.py")):
        content = path.read_bytes()
        digest.update(f"{path.relative_to(root).as_posix()}\0{len(content)}\0".encode())
        digest.update(content)
    return digest.hexdigest()


@cache
def file_digest(path: Path) -> str:
    """SHA-256 of a file's content, in hexadecimal."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def library_versions() -> str:
    """Installed versions of `LIBRARIES`, e.g. "numpy 2.4.6, …"; "none" for one that is not installed."""
    return ", ".join(f"{name} {_version(name)}" for name in LIBRARIES)


def versions() -> dict[str, str]:
    """Installed versions of `LIBRARIES`, for manifests; local parts of versions left out."""
    return {name: _version(name).partition("+")[0] for name in LIBRARIES}


def _version(name: str) -> str:
    try:
        return version(name)
    except PackageNotFoundError:
        return "none"
