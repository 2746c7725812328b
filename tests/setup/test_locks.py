# SPDX-License-Identifier: MIT
"""The lock files: complete, hashed, and bound to no index or file."""

import re
import tomllib
from pathlib import Path

import pytest
from packaging.requirements import Requirement

ROOT = Path(__file__).resolve().parents[2]
LOCKS = ["requirements.lock", "requirements-cuda.lock", "requirements-sdist.lock", "requirements-ns3.lock"]
TORCH_CPU_CP311 = "6746dbcbeb526eb61330b76b41ff1b4eb848951103a892eeb080dfa2b264667b"


def entries(lock: str) -> list[str]:
    text = re.sub(r"(?m)^#.*\n", "", (ROOT / lock).read_text())
    return re.split(r"\n(?=\S)", text.strip())


def names(lock: str) -> set[str]:
    return {Requirement(entry.split(" \\")[0]).name for entry in entries(lock)}


@pytest.mark.parametrize("lock", LOCKS)
def test_every_entry_is_pinned_and_hashed_and_names_no_address(lock: str) -> None:
    for entry in entries(lock):
        assert re.match(r"[a-z0-9-]+==[^ ]+", entry), entry
        assert re.search(r"--hash=sha256:[0-9a-f]{64}", entry), entry
        assert not re.search(r"://|--index|--find-links|--extra-index| @ ", entry), entry


def test_locks_hold_every_declared_dependency() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    declared = project["dependencies"] + [text for extra in project["optional-dependencies"].values() for text in extra]
    wanted = {re.sub(r"[-_.]+", "-", Requirement(text).name).lower() for text in declared}
    assert wanted <= names("requirements.lock") | names("requirements-sdist.lock")


def test_the_lock_of_sources_holds_only_what_has_no_wheel() -> None:
    assert names("requirements-sdist.lock") == {"rliable"}
    assert not names("requirements-sdist.lock") & names("requirements.lock")


def test_cuda_packages_are_apart_so_that_the_cpu_build_goes_without() -> None:
    cuda = re.compile(r"cuda-|nvidia-|triton$")
    assert not [name for name in names("requirements.lock") if cuda.match(name)]
    assert all(cuda.match(name) for name in names("requirements-cuda.lock"))


def test_torch_carries_hashes_of_the_default_and_of_the_cpu_build() -> None:
    torch = next(entry for entry in entries("requirements.lock") if entry.startswith("torch=="))
    hashes = re.findall(r"sha256:([0-9a-f]{64})", torch)
    assert TORCH_CPU_CP311 in hashes
    assert len(hashes) > 1
