# SPDX-License-Identifier: MIT
"""What tests of every package share: a temporary directory that goes, and the simulation program."""

from __future__ import annotations

import os
import shutil
import signal
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from xdist.scheduler import LoadFileScheduling

from pybridge.errors import BinaryNotFound
from pybridge.process import find_binary

# A shell without job control starts what runs in the background with SIGINT ignored, and that is inherited.
signal.signal(signal.SIGINT, signal.default_int_handler)

SPREAD = {
    f"tests/{name}"
    for name in ("link/test_faults.py", "link/test_conformance.py", "link/test_vector_soak.py", "link/test_fuzz.py")
}
"""Files whose tests share no costly fixture and take minutes: each of their tests may go to another worker."""

REQUIRED_VARIABLE = "SLICEBRIDGE_REQUIRE_BIN"
"""`make test` sets it: it has built the program, so a test that cannot find it fails."""


class FilesApart(LoadFileScheduling):
    """With pytest-xdist a file has one worker, for its fixtures' sake, but for those of `SPREAD`."""

    def _split_scope(self, nodeid: str) -> str:
        file = nodeid.split("::")[0]
        return nodeid if file in SPREAD else file


def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> FilesApart:
    """See `FilesApart`; for `--dist loadfile --no-loadscope-reorder`."""
    return FilesApart(config, log)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Among several workers the slow files begin first."""
    if "PYTEST_XDIST_WORKER" in os.environ:
        slow = {item.path for item in items if item.get_closest_marker("slow")}
        items.sort(key=lambda item: item.path not in slow)


@pytest.fixture(autouse=True)
def temporary_directory(monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """A short path (an ipc endpoint has 107 bytes at most), for this process and for those that it starts.

    Logs of simulations that fail on purpose are kept by design; here they go when the test is over.
    """
    tmp_path_factory.getbasetemp()  # settled before the directory below goes away
    directory = tempfile.mkdtemp(prefix="t-")
    Path(directory).chmod(0o711)  # tests of the set-up become another user, who passes through it
    monkeypatch.setenv("TMPDIR", directory)
    monkeypatch.setattr("tempfile.tempdir", directory)
    yield
    shutil.rmtree(directory, ignore_errors=True)


@pytest.fixture(scope="session")
def simulation_program() -> Path:
    """The real simulation program. Where it has not been built the test is skipped, or fails if it is required."""
    try:
        return find_binary()
    except BinaryNotFound as error:
        if os.environ.get(REQUIRED_VARIABLE):
            pytest.fail(f"{REQUIRED_VARIABLE} is set, and {error}", pytrace=False)
        pytest.skip(str(error))
